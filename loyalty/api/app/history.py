"""What a user earned, and what they bought."""

from typing import Annotated

from django.http import HttpRequest, HttpResponse
from msgspec import Meta, Struct

from ledger.selectors import Place
from loyalty.api.app import documents
from loyalty.api.app.base import UserView
from loyalty.api.app.documents import examples
from loyalty.api.app.envelopes import answered
from loyalty.api.app.shapes.history import BurnsData, EarnsData, burns_out, earns_out
from loyalty.api.paging import PAGE, read_cursor, write_cursor
from rewards.selectors.doings import burns_of, earns_of


class PageBody(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Which page."""

    cursor: str | None = None
    limit: Annotated[int, Meta(ge=1)] = PAGE

    @property
    def most(self) -> int:
        """How many rows at most."""
        return min(self.limit, PAGE)

    @property
    def before(self) -> Place | None:
        """Where the page before ended. Raises InvalidRequest."""
        return None if self.cursor is None else Place(*read_cursor(self.cursor))


@documents.call(
    operation="list_earns",
    description="Read what the user earned, newest first.",
    body=PageBody,
    data=EarnsData,
    example={"earns": [examples.EARN], "cursor": None, "more": False},
    sent={"limit": 20},
)
class EarnsView(UserView):
    """user/historyearns: what the user earned."""

    reads = True

    def post(self, request: HttpRequest) -> HttpResponse:
        """List it, newest first."""
        body = self.read(request, PageBody)
        earns = earns_of(self.member, limit=body.most + 1, before=body.before)
        page, more = earns[: body.most], len(earns) > body.most
        cursor = write_cursor(page[-1].row.recorded_at, page[-1].row.pk) if more else None
        return answered(EarnsData(earns_out(page), cursor, more))


@documents.call(
    operation="list_burns",
    description="Read what the user bought, newest first.",
    body=PageBody,
    data=BurnsData,
    example={"burns": [examples.BURN], "cursor": None, "more": False},
    sent={"limit": 20},
)
class BurnsView(UserView):
    """user/historyburns: what the user bought."""

    reads = True

    def post(self, request: HttpRequest) -> HttpResponse:
        """List it, newest first."""
        body = self.read(request, PageBody)
        burns = burns_of(self.member, limit=body.most + 1, before=body.before)
        page, more = burns[: body.most], len(burns) > body.most
        last = page[-1].handed_out_at if more else None
        return answered(BurnsData(burns_out(page), write_cursor(last, page[-1].pk) if last is not None else None, more))
