"""What waits for staff: each kind as a count that goes no further than a thousand, with the list behind it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.db.models import IntegerField, Model, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from exchange.models import Difference, ExchangeMark, ExchangeOrder
from exchange.rules.orders import OrderState
from ledger.models import TallyMark
from rewards.models import Campaign, CodeMark, Collectible, Personalisation
from rewards.selectors import running_out
from users.models import Approval, ApprovalState, Brand, Email, WebhookDelivery
from users.models.emails import EmailState
from users.models.webhooks import DeliveryState

MOST_COUNTED = 1_000


class BoundedCount(Subquery):
    """How many rows a query has, where it is cut off."""

    template = "(SELECT count(*) FROM (%(subquery)s) AS bounded)"
    output_field: ClassVar[IntegerField[Any, Any]] = IntegerField()


@dataclass(frozen=True, slots=True)
class Need:
    """One kind of thing that waits: what it is called, whose list it is in, and which of its rows these are.

    `where` narrows the list in its address as well as here; `rows` stands for what an address cannot say.
    """

    name: str
    title: Promise | str
    icon: str
    model: type[Model]
    where: dict[str, str]
    rows: Callable[[datetime], QuerySet[Any]] | None = None

    @property
    def permission(self) -> str:
        """Whoever may look at the list is told of it."""
        return f"{self.model._meta.app_label}.view_{self.model._meta.model_name}"

    def count(self, at: datetime) -> BoundedCount:
        """How many there are of the brand around it, at most one more than is told."""
        rows = self.rows(at) if self.rows is not None else self.model._default_manager.filter(**self.where)
        return BoundedCount(rows.filter(brand=OuterRef("pk")).order_by().values("pk")[: MOST_COUNTED + 1])

    def link(self, request: HttpRequest, brand: Brand) -> str:
        """The list, narrowed to these."""
        of_brand = {} if getattr(request.user, "brand_id", None) else {"brand__id__exact": str(brand.pk)}
        page = reverse(f"admin:{self.model._meta.app_label}_{self.model._meta.model_name}_changelist")
        return f"{page}?{urlencode(self.where | of_brand)}"


NEEDS = [
    Need("approvals", _("Requests to approve"), "how_to_reg", Approval, {"state__exact": ApprovalState.ASKED.value}),
    Need(
        "personalisations",
        _("Personalisations to decide"),
        "edit_note",
        Collectible,
        {"status__exact": Personalisation.PENDING.value},
        lambda _at: Collectible.objects.filter(status=Personalisation.PENDING, member__isnull=False),
    ),
    Need("exchanges_parked", _("Exchanges parked"), "flight", ExchangeOrder, {"state": OrderState.PARKED.value}),
    Need(
        "exchanges_unknown",
        _("Exchanges without an answer"),
        "help",
        ExchangeOrder,
        {"state": OrderState.UNKNOWN.value},
    ),
    Need(
        "differences",
        _("Differences to statements"),
        "rule",
        Difference,
        {"resolved_at__isnull": "True"},
        lambda _at: Difference.objects.filter(resolved_at__isnull=True),
    ),
    Need("emails", _("E-mails given up"), "mail", Email, {"state__exact": EmailState.PARKED.value}),
    Need("webhooks", _("Webhooks given up"), "outbox", WebhookDelivery, {"state__exact": DeliveryState.PARKED.value}),
    Need(
        "campaigns",
        _("Campaigns about to run out"),
        "campaign",
        Campaign,
        {"running_out": "yes"},
        lambda at: running_out(at=at),
    ),
]


@dataclass(frozen=True, slots=True)
class Card:
    """A count as the page shows it."""

    name: str
    title: Promise | str
    icon: str
    count: str
    waiting: bool
    link: str


@dataclass(frozen=True, slots=True)
class Overview:
    """What one statement tells of a brand: its cards, and until when each rollup is counted."""

    cards: list[Card]
    flows_at: datetime | None
    codes_at: datetime | None
    exchanges_at: datetime | None


MARKS = {"flows_at": TallyMark, "codes_at": CodeMark, "exchanges_at": ExchangeMark}


def overview_of(request: HttpRequest, brand: Brand, *, at: datetime) -> Overview:
    """What waits in a brand for whoever is signed in."""
    shown = [need for need in NEEDS if request.user.has_perm(need.permission)]
    marks = {
        name: Subquery(mark._default_manager.filter(brand=OuterRef("pk")).values("counted_at")) for name, mark in MARKS.items()
    }
    counts = {need.name: need.count(at) for need in shown}
    told: dict[str, Any] = dict(Brand.objects.filter(pk=brand.pk).values(**counts, **marks).get())
    cards = [
        Card(need.name, need.title, need.icon, _told(told[need.name]), told[need.name] > 0, need.link(request, brand))
        for need in shown
    ]
    return Overview(cards, **{name: told[name] for name in MARKS})


def _told(count: int) -> str:
    return f"{number_format(MOST_COUNTED, force_grouping=True)}+" if count > MOST_COUNTED else str(count)
