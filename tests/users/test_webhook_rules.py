"""Signatures and waits of webhooks, and the addresses that they may go to."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network

import pytest

from users.rules.addresses import AddressRefused, is_public, parse_address
from users.rules.webhooks import MOST_ATTEMPTS, WAITS, headers_of, key_of, retry_after, secret_text, signature, wait_after

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
HERE = [ip_network("127.0.0.0/8")]


def test_the_signature_is_that_of_the_standard_s_own_example():
    signed = signature(
        secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        event_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )

    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_each_secret_signs():
    secrets = [secret_text(bytes(32)), secret_text(b"x" * 24)]

    signed = headers_of(secrets=secrets, event_id="1", timestamp=2, body=b"3")["webhook-signature"]

    assert signed.split(" ") == [signature(secret=secret, event_id="1", timestamp=2, body=b"3") for secret in secrets]


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_###", secret_text(bytes(23)), secret_text(bytes(65)), "A" * 44])
def test_what_is_no_secret_by_the_standard_signs_nothing(secret):
    with pytest.raises(ValueError, match="24 to 64 bytes"):
        key_of(secret)


def test_thirteen_retries_take_three_days_and_each_waits_longer():
    assert (len(WAITS), list(WAITS)) == (13, sorted(WAITS))
    assert timedelta(hours=71) < sum(WAITS, timedelta()) < timedelta(hours=73)
    assert [wait_after(attempts, chance=0.5) is None for attempts in (1, 13, 14)] == [False, False, True]
    assert MOST_ATTEMPTS == 14
    assert wait_after(3, chance=0) == WAITS[2] * 0.8
    assert wait_after(3, chance=1) == WAITS[2] * 1.2


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        *(("120", 120), ("0", 0), ("-5", 0), ("", 0), ("soon", 0), ("9" * 500, 86_400), ("1.5", 0)),
        *(
            ("Mon, 01 Jun 2026 12:01:00 GMT", 60),
            ("Mon, 01 Jun 2026 11:00:00 GMT", 0),
            ("Fri, 01 Jan 2100 00:00:00 GMT", 86_400),
        ),
    ],
)
def test_a_receiver_is_left_alone_for_as_long_as_it_says_but_a_day_at_most(header, seconds):
    assert retry_after(header, at=AT) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "address",
    [
        *(
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
        ),
        *("192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1"),
        *("239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16"),
        *(
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
        ),
        *("2002:a00:1::", "2002:7f00:1::1", "2001::1", "2001:db8::1", "3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1"),
        *("fec0::1", "ff02::1", "ff0e::1", "100::1", "5f00::1", "4000::1"),
    ],
)
def test_an_address_that_is_not_everybody_s_is_refused(address):
    assert not is_public(ip_address(address))
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(AddressRefused):
        parse_address(f"https://{host}/")


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"],
)
def test_a_public_address_is_reached_in_whatever_form(address):
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "https://",
            "https:///x",
            "hooks.example.org",
            "//hooks.example.org/",
            "ftp://hooks.example.org/",
            "javascript:1",
        ),
        *(
            "http://hooks.example.org/",
            "https://a@hooks.example.org/",
            "https://a:b@hooks.example.org/",
            "https://@hooks.example.org/",
        ),
        *("https://hooks.example.org/#x", "https://hooks.example.org:80/", "https://hooks.example.org:22/"),
        *("https://hooks.example.org:1023/", "https://hooks.example.org:65536/", "https://hooks.example.org:x/"),
        *(
            "https://localhost/",
            "https://hooks/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f.0.0.1/",
            "https://0177.0.0.1/",
        ),
        *(
            "https://a.0x7f000001/",
            "https://hooks.example.org /",
            "https://hooks.example.org\\@10.0.0.1/",
            "https://hö.example.org/",
        ),
        *("https://hooks.example.org/\r\nX: y", "https://hooks.example.org/\t", "https://[fe80::1%25eth0]/", "https://[::1/"),
        *("https://hooks..example.org/", "https://hooks.example.org%2f@10.0.0.1/", "https://" + "a" * 2000 + ".org/"),
    ],
)
def test_an_address_in_a_doubtful_form_is_refused(text):
    with pytest.raises(AddressRefused):
        parse_address(text)


def test_an_address_is_taken_apart_once():
    target = parse_address("https://Hooks.Example.org:8443/a/b?c=d")

    assert (target.host, target.port, target.path) == ("hooks.example.org", 8443, "/a/b?c=d")
    assert parse_address("https://[2001:4860:4860::8888]").host_header == "[2001:4860:4860::8888]"


def test_a_network_of_the_house_is_reached_only_where_it_is_listed():
    assert parse_address("http://127.0.0.1:8080/", private=HERE).scheme == "http"
    for refused in ("http://10.0.0.1:8080/", "http://8.8.8.8:8080/", "https://10.0.0.1/", "http://127.0.0.1:80/"):
        with pytest.raises(AddressRefused):
            parse_address(refused, private=HERE)
