"""Members, where a body or a query names them."""

from loyalty.api.retail.errors import MemberNotFound
from loyalty.errors import FieldError
from users.errors import UserNotFound
from users.models import Member
from users.services.members import find_member, locked_member


def named_member(*, brand_id: int, member_id: str, hold: bool = False) -> Member:
    """The member that a request names in its field member_id, held until the transaction ends where that is asked for.

    Raises MemberNotFound naming the field.
    """
    try:
        return (locked_member if hold else find_member)(brand_id=brand_id, auth_id=member_id)
    except UserNotFound:
        detail = "the brand has no such member"
        raise MemberNotFound(f"member_id: {detail}", errors=[FieldError("member_id", MemberNotFound.code, detail)]) from None
