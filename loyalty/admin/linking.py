"""Links from one row to another, for those who may follow them."""

from dataclasses import dataclass

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse


@dataclass(frozen=True, slots=True)
class Link:
    """What a row is called, and where it is shown; no address for whoever may not look."""

    text: str
    address: str = ""


def link_to(request: HttpRequest, row: Model, text: str = "") -> Link:
    """A link to a row's own page."""
    page = admin.site._registry.get(type(row))
    if page is None or not page.has_view_permission(request):
        return Link(text or str(row))
    return Link(text or str(row), reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk]))
