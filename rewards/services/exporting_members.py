"""What rewards keeps about a member, for an export."""

from collections.abc import Iterator
from typing import Any

from ledger.models import Account, Transaction
from rewards.models import (
    ActionGain,
    ActionUse,
    Campaign,
    CampaignUse,
    Code,
    CodeTries,
    Collectible,
    GiftOrderMove,
    InboxItem,
    RankScore,
    Reward,
    VoucherClaim,
)
from rewards.selectors import CODE_TYPES
from users.services.exporting import ROWS_AT_A_TIME, Family, add_section, rows_of


def _codes(family: Family) -> Iterator[dict[str, Any]]:
    """The codes that were redeemed, found by the ledger's rows that name them: codes have no index by member."""
    for account in Account.objects.filter(member__in=family).order_by("pk"):
        rows = Transaction.objects.filter(brand_id=account.brand_id, account=account, type__in=CODE_TYPES, amount__gt=0)
        batch: list[int] = []
        for explanation in rows.order_by("sequence").values_list("explanation", flat=True).iterator(chunk_size=ROWS_AT_A_TIME):
            batch.append((explanation or {}).get("code", 0))
            if len(batch) == ROWS_AT_A_TIME:
                yield from _named(batch)
                batch = []
        yield from _named(batch)


def _named(ids: list[int]) -> Iterator[dict[str, Any]]:
    return rows_of(Code.objects.filter(pk__in=ids).order_by("pk"), campaign_name="campaign__name") if ids else iter(())


def _rewards(family: Family) -> Iterator[dict[str, Any]]:
    rows = Reward.objects.filter(member__in=family).order_by("pk")
    return rows_of(rows, reward_type_name="reward_type__name", order_status="order__status")


def _uses(family: Family) -> Iterator[dict[str, Any]]:
    campaigns = Campaign.objects.filter(brand_id=family[0].brand_id).values("pk")  # the index begins with the campaign
    rows = CampaignUse.objects.filter(brand_id=family[0].brand_id, campaign__in=campaigns, member__in=family)
    return rows_of(rows.order_by("pk"))


def _vouchers(family: Family) -> Iterator[dict[str, Any]]:
    rows = VoucherClaim.objects.filter(brand_id=family[0].brand_id, reward__member__in=family)
    return rows_of(rows.order_by("pk"), reward_type_name="reward__reward_type__name")


def _gains(family: Family) -> Iterator[dict[str, Any]]:
    rows = ActionGain.objects.filter(brand_id=family[0].brand_id, member__in=family)
    return rows_of(rows.order_by("pk"), action_name="action__name")


def _tries(family: Family) -> Iterator[dict[str, Any]]:
    rows = CodeTries.objects.filter(brand_id=family[0].brand_id, scope="member")
    return rows_of(rows.filter(subject_id__in=[one.pk for one in family]).order_by("pk"))


def listen() -> None:
    """Add the sections."""
    add_section("redeemed_codes", _codes)
    add_section("rewards", _rewards)
    add_section("vouchers", _vouchers)
    add_section("actions", _gains)
    add_section("action_uses", lambda family: rows_of(ActionUse.objects.filter(member__in=family).order_by("pk")))
    add_section("reported_actions", lambda family: rows_of(InboxItem.objects.filter(member__in=family).order_by("pk")))
    add_section("ranking", lambda family: rows_of(RankScore.objects.filter(member__in=family).order_by("pk")))
    add_section("gift_order_moves", lambda family: rows_of(GiftOrderMove.objects.filter(member__in=family).order_by("pk")))
    add_section("collectibles", lambda family: rows_of(Collectible.objects.filter(member__in=family).order_by("pk")))
    add_section("campaign_uses", _uses)
    add_section("code_tries", _tries)
