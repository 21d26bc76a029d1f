"""Started with each unsafe setting in turn: refused in one line, by the unit's own command."""

from __future__ import annotations

from .place import Place, hold
from .starting import BEAT, WEB, WORKERS

# Setting, unsafe value, what the line names
UNSAFE = (
    ("DEBUG", "true", "DEBUG is on"),
    ("SECRET_KEY", "", "SECRET_KEY is missing"),
    ("SECRET_KEY", "django-insecure-0123456789abcdefghijklmnopqrstuvwxyz", "SECRET_KEY is one that can be guessed"),
    ("MODEL_SIGNING_KEY", "", "MODEL_SIGNING_KEY is missing"),
    ("CREDENTIALS_KEY", "short", "CREDENTIALS_KEY is missing or shorter"),
    ("MAIL_KEY", "", "MAIL_KEY is missing"),
    ("ADDRESS_KEY", "", "ADDRESS_KEY is missing"),
    ("ALLOWED_HOSTS", "*", "ALLOWED_HOSTS must name"),
    ("DATABASE_URL", "sqlite:////tmp/churnguard.sqlite3", "DATABASE_URL names no PostgreSQL"),
    ("REDIS_URL", "", "REDIS_URL is missing"),
    ("SECURE_SSL_REDIRECT", "false", "plain http"),
    ("PUBLIC_URL", "http://retention.example.net", "PUBLIC_URL must begin with https"),
    ("EMAIL_URL", "consolemail://", "would stand in the logs"),
    ("DJANGO_ENV", "prod", "development or production"),
)
_PERSON = """
from tenants.models import User
User.objects.filter(email={email!r}).delete()
User.objects.create_superuser({email!r}, {password!r})
"""
_ADMIN = "root@carrier.example.net"


def settings(place: Place) -> str:
    """Each setting at one of the doors in turn: site, worker, clock, release."""
    doors = (WEB[0], WORKERS[0], BEAT, "churnguard-release")
    for number, (name, value, said) in enumerate(UNSAFE):
        door = doors[number % len(doors)]
        _refused(place, door, said, **{name: value})
    return f"{len(UNSAFE)} unsafe settings, each refused in one line"


def known_password(place: Place) -> str:
    """An account with every right and a password of manuals: neither site nor workers nor clock start."""
    place.django(_PERSON.format(email=_ADMIN, password="changeme"))
    try:
        for door in (WEB[0], WORKERS[0], BEAT):
            _refused(place, door, f"manage.py changepassword {_ADMIN}")
    finally:
        place.django(f"from tenants.models import User\nUser.objects.filter(email={_ADMIN!r}).delete()")
    return "an administrator called changeme: refused by site, worker and clock"


def _refused(place: Place, door: str, said: str, **unsafe: str) -> None:
    ended = place.run(place.commands(door)[0], door, **unsafe)
    what = f"{door} with {', '.join(unsafe) or 'a known password'}"
    hold(ended.returncode not in (0, None), f"{what} starts")
    lines = [line for line in (ended.stdout + ended.stderr).splitlines() if "ChurnGuard does not start" in line]
    hold(len(lines) == 1 and said in lines[0], f"{what} says {(ended.stdout + ended.stderr)[-400:]!r}")
    hold("Traceback" not in ended.stdout + ended.stderr, f"{what} shows a trace")
