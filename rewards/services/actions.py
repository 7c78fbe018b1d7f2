"""Actions: what members do for points besides buying, each as often as it counts and no more.

The member is held first, so whatever one member does happens one after the other, and nobody is erased or merged
meanwhile. All is judged before anything is written; and the statement that counts takes no more than the limits let it,
whoever else counts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from ledger.models import Counterpart, Token, TransactionType
from ledger.selectors import FUNGIBLE_POINTS, find_token
from ledger.services.posting import Holder, Posted, Posting, array_of, lapse_of, post
from loyalty.database import execute_prepared, load_with, write
from loyalty.errors import FieldError, LoyaltyError
from rewards.errors import ActionAlreadyDone, ConditionsNotMet, EventIdReused, LimitReached, UnknownEvent
from rewards.models import Action, ActionGain, ActionSegment, Programme
from rewards.rules.actions import LIMITS, Asked, Case, Finding, Left, Terms, judge, left_of, read_conditions, unmet
from rewards.rules.periods import ALL, period_of
from rewards.services.business_keys import Answered, fingerprint, first_answer
from rewards.services.evaluating import judged_instant
from users.errors import UserNotFound
from users.models import Member
from users.services.members import check_consent, locked_member

USUAL_BACKDATING_DAYS, NO_LIMIT = 30, 2**31 - 1
FIELDS = {Asked.DATES: "occurred_at", Asked.SEGMENTS: "member_id"} | dict.fromkeys(LIMITS, "event_code")
SEGMENTS = "ARRAY(SELECT t.segment_id FROM rewards_actionsegment t WHERE t.brand_id = r.brand_id AND t.action_id = r.id)"
TAGGED = "WHERE r.brand_id = %s::bigint AND r.tag = %s::text AND r.active"
# Whether a member, or a duplicate that was merged into them, had points for an action under the parameter that is asked about.
WAS_DONE = """asked.param IS NOT NULL AND EXISTS (
    SELECT FROM (SELECT {member} UNION ALL SELECT d.id FROM users_member d
      WHERE d.brand_id = asked.brand AND d.merged_into_id = {member}) AS h(id)
    JOIN rewards_actiongain g ON g.brand_id = asked.brand AND g.member_id = h.id AND g.action_id = {action}
    WHERE g.param = asked.param)"""
FACTS = f"""
SELECT {WAS_DONE.format(member="asked.member", action="asked.action")},
  coalesce((SELECT u.count FROM rewards_actionuse u WHERE u.brand_id = asked.brand AND u.action_id = asked.action
    AND u.member_id = asked.member AND u.period = asked.period), 0),
  coalesce((SELECT u.count FROM rewards_actionuse u WHERE u.brand_id = asked.brand AND u.action_id = asked.action
    AND u.member_id = asked.member AND u.period = 'all'), 0),
  EXISTS (SELECT FROM users_segmentmember s
    WHERE s.brand_id = asked.brand AND s.member_id = asked.member AND s.segment_id = ANY(%s::bigint[]))
FROM (SELECT %s::bigint, %s::bigint, %s::bigint, %s::text, %s::text) AS asked(brand, action, member, period, param)
"""  # noqa: S608 - words of our own
CLAIM_AND_KEEP = """
WITH kept AS (
  INSERT INTO rewards_actiongain (brand_id, action_id, member_id, event_id, param, salt, fingerprint, occurred_at, points,
    posting_id, answer, recorded_at)
  VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s))
INSERT INTO rewards_actionuse AS u (brand_id, action_id, member_id, period, count)
SELECT %s::bigint, %s::bigint, %s::bigint, given.period, 1 FROM unnest(%s::text[]) AS given(period)
ON CONFLICT (brand_id, action_id, member_id, period) DO UPDATE SET count = u.count + 1
WHERE u.count < CASE u.period WHEN 'all' THEN %s::int ELSE %s::int END
RETURNING u.count
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionOrder:
    """What a member did, as an app or a shop tells it: now unless `occurred_at` says when, which may be `judged` already.

    With `param` the member gets points for it once, for ever. `member_id`, where it is known, is who is meant: nobody else
    gets anything should they be gone, and the name someone new's.
    """

    brand_id: int
    auth_id: str
    tag: str
    actor: str
    member_id: int | None = None
    occurred_at: datetime | None = None
    judged: bool = False
    properties: Mapping[str, Any] = field(default_factory=dict)
    param: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """An action that was rewarded, and how often it still counts."""

    action: Action
    posted: Posted
    left: Left

    @property
    def points(self) -> int:
        """What it gave."""
        return self.posted.posting.amount


