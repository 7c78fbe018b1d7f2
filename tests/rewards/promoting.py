"""A row of each table of promotions and earnings, as the services make them, and what breaks their rules."""

from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from django.db import connection
from django.db.models import F, Model

from rewards.models import (
    BaseRate,
    Earning,
    EarningReversal,
    Programme,
    PromotionSegment,
    PromotionUse,
)
from rewards.rules.baskets import AskedLine
from rewards.services.earning import EarnOrder, earn
from rewards.services.evaluating import BasketOrder
from rewards.services.promotions import draft_promotion, publish_promotion, set_base_rate
from rewards.services.taking_back import TakeBackOrder, take_back
from tests.conftest import NOON
from tests.rewards.acting import make_segment

TERMS = {"gain": {"kind": "fixed", "points": 10}, "member_times": 5}


def add_promotions(world: SimpleNamespace) -> None:
    """A row of each table."""
    brand, member = world.brand, world.member
    world.programme = Programme.objects.create(brand=brand, token=world.token)
    world.rate = set_base_rate(brand_id=brand.pk, token_id=world.token.pk, rate=Decimal(1), actor="staff:1", at=NOON)
    world.promotion = draft_promotion(brand=brand, name="Ten", terms=TERMS, budget_points=100)
    segment = make_segment(brand, member)
    world.promotion_tie = PromotionSegment.objects.create(brand=brand, promotion=world.promotion, segment=segment)
    world.version = publish_promotion(brand_id=brand.pk, promotion_id=world.promotion.pk, actor="staff:1", at=NOON)
    earn_on(member, "till 1", "20.00")
    earn_on(member, "till 2", "0.50", store_id="nowhere")
    reversal = TakeBackOrder(
        brand_id=brand.pk, transaction_id="till 1", reversal_id="back 1", content=b"{}", actor="client:7", lines=[("1", None)]
    )
    take_back(order=reversal, at=NOON, render=lambda taken: str(taken.points))
    world.promotion.refresh_from_db()
    world.earning = Earning.objects.get(brand=brand, transaction_id="till 1")
    world.back = EarningReversal.objects.get(brand=brand)
    world.promotion_use = PromotionUse.objects.get(brand=brand)


def earn_on(member: Any, transaction_id: str, amount: str, **terms: Any) -> None:
    """Earn on a basket of one line."""
    line = AskedLine(1, "bread", None, 1, amount, None, amount)
    basket = BasketOrder(brand_id=member.brand_id, member=member.auth_id, currency="EUR", lines=[line], **terms)
    order = EarnOrder(basket=basket, transaction_id=transaction_id, content=b"{}", actor="client:7")
    earn(order=order, at=NOON, render=lambda earned: str(earned.judged.outcome.total))


def _change(row: Model, **changes: Any) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(**changes)


def _run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _remove(row: Model) -> None:
    _run(f"DELETE FROM {row._meta.db_table} WHERE id = {row.pk}")


def _truncate(row: Model) -> None:
    _run(f"TRUNCATE {row._meta.db_table} CASCADE")


BREACHES: list[tuple[str, Callable[[SimpleNamespace], Any]]] = [
    ("base_rate_not_negative", lambda w: BaseRate.objects.create(brand=w.brand, token=w.token, number=9, rate=-1)),
    ("base_rate_no_update", lambda w: _change(w.rate, rate=2)),
    ("base_rate_no_delete", lambda w: _remove(w.rate)),
    ("base_rate_no_truncate", lambda w: _truncate(w.rate)),
    ("promotion_state_known", lambda w: _change(w.promotion, state="else")),
    ("promotion_within_budget", lambda w: _change(w.promotion, spent_points=101)),
    ("promotion_within_budget", lambda w: _change(w.promotion, spent_points=-1)),
    ("promotion_published_has_version", lambda w: _change(w.promotion, version=None)),
    ("promotion_version_no_update", lambda w: _change(w.version, terms={})),
    ("promotion_version_no_delete", lambda w: _remove(w.version)),
    ("promotion_version_no_truncate", lambda w: _truncate(w.version)),
    ("promotion_use_not_negative", lambda w: _change(w.promotion_use, points=-1)),
    ("earning_remains", lambda w: _change(w.earning, remaining=-1)),
    ("earning_posted", lambda w: Earning.objects.create(**_like(w.earning, transaction_id="x", posting_id=None))),
    ("earning_posted", lambda w: Earning.objects.create(**_like(w.earning, transaction_id="x", points=0, remaining=0))),
    ("earning_no_delete", lambda w: _remove(w.earning)),
    ("earning_no_truncate", lambda w: _truncate(w.earning)),
    ("earning_stays", lambda w: _change(w.earning, transaction_id="else")),
    ("earning_stays", lambda w: _change(w.earning, points=F("points") + 1)),
    ("earning_stays", lambda w: _change(w.earning, posting=None)),
    ("earning_stays", lambda w: _change(w.earning, remaining=F("remaining") + 1)),
    ("earning_reversal_posted", lambda w: _change(w.back, posting=None)),
    ("earning_reversal_posted", lambda w: _change(w.back, points=0)),
    ("earning_reversal_no_delete", lambda w: _remove(w.back)),
    ("earning_reversal_no_truncate", lambda w: _truncate(w.back)),
    ("reward_type_value_not_negative", lambda w: _change(w.gift, value=-1)),
]


def _like(row: Model, **changes: Any) -> dict[str, Any]:
    fields = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields if not field.primary_key}
    return fields | changes
