"""Members and segments by the million; a short form of it runs with every suite."""

import time
from collections.abc import Iterator

import pytest
from django.db import connection
from django.utils import timezone

from ledger.models import Counterpart, Token, TransactionType
from ledger.services.posting import Posting, post_many
from rewards.services.segmenting import judge_due, judge_segment
from tests.conftest import make_token
from tests.rewards.conftest import DAY
from tests.segments import by_hand, by_rule, earn_in, inside
from users.models import Brand, Member, Segment, SegmentDue
from users.services.segment_import import import_members

GROW = """
INSERT INTO users_member (brand_id, public_id, auth_id, email, language, country_iso, metadata, created_at)
SELECT %(brand)s, lpad(n::text, 11, '0'), 'member ' || n, n || '@' || CASE n %% 4 WHEN 0 THEN 'shop.ch' ELSE 'example.org' END,
  (ARRAY['de','fr','it','en'])[n %% 4 + 1], (ARRAY['CH','LI'])[n %% 2 + 1],
  CASE WHEN n %% 10 = 0 THEN '{"tags": ["vip"]}'::jsonb END, now() - n * interval '1 second'
FROM generate_series(1, %(count)s) AS n
"""
OPEN = (
    "INSERT INTO ledger_account (brand_id, member_id, token_id) SELECT brand_id, id, %s FROM users_member WHERE brand_id = %s"
)
NOTE = "INSERT INTO users_segmentdue (brand_id, member_id) SELECT brand_id, id FROM users_member WHERE brand_id = %s LIMIT %s"
POSTINGS_AT_A_TIME = 5_000
LONG_SECONDS = 240


@pytest.fixture
def own_brand(own_brand) -> Iterator[Brand]:
    """A brand whose rows are committed, and whose rules no other test judges."""
    yield own_brand
    SegmentDue.objects.filter(brand=own_brand).delete()
    Segment.objects.filter(brand=own_brand).delete()


def grow(brand: Brand, token: Token, count: int, earning: int) -> None:
    """Members with accounts; the first of them earned 1, 2, 3, ... points, every second one long ago."""
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(GROW, {"brand": brand.pk, "count": count})
        cursor.execute(OPEN, [token.pk, brand.pk])
        cursor.execute("ANALYZE users_member; ANALYZE ledger_account")
        cursor.execute("SELECT id FROM ledger_account WHERE brand_id = %s ORDER BY member_id LIMIT %s", [brand.pk, earning])
        accounts = [pk for (pk,) in cursor.fetchall()]
    now = timezone.now()
    terms = {"type": TransactionType.EARN, "counterpart": Counterpart.ISSUANCE}
    for first in range(0, earning, POSTINGS_AT_A_TIME):
        some = enumerate(accounts[first : first + POSTINGS_AT_A_TIME], first + 1)
        post_many([Posting(account=pk, amount=n, at=now - (100 if n % 2 else 1) * DAY, **terms) for n, pk in some])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE ledger_transaction")
        cursor.execute("SET statement_timeout = DEFAULT")


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("count", "earning"), [(6_000, 1_000), pytest.param(1_000_000, 100_000, marks=pytest.mark.long)], ids=["short", "long"]
)
def test_segments_of_many_members_are_judged_set_by_set(own_brand, count, earning):
    token = make_token(own_brand)
    earn_in(token)
    grow(own_brand, token, count, earning)
    tagged = {"kind": "tag", "tag": "vip"}
    points = {"kind": "points_earned", "test": "at_least", "points": 501, "days": 30}
    rules = {
        "tag": ([tagged], count // 10),
        "domain": ([{"kind": "email_domain", "domains": ["shop.ch"]}, {"kind": "country", "countries": ["CH"]}], count // 4),
        "points": ([points], earning // 2 - 250),
        "idle": ([{"kind": "inactive_for", "days": 30}], count - earning // 2),
    }
    told = {}

    for name, (conditions, expected) in rules.items():
        segment = by_rule(own_brand, *conditions, name=name)
        started = time.monotonic()
        judged = judge_segment(segment_id=segment.pk, clock=timezone.now)
        told[name] = time.monotonic() - started
        assert (judged.added, judged.removed) == (expected, 0)
        assert Segment.objects.get(pk=segment.pk).members_count == expected
    again = time.monotonic()
    assert judge_segment(segment_id=segment.pk, clock=timezone.now) == (0, 0)
    told["idle again"] = time.monotonic() - again
    told["import"] = import_half(own_brand, count)
    told["queue"] = drain(own_brand, count // 10)

    print({name: round(seconds, 1) for name, seconds in told.items()})
    assert max(told.values()) < LONG_SECONDS
    if count < 10_000:
        vips = Member.objects.filter(brand=own_brand, metadata__tags__contains="vip")
        assert inside(Segment.objects.get(brand=own_brand, name="tag")) == set(vips.values_list("pk", flat=True))


def import_half(brand: Brand, count: int) -> float:
    """How long it takes to put every second member into a segment by their ids, of which some are nobody's."""
    segment, rejected = by_hand(brand, "Half"), list[str]()
    lines = (f"{'nobody' if n % 1_000 == 1 else 'member'} {n}\n" for n in range(1, count + 1, 2))
    started = time.monotonic()
    terms = {"brand_id": brand.pk, "segment_id": segment.pk, "clock": timezone.now}
    tally = import_members(lines=lines, reject=lambda line: rejected.append(line.auth_id), **terms)
    assert (tally.added, tally.rejected) == (count // 2 - count // 1_000, count // 1_000)
    assert set(rejected) == {f"nobody {n}" for n in range(1, count + 1, 1_000)}
    return time.monotonic() - started


def drain(brand: Brand, count: int) -> float:
    """How long it takes to judge some members for all rules, out of the queue."""
    with connection.cursor() as cursor:
        cursor.execute(NOTE, [brand.pk, count])
        cursor.execute("SELECT count(*) FROM users_segmentdue WHERE brand_id = %s", [brand.pk])
        (queued,) = cursor.fetchone()
    started = time.monotonic()
    assert judge_due(clock=timezone.now, until=timezone.now() + DAY) >= queued >= count
    return time.monotonic() - started
