"""The commands that set a brand up, and what they refuse."""

import pytest
from django.core.management import CommandError, call_command

from ledger.models import Token
from tests.clients import Partner
from tests.conftest import make_brand
from users.models import ApiKey, Brand


def printed(capsys, *arguments: str) -> str:
    call_command(*arguments)
    return capsys.readouterr().out.strip()


def test_a_brand_is_set_up_from_the_command_line(db, capsys):
    brand_id = printed(capsys, "create_brand", "Aurora", "--languages", "en,de", "--time-zone", "Europe/Zurich")
    token_id = printed(capsys, "create_token", brand_id, "Points", "PTS", "--expire-months", "24")
    key = printed(capsys, "create_api_key", brand_id, "--scopes", "users:read", "--rate", "5", "--burst", "7")

    brand, stored = Brand.objects.get(pk=brand_id), ApiKey.objects.get(brand_id=brand_id)
    assert (brand.languages, brand.time_zone) == (["en", "de"], "Europe/Zurich")
    assert Token.objects.get(pk=token_id).expiry_count == 24
    assert key.startswith(f"lp_live_{stored.public}_")
    assert (stored.scopes, stored.rate_per_second, stored.burst) == (["users:read"], 5, 7)
    assert stored.expires_at is not None
    assert Partner(key).get("/users")["RateLimit-Limit"] == "7"


def test_a_revoked_key_is_refused(db, capsys):
    brand = make_brand()
    key = printed(capsys, "create_api_key", str(brand.pk))

    call_command("revoke_api_key", ApiKey.objects.get(brand=brand).public)

    assert Partner(key).get("/users").status_code == 401


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["create_brand", "X", "--time-zone", "Mars/Olympus"], "--time-zone"),
        (["create_api_key", "0"], "brand"),
        (["create_token", "0", "Points", "PTS"], "brand"),
        (["revoke_api_key", "nobody00"], "public"),
    ],
)
def test_what_is_wrong_is_named(db, arguments, word):
    with pytest.raises(CommandError, match=word):
        call_command(*arguments)


def test_a_brands_name_is_taken_once(db):
    brand = make_brand()

    with pytest.raises(CommandError, match="name"):
        call_command("create_brand", brand.name)


@pytest.mark.parametrize("option", [["--scopes", "users:all"], ["--rate", "0"], ["--burst", "0"]])
def test_a_key_with_impossible_terms_is_refused(db, option):
    brand = make_brand()

    with pytest.raises(CommandError, match=option[0]):
        call_command("create_api_key", str(brand.pk), *option)

    assert not ApiKey.objects.filter(brand=brand).exists()
