"""Memberships of the Partner API."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from django.http import HttpRequest
from django.utils import timezone

from loyalty.api.idempotency import Answer
from loyalty.api.partner.base import PartnerView
from loyalty.api.partner.bodies import MembershipBody, read
from loyalty.api.partner.documents import users as documents
from loyalty.api.partner.shapes.users import MembershipAnswer, MembershipsAnswer, membership_out, user_answer
from loyalty.api.requests import Parameters, under
from loyalty.errors import LoyaltyError
from users.errors import MembershipNotFound, UserNotFound
from users.models import Scope
from users.services.members import find_member
from users.services.memberships import delete_membership, find_membership, memberships_of, save_membership


class MembershipBase(PartnerView):
    """Storing a membership, on either path."""

    read_scope, write_scope = Scope.USERS_READ, Scope.USERS_WRITE

    def save(self, request: HttpRequest, auth_id: str, target: str | None, status: HTTPStatus) -> Answer:
        """Store the number of the body; a number already there is replaced."""
        membership = read(request, MembershipBody).membership
        target_name = membership.target(target)
        with under("membership"):
            member = save_membership(
                brand_id=self.brand_id,
                auth_id=auth_id,
                target_name=target_name,
                raw_number=membership.membership_number,
                at=timezone.now(),
            )
        return Answer(status, msgspec.json.encode(user_answer(member, memberships_of(member))), member.pk)


class MembershipsView(MembershipBase):
    """GET, POST, PUT and PATCH /users/:auth_id/memberships."""

    @documents.list_memberships
    def get(self, request: HttpRequest, auth_id: str) -> Answer:
        """List a user's memberships."""
        Parameters(request.GET, known=())
        member = find_member(brand_id=self.brand_id, auth_id=auth_id)
        memberships = [membership_out(item) for item in memberships_of(member)]
        return Answer(HTTPStatus.OK, msgspec.json.encode(MembershipsAnswer(memberships)))

    @documents.create_membership
    def post(self, request: HttpRequest, auth_id: str) -> Answer:
        """Store a user's number; the same target again replaces it."""
        return self.once(request, lambda: self.save(request, auth_id, None, HTTPStatus.CREATED))

    @documents.put_membership
    def put(self, request: HttpRequest, auth_id: str) -> Answer:
        """Store a user's number, also when there is none yet."""
        return self.save(request, auth_id, None, HTTPStatus.OK)

    @documents.patch_membership
    def patch(self, request: HttpRequest, auth_id: str) -> Answer:
        """Store a user's number, also when there is none yet."""
        return self.save(request, auth_id, None, HTTPStatus.OK)


class MembershipView(MembershipBase):
    """GET, PUT, PATCH and DELETE /users/:auth_id/memberships/:implementation_name."""

    def problem_extra(self, refusal: LoyaltyError) -> Mapping[str, Any]:
        """What is not there is also told as an empty object, as the older documents have it."""
        return {"data": {}} if isinstance(refusal, MembershipNotFound | UserNotFound) else {}

    @documents.get_membership
    def get(self, request: HttpRequest, auth_id: str, target: str) -> Answer:
        """Read one membership of a user."""
        member = find_member(brand_id=self.brand_id, auth_id=auth_id)
        membership = membership_out(find_membership(member=member, target_name=target))
        return Answer(HTTPStatus.OK, msgspec.json.encode(MembershipAnswer(membership)))

    @documents.put_one_membership
    def put(self, request: HttpRequest, auth_id: str, target: str) -> Answer:
        """Store the number of one membership, also when there is none yet."""
        return self.save(request, auth_id, target, HTTPStatus.OK)

    @documents.patch_one_membership
    def patch(self, request: HttpRequest, auth_id: str, target: str) -> Answer:
        """Store the number of one membership, also when there is none yet."""
        return self.save(request, auth_id, target, HTTPStatus.OK)

    @documents.delete_membership
    def delete(self, request: HttpRequest, auth_id: str, target: str) -> Answer:
        """Forget one membership of a user."""
        delete_membership(brand_id=self.brand_id, auth_id=auth_id, target_name=target)
        return Answer(HTTPStatus.NO_CONTENT, b"")
