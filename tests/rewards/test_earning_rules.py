"""The rules of earning: pure functions, so they are tried on thousands of baskets."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards.rules.baskets import AskedLine, BasketFault, Line, give_back, left_of, read_lines
from rewards.rules.earning import Book, Circumstances, Usage, base_of, counted_by, evaluate, gain_of, kept_points, share_out
from rewards.rules.promotions import Fixed, Multiplier, PerAmount, PerItem, Rule, Terms, TermsFault, check_terms

MONDAY_NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
ONE = 1_000_000


def line(name=1, amount=1_000, *, sku="bread", category=None, quantity=1_000) -> Line:
    return Line(name, sku, category, quantity, amount)


def rule(promotion_id=1, *, segments=(), budget=None, **terms) -> Rule:
    terms = {"gain": Fixed(points=50)} | terms
    return Rule(promotion_id, promotion_id, 1, f"P{promotion_id}", Terms(**terms), frozenset(segments), budget)


def earn(lines, *rules, rate=ONE, seen=None, usage=None):
    seen = seen or Circumstances(MONDAY_NOON)
    return evaluate(Book(rate_millionths=rate, rules=rules, decimals=2), lines, seen, usage)


def reasons(outcome) -> dict[int, str]:
    return {refused.rule.promotion_id: refused.reason for refused in outcome.refused}


def test_the_base_is_a_point_for_each_full_unit_of_the_whole_basket():
    outcome = earn([line(1, 199), line(2, 299)])

    assert (outcome.base, outcome.lines) == (4, [2, 2])


def test_points_are_shared_out_by_largest_remainder_and_ties_go_to_the_earlier_line():
    assert share_out(10, [1, 1, 1]) == [4, 3, 3]
    assert share_out(3, [250, 250, 500]) == [1, 1, 1]
    assert share_out(5, [0, 0]) == [3, 2]
    assert share_out(0, [5]) == [0]


def test_double_coffee_adds_the_points_of_the_coffee_lines_to_them():
    lines = [line(1, 840, category="coffee"), line(2, 260), line(3, 420, category="coffee")]

    outcome = earn(lines, rule(gain=Multiplier(factor="2"), categories=("coffee",)))

    (given_,) = outcome.given
    assert (outcome.base, given_.points, given_.positions, given_.shares) == (15, 12, (0, 2), (8, 4))
    assert sum(outcome.lines) == outcome.total == 27


def test_what_the_whole_basket_gets_falls_on_no_line():
    outcome = earn([line(1, 5_000)], rule(minimum_amount="50.00"))

    assert (outcome.total, outcome.lines, outcome.given[0].positions) == (100, [50], None)


@pytest.mark.parametrize(
    ("terms", "points"),
    [
        ({"gain": Multiplier(factor="1.5")}, 10),
        ({"gain": PerItem(points=3), "skus": ("milk",)}, 6),
        ({"gain": PerAmount(points=7, each="10.00")}, 14),
        ({"gain": Fixed(points=9), "minimum_quantity": "4.5"}, 9),
    ],
)
def test_each_kind_of_gain(terms, points):
    lines = [line(1, 1_100), line(2, 900, sku="milk", quantity=2_500), line(3, 100, quantity=1_000)]

    outcome = earn(lines, rule(**terms))

    assert [given_.points for given_ in outcome.given] == [points]


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"starts_at": datetime(2026, 6, 2, tzinfo=UTC)}, "not_started"),
        ({"ends_at": MONDAY_NOON}, "ended"),
        ({"stores": ("zurich",)}, "other_store"),
        ({"channels": ("web",)}, "other_channel"),
        ({"weekdays": (2, 7)}, "other_weekday"),
        ({"from_time": "12:01", "to_time": "18:00"}, "other_hour"),
        ({"from_time": "22:00", "to_time": "12:00"}, "other_hour"),
        ({"minimum_amount": "10.01"}, "below_minimum_amount"),
        ({"minimum_quantity": "1.001"}, "below_minimum_quantity"),
        ({"skus": ("milk",)}, "no_matching_line"),
        ({"gain": PerAmount(points=1, each="10.01")}, "nothing_gained"),
    ],
)
def test_a_promotion_that_does_not_apply_says_why(terms, reason):
    outcome = earn([line()], rule(**terms))

    assert (reasons(outcome), outcome.bonus) == ({1: reason}, 0)


def test_a_promotion_for_segments_serves_members_of_any_of_them_and_no_guest():
    for segments, expected in (({1}, 50), ({2, 9}, 50), ({3}, 0), (set(), 0)):
        outcome = earn([line()], rule(segments={1, 2}), seen=Circumstances(MONDAY_NOON, frozenset(segments)))

        assert outcome.bonus == expected
        assert reasons(outcome) == ({} if expected else {1: "not_in_segment"})


def test_hours_may_pass_midnight():
    night = rule(from_time="22:00", to_time="02:00")

    given_ = [bool(earn([line()], night, seen=Circumstances(MONDAY_NOON.replace(hour=hour))).given) for hour in (21, 22, 1, 2)]

    assert given_ == [False, True, True, False]


def test_an_exclusive_promotion_stands_alone_by_priority():
    many, alone = rule(1, priority=1), rule(2, exclusive=True, priority=2)

    assert [one.rule.promotion_id for one in earn([line()], many, alone).given] == [2]
    assert reasons(earn([line()], many, alone)) == {1: "not_combinable"}
    first = rule(1, priority=3)
    assert [one.rule.promotion_id for one in earn([line()], first, alone).given] == [1]
    assert reasons(earn([line()], first, alone)) == {2: "not_combinable"}


@pytest.mark.parametrize(
    ("usage", "reason"),
    [
        (Usage(times=0), "limit_reached"),
        (Usage(points=49), "limit_reached"),
        (Usage(budget=49), "budget_used_up"),
        (Usage(times=1, points=50, budget=50), None),
    ],
)
def test_limits_and_budgets_give_all_or_nothing(usage, reason):
    outcome = earn([line()], rule(), usage={1: usage})

    assert reasons(outcome).get(1) == reason
    assert outcome.bonus == (0 if reason else 50)


def test_a_basket_meets_only_the_rules_that_concern_it():
    rules = [rule(number, skus=(f"sku-{number}",)) for number in range(1, 2_001)]
    book = Book(rate_millionths=ONE, rules=rules, decimals=2)

    assert book.concerned([line(sku="sku-7"), line(2, sku="other")], frozenset()) == {6: [0]}


def asked(name=1, quantity=1, price="1.00", discount=None, amount="1.00") -> AskedLine:
    return AskedLine(name, "sku", None, quantity, price, discount, amount)


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        ([], "lines"),
        ([asked(number) for number in range(201)], "lines"),
        ([asked(), asked("1")], "lines.1.line"),
        ([asked(quantity=0)], "lines.0.quantity"),
        ([asked(quantity=-1)], "lines.0.quantity"),
        ([asked(quantity="1.0001")], "lines.0.quantity"),
        ([asked(price="-1.00")], "lines.0.unit_price"),
        ([asked(price="1.001")], "lines.0.unit_price"),
        ([asked(discount="x")], "lines.0.discount"),
        ([asked(amount="1.01")], "lines.0.amount"),
        ([asked(discount="1.01", amount="0.00")], "lines.0.amount"),
        ([asked(), asked(2, quantity=3, amount="2.99")], "lines.1.amount"),
    ],
)
def test_a_line_that_cannot_be_is_named(lines, field):
    with pytest.raises(BasketFault) as refused:
        read_lines(lines, decimals=2)

    assert refused.value.field == field


def test_an_amount_is_rounded_half_up():
    (read,) = read_lines([asked(quantity="0.125", price="0.20", amount="0.03")], decimals=2)

    assert read.amount == 3


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"gain": Multiplier(factor="1")}, "gain.factor"),
        ({"gain": PerAmount(points=1, each="0")}, "gain.each"),
        ({"minimum_amount": "1.001"}, "minimum_amount"),
        ({"from_time": "10:00"}, "to_time"),
        ({"starts_at": MONDAY_NOON, "ends_at": MONDAY_NOON}, "ends_at"),
        ({"starts_at": datetime(2026, 1, 1)}, "starts_at"),  # noqa: DTZ001 - the fault
    ],
)
def test_terms_that_cannot_be_are_named(terms, field):
    with pytest.raises(TermsFault) as refused:
        check_terms(Terms(**({"gain": Fixed(points=1)} | terms)), decimals=2)

    assert refused.value.field == field


SKUS, CATEGORIES = ["milk", "bread", "tea"], [None, "coffee", "food"]
LINES = st.lists(
    st.tuples(st.sampled_from(SKUS), st.sampled_from(CATEGORIES), st.integers(1, 5_000), st.integers(0, 20_000)),
    min_size=1,
    max_size=8,
).map(lambda rows: [Line(number, *row) for number, row in enumerate(rows, 1)])
GAINS = st.sampled_from([Multiplier(factor="2"), Multiplier(factor="1.3"), Fixed(points=7), PerItem(points=3)])
RULES = st.lists(
    st.tuples(GAINS, st.sampled_from([(), ("milk",), ("bread", "tea")]), st.sampled_from([(), ("coffee",)]), st.booleans()),
    max_size=5,
).map(
    lambda rows: [
        rule(number, gain=gain, skus=skus, categories=categories, minimum_amount="20.00" if floor else None)
        for number, (gain, skus, categories, floor) in enumerate(rows, 1)
    ]
)


@given(lines=LINES, rules=RULES, rate=st.integers(0, 3 * ONE))
def test_shares_of_lines_sum_to_what_fell_on_lines(lines, rules, rate):
    outcome = earn(lines, *rules, rate=rate)

    basket_wide = sum(given_.points for given_ in outcome.given if given_.positions is None)
    assert sum(outcome.lines) == outcome.total - basket_wide
    assert len(outcome.given) + len(outcome.refused) == len(rules)


@given(lines=LINES, rules=RULES, data=st.data())
def test_giving_back_in_any_parts_and_order_comes_to_the_whole(lines, rules, data):
    """Each part takes what was earned before it minus what the rest earns under the rules that paid."""
    outcome = earn(lines, *rules)
    base_left, paid = outcome.base, [(given_.rule, given_.points) for given_ in outcome.given]
    returned, taken = {}, 0
    while rest := left_of(lines, returned):
        chosen = data.draw(st.sampled_from(rest))
        quantity = data.draw(st.none() | st.integers(1, chosen.quantity))
        _, returned = give_back(lines, returned, [(chosen.key, quantity)])
        base, kept = kept_points(paid, base_left, left_of(lines, returned), rate_millionths=ONE, decimals=2)
        part = base_left - base + sum(points for _, points in paid) - sum(kept)
        assert part >= 0
        taken += part
        base_left, paid = base, [(one, points) for (one, _), points in zip(paid, kept, strict=True)]

    assert taken == outcome.total
    assert all(back["amount"] == one.amount for one, back in ((one, returned[one.key]) for one in lines))


@given(lines=LINES, rules=RULES)
def test_the_rest_is_judged_as_it_was_paid(lines, rules):
    outcome = earn(lines, *rules)
    paid = [(given_.rule, given_.points) for given_ in outcome.given]

    base, kept = kept_points(paid, outcome.base, lines, rate_millionths=ONE, decimals=2)

    assert (base, kept) == (outcome.base, [points for _, points in paid])
    for one, points in paid:
        assert gain_of(one, lines, counted_by(one, lines), rate_millionths=ONE, decimals=2) == points
    assert base_of(lines, ONE, 2)[0] == base
