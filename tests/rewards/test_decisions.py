"""Decisions about personalisations: each is about the wish that was looked at; who comes second learns who was first."""

from functools import partial

from rewards.errors import PersonalisationChanged, PersonalisationNotPending
from rewards.models import Collectible
from rewards.services.collectibles import draft_rejection
from tests.conftest import NOON, make_member
from tests.rewards.conftest import DAY, again, attempt, kinds, make_collectible_token, must_hold, stampede
from tests.rewards.test_collectibles import decide, decisions, item_of, wish
from users.models import Email
from users.services.email_templates import compose


def pending(member, **terms) -> Collectible:
    return wish(item_of(member, make_collectible_token(member.brand)), **terms)


def test_a_decision_about_the_wish_that_was_seen_holds(member):
    item = pending(member)

    decided = decide(item, approve=True, seen=again(item).wish_digest)

    assert decided.status == again(item).status == "approved"


def test_a_wish_that_was_replaced_after_it_was_seen_is_not_decided(member):
    item = pending(member)
    seen = again(item).wish_digest
    wish(item, {"text": "something rude"})

    outcomes = [attempt(lambda approve=approve: decide(item, approve=approve, seen=seen)) for approve in (True, False)]

    assert kinds(outcomes) == {PersonalisationChanged: 2}
    assert (again(item).status, decisions(item), Email.objects.filter(member=member).count()) == ("pending", [], 0)


def test_a_digest_tells_wishes_and_items_apart_but_not_the_order_of_words(member):
    token = make_collectible_token(member.brand)
    first, second = (wish(item_of(member, token), {"a": 1, "b": 2}) for _ in range(2))

    digests = {first.wish_digest, second.wish_digest, wish(first, {"a": 1}).wish_digest, wish(first, {}).wish_digest}

    assert len(digests) == 4
    assert wish(first, {"b": 2, "a": 1}).wish_digest == wish(first, {"a": 1, "b": 2}).wish_digest


def test_of_two_who_decide_at_once_the_second_learns_who_was_first(own_brand, own_member):
    item = pending(own_member)
    seen = again(item).wish_digest
    acts = [
        partial(decide, item, approve=True, seen=seen, actor="staff:1"),
        partial(decide, item, approve=False, seen=seen, reason="no", actor="staff:2", at=NOON),
    ]

    outcomes = stampede(lambda act: act(), acts)

    assert kinds(outcomes) == {Collectible: 1, PersonalisationNotPending: 1}
    winner = next(outcome for outcome in outcomes if isinstance(outcome, Collectible))
    loser = next(outcome for outcome in outcomes if isinstance(outcome, PersonalisationNotPending))
    assert (loser.decided_by, loser.status, loser.decided_at) == (winner.decided_by, winner.status, NOON)
    assert len(decisions(item)) == 1
    must_hold(own_brand)


def test_no_wish_is_approved_that_nobody_saw(own_brand, own_member):
    """The owner changes the wish at the very instant at which staff approve it, over and over."""
    for _ in range(8):
        item = pending(own_member, data={"text": "fine"})
        seen = again(item).wish_digest

        stampede(lambda act: act(), [partial(wish, item, {"text": "rude"}), partial(decide, item, approve=True, seen=seen)])

        assert (again(item).status, again(item).personalised_data["text"]) in {("approved", "fine"), ("pending", "rude")}


def test_the_email_that_is_looked_at_is_the_one_that_is_sent(brand):
    member = make_member(brand, language="de", first_name="Ann")
    item = pending(member, at=NOON)

    draft = draft_rejection(again(item), reason="zu lang", at=NOON + DAY)
    assert Email.objects.filter(member=member).count() == 0
    decide(item, approve=False, reason="zu lang", at=NOON + DAY)

    sent = Email.objects.get(member=member)
    assert compose(draft) == compose(sent)
    assert (draft.language, draft.recipient, "zu lang" in compose(draft).text) == ("de", member.email, True)


def test_who_has_no_address_gets_no_email(brand):
    item = pending(make_member(brand, email=None))

    assert draft_rejection(item, reason="", at=NOON) is None
