"""Partnerships: asked for by the brand whose points go, agreed to by the one that receives, with all that ever changed."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from exchange.models import Partnership, PartnershipChange, PartnershipState, Provider
from exchange.models.partnerships import HIGHEST
from exchange.services.partnerships import (
    Offer,
    PartnershipTerms,
    approve_partnership,
    cancel_partnership,
    change_partnership,
    last_change_id,
    request_partnership,
    withdraw_proposal,
)
from ledger.models import Token
from ledger.models.tokens import TokenStatus
from ledger.selectors import FUNGIBLE_POINTS
from loyalty.admin.base import KeptAdmin, actor_of, staff_of
from loyalty.admin.verbs import LONGEST_REASON, Panel, ReasonedForm, Verb, VerbForm, VerbsAdmin
from users.models import Staff

MOST_LINES = 200
COLOURS = {"active": "success", "requested": "warning", "cancelled": "info"}


class OfferFields(forms.Form):
    """Rate and range."""

    rate = forms.DecimalField(
        label=_("Rate"),
        required=False,
        max_digits=24,
        decimal_places=8,
        widget=UnfoldAdminDecimalFieldWidget({"step": "any"}),
        help_text=_("Units of B for one of A; empty: by the tokens' off-ramp and on-ramp."),
    )
    minimum = forms.IntegerField(
        label=_("Points at least"), min_value=1, max_value=HIGHEST, widget=UnfoldAdminIntegerFieldWidget
    )
    maximum = forms.IntegerField(
        label=_("Points at most"), min_value=1, max_value=HIGHEST, widget=UnfoldAdminIntegerFieldWidget
    )

    def offer(self) -> Offer:
        """The terms that were typed in."""
        return Offer(**{name: self.cleaned_data[name] for name in ("rate", "minimum", "maximum")})


class SeenForm(VerbForm):
    """Remembers what was shown, so that nobody agrees to what changed after it."""

    seen = forms.IntegerField(widget=forms.HiddenInput)


class ChangeForm(OfferFields, SeenForm, ReasonedForm):
    """Other terms, and why."""

    field_order = ["rate", "minimum", "maximum", "reason", "seen"]


class ApproveForm(SeenForm):
    """Asks nothing that must be answered."""

    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=LONGEST_REASON, widget=UnfoldAdminTextareaWidget({"rows": 2})
    )


class RequestForm(OfferFields, VerbForm):
    """What is asked for: into a provider's miles, or into another brand's points by the address that it tells."""

    token_a = forms.ModelChoiceField(Token.objects.none(), label=_("Points that are given"), widget=UnfoldAdminSelectWidget)
    provider = forms.ModelChoiceField(
        Provider.objects.none(), label=_("Provider"), required=False, widget=UnfoldAdminSelectWidget
    )
    token_b_address = forms.RegexField(
        r"\A0x[0-9a-fA-F]{40}\Z",
        label=_("Or the address of another brand's token"),
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("0x and 40 digits, as the other brand sees it on the page of its token. That brand must approve."),
    )
    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=LONGEST_REASON, widget=UnfoldAdminTextareaWidget({"rows": 2})
    )
    field_order = ["token_a", "provider", "token_b_address", "rate", "minimum", "maximum", "reason"]

    def __init__(self, *arguments: Any, staff: Staff, **terms: Any) -> None:
        super().__init__(*arguments, staff=staff, **terms)
        tokens, providers = Token.objects.all(), Provider.objects.select_related("brand", "programme")
        if staff.brand_id is not None:
            tokens, providers = tokens.filter(brand_id=staff.brand_id), providers.filter(brand_id=staff.brand_id)
        points = tokens.filter(type=FUNGIBLE_POINTS, status=TokenStatus.ACTIVE).select_related("brand")
        self.fields["token_a"].queryset = points.order_by("pk")  # type: ignore[attr-defined]
        self.fields["provider"].queryset = providers.order_by("pk")  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Refuse both partners, none, and an address that no token of another brand has."""
        told: dict[str, Any] = super().clean() or {}
        if bool(told.get("provider")) == bool(told.get("token_b_address")) and not self.errors.get("token_b_address"):
            self.add_error("provider", _("Either a provider or the address of another brand's token."))
        elif told.get("token_b_address") and told.get("token_a"):
            named = Token.objects.filter(address=told["token_b_address"].lower()).exclude(brand_id=told["token_a"].brand_id)
            found = list(named[:2])
            if len(found) != 1:
                self.add_error("token_b_address", _("No other brand has a token with that address."))
            told["token_b"] = found[0] if len(found) == 1 else None
        return told


