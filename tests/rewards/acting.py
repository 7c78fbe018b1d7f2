"""Short ways to actions, events, vouchers and segments; and a row of each of their tables, for the invariants."""

import secrets
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from django.db.models import Model

from ledger.models import Token
from rewards.models import Action, ActionGain, ActionSegment, ActionUse, Frequency, RewardType, VoucherClaim
from rewards.services.actions import ActionOrder, Done, Event, do_action, report_event
from rewards.services.business_keys import Answered
from rewards.services.vouchers import Voucher, VoucherOrder, redeem_voucher
from tests.conftest import NOON
from tests.rewards.conftest import DAY, make_reward_type
from users.models import Brand, Member, Segment, SegmentMember

CLIENT = "client:7"


def make_action(token: Token, *, segments: list[Segment] | None = None, **terms: Any) -> Action:
    """An action for 5 points, without limits unless the terms say more."""
    usual = {"tag": secrets.token_hex(6), "name": "Daily visit", "points": 5}
    made = Action.objects.create(brand=token.brand, token=token, **(usual | terms))
    for segment in segments or []:
        ActionSegment.objects.create(brand=token.brand, action=made, segment=segment)
    return made


def make_segment(brand: Brand, *members: Member) -> Segment:
    made = Segment.objects.create(brand=brand, name=secrets.token_hex(6))
    for member in members:
        SegmentMember.objects.create(brand=brand, segment=made, member=member)
    return made


def asked(member: Member, action: Action, **terms: Any) -> ActionOrder:
    usual = {"brand_id": member.brand_id, "auth_id": member.auth_id, "tag": action.tag, "actor": CLIENT}
    return ActionOrder(**(usual | terms))


def do(member: Member, action: Action, *, at: datetime = NOON, **terms: Any) -> Done:
    return do_action(order=asked(member, action, **terms), at=at)


def report(
    member: Member, action: Action, event_id: str, *, content: bytes = b"{}", at: datetime = NOON, **terms: Any
) -> Answered:
    event = Event(event_id, content, lambda done: f"{done.points} of {done.posted.balance_after}")
    return report_event(order=asked(member, action, **terms), event=event, at=at)


def redeem_gift(
    member: Member, gift: RewardType, transaction_id: str, *, content: bytes = b"{}", at: datetime = NOON, **changes: Any
) -> Answered:
    def answer(voucher: Voucher) -> str:
        return f"{voucher.reward.code} by order {voucher.order.pk}"

    terms = {"brand_id": member.brand_id, "auth_id": member.auth_id, "reward_type_id": gift.pk, "actor": CLIENT}
    terms |= {"transaction_id": transaction_id, "content": content, "answer": answer}
    return redeem_voucher(order=VoucherOrder(**(terms | changes)), at=at)


def add_actions(world: SimpleNamespace) -> None:
    """A row of each table of actions and vouchers."""
    brand, member = world.brand, world.member
    world.regulars = make_segment(brand, member)
    terms = {"starts_at": NOON - DAY, "ends_at": NOON + DAY, "frequency": Frequency.DAY, "total_limit": 9}
    world.action = make_action(world.token, segments=[world.regulars], **terms)
    world.action_tie = ActionSegment.objects.get(action=world.action)
    report(member, world.action, "event 1", param="order 1")
    world.gain = ActionGain.objects.get(brand=brand)
    world.action_use = ActionUse.objects.get(brand=brand, period="all")
    redeem_gift(member, make_reward_type(world.token, name="Tea"), "transaction 1")
    world.claim = VoucherClaim.objects.get(brand=brand)


def _change(row: Model, **changes: Any) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(**changes)


def _remove(row: Model) -> None:
    _run(f"DELETE FROM {row._meta.db_table} WHERE id = {row.pk}")


def _truncate(row: Model) -> None:
    _run(f"TRUNCATE {row._meta.db_table} CASCADE")


def _run(statement: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement)


BREACHES = [
    ("action_points_positive", lambda w: _change(w.action, points=0)),
    ("action_frequency_known", lambda w: _change(w.action, frequency="else")),
    ("action_limits_positive", lambda w: _change(w.action, period_limit=0)),
    ("action_limits_positive", lambda w: _change(w.action, total_limit=0)),
    ("action_ends_after_start", lambda w: _change(w.action, ends_at=w.action.starts_at)),
    ("action_gain_positive", lambda w: _change(w.gain, points=0)),
    ("action_gain_no_delete", lambda w: _remove(w.gain)),
    ("action_gain_no_truncate", lambda w: _truncate(w.gain)),
    ("voucher_claim_no_delete", lambda w: _remove(w.claim)),
    ("voucher_claim_no_truncate", lambda w: _truncate(w.claim)),
    ("voucher_claim_stays", lambda w: _change(w.claim, transaction_id="else")),
    ("voucher_claim_stays", lambda w: _change(w.claim, reward=w.reward)),
]
