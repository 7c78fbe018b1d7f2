"""The ledger's rollups: rows by type, points by day, and what is left of each day's lots."""

from ledger.models import DailyFlow, OpenLots, Tally, TallyMark
from ledger.services.rollups import Part, Rollup, count_up

_SPAN = "t.id > %(after_0)s AND t.id <= %(upto_0)s"
_LATER = "t.id > %(upto_0)s"
_ROWS = "ledger_transaction t JOIN ledger_account a ON a.id = t.account_id"
TALLIES = f"SELECT a.token_id, t.type, count(*) AS count FROM {_ROWS} WHERE t.brand_id = %(brand)s AND {_SPAN} GROUP BY 1, 2"
FLOWS = f"""
SELECT a.token_id, (t.recorded_at AT TIME ZONE %(zone)s)::date AS day, t.type,
  count(*) FILTER (WHERE t.amount > 0) AS credits,
  coalesce(sum(t.amount) FILTER (WHERE t.amount > 0), 0)::bigint AS credited_points,
  count(*) FILTER (WHERE t.amount < 0) AS debits,
  coalesce(-sum(t.amount) FILTER (WHERE t.amount < 0), 0)::bigint AS debited_points
FROM {_ROWS} WHERE t.brand_id = %(brand)s AND {_SPAN} GROUP BY 1, 2, 3
"""


def _moved(span: str) -> str:
    """How rows moved lots. A row's `lots` are pairs: the sequence of the row that opened the lot, and by how many points."""
    return f"""
    SELECT a.token_id, t.account_id, t.lots[at] AS opening, t.lots[at + 1] AS points
    FROM {_ROWS} CROSS JOIN LATERAL generate_series(1, cardinality(t.lots), 2) AS at
    WHERE t.brand_id = %(brand)s AND {span} AND t.lots IS NOT NULL
    """


def _by_day_of_opening(points: str) -> str:
    return f"""
    SELECT moved.token_id, (opened.recorded_at AT TIME ZONE %(zone)s)::date AS day, sum(moved.points)::bigint AS points
    FROM ({points}) AS moved JOIN ledger_transaction opened
      ON opened.brand_id = %(brand)s AND opened.account_id = moved.account_id AND opened.sequence = moved.opening
    GROUP BY 1, 2
    """


LOTS = _by_day_of_opening(_moved(_SPAN))
# The lots themselves as they stand now, less what rows after the mark have moved.
STANDING_LOTS = _by_day_of_opening(f"""
    SELECT a.token_id, l.account_id, l.sequence AS opening, l.remaining AS points
    FROM ledger_lot l JOIN ledger_account a ON a.id = l.account_id WHERE l.brand_id = %(brand)s
    UNION ALL SELECT token_id, account_id, opening, -points FROM ({_moved(_LATER)}) AS later
""")
LEDGER = Rollup(
    mark=TallyMark,
    parts=(
        Part(Tally, ("token_id", "type"), ("count",), TALLIES),
        Part(
            DailyFlow,
            ("token_id", "day", "type"),
            ("credits", "credited_points", "debits", "debited_points"),
            FLOWS,
        ),
        Part(OpenLots, ("token_id", "day"), ("points",), LOTS, proof=STANDING_LOTS),
    ),
)


def tally_transactions() -> int:
    """Bring every brand's rollups up to date; answers how many ids of transactions were passed."""
    return count_up(LEDGER)
