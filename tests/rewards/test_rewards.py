"""Rewards are handed out for their price, exactly as often as there is stock, and used once."""

from datetime import timedelta
from functools import partial

import pytest
from django.core.exceptions import ValidationError

from ledger.errors import InsufficientBalance, ReferenceAlreadyUsed, TokenNotFound
from ledger.models import Transaction
from ledger.models.tokens import TokenStatus, TokenType
from rewards.errors import (
    OutOfStock,
    RewardAlreadyUsed,
    RewardLimitReached,
    RewardNotFound,
    RewardTypeNotAvailable,
    RewardTypeNotFound,
    WrongPrice,
)
from rewards.models import Category, Fulfilment, GiftOrder, Reward, RewardType, RewardTypeText
from rewards.selectors import details_of, find_reward
from rewards.services.rewards import MADE, HandedOut, use_reward
from tests.conftest import NOON, make_brand, make_member, make_token
from tests.ledger.orders import move
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
    total,
)
from tests.rewards.forms import is_well_formed
from users.errors import UserNotFound
from users.models import Email

SECOND = timedelta(seconds=1)
GENERATED, PHYSICAL = {"fulfilment": Fulfilment.GENERATED}, {"fulfilment": Fulfilment.PHYSICAL}
POOL = {"pool": ["COFFEE-1", "COFFEE-2", "COFFEE-3"]}


def of_three(terms: dict) -> dict:
    """The terms of a reward type of which three are left."""
    return terms if "pool" in terms else terms | {"stock": 3}


def rich(brand, token, count: int = 1, points: int = 100) -> list:
    members = make_members(brand, count)
    for member in members:
        move(member, token, points)
    return members


def use(reward: Reward, *, at=NOON) -> Reward:
    return use_reward(brand_id=reward.brand_id, code=reward.code, at=at)


@pytest.fixture
def buyer(brand, token):
    return rich(brand, token)[0]


@pytest.mark.parametrize("terms", [GENERATED, PHYSICAL, POOL], ids=["generated", "physical", "pool"])
def test_a_reward_burns_its_price_and_belongs_to_who_paid(brand, token, buyer, terms):
    coffee = make_reward_type(token, **of_three(terms))

    bought = buy(buyer, coffee, reference_id="Till 7")

    row, reward = Transaction.objects.get(pk=bought.moved.posted.id), again(bought.reward)
    assert (row.amount, row.balance_after, row.type, row.counterpart) == (-10, 90, "points_to_rewards", "redemption")
    assert (row.explanation, row.reference_id, row.actor) == ({"reward_type": coffee.pk}, "Till 7", "key:7")
    assert (reward.member, reward.transaction, reward.handed_out_at, reward.used_at) == (buyer, row, NOON, None)
    assert (again(coffee).handed_out, again(coffee).left) == (1, 2)
    assert details_of([row])[row.pk].reward_id == reward.pk
    assert find_reward(brand_id=brand.pk, code=reward.code) == reward


def test_a_reward_that_is_made_has_a_code_that_is_easy_to_read(token, buyer):
    codes = [buy(buyer, make_reward_type(token)).reward.code for _ in range(5)]

    assert all(is_well_formed(MADE, code) for code in codes)
    assert len(set(codes)) == 5
    assert not set("".join(codes)) & set("01IO")


def test_a_pool_gives_its_codes_in_turn_until_none_is_left(token, buyer):
    coffee = make_reward_type(token, **POOL)

    outcomes = [attempt(lambda: buy(buyer, coffee)) for _ in range(4)]

    assert [outcome.reward.code for outcome in outcomes[:3]] == POOL["pool"]
    assert isinstance(outcomes[3], OutOfStock)


def test_a_gift_that_is_sent_gets_an_order(brand, token, buyer):
    reward = buy(buyer, make_reward_type(token, **PHYSICAL)).reward

    order = GiftOrder.objects.get(brand=brand)

    assert (order.reward, order.status, order.created_at) == (reward, "exchange", NOON)
    buy(buyer, make_reward_type(token))
    assert GiftOrder.objects.filter(brand=brand).count() == 1


