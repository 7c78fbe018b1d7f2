"""The member page: found by what names them, shown whole and masked, merged, exported, erased; as cheap for the busy."""

import json
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from ledger.models import Account
from loyalty.admin import sessions
from loyalty.admin.roles import AUDITOR, BRAND_MANAGER, FINANCE, SERVICE_AGENT
from loyalty.admin.timeline import Asked, Place, Source, accounts_of, family_of, read_place, read_timeline
from tests.api.programme import make_campaign, make_code, make_reward_type
from tests.clients import Partner
from tests.conftest import NOON, make_brand, make_expiring_token, make_member, make_token
from tests.ledger.orders import DAY, move
from tests.loyalty.desk import make_staff, page_of, signed_in, words
from tests.loyalty.furnished import furnish
from users.models import AuditEntry, Email, Member, Refusal
from users.services.exporting import _sections, export_member
from users.services.memberships import save_membership
from users.services.merging import merge_members


def someone(brand, role=BRAND_MANAGER, name="ada"):
    """Someone in a role, who has just said who they are."""
    staff = make_staff(username=name, brand=brand)
    staff.groups.add(Group.objects.get(name=role))
    client = signed_in(staff)
    session = client.session
    sessions.confirm(session)
    session.save()
    return client


def member_page(member: Member, page: str = "change", *further: object) -> str:
    return page_of(Member, page, member.pk, *further)


@pytest.fixture
def furnished(brand) -> Member:
    furnish(brand)
    member = Member.objects.filter(brand=brand).earliest("pk")
    Partner.of(brand).debit(member.auth_id, 1_000_000, Account.objects.filter(member=member).first().token_id)
    save_membership(brand_id=brand.pk, auth_id=member.auth_id, target_name="etihad", raw_number="100200300400", at=NOON)
    return member


def whole_timeline(member: Member, *, size: int, show: str = "all") -> list[Place]:
    """Every place of a timeline, page by page."""
    places, before = [], None
    family = family_of(member)
    while True:
        asked = Asked(member=member, family=family, accounts=accounts_of(family), before=before, size=size, show=show)
        page = read_timeline(asked)
        places += [entry.place for entry in page.entries]
        if page.older is None:
            return places
        before = read_place(page.older.written())
        assert before == page.older


def test_pages_of_any_size_show_everything_once_newest_first(furnished):
    places = whole_timeline(furnished, size=1_000)

    assert {place.source for place in places} >= {
        *(Source.POSTING, Source.REWARD, Source.COLLECTIBLE, Source.EXCHANGE, Source.EMAIL, Source.MEMBERSHIP),
        *(Source.REFUSAL, Source.REGISTRATION),
    }
    assert places == sorted(places, reverse=True)
    assert len(set(places)) == len(places)
    for size in (1, 2, 3, 7):
        assert whole_timeline(furnished, size=size) == places


def test_what_happened_at_one_instant_has_an_order_on_every_page(brand, member):
    at = timezone.now()
    for number in range(7):
        move(member, make_token(brand, name=f"T{number}"), 1, at=at)
        Email.objects.create(brand=brand, member=member, kind="code", recipient="a@b.c", language="en", created_at=at)
    Refusal.objects.create(brand=brand, member=member, operation="debit_points", code="x", hour_at=at, at=at)

    places = whole_timeline(member, size=1_000)

    assert len(places) == len(set(places)) == 7 + 7 + 1 + 1
    for size in (1, 2, 5):
        assert whole_timeline(member, size=size) == places


def test_a_long_account_is_paged_through_without_a_gap(brand, member, token):
    for number in range(40):
        move(member, token, 1, at=NOON + number * timedelta(seconds=1))

    places = whole_timeline(member, size=7, show="points")

    assert len(places) == 40
    assert places == sorted(places, reverse=True)


