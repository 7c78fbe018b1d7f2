"""What every adapter offers, and all that a partner can answer."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from exchange.rules.reconciling import StatementLine


class AnswerKind(StrEnum):
    """What is known after an attempt."""

    CREDITED = "credited"
    REFUSED = "refused"  # by the partner, for good
    PENDING = "pending"  # the partner has it, and will decide
    NOT_FOUND = "not_found"  # the partner has nothing under this reference
    NOT_SENT = "not_sent"  # it surely had no effect: not connected, or sent away unread
    NO_ANSWER = "no_answer"  # it may have had an effect


ANSWERED = frozenset({AnswerKind.CREDITED, AnswerKind.REFUSED, AnswerKind.PENDING, AnswerKind.NOT_FOUND})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a partner answered, or why no answer is known. `code` and `detail` name nobody: staff and members read them.

    `credited` are the units, where they are fewer than were asked for.
    """

    kind: AnswerKind
    partner_reference: str = ""
    code: str = ""
    detail: str = ""
    retry_after_seconds: int | None = None
    credited: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """What a partner is asked to credit: `amount` units for `points`, once for each `reference`, however often it is asked."""

    reference: UUID
    membership_number: str
    amount: int
    points: int
    first_name: str = ""
    last_name: str = ""
    partner_reference: str = ""
    token_name: str = ""
    token_symbol: str = ""
    transaction_type: str = ""
    transaction_hash: str = ""
    ordered_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """Whether the partner knows the member; `known` None when it does not say."""

    known: bool | None
    code: str = ""
    detail: str = ""


class StatementUnavailableError(Exception):
    """The partner gives no statement, or not now; the words are ours."""


class Adapter(Protocol):
    """One way to reach one partner. Every call ends within the provider's time-out and raises nothing."""

    def validate_member(self, credit: Credit) -> Validation:
        """Ask whether number and name belong to a member who may be credited."""

    def credit(self, credit: Credit) -> Answer:
        """Ask for the credit; the same reference again has no further effect."""

    def inquire(self, credit: Credit) -> Answer:
        """Ask what became of the reference."""

    def reverse(self, credit: Credit) -> Answer:
        """Ask to take the credit back."""

    def statement(self, day: date) -> list[StatementLine]:
        """All that the partner credited on a day (UTC). Raises StatementUnavailableError."""

    def close(self) -> None:
        """Hang up."""
