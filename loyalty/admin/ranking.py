"""The ranking as apps show it: the first places, page by page, or those around one member."""

import re
from typing import TYPE_CHECKING, Any, cast, get_args
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from rewards.models import Programme
from rewards.services.ranking import MOST_EARNED, Period, Ranked, Row, neighbours, places_below
from users.errors import UserNotFound
from users.models import Brand
from users.services.members import find_member

if TYPE_CHECKING:
    from loyalty.admin.programme import ProgrammeAdmin

MAY_RANK = "users.view_member"
PAGE, AROUND = 50, 10
SCORE = re.compile("[0-9]{1,19}")
PERIODS = {"all": gettext_lazy("In all"), "month": gettext_lazy("This month"), "week": gettext_lazy("This week")}


def ranking_view(page: "ProgrammeAdmin", request: HttpRequest, programme: Programme) -> HttpResponse:
    """One page of it."""
    brand = programme.brand
    asked = request.GET.get("period", "all")
    if asked not in get_args(Period):
        raise Http404
    period, name, further = cast(Period, asked), request.GET.get("member", ""), dict[str, Any]()
    try:
        rows = _around(brand, name, period) if name else places_below(brand, **_page(request, period))
    except UserNotFound:
        rows, further = [], {"unknown": True}
    more = len(rows) > PAGE and not name
    rows = rows[:PAGE] if more else rows
    context = page.admin_site.each_context(request) | {
        "title": _("Ranking of %(brand)s") % {"brand": brand},
        "opts": page.opts,
        "programme": programme,
        "periods": [(key, words, key == period) for key, words in PERIODS.items()],
        "sought": name,
        "rows": [(row, number_format(row.rank, force_grouping=True), _points(row)) for row in rows],
        "next": "?" + urlencode({"period": period, "after": f"{rows[-1].points}:{rows[-1].auth_id}"}) if more else "",
        "first": "?" + urlencode({"period": period}) if name or "after" in request.GET else "",
    }
    return TemplateResponse(request, "admin/earnings/ranking.html", context | further)


def _points(row: Ranked) -> str:
    return str(number_format(row.points, force_grouping=True))


def _around(brand: Brand, name: str, period: Period) -> list[Ranked]:
    """The places around a member. Raises UserNotFound."""
    member = find_member(brand_id=brand.pk, auth_id=name)
    return neighbours(member, count=AROUND, period=period, at=timezone.now())


def _page(request: HttpRequest, period: Period) -> dict[str, Any]:
    return {"after": _after(request.GET.get("after", "")), "count": PAGE + 1, "period": period, "at": timezone.now()}


def _after(text: str) -> Row | None:
    """The place that an address goes on below. Raises Http404 for one that no page gave out."""
    if not text:
        return None
    points, colon, name = text.partition(":")
    if not colon or not SCORE.fullmatch(points) or int(points) > MOST_EARNED or "\x00" in name:
        raise Http404
    return name, int(points)
