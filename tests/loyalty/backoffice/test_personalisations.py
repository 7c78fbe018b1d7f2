"""The queue of personalisations: oldest first, what is asked for and by whom, decided once about what was looked at."""

import re
import secrets
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission
from django.urls import reverse
from django.utils import timezone

from ledger.models import Transaction
from loyalty.admin.personalisation_queue import place_of
from loyalty.admin.roles import AUDITOR, CAMPAIGN_MANAGER, FINANCE, SERVICE_AGENT
from rewards.models import Collectible
from rewards.services.collectibles import request_personalisation
from tests.api.programme import make_collectible, make_item
from tests.conftest import make_brand, make_member
from tests.loyalty.desk import act, make_staff, page_of, signed_in, words
from tests.rewards.conftest import must_hold, stampede
from users.models import AuditEntry, Email
from users.services.members import erase_member

QUEUE, DECIDE = "admin:rewards_collectible_queue", "admin:rewards_collectible_decide"


def person(brand, role=SERVICE_AGENT, **terms):
    staff = make_staff(**({"username": secrets.token_hex(6), "brand": brand} | terms))
    staff.groups.add(Group.objects.get(name=role))
    return signed_in(staff)


def wish(item, text="For Ann", *, days=0) -> Collectible:
    at = timezone.now() - timedelta(days=days)
    request_personalisation(brand_id=item.brand_id, item_id=item.pk, data={"engraving": text}, at=at)
    item.refresh_from_db()
    return item


@pytest.fixture
def token(brand):
    return make_collectible(brand)


@pytest.fixture
def items(brand, token):
    """Five wishes, the oldest first, of as many members."""
    return [wish(make_item(make_member(brand), token), f"Wish {n}", days=9 - 2 * n) for n in range(5)]


@pytest.fixture
def agent(brand):
    return person(brand)


def look(client, item=None, **query):
    answer = client.get(reverse(QUEUE), query | ({"at": place_of(item)} if item else {}))
    assert answer.status_code == 200
    return answer


def fields_of(answer) -> dict[str, str]:
    """What a page's form would send along, as the browser has it."""
    hidden = re.findall(r'type="hidden" name="(\S+)" value="([^"]*)"', answer.content.decode())
    return {name: value for name, value in hidden if name != "csrfmiddlewaretoken"}


def decide(client, item, verb, *, reason="", page=None):
    """Look at a wish, choose, look at what it will do, and confirm."""
    page = page or look(client, item)
    preview = client.post(reverse(DECIDE), fields_of(page) | {"decision": verb, "reason": reason})
    if preview.status_code != 200:
        return client.get(preview["Location"])
    return confirm(client, preview)


def confirm(client, preview):
    chosen = re.findall(r'name="chosen" value="(\d+)"', preview.content.decode())
    return client.post(reverse(DECIDE), fields_of(preview) | {"chosen": chosen}, follow=True)


def told(answer) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


def test_the_oldest_wish_comes_first_with_those_that_wait_behind_it(agent, items):
    answer = look(agent)

    assert answer.context["current"] == items[0]
    assert [one.item for one in answer.context["list"]] == items
    assert "Wish 0" in words(answer)
    assert "Wish 1" not in words(answer)


def test_next_and_previous_lead_through_the_queue(agent, items):
    answer = look(agent, items[2])

    assert answer.context["current"] == items[2]
    assert (answer.context["previous"], answer.context["next"]) == (place_of(items[1]), place_of(items[3]))
    assert 'data-key="j ArrowRight"' in answer.content.decode()
    assert 'data-key="k ArrowLeft"' in answer.content.decode()


def test_the_queue_is_narrowed_by_age(agent, items):
    assert [one.item for one in look(agent, age=3).context["list"]] == items[:4]
    assert [one.item for one in look(agent, age=7).context["list"]] == items[:2]
    assert len(look(agent, age="old").context["list"]) == 5


def test_the_owners_history_stands_beside(agent, brand, token):
    member = make_member(brand)
    item = wish(make_item(member, token), "Rude words")
    decide(agent, item, "reject", reason="too rude")
    wish(item, "Kind words")
    make_item(member, token)

    text = words(look(agent, item))

    assert "Kind words" in text
    assert "Rude words" in text
    assert "too rude" in text
    assert "Given as number 2" in text


def test_a_queue_of_nothing_says_so(agent):
    assert "Nothing waits for a decision" in words(look(agent))


def test_a_page_of_the_queue_takes_few_queries(agent, items, django_assert_max_num_queries):
    with django_assert_max_num_queries(15):
        look(agent, items[2])


