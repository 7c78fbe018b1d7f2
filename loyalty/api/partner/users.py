"""Users of the Partner API."""

from http import HTTPStatus

import msgspec
from django.http import HttpRequest
from django.utils import timezone

from ledger.selectors import balances_of
from loyalty.api.idempotency import Answer
from loyalty.api.paging import read_page
from loyalty.api.partner.base import PartnerView
from loyalty.api.partner.bodies import UserBody, read
from loyalty.api.partner.documents import users as documents
from loyalty.api.partner.shapes.balances import balances_answer
from loyalty.api.partner.shapes.users import UserPage, UserPageAnswer, user_answer, user_out
from loyalty.api.requests import Parameters, under
from rewards.selectors import items_of
from users.models import Scope
from users.selectors import MemberList
from users.services.members import change_member, create_member, erase_member, find_member


class UsersView(PartnerView):
    """POST and GET /users: a member registers; members are listed."""

    read_scope, write_scope = Scope.USERS_READ, Scope.USERS_WRITE

    @documents.create_user
    def post(self, request: HttpRequest) -> Answer:
        """Create a user."""

        def effect() -> Answer:
            profile = read(request, UserBody).user.profile()
            with under("user"):
                member = create_member(brand_id=self.brand_id, profile=profile, at=timezone.now())
            return Answer(HTTPStatus.CREATED, msgspec.json.encode(user_answer(member)), member.pk)

        return self.once(request, effect)

    @documents.list_users
    def get(self, request: HttpRequest) -> Answer:
        """List users, newest first."""
        query = Parameters(request.GET, known=("limit", "offset", "email_like", "from_time", "to_time"))
        wanted = MemberList(
            brand_id=self.brand_id,
            email_like=query.text("email_like"),
            from_time=query.instant("from_time"),
            to_time=query.instant("to_time"),
        )
        limit, offset = read_page(query)
        users = [user_out(member) for member in wanted.page(limit=limit, offset=offset)]
        page = UserPage(users, offset, limit, wanted.total())
        return Answer(HTTPStatus.OK, msgspec.json.encode(UserPageAnswer(page)))


class UserView(PartnerView):
    """GET, PUT, PATCH and DELETE /users/:auth_id: one member."""

    read_scope, write_scope = Scope.USERS_READ, Scope.USERS_WRITE

    @documents.get_user
    def get(self, request: HttpRequest, auth_id: str) -> Answer:
        """Read a user."""
        member = find_member(brand_id=self.brand_id, auth_id=auth_id)
        return Answer(HTTPStatus.OK, msgspec.json.encode(user_answer(member)))

    @documents.put_user
    def put(self, request: HttpRequest, auth_id: str) -> Answer:
        """Replace what is known of a user."""
        return self._change(request, auth_id, replace=True)

    @documents.patch_user
    def patch(self, request: HttpRequest, auth_id: str) -> Answer:
        """Change some of what is known of a user."""
        return self._change(request, auth_id, replace=False)

    @documents.delete_user
    def delete(self, request: HttpRequest, auth_id: str) -> Answer:
        """Erase a user's personal data and close their accounts."""
        erase_member(brand_id=self.brand_id, auth_id=auth_id, at=timezone.now())
        return Answer(HTTPStatus.NO_CONTENT, b"")

    def _change(self, request: HttpRequest, auth_id: str, *, replace: bool) -> Answer:
        profile = read(request, UserBody).user.profile()
        with under("user"):
            member = change_member(brand_id=self.brand_id, auth_id=auth_id, profile=profile, replace=replace)
        return Answer(HTTPStatus.OK, msgspec.json.encode(user_answer(member)))


class BalancesView(PartnerView):
    """GET /users/:auth_id/balances: what a member holds."""

    read_scope = Scope.USERS_READ

    @documents.get_balances
    def get(self, request: HttpRequest, auth_id: str) -> Answer:
        """Read a user's balances, points that have lapsed left out, and their collectibles."""
        member = find_member(brand_id=self.brand_id, auth_id=auth_id)
        Parameters(request.GET, known=())
        answer = balances_answer(balances_of(member, at=timezone.now()), items_of(member))
        return Answer(HTTPStatus.OK, msgspec.json.encode(answer))
