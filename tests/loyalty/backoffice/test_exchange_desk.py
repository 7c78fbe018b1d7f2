"""The exchange desk: what waits is seen oldest first, and every verb is done by its side, once, with a reason that is kept."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from exchange.models import (
    AdapterKind,
    Difference,
    ExchangeMove,
    ExchangeOrder,
    Partnership,
    PartnershipChange,
    Provider,
    ProviderChange,
)
from exchange.services.partnerships import Offer, change_partnership
from loyalty.admin.roles import AUDITOR, BRAND_MANAGER, FINANCE, SERVICE_AGENT
from tests.clients import Partner
from tests.conftest import make_brand, make_member, make_token
from tests.exchange import world
from tests.exchange.world import make_brands_partnership, make_exchanges, make_provider
from tests.loyalty.desk import make_staff, page_of, signed_in, words
from users.models import AuditEntry, Brand

WHY = "the airline wrote"


def someone(role: str, brand: Brand) -> Client:
    staff = make_staff(username=f"{role} of {brand.pk}", brand=brand)
    staff.groups.add(Group.objects.get(name=role))
    return signed_in(staff)


@pytest.fixture
def order(brand, member, token) -> ExchangeOrder:
    Partner.of(brand).credit(member.auth_id, 1_000, token.pk)
    return make_exchanges(brand, member, token)


@pytest.fixture
def finance(brand) -> Client:
    return someone(FINANCE, brand)


def exchange(member, token, points: int) -> ExchangeOrder:
    """One more, with the provider of `order`."""
    return world.exchange(member, token, points, provider_name="flying_blue", number_override="1234567890")


def do(client: Client, row, verb: str, **fields):
    return client.post(page_of(type(row), verb, row.pk), fields, follow=True)


def listed(client: Client, model, **query) -> list:
    return list(client.get(page_of(model, "changelist"), query).context["cl"].result_list)


def aged(order: ExchangeOrder, **terms) -> None:
    ExchangeOrder.objects.filter(pk=order.pk).update(**terms)


def test_what_is_not_over_comes_oldest_first_and_the_rest_is_found_by_state_and_age(order, member, token, finance):
    older = exchange(member, token, 10)
    over = exchange(member, token, 10)
    aged(older, created_at=timezone.now() - timedelta(days=4))
    aged(over, state="submitted")
    aged(over, state="settled", ended_at=timezone.now())

    assert listed(finance, ExchangeOrder) == [older, order]
    assert listed(finance, ExchangeOrder, state="settled") == [over]
    assert listed(finance, ExchangeOrder, state="all") == [over, older, order]
    assert listed(finance, ExchangeOrder, age="72") == [older]
    assert listed(finance, ExchangeOrder, age="168") == []
    assert listed(finance, ExchangeOrder, q=str(over.reference)) == [over]
    assert listed(finance, ExchangeOrder, provider__id__exact=order.provider_id) == [older, order]


def test_the_page_of_an_order_tells_all_of_it(order, finance, django_assert_max_num_queries):
    with django_assert_max_num_queries(15):
        page = finance.get(page_of(ExchangeOrder, "change", order.pk))

    told = words(page)
    for expected in ("Attempts and answers", "Moves", "In the ledger", str(order.reference), str(order.transaction_id)):
        assert expected in told
    assert page_of(ExchangeOrder, "ask", order.pk) in page.content.decode()
    assert "State pending" in told


def test_the_list_costs_the_same_however_many_there_are(order, member, token, finance, django_assert_max_num_queries):
    for _ in range(12):
        exchange(member, token, 10)

    with django_assert_max_num_queries(15):
        assert len(listed(finance, ExchangeOrder)) == 13


def test_one_that_waits_is_asked_after_now_and_who_did_it_is_kept(order, finance):
    aged(order, due_at=timezone.now() + timedelta(hours=1))

    page = do(finance, order, "ask")

    order.refresh_from_db()
    assert order.due_at <= timezone.now()
    assert "asked within seconds" in words(page)
    assert AuditEntry.objects.get(brand=order.brand, kind="action", subject_id=str(order.pk)).after == {"verb": "ask"}


def test_a_parked_one_is_resumed_with_a_reason_and_a_second_click_does_nothing(order, finance):
    aged(order, state="parked")

    without = do(finance, order, "resume", reason=" ")
    again = [do(finance, order, "resume", reason=WHY) for _ in range(2)]

    assert "This field is required" in words(without)
    assert "not possible any more" in words(again[1])
    (move,) = ExchangeMove.objects.filter(order=order, came_from="parked")
    assert (move.went_to, move.reason) == ("unknown", WHY)
    assert AuditEntry.objects.filter(brand=order.brand, kind="action", reason=WHY).count() == 1


@pytest.mark.parametrize("role", [SERVICE_AGENT, AUDITOR])
def test_who_only_looks_decides_nothing(order, brand, role):
    aged(order, state="parked")
    client = someone(role, brand)

    page = client.get(page_of(ExchangeOrder, "change", order.pk))
    answer = do(client, order, "resume", reason=WHY)

    assert (page.status_code, answer.status_code) == (200, 403)
    assert page_of(ExchangeOrder, "resume", order.pk) not in page.content.decode()
    order.refresh_from_db()
    assert order.state == "parked"


def test_a_difference_is_resolved_once(order, finance):
    row = Difference.objects.get(brand=order.brand)

    do(finance, row, "resolve", reason="on the invoice of October")
    again = do(finance, row, "resolve", reason="another word")

    row.refresh_from_db()
    assert row.resolution == "on the invoice of October"
    assert "not possible any more" in words(again)


# --- providers ---


def test_a_provider_is_paused_and_resumed_with_reasons(order, finance):
    row = order.provider

    do(finance, row, "pause", reason="they move house")
    assert "paused" in words(finance.get(page_of(Provider, "changelist")))
    do(finance, row, "resume", reason="they are back")

    kept = ProviderChange.objects.filter(provider=row).order_by("pk").values_list("verb", "reason")
    assert list(kept) == [("paused", "they move house"), ("resumed", "they are back")]
    assert "they move house" in words(finance.get(page_of(Provider, "change", row.pk)))


def test_an_open_breaker_is_seen_and_closed(order, finance):
    row = order.provider
    Provider.objects.filter(pk=row.pk).update(failures=7, open_until=timezone.now() + timedelta(minutes=4))
    assert "breaker open" in words(finance.get(page_of(Provider, "change", row.pk)))

    do(finance, row, "close_breaker", reason=WHY)

    row.refresh_from_db()
    assert (row.failures, row.open_until) == (0, None)


def test_the_next_files_number_is_refused_beside_its_field_and_what_was_typed_stays(order, finance):
    row = order.provider
    Provider.objects.filter(pk=row.pk).update(adapter=AdapterKind.ACCRUAL_FILES)

    page = do(finance, row, "number_files", number=1, reason=WHY)
    do(finance, row, "number_files", number=40, reason=WHY)

    assert "from 2 to" in words(page)
    assert WHY in page.content.decode()
    row.refresh_from_db()
    assert row.files_next == 40


def test_no_page_shows_a_credential(order, finance):
    house = signed_in(make_staff(username="house", is_superuser=True))
    stored = bytes(order.provider.secret)

    for client in (finance, house):
        page = client.get(page_of(Provider, "change", order.provider_id)).content
        assert stored not in page
        assert b"gAAAA" not in page


def test_our_statement_is_downloaded_and_recorded(order, member, token, finance):
    over = exchange(member, token, 10)
    aged(over, state="submitted")
    aged(over, state="settled", ended_at=timezone.now())
    day = timezone.now().date()

    answer = finance.post(page_of(Provider, "statements", order.provider_id), {"day": day, "side": "ours"})

    told = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
    assert told[0] == "reference,amount,credited_at"
    assert [line.split(",")[:2] for line in told[1:]] == [[str(over.reference), "100"]]
    kept = AuditEntry.objects.get(brand=order.brand, kind="export")
    assert (kept.after["side"], kept.after["lines"]) == ("ours", 1)


def test_a_partner_that_does_not_answer_is_told_and_nothing_recorded(order, finance):
    answer = finance.post(page_of(Provider, "statements", order.provider_id), {"day": "2026-01-01", "side": "theirs"})

    assert "cannot be had now" in words(answer)
    assert not AuditEntry.objects.filter(brand=order.brand, kind="export").exists()


# --- partnerships ---


@pytest.fixture
def theirs(db) -> Brand:
    return make_brand()


@pytest.fixture
def agreed(token, theirs) -> Partnership:
    return make_brands_partnership(token, make_token(theirs))


def test_each_side_sees_the_partnership_and_does_what_is_its_own(agreed, brand, theirs):
    giving, receiving, stranger = someone(BRAND_MANAGER, brand), someone(BRAND_MANAGER, theirs), someone(FINANCE, make_brand())
    terms = {"rate": "0.25", "minimum": 4, "maximum": 400, "reason": "the contract of May"}
    seen = PartnershipChange.objects.filter(partnership=agreed).latest("pk").pk

    assert [listed(client, Partnership) for client in (giving, receiving, stranger)] == [[agreed], [agreed], []]
    assert do(receiving, agreed, "change_terms", **terms, seen=seen).status_code == 403
    assert do(giving, agreed, "change_terms", **terms, seen=seen).status_code == 200
    seen = PartnershipChange.objects.filter(partnership=agreed).latest("pk").pk
    assert [do(client, agreed, "approve", seen=seen).status_code for client in (giving, receiving)] == [403, 200]
    for verb in ("approve", "change_terms", "withdraw", "cancel"):
        assert stranger.get(page_of(Partnership, verb, agreed.pk)).status_code in {403, 404}

    agreed.refresh_from_db()
    assert (str(agreed.rate.normalize()), agreed.minimum, agreed.maximum) == ("0.25", 4, 400)
    for client in (giving, receiving):
        assert "the contract of May" in words(client.get(page_of(Partnership, "change", agreed.pk)))


def test_nobody_agrees_to_terms_that_they_have_not_seen(agreed, brand, theirs):
    receiving = someone(BRAND_MANAGER, theirs)
    known = {"brand_id": brand.pk, "partnership_id": agreed.pk, "actor": "staff:1", "reason": "x", "at": timezone.now()}
    change_partnership(**known, offer=Offer(rate=Decimal(1)))
    form = receiving.get(page_of(Partnership, "approve", agreed.pk)).context["form"]
    change_partnership(**known, offer=Offer(rate=Decimal(1000)))

    page = do(receiving, agreed, "approve", seen=form.initial["seen"])

    assert "changed meanwhile" in words(page)
    agreed.refresh_from_db()
    assert agreed.rate < 1


def test_a_partnership_with_another_brand_is_requested_by_its_tokens_address(brand, token, theirs):
    client, sought = someone(FINANCE, brand), make_token(theirs)
    page = client.get(page_of(Partnership, "add"))
    assert theirs.name not in page.content.decode()
    form = {"token_a": token.pk, "token_b_address": sought.address, "rate": "0.5", "minimum": 1, "maximum": 100}

    refused = client.post(page_of(Partnership, "add"), form | {"token_b_address": f"0x{'0' * 40}"})
    made, again = (client.post(page_of(Partnership, "add"), form, follow=True) for _ in range(2))

    assert "No other brand has a token" in words(refused)
    row = Partnership.objects.get(brand=brand)
    assert (row.partner_brand, row.state) == (theirs, "requested")
    assert "is requested" in words(made)
    assert "already" in words(again)


def test_into_a_provider_of_ones_own_it_is_active_at_once(brand, token):
    client, provider = someone(FINANCE, brand), make_provider(brand)
    stranger = make_provider(make_brand())
    form = {"token_a": token.pk, "rate": "2", "minimum": 1, "maximum": 100}

    for fields in ({}, {"provider": stranger.pk}, {"provider": provider.pk, "token_b_address": f"0x{'0' * 40}"}):
        client.post(page_of(Partnership, "add"), form | fields)
        assert not Partnership.objects.filter(brand=brand).exists()
    client.post(page_of(Partnership, "add"), form | {"provider": provider.pk})

    assert Partnership.objects.get(brand=brand).state == "active"


def test_a_member_of_another_brand_is_in_nobodys_list(order, theirs):
    make_member(theirs)
    client = someone(FINANCE, theirs)

    assert listed(client, ExchangeOrder) == []
    assert do(client, order, "ask").status_code == 404
