"""Gifts and history of the App API: what a user can have, buys once, and is told of afterwards."""

import pytest
from django.utils import timezone

from ledger import selectors
from ledger.models import Token
from loyalty.api.app.programme import MOST_GIFTS
from rewards.models import Action, RewardType, RewardTypeSegment, VoucherClaim
from rewards.services.programme import change_programme
from tests.api.app.conftest import refused, told
from tests.api.conftest import at_once
from tests.api.programme import make_campaign, make_code, make_reward_type
from tests.api.retail.baskets import balance, earned, line, make_programme
from tests.clients import AppClient, Partner, RetailClient
from tests.conftest import NOON, make_brand, make_token
from tests.rewards.acting import make_action, make_segment
from users.models import Email, Member, Refusal, SegmentMember
from users.services.merging import merge_members

BUY, LIST, EARNS, BURNS = "gift/checkavailability", "gift/list", "user/historyearns", "user/historyburns"


@pytest.fixture
def ann(app):
    return app.connect("ann")


@pytest.fixture
def coupon(brand, points):
    return make_reward_type(brand, points, name="Coupon", price=100)


def test_gifts_are_listed_with_what_one_can_afford(ann, brand, points, partner, coupon):
    make_reward_type(brand, points, name="Small", price=10, stock=3)
    make_reward_type(brand, points, name="Old", price=1, valid_until=NOON)
    vip = make_reward_type(brand, points, name="VIP", price=1)
    segment = make_segment(brand)
    RewardTypeSegment.objects.create(brand=brand, reward_type=vip, segment=segment)
    partner.credit("ann", 50, points.pk)

    gifts = told(ann.call(LIST))["gifts"]

    assert [(gift["name"], gift["points"], gift["stock"], gift["affordable"]) for gift in gifts] == [
        ("Coupon", 100, "available", False),
        ("Small", 10, "low", True),
    ]
    SegmentMember.objects.create(brand=brand, segment=segment, member=Member.objects.get(brand=brand, auth_id="ann"))
    assert "VIP" in [gift["name"] for gift in told(ann.call(LIST))["gifts"]]
    refused(ann.call(LIST, {"lang": "sv"}), 3, field="lang")
    refused(ann.call(LIST, {"category": "none"}), 3, field="category")


def test_gifts_are_listed_page_by_page(ann, brand, points):
    names = [make_reward_type(brand, points, name=f"Gift {number}", price=1).name for number in range(5)]

    pages, cursor = [], None
    while not pages or cursor:
        data = told(ann.call(LIST, {"limit": 2} | ({"cursor": cursor} if cursor else {})))
        pages.append([gift["name"] for gift in data["gifts"]])
        cursor = data["cursor"]
        assert data["more"] == bool(cursor)

    assert pages == [names[:2], names[2:4], names[4:]]
    refused(ann.call(LIST, {"cursor": "x"}), 3, field="cursor")
    refused(ann.call(LIST, {"limit": 0}), 3, field="limit")


def test_a_programme_says_when_there_are_more_gifts_than_it_tells_of(app, ann, brand, points):
    gifts = [RewardType(brand=brand, token=points, name=f"Gift {number}", price=1) for number in range(MOST_GIFTS)]
    RewardType.objects.bulk_create(gifts)
    calls = [lambda: told(app.call("partner/getprog", app.names)), lambda: told(ann.call("partner/initialcheckstore"))]
    assert [(len(data["gifts"]), data["moreGifts"]) for data in (call() for call in calls)] == [(MOST_GIFTS, False)] * 2

    make_reward_type(brand, points, name="One more", price=1)

    assert [(len(data["gifts"]), data["moreGifts"]) for data in (call() for call in calls)] == [(MOST_GIFTS, True)] * 2
    last = told(ann.call(LIST))
    assert [gift["name"] for gift in told(ann.call(LIST, {"cursor": last["cursor"]}))["gifts"]] == ["One more"]


def test_a_gift_is_bought_once_for_each_request_id(ann, brand, points, partner, coupon):
    partner.credit("ann", 250, points.pk)
    asked = {"giftId": str(coupon.pk), "requestId": "r1"}

    first, again = ann.call(BUY, asked), ann.call(BUY, asked | {"giftId": coupon.pk})

    data = told(first)
    assert (data["points"], data["balance"], data["requestId"]) == (100, 150, "r1")
    assert data["gift"] == {"id": str(coupon.pk), "name": "Coupon"}
    assert first.content == again.content
    other = make_reward_type(brand, points, name="Other", price=1)
    refused(ann.call(BUY, asked | {"giftId": str(other.pk)}), 10, "request_id_reused")
    assert told(ann.call(BUY, {"giftId": str(coupon.pk)}))["balance"] == 50
    refused(ann.call(BUY, {"giftId": str(coupon.pk)}), 7, "insufficient_balance")


