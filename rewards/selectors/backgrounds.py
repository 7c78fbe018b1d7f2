"""What stands behind movements of points: the names that explain them, the partner's own reference, the order of a gift."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ledger.models import Transaction, TransactionType
from rewards.models import ActionGain, Code, Earning, EarningReversal, GiftOrder, Promotion, Reward
from rewards.selectors import CODE_TYPES


@dataclass(slots=True)
class Background:
    """What is known of one movement. `names` are for ledger.rules.explanations; `reward` is what was redeemed."""

    names: dict[str, Any] = field(default_factory=dict)
    reference: str | None = None
    reward: Reward | None = None

    @property
    def order(self) -> GiftOrder | None:
        """The order of what was redeemed."""
        return getattr(self.reward, "order", None)


def backgrounds_of(rows: Sequence[Transaction]) -> dict[int, Background]:
    """The backgrounds of transactions of one brand, by the transaction's id; as many reads whatever their number."""
    found = {row.pk: Background(reference=row.reference_id) for row in rows}
    if rows:
        _add_codes(rows, found)
        _add_rewards(rows, found)
        _add_promotions(rows, found)
        _add_references(rows, found)
    return found


def _of_types(rows: Sequence[Transaction], *types: TransactionType) -> list[int]:
    return [row.pk for row in rows if row.type in types]


def _add_codes(rows: Sequence[Transaction], found: dict[int, Background]) -> None:
    redeemed = [(row.pk, row.explanation) for row in rows if row.type in CODE_TYPES]
    named = {pk: told["code"] for pk, told in redeemed if told and "code" in told}
    codes = Code.objects.filter(brand_id=rows[0].brand_id, pk__in=named.values()).select_related("campaign")
    by_id = {code.pk: code for code in codes}
    for pk, code_id in named.items():
        if code_id in by_id:
            found[pk].names |= {"code": by_id[code_id].code, "campaign": by_id[code_id].campaign.name}


def _add_rewards(rows: Sequence[Transaction], found: dict[int, Background]) -> None:
    bought = _of_types(rows, TransactionType.POINTS_TO_REWARDS)
    rewards = Reward.objects.filter(brand_id=rows[0].brand_id, transaction_id__in=bought)
    for reward in rewards.select_related("reward_type", "order", "claim"):
        background = found[reward.transaction_id or 0]
        background.reward = reward
        if hasattr(reward, "claim"):
            background.reference = reward.claim.transaction_id
        background.names["reward"] = reward.reward_type.name


def _add_promotions(rows: Sequence[Transaction], found: dict[int, Background]) -> None:
    told = {row.pk: row.explanation or {} for row in rows if row.type == TransactionType.EARN}
    paid = {pk: [given["id"] for given in explanation.get("promotions", [])] for pk, explanation in told.items()}
    wanted = {promotion_id for ids in paid.values() for promotion_id in ids}
    promotions = Promotion.objects.filter(brand_id=rows[0].brand_id, pk__in=wanted)
    names = dict(promotions.values_list("pk", "name")) if wanted else {}
    for pk, ids in paid.items():
        found[pk].names["promotions"] = [names[promotion_id] for promotion_id in ids if promotion_id in names]


def _add_references(rows: Sequence[Transaction], found: dict[int, Background]) -> None:
    brand_id = rows[0].brand_id
    earned = Earning.objects.filter(brand_id=brand_id, posting_id__in=_of_types(rows, TransactionType.EARN))
    taken = EarningReversal.objects.filter(brand_id=brand_id, posting_id__in=_of_types(rows, TransactionType.REVERSAL))
    gained = ActionGain.objects.filter(brand_id=brand_id, posting_id__in=_of_types(rows, TransactionType.EVENT))
    for pk, reference in [*earned.values_list("posting", "transaction_id"), *taken.values_list("posting", "reversal_id")]:
        found[pk or 0].reference = reference
    for pk, event_id, action in gained.values_list("posting", "event_id", "action__name"):
        found[pk].reference = event_id
        found[pk].names["action"] = action
