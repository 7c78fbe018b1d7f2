"""A brand made large by a few statements: a ledger whose chains, balances and lots hold, and rows in every other table.

Triggers and foreign keys are off meanwhile, for to check ten million rows one by one would take hours; unique and check
constraints are not, and the proof of the ledger holds.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from django.db import connection
from django.db.models import DateField, DateTimeField, ForeignKey, IntegerField, Model, UniqueConstraint, UUIDField

from ledger.models import Transaction
from ledger.services.statement import row_of
from rewards.models import Campaign
from users.models import Brand, Member

SPAN_DAYS = 990
COLUMNS = """
id, brand_id, account_id, sequence, amount, balance_after, type, counterpart, reference_id, reverses_id, lots, expires_at,
actor, explanation, note_digest, effective_at, recorded_at, previous_hash, hash
"""


class Step(NamedTuple):
    """One row of each account."""

    type: str
    counterpart: str
    amount: int
    lots: str = "NULL"
    expires_in_days: int | None = None
    reverses: str = "NULL"
    reference: str = "NULL"
    explanation: str = "NULL"


OF_CODE = "jsonb_build_object('campaign', %(campaign)s::bigint, 'code', c.number)"
STEPS = [
    Step("credit_points", "issuance", 1_000, "{1,1000}", -SPAN_DAYS // 5),
    Step(
        "code_to_points", "issuance", 50, explanation="jsonb_build_object('campaign', %(campaign)s::bigint, 'code', c.number)"
    ),
    Step("credit_points", "issuance", 200, reference="'order-' || c.number"),
    Step("points_to_rewards", "redemption", -150, "{1,-150}"),
    Step("points_to_external_rewards", "exchange_clearing", -100, "{1,-100}"),
    Step("credit_points", "issuance", 300, "{6,300}", 365),
    Step("debit_points", "redemption", -60, "{1,-60}"),
    Step("reversal", "redemption", 20, "{1,20}", reverses="c.last_id"),
    Step("expiry", "expiry", -710, "{1,-710}"),
    Step("credit_points", "issuance", 75),
]
MEMBERS = """
INSERT INTO users_member (brand_id, public_id, auth_id, email, first_name, second_name, created_at)
SELECT %(brand)s, 'g' || lpad(g::text, 10, '0'), 'm' || g, 'm' || g || '@example.org', 'Member', g::text,
  now() - interval '{days} days' * (1 - g::float / %(members)s)
FROM generate_series(1, %(members)s) g
"""
CHAINS = """
CREATE TEMPORARY TABLE chain AS
SELECT nextval('ledger_account_id_seq') AS account_id, id AS member_id, substr(auth_id, 2)::bigint AS number,
  0::bigint AS balance, decode(repeat('00', 32), 'hex') AS head, decode(repeat('00', 32), 'hex') AS previous_head,
  NULL::timestamptz AS at,
  NULL::bigint AS last_id
FROM users_member WHERE brand_id = %(brand)s AND public_id LIKE 'g000%%'
"""
ROWS = """
CREATE TEMPORARY TABLE step AS
SELECT *, head AS previous_hash, sha256(head || record_send({row})) AS hash
FROM (
  SELECT nextval('ledger_transaction_id_seq') AS id, %(brand)s::bigint AS brand_id, given.* FROM (
    SELECT c.account_id, c.member_id, c.number, c.head, {sequence}::bigint AS sequence, ({amount})::bigint AS amount,
      c.balance + ({amount}) AS balance_after, '{type}'::text AS type, '{counterpart}'::text AS counterpart,
      {reference} AS reference_id, {reverses}::bigint AS reverses_id, {lots}::bigint[] AS lots, {expires} AS expires_at,
      'system'::text AS actor, {explanation}::jsonb AS explanation, NULL::bytea AS note_digest, when_.at AS effective_at,
      when_.at AS recorded_at
    FROM chain c CROSS JOIN LATERAL (
      SELECT date_trunc('hour', now()) - interval '{days} days' + {sequence} * interval '{each} days'
        - interval '{each} days' * ((c.number * 7919) %% 99991 + 1) / 100000.0 AS at) AS when_
    ORDER BY when_.at
  ) AS given
) AS row
"""
NEXT_CHAINS = """
CREATE TEMPORARY TABLE next_chain AS SELECT account_id, member_id, number, balance_after AS balance, hash AS head,
  previous_hash AS previous_head, recorded_at AS at, id AS last_id FROM step;
DROP TABLE chain, step;
ALTER TABLE next_chain RENAME TO chain;
"""
ACCOUNTS = """
INSERT INTO ledger_account (id, brand_id, member_id, token_id, balance, sequence, floor, head, previous_head, recorded_at,
  next_expiry_at, created_at)
SELECT account_id, %(brand)s, member_id, %(token)s, balance, {rows}, 0, head, previous_head, at,
  date_trunc('hour', now()) + interval '365 days', at FROM chain
"""
LOTS = """
INSERT INTO ledger_lot (brand_id, account_id, sequence, amount, remaining, expires_at)
SELECT brand_id, account_id, sequence, amount, CASE sequence WHEN 1 THEN 0 ELSE amount END, expires_at
FROM ledger_transaction WHERE brand_id = %(brand)s AND type = 'credit_points' AND lots IS NOT NULL
  AND account_id IN (SELECT account_id FROM chain)
