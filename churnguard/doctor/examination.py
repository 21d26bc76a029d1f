"""All checks, in the order in which one would look."""

from __future__ import annotations

from . import care, outside, own, servers
from .findings import ERROR, Check, Finding, examined

_ALONE: tuple[tuple[str, Check], ...] = (
    ("settings", own.settings_are_safe),
    ("keys", own.keys_are_there),
    ("folders", own.folders_can_be_written),
    ("pages", own.pages_are_built),
    ("database", servers.database_answers),
)
_WITH_DATABASE: tuple[tuple[str, Check], ...] = (
    ("broker", servers.broker_answers),
    ("workers", servers.workers_listen),
    ("clock", servers.clocks_agree),
    ("jobs", care.jobs_are_alive),
    ("mail", care.mail_may_go),
    ("mail", outside.senders_are_in_order),
)
_OUTSIDE: tuple[tuple[str, Check], ...] = (("TLS", outside.certificate_holds),)
_NEEDS_TABLES = (care.jobs_are_alive, care.mail_may_go, outside.senders_are_in_order)


def examine(*, offline: bool = False) -> list[Finding]:
    """Everything that can be looked at. Without a database, or with the tables of another program, what asks them is left
    out: one cause is told once. ``offline``: nothing beyond our own servers is asked."""
    found: list[Finding] = []
    for about, check in _ALONE:
        found += examined(about, check)
    has_tables = not any(one.level == ERROR and one.about in ("database", "migrations") for one in found)
    for about, check in _WITH_DATABASE:
        if has_tables or check not in _NEEDS_TABLES:
            found += examined(about, check)
    found += examined("backups", care.backups_are_made)
    for about, check in () if offline else _OUTSIDE:
        found += examined(about, check)
    return found
