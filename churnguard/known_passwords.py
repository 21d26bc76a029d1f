"""Production does not start while somebody's password is one that everybody knows (RULES 36).

Asked when the site, a worker or the beat starts, not by commands: they are what mends it. A password that was looked at
is not looked at again until it changes, for each look costs a tenth of a second by design.
"""

from __future__ import annotations

import hashlib
import logging

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.core.cache import cache
from django.db import Error, connection
from django.db.models import Q

from core.starting import refuse as end_the_start
from tenants.models import User

from .seeding import DEMO_PASSWORD

logger = logging.getLogger(__name__)

_OF_MANUALS = (
    "admin",
    "admin123",
    "administrator",
    "changeme",
    "change-me",
    "churnguard",
    "password",
    "postgres",
    "secret",
)
KNOWN = (DEMO_PASSWORD, *_OF_MANUALS)
# Names of example.com belong to nobody: only the demonstration and tests have people there.
_OF_THE_DEMONSTRATION = Q(email__iendswith=".example.com") | Q(email__iendswith="@example.com")
_ALL_POWERFUL = Q(is_superuser=True) | Q(is_staff=True)
_MOST = 50
_REMEMBERED_SECONDS = 90 * 86_400


def refuse() -> None:
    """End this process with a line where an account's password is known; without a database there is nobody to ask."""
    if not settings.REFUSE_KNOWN_PASSWORDS:
        return
    try:
        found = holders()
    except Error as error:
        # Whether the database is there is /readyz's question: a site that starts before it must come up by itself.
        logger.warning("nobody could be asked for known passwords: %s", type(error).__name__)
        return
    finally:
        connection.close()  # before the fork: a connection belongs to one process
    if found:
        end_the_start(
            [f"{email} has a password that everybody knows: manage.py changepassword {email}" for email in found]
        )


def holders() -> list[str]:
    """E-mails of the active accounts, of the demonstration or with every right, whose password is a known one."""
    people = User.objects.filter(_OF_THE_DEMONSTRATION | _ALL_POWERFUL, is_active=True).order_by("pk")
    people = list(people.only("email", "password", "is_superuser", "is_staff")[:_MOST])
    seen = _remembered([_key(person) for person in people])
    unseen = [person for person in people if _key(person) not in seen]
    found = [person for person in unseen if _is_known(person)]
    _remember([_key(person) for person in unseen if person not in found])
    return [person.email for person in found]


def _is_known(person: User) -> bool:
    wanted = KNOWN if person.is_superuser or person.is_staff else (DEMO_PASSWORD,)
    return any(check_password(password, person.password) for password in wanted)


def _key(person: User) -> str:
    said = f"{len(KNOWN)} {person.is_superuser or person.is_staff} {person.password}"
    return f"password-looked-at:{hashlib.sha256(said.encode()).hexdigest()}"


def _remembered(keys: list[str]) -> set[str]:
    try:
        return set(cache.get_many(keys)) if keys else set()
    except Exception:
        logger.warning("the cache does not answer: passwords are looked at again")
        return set()


def _remember(keys: list[str]) -> None:
    try:
        if keys:
            cache.set_many(dict.fromkeys(keys, True), _REMEMBERED_SECONDS)
    except Exception:
        logger.warning("the cache does not answer: passwords will be looked at again")
