"""The ledger's explorer: what is asked for is shown, page by page, at a cost that does not grow, and leaves as a file."""

import csv
import io
import json
import re

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from ledger.models import Account, Token, Transaction
from loyalty.admin.explorer import lines_of
from loyalty.admin.roles import AUDITOR, BRAND_MANAGER, SERVICE_AGENT
from tests.api.programme import make_campaign, make_code, make_collectible, make_item, make_reward_type
from tests.clients import Partner
from tests.conftest import NOON, make_brand, make_expiring_token, make_member, make_token
from tests.ledger.orders import DAY, account_of, lots_of, move, undo
from tests.ledger.test_proof import superuser
from tests.loyalty.desk import fill, make_staff, page_of, signed_in, words
from users.models import AuditEntry

MOST_QUERIES = 15


def person(brand, role=BRAND_MANAGER):
    staff = make_staff(username=f"{role} of {brand}", brand=brand)
    staff.groups.add(Group.objects.get(name=role))
    return signed_in(staff)


@pytest.fixture
def manager(brand):
    return person(brand)


@pytest.fixture
def rows(member, token):
    """A hundred and twenty movements, oldest first."""
    return [move(member, token, 10 if n % 3 else 5, reference_id=f"order {n}", at=NOON + n * DAY / 24) for n in range(120)]


def listed(client, **query) -> list[int]:
    answer = client.get(page_of(Transaction, "changelist"), query)
    assert answer.status_code == 200, answer
    return [row.pk for row in answer.context["cl"].result_list]


def link(answer, name: str) -> str | None:
    found = re.search(rf'rel="{name}" href="([^"]+)"', answer.content.decode())
    return found[1].replace("&amp;", "&") if found else None


def test_pages_lead_on_and_back_through_every_row(manager, rows):
    path, seen, last = page_of(Transaction, "changelist"), [], None
    while path is not None:
        answer = manager.get(page_of(Transaction, "changelist") + path if path.startswith("?") else path)
        seen.append([row.pk for row in answer.context["cl"].result_list])
        last, path = answer, link(answer, "next")

    back = manager.get(page_of(Transaction, "changelist") + link(last, "prev"))

    assert [pk for page in seen for pk in page] == [row.id for row in reversed(rows)]
    assert [row.pk for row in back.context["cl"].result_list] == seen[-2]
    assert [len(page) for page in seen] == [50, 50, 20]


def test_filters_are_kept_from_page_to_page_and_a_new_one_begins_at_the_top(manager, rows, member):
    first = manager.get(page_of(Transaction, "changelist"), {"member": member.auth_id})
    second = manager.get(page_of(Transaction, "changelist") + link(first, "next"))

    assert "member=" in link(first, "next")
    assert 'name="older"' not in second.content.decode()
    assert f'value="{member.auth_id}"' in second.content.decode()


def test_each_filter_narrows_the_list(manager, rows, member, token, brand):
    other = move(make_member(brand), make_token(brand), 7, actor="staff:3", at=NOON)

    assert listed(manager, member="nobody") == []
    assert other.id not in listed(manager, token=token.pk)
    assert listed(manager, actor="staff:3") == [other.id]
    assert listed(manager, reference="order 5") == [rows[5].id]
    assert listed(manager, q="order 5") == [rows[5].id]
    assert listed(manager, hash=rows[7].hash.hex()) == listed(manager, q=f"0x{rows[7].hash.hex()}") == [rows[7].id]
    assert listed(manager, sign="-1") == []
    assert listed(manager, type="debit_points") == []
    assert len(listed(manager, since="2026-06-05", until="2026-06-05", member=member.auth_id)) == 24
    assert listed(manager, account=account_of(member, token).pk)[0] == rows[-1].id


@pytest.mark.parametrize(
    "query",
    [{"hash": "abc"}, {"token": "x"}, {"since": "tomorrow"}, {"type": "gift"}, {"sign": "0"}, {"account": str(2**70)}],
)
def test_what_cannot_be_asked_for_is_told_and_finds_nothing(manager, rows, query):
    answer = manager.get(page_of(Transaction, "changelist"), query)

    assert list(answer.context["cl"].result_list) == []
    assert [message.level_tag for message in answer.context["messages"]] == ["error"]


def test_a_place_that_no_page_gave_out_leads_to_the_top(manager, rows):
    answer = manager.get(page_of(Transaction, "changelist"), {"older": "nonsense"}, follow=True)

    assert answer.status_code == 200


def test_a_list_takes_few_queries_and_counts_nothing(manager, rows, member, django_assert_max_num_queries):
    for query in ({}, {"member": member.auth_id}, {"sign": "1"}, {"type": "credit_points"}, {"since": "2026-06-01"}):
        with django_assert_max_num_queries(MOST_QUERIES) as made:
            listed(manager, **query)
        assert not [one["sql"] for one in made if "COUNT(" in one["sql"].upper()]
        assert not [one["sql"] for one in made if re.search(r"OFFSET (?!9999\b)", one["sql"])]


