"""Collectibles: given exactly as often as there is supply, personalised by their owners, owned as the ledger says."""

import hashlib
import json
from functools import partial

import pytest
from django.db import IntegrityError, transaction

from ledger.errors import ReferenceAlreadyUsed, TokenNotFound
from ledger.models import Account, Note, Transaction
from ledger.models.tokens import TokenStatus
from ledger.services.points import Moved
from loyalty.errors import InvalidRequest
from rewards.errors import CollectibleNotFound, OutOfStock, PersonalisationApproved, PersonalisationNotPending
from rewards.models import Collectible, CollectibleSupply
from rewards.selectors import CollectibleList, items_of
from rewards.services.collectibles import (
    LONGEST_WISH,
    ItemOrder,
    credit_item,
    decide_personalisation,
    request_personalisation,
)
from tests.conftest import NOON, make_brand, make_member, make_token
from tests.rewards.conftest import (
    DAY,
    again,
    attempt,
    balance,
    kinds,
    make_collectible_token,
    make_members,
    must_hold,
    stampede,
)
from users.errors import UserNotFound
from users.models import Email, Member
from users.services.members import erase_member

WISH = {"text": "Für Ann", "colour": "gold"}


def give(member, token, **terms) -> Moved:
    usual = {"brand_id": member.brand_id, "auth_id": member.auth_id, "token_id": token.pk, "actor": "key:7"}
    return credit_item(order=ItemOrder(**(usual | terms)), at=NOON)


def item_of(member, token) -> Collectible:
    return Collectible.objects.get(transaction=give(member, token).posted.id)


def wish(item, data=None, *, at=NOON, **terms) -> Collectible:
    usual = {"brand_id": item.brand_id, "item_id": item.pk, "data": WISH if data is None else data}
    return request_personalisation(**(usual | terms), at=at)


def decide(item, *, approve: bool, reason: str = "", at=NOON, **terms) -> Collectible:
    usual = {"brand_id": item.brand_id, "item_id": item.pk, "actor": "staff:1"}
    return decide_personalisation(**(usual | terms), approve=approve, reason=reason, at=at)


def erase(member) -> Member:
    return erase_member(brand_id=member.brand_id, auth_id=member.auth_id, at=NOON)


def serials(token) -> list[int]:
    return list(Collectible.objects.filter(token=token).order_by("serial").values_list("serial", flat=True))


def decisions(item) -> list[Transaction]:
    rows = Transaction.objects.filter(brand_id=item.brand_id, type="nft_personalisation", explanation__nft=item.pk)
    return list(rows.order_by("sequence"))


@pytest.fixture
def beans(brand):
    return make_collectible_token(brand)


@pytest.fixture
def item(member, beans) -> Collectible:
    return item_of(member, beans)


@pytest.fixture
def own_item(own_brand, own_member) -> Collectible:
    return item_of(own_member, make_collectible_token(own_brand))


def test_an_item_is_given_through_the_ledger(member, beans):
    moved = give(member, beans, reference_id="Till 7")

    row, item = Transaction.objects.get(pk=moved.posted.id), Collectible.objects.get(token=beans)
    assert (row.amount, row.balance_after, row.type, row.counterpart) == (1, 1, "credit_nft", "issuance")
    assert (row.explanation, row.reference_id, row.actor) == ({"serials": [1]}, "Till 7", "key:7")
    assert (item.serial, item.member, item.transaction, item.created_at) == (1, member, row, NOON)
    assert (item.status, item.personalised_data, item.reason) == (None, None, "")


def test_items_are_numbered_one_by_one_whoever_gets_them(brand, beans):
    ann, bob = make_members(brand, 2)

    for member in (ann, bob, ann):
        give(member, beans)
    give(ann, make_collectible_token(brand))

    assert [(item.serial, item.token) for item in items_of(ann)][:2] == [(1, beans), (3, beans)]
    assert [item.serial for item in items_of(bob)] == [2]
    assert balance(ann, beans) == 2


