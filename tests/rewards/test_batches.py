"""Batches of codes as jobs: queued, drained, stopped, resumed, closed; each code once, each budget exact."""

from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError
from django.utils import timezone

from rewards.errors import CampaignNotRunning, CampaignOutOfBudget, CodeBatchNotFound, MoveNotAllowed
from rewards.models import BatchState, Campaign, CampaignState, Code, CodeBatch
from rewards.services import batches, generating
from rewards.services.batches import close_batch, drain_batches, halt_batch, resume_batch, stop_batch
from rewards.services.campaigns import move_campaign
from rewards.services.generating import BatchOrder, generate_codes, make_chunk, open_batch
from tests.conftest import NOON, make_brand
from tests.rewards.conftest import DAY, again, kinds, make_campaign, stampede
from users.models import Brand

COUNT, VALUE = 60, 7
LONG_LENGTH = 14
SOON = timedelta(seconds=30)
VERBS = {"stop": stop_batch, "resume": resume_batch, "close": close_batch}
ALLOWED = {
    "stop": {BatchState.QUEUED, BatchState.RUNNING},
    "resume": {BatchState.STOPPED},
    "close": {BatchState.STOPPED},
}


@pytest.fixture
def campaign(brand: Brand) -> Campaign:
    """A campaign that has just enough for one batch."""
    return make_campaign(brand, budget_codes=COUNT, budget_points=COUNT * VALUE)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch) -> None:
    monkeypatch.setattr(batches, "CHUNK", 20)


def order(campaign: Campaign, *, count: int = COUNT, at: datetime = NOON) -> CodeBatch:
    terms = {"count": count, "value": VALUE, "actor": "staff:1", "length": LONG_LENGTH}
    return open_batch(order=BatchOrder(brand_id=campaign.brand_id, campaign_id=campaign.pk, **terms), at=at)


def of(batch: CodeBatch) -> dict[str, int]:
    return {"brand_id": batch.brand_id, "batch_id": batch.pk}


def drain(at: datetime = NOON) -> int:
    return drain_batches(clock=lambda: at, until=at + SOON)


def codes_of(batch: CodeBatch) -> list[str]:
    return list(Code.objects.filter(brand_id=batch.brand_id, batch=batch).values_list("code", flat=True))


def issued(campaign: Campaign) -> tuple[int, int]:
    row = again(campaign)
    return row.issued_codes, row.issued_points


def in_state(campaign: Campaign, state: BatchState) -> CodeBatch:
    """A batch that came to a state on the way that leads there, one chunk made where it was under way."""
    batch = order(campaign)
    if state is BatchState.QUEUED:
        return batch
    CodeBatch.objects.filter(pk=batch.pk).update(state=BatchState.RUNNING, due_at=NOON + SOON)
    make_chunk(batch_id=batch.pk, clock=lambda: NOON, most=20)
    if state is BatchState.FINISHED:
        generate_codes(batch_id=batch.pk, clock=lambda: NOON)
    if state in {BatchState.STOPPING, BatchState.STOPPED, BatchState.CLOSED}:
        stop_batch(**of(batch), at=NOON)
    if state in {BatchState.STOPPED, BatchState.CLOSED}:
        make_chunk(batch_id=batch.pk, clock=lambda: NOON)
    if state is BatchState.CLOSED:
        close_batch(**of(batch), at=NOON)
    assert again(batch).state == state
    return again(batch)


def test_a_queued_batch_is_made_by_a_worker_and_its_budget_was_taken_before(campaign):
    batch = order(campaign)
    assert (batch.state, codes_of(batch), issued(campaign)) == ("queued", [], (COUNT, COUNT * VALUE))

    made = drain()

    batch = again(batch)
    assert (made, batch.state, batch.generated, batch.finished_at) == (COUNT, "finished", COUNT, NOON)
    assert len(set(codes_of(batch))) == COUNT
    assert issued(campaign) == (COUNT, COUNT * VALUE)
    assert drain() == 0


def test_a_batch_beyond_the_budget_is_not_queued(campaign):
    with pytest.raises(CampaignOutOfBudget):
        order(campaign, count=COUNT + 1)

    assert not CodeBatch.objects.filter(campaign=campaign).exists()


