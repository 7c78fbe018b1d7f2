"""The Partner API in the OpenAPI document: every operation, field, answer and refusal, with examples."""

from collections.abc import Callable

from drf_spectacular.utils import OpenApiParameter

from ledger.models import TransactionType
from loyalty.api.partner import bodies, examples, shapes
from loyalty.api.schema import View, documented

INSTANT = {"type": "string", "format": "date-time"}
FROM_TIME = OpenApiParameter("from_time", INSTANT, description="ISO 8601, included; without a zone it is UTC.")
TO_TIME = OpenApiParameter("to_time", INSTANT, description="ISO 8601, not included.")
LIMIT = OpenApiParameter(
    "limit", {"type": "integer", "minimum": 1, "default": 100}, description="More than 100 is read as 100."
)
OFFSET = OpenApiParameter("offset", {"type": "integer", "minimum": 0, "default": 0}, description="As in SQL.")
AUTH_ID = OpenApiParameter("auth_id", str, OpenApiParameter.PATH, description="Your own id of the user.")
TARGET = OpenApiParameter(
    "target", str, OpenApiParameter.PATH, description="A programme's implementation name, or your own brand id."
)
TRANSACTION_ID = OpenApiParameter(
    "transaction_id", {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}, OpenApiParameter.PATH
)
NOT_FOUND = {404: ["user_not_found"]}
USERS, MEMBERSHIPS, TRANSACTIONS = "Users", "Memberships", "Transactions"
SAVING = {
    400: ["invalid_membership_number", "invalid_exchange_provider"],
    404: ["user_not_found"],
}

create_user = documented(
    operation="create_user",
    tag=USERS,
    description="Create a user. Only the e-mail address is mandatory; without an auth_id the user gets a UUID-4.",
    body=bodies.UserBody,
    body_examples={"a user": examples.USER_BODY},
    answer=(201, shapes.UserAnswer),
    example=examples.USER_ANSWER,
    refusals={400: ["auth_id_taken"]},
    once=True,
)
list_users = documented(
    operation="list_users",
    tag=USERS,
    description="List users, newest first.",
    parameters=[
        LIMIT,
        OFFSET,
        OpenApiParameter("email_like", str, description="A part of the e-mail address, in any case."),
        FROM_TIME,
        TO_TIME,
    ],
    answer=(200, shapes.UserPageAnswer),
    example=examples.USER_PAGE,
    refusals={400: ["invalid_request"]},
)
get_user = documented(
    operation="get_user",
    tag=USERS,
    description="Read a user.",
    parameters=[AUTH_ID],
    answer=(200, shapes.UserAnswer),
    example=examples.USER_ANSWER,
    refusals=NOT_FOUND,
)
put_user = documented(
    operation="replace_user",
    tag=USERS,
    description="Replace what is known of a user: the e-mail address is mandatory, absent optional fields become null.",
    parameters=[AUTH_ID],
    body=bodies.UserBody,
    body_examples={"a user": examples.USER_CHANGE},
    answer=(200, shapes.UserAnswer),
    example=examples.USER_ANSWER,
    refusals=NOT_FOUND,
)
patch_user = documented(
    operation="change_user",
    tag=USERS,
    description="Change some of what is known of a user: absent fields stay.",
    parameters=[AUTH_ID],
    body=bodies.UserBody,
    body_examples={"a new language": {"user": {"language": "it"}}},
    answer=(200, shapes.UserAnswer),
    example=examples.USER_ANSWER,
    refusals=NOT_FOUND,
)
delete_user = documented(
    operation="erase_user",
    tag=USERS,
    description="Erase a user's personal data and close their accounts; what is left on them lapses. The ledger keeps its "
    "rows, their user becomes null; the auth_id is free for a new, empty user.",
    parameters=[AUTH_ID],
    answer=(204, None),
    refusals=NOT_FOUND,
)
get_balances = documented(
    operation="get_balances",
    tag=USERS,
    description="Read what a user holds of each of your active points tokens, zero included, lapsed points left out.",
    parameters=[AUTH_ID],
    answer=(200, shapes.BalancesAnswer),
    example=examples.BALANCES,
    refusals=NOT_FOUND,
)


