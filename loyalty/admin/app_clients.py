"""Apps: made with two secrets that are shown once, given new ones, revoked; and the keys that sign their users' tokens."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from loyalty.admin.integrations import COLOURS, ONCE, CredentialAdmin, PaceForm
from loyalty.admin.verbs import ReasonedForm, Text, Verb, VerbForm, show_secret
from users.errors import CredentialInactive
from users.models import App, AuditKind
from users.services import apps

OVERLAPS = [("0", _("none: it is refused at once")), ("30", _("30 days")), ("90", _("90 days")), ("365", _("a year"))]


class AppForm(PaceForm):
    """What an app is called, and how fast it may go."""

    name = forms.CharField(
        label=_("Name"), max_length=apps.LONGEST_NAME, widget=UnfoldAdminTextInputWidget, help_text=_("The app.")
    )
    field_order = ("name", "rate_per_second", "burst")

    def new_name(self) -> str:
        """The appId."""
        return apps.new_app_id()


class AppSecretForm(VerbForm):
    """For how long apps in people's pockets may sign with the secret before."""

    overlap = forms.ChoiceField(
        label=_("The old secret signs on for"), choices=OVERLAPS, initial="90", widget=UnfoldAdminSelectWidget
    )


def _create_app(request: HttpRequest, _row: None, form: AppForm) -> HttpResponse:
    told = form.cleaned_data
    app, partner_secret, app_secret = apps.create_app(
        brand_id=form.brand().pk, name=told["name"], app_id=told["ticket"], **form.limits()
    )
    form.row = app
    return _shown(request, app, {"partnerSecret": partner_secret, "appSecret": app_secret})


def _rotate_partner(request: HttpRequest, row: App, _form: VerbForm) -> HttpResponse:
    secret = apps.rotate_partner_secret(brand_id=row.brand_id, app_pk=row.pk, at=timezone.now())
    return _shown(request, row, {"partnerSecret": secret})


def _rotate_app(request: HttpRequest, row: App, form: AppSecretForm) -> HttpResponse:
    overlap = timedelta(days=int(form.cleaned_data["overlap"]))
    secret = apps.rotate_app_secret(brand_id=row.brand_id, app_pk=row.pk, overlap=overlap, at=timezone.now())
    return _shown(request, row, {"appSecret": secret})


def _shown(request: HttpRequest, app: App, secrets: dict[str, str]) -> HttpResponse:
    page = admin.site._registry[App]
    what: list[tuple[Text, str]] = [(_("Name"), app.name), ("APMPartnerID", app.partner_id), ("appId", app.app_id)]
    *others, last = secrets.items()
    what += others
    back = page.address_of(app)  # type: ignore[attr-defined]
    title = _("The app's secret") if not others else _("The app's secrets")
    return show_secret(
        request, site=admin.site, title=title, what=[*what, (last[0], gettext("below"))], secret=last[1], back=back, words=ONCE
    )


def _revoke_app(_request: HttpRequest, row: App, _form: VerbForm) -> None:
    if not apps.revoke_app(brand_id=row.brand_id, app_pk=row.pk, at=timezone.now()):
        raise CredentialInactive


def _rotate_keys(_request: HttpRequest, row: App, _form: VerbForm) -> None:
    apps.rotate_signing_key(brand_id=row.brand_id, at=timezone.now())


def _works(row: App) -> bool:
    return row.revoked_at is None


@admin.register(App)
class AppAdmin(CredentialAdmin):
    """Apps of the App API."""

    list_display = ["name", "brand", "app_id", "shown_state", "last_used_at"]
    fields = ["name", "partner_id", "app_id", "stands", "rate_per_second", "burst"]
    fields += ["created_at", "rotated_at", "revoked_at", "last_used_at"]
    readonly_fields = ["stands"]
    search_fields = ["app_id__exact", "name__istartswith"]
    adding = Verb(
        name="create",
        title=_("Make an app"),
        permission="users.add_app",
        act=_create_app,
        form=AppForm,
        sensitive=True,
        kind=AuditKind.ADD,
    )
    verbs = (
        Verb(
            name="rotate_partner",
            title=_("Replace the back end's secret"),
            permission="users.rotate_app",
            act=_rotate_partner,
            form=VerbForm,
            sensitive=True,
            applies=_works,
            icon="autorenew",
            words=_("The secret before is refused at once; tokens that were given out live to their end."),
        ),
        Verb(
            name="rotate_app",
            title=_("Replace the app's secret"),
            permission="users.rotate_app",
            act=_rotate_app,
            form=AppSecretForm,
            sensitive=True,
            applies=_works,
            icon="autorenew",
            words=_("Users connect with it. The one before signs on for a while, for not everybody updates an app at once."),
        ),
        Verb(
            name="rotate_keys",
            title=_("Sign with a new key"),
            permission="users.rotate_app",
            act=_rotate_keys,
            form=ReasonedForm,
            sensitive=True,
            applies=_works,
            icon="key",
            words=_("The tokens of all apps of the brand are signed with a new key from now on. Nobody is logged out."),
            done=_("A new key signs from now on."),
        ),
        Verb(
            name="revoke",
            title=_("Revoke"),
            permission="users.revoke_app",
            act=_revoke_app,
            form=ReasonedForm,
            applies=_works,
            icon="block",
            words=_("It and its users are let in no more, within five seconds."),
            done=_("The app is revoked."),
        ),
    )

    @display(description=_("state"), label=COLOURS)  # type: ignore[arg-type]
    def shown_state(self, row: App) -> tuple[str, Any]:
        """Whether it is let in."""
        return ("active", _("active")) if _works(row) else ("revoked", _("revoked"))

    def facts(self, row: App) -> list[tuple[Any, Any]]:
        """Which one it is, and whether it is in use."""
        return [(_("Name"), row.name), ("appId", row.app_id), (_("Last used"), row.last_used_at)]
