"""A member's transactions, in the words of the Retail API."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ledger.models import Counterpart, TransactionType
from ledger.services.posting import Holder, Posting, post
from rewards.models import Action, ActionGain, Earning, Fulfilment, GiftOrder, Programme
from rewards.rules.gift_orders import GiftOrderStatus
from rewards.services.gift_orders import move_gift_order
from tests.api.conftest import assert_refused
from tests.api.programme import make_campaign, make_code, make_reward_type
from tests.api.retail.baskets import DOUBLE_COFFEE, basket, line, make_programme, publish
from tests.api.retail.conftest import stranger
from tests.clients import Partner, RetailClient
from tests.conftest import make_brand, make_member, make_token
from users.services.members import erase_member

pytestmark = pytest.mark.usefixtures("programme")


@pytest.fixture
def path(member) -> str:
    return f"/members/{member.auth_id}/transactions"


@pytest.fixture
def partner(brand) -> Partner:
    return Partner.of(brand)


def moved(member, token, amount: int, type_: TransactionType, **terms):
    """A movement of a type that other services post."""
    counterpart = Counterpart.ISSUANCE if amount > 0 else Counterpart.EXPIRY
    terms = {"at": timezone.now(), "actor": "client:1"} | terms
    holder = Holder(member.brand_id, member.auth_id, token.pk)
    return post(Posting(account=holder, amount=amount, type=type_, counterpart=counterpart, **terms))


def rows_of(answer) -> list[dict]:
    assert answer.status_code == 200, answer.json()
    return answer.json()["data"]


def test_movements_are_told_newest_first_with_all_that_they_are(till, partner, path, member, token):
    credited = partner.credit(member.auth_id, 500, token.pk, reference_id="Order 1").json()["data"]
    debited = partner.debit(member.auth_id, 120, token.pk).json()["data"]

    answer = till.get(path)

    assert answer.json()["next_cursor"] is None
    assert rows_of(answer) == [
        {
            "id": debited["id"],
            "occurred_at": debited["inserted_at"],
            "type": "adjust",
            "points": -120,
            "balance_after": 380,
            "label": "The partner's system debited them and gave no reference.",
            "reference": None,
            "status": None,
            "order": None,
            "tx_hash": debited["tx_hash"],
        },
        {
            "id": credited["id"],
            "occurred_at": credited["inserted_at"],
            "type": "earn",
            "points": 500,
            "balance_after": 500,
            "label": "The partner's system credited them for its reference Order 1.",
            "reference": "Order 1",
            "status": None,
            "order": None,
            "tx_hash": credited["tx_hash"],
        },
    ]


def test_what_was_redeemed_tells_where_its_order_stands(till, partner, path, member, programme):
    brand, token = partner.brand, programme.token
    partner.credit(member.auth_id, 500, token.pk)
    mug = make_reward_type(brand, token, name="A red mug", price=450, fulfilment=Fulfilment.PHYSICAL)
    partner.buy(member.auth_id, mug)
    order = GiftOrder.objects.get(brand=brand)

    (redeemed, _) = rows_of(till.get(path))
    assert (redeemed["type"], redeemed["points"], redeemed["status"]) == ("redeem", -450, "exchange")
    assert redeemed["order"] == {"id": order.pk, "status": "exchange", "gift": {"id": mug.pk, "name": "A red mug"}}
    assert redeemed["label"] == "Paid for the reward “A red mug”."

    terms = {"brand_id": brand.pk, "order_id": order.pk, "actor": "client:1", "at": timezone.now()}
    move_gift_order(to=GiftOrderStatus.CANCELLATION, **terms)

    (back, redeemed, _) = rows_of(till.get(path))
    assert (back["type"], back["points"], back["balance_after"], back["status"]) == ("reversal", 450, 500, None)
    assert redeemed["status"] == redeemed["order"]["status"] == "cancellation"
    assert redeemed["id"] in back["label"]


@pytest.fixture
def eventful(partner, brand, member, token) -> dict[str, list[str]]:
    """A movement of each kind; answers their ids by word."""
    now, auth_id = timezone.now(), member.auth_id
    campaign = make_campaign(brand, token)
    mug = make_reward_type(brand, token, price=10, fulfilment=Fulfilment.PHYSICAL)
    credited = partner.credit(auth_id, 1_000, token.pk).json()["data"]["id"]
    basket = moved(member, token, 50, TransactionType.EARN)
    earning = Earning(brand=brand, member=member, token=token, transaction_id="Basket 7", occurred_at=now, points=50)
    earning.remaining, earning.rules, earning.salt, earning.fingerprint, earning.actor = 50, {}, b"", b"", "client:1"
    earning.posting_id = basket.id
    earning.save()
    event = moved(member, token, 5, TransactionType.EVENT)
    action = Action.objects.create(brand=brand, tag="visit", name="A visit", token=token, points=5)
    gain = ActionGain(brand=brand, action=action, member=member, event_id="Visit 3", occurred_at=now, points=5)
    gain.posting_id, gain.salt, gain.fingerprint = event.id, b"", b""
    gain.save()
    code = partner.redeem(auth_id, make_code(campaign)).json()["data"]["id"]
    redeemed = partner.buy(auth_id, mug).json()["data"]["id"]
    debited = partner.debit(auth_id, 1, token.pk).json()["data"]["id"]
    by_hand = moved(member, token, 3, TransactionType.CREDIT_POINTS, actor="staff:1")
    lapsed = moved(member, token, -2, TransactionType.EXPIRY, actor="system")
    reversal = partner.post(f"/transactions/{debited}/reversal", {"reversal": {}}).json()["data"]["id"]
    exchanged = moved(member, token, -4, TransactionType.EXCHANGE)
    return {
        "earn": [str(basket.id), credited],
        "event": [str(event.id)],
        "redeem": [redeemed],
        "reversal": [reversal],
        "expire": [str(lapsed.id)],
        "adjust": [str(by_hand.id), debited],
        "exchange": [str(exchanged.id)],
        "code": [code],
    }


@pytest.mark.parametrize("word", ["earn", "event", "redeem", "reversal", "expire", "adjust", "exchange", "code"])
def test_movements_are_asked_for_by_the_words_of_the_dialect(till, path, eventful, word):
    rows = rows_of(till.get(f"{path}?type={word}"))

    assert [row["id"] for row in rows] == eventful[word]
    assert {row["type"] for row in rows} == {word}
    assert all(row["label"] for row in rows)


def test_several_words_are_asked_for_at_once(till, path, eventful):
    wanted = {*eventful["event"], *eventful["code"]}

    for query in ("type=event,code", "type=event&type=code"):
        assert {row["id"] for row in rows_of(till.get(f"{path}?{query}"))} == wanted


def test_baskets_and_events_go_by_the_partner_s_own_names(till, path, eventful):
    references = {row["type"]: row["reference"] for row in rows_of(till.get(f"{path}?type=event,earn"))}
    earned = rows_of(till.get(f"{path}?type=earn"))

    assert references["event"] == "Visit 3"
    assert [row["reference"] for row in earned] == ["Basket 7", None]


def test_movements_are_asked_for_by_where_their_order_stands(till, path, eventful):
    assert [row["id"] for row in rows_of(till.get(f"{path}?status=exchange"))] == eventful["redeem"]
    assert rows_of(till.get(f"{path}?status=delivered")) == []
    assert [row["id"] for row in rows_of(till.get(f"{path}?status=delivered,exchange"))] == eventful["redeem"]
    assert rows_of(till.get(f"{path}?status=exchange&type=earn")) == []


@pytest.mark.parametrize(
    "query",
    [
        *(
            "type=burn",
            "type=",
            "type=earn,",
            "type=EARN",
            "type=credit_points",
            "status=sent",
            "status=",
            "limit=0",
            "cursor=x",
        ),
        *("from_time=x", "to_time=x", "offset=1", "shoe=1", "token_id=x", "type=earn&status=x"),
    ],
)
def test_an_unknown_word_or_parameter_is_refused(till, path, query):
    assert_refused(till.get(f"{path}?{query}"), 400, "invalid_request", query.rpartition("&")[2].partition("=")[0])


def test_times_are_those_at_which_it_happened_the_first_included_the_last_not(till, path, member, token):
    now = timezone.now().replace(microsecond=0)
    instants = [now - timedelta(days=days) for days in (3, 2, 1)]
    for amount, instant in enumerate(instants, start=1):
        moved(member, token, amount, TransactionType.EARN, effective_at=instant)

    def told(query: str) -> list[int]:
        return [row["points"] for row in rows_of(till.get(f"{path}?{query}"))]

    start, end = (instant.strftime("%Y-%m-%dT%H:%M:%SZ") for instant in instants[1:])
    assert told(f"from_time={start}") == [3, 2]
    assert told(f"to_time={end}") == [2, 1]
    assert told(f"from_time={start}&to_time={end}") == [2]
    assert rows_of(till.get(path))[0]["occurred_at"] == instants[2].isoformat().replace("+00:00", "Z")


def test_pages_follow_each_other_and_none_is_told_twice_or_left_out(till, partner, path, member, token):
    for amount in range(1, 8):
        partner.credit(member.auth_id, amount, token.pk)

    seen, query = [], "?limit=3"
    for _ in range(3):
        page = till.get(f"{path}{query}").json()
        seen += [row["points"] for row in page["data"]]
        partner.credit(member.auth_id, 100, token.pk)  # what comes meanwhile does not move the pages
        query = f"?limit=3&cursor={page['next_cursor']}"

    assert seen == [7, 6, 5, 4, 3, 2, 1]
    assert page["next_cursor"] is None


def test_as_many_questions_are_asked_whatever_the_number_of_movements(till, partner, path, member, programme):
    brand, token = partner.brand, programme.token
    partner.credit(member.auth_id, 100_000, token.pk)
    campaign = make_campaign(brand, token)
    mug = make_reward_type(brand, token, price=10, fulfilment=Fulfilment.PHYSICAL)

    def asked(count: int) -> int:
        for _ in range(count):
            partner.buy(member.auth_id, mug)
            partner.redeem(member.auth_id, make_code(campaign))
        with CaptureQueriesContext(connection) as queries:
            till.get(path)
        return len(queries)

    till.get(path)
    assert asked(1) == asked(12) <= 16


def test_the_points_are_the_programme_s_unless_others_are_named(till, partner, path, member, programme):
    other = make_token(partner.brand, symbol="OTH")
    partner.credit(member.auth_id, 1, programme.token_id)
    partner.credit(member.auth_id, 2, other.pk)

    assert [row["points"] for row in rows_of(till.get(path))] == [1]
    assert [row["points"] for row in rows_of(till.get(f"{path}?token_id={other.pk}"))] == [2]


def test_a_member_without_movements_has_an_empty_list(till, path):
    assert till.get(path).json() == {"data": [], "next_cursor": None}


def test_who_is_unknown_erased_or_of_another_brand_is_not_found(till, brand, member, path):
    others = make_member(make_brand())
    assert_refused(till.get(f"/members/{others.auth_id}/transactions"), 404, "member_not_found")
    assert_refused(till.get("/members/nobody/transactions"), 404, "member_not_found")

    erase_member(brand_id=brand.pk, auth_id=member.auth_id, at=timezone.now())

    assert_refused(till.get(path), 404, "member_not_found")


def test_another_brand_s_token_is_as_good_as_none(till, path):
    for token_id in (make_token(make_brand()).pk, 10**17):
        assert_refused(till.get(f"{path}?token_id={token_id}"), 400, "token_not_found")


def test_a_brand_without_a_programme_says_so(db):
    brand = make_brand()
    member = make_member(brand)

    assert_refused(RetailClient.of(brand).get(f"/members/{member.auth_id}/transactions"), 409, "programme_missing")


def test_the_history_needs_a_token_with_the_scope(brand, path):
    assert_refused(stranger().get(path), 401, "missing_token")
    assert_refused(RetailClient.of(brand, ["catalogue:read"]).get(path), 403, "scope_missing")


def test_a_basket_tells_which_promotions_added_to_it(till, brand, member):
    Programme.objects.filter(brand=brand).delete()
    make_programme(brand)
    coffee = publish(brand, DOUBLE_COFFEE)
    sent = basket(member.auth_id, line(1, "4.00", category="coffee"), line(2, "10.00"))
    assert till.post("/earnings", sent).status_code == 201

    (row,) = rows_of(till.get(f"/members/{member.auth_id}/transactions"))

    assert (row["type"], row["points"], row["reference"]) == ("earn", 18, sent["transaction_id"])
    assert row["label"] == f"Earned on a purchase: 14 for what was paid, 4 from “{coffee.name}”."


def test_a_voucher_goes_by_the_shop_s_own_name(till, brand, partner, member, programme):
    partner.credit(member.auth_id, 500, programme.token_id)
    gift = make_reward_type(brand, programme.token, price=450)
    asked = {"member_id": member.auth_id, "gift_id": gift.pk, "transaction_id": "Shop 9"}
    assert till.post("/vouchers", asked).status_code == 201

    (redeemed, _) = rows_of(till.get(f"/members/{member.auth_id}/transactions"))

    assert (redeemed["type"], redeemed["reference"], redeemed["status"]) == ("redeem", "Shop 9", "exchange")
    assert redeemed["order"]["gift"]["id"] == gift.pk
