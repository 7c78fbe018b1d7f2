"""Keys of partner systems and clients of tills and shops. A secret is shown once: on the page that answers its making."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.core.signing import BadSignature, Signer
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextInputWidget,
)

from loyalty.admin.base import KeptAdmin
from loyalty.admin.verbs import ReasonedForm, Text, Verb, VerbForm, VerbsAdmin, show_secret
from users.errors import ApiKeyNotFound, CredentialInactive
from users.models import ApiKey, AuditKind, Brand, OAuthClient, RetailScope, Scope, Staff
from users.services import oauth
from users.services.keys import create_api_key, new_public, revoke_api_key, rotate_api_key

ONCE = _("This is shown once. It is kept nowhere: who loses it makes a new one.")
OVERLAPS = [
    ("0", _("none: it is revoked at once")),
    ("1", _("an hour")),
    ("24", _("a day")),
    ("168", _("a week")),
    ("720", _("30 days")),
]
COLOURS = {"active": "success", "expired": "info", "revoked": "danger", "replaced": "warning"}


class BrandedForm(VerbForm):
    """Asks the house for whom it is made; everybody else has a brand."""

    unaudited = frozenset({"brand"})

    def __init__(self, *arguments: Any, staff: Staff, **terms: Any) -> None:
        super().__init__(*arguments, staff=staff, **terms)
        if staff.brand_id is None:
            field = forms.ModelChoiceField(Brand.objects.order_by("name"), label=_("Brand"), widget=UnfoldAdminSelectWidget)
            self.fields["brand"] = field
            self.order_fields(["brand"])

    def brand(self) -> Brand:
        """Whose it will be."""
        own: Brand = self.staff.brand or self.cleaned_data["brand"]
        return own


class CredentialForm(BrandedForm):
    """Carries the name that it will have, so that a form sent twice makes one.

    The name is signed for whoever was shown the form: nobody chooses one.
    """

    unaudited = frozenset({"ticket", "brand"})
    ticket = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *arguments: Any, staff: Staff, **terms: Any) -> None:
        super().__init__(*arguments, staff=staff, **terms)
        if not self.is_bound:
            self.initial["ticket"] = _signer(staff).sign(self.new_name())

    def new_name(self) -> str:
        """A name to come."""
        raise NotImplementedError

    def clean_ticket(self) -> str:
        """The name. Refuse one that was not given out to them."""
        try:
            return _signer(self.staff).unsign(self.cleaned_data["ticket"])
        except BadSignature:
            raise forms.ValidationError(_("Open the form again.")) from None


def _signer(staff: Staff) -> Signer:
    return Signer(salt=f"loyalty.admin.integrations:{staff.pk}")


class EndField(forms.DateField):
    """The last day on which it is valid, or none."""

    def __init__(self, **terms: Any) -> None:
        widget = UnfoldAdminSingleDateWidget
        words = _("It is valid until the end of that day (UTC). Empty: until it is revoked.")
        super().__init__(label=_("Last day"), required=False, widget=widget, help_text=words, **terms)

    def clean(self, value: Any) -> Any:
        """The instant at which it ends."""
        day = super().clean(value)
        if day is None:
            return None
        end = datetime.combine(day, time(), UTC) + timedelta(days=1)
        if end <= timezone.now():
            raise forms.ValidationError(_("That day is over."))
        return end


class PaceForm(CredentialForm):
    """How fast who holds it may go."""

    rate_per_second = forms.IntegerField(
        label=_("Requests a second"), min_value=1, max_value=100_000, initial=1_000, widget=UnfoldAdminIntegerFieldWidget
    )
    burst = forms.IntegerField(
        label=_("Burst"), min_value=1, max_value=200_000, initial=2_000, widget=UnfoldAdminIntegerFieldWidget
    )

    def limits(self) -> dict[str, int]:
        """What was chosen."""
        return {name: self.cleaned_data[name] for name in ("rate_per_second", "burst")}


class KeyForm(PaceForm):
    """What a key may do, and for how long."""

    label = forms.CharField(
        label=_("Label"), max_length=100, widget=UnfoldAdminTextInputWidget, help_text=_("The system that will use it.")
    )
    scopes = forms.MultipleChoiceField(label=_("Scopes"), choices=Scope.choices, widget=UnfoldAdminCheckboxSelectMultipleWidget)
    expires_at = EndField()
    field_order = ("label", "scopes", "expires_at", "rate_per_second", "burst")

    def new_name(self) -> str:
        """The public part."""
        return new_public()


class RotateKeyForm(VerbForm):
    """For how long the old one lives on, and until when the new one does."""

    overlap = forms.ChoiceField(
        label=_("The old key lives on for"), choices=OVERLAPS, initial="24", widget=UnfoldAdminSelectWidget
    )
    expires_at = EndField()


class ClientForm(PaceForm):
    """What a client may be given tokens for."""

    name = forms.CharField(
        label=_("Name"), max_length=oauth.LONGEST_NAME, widget=UnfoldAdminTextInputWidget, help_text=_("The till or shop.")
    )
    scopes = forms.MultipleChoiceField(
        label=_("Scopes"), choices=RetailScope.choices, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    field_order = ("name", "scopes", "rate_per_second", "burst")

    def new_name(self) -> str:
        """The client's id."""
        return oauth.new_client_id()


