"""A hypothesis state machine drives the ledger beside a plain-Python model; after every step both must agree."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from ledger.models import Lot, Transaction
from ledger.selectors import balances_of
from ledger.services.expiring import expire_due_accounts
from ledger.services.extending import ExtensionOrder, extend_lots
from loyalty.errors import LoyaltyError
from tests.conftest import NOON, make_brand, make_expiring_token, make_member, make_token
from tests.ledger.orders import account_of, move, undo

LIFETIME_DAYS = 10


@dataclass
class ModelLot:
    """Points that lapse together."""

    opened: int
    left: int
    lapses_on: int


@dataclass
class ModelRow:
    """A movement, and per lot what it took; None stands for points of no lot."""

    amount: int
    type: str
    taken: list[list] = field(default_factory=list)
    undone: int = 0


@dataclass
class ModelAccount:
    """The ledger as one would write it on paper, in whole days."""

    fading: bool
    loose: int = 0
    lots: list[ModelLot] = field(default_factory=list)
    rows: list[ModelRow] = field(default_factory=list)

    def spendable(self, day: int) -> int:
        return self.loose + sum(lot.left for lot in self.lots if lot.lapses_on > day)

    def expire(self, day: int) -> None:
        due = [lot for lot in self.lots if lot.lapses_on <= day and lot.left]
        if due:
            self.rows.append(ModelRow(-sum(lot.left for lot in due), "expiry"))
        for lot in due:
            lot.left = 0

    def credit(self, amount: int, day: int) -> None:
        self.expire(day)
        row = ModelRow(amount, "credit_points")
        if self.fading:
            lot = ModelLot(amount, amount, day + LIFETIME_DAYS)
            self.lots.append(lot)
            row.taken = [[lot, amount]]
        else:
            self.loose += amount
        self.rows.append(row)

    def take(self, amount: int, first: ModelLot | None = None) -> list[list]:
        taken = []
        for lot in sorted(self.lots, key=lambda lot: (lot is not first, lot.lapses_on)):
            part = min(lot.left, amount)
            if part:
                lot.left -= part
                amount -= part
                taken.append([lot, part])
        self.loose -= amount
        return taken + ([[None, amount]] if amount else [])

    def debit(self, amount: int, day: int) -> bool:
        if amount > self.spendable(day):
            return False
        self.expire(day)
        self.rows.append(ModelRow(-amount, "debit_points", self.take(amount)))
        return True

    def undo(self, row: ModelRow, amount: int, day: int) -> bool:
        if row.type not in {"credit_points", "debit_points"} or not 0 < amount <= abs(row.amount) - row.undone:
            return False
        if row.amount > 0 and amount > self.spendable(day):
            return False
        self.expire(day)
        row.undone += amount
        if row.amount > 0:
            self.take(amount, row.taken[0][0] if row.taken else None)
            self.rows.append(ModelRow(-amount, "reversal"))
            return True
        left = amount
        for part in reversed(row.taken):
            back = min(part[1], left)
            part[1] -= back
            left -= back
            if part[0] is None:
                self.loose += back
            else:
                part[0].left += back
        self.rows.append(ModelRow(amount, "reversal"))
        return True

    def extend(self, lot: ModelLot, until: int, day: int) -> bool:
        if not lot.left or lot.lapses_on <= day or until <= lot.lapses_on:
            return False
        self.expire(day)
        lot.lapses_on = until
        self.rows.append(ModelRow(0, "expiry_extension"))
        return True


WHO, WHAT = st.integers(0, 1), st.sampled_from([1, 1, 0])


class LedgerMachine(RuleBasedStateMachine):
    """Two members, a plain and a fading token; days pass."""

    def __init__(self):
        super().__init__()
        self.savepoint = transaction.atomic()
        self.savepoint.__enter__()

    @initialize()
    def start(self):
        self.brand = make_brand()
        self.members = [make_member(self.brand) for _ in range(2)]
        self.tokens = [make_token(self.brand), make_expiring_token(self.brand, days=LIFETIME_DAYS)]
        self.model = {(m, t): ModelAccount(fading=bool(t)) for m in range(2) for t in range(2)}
        self.posted: list[tuple[ModelAccount, ModelRow, object]] = []
        self.references: dict[str, int] = {}
        self.touched: set[tuple[int, int]] = set()
        for self.day in (0, 3, 5):  # so that every debit has several lots to choose from
            for who, what in self.model:
                self.credit_points(who, what, 20)

    @property
    def now(self):
        return NOON + timedelta(days=self.day)

    def acted(self, act) -> object | None:
        try:
            with transaction.atomic():
                return act()
        except LoyaltyError:
            return None

    def touch(self, who, what) -> ModelAccount:
        self.touched.add((who, what))
        return self.model[who, what]

    @rule(who=WHO, what=WHAT, amount=st.integers(1, 50))
    def credit(self, who, what, amount):
        self.credit_points(who, what, amount)

    def credit_points(self, who, what, amount):
        model = self.touch(who, what)
        model.credit(amount, self.day)
        posted = move(self.members[who], self.tokens[what], amount, at=self.now)
        self.posted.append((model, model.rows[-1], posted))

    @rule(who=WHO, what=WHAT, amount=st.integers(1, 45))
    def debit(self, who, what, amount):
        model = self.touch(who, what)
        expected = model.debit(amount, self.day)
        posted = self.acted(lambda: move(self.members[who], self.tokens[what], -amount, at=self.now))
        assert (posted is not None) == expected
        if expected:
            self.posted.append((model, model.rows[-1], posted))

    @rule(data=st.data(), amount=st.integers(1, 30))
    def reverse(self, data, amount):
        model, row, posted = data.draw(st.sampled_from(self.posted))
        self.touched |= {place for place, account in self.model.items() if account is model}
        expected = model.undo(row, amount, self.day)
        reversal = self.acted(lambda: undo(posted, amount, at=self.now, brand_id=self.brand.pk))
        assert (reversal is not None) == expected
        if expected:
            self.posted.append((model, model.rows[-1], reversal))

    @rule(who=WHO, data=st.data(), days=st.integers(1, 15))
    def extend(self, who, data, days):
        model = self.touch(who, 1)
        place, until = data.draw(st.integers(0, len(model.lots) - 1)), self.day + days
        lot = model.lots[place]  # by its place: two lots may look alike
        account = account_of(self.members[who], self.tokens[1])
        number = Lot.objects.filter(account=account).order_by("sequence")[place].sequence
        terms = {"lots": (number,), "expires_at": NOON + timedelta(days=until)}
        order = ExtensionOrder(brand_id=self.brand.pk, account_id=account.pk, **terms)
        expected = model.extend(lot, until, self.day)
        assert (self.acted(lambda: extend_lots(order=order, at=self.now)) is not None) == expected

    @rule(who=WHO, reference=st.sampled_from(["a", "b", "c"]))
    def replay(self, who, reference):
        model = self.touch(who, 0)
        posted = self.acted(lambda: move(self.members[who], self.tokens[0], 3, at=self.now, reference_id=reference))
        assert (posted is None) == (reference in self.references)
        if posted is not None:
            self.references[reference] = posted.id
            model.credit(3, self.day)
            self.posted.append((model, model.rows[-1], posted))

    @rule(days=st.integers(1, 5))
    def time_passes(self, days):
        self.day += days

    @rule()
    def expire(self):
        for place, model in self.model.items():
            model.expire(self.day)
            self.touched.add(place)
        expire_due_accounts(clock=lambda: self.now)

    @invariant()
    def balances_agree(self):
        for (who, what), model in self.model.items():
            held = {balance.token.pk: balance.points for balance in balances_of(self.members[who], at=self.now)}
            assert held[self.tokens[what].pk] == model.spendable(self.day)

    @invariant()
    def rows_and_lots_agree(self):
        for who, what in self.touched:
            model = self.model[who, what]
            account = account_of(self.members[who], self.tokens[what])
            rows = Transaction.objects.filter(brand=self.brand, account=account).order_by("sequence")
            assert list(rows.values_list("type", "amount")) == [(row.type, row.amount) for row in model.rows]
            assert [row.sequence for row in rows] == list(range(1, len(model.rows) + 1))
            assert account.balance == sum(row.amount for row in model.rows)
            lots = Lot.objects.filter(account=account).order_by("sequence")
            assert [lot.remaining for lot in lots] == [lot.left for lot in model.lots]
            assert sum(lot.remaining for lot in lots) <= account.balance
        self.touched.clear()

    def teardown(self):
        transaction.set_rollback(True)
        self.savepoint.__exit__(None, None, None)


CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@pytest.mark.parametrize(
    ("examples", "steps"),
    [(25, 30), pytest.param(500, 60, marks=[pytest.mark.long, pytest.mark.timeout(3_600)])],
)
def test_the_ledger_does_what_the_paper_does(db, examples, steps):
    limits = settings(max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=CHECKS)

    run_state_machine_as_test(LedgerMachine, settings=limits)