@dataclass(frozen=True, slots=True)
class Event:
    """A shop's own name for what happened. `content` is the request in canonical form, `answer` tells of it in its words."""

    event_id: str
    content: bytes
    answer: Callable[[Done], str]


class Offer(NamedTuple):
    """An action with what it is paid in, what it asks for, and the segments that it is for."""

    action: Action
    token: Token
    terms: Terms
    segments: list[int]


class Used(NamedTuple):
    """How often a member had done an action: within the period, and in all."""

    in_period: int
    in_all: int


class Facts(NamedTuple):
    """What is known of a member and an action: `was_done` under the very parameter that is asked about."""

    was_done: bool
    used: Used
    is_in_segment: bool


class _Told(NamedTuple):
    """When it happened, in which period that counts, and the event that told of it."""

    occurred_at: datetime
    period: str
    event: Event | None


def do_action(*, order: ActionOrder, at: datetime) -> Done:
    """Reward what a member did, if it counts.

    Raises UserNotFound, ConsentRefused, UnknownEvent, InvalidRequest (its date), ActionAlreadyDone, LimitReached,
    ConditionsNotMet, BalanceLimit: the first of them, and nothing is stored.
    """

    def effect() -> Done:
        member = locked_member(brand_id=order.brand_id, auth_id=order.auth_id, member_id=order.member_id)
        return _do(order, member, at)[0]

    return write(effect)


def report_event(*, order: ActionOrder, event: Event, at: datetime) -> Answered:
    """Reward what a shop saw a member do, once for each of its event_ids; the same again is answered as at first.

    Raises EventIdReused (with other content), FirstAnswerErased, and as do_action.
    """

    def effect() -> Answered:
        try:
            member = locked_member(brand_id=order.brand_id, auth_id=order.auth_id)
        except UserNotFound:
            member = None
        gain = ActionGain.objects.filter(brand_id=order.brand_id, event_id=event.event_id).first()
        if gain is not None:
            told = first_answer(gain, event.content, reused=EventIdReused)
            return Answered(told, first=False, member_id=gain.member_id)
        if member is None:
            raise UserNotFound
        _, told = _do(order, member, at, event)
        return Answered(told, first=True, member_id=member.pk)

    return write(effect)


def _do(order: ActionOrder, member: Member, at: datetime, event: Event | None = None) -> tuple[Done, str]:
    check_consent(member)
    offer = find_offer(order.brand_id, order.tag)
    occurred_at = instant_of(order, at)
    period = period_in(offer, occurred_at)
    facts = _facts(offer, member, period, order.param)
    if facts.was_done:
        raise ActionAlreadyDone
    refused = unmet(judge(offer.terms, _case(facts, order.properties, occurred_at)))
    if refused is not None:
        raise refusal_of(refused)
    holder = Holder(order.brand_id, order.auth_id, offer.token.pk)
    posted = post(gain_of(offer, holder, occurred_at=occurred_at, actor=order.actor, at=at))
    used = facts.used
    left = left_of(offer.terms, used_in_period=used.in_period + 1, used_in_all=used.in_all + 1)
    done = Done(offer.action, posted, left)
    return done, _claim_and_keep(order, offer, done, _Told(occurred_at, period, event))


def gain_of(offer: Offer, account: Holder | int, *, occurred_at: datetime, actor: str, at: datetime) -> Posting:
    """The posting that rewards an action."""
    return Posting(
        account=account,
        amount=offer.action.points,
        type=TransactionType.EVENT,
        counterpart=Counterpart.ISSUANCE,
        at=at,
        effective_at=occurred_at,
        expires_at=lapse_of(offer.token, at=at),
        actor=actor,
        explanation={"action": offer.action.pk},
    )


def find_offer(brand_id: int, tag: str) -> Offer:
    """The action of a tag, read. Raises UnknownEvent, TokenNotFound."""
    found = None if "\x00" in tag else load_with(Action, [SEGMENTS], TAGGED, [brand_id, tag])
    if found is None:
        raise UnknownEvent
    action, (segments,) = found
    return offer_of(action, segments)


def offer_of(action: Action, segments: list[int]) -> Offer:
    """An action, read. Raises TokenNotFound."""
    token = find_token(brand_id=action.brand_id, token_id=action.token_id, type_=FUNGIBLE_POINTS)
    return Offer(action, token, terms_of(action, has_segments=bool(segments)), segments)


