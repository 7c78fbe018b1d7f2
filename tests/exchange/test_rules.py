"""The rules: rates and what rounding drops, waits, the circuit breaker, signatures."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.adapters.lcp.signing import Signed
from exchange.rules.breaker import FAILURES_TO_OPEN, OPEN_FOR_AT_MOST, Breaker
from exchange.rules.orders import FINAL, LONGEST_WAIT, MOVES, OrderState, wait_after, wait_while_pending
from exchange.rules.rates import Rate, Received, choose_rate, convert, fits
from tests.conftest import NOON

decimals = st.decimals(Decimal("0.00000001"), Decimal(10**9), places=8)


@given(points=st.integers(1, 10**13), numerator=decimals, denominator=decimals)
def test_what_is_received_is_rounded_down_and_the_rest_is_told(points, numerator, denominator):
    received = convert(points, Rate(numerator, denominator))

    assert received.whole * denominator <= points * numerator < (received.whole + 1) * denominator
    assert 0 <= received.remainder < 1


@pytest.mark.parametrize(
    ("points", "rate", "whole", "remainder"),
    [
        (101, Rate(Decimal("0.5")), 50, "0.5"),
        (3, Rate(Decimal(1), Decimal(3)), 1, "0"),
        (1, Rate(Decimal(1), Decimal(3)), 0, "0.333333333333333333"),
        (9_999_999_999_999, Rate(Decimal("0.00000001")), 99_999, "0.99999999"),
    ],
)
def test_rates_are_exact(points, rate, whole, remainder):
    assert convert(points, rate) == Received(whole, Decimal(remainder))


def test_the_rate_sent_goes_before_the_agreed_one_and_that_before_those_of_the_tokens():
    one, two, three, four = (Decimal(number) for number in (1, 2, 3, 4))

    assert choose_rate(override=one, agreed=two, offramp=three, onramp=four) == Rate(one)
    assert choose_rate(override=None, agreed=two, offramp=three, onramp=four) == Rate(two)
    assert choose_rate(override=None, agreed=None, offramp=three, onramp=four) == Rate(three, four)
    assert choose_rate(override=None, agreed=None, offramp=three, onramp=None) is None
    assert Rate(three, four).value == Decimal("0.75")


@pytest.mark.parametrize(
    ("rate", "kept"),
    [
        ("1", True),
        ("0.00000001", True),
        ("9999999999999999.99999999", True),
        ("1E+15", True),
        ("0", False),
        ("-1", False),
        ("0.000000001", False),
        ("0." + "9" * 32, False),
        ("1." + "0" * 32, True),
        ("0." + "0" * 9_999 + "1", False),
        ("10000000000000000", False),
        ("1E+999999", False),
        ("NaN", False),
        ("Infinity", False),
    ],
)
def test_only_a_rate_that_can_be_kept_exactly_is_one(rate, kept):
    assert fits(Decimal(rate)) is kept


def test_what_was_settled_stays_so_and_every_state_can_be_reached():
    reached = {OrderState.ACCEPTED}.union(*MOVES.values())

    assert MOVES[OrderState.SETTLED] == frozenset()
    assert reached == set(OrderState)
    assert OrderState.SETTLED in MOVES[OrderState.REFUSED]
    assert all(FINAL & MOVES[state] for state in OrderState if state is not OrderState.SETTLED)


def test_waits_double_with_half_of_them_left_to_chance():
    assert [wait_after(misses, 1.0).total_seconds() for misses in (0, 1, 2, 3, 4)] == [2, 2, 4, 8, 16]
    assert wait_after(3, 0.0) == wait_after(3, 1.0) / 2
    assert wait_after(10_000, 1.0) == LONGEST_WAIT
    assert wait_while_pending(timedelta(0)) == timedelta(seconds=5)
    assert wait_while_pending(timedelta(days=9)) == timedelta(hours=1)


def test_a_breaker_opens_after_failures_in_a_row_and_lets_one_call_through_when_its_time_is_over():
    breaker = Breaker()

    allowed = []
    for _ in range(FAILURES_TO_OPEN):
        allowed.append(breaker.calls_allowed(NOON, most=16))
        breaker = breaker.failed(NOON)
    assert allowed == [16, 4, 3, 2, 1]

    assert FAILURES_TO_OPEN <= 10
    assert breaker.calls_allowed(NOON, most=16) == 0
    assert breaker.open_until is not None
    assert breaker.calls_allowed(breaker.open_until, most=16) == 1
    for _ in range(50):
        breaker = breaker.failed(NOON)
    assert breaker.open_until == NOON + OPEN_FOR_AT_MOST


def test_the_signature_is_that_of_the_loyalty_commerce_platform():
    signed = Signed(method="GET", path="/v1/apps/", host="lcp.points.com", port=443)
    secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

    mac = signed.mac(secret, timestamp="1377721336", nonce="4FvtoumTybo=")

    assert mac == "F75gXUN6b+lLWUqJISP52ZSovwJA0OX3mlFzf4+NfQ4="


@pytest.mark.parametrize(
    "changed",
    [{"body": b"{}"}, {"path": "/v1/x"}, {"method": "PUT"}, {"host": "b"}, {"port": 81}, {"content_type": "text/plain"}],
)
def test_whatever_is_changed_breaks_the_signature(changed):
    terms = {"method": "POST", "path": "/v1/a", "host": "a", "port": 80, "content_type": "application/json", "body": b"[]"}
    header = Signed(**terms).authorization("us", "AAEC", timestamp="1", nonce="n")

    assert Signed(**terms).is_signed_by("AAEC", header)
    assert not Signed(**terms).is_signed_by("AAED", header)
    assert not Signed(**(terms | changed)).is_signed_by("AAEC", header)
