"""Membership numbers: normalised, judged by the programme's rule, and every rule that ships works."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from users.models import PartnerProgramme
from users.programmes import PROGRAMMES
from users.rules.membership_numbers import LONGEST, Alphabet, Checksum, Judgement, NumberRule, Strength, judge, normalise


def rule_of(row: tuple) -> NumberRule:
    _, _, alphabet, lengths, pattern, usual, checksum, strength, _ = row
    return NumberRule(
        alphabet=Alphabet(alphabet),
        lengths=tuple(lengths),
        pattern=pattern,
        usual_pattern=usual,
        checksum=Checksum(checksum),
        strength=Strength(strength),
    )


RULES = {row[0]: rule_of(row) for row in PROGRAMMES}
MILES_AND_MORE = ["992000000000000", "992200000000006", "222000000000002", "333000000000008", "992001234567897"]
SAMPLES = {
    "etihad": "123456789012",
    "miles_and_more": "992001234567897",
    "alaska": "12345678",
    "flying_blue": "1234567890",
    "emirates": "EK123456789",
    "british_airways": "12345678",
    "qatar": "123456789",
    "krisflyer": "1234567890",
    "united": "AB123456",
    "delta": "1234567890",
    "american": "A1B2C3D",
    "aeroplan": "123456782",
    "qantas": "1234567",
    "turkish": "TK123456789",
    "eurobonus": "EBB123456789",
    "finnair": "123456789",
    "accor": "3081031234567890",
    "ihg": "123456789",
    "marriott": "123456789",
    "iberia": "12345678",
    "taj": "10101123456789",
}


@pytest.mark.parametrize("number", MILES_AND_MORE)
def test_miles_and_more_takes_numbers_with_the_right_check_digit(number: str) -> None:
    assert judge(RULES["miles_and_more"], number) == Judgement(number, "", "")


@pytest.mark.parametrize("number", MILES_AND_MORE)
def test_miles_and_more_refuses_the_next_number(number: str) -> None:
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)

    assert judge(RULES["miles_and_more"], wrong).refusal == "the check digit is wrong"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("99200123456789", "the length must be 15, not 14"),
        ("9920012345678970", "the length must be 15, not 16"),
        ("99200123456789A", "a character is not a digit"),
        ("ABC", "a character is not a digit"),
        ("99200123456789\u0663", "a character is neither a letter nor a digit"),
        ("99200123456789/", "a character is neither a letter nor a digit"),
        ("", "the number is empty"),
        (" .- ", "the number is empty"),
        ("9" * (LONGEST + 1), f"the length must be at most {LONGEST}, not {LONGEST + 1}"),
    ],
)
def test_a_refusal_says_why(number: str, words: str) -> None:
    assert judge(RULES["miles_and_more"], number).refusal == words


def test_an_unusual_prefix_only_warns_staff() -> None:
    valid = f"11000000000000{luhn.calc_check_digit('11000000000000')}"

    assert judge(RULES["miles_and_more"], valid) == Judgement(valid, "", "the prefix is unusual")


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("992001234567897", "992001234567897"),
        ("9920 0123 4567 897", "992001234567897"),
        (" 9920.0123-4567897 ", "992001234567897"),
    ],
)
def test_spaces_dots_and_dashes_are_dropped(raw: str, kept: str) -> None:
    assert judge(RULES["miles_and_more"], raw) == Judgement(kept, "", "")


def test_letters_become_capitals() -> None:
    assert judge(RULES["emirates"], "ek 123 456 789").number == "EK123456789"


@pytest.mark.parametrize("number", ["123456782", "999999998"])
def test_aeroplan_keeps_the_nine_digits_that_pass_luhn(number: str) -> None:
    assert judge(RULES["aeroplan"], number) == Judgement(number, "", "")
    assert judge(RULES["aeroplan"], f"627421{number}") == Judgement(number, "", "")


def test_aeroplan_only_warns_for_its_check_digit_is_our_inference() -> None:
    assert judge(RULES["aeroplan"], "123456789") == Judgement("123456789", "", "the check digit is wrong")


@pytest.mark.parametrize(("length", "fits"), [(11, False), (12, True), (13, False)])
def test_etihad_numbers_have_12_digits(length: int, fits: bool) -> None:
    assert (judge(RULES["etihad"], "1" * length).refusal == "") is fits


@pytest.mark.parametrize(("length", "fits"), [(7, False), (8, True), (9, True), (10, False)])
def test_alaska_numbers_have_8_or_9_digits(length: int, fits: bool) -> None:
    refusal = judge(RULES["alaska"], "1" * length).refusal

    assert (refusal == "") is fits
    assert fits or refusal == f"the length must be 8 or 9, not {length}"


@pytest.mark.parametrize("name", RULES)
def test_every_programme_that_ships_takes_its_own_sample_without_a_word(name: str) -> None:
    sample = SAMPLES[name]

    assert judge(RULES[name], sample) == Judgement(sample, "", "")


@pytest.mark.parametrize("name", RULES)
def test_every_rule_that_ships_compiles_and_its_pattern_fits_its_lengths(name: str) -> None:
    rule = RULES[name]

    for pattern in (rule.pattern, rule.usual_pattern):
        re.compile(pattern)
    assert all(0 < length <= LONGEST for length in rule.lengths)


@pytest.mark.parametrize("name", RULES)
def test_only_proven_rules_block(name: str) -> None:
    assert (RULES[name].strength is Strength.BLOCK) == (name in {"etihad", "miles_and_more", "alaska"})


def test_a_rule_that_only_warns_keeps_what_it_does_not_know() -> None:
    judged = judge(RULES["flying_blue"], "12345")

    assert judged == Judgement("12345", "", "the length must be 10, not 5")


def test_the_same_rule_refuses_once_it_blocks() -> None:
    strict = replace(RULES["flying_blue"], strength=Strength.BLOCK)

    assert judge(strict, "12345").refusal == "the length must be 10, not 5"


@given(st.text(max_size=80), st.sampled_from(sorted(RULES)))
def test_whatever_is_typed_is_judged_and_what_is_kept_is_plain(raw: str, name: str) -> None:
    judged = judge(RULES[name], raw)

    if not judged.refusal:
        assert re.fullmatch(r"[0-9A-Z]{1,32}", judged.number)
        assert judge(RULES[name], judged.number).number == judged.number
    assert normalise(normalise(raw)) == normalise(raw)


def test_all_programmes_are_in_the_database_as_they_ship(db) -> None:
    stored = {programme.implementation_name: programme.rule for programme in PartnerProgramme.objects.all()}

    assert {name: stored.get(name) for name in RULES} == RULES