@pytest.mark.parametrize(
    ("terms", "changes", "refusal"),
    [
        ({}, {"reward_type_id": -1}, RewardTypeNotFound),
        ({}, {"brand_id": None}, TokenNotFound),
        ({"active": False}, {}, RewardTypeNotAvailable),
        ({"valid_from": NOON + SECOND}, {}, RewardTypeNotAvailable),
        ({"valid_until": NOON}, {}, RewardTypeNotAvailable),
        ({}, {"token_id": -1}, TokenNotFound),
        ({}, {"token_id": None}, TokenNotFound),
        ({}, {"amount": 9}, WrongPrice),
        ({}, {"amount": 11}, WrongPrice),
        ({}, {"auth_id": "nobody"}, UserNotFound),
        ({"stock": 0}, {}, OutOfStock),
        ({"pool": []}, {}, OutOfStock),
        ({"member_limit": 0}, {}, RewardLimitReached),
        ({"price": 102}, {}, InsufficientBalance),
        ({}, {"reference_id": "used"}, ReferenceAlreadyUsed),
    ],
)
def test_who_is_refused_pays_nothing_and_takes_nothing(own_brand, terms, changes, refusal):
    token = make_token(own_brand)
    (member,) = rich(own_brand, token)
    move(member, token, 1, reference_id="used")
    coffee = make_reward_type(token, **terms)
    others = {"token_id": make_token(own_brand).pk, "brand_id": make_brand().pk}
    changes = {name: others[name] if value is None else value for name, value in changes.items()}

    outcome = attempt(lambda: buy(member, coffee, **changes))

    assert type(outcome) is refusal
    assert balance(member, token) == total(token) == 101
    assert again(coffee).handed_out == 0
    assert not Reward.objects.filter(brand=own_brand).exists()
    assert not Email.objects.filter(brand=own_brand).exists()


def test_a_wrong_price_names_the_right_one(token, buyer):
    with pytest.raises(WrongPrice, match="amount: the price is 10") as refusal:
        buy(buyer, make_reward_type(token), amount=9)

    assert [(error.field, error.detail) for error in refusal.value.errors] == [("amount", "the price is 10")]
    assert refusal.value.code == "invalid_amount"


def test_a_token_that_is_inactive_buys_nothing(brand, buyer):
    dormant = make_token(brand, status=TokenStatus.INACTIVE)

    assert isinstance(attempt(lambda: buy(buyer, make_reward_type(dormant))), TokenNotFound)


def test_a_reward_type_is_offered_from_its_first_to_its_last_instant(token, buyer):
    coffee = make_reward_type(token, valid_from=NOON, valid_until=NOON + DAY)

    assert isinstance(buy(buyer, coffee), HandedOut)
    assert isinstance(buy(buyer, coffee, at=NOON + DAY - SECOND), HandedOut)


@pytest.mark.parametrize("terms", [GENERATED, PHYSICAL, POOL], ids=["generated", "physical", "pool"])
def test_sixteen_who_buy_the_last_three_at_once_get_three(own_brand, terms):
    token = make_token(own_brand)
    coffee, members = make_reward_type(token, **of_three(terms)), rich(own_brand, token, 16)

    outcomes = stampede(lambda member: buy(member, coffee), members)

    assert kinds(outcomes) == {HandedOut: 3, OutOfStock: 13}
    assert total(token) == 16 * 100 - 3 * 10
    winners = {member.pk for member, outcome in zip(members, outcomes, strict=True) if isinstance(outcome, HandedOut)}
    assert set(Reward.objects.filter(reward_type=coffee).values_list("member", flat=True)) == winners
    assert (again(coffee).handed_out, again(coffee).left) == (3, 0)
    must_hold(own_brand)


