"""Every page of the back office x every role x rows of one's own brand and of another: nobody goes beyond what is theirs.

What each role may do is told by `loyalty.admin.roles.TABLE`. A page that the site has and PAGES does not name, or a permission
that the table does not name, makes a test here fail.
"""

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Model
from django.forms import ModelChoiceField
from django.urls import URLPattern, URLResolver, reverse
from django.utils import timezone

from exchange.models import Partnership
from loyalty.admin.base import BrandAdmin, ReadOnlyAdmin, UndeletedAdmin, has_brand
from loyalty.admin.navigation import SECTIONS
from loyalty.admin.roles import AUDITOR, BRAND_MANAGER, ROLES, TABLE, permissions_of
from tests.conftest import make_brand
from tests.loyalty.backoffice.pages import OF_EVERYBODY, PAGES, Page, received
from tests.loyalty.desk import make_staff, page_of, signed_in, words
from tests.loyalty.furnished import furnish
from users.models import AuditEntry, AuditKind, Brand, Member, Staff
from users.services.audit import note

OWN_APPS = ("users", "ledger", "rewards", "exchange")
OF_DJANGO = {"index", "login", "logout", "password_change", "password_change_done", "autocomplete", "jsi18n", "view_on_site"}
OF_DJANGO |= {"app_list", "search", None}
OF_MODELS = ("changelist", "add", "history", "delete", "change")
MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
SUPERUSER = "Superuser of the brand"
# The README's tests try one who may write almost everything and one who may look at it; the slow ones try the others.
QUICK = (BRAND_MANAGER, AUDITOR)
SLOW = [pytest.param(role, marks=pytest.mark.slow) for role in (*ROLES, SUPERUSER) if role not in QUICK]
EVERYBODY = [*QUICK, *SLOW]


@pytest.fixture(scope="module")
def furnished(django_db_setup, django_db_blocker) -> Iterator[tuple[Brand, Brand]]:
    """Two brands with a row in each table, made once; each test then works behind a savepoint of its own."""
    with django_db_blocker.unblock(), transaction.atomic():
        own, other = make_brand(), make_brand()
        for brand in (own, other):
            furnish(brand)
            make_staff(username=f"colleague of {brand.pk}", brand=brand)
        yield own, other
        transaction.set_rollback(True)


@pytest.fixture
def brands(furnished, db) -> tuple[Brand, Brand]:
    return furnished


def someone(role: str, brand: Brand):
    """Someone in a role, signed in."""
    staff = make_staff(username=role, brand=brand, is_superuser=role == SUPERUSER)
    if role in ROLES:
        staff.groups.add(Group.objects.get(name=role))
    return signed_in(staff)


def may(role: str, model: type[Model], *verbs: str) -> bool:
    """Whether the role may do one of these, as the table and the kind of the page say."""
    page, label = admin.site._registry[model], model._meta.app_label
    never = isinstance(page, ReadOnlyAdmin) or (verbs == ("delete",) and isinstance(page, UndeletedAdmin))
    if page.brand_path is None or (never and "view" not in verbs):
        return False
    return role == SUPERUSER or bool(permissions_of(role) & {(label, f"{verb}_{model._meta.model_name}") for verb in verbs})


def rows_of(model: type[Model], brand: Brand) -> list[Model]:
    path = admin.site._registry[model].brand_path
    return list(model._default_manager.filter(**{path: brand.pk})[:3]) if path else []


def markers(brand: Brand) -> list[str]:
    """What would betray a brand: its name, and those of its members."""
    return [brand.name, *Member.objects.filter(brand=brand).values_list("auth_id", flat=True)]


def betrays(response, brand: Brand) -> bool:
    text = response.content.decode() if not response.streaming else ""
    return any(marker in text for marker in markers(brand))


