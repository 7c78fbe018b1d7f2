"""What stands in for an adapter that cannot be made: its provider's settings are wrong, and nothing leaves the house."""

from dataclasses import dataclass
from datetime import date

from exchange.adapters.base import Answer, AnswerKind, Credit, StatementUnavailableError, Validation
from exchange.rules.reconciling import StatementLine


@dataclass(frozen=True, slots=True)
class NoAdapter:
    """Says to everything that it was not sent; `because` names the fault, for staff."""

    because: str

    def validate_member(self, credit: Credit) -> Validation:
        """Nobody can be asked."""
        return Validation(known=None, code="misconfigured", detail=self.because)

    def credit(self, credit: Credit) -> Answer:
        """Nothing is sent."""
        return self._answer()

    def inquire(self, credit: Credit) -> Answer:
        """Nothing is sent."""
        return self._answer()

    def reverse(self, credit: Credit) -> Answer:
        """Nothing is sent."""
        return self._answer()

    def statement(self, day: date) -> list[StatementLine]:
        """None is given."""
        raise StatementUnavailableError(self.because)

    def close(self) -> None:
        """Nothing is open."""

    def _answer(self) -> Answer:
        return Answer(kind=AnswerKind.NOT_SENT, code="misconfigured", detail=self.because)
