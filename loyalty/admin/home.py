"""The home page: what waits for whoever signs in, and how their brand is doing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ledger.models import ProofRun, ProofSubject, Token
from ledger.models.tokens import TokenType
from loyalty.admin.base import ReadOnlyAdmin, staff_of
from loyalty.admin.cards import Overview, overview_of
from loyalty.admin.charts import Chart, codes_chart, exchanges_chart, flows_chart, liability_chart
from loyalty.admin.period import CHOICES_DAYS, Period, period_of
from users.models import Brand, Staff

MOST_OFFERED = 200
FRESH = timedelta(hours=36)
SUBJECTS = {
    ProofSubject.LEDGER: _("Ledger"),
    ProofSubject.FLOWS: _("Points by day"),
    ProofSubject.CODES: _("Codes by day"),
    ProofSubject.EXCHANGES: _("Exchanges by day"),
}


@admin.register(ProofRun)
class ProofRunAdmin(ReadOnlyAdmin):
    """The nightly proofs, and what they found."""

    list_display = ["night", "brand", "subject", "begun_at", "ended_at", "accounts", "rows", "faults"]
    list_filter = ["subject"]
    list_select_related = ["brand"]
    ordering = ["-night", "-pk"]


@dataclass(frozen=True, slots=True)
class Proof:
    """The last proof of one subject, in words: `holds` is None where there is none, or none of late, or none that ended."""

    subject: Promise | str
    holds: bool | None
    verdict: Promise | str
    run: ProofRun | None

    @property
    def looked_at(self) -> str:
        """How many rows it looked at."""
        return "" if self.run is None else str(number_format(self.run.rows, force_grouping=True))


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Fill the home page, as the theme asks for it."""
    staff, now = staff_of(request), timezone.now()
    brands = _brands(staff)
    brand = _chosen(request.GET.get("brand", ""), brands)
    if brand is None:
        return context
    today = now.astimezone(brand.zone).date()
    period = period_of(request.GET, today=today)
    overview = overview_of(request, brand, at=now)
    tokens, token = _tokens(request, brand)
    return context | {
        "brand": brand,
        "brands": brands if staff.brand_id is None else [],
        "cards": overview.cards,
        "proofs": _proofs(brand, at=now) if request.user.has_perm("ledger.view_proofrun") else [],
        "charts": _charts(request, token, brand, period, overview),
        "tokens": tokens,
        "token": token,
        "period": period,
        "periods": _periods(period, brand, staff, token),
        "time_zone": brand.time_zone,
    }


def _brands(staff: Staff) -> list[Brand]:
    if staff.brand is not None:
        return [staff.brand]
    return list(Brand.objects.order_by("name")[:MOST_OFFERED])


def _chosen(asked: str, brands: list[Brand]) -> Brand | None:
    """The brand that the house asks for, or the first; everybody else has theirs."""
    return next((brand for brand in brands if str(brand.pk) == asked), brands[0] if brands else None)


def _tokens(request: HttpRequest, brand: Brand) -> tuple[list[Token], Token | None]:
    """The brand's points, and those that are asked for or come first."""
    rows = Token.objects.filter(brand=brand, type=TokenType.ERC20).order_by("pk")
    tokens = list(rows[:MOST_OFFERED]) if request.user.has_perm("ledger.view_account") else []
    asked = request.GET.get("token", "")
    return tokens, next((token for token in tokens if str(token.pk) == asked), tokens[0] if tokens else None)


def _charts(request: HttpRequest, token: Token | None, brand: Brand, period: Period, overview: Overview) -> list[Chart]:
    """The charts of what someone may look at."""
    may, charts = request.user.has_perm, list[Chart]()
    if token is not None and may("ledger.view_transaction"):
        charts.append(flows_chart(token, period, overview.flows_at))
    if token is not None and may("ledger.view_account"):
        today = timezone.now().astimezone(brand.zone).date()
        charts.append(liability_chart(token, today, overview.flows_at))
    if may("rewards.view_code"):
        at = min(overview.codes_at, overview.flows_at) if overview.codes_at and overview.flows_at else None
        charts.append(codes_chart(brand.pk, period, at))
    if may("exchange.view_exchangeorder"):
        charts.append(exchanges_chart(brand.pk, period, overview.exchanges_at))
    return charts


def _periods(period: Period, brand: Brand, staff: Staff, token: Token | None) -> list[tuple[int, str, bool]]:
    """Days, address, and whether it is the one that is shown."""
    kept = {} if staff.brand_id is not None else {"brand": brand.pk}
    kept |= {"token": token.pk} if token is not None else {}
    return [(days, f"?{urlencode({'period': days, **kept})}", days == period.days) for days in CHOICES_DAYS]


def _proofs(brand: Brand, *, at: datetime) -> list[Proof]:
    """The last proof of each subject."""
    runs = ProofRun.objects.filter(brand=brand).order_by("subject", "-night").distinct("subject")
    last = {run.subject: run for run in runs}
    return [_proof(told, last.get(subject.value), at) for subject, told in SUBJECTS.items()]


def _proof(subject: Promise | str, run: ProofRun | None, at: datetime) -> Proof:
    if run is None:
        return Proof(subject, None, _("not proved yet"), None)
    if run.faults:
        return Proof(subject, False, _("differs"), run)
    if run.ended_at is None:
        under_way = run.begun_at > at - timedelta(hours=2)
        return Proof(subject, None, _("being proved") if under_way else _("the proof did not end"), run)
    if run.ended_at < at - FRESH:
        return Proof(subject, None, _("not proved last night"), run)
    return Proof(subject, True, _("holds"), run)
