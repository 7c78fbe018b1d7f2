"""The rollup of exchanges: orders by provider, day and state."""

from exchange.models.rollups import DailyExchanges, ExchangeMark
from ledger.services.rollups import Part, Rollup, count_up

_DAY = "(o.created_at AT TIME ZONE %(zone)s)::date"
MOVED = f"""
SELECT provider_id, day, state, sum(orders)::bigint AS orders, sum(points)::bigint AS points FROM (
  SELECT o.provider_id, {_DAY} AS day, 'accepted' AS state, 1 AS orders, o.points
  FROM exchange_exchangeorder o WHERE o.brand_id = %(brand)s AND o.id > %(after_0)s AND o.id <= %(upto_0)s
  UNION ALL
  SELECT o.provider_id, {_DAY}, side.state, side.orders, side.orders * o.points
  FROM exchange_exchangemove m JOIN exchange_exchangeorder o ON o.id = m.order_id
  CROSS JOIN LATERAL (VALUES (m.came_from, -1), (m.went_to, 1)) AS side(state, orders)
  WHERE m.brand_id = %(brand)s AND m.id > %(after_1)s AND m.id <= %(upto_1)s
) AS moves GROUP BY 1, 2, 3
"""
# The orders themselves as they stand now, less what is not counted yet: the moves after the mark, and orders after it.
STANDING = f"""
SELECT provider_id, day, state, sum(orders)::bigint AS orders, sum(points)::bigint AS points FROM (
  SELECT o.provider_id, {_DAY} AS day, o.state, 1 AS orders, o.points
  FROM exchange_exchangeorder o WHERE o.brand_id = %(brand)s
  UNION ALL
  SELECT o.provider_id, {_DAY}, 'accepted', -1, -o.points
  FROM exchange_exchangeorder o WHERE o.brand_id = %(brand)s AND o.id > %(upto_0)s
  UNION ALL
  SELECT o.provider_id, {_DAY}, side.state, side.orders, side.orders * o.points
  FROM exchange_exchangemove m JOIN exchange_exchangeorder o ON o.id = m.order_id
  CROSS JOIN LATERAL (VALUES (m.came_from, 1), (m.went_to, -1)) AS side(state, orders)
  WHERE m.brand_id = %(brand)s AND m.id > %(upto_1)s
) AS moves GROUP BY 1, 2, 3
"""
EXCHANGES = Rollup(
    mark=ExchangeMark,
    parts=(Part(DailyExchanges, ("provider_id", "day", "state"), ("orders", "points"), MOVED, proof=STANDING),),
)


def tally_exchanges() -> int:
    """Bring every brand's rollup of exchanges up to date; answers how many ids of orders and moves were passed."""
    return count_up(EXCHANGES)