def test_a_request_id_is_not_kept_as_it_is(ann, points, partner, coupon):
    """Whatever an app writes there, an erasure could not take it away."""
    partner.credit("ann", 100, points.pk)

    told(ann.call(BUY, {"giftId": coupon.pk, "requestId": "ann@example.org"}))

    assert "ann" not in VoucherClaim.objects.get(brand=points.brand).transaction_id


def test_two_users_request_ids_are_their_own(app, ann, points, partner, coupon):
    bob = app.connect("bob")
    for name in ("ann", "bob"):
        partner.credit(name, 100, points.pk)

    codes = {told(device.call(BUY, {"giftId": coupon.pk, "requestId": "r"}))["code"] for device in (ann, bob)}

    assert len(codes) == 2


def test_unknown_expired_and_sold_out_are_an_8_and_what_one_had_already_a_9(app, ann, brand, points, partner):
    partner.credit("ann", 100, points.pk)
    old = make_reward_type(brand, points, price=1, valid_until=NOON)
    scarce = make_reward_type(brand, points, price=1, stock=1, member_limit=1)

    refused(ann.call(BUY, {"giftId": "999999"}), 8, "unknown_gift")
    refused(ann.call(BUY, {"giftId": old.pk}), 8, "gift_not_available")
    refused(ann.call(BUY, {"giftId": "x"}), 3, field="giftId")
    told(ann.call(BUY, {"giftId": scarce.pk}))
    refused(ann.call(BUY, {"giftId": scarce.pk}), 9, "limit_reached")
    bob = app.connect("bob")
    partner.credit("bob", 100, points.pk)
    refused(bob.call(BUY, {"giftId": scarce.pk}), 8, "sold_out")
    assert Refusal.objects.filter(brand=brand, operation="points_to_rewards").count() >= 4


def test_history_tells_of_a_merged_duplicate_s_too(app, ann, points, partner, coupon):
    brand = points.brand
    for name in ("ann", "old"):
        app.connect(name)
        partner.credit(name, 150, points.pk)
        partner.buy(name, coupon)
    keep, duplicate = (Member.objects.get(brand=brand, auth_id=name) for name in ("ann", "old"))

    merge_members(brand_id=brand.pk, keep_id=keep.pk, duplicate_id=duplicate.pk, actor="staff:1", at=timezone.now())

    earns = told(ann.call(EARNS, {"limit": 1}))
    further = told(ann.call(EARNS, {"limit": 1, "cursor": earns["cursor"]}))
    assert [one["points"] for one in (*earns["earns"], *further["earns"])] == [150, 150]
    assert (earns["more"], further["more"]) == (True, False)
    assert [burn["points"] for burn in told(ann.call(BURNS))["burns"]] == [100, 100]


def test_who_refused_consent_buys_all_the_same(app, points, partner, coupon):
    bob = app.connect("bob", dataConsentCode=1)
    partner.credit("bob", 100, points.pk)

    assert told(bob.call(BUY, {"giftId": coupon.pk}))["balance"] == 0


def test_one_request_sent_sixteen_times_at_once_buys_one(own_brand):
    points = make_programme(own_brand)
    gift = make_reward_type(own_brand, points, price=1)
    app = AppClient.of(own_brand)
    device = app.connect("ann")
    member = Member.objects.get(brand=own_brand, auth_id="ann")

    Partner.of(own_brand).credit("ann", 10, points.pk)

    answers = at_once(lambda _: device.call(BUY, {"giftId": gift.pk, "requestId": "r"}).content, range(16))

    assert len(set(answers)) == 1
    assert balance(member, points) == 9


def test_history_tells_of_actions_baskets_credits_and_codes(ann, brand, points, partner, coupon):
    make_action(points, tag="any", name="Anything", points=7)
    told(ann.call("generosity/store", {"tagId": "any", "param1": "a"}))
    earned(RetailClient.of(brand), Member.objects.get(brand=brand, auth_id="ann"), line(1, "30.00"))
    partner.credit("ann", 100, points.pk)
    partner.redeem("ann", make_code(make_campaign(brand, points), 5))
    partner.debit("ann", 1, points.pk)
    partner.credit("ann", 9, make_token(brand, name="Other").pk)
    told(ann.call(BUY, {"giftId": coupon.pk}))

    earns, burns = told(ann.call(EARNS)), told(ann.call(BURNS))

    assert [(earn["tagId"], earn["name"], earn["points"], earn["param1"]) for earn in earns["earns"]] == [
        (None, "Code", 5, None),
        (None, "Credit", 100, None),
        (None, "Purchase", 30, None),
        ("any", "Anything", 7, "a"),
    ]
    assert (earns["cursor"], earns["more"]) == (None, False)
    (burn,) = burns["burns"]
    assert (burn["giftId"], burn["points"], burn["status"]) == (str(coupon.pk), 100, "exchange")


