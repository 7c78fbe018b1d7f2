"""The brake on guessing: tries are counted in the database before any comparison, and never more than the limits pass."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest
from django.db import connections, transaction
from django.db.models import Sum

from ledger.errors import BalanceLimit
from ledger.models.accounts import BALANCE_LIMIT
from ledger.services.points import Moved
from rewards.errors import InvalidCode, TooManyCodeTries
from rewards.models import CodeTries
from rewards.services import brake
from rewards.services.brake import CodeTry, count_try
from rewards.services.redeeming import redeem_for_points
from tests.conftest import NOON, make_brand, make_member
from tests.ledger.orders import move
from tests.rewards.conftest import (
    KEY,
    MANY_TRIES,
    asking,
    attempt,
    issue,
    kinds,
    make_campaign,
    make_members,
    redeem,
    stampede,
)
from users.services.members import erase_member

HOUR = timedelta(hours=1)
SCOPES = ["member", "key", "brand"]


@pytest.fixture
def limited(settings, monkeypatch):
    """Set the limits of this test; what it does not name is not limited. A process takes a tenth of a limit at a time."""
    monkeypatch.setattr(brake, "HANDFULS", 10)

    def limit(**limits: int) -> None:
        settings.CODE_TRIES_PER_HOUR = MANY_TRIES | limits

    return limit


def crash() -> None:
    """What a process knows is gone, as when it is killed."""
    brake._handfuls.clear()


class Process:
    """One of several processes: while it works, the handfuls are its own."""

    def __init__(self) -> None:
        self.handfuls: dict = {}

    def count(self, brand, *, at: datetime = NOON, key: int = KEY) -> CodeTry | TooManyCodeTries:
        kept = dict(brake._handfuls)
        brake._handfuls.clear()
        brake._handfuls.update(self.handfuls)
        try:
            return attempt(lambda: count_try(brand_id=brand.pk, key_id=key, at=at))
        finally:
            self.handfuls = dict(brake._handfuls)
            brake._handfuls.clear()
            brake._handfuls.update(kept)


def erase(member) -> None:
    erase_member(brand_id=member.brand_id, auth_id=member.auth_id, at=NOON)


def guess(member, *, key: int = KEY, at: datetime = NOON):
    """One wrong code: its try is never given back."""
    return attempt(lambda: count_try(brand_id=member.brand_id, key_id=key, auth_id=member.auth_id, at=at))


def passed(outcomes) -> int:
    return sum(isinstance(outcome, CodeTry) for outcome in outcomes)


def counted(brand, scope: str) -> int:
    """What the database counts, in all rows of a scope."""
    rows = CodeTries.objects.filter(brand=brand, scope=scope)
    return rows.aggregate(total=Sum("tries", default=0))["total"]


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("limit", [1, 7, 100, 149])
def test_exactly_so_many_wrong_tries_pass_in_an_hour(brand, member, limited, scope, limit):
    limited(**{scope: limit})

    outcomes = [guess(member) for _ in range(limit + 5)]

    assert kinds(outcomes[:limit]) == {CodeTry: limit}
    assert kinds(outcomes[limit:]) == {TooManyCodeTries: 5}
    assert counted(brand, scope) == limit


def test_the_limits_are_the_settings_of_the_house(brand, member, settings):
    assert settings.CODE_TRIES_PER_HOUR == {"member": 10, "key": 1_000, "brand": 5_000}

    outcomes = [guess(member) for _ in range(12)]

    assert passed(outcomes) == 10


@pytest.mark.parametrize(("minutes", "seconds"), [(0, 3600), (20, 2400), (59, 60)])
def test_who_tried_too_often_is_told_when_the_hour_is_over(member, limited, minutes, seconds):
    limited(member=1)
    at = NOON + timedelta(minutes=minutes)
    guess(member, at=at)

    refusal = guess(member, at=at)

    assert refusal.retry_after_seconds == seconds
    assert refusal.code == "too_many_code_tries"


def test_the_wait_is_rounded_up_to_whole_seconds(member, limited):
    limited(member=1)
    guess(member)

    late = NOON + HOUR - timedelta(microseconds=1)

    assert guess(member, at=late).retry_after_seconds == 1
    assert passed([guess(member, at=NOON + HOUR)]) == 1


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("limit", [20, 120])
def test_no_more_pass_when_many_try_at_once(own_brand, limited, scope, limit):
    limited(**{scope: limit})
    member = make_member(own_brand)

    outcomes = stampede(lambda _: [guess(member) for _ in range(limit // 16)], range(32))

    tries = [outcome for several in outcomes for outcome in several]
    assert passed(tries) == limit - passed([guess(member) for _ in range(limit)])
    assert counted(own_brand, scope) == limit


@pytest.mark.parametrize("scope", ["key", "brand"])
def test_several_processes_share_the_limit(brand, limited, scope):
    limited(**{scope: 130})
    processes = [Process() for _ in range(5)]

    outcomes = [process.count(brand) for _ in range(40) for process in processes]

    assert passed(outcomes) == 130
    assert counted(brand, scope) == 130


@pytest.mark.parametrize("scope", ["key", "brand"])
def test_a_crash_loses_tries_and_gains_none(brand, member, limited, scope):
    limit = 200  # taken in handfuls of 20
    limited(**{scope: limit})
    outcomes = []

    for turn in range(limit):
        if turn % 15 == 0:
            crash()
        outcomes.append(guess(member))

    assert limit // 2 < passed(outcomes) <= limit
    assert counted(brand, scope) == limit


@pytest.mark.parametrize("scope", ["key", "brand"])
def test_what_is_given_back_after_a_crash_gains_no_try(brand, member, limited, scope):
    limited(**{scope: 60})

    taken = [guess(member) for _ in range(20)]
    crash()
    for tried in taken:
        tried.give_back()
    outcomes = [guess(member) for _ in range(100)]

    assert passed(outcomes) <= 60
    assert counted(brand, scope) == 60


def test_a_process_that_forgets_subjects_still_holds_their_limits(db, limited, monkeypatch):
    monkeypatch.setattr(brake, "KEPT_SUBJECTS", 4)
    limited(key=20, brand=30)
    brands = [make_brand() for _ in range(4)]
    crash()

    outcomes = [guess(make_member(brand), at=at) for at in (NOON, NOON + HOUR) for brand in brands * 40]

    assert len(brake._handfuls) <= 4
    assert len(brands) * 20 <= passed(outcomes) <= 2 * 20 * len(brands)  # of an hour: half at least, and never more
    assert [counted(brand, "key") for brand in brands] == [20] * len(brands)


def test_what_is_right_uses_nothing_up(brand, member, limited):
    limited(member=3, key=60, brand=60)

    for _ in range(200):
        guess(member).give_back()

    assert counted(brand, "member") == 0
    assert counted(brand, "key") <= 60


def test_a_try_that_is_given_back_is_free_again(brand, member, limited):
    limited(member=2, key=2, brand=2)
    first = guess(member)
    guess(member)
    assert passed([guess(member)]) == 0

    first.give_back()

    assert passed([guess(member), guess(member)]) == 1


@pytest.mark.parametrize("scope", SCOPES)
def test_the_next_hour_begins_anew(brand, member, limited, scope):
    limited(**{scope: 3})
    late = NOON + timedelta(minutes=59, seconds=59)
    assert passed([guess(member, at=late) for _ in range(5)]) == 3

    outcomes = [guess(member, at=NOON + HOUR) for _ in range(5)]

    assert passed(outcomes) == 3
    assert set(CodeTries.objects.filter(brand=brand).values_list("window_at", flat=True)) == {NOON + HOUR}


def test_what_was_left_of_a_handful_ends_with_its_hour(brand, member, limited):
    limited(key=100)
    guess(member)

    outcomes = [guess(member, at=NOON + HOUR) for _ in range(105)]

    assert passed(outcomes) == 100


def test_hours_are_those_of_utc_wherever_the_caller_is(brand, member, limited):
    limited(member=1)
    half_past = timezone(timedelta(hours=5, minutes=30))

    guess(member, at=(NOON + timedelta(minutes=10)).astimezone(half_past))

    assert passed([guess(member, at=NOON + timedelta(minutes=50))]) == 0
    assert passed([guess(member, at=NOON + HOUR)]) == 1


@pytest.mark.parametrize("scope", SCOPES)
def test_a_clock_that_is_behind_opens_no_second_hour(brand, member, limited, scope):
    """One process is in the next hour already, another is not yet."""
    limited(**{scope: 10})
    ahead, behind = NOON + HOUR, NOON + HOUR - timedelta(seconds=1)

    outcomes = [guess(member, at=at) for _ in range(20) for at in (ahead, behind)]

    assert passed(outcomes) <= 10
    assert counted(brand, scope) <= 10


def test_what_a_clock_that_is_behind_gives_back_opens_nothing_in_the_new_hour(brand, member, limited):
    limited(member=2, key=2, brand=2)
    old = guess(member)
    assert passed([guess(member, at=NOON + HOUR) for _ in range(3)]) == 2

    old.give_back()

    assert passed([guess(member, at=NOON + HOUR)]) == 0
    assert counted(brand, "member") == 2


def test_giving_back_twice_counts_nobody_below_zero(brand, member, limited):
    limited(member=1)
    tried = guess(member)

    tried.give_back()
    tried.give_back()

    assert counted(brand, "member") == 0
    assert passed([guess(member), guess(member)]) == 1


def test_who_is_unknown_is_counted_for_key_and_brand(brand, limited):
    limited(key=3)

    outcomes = [
        attempt(lambda name=name: count_try(brand_id=brand.pk, key_id=KEY, auth_id=name, at=NOON))
        for name in ("nobody", "", "with\x00nul", None)
    ]

    assert [outcome.member_id for outcome in outcomes[:3]] == [None] * 3
    assert isinstance(outcomes[3], TooManyCodeTries)
    assert counted(brand, "member") == 0


def test_a_member_of_another_brand_is_unknown(brand, member):
    tried = count_try(brand_id=make_brand().pk, key_id=KEY, auth_id=member.auth_id, at=NOON)

    assert tried.member_id is None


def test_keys_members_and_brands_are_counted_apart(brand, limited):
    limited(member=1, key=2)
    ann, bob, eve = make_members(brand, 3)

    outcomes = [guess(ann, key=1), guess(ann, key=1), guess(bob, key=1), guess(eve, key=1), guess(eve, key=2)]

    assert [isinstance(outcome, CodeTry) for outcome in outcomes] == [True, False, True, False, True]
    assert passed([guess(make_member(make_brand()), key=1)]) == 1


def test_who_is_refused_uses_nothing_of_what_others_share(brand, limited):
    limited(member=1, key=3, brand=4)
    ann, bob, eve = make_members(brand, 3)
    guess(ann)

    refused = [guess(ann) for _ in range(10)]

    assert passed(refused) == 0
    assert passed([guess(bob), guess(eve)]) == 2
    assert passed([guess(make_member(brand)) for _ in range(10)]) == 0
    assert passed([guess(make_member(brand), key=2)]) == 1


def test_a_wrong_code_stays_counted_though_its_redemption_is_rolled_back(own_brand, own_member):
    redemption_failed = attempt(lambda: redeem(own_member, "000000000"))

    assert isinstance(redemption_failed, InvalidCode)
    assert counted(own_brand, "member") == 1
    assert counted(own_brand, "key") >= 1
    assert counted(own_brand, "brand") >= 1


def test_a_wrong_code_stays_counted_though_the_transaction_around_it_goes_on(own_brand, own_member):
    redemption = asking(own_member, "000000000")

    with transaction.atomic():
        outcome = attempt(lambda: redeem_for_points(redemption=redemption, at=NOON))

    assert isinstance(outcome, InvalidCode)
    assert counted(own_brand, "member") == 1


def test_the_count_is_committed_before_anything_is_compared(own_brand, own_member):
    guess(own_member)

    with ThreadPoolExecutor(1) as elsewhere:
        seen = elsewhere.submit(lambda: (counted(own_brand, "member"), connections.close_all())[0]).result()

    assert seen == 1


def test_whoever_guessed_too_often_cannot_redeem_a_real_code_either(own_brand, own_member, limited):
    limited(member=3)
    code = issue(make_campaign(own_brand))
    wrong = [attempt(lambda: redeem(own_member, "000000000")) for _ in range(3)]

    refusal = attempt(lambda: redeem(own_member, code))

    assert kinds(wrong) == {InvalidCode: 3}
    assert isinstance(refusal, TooManyCodeTries)
    assert isinstance(redeem(own_member, code, at=NOON + HOUR), Moved)


def test_right_codes_are_never_braked(own_brand, own_member, limited):
    limited(member=2)
    campaign = make_campaign(own_brand)

    outcomes = [attempt(lambda: redeem(own_member, issue(campaign))) for _ in range(10)]

    assert kinds(outcomes) == {Moved: 10}
    assert counted(own_brand, "member") == 0


def test_a_right_code_gives_its_try_back_only_with_its_points(own_brand, own_member):
    campaign = make_campaign(own_brand)
    code = issue(campaign)
    move(own_member, campaign.token, BALANCE_LIMIT - 1)

    refusal = attempt(lambda: redeem(own_member, code))

    assert isinstance(refusal, BalanceLimit)
    assert counted(own_brand, "member") == 1


def test_an_erased_members_tries_are_forgotten(own_brand, own_member):
    guess(own_member)

    erase(own_member)

    assert not CodeTries.objects.filter(brand=own_brand, scope="member").exists()
