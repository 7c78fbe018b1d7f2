"""Who is in a segment: a long list read by key, one taken out by hand, many put in by a file that is looked at first."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from loyalty.admin.base import actor_of
from loyalty.admin.outcomes import note_move, page_of, tell, tell_form
from loyalty.admin.segment_forms import FileForm
from loyalty.database import write
from loyalty.errors import LoyaltyError
from loyalty.keyset import Key, Place, UnknownPlace, read_window
from users.models import Member, Segment, SegmentKind, SegmentMember
from users.services.segment_import import Preview, keep_draft, preview_import, take_draft
from users.services.segments import remove_member

if TYPE_CHECKING:
    from loyalty.admin.segments import SegmentAdmin

PAGE = 50
SHOWN = 100
KEY = Key(("member_id",), descending=False)
OLDER, NEWER = "older", "newer"


def members_view(page: "SegmentAdmin", request: HttpRequest, segment: Segment) -> HttpResponse:
    """One window of the list."""
    rows = SegmentMember.objects.filter(brand_id=segment.brand_id, segment=segment, member__auth_id__isnull=False)
    older, newer = (_place(request, name) for name in (OLDER, NEWER))
    window = read_window(rows.select_related("member"), KEY, size=PAGE, older=older, newer=newer)
    context = page.admin_site.each_context(request) | {
        "title": _("Members of %(segment)s") % {"segment": segment},
        "opts": page.opts,
        "segment": segment,
        "count": number_format(segment.members_count, force_grouping=True),
        "rows": [(row.member, segment.brand.local_text(row.added_at)) for row in window.rows],
        "next": _address(OLDER, window.older),
        "previous": _address(NEWER, window.newer),
        "may_look": request.user.has_perm("users.view_member"),
        "may_remove": segment.kind == SegmentKind.HAND and request.user.has_perm("users.delete_segmentmember"),
    }
    return TemplateResponse(request, "admin/segments/members.html", context)


@require_POST
def remove_view(request: HttpRequest, segment: Segment) -> HttpResponse:
    """Take out the member whom the form names by our own id."""
    member = Member.objects.filter(brand_id=segment.brand_id, public_id=request.POST.get("member", "")).first()
    back = HttpResponseRedirect(reverse("admin:users_segment_members", args=[segment.pk]))

    def effect() -> bool:
        if member is None:
            return False
        gone = remove_member(brand_id=segment.brand_id, segment_id=segment.pk, auth_id=member.auth_id or "")
        if gone:
            note_move(request, segment, before={"member": member.pk}, after={})
        return gone

    try:
        gone = write(effect)
    except LoyaltyError as refusal:
        tell(request, refusal, segment)
        return back
    if gone:
        messages.success(request, _("The member was taken out."))
    return back


def import_view(page: "SegmentAdmin", request: HttpRequest, segment: Segment) -> HttpResponse:
    """Show the form; look at a file that is sent; take the file that was looked at."""
    of = {"brand_id": segment.brand_id, "segment_id": segment.pk}
    if draft := request.POST.get("draft", ""):
        return _take(request, segment, int(draft) if draft.isdecimal() and len(draft) <= 18 else 0)
    form, told = FileForm(request.POST or None, request.FILES or None), dict[str, Any]()
    if request.method == "POST" and form.is_valid():
        try:
            preview = preview_import(**of, text=form.cleaned_data["file"])
            told = _told(preview)
            if preview.member_ids:
                told["draft"] = keep_draft(**of, actor=actor_of(request), member_ids=preview.member_ids, at=timezone.now())
        except LoyaltyError as refusal:
            tell_form(form, refusal)
    context = page.admin_site.each_context(request) | {
        "title": _("Import into %(segment)s") % {"segment": segment},
        "opts": page.opts,
        "segment": segment,
        "form": form,
    }
    return TemplateResponse(request, "admin/segments/import.html", context | told)


def _told(preview: Preview) -> dict[str, Any]:
    return {
        "looked_at": True,
        "new_count": len(preview.fresh),
        "already_count": len(preview.already),
        "fault_count": len(preview.faults),
        "new": preview.fresh[:SHOWN],
        "faults": preview.faults[:SHOWN],
        "shown": SHOWN,
    }


def _take(request: HttpRequest, segment: Segment, draft_id: int) -> HttpResponse:
    terms = {"brand_id": segment.brand_id, "segment_id": segment.pk, "draft_id": draft_id}

    def effect() -> int:
        count = take_draft(**terms, actor=actor_of(request), at=timezone.now())
        note_move(request, segment, before={}, after={"imported": count})
        return count

    try:
        count = write(effect)
    except LoyaltyError as refusal:
        tell(request, refusal, segment)
        return HttpResponseRedirect(request.path)
    added = ngettext("%(count)s member was added.", "%(count)s members were added.", count)
    messages.success(request, added % {"count": number_format(count, force_grouping=True)})
    return HttpResponseRedirect(page_of(segment))


def _place(request: HttpRequest, name: str) -> Place | None:
    """A place that the address names. Raises Http404 for one that no list gave out."""
    text = request.GET.get(name, "")
    try:
        return KEY.read(SegmentMember, text) if text else None
    except UnknownPlace:
        raise Http404 from None


def _address(name: str, place: Place | None) -> str:
    return "" if place is None else "?" + urlencode({name: KEY.written(place)})
