"""Users and their memberships."""

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from users.models import Member, Membership


class BrandOut(Struct):
    """Whose membership it is, in the newer spelling."""

    id: str
    name: str
    locations: list[dict[str, Any]]
    brand_config: dict[str, Any] | None


class ExchangeProviderOut(Struct):
    """Whose membership it is, in the older spelling."""

    implementation_name: str
    name: str


class MembershipOut(Struct):
    """A member's number somewhere."""

    membership_number: str
    brand: BrandOut
    exchange_provider: ExchangeProviderOut


class UserOut(Struct):
    """A user; `memberships` is there where one was just stored."""

    id: str
    email: str | None
    auth_id: str
    first_name: str | None
    second_name: str | None
    language: str | None
    country_ISO: str | None
    metadata: dict[str, Any] | None
    memberships: list[MembershipOut] | UnsetType = UNSET


class UserAnswer(Struct):
    """A user, under the names of both generations."""

    data: UserOut
    user: UserOut


class UserPage(Struct):
    """A page of users, newest first."""

    users: list[UserOut]
    offset: int
    limit: int
    total_count: int


class UserPageAnswer(Struct):
    """A page of users."""

    data: UserPage


class MembershipAnswer(Struct):
    """One membership."""

    data: MembershipOut


class MembershipsAnswer(Struct):
    """All memberships of a user."""

    data: list[MembershipOut]


def membership_out(membership: Membership) -> MembershipOut:
    """A membership in both spellings."""
    if membership.programme is not None:
        id_, name = membership.programme.implementation_name, membership.programme.name
    elif membership.partner_brand is not None:
        id_, name = str(membership.partner_brand.pk), membership.partner_brand.name
    else:
        raise AssertionError("the database keeps one target for each membership")
    return MembershipOut(membership.number, BrandOut(id_, name, [], None), ExchangeProviderOut(id_, name))


def user_out(member: Member, memberships: Sequence[Membership] | None = None) -> UserOut:
    """A user, with memberships where they are given."""
    return UserOut(
        id=member.public_id,
        email=member.email,
        auth_id=member.auth_id or "",
        first_name=member.first_name,
        second_name=member.second_name,
        language=member.language,
        country_ISO=member.country_iso,
        metadata=member.metadata,
        memberships=UNSET if memberships is None else [membership_out(item) for item in memberships],
    )


def user_answer(member: Member, memberships: Sequence[Membership] | None = None) -> UserAnswer:
    """A user under `data` and under `user`."""
    user = user_out(member, memberships)
    return UserAnswer(data=user, user=user)
