"""Why points moved, in one sentence: every type has one, and it names what people know."""

import pytest

from ledger.models import TransactionType
from ledger.rules.explanations import Movement, explain

NAMES = {"code": "719026461", "campaign": "Summer", "reward": "Free coffee", "partner": "Etihad Guest", "lapses": "2026-12-31"}
NAMES |= {"action": "Daily visit", "promotions": ["Double coffee", "VIP"]}
EARNED = {"base": {"points": 5}, "promotions": [{"id": 1, "points": 5}, {"id": 2, "points": 50}]}


@pytest.mark.parametrize("type_", TransactionType.values)
@pytest.mark.parametrize("amount", [5, -5, 0])
@pytest.mark.parametrize("names", [NAMES, {}])
def test_every_type_has_a_sentence_of_its_own_even_where_nothing_is_known(type_, amount, names):
    told = str(explain(Movement(type=type_, amount=amount, names=names, reverses=3)))

    assert told.endswith(".")
    assert told != type_
    assert "None" not in told


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        ({"type": "credit_points", "reference_id": "Order 7"}, "The partner's system credited them for its reference Order 7."),
        ({"type": "credit_points", "actor": "staff:3"}, "Staff credited them by hand."),
        ({"type": "debit_points", "actor": "staff:3", "amount": -5}, "Staff debited them by hand."),
        ({"type": "reversal", "reverses": 9}, "Transaction 9 was undone: what it took came back."),
        ({"type": "reversal", "reverses": 9, "amount": -5}, "Transaction 9 was undone: what it gave was taken back."),
        ({"type": "expiry_extension", "amount": 0}, "Staff let points lapse later, on 2026-12-31."),
        ({"type": "points_to_rewards", "amount": -5}, "Paid for the reward “Free coffee”."),
        (
            {"type": "points_to_external_rewards", "amount": -5, "explanation": {"received": "50"}},
            "Exchanged into 50 of Etihad Guest.",
        ),
        ({"type": "exchange", "explanation": {"points": "10"}}, "10 points of another brand were exchanged into them."),
        (
            {"type": "exchange", "amount": -5, "explanation": {"because": "credited_after_refusal"}},
            "Taken once more: the partner credited after it had refused.",
        ),
        ({"type": "code_to_points"}, "The code 719026461 of the campaign “Summer” was redeemed."),
        (
            {"type": "code_to_external_rewards", "amount": -5, "explanation": {"received": "50"}},
            "Exchanged into 50 of Etihad Guest.",
        ),
        ({"type": "credit_nft", "explanation": {"serials": [7]}}, "Given as number 7."),
        (
            {"type": "nft_personalisation", "amount": 0, "explanation": {"serials": [7], "decision": "rejected"}},
            "The personalisation of number 7 was rejected.",
        ),
        ({"type": "event"}, "Rewarded for the action “Daily visit”."),
        ({"type": "earn"}, "Earned on a purchase."),
        ({"type": "earn", "explanation": {"base": {"points": 5}}}, "Earned on a purchase: 5 for what was paid."),
        ({"type": "earn", "explanation": EARNED}, "Earned on a purchase: 5 for what was paid, 55 from “Double coffee”, “VIP”."),
        (
            {"type": "earn", "explanation": EARNED, "names": {}},
            "Earned on a purchase: 5 for what was paid, 55 from promotions.",
        ),
        ({"type": "merge"}, "A duplicate was merged into this member and brought them along."),
        (
            {"type": "merge", "amount": -5, "explanation": {"because": 9}},
            "Moved between the merged accounts, because transaction 9 was undone.",
        ),
        ({"type": "of tomorrow"}, "of tomorrow"),
    ],
)
def test_a_sentence_names_what_people_know(terms, told):
    assert str(explain(Movement(**({"amount": 5, "names": NAMES} | terms)))) == told