def _gives(staff: Staff, row: Partnership) -> bool:
    return staff.brand_id in {None, row.brand_id}


def _receives(staff: Staff, row: Partnership) -> bool:
    return row.partner_brand_id is not None and staff.brand_id == row.partner_brand_id


def _either(staff: Staff, row: Partnership) -> bool:
    return _gives(staff, row) or _receives(staff, row)


def _waits(row: Partnership) -> bool:
    return row.state == PartnershipState.REQUESTED or row.proposal_id is not None


def _proposed(row: Partnership) -> bool:
    return row.proposal_id is not None


def _stands(row: Partnership) -> bool:
    return row.state != PartnershipState.CANCELLED


def _seen(row: Partnership) -> dict[str, Any]:
    return {"seen": last_change_id(row)}


def _terms(row: Partnership) -> dict[str, Any]:
    rate = None if row.rate is None else row.rate.normalize()
    return {"rate": rate, "minimum": row.minimum, "maximum": row.maximum} | _seen(row)


def _why(request: HttpRequest, row: Partnership, form: VerbForm) -> dict[str, Any]:
    why = {"actor": actor_of(request), "reason": form.cleaned_data["reason"], "at": timezone.now()}
    return {"partnership_id": row.pk} | why


def _side(request: HttpRequest, row: Partnership) -> int:
    """The brand that whoever is signed in acts for: the house acts for the giving one."""
    return staff_of(request).brand_id or row.brand_id


def _request(request: HttpRequest, _row: None, form: RequestForm) -> None:
    told = form.cleaned_data
    terms = PartnershipTerms(
        brand_id=told["token_a"].brand_id,
        token_a_id=told["token_a"].pk,
        provider_id=told["provider"].pk if told["provider"] else None,
        token_b_id=told["token_b"].pk if told.get("token_b") else None,
        rate=told["rate"],
        minimum=told["minimum"],
        maximum=told["maximum"],
    )
    form.row = request_partnership(terms=terms, actor=actor_of(request), reason=told["reason"], at=timezone.now())


def _approve(request: HttpRequest, row: Partnership, form: SeenForm) -> None:
    approve_partnership(
        partner_brand_id=staff_of(request).brand_id or 0, seen=form.cleaned_data["seen"], **_why(request, row, form)
    )


def _change(request: HttpRequest, row: Partnership, form: ChangeForm) -> None:
    seen = form.cleaned_data["seen"]
    change_partnership(brand_id=row.brand_id, offer=form.offer(), seen=seen, **_why(request, row, form))


def _withdraw(request: HttpRequest, row: Partnership, form: VerbForm) -> None:
    withdraw_proposal(brand_id=_side(request, row), **_why(request, row, form))


def _cancel(request: HttpRequest, row: Partnership, form: VerbForm) -> None:
    cancel_partnership(brand_id=_side(request, row), **_why(request, row, form))


