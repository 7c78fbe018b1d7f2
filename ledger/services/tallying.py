"""Tallies: counts of rows to which no transaction can still add.

A row gets its id before its transaction commits, so the newest ids may still have gaps that fill. Each run notes the
newest id and the instant; a later run tallies up to that id once every transaction that ran at that instant has ended.
"""

from django.db import connection, transaction
from django.db.models import Count, F

from ledger.models import Tally, TallyMark, Transaction
from users.models import Brand

NOW = """
SELECT (SELECT last_value FROM ledger_transaction_id_seq), clock_timestamp(), (
  SELECT min(xact_start) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid())
"""


def tally_transactions() -> int:
    """Bring every brand's tallies up to date; answers how many rows were added to them."""
    return sum(_tally_brand(brand_id) for brand_id in Brand.objects.values_list("pk", flat=True))


@transaction.atomic
def _tally_brand(brand_id: int) -> int:
    TallyMark.objects.bulk_create([TallyMark(brand_id=brand_id)], ignore_conflicts=True)
    mark = TallyMark.objects.select_for_update().get(brand_id=brand_id)
    with connection.cursor() as cursor:
        cursor.execute(NOW)
        newest_id, now, oldest_transaction_at = cursor.fetchone()
    if oldest_transaction_at is not None and oldest_transaction_at <= mark.noted_at:
        return 0
    added = _tally(brand_id, mark)
    mark.transaction_id, mark.next_transaction_id, mark.noted_at = mark.next_transaction_id, newest_id, now
    mark.save()
    return added


def _tally(brand_id: int, mark: TallyMark) -> int:
    rows = Transaction.objects.filter(brand_id=brand_id, pk__gt=mark.transaction_id, pk__lte=mark.next_transaction_id)
    added = 0
    for token_id, type_, count in rows.values_list("account__token_id", "type").annotate(count=Count("pk")).order_by():
        added += count
        key = {"brand_id": brand_id, "token_id": token_id, "type": type_}
        if not Tally.objects.filter(**key).update(count=F("count") + count):
            Tally.objects.create(**key, count=count)
    return added
