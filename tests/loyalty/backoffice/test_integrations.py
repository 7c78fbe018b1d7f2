"""Keys, clients, webhooks and e-mail templates: secrets are shown once, a form that is sent twice does its work once."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from loyalty.admin.roles import AUDITOR, BRAND_MANAGER, CAMPAIGN_MANAGER
from tests.conftest import make_brand
from tests.loyalty.desk import make_staff, page_of, signed_in, words
from users.errors import InvalidApiKey
from users.models import ApiKey, AuditEntry, Brand, Email, EmailTemplate, OAuthClient, WebhookDelivery, WebhookEndpoint
from users.services import keys
from users.services.email_templates import compose
from users.services.keys import authenticate_key, create_api_key
from users.services.oauth import create_oauth_client
from users.services.webhooks import queue_event, register_endpoint

SECRET = re.compile(r'id="secret">([^<]+)<')


def someone(role: str, brand: Brand, **terms: object) -> Client:
    staff = make_staff(username=f"{role} of {brand.pk}", brand=brand, **terms)
    staff.groups.add(Group.objects.get(name=role))
    return signed_in(staff)


@pytest.fixture
def manager(brand) -> Client:
    return someone(BRAND_MANAGER, brand, email="manager@example.org")


@pytest.fixture
def stranger(db) -> Client:
    return someone(BRAND_MANAGER, make_brand())


def secret_in(answer) -> str:
    found = SECRET.findall(answer.content.decode())
    assert answer.status_code == 200
    assert len(found) == 1, words(answer)
    assert "no-store" in answer["Cache-Control"]
    return found[0]


def form_of(client: Client, path: str, **fields: object) -> dict[str, object]:
    """A form as it is shown, filled in."""
    form = client.get(path).context["form"]
    shown = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    return {name: value for name, value in shown.items() if value is not None} | fields


def is_nowhere(secret: str) -> bool:
    """No session and no audit entry holds it."""
    sessions = [str(session.get_decoded()) for session in Session.objects.all()]
    audited = [f"{entry.before} {entry.after} {entry.reason}" for entry in AuditEntry.objects.all()]
    return not any(secret in text for text in sessions + audited)


def pages_after(client: Client, model, row) -> str:
    return "".join(
        client.get(path).content.decode() for path in (page_of(model, "changelist"), page_of(model, "change", row.pk))
    )


# --- API keys ---


def test_a_key_is_made_shown_once_and_kept_nowhere(brand, manager, caplog):
    path = page_of(ApiKey, "add")
    form = form_of(manager, path, label="Shop", scopes=["users:read"])

    text = secret_in(manager.post(path, form))
    again = manager.post(path, form)

    key = ApiKey.objects.get(brand=brand)
    assert authenticate_key(text).key_id == key.pk
    assert (key.label, key.scopes, key.rate_per_second) == ("Shop", ["users:read"], 1_000)
    assert "made already" in words(again)
    secret = text.split("_")[3]
    assert is_nowhere(secret)
    assert secret not in pages_after(manager, ApiKey, key)
    assert secret not in caplog.text
    assert AuditEntry.objects.get(brand=brand, kind="add").subject_id == str(key.pk)


@pytest.mark.parametrize("page", ["key", "client", "rotated key", "rotated client"])
def test_before_a_credential_is_made_or_replaced_one_says_again_who_one_is(clock, brand, manager, page):
    made = {"key": create_api_key(brand=brand, scopes=["users:read"])[0]}
    made["client"] = create_oauth_client(brand_id=brand.pk, name="Till", scopes=["members:read"])[0]
    path = {
        "key": page_of(ApiKey, "add"),
        "client": page_of(OAuthClient, "add"),
        "rotated key": page_of(ApiKey, "rotate", made["key"].pk),
        "rotated client": page_of(OAuthClient, "rotate", made["client"].pk),
    }[page]
    clock.shift(601)

    asked = [manager.get(path), manager.post(path, {"label": "Shop", "overlap": "0"})]

    assert all("say again who you are" in words(answer) for answer in asked)
    assert (ApiKey.objects.filter(brand=brand).count(), OAuthClient.objects.filter(brand=brand).count()) == (1, 1)


@pytest.mark.parametrize(
    "fields", [{"scopes": []}, {"scopes": ["made:up"]}, {"expires_at": "2020-01-01"}, {"ticket": "chosen by hand"}], ids=str
)
def test_a_key_that_could_not_be_used_is_not_made(brand, manager, fields):
    path = page_of(ApiKey, "add")

    answer = manager.post(path, form_of(manager, path, label="Shop", scopes=["users:read"]) | fields)

    assert (answer.status_code, SECRET.findall(answer.content.decode())) == (200, [])
    assert not ApiKey.objects.filter(brand=brand).exists()


def test_the_ticket_of_one_is_not_taken_from_another(brand, manager):
    path, other = page_of(ApiKey, "add"), someone(BRAND_MANAGER, make_brand())

    answer = manager.post(path, form_of(other, path, label="Shop", scopes=["users:read"]))

    assert "Open the form again" in words(answer)


def test_a_key_is_rotated_once_and_the_old_one_lives_on(brand, manager):
    old, text = create_api_key(brand=brand, scopes=["users:read"], label="Shop")
    path = page_of(ApiKey, "rotate", old.pk)

    newer = secret_in(manager.post(path, {"overlap": "24"}))
    again = manager.post(path, {"overlap": "24"}, follow=True)

    keys._known.clear()
    assert authenticate_key(text).key_id == old.pk
    new = ApiKey.objects.get(brand=brand, replaces=old)
    assert (authenticate_key(newer).key_id, new.label) == (new.pk, "Shop")
    assert "not possible any more" in words(again)
    old.refresh_from_db()
    assert timedelta(hours=23) < old.expires_at - timezone.now() <= timedelta(hours=24)
    assert new.public in words(manager.get(page_of(ApiKey, "change", old.pk)))


def test_a_key_is_revoked_with_a_reason(brand, manager, stranger):
    key, text = create_api_key(brand=brand, scopes=["users:read"])
    path = page_of(ApiKey, "revoke", key.pk)

    assert stranger.post(path, {"reason": "mine"}).status_code == 404
    assert "required" in words(manager.post(path, {}))
    manager.post(path, {"reason": "it leaked"})

    keys._known.clear()
    with pytest.raises(InvalidApiKey):
        authenticate_key(text)
    assert AuditEntry.objects.get(brand=brand, reason="it leaked").after == {"verb": "revoke"}


@pytest.mark.parametrize("role", [AUDITOR, CAMPAIGN_MANAGER])
def test_who_may_not_makes_rotates_and_revokes_nothing(brand, role):
    client, (key, _) = someone(role, brand), create_api_key(brand=brand, scopes=["users:read"])

    for path in (page_of(ApiKey, "add"), page_of(ApiKey, "rotate", key.pk), page_of(ApiKey, "revoke", key.pk)):
        assert [client.get(path).status_code, client.post(path, {"reason": "x", "overlap": "0"}).status_code] == [403, 403]
    assert ApiKey.objects.filter(brand=brand, revoked_at__isnull=True).count() == 1


def test_the_house_says_whose_key_it_is(brand):
    house, path = signed_in(make_staff(username="house", is_superuser=True)), page_of(ApiKey, "add")

    secret_in(house.post(path, form_of(house, path, label="Shop", scopes=["users:read"], brand=brand.pk)))

    assert ApiKey.objects.filter(brand=brand).count() == 1


# --- OAuth clients ---


def test_a_client_is_made_given_a_new_secret_once_and_revoked(brand, manager, stranger):
    path = page_of(OAuthClient, "add")
    form = form_of(manager, path, name="Till 7", scopes=["earnings:write"])
    secret = secret_in(manager.post(path, form))
    assert "made already" in words(manager.post(path, form))
    client = OAuthClient.objects.get(brand=brand)
    assert check_password(secret, client.client_secret)

    rotate = page_of(OAuthClient, "rotate", client.pk)
    assert stranger.get(rotate).status_code == 404
    seen = form_of(manager, rotate)
    newer, again = secret_in(manager.post(rotate, seen)), manager.post(rotate, seen)

    assert "replaced meanwhile" in words(again)
    client.refresh_from_db()
    assert [check_password(one, client.client_secret) for one in (secret, newer)] == [False, True]
    assert is_nowhere(secret)
    assert is_nowhere(newer)
    assert client.client_secret not in pages_after(manager, OAuthClient, client)
    manager.post(page_of(OAuthClient, "revoke", client.pk), {"reason": "the till is gone"})
    client.refresh_from_db()
    assert client.revoked_at is not None


def test_clients_of_another_brand_are_not_seen(brand, stranger):
    client, _ = create_oauth_client(brand_id=brand.pk, name="Till 7", scopes=["earnings:write"])

    assert client.client_id not in stranger.get(page_of(OAuthClient, "changelist")).content.decode()
    assert stranger.post(page_of(OAuthClient, "revoke", client.pk), {"reason": "x"}).status_code == 404


# --- webhooks ---


@pytest.fixture
def delivery(brand) -> WebhookDelivery:
    terms = {"address": "https://hooks.example.org/", "events": ["exchange.settled"]}
    register_endpoint(brand_id=brand.pk, **terms, at=timezone.now())
    queue_event(brand_id=brand.pk, type="exchange.settled", data={"words": "not shown"}, at=timezone.now())
    return WebhookDelivery.objects.get(brand=brand)


@pytest.mark.parametrize("state", ["parked", "sent"])
def test_what_was_given_up_or_has_arrived_is_sent_again_once(brand, delivery, manager, stranger, state):
    sent_at = timezone.now() if state == "sent" else None
    WebhookDelivery.objects.filter(pk=delivery.pk).update(state=state, sent_at=sent_at, attempts=3, status=500)
    path = page_of(WebhookDelivery, "send_again", delivery.pk)

    assert stranger.post(path, {}).status_code == 404
    manager.post(path, {})
    again = manager.post(path, {}, follow=True)

    after = WebhookDelivery.objects.get(pk=delivery.pk)
    assert (after.state, after.attempts, after.sent_at, after.event_id) == ("queued", 0, None, delivery.event_id)
    assert "not possible any more" in words(again)


def test_what_is_under_way_or_empty_is_not_sent_again(delivery, manager):
    for fields in ({"state": "leased"}, {"state": "sent", "sent_at": timezone.now(), "body": ""}):
        WebhookDelivery.objects.filter(pk=delivery.pk).update(**fields)
        manager.post(page_of(WebhookDelivery, "send_again", delivery.pk), {})
        assert WebhookDelivery.objects.get(pk=delivery.pk).state == fields["state"]


def test_a_secret_of_an_endpoint_is_replaced_once_by_a_form_that_is_sent_twice(brand, delivery, manager):
    before, path = bytes(delivery.endpoint.secret), page_of(WebhookEndpoint, "rotate", delivery.endpoint_id)
    form = form_of(manager, path)

    secret, again = secret_in(manager.post(path, form)), manager.post(path, form)

    after = WebhookEndpoint.objects.get(pk=delivery.endpoint_id)
    assert bytes(after.previous_secret) == before
    assert "replaced meanwhile" in words(again)
    assert is_nowhere(secret)


def test_an_endpoint_is_tried_and_its_log_tells_what_came_of_it(brand, delivery, manager):
    manager.post(page_of(WebhookEndpoint, "test", delivery.endpoint_id), {})

    listed = words(manager.get(page_of(WebhookDelivery, "changelist"), {"type": "webhook.test"}))
    assert "webhook.test" in listed


# --- e-mail templates ---


@pytest.fixture
def template(brand) -> EmailTemplate:
    parts = {"subject": "Hello {{ code }}", "text": "{{ code }} of {{ brand }}", "html": "<p>{{ code }}</p>"}
    return EmailTemplate.objects.create(brand=brand, kind="code", language="en", **parts)


def previewed(client: Client, **parts: str):
    form = {"kind": "code", "subject": "S {{ value }}", "text": "T {{ brand }}", "html": "<b>{{ code }}</b>"}
    return client.post(reverse("admin:users_emailtemplate_preview"), form | parts)


def test_a_preview_is_filled_in_with_samples_and_keeps_nothing(brand, manager):
    told = previewed(manager).json()

    assert (told["subject"], told["text"], told["html"]) == ("S 100", f"T {brand.name}", "<b>719026461</b>")
    assert told["samples"]["campaign"] == "Summer"
    assert not EmailTemplate.objects.filter(brand=brand).exists()


@pytest.mark.parametrize(
    ("parts", "named"),
    [
        ({"html": "{{ nobody }}"}, "html"),
        ({"text": "{% load admin_urls %}"}, "text"),
        ({"subject": "{{ code"}, "subject"),
        ({"kind": "made up"}, "kind"),
    ],
)
def test_a_preview_says_what_is_wrong_with_which_part(manager, parts, named):
    answer = previewed(manager, **parts)

    assert answer.status_code == 200
    assert named in answer.json()["faults"]


def test_who_writes_no_templates_previews_none(brand):
    assert previewed(someone(AUDITOR, brand)).status_code == 403
    assert signed_in(make_staff(brand=brand)).get(reverse("admin:users_emailtemplate_preview")).status_code in {403, 405}


def test_a_saved_template_is_sent_to_oneself_with_samples(brand, template, manager, stranger):
    path = page_of(EmailTemplate, "send_test", template.pk)

    assert stranger.post(path, {}).status_code == 404
    page = manager.post(path, {}, follow=True)

    email = Email.objects.get(brand=brand)
    assert (email.recipient, compose(email).subject) == ("manager@example.org", "Hello 719026461")
    assert "on its way to you" in words(page)


def test_who_has_no_address_is_told_so(brand, template):
    page = someone(BRAND_MANAGER, brand).post(page_of(EmailTemplate, "send_test", template.pk), {})

    assert "no e-mail address" in words(page)
    assert not Email.objects.filter(brand=brand).exists()


def test_the_page_of_a_template_has_a_frame_that_may_do_nothing_and_no_inline_script(template, manager):
    page = manager.get(page_of(EmailTemplate, "change", template.pk)).content.decode()

    assert re.search(r"<iframe sandbox(?=[ >])[^>]*id=\"preview-html\"", page)
    assert "loyalty/email_preview.js" in page
