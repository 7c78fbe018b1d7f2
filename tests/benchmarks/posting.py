"""post_one and post_many: the ledger in process."""

from collections.abc import Callable

import psycopg
from django.db import connection
from django.utils import timezone

from ledger.services import post, post_many
from tests.benchmarks.harness import Comparison, interleave, rate, took
from tests.benchmarks.world import BATCH, COLUMNS, DIGEST, RAW_INSERT, RAW_UPDATE, World

SECONDS, ROUNDS = 2.0, 7


def raw_post(raw: psycopg.Connection, account_id: int) -> None:
    now = timezone.now()
    with raw.transaction():
        brand, sequence, balance = raw.execute(RAW_UPDATE, [1, account_id, 1]).fetchone()
        raw.execute(RAW_INSERT, [brand, account_id, sequence, 1, balance, now, now, DIGEST, DIGEST]).fetchone()


def post_one() -> list[Comparison]:
    """One credit each, durable: against raw psycopg doing the same rows, and django-hordak posting two legs."""
    world = World()
    hordak = hordak_poster(world)
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as raw:
        raw.autocommit = True
        figures = interleave(
            ROUNDS,
            ours=lambda: rate(lambda: post(world.credit(world.any_account())), seconds=SECONDS),
            raw=lambda: rate(lambda: raw_post(raw, world.any_account()), seconds=SECONDS),
            hordak=lambda: rate(hordak, seconds=SECONDS),
        )
    return [
        Comparison("post_one", "postings/s", figures["ours"], figures["raw"], "(against raw psycopg)"),
        Comparison("post_one_hordak", "postings/s", figures["ours"], figures["hordak"], "(against django-hordak)"),
    ]


def hordak_poster(world: World) -> Callable[[], None]:
    """A way to post one transaction with django-hordak, over 200 accounts."""
    from hordak.models import Account
    from hordak.models import AccountType as Kind
    from moneyed import Money

    issuer = Account.objects.create(name="Issuer", type=Kind.liability, currencies=["EUR"])
    members = [Account.objects.create(name=f"Member {n}", type=Kind.liability, currencies=["EUR"]) for n in range(200)]
    return lambda: issuer.transfer_to(members[next(world.turn) % len(members)], Money(1, "EUR"))


def post_many_() -> list[Comparison]:
    """10,000 credits to 10,000 accounts, against COPY of the same rows into a table with the same indexes."""
    world = World()

    def ours() -> float:
        now = timezone.now()
        batch = [world.credit(account, amount=account % 100 + 1, at=now) for account in world.accounts]
        return BATCH / took(lambda: post_many(batch))

    def copied() -> float:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {COLUMNS} FROM ledger_transaction WHERE brand_id = %s ORDER BY id DESC LIMIT %s",
                [world.brand.pk, BATCH],
            )
            turn = next(world.turn) + 1  # rows that are new to the table, in the same shape
            rows = [(-row[0] - turn * 10**9, *row[1:3], row[3] + turn * 10**6, *row[4:]) for row in cursor.fetchall()]
            return BATCH / took(lambda: copy_rows(cursor, rows))

    figures = interleave(ROUNDS, ours=ours, copy=copied)
    return [Comparison("post_many", "postings/s", figures["ours"], figures["copy"])]


def copy_rows(cursor, rows: list) -> None:
    """COPY, the fastest way into a table."""
    with cursor.copy(f"COPY raw_transaction ({COLUMNS}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
