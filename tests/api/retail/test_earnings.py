"""Baskets of the Retail API: evaluated, earned on, explained, taken back."""

import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.utils import timezone

from ledger.models import Transaction
from ledger.services.proof import prove
from rewards.models import Earning, Promotion, PromotionUse
from rewards.services.promotions import move_promotion, publish_promotion
from tests.api.conftest import assert_refused
from tests.api.retail.baskets import DOUBLE_COFFEE, FIFTY, balance, basket, earned, line, make_programme, publish, reverse, text
from tests.clients import RetailClient
from tests.conftest import NOON, make_brand, make_expiring_token, make_member
from tests.segments import by_hand, put
from users.services.members import erase_member


@pytest.fixture
def points(brand):
    return make_programme(brand)


@pytest.fixture
def till(brand, points) -> RetailClient:
    return RetailClient.of(brand)


def coffee(member_id, **terms):
    return basket(member_id, line(1, "8.40", category="coffee"), line(2, "2.60"), **terms)


# --- evaluation ---


def test_an_evaluation_tells_what_a_member_would_collect_and_posts_nothing(till, brand, member):
    promotion = publish(brand, DOUBLE_COFFEE)

    for _ in range(2):
        answer = till.post("/baskets/evaluation", coffee(member.auth_id))

    told = answer.json()
    assert answer.status_code == 200
    assert told["points"] == {"total": 19, "base": 11, "bonus": 8}
    assert told["lines"] == [{"line": 1, "points": 16}, {"line": 2, "points": 3}]
    (applied,) = told["promotions"]
    assert (applied["id"], applied["version"], applied["points"]) == (promotion.pk, 1, 8)
    assert applied["lines"] == [{"line": 1, "points": 8}]
    assert applied["explanation"]["amount"] == "8.40"
    assert (told["balance"], told["transaction"]) == (None, None)
    assert not Transaction.objects.filter(brand=brand).exists()


def test_a_guest_is_told_what_a_promotion_for_a_segment_asks_for(till, brand):
    promotion = publish(brand, FIFTY, segment=by_hand(brand))

    told = till.post("/baskets/evaluation", basket(None, line("a", "60.00"))).json()

    assert told["points"]["total"] == 60
    assert told["not_applied"] == [{"id": promotion.pk, "name": promotion.name, "reason": "not_in_segment"}]


def test_a_member_of_the_segment_gets_it(till, brand, member):
    segment = by_hand(brand)
    publish(brand, FIFTY, segment=segment)
    put(segment, member)

    assert till.post("/baskets/evaluation", basket(member.auth_id, line(1, "60.00"))).json()["points"]["total"] == 110


# --- earning ---


def test_an_earning_posts_what_the_evaluation_told_and_explains_it(till, brand, member, points):
    publish(brand, DOUBLE_COFFEE)
    body = coffee(member.auth_id)
    evaluated = till.post("/baskets/evaluation", body).json()

    answer = till.post("/earnings", body)

    told = answer.json()
    assert answer.status_code == 201
    assert {name: told[name] for name in ("points", "promotions", "not_applied", "lines")} == {
        name: evaluated[name] for name in ("points", "promotions", "not_applied", "lines")
    }
    assert (told["balance"], balance(member, points)) == (19, 19)
    row = Transaction.objects.get(brand=brand)
    assert told["transaction"]["id"] == str(row.pk)
    assert (row.type, row.explanation["base"]["points"], row.explanation["promotions"][0]["points"]) == ("earn", 11, 8)


def test_the_same_transaction_id_and_body_is_answered_as_the_first_time(till, member, points):
    body = coffee(member.auth_id)
    first = till.post("/earnings", body)

    again = till.post("/earnings", body)

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.content == first.content
    assert balance(member, points) == 11


def test_another_body_under_the_same_transaction_id_is_refused(till, member):
    body = coffee(member.auth_id)
    till.post("/earnings", body)

    assert_refused(till.post("/earnings", body | {"store_id": "other"}), 409, "transaction_id_reused")


def test_a_basket_that_earns_nothing_uses_up_its_transaction_id(till, member):
    body = basket(member.auth_id, line(1, "0.99"))

    first, again = till.post("/earnings", body), till.post("/earnings", body)

    assert (first.status_code, again.status_code) == (201, 200)
    assert (first.json()["transaction"], first.json()["balance"]) == (None, 0)
    assert again.content == first.content