@pytest.mark.parametrize("payers", [2, 8])
@pytest.mark.parametrize("terms", [GENERATED, POOL], ids=["generated", "pool"])
def test_who_cannot_pay_takes_nothing_from_who_can(own_brand, terms, payers):
    token = make_token(own_brand)
    coffee = make_reward_type(token, **of_three(terms))
    able, poor = rich(own_brand, token, payers), rich(own_brand, token, 16 - payers, points=9)

    outcomes = stampede(lambda member: buy(member, coffee), [*poor, *able])

    sold = min(3, payers)
    assert kinds(outcomes[len(poor) :]) == {HandedOut: sold} | ({OutOfStock: payers - sold} if payers > sold else {})
    assert set(kinds(outcomes[: len(poor)])) <= {InsufficientBalance, OutOfStock}
    assert total(token) == payers * 100 + len(poor) * 9 - sold * 10
    assert again(coffee).handed_out == sold
    assert Reward.objects.filter(reward_type=coffee, member__isnull=False).count() == sold
    must_hold(own_brand)


def test_one_member_gets_as_many_as_one_may_however_many_they_order_at_once(own_brand):
    token = make_token(own_brand)
    coffee = make_reward_type(token, member_limit=2)
    (member,) = rich(own_brand, token)

    outcomes = stampede(lambda _: buy(member, coffee), range(8))

    assert kinds(outcomes) == {HandedOut: 2, RewardLimitReached: 6}
    assert balance(member, token) == 80
    assert again(coffee).handed_out == Reward.objects.filter(reward_type=coffee).count() == 2
    assert isinstance(buy(rich(own_brand, token)[0], coffee), HandedOut)
    must_hold(own_brand)


def test_one_reference_buys_once_however_often_it_is_sent_at_once(own_brand):
    token = make_token(own_brand)
    coffee = make_reward_type(token, pool=["A", "B", "C"])
    (member,) = rich(own_brand, token)

    outcomes = stampede(lambda _: buy(member, coffee, reference_id="Till 7"), range(8))

    assert kinds(outcomes) == {HandedOut: 1, ReferenceAlreadyUsed: 7}
    assert (balance(member, token), again(coffee).left) == (90, 2)


def test_a_reward_is_used_once(token, buyer):
    reward = buy(buyer, make_reward_type(token)).reward

    used = use(reward)

    assert used.used_at == again(reward).used_at == NOON
    assert isinstance(attempt(lambda: use(reward, at=NOON + DAY)), RewardAlreadyUsed)
    assert again(reward).used_at == NOON


def test_a_reward_of_another_brand_or_of_none_is_not_found(brand, token, buyer):
    reward = buy(buyer, make_reward_type(token)).reward
    elsewhere = make_brand().pk

    outcomes = [attempt(lambda: use_reward(brand_id=elsewhere, code=reward.code, at=NOON))]
    outcomes += [attempt(lambda code=code: use_reward(brand_id=brand.pk, code=code, at=NOON)) for code in ("", "no such")]

    assert kinds(outcomes) == {RewardNotFound: 3}
    assert again(reward).used_at is None


@pytest.mark.parametrize("act", [partial(use_reward, at=NOON), find_reward], ids=["use", "find"])
def test_a_code_that_no_text_can_hold_is_not_found(brand, act):
    """It comes in paths: /rewards/%00."""
    assert isinstance(attempt(lambda: act(brand_id=brand.pk, code="A\x00")), RewardNotFound)


def test_sixteen_who_use_one_reward_at_once_use_it_once(own_brand):
    token = make_token(own_brand)
    reward = buy(rich(own_brand, token)[0], make_reward_type(token)).reward

    outcomes = stampede(lambda _: use(reward), range(16))

    assert kinds(outcomes) == {Reward: 1, RewardAlreadyUsed: 15}


def test_a_pools_reward_that_is_used_before_anyone_had_it_leaves_the_stock(token, buyer):
    coffee = make_reward_type(token, **POOL)
    first = Reward.objects.get(reward_type=coffee, code="COFFEE-1")

    use(first)

    assert (again(coffee).handed_out, again(coffee).left) == (1, 2)
    outcomes = [attempt(lambda: buy(buyer, coffee)) for _ in range(3)]
    assert [outcome.reward.code for outcome in outcomes[:2]] == ["COFFEE-2", "COFFEE-3"]
    assert isinstance(outcomes[2], OutOfStock)