@pytest.mark.parametrize("limit", [5, None])
def test_a_supply_holds_exactly_and_its_numbers_have_no_gap(own_brand, limit):
    token, members = make_collectible_token(own_brand), make_members(own_brand, 16)
    if limit is not None:
        CollectibleSupply.objects.create(brand=own_brand, token=token, supply_limit=limit)

    outcomes = stampede(lambda member: give(member, token), members)

    given = limit or 16
    assert kinds(outcomes) == {Moved: given} | ({OutOfStock: 16 - given} if limit else {})
    assert serials(token) == list(range(1, given + 1))
    assert CollectibleSupply.objects.get(token=token).issued == given
    must_hold(own_brand)


def test_who_is_refused_leaves_no_gap(own_brand, own_member):
    token = make_collectible_token(own_brand)
    give(own_member, token, reference_id="Till 7")

    outcomes = [
        attempt(lambda: give(own_member, token, reference_id="Till 7")),
        attempt(lambda: give(own_member, token, auth_id="nobody")),
        attempt(lambda: give(own_member, make_token(own_brand))),
        attempt(lambda: give(own_member, make_collectible_token(make_brand()))),
        attempt(lambda: give(own_member, make_token(own_brand, type="erc721", status=TokenStatus.INACTIVE))),
    ]
    give(own_member, token)

    assert [type(outcome) for outcome in outcomes] == [ReferenceAlreadyUsed, UserNotFound, *[TokenNotFound] * 3]
    assert serials(token) == [1, 2]
    assert CollectibleSupply.objects.get(token=token).issued == 2
    must_hold(own_brand)


def test_a_supply_can_be_raised_and_goes_on(brand, member, beans):
    supply = CollectibleSupply.objects.create(brand=brand, token=beans, supply_limit=1)
    give(member, beans)
    assert isinstance(attempt(lambda: give(member, beans)), OutOfStock)

    CollectibleSupply.objects.filter(pk=supply.pk).update(supply_limit=2)

    assert Collectible.objects.get(transaction=give(member, beans).posted.id).serial == 2


def test_a_wish_waits_for_a_decision(item):
    asked = wish(item, at=NOON + DAY)

    stored = again(item)
    assert (asked.status, stored.status, stored.personalised_data) == ("pending", "pending", WISH)
    assert (stored.updated_at, decisions(item)) == (NOON + DAY, [])


def test_a_wish_may_change_until_it_is_decided(item):
    wish(item)

    wish(item, {"text": "For Bob"})

    assert (again(item).status, again(item).personalised_data) == ("pending", {"text": "For Bob"})


def test_what_was_rejected_may_be_asked_anew_and_what_is_approved_stays(item):
    wish(item)
    rejected = decide(item, approve=False, reason="too long")
    assert (rejected.status, again(item).reason, again(item).decided_by) == ("rejected", "too long", "staff:1")

    wish(item, {"text": "Ann"})
    assert (again(item).status, again(item).reason, again(item).decided_by) == ("pending", "", "")
    decide(item, approve=True, actor="staff:2")

    assert (again(item).status, again(item).decided_by) == ("approved", "staff:2")
    assert isinstance(attempt(lambda: wish(item)), PersonalisationApproved)
    assert again(item).personalised_data == {"text": "Ann"}
    assert [row.explanation["decision"] for row in decisions(item)] == ["rejected", "approved"]


def test_only_what_is_pending_can_be_decided(item):
    outcomes = [attempt(lambda: decide(item, approve=True))]
    for approve in (False, True):
        wish(item)
        decide(item, approve=approve)
        outcomes += [attempt(lambda: decide(item, approve=True)), attempt(lambda: decide(item, approve=False))]

    assert kinds(outcomes) == {PersonalisationNotPending: 5}
    assert len(decisions(item)) == 2


@pytest.mark.parametrize("approve", [True, False])
def test_a_decision_is_a_row_of_the_ledger_that_moves_nothing(own_brand, own_member, own_item, approve):
    wish(own_item)

    decide(own_item, approve=approve, reason="because", actor="staff:2", at=NOON + DAY)

    (row,) = decisions(own_item)
    decision = "approved" if approve else "rejected"
    assert (row.amount, row.balance_after, row.counterpart, row.actor) == (0, 1, "adjustment", "staff:2")
    assert row.explanation == {"nft": own_item.pk, "serials": [1], "decision": decision}
    assert (row.account.member, row.account.token, row.effective_at) == (own_member, own_item.token, NOON + DAY)
    must_hold(own_brand)


