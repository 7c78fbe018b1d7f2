"""Exchange orders: points on their way to a partner, every attempt, and every move of theirs."""

import uuid

import pgtrigger
from django.db import models
from django.db.models import ExpressionWrapper, F, Q
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now
from django.db.models.lookups import GreaterThan, LessThanOrEqual

from exchange.models.partnerships import Partnership
from exchange.models.providers import Provider
from exchange.rules.orders import MOVES, OPEN, OrderState
from exchange.rules.rates import DIGITS, FRACTION_DIGITS, Rate
from ledger.models import Token, Transaction
from users.models import Brand, Member
from users.models.guards import append_only, kept


def _exactly(whole: str, decimal: str) -> ExpressionWrapper[CombinedExpression]:
    """The product of two columns, as a decimal."""
    return ExpressionWrapper(F(whole) * F(decimal), output_field=models.DecimalField())


STATES = [(state.value, state.value) for state in OrderState]


class ExchangeOrder(models.Model):
    """One exchange. `transaction` moved the points into clearing; the rate is pinned, the dropped fraction kept."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    reference = models.UUIDField(default=uuid.uuid4, help_text="What the partner knows it by, in every attempt.")
    partnership = models.ForeignKey(Partnership, models.PROTECT, related_name="+", db_index=False)
    provider = models.ForeignKey(Provider, models.PROTECT, null=True, related_name="+", db_index=False)
    member = models.ForeignKey(Member, models.PROTECT, related_name="+", db_index=False)
    transaction = models.OneToOneField(Transaction, models.PROTECT, related_name="exchange_order")
    reversal = models.OneToOneField(Transaction, models.PROTECT, null=True, related_name="+")
    token_b = models.ForeignKey(Token, models.PROTECT, related_name="+", db_index=False)
    points = models.BigIntegerField()
    rate_numerator = models.DecimalField(max_digits=DIGITS, decimal_places=FRACTION_DIGITS)
    rate_denominator = models.DecimalField(max_digits=DIGITS, decimal_places=FRACTION_DIGITS, default=1)
    received = models.BigIntegerField(help_text="Whole units of B.")
    remainder = models.DecimalField(max_digits=19, decimal_places=18, help_text="The part of a unit that rounding dropped.")
    membership_number = models.CharField(max_length=255, help_text="Empty once it is over and the member was erased.")
    state = models.CharField(max_length=10, choices=STATES, default=OrderState.ACCEPTED.value)
    due_at = models.DateTimeField(help_text="When it may be looked at next; a lease moves it on.")
    attempts = models.PositiveIntegerField(default=0)
    misses = models.PositiveIntegerField(default=0, help_text="Attempts without an answer, in a row.")
    partner_reference = models.CharField(max_length=100, blank=True)
    credited = models.BigIntegerField(null=True, help_text="Units of B, where the partner credited fewer than were asked for.")
    refusal_code = models.CharField(max_length=40, blank=True)
    refusal_detail = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        permissions = [("decide_exchange", "Can decide about parked exchanges")]
        constraints = [
            models.UniqueConstraint(name="exchange_order_of_brand", fields=["brand", "id"]),
            models.UniqueConstraint(name="exchange_reference_once", fields=["brand", "reference"]),
            models.CheckConstraint(name="exchange_points_positive", condition=Q(points__gt=0, received__gt=0)),
            models.CheckConstraint(name="exchange_rate_positive", condition=Q(rate_numerator__gt=0, rate_denominator__gt=0)),
            models.CheckConstraint(
                name="exchange_received_is_rounded_down",
                condition=Q(remainder__gte=0, remainder__lt=1)
                & Q(LessThanOrEqual(_exactly("received", "rate_denominator"), _exactly("points", "rate_numerator")))
                & Q(
                    GreaterThan(
                        _exactly("received", "rate_denominator") + F("rate_denominator"), _exactly("points", "rate_numerator")
                    )
                ),
            ),
            models.CheckConstraint(
                name="exchange_ended_has_instant",
                condition=Q(state__in=["settled", "refused"], ended_at__isnull=False)
                | (~Q(state__in=["settled", "refused"]) & Q(ended_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="exchange_partly_credited",
                condition=Q(credited__isnull=True) | Q(credited__gt=0, credited__lt=F("received"), state="settled"),
            ),
            models.CheckConstraint(name="exchange_refusal_has_reason", condition=~Q(state="refused") | ~Q(refusal_code="")),
        ]
        indexes = [
            models.Index(
                name="exchange_due", fields=["due_at", "id"], condition=Q(state__in=sorted(state.value for state in OPEN))
            ),
            models.Index(name="exchange_to_member", fields=["membership_number"], condition=Q(provider__isnull=True)),
            models.Index(name="exchange_of_member", fields=["member", "created_at", "id"]),
            models.Index(name="exchange_of_brand", fields=["brand", "state", "created_at"]),
            models.Index(name="exchange_oldest", fields=["brand", "created_at", "id"]),
        ]
        triggers = [
            *kept("exchange_order"),
            pgtrigger.FSM(
                name="exchange_moves",
                field="state",
                transitions=[(state.value, to.value) for state in OrderState for to in [state, *sorted(MOVES[state])]],
            ),
            pgtrigger.Trigger(
                name="exchange_follows_ledger",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                func="""
                    IF NOT EXISTS (
                        SELECT FROM ledger_transaction t JOIN ledger_account a ON a.id = t.account_id
                        WHERE t.id = NEW.transaction_id AND t.brand_id = NEW.brand_id AND a.member_id = NEW.member_id
                          AND t.amount = -NEW.points
                    ) THEN
                        RAISE EXCEPTION 'an exchange is paid by its member' USING ERRCODE = 'check_violation',
                            CONSTRAINT = 'exchange_follows_ledger';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Protect(
                name="exchange_keeps_its_terms",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    *("brand", "reference", "partnership", "provider", "member", "transaction", "token_b", "points"),
                    *("rate_numerator", "rate_denominator", "received", "remainder"),
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.points} points into {self.received}, {self.state}"

    @property
    def arrived(self) -> int:
        """Units of B that arrive, or have: fewer than were asked for where the partner said so."""
        return self.received if self.credited is None else self.credited

    @property
    def rate(self) -> Rate:
        """The rate it was made with."""
        return Rate(self.rate_numerator, self.rate_denominator)


