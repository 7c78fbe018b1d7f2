"""Users, as the app's back end reads them."""

from typing import Annotated

from django.conf import settings
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from msgspec import Meta, Struct

from loyalty.api.app import documents
from loyalty.api.app.base import ServerView, UserView
from loyalty.api.app.codes import CODES, ErrorCode, reason_of
from loyalty.api.app.documents import examples
from loyalty.api.app.envelopes import answered
from loyalty.api.app.reading import ClientId, Nothing
from loyalty.api.app.shapes.access import EmptyData
from loyalty.api.app.shapes.users import DeletionData, DeletionResult, UserData, UsersData, user_out
from loyalty.api.paging import PAGE, read_cursor, write_cursor
from loyalty.errors import LoyaltyError
from rewards.selectors.users import seen_user, seen_users
from users.errors import CredentialsWrong
from users.models import Member
from users.services.app_tokens import AppCaller
from users.services.members import erase_member, find_member

MOST_USERS = 1_000


class AppUserBody(Struct, rename="camel", forbid_unknown_fields=True):
    """Whom to tell of."""

    partner_client_id: ClientId


def check_app(caller: AppCaller, app_id: str) -> None:
    """Refuse an app that is not the one that the token was given to. Raises CredentialsWrong."""
    if app_id != caller.app_id:
        raise CredentialsWrong


class UsersBody(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Whom to tell of: those who are named, or page by page all of them."""

    partner_client_ids: Annotated[list[ClientId], Meta(min_length=1, max_length=MOST_USERS)] | None = None
    cursor: str | None = None
    limit: Annotated[int, Meta(ge=1)] = PAGE


class DeletionBody(Struct, rename="camel", forbid_unknown_fields=True):
    """Whom to erase."""

    partner_client_ids: Annotated[list[ClientId], Meta(min_length=1, max_length=MOST_USERS)]


@documents.call(
    operation="get_user_info",
    description="Read a user.",
    body=AppUserBody,
    data=UserData,
    example={"user": examples.USER},
    sent={"partnerClientId": "ann"},
)
class InfoView(ServerView):
    """user/info: one user."""

    reads = True

    def post(self, request: HttpRequest) -> HttpResponse:
        """Tell of them."""
        member = find_member(brand_id=self.brand_id, auth_id=self.read(request, AppUserBody).partner_client_id)
        return answered(UserData(user_out(seen_user(member, at=timezone.now()))))


@documents.call(
    operation="list_user_infos",
    description="Read users, those that are named or page by page all of them. Who is not known is left out.",
    body=UsersBody,
    data=UsersData,
    example={"users": [examples.USER], "cursor": None, "more": False},
    sent={"partnerClientIds": ["ann"]},
)
class InfosView(ServerView):
    """user/infos: many users."""

    reads = True
    limit_bytes = settings.BODY_LIMIT_MANY_BYTES

    def post(self, request: HttpRequest) -> HttpResponse:
        """Tell of those who are named, or of a page of all; who is not known is left out."""
        body, at = self.read(request, UsersBody), timezone.now()
        rows = Member.objects.filter(brand_id=self.brand_id, auth_id__isnull=False)
        if body.partner_client_ids is not None:
            known = {member.auth_id: member for member in rows.filter(auth_id__in=set(body.partner_client_ids))}
            named = [known[name] for name in dict.fromkeys(body.partner_client_ids) if name in known]
            return answered(UsersData([user_out(seen) for seen in seen_users(named, at=at)], None, False))
        after = read_cursor(body.cursor)[1] if body.cursor is not None else 0
        most = min(body.limit, MOST_USERS)
        members = list(rows.filter(pk__gt=after).order_by("pk")[: most + 1])
        page, more = members[:most], len(members) > most
        cursor = write_cursor(page[-1].created_at, page[-1].pk) if more else None
        return answered(UsersData([user_out(seen) for seen in seen_users(page, at=at)], cursor, more))


@documents.call(
    operation="delete_users",
    description="Erase users, one by one.",
    body=DeletionBody,
    data=DeletionData,
    example={"results": [{"partnerClientId": "ann", "errorCode": 0, "reason": None}]},
    sent={"partnerClientIds": ["ann"]},
)
class DeletionView(ServerView):
    """user/multidelete: users are erased, one by one."""

    limit_bytes = settings.BODY_LIMIT_MANY_BYTES

    def post(self, request: HttpRequest) -> HttpResponse:
        """Erase each; one who is not known hinders no other."""
        body = self.read(request, DeletionBody)
        return answered(DeletionData([self._erase(name) for name in body.partner_client_ids]))

    def _erase(self, name: str) -> DeletionResult:
        try:
            erase_member(brand_id=self.brand_id, auth_id=name, at=timezone.now())
        except LoyaltyError as refusal:
            return DeletionResult(name, int(CODES[refusal.code]), reason_of(refusal.code))
        except OperationalError:  # this one another time; of the others each has its result
            return DeletionResult(name, int(ErrorCode.REFUSED), "service_unavailable")
        return DeletionResult(name, int(ErrorCode.OK), None)


@documents.call(
    operation="delete_user",
    description="Erase the user, with all that is theirs.",
    body=Nothing,
    data=EmptyData,
    example={},
    sent={},
)
class OwnDeletionView(UserView):
    """user/delete: a user is erased, with all that is theirs."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Erase them."""
        self.read(request, Nothing)
        erase_member(brand_id=self.brand_id, auth_id=self.auth_id, at=timezone.now(), member_id=self.member.pk)
        return answered({})
