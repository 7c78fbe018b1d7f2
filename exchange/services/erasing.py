"""What the exchange lets go of when a member is erased: their numbers, once the orders are over."""

from typing import Any

from exchange.models import ExchangeOrder
from exchange.rules.orders import FINAL
from users.models import Member
from users.signals import member_erased


def release_member(*, member: Member) -> None:
    """Forget the numbers of orders that are over; one on its way keeps it until it ends, for its miles are paid for."""
    orders = ExchangeOrder.objects.filter(brand_id=member.brand_id, member=member)
    orders.filter(state__in=[state.value for state in FINAL]).update(membership_number="")
    # Other brands' points on their way to this member find nobody, even when the name is given to someone new.
    coming = ExchangeOrder.objects.filter(provider__isnull=True, membership_number=member.auth_id or member.merged_auth_id)
    coming.filter(partnership__partner_brand_id=member.brand_id).update(membership_number="")


def listen() -> None:
    """Let go whenever a member is erased."""
    member_erased.connect(_on_member_erased, dispatch_uid="exchange.release_member")


def _on_member_erased(*, member: Member, **_: Any) -> None:
    release_member(member=member)
