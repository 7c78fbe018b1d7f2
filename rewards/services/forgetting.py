"""What happens to a member's earnings when the member is erased, merged or exported."""

from typing import Any

from django.db.models import F

from rewards.models import Earning, EarningReversal, PromotionUse
from rewards.services.business_keys import FORGOTTEN
from users.models import Member
from users.services.exporting import add_section, rows_of
from users.services.merging import Merging
from users.signals import member_erased, member_merged


def forget_earnings(*, member: Member) -> None:
    """Let go of what was bought and answered, inside the transaction that erases; numbers stay, names are used up."""
    own = Earning.objects.filter(brand_id=member.brand_id, member=member)
    own.update(**FORGOTTEN, basket=None, returned={})  # first: whoever takes one back holds it, and is waited for
    EarningReversal.objects.filter(earning__in=own.values("pk")).update(**FORGOTTEN, lines={})
    PromotionUse.objects.filter(brand_id=member.brand_id, member=member).delete()


def add_uses(*, merging: Merging) -> None:
    """Count what the duplicate had of promotions for the kept one, too, so that a limit for one member stays one."""
    brand_id, keep = merging.keep.brand_id, merging.keep
    uses = PromotionUse.objects.filter(brand_id=brand_id, member=merging.duplicate)
    for use in uses.order_by("promotion_id", "period"):
        own = PromotionUse.objects.filter(brand_id=brand_id, promotion_id=use.promotion_id, member=keep, period=use.period)
        if not own.update(times=F("times") + use.times, points=F("points") + use.points):
            use.pk, use.member = None, keep
            use.save(force_insert=True)
    uses.delete()


def listen() -> None:
    """Hear of members who are erased or merged, and add what is kept to an export."""
    member_erased.connect(_on_member_erased, dispatch_uid="rewards.forget_earnings")
    member_merged.connect(_on_member_merged, dispatch_uid="rewards.add_uses")
    add_section("earnings", lambda family: rows_of(Earning.objects.filter(member__in=family).order_by("pk")))
    add_section(
        "earning_reversals", lambda family: rows_of(EarningReversal.objects.filter(earning__member__in=family).order_by("pk"))
    )
    add_section("promotion_uses", lambda family: rows_of(PromotionUse.objects.filter(member__in=family).order_by("pk")))


def _on_member_erased(*, member: Member, **_: Any) -> None:
    forget_earnings(member=member)


def _on_member_merged(*, merging: Merging, **_: Any) -> None:
    add_uses(merging=merging)
