"""Admin pages of the users app, plain."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone

from users.models import ApiKey, Brand, Email, EmailTemplate, Member, Staff
from users.services.emails import send_again


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """Rows that services alone write."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes."""
        return False


class KeptForm(ModelForm[Any]):
    """Judges what is unique in the brand, too, where the brand is shown and not asked for."""

    def _get_validation_exclusions(self) -> set[str]:
        return super()._get_validation_exclusions() - {"brand"}  # type: ignore[misc,no-any-return]


class KeptAdmin(admin.ModelAdmin[Any]):
    """Rows that staff add and change, while services count on them.

    A change writes what was changed and nothing else, so that no count is put back to what it was when the page was read.
    """

    form = KeptForm

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write a new row, or the changed fields of one."""
        obj.save(update_fields=form.changed_data if change else None)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes: others point to it."""
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """What is of one brand stays so."""
        fixed = ("brand",) if obj is not None and hasattr(obj, "brand") else ()
        return (*fixed, *super().get_readonly_fields(request, obj))


@admin.register(Brand)
class BrandAdmin(KeptAdmin):
    """Brands."""

    list_display = ["name", "languages", "currency", "time_zone", "sandbox"]


@admin.register(Staff)
class StaffAdmin(UserAdmin[Staff]):
    """Staff."""

    fieldsets = [*(UserAdmin.fieldsets or []), ("Brand", {"fields": ["brand"]})]


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """Keys; they are made by command, for their text is shown once."""

    list_display = ["public", "brand", "label", "scopes", "expires_at", "revoked_at", "last_used_at"]
    exclude = ["digest"]


@admin.register(Member)
class MemberAdmin(ReadOnlyAdmin):
    """Members."""

    list_display = ["public_id", "brand", "auth_id", "created_at", "erased_at"]
    search_fields = ["auth_id__exact", "public_id__exact"]


@admin.register(Email)
class EmailAdmin(ReadOnlyAdmin):
    """E-mails and where they are on their way; their content, which may hold codes, is not shown."""

    list_display = ["id", "brand", "kind", "language", "state", "attempts", "fault", "due_at", "sent_at"]
    list_filter = ["state", "kind"]
    exclude = ["context"]
    actions = ["queue_again"]

    @admin.action(description="Send again what was given up", permissions=["queue"])
    def queue_again(self, request: HttpRequest, queryset: QuerySet[Email]) -> None:
        """Queue parked e-mails once more."""
        count = sum(send_again(email=email, at=timezone.now()) for email in queryset.order_by("pk"))
        self.message_user(request, f"{count} queued again")

    def has_queue_permission(self, request: HttpRequest) -> bool:
        """Who may have an e-mail sent again."""
        return request.user.has_perm("users.queue_email")


@admin.register(EmailTemplate)
class EmailTemplateAdmin(admin.ModelAdmin[EmailTemplate]):
    """A brand's own words."""

    list_display = ["brand", "kind", "name", "language", "updated_at"]
    list_filter = ["kind", "language"]
