"""The number under which a member is known where the points go: sent with the request, or stored."""

from exchange.models import Partnership
from users.models import Member, Membership
from users.services.memberships import Target, accept_number, invalid_number


def number_of(*, member: Member, partnership: Partnership, override: str | None, field: str) -> str:
    """The number an order goes to. Raises InvalidMembershipNumber, naming `field` and saying why."""
    programme = partnership.provider.programme if partnership.provider is not None else None
    number = override
    if number is None:
        stored = Membership.objects.filter(
            brand_id=member.brand_id, member=member, programme=programme, partner_brand=partnership.partner_brand
        )
        number = stored.values_list("number", flat=True).first()
    if number is None:
        raise invalid_number("none is stored, and none was sent", field=field)
    return accept_number(target=Target(programme, partnership.partner_brand), member=member, raw=number, field=field)[0]