class RotateClientForm(VerbForm):
    """Remembers which secret was there when it was shown."""

    unaudited = frozenset({"seen"})
    seen = forms.CharField(widget=forms.HiddenInput)


class CredentialAdmin(VerbsAdmin, KeptAdmin):  # type: ignore[misc]
    """Credentials: made, followed and revoked by verbs, and changed by nothing else."""

    list_filter = [("revoked_at", admin.EmptyFieldListFilter)]
    list_select_related = ["brand"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is changed but by verbs."""
        return False


def _create_key(request: HttpRequest, _row: None, form: KeyForm) -> HttpResponse:
    told = form.cleaned_data
    key, text = create_api_key(
        brand=form.brand(),
        scopes=told["scopes"],
        label=told["label"],
        expires_at=told["expires_at"],
        public=told["ticket"],
        **form.limits(),
    )
    form.row = key
    return _shown_key(request, key, text)


def _rotate_key(request: HttpRequest, row: ApiKey, form: RotateKeyForm) -> HttpResponse:
    told, now = form.cleaned_data, timezone.now()
    terms = {"brand_id": row.brand_id, "key_id": row.pk, "expires_at": told["expires_at"]}
    key, text = rotate_api_key(**terms, overlap=timedelta(hours=int(told["overlap"])), at=now)
    return _shown_key(request, key, text)


def _shown_key(request: HttpRequest, key: ApiKey, text: str) -> HttpResponse:
    page = admin.site._registry[ApiKey]
    what = [(_("Label"), key.label), (_("Scopes"), ", ".join(key.scopes))]
    back = page.address_of(key)  # type: ignore[attr-defined]
    return show_secret(request, site=admin.site, title=_("The new key"), what=what, secret=text, back=back, words=ONCE)


def _revoke_key(_request: HttpRequest, row: ApiKey, _form: VerbForm) -> None:
    if not revoke_api_key(public=row.public, brand_id=row.brand_id, at=timezone.now()):
        raise ApiKeyNotFound


def _key_state(row: ApiKey) -> str:
    if row.revoked_at is not None:
        return "revoked"
    return "active" if row.is_valid(timezone.now()) else "expired"


@admin.register(ApiKey)
class ApiKeyAdmin(CredentialAdmin):
    """Keys of partner systems."""

    list_display = ["public", "brand", "label", "shown_state", "scopes", "expires_at", "last_used_at"]
    fields = ["public", "label", "stands", "scopes", "rate_per_second", "burst", "follows", "followed_by"]
    fields += ["created_at", "expires_at", "revoked_at", "last_used_at"]
    readonly_fields = ["stands", "follows", "followed_by"]
    search_fields = ["public__exact", "label__istartswith"]
    adding = Verb(
        name="create",
        title=_("Make a key"),
        permission="users.add_apikey",
        act=_create_key,
        form=KeyForm,
        sensitive=True,
        kind=AuditKind.ADD,
    )
    verbs = (
        Verb(
            name="rotate",
            title=_("Rotate"),
            permission="users.rotate_apikey",
            act=_rotate_key,
            form=RotateKeyForm,
            sensitive=True,
            applies=lambda row: row.is_valid(timezone.now()) and not row.successors.exists(),
            icon="autorenew",
            words=_("A new key with the same terms follows this one, which lives on long enough to change over."),
        ),
        Verb(
            name="revoke",
            title=_("Revoke"),
            permission="users.revoke_apikey",
            act=_revoke_key,
            form=ReasonedForm,
            applies=lambda row: row.revoked_at is None,
            icon="block",
            words=_("It is refused everywhere within five seconds, and never works again."),
            done=_("The key is revoked."),
        ),
    )

    @display(description=_("state"), label=COLOURS)  # type: ignore[arg-type]
    def shown_state(self, row: ApiKey) -> tuple[str, Any]:
        """Whether it works."""
        state = _key_state(row)
        return state, _(state)

    @admin.display(description=_("follows"))
    def follows(self, row: ApiKey) -> str:
        """The key before it."""
        return row.replaces.public if row.replaces is not None else "-"

    @admin.display(description=_("followed by"))
    def followed_by(self, row: ApiKey) -> str:
        """The key after it."""
        after = row.successors.first()
        return after.public if after is not None else "-"

    def facts(self, row: ApiKey) -> list[tuple[Any, Any]]:
        """Which one it is, and whether it is in use."""
        return [
            (_("Label"), row.label),
            (_("Public part"), row.public),
            (_("Last used"), row.last_used_at),
            (_("Scopes"), ", ".join(row.scopes)),
        ]


def _create_client(request: HttpRequest, _row: None, form: ClientForm) -> HttpResponse:
    told = form.cleaned_data
    client, secret = oauth.create_oauth_client(
        brand_id=form.brand().pk, name=told["name"], scopes=told["scopes"], client_id=told["ticket"], **form.limits()
    )
    form.row = client
    return _shown_client(request, client, secret)


def _rotate_client(request: HttpRequest, row: OAuthClient, form: RotateClientForm) -> HttpResponse:
    secret = oauth.rotate_client_secret(
        brand_id=row.brand_id, client_pk=row.pk, seen=form.cleaned_data["seen"], at=timezone.now()
    )
    return _shown_client(request, row, secret)


def _shown_client(request: HttpRequest, client: OAuthClient, secret: str) -> HttpResponse:
    page = admin.site._registry[OAuthClient]
    what: list[tuple[Text, str]] = [(_("Name"), client.name), ("client_id", client.client_id)]
    back = page.address_of(client)  # type: ignore[attr-defined]
    return show_secret(
        request, site=admin.site, title=_("The client's secret"), what=what, secret=secret, back=back, words=ONCE
    )


def _revoke_client(_request: HttpRequest, row: OAuthClient, _form: VerbForm) -> None:
    if not oauth.revoke_oauth_client(brand_id=row.brand_id, client_pk=row.pk, at=timezone.now()):
        raise CredentialInactive


@admin.register(OAuthClient)
class OAuthClientAdmin(CredentialAdmin):
    """Clients of the Retail API."""

    list_display = ["name", "brand", "client_id", "shown_state", "scopes", "last_used_at"]
    fields = ["name", "client_id", "stands", "scopes", "rate_per_second", "burst"]
    fields += ["created", "rotated_at", "revoked_at", "last_used_at"]
    readonly_fields = ["stands"]
    search_fields = ["client_id__exact", "name__istartswith"]
    adding = Verb(
        name="create",
        title=_("Make a client"),
        permission="users.add_oauthclient",
        act=_create_client,
        form=ClientForm,
        sensitive=True,
        kind=AuditKind.ADD,
    )
    verbs = (
        Verb(
            name="rotate",
            title=_("Replace the secret"),
            permission="users.rotate_oauthclient",
            act=_rotate_client,
            form=RotateClientForm,
            sensitive=True,
            applies=lambda row: row.revoked_at is None,
            initial=lambda row: {"seen": oauth.secret_mark(row)},
            icon="autorenew",
            words=_(
                "The secret before is refused at once; tokens that were given out live to their end."
                " To change over without a gap make a second client, and revoke this one afterwards."
            ),
        ),
        Verb(
            name="revoke",
            title=_("Revoke"),
            permission="users.revoke_oauthclient",
            act=_revoke_client,
            form=ReasonedForm,
            applies=lambda row: row.revoked_at is None,
            icon="block",
            words=_("It gets no token any more, and those that it has are refused."),
            done=_("The client is revoked."),
        ),
    )

    @display(description=_("state"), label=COLOURS)  # type: ignore[arg-type]
    def shown_state(self, row: OAuthClient) -> tuple[str, Any]:
        """Whether it may be given tokens."""
        return ("active", _("active")) if row.revoked_at is None else ("revoked", _("revoked"))

    def facts(self, row: OAuthClient) -> list[tuple[Any, Any]]:
        """Which one it is, and whether it is in use."""
        return [(_("Name"), row.name), ("client_id", row.client_id), (_("Last used"), row.last_used_at)]
