"""Accrual files over a real SFTP server: what is credited is settled, what is rejected comes back, once, whatever is read."""

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest
from django.utils import timezone

from exchange.adapters.base import StatementUnavailableError
from exchange.models import (
    AccrualFile,
    AccrualRecord,
    AdapterKind,
    AnswerFile,
    AnswerState,
    Difference,
    ExchangeAttempt,
    ExchangeOrder,
    Provider,
)
from exchange.rules.accrual import FileStatus, decode_accruals
from exchange.sandbox.files import AirlineFiles, public_key
from exchange.sandbox.ledger import AirlineLedger
from exchange.services.files import exchange_files
from exchange.services.reconciling import reconcile
from ledger.models import Account, Token
from tests.exchange.conftest import POINTS
from tests.exchange.world import LONG_AGO, NUMBER, drive, exchange, make_partnership, make_provider
from users.models import Brand, Member, Membership

ETIHAD = "etihad"


class Partner:
    """The airline's folders, as the airline sees them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = AirlineFiles(folder, AirlineLedger(folder / "airline.sqlite3"), [ETIHAD])
        self.files.read_every = 3600  # it reads when the test says so
        self.port = self.files.start()

    @property
    def came(self) -> list[Path]:
        return sorted((self.folder / ETIHAD / "outgoing").iterdir())

    @property
    def answers(self) -> list[Path]:
        return sorted((self.folder / ETIHAD / "incoming").glob("*.ans"))

    def read(self) -> None:
        self.files.read_folder(ETIHAD)

    def credited(self) -> dict[str, int]:
        return {row["callback"]: row["amount"] for row in self.files.ledger.rows(ETIHAD) if row["state"] == "credited"}


@pytest.fixture
def partner(tmp_path) -> Iterator[Partner]:
    return Partner(tmp_path)


@pytest.fixture
def files_provider(brand: Brand, token: Token, partner: Partner) -> Provider:
    made = make_provider(brand)
    terms = {"host_key": public_key(partner.folder), "interval_seconds": 1}
    address = f"sftp://127.0.0.1:{partner.port}/etihad"
    Provider.objects.filter(pk=made.pk).update(adapter=AdapterKind.ACCRUAL_FILES, address=address, terms=terms)
    made.refresh_from_db()
    make_partnership(made, token)
    return made


def go_round() -> None:
    Provider.objects.update(files_due_at=LONG_AGO)
    exchange_files(clock=timezone.now)


def states(member: Member) -> list[str]:
    return list(ExchangeOrder.objects.filter(member=member).order_by("pk").values_list("state", flat=True))


def balance(member: Member) -> int:
    return Account.objects.get(member=member).balance


pytestmark = pytest.mark.usefixtures("files_provider")


def test_a_file_is_delivered_once_and_its_answer_ends_each_order(rich: Member, token: Token, partner: Partner):
    orders = [exchange(rich, token, points) for points in (100, 93, 99, 96)]
    Membership.objects.create(brand=rich.brand, member=rich, programme=orders[0].partnership.provider.programme, number=NUMBER)
    drive()
    assert states(rich) == ["pending"] * 4

    go_round()

    (name,) = [path.name for path in partner.came]
    assert name == "etihad-00000001.acc"
    sent = decode_accruals(partner.came[0].read_bytes())
    assert [(one.reference, one.miles) for one in sent.records] == [(str(o.reference), o.received) for o in orders]
    partner.read()
    go_round()

    assert states(rich) == ["settled", "refused", "settled", "settled"]
    partly = ExchangeOrder.objects.get(pk=orders[2].pk)
    assert (partly.credited, partly.reversal.amount) == (495, 49)  # 49.5 points' worth is not credited: 50 were spent
    assert balance(rich) == POINTS - 100 - 50 - 96
    assert Membership.objects.get(member=rich).number == NUMBER[::-1]
    go_round()
    partner.read()
    assert AccrualFile.objects.filter(brand=rich.brand).count() == 1
    assert sum(partner.credited().values()) == 1000 + 495 + 960


def test_what_stays_open_is_answered_by_a_later_file(rich: Member, token: Token, partner: Partner):
    for points in (98, 100):
        exchange(rich, token, points)
    drive()
    go_round()
    partner.read()
    go_round()

    assert sorted(states(rich)) == ["settled", "settled"]
    assert [file.state for file in AnswerFile.objects.filter(brand=rich.brand).order_by("pk")] == ["read", "read"]


def test_the_host_must_show_the_key_that_was_agreed(rich: Member, token: Token, partner: Partner, tmp_path):
    terms = {"host_key": public_key(tmp_path / "another")}
    Provider.objects.filter(brand=rich.brand).update(terms=terms)
    exchange(rich, token, 100)
    drive()

    go_round()

    provider = Provider.objects.get(brand=rich.brand)
    assert (provider.files_failures, provider.files_fault) == (1, "HostKeyNotVerifiable")
    assert partner.came == []
    assert states(rich) == ["pending"]


def test_a_file_left_before_the_crash_is_not_left_twice(rich: Member, token: Token, partner: Partner):
    exchange(rich, token, 100)
    drive()
    Provider.objects.filter(brand=rich.brand).update(address="sftp://127.0.0.1:9/etihad")
    go_round()
    file = AccrualFile.objects.get(brand=rich.brand)
    (partner.folder / ETIHAD / "outgoing" / file.name).write_bytes(bytes(file.content))
    Provider.objects.filter(brand=rich.brand).update(address=f"sftp://127.0.0.1:{partner.port}/etihad")

    go_round()

    assert len(partner.came) == 1
    file.refresh_from_db()
    assert (file.delivered_at is not None, file.content) == (True, None)


def answered(rich: Member, token: Token, partner: Partner, *points: int) -> Path:
    for amount in points:
        exchange(rich, token, amount)
    drive()
    go_round()
    partner.read()
    return partner.answers[-1]


def test_an_answer_read_twice_under_another_name_is_refused(rich: Member, token: Token, partner: Partner):
    answer = answered(rich, token, partner, 100, 93)
    answer.with_name("again.ans").write_bytes(answer.read_bytes())

    go_round()
    go_round()

    assert states(rich) == ["settled", "refused"]
    assert sorted(AnswerFile.objects.filter(brand=rich.brand).values_list("state", flat=True)) == ["read", "refused"]
    assert AnswerFile.objects.get(brand=rich.brand, state=AnswerState.REFUSED).fault == "duplicate_file: sequence 1"
    assert balance(rich) == POINTS - 100


def test_a_file_read_half_before_a_crash_is_read_to_its_end(rich: Member, token: Token, partner: Partner):
    answered(rich, token, partner, 100, 93)
    go_round()
    AnswerFile.objects.filter(brand=rich.brand).update(state=AnswerState.READING)
    notices = ExchangeAttempt.objects.filter(brand=rich.brand, act="notice")
    assert notices.count() == 2

    go_round()

    assert notices.count() == 2

    assert states(rich) == ["settled", "refused"]
    assert AnswerFile.objects.get(brand=rich.brand).state == AnswerState.READ
    assert balance(rich) == POINTS - 100


def test_answers_may_be_read_out_of_order(rich: Member, token: Token, partner: Partner):
    first = answered(rich, token, partner, 100)
    kept = first.read_bytes()
    first.rename(first.with_suffix(".hidden"))
    (partner.folder / ETIHAD / "incoming" / "x.ans").write_bytes(b"")
    second = answered(rich, token, partner, 200)
    second.rename(second.with_name("b.ans"))
    go_round()
    assert states(rich) == ["pending", "settled"]

    first.write_bytes(kept)
    go_round()

    assert states(rich) == ["settled", "settled"]


HEAD = b"RH01SANDBOX             00000001"


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (lambda content: content[: len(content) // 2], "truncated"),
        (lambda content: content.replace(b"A000000000001000", b"A000000000001001"), "wrong_total"),
        (lambda content: content.replace(HEAD + b"00000001", HEAD + b"00000007"), "unknown_file"),
    ],
)
def test_a_damaged_answer_moves_nothing_and_its_mended_form_is_taken(rich, token, partner, damage, fault):
    answer = answered(rich, token, partner, 100, 93)
    whole = answer.read_bytes()
    answer.write_bytes(damage(whole))
    go_round()
    assert states(rich) == ["pending", "pending"]
    assert AnswerFile.objects.get(brand=rich.brand).fault.startswith(fault)

    answer.with_name("mended.ans").write_bytes(whole)
    go_round()

    assert states(rich) == ["settled", "refused"]


def test_a_file_that_the_partner_refuses_whole_waits_for_staff(rich: Member, token: Token, partner: Partner):
    exchange(rich, token, 100)
    drive()
    go_round()
    partner.came[0].write_bytes(b"AH01 nonsense\n")
    partner.read()

    go_round()

    assert states(rich) == ["parked"]
    assert AccrualFile.objects.get(brand=rich.brand).refused_as == FileStatus.FORMAT.name.lower()
    assert AccrualRecord.objects.get(brand=rich.brand).answered_at is None
    assert partner.credited() == {}


def test_a_rejection_that_is_taken_back_takes_the_points_again(rich: Member, token: Token, partner: Partner):
    answer = answered(rich, token, partner, 93)
    go_round()
    assert balance(rich) == POINTS
    told = answer.read_bytes().replace(b"RH01SANDBOX             00000001", b"RH01SANDBOX             00000002")
    told = told.replace(b"RT00000001", b"RT00000002").replace(b"R000000000000000INELIGIBLE", b"A000000000000930          ")
    answer.with_name("later.ans").write_bytes(told.replace(b"000000000000000\n", b"000000000000930\n"))

    go_round()

    assert states(rich) == ["settled"]
    assert balance(rich) == POINTS - 93


def test_an_order_that_no_file_can_hold_is_for_staff_and_stops_no_other(rich: Member, token: Token, partner: Partner):
    wide, narrow = exchange(rich, token, 100), exchange(rich, token, 200)
    drive()
    ExchangeOrder.objects.filter(pk=wide.pk).update(membership_number="7" * 33)

    go_round()

    assert states(rich) == ["parked", "pending"]
    assert [record.order_id for record in AccrualRecord.objects.filter(brand=rich.brand)] == [narrow.pk]


def test_another_file_of_the_same_name_is_not_taken_for_ours(rich: Member, token: Token, partner: Partner):
    """After a restored backup numbers come again: the partner has other bytes under the name."""
    exchange(rich, token, 100)
    drive()
    theirs = partner.folder / ETIHAD / "outgoing" / "etihad-00000001.acc"
    theirs.write_bytes(b"x" * 300)

    go_round()

    assert AccrualFile.objects.get(brand=rich.brand).delivered_at is None
    assert Provider.objects.get(brand=rich.brand).files_fault == "FileExistsError"


def test_a_file_that_cannot_be_read_keeps_no_other_from_being_read(rich: Member, token: Token, partner: Partner):
    answer = answered(rich, token, partner, 100)
    answer.with_name(f"{'a' * 210}.ans").write_bytes(b"")
    answer.with_name("0.ans").write_bytes(b"\0\0")

    go_round()

    assert states(rich) == ["settled"]


def test_that_a_partner_changes_its_mind_about_what_ended_is_for_staff(rich: Member, token: Token, partner: Partner):
    answer = answered(rich, token, partner, 99)
    go_round()
    assert balance(rich) == POINTS - 50
    more = answer.read_bytes().replace(b"000000000000495", b"000000000000990").replace(HEAD, HEAD[:-1] + b"2")
    answer.with_name("more.ans").write_bytes(more.replace(b"RT00000001", b"RT00000002"))

    go_round()

    row = Difference.objects.get(brand=rich.brand)
    assert (row.kind, row.ours, row.theirs) == ("other_amount", 495, 990)
    assert (states(rich), balance(rich)) == (["settled"], POINTS - 50)


def test_a_partner_that_changes_its_mind_again_and_again_leaves_one_row_for_staff(rich: Member, token: Token, partner: Partner):
    answer = answered(rich, token, partner, 99)
    go_round()
    for number, miles in ((b"2", b"000000000000990"), (b"3", b"000000000000700")):
        told = answer.read_bytes().replace(b"000000000000495", miles).replace(HEAD, HEAD[:-1] + number)
        answer.with_name(f"{number.decode()}.ans").write_bytes(told.replace(b"RT00000001", b"RT0000000" + number))
        go_round()

    assert Difference.objects.get(brand=rich.brand).theirs == 700
    assert set(AnswerFile.objects.filter(brand=rich.brand).values_list("state", flat=True)) == {"read"}


def test_a_duplicate_of_what_was_never_answered_is_for_staff(rich: Member, token: Token, partner: Partner):
    """After a restored backup our number comes again, and the partner knows another file by it."""
    exchange(rich, token, 100)
    drive()
    go_round()
    (partner.folder / ETIHAD / "done" / "00000001.acc").write_bytes(b"another")
    partner.read()

    go_round()

    assert (states(rich), AccrualFile.objects.get(brand=rich.brand).refused_as) == (["parked"], "duplicate")


def test_a_statement_is_fetched_and_one_that_is_missing_reconciles_nothing(rich: Member, token: Token, partner: Partner):
    exchange(rich, token, 100)
    answered(rich, token, partner, 200)
    go_round()
    provider, at = Provider.objects.get(brand=rich.brand), timezone.now()
    day = at.astimezone(UTC).date()

    assert len(reconcile(provider=provider, day=day, at=at).theirs) == 2
    (partner.folder / ETIHAD / "incoming" / f"statement-{day:%Y%m%d}.csv").unlink()
    with pytest.raises(StatementUnavailableError, match="is not there"):
        reconcile(provider=provider, day=day, at=at)
    assert not Difference.objects.filter(brand=rich.brand).exists()
