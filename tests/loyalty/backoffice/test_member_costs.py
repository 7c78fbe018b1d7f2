"""What the member page reads does not grow with what a member has done, on the first page and on the last."""

import json

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ledger.models import Counterpart, TransactionType
from ledger.services.posting import Posting, open_account, post_many
from loyalty.admin.timeline import Asked, Place, accounts_of, family_of, read_timeline
from rewards.models import Reward
from tests.api.programme import make_reward_type
from tests.conftest import NOON, make_member, make_token
from tests.ledger.orders import DAY
from users.models import Email, Member, Refusal

FEW, MANY = 60, 3_000


def busy_member(brand, token, count: int) -> Member:
    """Someone with so many postings, rewards, e-mails and refusals."""
    member, reward_type = make_member(brand), make_reward_type(brand, token, price=1)
    account = open_account(brand_id=brand.pk, member_id=member.pk, token_id=token.pk)
    terms = {"account": account, "type": TransactionType.CREDIT_POINTS, "counterpart": Counterpart.ISSUANCE}
    post_many([Posting(amount=2, at=NOON + number * DAY / 1_000, **terms) for number in range(count)])
    terms = {"account": account, "type": TransactionType.POINTS_TO_REWARDS, "counterpart": Counterpart.REDEMPTION}
    paid = post_many([Posting(amount=-1, at=NOON + 10 * DAY + number * DAY / 1_000, **terms) for number in range(count)])
    common = {"brand": brand, "member": member}
    Reward.objects.bulk_create(
        Reward(**common, reward_type=reward_type, code=f"{member.pk}-{row.id}", transaction_id=row.id, handed_out_at=NOON)
        for row in paid
    )
    Email.objects.bulk_create(
        Email(**common, kind="code", recipient=member.email, language="en", state="parked") for _ in range(count)
    )
    Refusal.objects.bulk_create(
        Refusal(**common, operation="debit_points", code="x", hour_at=NOON - number * DAY, at=NOON) for number in range(count)
    )
    return member


def rows_read(member: Member, before: Place | None) -> int:
    """How many rows PostgreSQL touches for a page of the timeline."""
    family = family_of(member)
    asked = Asked(member=member, family=family, accounts=accounts_of(family), before=before)
    with CaptureQueriesContext(connection) as queries:
        page = read_timeline(asked)
    assert len(page.entries) == asked.size
    with connection.cursor() as cursor:
        return sum(_touched(cursor, query["sql"]) for query in queries)


def _touched(cursor, statement: str) -> int:
    cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")
    (told,) = cursor.fetchone()
    return _scanned((json.loads(told) if isinstance(told, str) else told)[0]["Plan"])


def _scanned(plan) -> int:
    own = 0
    if "Scan" in plan["Node Type"] and "Relation Name" in plan:
        own = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    return int(own) + sum(_scanned(part) for part in plan.get("Plans", []))


def test_a_page_reads_as_much_of_a_busy_member_as_of_any(brand):
    token = make_token(brand)
    calm, busy = busy_member(brand, token, FEW), busy_member(brand, token, MANY)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")

    for before in (None, Place(NOON + DAY / 25, "posting", 2**62), Place(timezone.now() + 365 * DAY, "email", 1)):
        assert rows_read(busy, before) <= rows_read(calm, before) * 1.5 + 60
