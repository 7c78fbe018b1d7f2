"""The admin as tests use it: someone signed in, its pages, forms and actions."""

import re

from django.db.models import Model
from django.test import Client
from django.urls import reverse

from users.models import Staff


def page_of(model: type[Model], page: str, *arguments: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=arguments)


def make_staff(**terms: object) -> Staff:
    """Someone who may sign in; without a password, which takes long to hash, they are signed in by force."""
    return Staff.objects.create_user(**({"username": "ada", "is_staff": True} | terms))


def signed_in(staff: Staff) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(staff)
    return client


def words(response) -> str:
    """What a page says, without its tags."""
    return re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", response.content.decode()))


def act(client: Client, action: str, *rows: Model, **further: str):
    """Choose an action for rows of a list, and read the page that follows."""
    sent = {"action": action, "_selected_action": [row.pk for row in rows]} | further
    return client.post(page_of(type(rows[0]), "changelist"), sent, follow=True)


def fill(client: Client, model: type[Model], row: Model | None, fields: dict[str, object]):
    """Send a model's form with these fields; the tables below it stay empty but for the lines that are given."""
    path = page_of(model, "add") if row is None else page_of(model, "change", row.pk)
    tables = re.findall(r'name="(\S*)-TOTAL_FORMS"', client.get(path).content.decode())
    form = {f"{table}-{count}_FORMS": 0 for table in tables for count in ("TOTAL", "INITIAL")}
    form |= {f"{name}_at_{part}": text for name in ("created", "updated") for part, text in enumerate(("2026-06-01", "00:00"))}
    return client.post(path, form | fields)
