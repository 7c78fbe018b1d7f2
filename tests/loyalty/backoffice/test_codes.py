"""Batches and codes: followed, stopped, resumed, closed and downloaded by whom may; a code's life for whom knows it."""

import csv
import io

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from loyalty.admin.sessions import CONFIRMED
from rewards.models import Campaign, Code, CodeBatch
from rewards.services.batches import close_batch, halt_batch
from rewards.services.generating import BatchOrder, generate_codes, make_chunk, open_batch
from tests.conftest import make_brand, make_member
from tests.loyalty.desk import make_staff, page_of, signed_in, words
from tests.rewards.conftest import again, issue, make_campaign, redeem
from users.models import AuditEntry, Email, Staff

LENGTH, COUNT, VALUE = 14, 30, 5


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
    return make_campaign(brand)


def order(campaign: Campaign, count: int = COUNT, actor: str = "staff:1") -> CodeBatch:
    terms = {"count": count, "value": VALUE, "actor": actor, "length": LENGTH}
    return open_batch(order=BatchOrder(brand_id=campaign.brand_id, campaign_id=campaign.pk, **terms), at=timezone.now())


def stopped(campaign: Campaign, *, made: int = 10) -> CodeBatch:
    batch = order(campaign)
    CodeBatch.objects.filter(pk=batch.pk).update(state="running")
    make_chunk(batch_id=batch.pk, clock=timezone.now, most=made)
    halt_batch(batch_id=batch.pk)
    return again(batch)


def finished(campaign: Campaign, **terms) -> CodeBatch:
    return generate_codes(batch_id=order(campaign, **terms).pk, clock=timezone.now)


def at(batch: CodeBatch, page: str) -> str:
    return reverse(f"admin:rewards_codebatch_{page}", args=[batch.pk])


def move(client: Client, batch: CodeBatch, verb: str):
    return client.post(at(batch, "move"), {"verb": verb}, follow=True)


def test_staff_stop_resume_and_close_a_batch_and_each_is_written_down(client, manager, campaign):
    batch = stopped(campaign)

    states = []
    for verb in ("resume", "stop", "close"):
        move(client, batch, verb)
        states.append(again(batch).state)

    assert states == ["queued", "stopped", "closed"]
    assert (again(campaign).issued_codes, again(campaign).issued_points) == (10, 10 * VALUE)
    rows = AuditEntry.objects.filter(subject_model="rewards.codebatch", staff_id=manager.pk).order_by("pk")
    assert [(row.before["state"], row.after["state"]) for row in rows] == [
        ("stopped", "queued"),
        ("queued", "stopped"),
        ("stopped", "closed"),
    ]


@pytest.mark.parametrize(("verb", "told"), [("resume", "cannot be resumed"), ("close", "cannot be closed"), ("", "Say what")])
def test_a_verb_that_cannot_be_is_told_and_changes_nothing(client, campaign, verb, told):
    batch = finished(campaign)

    page = move(client, batch, verb)

    assert told in words(page)
    assert again(batch).state == "finished"


@pytest.mark.parametrize(
    ("make", "verbs"),
    [(order, {"stop"}), (stopped, {"resume", "close"}), (finished, set())],
    ids=["queued", "stopped", "finished"],
)
def test_a_page_offers_what_can_be_done(client, campaign, make, verbs):
    page = client.get(page_of(CodeBatch, "change", make(campaign).pk))

    assert {verb for verb, _ in page.context["verbs"]} == verbs
    assert page.context["may_download"] == (make is finished)


def test_a_page_follows_a_batch_that_is_worked_on_and_no_other(client, campaign):
    queued, done = order(campaign), finished(campaign)

    followed = [
        at(batch, "progress") in client.get(page_of(CodeBatch, "change", batch.pk)).content.decode() for batch in (queued, done)
    ]

    assert followed == [True, False]
    assert client.get(at(queued, "progress")).json() == {
        "generated": 0,
        "count": COUNT,
        "state": "queued",
        "working": True,
        "text": "0 of 30 codes: Queued",
    }
    assert client.get(at(done, "progress")).json()["working"] is False


def test_the_codes_of_a_finished_batch_are_downloaded_and_that_is_written_down(client, manager, campaign):
    batch = finished(campaign)
    finished(campaign)

    answer = client.post(at(batch, "download"))

    header, *rows = csv.reader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig")))
    codes = Code.objects.filter(batch=batch).order_by("pk").values_list("code", flat=True)
    assert header == ["code", "value", "campaign_id"]
    assert rows == [[code, str(VALUE), str(campaign.pk)] for code in codes]
    assert answer["Content-Disposition"] == f'attachment; filename="codes-{batch.pk}.csv"'
    (entry,) = AuditEntry.objects.filter(kind="export", subject_id=str(batch.pk), subject_model="rewards.codebatch")
    assert (entry.staff_id, entry.brand_id, entry.after) == (manager.pk, campaign.brand_id, {"rows": COUNT})


