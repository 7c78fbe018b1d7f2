"""What a file partner answers at once: nothing is known before its answer file is read."""

from datetime import date

from exchange.adapters.base import Answer, AnswerKind, Credit, StatementUnavailableError, Validation
from exchange.rules.accrual import LONGEST_NUMBER
from exchange.rules.reconciling import StatementLine


class AccrualAdapter:
    """Leaves each credit for the next file (services.accruals), and asks nobody: the answer comes as a file too."""

    def validate_member(self, credit: Credit) -> Validation:
        """Files are no place to ask."""
        return Validation(known=None)

    def credit(self, credit: Credit) -> Answer:
        """Leave it for the next file; a number that no field can hold is refused before it is in one."""
        number = credit.membership_number
        if len(number) > LONGEST_NUMBER or not number.isascii() or not number.isprintable():
            return Answer(kind=AnswerKind.REFUSED, code="invalid_membership_number")
        return Answer(kind=AnswerKind.PENDING, code="for_the_next_file")

    def inquire(self, credit: Credit) -> Answer:
        """Wait for the answer file."""
        return Answer(kind=AnswerKind.PENDING, code="until_a_file_answers")

    def reverse(self, credit: Credit) -> Answer:
        """Files only add."""
        return Answer(kind=AnswerKind.REFUSED, code="not_reversible")

    def statement(self, day: date) -> list[StatementLine]:
        """None is given."""
        raise StatementUnavailableError("its statements come over SFTP")

    def close(self) -> None:
        """Nothing is open."""
