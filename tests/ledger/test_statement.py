"""The ledger's own statement is planned once a connection; what Django writes never is."""

from django.db import connection

from ledger.models import Transaction
from tests.ledger.orders import move


def prepared() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [statement for (statement,) in cursor.fetchall()]


def test_postings_are_prepared_and_histories_are_not(member, token):
    for _ in range(8):
        move(member, token, 1)
        list(Transaction.objects.filter(brand=member.brand).order_by("-recorded_at")[:10])

    statements = prepared()

    assert any("INSERT INTO ledger_transaction" in statement for statement in statements)
    assert not any('FROM "ledger_transaction"' in statement for statement in statements)
