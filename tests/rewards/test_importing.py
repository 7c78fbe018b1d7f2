"""Earnings out of files: each transaction_id once, bad lines named, killed and run again with nothing twice."""

import csv
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils import timezone

from ledger.models import Account, Transaction
from ledger.services.proof import prove
from rewards.models import Earning, Promotion
from tests.api.retail.baskets import DOUBLE_COFFEE, make_programme, publish
from tests.conftest import make_member
from tests.worker import database_url

HEADER = ["transaction_id", "member_id", "occurred_at", "amount", "category"]


def write(path: Path, *rows: list[str], header: list[str] = HEADER) -> Path:
    with path.open("w", newline="") as text:
        csv.writer(text).writerows([header, *rows])
    return path


def bring_in(brand, path: Path) -> str:
    told = StringIO()
    call_command("import_earnings", str(path), brand=brand.pk, stdout=told, stderr=StringIO())
    return told.getvalue()


def now() -> str:
    return timezone.now().isoformat()


def test_a_file_earns_by_the_rules_of_the_tills_and_again_nothing(own_brand, tmp_path):
    token, ann, bob = make_programme(own_brand), make_member(own_brand), make_member(own_brand)
    publish(own_brand, DOUBLE_COFFEE)
    path = write(
        tmp_path / "earnings.csv",
        ["t1", ann.auth_id, now(), "12.50", "coffee"],
        ["t2", bob.auth_id, now(), "3.99", ""],
        ["t3", ann.auth_id, now(), "0.50", ""],
        ["t4", ann.auth_id, now(), "7.00", ""],
    )

    first, again = bring_in(own_brand, path), bring_in(own_brand, path)

    assert "4 lines: 4 earned 34 points, 0 were there already, 0 rejected" in first
    assert "4 lines: 0 earned 0 points, 4 were there already, 0 rejected" in again
    balances = dict(Account.objects.filter(brand=own_brand, token=token).values_list("member", "balance"))
    assert balances == {ann.pk: 31, bob.pk: 3}
    assert Earning.objects.get(brand=own_brand, transaction_id="t1").rules["promotions"][0]["points"] == 12
    assert prove(brand_id=own_brand.pk).differences == []


def test_bad_lines_go_to_a_file_with_their_reasons_and_hinder_no_other(own_brand, tmp_path):
    make_programme(own_brand)
    ann = make_member(own_brand)
    path = write(
        tmp_path / "earnings.csv",
        ["t1", ann.auth_id, now(), "1.00", ""],
        ["t2", "nobody", now(), "1.00", ""],
        ["t3", ann.auth_id, now(), "1.005", ""],
        ["t4", ann.auth_id, "yesterday", "1.00", ""],
        ["t5", ann.auth_id, "2020-01-01", "1.00", ""],
        ["", ann.auth_id, now(), "1.00", ""],
        ["t1", ann.auth_id, now(), "2.00", ""],
        ["t6", ann.auth_id],
        ["t7", ann.auth_id, now(), "2.00", ""],
    )

    told = bring_in(own_brand, path)

    assert "9 lines: 2 earned 3 points, 0 were there already, 7 rejected" in told
    with (tmp_path / "earnings.rejected.csv").open(newline="") as text:
        rejected = {row["line"]: row["reason"] for row in csv.DictReader(text)}
    assert rejected.keys() == {"3", "4", "5", "6", "7", "8", "9"}
    assert rejected["3"] == "member_id: the brand has no such member"
    assert rejected["4"].startswith("amount: ")
    assert rejected["8"] == "transaction_id: line 2 has it, with another content"
    assert rejected["9"] == "2 columns, not 5"


def test_a_quote_that_is_never_closed_spoils_its_own_line_alone(own_brand, tmp_path):
    make_programme(own_brand)
    ann = make_member(own_brand)
    path = tmp_path / "earnings.csv"
    rows = [f't1,{ann.auth_id},{now()},1.00,""', f't2,{ann.auth_id},{now()},1.00,"coffee', f"t3,{ann.auth_id},{now()},1.00,"]
    path.write_text("\n".join([",".join(HEADER), *rows]))

    told = bring_in(own_brand, path)

    assert "3 lines: 2 earned 2 points, 0 were there already, 1 rejected" in told
    with (tmp_path / "earnings.rejected.csv").open(newline="") as text:
        (rejected,) = csv.DictReader(text)
    assert (rejected["line"], rejected["reason"].partition(":")[0]) == ("3", "no CSV")


