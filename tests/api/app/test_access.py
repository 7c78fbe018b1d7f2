"""Tokens of the App API: who gets one, for which group, until when; and users who connect."""

import base64
import json
import time
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import OctKey

from rewards.selectors.doings import earns_of
from rewards.services.action_batches import do_actions
from rewards.services.actions import ActionOrder, do_action
from rewards.services.vouchers import VoucherOrder, redeem_voucher
from tests.api.app.conftest import refused, told
from tests.api.programme import make_reward_type
from tests.api.retail.baskets import make_programme
from tests.clients import AppClient
from tests.conftest import NOON, make_brand, make_member
from tests.rewards.acting import make_action
from users.errors import UserNotFound
from users.models import Consent, ConsentChange, Member, SigningKey
from users.services import app_tokens
from users.services.apps import revoke_app, rotate_app_secret, rotate_partner_secret, rotate_signing_key
from users.services.connecting import log_out
from users.services.members import erase_member
from users.services.secrets import decrypt

LOG_OUT, CONNECT = "user/logout", "user/clientcheckcredentials"


@pytest.fixture(autouse=True)
def _forgetful():
    """Nothing is remembered of keys and apps from test to test."""
    for held in (app_tokens._keys, app_tokens._apps, app_tokens._signing):
        held.clear()


def test_the_back_end_gets_a_token_in_data_and_beside_it(app):
    body = app.ask_token().json()

    assert (body["token_type"], body["expires_in"], body["errorCode"]) == ("bearer", 3600, 0)
    assert body["access_token"] == body["data"]["access_token"]


@pytest.mark.parametrize("name", ["APMPartnerID", "appId", "partnerSecret"])
@pytest.mark.parametrize("value", ["", "wrong", "a\\x00b"])
def test_wrong_and_empty_credentials_are_a_1(app, name, value):
    refused(app.ask_token(**{name: value}), 1, "credentials_wrong", status=401)


def test_one_app_s_secret_is_of_no_use_to_another(app, brand):
    other = AppClient.of(brand)

    refused(app.ask_token(partnerSecret=other.partner_secret), 1, status=401)
    refused(app.call(CONNECT, app.signed("ann", secret=other.app_secret)), 1, status=401)


def test_who_connects_first_is_made_and_who_comes_back_is_found(app, brand):
    first = told(app.call(CONNECT, app.signed("ann") | {"email": "ann@example.org", "firstName": "Ann", "lang": "de"}))
    again = told(app.call(CONNECT, app.signed("ann") | {"lastName": "Bell"}))

    member = Member.objects.get(brand=brand, auth_id="ann")
    assert (member.email, member.first_name, member.second_name, member.language) == ("ann@example.org", "Ann", "Bell", "de")
    assert first["user"] | {"userToken": "", "createdAt": ""} == {
        "partnerClientId": "ann",
        "email": "ann@example.org",
        "firstName": "Ann",
        "lastName": None,
        "lang": "de",
        "dataConsentCode": -1,
        "points": 0,
        "segments": [],
        "createdAt": "",
        "userToken": "",
    }
    assert again["user"]["lastName"] == "Bell"


def test_a_user_without_an_e_mail_has_none(app, partner):
    app.connect("ann")

    assert partner.get("/users/ann").json()["data"]["email"] is None


def test_a_form_and_json_say_the_same(app, brand):
    for kind, encode in (("application/x-www-form-urlencoded", urlencode), ("multipart/form-data; boundary=b", _parts)):
        body = encode(app.signed("ann") | {"dataConsentCode": 0})
        answer = app.client.post(f"/api/app/{CONNECT}", data=body, content_type=kind)

        assert told(answer)["user"]["dataConsentCode"] == 0


