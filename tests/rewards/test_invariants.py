"""The database itself refuses what must never be, whoever asks: each check, key, wall and trigger of rewards is provoked."""

from collections.abc import Callable, Iterator
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.db.models import CheckConstraint, F, Model, UniqueConstraint

from ledger.services.posting import Posted
from tests.conftest import NOON, make_brand
from tests.rewards import acting, promoting, reporting
from tests.rewards.conftest import DAY
from tests.rewards.world import by_table, make_world, pointed_at
from users.models import Email

WALLS = import_module("rewards.migrations.0002_walls").WALLS
MODELS = list(apps.get_app_config("rewards").get_models())
CHECKS = {made.name for model in MODELS for made in model._meta.constraints if isinstance(made, CheckConstraint)}
KEYS = {made.name: (model, made) for model in MODELS for made in model._meta.constraints if isinstance(made, UniqueConstraint)}
TRIGGERS = {made.name for model in MODELS for made in getattr(model._meta, "triggers", [])}
# What they keep is shown by test_dated_catalogue.
REFUSING_NOTHING = {"reward_type_dated", "promotion_revises", "base_rate_revises", "tie_revises", "untie_revises"}
REFUSING_NOTHING |= {f"reward_type_{what}_{how}_dates" for what in ("text", "tie") for how in ("given", "taken")}
REFUSING_NOTHING |= {f"score_counts_{rows}" for rows in ("new_rows", "new_rows_old_rows", "old_rows")}
REFUSING_NOTHING |= {"score_newest_inserted", "score_newest_updated"}
REFUSING_NOTHING.add("programme_ranks_anew")
REFUSING_NOTHING |= {"category_dates", "category_text_given_dates", "category_text_taken_dates"}
UNIQUE_INDEXES = """
SELECT i.relname, c.conname FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid LEFT JOIN pg_constraint c ON c.conindid = x.indexrelid AND c.contype IN ('p', 'u')
WHERE x.indrelid = %s::regclass AND x.indisunique
"""


@pytest.fixture(scope="module")
def worlds(django_db_setup, django_db_blocker) -> Iterator[tuple[SimpleNamespace, SimpleNamespace]]:
    """Two brands with a row in every table, which every test leaves as they are: what it tries is refused."""
    with django_db_blocker.unblock():
        with transaction.atomic():
            made = make_world(make_brand()), make_world(make_brand())
            for world in made:
                world.other = made[0] if world is made[1] else made[1]
                Email.objects.filter(brand=world.brand).delete()  # or some other test's worker would send them
        yield made


@pytest.fixture
def world(committed, worlds) -> SimpleNamespace:
    return worlds[0]


def refusal_of(breach: Callable[[], Any]) -> str:
    """Try what must not be done, and say what refused it: a constraint's name, or the function of a trigger."""
    with pytest.raises(DatabaseError) as error:
        without_trace(breach)
    diagnosis = error.value.__cause__.diag
    return diagnosis.constraint_name or diagnosis.context or ""


def without_trace(act: Callable[[], Any]) -> None:
    """Act, and let nothing stay of it."""
    with transaction.atomic():
        run("SET CONSTRAINTS ALL IMMEDIATE")
        act()
        transaction.set_rollback(True)


def run(statement: str, parameters: tuple = ()) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def change(row: Model, **changes) -> None:
    type(row).objects.filter(pk=row.pk).update(**changes)


def add(row: Model, **changes) -> None:
    """Insert a row like another, but for the changes."""
    fields = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields if not field.primary_key}
    type(row).objects.bulk_create([type(row)(**(fields | changes))])


def remove(row: Model) -> None:
    run(f"DELETE FROM {row._meta.db_table} WHERE id = %s", (row.pk,))


def truncate(row: Model) -> None:
    run(f"TRUNCATE {row._meta.db_table} CASCADE")


def hand_out(reward: Model, member: Model, paid: Posted) -> None:
    change(reward, member=member, transaction=paid.id, handed_out_at=NOON)


