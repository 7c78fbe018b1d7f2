"""The one statement that writes ledger rows, for one posting or for thousands.

It locks, refuses, numbers, chains and writes at once: a conditional UPDATE of the account, from whose result the
row is inserted. Under READ COMMITTED an UPDATE that had to wait judges the newest version of the account, so no
balance is ever judged that is not current. Within an account time never runs backwards, whatever the servers'
clocks say: a row is recorded later than the one before it.

The hash of a row is SHA-256 over the hash before it and `record_send` of its fields: PostgreSQL's binary form of
a row, in which each field carries its type and its length (HASHED lists them in order). Whoever can read the
rows can recompute it; ledger.services.proof does so outside of the database.
"""

from dataclasses import dataclass

HASHED = [
    ("brand_id", "bigint"),
    ("account_id", "bigint"),
    ("sequence", "bigint"),
    ("amount", "bigint"),
    ("balance_after", "bigint"),
    ("id", "bigint"),
    ("effective_at", "timestamptz"),
    ("recorded_at", "timestamptz"),
    ("reverses_id", "bigint"),
    ("expires_at", "timestamptz"),
    ("type", "text"),
    ("counterpart", "text"),
    ("reference_id", "text"),
    ("actor", "text"),
    ("note_digest", "bytea"),
    ("lots", "bigint[]"),
    ("explanation", "jsonb"),
]
"""The fields of a row in the order in which they are hashed, with the types they are hashed as."""

# What one posting brings, in the order of the parameters.
GIVEN = [
    ("amount", "bigint"),
    ("type", "text"),
    ("counterpart", "text"),
    ("reference_id", "text"),
    ("reverses_id", "bigint"),
    ("lots", "bigint[]"),
    ("expires_at", "timestamptz"),
    ("actor", "text"),
    ("explanation", "jsonb"),
    ("note_digest", "bytea"),
    ("effective_at", "timestamptz"),
    ("recorded_at", "timestamptz"),
    ("settled", "boolean"),
]


def row_of(fields: dict[str, str]) -> str:
    """The SQL of a row of the hashed fields; `fields` says how to write those whose name is not enough."""
    return f"ROW({', '.join(f'({fields.get(name, name)})::{kind}' for name, kind in HASHED)})"


# A credit under an expiring token opens a lot, named by the row's own sequence; what pays off a debt opens none.
# A row that names lots and an expiry moves theirs, and opens none.
# {sequence} and {balance} stand for the values after the movement.
_LOTS = """CASE WHEN o.expires_at IS NOT NULL AND o.lots IS NULL AND {balance} > 0
     THEN ARRAY[{sequence}, least(o.amount, {balance})] ELSE o.lots END"""

_AFTER = {
    **{name: f"o.{name}" for name, _ in GIVEN},
    "brand_id": "a.brand_id",
    "account_id": "a.id",
    "id": "o.id",
    "sequence": "a.sequence + 1",
    "balance_after": "a.balance + o.amount",
    "recorded_at": "greatest(o.recorded_at, a.recorded_at + interval '1 microsecond')",
    "lots": _LOTS.format(sequence="a.sequence + 1", balance="a.balance + o.amount"),
}