def _saving(operation: str, description: str, *, one: bool, status: int = 200, once: bool = False) -> Callable[[View], View]:
    return documented(
        operation=operation,
        tag=MEMBERSHIPS,
        description=description,
        parameters=[AUTH_ID, TARGET] if one else [AUTH_ID],
        body=bodies.MembershipBody,
        body_examples={"newer": examples.MEMBERSHIP_BODY, "older": examples.OLDER_MEMBERSHIP_BODY},
        answer=(status, shapes.UserAnswer),
        example=examples.MEMBERSHIP_STORED,
        refusals=SAVING,
        once=once,
    )


STORES = "Store a user's number; the same target again replaces it. Path and body must not disagree."
create_membership = _saving("create_membership", STORES, one=False, status=201, once=True)
put_membership = _saving("replace_membership", STORES, one=False)
patch_membership = _saving("change_membership", STORES, one=False)
put_one_membership = _saving("replace_membership_at", STORES, one=True)
patch_one_membership = _saving("change_membership_at", STORES, one=True)
list_memberships = documented(
    operation="list_memberships",
    tag=MEMBERSHIPS,
    description="List a user's memberships.",
    parameters=[AUTH_ID],
    answer=(200, shapes.MembershipsAnswer),
    example=examples.MEMBERSHIPS,
    refusals=NOT_FOUND,
)
get_membership = documented(
    operation="get_membership",
    tag=MEMBERSHIPS,
    description="Read one membership; where there is none, the problem also holds an empty data.",
    parameters=[AUTH_ID, TARGET],
    answer=(200, shapes.MembershipAnswer),
    example=examples.MEMBERSHIP,
    refusals={404: ["user_not_found", "membership_not_found"]},
)
delete_membership = documented(
    operation="delete_membership",
    tag=MEMBERSHIPS,
    description="Forget one membership.",
    parameters=[AUTH_ID, TARGET],
    answer=(204, None),
    refusals={400: ["invalid_exchange_provider"], 404: ["user_not_found", "membership_not_found"]},
)
create_transaction = documented(
    operation="create_transaction",
    tag=TRANSACTIONS,
    description="Move a user's points. A reference_id is unique among the brand's transactions and reversals, for ever.",
    body=bodies.TransactionBody,
    body_examples={"credit": examples.CREDIT_BODY, "debit": examples.DEBIT_BODY},
    answer=(202, shapes.TransactionAnswer),
    example=examples.TRANSACTION,
    refusals={
        400: [
            *("balance_limit", "insufficient_balance", "invalid_amount", "invalid_reference"),
            *("token_not_found", "unknown_type", "user_not_found"),
        ],
        409: ["reference_already_used"],
    },
    once=True,
)
list_transactions = documented(
    operation="list_transactions",
    tag=TRANSACTIONS,
    description="List transactions, newest first. A user that does not exist has none.",
    parameters=[
        LIMIT,
        OFFSET,
        OpenApiParameter("user_auth_id", str),
        OpenApiParameter(
            "types",
            {"type": "array", "items": {"type": "string", "enum": TransactionType.values}},
            description="Repeated, as types[], or parted by commas.",
        ),
        OpenApiParameter("token_id", {"type": "integer", "minimum": 0}),
        OpenApiParameter("status", str, enum=["pending", "success", "failed", "reversed"]),
        FROM_TIME,
        TO_TIME,
        OpenApiParameter("cursor", str, description="The next_cursor of the page before; not together with offset."),
    ],
    answer=(200, shapes.TransactionPageAnswer),
    example=examples.TRANSACTION_PAGE,
    refusals={400: ["invalid_request"]},
)
get_transaction = documented(
    operation="get_transaction",
    tag=TRANSACTIONS,
    description="Read a transaction.",
    parameters=[TRANSACTION_ID],
    answer=(200, shapes.TransactionAnswer),
    example=examples.TRANSACTION,
    refusals={404: ["transaction_not_found", "not_found"]},
)
reverse_transaction = documented(
    operation="reverse_transaction",
    tag=TRANSACTIONS,
    description="Reverse a credit or a debit, whole or in part, at any time; without an amount all that is left of it.",
    parameters=[TRANSACTION_ID],
    body=bodies.ReversalBody,
    body_examples={"a part": examples.REVERSAL_BODY, "all that is left": {"reversal": {}}},
    answer=(202, shapes.TransactionAnswer),
    example=examples.REVERSAL,
    refusals={
        400: [
            *("insufficient_balance", "invalid_amount", "invalid_reference", "not_reversible"),
            *("reversal_exceeds_original", "balance_limit"),
        ],
        404: ["transaction_not_found", "not_found"],
        409: ["reference_already_used"],
    },
    once=True,
)
