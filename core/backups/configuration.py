"""The settings in effect without their secrets, and what tells one key from another."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.views.debug import SafeExceptionReporterFilter

# Keys whose loss makes restored data useless: a restore says whether they are the same here.
KEYS = ("SECRET_KEY", "MODEL_SIGNING_KEY", "CREDENTIALS_KEY", "MAIL_KEY", "ADDRESS_KEY")
# What differs between processes of one installation, or is a table of the program's own.
_PROGRAM = ("INSTALLED_APPS", "MIDDLEWARE", "TEMPLATES", "LOGGING", "LANGUAGES", "STATICFILES_DIRS", "METRICS_DIR",
            "LOCALE_PATHS", "FORMAT_MODULE_PATH", "STORAGES", "CACHES", "DATABASES", "COMMERCIAL_OFFERS",
            "CONTENT_SECURITY_POLICY", "SETTINGS_MODULE", "PERMISSIONS_POLICY")  # fmt: skip
_SIMPLE = (str, int, float, bool, type(None))
_HIDDEN = "********"
_COVER = SafeExceptionReporterFilter()


def configuration() -> dict[str, Any]:
    """Every setting of our own that a person may choose, as JSON; a secret shows as asterisks, an address of a server
    without its password."""
    from django.conf import global_settings

    found = {}
    for name in sorted(dir(settings)):
        if not name.isupper() or name in _PROGRAM:
            continue
        value = getattr(settings, name)
        if hasattr(global_settings, name) and getattr(global_settings, name) == value:
            continue
        found[name] = _shown(name, value)
    database = settings.DATABASES["default"]
    found["DATABASE"] = {
        name: str(database.get(name, "")) for name in ("ENGINE", "HOST", "PORT", "NAME", "USER") if database.get(name)
    }
    return found


def digest_of(told: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def key_ids() -> dict[str, str]:
    """Name -> sixteen hexadecimal digits that tell one key from another; "" for one that is not set."""
    return {name: _key_id(name, getattr(settings, name, "") or "") for name in KEYS}


@lru_cache(maxsize=32)
def _key_id(name: str, key: str) -> str:
    """Slow on purpose: a short key must not be guessed from it."""
    if not key:
        return ""
    return hashlib.pbkdf2_hmac("sha256", key.encode(), b"churnguard key id " + name.encode(), 200_000)[:8].hex()


def _shown(name: str, value: Any) -> Any:
    if _COVER.hidden_settings.search(name) or name.endswith(("_FALLBACKS", "_USER")):
        return _HIDDEN if value else ""
    if name.endswith(("_URL", "_URLS", "_CONFIG")):
        return _without_password(value)
    return _as_json(name, value)


def _as_json(name: str, value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, str):
        return _without_password(value)
    if isinstance(value, _SIMPLE):
        return value
    if isinstance(value, dict):
        return {str(key): _shown(str(key).upper(), one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_json(name, one) for one in value]
    if isinstance(value, (set, frozenset)):
        return sorted(str(one) for one in value)
    return f"<{type(value).__name__}>"  # its own text may hold an address in memory, and differ in every process


def _without_password(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _shown(str(key).upper(), one) for key, one in value.items()}
    if not isinstance(value, str) or "://" not in value:
        return value
    scheme, _, rest = value.partition("://")
    secret, at, place = rest.rpartition("@")
    return f"{scheme}://{_HIDDEN}@{place}" if at and secret else value
