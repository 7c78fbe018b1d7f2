"""What benchmarks measure on: a brand with many accounts, and bare tables beside the ledger's for the references."""

import os
import random
from datetime import datetime
from itertools import count

from django.db import connection
from django.utils import timezone

from ledger.models import Account, Counterpart, Token, TransactionType
from ledger.services import Posting, post_many
from users.models import Brand, Member
from users.models.keys import ALL_SCOPES
from users.services.keys import create_api_key

ACCOUNTS = 10_000
BATCH = 10_000
TABLES = """
DROP TABLE IF EXISTS raw_account, raw_transaction;
CREATE TABLE raw_account (LIKE ledger_account INCLUDING ALL) WITH (fillfactor = 70);
CREATE TABLE raw_transaction (LIKE ledger_transaction INCLUDING ALL);
INSERT INTO raw_account SELECT * FROM ledger_account WHERE brand_id = %s;
ANALYZE raw_account;
ANALYZE ledger_account;
"""
COLUMNS = """
id, brand_id, account_id, sequence, amount, balance_after, type, counterpart, reference_id, reverses_id, lots, expires_at,
actor, explanation, note_digest, effective_at, recorded_at, previous_hash, hash
"""
RAW_UPDATE = """
UPDATE raw_account SET balance = balance + %s, sequence = sequence + 1
WHERE id = %s AND balance + %s >= floor RETURNING brand_id, sequence, balance
"""
RAW_INSERT = f"""
INSERT INTO raw_transaction ({COLUMNS}) VALUES (nextval('ledger_transaction_id_seq'), %s, %s, %s, %s, %s,
'credit_points', 'issuance', NULL, NULL, NULL, NULL, 'system', NULL, NULL, %s, %s, %s, %s) RETURNING id
"""
RAW_POSTING = f"""
WITH moved AS (
  UPDATE raw_account SET balance = balance + %s, sequence = sequence + 1
  WHERE id = %s AND balance + %s >= floor RETURNING id, brand_id, sequence, balance
), written AS (
  INSERT INTO raw_transaction ({COLUMNS})
  SELECT nextval('ledger_transaction_id_seq'), brand_id, id, sequence, %s, balance, 'credit_points', 'issuance', NULL, NULL,
  NULL, NULL, 'system', NULL, NULL, %s, %s, %s, %s FROM moved RETURNING id, balance_after
) SELECT id, balance_after FROM written
"""
DIGEST = os.urandom(32)


def raw_parameters(account_id: int, amount: int) -> list:
    """The parameters of RAW_POSTING."""
    now = timezone.now()
    return [amount, account_id, amount, amount, now, now, DIGEST, DIGEST]


class World:
    """A brand, a token, a key that is never slowed down, and accounts."""

    def __init__(self, accounts: int = ACCOUNTS) -> None:
        name = f"Benchmark {os.urandom(4).hex()}"
        self.brand = Brand.objects.create(name=name, sandbox=True)
        self.token = Token.objects.create(brand=self.brand, name="Points", symbol="PTS")
        key, self.key = create_api_key(brand=self.brand, scopes=ALL_SCOPES)
        type(key).objects.filter(pk=key.pk).update(rate_per_second=1_000_000, burst=1_000_000)
        made = Member.objects.bulk_create(
            [Member(brand=self.brand, auth_id=f"m{number}", email=f"m{number}@example.org") for number in range(accounts)],
            batch_size=5_000,
        )
        Account.objects.bulk_create(
            [Account(brand=self.brand, member=member, token=self.token) for member in made], batch_size=5_000
        )
        rows = Account.objects.filter(brand=self.brand).order_by("pk")
        self.accounts = list(rows.values_list("pk", flat=True))
        self.turn = count()
        with connection.cursor() as cursor:
            cursor.execute(TABLES, [self.brand.pk])

    def credit(self, account_id: int, *, amount: int = 1, at: datetime | None = None) -> Posting:
        return Posting(
            account=account_id,
            amount=amount,
            type=TransactionType.CREDIT_POINTS,
            counterpart=Counterpart.ISSUANCE,
            at=at or timezone.now(),
        )

    def any_account(self) -> int:
        return random.choice(self.accounts)

    def grow(self, rows: int) -> None:
        """Post until the brand has so many rows more."""
        while rows > 0:
            chosen = self.accounts[: min(rows, BATCH)]
            now = timezone.now()
            post_many([self.credit(account, at=now) for account in chosen])
            rows -= len(chosen)
