"""Vouchers: points redeemed into a gift, once for each transaction_id, all or nothing; each has an order that goes its way."""

import pytest

from ledger.errors import InsufficientBalance
from ledger.models import Transaction
from rewards.errors import (
    FirstAnswerErased,
    MoveNotAllowed,
    OutOfStock,
    RewardCancelled,
    RewardLimitReached,
    RewardTypeNotAvailable,
    RewardTypeNotFound,
    TransactionIdReused,
)
from rewards.models import Fulfilment, GiftOrder, Reward, RewardType, RewardTypeSegment, VoucherClaim
from rewards.rules.gift_orders import GiftOrderStatus
from rewards.services.business_keys import Answered
from rewards.services.gift_orders import move_gift_order
from rewards.services.rewards import use_reward
from tests.conftest import NOON, make_brand, make_member, make_token
from tests.ledger.orders import move as move_points
from tests.rewards.acting import make_segment, redeem_gift
from tests.rewards.conftest import (
    DAY,
    again,
    attempt,
    balance,
    buy,
    kinds,
    make_members,
    make_reward_type,
    must_hold,
    stampede,
)
from users.errors import UserNotFound
from users.models import Member
from users.services.members import erase_member

EXCHANGE, CANCELLATION, IN_PREPARATION, IN_DELIVERY, DELIVERED, RETURNED = GiftOrderStatus


def rich(member: Member, token, points: int = 100) -> Member:
    move_points(member, token, points)
    return member


def step(order: GiftOrder, *way: GiftOrderStatus) -> GiftOrder:
    for to in way:
        move_gift_order(brand_id=order.brand_id, order_id=order.pk, to=to, actor="client:7", at=NOON)
    return again(order)


def kept(member: Member) -> tuple[int, int]:
    """How many rewards and claims there are of a member's brand."""
    rewards = Reward.objects.filter(brand_id=member.brand_id, member__isnull=False)
    return rewards.count(), VoucherClaim.objects.filter(brand_id=member.brand_id).count()


@pytest.mark.parametrize("fulfilment", Fulfilment.values)
def test_whatever_is_redeemed_has_an_order(member, token, fulfilment):
    terms = {"pool": ["POOL-1"]} if fulfilment == Fulfilment.POOL else {"fulfilment": fulfilment}
    gift = make_reward_type(token, **terms)

    told = redeem_gift(rich(member, token), gift, "order 1")

    order = GiftOrder.objects.get(brand=member.brand)
    assert (order.status, order.reward.member, order.reward.transaction.amount) == (EXCHANGE, member, -10)
    assert told == Answered(f"{order.reward.code} by order {order.pk}", first=True, member_id=member.pk)
    assert balance(member, token) == 90


@pytest.mark.parametrize("fulfilment", [Fulfilment.GENERATED, Fulfilment.PHYSICAL])
def test_without_being_followed_only_what_is_sent_has_an_order(member, token, fulfilment):
    handed = buy(rich(member, token), make_reward_type(token, fulfilment=fulfilment))

    assert (handed.order is not None) is (fulfilment == Fulfilment.PHYSICAL)
    assert GiftOrder.objects.filter(reward=handed.reward).exists() is (fulfilment == Fulfilment.PHYSICAL)


def test_the_same_request_again_is_answered_as_at_first(member, token):
    gift = make_reward_type(token)
    first = redeem_gift(rich(member, token), gift, "order 1")

    second = redeem_gift(member, gift, "order 1", at=NOON + 400 * DAY)

    assert second == Answered(first.text, first=False, member_id=member.pk)
    assert kept(member) == (1, 1)


def test_a_transaction_id_is_not_used_for_anything_else(brand, token):
    one, other, gift = rich(make_member(brand), token), rich(make_member(brand), token), make_reward_type(token)
    redeem_gift(one, gift, "order 1", content=b"one")

    outcomes = [attempt(lambda who=who: redeem_gift(who, gift, "order 1", content=b"other")) for who in (one, other)]

    assert kinds(outcomes) == {TransactionIdReused: 2}
    assert kept(one) == (1, 1)


