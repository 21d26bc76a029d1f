"""Production that is unsafe does not start, and says why in one line each (RULES 36)."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.cache import cache

from churnguard import known_passwords
from churnguard.seeding import DEMO_PASSWORD
from churnguard.settings import safety
from tenants.models import User

ROOT = Path(__file__).resolve().parents[2]
SAFE = {
    "DEBUG": False,
    **{name: hashlib.sha512(name.encode()).hexdigest() for name in safety.KEYS},  # the same in every process
    "ALLOWED_HOSTS": ["retention.example.net"],
    "DATABASE_URL": "postgres://app:secret@db/churnguard",
    "DATABASES": {"default": {"ENGINE": "django.db.backends.postgresql"}},
    "REDIS_URL": "redis://broker:6379/0",
    "SECURE_SSL_REDIRECT": True,
    "SECURE_HSTS_SECONDS": 31_536_000,
    "PUBLIC_URL": "https://retention.example.net",
    "CSRF_TRUSTED_ORIGINS": ["https://retention.example.net"],
    "TRUSTED_PROXIES": 1,
    "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
    "METRICS_NETWORKS": ["127.0.0.0/8", "::1/128"],
    "METRICS_TOKEN": "",
}


def test_safe_settings_start():
    assert safety.refusals(SAFE) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DEBUG", True, "DEBUG is on"),
        ("SECRET_KEY", "", "SECRET_KEY is missing or shorter than 50"),
        ("SECRET_KEY", "short" * 9, "SECRET_KEY is missing or shorter than 50"),
        ("SECRET_KEY", "django-insecure-" + "abcdefghijklmnop" * 4, "SECRET_KEY is one that can be guessed"),
        ("SECRET_KEY", "changeme" * 8, "SECRET_KEY is one that can be guessed"),
        ("MODEL_SIGNING_KEY", "", "MODEL_SIGNING_KEY is missing"),
        ("CREDENTIALS_KEY", "x" * 31, "CREDENTIALS_KEY is missing or shorter than 32"),
        ("MAIL_KEY", "x" * 40, "MAIL_KEY is one that can be guessed"),
        ("ADDRESS_KEY", "", "it must never change"),
        ("ADDRESS_KEY", SAFE["MAIL_KEY"], "MAIL_KEY and ADDRESS_KEY are the same"),
        ("ALLOWED_HOSTS", [], "ALLOWED_HOSTS must name"),
        ("ALLOWED_HOSTS", ["a.example.net", "*"], "ALLOWED_HOSTS must name"),
        ("ALLOWED_HOSTS", ["*.example.net"], "without a star"),
        ("ALLOWED_HOSTS", ["."], "ALLOWED_HOSTS must name"),
        ("DATABASE_URL", "", "DATABASE_URL is missing"),
        ("DATABASES", {"default": {"ENGINE": "django.db.backends.sqlite3"}}, "DATABASE_URL names no PostgreSQL"),
        ("REDIS_URL", "", "REDIS_URL is missing"),
        ("SECURE_SSL_REDIRECT", False, "plain http"),
        ("SECURE_HSTS_SECONDS", 0, "SECURE_HSTS_SECONDS"),
        ("PUBLIC_URL", "http://retention.example.net", "PUBLIC_URL must begin with https://"),
        ("CSRF_TRUSTED_ORIGINS", ["https://a.example.net", "http://b.example.net"], "CSRF_TRUSTED_ORIGINS"),
        ("TRUSTED_PROXIES", -1, "TRUSTED_PROXIES"),
        ("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend", "would stand in the logs"),
        ("METRICS_NETWORKS", ["10.0.0.0/8", "0.0.0.0/0"], "opens the figures to everybody"),
        ("METRICS_NETWORKS", ["::/0"], "opens the figures to everybody"),
        ("METRICS_TOKEN", "short", "METRICS_TOKEN is shorter"),
    ],
)
def test_unsafe_setting_is_refused_in_one_line(name, value, said):
    (line,) = safety.refusals({**SAFE, name: value})
    assert said in line
    assert name in line or name in ("DATABASES", "EMAIL_BACKEND")
    assert "\n" not in line
    assert str(SAFE["MAIL_KEY"]) not in line


def test_every_reason_is_said_at_once():
    said = safety.refusals({**SAFE, "DEBUG": True, "REDIS_URL": "", "ALLOWED_HOSTS": ["*"]})
    assert [line.split()[0] for line in said] == ["DEBUG", "ALLOWED_HOSTS", "REDIS_URL"]


# ---------------------------------------------------------------- how the doors say it


def start(*command: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A command of the product in production settings that are safe but for ``more``."""
    safe = {name: str(SAFE[name]) for name in (*safety.KEYS, "DATABASE_URL", "REDIS_URL", "PUBLIC_URL")}
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    env = {
        **kept, **safe, "DJANGO_ENV": "production", "ALLOWED_HOSTS": "retention.example.net", "TRUSTED_PROXIES": "1",
        "EMAIL_URL": "smtp://127.0.0.1:25", "VAR_DIR": "/nonexistent", "DATABASE_URL": "postgres://a:b@127.0.0.1:1/c",
        "LOG_DIR": "", **more,
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False
    )


CELERY = ("-m", "celery", "--app", "churnguard")


