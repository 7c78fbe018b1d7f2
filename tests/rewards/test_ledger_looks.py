"""Members whose points moved are found in the ledger's own rows; none is missed, however late its row is committed."""

import threading
from collections.abc import Iterator

import pytest
from django.db import connections, transaction

from rewards.services import ledger_looks
from rewards.services.ledger_looks import note_moved
from rewards.tasks import judge_due_segments
from tests.conftest import NOON, make_brand, make_member, make_token
from tests.ledger.orders import move
from tests.rewards.conftest import stampede
from tests.segments import VIP, by_rule, earn_in, inside, judge, queued, unqueue
from tests.waiting import PATIENCE_SECONDS
from users.models import Brand, Segment, SegmentDue
from users.services.merging import merge_members

EARNED = {"kind": "points_earned", "test": "at_least", "points": 100}
GROUP = {"kind": "group", "match": "any", "conditions": [{"kind": "inactive_for", "days": 7}, VIP]}


@pytest.fixture
def own_brand(own_brand) -> Iterator[Brand]:
    """A brand whose rows are committed, and whose rules no other test judges."""
    yield own_brand
    SegmentDue.objects.filter(brand=own_brand).delete()
    Segment.objects.filter(brand=own_brand).delete()


def test_who_moved_is_queued_where_a_rule_looks_at_the_ledger(brand):
    plain, ruled = make_brand(), make_brand()
    by_rule(brand, EARNED), by_rule(ruled, GROUP), by_rule(plain, VIP)
    moved = [make_member(one) for one in (brand, ruled, plain, make_brand())]
    still = make_member(brand)
    note_moved()

    for member in moved:
        token = make_token(member.brand)
        move(member, token, 100)
        move(member, token, -1)
    assert note_moved() >= 8

    assert (queued(brand), queued(ruled), queued(plain)) == ({moved[0].pk}, {moved[1].pk}, set())
    assert still.pk not in queued(brand)


def test_nobody_is_queued_for_what_was_seen_before(own_brand):
    by_rule(own_brand, EARNED)
    move(make_member(own_brand), make_token(own_brand), 100)
    for _ in range(3):  # once when it is new, once more when everything that ran is over
        note_moved()
    unqueue(own_brand)

    assert note_moved() == 0

    assert queued(own_brand) == set()


def test_many_rows_are_looked_through_in_steps(brand, monkeypatch):
    monkeypatch.setattr(ledger_looks, "ROWS_AT_A_TIME", 2)
    by_rule(brand, EARNED)
    token, members = make_token(brand), [make_member(brand) for _ in range(5)]
    note_moved()
    for member in members:
        move(member, token, 1)

    note_moved()

    assert queued(brand) == {member.pk for member in members}


def test_what_comes_back_to_a_duplicate_queues_the_kept_one(brand):
    by_rule(brand, EARNED)
    keep, duplicate = make_member(brand), make_member(brand)
    note_moved()
    move(duplicate, make_token(brand), 100)
    merge_members(brand_id=brand.pk, keep_id=keep.pk, duplicate_id=duplicate.pk, actor="staff:1", at=NOON)
    unqueue(brand)

    note_moved()

    assert queued(brand) == {keep.pk}


def test_a_row_that_is_committed_late_is_found(own_brand):
    """A later row was seen already, whose id is higher."""
    by_rule(own_brand, EARNED)
    token, late, soon = make_token(own_brand), make_member(own_brand), make_member(own_brand)
    note_moved()
    posted, may_commit = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            move(late, token, 100)
            posted.set()
            may_commit.wait(PATIENCE_SECONDS)
        connections.close_all()

    holder = threading.Thread(target=hold)
    holder.start()
    posted.wait(PATIENCE_SECONDS)
    move(soon, token, 100)
    note_moved(), note_moved()
    assert queued(own_brand) == {soon.pk}

    may_commit.set()
    holder.join()
    note_moved(), note_moved()

    assert queued(own_brand) == {soon.pk, late.pk}


def test_many_who_look_at_once_queue_everybody(own_brand):
    by_rule(own_brand, EARNED)
    token, members = make_token(own_brand), [make_member(own_brand) for _ in range(12)]

    outcomes = stampede(lambda at: note_moved() if at % 2 else move(members[at], token, 100), range(12))
    note_moved(), note_moved()

    assert not [one for one in outcomes if isinstance(one, Exception)]
    assert queued(own_brand) == {members[at].pk for at in range(0, 12, 2)}


def test_the_task_follows_points(own_brand):
    token, member = make_token(own_brand), make_member(own_brand)
    earn_in(token)
    segment = by_rule(own_brand, EARNED)
    judge(segment)

    move(member, token, 100)
    judge_due_segments()

    assert inside(segment) == {member.pk}