def test_a_request_that_was_refused_may_come_again(member, token):
    gift = make_reward_type(token)
    refused = attempt(lambda: redeem_gift(member, gift, "order 1"))
    rich(member, token)

    assert isinstance(refused, InsufficientBalance)
    assert redeem_gift(member, gift, "order 1").first


REFUSALS = [
    (InsufficientBalance, {"price": 101}),
    (OutOfStock, {"stock": 0}),
    (RewardTypeNotAvailable, {"active": False}),
    (RewardTypeNotAvailable, {"valid_until": NOON}),
    (RewardTypeNotAvailable, {"valid_from": NOON + DAY}),
]


@pytest.mark.parametrize(("kind", "terms"), REFUSALS)
def test_what_cannot_be_redeemed_is_refused_and_nothing_stays(member, token, kind, terms):
    refused = attempt(lambda: redeem_gift(rich(member, token), make_reward_type(token, **terms), "order 1"))

    assert isinstance(refused, kind)
    assert (kept(member), balance(member, token)) == ((0, 0), 100)
    assert not GiftOrder.objects.filter(brand=member.brand).exists()


def test_the_limit_of_a_member_holds(member, token):
    gift = make_reward_type(token, member_limit=1)
    redeem_gift(rich(member, token), gift, "order 1")

    assert isinstance(attempt(lambda: redeem_gift(member, gift, "order 2")), RewardLimitReached)


def test_what_is_of_another_brand_is_not_found(member, token):
    elsewhere = make_token(make_brand())
    outcomes = [
        attempt(lambda: redeem_gift(member, make_reward_type(elsewhere), "order 1")),
        attempt(lambda: redeem_gift(make_member(elsewhere.brand), make_reward_type(token), "order 1", brand_id=token.brand_id)),
    ]

    assert [type(outcome) for outcome in outcomes] == [RewardTypeNotFound, UserNotFound]


def test_a_gift_for_segments_is_for_members_of_any_of_them(brand, token):
    inside, outside = rich(make_member(brand), token), rich(make_member(brand), token)
    gift = make_reward_type(token)
    for segment in (make_segment(brand), make_segment(brand, inside)):
        RewardTypeSegment.objects.create(brand=brand, reward_type=gift, segment=segment)

    outcomes = [attempt(lambda who=who: redeem_gift(who, gift, f"of {who.pk}")) for who in (inside, outside)]

    assert [type(outcome) for outcome in outcomes] == [Answered, RewardTypeNotAvailable]
    assert isinstance(attempt(lambda: buy(outside, gift)), RewardTypeNotAvailable)


# --- the way of a code ---


@pytest.fixture
def code(member, token) -> GiftOrder:
    redeem_gift(rich(member, token), make_reward_type(token, stock=3), "order 1")
    return GiftOrder.objects.get(brand=member.brand)


def use(order: GiftOrder) -> Reward:
    return use_reward(brand_id=order.brand_id, code=order.reward.code, at=NOON)


WAYS_BACK = [[CANCELLATION], [IN_PREPARATION, CANCELLATION], [IN_PREPARATION, IN_DELIVERY, DELIVERED, RETURNED]]


@pytest.mark.parametrize("way", WAYS_BACK)
def test_a_code_that_is_cancelled_or_returned_gives_its_points_back_and_is_worth_nothing(code, member, token, way):
    step(code, *way)

    reversal = Transaction.objects.get(brand=member.brand, type="reversal")
    assert (reversal.reverses, balance(member, token)) == (code.reward.transaction, 100)
    assert isinstance(attempt(lambda: use(code)), RewardCancelled)


@pytest.mark.parametrize("way", WAYS_BACK)
def test_a_code_that_was_used_is_neither_cancelled_nor_returned(code, member, token, way):
    use(code)
    step(code, *way[:-1])

    with pytest.raises(MoveNotAllowed, match=f"What was used cannot become {way[-1].value}"):
        step(code, way[-1])

    assert balance(member, token) == 90


