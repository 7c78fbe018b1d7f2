"""The programme of a brand: the points that the Retail API speaks of where a request names none."""

from rewards.errors import ProgrammeMissing
from rewards.models import Programme


def programme_of(brand_id: int) -> Programme:
    """A brand's programme, with its token. Raises ProgrammeMissing."""
    programme = Programme.objects.select_related("token").filter(brand_id=brand_id).first()
    if programme is None:
        raise ProgrammeMissing
    return programme