@pytest.mark.parametrize(
    "command",
    [
        ("manage.py", "migrate"),
        ("-m", "gunicorn", "--config", "python:churnguard.serving", "--bind", "127.0.0.1:0", "churnguard.wsgi"),
        (*CELERY, "worker"),
        (*CELERY, "beat"),
    ],
    ids=lambda command: command[-1],
)
def test_every_door_says_the_line_and_no_trace(command):
    ended = start(*command, SECRET_KEY="too-short")
    assert ended.returncode == 1
    assert (ended.stdout + ended.stderr).strip() == (
        "ChurnGuard does not start: SECRET_KEY is missing or shorter than 50 characters."
    )


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"DJANGO_ENV": "prod"}, "DJANGO_ENV is “prod”: development or production."),
        ({"LOG_DAYS": "a month"}, "LOG_DAYS cannot be read: a whole number is expected."),
        ({"SECRET_KEY_FILE": "/no/such/file"}, "SECRET_KEY_FILE names /no/such/file, which cannot be read"),
    ],
    ids=lambda given: next(iter(given)) if isinstance(given, dict) else "",
)
def test_setting_that_cannot_be_read_is_named(setting, said):
    ended = start("manage.py", "check", **setting)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"ChurnGuard does not start: {said}")
    assert ended.stderr.count("\n") == 1


def test_django_finds_nothing_to_warn_of_in_production():
    """As the release asks before it touches anything; ``make prod-check`` asks the tables too."""
    ended = start("manage.py", "check", "--deploy", "--tag", "security", "--fail-level", "WARNING")
    assert (ended.returncode, "no issues" in ended.stdout + ended.stderr) == (0, True), ended.stderr


def test_secrets_may_come_from_files(tmp_path):
    """All that holds a password, the addresses of servers as well."""
    files = {"SECRET_KEY": SAFE["SECRET_KEY"], "DATABASE_URL": "postgres://app:word@db.internal:5432/churn"}
    files |= {"REDIS_URL": "redis://:word@broker.internal/0", "EMAIL_URL": "smtp+tls://me:word@mail.internal:587"}
    given = {}
    for name, value in files.items():
        (tmp_path / name).write_text(f"{value}\n")
        given[f"{name}_FILE"] = str(tmp_path / name)
    code = (
        "from django.conf import settings as s; print(s.DATABASES['default']['HOST'], s.REDIS_URL, s.EMAIL_HOST,"
        " s.EMAIL_USE_TLS, len(s.SECRET_KEY))"
    )
    ended = start("-c", code, DJANGO_SETTINGS_MODULE="churnguard.settings", SECRET_KEY="", REDIS_URL="", **given)
    assert ended.stdout.split() == [
        "db.internal", "redis://:word@broker.internal/0", "mail.internal", "True", str(len(files["SECRET_KEY"])),
    ], ended.stderr  # fmt: skip


# ---------------------------------------------------------------- passwords that everybody knows


@pytest.fixture(autouse=True)
def nothing_remembered():
    cache.clear()


@pytest.mark.django_db
class TestKnownPasswords:
    def test_people_of_the_demonstration_are_found_by_their_password(self, cast):
        User.objects.get(email="bob@atlas.example.com").set_password(DEMO_PASSWORD)
        assert known_passwords.holders() == []  # not saved
        for email in ("alice@atlas.example.com", "charlie@borealis.example.com"):
            person = User.objects.get(email=email)
            person.set_password(DEMO_PASSWORD)
            person.save()
        assert known_passwords.holders() == ["alice@atlas.example.com", "charlie@borealis.example.com"]

    def test_who_may_everything_must_not_have_a_password_of_manuals(self):
        User.objects.create_superuser("root@carrier.example.net", "changeme")
        User.objects.create_user("clerk@carrier.example.net", "changeme")  # their own affair, and their validators'
        User.objects.create_superuser("gone@carrier.example.net", "changeme", is_active=False)
        assert known_passwords.holders() == ["root@carrier.example.net"]

    def test_a_password_is_looked_at_once(self, monkeypatch):
        User.objects.create_superuser("root@carrier.example.net", "a-password-of-its-own")
        assert known_passwords.holders() == []
        monkeypatch.setattr(known_passwords, "check_password", lambda *_: pytest.fail("looked at again"))
        assert known_passwords.holders() == []
        monkeypatch.undo()
        person = User.objects.get()
        person.set_password("admin")
        person.save()
        assert known_passwords.holders() == ["root@carrier.example.net"]

    def test_start_ends_with_a_line_that_says_what_to_do(self, settings, monkeypatch):
        monkeypatch.setattr(known_passwords.connection, "close", lambda: None)
        User.objects.create_superuser("root@carrier.example.net", "admin")
        known_passwords.refuse()  # a demonstration starts
        settings.REFUSE_KNOWN_PASSWORDS = True
        with pytest.raises(SystemExit, match=r"manage\.py changepassword root@carrier\.example\.net"):
            known_passwords.refuse()

    def test_without_a_cache_it_is_looked_at_all_the_same(self, settings, monkeypatch):
        def broken(*_, **__):
            raise ConnectionError

        monkeypatch.setattr(cache, "get_many", broken)
        monkeypatch.setattr(cache, "set_many", broken)
        User.objects.create_superuser("root@carrier.example.net", "admin")
        assert known_passwords.holders() == ["root@carrier.example.net"]
