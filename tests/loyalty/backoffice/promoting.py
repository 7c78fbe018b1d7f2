"""Staff at the pages of promotions, as tests use them."""

from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from rewards.models import Promotion
from tests.loyalty.desk import make_staff, signed_in


def someone(brand, role: str = "Campaign manager") -> Client:
    staff = make_staff(username=f"{role} of {brand.pk}", brand=brand)
    staff.groups.add(Group.objects.get(name=role))
    return signed_in(staff)


def form_of(token, **fields) -> dict[str, object]:
    form = {"name": "Coffee week", "token": token.pk, "kind": "fixed", "points": 50, "priority": 0, "member_period": "all"}
    return form | fields


def do(client: Client, verb: str, promotion: Promotion, **fields):
    """Look at a verb's page, and send what it shows."""
    path = reverse(f"admin:rewards_promotion_{verb}", args=[promotion.pk])
    page = client.get(path)
    form = page.context["form"].initial if page.status_code == 200 and "form" in page.context else {}
    return client.post(path, dict(form) | fields, follow=True)


def attempt(client: Client, promotion: Promotion, *lines, part: str = "", **fields):
    """Try a basket: a line is product, category, quantity and amount."""
    columns = list(zip(*lines, strict=True)) or [[], [], [], []]
    names = ("sku", "category", "quantity", "amount")
    form = {f"try-lines-{name}": list(column) for name, column in zip(names, columns, strict=True)}
    form |= {f"try-{name}": value for name, value in fields.items()}
    return client.post(reverse("admin:rewards_promotion_try", args=[promotion.pk]) + part, form)