def test_who_signed_in_long_ago_says_again_who_they_are_before_codes_go_out(client, manager, campaign):
    batch = finished(campaign)
    session = client.session
    session[CONFIRMED] = 0
    session.save()

    asked = client.post(at(batch, "download"))

    assert "confirm-password" in asked.content.decode()
    assert not AuditEntry.objects.filter(kind="export", subject_id=str(batch.pk)).exists()


def test_a_closed_batch_gives_out_the_codes_that_it_has_and_a_stopped_one_none(client, campaign):
    batch = stopped(campaign)
    refused = client.post(at(batch, "download"), follow=True)
    close_batch(brand_id=batch.brand_id, batch_id=batch.pk, at=timezone.now())

    answer = client.post(at(batch, "download"))

    assert "not finished" in words(refused)
    assert b"".join(answer.streaming_content).count(b"\n") == 11
    assert AuditEntry.objects.filter(kind="export", subject_id=str(batch.pk)).count() == 1


@pytest.mark.parametrize("role", ["Service agent", "Finance", "Auditor"])
def test_without_the_permission_nothing_is_downloaded_or_moved(brand, campaign, role):
    batch, client = finished(campaign), signed_in(someone(brand, role))

    answers = [client.post(at(batch, page), {"verb": "close"}) for page in ("download", "move")]

    assert {answer.status_code for answer in answers} == {403}
    assert not AuditEntry.objects.filter(kind="export", subject_id=str(batch.pk)).exists()


def test_a_batch_of_another_brand_is_not_there(client):
    batch = finished(make_campaign(make_brand()))

    answers = [client.post(at(batch, page), {"verb": "close"}) for page in ("download", "move")]
    answers.append(client.get(at(batch, "progress")))

    assert {answer.status_code for answer in answers} == {404}


def test_a_code_that_is_typed_leads_to_its_life(client, brand, campaign):
    member = make_member(brand)
    code = issue(campaign, 10, email="ann@example.org", actor="key:7")
    moved = redeem(member, code)

    page = client.get(page_of(Code, "changelist"), {"q": f" {code.code[:3]}-{code.code[3:]} ".lower()}, follow=True)

    assert page.request["PATH_INFO"] == page_of(Code, "change", code.pk)
    text = words(page)
    mail = Email.objects.get(pk=again(code).mail_id)
    for part in (code.code, "Redeemed", "API key 7", str(mail), f"member {member.public_id}", campaign.name):
        assert part in text
    assert reverse("admin:ledger_transaction_change", args=[moved.posted.id]) in page.content.decode()


def test_a_code_of_a_batch_tells_who_ordered_it(client, manager, campaign):
    batch = finished(campaign, actor=f"staff:{manager.pk}")

    text = words(client.get(page_of(Code, "change", Code.objects.filter(batch=batch).first().pk)))

    assert f"{batch} : {manager}" in text


def test_a_code_whose_mail_was_erased_says_so(client, brand, campaign):
    code = issue(campaign, email="ann@example.org")
    Email.objects.filter(brand=brand).delete()

    assert "erased with its recipient" in words(client.get(page_of(Code, "change", code.pk)))


@pytest.mark.parametrize(("role", "reads"), [("Campaign manager", True), ("Service agent", False), ("Auditor", False)])
def test_codes_are_masked_for_whom_may_not_download_them(brand, campaign, role, reads):
    code, client = issue(campaign), signed_in(someone(brand, role))

    pages = [client.get(page_of(Code, "changelist")), client.get(page_of(Code, "change", code.pk))]

    for page in pages:
        assert (code.code in page.content.decode()) == reads
        assert ("•" * 5 + code.code[-4:] in page.content.decode()) != reads


@pytest.mark.parametrize("typed", ["000000000", "'; --", "\x00", "ß"])
def test_what_is_no_code_of_the_brand_finds_nothing(client, campaign, typed):
    page = client.get(page_of(Code, "changelist"), {"q": typed})

    assert page.status_code == 200
    assert page.context["cl"].result_count == 0


def test_a_code_of_another_brand_is_not_found_and_the_house_finds_it(client):
    code = issue(make_campaign(make_brand()))
    house = signed_in(make_staff(username="house", is_superuser=True))

    assert client.get(page_of(Code, "changelist"), {"q": code.code}).context["cl"].result_count == 0
    assert house.get(page_of(Code, "changelist"), {"q": code.code})["Location"] == page_of(Code, "change", code.pk)