def test_a_list_tells_about_how_many_there_are(manager, rows, member):
    answer = manager.get(page_of(Transaction, "changelist"), {"member": member.auth_id})

    assert "50 shown of about 120 transactions" in words(answer)
    assert "1 transaction" in words(manager.get(page_of(Transaction, "changelist"), {"reference": "order 5"}))


# --- the file ---


def exported(client, **query):
    answer = client.get(reverse("admin:ledger_transaction_export"), query)
    return answer, list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))


def test_the_file_holds_what_the_filters_find(manager, rows, member, token, monkeypatch):
    monkeypatch.setattr("loyalty.admin.explorer.ROWS_AT_A_TIME", 7)
    move(make_member(member.brand), token, 7, at=NOON)

    answer, lines = exported(manager, member=member.auth_id)

    assert answer["Content-Disposition"].startswith('attachment; filename="transactions-')
    assert [int(line["id"]) for line in lines] == [row.id for row in reversed(rows)]
    assert {line["member"] for line in lines} == {member.auth_id}
    assert lines[0]["hash"] == rows[-1].hash.hex()
    assert len(exported(manager)[1]) == 121


def test_who_took_what_is_written_down(manager, rows, member, brand):
    exported(manager, member=member.auth_id, type="credit_points")

    entry = AuditEntry.objects.get(brand=brand, kind="export")
    assert entry.after["filters"]["type"] == "credit_points"
    assert member.auth_id not in json.dumps(entry.after)
    assert entry.staff_name == f"Brand manager of {brand}"


@pytest.mark.parametrize("role", [SERVICE_AGENT, AUDITOR])
def test_who_may_look_may_not_take_away(brand, rows, role):
    client = person(brand, role)

    assert client.get(reverse("admin:ledger_transaction_export")).status_code == 403
    assert "Export as CSV" not in words(client.get(page_of(Transaction, "changelist")))
    assert AuditEntry.objects.filter(brand=brand, kind="export").count() == 0


def test_a_file_holds_nothing_of_another_brand(rows, member):
    other = make_brand()

    assert exported(person(other), member=member.auth_id)[1] == []
    assert exported(person(other, "Finance"))[1] == []


def test_a_reference_that_looks_like_a_formula_is_none_in_the_file(manager, member, token):
    move(member, token, 1, reference_id="=HYPERLINK(1)")

    assert exported(manager)[1][0]["reference_id"] == "'=HYPERLINK(1)"


def test_the_file_is_made_piece_by_piece(rows, brand, monkeypatch, django_assert_num_queries):
    from ledger.selectors.search import Search

    monkeypatch.setattr("loyalty.admin.explorer.ROWS_AT_A_TIME", 10)
    lines = lines_of(Search(brand_id=brand.pk))

    with django_assert_num_queries(1):
        assert [next(lines)[0] for _ in range(10)] == [row.id for row in reversed(rows[-10:])]


# --- a transaction ---


def test_a_transaction_shows_its_neighbours_and_its_hash_anew(manager, rows):
    answer = manager.get(page_of(Transaction, "change", rows[5].id))

    text = words(answer)
    for hash_ in (rows[4].hash, rows[5].hash):
        assert text.count(hash_.hex()) >= 2
    assert page_of(Transaction, "change", rows[4].id) in answer.content.decode()
    assert page_of(Transaction, "change", rows[6].id) in answer.content.decode()
    assert "Stored and recomputed are the same" in text
    assert "Broken" not in text


def test_a_transaction_that_was_tampered_with_says_so(manager, rows):
    with superuser() as cursor:
        cursor.execute("UPDATE ledger_transaction SET actor = 'staff:1' WHERE id = %s", [rows[5].id])
        cursor.execute("UPDATE ledger_transaction SET hash = sha256('x') WHERE id = %s", [rows[9].id])

    assert "Broken: the fields do not come to the stored hash" in words(manager.get(page_of(Transaction, "change", rows[5].id)))
    assert "Broken: the next one does not repeat this hash" in words(manager.get(page_of(Transaction, "change", rows[10].id)))
    assert "Broken" not in words(manager.get(page_of(Transaction, "change", rows[7].id)))


def test_a_transaction_shows_its_lots_and_reversals(manager, brand, member):
    token = make_expiring_token(brand)
    first, second = move(member, token, 10), move(member, token, 10, at=NOON + DAY)
    debit = move(member, token, -15, at=NOON + DAY)
    back = undo(debit, 4, brand_id=brand.pk, at=NOON + DAY, reason="sent twice")

    text, page = (f(manager.get(page_of(Transaction, "change", debit.id))) for f in (words, lambda a: a.content.decode()))

    assert set(lots_of(member, token)) == {first.sequence, second.sequence}
    assert "#1 -10 taken" in text
    assert "#2 -5 taken" in text
    assert all(page_of(Transaction, "change", one.id) in page for one in (first, second, back))
    assert "-11 points of it are left" in text
    undone = manager.get(page_of(Transaction, "change", back.id))
    assert page_of(Transaction, "change", debit.id) in undone.content.decode()
    assert "sent twice" in words(undone)


