"""A code is worth something: on no page is one whole for whom may not take codes away, nor in what its links say."""

import base64
import re
from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from loyalty.admin.codes import CodeAdmin
from loyalty.admin.roles import AUDITOR, BRAND_MANAGER, SERVICE_AGENT
from rewards.models import Campaign, Code
from tests.loyalty.backoffice.pages import PAGES
from tests.loyalty.desk import make_staff, page_of, signed_in
from tests.loyalty.furnished import furnish
from tests.rewards.conftest import issue
from users.models import Email, Member


@pytest.fixture
def codes(brand, monkeypatch) -> list[str]:
    """A brand's codes: one is redeemed, one was sent to a member, and each stands on a page of its own."""
    monkeypatch.setattr(CodeAdmin, "list_per_page", 1)
    furnish(brand)
    Member.objects.filter(brand=brand).update(email="ann@example.org")
    issue(Campaign.objects.filter(brand=brand).first(), email="ann@example.org")
    assert Email.objects.filter(brand=brand, recipient="ann@example.org", context__has_key="code").exists()
    return list(Code.objects.filter(brand=brand).values_list("code", flat=True))


def someone(brand, role: str) -> Client:
    staff = make_staff(username=role, brand=brand)
    staff.groups.add(Group.objects.get(name=role))
    return signed_in(staff)


def addresses(brand) -> Iterator[str]:
    for model, page in admin.site._registry.items():
        yield page_of(model, "changelist")
        rows = model._default_manager.filter(**{page.brand_path: brand.pk})[:5] if page.brand_path else []
        for row in rows:
            yield from (page_of(model, name, row.pk) for name in ("change", "history"))
    for name, own in PAGES.items():
        yield from (reverse(f"admin:{name}", args=arguments) for arguments in own.arguments(brand))


def told(client: Client, address: str) -> str:
    """What a page says, and what is written in its addresses."""
    answer = client.get(address)
    text = "" if answer.streaming else answer.content.decode()
    places = re.findall(r"[?&;](?:older|newer|before|at)=([\w%=-]+)", text)
    return "\n".join([text, *(decoded(unquote(place)) for place in places)])


def decoded(place: str) -> str:
    return base64.urlsafe_b64decode(place.rstrip("=") + "=" * (-len(place.rstrip("=")) % 4)).decode(errors="replace")


def pages_of_codes(client: Client) -> Iterator[str]:
    address = page_of(Code, "changelist")
    while address:
        text = told(client, address)
        yield text
        older = re.search(r'href="(\?older=[^"]+)"', text)
        address = page_of(Code, "changelist") + older[1] if older else ""


@pytest.mark.parametrize("role", [SERVICE_AGENT, AUDITOR])
def test_no_page_tells_a_whole_code_to_whom_they_are_masked(brand, codes, role):
    client = someone(brand, role)

    said = {address: told(client, address) for address in addresses(brand)}

    assert len(codes) > 2
    assert [(address, code) for address, text in said.items() for code in codes if code in text] == []


@pytest.mark.parametrize("role", [SERVICE_AGENT, AUDITOR])
def test_the_list_is_walked_to_its_end_without_telling_one(brand, codes, role):
    pages = list(pages_of_codes(someone(brand, role)))

    assert len(pages) == len(codes)
    assert [code for code in codes if code in "".join(pages)] == []


def test_who_takes_codes_away_reads_them_newest_first(brand, codes):
    pages = list(pages_of_codes(someone(brand, BRAND_MANAGER)))

    newest_first = list(Code.objects.filter(brand=brand).order_by("-pk").values_list("code", flat=True))
    assert [code for text in pages for code in codes if code in text] == newest_first


def test_the_members_page_tells_a_sent_code_to_whom_takes_codes_away(brand, codes):
    member = Member.objects.filter(brand=brand).earliest("pk")
    sent = Email.objects.get(brand=brand, recipient="ann@example.org", context__has_key="code").context["code"]

    texts = [told(someone(brand, role), page_of(Member, "change", member.pk)) for role in (BRAND_MANAGER, SERVICE_AGENT)]

    assert [sent in text for text in texts] == [True, False]
    assert f"•{sent[-4:]}" in texts[1]
