"""Campaign pages: copied, moved, ordered from; what is told is what is."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from loyalty.admin.campaigns import bars_of, hints_of
from rewards.models import Campaign, CodeBatch
from rewards.services.generating import BatchOrder, open_batch
from tests.conftest import NOON, make_brand, make_token
from tests.loyalty.desk import make_staff, page_of, signed_in, words
from tests.rewards.conftest import DAY, again, make_campaign
from users.models import AuditEntry, Staff

LENGTH = 14


def someone(brand, role: str = "Campaign manager") -> Staff:
    staff = make_staff(username=f"{role} of {brand.pk}", brand=brand)
    staff.groups.add(Group.objects.get(name=role))
    return staff


@pytest.fixture
def manager(brand) -> Staff:
    return someone(brand)


@pytest.fixture
def client(manager) -> Client:
    return signed_in(manager)


@pytest.fixture
def campaign(brand) -> Campaign:
    return make_campaign(brand, name="Summer", budget_codes=100, budget_points=1_000)


def at(campaign: Campaign, page: str) -> str:
    return reverse(f"admin:rewards_campaign_{page}", args=[campaign.pk])


def order(campaign: Campaign, count: int = 60) -> CodeBatch:
    terms = {"count": count, "value": 1, "actor": "staff:1", "length": LENGTH}
    return open_batch(order=BatchOrder(brand_id=campaign.brand_id, campaign_id=campaign.pk, **terms), at=timezone.now())


def try_all(client: Client, campaign: Campaign) -> list:
    """End it, copy it, and order codes of it."""
    sent = {"to": "ended", "count": 1, "value": 1}
    return [client.post(at(campaign, name), sent) for name in ("move", "copy", "generate")]


def told(page) -> list[str]:
    return [str(message) for message in page.context["messages"]]


@pytest.mark.parametrize(
    ("before", "to", "after"),
    [
        *(("draft", "running", "running"), ("paused", "running", "running"), ("running", "paused", "paused")),
        *(("running", "ended", "ended"), ("ended", "running", "ended"), ("draft", "paused", "draft"), ("draft", "", "draft")),
    ],
)
def test_a_campaign_is_moved_on_its_page_where_it_may_go_there(client, brand, before, to, after):
    campaign = make_campaign(brand, state=before)

    page = client.post(at(campaign, "move"), {"to": to}, follow=True)

    assert again(campaign).state == after
    assert len(told(page)) == 1
    audited = AuditEntry.objects.filter(kind="action", subject_model="rewards.campaign", subject_id=str(campaign.pk))
    assert [(row.before, row.after) for row in audited] == ([({"state": before}, {"state": after})] if after == to else [])


@pytest.mark.parametrize(
    ("state", "offered"),
    [("draft", {"running", "ended"}), ("running", {"paused", "ended"}), ("paused", {"running", "ended"}), ("ended", set())],
)
def test_a_page_offers_the_moves_that_are_allowed_and_no_other(client, brand, state, offered):
    page = client.get(page_of(Campaign, "change", make_campaign(brand, state=state).pk))

    assert {to for to, _ in page.context["moves"]} == offered
    assert {to for to in ("running", "paused", "ended") if f'value="{to}"' in page.content.decode()} == offered


def test_a_copy_is_a_draft_whose_page_opens_next(client, campaign):
    page = client.post(at(campaign, "copy"), follow=True)

    copy = Campaign.objects.get(brand=campaign.brand, name="Summer (2)")
    assert (copy.state, copy.budget_codes) == ("draft", 100)
    assert page.request["PATH_INFO"] == page_of(Campaign, "change", copy.pk)
    assert 'value="Summer (2)"' in page.content.decode()


def test_codes_are_ordered_for_the_background_and_their_budget_is_taken_at_once(client, manager, campaign):
    page = client.post(at(campaign, "generate"), {"count": 60, "value": 10, "length": LENGTH, "reference": "f1"}, follow=True)

    batch = CodeBatch.objects.get(campaign=campaign)
    assert (batch.state, batch.count, batch.value, batch.actor) == ("queued", 60, 10, f"staff:{manager.pk}")
    assert (again(campaign).issued_codes, again(campaign).issued_points) == (60, 600)
    assert page.request["PATH_INFO"] == page_of(CodeBatch, "change", batch.pk)
    assert AuditEntry.objects.filter(subject_model="rewards.codebatch", staff_id=manager.pk, kind="action").count() == 1


def test_a_form_that_is_sent_twice_orders_once(client, campaign):
    shown = client.get(at(campaign, "generate")).context["form"]
    form = {"count": 60, "value": 1, "length": LENGTH, "reference": shown["reference"].initial}

    first, second = (client.post(at(campaign, "generate"), form, follow=True) for _ in range(2))

    assert CodeBatch.objects.filter(campaign=campaign).count() == 1
    assert again(campaign).issued_codes == 60
    assert first.request["PATH_INFO"] == second.request["PATH_INFO"]
    assert told(second) == ["This form had been sent before: it was done once."]
    assert AuditEntry.objects.filter(subject_model="rewards.codebatch", kind="action").count() == 1


def test_a_form_that_is_sent_again_with_another_number_is_refused(client, campaign):
    form = {"count": 6, "value": 1, "length": LENGTH, "reference": "f1"}
    client.post(at(campaign, "generate"), form)

    page = client.post(at(campaign, "generate"), form | {"count": 7})

    assert "sent before with other content" in words(page)
    assert again(campaign).issued_codes == 6


def test_before_codes_are_ordered_one_says_again_who_one_is(clock, client, campaign):
    clock.shift(601)

    asked = client.post(at(campaign, "generate"), {"count": 6, "value": 1, "length": LENGTH, "reference": "f1"})

    assert "say again who you are" in words(asked)
    assert not CodeBatch.objects.filter(campaign=campaign).exists()


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"count": 101}, "__all__", "budget"),
        ({"count": 0}, "count", "greater than or equal to 1"),
        ({"value": ""}, "value", "required"),
        ({"length": 9}, "__all__", "too short"),
        ({"length": 40}, "length", "at most 32"),
    ],
)
def test_an_order_that_is_refused_says_why_and_keeps_what_was_typed(client, campaign, fields, field, reason):
    typed = {"count": 77, "value": 1, "length": LENGTH, "reference": "f1"} | fields
    if fields == {"length": 9}:
        Campaign.objects.filter(pk=campaign.pk).update(budget_codes=None, budget_points=None)
        typed["count"] = 9_000_000

    page = client.post(at(campaign, "generate"), typed)

    assert page.status_code == 200
    assert reason in str(page.context["form"].errors[field])
    assert f'value="{typed["count"]}"' in page.content.decode()
    assert not CodeBatch.objects.filter(campaign=campaign).exists()


@pytest.mark.parametrize("role", ["Service agent", "Finance", "Auditor"])
def test_who_may_only_look_is_offered_nothing_and_can_do_nothing(brand, campaign, role):
    client = signed_in(someone(brand, role))

    page = client.get(page_of(Campaign, "change", campaign.pk))
    answers = [
        client.post(at(campaign, name), {"to": "ended", "count": 1, "value": 1}) for name in ("move", "copy", "generate")
    ]

    assert (page.status_code, page.context["moves"], page.context["may_copy"], page.context["may_generate"]) == (
        200,
        [],
        False,
        False,
    )
    assert {answer.status_code for answer in answers} == {403}
    assert (again(campaign).state, Campaign.objects.filter(brand=brand).count()) == ("running", 1)


def test_a_campaign_of_another_brand_is_not_there(client):
    campaign = make_campaign(make_brand())

    answers = [
        client.post(at(campaign, name), {"to": "ended", "count": 1, "value": 1}) for name in ("move", "copy", "generate")
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert again(campaign).state == "running"
    assert not CodeBatch.objects.filter(campaign=campaign).exists()


def test_looking_changes_nothing(client, campaign):
    assert [client.get(at(campaign, name)).status_code for name in ("move", "copy", "generate")] == [405, 405, 200]


def test_bars_tell_what_is_issued_and_redeemed_of_what(brand):
    campaign = make_campaign(brand, budget_codes=10_000, issued_codes=2_500, issued_points=7)

    bars = {bar.title: (bar.used, bar.most, bar.words) for bar in bars_of(campaign)}

    assert bars == {
        "Codes issued": (2_500, 10_000, "2,500 of 10,000"),
        "Worth issued": (7, None, "7, no limit"),
        "Codes redeemed": (0, 2_500, "0 of 2,500"),
        "Worth redeemed": (0, 7, "0 of 7"),
    }


@pytest.mark.parametrize(
    ("terms", "hint"),
    [
        ({"state": "draft"}, "It is a draft"),
        ({"state": "paused"}, "It is paused"),
        ({"state": "ended"}, "It has ended for good"),
        ({"ends_at": NOON}, "It has been over since"),
        ({"starts_at": NOON + DAY}, "It begins on June 2, 2026, 2 p.m."),
        ({"budget_codes": 10, "issued_codes": 10}, "The budget of codes is used up"),
        ({"budget_points": 10, "issued_points": 9}, "The budget of points is nearly used up"),
    ],
)
def test_a_hint_says_why_a_campaign_does_not_do_what_one_expects(brand, terms, hint):
    (told,) = hints_of(make_campaign(brand, **terms), NOON)

    assert told.startswith(hint)


def test_a_running_campaign_with_budget_left_needs_no_hint(brand):
    campaign = make_campaign(brand, budget_codes=10, issued_codes=8, ends_at=NOON + timedelta(seconds=1))

    assert hints_of(campaign, NOON) == []


def test_the_pages_cost_few_queries_however_many_batches_there_are(client, campaign, django_assert_max_num_queries):
    for _ in range(9):
        order(campaign, 1)

    for path in (page_of(Campaign, "changelist"), page_of(Campaign, "change", campaign.pk), page_of(CodeBatch, "changelist")):
        with django_assert_max_num_queries(15):
            assert client.get(path).status_code == 200


def test_a_form_that_is_refused_keeps_the_page_and_says_what_is_wrong(client, brand):
    campaign = make_campaign(brand, name="Winter", budget_codes=10, issued_codes=5, token=make_token(brand))
    form = {"name": "Winter", "kind": "points", "token": campaign.token_id, "starts_at_0": "2026-06-01", "starts_at_1": "00:00"}
    form |= {"code_alphabet": "0123456789", "code_length": 9, "budget_codes": 4}

    page = client.post(page_of(Campaign, "change", campaign.pk), form)

    assert "5 are issued already" in words(page)
    assert again(campaign).budget_codes == 10
