"""What the Partner API takes: the shapes of request bodies, of both generations of its documents."""

from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

from django.conf import settings
from django.http import HttpRequest
from msgspec import UNSET, Meta, Struct, UnsetType, field

from exchange.errors import InvalidExchangeRate
from loyalty.api.requests import MISSING, UNKNOWN, Amount, FieldRefused, Id, Shape, as_amount, as_id, parse_body
from loyalty.errors import FieldError, InvalidRequest, LoyaltyError, invalid_field
from users.services.members import PERSONAL, Profile

Value = TypeVar("Value")
Reference = Annotated[str, Meta(min_length=1, max_length=255)]
Typed = Annotated[str, Meta(min_length=1, max_length=100)]
Number = Annotated[str, Meta(min_length=1, max_length=255)]
Rate = Annotated[Decimal, Meta(extra_json_schema={"type": ["string", "number"]})]
Text = str | None | UnsetType


class UserIn(Struct, forbid_unknown_fields=True):
    """A user, as a partner describes them; `id` is ours, and ignored."""

    email: Annotated[str, Meta(extra_json_schema={"format": "email"})] | UnsetType | None = UNSET
    auth_id: Annotated[str, Meta(max_length=255)] | UnsetType | None = UNSET
    first_name: Text = UNSET
    second_name: Text = UNSET
    language: Text = UNSET
    country_ISO: Text = UNSET
    metadata: dict[str, Any] | UnsetType | None = UNSET
    id: Any = UNSET

    def profile(self) -> Profile:
        """The profile; null and absent mean the same in all but which fields were given."""
        sent = {name: getattr(self, "country_ISO" if name == "country_iso" else name) for name in PERSONAL}
        given = {name: value for name, value in sent.items() if value is not UNSET}
        return Profile(given=frozenset(given), **given)


class UserBody(Struct, forbid_unknown_fields=True):
    """The body that holds a user."""

    user: UserIn


class MembershipIn(Struct, forbid_unknown_fields=True):
    """A membership: where it is, in either spelling, and its number."""

    membership_number: Annotated[str, Meta(min_length=1, max_length=255)]
    brand_id: Annotated[int, Meta(ge=0)] | str | UnsetType = UNSET
    exchange_provider_implementation_name: str | UnsetType = UNSET

    def target(self, in_path: str | None) -> str:
        """The one target that body and path name. Raises InvalidRequest when they disagree or name none."""
        named = {
            "membership.brand_id": _present(self.brand_id),
            "membership.exchange_provider_implementation_name": _present(self.exchange_provider_implementation_name),
        }
        given = {field: str(value) for field, value in named.items() if value is not None}
        names = set(given.values()) | ({in_path} if in_path is not None else set())
        if not names:
            raise invalid_field(
                "membership.brand_id", "brand_id or exchange_provider_implementation_name is needed", code=MISSING
            )
        if len(names) > 1:
            raise invalid_field(next(iter(given)), "two different targets are named", code="contradiction")
        return names.pop()


class MembershipBody(Struct, forbid_unknown_fields=True):
    """The body that holds a membership."""

    membership: MembershipIn


class CreditPoints(Struct, forbid_unknown_fields=True, tag_field="type", tag="credit_points"):
    """Points to the user; `send_email` sends them a notice."""

    user_auth_id: str
    amount: Amount
    token_id: Id
    reference_id: Reference | None = None
    send_email: bool = False


class DebitPoints(Struct, forbid_unknown_fields=True, tag_field="type", tag="debit_points"):
    """Points from the user; `send_email` is ignored."""

    user_auth_id: str
    amount: Amount
    token_id: Id
    reference_id: Reference | None = None
    send_email: bool = False


class PointsToRewards(Struct, forbid_unknown_fields=True, tag_field="type", tag="points_to_rewards"):
    """A reward for the user's points; `amount` is its price."""

    user_auth_id: str
    amount: Amount
    token_id: Id
    reward_type_id: Id
    reference_id: Reference | None = None


class CodeToPoints(Struct, forbid_unknown_fields=True, tag_field="type", tag="code_to_points"):
    """Points for a code, once."""

    user_auth_id: str
    code: Typed
    reference_id: Reference | None = None


class CodeToNft(Struct, forbid_unknown_fields=True, tag_field="type", tag="code_to_nft"):
    """Items of a collectible for a code, once."""

    user_auth_id: str
    code: Typed
    reference_id: Reference | None = None


class CreditNft(Struct, forbid_unknown_fields=True, tag_field="type", tag="credit_nft"):
    """One item of a collectible to the user."""

    user_auth_id: str
    token_id: Id
    reference_id: Reference | None = None


class PointsToExternalRewards(Struct, forbid_unknown_fields=True, tag_field="type", tag="points_to_external_rewards"):
    """Miles for the user's points. The overrides hold for this request only."""

    user_auth_id: str
    amount: Amount
    token_id: Id
    exchange_provider_implementation_name: str
    membership_number_override: Number | None = None
    exchange_rate_override: Rate | None = None
    reference_id: Reference | None = None