@admin.register(Partnership)
class PartnershipAdmin(VerbsAdmin, KeptAdmin):  # type: ignore[misc]
    """Partnerships in which one's brand gives or receives; each side does what is its own."""

    list_display = ["id", "brand", "token_a", "token_b", "rate", "minimum", "maximum", "shown_state", "waiting"]
    list_filter = ["state"]
    list_select_related = [
        "brand",
        "token_a__brand",
        "token_b__brand",
        "partner_brand",
        "proposal",
        "provider__brand",
        "provider__programme",
    ]
    fields = ["given", "received", "rate", "minimum", "maximum", "stands", "waiting"]
    fields += ["requested_at", "approved_at", "approved_by", "cancelled_at"]
    readonly_fields = ["stands", "waiting", "given", "received"]
    adding = Verb(
        name="request",
        title=_("Request a partnership"),
        permission="exchange.add_partnership",
        act=_request,
        form=RequestForm,
        initial=lambda _row: {"minimum": 1, "maximum": HIGHEST},
        words=_("With a provider of one's own it is active at once; another brand must approve it first."),
        done=_("The partnership is requested."),
    )
    verbs = (
        Verb(
            name="approve",
            title=_("Approve"),
            permission="exchange.decide_partnership",
            act=_approve,
            form=ApproveForm,
            applies=_waits,
            of_staff=_receives,
            initial=_seen,
            icon="check",
            words=_("Members of the other brand may then turn their points into yours, at this rate."),
            done=_("The partnership is active at these terms."),
        ),
        Verb(
            name="change_terms",
            title=_("Change rate and range"),
            permission="exchange.change_partnership",
            act=_change,
            form=ChangeForm,
            applies=_stands,
            of_staff=_gives,
            initial=_terms,
            icon="tune",
            words=_("Where another brand has agreed, the old terms hold until it agrees to the new ones."),
            done=_("The terms are changed, or proposed to the other brand."),
        ),
        Verb(
            name="withdraw",
            title=_("Let the old terms stand"),
            permission="exchange.decide_partnership",
            act=_withdraw,
            applies=_proposed,
            of_staff=_either,
            icon="undo",
            words=_("The proposal is taken back, or declined."),
            done=_("The old terms stand."),
        ),
        Verb(
            name="cancel",
            title=_("Cancel"),
            permission="exchange.decide_partnership",
            act=_cancel,
            applies=_stands,
            of_staff=_either,
            icon="block",
            words=_("Nothing new is exchanged; what was accepted goes on under the rate it was made with."),
            done=_("The partnership is cancelled."),
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Partnership]:
        """Those of either side."""
        rows, brand_id = Partnership.objects.select_related(*self.list_select_related), staff_of(request).brand_id
        return rows if brand_id is None else rows.filter(Q(brand=brand_id) | Q(partner_brand=brand_id))

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Both brands, for either may be one's own."""
        return list(self.list_display)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is changed but by verbs."""
        return False

    @display(description=_("state"), label=COLOURS)  # type: ignore[arg-type]
    def shown_state(self, row: Partnership) -> tuple[str, Any]:
        """The state, in its colour."""
        return row.state, _(row.state)

    @admin.display(description=_("waiting for consent"))
    def waiting(self, row: Partnership) -> str:
        """What the receiving brand has not agreed to."""
        if row.proposal is not None:
            return _told(row.proposal.after)
        return str(_("the request")) if row.state == PartnershipState.REQUESTED else ""

    @admin.display(description=_("given by"))
    def given(self, row: Partnership) -> str:
        """Who gives which points."""
        return f"{row.brand}, {row.token_a}"

    @admin.display(description=_("received by"))
    def received(self, row: Partnership) -> str:
        """Who receives, and what for."""
        return f"{row.partner_brand or row.provider}, {row.token_b}"

    def facts(self, row: Partnership) -> list[tuple[Any, Any]]:
        """What holds, and what is asked for."""
        now = {"rate": None if row.rate is None else f"{row.rate.normalize():f}"}
        now |= {"minimum": row.minimum, "maximum": row.maximum}  # type: ignore[dict-item]
        return [
            (_("given by"), self.given(row)),
            (_("received by"), self.received(row)),
            (_("terms"), _told(now)),
            (_("waiting for consent"), self.waiting(row)),
        ]

    def panels(self, request: HttpRequest, row: Partnership) -> list[Panel]:
        """All that ever changed."""
        changes = PartnershipChange.objects.filter(brand_id=row.brand_id, partnership=row).order_by("-pk")[:MOST_LINES]
        lines = [
            (one.at, one.get_verb_display(), one.actor, _told(one.before), _told(one.after), one.reason) for one in changes
        ]
        headers = (_("at"), _("what"), _("by"), _("before"), _("after"), _("reason"))
        return [Panel(title=_("History"), headers=headers, rows=lines)]


def _told(terms: dict[str, Any]) -> str:
    """Terms as people read them."""
    if not terms:
        return "-"
    rate = terms["rate"] if terms["rate"] is not None else _("by on- and off-ramp")
    words = format_html("{}, {} … {}", rate, terms["minimum"], terms["maximum"])
    return format_html("{}, {}", words, _(terms["state"])) if "state" in terms else words
