"""Tallies: counts of rows old enough that no transaction can still add to them."""

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Count, F, Max

from ledger.models import Tally, TallyMark, Transaction
from users.models import Brand

# Longer than it can take from the instant a posting is given to the number its row gets.
SETTLED_AFTER = timedelta(minutes=5)
OLDEST_TRANSACTION = """
SELECT min(xact_start) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def tally_transactions(*, at: datetime) -> int:
    """Bring every brand's tallies up to date; answers how many rows were added to them."""
    with connection.cursor() as cursor:
        cursor.execute(OLDEST_TRANSACTION)
        (oldest,) = cursor.fetchone()
    settled = min(at, oldest or at) - SETTLED_AFTER
    return sum(_tally_brand(brand_id, settled) for brand_id in Brand.objects.values_list("pk", flat=True))


@transaction.atomic
def _tally_brand(brand_id: int, settled: datetime) -> int:
    """Tally the rows before the first that was recorded later than `settled`: nothing can appear among them any more."""
    TallyMark.objects.bulk_create([TallyMark(brand_id=brand_id)], ignore_conflicts=True)
    mark = TallyMark.objects.select_for_update().get(brand_id=brand_id)
    rows = Transaction.objects.filter(brand_id=brand_id, pk__gt=mark.transaction_id)
    youngest = rows.filter(recorded_at__gte=settled).order_by("pk").values_list("pk", flat=True).first()
    if youngest is not None:
        rows = rows.filter(pk__lt=youngest)
    last = rows.aggregate(last=Max("pk"))["last"]
    if last is None:
        return 0
    groups = rows.filter(pk__lte=last).values_list("account__token_id", "type").annotate(count=Count("pk"))
    added = 0
    for token_id, type_, count in groups.order_by():
        added += count
        key = {"brand_id": brand_id, "token_id": token_id, "type": type_}
        if not Tally.objects.filter(**key).update(count=F("count") + count):
            Tally.objects.create(**key, count=count)
    mark.transaction_id = last
    mark.save(update_fields=["transaction_id"])
    return added
