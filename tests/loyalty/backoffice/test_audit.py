"""What staff do is written down by the pages themselves, and read by those who may."""

import csv
import io
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from rewards.models import Campaign
from tests.api.programme import make_campaign
from tests.conftest import make_brand, make_member, make_token
from tests.loyalty.desk import act, fill, make_staff, page_of, signed_in, words
from users.models import AuditEntry, AuditKind, Brand, EmailTemplate, Staff
from users.services.audit import note

LIST, EXPORT = "/admin/users/auditentry/", "/admin/users/auditentry/export/"


@pytest.fixture
def manager(brand) -> Staff:
    return in_role("Brand manager", brand)


def in_role(role: str, brand: Brand, **terms) -> Staff:
    staff = make_staff(brand=brand, **({"username": role} | terms))
    staff.groups.add(Group.objects.get(name=role))
    return staff


@pytest.fixture
def client(manager):
    return signed_in(manager)


def deeds(staff: Staff):
    kinds = {AuditKind.ADD, AuditKind.CHANGE, AuditKind.ACTION}
    return list(AuditEntry.objects.filter(staff=staff, kind__in=kinds).order_by("pk"))


TEMPLATE = {"kind": "code", "name": "", "language": "en", "subject": "{{ code }}", "text": "{{ code }}", "html": "{{ code }}"}


def test_what_is_added_is_told_with_what_it_was_given(client, manager, brand):
    fill(client, EmailTemplate, None, TEMPLATE)

    (entry,) = deeds(manager)
    row = EmailTemplate.objects.get(brand=brand)
    assert (entry.kind, entry.brand, entry.subject_model, entry.subject_id) == (
        "add",
        brand,
        "users.emailtemplate",
        str(row.pk),
    )
    assert entry.after["subject"] == "{{ code }}"


def test_what_is_changed_is_told_with_before_and_after_and_nothing_else(client, manager, brand):
    row = EmailTemplate.objects.create(brand=brand, **TEMPLATE)

    fill(client, EmailTemplate, row, TEMPLATE | {"subject": "Your code"})
    fill(client, EmailTemplate, row, TEMPLATE | {"subject": "Your code"})

    (entry,) = deeds(manager)
    assert (entry.kind, entry.before, entry.after) == ("change", {"subject": "{{ code }}"}, {"subject": "Your code"})


def test_what_is_deleted_is_told(client, manager, brand):
    row = EmailTemplate.objects.create(brand=brand, **TEMPLATE)
    pk = str(row.pk)

    client.post(page_of(EmailTemplate, "delete", row.pk), {"post": "yes"})

    (entry,) = deeds(manager)
    assert (entry.kind, entry.subject_id, entry.after) == ("action", pk, {"action": "delete"})


def test_an_action_is_told_for_each_row_with_its_reason(client, manager, brand, token):
    from tests.api.programme import make_campaign

    campaigns = [make_campaign(brand, token, name=f"Campaign {number}", state="running") for number in range(2)]

    act(client, "pause", *campaigns, reason="Too dear")

    entries = deeds(manager)
    assert [(entry.kind, entry.subject_id) for entry in entries] == [("action", str(row.pk)) for row in campaigns]
    assert {(entry.after["action"], entry.reason) for entry in entries} == {("pause", "Too dear")}


def test_of_an_action_that_is_refused_it_is_told_that_it_was(client, manager, brand, token):
    from tests.api.programme import make_campaign

    running, ended = (make_campaign(brand, token, name=state, state=state) for state in ("running", "ended"))

    act(client, "pause", running, ended)

    assert [entry.subject_id for entry in deeds(manager)] == [str(running.pk)]
    entry = AuditEntry.objects.get(staff=manager, kind=AuditKind.REFUSED)
    assert (entry.brand, entry.subject_id, entry.after["refusal"]) == (brand, str(ended.pk), "move_not_allowed")


