"""API keys: their form, what is kept of them, and when they stop working."""

import hashlib
import re
import time
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from loyalty.errors import InvalidRequest
from tests.clients import Partner
from tests.conftest import make_brand, make_key
from users.errors import ApiKeyNotFound, CredentialInactive, CredentialMade, InvalidApiKey
from users.models import ApiKey
from users.models.keys import ALL_SCOPES, READ_SCOPES
from users.services import keys
from users.services.keys import authenticate_key, create_api_key, new_public, revoke_api_key, rotate_api_key

FORM = r"lp_(test|live)_[A-Za-z0-9]{8}_[A-Za-z0-9]{32}_[A-Za-z0-9]{6}"
REFUSED_WITHIN_SECONDS = 5


@pytest.fixture(autouse=True)
def no_key_is_remembered() -> None:
    keys._known.clear()


@pytest.mark.parametrize(("sandbox", "start"), [(True, "lp_test_"), (False, "lp_live_")])
def test_a_key_says_whether_it_is_for_trying_out(db, sandbox: bool, start: str) -> None:
    text = make_key(make_brand(sandbox=sandbox))

    assert text.startswith(start)
    assert re.fullmatch(FORM, text)
    assert authenticate_key(text).scopes == frozenset(ALL_SCOPES)


def test_of_a_key_only_its_public_part_and_a_digest_are_kept(brand) -> None:
    key, text = create_api_key(brand=brand, scopes=READ_SCOPES, label="shop")
    secret = text.split("_")[3]

    with connection.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(k)::text, digest FROM users_apikey k WHERE id = %s", [key.pk])
        row, digest = cursor.fetchone()

    assert text.split("_")[2] == key.public
    assert secret not in row
    assert bytes(digest) == hashlib.sha256(secret.encode()).digest()
    assert secret not in str(key)


def test_a_mistyped_key_is_refused_without_asking_the_database(brand, django_assert_num_queries) -> None:
    text = make_key(brand)
    place = len("lp_test_") + 12
    mistyped = text[:place] + ("a" if text[place] != "a" else "b") + text[place + 1 :]

    with django_assert_num_queries(0), pytest.raises(InvalidApiKey):
        authenticate_key(mistyped)


def with_check(body: str) -> str:
    return f"{body}_{keys._check(body)}"


@pytest.mark.parametrize("text", ["", "x", "lp_test", "lp_test___", "_" * 4, "é" * 60, "lp_test_a_b_c_d", "\x00" * 60])
def test_what_is_no_key_is_refused(db, text: str) -> None:
    with pytest.raises(InvalidApiKey):
        authenticate_key(text)


def test_a_key_with_another_secret_or_kind_is_refused_though_its_check_sum_is_right(brand) -> None:
    prefix, kind, public, secret, _ = make_key(brand).split("_")

    for body in (
        f"{prefix}_{kind}_{public}_{secret[::-1]}",
        f"{prefix}_live_{public}_{secret}",
        f"xx_{kind}_{public}_{secret}",
    ):
        with pytest.raises(InvalidApiKey):
            authenticate_key(with_check(body))


def test_a_key_expires_at_its_instant_even_while_it_is_remembered(brand) -> None:
    text = make_key(brand, expires_at=timezone.now() + timedelta(seconds=1))
    assert authenticate_key(text)

    time.sleep(1.1)

    with pytest.raises(InvalidApiKey):
        authenticate_key(text)


def test_a_key_that_has_expired_is_refused(brand) -> None:
    with pytest.raises(InvalidApiKey):
        authenticate_key(make_key(brand, expires_at=timezone.now() - timedelta(seconds=1)))


def test_several_keys_work_at_once_and_one_is_revoked_alone(brand) -> None:
    old, new = make_key(brand), make_key(brand)
    assert authenticate_key(old).brand_id == authenticate_key(new).brand_id == brand.pk
    keys._known.clear()

    assert revoke_api_key(public=old.split("_")[2], at=timezone.now())

    assert authenticate_key(new)
    with pytest.raises(InvalidApiKey):
        authenticate_key(old)


def test_a_key_is_revoked_once(brand) -> None:
    public = make_key(brand).split("_")[2]
    first = timezone.now()

    assert revoke_api_key(public=public, at=first)
    assert not revoke_api_key(public=public, at=first + timedelta(hours=1))
    assert not revoke_api_key(public="nonesuch", at=first)
    assert ApiKey.objects.get(public=public).revoked_at == first


def test_a_revoked_key_is_refused_within_five_seconds_where_it_is_remembered(brand) -> None:
    text = make_key(brand)
    partner = Partner(text, brand)
    assert partner.get("/users").status_code == 200

    revoke_api_key(public=text.split("_")[2], at=timezone.now())
    revoked = time.monotonic()
    while partner.get("/users").status_code == 200:
        assert time.monotonic() - revoked < REFUSED_WITHIN_SECONDS
        time.sleep(0.1)

    answer = partner.get("/users")
    assert (answer.status_code, answer.json()["detail"]) == (401, "Invalid API Key")