def test_a_digest_of_wish_and_reason_is_in_the_chain(item):
    wish(item)

    decide(item, approve=False, reason="zu lang")

    (row,) = decisions(item)
    note = Note.objects.get(transaction=row)
    assert json.loads(note.text) == {"wish": WISH, "reason": "zu lang"}
    assert bytes(row.note_digest) == hashlib.sha256(bytes(note.salt) + note.text.encode()).digest()
    assert b"Ann" not in json.dumps(row.explanation).encode()


def test_a_rejection_is_mailed_and_an_approval_is_not(brand, beans):
    member = make_member(brand, language="fr", first_name="Ann")
    first, second = item_of(member, beans), item_of(member, beans)
    for each in (first, second):
        wish(each)

    decide(first, approve=True, reason="fine")
    decide(second, approve=False, reason="too long")

    queued = Email.objects.get(brand=brand)
    assert (queued.kind, queued.member, queued.language) == ("personalisation_rejected", member, "fr")
    assert queued.context == {"first_name": "Ann", "token": "Golden Bean", "serial": 2, "reason": "too long"}


def test_of_many_who_decide_at_once_one_wins(own_brand, own_item):
    wish(own_item)

    outcomes = stampede(lambda number: decide(own_item, approve=number % 2 == 0, actor=f"staff:{number}"), range(8))

    assert kinds(outcomes) == {Collectible: 1, PersonalisationNotPending: 7}
    (row,) = decisions(own_item)
    (winner,) = [number for number, outcome in enumerate(outcomes) if isinstance(outcome, Collectible)]
    assert (again(own_item).decided_by, row.actor) == (f"staff:{winner}", f"staff:{winner}")
    assert again(own_item).status == row.explanation["decision"] == ("rejected" if winner % 2 else "approved")
    assert Email.objects.filter(brand=own_brand).count() == winner % 2
    must_hold(own_brand)


def test_a_decision_is_about_the_wish_that_stands_then(own_brand, own_item):
    """Whatever is asked meanwhile: an approved wish is the one whose digest is in the chain."""
    for turn in range(6):
        item = item_of(own_item.member, own_item.token)
        wish(item, {"text": "first"})
        acts = [partial(wish, item, {"text": f"later {turn}"}), partial(decide, item, approve=True)]

        stampede(lambda act: act(), acts)

        (row,) = decisions(item)
        assert again(item).status == "approved"
        assert json.loads(Note.objects.get(transaction=row).text)["wish"] == again(item).personalised_data
    must_hold(own_brand)


def test_a_wish_is_of_a_limited_length(item):
    frame = len(json.dumps({"text": ""}))
    with pytest.raises(InvalidRequest, match="data: at most 20000 characters of JSON"):
        wish(item, {"text": "ü" * (LONGEST_WISH - frame + 1)})

    assert again(item).status is None
    assert wish(item, {"text": "ü" * (LONGEST_WISH - frame)}).status == "pending"


def test_an_empty_wish_is_a_wish(item):
    assert (wish(item, {}).status, again(item).personalised_data) == ("pending", {})


def test_an_item_of_another_brand_or_none_is_not_found(item):
    wish(item)
    elsewhere = [{"brand_id": make_brand().pk}, {"item_id": -1}]

    outcomes = [attempt(lambda terms=terms: wish(item, {"text": "else"}, **terms)) for terms in elsewhere]
    outcomes += [attempt(lambda terms=terms: decide(item, approve=True, **terms)) for terms in elsewhere]

    assert kinds(outcomes) == {CollectibleNotFound: 4}
    assert (again(item).status, again(item).personalised_data) == ("pending", WISH)


