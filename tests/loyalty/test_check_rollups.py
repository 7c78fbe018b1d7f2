"""check_rollups names what differs, and mends it when asked to."""

import json

import pytest
from django.core.management import call_command

from ledger.models import DailyFlow
from ledger.services.tallying import LEDGER
from tests.conftest import make_member, make_token
from tests.ledger.orders import move
from tests.ledger.rolling import counted_to_now


@pytest.fixture
def counted(own_brand):
    move(make_member(own_brand), make_token(own_brand), 100)
    counted_to_now(LEDGER, own_brand)
    return own_brand


def test_rollups_that_agree_are_said_to(counted, capsys):
    call_command("check_rollups", brand=counted.pk)

    assert capsys.readouterr().out == "the rollups agree: 2 sums compared\n"


def test_a_sum_that_differs_is_named_and_mended_on_demand(counted, capsys):
    DailyFlow.objects.filter(brand=counted).update(credited_points=99)

    with pytest.raises(SystemExit) as stopped:
        call_command("check_rollups", brand=counted.pk, json=True)
    told = json.loads(capsys.readouterr().out)
    call_command("check_rollups", brand=counted.pk, repair=True)
    mended = capsys.readouterr().out
    call_command("check_rollups", brand=counted.pk)

    assert stopped.value.code == 1
    assert len(told["differences"]) == 1
    assert f"brand {counted.pk}, flows: ledger_dailyflow" in told["differences"][0]
    assert "1 differences, counted anew" in mended
    assert capsys.readouterr().out == "the rollups agree: 2 sums compared\n"
