"""Three roles for one database: who owns the tables, who works with them, and who looks after them (docs/adr/0013).

``owner`` migrates. ``app`` is what the web server and the workers are: it owns no scoped table, so no statement of its own
lifts a policy; what it owns are the parts that it makes for itself. ``watch`` reads every company's rows and writes none: for
pg_dump and for people who look after the installation. None of them is a superuser.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from psycopg import sql
from psycopg.sql import SQL, Composable, Identifier, Literal

_TABLES = "SELECT, INSERT, UPDATE, DELETE"


@dataclass(frozen=True, slots=True)
class Roles:
    """Names of the three; ``passwords`` by the same keys, only for those to be set."""

    owner: str = "churnguard_owner"
    app: str = "churnguard_app"
    watch: str = "churnguard_watch"
    passwords: dict[str, str] = field(default_factory=dict)


def statements(roles: Roles, database: str, *, version: int, schema: str = "public") -> Iterator[Composable]:
    """What a superuser says in the database, once, and again whenever it likes. ``version``: the server's, such as 15."""
    names = {
        "owner": Identifier(roles.owner),
        "app": Identifier(roles.app),
        "watch": Identifier(roles.watch),
        "schema": Identifier(schema),
        "database": Identifier(database),
    }

    def say(text: str, **more: Composable) -> Composable:
        return SQL(text).format(**names, **more)

    for key in ("owner", "app", "watch"):
        yield from _role(getattr(roles, key), roles.passwords.get(key), may_see_all=key == "watch")
    # The owner is a member of the app's role, and so the master of the parts that it makes; never the other way round.
    yield say("GRANT {app} TO {owner}")
    yield say("ALTER DATABASE {database} OWNER TO {owner}")
    yield say("REVOKE ALL ON SCHEMA {schema} FROM PUBLIC")
    yield say("GRANT USAGE, CREATE ON SCHEMA {schema} TO {owner}, {app}")
    yield say("GRANT USAGE ON SCHEMA {schema} TO {watch}")
    yield say("REVOKE ALL ON DATABASE {database} FROM PUBLIC")
    yield say("GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {owner}, {app}")
    yield say("GRANT CONNECT ON DATABASE {database} TO {watch}")
    yield _given_over(roles, schema)
    for kept in (True, False):
        yield from _rights(say, is_default=kept, version=version)
    # Else a search by beginning walks every customer: PostgreSQL asks nothing of an index before the policy has spoken,
    # but for what is known to tell nobody what it saw. Only a superuser may say that of a function.
    yield SQL("ALTER FUNCTION pg_catalog.lower(text) LEAKPROOF")


def as_script(parts: Iterator[Composable]) -> str:
    return "".join(f"{part.as_string(None)};\n" for part in parts)


def _role(name: str, password: str | None, *, may_see_all: bool) -> Iterator[Composable]:
    attributes = f"LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB {'BYPASSRLS' if may_see_all else 'NOBYPASSRLS'}"
    yield SQL(
        "DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = {literal}) THEN CREATE ROLE {name}; END IF; END $$"
    ).format(literal=Literal(name), name=Identifier(name))
    yield SQL("ALTER ROLE {name} " + attributes).format(name=Identifier(name))
    if password:
        yield SQL("ALTER ROLE {name} PASSWORD {password}").format(name=Identifier(name), password=Literal(password))


def _given_over(roles: Roles, schema: str) -> Composable:
    """What is there already: tables, sequences and our functions to the owner, parts, attached or abandoned, to the app."""
    return SQL(
        """DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT c.oid::regclass AS name, c.relname ~ '_[0-9]+_[0-9]+$' AS is_part FROM pg_class c
               WHERE c.relnamespace = {schema}::regnamespace AND c.relkind IN ('r', 'p') LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO %I', one.name, CASE WHEN one.is_part THEN {app} ELSE {owner} END);
    END LOOP;
    FOR one IN SELECT p.oid::regprocedure AS name FROM pg_proc p
               WHERE p.pronamespace = {schema}::regnamespace AND p.proname LIKE 'churnguard\\_%' LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO %I', one.name, {owner});
    END LOOP;
END $$"""
    ).format(schema=Literal(schema), app=Literal(roles.app), owner=Literal(roles.owner))


def _rights(say, *, is_default: bool, version: int) -> Iterator[Composable]:
    """On what is there, and on what the owner's migrations and the app's parts will be."""
    where = "ON {kind}" if is_default else "ON ALL {kind} IN SCHEMA {schema}"
    maintain = ", MAINTAIN" if version >= 17 else ""  # ANALYZE after a bulk load; before 17 autovacuum's comes later
    wanted = [
        ("owner", f"GRANT {_TABLES}{maintain} {where} TO {{app}}", "TABLES"),
        ("owner", f"GRANT USAGE, SELECT {where} TO {{app}}", "SEQUENCES"),
        ("owner", f"GRANT SELECT {where} TO {{watch}}", "TABLES"),
        ("owner", f"GRANT SELECT {where} TO {{watch}}", "SEQUENCES"),
    ]
    if is_default:
        wanted.append(("app", f"GRANT SELECT {where} TO {{watch}}", "TABLES"))
    for maker, grant, kind in wanted:
        before = f"ALTER DEFAULT PRIVILEGES FOR ROLE {{{maker}}} IN SCHEMA {{schema}} " if is_default else ""
        yield say(before + grant, kind=sql.SQL(kind))