@pytest.mark.parametrize("role", EVERYBODY)
def test_lists_show_rows_of_ones_own_brand_to_whom_may_look(brands, role):
    own, other = brands
    client = someone(role, own)

    for model in MODELS:
        answer = client.get(page_of(model, "changelist"))

        assert answer.status_code == (200 if may(role, model, "view", "change") else 403), model
        if answer.status_code == 200:
            path = admin.site._registry[model].brand_path
            listed = answer.context["cl"].queryset
            assert listed.exists(), model
            assert not listed.exclude(**{path: own.pk}).exists(), model
            assert not betrays(answer, other), model


@pytest.mark.parametrize("role", EVERYBODY)
def test_rows_open_for_whom_may_look_and_those_of_another_brand_for_nobody(brands, role):
    own, other = brands
    client = someone(role, own)

    for model in MODELS:
        for page, verbs in (("change", ("view", "change")), ("history", ("view", "change")), ("delete", ("delete",))):
            for row in rows_of(model, own):
                status = client.get(page_of(model, page, row.pk)).status_code
                assert status in ((200,) if may(role, model, *verbs) else (403, 302)), (model, page)
            for row in rows_of(model, other):
                answers = [client.get(page_of(model, page, row.pk)), client.post(page_of(model, page, row.pk), {"post": "yes"})]
                assert {answer.status_code for answer in answers} <= {302, 403, 404}, (model, page)


def noted(row: Partnership, brand: Brand, staff: Staff) -> AuditEntry:
    """An entry about a partnership on one side of it."""
    reason = f"a reason of {brand.name}"
    told = {"staff_id": staff.pk, "reason": reason, "at": timezone.now(), "address": f"192.0.2.{staff.pk % 250}"}
    note(brand_id=brand.pk, kind=AuditKind.ACTION, subject=row, after={"verb": "approve"}, **told)
    return AuditEntry.objects.get(brand=brand, reason=reason)


@pytest.mark.parametrize("role", EVERYBODY)
def test_the_history_of_a_received_partnership_tells_of_ones_own_side_alone(brands, role):
    own = brands[0]
    client, page = someone(role, own), page_of(Partnership, "history", *received(own)[0])
    row = Partnership.objects.latest("pk")
    entries = [noted(row, brand, make_staff(username=f"of {brand.pk}", brand=brand)) for brand in (own, row.brand)]

    answer = client.get(page)

    assert answer.status_code == (200 if may(role, Partnership, "view", "change") else 403)
    if answer.status_code == 200:
        assert list(answer.context["entries"]) == entries[:1]
        assert entries[1].reason not in words(answer)
        assert entries[1].staff_name not in words(answer)


@pytest.mark.parametrize("role", EVERYBODY)
def test_forms_open_for_whom_may_write_and_offer_nothing_of_another_brand(brands, role):
    own, other = brands
    client = someone(role, own)

    for model in MODELS:
        answer = client.get(page_of(model, "add"))
        made_by_the_house = model is Brand
        assert answer.status_code in ((200, 302) if may(role, model, "add") and not made_by_the_house else (403, 302)), model
        opened = [client.get(page_of(model, "change", row.pk)) for row in rows_of(model, own)]
        for page in [answer, *opened]:
            if page.status_code == 200:
                assert not betrays(page, other), model
                assert not list(foreign_choices(page, own)), model


def foreign_choices(page, own: Brand):
    """Fields that offer rows of other brands."""
    forms = [page.context["adminform"].form] if page.context.get("adminform") else []
    forms += [form for formset in page.context.get("inline_admin_formsets", []) for form in formset.formset.forms]
    for form in forms:
        for name, field in form.fields.items():
            if isinstance(field, ModelChoiceField):
                model = field.queryset.model
                walled = model is Brand or has_brand(model)
                if walled and field.queryset.exclude(**{"pk" if model is Brand else "brand": own.pk}).exists():
                    yield name


