"""Incremental infos: every change is told once, in whatever order transactions end; who is erased is told of as deleted."""

import threading
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from loyalty.api.app.feed import read_cursor, write_cursor
from loyalty.horizon import read_one_instant
from rewards.models import Fulfilment, GiftOrder
from rewards.rules.gift_orders import GiftOrderStatus
from rewards.selectors import feed
from rewards.selectors.feed import Marks
from rewards.services.gift_orders import move_gift_order
from rewards.services.programme import change_programme
from tests.api.app.conftest import left_open, refused, told
from tests.api.programme import make_reward_type
from tests.api.retail.baskets import make_programme
from tests.clients import AppClient, Partner
from tests.conftest import make_brand, make_member, make_token
from tests.rewards.acting import make_action, make_segment
from users.models import MemberChange
from users.services.changes import NAMES_KEPT_FOR, forget_old_names
from users.services.members import erase_member
from users.services.merging import merge_members

FEED = "user/incrementalinfos"


class Follower:
    """A back end that follows its users."""

    def __init__(self, brand) -> None:
        self.brand, self.points = brand, make_programme(brand)
        self.app, self.partner = AppClient.of(brand), Partner.of(brand)
        self.cursor: str | None = None

    def follow(self, limit: int = 100) -> list[dict]:
        """All that is new, page by page."""
        users = []
        while True:
            page = told(self.app.serve(FEED, {"limit": limit} | ({"since": self.cursor} if self.cursor else {})))
            users += page["users"]
            self.cursor = page["cursor"]
            if not page["more"]:
                return users

    def credit(self, name: str, points: int) -> None:
        assert self.partner.credit(name, points, self.points.pk).status_code == 202


@pytest.fixture
def follower(own_brand, nothing_left_open) -> Follower:
    return Follower(own_brand)


def names(users: list[dict]) -> list[str]:
    return [user["partnerClientId"] if "deleted" in user else user["info"]["partnerClientId"] for user in users]


def earned(users: list[dict]) -> list[int]:
    return [earn["points"] for user in users for earn in user.get("earns", [])]


def test_everybody_first_and_then_what_is_new(follower):
    for number in range(5):
        make_member(follower.brand, auth_id=f"u{number}")
    follower.credit("u1", 7)

    first = follower.follow(limit=2)
    assert names(first) == [f"u{number}" for number in range(5)]
    assert earned(first) == [7]
    assert follower.follow() == []

    follower.credit("u3", 9)
    make_member(follower.brand, auth_id="new")
    users = follower.follow()
    assert names(users) == ["new", "u3"]
    assert (users[1]["info"]["points"], earned(users)) == (9, [9])
    assert follower.follow() == []


def test_actions_gifts_and_profiles_are_told_once(follower):
    make_action(follower.points, tag="any", points=50)
    gift = make_reward_type(follower.brand, follower.points, price=20)
    ann = follower.app.connect("ann")
    follower.follow()

    told(ann.call("generosity/store", {"tagId": "any", "param1": "a"}))
    told(ann.call("gift/checkavailability", {"giftId": gift.pk}))
    (user,) = follower.follow()
    assert [(earn["tagId"], earn["param1"]) for earn in user["earns"]] == [("any", "a")]
    assert [burn["giftId"] for burn in user["burns"]] == [str(gift.pk)]
    follower.app.connect("ann", firstName="Ann", dataConsentCode=1)
    users = follower.follow()
    assert {user["info"]["firstName"] for user in users} == {"Ann"}
    assert {user["info"]["dataConsentCode"] for user in users} == {1}
    assert earned(users) == []
    assert follower.follow() == []


def test_a_gift_whose_order_moved_on_is_told_again_as_it_stands(follower):
    gift = make_reward_type(follower.brand, follower.points, price=20, fulfilment=Fulfilment.PHYSICAL)
    for name in ("ann", "bob"):
        make_member(follower.brand, auth_id=name)
        follower.credit(name, 100)
        assert follower.partner.buy(name, gift).status_code == 202
    follower.follow()
    orders = {order.reward.member.auth_id: order for order in GiftOrder.objects.filter(brand=follower.brand)}

    move(orders["bob"], "in_preparation")
    [bob] = follower.follow()
    assert [burn["status"] for burn in bob["burns"]] == ["in_preparation"]
    assert bob["info"]["partnerClientId"] == "bob"
    assert follower.follow() == []

    assert follower.partner.buy("ann", gift).status_code == 202
    move(GiftOrder.objects.filter(brand=follower.brand).latest("pk"), "cancellation")
    move(orders["bob"], "in_delivery")
    told_of = {user["info"]["partnerClientId"]: [burn["status"] for burn in user["burns"]] for user in follower.follow()}
    assert told_of == {"ann": ["cancellation"], "bob": ["in_delivery"]}
    assert follower.follow() == []


