"""Many actions at once come to what they come to one by one; an item that cannot be judged holds up no other."""

import random
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from ledger.models import Account, Token
from ledger.services.proof import prove
from loyalty.errors import LoyaltyError
from rewards.models import Action, ActionUse, Frequency, InboxItem, Programme
from rewards.services import inbox
from rewards.services.action_batches import do_actions
from rewards.services.actions import ActionOrder, Done, do_action
from rewards.services.inbox import accept_action, drain_inbox
from tests.conftest import NOON, make_brand, make_expiring_token, make_member
from tests.rewards.acting import make_action, make_segment
from tests.rewards.conftest import DAY
from users.models import Consent
from users.services.merging import merge_members

FREQUENCIES = [Frequency.ONCE, Frequency.DAY, Frequency.WEEK, Frequency.MONTH, Frequency.NONE]


def make_shop():
    """A brand with members and actions of every kind, the same each time."""
    brand = make_brand()
    token = make_expiring_token(brand)
    members = [make_member(brand, auth_id=f"m{number}") for number in range(4)]
    members[3].consent = Consent.REFUSED
    members[3].save()
    segment = make_segment(brand, members[0])
    for number, frequency in enumerate(FREQUENCIES):
        terms = {"segments": [segment]} if number == 1 else {}
        make_action(token, tag=f"a{number}", frequency=frequency, period_limit=1 + number % 2, total_limit=4, **terms)
    return brand


def orders_of(brand, seed: int) -> list[ActionOrder]:
    chance = random.Random(seed)
    return [
        ActionOrder(
            brand_id=brand.pk,
            auth_id=f"m{chance.randrange(5)}",
            tag=f"a{chance.randrange(6)}",
            actor="client:7",
            occurred_at=NOON - chance.randrange(40) * DAY,
            param=chance.choice([None, "p", "q"]),
        )
        for _ in range(60)
    ]


def told(outcome) -> tuple:
    if isinstance(outcome, Done):
        return outcome.points, outcome.posted.balance_after, outcome.left
    return type(outcome), str(outcome)


@pytest.mark.parametrize("seed", range(6))
def test_a_batch_comes_to_what_its_orders_come_to_one_by_one(committed, seed):
    one, other = make_shop(), make_shop()
    singly = []
    for order in orders_of(one, seed):
        try:
            singly.append(do_action(order=order, at=NOON))
        except LoyaltyError as refusal:
            singly.append(refusal)

    together = do_actions(brand_id=other.pk, orders=orders_of(other, seed), at=NOON)

    assert [told(outcome) for outcome in together] == [told(outcome) for outcome in singly]
    assert any(isinstance(outcome, Done) for outcome in together)
    uses = [
        sorted(ActionUse.objects.filter(brand=brand).values_list("action__tag", "member__auth_id", "period", "count"))
        for brand in (one, other)
    ]
    assert uses[0] == uses[1]
    balances = [
        sorted(Account.objects.filter(brand=brand, balance__gt=0).values_list("member__auth_id", "balance"))
        for brand in (one, other)
    ]
    assert balances[0] == balances[1]
    assert prove(brand_id=other.pk).differences == []


def accept(brand, name: str, tag: str) -> int:
    order = ActionOrder(brand_id=brand.pk, auth_id=name, tag=tag, actor="app:1")
    return accept_action(order=order, at=timezone.now())


def test_an_item_that_cannot_be_judged_is_parked_and_holds_up_no_other(db):
    brand = make_shop()
    spoilt = accept(brand, "m0", "a4")
    good = [accept(brand, f"m{number}", "a0") for number in range(3)]
    Action.objects.filter(brand=brand, tag="a4").update(conditions=[{"property": 7}])

    settled = drain_inbox(clock=timezone.now, until=timezone.now() + DAY)

    states = dict(InboxItem.objects.filter(brand=brand).values_list("pk", "state"))
    assert states == {spoilt: "parked"} | dict.fromkeys(good, "applied")
    assert settled == 3


def test_what_a_duplicate_had_reported_before_a_merge_goes_to_the_kept_one(db):
    brand = make_shop()
    keep, duplicate = (brand.members.get(auth_id=name) for name in ("m0", "m1"))
    accept(brand, "m1", "a4")
    merge_members(brand_id=brand.pk, keep_id=keep.pk, duplicate_id=duplicate.pk, actor="staff:1", at=timezone.now())

    drain_inbox(clock=timezone.now, until=timezone.now() + DAY)

    assert Account.objects.get(member=keep).balance == 5


def test_what_was_taken_in_in_time_is_not_too_old_when_it_is_rewarded(db):
    brand = make_shop()
    Programme.objects.create(brand=brand, token=Token.objects.get(brand=brand), backdating_days=0)
    accept(brand, "m0", "a4")

    drain_inbox(clock=timezone.now, until=timezone.now() + DAY)

    assert InboxItem.objects.get(brand=brand).state == "applied"


def test_each_brand_has_its_turn(db, monkeypatch):
    """A brand whose items cannot be read holds up no other."""
    spoilt, other = make_shop(), make_shop()
    accept(spoilt, "m0", "a4")
    accept(other, "m0", "a4")
    settle = inbox._settle_rows

    def busy(brand_id, rows, at):
        if brand_id == spoilt.pk:
            raise OperationalError("locked")
        return settle(brand_id, rows, at)

    monkeypatch.setattr(inbox, "_settle_rows", busy)
    drain_inbox(clock=timezone.now, until=timezone.now() + timedelta(seconds=5))

    states = dict(InboxItem.objects.filter(brand__in=[spoilt, other]).values_list("brand", "state"))
    assert states == {spoilt.pk: "waiting", other.pk: "applied"}
