"""A brand's programme: the token that baskets earn in, and the rate of the base with all that it has been."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

from ledger.models import Token
from ledger.models.tokens import TokenType
from loyalty.admin.base import KeptAdmin, KeptForm, actor_of, staff_of
from loyalty.admin.codes import name_of_actor
from loyalty.admin.promotion_words import instant_words
from loyalty.admin.ranking import MAY_RANK, ranking_view
from loyalty.admin.verbs import Link, Panel, Verb, VerbForm, VerbsAdmin
from rewards.models import BaseRate, Programme
from rewards.services.programme import change_programme
from rewards.services.promotions import set_base_rate

RATES_SHOWN = 100


class ProgrammeForm(KeptForm):
    """A programme in a token of points of its own brand."""

    def __init__(self, *arguments: Any, **terms: Any) -> None:
        super().__init__(*arguments, **terms)
        field = self.fields.get("token")
        if isinstance(field, forms.ModelChoiceField) and field.queryset is not None:
            field.queryset = field.queryset.filter(type=TokenType.ERC20)

    def clean(self) -> dict[str, Any]:
        """Refuse a token of another brand."""
        told: dict[str, Any] = super().clean() or self.cleaned_data
        brand = told.get("brand")
        brand_id = brand.pk if brand is not None else self.instance.brand_id
        token = told.get("token")
        if token is not None and brand_id is not None and token.brand_id != brand_id:
            self.add_error("token", _("This token is of another brand."))
        return told


class RateForm(VerbForm):
    """How many points one unit of the brand's currency gives."""

    token = forms.ModelChoiceField(Token.objects.none(), label=gettext_lazy("Token"), widget=UnfoldAdminSelectWidget)
    rate = forms.DecimalField(
        label=gettext_lazy("Points for one unit of the brand's currency"),
        min_value=0,
        max_digits=12,
        decimal_places=6,
        widget=UnfoldAdminIntegerFieldWidget({"step": "any", "inputmode": "decimal"}),
        help_text=gettext_lazy("The sum of a basket times this rate, rounded down to whole points."),
    )

    def __init__(self, *arguments: Any, **terms: Any) -> None:
        super().__init__(*arguments, **terms)
        tokens = Token.objects.filter(brand_id=self.row.brand_id, type=TokenType.ERC20).order_by("pk")
        self.fields["token"].queryset = tokens  # type: ignore[attr-defined]

    def was(self) -> dict[str, Any]:
        """The rate that counts until now."""
        rate = rate_of(self.row.brand_id, self.cleaned_data["token"].pk)
        return {"rate": f"{rate.rate.normalize():f}", "number": rate.number} if rate is not None else {}


def rate_of(brand_id: int, token_id: int) -> BaseRate | None:
    """The rate that counts."""
    return BaseRate.objects.filter(brand_id=brand_id, token_id=token_id).order_by("-number").first()


def _rate_words(rate: Decimal | None) -> str:
    return f"{rate.normalize():f}" if rate is not None else "-"


def _set_rate(request: HttpRequest, row: Programme, form: RateForm) -> None:
    told = form.cleaned_data
    set_base_rate(
        brand_id=row.brand_id, token_id=told["token"].pk, rate=told["rate"], actor=actor_of(request), at=timezone.now()
    )


def _current(row: Programme) -> dict[str, Any]:
    rate = rate_of(row.brand_id, row.token_id)
    return {"token": row.token_id, **({"rate": rate.rate.normalize()} if rate is not None else {})}


@admin.register(Programme)
class ProgrammeAdmin(VerbsAdmin, KeptAdmin):  # type: ignore[misc]
    """Programmes, one a brand; the rate of the base is set by a verb."""

    form = ProgrammeForm
    list_display = ["token", "brand", "backdating_days", "shown_rate"]
    list_select_related = ["brand", "token"]
    fields = ["brand", "token", "backdating_days"]
    ordering = ["pk"]
    verbs = (
        Verb(
            name="set_base_rate",
            title=gettext_lazy("Set the base rate"),
            permission="rewards.change_programme",
            act=_set_rate,
            form=RateForm,
            initial=_current,
            icon="percent",
            words=gettext_lazy("It counts from now on, as a new version. What was earned stays as it was."),
            done=gettext_lazy("The base rate is set."),
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the rate of each."""
        rates = BaseRate.objects.filter(brand_id=OuterRef("brand_id"), token_id=OuterRef("token_id")).order_by("-number")
        rows: QuerySet[Any] = super().get_queryset(request).annotate(rate=Subquery(rates.values("rate")[:1]))
        return rows

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The brand for the house alone."""
        hidden = set(self.get_exclude(request, obj))
        return [name for name in super().get_fields(request, obj) if name not in hidden]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """A brand has one: whose brand has it goes on with that."""
        brand_id = staff_of(request).brand_id
        own = Programme.objects.filter(brand_id=brand_id).first() if brand_id is not None else None
        if own is not None and self.has_add_permission(request):
            return HttpResponseRedirect(self.address_of(own))
        return super().add_view(request, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write a new one, or change one so that whoever keeps its rules reads them anew."""
        if not change:
            super().save_model(request, obj, form, change)
        elif form.changed_data:
            change_programme(brand_id=obj.brand_id, **{name: form.cleaned_data[name] for name in form.changed_data})

    @admin.display(description=gettext_lazy("Base rate"))
    def shown_rate(self, row: Programme) -> str:
        """What one unit of the currency gives."""
        rate: Decimal | None = row.rate  # type: ignore[attr-defined]  # as get_queryset reads it
        return _("%(rate)s for 1 %(currency)s") % {"rate": _rate_words(rate), "currency": row.brand.currency}

    def facts(self, row: Programme) -> list[tuple[Any, Any]]:
        """What counts until now."""
        return [(_("Programme"), str(row.brand)), (_("Base rate"), self.shown_rate(row))]

    def get_urls(self) -> list[Any]:
        """The ranking, at an address of its own."""
        view = self.admin_site.admin_view(self.ranking)
        return [path("<int:object_id>/ranking/", view, name="rewards_programme_ranking"), *super().get_urls()]

    def ranking(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Who earned most."""
        return ranking_view(self, request, self.get_scoped_object(request, object_id, permission=MAY_RANK))

    def links(self, request: HttpRequest, row: Programme) -> list[Link]:
        """A way to the ranking."""
        address = reverse("admin:rewards_programme_ranking", args=[row.pk])
        return [Link(title=_("Ranking"), icon="leaderboard", address=address)] if request.user.has_perm(MAY_RANK) else []

    def panels(self, request: HttpRequest, row: Programme) -> list[Panel]:
        """Every rate that ever counted, newest first."""
        rates = BaseRate.objects.filter(brand_id=row.brand_id).select_related("token").order_by("-published_at", "-pk")
        told = [
            (
                str(rate.token),
                rate.number,
                _rate_words(rate.rate),
                instant_words(rate.published_at, row.brand),
                name_of_actor(rate.actor, row.brand_id),
            )
            for rate in rates[:RATES_SHOWN]
        ]
        headers = (_("Token"), _("Version"), _("Points for one unit of the currency"), _("Published"), _("By"))
        return [Panel(title=_("Base rates"), headers=headers, rows=told)]