def test_a_used_reward_is_never_handed_out_whoever_buys_meanwhile(own_brand):
    token = make_token(own_brand)
    members = rich(own_brand, token, 12)
    for turn in range(3):
        coffee = make_reward_type(token, name=f"Coffee {turn}", pool=[f"{turn}-{number}" for number in range(12)])
        codes = list(Reward.objects.filter(reward_type=coffee).order_by("pk"))

        outcomes = stampede(
            lambda act, coffee=coffee: use(act) if isinstance(act, Reward) else buy(act, coffee), [*members, *codes[:6]]
        )

        bought = [outcome.reward for outcome in outcomes if isinstance(outcome, HandedOut)]
        unbought = Reward.objects.filter(reward_type=coffee, member__isnull=True)
        assert [reward.used_at for reward in bought] == [None] * len(bought)
        assert set(kinds(outcomes)) <= {HandedOut, OutOfStock, Reward}
        assert again(coffee).handed_out == len(bought) + unbought.filter(used_at__isnull=False).count() == 12
    must_hold(own_brand)


def test_the_code_is_mailed_with_its_name_in_the_members_language(brand, token):
    member = make_member(brand, language="de-CH", first_name="Ann")
    move(member, token, 100)
    coffee = make_reward_type(token, website="https://example.org", valid_until=NOON + DAY)
    RewardTypeText.objects.create(brand=brand, reward_type=coffee, language="de", name="Kaffee")

    reward = buy(member, coffee).reward

    queued = Email.objects.get(brand=brand)
    assert (queued.kind, queued.member, queued.recipient, queued.language) == ("reward", member, member.email, "de")
    assert queued.context == {
        "first_name": "Ann",
        "reward": "Kaffee",
        "code": reward.code,
        "points": 10,
        "token": "Points",
        "website": "https://example.org",
        "valid_until": "2026-06-02 14:00",
    }


@pytest.mark.parametrize(("language", "name"), [(None, "Coffee"), ("fr", "Coffee"), ("xx", "Coffee"), ("it_CH", "Caffè")])
def test_what_is_not_translated_keeps_its_name(brand, token, language, name):
    member = make_member(brand, language=language)
    move(member, token, 100)
    coffee = make_reward_type(token)
    RewardTypeText.objects.create(brand=brand, reward_type=coffee, language="it", name="Caffè")

    buy(member, coffee)

    assert Email.objects.get(brand=brand).context["reward"] == name


def test_a_reward_that_sends_no_email_queues_none(brand, token, buyer):
    buy(buyer, make_reward_type(token, sends_email=False))

    assert not Email.objects.filter(brand=brand).exists()


def test_who_has_no_address_gets_the_reward_all_the_same(brand, token):
    member = make_member(brand, email=None)
    move(member, token, 100)

    assert buy(member, make_reward_type(token)).reward.code
    assert not Email.objects.filter(brand=brand).exists()


def test_a_pool_begins_empty_and_needs_a_points_token_and_a_shelf_of_its_brand(brand, token):
    pool = RewardType(brand=brand, name="Coupon", token=token, price=10, fulfilment=Fulfilment.POOL)
    pool.full_clean()
    assert pool.stock == 0

    faults = {
        "token": [{"token": make_token(make_brand())}, {"token": make_token(brand, type=TokenType.ERC721)}],
        "category": [{"category": Category.objects.create(brand=make_brand(), code="food", name="Food")}],
        "__all__": [{"price": 0}, {"valid_from": NOON, "valid_until": NOON}],
    }
    for field, several in faults.items():
        for terms in several:
            made = RewardType(**({"brand": brand, "name": "Coffee", "token": token, "price": 10} | terms))
            with pytest.raises(ValidationError) as refusal:
                made.full_clean()
            assert field in refusal.value.message_dict


def test_a_text_is_in_a_language_of_the_brand(brand, token):
    coffee = make_reward_type(token)

    RewardTypeText(brand=brand, reward_type=coffee, language="it", name="Caffè").full_clean()

    with pytest.raises(ValidationError, match="one of en, fr, de, it"):
        RewardTypeText(brand=brand, reward_type=coffee, language="rm", name="Café").full_clean()
