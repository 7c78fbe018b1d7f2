"""E-mails on their way, and the words that a brand writes for them: tried before anybody gets them."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST
from unfold.decorators import display

from loyalty.admin.base import KeptForm, ReadOnlyAdmin, staff_of
from loyalty.admin.keyset import KeysetMixin
from loyalty.admin.verbs import Verb, VerbForm, VerbsAdmin
from loyalty.errors import InvalidRequest
from users.models import Brand, Email, EmailTemplate
from users.services.email_templates import PARTS, preview, samples_of
from users.services.emails import send_again, send_test

COLOURS = {"sent": "success", "parked": "danger", "failed": "warning", "queued": "primary"}
LONGEST_PART = 100_000


@admin.register(Email)
class EmailAdmin(KeysetMixin, ReadOnlyAdmin):  # type: ignore[misc]
    """E-mails and where they are on their way; their content, which may hold codes, is not shown."""

    list_display = ["id", "brand", "kind", "language", "shown_state", "attempts", "fault", "due_at", "sent_at"]
    list_filter = ["state", "kind"]
    list_select_related = ["brand"]
    exclude = ["context"]
    actions = ["queue_again"]

    @display(description=_("state"), label=COLOURS)  # type: ignore[arg-type]
    def shown_state(self, row: Email) -> tuple[str, Any]:
        """The state, in its colour."""
        return row.state, row.get_state_display()

    @admin.action(description=_("Send again what was given up"), permissions=["queue"])
    def queue_again(self, request: HttpRequest, queryset: QuerySet[Email]) -> None:
        """Queue parked e-mails once more."""
        count = len(self.act_on_each(request, queryset, lambda email: send_again(email=email, at=timezone.now())))
        self.message_user(request, ngettext("%(count)d queued again", "%(count)d queued again", count) % {"count": count})

    def has_queue_permission(self, request: HttpRequest) -> bool:
        """Who may have an e-mail sent again."""
        return request.user.has_perm("users.queue_email")


def _send_test(request: HttpRequest, row: EmailTemplate, _form: VerbForm) -> None:
    send_test(template=row, recipient=staff_of(request).email, at=timezone.now())


@admin.register(EmailTemplate)
class EmailTemplateAdmin(VerbsAdmin):
    """A brand's own words, with a preview that follows what is typed."""

    form = KeptForm
    list_display = ["kind", "name", "brand", "language", "subject", "updated_at"]
    list_filter = ["kind", "language"]
    list_select_related = ["brand"]
    change_form_outer_after_template: Any = "admin/email_preview.html"
    verbs = (
        Verb(
            name="send_test",
            title=_("Send it to me"),
            permission="users.change_emailtemplate",
            act=_send_test,
            form=VerbForm,
            icon="outgoing_mail",
            words=_("What is saved goes to your own address, filled in with samples."),
            done=_("It is on its way to you."),
        ),
    )

    class Media:
        js = ["loyalty/email_preview.js"]

    def get_urls(self) -> list[URLPattern]:
        """The preview."""
        page = path("preview/", self.admin_site.admin_view(require_POST(self.preview_view)), name="users_emailtemplate_preview")
        return [page, *super().get_urls()]

    def further(self, request: HttpRequest, row: EmailTemplate | None) -> dict[str, Any]:
        """The variables, and where the preview comes from."""
        told: dict[str, Any] = {"samples": samples_of(row.kind)} if row is not None else {}
        if self.may_write(request):
            told["preview_address"] = reverse("admin:users_emailtemplate_preview")
        return told

    def may_write(self, request: HttpRequest) -> bool:
        """Whether someone writes templates, and so may try what they write."""
        return self.has_add_permission(request) or self.has_change_permission(request)

    def preview_view(self, request: HttpRequest) -> JsonResponse:
        """Fill in what is typed with samples; or say what is wrong with which part. Nothing is kept."""
        if not self.may_write(request):
            raise PermissionDenied
        kind, parts = request.POST.get("kind", ""), [request.POST.get(part, "")[:LONGEST_PART] for part in PARTS]
        brand = staff_of(request).brand or Brand(name="Aurora Coffee")
        try:
            samples = {name: str(value) for name, value in samples_of(kind).items()}
            words = preview(kind=kind, parts=(parts[0], parts[1], parts[2]), brand=brand)
        except InvalidRequest as refusal:
            return JsonResponse({"faults": {fault.field: fault.detail for fault in refusal.errors}})
        return JsonResponse({"subject": words.subject, "text": words.text, "html": words.html, "samples": samples})