class Exchange(Struct, forbid_unknown_fields=True, tag_field="type", tag="exchange"):
    """Miles, or another brand's points, for the user's points. The overrides hold for this request only."""

    user_auth_id: str
    amount: Amount
    token_a_id: Id = field(name="brandA_token_id")
    token_b_id: Id = field(name="brandB_token_id")
    membership_number: Number | None = field(name="brandB_membership_number", default=None)
    exchange_rate_override: Rate | None = None
    reference_id: Reference | None = None


class CodeToExternalRewards(Struct, forbid_unknown_fields=True, tag_field="type", tag="code_to_external_rewards"):
    """Miles for a code, once. The overrides hold for this request only."""

    user_auth_id: str
    code: Typed
    exchange_provider_implementation_name: str
    membership_number_override: Number | None = None
    exchange_rate_override: Rate | None = None
    reference_id: Reference | None = None


Exchanging = PointsToExternalRewards | Exchange | CodeToExternalRewards
Order = CreditPoints | DebitPoints | PointsToRewards | CodeToPoints | CodeToNft | CreditNft | Exchanging


class TransactionBody(Struct, forbid_unknown_fields=True):
    """The body that holds a transaction; `type` says which."""

    transaction: Order


class CodeIn(Struct, forbid_unknown_fields=True):
    """A code to be made. `value` may be left out in a campaign for collectibles: one item."""

    campaign_id: Id
    value: Amount | None = None
    length: int | None = None
    email: Annotated[str, Meta(extra_json_schema={"format": "email"})] | None = None
    language: Annotated[str, Meta(pattern="^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}$(?!\\n)")] | None = None
    reference_id: Reference | None = None


class CodeBody(Struct, forbid_unknown_fields=True):
    """The body that holds a code."""

    code: CodeIn


class UseBody(Struct, forbid_unknown_fields=True):
    """Marks a reward as used; nothing else can be said of it."""

    used: Literal[True] | UnsetType = UNSET


class DecisionIn(Struct, forbid_unknown_fields=True):
    """What was decided about a personalisation."""

    user_nft_id: Id
    status: Literal["approved", "rejected"]
    reason: Annotated[str, Meta(max_length=1_000)] | None = None


class DecisionBody(Struct, forbid_unknown_fields=True):
    """The body that holds a decision."""

    userNFT: DecisionIn


class PersonalisationIn(Struct, forbid_unknown_fields=True):
    """What the user asks for."""

    data: dict[str, Any]


class PersonalisationBody(Struct, forbid_unknown_fields=True):
    """The body that holds what the user asks for."""

    personalisation: PersonalisationIn


class ReversalIn(Struct, forbid_unknown_fields=True):
    """What to undo: without `amount`, all that is left."""

    amount: Amount | None = None
    reason: Annotated[str, Meta(max_length=1_000)] | None = None
    reference_id: Reference | None = None


class ReversalBody(Struct, forbid_unknown_fields=True):
    """The body that holds a reversal."""

    reversal: ReversalIn


class InvalidAmount(InvalidRequest):
    """The amount is missing, or no whole number in range."""

    code = "invalid_amount"


class InvalidReference(InvalidRequest):
    """The reference_id is no text of 1 to 255 characters."""

    code = "invalid_reference"


class UnknownType(InvalidRequest):
    """The type is not one that can be asked for here."""

    code = "unknown_type"


def read(request: HttpRequest, shape: type[Shape]) -> Shape:
    """The body in a shape; fields with a refusal of their own get it."""
    try:
        return parse_body(request, shape, limit_bytes=settings.BODY_LIMIT_BYTES)
    except FieldRefused as refusal:
        raise _named(refusal) from None


def _named(refusal: FieldRefused) -> LoyaltyError:
    (holder, _, field), (error,) = refusal.path.rpartition("."), refusal.errors
    if error.code == UNKNOWN or "." in holder:  # of our own fields none lies deeper
        return refusal
    if field == "amount":
        return _amount_refused(refusal.path, error.code)
    if field == "exchange_rate_override":
        return InvalidExchangeRate(f"{refusal.path}: a decimal above 0", errors=refusal.errors)
    if field == "reference_id":
        return InvalidReference(f"{refusal.path}: 1 to 255 characters", errors=refusal.errors)
    if refusal.path == "transaction.type" and error.detail.startswith("invalid value"):
        return UnknownType("transaction.type: this type of transaction is unknown", errors=refusal.errors)
    return refusal


def amount_of(value: int | str, field: str) -> int:
    """The amount as a number. Raises InvalidAmount."""
    amount = as_amount(value)
    if amount is None:
        raise _amount_refused(field, "invalid")
    return amount


def _amount_refused(field: str, code: str) -> InvalidAmount:
    detail = "a whole number from 1 to 9999999999999, as a number or as digits"
    return InvalidAmount(f"{field}: {detail}", errors=[FieldError(field, code, detail)])


def id_of(value: int | str) -> int:
    """An id as a number."""
    return as_id(value) if isinstance(value, int) or value.isdecimal() else 0


def _present(value: Value | UnsetType) -> Value | None:
    return None if isinstance(value, UnsetType) else value
