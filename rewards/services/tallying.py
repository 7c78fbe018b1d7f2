"""The rollups of codes: issued by campaign and day, redeemed by campaign."""

from ledger.services.rollups import Part, Rollup, count_up
from rewards.models.rollups import CodeMark, DailyCodes, RedeemedCodes, RedemptionMark

ISSUED = """
SELECT campaign_id, (created_at AT TIME ZONE %(zone)s)::date AS day, count(*) AS codes, sum(value)::bigint AS value
FROM rewards_code WHERE brand_id = %(brand)s AND id > %(after_0)s AND id <= %(upto_0)s GROUP BY 1, 2
"""
# A code for miles is credited, and exchanged by a second row of the same type: the first one counts.
REDEEMED = """
SELECT (explanation->>'campaign')::bigint AS campaign_id, count(*) AS codes, sum(amount)::bigint AS value
FROM ledger_transaction WHERE brand_id = %(brand)s AND id > %(after_0)s AND id <= %(upto_0)s
  AND type IN ('code_to_points', 'code_to_nft', 'code_to_external_rewards') AND amount > 0 GROUP BY 1
"""
CODES = Rollup(mark=CodeMark, parts=(Part(DailyCodes, ("campaign_id", "day"), ("codes", "value"), ISSUED),))
REDEMPTIONS = Rollup(mark=RedemptionMark, parts=(Part(RedeemedCodes, ("campaign_id",), ("codes", "value"), REDEEMED),))


def tally_codes() -> int:
    """Bring every brand's rollup of codes up to date; answers how many ids of codes were passed."""
    return count_up(CODES)


def tally_redemptions() -> int:
    """Bring every brand's rollup of redeemed codes up to date; answers how many ids of transactions were passed."""
    return count_up(REDEMPTIONS)