def test_an_approval_is_previewed_and_confirmed(agent, items):
    preview = agent.post(reverse(DECIDE), fields_of(look(agent)) | {"decision": "approve"})
    items[0].refresh_from_db()
    before = items[0].status

    answer = confirm(agent, preview)

    items[0].refresh_from_db()
    assert (before, items[0].status) == ("pending", "approved")
    assert "No e-mail is sent for an approval" in words(preview)
    assert (answer.context["current"], told(answer)) == (items[1], ["1 personalisation decided."])


def test_the_email_of_a_rejection_is_shown_in_the_owners_language_before_it_is_sent(agent, brand, token):
    member = make_member(brand, language="de", first_name="Ann")
    item = wish(make_item(member, token))

    preview = agent.post(reverse(DECIDE), fields_of(look(agent)) | {"decision": "reject", "reason": "zu lang"})

    assert 'lang="de"' in preview.content.decode()
    assert "Der Grund: zu lang" in words(preview)
    assert not Email.objects.filter(member=member).exists()
    confirm(agent, preview)
    item.refresh_from_db()
    assert (item.status, item.reason) == ("rejected", "zu lang")
    assert Email.objects.get(member=member).context["reason"] == "zu lang"


@pytest.mark.parametrize(("role", "greeted"), [(SERVICE_AGENT, "Hello Ann,"), (CAMPAIGN_MANAGER, "Hello A***,")])
def test_the_email_that_is_shown_greets_its_owner_as_the_reader_may_see_them(brand, token, role, greeted):
    member = make_member(brand, language="en", first_name="Ann")
    item, client = wish(make_item(member, token), "Wish"), person(brand, role)

    preview = client.post(reverse(DECIDE), fields_of(look(client)) | {"decision": "reject", "reason": "too long"})

    assert greeted in words(preview)
    assert ("Ann" in words(preview)) is (role == SERVICE_AGENT)
    decide(client, item, "reject", reason="too long")
    assert Email.objects.get(member=member).context["first_name"] == "Ann"


def test_a_rejection_needs_a_reason(agent, items):
    answer = decide(agent, items[0], "reject")

    items[0].refresh_from_db()
    assert (items[0].status, told(answer)) == ("pending", ["Say why: the reason is sent to the owner."])


def test_several_are_decided_at_once(agent, items):
    sent = fields_of(look(agent)) | {"decision": "reject_chosen", "chosen": [one.pk for one in items[1:4]], "reason": "no"}
    preview = agent.post(reverse(DECIDE), sent)

    answer = confirm(agent, preview)

    assert all(f"Wish {n}" in words(preview) for n in (1, 2, 3))
    statuses = list(
        Collectible.objects.filter(pk__in=[one.pk for one in items]).order_by("pk").values_list("status", flat=True)
    )
    assert statuses == ["pending", "rejected", "rejected", "rejected", "pending"]
    assert told(answer) == ["3 personalisations decided."]


def test_none_chosen_decides_nothing(agent, items):
    answer = agent.post(reverse(DECIDE), fields_of(look(agent)) | {"decision": "approve_chosen"}, follow=True)

    assert told(answer) == ["Choose at least one personalisation."]
    assert Collectible.objects.filter(status="pending", pk__in=[one.pk for one in items]).count() == 5


def test_a_wish_that_changes_before_the_preview_must_be_looked_at_again(agent, items):
    page = look(agent, items[0])
    wish(items[0], "Something rude")

    answer = decide(agent, items[0], "approve", page=page)

    items[0].refresh_from_db()
    assert items[0].status == "pending"
    assert told(answer) == ["The owner has changed the wish meanwhile: look at it again."]
    assert "Something rude" in words(answer)


def test_a_wish_that_changes_before_it_is_confirmed_is_not_decided(agent, items):
    preview = agent.post(reverse(DECIDE), fields_of(look(agent, items[0])) | {"decision": "approve"})
    wish(items[0], "Something rude")

    answer = confirm(agent, preview)

    items[0].refresh_from_db()
    assert items[0].status == "pending"
    assert told(answer) == ["Golden Bean 1: The owner has changed the wish meanwhile"]


def test_a_decision_without_what_was_seen_is_refused(agent, items):
    agent.post(reverse(DECIDE), {"decision": "approve_chosen", "chosen": items[0].pk, "confirmed": "yes"})

    items[0].refresh_from_db()
    assert items[0].status == "pending"


