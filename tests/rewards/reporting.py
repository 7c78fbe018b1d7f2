"""A row of each table of ads, the inbox and the ranking, for the invariants."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from django.db.models import Model

from rewards.models import Ad, AdDay, AdSegment, AdText, InboxItem, RankingMark, RankNode, RankScore
from tests.conftest import NOON
from tests.rewards.conftest import DAY


def add_reports(world: SimpleNamespace) -> None:
    """One of each; the score makes the nodes of its tree."""
    brand, member = world.brand, world.member
    dates = {"starts_at": NOON, "ends_at": NOON + DAY}
    world.ad = Ad.objects.create(brand=brand, kind="news", title="News", **dates)
    world.ad_text = AdText.objects.create(brand=brand, ad=world.ad, language="de", title="Neues")
    world.ad_tie = AdSegment.objects.create(brand=brand, ad=world.ad, segment=world.regulars)
    world.ad_day = AdDay.objects.create(brand=brand, ad=world.ad, day=NOON.date(), shard=0, shown=3)
    terms = {"brand": brand, "member": member, "action": world.action, "occurred_at": NOON, "received_at": NOON}
    world.reported = InboxItem.objects.create(actor="app:1", param="order 1", **terms)
    world.score = RankScore.objects.create(brand=brand, member=member, period="all", name=member.auth_id, points=5)
    world.node = RankNode.objects.filter(brand=brand).earliest("pk")
    world.rank_mark = RankingMark.objects.create(brand=brand)


def _change(row: Model, **changes: Any) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(**changes)


BREACHES: list[tuple[str, Callable[[SimpleNamespace], Any]]] = [
    ("ad_kind_known", lambda w: _change(w.ad, kind="else")),
    ("ad_ends_after_start", lambda w: _change(w.ad, ends_at=NOON)),
    ("ad_day_positive", lambda w: _change(w.ad_day, shown=0)),
    ("inbox_settled_whole", lambda w: _change(w.reported, state="else")),
    ("inbox_settled_whole", lambda w: _change(w.reported, state="applied")),
    ("inbox_settled_whole", lambda w: _change(w.reported, state="refused", settled_at=NOON)),
    ("inbox_settled_whole", lambda w: _change(w.reported, points=5)),
    ("inbox_settled_whole", lambda w: _change(w.reported, settled_at=NOON)),
    ("rank_score_not_negative", lambda w: _change(w.score, points=-1)),
]
