"""The programme of a brand: the points that the Retail API speaks of where a request names none."""

from typing import Any

from django.db.models import F

from loyalty.database import write
from rewards.errors import ProgrammeMissing
from rewards.models import Programme


def programme_of(brand_id: int) -> Programme:
    """A brand's programme, with its token. Raises ProgrammeMissing."""
    programme = Programme.objects.select_related("token").filter(brand_id=brand_id).first()
    if programme is None:
        raise ProgrammeMissing
    return programme


def change_programme(*, brand_id: int, **changed: Any) -> None:
    """Change a brand's programme, so that whoever keeps its rules reads them anew. Raises ProgrammeMissing."""

    def effect() -> None:
        if not Programme.objects.filter(brand_id=brand_id).update(**changed, revision=F("revision") + 1):
            raise ProgrammeMissing

    write(effect)
