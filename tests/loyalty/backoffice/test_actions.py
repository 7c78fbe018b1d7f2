"""Pages of actions: made with conditions line by line, tried for a member without doing anything."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ledger.models import Transaction
from rewards.models import Action, ActionGain, ActionSegment, ActionUse, Frequency
from tests.conftest import NOON, make_brand, make_member, make_token
from tests.loyalty.desk import act, fill, make_staff, page_of, signed_in, words
from tests.rewards.acting import do, make_action, make_segment
from tests.rewards.conftest import again
from users.models import Consent, Member

DAY = timedelta(days=1)
COFFEE = [{"property": "category", "is": "equals", "value": "coffee"}]


def someone(brand, role: str = "Campaign manager") -> Client:
    staff = make_staff(username=f"{role} of {brand.pk}", brand=brand)
    staff.groups.add(Group.objects.get(name=role))
    return signed_in(staff)


@pytest.fixture
def client(brand) -> Client:
    return someone(brand)


def form_of(token, *lines: tuple[str, str, str], **fields) -> dict[str, object]:
    form = {"name": "Daily visit", "tag": "daily", "token": token.pk, "points": 5, "frequency": "day", "period_limit": 1}
    columns = list(zip(*lines, strict=True)) or [[], [], []]
    form |= {f"conditions-{part}": list(column) for part, column in zip(("property", "is", "value"), columns, strict=True)}
    return form | fields


def attempt(client: Client, action: Action, member, properties: str = "", **fields):
    path = reverse("admin:rewards_action_try", args=[action.pk])
    return client.post(path, {"member": getattr(member, "auth_id", member), "properties": properties} | fields)


def test_an_action_is_made_with_its_conditions_line_by_line(client, brand, token):
    lines = [
        ("category", "in", "coffee, tea"),
        ("amount", "at_least", "5"),
        ("", "equals", ""),
        ("store", "exists", ""),
    ]

    fill(client, Action, None, form_of(token, *lines))

    made = Action.objects.get(brand=brand)
    assert made.conditions == [
        {"property": "category", "is": "in", "value": ["coffee", "tea"]},
        {"property": "amount", "is": "at_least", "value": "5"},
        {"property": "store", "is": "exists"},
    ]
    assert (made.frequency, made.period_limit, made.total_limit) == ("day", 1, None)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (("amount", "at_least", "many"), "Line 1: a number is needed."),
        (("category", "equals", ""), "Line 1: one value is needed."),
        (("", "equals", "coffee"), "Line 1: a property of 1 to 100 characters is needed."),
        (("category", "like", "coffee"), "Line 1: one of equals"),
        (("category", "exists", "coffee"), "Line 1: whether something exists is asked without a value."),
    ],
)
def test_conditions_that_cannot_be_judged_are_told_and_what_was_typed_stays(client, brand, token, line, told):
    page = fill(client, Action, None, form_of(token, line))

    assert told in words(page)
    assert f'value="{line[2]}"' in page.content.decode()
    assert not Action.objects.filter(brand=brand).exists()


def test_conditions_that_are_kept_are_shown_and_stay_when_nothing_is_changed(client, token):
    action = make_action(token, tag="daily", conditions=COFFEE)
    page = client.get(page_of(Action, "change", action.pk)).content.decode()

    fill(client, Action, action, form_of(token, ("category", "equals", "coffee"), name="Coffee"))

    assert 'value="category"' in page
    assert (again(action).conditions, again(action).name) == (COFFEE, "Coffee")


@pytest.mark.parametrize("fields", [{"points": 0}, {"period_limit": 0}, {"total_limit": 0}, {"tag": "taken"}])
def test_what_an_action_cannot_be_is_told(client, brand, token, fields):
    make_action(token, tag="taken")

    page = fill(client, Action, None, form_of(token) | fields)

    assert page.status_code == 200
    assert Action.objects.filter(brand=brand).count() == 1


def test_a_token_of_another_brand_is_not_offered(client, brand):
    fill(client, Action, None, form_of(make_token(make_brand())))

    assert not Action.objects.filter(brand=brand).exists()


def test_actions_are_offered_and_withdrawn(client, token):
    action = make_action(token)

    states = [act(client, name, action) and again(action).active for name in ("withdraw", "offer")]

    assert states == [False, True]


@pytest.mark.parametrize(
    ("terms", "hint"),
    [
        ({"active": False}, "It is not offered"),
        ({"starts_at": NOON + 9_000 * DAY}, "its time has not begun"),
        ({"ends_at": NOON - 9_000 * DAY}, "its time is over"),
    ],
)
def test_a_page_says_why_nobody_is_rewarded(client, token, terms, hint):
    action = make_action(token, **terms)

    assert hint in words(client.get(page_of(Action, "change", action.pk)))
    assert "not offered" in words(client.get(page_of(Action, "changelist")))


def test_what_would_happen_is_told_and_nothing_happens(client, brand, member, token):
    action = make_action(token, frequency=Frequency.DAY, conditions=COFFEE, points=1_234)

    page = attempt(client, action, member, "category = coffee\n\nbeans = [1, 2]")

    assert "1,234 points would be given." in words(page)
    assert page.context["findings"] == [
        (True, "It counts 1 times a day; done 0 times that day."),
        (True, "“category” is coffee."),
    ]
    tables = (Transaction, ActionGain, ActionUse)
    assert not any(table.objects.filter(brand=brand).exists() for table in tables)


def test_what_is_not_so_is_told(client, brand, member, token):
    action = make_action(token, conditions=COFFEE, total_limit=1, segments=[make_segment(brand)], ends_at=NOON + 9_000 * DAY)
    Action.objects.filter(pk=action.pk).update(active=True)

    page = attempt(client, action, member, "category = tea")

    assert "No points would be given." in words(page)
    assert [met for met, _ in page.context["findings"]] == [True, False, True, False]


def test_what_was_done_before_counts_and_an_instant_can_be_chosen(client, member, token, time_machine):
    time_machine.move_to(NOON + 2 * DAY, tick=True)
    action = make_action(token, frequency=Frequency.DAY)
    do(member, action, at=NOON)

    told = [words(attempt(client, action, member, occurred_at_0=f"2026-06-{day:02}", occurred_at_1="12:00")) for day in (1, 2)]

    assert ["No points would be given." in text for text in told] == [True, False]


def test_what_the_api_would_refuse_is_told(client, member, token):
    """The date, a parameter that was used, a member who refused consent: the last is asked first."""
    action, now = make_action(token), timezone.now()
    do(member, action, param="visit 1", at=now)
    old = now - 40 * DAY

    past = attempt(client, action, member, occurred_at_0=old.date().isoformat(), occurred_at_1="12:00")
    used = attempt(client, action, member, param1="visit 1")
    unused = attempt(client, action, member, param1="visit 2")
    Member.objects.filter(pk=member.pk).update(consent=Consent.REFUSED)
    refused = attempt(client, action, member)

    assert "not more than 30 days ago" in words(past)
    assert "rewarded already" in words(used)
    assert "points would be given" in words(unused)
    assert "consent" in words(refused).lower()
    assert all("tried" not in page.context for page in (past, used, refused))


def test_what_is_withdrawn_gives_nothing(client, member, token):
    assert "No points would be given." in words(attempt(client, make_action(token, active=False), member))


@pytest.mark.parametrize(
    ("member", "properties", "told"), [("nobody", "", "User not found"), ("nobody", "coffee", "no equals sign")]
)
def test_what_cannot_be_tried_is_told(client, token, member, properties, told):
    page = attempt(client, make_action(token), member, properties)

    assert told in words(page)
    assert "tried" not in page.context


def test_members_of_another_brand_are_not_found(client, token):
    assert "User not found" in words(attempt(client, make_action(token), make_member(make_brand())))


def test_an_action_is_tried_by_whom_may_look_and_never_across_the_wall(brand, member, token):
    action = make_action(token)

    statuses = [
        attempt(someone(whose, role), action, member).status_code
        for whose, role in ((brand, "Service agent"), (brand, "Auditor"), (make_brand(), "Campaign manager"))
    ]

    assert statuses == [200, 200, 404]


def test_segments_stand_under_the_action(client, brand, token):
    action, segment = make_action(token, tag="daily"), make_segment(brand)
    table = {"ties-TOTAL_FORMS": 1, "ties-INITIAL_FORMS": 0, "ties-0-segment": segment.pk, "ties-0-action": action.pk}

    fill(client, Action, action, form_of(token) | table)

    assert ActionSegment.objects.get(action=action).segment == segment