def test_of_what_had_been_so_already_nothing_is_told(client, manager, brand, token):
    from tests.rewards.conftest import make_reward_type

    offered, withdrawn = (make_reward_type(token, name=str(active), active=active) for active in (True, False))

    act(client, "withdraw", offered, withdrawn)

    assert [entry.subject_id for entry in deeds(manager)] == [str(offered.pk)]


def test_an_action_of_the_house_is_told_to_the_brand_whose_row_it_is(brand, token):
    from tests.api.programme import make_campaign

    house = make_staff(is_superuser=True)

    act(signed_in(house), "pause", make_campaign(brand, token, state="running"))

    assert [entry.brand for entry in deeds(house)] == [brand]


def test_a_row_of_another_brand_is_told_to_nobody(client, manager):
    other = make_brand()
    row = EmailTemplate.objects.create(brand=other, **TEMPLATE)

    client.post(page_of(EmailTemplate, "delete", row.pk), {"post": "yes"})
    act(client, "delete_selected", row, post="yes")

    assert deeds(manager) == []


def test_djangos_own_log_stays_empty(client, brand):
    before = LogEntry.objects.count()

    fill(client, EmailTemplate, None, TEMPLATE)

    assert LogEntry.objects.count() == before


def test_the_history_of_a_row_shows_what_was_done_to_it(client, brand):
    row = EmailTemplate.objects.create(brand=brand, **TEMPLATE)
    fill(client, EmailTemplate, row, TEMPLATE | {"subject": "Your code"})

    told = words(client.get(page_of(EmailTemplate, "history", row.pk)))

    assert "Brand manager" in told
    assert "Your code" in told


def tell(brand, kind=AuditKind.CHANGE, **terms):
    note(**({"brand_id": brand.pk, "staff_id": None, "kind": kind, "at": timezone.now()} | terms))
    return AuditEntry.objects.filter(brand=brand).latest("pk")


def listed(client, **query) -> list[AuditEntry]:
    return list(client.get(LIST, query).context["cl"].result_list)


def test_entries_are_found_by_kind_person_subject_and_day(client, manager, brand):
    member = make_member(brand)
    long_ago = tell(brand, at=timezone.now() - timedelta(days=40), reason="long ago")
    theirs = tell(brand, staff_id=manager.pk, kind=AuditKind.LOOK)
    about = tell(brand, subject=member)
    day = (timezone.now() - timedelta(days=20)).date().isoformat()

    assert listed(client, kind="look") == [theirs]
    assert theirs in listed(client, staff=manager.pk)
    assert about not in listed(client, staff=manager.pk)
    assert listed(client, subject=f"users.member:{member.pk}") == [about]
    assert listed(client, until=day) == [long_ago]
    assert long_ago not in listed(client, since=day)


@pytest.mark.parametrize(
    "query", [{"since": "2026-02-31"}, {"since": "x"}, {"staff": "9" * 40}, {"subject": "a\0:b"}, {"kind": "\0"}, {"q": "x"}]
)
def test_what_cannot_be_searched_for_breaks_nothing(client, query):
    assert client.get(LIST, query).status_code in {200, 302}


def test_the_days_are_those_of_the_brand(client, brand):
    brand.time_zone = "Asia/Tokyo"
    brand.save()
    entry = tell(brand, at=timezone.datetime.fromisoformat("2020-01-01T16:00:00+00:00"))

    assert entry in listed(client, since="2020-01-02", until="2020-01-02")
    assert entry not in listed(client, until="2020-01-01")


def test_entries_of_another_brand_and_of_the_house_are_not_shown(client):
    other = make_brand()
    tell(other)
    note(brand_id=None, staff_id=None, kind=AuditKind.CHANGE, at=timezone.now())

    shown = listed(client)

    assert not {entry.brand_id for entry in shown} & {other.pk, None}


def table_of(answer) -> list[list[str]]:
    text = b"".join(answer.streaming_content).decode().removeprefix("\ufeff")
    return list(csv.reader(io.StringIO(text)))