def test_moves_are_paged_by_users_too(follower):
    gift = make_reward_type(follower.brand, follower.points, price=20, fulfilment=Fulfilment.PHYSICAL)
    for name in ("ann", "bob", "cid"):
        make_member(follower.brand, auth_id=name)
        follower.credit(name, 100)
        follower.partner.buy(name, gift)
    follower.follow()
    for order in GiftOrder.objects.filter(brand=follower.brand):
        move(order, "in_preparation")

    assert sorted(names(follower.follow(limit=1))) == ["ann", "bob", "cid"]


def move(order, to_status: str) -> None:
    to = GiftOrderStatus(to_status)
    move_gift_order(brand_id=order.brand_id, order_id=order.pk, to=to, actor="staff:1", at=timezone.now())


def test_names_of_those_who_went_long_ago_are_forgotten_and_an_older_cursor_is_told_to_begin_anew(follower):
    for name in ("ann", "bob"):
        make_member(follower.brand, auth_id=name)
    follower.follow()
    old = follower.cursor
    erase_member(brand_id=follower.brand.pk, auth_id="ann", at=timezone.now())
    assert names(follower.follow()) == ["ann"]

    forget_old_names(at=timezone.now() + NAMES_KEPT_FOR - timedelta(minutes=1))
    assert MemberChange.objects.filter(brand=follower.brand, name="ann").exists()
    forget_old_names(at=timezone.now() + NAMES_KEPT_FOR + timedelta(minutes=1))

    assert not MemberChange.objects.filter(brand=follower.brand, name="ann").exists()
    assert follower.follow() == []
    refused(follower.app.serve(FEED, {"since": old}), 3, "cursor_expired", field="since")
    follower.cursor = None
    assert names(follower.follow()) == ["bob"]


def test_who_is_erased_is_told_of_as_deleted_and_who_comes_back_as_new(follower):
    for name in ("ann", "bob"):
        make_member(follower.brand, auth_id=name)
    follower.follow()

    for name in ("ann", "bob"):
        erase_member(brand_id=follower.brand.pk, auth_id=name, at=timezone.now())
    follower.app.connect("bob")

    users = follower.follow()
    gone = [{"partnerClientId": name, "deleted": True} for name in ("ann", "bob")]
    assert users[:2] == gone  # before whoever is called so now
    assert names(users[2:]) == ["bob"]
    assert users[2]["info"]["points"] == 0


def test_a_merged_duplicate_goes_and_the_kept_one_changes(follower):
    keep, duplicate = make_member(follower.brand, auth_id="keep"), make_member(follower.brand, auth_id="dup")
    follower.credit("dup", 5)
    follower.follow()
    follower.credit("dup", 3)

    merge_members(brand_id=follower.brand.pk, keep_id=keep.pk, duplicate_id=duplicate.pk, actor="staff:1", at=timezone.now())

    users = follower.follow()
    assert {"partnerClientId": "dup", "deleted": True} in users
    assert ([user["info"]["points"] for user in users if "info" in user], earned(users)) == ([8], [3])


def test_who_joins_a_segment_has_changed(follower):
    member = make_member(follower.brand, auth_id="ann")
    follower.follow()

    segment = make_segment(follower.brand, member)

    assert [user["info"]["segments"] for user in follower.follow()] == [[segment.pk]]


def test_what_is_committed_late_is_not_missed(follower):
    """A transaction takes its ids first, and ends after the feed was read."""
    for name in ("early", "late"):
        make_member(follower.brand, auth_id=name)
    follower.follow()
    with left_open(lambda: follower.credit("late", 1)):
        follower.credit("early", 2)
        seen = earned(follower.follow())
    seen += earned(follower.follow())

    assert sorted(seen) == [1, 2]


def test_nobody_begins_to_follow_while_something_that_takes_long_is_written(follower, monkeypatch):
    monkeypatch.setattr(feed, "FIRST_WAITS", 5)
    make_member(follower.brand, auth_id="ann")
    with left_open(lambda: follower.credit("ann", 1)):
        answer = follower.app.serve(FEED, {})

    refused(answer, 2, "feed_busy", status=503)
    assert answer["Retry-After"] == "5"
    assert earned(follower.follow()) == [1]


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_who_is_called_as_someone_who_went_earns_after_that_was_told_however_small_the_pages(follower, limit):
    follower.app.connect("ann")
    follower.credit("ann", 3)
    follower.follow()
    erase_member(brand_id=follower.brand.pk, auth_id="ann", at=timezone.now())
    follower.app.connect("ann")
    follower.credit("ann", 5)

    known: dict[str, list[int]] = {"ann": [3]}
    for user in follower.follow(limit=limit):
        if "deleted" in user:
            known.pop(user["partnerClientId"], None)
        else:
            known.setdefault(user["info"]["partnerClientId"], []).extend(earn["points"] for earn in user["earns"])

    assert known == {"ann": [5]}


