"""Members' numbers at partner programmes and brands."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from loyalty.database import execute_prepared, write
from loyalty.errors import FieldError
from users.errors import InvalidExchangeProvider, InvalidMembershipNumber, MembershipNotFound
from users.models import Brand, Member, Membership, PartnerProgramme
from users.rules.membership_numbers import NumberRule, judge
from users.services.members import locked_member
from users.services.segments import note_due

FIELD = "membership_number"
HOLD_NAMED = "SELECT id FROM users_member WHERE brand_id = %s::bigint AND auth_id = %s::text FOR SHARE"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a membership is: a partner programme, or a brand of this house. One of the two is None."""

    programme: PartnerProgramme | None
    partner_brand: Brand | None


_partner_rules: list[Callable[[int, int], bool]] = []


def admit_partners(takes: Callable[[int, int], bool]) -> None:
    """Have a room above say whether a brand (the first) may keep memberships at another (the second)."""
    _partner_rules.append(takes)


def find_target(*, brand_id: int, name: str) -> Target:
    """What a name stands for: a programme's implementation name, the caller's own brand id, or a partner brand's.

    Raises InvalidExchangeProvider.
    """
    if name.isascii() and name.isdecimal():
        if len(name) <= 18 and (int(name) == brand_id or any(takes(brand_id, int(name)) for takes in _partner_rules)):
            return Target(None, Brand.objects.get(pk=int(name)))
        raise InvalidExchangeProvider
    programme = None if "\x00" in name else PartnerProgramme.objects.filter(implementation_name=name).first()
    if programme is None:
        raise InvalidExchangeProvider
    return Target(programme, None)


def accept_number(*, target: Target, member: Member, raw: str, field: str = FIELD) -> tuple[str, str]:
    """The number as it is kept, and what staff should look at. Raises InvalidMembershipNumber, saying why."""
    if target.programme is not None:
        return accept_programme_number(rule=target.programme.rule, raw=raw, field=field)
    if target.partner_brand is None or target.partner_brand.pk == member.brand_id:
        if raw != member.auth_id:
            raise invalid_number("it must be the user's auth_id", field=field)
        return raw, ""
    return accept_auth_id(brand_id=target.partner_brand.pk, raw=raw, field=field), ""


def accept_programme_number(*, rule: NumberRule, raw: str, field: str) -> tuple[str, str]:
    """A number of a programme as it is kept, and what staff should look at. Raises InvalidMembershipNumber."""
    judgement = judge(rule, raw)
    if judgement.refusal:
        raise invalid_number(judgement.refusal, field=field)
    return judgement.number, judgement.warning


def accept_auth_id(*, brand_id: int, raw: str, field: str) -> str:
    """The name of a member of another brand, who is held against erasure until the open transaction ends.

    Else a row that names them could be written behind the erasure's back, and wait for whoever gets the name next.
    Raises InvalidMembershipNumber.
    """
    if "\x00" in raw or not execute_prepared(HOLD_NAMED, [brand_id, raw]):
        raise invalid_number("nobody has it there", field=field)
    return raw


def invalid_number(reason: str, *, field: str = FIELD) -> InvalidMembershipNumber:
    """A refusal that names the field and says why."""
    error = FieldError(field, InvalidMembershipNumber.code, reason)
    return InvalidMembershipNumber(f"{field}: Invalid membership number: {reason}", errors=[error])


def save_membership(*, brand_id: int, auth_id: str, target_name: str, raw_number: str, at: datetime) -> Member:
    """Store a member's number at one target; a number already there is replaced.

    Raises UserNotFound, InvalidExchangeProvider, InvalidMembershipNumber.
    """

    def effect() -> Member:
        member = locked_member(brand_id=brand_id, auth_id=auth_id)
        target = find_target(brand_id=brand_id, name=target_name)
        number, warning = accept_number(target=target, member=member, raw=raw_number)
        Membership.objects.update_or_create(
            brand_id=brand_id,
            member=member,
            programme=target.programme,
            partner_brand=target.partner_brand,
            defaults={"number": number, "warning": warning, "updated_at": at},
            create_defaults={"number": number, "warning": warning, "created_at": at, "updated_at": at},
        )
        note_due(brand_id=brand_id, member_ids=[member.pk])
        return member

    return write(effect)


def memberships_of(member: Member) -> list[Membership]:
    """All memberships of a member, oldest first."""
    rows = Membership.objects.filter(brand_id=member.brand_id, member=member)
    return list(rows.select_related("programme", "partner_brand").order_by("created_at", "pk"))


def find_membership(*, member: Member, target_name: str) -> Membership:
    """One membership. Raises MembershipNotFound, also when no such target exists."""
    try:
        target = find_target(brand_id=member.brand_id, name=target_name)
    except InvalidExchangeProvider:
        raise MembershipNotFound from None
    rows = Membership.objects.filter(
        brand_id=member.brand_id, member=member, programme=target.programme, partner_brand=target.partner_brand
    )
    membership = rows.select_related("programme", "partner_brand").first()
    if membership is None:
        raise MembershipNotFound
    return membership


def delete_membership(*, brand_id: int, auth_id: str, target_name: str) -> None:
    """Forget one membership. Raises UserNotFound, InvalidExchangeProvider, MembershipNotFound."""

    def effect() -> None:
        member = locked_member(brand_id=brand_id, auth_id=auth_id)
        find_target(brand_id=brand_id, name=target_name)
        find_membership(member=member, target_name=target_name).delete()
        note_due(brand_id=brand_id, member_ids=[member.pk])

    write(effect)


def replace_number(*, brand_id: int, member_id: int, programme: PartnerProgramme, old: str, new: str, at: datetime) -> bool:
    """Follow a programme that merged accounts: the stored number becomes the new one, if it is still the old one."""
    rows = Membership.objects.filter(brand_id=brand_id, member_id=member_id, programme=programme, number=old)
    return bool(rows.update(number=new, warning="", updated_at=at))
