"""Row-level security on PostgreSQL: a query that forgot its company sees nothing, whatever wrote it (docs/adr/0013).

After each ``migrate`` every scoped table, and every part of one, has the same policy, enabled and forced, so that it binds
the tables' owner too. Generated from the models, so a new table has it from birth. While migrations run, it does not bind
the owner: a migration that moves data would see no row, and a new foreign key would be checked against none.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, connections, transaction

from .guards import scoped_models
from .postgresql import parts

POLICY = "company"
# Asked once a query (a sub-select), not once a row. After a transaction the setting is '', which is no uuid.
RULE = "tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')::uuid)"


def install_after_migrate(sender, using: str, **_: object) -> None:
    if sender.name == "core":
        install(using)


def lift_before_migrate(sender, using: str, plan: list | None = None, **_: object) -> None:
    """Where there is something to migrate. A migration that stops half-way leaves the owner unbound until the next one;
    meanwhile the site is not ready (``core.health``)."""
    if sender.name == "core" and plan:
        lift(using)


def tables() -> dict[str, str]:
    """Scoped tables by name, with the model's label: also those between, of many to many."""
    return {model._meta.db_table: model._meta.label for model in scoped_models()}


def uncovered(using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Scoped tables and parts of them that the policy is not in force on: empty, or something is wrong."""
    return [name for name, is_bound, has_policy in _state(using) if not (is_bound and has_policy)]


def install(using: str = DEFAULT_DB_ALIAS) -> None:
    """Cover what is not covered. Safe to run at any time; costs one question where nothing is missing."""
    if connections[using].vendor != "postgresql":
        return
    parts.install(using)
    for name, is_bound, has_policy in _state(using):
        if is_bound and has_policy:
            continue
        # A table at a time: who holds one and waits for another would be in everybody's way.
        with transaction.atomic(using), connections[using].cursor() as cursor:
            if not has_policy:
                cursor.execute(f'DROP POLICY IF EXISTS {POLICY} ON "{name}"')
                cursor.execute(f'CREATE POLICY {POLICY} ON "{name}" USING ({RULE}) WITH CHECK ({RULE})')
            if not is_bound:
                cursor.execute(f'ALTER TABLE "{name}" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY')


def lift(using: str = DEFAULT_DB_ALIAS) -> None:
    """Unbind the tables' owner, and nobody else, until ``install``."""
    if connections[using].vendor != "postgresql":
        return
    for name, is_bound, _has_policy in _state(using):
        if is_bound:
            with transaction.atomic(using), connections[using].cursor() as cursor:
                cursor.execute(f'ALTER TABLE "{name}" NO FORCE ROW LEVEL SECURITY')


@contextmanager
def lifted(using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """The owner sees every company's rows inside: for a backup by a server's own tools where there is but one role."""
    lift(using)
    try:
        yield
    finally:
        install(using)


def bypasses(using: str = DEFAULT_DB_ALIAS) -> str:
    """Why the role that we are connected as is not bound at all: superuser | bypassrls; empty where it is bound."""
    if connections[using].vendor != "postgresql":
        return ""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        is_super, may_bypass = cursor.fetchone()
    return "superuser" if is_super else "bypassrls" if may_bypass else ""


def owns_tables(using: str = DEFAULT_DB_ALIAS) -> bool:
    """Whether the role that we are connected as owns a scoped table, and so could lift its policy."""
    if connections[using].vendor != "postgresql":
        return False
    with connections[using].cursor() as cursor:
        cursor.execute(
            """SELECT EXISTS (SELECT 1 FROM pg_class c WHERE c.relname = ANY(%s) AND pg_table_is_visible(c.oid)
                              AND pg_has_role(current_user, c.relowner, 'USAGE'))""",
            [list(tables())],
        )
        return cursor.fetchone()[0]


def _state(using: str) -> list[tuple[str, bool, bool]]:
    """(table or part, enabled and forced, has its policy) of the scoped tables that exist."""
    if connections[using].vendor != "postgresql":
        return []
    with connections[using].cursor() as cursor:
        cursor.execute(
            """WITH RECURSIVE scoped AS (
                   SELECT c.oid FROM pg_class c
                   WHERE c.relname = ANY(%s) AND c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid)
                   UNION
                   SELECT i.inhrelid FROM pg_inherits i JOIN scoped ON scoped.oid = i.inhparent
               )
               SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity,
                      EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = %s
                              AND p.polcmd = '*' AND p.polqual IS NOT NULL AND p.polwithcheck IS NOT NULL)
               FROM scoped JOIN pg_class c ON c.oid = scoped.oid
               WHERE c.relkind IN ('r', 'p') ORDER BY c.relname""",
            [list(tables()), POLICY],
        )
        return cursor.fetchall()
