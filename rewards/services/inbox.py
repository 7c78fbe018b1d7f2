"""The inbox: what apps report in bursts is stored before they are answered, and rewarded by a worker, in order.

An item is settled in the transaction that rewards it, so whenever a worker dies each item has one outcome or waits still.
One worker at a time drains a brand: what one user did is rewarded in the order in which it was reported.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import structlog
from django.db import InterfaceError, OperationalError, transaction

from ledger.services.posting import array_of
from loyalty.database import execute_alone, execute_prepared, write
from rewards.errors import ActionAlreadyDone, InboxItemSettled, UnknownEvent
from rewards.models import InboxItem, InboxState
from rewards.services.action_batches import Outcome, do_actions, do_all
from rewards.services.actions import WAS_DONE, ActionOrder, Done, Offer, instant_of
from users.errors import ConsentRefused, UserNotFound
from users.models import Consent

log = structlog.get_logger()
BATCH = 500
ACCEPT = f"""
WITH asked(brand, name, tag, param, properties, occurred_at, actor, received_at) AS (
  SELECT %s::bigint, %s::text, %s::text, %s::text, %s::jsonb, %s::timestamptz, %s::text, %s::timestamptz),
facts AS MATERIALIZED (
  SELECT m.id AS member, m.consent = %s::smallint AS refused, a.id AS action,
    {WAS_DONE.format(member="m.id", action="a.id")} AS was_done
  FROM asked
  LEFT JOIN users_member m ON m.brand_id = asked.brand AND m.auth_id = asked.name
  LEFT JOIN rewards_action a ON a.brand_id = asked.brand AND a.tag = asked.tag AND a.active),
stored AS (
  INSERT INTO rewards_inboxitem (brand_id, member_id, action_id, param, properties, occurred_at, actor, received_at, state,
    code, detail)
  SELECT brand, member, action, param, properties, occurred_at, actor, received_at, 'waiting', '', '' FROM asked, facts
  WHERE member IS NOT NULL AND action IS NOT NULL AND NOT refused AND NOT was_done
  ON CONFLICT (brand_id, member_id, action_id, param) WHERE param IS NOT NULL AND state IN ('waiting', 'applied', 'parked')
  DO NOTHING RETURNING id)
SELECT member IS NOT NULL, refused, action IS NOT NULL, stored.id FROM facts LEFT JOIN stored ON true
"""  # noqa: S608 - words of our own
TAKE = """
SELECT i.id, coalesce(m.auth_id, h.auth_id), CASE WHEN m.auth_id IS NULL THEN h.id ELSE m.id END, a.tag, i.param,
  i.properties::text, i.occurred_at, i.actor
FROM rewards_inboxitem i JOIN rewards_action a ON a.id = i.action_id
JOIN users_member m ON m.id = i.member_id LEFT JOIN users_member h ON h.id = m.merged_into_id
WHERE i.brand_id = %s::bigint AND i.state = 'waiting' ORDER BY i.id LIMIT %s::int
"""
STORE_SETTLED = """
INSERT INTO rewards_inboxitem (brand_id, member_id, action_id, param, properties, occurred_at, actor, received_at, state, code,
  detail, points, posting_id, settled_at)
SELECT %s::bigint, g.member, g.action, g.param, g.properties::jsonb, g.occurred, %s::text, %s::timestamptz, g.state, g.code,
  g.detail, g.points, g.posting, %s::timestamptz
FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::text[],
  %s::bigint[], %s::bigint[]) AS g(member, action, param, properties, occurred, state, code, detail, points, posting)
ON CONFLICT (brand_id, member_id, action_id, param) WHERE param IS NOT NULL AND state IN ('waiting', 'applied', 'parked')
DO NOTHING
"""
SETTLE = """
UPDATE rewards_inboxitem i SET state = given.state, code = given.code, detail = given.detail, points = given.points,
  posting_id = given.posting, settled_at = %s::timestamptz
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[])
  AS given(id, state, code, detail, points, posting)
