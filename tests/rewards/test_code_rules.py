"""The rules of codes: their form, the check character that catches typing errors, and how hard they are to guess."""

import random
from collections import Counter
from itertools import product
from math import sqrt

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rewards.rules.codes import (
    CHARACTERS,
    EASIEST_GUESS,
    FEWEST_DRAWN,
    LONGEST,
    SHORTEST,
    CodeForm,
    draw_codes,
    guess_odds,
    length_needed,
    noise_needed,
    normalise,
)
from tests.rewards.forms import is_well_formed

DIGITS = "0123456789"
HEXADECIMAL = "0123456789ABCDEF"
FULL_WIDTH = "".join(chr(ord(digit) + 0xFEE0) for digit in "123456789")
READABLE = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
PRIMES = [11, 13, 17, 19, 23, 29, 31, 37]
USUAL = [
    CodeForm(alphabet=DIGITS, length=9),
    CodeForm(alphabet=DIGITS, length=9, check=True),
    CodeForm(alphabet=DIGITS, length=13, prefix="SUM", check=True),
    CodeForm(alphabet=HEXADECIMAL, length=12, prefix="0F", check=True),
    CodeForm(alphabet=READABLE, length=12, check=True),
    CodeForm(alphabet=CHARACTERS, length=32, prefix="AURORA", check=True),
]
CHECKED = [form for form in USUAL if form.check]


either = st.booleans()


@st.composite
def forms(draw, check=either) -> CodeForm:
    """Any form that has no faults."""
    size = draw(st.integers(10, len(CHARACTERS)))
    alphabet = "".join(draw(st.permutations(CHARACTERS))[:size])
    prefix = draw(st.text(CHARACTERS, max_size=10))
    checked = draw(check)
    shortest = max(SHORTEST, len(prefix) + checked + FEWEST_DRAWN)
    return CodeForm(alphabet=alphabet, length=draw(st.integers(shortest, LONGEST)), prefix=prefix, check=checked)


seeds = st.integers(0, 2**32)
patient = settings(max_examples=60, deadline=None)


def drawn(form: CodeForm, seed: int, count: int = 3) -> list[str]:
    return draw_codes(form, random.Random(seed).randbytes(noise_needed(form, count)))


def typos(code: str) -> list[str]:
    """The code with one character wrong, in every way."""
    return [code[:at] + wrong + code[at + 1 :] for at, right in enumerate(code) for wrong in CHARACTERS if wrong != right]


def swaps(code: str) -> list[str]:
    """The code with two different neighbours swapped, everywhere."""
    pairs = [at for at in range(len(code) - 1) if code[at] != code[at + 1]]
    return [code[:at] + code[at + 1] + code[at] + code[at + 2 :] for at in pairs]


@given(forms(), seeds)
@patient
def test_every_drawn_code_is_well_formed(form, seed):
    codes = drawn(form, seed)

    assert codes
    for code in codes:
        assert is_well_formed(form, code)
        assert len(code) == form.length
        assert code.startswith(form.prefix)
        assert set(code.removeprefix(form.prefix)) <= set(form.alphabet)


@given(forms(check=st.just(True)), seeds)
@settings(max_examples=25, deadline=None)
def test_a_check_character_catches_every_single_typo(form, seed):
    code = drawn(form, seed)[0]

    assert [typo for typo in typos(code) if is_well_formed(form, typo)] == []


@given(forms(check=st.just(True)), seeds)
@patient
def test_a_check_character_catches_every_swap_of_neighbours(form, seed):
    code = drawn(form, seed)[0]

    assert [swap for swap in swaps(code) if is_well_formed(form, swap)] == []


@pytest.mark.parametrize("form", CHECKED)
def test_typos_and_swaps_are_caught_in_many_codes_of_usual_forms(form):
    for code in drawn(form, 1, count=5)[:5]:
        wrong = [text for text in typos(code) + swaps(code) if is_well_formed(form, text)]

        assert wrong == []


