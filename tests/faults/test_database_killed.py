"""PostgreSQL dies by kill -9 under load: what was acknowledged is there, once."""

import pytest

from tests.faults.load import under_load
from tests.faults.server import Platform

READY_SECONDS = 20


def kill_under_load(platform: Platform, *, kills: int, writers: int, only_postmaster: bool = False) -> None:
    with under_load(platform, writers=writers, wallets=writers // 2) as load:
        for _ in range(kills):
            load.wait_for_more(150)
            platform.kill_database(only_postmaster=only_postmaster)
            platform.embedded.ensure()
            load.wait_for_more(1, seconds=READY_SECONDS)  # the web server comes back by itself
        load.wait_for_more(100)

    assert load.disturbed > 0, "no kill was felt: this proved nothing"
    load.check()


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_when_all_of_postgresql_is_killed(platform: Platform) -> None:
    web = platform.web

    kill_under_load(platform, kills=2, writers=12)

    assert platform.web is web
    assert web.poll() is None


def test_nothing_acknowledged_is_lost_when_the_postmaster_alone_is_killed(platform: Platform) -> None:
    kill_under_load(platform, kills=1, writers=8, only_postmaster=True)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_nothing_acknowledged_is_lost_in_many_kills(platform: Platform) -> None:
    kill_under_load(platform, kills=20, writers=16)
    kill_under_load(platform, kills=5, writers=16, only_postmaster=True)


def test_the_check_sees_a_loss(platform: Platform) -> None:
    """The check itself is checked: an acknowledgement without a row is found."""
    with under_load(platform, writers=2, wallets=1) as load:
        load.wait_for_more(5)
    load.check()
    load.acknowledged["never sent"] = (load.wallets[0], "999999999999")

    with pytest.raises(AssertionError):
        load.check()
