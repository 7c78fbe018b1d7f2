"""The audit: who did what, when; searched by kind, person, day and subject, and taken along as a table."""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import TextFilter

from loyalty.admin.base import ReadOnlyAdmin, choices_of, staff_of
from loyalty.admin.keyset import KeysetMixin
from loyalty.admin.spreadsheets import csv_response, every_row
from users.models import AuditEntry, AuditKind, Staff
from users.services.audit import note

MOST_STAFF = 200
COLUMNS = [
    *("at", "brand", "staff", "kind", "subject_model", "subject_id", "subject"),
    *("before", "after", "reason", "address", "request_id"),
]


class KindFilter(admin.SimpleListFilter):
    """By what happened."""

    title, parameter_name = _("kind"), "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[Any, Any]]:
        """Offer every kind."""
        return AuditKind.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep one kind."""
        return queryset.filter(kind=self.value()) if self.value() in AuditKind.values else queryset


class StaffFilter(admin.SimpleListFilter):
    """By who did it."""

    title, parameter_name = _("staff"), "staff"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[Any, Any]]:
        """Offer people of one's own brand."""
        return list(choices_of(Staff, request).order_by("username").values_list("pk", "username")[:MOST_STAFF])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep what one person did."""
        value = self.value() or ""
        return queryset.filter(staff=int(value)) if value.isdecimal() and len(value) < 19 else queryset


class SubjectFilter(TextFilter):
    """By what it was done to, as users.member:5; links of the list say it so."""

    title, parameter_name = _("subject (model:number)"), "subject"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep what was done to one row."""
        model, _colon, number = (self.value() or "").replace("\0", "").strip().lower().rpartition(":")
        return queryset.filter(subject_model=model, subject_id=number) if model else queryset


class DayFilter(TextFilter):
    """From or up to a day, in the brand's time zone."""

    up_to = False

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep what was before or after; what is no day keeps everything."""
        try:
            day = parse_date((self.value() or "").strip())
        except ValueError:
            day = None
        if day is None:
            return queryset
        brand = staff_of(request).brand
        zone = brand.zone if brand is not None else timezone.get_default_timezone()
        midnight = datetime.combine(day, time.min, tzinfo=zone)
        return queryset.filter(at__lt=midnight + timedelta(days=1)) if self.up_to else queryset.filter(at__gte=midnight)


class SinceFilter(DayFilter):
    """From a day on."""

    title, parameter_name = _("from day (YYYY-MM-DD)"), "since"


class UntilFilter(DayFilter):
    """Up to a day, and with it."""

    title, parameter_name, up_to = _("to day (YYYY-MM-DD)"), "until", True


@admin.register(AuditEntry)
class AuditPage(KeysetMixin, ReadOnlyAdmin):  # type: ignore[misc]
    """Entries, newest first; nobody writes or changes any."""

    keyset = ("-at", "-pk")
    list_display = ["at", "brand", "staff_name", "kind", "subject", "told", "reason", "address"]
    list_display_links = ["at"]
    list_filter = [KindFilter, StaffFilter, SubjectFilter, SinceFilter, UntilFilter]
    list_filter_submit = True
    list_select_related = ["brand"]
    change_list_template = "admin/safety/audit.html"

    def get_urls(self) -> list[URLPattern]:
        """The table to take along, besides."""
        export = path("export/", self.admin_site.admin_view(self.export_view), name="users_auditentry_export")
        return [export, *super().get_urls()]

    @admin.display(description=_("about"))
    def subject(self, entry: AuditEntry) -> SafeString | str:
        """What it was done to, and from there on to all that was."""
        if not entry.subject_model:
            return ""
        href = f"{reverse('admin:users_auditentry_changelist')}?subject={entry.subject_model}:{entry.subject_id}"
        return format_html('<a class="underline" href="{}">{}</a>', href, entry.subject_text)

    @admin.display(description=_("before and after"))
    def told(self, entry: AuditEntry) -> SafeString:
        """Each field that was changed."""
        return format_html_join(
            "", "<div>{}: {} → {}</div>", ((name, _shown(before), _shown(after)) for name, before, after in entry.changes)
        )

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Stream what the list shows with its filters; that someone did is an entry, too."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        changelist = self.get_changelist_instance(request)
        entries = changelist.queryset.select_related("brand")
        staff = staff_of(request)
        asked = {name: value for name, value in request.GET.items() if name in {"kind", "staff", "subject", "since", "until"}}
        told = {"table": "audit", "filters": asked}
        note(brand_id=staff.brand_id, staff_id=staff.pk, kind=AuditKind.EXPORT, after=told, at=timezone.now())
        return csv_response("audit", COLUMNS, map(_cells, every_row(entries, self.get_key(request))))


def _shown(value: Any) -> str:
    return "-" if value is None or value == "" else str(value)


def _cells(entry: AuditEntry) -> list[object]:
    told = [entry.at, entry.brand, entry.staff_name, entry.kind, entry.subject_model, entry.subject_id, entry.subject_text]
    return [*told, entry.before or "", entry.after or "", entry.reason, entry.address, entry.request_id]