"""
INDEXES = """
SELECT i.indexdef, i.indexname FROM pg_indexes i LEFT JOIN pg_constraint c ON c.conname = i.indexname
WHERE i.tablename = ANY(%s) AND c.oid IS NULL
"""


@contextmanager
def unchecked() -> Iterator[None]:
    """No triggers and no foreign keys: only a superuser can have that."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("SET statement_timeout = 0")
        try:
            yield
        finally:
            cursor.execute("RESET statement_timeout")
            cursor.execute("SET session_replication_role = DEFAULT")


@contextmanager
def indexed_afterwards(*tables: str) -> Iterator[None]:
    """Without the indexes that no constraint needs, until the rows are in: then each is made in one go."""
    with connection.cursor() as cursor:
        cursor.execute(INDEXES, [list(tables)])
        found = cursor.fetchall()
        for _, name in found:
            cursor.execute(f'DROP INDEX "{name}"')
        yield
        cursor.execute("SET statement_timeout = 0")
        for definition, _ in found:
            cursor.execute(definition)
        cursor.execute("RESET statement_timeout")


def grow_ledger(brand: Brand, token_id: int, members: int) -> None:
    """So many members, each with an account of ten rows over the last years."""
    campaign = Campaign.objects.filter(brand=brand).values_list("pk", flat=True)[0]
    terms = {"brand": brand.pk, "token": token_id, "members": members, "campaign": campaign}
    with unchecked(), connection.cursor() as cursor:
        cursor.execute(MEMBERS.format(days=SPAN_DAYS), terms)
        cursor.execute(CHAINS, terms)
        for number, step in enumerate(STEPS, start=1):
            cursor.execute(_rows_of(number, step), terms)
            cursor.execute(f"INSERT INTO ledger_transaction ({COLUMNS}) SELECT {COLUMNS} FROM step")
            cursor.execute(NEXT_CHAINS)
        cursor.execute(ACCOUNTS.format(rows=len(STEPS)), terms)
        cursor.execute(LOTS, terms)
        cursor.execute("DROP TABLE chain")
        cursor.execute("ANALYZE")


def _rows_of(number: int, step: Step) -> str:
    days = step.expires_in_days
    return ROWS.format(
        row=row_of({}),
        sequence=number,
        amount=step.amount,
        type=step.type,
        counterpart=step.counterpart,
        reference=f"({step.reference})::text",
        reverses=step.reverses,
        explanation=step.explanation,
        lots=step.lots if step.lots == "NULL" else f"'{step.lots}'",
        expires="NULL::timestamptz" if days is None else f"date_trunc('hour', now()) + interval '{days} days'",
        days=SPAN_DAYS,
        each=SPAN_DAYS // len(STEPS),
    )


def grow_table(model: type[Model], brand: Brand, count: int, terms: dict[str, str]) -> bool:
    """So many rows like the first one of the brand; `terms` says what is different, as SQL over t (that row) and g (1, 2, ...).

    False where the brand has no row to go by.
    """
    template = model._default_manager.filter(brand=brand).order_by("pk").first()
    if template is None:
        return False
    unique = {name for one in model._meta.constraints if isinstance(one, UniqueConstraint) for name in one.fields} - {"brand"}
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    values = [terms.get(field.name) or _value(field, unique) for field in fields]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    places = {"count": count, "template": template.pk, "seconds": 700 * 86_400 / count}
    statement = f"""
        INSERT INTO {model._meta.db_table} ({columns}) SELECT {", ".join(values)}
        FROM {model._meta.db_table} t CROSS JOIN generate_series(1, %(count)s) g WHERE t.id = %(template)s
    """
    with unchecked(), connection.cursor() as cursor:
        cursor.execute(statement, places | _firsts(brand))
    return True


def _firsts(brand: Brand) -> dict[str, int]:
    """Where the grown members and rows of the ledger begin, and how many there are; their ids have no gaps."""
    members = Member.objects.filter(brand=brand, public_id__startswith="g000").order_by()
    first = members.order_by("auth_id").values_list("pk", flat=True).get(auth_id="m1")
    rows = Transaction.objects.filter(brand=brand, account__member_id=first).order_by("pk").values_list("pk", flat=True)
    count = members.count()
    return {"members": count, "first_member": first, "first_row": rows[0], "rows": count}


def _value(field, unique: set[str]) -> str:
    """How a column of a further row differs from the first one's."""
    own, alone = f't."{field.column}"', field.unique or field.name in unique
    if isinstance(field, ForeignKey):
        return _reference(field, own)
    if isinstance(field, UUIDField):
        return "gen_random_uuid()"
    if isinstance(field, DateTimeField):
        return f"{own} - g * %(seconds)s * interval '1 second'"
    if not alone:
        return own
    if isinstance(field, DateField):
        return f"{own} - (g %% 700)::int"
    return f"{own} + g" if isinstance(field, IntegerField) else f"left({own}, {max(field.max_length or 200, 12) - 10}) || g"


def _reference(field, own: str) -> str:
    """Another member, another row of the ledger, the next row of a table that was grown before; else the same as the first."""
    target = field.related_model
    if target is Member:
        other = "%(first_member)s + g %% %(members)s"
    elif target is Transaction:
        other = "%(first_row)s + g"
    elif field.unique:
        other = f"(SELECT min(r.id) FROM {target._meta.db_table} r WHERE r.brand_id = t.brand_id AND r.id > {own}) - 1 + g"
    else:
        return own
    return f"CASE WHEN {own} IS NULL THEN NULL ELSE {other} END"
