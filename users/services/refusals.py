"""Refusals are kept for staff, for a while: written after the refused transaction has ended, in one statement of its own."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from loyalty.database import execute_alone
from users.models import Refusal
from users.models.refusals import LONGEST_CODE, LONGEST_DETAIL, LONGEST_OPERATION

KEPT_FOR = timedelta(days=90)
BATCH = 10_000
LONGEST_REFERENCE, LONGEST_REQUEST_ID = 255, 128
# The member is held against an erasure under way, so that no refusal is written behind its back.
KEEP = """
WITH known AS MATERIALIZED (
  SELECT id FROM users_member WHERE brand_id = %s::bigint AND {named} FOR SHARE
) INSERT INTO users_refusal AS r
  (brand_id, member_id, operation, code, hour_at, detail, reference_id, request_id, count, at)
SELECT %s::bigint, id, %s::text, %s::text, %s::timestamptz, %s::text, %s::text, %s::text, 1, %s::timestamptz FROM known
ON CONFLICT (brand_id, member_id, operation, code, hour_at) DO UPDATE SET
  count = r.count + 1, detail = excluded.detail, reference_id = excluded.reference_id, request_id = excluded.request_id,
  at = greatest(r.at, excluded.at)
RETURNING r.count
"""
BY_NAME, BY_ID = KEEP.format(named="auth_id = %s::text"), KEEP.format(named="id = %s::bigint AND erased_at IS NULL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """What was asked for a member, named by auth_id or by our own id, and why it was refused; `detail` is not personal."""

    brand_id: int
    member: str | int
    operation: str
    code: str
    detail: str = ""
    reference_id: str = ""
    request_id: str = ""


def keep_refusal(*, refused: Refused, at: datetime) -> bool:
    """Keep a refusal, or count it where the like of it stands in the same hour; False where there is no such member."""
    hour_at = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    told = [
        refused.operation[:LONGEST_OPERATION],
        refused.code[:LONGEST_CODE],
        hour_at,
        refused.detail[:LONGEST_DETAIL],
        refused.reference_id[:LONGEST_REFERENCE],
        refused.request_id[:LONGEST_REQUEST_ID],
        at,
    ]
    statement = BY_NAME if isinstance(refused.member, str) else BY_ID
    return bool(execute_alone(statement, [refused.brand_id, refused.member, refused.brand_id, *told]))


def forget_old_refusals(*, at: datetime) -> int:
    """Delete what is older than 90 days, batch by batch; answers how many rows went."""
    gone = 0
    old = Refusal.objects.filter(hour_at__lt=at - KEPT_FOR).order_by("hour_at").values("pk")
    while count := Refusal.objects.filter(pk__in=old[:BATCH]).delete()[0]:
        gone += count
    return gone