def terms_of(action: Action, *, has_segments: bool) -> Terms:
    """What an action asks for, whether it is still paid or not."""
    return Terms(
        conditions=read_conditions(action.conditions),
        frequency=action.frequency,
        period_limit=action.period_limit,
        total_limit=action.total_limit,
        starts_at=action.starts_at,
        ends_at=action.ends_at,
        has_segments=has_segments,
    )


def instant_of(order: ActionOrder, at: datetime) -> datetime:
    """When it happened. Raises InvalidRequest for what lies ahead, or too far back."""
    if order.occurred_at is None or order.judged:
        return order.occurred_at or at
    return judged_instant(order.occurred_at, backdating_days_of(order.brand_id), at)


def backdating_days_of(brand_id: int) -> int:
    """How old what is reported may be."""
    days = Programme.objects.filter(brand_id=brand_id).values_list("backdating_days", flat=True).first()
    return USUAL_BACKDATING_DAYS if days is None else days


def period_in(offer: Offer, occurred_at: datetime) -> str:
    """The name of the period that counts, in the brand's time zone."""
    return period_of(offer.action.frequency, occurred_at.astimezone(offer.token.brand.zone))


def _facts(offer: Offer, member: Member, period: str, param: str | None) -> Facts:
    """What was done before: under that parameter, in the period and in all; and whether the member is in a segment."""
    asked = [array_of(offer.segments), member.brand_id, offer.action.pk, member.pk, period, param]
    ((was_done, in_period, in_all, is_in_segment),) = execute_prepared(FACTS, asked)
    return Facts(was_done, Used(in_period, in_all), is_in_segment)


def _case(facts: Facts, properties: Mapping[str, Any], occurred_at: datetime) -> Case:
    return Case(
        occurred_at=occurred_at,
        properties=properties,
        used_in_period=facts.used.in_period,
        used_in_all=facts.used.in_all,
        is_in_segment=facts.is_in_segment,
    )


def refusal_of(finding: Finding) -> LoyaltyError:
    """A refusal that says which limit, condition, date or segment it is about."""
    about = FIELDS.get(finding.asked, f"properties.{finding.property}")
    told = str(finding.words) if finding.asked in LIMITS else f"not so: {finding.words}"
    kind = LimitReached if finding.asked in LIMITS else ConditionsNotMet
    return kind(f"{about}: {told}", errors=[FieldError(about, finding.asked.value, told)])


def _claim_and_keep(order: ActionOrder, offer: Offer, done: Done, told: _Told) -> str:
    """Count what was rewarded, as the limits let it, and store it with the answer to the event that told of it; answers that.

    Raises LimitReached.
    """
    event, action, terms = told.event, done.action, offer.terms
    event_id = event.event_id if event is not None else None
    text = event.answer(done) if event is not None else None
    salt, digest = fingerprint(event.content) if event is not None else (b"", b"")
    gain: list[Any] = [order.brand_id, action.pk, done.posted.member_id, event_id, order.param]
    gain += [salt, digest, told.occurred_at, done.points, done.posted.id, text, done.posted.recorded_at]
    periods = sorted({told.period, ALL})
    limits = [NO_LIMIT if limit is None else limit for limit in (terms.in_all, terms.within_period)]
    use = [order.brand_id, action.pk, done.posted.member_id, periods, *limits]
    if len(execute_prepared(CLAIM_AND_KEEP, [*gain, *use])) < len(periods):
        raise LimitReached
    return text or ""


def try_action(*, action: Action, member: Member, asked: Case, at: datetime, param: str | None = None) -> list[Finding]:
    """What would be judged if a member did it, and how: nothing is posted, and nothing counted. Of `asked` what was used and
    segments are found out here.

    Raises TokenNotFound, ConsentRefused, InvalidRequest (its date), ActionAlreadyDone.
    """
    check_consent(member)
    segments = ActionSegment.objects.filter(brand_id=action.brand_id, action=action).values_list("segment_id", flat=True)
    offer = offer_of(action, list(segments))
    occurred_at = judged_instant(asked.occurred_at, backdating_days_of(action.brand_id), at)
    facts = _facts(offer, member, period_in(offer, occurred_at), param)
    if facts.was_done:
        raise ActionAlreadyDone
    return judge(offer.terms, _case(facts, asked.properties, occurred_at))
