"""Reads over campaigns, codes, the catalogue, rewards and collectibles."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import F, Prefetch, Q, QuerySet, Sum

from ledger.models import DailyFlow, Transaction, TransactionType
from rewards.errors import CodeNotFound, GiftOrderNotFound, RewardNotFound
from rewards.models import (
    Campaign,
    CampaignState,
    Category,
    Code,
    CodeBatch,
    Collectible,
    DailyCodes,
    GiftOrder,
    GiftOrderMove,
    RedeemedCodes,
    Reward,
    RewardType,
    RewardTypeSegment,
)
from rewards.rules.codes import LONGEST, normalise
from users.models import Email, Member, SegmentMember

CODE_TYPES = frozenset({TransactionType.CODE_TO_POINTS, TransactionType.CODE_TO_NFT, TransactionType.CODE_TO_EXTERNAL_REWARDS})


@dataclass(frozen=True, slots=True)
class Details:
    """What a transaction has to do with codes and rewards."""

    code: str | None = None
    reward_id: int | None = None


NOTHING = Details()


def details_of(rows: Sequence[Transaction]) -> dict[int, Details]:
    """The codes and rewards behind transactions of one brand, by the transaction's id; those without either are left out.

    A row that redeemed a code names it in its explanation; a reward names the row that paid for it.
    """
    if not rows:
        return {}
    brand_id = rows[0].brand_id
    redeemed = {
        row.pk: row.explanation["code"]
        for row in rows
        if row.type in CODE_TYPES and row.explanation and "code" in row.explanation
    }
    texts = dict(Code.objects.filter(brand_id=brand_id, pk__in=redeemed.values()).values_list("pk", "code")) if redeemed else {}
    found = {pk: Details(code=texts.get(code_id)) for pk, code_id in redeemed.items()}
    bought = [row.pk for row in rows if row.type == TransactionType.POINTS_TO_REWARDS]
    if bought:
        rewards = Reward.objects.filter(brand_id=brand_id, transaction_id__in=bought).values_list(
            "transaction_id", "code", "pk"
        )
        found |= {transaction_id: Details(code, pk) for transaction_id, code, pk in rewards if transaction_id is not None}
    return found


def campaigns_of(brand_id: int) -> list[Campaign]:
    """All campaigns of a brand, oldest first."""
    return list(Campaign.objects.filter(brand_id=brand_id).order_by("pk"))


def find_code(*, brand_id: int, code: str) -> Code:
    """A code as someone typed it, with its campaign and who redeemed it. Raises CodeNotFound."""
    text = normalise(code)
    if len(text) > LONGEST or not text.isalnum() or not text.isascii():
        raise CodeNotFound
    found = Code.objects.select_related("campaign", "member").filter(brand_id=brand_id, code=text).first()
    if found is None:
        raise CodeNotFound
    return found


@dataclass(frozen=True, slots=True)
class CodeLife:
    """What has become of one code: the batch it is of, the e-mail that carried it, the row of the ledger that it paid."""

    code: Code
    batch: CodeBatch | None
    mail: Email | None
    transaction: Transaction | None


def life_of(code: Code) -> CodeLife:
    """All that is known of a code; `campaign` and `member` are read."""
    mail = Email.objects.filter(brand_id=code.brand_id, pk=code.mail_id).first() if code.mail_id is not None else None
    paid = None
    if code.member_id is not None and code.redeemed_at is not None:
        # Among the member's own rows, for the ledger is not searched by code.
        rows = Transaction.objects.filter(brand_id=code.brand_id, account__brand_id=code.brand_id)
        rows = rows.filter(account__member_id=code.member_id, account__token_id=code.campaign.token_id, type__in=CODE_TYPES)
        paid = rows.filter(effective_at=code.redeemed_at, amount__gt=0, explanation__code=code.pk).first()
    return CodeLife(code, code.batch, mail, paid)


def redeemed_of(campaign: Campaign) -> tuple[int, int]:
    """How many codes of a campaign are redeemed and what they were worth, a minute or two ago."""
    row = RedeemedCodes.objects.filter(brand_id=campaign.brand_id, campaign=campaign).first()
    return (row.codes, row.value) if row is not None else (0, 0)


def below(category: Category) -> set[int]:
    """The ids of a category and of all that stand in it, however deep."""
    children: dict[int | None, list[int]] = {}
    for pk, parent_id in Category.objects.filter(brand_id=category.brand_id).values_list("pk", "parent_id"):
        children.setdefault(parent_id, []).append(pk)
    found, waiting = set[int](), [category.pk]
    while waiting:
        pk = waiting.pop()
        found.add(pk)
        waiting += children.get(pk, [])
    return found


def reward_types_of(brand_id: int) -> list[RewardType]:
    """What a brand offers, with categories and locations, oldest first."""
    rows = RewardType.objects.filter(brand_id=brand_id, active=True).select_related("category")
    return list(rows.prefetch_related("locations").order_by("pk"))


def is_offered_to(reward_type: RewardType, auth_id: str) -> bool:
    """Whether a gift is offered to a member: it is tied to no segment, or to one that they are in."""
    ties = RewardTypeSegment.objects.filter(brand_id=reward_type.brand_id, reward_type=reward_type)
    segments = list(ties.values_list("segment_id", flat=True))
    return not segments or is_in_any(brand_id=reward_type.brand_id, auth_id=auth_id, segments=segments)


def is_in_any(*, brand_id: int, auth_id: str, segments: Collection[int]) -> bool:
    """Whether a member is in one of these segments."""
    members = SegmentMember.objects.filter(brand_id=brand_id, segment_id__in=segments)
    return members.filter(member__brand_id=brand_id, member__auth_id=auth_id).exists()


def find_gift_order(*, brand_id: int, order_id: int) -> GiftOrder:
    """An order with all that its answer tells. Raises GiftOrderNotFound."""
    related = ("reward__reward_type", "reward__member__merged_into", "reward__transaction")
    rows = GiftOrder.objects.select_related(*related).filter(brand_id=brand_id, pk=order_id)
    found = rows.prefetch_related(Prefetch("moves", GiftOrderMove.objects.order_by("moved_at", "pk"))).first()
    if found is None:
        raise GiftOrderNotFound
    return found


def find_reward(*, brand_id: int, code: str) -> Reward:
    """A reward by its code, with all that its answer tells. Raises RewardNotFound."""
    rows = Reward.objects.select_related("member", "transaction__account__token").filter(brand_id=brand_id)
    rows = rows.prefetch_related(Prefetch("reward_type", RewardType.objects.prefetch_related("locations")))
    found = None if "\x00" in code else rows.filter(code=code).first()
    if found is None:
        raise RewardNotFound
    return found


def items_of(member: Member) -> list[Collectible]:
    """A member's collectibles, by token and number."""
    rows = Collectible.objects.select_related("token", "member").filter(brand_id=member.brand_id, member=member)
    return list(rows.order_by("token_id", "serial"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectibleList:
    """Which items of a brand to list: of one member, in one state of their personalisation."""

    brand_id: int
    auth_id: str | None = None
    status: str | None = None

    def page(self, *, limit: int, offset: int) -> list[Collectible]:
        """One page, what changed last first; what belongs to nobody is left out."""
        rows = Collectible.objects.select_related("token", "member").filter(brand_id=self.brand_id, member__isnull=False)
        if self.auth_id is not None:
            rows = rows.filter(member__auth_id=self.auth_id)
        if self.status is not None:
            rows = rows.filter(status=self.status)
        return list(rows.order_by("-updated_at", "-pk")[offset : offset + limit])


@dataclass(frozen=True, slots=True)
class CodesOfDay:
    """How many codes of a brand were issued and redeemed on one day."""

    day: date
    issued: int
    redeemed: int


def codes_by_day(*, brand_id: int, first: date, last: date) -> list[CodesOfDay]:
    """The days on which there were any, oldest first: from the sums by day, exact up to their marks.

    A redemption is a credit of the ledger.
    """
    span = {"brand_id": brand_id, "day__gte": first, "day__lte": last}
    issued = dict(DailyCodes.objects.filter(**span).values_list("day").annotate(Sum("codes")).order_by())
    flows = DailyFlow.objects.filter(**span, type__in=CODE_TYPES)
    redeemed = dict(flows.values_list("day").annotate(Sum("credits")).order_by())
    return [CodesOfDay(day, int(issued.get(day, 0)), int(redeemed.get(day, 0))) for day in sorted({*issued, *redeemed})]


SOON, NEARLY = timedelta(days=7), 0.9


def running_out(*, at: datetime) -> QuerySet[Campaign]:
    """Running campaigns that end within a week, or have used up nine tenths of a budget."""
    ends = Q(ends_at__gt=at, ends_at__lte=at + SOON)
    codes = Q(budget_codes__isnull=False, issued_codes__gte=F("budget_codes") * NEARLY)
    points = Q(budget_points__isnull=False, issued_points__gte=F("budget_points") * NEARLY)
    under_way = Campaign.objects.filter(state=CampaignState.RUNNING, starts_at__lte=at).exclude(ends_at__lte=at)
    return under_way.filter(ends | codes | points)
