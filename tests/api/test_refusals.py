"""Why did I get no points? What the Partner API refuses about a known member is kept for staff, without what is personal."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.api.conftest import at_once
from tests.api.programme import make_campaign, make_code, make_reward_type
from tests.clients import Partner
from tests.conftest import NOON, make_brand, make_member, make_token
from users.models import Refusal
from users.services.members import erase_member
from users.services.merging import merge_members
from users.services.refusals import Refused, forget_old_refusals, keep_refusal


def kept(member) -> list[tuple]:
    rows = Refusal.objects.filter(brand=member.brand, member=member).order_by("pk")
    return list(rows.values_list("operation", "code", "detail", "reference_id", "count"))


def test_a_refused_movement_is_kept_with_its_reason(partner, member, token):
    answer = partner.debit(member.auth_id, 5, token.pk, reference_id="Order 7")

    assert answer.json()["code"] == "insufficient_balance"
    assert kept(member) == [("debit_points", "insufficient_balance", "Insufficient balance", "Order 7", 1)]
    row = Refusal.objects.get(member=member)
    assert row.request_id == answer.json()["request_id"]
    assert timezone.now() - row.at < timedelta(minutes=1)


@pytest.mark.parametrize("key", [None, "once"])
def test_it_is_kept_once_with_an_idempotency_key_or_without(partner, member, token, key):
    partner.debit(member.auth_id, 5, token.pk, key=key)

    assert [row[-1] for row in kept(member)] == [1]


def test_a_replay_of_a_refusal_is_no_new_refusal(partner, member, token):
    for _ in range(3):
        partner.debit(member.auth_id, 5, token.pk, key="once")

    assert [row[-1] for row in kept(member)] == [1]


def test_the_like_of_one_hour_stand_in_one_row_that_tells_of_the_last(partner, member, token):
    for number in range(40):
        partner.debit(member.auth_id, 5, token.pk, reference_id=f"Order {number}")

    assert {row[1] for row in kept(member)} == {"insufficient_balance"}
    assert sum(row[-1] for row in kept(member)) == 40
    assert len(kept(member)) <= 2  # where an hour ended meanwhile
    assert kept(member)[-1][3] == "Order 39"


def test_codes_rewards_exchanges_and_reversals_are_kept_too(partner, brand, member, token):
    code, reward_type = make_code(make_campaign(brand, token)), make_reward_type(brand, token)
    partner.redeem(member.auth_id, "WRONG-CODE")
    partner.redeem(member.auth_id, code)
    partner.redeem(member.auth_id, code)
    partner.buy(member.auth_id, reward_type, amount=99)
    miles = {"amount": 5, "token_id": token.pk, "exchange_provider_implementation_name": "etihad"}
    partner.order("points_to_external_rewards", member.auth_id, **miles)
    credit = partner.credit(member.auth_id, 5, token.pk).json()["data"]["id"]
    partner.post(f"/transactions/{credit}/reversal", {"reversal": {"amount": 6, "reference_id": "Back 1"}})

    assert [(row[0], row[1]) for row in kept(member)] == [
        ("code_to_points", "invalid_code"),
        ("code_to_points", "code_already_redeemed"),
        ("points_to_rewards", "invalid_amount"),
        ("points_to_external_rewards", "invalid_exchange_provider"),
        ("reversal", "reversal_exceeds_original"),
    ]
    assert "the price is 100" in kept(member)[2][2]


def test_a_reward_that_is_used_twice_is_kept(partner, brand, member, token):
    partner.credit(member.auth_id, 100, token.pk)
    reward = partner.buy(member.auth_id, make_reward_type(brand, token)).json()["data"]["code"]
    for _ in range(2):
        partner.call("PUT", f"/rewards/{reward}", {})

    assert [(row[0], row[1]) for row in kept(member)] == [("use_reward", "reward_already_used")]


def test_too_many_wrong_codes_are_told_as_such(partner, member, settings):
    settings.CODE_TRIES_PER_HOUR = settings.CODE_TRIES_PER_HOUR | {"member": 1}
    for number in range(2):
        partner.redeem(member.auth_id, f"WRONG{number}")

    assert [row[1] for row in kept(member)] == ["invalid_code", "too_many_code_tries"]


def test_a_request_of_the_wrong_shape_is_kept_by_the_names_of_its_fields(partner, member, token):
    partner.credit(member.auth_id, 5, token.pk, email="anna@example.org", reference_id=7)
    partner.order("of anna@example.org", member.auth_id)
    partner.credit(member.auth_id, 5, token.pk, reference_id=7)

    assert {(row[0], row[1]) for row in kept(member)} == {
        ("credit_points", "invalid_reference"),
        ("credit_points", "invalid_request"),
        ("transaction", "unknown_type"),
    }
    assert "anna" not in str(kept(member))


def test_a_number_that_someone_typed_is_not_kept(partner, brand, member, token):
    from tests.exchange.world import make_partnership, make_provider

    make_partnership(make_provider(brand), token)
    partner.credit(member.auth_id, 100, token.pk)
    terms = {"amount": 50, "token_id": token.pk, "exchange_provider_implementation_name": "etihad"}
    partner.order("points_to_external_rewards", member.auth_id, membership_number_override="SECRET12", **terms)

    ((_, code, detail, *_rest),) = kept(member)
    assert (code, "SECRET12" in detail) == ("invalid_membership_number", False)


def test_what_names_nobody_known_leaves_nothing(partner, brand, token):
    stranger = make_member(make_brand())
    before = Refusal.objects.count()
    for auth_id in ("nobody", stranger.auth_id, "\x00"):
        partner.debit(auth_id, 5, token.pk)
    partner.post("/transactions", {"transaction": [1]})
    partner.post("/transactions/1/reversal", {"reversal": {}})
    partner.call("PUT", "/rewards/none", {})

    assert Refusal.objects.count() == before


def test_who_is_not_let_in_leaves_nothing(brand, member, token):
    Partner.of(brand, ["users:read"]).debit(member.auth_id, 5, token.pk)
    Partner("lp_test_unknown_key", brand).debit(member.auth_id, 5, token.pk)

    assert kept(member) == []


def test_a_success_costs_no_query_more(partner, member, token):
    partner.credit(member.auth_id, 5, token.pk)

    with CaptureQueriesContext(connection) as queries:
        partner.credit(member.auth_id, 5, token.pk)

    assert not [query for query in queries if "users_refusal" in query["sql"]]


def test_a_refusal_is_kept_though_its_transaction_was_rolled_back(own_brand):
    member, token = make_member(own_brand), make_token(own_brand)

    at_once(lambda _: Partner.of(own_brand).debit(member.auth_id, 5, token.pk, key="k"), range(2))

    assert [row[1] for row in kept(member)] == ["insufficient_balance"]


def test_refusals_of_one_member_at_the_same_instant_are_all_counted(own_brand):
    member, token, partner = make_member(own_brand), make_token(own_brand), Partner.of(own_brand)

    at_once(lambda _: partner.debit(member.auth_id, 5, token.pk), range(12))

    assert sum(row[-1] for row in kept(member)) == 12


def test_refusals_go_with_the_member_and_none_is_written_behind_the_erasure(own_brand):
    member, held, go_on = make_member(own_brand), threading.Event(), threading.Event()
    refused = Refused(brand_id=own_brand.pk, member=member.auth_id, operation="debit_points", code="insufficient_balance")
    keep_refusal(refused=refused, at=NOON)

    def erase_slowly() -> None:
        with transaction.atomic():
            erase_member(brand_id=own_brand.pk, auth_id=member.auth_id, at=NOON)
            held.set()
            go_on.wait(30)
        connection.close()

    def keep_meanwhile() -> bool:
        try:
            return keep_refusal(refused=refused, at=NOON)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        erasing = threads.submit(erase_slowly)
        held.wait(30)
        keeping = threads.submit(keep_meanwhile)
        threading.Timer(0.3, go_on.set).start()
        erasing.result(30)
        assert keeping.result(30) is False
    assert not Refusal.objects.filter(member=member).exists()


def test_refusals_are_kept_for_ninety_days(member):
    refused = Refused(brand_id=member.brand_id, member=member.pk, operation="debit_points", code="insufficient_balance")
    for days in (91, 92, 89, 0):
        keep_refusal(refused=refused, at=NOON - timedelta(days=days))

    assert forget_old_refusals(at=NOON) >= 2
    assert Refusal.objects.filter(member=member).count() == 2


def test_refusals_of_a_duplicate_stay_with_it(brand, member, partner, token):
    duplicate = make_member(brand)
    partner.debit(duplicate.auth_id, 5, token.pk)

    merge_members(brand_id=brand.pk, keep_id=member.pk, duplicate_id=duplicate.pk, actor="staff:1", at=NOON)

    assert len(kept(duplicate)) == 1