def test_a_gift_that_was_sent_may_come_back_though_it_was_used(member, token):
    redeem_gift(rich(member, token), make_reward_type(token, fulfilment=Fulfilment.PHYSICAL), "order 1")
    order = GiftOrder.objects.get(brand=member.brand)
    use(order)

    assert step(order, IN_PREPARATION, IN_DELIVERY, DELIVERED, RETURNED).status == RETURNED
    assert balance(member, token) == 100


def test_a_code_made_on_the_spot_goes_back_to_the_stock_and_one_of_a_pool_does_not(member, token):
    """Nobody else gets a code that was shown to someone."""
    gifts = [make_reward_type(token, stock=1), make_reward_type(token, pool=["POOL-1"])]
    for gift in gifts:
        redeem_gift(rich(member, token), gift, f"of {gift.pk}")
        step(GiftOrder.objects.get(reward__reward_type=gift), CANCELLATION)

    assert [RewardType.objects.get(pk=gift.pk).left for gift in gifts] == [1, 0]
    assert redeem_gift(member, gifts[0], "again").first
    assert isinstance(attempt(lambda: redeem_gift(member, gifts[1], "again, too")), OutOfStock)


# --- many at once, and erased ---


def test_sixteen_sends_of_one_transaction_id_hand_out_one_gift(own_brand, own_member):
    token = make_token(own_brand)
    gift = make_reward_type(token, stock=3)
    rich(own_member, token)

    outcomes = stampede(lambda _: redeem_gift(own_member, gift, "order 1"), range(16))

    assert sorted(outcome.first for outcome in outcomes) == [False] * 15 + [True]
    assert len({outcome.text for outcome in outcomes}) == 1
    assert (kept(own_member), balance(own_member, token), again(gift).handed_out) == ((1, 1), 90, 1)
    must_hold(own_brand)


@pytest.mark.parametrize("terms", [{"price": 100}, {"stock": 1}, {"member_limit": 1}])
def test_twins_are_answered_alike_when_it_was_the_last_that_could_be_had(own_brand, own_member, terms):
    """Whoever comes second is not told that points, stock or limit are used up: it was they who used them."""
    token = make_token(own_brand)
    gift = make_reward_type(token, **terms)
    rich(own_member, token)

    outcomes = stampede(lambda _: redeem_gift(own_member, gift, "order 1"), range(8))

    assert kinds(outcomes) == {Answered: 8}
    assert kept(own_member) == (1, 1)


def test_one_transaction_id_of_many_members_at_once_is_one_s(own_brand):
    token, members = make_token(own_brand), make_members(own_brand, 16)
    gift = make_reward_type(token)
    for member in members:
        rich(member, token)

    outcomes = stampede(lambda member: redeem_gift(member, gift, "order 1", content=str(member.pk).encode()), members)

    assert kinds(outcomes) == {Answered: 1, TransactionIdReused: 15}
    assert kept(members[0]) == (1, 1)
    must_hold(own_brand)


def test_stock_holds_exactly_for_many_members_at_once(own_brand):
    token, members = make_token(own_brand), make_members(own_brand, 32)
    gift = make_reward_type(token, pool=[f"POOL-{number}" for number in range(5)])
    for member in members:
        rich(member, token)

    outcomes = stampede(lambda member: redeem_gift(member, gift, f"of {member.pk}"), members)

    assert kinds(outcomes) == {Answered: 5, OutOfStock: 27}
    assert kept(members[0]) == (5, 5)
    must_hold(own_brand)


def test_of_who_is_erased_the_transaction_id_stays_used_and_nothing_is_told(own_brand, own_member):
    token = make_token(own_brand)
    gift, name = make_reward_type(token), own_member.auth_id
    redeem_gift(rich(own_member, token), gift, "order 1")

    erase_member(brand_id=own_brand.pk, auth_id=name, at=NOON)

    claim = VoucherClaim.objects.get(brand=own_brand)
    assert (claim.answer, bytes(claim.salt), bytes(claim.fingerprint)) == (None, b"", b"")
    newcomer = rich(make_member(own_brand, auth_id=name), token)
    assert isinstance(attempt(lambda: redeem_gift(newcomer, gift, "order 1")), FirstAnswerErased)
    assert redeem_gift(newcomer, gift, "order 2").first
    must_hold(own_brand)