@pytest.mark.parametrize("role", ["Brand manager", "Auditor"])
def test_the_table_holds_what_the_list_shows_runs_nothing_and_is_told(brand, role):
    staff = in_role(role, brand, username="reader")
    tell(brand, kind=AuditKind.LOOK, reason="=HYPERLINK()")
    tell(brand)
    tell(make_brand(), kind=AuditKind.LOOK)

    head, *rows = table_of(signed_in(staff).get(EXPORT, {"kind": "look"}))

    assert head[0] == "at"
    assert [(row[3], row[9]) for row in rows] == [("look", "'=HYPERLINK()")]
    entry = AuditEntry.objects.get(staff=staff, kind="export")
    assert entry.after == {"table": "audit", "filters": {"kind": "look"}}


def test_the_table_is_read_in_pieces(client, brand):
    count = 1_203
    rows = [AuditEntry(brand=brand, kind=AuditKind.LOOK, at=timezone.now()) for _ in range(count)]
    AuditEntry.objects.bulk_create(rows)

    _head, *lines = table_of(client.get(EXPORT, {"kind": "look"}))

    assert len(lines) == count


@pytest.mark.parametrize("role", ["Campaign manager", "Service agent", "Finance"])
def test_others_neither_read_nor_take_it(brand, role):
    client = signed_in(in_role(role, brand))

    assert [client.get(path).status_code for path in (LIST, EXPORT)] == [403, 403]


def test_nobody_adds_changes_or_deletes_an_entry(brand):
    entry, client = tell(brand), signed_in(make_staff(is_superuser=True))

    for path in (f"{LIST}add/", f"{LIST}{entry.pk}/delete/"):
        assert [client.get(path).status_code, client.post(path, {"post": "yes"}).status_code] == [403, 403]
    assert client.post(f"{LIST}{entry.pk}/change/", {"reason": "x"}).status_code == 403


def test_a_page_costs_the_same_whatever_it_lists(client, brand, django_assert_max_num_queries):
    for _ in range(60):
        tell(brand, subject=brand, before={"a": 1}, after={"a": 2})

    with django_assert_max_num_queries(15):
        client.get(LIST)


@pytest.fixture
def wordless(own_brand) -> Iterator[Brand]:
    """A brand of which nothing that is done can be written down."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse_entry() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no entry'; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER refuse_entry BEFORE INSERT ON users_auditentry FOR EACH ROW"
            f" WHEN (NEW.brand_id = {own_brand.pk} AND NEW.kind = 'action') EXECUTE FUNCTION refuse_entry()"
        )
    yield own_brand
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER refuse_entry ON users_auditentry")
        cursor.execute("DROP FUNCTION refuse_entry()")


def test_what_cannot_be_written_down_does_not_happen(wordless):
    keep, duplicate, token = make_member(wordless), make_member(wordless), make_token(wordless)
    campaign = make_campaign(wordless, token)
    staff = make_staff(username=f"boss of {wordless.pk}", brand=wordless, is_superuser=True)
    client = signed_in(staff)
    merge, erase = (reverse(f"admin:users_member_{verb}", args=[keep.pk]) for verb in ("merge", "erase"))
    asked = [
        (merge, {"duplicate": duplicate.public_id, "confirm": duplicate.public_id}),
        (erase, {"confirm": keep.public_id}),
        (reverse("admin:rewards_campaign_move", args=[campaign.pk]), {"to": "paused"}),
        (reverse("admin:rewards_campaign_copy", args=[campaign.pk]), {}),
    ]

    answers = [client.post(path, body).status_code for path, body in asked]

    assert answers == [500] * len(asked)
    keep.refresh_from_db()
    duplicate.refresh_from_db()
    campaign.refresh_from_db()
    assert (keep.erased_at, duplicate.merged_into, campaign.state) == (None, None, "running")
    assert Campaign.objects.filter(brand=wordless).count() == 1