@pytest.mark.parametrize("role", EVERYBODY)
def test_actions_reach_no_row_of_another_brand_and_need_their_permission(brands, role):
    own, other = brands
    client = someone(role, own)

    for model in MODELS:
        page = admin.site._registry[model]
        if not may(role, model, "view", "change"):
            continue
        for name in page.get_actions(requesting(client, page)):
            rows = rows_of(model, other)
            before = list(model._default_manager.filter(pk__in=[row.pk for row in rows]).order_by("pk").values())
            client.post(
                page_of(model, "changelist"), {"action": name, "_selected_action": [row.pk for row in rows], "reason": "x"}
            )
            assert list(model._default_manager.filter(pk__in=[row.pk for row in rows]).order_by("pk").values()) == before, model


def requesting(client, page):
    """A request of whoever is signed in, as the page's actions are asked for."""
    return client.get(page_of(page.model, "changelist")).wsgi_request


def test_an_auditor_is_offered_nothing_to_do(brands):
    client = someone(AUDITOR, brands[0])

    for model in MODELS:
        page = admin.site._registry[model]
        if page.brand_path is not None:
            request = requesting(client, page)
            assert not page.has_add_permission(request), model
            assert not page.has_change_permission(request), model
            assert set(page.get_actions(request)) <= set(), model


def test_every_permission_of_our_tables_stands_in_the_table(db):
    registered = {model._meta.label for model in MODELS}
    ours = Permission.objects.filter(content_type__app_label__in=OWN_APPS).select_related("content_type")
    strays = []
    for row in ours:
        model = apps.get_model(row.content_type.app_label, row.content_type.model)
        custom = row.codename in {name for name, _ in model._meta.permissions}
        shown = row.codename.startswith("view_") and model._meta.label in registered
        if (custom or shown) and row.codename not in TABLE[row.content_type.app_label]:
            strays.append(f"{row.content_type.app_label}.{row.codename}")

    assert strays == []


def test_the_table_names_no_permission_that_is_not_there(db):
    named = {(app, name) for app, rows in TABLE.items() for name in rows}

    assert named <= set(Permission.objects.values_list("content_type__app_label", "codename"))


def test_roles_hold_what_the_table_says_and_nothing_else(db):
    for role in ROLES:
        held = Group.objects.get(name=role).permissions.values_list("content_type__app_label", "codename")

        assert set(held) == permissions_of(role)


def test_every_page_is_one_of_a_list_or_is_named_here():
    strays = [
        name for name in named_pages(admin.site.urls[0]) if name not in PAGES.keys() | OF_EVERYBODY and not is_usual(name)
    ]

    assert strays == []


def named_pages(patterns: list[URLPattern | URLResolver]):
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from named_pages(pattern.url_patterns)
        else:
            yield pattern.name


def is_usual(name: str | None) -> bool:
    usual = {f"{model._meta.app_label}_{model._meta.model_name}_{page}" for model in MODELS for page in OF_MODELS}
    return name in OF_DJANGO | usual or name == "auth_user_password_change"


@pytest.mark.parametrize("role", EVERYBODY)
def test_pages_of_their_own_open_for_whom_may_and_never_for_another_brands_rows(brands, role):
    own, other = brands
    client = someone(role, own)

    for name, page in sorted(PAGES.items()):
        assert list(page.arguments(own)), name
        for brand in brands:
            for arguments in page.arguments(brand):
                path = reverse(f"admin:{name}", args=arguments)
                opens = allowed(role, page) and not (brand is other and arguments)
                statuses = page.statuses if opens else {302, 403, 404, 405}
                for answer in [client.get(path), client.post(path, {})]:
                    assert answer.status_code in statuses, path
                    assert not betrays(answer, other), path


def allowed(role: str, page: Page) -> bool:
    if role == SUPERUSER:
        return True
    return bool(permissions_of(role) & {tuple(permission.split(".")) for permission in page.permissions})


def test_every_page_of_rows_has_its_place_in_the_sidebar():
    placed = [label for section in SECTIONS for label in section.pages]

    assert sorted(placed) == sorted(
        model._meta.label for model in MODELS if isinstance(admin.site._registry[model], BrandAdmin)
    )
    assert len(placed) == len(MODELS)