class Act(models.TextChoices):
    """What an attempt asks of the partner."""

    CREDIT = "credit"
    INQUIRE = "inquire"
    REVERSE = "reverse"
    NOTICE = "notice", "told by the partner"


class ExchangeAttempt(models.Model):
    """One call to a partner, committed before it leaves; what came of it is written once."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    order = models.ForeignKey(ExchangeOrder, models.PROTECT, related_name="calls", db_index=False)
    number = models.PositiveIntegerField()
    act = models.CharField(max_length=10, choices=Act)
    begun_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=12, blank=True, help_text="Empty while no answer is known.")
    detail = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="exchange_attempt_once", fields=["brand", "order", "number"]),
            models.CheckConstraint(
                name="exchange_attempt_ends_whole",
                condition=Q(ended_at__isnull=True, outcome="") | (Q(ended_at__isnull=False) & ~Q(outcome="")),
            ),
        ]
        indexes = [models.Index(name="exchange_attempt_of_order", fields=["order", "number"])]
        triggers = [
            *kept("exchange_attempt"),
            pgtrigger.Protect(
                name="exchange_attempt_is_final",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__ended_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.act} {self.number}: {self.outcome or 'no answer yet'}"


class ExchangeMove(models.Model):
    """An order went from one state to another: who moved it, and why."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", db_index=False)
    order = models.ForeignKey(ExchangeOrder, models.PROTECT, related_name="moves", db_index=False)
    came_from = models.CharField(max_length=10, choices=STATES)
    went_to = models.CharField(max_length=10, choices=STATES)
    actor = models.CharField(max_length=60)
    reason = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(name="exchange_move_of_order", fields=["order", "id"])]
        triggers = [*append_only("exchange_move")]

    def __str__(self) -> str:
        return f"{self.came_from} to {self.went_to}"
