"""Parts of paths that more than one dialect has."""

from django.urls import register_converter
from django.urls.converters import IntConverter


class IdConverter(IntConverter):
    """Digits that can be an id; longer ones match no path, as no such id exists."""

    regex = "[0-9]{1,18}"


register_converter(IdConverter, "id")
