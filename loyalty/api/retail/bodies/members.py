"""Bodies about members."""

from msgspec import Struct

from loyalty.api.retail.bodies.reading import MemberId


class IdentificationBody(Struct, forbid_unknown_fields=True):
    """Whom the gift shop will meet."""

    member_id: MemberId
