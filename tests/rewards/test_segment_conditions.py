"""What each condition of a segment's rule asks for."""

import pytest

from ledger.models import TransactionType
from tests.conftest import NOON, make_brand, make_member, make_token
from tests.ledger.orders import move, undo
from tests.rewards.conftest import DAY
from tests.segments import VIP, by_hand, by_rule, earn_in, inside, judge, put
from users.models import Membership, PartnerProgramme, Segment
from users.services.merging import merge_members

TAGGED = {"metadata": {"tags": ["vip"]}}


@pytest.mark.parametrize(
    ("condition", "fits", "fails"),
    [
        ({"kind": "email_domain", "domains": ["shop.ch"]}, {"email": "A@Shop.CH"}, {"email": "a@eshop.ch"}),
        ({"kind": "email_domain", "domains": ["shop.ch", "shop.li"]}, {"email": '"a@b"@shop.li'}, {"email": None}),
        ({"kind": "language", "languages": ["de"]}, {"language": "DE_ch"}, {"language": "den"}),
        ({"kind": "country", "countries": ["ch"]}, {"country_iso": " Ch "}, {"country_iso": "CHE"}),
        ({"kind": "metadata_equals", "key": "n", "value": "5"}, {"metadata": {"n": 5}}, {"metadata": {"n": "05"}}),
        ({"kind": "metadata_equals", "key": "ok", "value": "true"}, {"metadata": {"ok": True}}, {"metadata": None}),
        ({"kind": "metadata_contains", "key": "w", "value": "BER"}, {"metadata": {"w": "in Bern"}}, {"metadata": {"w": "Be"}}),
        ({"kind": "metadata_contains", "key": "w", "value": "a"}, {"metadata": {"w": ["a"]}}, {"metadata": {"w": ["ab"]}}),
        ({"kind": "metadata_exists", "key": "w"}, {"metadata": {"w": ""}}, {"metadata": {"w": None}}),
        (VIP, TAGGED, {"metadata": {"tags": ["vip2"], "vip": True}}),
        (
            {"kind": "registered_before", "day": "2026-06-01"},
            {"created_at": "2026-05-31T21:59Z"},
            {"created_at": "2026-05-31T22Z"},
        ),
        (
            {"kind": "registered_from", "day": "2026-06-01"},
            {"created_at": "2026-05-31T22Z"},
            {"created_at": "2026-05-31T21:59Z"},
        ),
        ({"kind": "registered_within", "days": 1}, {"created_at": NOON - DAY}, {"created_at": NOON - 2 * DAY}),
    ],
    ids=lambda value: value.get("kind") if isinstance(value, dict) else None,
)
def test_an_attribute_is_looked_at(brand, condition, fits, fails):
    one, _ = make_member(brand, **fits), make_member(brand, **fails)
    segment = by_rule(brand, condition)

    judged = judge(segment)

    assert (inside(segment), judged) == ({one.pk}, (1, 0))


def test_all_any_and_groups(brand):
    german = {"kind": "language", "languages": ["de"]}
    swiss = {"kind": "country", "countries": ["CH"]}
    both = make_member(brand, language="de", country_iso="CH", **TAGGED)
    swiss_vip = make_member(brand, country_iso="CH", **TAGGED)
    plain_vip = make_member(brand, **TAGGED)
    group = {"kind": "group", "match": "any", "conditions": [german, swiss]}
    every, some, nested = (
        by_rule(brand, *terms, name=str(number), match=match)
        for number, (match, terms) in enumerate(
            [("all", [german, swiss, VIP]), ("any", [german, swiss]), ("all", [VIP, group])]
        )
    )

    for segment in (every, some, nested):
        judge(segment)

    assert inside(every) == {both.pk}
    assert inside(some) == inside(nested) == {both.pk, swiss_vip.pk}
    assert plain_vip.pk not in inside(nested)


def test_memberships_are_looked_at(brand):
    flies, reads, _ = (make_member(brand) for _ in range(3))
    etihad, shop = PartnerProgramme.objects.get(implementation_name="etihad"), make_brand()
    Membership.objects.create(brand=brand, member=flies, programme=etihad, number="100200300400")
    Membership.objects.create(brand=brand, member=reads, partner_brand=shop, number="x")
    flying = by_rule(brand, {"kind": "membership", "programme": "etihad"}, name="a")
    reading = by_rule(brand, {"kind": "membership", "programme": str(shop.pk)}, name="b")

    judge(flying), judge(reading)

    assert (inside(flying), inside(reading)) == ({flies.pk}, {reads.pk})