Breach = tuple[str, Callable[[SimpleNamespace], Any]]
BREACHES: list[Breach] = [
    ("campaign_within_budget", lambda w: change(w.campaign, issued_points=101)),
    ("campaign_within_budget", lambda w: change(w.campaign, budget_points=1)),
    ("campaign_within_budget", lambda w: change(w.campaign, issued_codes=11)),
    ("campaign_within_budget", lambda w: change(w.campaign, budget_codes=1)),
    ("campaign_kind_known", lambda w: change(w.campaign, kind="else")),
    ("campaign_kind_known", lambda w: change(w.campaign, state="else")),
    ("campaign_counts_not_negative", lambda w: change(w.campaign, issued_points=-1)),
    ("campaign_counts_not_negative", lambda w: change(w.campaign, issued_codes=-1)),
    ("campaign_ends_after_start", lambda w: change(w.campaign, ends_at=F("starts_at"))),
    ("campaign_code_form", lambda w: change(w.campaign, code_length=8)),
    ("campaign_code_form", lambda w: change(w.campaign, code_length=33)),
    ("campaign_code_form", lambda w: change(w.campaign, code_alphabet="012345678")),
    ("campaign_code_form", lambda w: change(w.campaign, code_alphabet="0123456789a")),
    ("campaign_code_form", lambda w: change(w.campaign, code_prefix="a")),
    ("campaign_value_per_point_positive", lambda w: change(w.campaign, value_per_point=0)),
    ("category_stands_in_no_circle", lambda w: change(w.category, parent=w.category)),
    ("category_stands_in_no_circle", lambda w: change(w.shelf, parent=w.category)),
    ("reward_type_fulfilment_known", lambda w: change(w.gift, fulfilment="else")),
    ("reward_type_price_positive", lambda w: change(w.gift, price=0)),
    ("reward_type_value_not_negative", lambda w: change(w.gift, value="-0.01")),
    ("reward_type_within_stock", lambda w: change(w.gift, stock=0)),
    ("reward_type_within_stock", lambda w: change(w.gift, handed_out=4)),
    ("reward_type_within_stock", lambda w: change(w.gift, handed_out=-1)),
    ("reward_type_pool_has_stock", lambda w: change(w.pool, stock=None)),
    ("reward_type_valid_forwards", lambda w: change(w.gift, valid_until=F("valid_from"))),
    ("code_batch_within_count", lambda w: add(w.whole, count=0, generated=0)),
    ("code_batch_within_count", lambda w: add(w.batch, generated=-1)),
    ("code_batch_within_count", lambda w: add(w.batch, value=0)),
    ("code_batch_state_known", lambda w: add(w.batch, state="else")),
    ("code_batch_finished_is_whole", lambda w: change(w.batch, generated=2)),
    ("code_batch_finished_is_whole", lambda w: change(w.batch, finished_at=NOON)),
    ("code_batch_finished_is_whole", lambda w: change(w.whole, finished_at=None)),
    ("code_batch_finished_is_whole", lambda w: add(w.whole, generated=1)),
    ("code_batch_closed_has_instant", lambda w: add(w.batch, state="closed")),
    ("code_batch_closed_has_instant", lambda w: change(w.batch, closed_at=NOON)),
    ("code_batch_moves_on", lambda w: change(w.batch, state="finished")),
    ("code_batch_moves_on", lambda w: change(w.batch, state="closed", closed_at=NOON)),
    ("code_batch_moves_on", lambda w: change(w.whole, state="running", finished_at=None)),
    ("code_batch_keeps_its_terms", lambda w: change(w.batch, count=3)),
    ("code_batch_keeps_its_terms", lambda w: change(w.batch, value=2)),
    ("code_batch_keeps_its_terms", lambda w: change(w.batch, campaign=w.other_campaign)),
    ("code_batch_keeps_its_terms", lambda w: change(w.batch, brand=w.other.brand)),
    ("code_batch_settled_is_final", lambda w: change(w.whole, generated=1)),
    ("daily_codes_positive", lambda w: change(w.daily, codes=0)),
    ("daily_codes_positive", lambda w: change(w.daily, value=0)),
    ("redeemed_codes_positive", lambda w: change(w.counted, codes=0)),
    ("redeemed_codes_positive", lambda w: change(w.counted, value=0)),
    ("code_value_positive", lambda w: add(w.code, code="1", reference_id=None, value=0)),
    ("code_redeemed_by_someone", lambda w: change(w.code, redeemed_at=NOON)),
    ("code_redeemed_by_someone", lambda w: change(w.code, member=w.member)),
    ("code_redeemed_by_someone", lambda w: change(w.code, redeemed_at=NOON, member=w.member, revoked_at=NOON)),
    ("reward_handed_out_whole", lambda w: change(w.free, member=w.member)),
    ("reward_handed_out_whole", lambda w: change(w.free, handed_out_at=NOON)),
    ("reward_handed_out_whole", lambda w: change(w.free, member=w.member, transaction=w.debit.id)),
    ("reward_handed_out_whole", lambda w: change(w.free, member=w.member, handed_out_at=NOON)),
    ("reward_handed_out_whole", lambda w: change(w.reward, handed_out_at=None)),
    ("reward_code_not_empty", lambda w: add(w.free, code="")),
    ("gift_order_status_known", lambda w: change(w.order, status="lost")),
    ("collectible_supply_within_limit", lambda w: change(w.supply, issued=11)),
    ("collectible_supply_within_limit", lambda w: change(w.supply, supply_limit=1)),
    ("collectible_supply_within_limit", lambda w: change(w.supply, issued=-1)),
    ("collectible_serial_positive", lambda w: add(w.item, serial=0)),
    ("collectible_status_known", lambda w: change(w.item, status="else")),
    ("collectible_wish_is_told", lambda w: change(w.item, status=None)),
    ("collectible_wish_is_told", lambda w: change(w.item, personalised_data=None)),
    ("code_no_delete", lambda w: remove(w.code)),
    ("code_no_truncate", lambda w: truncate(w.code)),
    ("code_redeemed_is_final", lambda w: change(w.redeemed, redeemed_at=None, member=None)),
    ("code_redeemed_is_final", lambda w: change(w.redeemed, member=w.stranger)),
    ("code_redeemed_is_final", lambda w: change(w.redeemed, redeemed_at=NOON + DAY)),
    ("code_redeemed_is_final", lambda w: change(w.redeemed, revoked_at=NOON)),
    ("code_keeps_its_worth", lambda w: change(w.code, value=11)),
    ("code_keeps_its_worth", lambda w: change(w.code, code="000000000")),
    ("code_keeps_its_worth", lambda w: change(w.code, campaign=w.other_campaign)),
    ("code_keeps_its_worth", lambda w: change(w.code, brand=w.other.brand)),
    ("reward_no_delete", lambda w: remove(w.free)),
    ("reward_no_truncate", lambda w: truncate(w.free)),
    ("reward_keeps_its_member", lambda w: change(w.reward, member=w.stranger, transaction=w.strangers_debit.id)),
    ("reward_keeps_its_member", lambda w: change(w.reward, member=None, transaction=None, handed_out_at=None)),
    ("reward_keeps_its_member", lambda w: change(w.reward, transaction=w.debit.id)),
    ("reward_follows_ledger", lambda w: hand_out(w.free, w.member, w.credit)),
    ("reward_follows_ledger", lambda w: hand_out(w.free, w.stranger, w.debit)),
    ("reward_follows_ledger", lambda w: hand_out(w.free, w.member, w.other.debit)),
    ("reward_follows_ledger", lambda w: change(w.free, transaction=w.debit.id)),
    ("reward_follows_ledger", lambda w: change(w.reward, member=w.stranger)),
    ("reward_follows_ledger", lambda w: add(w.reward, code="else", transaction_id=w.credit.id)),
    ("reward_follows_ledger", lambda w: add(w.reward, code="else", transaction_id=-1)),
    ("reward_used_is_final", lambda w: change(w.used, used_at=None)),
    ("reward_used_is_final", lambda w: change(w.used, used_at=NOON + DAY)),
    ("gift_order_move_no_delete", lambda w: remove(w.step)),
    ("gift_order_move_no_truncate", lambda w: truncate(w.step)),
    ("gift_order_move_stays", lambda w: change(w.step, order=w.other.order)),
    ("gift_order_move_stays", lambda w: change(w.step, from_status="delivered")),
    ("gift_order_move_stays", lambda w: change(w.step, to_status="delivered")),
    ("gift_order_move_stays", lambda w: change(w.step, actor="staff:2")),
    ("gift_order_move_stays", lambda w: change(w.step, moved_at=NOON + DAY)),
    ("collectible_no_delete", lambda w: remove(w.item)),
    ("collectible_no_truncate", lambda w: truncate(w.item)),
    ("collectible_follows_ledger", lambda w: change(w.item, member=w.stranger)),
    ("collectible_follows_ledger", lambda w: change(w.item, member=w.stranger, transaction=w.credit.id)),
    ("collectible_follows_ledger", lambda w: change(w.item, member=w.stranger, transaction=w.receipt)),
    ("collectible_follows_ledger", lambda w: change(w.item, transaction=w.strangers_receipt)),
    ("collectible_follows_ledger", lambda w: change(w.item, transaction=w.credit.id)),
    ("collectible_follows_ledger", lambda w: change(w.item, transaction=w.other.receipt)),
    ("collectible_follows_ledger", lambda w: change(w.item, member=None)),
    ("collectible_follows_ledger", lambda w: change(w.item, token=w.shells)),
    ("collectible_follows_ledger", lambda w: change(w.item, serial=9)),
    ("collectible_follows_ledger", lambda w: change(w.item, brand=w.other.brand)),
    ("collectible_follows_ledger", lambda w: add(w.item, serial=9, member_id=None)),
    ("collectible_follows_ledger", lambda w: add(w.item, serial=9, member_id=w.stranger.pk)),
    ("collectible_follows_ledger", lambda w: add(w.item, serial=9, transaction_id=w.credit.id)),
    ("collectible_follows_ledger", lambda w: add(w.item, serial=9, transaction_id=-1)),
    ("ledger_look_alone", lambda w: change(w.look, id=2)),
    ("ledger_look_in_order", lambda w: change(w.look, settled_id=F("noted_id") + 1)),
    ("ledger_look_in_order", lambda w: change(w.look, noted_id=F("looked_id") + 1)),
    *acting.BREACHES,
    *promoting.BREACHES,
    *reporting.BREACHES,
]