def test_last_used_is_kept_to_the_minute(brand, django_assert_num_queries) -> None:
    key, text = create_api_key(brand=brand, scopes=READ_SCOPES)
    noon = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)

    def use(at: datetime) -> datetime | None:
        keys._known.clear()
        with time_machine.travel(at, tick=False):
            authenticate_key(text)
        return ApiKey.objects.get(pk=key.pk).last_used_at

    assert use(noon) == noon
    assert use(noon + timedelta(seconds=59)) == noon
    assert use(noon + timedelta(seconds=61)) == noon + timedelta(seconds=61)


def test_a_remembered_key_asks_the_database_nothing(brand, django_assert_num_queries) -> None:
    text = make_key(brand)
    authenticate_key(text)

    with django_assert_num_queries(0):
        assert authenticate_key(text).brand_id == brand.pk


def test_a_refused_key_is_never_remembered(brand) -> None:
    key, text = create_api_key(brand=brand, scopes=READ_SCOPES, expires_at=timezone.now() - timedelta(days=1))
    with pytest.raises(InvalidApiKey):
        authenticate_key(text)

    ApiKey.objects.filter(pk=key.pk).update(expires_at=None)

    assert authenticate_key(text)


def rotate(key: ApiKey, **terms) -> tuple[ApiKey, str]:
    known = {"brand_id": key.brand_id, "key_id": key.pk, "overlap": timedelta(days=1), "expires_at": None, "at": timezone.now()}
    return rotate_api_key(**known | terms)


def test_a_successor_has_the_same_terms_and_the_old_one_lives_for_the_overlap(brand) -> None:
    old, text = create_api_key(brand=brand, scopes=READ_SCOPES, label="shop", rate_per_second=7, burst=9)
    now = timezone.now()

    new, newer = rotate(old, at=now)

    assert (new.scopes, new.label, new.rate_per_second, new.burst, new.replaces) == (READ_SCOPES, "shop", 7, 9, old)
    assert authenticate_key(text).key_id == old.pk
    assert authenticate_key(newer).key_id == new.pk
    keys._known.clear()
    with time_machine.travel(now + timedelta(days=1, seconds=1), tick=False):
        assert authenticate_key(newer)
        with pytest.raises(InvalidApiKey):
            authenticate_key(text)


def test_without_an_overlap_the_old_key_is_revoked_and_an_end_is_never_put_off(brand) -> None:
    end = timezone.now() + timedelta(hours=1)
    old, _ = create_api_key(brand=brand, scopes=READ_SCOPES, expires_at=end)
    new, _ = rotate(old)
    rotate(new, overlap=timedelta())

    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.expires_at, old.revoked_at) == (end, None)
    assert new.revoked_at is not None


def test_a_key_is_followed_once_and_only_while_it_is_valid(brand) -> None:
    key, _ = create_api_key(brand=brand, scopes=READ_SCOPES)
    rotate(key)
    with pytest.raises(CredentialInactive):
        rotate(key)
    for terms in ({"expires_at": timezone.now() - timedelta(days=1)}, {}):
        other, _ = create_api_key(brand=brand, scopes=READ_SCOPES, **terms)
        if not terms:
            revoke_api_key(public=other.public, at=timezone.now())
            other.refresh_from_db()
        with pytest.raises(CredentialInactive):
            rotate(other)
    with pytest.raises(ApiKeyNotFound):
        rotate(key, brand_id=make_brand().pk)
    for overlap in (timedelta(seconds=-1), timedelta(days=91)):
        with pytest.raises(InvalidRequest, match="overlap"):
            rotate(key, overlap=overlap)


def test_a_form_that_is_sent_twice_makes_one_key(brand) -> None:
    public = new_public()
    create_api_key(brand=brand, scopes=READ_SCOPES, public=public)

    with pytest.raises(CredentialMade):
        create_api_key(brand=brand, scopes=READ_SCOPES, public=public)

    assert ApiKey.objects.filter(brand=brand).count() == 1


def test_a_key_with_an_unknown_scope_is_not_made(brand) -> None:
    with pytest.raises(InvalidRequest, match="scopes"):
        create_api_key(brand=brand, scopes=["users:read", "made:up"])


def test_a_brand_revokes_none_of_another(brand) -> None:
    key, text = create_api_key(brand=brand, scopes=READ_SCOPES)

    assert not revoke_api_key(public=key.public, brand_id=make_brand().pk, at=timezone.now())

    assert authenticate_key(text)


def test_no_key_follows_one_of_another_brand(brand) -> None:
    key, other = (create_api_key(brand=one, scopes=READ_SCOPES)[0] for one in (brand, make_brand()))

    with pytest.raises(IntegrityError, match="api_key_follows_of_brand"), transaction.atomic():
        ApiKey.objects.filter(pk=key.pk).update(replaces=other)
