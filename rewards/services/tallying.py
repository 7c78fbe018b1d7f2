"""The rollup of codes: issued by campaign and day."""

from ledger.services.rollups import Part, Rollup, count_up
from rewards.models.rollups import CodeMark, DailyCodes

ISSUED = """
SELECT campaign_id, (created_at AT TIME ZONE %(zone)s)::date AS day, count(*) AS codes, sum(value)::bigint AS value
FROM rewards_code WHERE brand_id = %(brand)s AND id > %(after_0)s AND id <= %(upto_0)s GROUP BY 1, 2
"""
CODES = Rollup(mark=CodeMark, parts=(Part(DailyCodes, ("campaign_id", "day"), ("codes", "value"), ISSUED),))


def tally_codes() -> int:
    """Bring every brand's rollup of codes up to date; answers how many ids of codes were passed."""
    return count_up(CODES)
