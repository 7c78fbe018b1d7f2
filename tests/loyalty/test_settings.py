"""What the environment may say: production refuses what is for trying out; URLs win over the embedded default."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.server import ROOT, environment

PRODUCTION = {
    "LOYALTY_ENV": "production",
    "SECRET_KEY": "not a secret, only long enough for a test of the settings",
    "DATABASE_URL": "postgresql://someone@db.example.org/loyalty",
    "REDIS_URL": "redis://redis.example.org/0",
}
TELL = """
import json
from django.conf import settings as s
print(json.dumps({
    "embedded": s.EMBEDDED is not None, "debug": s.DEBUG, "host": s.DATABASES["default"]["HOST"], "hosts": s.ALLOWED_HOSTS,
    "redis": s.REDIS_URL, "broker": s.CELERY_BROKER_URL, "mail": s.EMAIL_BACKEND, "tls": s.SECURE_SSL_REDIRECT,
    "cookies": s.SESSION_COOKIE_SECURE, "hsts": s.SECURE_HSTS_SECONDS, "var": str(s.VAR_DIR), "log": s.LOG_FORMAT,
}))
"""


def load(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", TELL]
    return subprocess.run(
        command, cwd=ROOT, env=environment(folder, **env), capture_output=True, text=True, timeout=60, check=False
    )


def settings(folder: Path, **env: str) -> dict:
    done = load(folder, **env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"DATABASE_URL": ""}, "production needs DATABASE_URL and REDIS_URL"),
        ({"REDIS_URL": ""}, "production needs DATABASE_URL and REDIS_URL"),
        ({"SECRET_KEY": ""}, "production needs SECRET_KEY"),
        ({"DEBUG": "1"}, "production refuses DEBUG"),
        ({"DEBUG": "True"}, "production refuses DEBUG"),
        ({"LOYALTY_ENV": "prod"}, "LOYALTY_ENV is 'development' or 'production', not 'prod'"),
        ({"LOYALTY_ENV": "Production"}, "LOYALTY_ENV is 'development' or 'production', not 'Production'"),
        ({"LOYALTY_ENV": ""}, "LOYALTY_ENV is 'development' or 'production', not ''"),
    ],
)
def test_production_refuses_what_is_for_trying_out(tmp_path: Path, change: dict[str, str], words: str) -> None:
    done = load(tmp_path / "var", **(PRODUCTION | change))

    assert done.returncode != 0
    assert f"ImproperlyConfigured: {words}" in done.stderr
    assert not (tmp_path / "var" / "pg").exists()


def test_production_with_all_it_needs_is_shut_tight(tmp_path: Path) -> None:
    told = settings(tmp_path / "var", **PRODUCTION)

    assert (told["embedded"], told["debug"], told["hosts"], told["log"]) == (False, False, [], "json")
    assert (told["tls"], told["cookies"]) == (True, True)
    assert told["hsts"] >= 31_536_000


@pytest.mark.parametrize("arguments", [["demo_data"], ["serve", "--demo"]])
def test_the_demo_is_refused_in_production(tmp_path: Path, arguments: list[str]) -> None:
    env = environment(tmp_path / "var", **PRODUCTION)

    done = subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode != 0
    assert "the demo is not for production" in done.stderr
    assert not (tmp_path / "var" / "demo.json").exists()


def test_development_needs_nothing_and_takes_the_embedded_servers(tmp_path: Path) -> None:
    told = settings(tmp_path / "var")

    assert (told["embedded"], told["debug"], told["tls"], told["hosts"]) == (True, False, False, ["*"])
    assert told["var"] == str(tmp_path / "var")
    assert told["broker"].startswith("redis+socket://")
    assert told["mail"] == "users.mail_files.EmlFileBackend"


def test_urls_win_over_the_embedded_default(tmp_path: Path) -> None:
    urls = {name: PRODUCTION[name] for name in ("DATABASE_URL", "REDIS_URL")}

    told = settings(tmp_path / "var", **urls)

    assert (told["embedded"], told["host"]) == (False, "db.example.org")
    assert told["redis"] == told["broker"] == PRODUCTION["REDIS_URL"]


def test_a_broker_of_its_own_wins_over_redis(tmp_path: Path) -> None:
    told = settings(tmp_path / "var", **PRODUCTION, CELERY_BROKER_URL="amqp://mq.example.org//")

    assert told["broker"] == "amqp://mq.example.org//"


def test_with_urls_no_command_starts_a_server(tmp_path: Path) -> None:
    urls = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none", "REDIS_URL": "redis://127.0.0.1:9/0"}
    env = environment(tmp_path / "var", **urls)

    done = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "var" / "pg").exists()
    assert not (tmp_path / "var" / "valkey").exists()


def test_an_email_url_names_the_mail_server(tmp_path: Path) -> None:
    told = settings(tmp_path / "var", EMAIL_URL="smtp://127.0.0.1:2525")

    assert told["mail"] == "django.core.mail.backends.smtp.EmailBackend"


def test_a_network_for_webhooks_that_is_none_stops_the_start(tmp_path: Path) -> None:
    done = load(tmp_path / "var", **PRODUCTION, WEBHOOK_PRIVATE_NETWORKS="127.0.0.0/8,house")

    assert done.returncode != 0
    assert "'house' does not appear to be an IPv4 or IPv6 network" in done.stderr