def test_the_timeline_of_who_was_kept_holds_the_duplicate_s(brand, member, token):
    duplicate = make_member(brand)
    posted = move(duplicate, token, 5)
    merge_members(brand_id=brand.pk, keep_id=member.pk, duplicate_id=duplicate.pk, actor="staff:1", at=NOON + DAY)

    places = whole_timeline(member, size=3)

    assert posted.id in {place.id for place in places if place.source == Source.POSTING}
    assert [place.source for place in places].count(Source.MERGE) == 1


def test_a_place_that_no_page_wrote_is_none(member):
    assert [read_place(text) for text in ("", "x", "é", "MTpub25lOjE", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk6ZW1haWw6MQ")] == [
        None
    ] * 5


@pytest.mark.parametrize("role", [BRAND_MANAGER, SERVICE_AGENT, FINANCE, AUDITOR])
def test_the_page_opens_with_few_queries(brand, furnished, role):
    client = someone(brand, role)
    client.get(member_page(furnished))

    for query in ("", "?show=points", "?show=refusals", "?show=codes"):
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(member_page(furnished) + query)
        assert answer.status_code == 200
        assert len(queries) <= 15, [one["sql"][:90] for one in queries]


def test_the_page_says_why_points_came_and_why_they_did_not(brand, furnished):
    page = words(someone(brand).get(member_page(furnished)))

    assert "The partner&#x27;s system credited them and gave no reference." in page
    assert "Paid for the reward “Free coffee”." in page
    assert "of the campaign “Campaign" in page
    assert "Refused: Points debited" in page
    assert "Insufficient balance" in page


def test_balances_say_what_lapses_when(brand, member):
    token, now = make_expiring_token(brand, days=10), timezone.now()
    for day in range(3):
        move(member, token, 5, at=now - day * DAY)
    move(member, token, 7, at=now - 11 * DAY, effective_at=now, expires_at=now - DAY)

    page = words(someone(brand).get(member_page(member)))

    assert "15 Fading" in page
    assert page.count("5 lapse on") == 3
    assert "7 lapse on" not in page


def test_personal_data_are_masked_for_who_does_not_need_them_and_looks_are_written_down(brand, furnished):
    Member.objects.filter(pk=furnished.pk).update(first_name="Annabella", email="annabella@example.org")
    agent, finance = someone(brand, SERVICE_AGENT), someone(brand, FINANCE, "fay")

    seen, masked = (words(client.get(member_page(furnished))) for client in (agent, finance))

    assert "annabella@example.org" in seen
    assert "Annabella" in seen
    assert "100200300400" in seen
    assert not {"annabella", "Annabella", "100200300400"} & set(masked.split())
    assert "annabella@example.org" not in masked
    looks = AuditEntry.objects.filter(brand=brand, kind="look", subject_id=str(furnished.pk))
    assert [entry.staff_name for entry in looks] == ["ada"]


def test_what_a_role_may_not_see_stands_on_no_page_of_the_member(brand, furnished):
    page = someone(brand, FINANCE).get(member_page(furnished)).content.decode()

    assert "?show=points" in page
    assert "?show=emails" not in page
    assert "Reward handed out" not in page
    assert words(someone(brand, FINANCE, "fay").get(member_page(furnished) + "?show=emails")).count("E-mail: sent") == 0


@pytest.mark.parametrize("by", ["auth_id", "public_id", "email", "number", "once"])
def test_a_member_is_found_by_exactly_what_names_them(brand, furnished, by):
    Member.objects.filter(pk=furnished.pk).update(email="Anna@Example.org")
    duplicate = make_member(brand, auth_id="was-once")
    merge_members(brand_id=brand.pk, keep_id=furnished.pk, duplicate_id=duplicate.pk, actor="staff:1", at=NOON)
    names = {"auth_id": furnished.auth_id, "public_id": furnished.public_id, "email": "anna@example.ORG"}
    names |= {"number": "1002 0030 0400", "once": "was-once"}
    other = make_member(make_brand(), auth_id=furnished.auth_id)

    listed = someone(brand).get(page_of(Member, "changelist"), {"q": names[by]}).context["cl"].result_list

    assert [row.pk for row in listed] == [duplicate.pk if by == "once" else furnished.pk]
    assert other not in listed


def test_a_part_of_a_name_finds_nobody(brand, furnished):
    client = someone(brand)
    for text in (furnished.auth_id[:-1], "example.org", "%", "100200"):
        assert not client.get(page_of(Member, "changelist"), {"q": text}).context["cl"].result_list


def test_a_duplicate_is_merged_after_its_id_was_typed(brand, member, token):
    duplicate, client = make_member(brand), someone(brand)
    move(duplicate, token, 5)
    page = member_page(member, "merge")

    looked = client.post(page, {"duplicate": duplicate.auth_id})
    slipped = client.post(page, {"duplicate": duplicate.auth_id, "confirm": "something"})
    merged = client.post(page, {"duplicate": duplicate.auth_id, "confirm": duplicate.public_id}, follow=True)
    again = client.post(page, {"duplicate": duplicate.public_id, "confirm": duplicate.public_id})

    assert f"Duplicate: {duplicate.public_id}" in words(looked)
    assert "That is not the duplicate&#x27;s id." in words(slipped)
    assert "The duplicate was merged." in words(merged)
    assert "No other member is called so." in words(again)
    duplicate.refresh_from_db()
    assert duplicate.merged_into == member
    assert AuditEntry.objects.filter(brand=brand, kind="action", subject_id=str(member.pk)).exists()


def test_a_name_that_two_members_share_merges_neither(brand, member):
    for _ in range(2):
        make_member(brand, email="both@example.org")

    answer = someone(brand).post(member_page(member, "merge"), {"duplicate": "both@example.org", "confirm": "x"})

    assert "Several members are called so" in words(answer)


def test_a_merge_that_is_refused_is_told(brand, member, token):
    duplicate = make_member(brand)
    move(duplicate, token, 5)
    Account.objects.filter(member=duplicate).update(floor=-50)
    move(duplicate, token, -40)

    sent = {"duplicate": duplicate.auth_id, "confirm": duplicate.public_id}
    answer = someone(brand).post(member_page(member, "merge"), sent)

    assert "Insufficient balance" in words(answer)
    duplicate.refresh_from_db()
    assert duplicate.merged_into is None


def test_a_member_is_erased_after_their_id_was_typed(brand, member):
    client = someone(brand)

    slipped = client.post(member_page(member, "erase"), {"confirm": "yes"})
    erased = client.post(member_page(member, "erase"), {"confirm": member.public_id}, follow=True)

    assert "That is not the member&#x27;s id." in words(slipped)
    assert "The member was erased." in words(erased)
    member.refresh_from_db()
    assert member.erased_at is not None
    assert "erased" in words(client.get(member_page(member)))


def test_everything_kept_is_exported_as_one_file_and_the_export_is_written_down(brand, furnished):
    duplicate = make_member(brand, first_name="Doppel")
    merge_members(brand_id=brand.pk, keep_id=furnished.pk, duplicate_id=duplicate.pk, actor="staff:1", at=NOON)
    client = someone(brand)

    answer = client.post(member_page(furnished, "export"))

    told = json.loads(b"".join(answer.streaming_content))
    assert answer["Content-Disposition"] == f'attachment; filename="member-{furnished.public_id}.json"'
    assert {row["id"] for row in told["profile"]} == {furnished.pk, duplicate.pk}
    assert [row["number"] for row in told["memberships"]] == ["100200300400"]
    filled = {name for name, rows in told.items() if rows}
    assert filled >= {
        "transactions",
        "accounts",
        "redeemed_codes",
        "rewards",
        "collectibles",
        "exchanges",
        "emails",
        "webhooks",
    }
    assert filled >= {"refusals", "exchange_records"}
    assert AuditEntry.objects.filter(brand=brand, kind="export", subject_id=str(furnished.pk)).count() == 1


def test_an_export_holds_nothing_of_anybody_else(brand, furnished):
    other = make_member(brand, auth_id="somebody-else", email="else@example.org")
    move(other, make_token(brand), 5)

    assert "else" not in "".join(export_member(member=furnished, at=NOON)).replace("false", "")


def test_every_table_that_points_at_a_member_has_a_section():
    """A table that is new here and in no section makes this fail."""
    sections = {
        *("users.Membership", "users.Email", "users.WebhookDelivery", "users.Refusal", "users.Approval", "users.Member"),
        *("ledger.Account", "rewards.Code", "rewards.Reward", "rewards.GiftOrderMove", "rewards.Collectible"),
        *("rewards.CampaignUse", "exchange.ExchangeOrder", "api.IdempotentRequest"),
        *("rewards.ActionGain", "rewards.ActionUse", "rewards.Earning", "rewards.PromotionUse", "users.SegmentMember"),
        *("rewards.InboxItem", "rewards.RankScore", "users.ConsentChange", "users.MemberChange"),
        "users.SegmentDue",  # a queue that is empty within seconds, and says nothing but that something changed
    }
    pointing = {
        model._meta.label
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if getattr(field, "concrete", False) and field.is_relation and field.related_model is Member
    }

    assert pointing <= sections
    assert len(_sections) >= len(sections)


def test_an_e_mail_is_sent_again_to_the_address_of_today(brand, member):
    Member.objects.filter(pk=member.pk).update(email="new@example.org")
    terms = {"brand": brand, "member": member, "kind": "code", "recipient": "old@example.org", "language": "en"}
    sent = Email.objects.create(state="sent", sent_at=NOON, context={"code": "1"}, **terms)
    parked, queued = Email.objects.create(state="parked", **terms), Email.objects.create(state="queued", **terms)
    client = someone(brand, SERVICE_AGENT)

    answers = [client.post(member_page(member, "resend", row.pk), follow=True) for row in (sent, parked, queued)]

    told = ["The e-mail is on its way again."] * 2 + ["This e-mail is on its way still"]
    assert [words_ in words(answer) for words_, answer in zip(told, answers, strict=True)] == [True] * 3
    copy = Email.objects.filter(brand=brand, member=member).latest("pk")
    assert (copy.recipient, copy.state, copy.context, copy.message_id != sent.message_id) == (
        *("new@example.org", "queued"),
        *({"code": "1"}, True),
    )
    parked.refresh_from_db()
    assert parked.state == "queued"


def test_what_to_do_is_offered_to_whom_may(brand, furnished):
    manager, auditor = someone(brand), someone(brand, AUDITOR, "una")

    pages = [client.get(member_page(furnished)).content.decode() for client in (manager, auditor)]

    assert [reverse("admin:users_member_erase", args=[furnished.pk]) in page for page in pages] == [True, False]
    assert [reverse("admin:users_member_merge", args=[furnished.pk]) in page for page in pages] == [True, False]
    assert ["Send again" in page for page in pages][1] is False


def test_a_duplicate_s_page_leads_to_who_was_kept(brand, furnished):
    duplicate = make_member(brand)
    merge_members(brand_id=brand.pk, keep_id=furnished.pk, duplicate_id=duplicate.pk, actor="staff:1", at=NOON)

    page = someone(brand).get(member_page(duplicate)).content.decode()

    assert member_page(furnished) in page
    assert reverse("admin:users_member_erase", args=[duplicate.pk]) not in page


def test_codes_alone_are_shown(brand, member, token):
    partner = Partner.of(brand)
    partner.redeem(member.auth_id, make_code(make_campaign(brand, token), 250))
    partner.buy(member.auth_id, make_reward_type(brand, token))

    page = words(someone(brand).get(member_page(member) + "?show=codes"))

    assert "Code redeemed +250 PTS" in page
    assert "Reward bought" not in page