@pytest.mark.parametrize("place", range(3))
def test_a_cursor_from_after_what_a_backup_brought_back_is_told_to_begin_anew(follower, place):
    follower.follow()
    cursor = read_cursor(follower.cursor, follower.brand.pk)
    marks = list(cursor.marks)
    marks[place] += 10**9

    later = write_cursor(cursor._replace(marks=Marks(*marks)), follower.brand.pk)

    refused(follower.app.serve(FEED, {"since": later}), 3, "cursor_expired", field="since")


def test_what_a_merged_duplicate_did_is_told_of_the_kept_one_from_the_start(follower):
    for name in ("keep", "duplicate"):
        make_member(follower.brand, auth_id=name)
        follower.credit(name, 30)
    gift = make_reward_type(follower.brand, follower.points, price=20)
    follower.partner.buy("duplicate", gift)
    merge(follower.brand, "keep", "duplicate")

    [keep] = follower.follow()

    assert ([earn["points"] for earn in keep["earns"]], len(keep["burns"]), keep["info"]["points"]) == ([30, 30], 1, 40)


def merge(brand, keep: str, duplicate: str) -> None:
    ids = {"keep_id": brand.members.get(auth_id=keep).pk, "duplicate_id": brand.members.get(auth_id=duplicate).pk}
    merge_members(brand_id=brand.pk, **ids, actor="staff:1", at=timezone.now())


def test_another_token_of_the_programme_is_another_story(follower):
    make_member(follower.brand, auth_id="ann")
    follower.credit("ann", 5)
    follower.follow()

    change_programme(brand_id=follower.brand.pk, token=make_token(follower.brand))

    refused(follower.app.serve(FEED, {"since": follower.cursor}), 3, "cursor_expired", field="since")
    follower.cursor = None
    [ann] = follower.follow()
    assert (ann["info"]["points"], ann["earns"]) == (0, [])


def test_a_first_page_tells_of_fewer_where_they_have_much_to_tell(follower, monkeypatch):
    monkeypatch.setattr(feed, "MOST_ROWS", 4)
    for name in ("a", "b", "c", "d"):
        make_member(follower.brand, auth_id=name)
    for name in ("a", "a", "b", "b", *"c" * 6, "d"):
        follower.credit(name, 1)

    pages, more = [], True
    while more:
        page = told(follower.app.serve(FEED, {"limit": 100} | ({"since": follower.cursor} if follower.cursor else {})))
        pages.append([(user["info"]["partnerClientId"], len(user["earns"])) for user in page["users"]])
        follower.cursor, more = page["cursor"], page["more"]

    assert pages[:3] == [[("a", 2), ("b", 2)], [("c", 6)], [("d", 1)]]
    assert follower.follow() == []


def test_a_proof_that_takes_long_holds_nothing_back(follower):
    """It reads and takes no ids; any other transaction that stays open may have taken some."""
    make_member(follower.brand, auth_id="ann")
    follower.follow()
    with left_open(read_one_instant):
        follower.credit("ann", 1)
        seen = earned(follower.follow())

    assert seen == [1]


def test_nothing_is_missed_or_repeated_while_many_write(follower):
    members = [make_member(follower.brand).auth_id for _ in range(10)]
    follower.follow()
    seen: list[int] = []

    def write(worker: int) -> None:
        partner = Partner.of(follower.brand)
        for number in range(25):
            partner.credit(members[(worker + number) % 10], 1 + worker * 25 + number, follower.points.pk)
        connections.close_all()

    writers = [threading.Thread(target=write, args=[worker]) for worker in range(4)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        seen += earned(follower.follow(limit=3))
    seen += earned(follower.follow())

    assert sorted(seen) == list(range(1, 101))


def test_a_cursor_that_was_tampered_with_or_is_another_brand_s_is_a_3(follower):
    make_member(follower.brand, auth_id="ann")
    follower.follow()
    other = Follower(make_brand())

    for cursor in ("x", "", follower.cursor[:-1], "A" + follower.cursor):
        refused(follower.app.serve(FEED, {"since": cursor}), 3, field="since")
    refused(other.app.serve(FEED, {"since": follower.cursor}), 3, field="since")
    refused(follower.app.serve(FEED, {"limit": 0}), 3, field="limit")
    told(follower.app.serve(FEED, {"limit": 1_001}))
