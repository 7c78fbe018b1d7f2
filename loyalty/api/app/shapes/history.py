"""What users earned, and what they bought."""

from collections.abc import Sequence

from msgspec import Struct

from ledger.models import TransactionType
from loyalty.api.shapes import instant_text
from rewards.models import Reward
from rewards.selectors.doings import Earn

NAMES = {
    TransactionType.EARN: "Purchase",
    TransactionType.CREDIT_POINTS: "Credit",
    TransactionType.CODE_TO_POINTS: "Code",
    TransactionType.EVENT: "Action",
}


class EarnOut(Struct, rename="camel"):
    """Points that a user earned; `tagId` is null where it was for no action."""

    id: str
    tag_id: str | None
    name: str
    points: int
    date: str
    param1: str | None


class BurnOut(Struct, rename="camel"):
    """A gift that a user bought; `status` is its order's, null where nobody follows it."""

    id: str
    gift_id: str
    name: str
    points: int
    date: str
    status: str | None
    code: str


class EarnsData(Struct):
    """A page of what a user earned, newest first; `cursor` asks for the next one."""

    earns: list[EarnOut]
    cursor: str | None
    more: bool


class BurnsData(Struct):
    """A page of what a user bought, newest first; `cursor` asks for the next one."""

    burns: list[BurnOut]
    cursor: str | None
    more: bool


def earns_out(earns: Sequence[Earn]) -> list[EarnOut]:
    """Points that were earned."""
    return [
        EarnOut(
            id=str(earn.row.pk),
            tag_id=earn.gain.action.tag if earn.gain is not None else None,
            name=earn.gain.action.name if earn.gain is not None else NAMES[TransactionType(earn.row.type)],
            points=earn.row.amount,
            date=instant_text(earn.row.effective_at),
            param1=earn.gain.param if earn.gain is not None else None,
        )
        for earn in earns
    ]


def burns_out(rewards: Sequence[Reward]) -> list[BurnOut]:
    """Gifts that were bought."""
    return [_burn(reward) for reward in rewards]


def _burn(reward: Reward) -> BurnOut:
    order = getattr(reward, "order", None)
    if reward.handed_out_at is None or reward.transaction is None:
        raise AssertionError("a reward that somebody has was handed out")
    return BurnOut(
        id=str(reward.pk),
        gift_id=str(reward.reward_type_id),
        name=reward.reward_type.name,
        points=-reward.transaction.amount,
        date=instant_text(reward.handed_out_at),
        status=order.status if order is not None else None,
        code=reward.code,
    )