@pytest.mark.parametrize(("name", "breach"), BREACHES, ids=[f"{name}-{at}" for at, (name, _) in enumerate(BREACHES)])
def test_what_breaks_a_rule_is_refused(world, name, breach):
    refusal = refusal_of(lambda: breach(world))

    assert refusal == name or f"pgtrigger_{name}_" in refusal


@pytest.mark.parametrize("name", sorted(KEYS))
def test_what_is_unique_cannot_stand_twice(world, name):
    """A copy of a row is refused by each key alone, the table's other keys taken away for the moment."""
    model, key = KEYS[name]
    row, table = by_table(world)[model._meta.db_table], model._meta.db_table
    columns = [field.column for field in model._meta.concrete_fields]
    values = [f"nextval('{table}_id_seq')" if column == "id" and "id" not in key.fields else column for column in columns]

    def copy_it() -> None:
        for index, constraint in run(UNIQUE_INDEXES, (table,)):
            if index != name:
                run(f"ALTER TABLE {table} DROP CONSTRAINT {constraint} CASCADE" if constraint else f"DROP INDEX {index}")
        run(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {table} WHERE id = %s", (row.pk,))

    assert refusal_of(copy_it) == name


@pytest.mark.parametrize(("table", "name", "columns", "target"), WALLS, ids=[wall[1] for wall in WALLS])
def test_no_row_points_across_the_wall_between_brands(world, table, name, columns, target):
    brand, column = columns.strip("()").split(", ")
    own, theirs = by_table(world)[table], pointed_at(world.other)[target.split()[0]]

    def point_across() -> None:
        run(f"ALTER TABLE {table} DISABLE TRIGGER USER")  # some of these columns never change, wall or not
        run(f"UPDATE {table} SET {column} = %s WHERE {own._meta.pk.column} = %s", (theirs.pk, own.pk))

    assert brand == "brand_id"
    assert refusal_of(point_across) == name


@pytest.mark.parametrize("row", ["reward", "order", "supply"])
def test_what_belongs_to_one_row_alone_cannot_stand_twice(world, row):
    made, field = getattr(world, row), {"reward": "transaction_id", "order": "reward_id", "supply": "token_id"}[row]
    changes = {"code": "else"} if row == "reward" else {}

    refusal = refusal_of(lambda: add(made, **changes))

    assert field in refusal


def test_every_check_and_trigger_of_the_app_is_provoked():
    assert {name for name, _ in BREACHES} == (CHECKS | TRIGGERS) - REFUSING_NOTHING


def test_every_table_of_the_app_has_a_row_to_be_tried_on(world):
    assert {model._meta.db_table for model in MODELS} <= by_table(world).keys()


def test_what_no_rule_forbids_can_be_changed(world):
    """The tables are not simply locked: neighbours of what is refused pass."""
    allowed = [
        lambda: change(world.code, revoked_at=NOON),
        lambda: change(world.code, redeemed_at=NOON, member=world.member),
        lambda: change(world.free, used_at=NOON),
        lambda: hand_out(world.free, world.member, world.debit),
        lambda: change(world.step, reason=""),
        lambda: change(world.item, status="approved", reason="fine"),
        lambda: add(world.item, serial=9),
    ]

    for change_it in allowed:
        without_trace(change_it)
