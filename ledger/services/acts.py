"""What staff can do to a member's points by hand. An act is plain values, so that an approval can hold it word for word.

Each says its `kind` and `subject`; `hold` locks member and account and answers the account, `points` is how many it moves
or extends there, and `carry_out` posts.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, ClassVar, NamedTuple

from ledger.errors import TransactionNotFound
from ledger.models import Account, Counterpart, Transaction, TransactionType
from ledger.models.accounts import BALANCE_LIMIT
from ledger.selectors import FUNGIBLE_POINTS, find_token
from ledger.services.extending import ExtensionOrder, extend_lots
from ledger.services.posting import Posted, Posting, lapse_of, lock_account, open_account, open_lots, post
from ledger.services.reversing import ReversalOrder, reverse
from loyalty.errors import invalid_field
from users.errors import UserNotFound
from users.models import ApprovalKind
from users.services.approvals import lock_member


class How(NamedTuple):
    """What a row says beside the points: who, why, under which reference."""

    actor: str
    reason: str
    reference_id: str
    explanation: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Points given to a member (above 0) or taken from them (below 0)."""

    member_id: int
    token_id: int
    amount: int

    @property
    def kind(self) -> ApprovalKind:
        """Credit or debit."""
        return ApprovalKind.CREDIT if self.amount > 0 else ApprovalKind.DEBIT

    @property
    def subject(self) -> str:
        """The same amount for the same member waits once."""
        return f"{self.kind}:{self.member_id}:{self.token_id}:{abs(self.amount)}"

    def content(self) -> dict[str, Any]:
        """As it is kept."""
        return asdict(self)

    def hold(self, brand_id: int) -> Account:
        """The member's account, made when it is first needed. Raises UserNotFound, TokenNotFound, InvalidRequest."""
        if not 0 < abs(self.amount) < BALANCE_LIMIT:
            raise invalid_field("amount", f"from 1 to {BALANCE_LIMIT - 1}")
        token = find_token(brand_id=brand_id, token_id=self.token_id, type_=FUNGIBLE_POINTS)
        member = lock_member(brand_id=brand_id, member_id=self.member_id)
        return lock_account(open_account(brand_id=brand_id, member_id=member.pk, token_id=token.pk))

    def points(self, account: Account) -> int:
        """How many."""
        return abs(self.amount)

    def carry_out(self, account: Account, how: How, *, at: datetime) -> Posted:
        """Post it. Raises InsufficientBalance, BalanceLimit."""
        token = find_token(brand_id=account.brand_id, token_id=self.token_id, type_=FUNGIBLE_POINTS)
        return post(
            Posting(
                account=account.pk,
                amount=self.amount,
                type=TransactionType.CREDIT_POINTS if self.amount > 0 else TransactionType.DEBIT_POINTS,
                counterpart=Counterpart.ADJUSTMENT,
                at=at,
                expires_at=lapse_of(token, at=at) if self.amount > 0 else None,
                reference_id=how.reference_id,
                actor=how.actor,
                explanation=how.explanation,
                note=how.reason,
            )
        )

    @classmethod
    def of(cls, content: dict[str, Any]) -> "Movement":
        """The act that was kept."""
        return cls(**content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """So many points of a transaction undone."""

    transaction_id: int
    amount: int
    kind: ClassVar[ApprovalKind] = ApprovalKind.REVERSAL

    @property
    def subject(self) -> str:
        """One reversal of a transaction waits at a time."""
        return f"{self.kind}:{self.transaction_id}"

    def content(self) -> dict[str, Any]:
        """As it is kept."""
        return {"transaction_id": self.transaction_id, "amount": self.amount}

    def hold(self, brand_id: int) -> Account:
        """The account that was moved. Raises TransactionNotFound, UserNotFound, InvalidRequest."""
        if self.amount <= 0:
            raise invalid_field("amount", "1 at least")
        row = Transaction.objects.filter(brand_id=brand_id, pk=self.transaction_id).first()
        if row is None:
            raise TransactionNotFound
        return _held(brand_id, row.account_id)

    def points(self, account: Account) -> int:
        """How many."""
        return self.amount

    def carry_out(self, account: Account, how: How, *, at: datetime) -> Posted:
        """Post it. Raises NotReversible, ReversalExceedsOriginal, InsufficientBalance."""
        order = ReversalOrder(
            brand_id=account.brand_id,
            transaction_id=self.transaction_id,
            amount=self.amount,
            reason=how.reason,
            reference_id=how.reference_id,
            actor=how.actor,
            explanation=how.explanation,
        )
        return reverse(order=order, at=at)

    @classmethod
    def of(cls, content: dict[str, Any]) -> "Reversal":
        """The act that was kept."""
        return cls(**content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """Lots of an account, by the rows that opened them, that are to lapse later."""

    account_id: int
    lots: tuple[int, ...]
    expires_at: datetime
    kind: ClassVar[ApprovalKind] = ApprovalKind.EXTENSION

    @property
    def subject(self) -> str:
        """One extension of an account waits at a time."""
        return f"{self.kind}:{self.account_id}"

    def content(self) -> dict[str, Any]:
        """As it is kept."""
        return {"account_id": self.account_id, "lots": sorted(set(self.lots)), "expires_at": self.expires_at.isoformat()}

    def hold(self, brand_id: int) -> Account:
        """The account. Raises UserNotFound."""
        return _held(brand_id, self.account_id)

    def points(self, account: Account) -> int:
        """How many are left in the lots."""
        return sum(lot.remaining for lot in open_lots(account) if lot.sequence in self.lots)

    def carry_out(self, account: Account, how: How, *, at: datetime) -> Posted:
        """Post it. Raises LotNotExtendable."""
        order = ExtensionOrder(
            brand_id=account.brand_id,
            account_id=account.pk,
            lots=self.lots,
            expires_at=self.expires_at,
            reason=how.reason,
            reference_id=how.reference_id,
            actor=how.actor,
            explanation=how.explanation,
        )
        return extend_lots(order=order, at=at)

    @classmethod
    def of(cls, content: dict[str, Any]) -> "Extension":
        """The act that was kept."""
        instant = datetime.fromisoformat(content["expires_at"])
        return cls(account_id=content["account_id"], lots=tuple(content["lots"]), expires_at=instant)


def _held(brand_id: int, account_id: int) -> Account:
    """An account, its member held first, as erasing does. Raises UserNotFound."""
    member_id = Account.objects.filter(brand_id=brand_id, pk=account_id).values_list("member_id", flat=True).first()
    if member_id is None:
        raise UserNotFound
    lock_member(brand_id=brand_id, member_id=member_id)
    return lock_account(account_id)


Act = Movement | Reversal | Extension
ACTS: dict[str, type[Movement] | type[Reversal] | type[Extension]] = {
    ApprovalKind.CREDIT: Movement,
    ApprovalKind.DEBIT: Movement,
    ApprovalKind.REVERSAL: Reversal,
    ApprovalKind.EXTENSION: Extension,
}


def act_of(kind: str, content: dict[str, Any]) -> Act:
    """The act that an approval of the ledger holds."""
    return ACTS[kind].of(content)