def test_an_idempotency_key_goes_before_the_transaction_id(till, member):
    body = coffee(member.auth_id)
    first = till.post("/earnings", body, key="k1")

    again = till.post("/earnings", body, key="k1")

    assert (again.status_code, again["Idempotent-Replayed"]) == (201, "true")
    assert again.content == first.content


def test_an_expiring_token_opens_a_lot_and_another_token_may_be_named(till, brand, member):
    fading = make_expiring_token(brand)

    told = till.post("/earnings", coffee(member.auth_id, token_id=fading.pk)).json()

    assert told["points"]["total"] == 0  # nobody set a rate for it


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"member_id": "nobody"}, "member_not_found", "member_id"),
        ({"currency": "USD"}, "unknown_currency", "currency"),
        ({"token_id": 10**17}, "token_not_found", None),
        ({"lines": []}, "invalid_request", "lines"),
        ({"lines": [line(1, "1.00"), line(2, "1.00", amount="1.01")]}, "invalid_request", "lines.1.amount"),
        ({"lines": [line(1, "1.00", quantity=-1)]}, "invalid_request", "lines.0.quantity"),
        ({"lines": [line(1, "1.00", unit_price=1.5)]}, "invalid_request", "lines[0].unit_price"),
        ({"lines": [line(number, "1.00") for number in range(201)]}, "invalid_request", "lines"),
        ({"lines": [line(1, "1.00", colour="red")]}, "invalid_request", "lines[0].colour"),
        ({"occurred_at": "tomorrow"}, "invalid_request", "occurred_at"),
        ({"occurred_at": text(timezone.now() + timedelta(hours=1))}, "invalid_request", "occurred_at"),
        ({"occurred_at": text(timezone.now() - timedelta(days=31))}, "invalid_request", "occurred_at"),
        ({"transaction_id": None}, "invalid_request", "transaction_id"),
    ],
)
def test_bad_baskets_are_refused_by_name(till, member, change, code, field):
    answer = till.post("/earnings", coffee(member.auth_id) | change)

    assert answer.status_code == 400
    assert answer.json()["code"] == code
    if field is not None:
        assert field in {error["field"] for error in answer.json()["errors"]}
    assert not Earning.objects.filter(member=member).exists()


def test_two_hundred_lines_are_taken(till, member):
    told = till.post("/earnings", basket(member.auth_id, *(line(number, "1.00") for number in range(200)))).json()

    assert told["points"]["total"] == 200


def test_a_past_purchase_counts_in_its_own_day(till, brand, member):
    yesterday = timezone.now() - timedelta(days=1)
    publish(brand, DOUBLE_COFFEE | {"ends_at": text(timezone.now() - timedelta(hours=12))})

    told = till.post("/earnings", coffee(member.auth_id, occurred_at=text(yesterday))).json()

    assert told["points"]["bonus"] == 8
    assert till.post("/earnings", coffee(member.auth_id)).json()["not_applied"][0]["reason"] == "ended"


def test_without_a_programme_it_is_said_so(brand, member):
    assert_refused(RetailClient.of(brand).post("/earnings", coffee(member.auth_id)), 409, "programme_missing")


def test_members_of_another_brand_do_not_exist(till):
    stranger = make_member(make_brand())

    assert_refused(till.post("/earnings", coffee(stranger.auth_id)), 400, "member_not_found")


def test_a_changed_promotion_counts_at_once_and_changes_nothing_that_was_earned(till, brand, member):
    promotion = publish(brand, DOUBLE_COFFEE)
    first = till.post("/earnings", coffee(member.auth_id)).json()
    promotion.draft = DOUBLE_COFFEE | {"gain": {"kind": "multiplier", "factor": "3"}}
    promotion.save(update_fields=["draft"])
    publish_promotion(brand_id=brand.pk, promotion_id=promotion.pk, actor="staff:1", at=NOON)

    second = till.post("/earnings", coffee(member.auth_id)).json()
    back = till.post(f"/earnings/{first['transaction_id']}/reversal", {"reversal_id": "r1"}).json()

    assert [told["promotions"][0]["version"] for told in (first, second)] == [1, 2]
    assert [told["points"]["bonus"] for told in (first, second)] == [8, 16]
    assert back["points"] == -19
    move_promotion(brand_id=brand.pk, promotion_id=promotion.pk, to="paused")
    assert till.post("/earnings", coffee(member.auth_id)).json()["points"]["bonus"] == 0


