"""Reads over actions, and what members did for points: as apps show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from ledger.models import Transaction, TransactionType
from ledger.selectors import History, Place, page_of
from rewards.models import Action, ActionGain, ActionSegment, ActionUse, Reward
from rewards.rules.actions import Left, left_of
from rewards.rules.periods import ALL, period_of
from rewards.services.actions import terms_of
from rewards.services.programme import programme_of
from users.models import Member, SegmentMember
from users.selectors import family_of

EARNING = (
    TransactionType.EARN,
    TransactionType.EVENT,
    TransactionType.CREDIT_POINTS,
    TransactionType.CODE_TO_POINTS,
)
"""What gives a member points that they had not before."""


@dataclass(frozen=True, slots=True)
class DoneAction:
    """An action that a member did, how often, and how often it still counts."""

    action: Action
    count: int
    left: Left


@dataclass(frozen=True, slots=True)
class Earn:
    """A row of the ledger that gave points, and the action that it was for, if it was."""

    row: Transaction
    gain: ActionGain | None


def actions_on_offer(*, brand_id: int, at: datetime) -> list[Action]:
    """The actions that count now or will, oldest first."""
    rows = Action.objects.filter(brand_id=brand_id, active=True)
    return list(rows.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=at)).order_by("pk"))


def open_to(member: Member, actions: Sequence[Action]) -> list[Action]:
    """Those of the actions that are for this member: tied to no segment, or to one that they are in."""
    ties: dict[int, set[int]] = {}
    for action_id, segment_id in ActionSegment.objects.filter(
        brand_id=member.brand_id, action__in=[action.pk for action in actions]
    ).values_list("action_id", "segment_id"):
        ties.setdefault(action_id, set()).add(segment_id)
    if not ties:
        return list(actions)
    own = SegmentMember.objects.filter(brand_id=member.brand_id, member=member)
    inside = set(own.values_list("segment_id", flat=True))
    return [action for action in actions if action.pk not in ties or ties[action.pk] & inside]


def done_by(member: Member, *, at: datetime) -> list[DoneAction]:
    """What a member did for points, by action, and what is left of its limits now."""
    local = at.astimezone(member.brand.zone)
    current = {period_of(kind, local) for kind in ("day", "week", "month", "all")}
    uses = ActionUse.objects.filter(brand_id=member.brand_id, member=member, period__in=current)
    uses = uses.select_related("action")
    counts: dict[int, dict[str, int]] = {}
    actions: dict[int, Action] = {}
    for use in uses.order_by("action_id"):
        actions[use.action_id] = use.action
        counts.setdefault(use.action_id, {})[use.period] = use.count
    done = []
    for pk, action in actions.items():
        period, in_all = period_of(action.frequency, local), counts[pk].get(ALL, 0)
        left = left_of(terms_of(action, has_segments=False), used_in_period=counts[pk].get(period, 0), used_in_all=in_all)
        done.append(DoneAction(action, in_all, left))
    return done


def earns_of(member: Member, *, limit: int, before: Place | None = None) -> list[Earn]:
    """What gave a member, and duplicates merged into them, points of the programme, newest first. Raises ProgrammeMissing."""
    token_id = programme_of(member.brand_id).token_id
    where = Q(type__in=EARNING, amount__gt=0)
    history = History(brand_id=member.brand_id, family=member.pk, token_id=token_id, where=where)
    rows = page_of(history, limit=limit, before=before)
    return with_gains(member.brand_id, rows)


def with_gains(brand_id: int, rows: Sequence[Transaction]) -> list[Earn]:
    """Rows of the ledger with the gains of actions that they paid."""
    paid = [row.pk for row in rows if row.type == TransactionType.EVENT]
    gains = ActionGain.objects.select_related("action").filter(brand_id=brand_id, posting__in=paid)
    by_posting = {gain.posting_id: gain for gain in gains}
    return [Earn(row, by_posting.get(row.pk)) for row in rows]


def burns_of(member: Member, *, limit: int, before: Place | None = None) -> list[Reward]:
    """The gifts that a member bought, and duplicates merged into them, newest first, with their orders."""
    rows = Reward.objects.select_related("reward_type", "order", "transaction").filter(
        brand_id=member.brand_id, member__in=family_of(member.pk), handed_out_at__isnull=False
    )
    if before is not None:
        rows = rows.filter(Q(handed_out_at__lt=before.recorded_at) | Q(handed_out_at=before.recorded_at, pk__lt=before.id))
    return list(rows.order_by("-handed_out_at", "-pk")[:limit])
