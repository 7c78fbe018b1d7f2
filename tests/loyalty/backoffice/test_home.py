"""The home page: what waits for each role, and charts out of the sums by day, in few queries whatever the size."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from html import unescape

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from exchange.models import DailyExchanges, Provider
from ledger.models import DailyFlow, OpenLots, ProofRun, ProofSubject, TallyMark
from loyalty.admin.period import LONGEST_DAYS, period_of
from loyalty.admin.roles import AUDITOR, ROLES
from rewards.models import Campaign, DailyCodes
from tests.api.programme import make_campaign
from tests.conftest import make_brand, make_token
from tests.loyalty.desk import make_staff, signed_in, words
from tests.loyalty.furnished import furnish
from users.models import Brand, Email

HOME = "/admin/"
TODAY = date(2026, 6, 30)


@pytest.fixture
def furnished(db) -> Brand:
    brand = make_brand()
    furnish(brand)
    return brand


def someone(role: str, brand: Brand | None, **terms):
    staff = make_staff(username=role, brand=brand, **terms)
    if role in ROLES:
        staff.groups.add(Group.objects.get(name=role))
    return signed_in(staff)


def drawn(answer) -> dict[str, dict]:
    """What each chart draws."""
    return {chart.name: json.loads(chart.value) for chart in answer.context["charts"]}


def cards(answer) -> dict[str, str]:
    return {str(card.title): card.count for card in answer.context["cards"]}


EXCHANGES = {"exchanges_parked", "exchanges_unknown"}
DELIVERIES = {"emails", "webhooks"}
WAITING = {
    "Brand manager": {"approvals", "personalisations", "differences", "campaigns", *EXCHANGES, *DELIVERIES},
    "Campaign manager": {"personalisations", "campaigns"},
    "Service agent": {"approvals", "personalisations", "campaigns", "emails", *EXCHANGES},
    "Finance": {"approvals", "differences", "campaigns", *EXCHANGES},
    AUDITOR: {"approvals", "personalisations", "differences", "campaigns", *EXCHANGES, *DELIVERIES},
}
DRAWN = {
    "Brand manager": {"flows", "liability", "codes", "exchanges"},
    "Campaign manager": {"codes"},
    "Service agent": {"flows", "liability", "codes", "exchanges"},
    "Finance": {"flows", "liability", "exchanges"},
    AUDITOR: {"flows", "liability", "codes", "exchanges"},
}
SEES_PROOFS = {"Brand manager", "Finance", AUDITOR}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_finds_what_it_may_look_at_and_nothing_else(furnished, role):
    answer = someone(role, furnished).get(HOME)

    assert answer.status_code == 200
    assert {card.name for card in answer.context["cards"]} == WAITING[role]
    assert bool(answer.context["proofs"]) == (role in SEES_PROOFS)
    assert set(drawn(answer)) == DRAWN[role]


@pytest.mark.parametrize("role", ROLES)
def test_every_card_leads_to_its_list(furnished, role):
    client = someone(role, furnished)

    for card in client.get(HOME).context["cards"]:
        listed = client.get(card.link)
        assert listed.status_code == 200, card.link
        assert len(listed.context["cl"].result_list) == int(card.count), card.link


def test_every_card_of_the_house_leads_to_the_list_of_the_brand_that_is_chosen(furnished):
    furnish(make_brand())
    client = someone("house", None, is_superuser=True)

    told = client.get(f"{HOME}?brand={furnished.pk}").context["cards"]

    assert len(told) == 8
    for card in told:
        assert len(client.get(card.link).context["cl"].result_list) == int(card.count), card.link


def test_what_waits_is_counted_of_ones_own_brand(furnished):
    other = make_brand()
    furnish(other)
    Email.objects.filter(brand=other).update(state="parked")
    client = someone("Brand manager", furnished)

    before = cards(client.get(HOME))
    Email.objects.filter(brand=furnished).update(state="parked")
    after = cards(client.get(HOME))

    assert before["Personalisations to decide"] == "1"
    assert before["Differences to statements"] == "1"
    assert before["E-mails given up"] == "0"
    assert int(after["E-mails given up"]) == Email.objects.filter(brand=furnished).count() > 0


def test_a_count_goes_no_further_than_a_thousand(furnished):
    row = Email.objects.filter(brand=furnished).values("brand_id", "kind", "recipient", "language").first()
    Email.objects.bulk_create([Email(**row, state="parked") for _ in range(1_001)])

    assert cards(someone("Brand manager", furnished).get(HOME))["E-mails given up"] == "1,000+"


@pytest.mark.parametrize(
    ("terms", "waits"),
    [
        ({"budget_codes": 100, "issued_codes": 90}, True),
        ({"budget_codes": 100, "issued_codes": 89}, False),
        ({"budget_points": 1_000, "issued_points": 1_000}, True),
        ({"ends_at": timedelta(days=6)}, True),
        ({"ends_at": timedelta(days=8)}, False),
        ({"ends_at": timedelta(minutes=-1)}, False),
        ({"ends_at": timedelta(days=6), "state": "paused"}, False),
    ],
    ids=str,
)
def test_a_campaign_that_is_about_to_run_out_is_told_of(db, terms, waits):
    brand, now = make_brand(), datetime.now(UTC)
    campaign = make_campaign(brand, make_token(brand))
    terms = {name: now + value if isinstance(value, timedelta) else value for name, value in terms.items()}
    Campaign.objects.filter(pk=campaign.pk).update(starts_at=now - timedelta(days=30), **terms)

    told = cards(someone("Campaign manager", brand).get(HOME))

    assert told["Campaigns about to run out"] == str(int(waits))


def rolled_up(brand: Brand, day: date) -> None:
    """Sums of one day, as the workers write them."""
    token = make_token(brand, name="Stars")
    flow = {"brand": brand, "token": token, "day": day}
    nothing = {"credits": 0, "credited_points": 0, "debits": 0, "debited_points": 0}
    DailyFlow.objects.create(**flow, type="credit_points", **nothing | {"credits": 2, "credited_points": 1_000})
    DailyFlow.objects.create(**flow, type="code_to_points", **nothing | {"credits": 3, "credited_points": 30})
    DailyFlow.objects.create(**flow, type="points_to_rewards", **nothing | {"debits": 1, "debited_points": 200})
    DailyFlow.objects.create(**flow, type="expiry", **nothing | {"debits": 1, "debited_points": 50})
    DailyFlow.objects.create(**flow, type="reversal", **nothing | {"credits": 1, "credited_points": 20, "debited_points": 7})
    moved = {"credits": 1, "credited_points": 500, "debits": 1, "debited_points": 500}
    DailyFlow.objects.create(**flow, type="merge", **moved)
    for age, points in ((0, 100), (30, 10), (31, 20), (90, 1), (400, 5)):
        OpenLots.objects.create(brand=brand, token=token, day=day - timedelta(days=age), points=points)
    DailyCodes.objects.create(brand=brand, campaign=make_campaign(brand, token), day=day, codes=8, value=80)
    provider = Provider.objects.filter(brand=brand).first()
    for state, orders in (("settled", 4), ("parked", 1), ("accepted", 0)):
        DailyExchanges.objects.create(brand=brand, provider=provider, day=day, state=state, orders=orders, points=orders)
    TallyMark.objects.create(brand=brand, counted_at=datetime(2026, 6, 1, tzinfo=UTC))


def test_charts_draw_the_sums_of_the_brands_days(furnished):
    today = datetime.now(UTC).astimezone(furnished.zone).date()
    rolled_up(furnished, today)
    token = DailyFlow.objects.filter(brand=furnished).first().token_id

    told = drawn(someone("Brand manager", furnished).get(f"{HOME}?period=7&token={token}"))

    figures = {name: {one["label"]: one["data"] for one in chart["datasets"]} for name, chart in told.items()}
    assert {name: (len(data), data[-1], sum(data)) for name, data in figures["flows"].items()} == {
        "Earned": (7, 1_030, 1_030),
        "Burned": (7, 200, 200),
        "Expired": (7, 50, 50),
        "Given back": (7, 20, 20),
        "Taken back": (7, 7, 7),
    }
    assert figures["liability"] == {"Points": [110, 21, 0, 0, 5, 1_050 - 257 - 136]}
    assert {name: sum(data) for name, data in figures["codes"].items()} == {"Issued": 8, "Redeemed": 3}
    assert figures["exchanges"] == {"Settled": [4], "Parked": [1]}
    assert told["exchanges"]["labels"] == ["Flying Blue"]


def test_each_chart_says_the_same_as_a_table_and_until_when_it_counts(furnished):
    today = datetime.now(UTC).astimezone(furnished.zone).date()
    rolled_up(furnished, today)
    token = DailyFlow.objects.filter(brand=furnished).first().token_id

    answer = someone("Brand manager", furnished).get(f"{HOME}?token={token}")
    html = answer.content.decode()

    drawn_values = re.findall(r'data-value="([^"]*)"', html)
    assert [json.loads(unescape(value)) for value in drawn_values] == list(drawn(answer).values())
    assert html.count('<canvas class="chart" role="img" aria-label=') == html.count("<summary>") == 4
    assert "<td>1,030</td>" in html
    assert "As of 06/01/2026 midnight UTC; days are those of Europe/Zurich." in words(answer)
    assert "<script>" not in re.sub(r"(?s).*<div class=\"home\">", "", html)


def test_a_long_period_is_drawn_by_weeks_and_months():
    weeks = period_of(query("period=365"), today=TODAY)
    months = period_of(query("from=2022-01-15&to=2026-06-30"), today=TODAY)

    assert len(period_of(query("period=90"), today=TODAY).points()) == 90
    assert (len(weeks.points()), weeks.points()[:2]) == (53, [date(2025, 7, 1), date(2025, 7, 7)])
    assert (len(months.points()), months.points()[:2]) == (54, [date(2022, 1, 15), date(2022, 2, 1)])
    assert months.start_of(date(2022, 1, 31)) == date(2022, 1, 15)


@pytest.mark.parametrize(
    "asked",
    [
        "period=8",
        "period=x",
        "from=2026-02-30",
        "from=2026-06-02&to=2026-06-01",
        "from=2027-01-01",
        "to=2026-06-01",
        "from=1900-01-01",
        "from=2026-06-01&to=%00",
        "from=9999-12-31&to=9999-12-31",
    ],
)
def test_a_period_that_cannot_be_is_told_and_the_usual_one_shown(asked):
    period = period_of(query(asked), today=TODAY)

    assert period.fault
    assert (period.first, period.last, period.days) == (date(2026, 6, 1), TODAY, 30)


def test_a_period_is_what_was_asked_for():
    own = period_of(query("from=2026-01-01&to=2026-12-31"), today=TODAY)

    assert (own.first, own.last, own.fault) == (date(2026, 1, 1), TODAY, "")
    assert period_of(query("from=2026-06-30"), today=TODAY).length == 1
    first = TODAY - timedelta(days=LONGEST_DAYS - 1)
    assert period_of(query(f"from={first}"), today=TODAY).fault == ""
    assert period_of(query(f"from={first - timedelta(days=1)}"), today=TODAY).fault != ""


def query(text: str):
    from django.http import QueryDict

    return QueryDict(text)


def test_a_wrong_period_is_said_on_the_page(furnished):
    answer = someone("Brand manager", furnished).get(f"{HOME}?period=8&token=0&brand=x")

    assert answer.status_code == 200
    assert "There is no such period." in words(answer)


def test_the_proof_of_last_night_is_told_as_it_went(furnished):
    client, now = someone("Finance", furnished), datetime.now(UTC)
    ledger = ProofRun.objects.filter(brand=furnished, subject=ProofSubject.LEDGER)

    def verdict() -> str:
        return str(client.get(HOME).context["proofs"][0].verdict)

    told = [verdict()]
    ledger.update(faults=2)
    told.append(verdict())
    ledger.update(faults=0, begun_at=now - timedelta(days=3), ended_at=now - timedelta(days=3))
    told.append(verdict())
    ledger.update(ended_at=None)
    told.append(verdict())
    ledger.update(begun_at=now)
    told.append(verdict())
    ledger.delete()
    told.append(verdict())

    assert told == [
        "holds",
        "differs",
        "not proved last night",
        "the proof did not end",
        "being proved",
        "not proved yet",
    ]


@pytest.mark.parametrize("role", ["Brand manager", "house"])
def test_the_home_page_makes_few_queries(furnished, role):
    rolled_up(furnished, datetime.now(UTC).date())
    client = someone(role, None if role == "house" else furnished, is_superuser=role == "house")
    client.get(HOME)

    with CaptureQueriesContext(connection) as queries:
        answer = client.get(f"{HOME}?brand={furnished.pk}&period=365")

    assert answer.status_code == 200
    assert len(queries) <= 15, [query["sql"][:120] for query in queries]


def test_the_house_chooses_a_brand_and_others_have_theirs(furnished):
    other = make_brand()
    house, own = someone("house", None, is_superuser=True), someone("Brand manager", furnished)

    assert house.get(f"{HOME}?brand={other.pk}").context["brand"] == other
    assert own.get(f"{HOME}?brand={other.pk}").context["brand"] == furnished
    assert other.name not in own.get(f"{HOME}?brand={other.pk}").content.decode()
