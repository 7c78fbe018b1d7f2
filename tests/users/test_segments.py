"""Segments by hand: made, filled, emptied; and who is queued to be judged again."""

import json

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from loyalty.errors import InvalidRequest
from tests.conftest import NOON, make_brand, make_member
from tests.rewards.conftest import attempt, stampede
from tests.segments import by_hand, by_rule, inside, put, queued, unqueue
from users.errors import SegmentByRule, SegmentNameTaken, SegmentNotFound, UserNotFound
from users.models import Membership, PartnerProgramme, Segment, SegmentDue, SegmentMember
from users.services.exporting import export_member
from users.services.members import Profile, change_member, create_member, erase_member
from users.services.memberships import delete_membership, save_membership
from users.services.merging import merge_members
from users.services.segments import (
    MOST_AT_ONCE,
    add_members,
    change_segment,
    create_segment,
    find_segment,
    remove_member,
    segment_ids_of,
)


@pytest.fixture
def segment(brand) -> Segment:
    return by_hand(brand)


def remove(segment, member) -> bool:
    return remove_member(brand_id=segment.brand_id, segment_id=segment.pk, auth_id=member.auth_id)


# --- made ---


def test_a_segment_is_made_and_called_something_else(brand):
    made = create_segment(brand_id=brand.pk, name=" VIP ", description="The best", at=NOON)

    change_segment(brand_id=brand.pk, segment_id=made.pk, name="Gold", description="")

    stored = find_segment(brand_id=brand.pk, segment_id=made.pk)
    assert (stored.name, stored.description, stored.kind, stored.members_count) == ("Gold", "", "hand", 0)


def test_a_name_stands_once_in_a_brand(brand, segment):
    other = create_segment(brand_id=brand.pk, name="Other", at=NOON)

    with pytest.raises(SegmentNameTaken) as refusal:
        create_segment(brand_id=brand.pk, name="VIP", at=NOON)
    with pytest.raises(SegmentNameTaken):
        change_segment(brand_id=brand.pk, segment_id=other.pk, name="VIP", description="")

    assert [error.field for error in refusal.value.errors] == ["name"]
    assert by_hand(make_brand()).name == "VIP"


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\x00b", "a\nb"])
def test_what_is_no_name_is_refused(brand, name):
    with pytest.raises(InvalidRequest, match=r"^name: "):
        create_segment(brand_id=brand.pk, name=name, at=NOON)


def test_of_many_who_make_one_name_at_once_one_does(own_brand):
    outcomes = stampede(lambda _: create_segment(brand_id=own_brand.pk, name="VIP", at=NOON), range(8))

    assert sorted(type(one).__name__ for one in outcomes) == ["Segment"] + ["SegmentNameTaken"] * 7


# --- filled and emptied ---


def test_each_id_is_answered_in_its_order(brand, segment):
    one, two, three = (make_member(brand) for _ in range(3))
    stranger = make_member(make_brand())
    put(segment, two)

    names = [three.auth_id, "nobody", two.auth_id, one.auth_id, three.auth_id, stranger.auth_id, "a\x00"]
    placed = add_members(brand_id=brand.pk, segment_id=segment.pk, auth_ids=names, at=NOON)

    assert [one.auth_id for one in placed] == names
    assert [str(one.outcome) for one in placed] == [
        *("added", "not_found", "already_member", "added"),
        *("already_member", "not_found", "not_found"),
    ]
    assert inside(segment) == {one.pk, two.pk, three.pk}
    assert segment_ids_of(one) == [segment.pk]


@pytest.mark.parametrize("count", [0, MOST_AT_ONCE + 1])
def test_so_many_at_once_and_no_more(brand, segment, count):
    with pytest.raises(InvalidRequest, match=r"^member_ids: "):
        add_members(brand_id=brand.pk, segment_id=segment.pk, auth_ids=["x"] * count, at=NOON)


def test_a_thousand_cost_as_many_statements_as_one(brand, segment, django_assert_max_num_queries):
    names = [make_member(brand).auth_id for _ in range(20)] + [f"nobody {number}" for number in range(980)]

    with django_assert_max_num_queries(3):
        placed = add_members(brand_id=brand.pk, segment_id=segment.pk, auth_ids=names, at=NOON)

    assert [str(one.outcome) for one in placed] == ["added"] * 20 + ["not_found"] * 980


