"""How bodies of the Retail API are read."""

from typing import Annotated

from django.conf import settings
from django.http import HttpRequest
from msgspec import Meta

from loyalty.api.requests import Shape, parse_body

MemberId = Annotated[str, Meta(min_length=1, max_length=255)]


def read(request: HttpRequest, shape: type[Shape], *, limit_bytes: int = settings.BODY_LIMIT_BYTES) -> Shape:
    """The body in a shape. Raises FieldRefused naming the field, UnsupportedMediaType, BodyTooLarge."""
    return parse_body(request, shape, limit_bytes=limit_bytes)
