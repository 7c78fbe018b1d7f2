"""Points by hand in the back office: forms that post once, approvals that show exactly what is asked, and who may do what."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from exchange.models import ExchangeOrder
from exchange.rules.orders import OrderState
from ledger.models import Account, Lot, Transaction
from loyalty.admin.money_forms import new_name
from loyalty.admin.roles import AUDITOR, FINANCE, SERVICE_AGENT
from tests.clients import Partner
from tests.conftest import make_brand, make_expiring_token, make_member
from tests.exchange.world import make_exchanges
from tests.ledger.orders import DAY, move
from tests.loyalty.desk import make_staff, page_of, signed_in, words
from tests.loyalty.furnished import ask_for_points
from users.models import Approval, Member, Staff


def employ(role: str, member: Member, name: str = "") -> Staff:
    staff = make_staff(username=f"{name or role} {member.brand_id}", brand=member.brand)
    staff.groups.add(Group.objects.get(name=role))
    return staff


@pytest.fixture
def agent(member) -> Client:
    return signed_in(employ(SERVICE_AGENT, member))


@pytest.fixture
def finance(member) -> Client:
    return signed_in(employ(FINANCE, member))


def page(name: str, pk: int) -> str:
    return reverse(f"admin:{name}", args=[pk])


def fill(client: Client, name: str, pk: int, **fields: object):
    known = {"reason": "her parcel was lost", "form": new_name()}
    return client.post(page(name, pk), known | fields, follow=True)


def balance(member: Member) -> int:
    return Account.objects.get(member=member).balance


def asked(member: Member, amount: int = 5_000) -> Approval:
    token = Account.objects.filter(member=member).select_related("token").get().token
    ask_for_points(member, token, amount)
    return Approval.objects.get(brand=member.brand)


def test_an_agent_credits_and_sees_the_new_balance_and_the_hash(member, token, agent):
    move(member, token, 10)

    answer = fill(agent, "money_credit", member.pk, token=token.pk, amount=200)

    row = Transaction.objects.get(account__member=member, sequence=2)
    told = words(answer)
    assert answer.redirect_chain == [(page("money_receipt", row.pk), 302)]
    assert f"0x{bytes(row.hash).hex()}" in told
    assert "New balance 210" in told


def test_a_form_sent_again_shows_what_it_did(member, token, agent):
    name = new_name()
    for _ in range(2):
        answer = fill(agent, "money_credit", member.pk, token=token.pk, amount=200, form=name)

    assert balance(member) == 200
    assert "it was done once" in words(answer)


def test_a_refusal_loses_nothing_of_the_form(member, token, agent):
    move(member, token, 10)

    answer = fill(agent, "money_debit", member.pk, token=token.pk, amount=11)

    assert "Insufficient balance" in words(answer)
    assert 'value="11"' in answer.content.decode()
    assert "her parcel was lost" in answer.content.decode()
    assert balance(member) == 10


def test_a_form_without_reason_or_amount_does_nothing(member, token, agent):
    move(member, token, 10)

    for fields in ({"reason": " ", "amount": 5}, {"amount": 0}, {"amount": ""}):
        assert fill(agent, "money_credit", member.pk, token=token.pk, **fields).status_code == 200
    assert balance(member) == 10


def test_above_the_limit_one_asks_and_another_approves(member, token, agent, finance):
    move(member, token, 10)
    answer = fill(agent, "money_credit", member.pk, token=token.pk, amount=1_001)
    approval = Approval.objects.get(brand=member.brand)
    assert "a second person must approve" in words(answer)
    assert balance(member) == 10

    shown = words(finance.get(page_of(Approval, "change", approval.pk)))
    for line in ("Points to give 1001", "Balance now 10", "Balance after 1011", "Reason", bytes(approval.digest).hex()):
        assert line in shown
    done = finance.post(page("money_approve", approval.pk), follow=True)

    assert "New balance 1011" in words(done)
    again = finance.post(page("money_approve", approval.pk), follow=True)
    assert "has been decided already" in words(again)
    assert balance(member) == 1_011


def test_whoever_asked_is_offered_to_withdraw_and_nothing_else(member, token):
    client = signed_in(employ(FINANCE, member, "both"))
    fill(client, "money_credit", member.pk, token=token.pk, amount=5_000)
    approval = Approval.objects.get(brand=member.brand)
    shown = client.get(page_of(Approval, "change", approval.pk)).content.decode()
    assert ("money-withdraw" in shown, "money-approve" in shown) == (True, False)

    told = words(client.post(page("money_approve", approval.pk), follow=True))
    client.post(page("money_withdraw", approval.pk))

    approval.refresh_from_db()
    assert "somebody else must decide" in told
    assert approval.state == "withdrawn"


def test_a_refusal_is_told_with_its_reason(member, token, finance):
    move(member, token, 10)
    approval = asked(member)
    finance.post(page("money_refuse", approval.pk), {"reason": " "})
    approval.refresh_from_db()
    assert approval.state == "asked"

    finance.post(page("money_refuse", approval.pk), {"reason": "she has been paid"})

    assert "she has been paid" in words(finance.get(page_of(Approval, "change", approval.pk)))


def test_an_effect_that_is_refused_is_told_and_leaves_the_approval_open(member, token, finance):
    move(member, token, 5_000)
    approval = asked(member, -5_000)
    move(member, token, -1)

    told = words(finance.post(page("money_approve", approval.pk), follow=True))

    approval.refresh_from_db()
    assert ("Insufficient balance" in told, approval.state) == (True, "asked")


def test_agents_ask_and_auditors_look(member, token, agent):
    move(member, token, 10)
    approval, auditor = asked(member), signed_in(employ(AUDITOR, member))

    for client in (agent, auditor):
        assert client.get(page_of(Approval, "change", approval.pk)).status_code == 200
        assert client.post(page("money_approve", approval.pk)).status_code == 403
    assert auditor.get(page("money_credit", member.pk)).status_code == 403


def test_a_reason_is_shown_to_whom_must_judge_it_and_hidden_from_whom_only_looks(member, token, finance):
    move(member, token, 10)
    approval, looker = asked(member), make_staff(username=f"looker {member.brand_id}", brand=member.brand)
    looker.user_permissions.add(Permission.objects.get(codename="view_approval"))

    shown = [words(client.get(page_of(Approval, "change", approval.pk))) for client in (finance, signed_in(looker))]

    assert ["parcel" in text for text in shown] == [True, False]


def test_the_list_shows_those_that_wait_first(member, token, finance):
    move(member, token, 10)
    decided = asked(member)
    finance.post(page("money_refuse", decided.pk), {"reason": "no"})
    ask_for_points(member, token, 6_000)
    ask_for_points(member, token, 7_000)
    newest = Approval.objects.filter(brand=member.brand).latest("pk")
    finance.post(page("money_refuse", newest.pk), {"reason": "no"})

    listed = finance.get(page_of(Approval, "changelist")).context["cl"].result_list

    assert [approval.state for approval in listed] == ["asked", "refused", "refused"]


def test_a_transaction_is_reversed_in_part(member, token, agent):
    posted = move(member, token, 500)
    assert 'value="500"' in agent.get(page("money_reverse", posted.id)).content.decode()

    answer = fill(agent, "money_reverse", posted.id, amount=200)

    assert "New balance 300" in words(answer)
    assert "exceeds" in words(fill(agent, "money_reverse", posted.id, amount=301))


def test_points_are_extended_to_the_end_of_a_day_of_the_brand(member, agent):
    token = make_expiring_token(member.brand)
    move(member, token, 100, at=timezone.now())
    move(member, token, 50, at=timezone.now())
    account = Account.objects.get(member=member)
    shown = agent.get(page("money_extend", member.pk)).content.decode()
    assert "100 points, until" in shown

    fill(agent, "money_extend", member.pk, lots=[1], last_day="2035-03-31")

    until = dict(Lot.objects.filter(account=account).values_list("sequence", "expires_at"))
    assert until[1].isoformat() == "2035-03-31T22:00:00+00:00"  # midnight in Zurich
    assert until[2] < timezone.now() + 11 * DAY


def test_nothing_is_extended_where_nothing_lapses(member, token, agent):
    move(member, token, 10)

    assert "no points that lapse" in words(agent.get(page("money_extend", member.pk)))


def test_a_parked_exchange_is_ended_by_two(member, token, finance):
    Partner.of(member.brand).credit(member.auth_id, 1_000, token.pk)
    order = make_exchanges(member.brand, member, token)
    ExchangeOrder.objects.filter(pk=order.pk).update(state=OrderState.PARKED.value)
    fill(finance, "exchange_refund", order.pk)
    approval = Approval.objects.get(brand=member.brand)
    order.refresh_from_db()
    assert order.state == "parked"

    other = signed_in(employ(FINANCE, member, "other"))
    assert "The points come back" in words(other.get(page_of(Approval, "change", approval.pk)))
    other.post(page("money_approve", approval.pk))

    order.refresh_from_db()
    assert (order.state, balance(member)) == ("refused", 1_000)


def test_pages_of_another_brand_do_not_exist(member, token, agent, finance):
    other = make_member(make_brand())
    posted = move(make_member(other.brand), make_expiring_token(other.brand), 10)

    for client, name, pk in (
        (agent, "money_credit", other.pk),
        (agent, "money_extend", other.pk),
        (agent, "money_reverse", posted.id),
        (agent, "money_receipt", posted.id),
    ):
        assert client.get(page(name, pk)).status_code == 404
        assert client.post(page(name, pk), {"amount": 1, "reason": "x", "form": "y"}).status_code == 404


@pytest.mark.parametrize("name", ["money_credit", "money_extend", "money_reverse", "money_receipt", "approval", "list"])
def test_no_page_asks_the_database_often(member, finance, django_assert_max_num_queries, name):
    token = make_expiring_token(member.brand)
    posted = move(member, token, 100, at=timezone.now())
    approval = asked(member)
    paths = {
        "approval": page_of(Approval, "change", approval.pk),
        "list": page_of(Approval, "changelist"),
        "money_reverse": "",
        "money_receipt": "",
    }
    pk = posted.id if name in {"money_reverse", "money_receipt"} else member.pk
    path = paths.get(name) or page(name, pk)
    finance.get(path)

    with django_assert_max_num_queries(15):
        assert finance.get(path).status_code == 200