def test_a_transaction_names_what_it_belongs_to(manager, brand, member, token):
    partner = Partner.of(brand)
    partner.credit(member.auth_id, 1_000, token.pk)
    partner.buy(member.auth_id, make_reward_type(brand, token, name="Espresso"))
    partner.redeem(member.auth_id, make_code(make_campaign(brand, token, name="Summer")))
    make_item(member, make_collectible(brand))

    pages = {
        row.type: words(manager.get(page_of(Transaction, "change", row.pk))) for row in Transaction.objects.filter(brand=brand)
    }

    assert "Espresso" in pages["points_to_rewards"]
    assert "Summer" in pages["code_to_points"]
    assert "Collectible" in pages["credit_nft"]
    assert all(member.auth_id in page for page in pages.values())


def test_a_transactions_page_takes_few_queries(manager, brand, member, django_assert_max_num_queries):
    token = make_expiring_token(brand)
    partner = Partner.of(brand)
    for _ in range(8):
        partner.credit(member.auth_id, 100, token.pk)
    partner.buy(member.auth_id, make_reward_type(brand, token, price=750))
    undo(move(member, token, -5), 3, brand_id=brand.pk, reason="sent twice")

    for row in Transaction.objects.filter(brand=brand):
        with django_assert_max_num_queries(MOST_QUERIES):
            assert manager.get(page_of(Transaction, "change", row.pk)).status_code == 200


def test_a_page_of_another_brands_row_is_not_there(rows, member, token):
    stranger = person(make_brand())
    account = account_of(member, token)

    for path in (
        page_of(Transaction, "change", rows[0].id),
        page_of(Account, "change", account.pk),
        reverse("admin:ledger_account_proof", args=[account.pk]),
        reverse("admin:ledger_account_row", args=[account.pk, 1]),
    ):
        assert stranger.get(path).status_code == 404


# --- an account ---


def test_an_account_tells_what_lapses_when(manager, brand, member, django_assert_max_num_queries):
    token = make_token(brand, expiry_unit="months", expiry_count=1200)
    move(member, token, 10)
    move(member, token, 5, at=NOON + 40 * DAY)

    with django_assert_max_num_queries(MOST_QUERIES):
        answer = manager.get(page_of(Account, "change", account_of(member, token).pk))

    assert "July 2126 10" in words(answer)
    assert "August 2126 5" in words(answer)


def proof_of(client, account) -> list[dict]:
    answer = client.get(reverse("admin:ledger_account_proof", args=[account.pk]))
    assert answer.status_code == 200
    return [json.loads(line) for line in b"".join(answer.streaming_content).decode().splitlines()]


def test_an_auditor_watches_an_account_being_proved(brand, rows, member, token, monkeypatch):
    steps = proof_of(person(brand, AUDITOR), account_of(member, token))

    assert [(step["rows"], step["finished"]) for step in steps] == [(0, False), (120, False), (120, True)]
    assert steps[-1]["faults"] == {}


def test_the_proof_leads_to_where_each_check_first_breaks(manager, rows, member, token):
    account = account_of(member, token)
    with superuser() as cursor:
        cursor.execute("UPDATE ledger_transaction SET actor = 'staff:1' WHERE id = %s", [rows[5].id])
        cursor.execute("UPDATE ledger_account SET balance = balance + 1 WHERE id = %s", [account.pk])

    faults = proof_of(manager, account)[-1]["faults"]

    assert {check: fault["sequence"] for check, fault in faults.items()} == {"chain": 6, "balance": 120}
    assert manager.get(faults["chain"]["address"])["Location"] == page_of(Transaction, "change", rows[5].id)


# --- tokens ---


def form_of(token: Token, **changes) -> dict[str, object]:
    fields = ("name", "symbol", "status", "expiry_unit", "expiry_count")
    return {name: getattr(token, name) for name in fields} | {"countries": "AAA", "metadata": "null"} | changes


def test_a_token_is_changed_by_the_service_and_its_type_stays(manager, token):
    answer = fill(manager, Token, token, form_of(token, name="Stars", type="erc721", expiry_unit="days", expiry_count=30))

    assert answer.status_code == 302, words(answer)
    token.refresh_from_db()
    assert (token.name, token.type, token.expiry_unit, token.expiry_count) == ("Stars", "erc20", "days", 30)


def test_a_policy_that_makes_no_sense_is_refused_in_the_form(manager, token):
    answer = fill(manager, Token, token, form_of(token, name="Stars", expiry_unit="days", expiry_count=0))

    assert answer.status_code == 200
    token.refresh_from_db()
    assert token.name == "Points"
