"""What actions ask for: conditions read and judged, limits, dates, segments, in the order in which a refusal is told."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards.rules.actions import (
    MOST_CONDITIONS,
    MOST_VALUES,
    Asked,
    Case,
    ConditionsFault,
    Left,
    Operator,
    Terms,
    judge,
    left_of,
    read_conditions,
    unmet,
)
from tests.conftest import NOON

DAY = timedelta(days=1)


def holds(operator: str, value: object, told: object, *, name: str = "category") -> bool:
    stored = {"property": "category", "is": operator} | ({} if value is None else {"value": value})
    (condition,) = read_conditions([stored])
    return condition.holds({name: told})


@pytest.mark.parametrize(
    ("operator", "value", "told", "so"),
    [
        ("equals", "coffee", "coffee", True),
        ("equals", "coffee", "Coffee", False),
        ("equals", "5", 5, True),
        ("equals", 5, "5.0", True),
        ("equals", "5", 5.5, False),
        ("equals", "true", True, True),
        ("equals", True, "true", True),
        ("equals", "1", True, False),
        ("equals", "coffee", ["coffee"], False),
        ("equals", "coffee", {"coffee": 1}, False),
        ("not_equals", "coffee", "tea", True),
        ("not_equals", "coffee", "coffee", False),
        ("not_equals", "coffee", None, True),
        ("in", ["tea", "coffee"], "coffee", True),
        ("in", ["tea", "coffee"], "water", False),
        ("in", ["1", "2"], 2, True),
        ("at_least", "5", 5, True),
        ("at_least", "5", "4.99", False),
        ("at_least", "-1", 0, True),
        ("at_least", "5", "many", False),
        ("at_least", "0", True, False),
        ("at_least", "5", [9], False),
        ("at_most", "5", 5.0, True),
        ("at_most", "5", 10**40, False),
        ("at_most", "0.1", 0.1, True),
        ("at_most", "0.3", 0.1 + 0.2, False),
        ("contains", "vegan", ["vegan", "warm"], True),
        ("contains", "vegan", ["warm"], False),
        ("contains", "3", [1, 2, 3], True),
        ("contains", "off", "coffee", True),
        ("contains", "tea", "coffee", False),
        ("contains", "1", 11, False),
        ("exists", None, "", True),
        ("exists", None, False, True),
        ("exists", None, None, False),
    ],
)
def test_a_property_is_compared_as_a_number_where_both_are_and_as_text_otherwise(operator, value, told, so):
    assert holds(operator, value, told) is so


@pytest.mark.parametrize("operator", [one for one in Operator if one is not Operator.NOT_EQUALS])
def test_what_is_not_told_fulfils_nothing(operator):
    value = None if operator is Operator.EXISTS else ["5"] if operator is Operator.IN else "5"

    assert not holds(operator, value, 5, name="else")


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda part: st.lists(part, max_size=3))
)
def test_whatever_a_property_holds_can_be_judged(told):
    for operator in Operator:
        value = None if operator is Operator.EXISTS else ["5"] if operator is Operator.IN else "5"
        assert holds(operator, value, told) in {True, False}


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        ({}, "condition 1: a list of conditions is needed"),
        (["coffee"], "condition 1: property, is and value are what it has"),
        ([{"property": "a", "is": "exists", "else": 1}], "property, is and value"),
        ([{"property": "a", "is": "exists"}, {"is": "exists"}], "condition 2: a property of 1 to 100 characters"),
        ([{"property": "", "is": "exists"}], "a property of 1 to 100 characters"),
        ([{"property": "a\x00", "is": "exists"}], "a property of 1 to 100 characters"),
        ([{"property": "a", "is": "like", "value": "b"}], "one of equals, not_equals"),
        ([{"property": "a", "is": "equals"}], "one value is needed"),
        ([{"property": "a", "is": "equals", "value": ["b", "c"]}], "one value is needed"),
        ([{"property": "a", "is": "in", "value": []}], "a value is needed"),
        ([{"property": "a", "is": "in", "value": [["b"]]}], "texts, numbers, true or false"),
        ([{"property": "a", "is": "equals", "value": {"b": 1}}], "texts, numbers, true or false"),
        ([{"property": "a", "is": "exists", "value": "b"}], "without a value"),
        ([{"property": "a", "is": "at_least", "value": "many"}], "a number is needed"),
        ([{"property": "a", "is": "equals", "value": "x" * 201}], "at most 100 values"),
        ([{"property": "a", "is": "in", "value": ["x"] * (MOST_VALUES + 1)}], "at most 100 values"),
        ([{"property": "a", "is": "exists"}] * (MOST_CONDITIONS + 1), "at most 20 conditions"),
    ],
)
def test_conditions_that_cannot_be_judged_are_refused(stored, told):
    with pytest.raises(ConditionsFault, match=told):
        read_conditions(stored)


def test_conditions_are_stored_as_they_are_read():
    stored = [
        {"property": "category", "is": "in", "value": ["coffee", "tea"]},
        {"property": "amount", "is": "at_least", "value": "5"},
        {"property": "store", "is": "exists"},
    ]

    assert [condition.stored() for condition in read_conditions(stored)] == stored


TERMS = Terms(
    conditions=read_conditions([{"property": "category", "is": "equals", "value": "coffee"}]),
    frequency="day",
    period_limit=2,
    total_limit=5,
    starts_at=NOON - DAY,
    ends_at=NOON + DAY,
    has_segments=True,
)
FINE = {"occurred_at": NOON, "properties": {"category": "coffee"}, "is_in_segment": True}
WRONG = [
    (Asked.PERIOD_LIMIT, {"used_in_period": 2}, "It counts 2 times a day; done 2 times that day."),
    (Asked.TOTAL_LIMIT, {"used_in_all": 5}, "It counts 5 times in all; done 5 times before."),
    (Asked.CONDITION, {"properties": {"category": "tea"}}, "“category” is coffee."),
    (Asked.DATES, {"occurred_at": NOON + DAY}, f"It counts until {NOON + DAY}."),
    (Asked.SEGMENTS, {"is_in_segment": False}, "It is for members of some segments."),
]


def test_what_is_all_so_is_met():
    findings = judge(TERMS, Case(**FINE))

    assert unmet(findings) is None
    assert {finding.asked for finding in findings} == set(Asked)


@pytest.mark.parametrize(("asked", "changes", "told"), WRONG)
def test_what_is_not_so_is_named(asked, changes, told):
    refused = unmet(judge(TERMS, Case(**(FINE | changes))))

    assert refused is not None
    assert (refused.asked, str(refused.words)) == (asked, told)


@pytest.mark.parametrize("first", range(len(WRONG)))
def test_of_much_that_is_not_so_the_first_in_order_is_told(first):
    """Limits before conditions, dates and segments."""
    changes = {name: value for _, change, _ in WRONG[first:] for name, value in change.items()}

    refused = unmet(judge(TERMS, Case(**(FINE | changes))))

    assert refused is not None
    assert refused.asked is WRONG[first][0]


def test_dates_include_their_first_instant_and_not_their_last():
    def within(instant):
        return unmet(judge(TERMS, Case(**(FINE | {"occurred_at": instant})))) is None

    moment = timedelta(microseconds=1)
    assert [within(NOON - DAY - moment), within(NOON - DAY), within(NOON + DAY - moment), within(NOON + DAY)] == [
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("terms", "used", "left"),
    [
        ({}, (3, 3), Left(None, None)),
        ({"frequency": "once"}, (0, 0), Left(1, 1)),
        ({"frequency": "once"}, (1, 1), Left(0, 0)),
        ({"frequency": "day", "period_limit": 3}, (1, 7), Left(2, None)),
        ({"frequency": "month", "period_limit": 1, "total_limit": 9}, (1, 7), Left(0, 2)),
        ({"total_limit": 9}, (10, 10), Left(None, 0)),
    ],
)
def test_what_is_left_of_limits(terms, used, left):
    assert left_of(Terms(**terms), used_in_period=used[0], used_in_all=used[1]) == left


def test_once_is_once_whatever_else_is_said():
    terms = Terms(frequency="once", period_limit=9, total_limit=9)

    assert (terms.within_period, terms.in_all) == (1, 1)
    assert unmet(judge(terms, Case(occurred_at=NOON, used_in_all=1))) is not None