def _parts(fields: dict) -> str:
    parts = [f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
    return "".join([*parts, "--b--\r\n"])


@pytest.mark.parametrize("seconds", [-301, 302, -(10**9)])
def test_a_clock_that_is_more_than_five_minutes_off_is_a_1(app, seconds):
    at = timezone.now().timestamp() + seconds

    refused(app.call(CONNECT, app.signed("ann", at=max(at, 0))), 1, "credentials_wrong", status=401)


def test_a_clock_five_minutes_off_still_connects(app):
    for seconds in (-298, 298):
        told(app.call(CONNECT, app.signed("ann", at=timezone.now().timestamp() + seconds)))


@pytest.mark.parametrize(
    ("changed", "code", "field"),
    [
        ({"signature": "0" * 64}, 1, None),
        ({"signature": ""}, 1, None),
        ({"signature": "é"}, 1, None),
        ({"partnerClientId": "bob"}, 1, None),
        ({"timestamp": "x"}, 3, "timestamp"),
        ({"partnerClientId": ""}, 3, "partnerClientId"),
        ({"dataConsentCode": 2}, 3, "dataConsentCode"),
        ({"colour": "red"}, 3, "colour"),
        ({"email": "no address"}, 3, "email"),
        ({"firstName": "a\\u0000"}, 3, "firstName"),
        ({"lang": "?"}, 3, "lang"),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_makes_nobody(app, brand, changed, code, field):
    changed = {
        name: value.encode().decode("unicode_escape") if "u0000" in str(value) else value for name, value in changed.items()
    }

    refused(app.call(CONNECT, app.signed("ann") | changed), code, status=401 if code == 1 else 200, field=field)
    assert not Member.objects.filter(brand=brand).exists()


def test_consent_is_kept_with_its_history(app, brand):
    for code in (None, 0, 0, 1, None):
        app.connect("ann", **({} if code is None else {"dataConsentCode": code}))

    member = Member.objects.get(brand=brand, auth_id="ann")
    assert member.consent == Consent.REFUSED
    changes = ConsentChange.objects.filter(member=member).order_by("pk").values_list("before", "after")
    assert list(changes) == [(-1, 0), (0, 1)]


def test_a_log_out_holds_on_all_devices_at_once(app):
    first, second = app.connect("ann"), app.connect("ann")
    other = app.connect("bob")

    told(first.call(LOG_OUT))

    for device in (first, second):
        refused(device.call(LOG_OUT), 5, "invalid_token", status=401)
    told(other.call(LOG_OUT))
    told(app.connect("ann").call(LOG_OUT))


def test_an_erased_user_s_token_is_refused_and_the_name_connects_anew(app, brand):
    device = app.connect("ann", email="ann@example.org")
    erase_member(brand_id=brand.pk, auth_id="ann", at=timezone.now())

    refused(device.call(LOG_OUT), 5, status=401)
    again = app.connect("ann")
    refused(device.call(LOG_OUT), 5, status=401)
    told(again.call(LOG_OUT))


def test_who_was_erased_meanwhile_ends_nothing_of_whoever_is_called_so_now(app, brand):
    """A call that was let in just before the erasure finds the name given anew."""
    app.connect("ann")
    gone = Member.objects.get(brand=brand, auth_id="ann")
    erase_member(brand_id=brand.pk, auth_id="ann", at=timezone.now())
    device = app.connect("ann")
    late = {"brand_id": brand.pk, "auth_id": "ann", "member_id": gone.pk}

    with pytest.raises(UserNotFound):
        log_out(**late)
    with pytest.raises(UserNotFound):
        erase_member(at=timezone.now(), **late)

    told(device.call(LOG_OUT))


def test_who_took_an_erased_user_s_name_neither_earns_nor_pays_for_them(app, brand, points, partner):
    app.connect("ann")
    gone = Member.objects.get(brand=brand, auth_id="ann")
    erase_member(brand_id=brand.pk, auth_id="ann", at=timezone.now())
    app.connect("ann")
    partner.credit("ann", 50, points.pk)
    make_action(points, tag="any")
    gift, at = make_reward_type(brand, points, price=1), timezone.now()
    late: dict[str, Any] = {"brand_id": brand.pk, "auth_id": "ann", "member_id": gone.pk, "actor": "app:1"}

    with pytest.raises(UserNotFound):
        do_action(order=ActionOrder(tag="any", **late), at=at)
    order = VoucherOrder(reward_type_id=gift.pk, transaction_id="t", content=b"", answer=lambda _: "{}", **late)
    with pytest.raises(UserNotFound):
        redeem_voucher(order=order, at=at)
    [outcome] = do_actions(brand_id=brand.pk, orders=[ActionOrder(tag="any", **late)], at=at)

    assert isinstance(outcome, UserNotFound)
    assert earns_of(gone, limit=10) == []
    assert [earn.row.amount for earn in earns_of(Member.objects.get(brand=brand, auth_id="ann"), limit=10)] == [50]


def test_a_token_of_the_other_group_is_refused(app):
    device = app.connect("ann")

    refused(app.call(LOG_OUT, token=app.token), 5, "invalid_token", status=401)
    refused(app.call("user/info", {"partnerClientId": "ann"}, token=device.token), 5, "invalid_token", status=401)


def test_no_token_forged_tokens_and_expired_ones_are_a_5(app, brand, time_machine):
    device = app.connect("ann")
    header, claims, signature = device.token.split(".")
    key = OctKey.import_key("another secret of thirty-two bytes")
    kid = SigningKey.objects.get(brand=brand).kid
    forged = jwt.encode({"alg": "HS256", "kid": kid}, {"iss": "loyalty", "aud": "user", "sub": "x", "exp": 2**33}, key)

    refused(app.call(LOG_OUT), 5, "missing_token", status=401)
    for token in ("x", f"{header}.{claims}.", f"{header}.{claims}.{signature[::-1]}", forged, "é" * 9, "a" * 3_000):
        refused(app.call(LOG_OUT, token=token), 5, "invalid_token", status=401)
    time_machine.move_to(timezone.now() + timedelta(days=31), tick=True)
    refused(device.call(LOG_OUT), 5, "invalid_token", status=401)


def test_tokens_are_jwts_with_the_claims_of_their_group(app):
    tokens = {"server": app.token, "user": app.connect("ann").token}
    lives = {"server": 3_600, "user": 30 * 86_400}

    for group, token in tokens.items():
        header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2])
        assert header["alg"] == "HS256"
        assert {"iss", "aud", "sub", "iat", "exp", "jti"} <= set(claims)
        assert (claims["iss"], claims["aud"], claims["exp"] - claims["iat"]) == ("loyalty", group, lives[group])


def test_a_token_that_another_brand_s_key_signed_is_a_5(app, brand):
    """Even with all that a true one says, under the name of the brand's own key."""
    other, device = make_brand(), app.connect("ann")
    AppClient.of(other)
    theirs = SigningKey.objects.get(brand=other)
    claims = json.loads(base64.urlsafe_b64decode(device.token.split(".")[1] + "=="))
    key = OctKey.import_key(decrypt(bytes(theirs.secret)))

    for kid in (SigningKey.objects.get(brand=brand).kid, theirs.kid):
        forged = jwt.encode({"alg": "HS256", "kid": kid}, claims, key)
        refused(app.call(LOG_OUT, token=forged), 5, "invalid_token", status=401)


@pytest.mark.parametrize("header", ['["alg"]', '"alg"', '{"alg": "HS256", "crit": 5}', '{"alg": "HS256", "crit": [[]]}', "7"])
def test_a_header_that_is_none_is_a_5(app, header):
    forged = base64.urlsafe_b64encode(header.encode()).rstrip(b"=").decode()

    refused(app.call(LOG_OUT, token=f"{forged}.e30.c2ln"), 5, "invalid_token", status=401)


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=b"])
def test_a_form_that_is_none_is_a_3(app, kind):
    answer = app.client.post("/api/app/auth/token", data=b"--b\r\nnonsense", content_type=kind)

    assert (answer.status_code, answer.json()["errorCode"]) in {(200, 3), (401, 1)}


def test_a_token_without_a_signature_is_none(app, brand):
    kid = SigningKey.objects.get(brand=brand).kid
    body = jwt.encode({"alg": "HS256", "kid": kid}, {"aud": "user"}, OctKey.import_key("k" * 32)).split(".")
    none = "eyJhbGciOiJub25lIiwia2lkIjoia2lkIn0"

    refused(app.call(LOG_OUT, token=f"{none}.{body[1]}."), 5, "invalid_token", status=401)


def test_new_signing_keys_log_nobody_out_and_old_ones_end(app, brand, time_machine):
    time_machine.move_to(NOON, tick=True)
    device, server = app.connect("ann"), app.ask_token().json()["access_token"]

    rotate_signing_key(brand_id=brand.pk, at=timezone.now())
    app_tokens._signing.clear()
    app_tokens._keys.clear()

    told(app.call("user/info", {"partnerClientId": "ann"}, token=server))
    told(device.call(LOG_OUT))
    assert SigningKey.objects.filter(brand=brand).count() == 2
    rotate_signing_key(brand_id=brand.pk, at=NOON + timedelta(days=31))
    assert SigningKey.objects.filter(brand=brand).count() == 2


def test_a_new_partner_secret_ends_the_one_before(app, brand):
    secret = rotate_partner_secret(brand_id=brand.pk, app_pk=app.app.pk, at=timezone.now())

    refused(app.ask_token(), 1, status=401)
    assert app.ask_token(partnerSecret=secret).status_code == 200


def test_a_new_app_secret_leaves_the_one_before_for_a_while(app, brand, time_machine):
    time_machine.move_to(NOON, tick=True)
    secret = rotate_app_secret(brand_id=brand.pk, app_pk=app.app.pk, overlap=timedelta(days=90), at=NOON)

    told(app.call(CONNECT, app.signed("ann")))
    told(app.call(CONNECT, app.signed("ann", secret=secret)))
    time_machine.move_to(NOON + timedelta(days=91), tick=True)
    refused(app.call(CONNECT, app.signed("ann")), 1, status=401)
    told(app.call(CONNECT, app.signed("ann", secret=secret)))


def test_a_revoked_app_is_let_in_nowhere(app, brand):
    device = app.connect("ann")
    assert revoke_app(brand_id=brand.pk, app_pk=app.app.pk, at=timezone.now())
    app_tokens._apps.clear()

    refused(app.ask_token(), 1, status=401)
    refused(app.call(CONNECT, app.signed("ann")), 1, status=401)
    refused(device.call(LOG_OUT), 5, status=401)
    refused(app.serve("user/info", {"partnerClientId": "ann"}), 5, status=401)


def test_another_brand_s_users_do_not_exist(app):
    other = make_brand()
    make_programme(other)
    make_member(other, auth_id="ann")
    theirs = AppClient.of(other)

    refused(app.serve("user/info", {"partnerClientId": "ann"}), 4, "unknown_user")
    assert told(theirs.serve("user/info", {"partnerClientId": "ann"}))["user"]["partnerClientId"] == "ann"


@pytest.mark.parametrize(("path", "status"), [("nothing/here", 404), ("auth", 404)])
def test_an_unknown_path_is_a_3(app, path, status):
    refused(app.call(path), 3, "not_found", status=status)


def test_a_get_on_a_writing_call_is_a_3(app):
    answer = app.client.get("/api/app/auth/token")

    refused(answer, 3, "method_not_allowed", status=405)
    assert answer["Allow"] == "POST"


def test_bad_json_and_bodies_that_are_too_large_are_a_3(app):
    refused(app.call("auth/token", raw=b"{"), 3, "invalid_arguments")
    refused(app.call("auth/token", raw=b"[]"), 3, "invalid_arguments")
    refused(app.call("auth/token", raw=b" " * 2_000_000), 3, "body_too_large", status=413)
    answer = app.client.post("/api/app/auth/token", data="x", content_type="text/plain")
    refused(answer, 3, "unsupported_media_type", status=415)


def test_a_body_with_a_long_name_is_refused_at_once(app):
    """Anybody may send one: what it takes to refuse it must not grow with the name times what stands under it."""
    body = json.dumps({"k" * 131_000 + "\N{GRINNING FACE}": [0] * 60_000}, separators=(",", ":")).encode()
    assert len(body) < 256 * 1024
    began = time.process_time()

    refused(app.call("auth/token", raw=body), 3)

    assert time.process_time() - began < 1


@pytest.mark.parametrize("charset", ["rot13", "unicode_escape", "utf-16", "nonsense"])
def test_a_form_in_another_charset_is_refused(app, charset):
    form = b'--b\r\nContent-Disposition: form-data; name="appId"\r\n\r\nx\r\n--b--\r\n'
    kind = f"multipart/form-data; boundary=b; charset={charset}"

    refused(app.client.generic("POST", "/api/app/auth/token", form, content_type=kind), 3, status=415)

    answer = app.client.generic(
        "POST", "/api/app/auth/token", form, content_type="multipart/form-data; boundary=b; charset=UTF-8"
    )
    refused(answer, 1, "credentials_wrong", status=401)


def test_a_form_whose_parts_contradict_themselves_is_malformed(app):
    form = b"--b\r\nContent-Disposition: form-data; name*0*=utf-8''a; name*=utf-8''b\r\n\r\nx\r\n--b--\r\n"

    answer = app.client.generic("POST", "/api/app/auth/token", form, content_type="multipart/form-data; boundary=b")

    refused(answer, 3, "invalid_arguments")