def test_a_segment_by_hand_can_be_asked_for(brand):
    press, one = by_hand(brand, "Press"), make_member(brand, **TAGGED)
    make_member(brand, **TAGGED)
    segment = by_rule(brand, {"kind": "segment", "segment_id": press.pk}, VIP)
    put(press, one)

    judge(segment)

    assert inside(segment) == {one.pk}


# --- points ---


def points(kind: str, test: str, amount: int, **terms) -> dict:
    return {"kind": f"points_{kind}", "test": test, "points": amount} | terms


@pytest.fixture
def earned(brand):
    """The programme's token, and members who earned 100 long ago, 60 lately, nothing."""
    token = make_token(brand)
    earn_in(token)
    old, new, none = (make_member(brand) for _ in range(3))
    move(old, token, 100, at=NOON - 40 * DAY)
    move(new, token, 60, at=NOON - 2 * DAY)
    return token, old, new, none


def fit(brand, *conditions, match="all") -> set[int]:
    segment = by_rule(brand, *conditions, match=match, name=f"Segment {Segment.objects.count()}")
    judge(segment)
    return inside(segment)


def test_points_count_in_all_or_of_some_days(brand, earned):
    token, old, new, none = earned

    assert fit(brand, points("earned", "at_least", 60)) == {old.pk, new.pk}
    assert fit(brand, points("earned", "at_least", 60, days=30)) == {new.pk}
    assert fit(brand, points("earned", "at_most", 60, days=30)) == {old.pk, new.pk, none.pk}
    assert fit(brand, points("earned", "at_most", 0)) == {none.pk}
    assert fit(brand, points("earned", "at_least", 1, token_id=token.pk)) == {old.pk, new.pk}
    other = make_token(brand, name="Else", symbol="ELS")
    assert fit(brand, points("earned", "at_least", 1, token_id=other.pk)) == set()


def test_what_was_spent_counts_apart(brand, earned):
    token, old, new, none = earned
    move(old, token, -30, at=NOON - DAY)

    assert fit(brand, points("spent", "at_least", 30, days=7)) == {old.pk}
    assert fit(brand, points("spent", "at_most", 29)) == {new.pk, none.pk}
    assert fit(brand, points("earned", "at_least", 100)) == {old.pk}


def test_a_reversal_takes_back_where_its_original_counts(brand, earned):
    token, old, new, _ = earned
    long_ago = move(old, token, 50, at=NOON - 35 * DAY)
    lately = move(old, token, 50, at=NOON - 2 * DAY)
    undo(long_ago, brand_id=brand.pk, at=NOON - DAY)
    undo(lately, 20, brand_id=brand.pk, at=NOON - DAY)
    undone = move(new, token, -10, at=NOON - DAY)
    undo(undone, brand_id=brand.pk, at=NOON - DAY)

    assert fit(brand, points("earned", "at_least", 130)) == {old.pk}
    assert fit(brand, points("earned", "at_least", 131)) == set()
    assert fit(brand, points("earned", "at_least", 30, days=7)) == {old.pk, new.pk}
    assert fit(brand, points("earned", "at_least", 31, days=7)) == {new.pk}
    assert fit(brand, points("spent", "at_least", 1)) == set()


def test_backdated_points_count_on_their_day(brand, earned):
    token, _, _, none = earned
    move(none, token, 70, at=NOON, effective_at=NOON - 20 * DAY)

    assert none.pk not in fit(brand, points("earned", "at_least", 1, days=7))
    assert none.pk in fit(brand, points("earned", "at_least", 70, days=30))


def test_what_lapses_is_neither_spent_nor_activity(brand, earned):
    token, old, new, none = earned
    move(old, token, -100, at=NOON - DAY, type=TransactionType.EXPIRY)

    assert fit(brand, points("spent", "at_least", 1)) == set()
    assert fit(brand, {"kind": "active_within", "days": 7}) == {new.pk}
    assert fit(brand, {"kind": "inactive_for", "days": 7}) == {old.pk, none.pk}


def test_one_who_was_merged_brings_their_points_along(brand, earned):
    _, old, new, none = earned
    merge_members(brand_id=brand.pk, keep_id=none.pk, duplicate_id=old.pk, actor="staff:1", at=NOON - DAY)

    assert fit(brand, points("earned", "at_least", 100)) == {none.pk}
    assert fit(brand, points("earned", "at_least", 101)) == set()
    assert fit(brand, {"kind": "active_within", "days": 7}) == {new.pk}


def test_without_a_programme_nobody_earned_its_points(brand, member):
    move(member, make_token(brand), 100)

    assert fit(brand, points("earned", "at_least", 1)) == set()
    assert fit(brand, points("earned", "at_most", 0)) == {member.pk}
