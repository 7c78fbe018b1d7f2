"""Segments by rule: who fulfils it, kept up to date at any instant, whoever writes beside."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

import pytest
from django.db import transaction
from django.utils import timezone

from loyalty.errors import InvalidRequest
from rewards.errors import SegmentCountTooSlow
from rewards.services import segment_rules, segmenting
from rewards.services.segment_rules import change_rule, count_members, create_segment_by_rule
from rewards.services.segmenting import judge_due, judge_members, judge_segment, judge_stale
from rewards.tasks import judge_all_segments, judge_new_segments
from tests.conftest import NOON, make_brand, make_member, make_token
from tests.rewards.conftest import DAY, stampede
from tests.segments import VIP, by_hand, by_rule, inside, judge, queued, rule_of, unqueue
from users.errors import SegmentNotFound
from users.models import Brand, Member, Segment, SegmentDue, SegmentMember
from users.rules.segments import parse_rule
from users.services.members import Profile, change_member, erase_member
from users.services.merging import merge_members

TAGGED = {"metadata": {"tags": ["vip"]}}


def drain(at: datetime = NOON) -> int:
    return judge_due(clock=lambda: at, until=at + DAY)


def tag(member: Member, *tags: str) -> None:
    profile = Profile(given=frozenset({"metadata"}), metadata={"tags": list(tags)})
    change_member(brand_id=member.brand_id, auth_id=member.auth_id or "", profile=profile, replace=False)


@pytest.fixture
def own_brand(own_brand) -> Iterator[Brand]:
    """A brand whose rows are committed, and whose rules no other test judges."""
    yield own_brand
    SegmentDue.objects.filter(brand=own_brand).delete()
    Segment.objects.filter(brand=own_brand).delete()


# --- who is in nobody's segment ---


def test_the_erased_the_merged_and_other_brands_are_left_out(brand):
    stays, erased, merged, _ = (make_member(brand) for _ in range(4))
    keep = make_member(brand)
    make_member(make_brand(), **TAGGED)
    segment = by_rule(brand, {"kind": "registered_from", "day": "2000-01-01"}, VIP, match="any")
    judge(segment)
    erase_member(brand_id=brand.pk, auth_id=erased.auth_id, at=NOON)
    merge_members(brand_id=brand.pk, keep_id=keep.pk, duplicate_id=merged.pk, actor="staff:1", at=NOON)
    everybody = set(Member.objects.filter(brand=brand).values_list("pk", flat=True))
    for one in (erased, merged):
        SegmentMember.objects.get_or_create(brand=brand, segment=segment, member=one)

    judged = judge(segment)

    assert judged.removed == 2
    assert inside(segment) == everybody - {erased.pk, merged.pk}
    assert stays.pk in inside(segment)


# --- judged for everybody ---


def test_judging_writes_the_difference_alone(brand):
    stays, goes, comes = (make_member(brand, **TAGGED) for _ in range(3))
    tag(comes)
    segment = by_rule(brand)
    assert judge(segment) == (2, 0)
    kept = SegmentMember.objects.get(segment=segment, member=stays)
    tag(goes), tag(comes, "vip")

    assert judge(segment, NOON + DAY) == (1, 1)

    assert SegmentMember.objects.get(segment=segment, member=stays).pk == kept.pk
    assert SegmentMember.objects.get(segment=segment, member=comes).added_at == NOON + DAY
    assert judge(segment, NOON + DAY) == (0, 0)


def test_everybody_is_judged_in_spans_and_a_run_that_was_killed_is_made_up_for(brand, monkeypatch):
    monkeypatch.setattr(segmenting, "MEMBERS_AT_A_TIME", 3)
    members = [make_member(brand, **TAGGED) for _ in range(8)]
    segment = by_rule(brand)

    class Killed(Exception):
        pass

    def kill(upto: int) -> None:
        if upto >= members[5].pk:
            raise Killed

    with pytest.raises(Killed):
        judge_segment(segment_id=segment.pk, clock=lambda: NOON, tell=kill)
    assert len(inside(segment)) == 6
    assert Segment.objects.get(pk=segment.pk).judged_at is None

    judge_stale(clock=lambda: NOON, until=NOON + DAY)
    assert len(inside(segment)) == 6  # whoever was killed may live on: its claim has not run out
    judge_stale(clock=lambda: NOON + DAY, until=NOON + 2 * DAY)
    assert len(inside(segment)) == 8
    assert Segment.objects.get(pk=segment.pk).judged_at == NOON + DAY


def test_a_rule_that_is_changed_meanwhile_is_judged_anew(brand, monkeypatch):
    monkeypatch.setattr(segmenting, "MEMBERS_AT_A_TIME", 1)
    make_member(brand, **TAGGED)
    german = make_member(brand, language="de")
    segment = by_rule(brand)

    def change(_upto: int) -> None:
        rule = rule_of({"kind": "language", "languages": ["de"]})
        change_rule(brand_id=brand.pk, segment_id=segment.pk, rule=rule, at=NOON + timedelta(hours=1))

    judge_segment(segment_id=segment.pk, clock=lambda: NOON, tell=change)
    assert Segment.objects.get(pk=segment.pk).judged_at is None
    judge_stale(clock=lambda: NOON + DAY, until=NOON + 2 * DAY)

    assert inside(segment) == {german.pk}


def test_the_same_rule_again_changes_nothing(brand):
    segment = by_rule(brand)
    judge(segment)

    same = change_rule(brand_id=brand.pk, segment_id=segment.pk, rule=segment.rule, at=NOON + DAY)

    assert (same.ruled_at, same.judged_at) == (NOON, NOON)


def test_only_a_segment_by_rule_is_judged_or_changed(brand):
    segment = by_hand(brand)

    with pytest.raises(SegmentNotFound):
        judge(segment)
    with pytest.raises(SegmentNotFound):
        change_rule(brand_id=brand.pk, segment_id=segment.pk, rule=rule_of(VIP), at=NOON)


def test_a_new_rule_is_judged_at_once_once_more_and_then_every_night(brand):
    segment = by_rule(brand)
    tonight = NOON + DAY

    def look(at: datetime, before: datetime | None = None) -> bool:
        judge_stale(clock=lambda: at, until=at + DAY, before=before)
        return Segment.objects.get(pk=segment.pk).judged_at == at

    by_day = [look(NOON + timedelta(seconds=seconds)) for seconds in (0, 10, 59, 61, 120, 3600)]
    by_night = [look(tonight + timedelta(seconds=seconds), before=tonight) for seconds in (0, 5)]

    assert (by_day, by_night) == ([True, False, False, True, False, False], [True, False])
    assert Segment.objects.get(pk=segment.pk).judging_until is None


def test_the_tasks_judge_what_is_new_and_everything_once_a_night(brand):
    now = timezone.now()
    create_segment_by_rule(brand_id=brand.pk, name="x", rule=rule_of(VIP), at=now)

    assert judge_new_segments() >= 1
    first = Segment.objects.get(brand=brand).judged_at
    Segment.objects.filter(brand=brand).update(judged_at=now - DAY, ruled_at=now - 2 * DAY)
    judge_new_segments()
    assert Segment.objects.get(brand=brand).judged_at == now - DAY
    assert judge_all_segments() >= 1
    assert judge_all_segments() == 0
    assert Segment.objects.get(brand=brand).judged_at > first


# --- the queue ---


def test_who_is_queued_is_judged_for_all_rules(brand):
    vip, german = by_rule(brand, name="a"), by_rule(brand, {"kind": "language", "languages": ["de"]}, name="b")
    member, other = make_member(brand, language="de"), make_member(brand, language="de")
    tag(member, "vip")

    assert drain() >= 1

    assert (inside(vip), inside(german), queued(brand)) == ({member.pk}, {member.pk}, set())
    assert other.pk not in inside(german)
    tag(member)
    drain()
    assert (inside(vip), inside(german)) == (set(), {member.pk})


def test_a_batch_that_is_killed_is_done_again(own_brand, monkeypatch):
    segment, member = by_rule(own_brand), make_member(own_brand)
    tag(member, "vip")

    class Killed(Exception):
        pass

    def kill(**_):
        judge_members(brand_id=own_brand.pk, member_ids=[member.pk], at=NOON)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(segmenting, "judge_members", kill)
        with pytest.raises(Killed):
            drain()
    assert (inside(segment), queued(own_brand)) == (set(), {member.pk})

    drain()
    assert (inside(segment), queued(own_brand)) == ({member.pk}, set())


def test_nobody_is_judged_for_another_brands_rule(brand):
    segment = by_rule(brand)
    stranger = make_member(make_brand(), **TAGGED)

    assert judge_members(brand_id=brand.pk, member_ids=[stranger.pk], at=NOON) == (0, 0)
    assert judge_members(brand_id=stranger.brand_id, member_ids=[stranger.pk], at=NOON) == (0, 0)
    assert judge_members(brand_id=brand.pk, member_ids=[], at=NOON) == (0, 0)
    assert inside(segment) == set()


# --- beside each other ---


def test_two_who_judge_at_once_end_right(own_brand, monkeypatch):
    monkeypatch.setattr(segmenting, "MEMBERS_AT_A_TIME", 5)
    members = [make_member(own_brand, **TAGGED) for _ in range(25)]
    segment = by_rule(own_brand)

    outcomes = stampede(lambda _: judge(segment), range(2))

    assert sum(one.added for one in outcomes) == 25
    assert inside(segment) == {one.pk for one in members}
    unqueue(own_brand)


def test_changes_draining_and_judging_at_once_end_right(own_brand, monkeypatch):
    monkeypatch.setattr(segmenting, "MEMBERS_AT_A_TIME", 4)
    monkeypatch.setattr(segmenting, "DUE_AT_A_TIME", 3)
    members = [make_member(own_brand) for _ in range(12)]
    segment = by_rule(own_brand)

    def change(rounds: int) -> None:
        for number in range(rounds):
            for at, member in enumerate(members):
                tag(member, *(["vip"] if (number + at) % 2 else []))

    acts = [partial(change, 5), partial(change, 4), *[lambda: judge(segment)] * 2, *[lambda: [drain() for _ in range(10)]] * 2]
    outcomes = stampede(lambda act: act(), acts)
    assert not [one for one in outcomes if isinstance(one, Exception)]
    while queued(own_brand):
        drain()

    tagged = {one.pk for one in Member.objects.filter(brand=own_brand) if "vip" in (one.metadata or {}).get("tags", [])}
    assert inside(segment) == tagged


def test_a_change_that_commits_while_someone_drains_is_not_lost(own_brand):
    segment, member = by_rule(own_brand), make_member(own_brand)
    tag(member)  # a row of the queue that says nothing new

    with transaction.atomic():
        tag(member, "vip")
        stampede(lambda _: drain(), range(1))
    assert inside(segment) == set()
    drain()

    assert inside(segment) == {member.pk}


# --- given, changed, tried out ---


@pytest.mark.parametrize(
    ("condition", "field"),
    [
        ({"kind": "points_earned", "test": "at_least", "points": 1, "token_id": 2**62}, "rule.conditions[0].token_id"),
        ({"kind": "membership", "programme": "nowhere"}, "rule.conditions[0].programme"),
        ({"kind": "membership", "programme": "9" * 18}, "rule.conditions[0].programme"),
        ({"kind": "segment", "segment_id": 2**62}, "rule.conditions[0].segment_id"),
        (
            {"kind": "group", "match": "any", "conditions": [VIP, {"kind": "segment", "segment_id": 2**62}]},
            "rule.conditions[0].conditions[1].segment_id",
        ),
    ],
)
def test_a_rule_names_only_what_there_is(brand, condition, field):
    with pytest.raises(InvalidRequest) as refusal:
        by_rule(brand, condition)

    assert [error.field for error in refusal.value.errors] == [field]


def test_a_rule_names_neither_rules_nor_another_brands_things(brand):
    foreign = make_brand()
    ruled, press, token = by_rule(brand), by_hand(foreign, "Press"), make_token(foreign)

    for condition in (
        {"kind": "segment", "segment_id": ruled.pk},
        {"kind": "segment", "segment_id": press.pk},
        {"kind": "points_spent", "test": "at_most", "points": 1, "token_id": token.pk},
    ):
        with pytest.raises(InvalidRequest):
            by_rule(brand, condition, name="x")


def test_a_rule_is_tried_out_before_it_is_kept(brand):
    members = [make_member(brand, **TAGGED) for _ in range(3)]
    make_member(make_brand(), **TAGGED)
    erase_member(brand_id=brand.pk, auth_id=members[0].auth_id, at=NOON)

    assert count_members(brand=brand, rule=parse_rule(rule_of(VIP)), at=NOON) == 2
    assert not SegmentMember.objects.filter(brand=brand).exists()


def test_counting_takes_no_longer_than_somebody_waits(brand, monkeypatch):
    monkeypatch.setattr(segment_rules, "COUNT_SECONDS", 0.001)
    query = segment_rules.compile_rule

    def slow(*arguments, **terms):
        compiled = query(*arguments, **terms)
        text = compiled.text.replace("m.erased_at IS NULL", "m.erased_at IS NULL AND pg_sleep(1) IS NOT NULL")
        return type(compiled)(text, compiled.terms)

    make_member(brand, **TAGGED)
    monkeypatch.setattr(segment_rules, "compile_rule", slow)

    with pytest.raises(SegmentCountTooSlow):
        count_members(brand=brand, rule=parse_rule(rule_of(VIP)), at=NOON)