WHERE i.id = given.id AND i.state = 'waiting'
"""
ALONE = "SELECT pg_try_advisory_xact_lock(hashtextextended('rewards_inbox ' || %s::text, 0))"


@dataclass(frozen=True, slots=True)
class _Taken:
    """A waiting item and what it asks for; without a name its member is gone."""

    id: int
    order: ActionOrder | None


def accept_action(*, order: ActionOrder, at: datetime) -> int:
    """Store what a user did, to be judged and rewarded within seconds; answers the item's id.

    Raises InvalidRequest (its date), UserNotFound, ConsentRefused, UnknownEvent, ActionAlreadyDone.
    """
    occurred_at = instant_of(order, at)
    properties = msgspec.json.encode(dict(order.properties)).decode()
    asked = [
        order.brand_id,
        order.auth_id,
        order.tag,
        order.param,
        properties,
        occurred_at,
        order.actor,
        at,
        Consent.REFUSED.value,
    ]
    ((is_member, refused, is_action, stored_id),) = execute_alone(ACCEPT, asked)
    if not is_member:
        raise UserNotFound
    if refused:
        raise ConsentRefused
    if not is_action:
        raise UnknownEvent
    if stored_id is None:
        raise ActionAlreadyDone
    return int(stored_id)


def drain_inbox(*, clock: Callable[[], datetime], until: datetime) -> int:
    """Reward what waits, a batch of each brand in turn, until nothing does or time is up; answers how many were settled."""
    settled = 0
    while clock() < until:
        brands = InboxItem.objects.filter(state=InboxState.WAITING).order_by("brand_id").values_list("brand_id", flat=True)
        passed = sum(_drain_brand(brand_id, clock) for brand_id in list(brands.distinct()) if clock() < until)
        if not passed:
            break
        settled += passed
    return settled


def _drain_brand(brand_id: int, clock: Callable[[], datetime]) -> int:
    """Settle a batch. Whatever goes wrong with one brand, the others have their turn."""
    try:
        try:
            return write(lambda: _settle_some(brand_id, BATCH, clock()))
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            log.exception("inbox_batch_failed", brand=brand_id)
            return _settle_singly(brand_id, clock)
    except (OperationalError, InterfaceError) as error:  # the server is away or busy: another time
        log.warning("inbox_waits", brand=brand_id, error=type(error).__name__)
        return 0


def _settle_singly(brand_id: int, clock: Callable[[], datetime]) -> int:
    """One by one, so that an item that cannot be judged is parked, and no other with it."""
    settled = 0
    for _ in range(BATCH):
        passed = write(lambda: _settle_one(brand_id, clock()))
        if passed is None:
            break
        settled += passed
    return settled


def _settle_one(brand_id: int, at: datetime) -> int | None:
    """Settle the item that waits longest, or park it: 1 or 0; None where there is none, or somebody else is at it."""
    if not execute_prepared(ALONE, [str(brand_id)])[0][0]:
        return None
    taken = execute_prepared(TAKE, [brand_id, 1])
    if not taken:
        return None
    try:
        with transaction.atomic():
            return _settle_rows(brand_id, taken, at)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        log.exception("inbox_item_parked", brand=brand_id)
        parked = {"state": InboxState.PARKED, "detail": type(error).__name__}
        InboxItem.objects.filter(pk=taken[0][0], state=InboxState.WAITING).update(**parked)
        return 0


def _settle_some(brand_id: int, most: int, at: datetime) -> int:
    """Settle the items that wait longest; none where somebody else is at it."""
    if not execute_prepared(ALONE, [str(brand_id)])[0][0]:
        return 0
    return _settle_rows(brand_id, execute_prepared(TAKE, [brand_id, most]), at)


def _settle_rows(brand_id: int, rows: Sequence[Sequence[Any]], at: datetime) -> int:
    taken = [_read(brand_id, row) for row in rows]
    gone = [item.id for item in taken if item.order is None]
    if gone:  # reported while their member was being erased
        InboxItem.objects.filter(brand_id=brand_id, pk__in=gone).delete()
    here = [(item.id, item.order) for item in taken if item.order is not None]
    outcomes = do_actions(brand_id=brand_id, orders=[order for _, order in here], at=at) if here else []
    # Who was erased or merged since the items were taken is looked up anew with the next ones.
    settled = [(pk, outcome) for (pk, _), outcome in zip(here, outcomes, strict=True) if type(outcome) is not UserNotFound]
    _settle([pk for pk, _ in settled], [outcome for _, outcome in settled], at)
    return len(gone) + len(settled)


def _read(brand_id: int, row: Sequence[Any]) -> _Taken:
    pk, auth_id, member_id, tag, param, properties, occurred_at, actor = row
    if auth_id is None:
        return _Taken(pk, None)
    told = msgspec.json.decode(properties)
    order = ActionOrder(
        brand_id=brand_id,
        auth_id=auth_id,
        member_id=member_id,
        tag=tag,
        actor=actor,
        occurred_at=occurred_at,
        judged=True,
        properties=told,
        param=param,
    )
    return _Taken(pk, order)


def _settle(ids: Sequence[int], outcomes: Sequence[Outcome], at: datetime) -> None:
    if not ids:
        return
    rows = [_told(outcome) for outcome in outcomes]
    states, codes, details, points, postings = (list(column) for column in zip(*rows, strict=True))
    execute_prepared(SETTLE, [at, array_of(ids), states, codes, details, array_of(points), array_of(postings)])


def _told(outcome: Outcome) -> tuple[str, str, str, int, int | None]:
    """State, code, words, points and posting of an outcome."""
    if isinstance(outcome, Done):
        return InboxState.APPLIED.value, "", "", outcome.points, outcome.posted.id
    return InboxState.REFUSED.value, outcome.code, str(outcome), 0, None


def queue_again(*, item: InboxItem) -> None:
    """Have a parked item judged once more. Raises InboxItemSettled where it is not parked."""
    rows = InboxItem.objects.filter(brand_id=item.brand_id, pk=item.pk, state=InboxState.PARKED)
    if not rows.update(state=InboxState.WAITING, detail=""):
        raise InboxItemSettled


def do_and_keep(*, brand_id: int, orders: Sequence[ActionOrder], actor: str, at: datetime) -> list[Outcome]:
    """Reward many at once, and keep what became of each; of unknown users and actions nothing can be kept."""

    def effect() -> list[Outcome]:
        known, outcomes = do_all(brand_id, orders, at)
        rows = []
        for order, outcome in zip(orders, outcomes, strict=True):
            member, offer = known.members.get(order.auth_id), known.offers[order.tag]
            if member is not None and isinstance(offer, Offer):
                properties = msgspec.json.encode(dict(order.properties)).decode()
                asked = (member.pk, offer.action.pk, order.param, properties, order.occurred_at or at)
                rows.append((*asked, *_told(outcome)))
        if rows:
            members, actions, *texts, points, postings = (list(column) for column in zip(*rows, strict=True))
            arrays = [array_of(members), array_of(actions), *texts, array_of(points), array_of(postings)]
            execute_prepared(STORE_SETTLED, [brand_id, actor, at, at, *arrays])
        return outcomes

    return write(effect)
