"""The counts of tries when PostgreSQL refuses: who lost a deadlock tries again, what could not be counted is free."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connection, transaction

from rewards.models import CodeTries
from rewards.services.brake import CodeTry, count_try
from tests.conftest import NOON
from tests.ledger.orders import move
from tests.rewards.conftest import KEY, attempt, closing, make_campaign
from tests.waiting import PATIENCE_SECONDS, wait_for_waiting
from users.services.members import erase_member


def test_a_try_is_given_back_though_it_loses_a_deadlock(own_brand, own_member):
    """A redemption holds the count and wants the account, an erasure holds that and wants the count.

    The try stands between: it waits for the redemption, the erasure waits behind it, and it has waited longest.
    """
    token = make_campaign(own_brand).token
    move(own_member, token, 1)
    first, second = (count_try(brand_id=own_brand.pk, key_id=KEY, auth_id=own_member.auth_id, at=NOON) for _ in range(2))
    holds, go_on = threading.Event(), threading.Event()

    def redeem() -> None:
        with transaction.atomic():
            first.give_back()
            holds.set()
            go_on.wait(PATIENCE_SECONDS)
            move(own_member, token, 1)

    def erase() -> None:
        erase_member(brand_id=own_brand.pk, auth_id=own_member.auth_id, at=NOON)

    with ThreadPoolExecutor(3) as threads:
        redeeming = threads.submit(closing, redeem)
        holds.wait(PATIENCE_SECONDS)
        giving_back = threads.submit(closing, second.give_back)
        wait_for_waiting(1)
        erasing = threads.submit(closing, erase)
        wait_for_waiting(2)
        go_on.set()

        assert giving_back.exception(PATIENCE_SECONDS) is None
        assert erasing.exception(PATIENCE_SECONDS) is None
        redeeming.exception(PATIENCE_SECONDS)  # whether it came before the erasure or after it
    assert not CodeTries.objects.filter(brand=own_brand, scope="member").exists()


def test_a_try_that_the_database_could_not_count_uses_nothing_up(own_brand, own_member, settings):
    settings.CODE_TRIES_PER_HOUR = {"member": 40, "key": 40, "brand": 40}
    count(own_member)

    with ThreadPoolExecutor(1) as threads, transaction.atomic():
        CodeTries.objects.select_for_update().get(brand=own_brand, scope="key")
        threads.submit(closing, lambda: count_impatiently(own_member)).result()
    outcomes = [attempt(lambda: count(own_member)) for _ in range(40)]

    assert sum(isinstance(outcome, CodeTry) for outcome in outcomes) == 39


def count(member) -> CodeTry:
    return count_try(brand_id=member.brand_id, key_id=KEY, auth_id=member.auth_id, at=NOON)


def count_impatiently(member) -> None:
    """As who waits for no row."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '50ms'")
    with pytest.raises(OperationalError, match="lock timeout"):
        count(member)
