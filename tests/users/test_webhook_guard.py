"""Webhooks reach public machines alone: by the addresses that a name has when it is used, and with its own certificate."""

import socket
import ssl
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.users.hooks import receiving
from users.services import outbound
from users.services.outbound import Answer, post

NAME = "hooks.example.org"
REFUSED = Answer(fault="address refused")


def certificate(folder, name):
    """A certificate that vouches for itself."""
    key, subject, now = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]),
        datetime.now(UTC),
    )
    made = x509.CertificateBuilder(
        subject, subject, key.public_key(), x509.random_serial_number(), now - timedelta(1), now + timedelta(1)
    )
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    path = folder / "certificate.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def trusted(tmp_path, monkeypatch):
    """A receiver that speaks TLS as NAME, whose certificate is trusted here; and the names that it was asked for."""
    path, asked = certificate(tmp_path, NAME), []
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    outbound._trust.cache_clear()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    context.sni_callback = lambda _, name, __: asked.append(name)
    with receiving(tls=context) as receiver:
        yield receiver, asked
    outbound._trust.cache_clear()


def send(address, *found, seconds=1.0, resolve=None):
    return post(address, body=b"{}", headers={}, timeout_seconds=seconds, resolve=resolve or (lambda _: found))


@pytest.mark.parametrize(
    "found",
    [
        *(["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], ["100.64.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1"]),
        *(["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["fe80::1%eth0"], ["not an address"]),
    ],
)
def test_a_name_with_one_address_that_is_not_public_is_never_connected_to(trusted, found):
    receiver, asked = trusted

    assert send(f"https://{NAME}:{receiver.port}/", *found) == REFUSED
    assert (receiver.heard, asked) == ([], [])


def test_an_address_of_the_house_that_came_into_the_database_is_not_reached(trusted):
    """Registration would have refused it."""
    assert send(f"https://127.0.0.1:{trusted[0].port}/") == REFUSED
    assert send("https://localhost/", resolve=outbound.look_up) == REFUSED


def test_the_connection_goes_to_the_address_that_was_judged_under_its_name(trusted, settings):
    """A name that answers otherwise the second time is not asked a second time."""
    settings.WEBHOOK_PRIVATE_NETWORKS = ["127.0.0.1/32"]
    (receiver, asked), answers = trusted, [["127.0.0.1"], ["127.0.0.2"]]

    answer = send(f"https://{NAME}:{receiver.port}/x", resolve=lambda _: answers.pop(0))

    assert (answer.status, answers, asked) == (200, [["127.0.0.2"]], [NAME])
    assert receiver.heard[0].headers["host"] == f"{NAME}:{receiver.port}"


def test_a_certificate_of_another_name_is_not_believed(trusted, settings):
    settings.WEBHOOK_PRIVATE_NETWORKS = ["127.0.0.0/8"]

    answer = send(f"https://other.example.org:{trusted[0].port}/", "127.0.0.1")

    assert (answer, trusted[0].heard) == (Answer(fault="no trusted connection"), [])


def test_a_network_that_is_not_listed_stays_closed_and_plain_http_leaves_the_house_never(settings):
    settings.WEBHOOK_PRIVATE_NETWORKS = ["127.0.0.2/32"]
    with receiving() as receiver:
        for found in ("127.0.0.1", "8.8.8.8"):
            assert send(f"http://{NAME}:{receiver.port}/", found) == REFUSED
        assert receiver.heard == []


def test_a_server_that_takes_the_connection_and_says_nothing_is_left_in_time(settings):
    settings.WEBHOOK_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()

        assert send(f"https://{NAME}:{silent.getsockname()[1]}/", "127.0.0.1", seconds=0.3) == Answer(fault="too slow")

    assert time.monotonic() - began < 2.5


def test_a_name_that_takes_too_long_or_does_not_exist_is_no_address():
    def unknown(_):
        raise socket.gaierror

    began = time.monotonic()

    assert send(f"https://{NAME}/", resolve=lambda _: time.sleep(3), seconds=0.3) == Answer(fault="too slow")
    assert time.monotonic() - began < 2.5
    assert send(f"https://{NAME}/", resolve=unknown) == Answer(fault="name not found")
    assert send(f"https://{NAME}/") == Answer(fault="name not found")