def test_a_batch_that_a_worker_has_is_nobody_elses_until_its_lease_ends(campaign):
    batch = in_state(campaign, BatchState.RUNNING)

    assert drain(NOON) == 0
    assert drain(again(batch).due_at) == COUNT - 20
    assert again(batch).state == "finished"


def test_batches_have_their_turns(brand, monkeypatch):
    """None keeps another waiting until it is whole."""
    monkeypatch.setattr(batches, "TURN", timedelta(seconds=1))
    now = [NOON]
    monkeypatch.setattr(batches, "make_chunk", lambda **terms: tick(now, make_chunk(**terms)))
    first, second = (order(make_campaign(brand), at=NOON + timedelta(microseconds=n)) for n in range(2))

    drain_batches(clock=lambda: now[0], until=NOON + timedelta(seconds=3))

    assert [again(batch).generated for batch in (first, second)] == [40, 20]
    assert [again(batch).state for batch in (first, second)] == ["running", "running"]


def tick(now: list[datetime], made: int) -> int:
    now[0] += timedelta(seconds=1)
    return made


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("state", BatchState)
def test_each_verb_moves_a_batch_from_where_it_may_and_from_nowhere_else(campaign, state, verb):
    batch = in_state(campaign, state)

    if state in ALLOWED[verb]:
        moved = VERBS[verb](**of(batch), at=NOON)
        assert moved.state == again(batch).state != state
    else:
        with pytest.raises(MoveNotAllowed, match=state.value):
            VERBS[verb](**of(batch), at=NOON)
        assert again(batch).state == state


@pytest.mark.parametrize("verb", VERBS)
def test_a_batch_of_another_brand_is_not_found(campaign, verb):
    batch = in_state(campaign, BatchState.STOPPED)

    with pytest.raises(CodeBatchNotFound):
        VERBS[verb](brand_id=make_brand().pk, batch_id=batch.pk, at=NOON)


def test_a_batch_that_is_stopped_ends_after_the_chunk_under_way_and_goes_on_when_it_is_resumed(campaign):
    batch = in_state(campaign, BatchState.RUNNING)

    assert stop_batch(**of(batch), at=NOON).state == "stopping"
    assert make_chunk(batch_id=batch.pk, clock=lambda: NOON) == 0
    stopped = again(batch)
    resume_batch(**of(batch), at=NOON)
    drain()

    assert (stopped.state, stopped.generated) == ("stopped", 20)
    assert (again(batch).state, len(set(codes_of(batch)))) == ("finished", COUNT)
    assert issued(campaign) == (COUNT, COUNT * VALUE)


def test_a_batch_whose_worker_is_gone_stops_at_once(campaign):
    batch = in_state(campaign, BatchState.RUNNING)

    assert stop_batch(**of(batch), at=again(batch).due_at).state == "stopped"


def test_a_batch_whose_worker_died_before_it_stopped_is_stopped_by_another(campaign):
    batch = in_state(campaign, BatchState.STOPPING)

    made = drain(again(batch).due_at)

    assert (made, again(batch).state, again(batch).fault) == (0, "stopped", "")


def test_a_closed_batch_gives_back_what_it_lacks_once_and_its_codes_stay_good(campaign):
    batch = in_state(campaign, BatchState.CLOSED)

    with pytest.raises(MoveNotAllowed):
        generate_codes(batch_id=batch.pk, clock=lambda: NOON)
    assert (drain(NOON + DAY), len(codes_of(batch))) == (0, 20)
    assert issued(campaign) == (20, 20 * VALUE)
    assert order(campaign, count=COUNT - 20).state == "queued"


def test_a_batch_closed_by_many_at_once_gives_its_budget_back_once(own_brand):
    campaign = make_campaign(own_brand)
    batch = in_state(campaign, BatchState.STOPPED)

    outcomes = stampede(lambda _: close_batch(**of(batch), at=NOON), range(8))

    assert kinds(outcomes) == {CodeBatch: 1, MoveNotAllowed: 7}
    assert issued(campaign) == (20, 20 * VALUE)


