"""The process's environment, read once: variables, ``X_FILE`` secrets and an optional ``.env``."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

_EXPECTED = {int: "a whole number", float: "a number", json.loads: "JSON"}


class Environment(environ.Env):
    """django-environ's, but a value that cannot be is refused by the name of its variable."""

    def get_value(self, var, cast=None, default=environ.Env.NOTSET, parse_default=False):
        try:
            return super().get_value(var, cast=cast, default=default, parse_default=parse_default)
        except (ValueError, TypeError) as error:
            expected = _EXPECTED.get(
                cast if callable(cast) else None, "numbers between commas" if cast == [float] else "another form"
            )
            # Not the value itself: it may be a password that was put on the wrong line.
            raise ImproperlyConfigured(f"{var} cannot be read: {expected} is expected.") from error


def read_file(path: Path) -> None:
    """Take variables from ``path`` where there is such a file; those of the environment win.

    Raises ImproperlyConfigured where it is there and cannot be read: a command run by the wrong person must not go on
    with the settings of a demonstration.
    """
    if not os.path.lexists(path):
        return
    if not os.access(path, os.R_OK):
        raise ImproperlyConfigured(f"{path} is there and cannot be read: run this as the user whom it is for.")
    Environment.read_env(path, overwrite=False)


BASE_DIR = Path(__file__).resolve().parent.parent
read_file(BASE_DIR / ".env")
env = Environment()


def secret(name: str, *, default: str = "") -> str:
    """A secret from ``NAME_FILE`` (a mounted file) or ``NAME``; ``default`` where neither is set.

    Raises ImproperlyConfigured where the file cannot be read.
    """
    path = os.environ.get(f"{name}_FILE")
    if path:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise ImproperlyConfigured(f"{name}_FILE names {path}, which cannot be read: {why}.") from error
    return os.environ.get(name, default)


def local_secret(path: Path) -> str:
    """A random secret kept beside the embedded database: made at the first start, the same ever after."""
    if path.exists():
        return path.read_text(encoding="ascii").strip()
    path.parent.mkdir(parents=True, exist_ok=True)
    value = secrets.token_urlsafe(64)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:  # another process of the same start was quicker
        return path.read_text(encoding="ascii").strip()
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(value)
    return value