def test_history_is_paged_without_gaps(ann, points, partner, coupon):
    for amount in range(1, 8):
        partner.credit("ann", 100 + amount, points.pk)
    for _ in range(5):
        told(ann.call(BUY, {"giftId": coupon.pk}))

    for path, kind, count in ((EARNS, "earns", 7), (BURNS, "burns", 5)):
        seen, cursor = [], None
        while True:
            data = told(ann.call(path, {"limit": 2} | ({"cursor": cursor} if cursor else {})))
            seen += [one["id"] for one in data[kind]]
            cursor = data["cursor"]
            assert data["more"] == (cursor is not None)
            if cursor is None:
                break
        assert len(seen) == len(set(seen)) == count
    refused(ann.call(EARNS, {"cursor": "nonsense"}), 3, field="cursor")


def test_the_programme_is_open_to_whoever_knows_the_app(app, points, coupon):
    make_action(points, tag="any", name="Anything", points=7)

    answer = app.client.get("/api/app/partner/getprog", app.names | {"lang": "de"})

    data = told(answer)
    assert data["program"]["token"] == {"id": points.pk, "name": "Points", "symbol": "PTS"}
    assert data["actions"] == [{"tagId": "any", "name": "Anything", "points": 7, "frequency": "none"}]
    assert [(gift["name"], gift["affordable"]) for gift in data["gifts"]] == [("Coupon", None)]
    refused(app.call("partner/getprog", app.names | {"appId": "x"}), 1, status=401)
    refused(app.call("partner/getprog", app.names | {"lang": "sv"}), 3, field="lang")


def test_the_programme_of_a_user_tells_what_is_left_and_affordable(app, ann, points, coupon, brand):
    make_action(points, tag="daily", frequency="day", points=100)
    make_action(points, tag="vip", segments=[make_segment(brand)])
    told(ann.call("generosity/store", {"tagId": "daily"}))

    data = told(ann.call("partner/initialcheckstore"))

    assert [action["tagId"] for action in data["actions"]] == ["daily"]
    assert data["done"] == [{"tagId": "daily", "count": 1, "left": {"period": 0, "total": None}}]
    assert (data["user"]["points"], data["gifts"][0]["affordable"]) == (100, True)


def test_an_action_that_was_paid_in_a_token_that_is_no_more_spoils_nobody_s_programme(ann, points, brand):
    action = make_action(points, tag="old", total_limit=3)
    told(ann.call("generosity/store", {"tagId": "old"}))
    change_programme(brand_id=brand.pk, token=make_token(brand))
    Action.objects.filter(pk=action.pk).update(active=False)
    Token.objects.filter(pk=points.pk).update(status="inactive")
    selectors._tokens.clear()

    data = told(ann.call("partner/initialcheckstore"))

    assert data["done"] == [{"tagId": "old", "count": 1, "left": {"period": None, "total": 2}}]


def test_users_are_told_of_by_name_and_page_by_page(app, brand, points, partner):
    for number in range(5):
        app.connect(f"u{number}")
    partner.credit("u1", 9, points.pk)

    named = told(app.serve("user/infos", {"partnerClientIds": ["u3", "nobody", "u1", "u3"]}))
    assert [(user["partnerClientId"], user["points"]) for user in named["users"]] == [("u3", 0), ("u1", 9)]
    seen, cursor = [], None
    while cursor is not None or not seen:
        data = told(app.serve("user/infos", {"limit": 2} | ({"cursor": cursor} if cursor else {})))
        seen += [user["partnerClientId"] for user in data["users"]]
        cursor = data["cursor"]
    assert seen == [f"u{number}" for number in range(5)]


def test_users_are_erased_by_themselves_and_by_the_back_end(app, ann, brand, points, partner):
    app.connect("bob")
    partner.credit("ann", 5, points.pk)

    device = app.connect("bob")
    partner.credit("bob", 5, points.pk, send_email=True)

    told(ann.call("user/delete"))
    results = told(app.serve("user/multidelete", {"partnerClientIds": ["ann", "bob"]}))["results"]

    assert [(one["partnerClientId"], one["errorCode"]) for one in results] == [("ann", 4), ("bob", 0)]
    refused(ann.call(EARNS), 5, status=401)
    refused(device.call(EARNS), 5, status=401)
    assert not Email.objects.filter(brand=brand, state="queued").exists()
    again = told(app.call("user/clientcheckcredentials", app.signed("ann")))["user"]
    assert again["points"] == 0
    assert told(app.connect("ann").call(EARNS))["earns"] == []


def test_points_that_have_lapsed_are_not_shown(brand, time_machine):
    time_machine.move_to(NOON, tick=True)
    points = make_programme(brand, name="Fading", symbol="FAD", expiry_unit="days", expiry_count=10)
    make_action(points, tag="any")
    app = AppClient.of(brand)
    told(app.connect("ann").call("generosity/store", {"tagId": "any"}))
    time_machine.shift(11 * 86_400)
    app = AppClient(brand, app.app, app.partner_secret, app.app_secret)

    assert told(app.call("user/clientcheckcredentials", app.signed("ann")))["user"]["points"] == 0


def test_another_brand_s_gifts_cannot_be_bought(ann):
    other = make_brand()
    gift = make_reward_type(other, make_programme(other), price=1)

    refused(ann.call(BUY, {"giftId": gift.pk}), 8, "unknown_gift")