def test_a_batch_that_is_stopped_while_workers_are_at_it_has_each_code_once(own_brand, monkeypatch):
    """Eight that drain, and someone who stops, resumes and stops it meanwhile."""
    campaign = make_campaign(own_brand)
    batch = order(campaign, count=2_000, at=timezone.now())
    until = timezone.now() + timedelta(seconds=20)

    def act(number: int) -> int:
        if number:
            return drain_batches(clock=timezone.now, until=until)
        for verb in (stop_batch, resume_batch) * 3:
            try:
                verb(**of(batch), at=timezone.now())
            except MoveNotAllowed:
                continue
        return 0

    stampede(act, range(4))
    halt_batch(batch_id=batch.pk)
    generate_codes(batch_id=batch.pk, clock=timezone.now)

    assert len(codes_of(batch)) == len(set(codes_of(batch))) == again(batch).generated == 2_000
    assert issued(campaign) == (2_000, 2_000 * VALUE)


def test_a_batch_of_a_campaign_that_has_ended_is_not_resumed_but_closed(campaign):
    batch = in_state(campaign, BatchState.STOPPED)
    move_campaign(brand_id=campaign.brand_id, campaign_id=campaign.pk, to=CampaignState.ENDED)

    with pytest.raises(CampaignNotRunning):
        resume_batch(**of(batch), at=NOON)
    assert close_batch(**of(batch), at=NOON).state == "closed"


def test_a_batch_that_fails_is_put_off_with_the_reason_and_goes_on(campaign, monkeypatch):
    batch = order(campaign)
    monkeypatch.setattr(generating, "draw_codes", lambda *_: 1 / 0)

    assert drain() == 0
    failed = again(batch)
    monkeypatch.undo()

    assert (failed.state, failed.fault, failed.generated) == ("running", "ZeroDivisionError", 0)
    assert failed.due_at == NOON + generating.lease()
    assert drain(failed.due_at) == COUNT
    assert (again(batch).state, again(batch).fault) == ("finished", "")


@pytest.mark.parametrize("fault", ["", "ZeroDivisionError"])
def test_a_batch_that_nobody_brings_to_an_end_is_stopped_for_staff_to_look_at(campaign, fault):
    batch = order(campaign)
    CodeBatch.objects.filter(pk=batch.pk).update(attempts=batches.MOST_ATTEMPTS, fault=fault)

    assert drain() == 0
    assert (again(batch).state, again(batch).fault) == ("stopped", fault or "no outcome")

    resume_batch(**of(batch), at=NOON)
    assert drain() == COUNT


def test_a_chunk_that_was_made_forgets_the_attempts_before_it(campaign):
    batch = order(campaign)
    CodeBatch.objects.filter(pk=batch.pk).update(attempts=batches.MOST_ATTEMPTS - 1, fault="OperationalError")

    drain()

    assert (again(batch).attempts, again(batch).fault) == (0, "")


def test_a_batch_that_a_person_halted_is_taken_by_no_worker(campaign):
    batch = in_state(campaign, BatchState.RUNNING)

    halt_batch(batch_id=batch.pk)

    assert drain(NOON + DAY) == 0
    assert again(batch).state == "stopped"


def test_no_code_is_added_to_a_settled_batch_by_the_database_itself(campaign):
    batch = in_state(campaign, BatchState.FINISHED)

    with pytest.raises(DatabaseError):
        CodeBatch.objects.filter(pk=batch.pk).update(state=BatchState.RUNNING, finished_at=None)


def test_a_form_that_is_sent_by_many_at_once_orders_once_though_it_takes_the_whole_budget(own_brand: Brand):
    campaign = make_campaign(own_brand, budget_codes=COUNT, budget_points=COUNT * VALUE)
    terms = {"count": COUNT, "value": VALUE, "actor": "staff:1", "length": LONG_LENGTH, "reference": "form"}
    wanted = BatchOrder(brand_id=own_brand.pk, campaign_id=campaign.pk, **terms)

    opened = {batch.pk for batch in stampede(lambda _: open_batch(order=wanted, at=NOON), range(8))}

    assert opened == set(CodeBatch.objects.filter(campaign=campaign).values_list("pk", flat=True))
    assert len(opened) == 1
    assert issued(campaign) == (COUNT, COUNT * VALUE)