def test_an_item_changes_hands_only_through_the_ledger(brand, member, beans, item):
    other = make_member(brand)
    give(other, beans)
    received = Transaction.objects.get(account__member=member, account__token=beans)

    for changes in ({"member": other}, {"member": None}, {"member": other, "transaction": received}):
        with pytest.raises(IntegrityError, match="moves only through the ledger"), transaction.atomic():
            Collectible.objects.filter(pk=item.pk).update(**changes)

    assert again(item).member == member


def test_items_of_an_erased_member_belong_to_nobody_and_tell_nothing(own_brand, own_member, own_item):
    token = own_item.token
    decided, pending = item_of(own_member, token), item_of(own_member, token)
    others = item_of(make_member(own_brand), token)
    for each in (decided, pending, others):
        wish(each)
    decide(decided, approve=False, reason="Ann is too long")

    erase(own_member)

    account = Account.objects.get(member=own_member, token=token)
    closure = Transaction.objects.filter(account=account).latest("sequence")
    assert (closure.type, closure.amount, account.balance) == ("closure", -3, 0)
    for each in (own_item, decided, pending):
        left = again(each)
        assert (left.member, left.transaction, left.status, left.personalised_data) == (None, closure, None, None)
        assert left.reason == ""
    assert (again(others).personalised_data, again(others).member_id) == (WISH, others.member_id)
    assert not Note.objects.filter(account=account).exists()
    assert [row.note_digest is not None for row in decisions(decided)] == [True]
    must_hold(own_brand)


def test_what_belongs_to_nobody_can_neither_be_asked_for_nor_decided_nor_listed(own_brand, own_member, own_item):
    wish(own_item)
    erase(own_member)

    outcomes = [attempt(lambda: wish(own_item)), attempt(lambda: decide(own_item, approve=True))]

    assert kinds(outcomes) == {CollectibleNotFound: 2}
    assert CollectibleList(brand_id=own_brand.pk).page(limit=10, offset=0) == []


def test_numbers_of_an_erased_members_items_are_not_given_again(own_brand, own_member, own_item):
    CollectibleSupply.objects.filter(token=own_item.token).update(supply_limit=2)
    erase(own_member)
    other = make_member(own_brand)

    outcomes = [attempt(lambda: give(other, own_item.token)) for _ in range(2)]

    assert [type(outcome) for outcome in outcomes] == [Moved, OutOfStock]
    assert [item.serial for item in items_of(other)] == [2]


def test_an_erasure_amid_wishes_decisions_and_gifts_leaves_nothing(own_brand):
    token = make_collectible_token(own_brand)
    for _ in range(8):
        member = make_member(own_brand)
        item = item_of(member, token)
        wish(item)
        acts = [
            partial(decide, item, approve=False, reason="Ann"),
            partial(wish, item, {"text": "Bob"}),
            partial(give, member, token),
            partial(erase, member),
        ]

        outcomes = stampede(lambda act: act(), acts)

        allowed = {Collectible, CollectibleNotFound, PersonalisationNotPending, Moved, UserNotFound, Member}
        assert set(kinds(outcomes)) <= allowed
        assert isinstance(outcomes[3], Member)
        assert not Collectible.objects.filter(member=member).exists()
        left = again(item)
        assert (left.status, left.personalised_data, left.reason) == (None, None, "")
        assert not Note.objects.filter(account__member=member).exists()
        assert not Email.objects.filter(member=member).exists()
    assert serials(token) == list(range(1, len(serials(token)) + 1))
    must_hold(own_brand)


def test_items_are_listed_by_member_and_state_newest_first(brand, beans):
    ann, bob = make_members(brand, 2)
    first, second, third = item_of(ann, beans), item_of(ann, beans), item_of(bob, beans)
    wish(first, at=NOON + DAY)
    wish(third, at=NOON + 2 * DAY)

    def listed(**terms) -> list[Collectible]:
        return CollectibleList(brand_id=brand.pk, **terms).page(limit=10, offset=0)

    assert listed() == [third, first, second]
    assert listed(auth_id=ann.auth_id) == [first, second]
    assert listed(status="pending") == [third, first]
    assert listed(auth_id="nobody") == []
    assert CollectibleList(brand_id=brand.pk).page(limit=1, offset=1) == [first]
