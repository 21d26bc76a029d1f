"""What needs no other machine: settings, keys, folders, what was built."""

from __future__ import annotations

import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core import checks
from django.core.checks.messages import ERROR as DJANGOS_ERROR
from django.utils.translation import to_locale

from core.backups import configuration, taking
from core.backups.sealing import Damaged
from core.errors import Refused

from .findings import ERROR, NOTE, OK, WARNING, Finding

_SHORT, _VERY_SHORT = 0.10, 0.03  # of a disk, free
_GIGABYTE = 1024**3


def is_production() -> bool:
    return os.environ.get("DJANGO_ENV") == "production"


def settings_are_safe() -> Iterator[Finding]:
    """Django's own checks (those for deployment in production), and what they do not ask."""
    found = [one for one in checks.run_checks(include_deployment_checks=is_production()) if not one.is_silenced()]
    for one in found:
        level = ERROR if one.level >= DJANGOS_ERROR else WARNING
        yield Finding("settings", level, f"{one.id}: {one.msg}", one.hint or "")
    if settings.DEBUG:
        yield Finding("settings", ERROR if is_production() else WARNING, "DEBUG is on.", "Unset DEBUG.")
    if not settings.PUBLIC_URL:
        yield Finding(
            "settings",
            WARNING,
            "PUBLIC_URL is not set: mails carry no links, and no campaign can be sent to real addresses.",
            "Set PUBLIC_URL to the address at which people reach this site.",
        )
    elif is_production() and not settings.PUBLIC_URL.startswith("https://"):
        yield Finding("settings", ERROR, "PUBLIC_URL is not https.", "Serve the site over TLS and say so there.")
    if is_production() and settings.EMAIL_BACKEND.endswith(("console.EmailBackend", "locmem.EmailBackend")):
        yield Finding(
            "settings", WARNING, "Mail to your own people goes to a console.", "Set EMAIL_URL, such as smtp+tls://…"
        )
    yield Finding(
        "settings", OK if is_production() else NOTE, "production" if is_production() else "development (DJANGO_ENV)"
    )


def keys_are_there() -> Iterator[Finding]:
    """Set, long enough, different from each other, closed to other users, and those of the last backup."""
    values = {name: getattr(settings, name, "") for name in configuration.KEYS}
    for name, value in values.items():
        if len(value) < 32:
            said = "is missing" if not value else "is shorter than 32 characters"
            yield Finding(
                "keys",
                ERROR,
                f"{name} {said}.",
                "Make one: python -c 'import secrets; print(secrets.token_urlsafe(64))'",
            )
    if len(set(values.values())) < len(values):
        yield Finding("keys", WARNING, "Two keys are the same.", "Give each purpose a key of its own.")
    for path in sorted(Path(settings.VAR_DIR).glob("*-key")):
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield Finding("keys", WARNING, f"{path} can be read by others.", f"chmod 600 {path}")
    changed = _changed_since_the_last_backup()
    if changed:
        yield Finding(
            "keys",
            WARNING,
            f"Other keys than when the last backup was made: {', '.join(changed)}.",
            "If that was not on purpose, bring the old ones back: what they sealed does not open (ADDRESS_KEY must never change).",
        )
    yield Finding("keys", OK, f"{sum(bool(value) for value in values.values())} of {len(values)} set")


def _changed_since_the_last_backup() -> list[str]:
    try:
        newest = taking.open_store().latest(whole=False)
    except (Refused, Damaged, OSError):
        return []  # the look at backups says so
    if newest is None:
        return []
    return [name for name, id_ in configuration.key_ids().items() if id_ != newest.keys.get(name, id_)]


def folders_can_be_written() -> Iterator[Finding]:
    """Where the site keeps things, by writing a file there; and the space left on each disk."""
    places = {"VAR_DIR": settings.VAR_DIR, "files": settings.PRIVATE_ROOT, "METRICS_DIR": settings.METRICS_DIR}
    if settings.LOG_DIR:
        places["LOG_DIR"] = settings.LOG_DIR
    seen: set[int] = set()
    closed = 0
    for name, place in places.items():
        folder = Path(place)
        if (why := _why_not_writable(folder)) is not None:
            yield Finding(
                "folders",
                ERROR,
                f"{name} ({folder}) cannot be written to: {why}.",
                f"Give this user the folder {folder}.",
            )
            closed += 1
            continue
        if (device := folder.stat().st_dev) not in seen:
            seen.add(device)
            yield _space(name, folder)
    if not closed:
        yield Finding("folders", OK, f"{', '.join(places)} can be written to")


def _why_not_writable(folder: Path) -> str | None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".doctor-{uuid.uuid4().hex[:8]}"
        probe.write_bytes(b"?")
        probe.unlink()
    except OSError as error:
        return error.strerror or str(error)
    return None


def _space(name: str, folder: Path) -> Finding:
    usage = shutil.disk_usage(folder)
    share = usage.free / usage.total if usage.total else 0.0
    text = f"{usage.free / _GIGABYTE:.1f} GB of {usage.total / _GIGABYTE:.1f} GB free where {name} is"
    if share < _VERY_SHORT:
        return Finding("disk", ERROR, f"Almost full: {text}.", "Make room now: a full disk stops every write.")
    if share < _SHORT:
        return Finding("disk", WARNING, f"Filling up: {text}.", "Make room, or a larger disk.")
    return Finding("disk", OK, text)


def pages_are_built() -> Iterator[Finding]:
    """Styles and scripts, collected in production; French compiled."""
    if not (settings.BASE_DIR / "static" / "built" / "app.css").exists():
        yield Finding(
            "pages", ERROR, "Styles are not built: pages look bare.", "Run make setup (or bin/build_static.py)."
        )
    elif is_production() and not (Path(settings.STATIC_ROOT) / "staticfiles.json").exists():
        yield Finding(
            "pages",
            ERROR,
            "Static files are not collected: every page fails.",
            "Run manage.py collectstatic --noinput.",
        )
    else:
        yield Finding("pages", OK, "styles and scripts are there")
    for code, _name in settings.LANGUAGES:
        folder = settings.BASE_DIR / "locale" / to_locale(code) / "LC_MESSAGES"
        if (folder / "django.po").exists() and not (folder / "django.mo").exists():
            yield Finding("pages", WARNING, f"The language “{code}” is not compiled.", "Run make setup.")
