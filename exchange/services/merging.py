"""What the exchange does when a duplicate is merged: points of other brands on their way to it go to the kept member.

Orders of the duplicate's own stay with it and go on; what comes back of them the ledger hands on to the kept one.
"""

from typing import Any

from exchange.models import ExchangeOrder
from exchange.rules.orders import FINAL
from users.services.merging import Merging
from users.signals import member_merged


def redirect_orders(*, merging: Merging) -> None:
    """Let what is on its way to the duplicate's name arrive at the kept one's."""
    coming = ExchangeOrder.objects.filter(provider__isnull=True, membership_number=merging.duplicate.auth_id)
    coming = coming.filter(partnership__partner_brand_id=merging.keep.brand_id)
    coming.exclude(state__in=[state.value for state in FINAL]).update(membership_number=merging.keep.auth_id)


def listen() -> None:
    """Redirect orders whenever a duplicate is merged."""
    member_merged.connect(_on_member_merged, dispatch_uid="exchange.redirect_orders")


def _on_member_merged(*, merging: Merging, **_: Any) -> None:
    redirect_orders(merging=merging)
