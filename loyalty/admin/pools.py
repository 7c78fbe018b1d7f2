"""The page on which a pool of coupon codes is filled: a file is looked at first, then taken whole or not at all."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminFileFieldWidget

from loyalty.admin.base import actor_of
from loyalty.admin.outcomes import note_move, page_of, tell, tell_form
from loyalty.database import write
from loyalty.errors import LoyaltyError
from rewards.models import RewardType
from rewards.services.pools import PoolPreview, keep_draft, preview_pool, take_draft

MOST_BYTES = 5 * 2**20
SHOWN = 100


class PoolForm(forms.Form):
    """The file of codes, as text."""

    file = forms.FileField(
        label=gettext_lazy("File of codes"),
        help_text=gettext_lazy("CSV in UTF-8: one code a line, under the header 'code' or without it; 5 MB at most."),
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.txt,text/csv,text/plain"}),
    )

    def clean_file(self) -> str:
        """Read it. Refuses what is too large, or no text."""
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError(_("The file is larger than 5 MB: split it."))
        try:
            text: str = file.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise forms.ValidationError(_("This is no text in UTF-8: save it as 'CSV UTF-8'.")) from None
        return text


def fill_pool(request: HttpRequest, reward_type: RewardType, context: dict[str, Any]) -> HttpResponse:
    """Show the form; look at a file that is sent; take the file that was looked at."""
    of = {"brand_id": reward_type.brand_id, "reward_type_id": reward_type.pk}
    draft = request.POST.get("draft", "")
    if draft:
        return _take(request, reward_type, int(draft) if draft.isdecimal() else 0)
    form = PoolForm(request.POST or None, request.FILES or None)
    told: dict[str, Any] = {}
    if request.method == "POST" and form.is_valid():
        text = form.cleaned_data["file"]
        try:
            preview = preview_pool(**of, text=text)
            told = _told(preview)
            if not preview.faults:
                told["draft"] = keep_draft(**of, actor=actor_of(request), text=text, at=timezone.now())
        except LoyaltyError as refusal:
            tell_form(form, refusal)
    context |= {
        "title": _("Codes for %(reward)s") % {"reward": reward_type},
        "opts": RewardType._meta,
        "reward_type": reward_type,
        "form": form,
    }
    return TemplateResponse(request, "admin/catalogue/pool.html", context | told)


def _told(preview: PoolPreview) -> dict[str, Any]:
    return {
        "looked_at": True,
        "new_count": len(preview.new),
        "new": list(preview.new.items())[:SHOWN],
        "fault_count": len(preview.faults),
        "faults": list(preview.faults.items())[:SHOWN],
        "shown": SHOWN,
    }


def _take(request: HttpRequest, reward_type: RewardType, draft_id: int) -> HttpResponse:
    of = {"brand_id": reward_type.brand_id, "reward_type_id": reward_type.pk}

    def effect() -> int:
        count = take_draft(**of, draft_id=draft_id, actor=actor_of(request))
        stock = RewardType.objects.values_list("stock", flat=True).get(brand_id=reward_type.brand_id, pk=reward_type.pk) or 0
        note_move(request, reward_type, before={"stock": stock - count}, after={"stock": stock})
        return count

    try:
        count = write(effect)
    except LoyaltyError as refusal:
        tell(request, refusal, reward_type)
        return HttpResponseRedirect(request.path)
    added = ngettext("%(count)s code is in the pool now.", "%(count)s codes more are in the pool now.", count)
    messages.success(request, added % {"count": count})
    return HttpResponseRedirect(page_of(reward_type))
