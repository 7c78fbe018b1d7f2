"""The number under which a member is known where the points go: sent with the request, or stored."""

from exchange.services.terms import Terms
from users.services.memberships import accept_auth_id, accept_programme_number, invalid_number


def number_of(terms: Terms, *, override: str | None, field: str) -> str:
    """The number an order goes to. Raises InvalidMembershipNumber, naming `field` and saying why."""
    number = terms.stored_number if override is None else override
    if number is None:
        raise invalid_number("none is stored, and none was sent", field=field)
    if terms.rule is not None:
        return accept_programme_number(rule=terms.rule, raw=number, field=field)[0]
    if terms.agreed is None or terms.agreed.partner_brand_id is None:
        raise AssertionError("without a programme the points go to a brand")
    return accept_auth_id(brand_id=terms.agreed.partner_brand_id, raw=number, field=field)