def test_an_erased_member_s_answers_go_and_the_name_stays_used_up(till, brand, member):
    body = coffee(member.auth_id)
    till.post("/earnings", body)
    erase_member(brand_id=brand.pk, auth_id=member.auth_id, at=timezone.now())

    assert_refused(till.post("/earnings", body), 410, "answer_erased")
    assert Earning.objects.get(brand=brand).basket is None
    assert_refused(till.post(f"/earnings/{body['transaction_id']}/reversal", {"reversal_id": "r"}), 404, "earning_not_found")


# --- limits ---


def test_a_limit_holds_within_its_period_and_comes_back_with_what_is_taken_back(till, brand, member):
    publish(brand, DOUBLE_COFFEE | {"member_times": 1, "member_period": "day"})
    first = till.post("/earnings", coffee(member.auth_id)).json()

    second = till.post("/earnings", coffee(member.auth_id)).json()
    till.post(f"/earnings/{first['transaction_id']}/reversal", {"reversal_id": "r1"})
    third = till.post("/earnings", coffee(member.auth_id)).json()

    assert [told["points"]["bonus"] for told in (first, second, third)] == [8, 0, 8]
    assert second["not_applied"][0]["reason"] == "limit_reached"
    assert PromotionUse.objects.get(member=member).times == 1


def test_a_budget_is_given_out_to_the_last_whole_gain(till, brand, member):
    promotion = publish(brand, DOUBLE_COFFEE, budget=20)

    told = [till.post("/earnings", coffee(member.auth_id)).json() for _ in range(3)]

    assert [one["points"]["bonus"] for one in told] == [8, 8, 0]
    assert told[2]["not_applied"][0]["reason"] == "budget_used_up"
    till.post(f"/earnings/{told[0]['transaction_id']}/reversal", {"reversal_id": "r1"})
    assert Promotion.objects.get(pk=promotion.pk).spent_points == 8


# --- at the same instant ---


def at_once(count, act):
    """Calls of many threads that begin together."""
    barrier, answers = threading.Barrier(count), []

    def run(number):
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '30s'")  # the last one waits for all the others
        barrier.wait()
        answers.append(act(number))
        connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_of_sixteen_sends_of_one_transaction_id_one_gains(own_brand):
    token, member = make_programme(own_brand), make_member(own_brand)
    till, body = RetailClient.of(own_brand), coffee(member.auth_id)

    answers = at_once(16, lambda _: till.post("/earnings", body))

    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 15}
    assert len({answer.content for answer in answers}) == 1
    assert balance(member, token) == 11


def test_limits_and_budgets_are_exact_under_64_threads(own_brand):
    token, members = make_programme(own_brand), [make_member(own_brand) for _ in range(8)]
    budgeted = publish(own_brand, DOUBLE_COFFEE, budget=8 * 20)
    limited = publish(own_brand, FIFTY | {"member_times": 2, "minimum_amount": "5.00"})
    till = RetailClient.of(own_brand)

    answers = at_once(64, lambda number: till.post("/earnings", coffee(members[number % 8].auth_id)))

    assert {answer.status_code for answer in answers} == {201}
    given = Counter(promotion["id"] for answer in answers for promotion in answer.json()["promotions"])
    assert given == {budgeted.pk: 20, limited.pk: 16}
    assert Promotion.objects.get(pk=budgeted.pk).spent_points == 160
    assert sum(balance(member, token) for member in members) == 64 * 11 + 160 + 16 * 50
    assert prove(brand_id=own_brand.pk).differences == []


def test_of_sixteen_reversals_the_parts_come_to_the_whole(own_brand):
    token, member = make_programme(own_brand), make_member(own_brand)
    till = RetailClient.of(own_brand)
    name = earned(till, member, *(line(number, "2.50") for number in range(8)))

    answers = at_once(16, lambda number: reverse(till, name, f"r-{name}-{number}", lines=[{"line": number % 8}]))

    assert Counter(answer.status_code for answer in answers)[201] == 8
    assert {answer.status_code for answer in answers} <= {201, 400, 409}  # the line, or the whole, came back before
    assert sum(answer.json()["points"] for answer in answers if answer.status_code == 201) == -20
    assert balance(member, token) == 0
    assert prove(brand_id=own_brand.pk).differences == []
