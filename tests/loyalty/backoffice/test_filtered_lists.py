"""Filters of long lists: what an index holds is found at once, what none knows is looked for step by step."""

import pytest

from loyalty import keyset
from tests.conftest import make_brand
from tests.loyalty.desk import make_staff, page_of, signed_in
from users.models import Email

STEP = 5


@pytest.fixture
def emails(db, monkeypatch) -> list[Email]:
    """Twelve of a brand, of which the oldest alone is parked, and alone of its kind."""
    monkeypatch.setattr(keyset, "SCAN", STEP)
    brand, other = make_brand(), make_brand()
    words = {"recipient": "ann@example.org", "language": "en"}
    oldest = Email.objects.create(brand=brand, kind="reward", state="parked", **words)
    rest = [Email(brand=one, kind="code", **words) for one in (brand, other) for _ in range(11)]
    return [oldest, *Email.objects.bulk_create(rest)]


@pytest.fixture
def client(emails):
    return signed_in(make_staff(brand=emails[0].brand, is_superuser=True))


def listed(client, query: str):
    changelist = client.get(page_of(Email, "changelist") + query).context["cl"]
    return changelist, [row.pk for row in changelist.result_list]


def test_what_an_index_holds_is_found_at_once(client, emails):
    for asked in ("?state__exact=parked", "?state=parked"):
        changelist, rows = listed(client, asked)

        assert rows == [emails[0].pk]
        assert changelist.paginator.searched_to is None


def test_what_no_index_knows_is_looked_for_step_by_step(client, emails):
    query, met, steps = "?kind__exact=reward", [], 0
    while query:
        changelist, rows = listed(client, query)
        met, query, steps = met + rows, changelist.paginator.older, steps + 1

    assert met == [emails[0].pk]
    assert steps == 3


def test_a_list_without_a_filter_is_not_searched(client, emails):
    changelist, rows = listed(client, "")

    assert len(rows) == 12
    assert changelist.paginator.searched_to is None