def test_without_a_check_character_a_typo_makes_another_code():
    form = CodeForm(alphabet=DIGITS, length=9)

    assert is_well_formed(form, "123456789")
    assert is_well_formed(form, "123456798")


@pytest.mark.parametrize("text", ["", "12345678", "1234567890", "12345678a", "12345678 ", FULL_WIDTH])
def test_what_has_another_length_or_other_characters_is_not_well_formed(text):
    assert not is_well_formed(CodeForm(alphabet=DIGITS, length=9), text)


@given(st.integers(10, 36))
@patient
def test_the_check_character_counts_modulo_the_next_prime(size):
    form = CodeForm(alphabet=CHARACTERS[:size], length=9, check=True)

    assert form.prime == min(prime for prime in PRIMES if prime >= size)


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("size", [10, 16, 17, 36])
def test_all_noise_there_is_makes_every_code_equally_often(size, check):
    """Every byte, for codes of one drawn character: no code comes more often than another."""
    form = CodeForm(alphabet=CHARACTERS[:size], length=1 + check, check=check)

    codes = Counter(draw_codes(form, bytes(range(256))))

    assert set(codes.values()) == {256 // size}
    assert len(codes) == form.space


def test_all_pairs_of_usable_bytes_make_every_code_equally_often():
    form = CodeForm(alphabet=DIGITS, length=3, check=True)

    codes = Counter(draw_codes(form, bytes(byte for pair in product(range(250), repeat=2) for byte in pair)))

    assert set(codes.values()) == {25 * 25}


@pytest.mark.parametrize("form", USUAL)
def test_no_character_is_favoured_at_any_place(form):
    """Chi-squared at each place against an even share; noise of a fixed seed, so this never fails by chance."""
    codes = drawn(form, 20260601, count=20_000)
    size, expected = len(form.alphabet), len(codes) / len(form.alphabet)
    bound = size - 1 + 6 * sqrt(2 * (size - 1))

    for place in range(len(form.prefix), form.length):
        counts = Counter(code[place] for code in codes)
        chi_squared = sum((counts[character] - expected) ** 2 / expected for character in form.alphabet)

        assert chi_squared < bound, (place, counts)


@given(forms(), seeds)
@patient
def test_drawing_adds_no_chance_of_its_own(form, seed):
    assert drawn(form, seed) == drawn(form, seed)


@pytest.mark.parametrize("form", USUAL)
@pytest.mark.parametrize("count", [1, 8, 1_000, 25_000])
def test_the_noise_that_is_needed_gives_enough_codes_and_little_more(form, count):
    made = [len(drawn(form, seed, count)) for seed in range(3 if count == 25_000 else 20)]

    assert min(made) >= count
    assert max(made) <= count * 1.2 + 12


@given(forms(), st.integers(1, 400))
@patient
def test_on_average_the_noise_that_is_needed_is_enough_for_any_form(form, count):
    made = [len(drawn(form, seed, count)) for seed in range(5)]

    assert sum(made) / len(made) >= count


@pytest.mark.parametrize(("size", "length"), [(10, 2), (10, 3), (12, 3), (16, 3)])
def test_the_space_is_the_number_of_codes_that_are_well_formed(size, length):
    plain = CodeForm(alphabet=CHARACTERS[:size], length=length)
    checked = CodeForm(alphabet=CHARACTERS[:size], length=length, check=True)
    texts = ["".join(characters) for characters in product(plain.alphabet, repeat=length)]

    assert plain.space == sum(is_well_formed(plain, text) for text in texts)
    assert checked.space == pytest.approx(sum(is_well_formed(checked, text) for text in texts), rel=0.02)


@given(forms(), st.integers(0, 10**9))
@patient
def test_the_odds_of_a_guess_are_the_space_over_the_codes(form, codes):
    bodies = len(form.alphabet) ** (form.length - len(form.prefix) - (1 if form.check else 0))
    space = bodies * len(form.alphabet) // form.prime if form.check else bodies

    assert guess_odds(form, codes) == space // max(codes, 1)


def test_a_prefix_that_is_too_long_leaves_no_space_to_speak_of():
    form = CodeForm(alphabet=DIGITS, length=9, prefix="A" * 12)

    assert form.space == 1


@given(forms(), st.integers(1, 10**9))
@patient
def test_the_length_needed_is_the_shortest_that_is_hard_to_guess(form, codes):
    def odds(length: int) -> int:
        longer = CodeForm(alphabet=form.alphabet, length=length, prefix=form.prefix, check=form.check)
        return guess_odds(longer, codes)

    needed = length_needed(form, codes)

    hard = [length for length in range(form.length, LONGEST + 1) if odds(length) >= EASIEST_GUESS]
    assert needed == (hard[0] if hard else None)


@pytest.mark.parametrize(
    ("codes", "length"), [(1, 9), (1_000_000, 9), (1_000_001, 10), (10_000_000, 10), (10**9, 12), (10**29, 32), (10**30, None)]
)
def test_digits_need_so_many_places(codes, length):
    """One guess in 1,000 may hit: 10**length / codes >= 1,000."""
    assert length_needed(CodeForm(alphabet=DIGITS, length=9), codes) == length


@pytest.mark.parametrize(
    "typed", ["AB12CD34E", "ab12cd34e", " ab12-cd34-e ", "AB12 CD34 E", "\tAB12CD34E\n", "a-b-1-2-c-d-3-4-e"]
)
def test_people_may_type_blanks_dashes_and_small_letters(typed):
    assert normalise(typed) == "AB12CD34E"


@given(forms(), seeds, st.randoms(use_true_random=False))
@patient
def test_a_code_survives_the_way_it_is_typed(form, seed, chance):
    code = drawn(form, seed)[0]

    typed = "".join(chance.choice(["", " ", "-"]) + chance.choice([part, part.lower()]) for part in code)

    assert normalise(typed) == code


@given(st.text())
@patient
def test_normalising_twice_changes_nothing_more(typed):
    assert normalise(normalise(typed)) == normalise(typed)


@given(st.text(CHARACTERS, min_size=1), st.text(CHARACTERS, min_size=1))
@patient
def test_different_codes_stay_different(one, other):
    assume(one != other)

    assert normalise(one) != normalise(other)


@pytest.mark.parametrize("form", USUAL)
def test_a_good_form_has_no_faults(form):
    assert form.faults() == []


@given(forms())
@patient
def test_no_drawn_form_has_faults(form):
    assert form.faults() == []


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        ({"length": 8}, "length: from 9 to 32, not 8"),
        ({"length": 33}, "length: from 9 to 32, not 33"),
        ({"alphabet": "0123456788"}, "alphabet: different digits and capital letters"),
        ({"alphabet": "0123456789a"}, "alphabet: different digits and capital letters"),
        ({"alphabet": "0123456789-"}, "alphabet: different digits and capital letters"),
        ({"alphabet": "0123456789Ä"}, "alphabet: different digits and capital letters"),
        ({"alphabet": "012345678"}, "alphabet: at least 10 characters"),
        ({"alphabet": ""}, "alphabet: at least 10 characters"),
        ({"prefix": "ab"}, "prefix: digits and capital letters"),
        ({"prefix": "A-"}, "prefix: digits and capital letters"),
        ({"prefix": "SUMM"}, "length: 6 characters at least must be left beside prefix and check character"),
        ({"prefix": "SUM", "check": True}, "length: 6 characters at least must be left beside prefix and check character"),
    ],
)
def test_each_fault_of_a_form_is_told(terms, told):
    form = CodeForm(**({"alphabet": DIGITS, "length": 9} | terms))

    assert told in form.faults()


def test_several_faults_are_told_together():
    form = CodeForm(alphabet="AA", length=40, prefix="x" * 40)

    assert len(form.faults()) == 4