_STATEMENT = """
WITH orders AS MATERIALIZED (
  SELECT nextval('ledger_transaction_id_seq') AS id, given.* FROM ({source}) AS given
), moved AS (
  UPDATE ledger_account a SET
    balance = a.balance + o.amount,
    sequence = a.sequence + 1,
    recorded_at = greatest(o.recorded_at, a.recorded_at + interval '1 microsecond'),
    previous_head = a.head,
    head = sha256(a.head || record_send({row})),
    next_expiry_at = CASE WHEN a.balance + o.amount > 0 THEN least(a.next_expiry_at, o.expires_at)
                          ELSE a.next_expiry_at END
  FROM orders o {holder}
  WHERE {target}
    AND a.closed_at IS NULL
    AND (o.amount >= 0 OR o.settled OR a.balance + o.amount >= a.floor)
    AND a.balance + o.amount < {limit}
    AND (a.next_expiry_at IS NULL OR o.settled OR (o.amount > 0 AND a.next_expiry_at > o.recorded_at))
    AND (o.reference_id IS NULL OR NOT EXISTS (
      SELECT FROM ledger_transaction t WHERE t.brand_id = a.brand_id AND t.reference_id = o.reference_id))
  RETURNING o.*, a.brand_id, a.member_id, a.id AS moved_id, a.recorded_at AS moved_at,
    a.balance, a.sequence, a.head, a.previous_head,
    {lots} AS moved_lots {email}
), written AS (
  INSERT INTO ledger_transaction (id, brand_id, account_id, sequence, amount, balance_after, type, counterpart,
    reference_id, reverses_id, lots, expires_at, actor, explanation, note_digest, effective_at, recorded_at,
    previous_hash, hash)
  SELECT id, brand_id, moved_id, sequence, amount, balance, type, counterpart, reference_id, reverses_id,
    moved_lots, expires_at, actor, explanation, note_digest, effective_at, moved_at, previous_head, head
  FROM moved
){opened}
SELECT ordinal, id, moved_id, sequence, balance, head, member_id, moved_at {answered_email} FROM moved
"""

_OPENED = """, opened AS (
  INSERT INTO ledger_lot (brand_id, account_id, sequence, amount, remaining, expires_at)
  SELECT brand_id, moved_id, sequence, moved_lots[2], moved_lots[2], expires_at
  FROM moved WHERE expires_at IS NOT NULL AND balance > 0
)"""


@dataclass(frozen=True, slots=True)
class Form:
    """Which form of the statement: for an account by holder or by id, with lots or without, of one posting or many.

    `varying` is None for one posting; of many, it names what differs among them: the rest is sent once.
    """

    by_holder: bool
    lots: bool
    varying: tuple[str, ...] | None = None


def build(form: Form, *, limit: int) -> str:
    """The text of the statement, with a placeholder for each parameter: the account first, then GIVEN."""
    target = [("auth_id", "text"), ("token_id", "bigint"), ("of_brand", "bigint")] if form.by_holder else [("to_id", "bigint")]
    columns = [*target, *GIVEN]
    return _STATEMENT.format(
        source=_source_of_one(columns) if form.varying is None else _source_of_many(columns, form.varying),
        row=row_of(_AFTER),
        holder="JOIN users_member m ON m.brand_id = o.of_brand AND m.auth_id = o.auth_id" if form.by_holder else "",
        target="a.brand_id = o.of_brand AND a.member_id = m.id AND a.token_id = o.token_id"
        if form.by_holder
        else "a.id = o.to_id",
        limit=limit,
        lots=_LOTS.format(sequence="a.sequence", balance="a.balance"),
        email=", m.email" if form.by_holder else "",
        answered_email=", email" if form.by_holder else "",
        opened=_OPENED if form.lots else "",
    )


def _source_of_one(columns: list[tuple[str, str]]) -> str:
    return f"SELECT 0 AS ordinal, {', '.join(f'%s::{kind} AS {name}' for name, kind in columns)}"


def _source_of_many(columns: list[tuple[str, str]], varying: tuple[str, ...]) -> str:
    """Arrays side by side; a column of arrays or of JSON travels as text, for unnest would flatten it."""
    travelling = {name: "text" if kind in {"bigint[]", "jsonb"} else kind for name, kind in columns}
    arrays = ", ".join(f"%s::{travelling[name]}[]" for name in varying)
    selected = ", ".join(
        f"u.{name}::{kind} AS {name}" if name in varying else f"%s::{kind} AS {name}" for name, kind in columns
    )
    return f"SELECT u.ordinal, {selected} FROM unnest({arrays}) WITH ORDINALITY AS u({', '.join(varying)}, ordinal)"
