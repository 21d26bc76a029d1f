"""PostgreSQL's database out and in: pg_dump in an exported snapshot, in which the tables are also counted and digested.

Both see the same moment, so what is restored can be held against what was there while others went on writing.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import psycopg
from django.utils.translation import gettext as _
from psycopg import sql

from ..embedded.postgres import installation
from ..embedded.processes import EmbeddedError
from ..errors import Refused
from .sealing import Damaged
from .snapshots import Table

_DRILL = "churnguard_drill_"
_TABLES = """SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND c.relkind = 'r' ORDER BY c.relname"""
_RELATIONS = """SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND c.relkind = ANY(%s) ORDER BY c.relname"""
_ROUTINES = """SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = current_schema() AND p.prokind IN ('f', 'p') AND NOT EXISTS (
        SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')"""
_FORCED = """SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND c.relforcerowsecurity ORDER BY c.relname"""
_KEYS = """SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
    WHERE i.indrelid = %s::regclass AND i.indisprimary ORDER BY array_position(i.indkey::int[], a.attnum::int)"""
# However the server is set, rows are written the same way; and row-level security hides none, it raises.
_AS_TEXT = ("SET LOCAL DateStyle = 'ISO, YMD'", "SET LOCAL TimeZone = 'UTC'", "SET LOCAL IntervalStyle = 'iso_8601'",
            "SET LOCAL extra_float_digits = 1", "SET LOCAL bytea_output = 'hex'", "SET LOCAL row_security = off",
            "SET LOCAL statement_timeout = 0", "SET LOCAL idle_in_transaction_session_timeout = 0")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is. The password goes to PostgreSQL's programs by a file, never on a command line."""

    host: str
    port: str
    name: str
    user: str
    password: str
    options: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Address:
        """From an entry of DATABASES."""
        kept = {"sslmode", "sslrootcert", "sslcert", "sslkey"}
        options = {name: str(value) for name, value in settings.get("OPTIONS", {}).items() if name in kept}
        return cls(
            host=str(settings.get("HOST") or ""),
            port=str(settings.get("PORT") or ""),
            name=str(settings["NAME"]),
            user=str(settings.get("USER") or ""),
            password=str(settings.get("PASSWORD") or ""),
            options=tuple(sorted(options.items())),
        )

    def renamed(self, name: str) -> Address:
        return Address(self.host, self.port, name, self.user, self.password, self.options)

    @property
    def parts(self) -> dict[str, str]:
        """As libpq names them, without the password."""
        found = {"host": self.host, "port": self.port, "dbname": self.name, "user": self.user, "connect_timeout": "10"}
        return {name: value for name, value in {**found, **dict(self.options)}.items() if value}

    def connect(self, **more: Any) -> psycopg.Connection:
        """Raises Refused where nobody answers, or we are not let in."""
        try:
            return psycopg.connect(**self.parts, password=self.password or None, **more)
        except psycopg.OperationalError as error:
            raise Refused(
                "database_unreachable",
                _("PostgreSQL does not let us in: %(why)s") % {"why": str(error).strip().splitlines()[-1][:300]},
            ) from error


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment of a database: its dump and its figures."""

    address: Address
    connection: psycopg.Connection
    snapshot: str
    version: str

    def tables(self) -> dict[str, Table]:
        return _tables(self.connection)

    def schema(self) -> tuple[str, ...]:
        if not self.connection.execute("SELECT to_regclass('django_migrations')").fetchone()[0]:
            return ()
        rows = self.connection.execute("SELECT app, name FROM django_migrations ORDER BY id").fetchall()
        return tuple(f"{app}.{name}" for app, name in rows)

    @contextmanager
    def dump(self) -> Iterator[BinaryIO]:
        """The dump as a stream. Raises Refused at the end where pg_dump did not succeed."""
        command = [str(program("pg_dump", self.version)), "--format=custom", "--compress=0", "--no-owner",
                   "--no-password", "--lock-wait-timeout=60s", f"--snapshot={self.snapshot}"]  # fmt: skip
        with _environment(self.address) as env, tempfile.TemporaryFile() as said:
            process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said)
            try:
                yield process.stdout
                process.stdout.close()
                code = process.wait()
            except BaseException:
                process.kill()
                process.wait()
                raise
            if code:
                said.seek(0)
                raise Refused("dump_failed", _("pg_dump failed: %(why)s") % {"why": _last(said.read())})


@contextmanager
def moment(address: Address) -> Iterator[Moment]:
    """A moment that lasts as long as the block, however much is written meanwhile."""
    with address.connect() as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        try:
            for statement in _AS_TEXT:
                connection.execute(statement)
            snapshot = connection.execute("SELECT pg_export_snapshot()").fetchone()[0]
            version = connection.execute("SHOW server_version_num").fetchone()[0]
            yield Moment(address, connection, snapshot, version)
        except psycopg.Error as error:
            raise _refused(error) from error


def tables(address: Address) -> dict[str, Table]:
    """Rows and digests of every table of a database that was just restored, asked as the owner of its tables: row-level
    security that binds even the owner is lifted in a transaction that is taken back."""
    with address.connect() as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        try:
            for statement in _AS_TEXT:
                connection.execute(statement)
            for (name,) in connection.execute(_FORCED).fetchall():
                connection.execute(sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(sql.Identifier(name)))
            return _tables(connection)
        except psycopg.Error as error:
            raise _refused(error) from error
        finally:
            connection.rollback()


def is_empty(address: Address) -> bool:
    """Whether nothing would be lost: no table in the database."""
    with address.connect() as connection:
        return not connection.execute(_TABLES).fetchall()


def empty(address: Address) -> None:
    """Drop every table, view, sequence and function of the schema that the connection works in; rights, extensions and the
    schema stay."""
    with address.connect() as connection:
        try:
            for kind, letters in (("VIEW", "v"), ("MATERIALIZED VIEW", "m"), ("TABLE", "rp"), ("SEQUENCE", "S")):
                for (name,) in connection.execute(_RELATIONS, [list(letters)]).fetchall():
                    drop = sql.SQL("DROP {} IF EXISTS {} CASCADE").format(sql.SQL(kind), sql.Identifier(name))
                    connection.execute(drop)
            for (signature,) in connection.execute(_ROUTINES).fetchall():
                connection.execute(
                    sql.SQL("DROP ROUTINE IF EXISTS {} CASCADE").format(sql.SQL(signature))
                )  # quoted by the server
        except psycopg.Error as error:
            raise _refused(error) from error


def restore(address: Address, dump: Path) -> None:
    """Fill an empty database from a dump: all of it, or nothing. Raises Refused."""
    with address.connect() as connection:
        version = connection.execute("SHOW server_version_num").fetchone()[0]
    command = [str(program("pg_restore", version)), "--no-owner", "--no-privileges", "--no-comments", "--no-password",
               "--exit-on-error", "--single-transaction", f"--dbname={address.name}", str(dump)]  # fmt: skip
    with _environment(address) as env:
        done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode:
        raise Refused("restore_failed", _("pg_restore failed: %(why)s") % {"why": _last(done.stderr)})


@contextmanager
def scratch(address: Address) -> Iterator[Address]:
    """A database of its own on the same server, for the length of the block. Refused where the role may not make one."""
    name = f"{_DRILL}{int(time.time())}_{secrets.token_hex(4)}"
    with address.connect(autocommit=True) as connection:
        try:
            _drop_the_forgotten(connection)
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        except psycopg.Error as error:
            raise Refused(
                "no_scratch",
                _("A drill needs a role that may create databases: set BACKUP_DRILL_DATABASE_URL. (%(why)s)")
                % {"why": str(error).strip().splitlines()[0]},
            ) from error
    try:
        yield address.renamed(name)
    finally:
        with address.connect(autocommit=True) as connection:
            drop_database(connection, name)


def drop_database(connection: psycopg.Connection, name: str) -> None:
    """With whoever is still connected. The server's own vacuum, which is the superuser's, may not be ended by us: without
    FORCE the server ends it by itself."""
    try:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    except psycopg.errors.InsufficientPrivilege:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def _drop_the_forgotten(connection: psycopg.Connection) -> None:
    """What killed drills left a day ago; another one's may be at work in a younger one."""
    ours = connection.execute("SELECT datname FROM pg_database WHERE pg_has_role(datdba, 'USAGE')").fetchall()
    for (name,) in ours:
        made = name.removeprefix(_DRILL).partition("_")[0] if name.startswith(_DRILL) else ""
        if made.isdecimal() and int(made) < time.time() - 86_400:
            drop_database(connection, name)


def program(name: str, server: str) -> Path:
    """pg_dump or pg_restore: the wheel's, else the one on PATH; not older than the server. Raises Refused."""
    wanted, found = int(server) // 10_000, []
    for path in _programs(name):
        major = _major(path)
        if major >= wanted:
            return path
        found.append(f"{path} {major}")
    if not found:
        raise Refused("no_program", _("%(name)s is not installed: it comes with PostgreSQL.") % {"name": name})
    raise Refused(
        "old_program",
        _("%(name)s is older than the server, which is PostgreSQL %(wanted)s: found %(found)s.")
        % {"name": name, "wanted": wanted, "found": ", ".join(found)},
    )


def _programs(name: str) -> Iterator[Path]:
    try:
        if (ours := installation() / "bin" / name).exists():
            yield ours
    except EmbeddedError:
        pass
    if path := shutil.which(name):
        yield Path(path)


def _major(path: Path) -> int:
    done = subprocess.run([str(path), "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"(\d+)(?:\.|devel|beta|rc|\s|$)", done.stdout)
    return int(found.group(1)) if found else 0


@contextmanager
def _environment(address: Address) -> Iterator[dict[str, str]]:
    """libpq's variables; the password in a file that only we may read, for the environment is open to see."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    names = {"host": "PGHOST", "port": "PGPORT", "dbname": "PGDATABASE", "user": "PGUSER",
             "connect_timeout": "PGCONNECT_TIMEOUT", "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT",
             "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY"}  # fmt: skip
    env = {**kept, "LC_ALL": "C", **{names[part]: value for part, value in address.parts.items()}}
    with tempfile.NamedTemporaryFile("w", prefix="churnguard-pgpass-") as file:  # made with mode 0600
        secret = address.password.replace("\\", "\\\\").replace(":", "\\:")
        file.write(f"*:*:*:*:{secret}\n")
        file.flush()
        yield {**env, "PGPASSFILE": file.name}


def _tables(connection: psycopg.Connection) -> dict[str, Table]:
    found = {}
    for (name,) in connection.execute(_TABLES).fetchall():
        place = sql.Identifier(name)
        keys = [key for (key,) in connection.execute(_KEYS, [place.as_string(connection)]).fetchall()]
        order = sql.SQL(", ").join(map(sql.Identifier, keys)) if keys else sql.SQL("t::text")
        digest, rows = hashlib.sha256(), 0
        question = sql.SQL("COPY (SELECT * FROM {} t ORDER BY {}) TO STDOUT").format(place, order)
        with connection.cursor() as cursor, cursor.copy(question) as copy:
            for block in copy:
                digest.update(block)
                rows += bytes(block).count(b"\n")
        found[name] = Table(rows, digest.hexdigest())
    return found


def _refused(error: psycopg.Error) -> Exception:
    said = str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return Refused(
            "no_rights",
            _("This role may not read or write every row: name one that may by BACKUP_DATABASE_URL. (%(why)s)")
            % {"why": said},
        )
    if isinstance(error, psycopg.OperationalError):
        return Refused("database_unreachable", _("PostgreSQL does not answer: %(why)s") % {"why": said})
    return Damaged(f"database: {said}")


def _last(said: bytes) -> str:
    lines = [line for line in said.decode(errors="replace").strip().splitlines() if line.strip()]
    return " ".join(lines[-3:])[:500] or "?"
