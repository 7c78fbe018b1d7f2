"""Charts of the home page: each as figures for the theme's chart, and as a table that says the same."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from exchange.rules.orders import OrderState
from exchange.selectors import exchanges_by_state
from ledger.models import Token
from ledger.selectors import AGES_DAYS, flows_of, liability_of
from loyalty.admin.period import Period
from rewards.selectors import codes_by_day

# Told apart by more than their hue: light and dark in turn, lines dashed differently.
COLOURS = ("#2563eb", "#d97706", "#dc2626", "#059669", "#7c3aed", "#0891b2", "#64748b")
DASHES: tuple[list[int], ...] = ([], [6, 3], [2, 2], [10, 3, 2, 3], [1, 3], [8, 2], [4, 6])
STATE_COLOURS = {
    OrderState.ACCEPTED.value: "#0891b2",
    OrderState.SUBMITTED.value: "#2563eb",
    OrderState.UNKNOWN.value: "#d97706",
    OrderState.PENDING.value: "#93c5fd",
    OrderState.SETTLED.value: "#059669",
    OrderState.REFUSED.value: "#64748b",
    OrderState.PARKED.value: "#dc2626",
}
GREY, LINES = "#737b8c", "#94a3b833"


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart with its table. `totals` are told above it; `at` is until when everything is in it."""

    name: str
    title: str
    type: str
    labels: Sequence[str]
    series: Mapping[str, Sequence[int]]
    heading: str
    at: datetime | None
    stacked: bool = False
    totals: Sequence[tuple[str, str]] = ()
    colours: Sequence[str] = field(default=COLOURS)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(any(values) for values in self.series.values())

    @property
    def value(self) -> str:
        """What is drawn, as the theme's chart takes it."""
        return json.dumps({"labels": list(self.labels), "datasets": [self._dataset(*one) for one in enumerate(self.series)]})

    def _dataset(self, number: int, name: str) -> dict[str, Any]:
        colour = self.colours[number % len(self.colours)]
        dataset: dict[str, Any] = {
            "label": name,
            "data": list(self.series[name]),
            "borderColor": colour,
            "backgroundColor": colour,
        }
        if self.type == "line":
            dataset |= {"borderDash": DASHES[number % len(DASHES)], "borderWidth": 2, "pointRadius": 0, "pointHitRadius": 8}
        return dataset

    @property
    def options(self) -> str:
        """How it is drawn."""
        axis = {"ticks": {"color": GREY, "maxTicksLimit": 12}, "grid": {"color": LINES}, "stacked": self.stacked}
        mark = {"usePointStyle": True, "pointStyle": "line", "pointStyleWidth": 28} if self.type == "line" else {"boxWidth": 12}
        legend = {"display": len(self.series) > 1, "position": "bottom", "labels": {"color": GREY, **mark}}
        told = {
            "animation": False,
            "responsive": True,
            "maintainAspectRatio": False,
            "interaction": {"mode": "index", "intersect": False},
            "plugins": {"legend": legend},
            "scales": {"x": axis, "y": axis | {"beginAtZero": True}},
        }
        return json.dumps(told)

    @property
    def rows(self) -> list[tuple[str, list[str]]]:
        """The table: each label with its figures, those without any left out."""
        columns = list(self.series.values())
        return [
            (label, [_number(values[at]) for values in columns])
            for at, label in enumerate(self.labels)
            if any(values[at] for values in columns)
        ]


def flows_chart(token: Token, period: Period, at: datetime | None) -> Chart:
    """Points earned, burned and expired, and what reversals gave back and took back."""
    names = {
        "earned": _("Earned"),
        "burned": _("Burned"),
        "expired": _("Expired"),
        "given_back": _("Given back"),
        "taken_back": _("Taken back"),
    }
    flows = flows_of(brand_id=token.brand_id, token_id=token.pk, first=period.first, last=period.last)
    series = {told: _spread(period, ((flow.day, getattr(flow, name)) for flow in flows)) for name, told in names.items()}
    return _over_time("flows", _("%(token)s by day") % {"token": token.name}, period, series, at)


def liability_chart(token: Token, today: date, at: datetime | None) -> Chart:
    """What is owed, by how long ago it was earned."""
    owed = liability_of(brand_id=token.brand_id, token_id=token.pk, today=today)
    edges = [0, *AGES_DAYS]
    labels = [
        _("%(first)s to %(last)s days") % {"first": a + bool(a), "last": b} for a, b in zip(edges, AGES_DAYS, strict=False)
    ]
    labels += [_("Older"), _("Never expire")]
    return Chart(
        name="liability",
        title=_("%(token)s that members hold, by age") % {"token": token.name},
        type="bar",
        labels=labels,
        series={_("Points"): [*owed.by_age, owed.without_lot]},
        heading=_("Age"),
        at=at,
        totals=[(_("All"), _number(owed.total))],
        colours=COLOURS[4:],
    )


def codes_chart(brand_id: int, period: Period, at: datetime | None) -> Chart:
    """Codes issued and redeemed."""
    days = codes_by_day(brand_id=brand_id, first=period.first, last=period.last)
    series = {
        _("Issued"): _spread(period, ((day.day, day.issued) for day in days)),
        _("Redeemed"): _spread(period, ((day.day, day.redeemed) for day in days)),
    }
    return _over_time("codes", _("Codes by day"), period, series, at)


def exchanges_chart(brand_id: int, period: Period, at: datetime | None) -> Chart:
    """Exchanges made in the period, by partner, each by where it stands now."""
    found = exchanges_by_state(brand_id=brand_id, first=period.first, last=period.last)
    providers = list(dict.fromkeys(row.provider for row in found))
    counts = {(row.provider, row.state): row.orders for row in found}
    states = [state.value for state in OrderState if any(row.state == state for row in found)]
    names = state_names()
    return Chart(
        name="exchanges",
        title=_("Exchanges by partner and state"),
        type="bar",
        labels=[provider or _("Other brands") for provider in providers],
        series={names[state]: [counts.get((provider, state), 0) for provider in providers] for state in states},
        heading=_("Partner"),
        at=at,
        stacked=True,
        colours=[STATE_COLOURS[state] for state in states],
        totals=[(_("All"), _number(sum(row.orders for row in found)))],
    )


def state_names() -> dict[str, str]:
    """The states of an exchange, as people read them."""
    return {
        OrderState.ACCEPTED.value: _("Accepted"),
        OrderState.SUBMITTED.value: _("Sent"),
        OrderState.UNKNOWN.value: _("Without an answer"),
        OrderState.PENDING.value: _("Pending"),
        OrderState.SETTLED.value: _("Settled"),
        OrderState.REFUSED.value: _("Refused"),
        OrderState.PARKED.value: _("Parked"),
    }


def _over_time(name: str, title: str, period: Period, series: Mapping[str, Sequence[int]], at: datetime | None) -> Chart:
    return Chart(
        name=name,
        title=title,
        type="line",
        labels=[date_format(day, "SHORT_DATE_FORMAT") for day in period.points()],
        series=series,
        heading=_("From"),
        at=at,
        totals=[(told, _number(sum(values))) for told, values in series.items()],
    )


def _spread(period: Period, figures: Iterable[tuple[date, int]]) -> list[int]:
    """A figure for each point of the period, 0 where there is none."""
    sums = dict.fromkeys(period.points(), 0)
    for day, figure in figures:
        sums[period.start_of(day)] += figure
    return list(sums.values())


def _number(figure: int) -> str:
    return str(number_format(figure, force_grouping=True))
