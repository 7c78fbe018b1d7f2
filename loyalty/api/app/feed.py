"""What has changed about users since a back end last asked; and who stands where in the ranking."""

from typing import Annotated

from django.core.signing import BadSignature, Signer
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from msgspec import Meta, Struct

from loyalty.api.app import documents
from loyalty.api.app.base import ServerView
from loyalty.api.app.documents import examples
from loyalty.api.app.envelopes import answered
from loyalty.api.app.reading import ClientId
from loyalty.api.app.shapes.feed import ChangedOut, FeedData, RankedOut, RankingData
from loyalty.api.app.shapes.history import burns_out, earns_out
from loyalty.api.app.shapes.users import user_out
from loyalty.errors import invalid_field
from rewards.selectors.feed import Changed, Cursor, Marks, changes_since
from rewards.services.ranking import Period, neighbours
from users.services.members import find_member

MOST = 1_000
SIGNER = Signer(salt="loyalty.api.app.feed")


class FeedBody(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Since when, and how much at once."""

    since: str | None = None
    limit: Annotated[int, Meta(ge=1)] = 100


class RankingBody(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Whose neighbours, how many to each side, and of which period."""

    partner_client_id: ClientId
    n: Annotated[int, Meta(ge=0, le=100)] = 10
    period: Period = "all"


@documents.call(
    operation="list_changes",
    description="Read what has changed since `since`, the cursor of the last answer; without it, everybody. No change is"
    " missed, and none told twice; who is gone is told of as deleted.",
    body=FeedBody,
    data=FeedData,
    example={
        "users": [{"info": examples.USER, "earns": [examples.EARN], "burns": []}, {"partnerClientId": "bob", "deleted": True}],
        "cursor": examples.CURSOR,
        "more": False,
    },
    sent={"since": examples.CURSOR, "limit": 100},
)
class FeedView(ServerView):
    """user/incrementalinfos: what has changed."""

    reads = True

    def post(self, request: HttpRequest) -> HttpResponse:
        """Tell what is new since the cursor, and where to go on."""
        body = self.read(request, FeedBody)
        cursor = None if body.since is None else read_cursor(body.since, self.brand_id)
        page = changes_since(brand_id=self.brand_id, cursor=cursor, limit=min(body.limit, MOST), at=timezone.now())
        users = [_told(user) for user in page.users]
        return answered(FeedData(users, write_cursor(page.cursor, self.brand_id), page.more))


@documents.call(
    operation="get_ranking",
    description="Read a user's place in the ranking, and up to `n` places above and below. Points count when they are earned,"
    " less what was taken back; ties share a rank.",
    body=RankingBody,
    data=RankingData,
    example={"ranking": [examples.RANKED]},
    sent={"partnerClientId": "ann", "n": 5, "period": "week"},
)
class RankingView(ServerView):
    """user/ranking: a user's place, and who stands above and below."""

    reads = True

    def post(self, request: HttpRequest) -> HttpResponse:
        """Tell of them."""
        body = self.read(request, RankingBody)
        member = find_member(brand_id=self.brand_id, auth_id=body.partner_client_id)
        places = neighbours(member, count=body.n, period=body.period, at=timezone.now())
        ranking = [RankedOut(one.rank, one.auth_id, one.first_name, one.points, one.me) for one in places]
        return answered(RankingData(ranking))


def _told(user: Changed) -> ChangedOut:
    if user.seen is None:
        return ChangedOut(partner_client_id=user.name, deleted=True)
    return ChangedOut(info=user_out(user.seen), earns=earns_out(user.earns), burns=burns_out(user.burns))


def write_cursor(cursor: Cursor, brand_id: int) -> str:
    """A cursor as its brand's back end keeps it; nobody can make one."""
    return SIGNER.sign_object([brand_id, *cursor.marks, cursor.token_id, cursor.member])


def read_cursor(text: str, brand_id: int) -> Cursor:
    """A cursor that an answer gave. Raises InvalidRequest."""
    try:
        of_brand, *marks, token_id, member = SIGNER.unsign_object(text)
    except (BadSignature, ValueError, TypeError):
        raise invalid_field("since", "this is not a cursor that an answer gave") from None
    if of_brand != brand_id or len(marks) != len(Marks._fields):
        raise invalid_field("since", "this is not a cursor that an answer gave")
    return Cursor(Marks(*marks), token_id, member)
