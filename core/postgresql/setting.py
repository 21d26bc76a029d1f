"""``app.tenant``, by which row-level security knows the company: said inside each transaction, gone at its end.

The value is that of the scope (django-scopes' ContextVar). It is never said for a session: behind a pool the session goes on
to serve somebody else. So it is sent along with the first statement of each transaction, and with the next one after the
scope has changed; a statement that is a transaction of its own takes it along each time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg
from psycopg.pq import TransactionStatus

NAME = "app.tenant"
_SAID = "_churnguard_said"  # on the driver's connection: the value in force in its open transaction; None: not known
# Nothing of these reads a row, and in front of some nothing else may stand.
_APART = re.compile(
    r"\s*(SAVEPOINT|RELEASE|ROLLBACK|BEGIN|START|COMMIT|SET|RESET|SHOW|CLOSE|VACUUM|CREATE\s+DATABASE|DROP\s+DATABASE)\b",
    re.IGNORECASE,
)
_BACK = re.compile(r"\s*ROLLBACK\b", re.IGNORECASE)


def company() -> str:
    """The identifier of the company in scope; empty where there is none."""
    from django_scopes import get_scope  # knows models, which are loaded after the backend

    tenant = get_scope().get("tenant")
    key = getattr(tenant, "pk", None)
    return str(key) if isinstance(key, UUID) else ""


def clause(connection: psycopg.Connection, query: object = "") -> str:
    """What must stand in front of ``query`` in the same message; empty where the server knows already."""
    status = connection.pgconn.transaction_status
    if status == TransactionStatus.INERROR:
        if isinstance(query, str) and _BACK.match(query):
            forget(connection)
        return ""
    is_open = status == TransactionStatus.INTRANS
    if not is_open:
        setattr(connection, _SAID, "")  # whatever was said ended with its transaction
    if isinstance(query, str) and _APART.match(query):
        if _BACK.match(query):  # what was said since the savepoint is taken back with it
            forget(connection)
        return ""
    wanted = company()
    if getattr(connection, _SAID, None) == wanted:
        return ""
    setattr(connection, _SAID, wanted)
    return f"SET LOCAL {NAME} = '{wanted}'"


def forget(connection: psycopg.Connection) -> None:
    """Say it again with the next statement."""
    setattr(connection, _SAID, None)


@contextmanager
def said(connection: psycopg.Connection) -> Iterator[None]:
    """For what cannot take the setting along in its own message (COPY, named cursors, bound parameters): said before it, in
    the open transaction or in one of its own."""
    wanted = clause(connection)
    if not wanted:
        yield
        return
    with doubted(connection):
        yield from _said(connection, wanted)


def _said(connection: psycopg.Connection, wanted: str) -> Iterator[None]:
    if connection.autocommit and connection.pgconn.transaction_status == TransactionStatus.IDLE:
        with connection.transaction():
            _say(connection, wanted)
            yield
        forget(connection)
    else:
        _say(connection, wanted)
        yield


@contextmanager
def doubted(connection: psycopg.Connection) -> Iterator[None]:
    """Around what says it: where that fails, perhaps before anything was sent, it is not known what is in force."""
    try:
        yield
    except BaseException:
        forget(connection)
        raise


def _say(connection: psycopg.Connection, statement: str) -> None:
    with psycopg.Cursor(connection) as cursor:
        cursor.execute(statement.encode(), prepare=False)
