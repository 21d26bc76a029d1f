"""What production does not start with (RULES 36): for each unsafe setting one line that says what to do."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from itertools import combinations

# What is at least asked of each key, in characters. Django asks the same of SECRET_KEY.
KEYS = {"SECRET_KEY": 50, "MODEL_SIGNING_KEY": 32, "CREDENTIALS_KEY": 32, "MAIL_KEY": 32, "ADDRESS_KEY": 32}
_FEWEST_DIFFERENT = 12
_NEVER_CHANGES = {"ADDRESS_KEY": "; it must never change"}
_DELIVERING = ("smtp", "anymail")


def refusals(given: Mapping[str, object]) -> list[str]:
    """A line for each setting of ``given`` (settings by name) that is unsafe in production; empty: start."""
    return [
        *_debug(given),
        *_keys(given),
        *_hosts(given),
        *_servers(given),
        *_transport(given),
        *_mail(given),
        *_figures(given),
    ]


def _debug(given: Mapping[str, object]) -> list[str]:
    return ["DEBUG is on: unset it in production."] if given["DEBUG"] else []


def _keys(given: Mapping[str, object]) -> list[str]:
    lines = []
    for name, length in KEYS.items():
        key = str(given[name])
        if len(key) < length:
            lines.append(f"{name} is missing or shorter than {length} characters{_NEVER_CHANGES.get(name, '')}.")
        elif key.startswith("django-insecure-") or len(set(key)) < _FEWEST_DIFFERENT:
            lines.append(f"{name} is one that can be guessed: make a random one, as .env.example says.")
    for first, second in combinations(KEYS, 2):
        if given[first] and given[first] == given[second]:
            lines.append(f"{first} and {second} are the same: each needs a value of its own.")
    return lines


def _hosts(given: Mapping[str, object]) -> list[str]:
    hosts = list(given["ALLOWED_HOSTS"])
    if not hosts or any("*" in host or host.strip(".") == "" for host in hosts):
        return ["ALLOWED_HOSTS must name this site's hosts, without a star."]
    return []


def _servers(given: Mapping[str, object]) -> list[str]:
    lines = []
    if not given["DATABASE_URL"]:
        lines.append("DATABASE_URL is missing: production needs PostgreSQL.")
    elif not given["DATABASES"]["default"]["ENGINE"].endswith("postgresql"):
        lines.append("DATABASE_URL names no PostgreSQL: production needs PostgreSQL 15 or newer.")
    if not given["REDIS_URL"]:
        lines.append("REDIS_URL is missing: production needs Redis or Valkey.")
    return lines


def _transport(given: Mapping[str, object]) -> list[str]:
    """Nothing of a person's goes over the wire unencrypted."""
    lines = []
    if not given["SECURE_SSL_REDIRECT"]:
        lines.append("SECURE_SSL_REDIRECT is off: people could sign in over plain http.")
    if int(given["SECURE_HSTS_SECONDS"]) <= 0:
        lines.append("SECURE_HSTS_SECONDS must be more than 0; begin with 3600 where you are not sure yet.")
    if given["PUBLIC_URL"] and not str(given["PUBLIC_URL"]).startswith("https://"):
        lines.append("PUBLIC_URL must begin with https://, as the links in mails do.")
    if not all(str(origin).startswith("https://") for origin in given["CSRF_TRUSTED_ORIGINS"]):
        lines.append("CSRF_TRUSTED_ORIGINS must all begin with https://.")
    if int(given["TRUSTED_PROXIES"]) < 0:
        lines.append("TRUSTED_PROXIES cannot be less than 0.")
    return lines


def _mail(given: Mapping[str, object]) -> list[str]:
    if not any(word in str(given["EMAIL_BACKEND"]) for word in _DELIVERING):
        return ["EMAIL_URL names no mail server: links that reset passwords would stand in the logs."]
    return []


def _figures(given: Mapping[str, object]) -> list[str]:
    lines = []
    if _holds_everybody(given["METRICS_NETWORKS"]):
        lines.append("METRICS_NETWORKS opens the figures to everybody: name the networks that watch.")
    if 0 < len(str(given["METRICS_TOKEN"])) < 20:
        lines.append("METRICS_TOKEN is shorter than 20 characters.")
    return lines


def _holds_everybody(networks: Sequence[str]) -> bool:
    for network in networks:
        try:
            if ipaddress.ip_network(network.strip(), strict=False).prefixlen == 0:
                return True
        except ValueError:
            continue  # who reads it says so
    return False