def test_whoever_comes_second_is_told_who_was_first(brand, agent, items):
    preview = agent.post(reverse(DECIDE), fields_of(look(agent, items[0])) | {"decision": "approve"})
    other = person(brand, username="grace", first_name="Grace", last_name="Hopper")
    decide(other, items[0], "reject", reason="no")

    (message,) = told(confirm(agent, preview))

    assert message.startswith("Golden Bean 1: Grace Hopper was first (Rejected, ")
    items[0].refresh_from_db()
    assert items[0].status == "rejected"


def test_of_two_who_confirm_at_the_same_instant_one_wins(own_brand):
    """Two staff, each in a thread and a connection of their own."""
    item = wish(make_item(make_member(own_brand), make_collectible(own_brand)))
    clients = {verb: person(own_brand, username=f"{verb} {own_brand.pk}") for verb in ("approve", "reject")}
    previews = {
        verb: client.post(reverse(DECIDE), fields_of(look(client, item)) | {"decision": verb, "reason": "because"})
        for verb, client in clients.items()
    }

    outcomes = stampede(lambda verb: words(confirm(clients[verb], previews[verb])), ["approve", "reject"])

    item.refresh_from_db()
    winner = {"approved": "approve", "rejected": "reject"}[item.status]
    by_verb = dict(zip(("approve", "reject"), outcomes, strict=True))
    assert "1 personalisation decided." in by_verb.pop(winner)
    (of_the_other,) = by_verb.values()
    assert f"{winner} {own_brand.pk} was first" in of_the_other
    assert "decided." not in of_the_other
    assert Transaction.objects.filter(brand=own_brand, type="nft_personalisation").count() == 1
    must_hold(own_brand)
    Email.objects.filter(brand=own_brand).delete()


def test_what_has_no_owner_any_more_is_told_and_stops_no_other(brand, agent, items):
    sent = fields_of(look(agent)) | {"decision": "approve_chosen", "chosen": [one.pk for one in items[:2]]}
    preview = agent.post(reverse(DECIDE), sent)
    erase_member(brand_id=brand.pk, auth_id=items[0].member.auth_id, at=timezone.now())

    answer = confirm(agent, preview)

    assert told(answer) == ["Golden Bean 1: NFT not found", "1 personalisation decided."]
    items[1].refresh_from_db()
    assert items[1].status == "approved"


def test_an_action_of_the_list_leads_to_the_queue_and_decides_nothing(agent, items):
    answer = act(agent, "decide", *items[2:4])

    assert answer.context["current"] == items[2]
    assert Collectible.objects.filter(status="pending", pk__in=[one.pk for one in items]).count() == 5


def test_an_auditor_sees_everything_and_decides_nothing(brand, items):
    client = person(brand, AUDITOR)
    page = look(client)

    answer = client.post(reverse(DECIDE), fields_of(page) | {"decision": "approve", "confirmed": "yes"})

    assert answer.status_code == 403
    assert 'value="approve"' not in page.content.decode()
    assert "Wish 0" in words(page)


def test_what_is_asked_for_is_hidden_from_whom_it_does_not_concern(brand, items):
    """Someone who may look at collectibles, and at nothing personal."""
    staff = make_staff(username="viewer", brand=brand)
    staff.user_permissions.add(Permission.objects.get(codename="view_collectible"))
    client = signed_in(staff)

    assert "Wish 0" not in words(look(client))
    assert "Wish 0" not in words(client.get(page_of(Collectible, "change", items[0].pk)))
    assert not AuditEntry.objects.filter(brand=brand, kind="look").exists()


def test_who_may_not_look_sees_no_queue(brand, items):
    assert person(brand, FINANCE).get(reverse(QUEUE)).status_code == 403


def test_nothing_of_another_brand_is_shown_or_decided(items):
    stranger = person(make_brand(), CAMPAIGN_MANAGER)

    assert look(stranger, items[0]).context["current"] is None
    sent = {
        "decision": "approve_chosen",
        "chosen": items[0].pk,
        "confirmed": "yes",
        f"seen_{items[0].pk}": items[0].wish_digest,
    }
    assert told(stranger.post(reverse(DECIDE), sent, follow=True)) == ["Choose at least one personalisation."]
    items[0].refresh_from_db()
    assert items[0].status == "pending"


def test_looks_and_decisions_are_written_down_without_what_was_asked(brand, agent, items):
    decide(agent, items[0], "approve")

    entries = AuditEntry.objects.filter(brand=brand, subject_model="rewards.collectible", subject_id=str(items[0].pk))
    assert [entry.kind for entry in entries.order_by("pk")] == ["look", "look", "action"]
    assert entries.get(kind="action").after == {"action": "approve"}
