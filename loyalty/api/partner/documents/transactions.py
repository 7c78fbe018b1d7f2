"""Transactions."""

from drf_spectacular.utils import OpenApiParameter

from ledger.models import TransactionType
from loyalty.api.partner import bodies, examples
from loyalty.api.partner.documents.parameters import FROM_TIME, LIMIT, OFFSET, TO_TIME, TRANSACTION_ID
from loyalty.api.partner.shapes import transactions
from loyalty.api.schema import documented

TAG = "Transactions"
create_transaction = documented(
    operation="create_transaction",
    tag=TAG,
    description="Move a user's points, redeem a code, hand out a reward or give an item. A reference_id is unique among the "
    "brand's transactions and reversals, for ever. A code that another user has redeemed is told as one that does not exist; "
    "wrong codes are counted for the user, the key and the brand, and too many of them are a 429 until the hour is over. An "
    "exchange is pending until the partner has answered; a refused one has failed, and its points came back by a reversal.",
    body=bodies.TransactionBody,
    body_examples={
        "credit": examples.CREDIT_BODY,
        "debit": examples.DEBIT_BODY,
        "a reward": examples.POINTS_TO_REWARDS_BODY,
        "a code for points": examples.CODE_TO_POINTS_BODY,
        "a code for a collectible": examples.CODE_TO_NFT_BODY,
        "a collectible": examples.CREDIT_NFT_BODY,
        "miles": examples.POINTS_TO_EXTERNAL_REWARDS_BODY,
        "an exchange": examples.EXCHANGE_BODY,
        "a code for miles": examples.CODE_TO_EXTERNAL_REWARDS_BODY,
    },
    answer=(202, transactions.TransactionAnswer),
    example=examples.TRANSACTION,
    refusals={
        400: [
            *("balance_limit", "insufficient_balance", "invalid_amount", "invalid_reference"),
            *("token_not_found", "unknown_type", "user_not_found"),
            *("invalid_code", "code_already_redeemed", "campaign_not_running", "campaign_limit_reached"),
            *("reward_type_not_found", "reward_type_not_available", "out_of_stock", "reward_limit_reached"),
            *("exchange_not_allowed", "invalid_exchange_provider", "invalid_exchange_rate", "invalid_membership_number"),
            *("amount_out_of_range", "amount_too_small"),
        ],
        429: ["too_many_code_tries"],
        409: ["reference_already_used"],
    },
    once=True,
)
list_transactions = documented(
    operation="list_transactions",
    tag=TAG,
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
    answer=(200, transactions.TransactionPageAnswer),
    example=examples.TRANSACTION_PAGE,
    refusals={400: ["invalid_request"]},
)
get_transaction = documented(
    operation="get_transaction",
    tag=TAG,
    description="Read a transaction.",
    parameters=[TRANSACTION_ID],
    answer=(200, transactions.TransactionAnswer),
    example=examples.TRANSACTION,
    refusals={404: ["transaction_not_found", "not_found"]},
)
reverse_transaction = documented(
    operation="reverse_transaction",
    tag=TAG,
    description="Reverse a credit, a debit or a code that was redeemed for points, whole or in part, at any time; without an "
    "amount all that is left of it.",
    parameters=[TRANSACTION_ID],
    body=bodies.ReversalBody,
    body_examples={"a part": examples.REVERSAL_BODY, "all that is left": {"reversal": {}}},
    answer=(202, transactions.TransactionAnswer),
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
