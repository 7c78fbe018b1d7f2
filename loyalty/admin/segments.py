"""Segments: made by hand or by a rule that is put together in rows, tried out before it is kept."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from loyalty.admin.base import KeptAdmin
from loyalty.admin.outcomes import labelled
from loyalty.admin.segment_forms import MembersForm, NameForm, NewForm
from loyalty.admin.segment_members import import_view, members_view, remove_view
from loyalty.admin.segment_rule import rule_view, said
from loyalty.admin.verbs import Link, Verb, VerbsAdmin
from users.models import AuditKind, Segment, SegmentKind
from users.rules.segments import parse_rule
from users.services.segments import Outcome, add_members, change_segment, create_segment

COLOURS = {SegmentKind.HAND.value: "info", SegmentKind.RULE.value: "success"}


def _create(_request: HttpRequest, _row: None, form: NewForm) -> None:
    told = form.cleaned_data
    form.row = create_segment(brand_id=form.brand().pk, name=told["name"], description=told["description"], at=timezone.now())


def _rename(_request: HttpRequest, row: Segment, form: NameForm) -> None:
    told = form.cleaned_data
    change_segment(brand_id=row.brand_id, segment_id=row.pk, name=told["name"], description=told["description"])


def _add(request: HttpRequest, row: Segment, form: MembersForm) -> None:
    ids = form.cleaned_data["member_ids"]
    placed = add_members(brand_id=row.brand_id, segment_id=row.pk, auth_ids=ids, at=timezone.now())
    added = sum(1 for one in placed if one.outcome is Outcome.ADDED)
    unknown = sorted({one.auth_id for one in placed if one.outcome is Outcome.NOT_FOUND})
    messages.success(
        request, ngettext("%(count)s member was added.", "%(count)s members were added.", added) % {"count": added}
    )
    if unknown:
        shown = ", ".join(unknown[:20]) + (" …" if len(unknown) > 20 else "")
        messages.warning(request, _("Nobody is called: %(names)s") % {"names": shown})


def by_hand(row: Segment) -> bool:
    """Whether hands keep it."""
    return row.kind == SegmentKind.HAND


@admin.register(Segment)
class SegmentAdmin(VerbsAdmin, KeptAdmin):  # type: ignore[misc]
    """Segments; nothing of them is changed but by verbs."""

    list_display = ["name", "brand", "shown_kind", "shown_count", "shown_judged"]
    list_filter = ["kind"]
    search_fields = ["name__icontains"]
    ordering = ["name", "pk"]
    fields = ["name", "description", "shown_kind_words", "shown_rule", "shown_count", "shown_judged", "created_at"]
    readonly_fields = ["name", "description", "shown_kind_words", "shown_rule", "shown_count", "shown_judged", "created_at"]
    adding = Verb(
        name="create",
        title=gettext_lazy("Make a segment by hand"),
        permission="users.add_segment",
        act=_create,
        form=NewForm,
        kind=AuditKind.ADD,
        done=gettext_lazy("The segment is made: add members, or import a file."),
    )
    verbs = (
        Verb(
            name="add_members",
            title=gettext_lazy("Add members"),
            permission="users.add_segmentmember",
            act=_add,
            form=MembersForm,
            applies=by_hand,
            icon="person_add",
        ),
        Verb(
            name="rename",
            title=gettext_lazy("Rename"),
            permission="users.change_segment",
            act=_rename,
            form=NameForm,
            initial=lambda row: {"name": row.name, "description": row.description},
            done=gettext_lazy("It is changed."),
        ),
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Verbs change it."""
        return False

    def get_urls(self) -> list[URLPattern]:
        """Further pages."""
        site = self.admin_site
        own = [
            path("by-rule/", site.admin_view(self.by_rule), name="users_segment_by_rule"),
            path("<int:object_id>/rule/", site.admin_view(self.change_rule), name="users_segment_rule"),
            path("<int:object_id>/members/", site.admin_view(self.members), name="users_segment_members"),
            path("<int:object_id>/members/remove/", site.admin_view(self.remove), name="users_segment_remove"),
            path("<int:object_id>/import/", site.admin_view(self.import_file), name="users_segment_import"),
        ]
        return [*own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The list, with a way to make one by a rule."""
        links = [Link(title=_("Make a segment by a rule"), icon="rule", address=reverse("admin:users_segment_by_rule"))]
        told = {"links": links if self.has_add_permission(request) else []}
        return super().changelist_view(request, told | (extra_context or {}))

    list_before_template: Any = "admin/verbs.html"

    def by_rule(self, request: HttpRequest) -> HttpResponse:
        """Make one by a rule."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        return rule_view(self, request, None)

    def change_rule(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Give one another rule."""
        segment = self.get_scoped_object(request, object_id, permission="users.change_segment")
        return self._back(request, segment) if by_hand(segment) else rule_view(self, request, segment)

    def members(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Who is in it."""
        segment = self.get_scoped_object(request, object_id, permission="users.view_segmentmember")
        return members_view(self, request, segment)

    def remove(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Take one out."""
        segment = self.get_scoped_object(request, object_id, permission="users.delete_segmentmember")
        return self._back(request, segment) if not by_hand(segment) else remove_view(request, segment)

    def import_file(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Put in whom a file names."""
        segment = self.get_scoped_object(request, object_id, permission="users.add_segmentmember")
        return self._back(request, segment) if not by_hand(segment) else import_view(self, request, segment)

    def _back(self, request: HttpRequest, segment: Segment) -> HttpResponse:
        messages.warning(request, _("This is not possible with this kind of segment."))
        return HttpResponseRedirect(self.address_of(segment))

    def links(self, request: HttpRequest, row: Segment) -> list[Link]:
        """Its members, its file, its rule."""
        offered = [
            (_("Members"), "group", "members", "users.view_segmentmember", True),
            (_("Import a file"), "upload_file", "import", "users.add_segmentmember", by_hand(row)),
            (_("Change the rule"), "rule", "rule", "users.change_segment", not by_hand(row)),
        ]
        return [
            Link(title=title, icon=icon, address=reverse(f"admin:users_segment_{name}", args=[row.pk]))
            for title, icon, name, permission, applies in offered
            if applies and request.user.has_perm(permission)
        ]

    @labelled(description=gettext_lazy("Kind"), ordering="kind", label=COLOURS)
    def shown_kind(self, row: Segment) -> tuple[str, str]:
        """Who keeps it."""
        return row.kind, str(SegmentKind(row.kind).label)

    @admin.display(description=gettext_lazy("Kind"))
    def shown_kind_words(self, row: Segment) -> str:
        """Who keeps it, in words."""
        return str(SegmentKind(row.kind).label)

    @admin.display(description=gettext_lazy("Rule"))
    def shown_rule(self, row: Segment) -> str:
        """The rule in a sentence."""
        return said(parse_rule(row.rule)) if row.rule is not None else "-"

    @admin.display(description=gettext_lazy("Members"), ordering="members_count")
    def shown_count(self, row: Segment) -> str:
        """How many."""
        return number_format(row.members_count, force_grouping=True)

    @admin.display(description=gettext_lazy("Judged for everybody"), ordering="judged_at")
    def shown_judged(self, row: Segment) -> str:
        """When a rule was judged last."""
        if row.kind == SegmentKind.HAND:
            return "-"
        return row.brand.local_text(row.judged_at) or _("being judged")
