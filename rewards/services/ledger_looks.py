"""Members whose points moved are found in the ledger's own rows, so that posting has nothing more to do.

A row gets its id before its transaction commits, so the newest ids may still have gaps that fill. What is new is seen at
once; and once all transactions have ended that ran at some instant, the ids up to then are seen a second time, with what
came late. So nobody is missed, and each row is looked at twice.
"""

from django.db import connection

from loyalty.database import write
from loyalty.horizon import instant, newest_ids
from rewards.models import LedgerLook

ROWS_AT_A_TIME = 100_000
NOTE = """
INSERT INTO users_segmentdue (brand_id, member_id)
SELECT DISTINCT t.brand_id, coalesce(m.merged_into_id, m.id)
FROM ledger_transaction t JOIN ledger_account a ON a.id = t.account_id JOIN users_member m ON m.id = a.member_id
WHERE t.id > %(after)s AND t.id <= %(upto)s AND t.brand_id IN (
  SELECT brand_id FROM users_segment WHERE kind = 'rule' AND jsonb_path_exists(rule,
    '$.**.kind ? (@ == "points_earned" || @ == "points_spent" || @ == "active_within" || @ == "inactive_for")'))
"""


def note_moved() -> int:
    """Queue the members whose points moved since the last look; answers how many ids were looked through.

    One look at a time: who finds another at it leaves it to them.
    """
    passed, more = 0, True
    while more:
        step, more = write(_look)
        passed += step
    return passed


def _look() -> tuple[int, bool]:
    """Look through some ids; answers how many, and whether there are more."""
    with connection.cursor() as cursor:
        (newest,) = newest_ids(["ledger_transaction_id_seq"])
        first = LedgerLook(looked_id=newest, noted_id=newest, settled_id=max(newest - ROWS_AT_A_TIME, 0))
        LedgerLook.objects.bulk_create([first], ignore_conflicts=True)
        look = LedgerLook.objects.select_for_update(skip_locked=True).first()
        if look is None:
            return 0, False
        upto = max(min(newest, look.looked_id + ROWS_AT_A_TIME), look.looked_id)
        passed = upto - look.looked_id
        if passed:
            cursor.execute(NOTE, {"after": look.looked_id, "upto": upto})
        look.looked_id = upto
        now, oldest_transaction_at = instant()
        if oldest_transaction_at is None or oldest_transaction_at > look.noted_at:
            if look.noted_id > look.settled_id:
                cursor.execute(NOTE, {"after": look.settled_id, "upto": look.noted_id})
            look.settled_id, look.noted_id, look.noted_at = look.noted_id, look.looked_id, now
        look.save()
        return passed, upto < newest