def test_a_file_that_is_run_again_when_it_is_too_old_rejects_nothing_that_earned(own_brand, tmp_path, time_machine):
    make_programme(own_brand)
    path = write(tmp_path / "earnings.csv", ["t1", make_member(own_brand).auth_id, now(), "1.00", ""])
    bring_in(own_brand, path)
    time_machine.move_to(timezone.now() + timedelta(days=40), tick=True)

    assert "1 lines: 0 earned 0 points, 1 were there already, 0 rejected" in bring_in(own_brand, path)


def test_a_gain_that_no_account_could_hold_is_rejected(own_brand, tmp_path):
    make_programme(own_brand)
    publish(own_brand, {"gain": {"kind": "per_item", "points": 10**9}, "categories": ["coffee"]})
    header = [*HEADER, "quantity"]
    row = ["t1", make_member(own_brand).auth_id, now(), "1.00", "coffee", "999999999999"]

    assert "1 rejected" in bring_in(own_brand, write(tmp_path / "earnings.csv", row, header=header))


def test_a_line_that_another_run_took_meanwhile_was_there_already(own_brand, tmp_path):
    """A first run, believed dead, stores a limited line between this run's look and its earning."""
    make_programme(own_brand)
    ann = make_member(own_brand)
    publish(own_brand, DOUBLE_COFFEE, budget=1_000)
    rows = [[f"t{number}", ann.auth_id, now(), "10.00", "coffee"] for number in range(40)]
    path = write(tmp_path / "earnings.csv", *rows)
    told: list[str] = []

    def run() -> None:
        told.append(bring_in(own_brand, path))
        connections.close_all()

    runs = [threading.Thread(target=run) for _ in range(2)]
    for one in runs:
        one.start()
    for one in runs:
        one.join()

    assert len(told) == 2
    assert all("0 rejected" in one for one in told)
    assert Transaction.objects.filter(brand=own_brand).count() == 40


def test_budgets_hold_in_files_too(own_brand, tmp_path):
    make_programme(own_brand)
    ann, promotion = make_member(own_brand), publish(own_brand, DOUBLE_COFFEE, budget=15)
    rows = [[f"t{number}", ann.auth_id, now(), "10.00", "coffee"] for number in range(3)]

    told = bring_in(own_brand, write(tmp_path / "earnings.csv", *rows))

    assert "3 earned 40 points" in told
    assert Promotion.objects.get(pk=promotion.pk).spent_points == 10


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (["transaction_id"], "the header lacks"),
        ([*HEADER, "colour"], "unknown columns: colour"),
        ([*HEADER, "amount"], "twice"),
    ],
)
def test_a_header_that_cannot_be_is_refused(own_brand, tmp_path, header, reason):
    with pytest.raises(CommandError, match=reason):
        bring_in(own_brand, write(tmp_path / "earnings.csv", header=header))


def test_a_killed_import_goes_on_with_nothing_twice(own_brand, tmp_path, settings):
    make_programme(own_brand)
    members = [make_member(own_brand) for _ in range(5)]
    rows = [[f"t{number}", members[number % 5].auth_id, now(), "1.00", ""] for number in range(12_000)]
    path = write(tmp_path / "earnings.csv", *rows)
    command = [sys.executable, "manage.py", "import_earnings", str(path), "--brand", str(own_brand.pk)]
    environment = os.environ | {"DATABASE_URL": database_url(), "REDIS_URL": settings.REDIS_URL}

    for _ in range(2):
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
            before = Earning.objects.filter(brand=own_brand).count()
            while running.poll() is None and Earning.objects.filter(brand=own_brand).count() == before:
                time.sleep(0.05)
            running.send_signal(signal.SIGKILL)
    told = bring_in(own_brand, path)

    assert "0 rejected" in told
    assert Transaction.objects.filter(brand=own_brand).count() == Earning.objects.filter(brand=own_brand).count() == 12_000
    assert sum(Account.objects.filter(brand=own_brand).values_list("balance", flat=True)) == 12_000
