"""The exchange desk: orders by state and age, what partners answered, what statements do not agree on."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.timesince import timesince
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from exchange.models import AccrualFile, AnswerFile, Difference, ExchangeAttempt, ExchangeMove, ExchangeOrder
from exchange.rules.orders import OPEN, OrderState
from exchange.services.desk import ask_now, resume_order
from exchange.services.reconciling import resolve_difference
from ledger.models import Transaction
from loyalty.admin.base import BrandRelatedFilter, ReadOnlyAdmin, ReasonForm, actor_of
from loyalty.admin.keyset import KeysetMixin
from loyalty.admin.verbs import Link, Panel, ReasonedForm, Verb, VerbForm, VerbsAdmin
from loyalty.keyset import Key

WAITING = [*sorted(state.value for state in OPEN), OrderState.PARKED.value]
COLOURS = {"settled": "success", "refused": "info", "parked": "danger", "unknown": "warning", "pending": "primary"}
MOST_LINES = 200


class DecidingAdmin(ReadOnlyAdmin):
    """Rows that staff decide about one by one, and say why."""

    action_form = ReasonForm

    @staticmethod
    def actor(request: HttpRequest) -> str:
        """Who decides, as the rows name them."""
        return actor_of(request)

    @staticmethod
    def reason(request: HttpRequest) -> str:
        """Why."""
        return request.POST.get("reason", "")


class StateFilter(admin.SimpleListFilter):
    """By state; at first what is not over, for that is what somebody waits for."""

    title, parameter_name = _("state"), "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Each state, and all of them."""
        return [*((state.value, _(state.value)) for state in OrderState), ("all", _("all"))]

    def choices(self, changelist: Any) -> Any:
        """Say what no choice means."""
        first, *rest = super().choices(changelist)
        yield {**first, "display": _("not over")}
        yield from rest

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Orders in that state. What is looked for by its reference is found in each."""
        if self.value() in list(OrderState):
            return queryset.filter(state=self.value())
        return queryset if self.value() == "all" or request.GET.get("q") else queryset.filter(state__in=WAITING)


class AgeFilter(admin.SimpleListFilter):
    """By how long ago the member asked for it."""

    title, parameter_name = _("age"), "age"
    HOURS = {"1": _("over an hour"), "24": _("over a day"), "72": _("over three days"), "168": _("over a week")}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Ages that matter."""
        return list(self.HOURS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Orders as old as that."""
        if self.value() not in self.HOURS:
            return queryset
        return queryset.filter(created_at__lte=timezone.now() - timedelta(hours=int(str(self.value()))))


class AskForm(VerbForm):
    """Asks nothing: to ask the partner moves nothing."""


def _is_open(order: ExchangeOrder) -> bool:
    return order.state in OPEN


def _is_parked(order: ExchangeOrder) -> bool:
    return order.state == OrderState.PARKED


def _ask(_request: HttpRequest, order: ExchangeOrder, _form: VerbForm) -> None:
    ask_now(brand_id=order.brand_id, order_id=order.pk, at=timezone.now())


def _resume(request: HttpRequest, order: ExchangeOrder, form: VerbForm) -> None:
    why = {"actor": actor_of(request), "reason": form.cleaned_data["reason"], "at": timezone.now()}
    resume_order(brand_id=order.brand_id, order_id=order.pk, **why)


@admin.register(ExchangeOrder)
class ExchangeOrderAdmin(VerbsAdmin, KeysetMixin, DecidingAdmin):  # type: ignore[misc]
    """Exchanges, the oldest that are not over first; those that are parked wait for a decision."""

    list_display = [
        "reference",
        "brand",
        "provider",
        "shown_state",
        "age",
        "points",
        "arriving",
        "attempts",
        "misses",
        "due_at",
    ]
    list_filter = [StateFilter, AgeFilter, ("provider", BrandRelatedFilter)]
    list_select_related = ["brand", "provider__programme", "provider__brand", "token_b"]
    list_select_related += ["member", "partnership__token_a", "partnership__token_b"]
    search_fields = ["reference__exact", "partner_reference__exact"]
    search_help_text = _("Our reference, or the partner's, in full.")
    fieldsets = [
        (None, {"fields": ["reference", "stands", "age", "whose", "provider", "partnership"]}),
        (_("Amounts"), {"fields": ["points", "arriving", "shown_rate", "remainder", "credited"]}),
        (
            _("Under way"),
            {
                "fields": [
                    "partner_reference",
                    "attempts",
                    "misses",
                    "due_at",
                    "refusal_code",
                    "refusal_detail",
                    "created_at",
                    "ended_at",
                ]
            },
        ),
    ]
    readonly_fields = ["stands", "age", "whose", "arriving", "shown_rate"]
    verbs = (
        Verb(
            name="ask",
            title=_("Ask the partner now"),
            permission="exchange.decide_exchange",
            act=_ask,
            form=AskForm,
            applies=_is_open,
            icon="sync",
            words=_("A worker takes it up at once, unless calls to the partner are paused or its circuit breaker is open."),
            done=_("The partner is asked within seconds."),
        ),
        Verb(
            name="resume",
            title=_("Ask the partner again"),
            permission="exchange.decide_exchange",
            act=_resume,
            applies=_is_parked,
            icon="sync",
            words=_("It goes back to where its outcome is unknown, with all attempts anew."),
            done=_("The partner is asked again."),
        ),
    )

    def get_key(self, request: HttpRequest) -> Key:
        """What is not over oldest first, the rest newest first."""
        over = request.GET.get("state") in {OrderState.SETTLED.value, OrderState.REFUSED.value, "all"} or request.GET.get("q")
        return Key.of(("-pk",) if over else ("created_at", "pk"))

    @display(description=_("state"), label=COLOURS)  # type: ignore[arg-type]
    def shown_state(self, order: ExchangeOrder) -> tuple[str, Any]:
        """The state, in its colour."""
        return order.state, _(order.state)

    @admin.display(description=_("age"))
    def age(self, order: ExchangeOrder) -> str:
        """How long it took, or takes so far."""
        return timesince(order.created_at, order.ended_at or timezone.now(), depth=1)

    @admin.display(description=_("arriving"))
    def arriving(self, order: ExchangeOrder) -> str:
        """What arrives, in units of B."""
        return f"{order.arrived} {order.token_b.symbol}"

    @admin.display(description=_("rate"))
    def shown_rate(self, order: ExchangeOrder) -> str:
        """The rate it was made with."""
        return f"{order.rate_numerator.normalize():f} / {order.rate_denominator.normalize():f}"

    @admin.display(description=_("member"))
    def whose(self, order: ExchangeOrder) -> str:
        """A link to the member."""
        return format_html('<a href="{}">{}</a>', reverse("admin:users_member_change", args=[order.member_id]), order.member)

    def facts(self, row: ExchangeOrder) -> list[tuple[Any, Any]]:
        """What it is about."""
        return [
            (_("reference"), row.reference),
            (_("state"), _(row.state)),
            (_("points"), row.points),
            (_("arriving"), self.arriving(row)),
            (_("age"), self.age(row)),
        ]

    def panels(self, request: HttpRequest, row: ExchangeOrder) -> list[Panel]:
        """Attempts and their answers, moves, and the postings in the ledger."""
        of_order = {"brand_id": row.brand_id, "order": row}
        calls = ExchangeAttempt.objects.filter(**of_order).order_by("-number")[:MOST_LINES]
        moves = ExchangeMove.objects.filter(**of_order).order_by("-pk")[:MOST_LINES]
        silent = _("no answer yet")
        told = [
            (one.number, one.get_act_display(), one.begun_at, one.ended_at, one.outcome or silent, one.detail) for one in calls
        ]
        moved = [(one.at, _(one.came_from), _(one.went_to), one.actor, one.reason) for one in moves]
        headers = (_("number"), _("act"), _("begun"), _("ended"), _("outcome"), _("detail"))
        return [
            Panel(title=_("Attempts and answers"), headers=headers, rows=told),
            Panel(title=_("Moves"), headers=(_("at"), _("from"), _("to"), _("by"), _("reason")), rows=moved),
            _postings(row),
        ]

    def links(self, request: HttpRequest, row: ExchangeOrder) -> list[Link]:
        """What needs a second person, of a parked one."""
        if not _is_parked(row) or not request.user.has_perm("exchange.decide_exchange"):
            return []
        return [
            Link(title=_("Settle by hand"), icon="task_alt", address=reverse("admin:exchange_settle", args=[row.pk])),
            Link(title=_("Refund by hand"), icon="undo", address=reverse("admin:exchange_refund", args=[row.pk])),
        ]


def _postings(order: ExchangeOrder) -> Panel:
    """What it moved in the ledger."""
    rows = Transaction.objects.filter(brand_id=order.brand_id, pk__in=[order.transaction_id, order.reversal_id or 0])
    told = [
        (_link("ledger_transaction", one.pk), one.get_type_display(), one.amount, one.balance_after, one.recorded_at)
        for one in rows.order_by("pk")
    ]
    headers = (_("transaction"), _("type"), _("amount"), _("balance after"), _("recorded"))
    return Panel(title=_("In the ledger"), headers=headers, rows=told)


def _link(page: str, pk: int) -> str:
    return format_html('<a href="{}">{}</a>', reverse(f"admin:{page}_change", args=[pk]), pk)


def _resolve(request: HttpRequest, row: Difference, form: VerbForm) -> None:
    why: dict[str, Any] = {"actor": actor_of(request), "resolution": form.cleaned_data["reason"], "at": timezone.now()}
    resolve_difference(brand_id=row.brand_id, difference_id=row.pk, **why)


def _unresolved(row: Difference) -> bool:
    return row.resolved_at is None


@admin.register(Difference)
class DifferenceAdmin(VerbsAdmin, KeysetMixin, DecidingAdmin):  # type: ignore[misc]
    """What statements do not agree on; each is resolved once, with words."""

    list_display = ["reference", "brand", "provider", "day", "kind", "ours", "theirs", "resolved_by", "resolution"]
    list_filter = ["kind", ("resolved_at", admin.EmptyFieldListFilter), ("provider", BrandRelatedFilter)]
    list_select_related = ["brand", "provider__programme", "provider__brand"]
    search_fields = ["reference__exact"]
    actions = ["resolve"]
    verbs = (
        Verb(
            name="resolve",
            title=_("Resolve"),
            permission="exchange.resolve_difference",
            act=_resolve,
            form=ReasonedForm,
            applies=_unresolved,
            icon="check",
            words=_("Say what came of it; it moves no points."),
            done=_("The difference is resolved."),
        ),
    )

    def facts(self, row: Difference) -> list[tuple[Any, Any]]:
        """What differs."""
        return [
            (_("kind"), row.get_kind_display()),
            (_("day"), row.day),
            (_("reference"), row.reference),
            (_("ours"), row.ours),
            (_("theirs"), row.theirs),
        ]

    @admin.action(description=_("Resolve; the reason says how"), permissions=["resolve"])
    def resolve(self, request: HttpRequest, queryset: QuerySet[Difference]) -> None:
        """Keep what came of differences."""
        why: dict[str, Any] = {"actor": self.actor(request), "resolution": self.reason(request), "at": timezone.now()}
        self.act_on_each(request, queryset, lambda row: resolve_difference(brand_id=row.brand_id, difference_id=row.pk, **why))

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        """Who may resolve."""
        return request.user.has_perm("exchange.resolve_difference")


@admin.register(AccrualFile)
class AccrualFileAdmin(KeysetMixin, ReadOnlyAdmin):  # type: ignore[misc]
    """Files for partners; their content, which names members, is not shown."""

    list_display = ["name", "brand", "provider", "sequence", "records", "total", "made_at", "delivered_at", "refused_as"]
    list_select_related = ["brand", "provider__programme", "provider__brand"]
    exclude = ["content"]


@admin.register(AnswerFile)
class AnswerFileAdmin(KeysetMixin, ReadOnlyAdmin):  # type: ignore[misc]
    """Partners' answers, those that were refused too."""

    list_display = ["name", "brand", "provider", "sequence", "answers", "records", "total", "state", "fault", "received_at"]
    list_filter = ["state"]
    list_select_related = ["brand", "provider__programme", "provider__brand", "answers"]
