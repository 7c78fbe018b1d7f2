"""The log of members' changes: it remembers what those who went were called, for as long as apps need to hear of it."""

from datetime import datetime, timedelta

from users.models import MemberChange

NAMES_KEPT_FOR = timedelta(days=90)
BATCH = 10_000


def forget_old_names(*, at: datetime) -> int:
    """Empty the names of members who went long ago, batch by batch; answers how many.

    An app whose cursor is older than that is told to begin anew.
    """
    gone = 0
    old = MemberChange.objects.filter(name__gt="", changed_at__lt=at - NAMES_KEPT_FOR).order_by("changed_at").values("pk")
    while count := MemberChange.objects.filter(pk__in=old[:BATCH]).update(name=""):
        gone += count
    return gone