def test_removing_is_idempotent(brand, segment):
    member = make_member(brand)
    put(segment, member)

    assert [remove(segment, member), remove(segment, member)] == [True, False]
    assert inside(segment) == set()


def test_who_is_unknown_cannot_be_removed(brand, segment, other_member):
    with pytest.raises(UserNotFound):
        remove(segment, other_member)


@pytest.fixture
def other_member(db):
    return make_member(make_brand())


def test_a_segment_by_rule_refuses_hands(brand, member):
    segment = by_rule(brand)

    with pytest.raises(SegmentByRule):
        put(segment, member)
    with pytest.raises(SegmentByRule):
        remove(segment, member)


def test_another_brands_segment_is_none(brand, member):
    foreign = by_hand(make_brand())

    for act in (
        lambda: add_members(brand_id=brand.pk, segment_id=foreign.pk, auth_ids=[member.auth_id], at=NOON),
        lambda: remove_member(brand_id=brand.pk, segment_id=foreign.pk, auth_id=member.auth_id),
        lambda: change_segment(brand_id=brand.pk, segment_id=foreign.pk, name="x", description=""),
    ):
        assert isinstance(attempt(act), SegmentNotFound)


def test_many_who_add_and_remove_at_once_leave_a_true_count(own_brand):
    segment = by_hand(own_brand)
    members = [make_member(own_brand) for _ in range(12)]

    def act(number: int):
        return put(segment, *members[number % 3 :]) if number % 2 else remove(segment, members[number])

    outcomes = stampede(act, range(8))

    assert not [one for one in outcomes if isinstance(one, Exception)]
    assert {one.pk for one in members[8:]} <= inside(segment)


# --- the database itself ---


def refusal_of(statement: str, parameters=()) -> str:
    with connection.cursor() as cursor, pytest.raises(DatabaseError) as error, transaction.atomic():
        cursor.execute(f"SET CONSTRAINTS ALL IMMEDIATE; {statement}", parameters)
    return error.value.__cause__.diag.constraint_name


def test_the_database_refuses_what_must_not_be(brand, segment, member, other_member):
    put(segment, member)
    foreign = by_hand(other_member.brand)
    place = "INSERT INTO users_segmentmember (brand_id, segment_id, member_id) VALUES (%s, %s, %s)"
    change = f"UPDATE users_segment SET {{}} WHERE id = {segment.pk}"

    assert refusal_of(place, [brand.pk, segment.pk, member.pk]) == "segment_member_once"
    assert refusal_of(place, [brand.pk, foreign.pk, member.pk]) == "segment_member_segment_of_brand"
    assert refusal_of(place, [brand.pk, segment.pk, other_member.pk]) == "segment_member_of_brand"
    assert refusal_of(change.format("kind = 'rule'")) == "segment_rule_by_kind"
    assert refusal_of(change.format("members_count = -1")) == "segment_count_not_negative"
    due = "INSERT INTO users_segmentdue (brand_id, member_id) VALUES (%s, %s)"
    assert refusal_of(due, [brand.pk, other_member.pk]) == "segment_due_of_brand"
    draft = "INSERT INTO users_segmentdraft (brand_id, segment_id, actor, member_ids) VALUES (%s, %s, 'staff:1', '{}')"
    assert refusal_of(draft, [brand.pk, foreign.pk]) == "segment_draft_of_brand"
    with pytest.raises(IntegrityError), transaction.atomic():
        Segment.objects.create(brand=brand, name="VIP")


def test_the_count_is_kept_for_however_many_rows_a_statement_writes(brand, segment):
    members = [make_member(brand) for _ in range(5)]
    rows = [SegmentMember(brand=brand, segment=segment, member=member) for member in members]

    SegmentMember.objects.bulk_create(rows)
    assert len(inside(segment)) == 5
    SegmentMember.objects.filter(segment=segment, member__in=members[:3]).delete()
    assert len(inside(segment)) == 2


# --- who is queued ---


@pytest.fixture
def ruled(brand) -> Segment:
    return by_rule(brand)


def profile(**fields) -> Profile:
    return Profile(given=frozenset(fields), **fields)


def test_without_a_rule_nobody_is_queued(brand, segment):
    member = create_member(brand_id=brand.pk, profile=profile(email="a@example.org"), at=NOON)
    put(segment, member)

    assert queued(brand) == set()


def test_whoever_comes_or_changes_is_queued(brand, ruled):
    member = create_member(brand_id=brand.pk, profile=profile(email="a@example.org"), at=NOON)
    assert queued(brand) == {member.pk}

    unqueue(brand)
    change_member(brand_id=brand.pk, auth_id=member.auth_id, profile=profile(metadata={"tags": ["vip"]}), replace=False)
    assert queued(brand) == {member.pk}


def test_memberships_and_segments_by_hand_queue_their_members(brand, ruled, segment):
    member = make_member(brand)
    programme = PartnerProgramme.objects.get(implementation_name="etihad")
    at_etihad = {"brand_id": brand.pk, "auth_id": member.auth_id, "target_name": programme.implementation_name}

    for act in (
        lambda: save_membership(raw_number="100200300400", at=NOON, **at_etihad),
        lambda: delete_membership(**at_etihad),
        lambda: put(segment, member),
        lambda: remove(segment, member),
    ):
        unqueue(brand)
        act()
        assert queued(brand) == {member.pk}
    unqueue(brand)
    remove(segment, member)
    assert queued(brand) == set()


def test_a_change_that_is_undone_queues_nobody(brand, ruled, member):
    with transaction.atomic():
        change_member(brand_id=brand.pk, auth_id=member.auth_id, profile=profile(language="de"), replace=False)
        transaction.set_rollback(True)

    assert queued(brand) == set()


def test_changes_queue_beside_each_other_and_wait_for_nobody(brand, ruled, member):
    for language in ("de", "fr"):
        change_member(brand_id=brand.pk, auth_id=member.auth_id, profile=profile(language=language), replace=False)

    assert SegmentDue.objects.filter(brand=brand, member=member).count() == 2


# --- erased and merged ---


def test_the_erased_are_in_no_segment(brand, segment, ruled, member):
    put(segment, member)
    SegmentMember.objects.create(brand=brand, segment=ruled, member=member)
    unqueue(brand)

    erase_member(brand_id=brand.pk, auth_id=member.auth_id, at=NOON)

    assert (inside(segment), inside(ruled), queued(brand)) == (set(), set(), {member.pk})


def test_an_erasure_queues_members_elsewhere_who_lose_a_membership(brand, member, other_member):
    by_rule(other_member.brand)
    Membership.objects.create(brand=other_member.brand, member=other_member, partner_brand=brand, number=member.auth_id)

    erase_member(brand_id=brand.pk, auth_id=member.auth_id, at=NOON)

    assert queued(other_member.brand) == {other_member.pk}


def test_a_merge_brings_segments_by_hand_along(brand, ruled):
    both, theirs = by_hand(brand, "Both"), by_hand(brand, "Theirs")
    keep, duplicate = make_member(brand), make_member(brand)
    put(both, keep, duplicate)
    put(theirs, duplicate)
    SegmentMember.objects.create(brand=brand, segment=ruled, member=duplicate)
    unqueue(brand)

    merge_members(brand_id=brand.pk, keep_id=keep.pk, duplicate_id=duplicate.pk, actor="staff:1", at=NOON)

    assert (inside(both), inside(theirs), inside(ruled)) == ({keep.pk}, {keep.pk}, set())
    assert queued(brand) == {keep.pk, duplicate.pk}


def test_an_export_tells_the_segments(brand, segment, member):
    put(segment, member)

    told = json.loads("".join(export_member(member=member, at=NOON)))

    assert [row["segment_name"] for row in told["segments"]] == ["VIP"]


def test_an_erasure_and_adding_at_once_leave_nobody_in(own_brand):
    segment = by_hand(own_brand)
    members = [make_member(own_brand) for _ in range(6)]

    def act(pair):
        member, erases = pair
        return erase_member(brand_id=own_brand.pk, auth_id=member.auth_id, at=NOON) if erases else put(segment, member)

    outcomes = stampede(act, [(member, erases) for member in members for erases in (True, False)])

    assert not [one for one in outcomes if isinstance(one, Exception)]
    assert inside(segment) == set()
