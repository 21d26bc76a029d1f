"""Databases of companies: their addresses taken apart, connections that can only read, and what goes wrong in words.

PostgreSQL, MySQL and MariaDB by their addresses; SQLite files where the operator names their folder. The host is resolved
once and vetted (core.addresses), and connected to by that address, with its name for the certificate.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import socket
import sqlite3
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy
from django.conf import settings
from django.utils.translation import gettext as _
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from core import addresses
from core.errors import Refused, Unreachable

_CONNECT_SECONDS = 10
_PORTS = {"postgresql": 5432, "mysql": 3306}
_DRIVERS = {"postgresql": ("postgresql+psycopg", "psycopg"), "mysql": ("mysql+pymysql", "pymysql")}
_ENGINES = {
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
    "sqlite": "sqlite",
}
# What an address may say besides the machine: other words of the drivers name files, sockets and further machines.
_WORDS = {"postgresql": {"sslmode"}, "mysql": {"charset"}, "sqlite": set()}
_SSL_MODES = ("disable", "prefer", "require", "verify-full")


@dataclass(frozen=True, slots=True)
class Source:
    """An address, taken apart and vetted as far as that goes without asking anybody."""

    engine: str  # postgresql, mysql or sqlite
    url: URL

    @property
    def place(self) -> str:
        """What may be shown: engine, machine and database; neither name nor password."""
        if self.engine == "sqlite":
            return f"sqlite:///{Path(self.url.database or '').name}"
        return f"{self.engine}://{self.url.host}:{self.url.port or _PORTS[self.engine]}/{self.url.database or ''}"


def check_url(text: str) -> Source:
    """Take an SQLAlchemy address apart. Raises Refused: bad_url, unknown_engine, driver_missing, bad_option, no_file."""
    try:
        url = make_url(text.strip())
    except (ArgumentError, ValueError):
        raise Refused(
            "bad_url", _("This is not the address of a database: write engine://name:password@machine:port/database.")
        ) from None
    engine = _ENGINES.get(url.drivername.split("+")[0])
    if engine is None:
        raise Refused(
            "unknown_engine",
            _("“%(engine)s” is not read: PostgreSQL, MySQL, MariaDB and, where allowed, SQLite are.")
            % {"engine": url.drivername[:40]},
        )
    if others := sorted(set(url.query) - _WORDS[engine]):
        raise Refused("bad_option", _("“%(option)s” may not be set in the address.") % {"option": others[0][:40]})
    if engine == "sqlite":
        _sqlite_path(url)
        return Source(engine, url)
    name, module = _DRIVERS[engine]
    if importlib.util.find_spec(module) is None:
        raise Refused(
            "driver_missing",
            _("The program for this kind of database (%(module)s) is not installed on this site.") % {"module": module},
        )
    if not (url.host and url.database and url.username) or url.host.startswith(("/", "@")) or "," in url.host:
        raise Refused(
            "bad_url", _("This is not the address of a database: write engine://name:password@machine:port/database.")
        )
    if url.query.get("sslmode", "prefer") not in _SSL_MODES or not str(url.query.get("charset", "utf8")).isalnum():
        raise Refused(
            "bad_option", _("“%(option)s” may not be set in the address.") % {"option": next(iter(url.query))}
        )
    return Source(engine, url.set(drivername=name))


# ---------------------------------------------------------------- connecting so that nothing can be written


@contextmanager
def connected(source: Source, seconds: float, ends: float) -> Iterator[Connection]:
    engine = {"postgresql": _postgresql, "mysql": _mysql, "sqlite": _sqlite}[source.engine](source, seconds, ends)
    try:
        with engine.connect() as connection:
            try:
                if source.engine == "postgresql":
                    connection.exec_driver_sql("SET TRANSACTION READ ONLY")
                yield connection
            finally:
                connection.rollback()
    finally:
        engine.dispose()


def _engine(url: URL | str, **options: object) -> Engine:
    return sqlalchemy.create_engine(url, poolclass=sqlalchemy.pool.NullPool, hide_parameters=True, **options)


def _postgresql(source: Source, seconds: float, ends: float) -> Engine:
    url = source.url
    port = url.port or _PORTS["postgresql"]
    address = addresses.resolve(url.host, port, allowed=settings.FEED_PRIVATE_HOSTS)
    milliseconds = max(int(seconds * 1000), 1)
    guards = {
        "default_transaction_read_only": "on",
        "standard_conforming_strings": "on",  # as check_statement reads them
        "statement_timeout": milliseconds,
        "lock_timeout": min(milliseconds, 30_000),
        "idle_in_transaction_session_timeout": milliseconds,
    }
    connect = {
        "hostaddr": address,
        "connect_timeout": _CONNECT_SECONDS,
        "options": " ".join(f"-c {name}={value}" for name, value in guards.items()),
        "sslmode": url.query.get("sslmode") or _ssl_mode(address),
        "sslrootcert": settings.FEED_CA_FILE or "system",
        "application_name": "ChurnGuard feed",
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        # Nothing of this machine's own account: no password, certificate or ticket of whoever runs the site.
        "password": url.password or "",
        "passfile": "/nonexistent",
        "sslcertmode": "disable",
        "gssencmode": "disable",
    }
    if connect["sslmode"] != "verify-full":
        del connect["sslrootcert"]
    return _engine(url.set(port=port, query={}), connect_args=connect)


def _ssl_mode(address: str) -> str:
    """Over the open internet the exchange is encrypted; inside a private network where the server offers it."""
    return "require" if addresses.is_public(ipaddress.ip_address(address)) else "prefer"


def _mysql(source: Source, seconds: float, ends: float) -> Engine:
    import pymysql

    url = source.url
    port = url.port or _PORTS["mysql"]
    address = addresses.resolve(url.host, port, allowed=settings.FEED_PRIVATE_HOSTS)
    secured = ssl.create_default_context() if _ssl_mode(address) == "require" else None
    if secured is not None and settings.FEED_CA_FILE:
        secured.load_verify_locations(cafile=settings.FEED_CA_FILE)

    def connect():
        reached = pymysql.connect(
            host=url.host,
            user=url.username,
            password=url.password or "",
            database=url.database,
            charset=url.query.get("charset", "utf8mb4"),
            read_timeout=seconds,
            write_timeout=_CONNECT_SECONDS,
            local_infile=False,
            ssl=secured,
            init_command="SET SESSION TRANSACTION READ ONLY",
            defer_connect=True,
        )
        reached.connect(socket.create_connection((address, port), timeout=_CONNECT_SECONDS))
        # The server gives up as well, so that no query goes on for nobody.
        named = "max_statement_time" if "MariaDB" in reached.get_server_info() else "max_execution_time"
        limit = seconds if named == "max_statement_time" else int(seconds * 1000)
        with reached.cursor() as cursor:
            cursor.execute(f"SET SESSION {named} = {limit}")
        return reached

    return _engine("mysql+pymysql://", creator=connect)


def _sqlite(source: Source, seconds: float, ends: float) -> Engine:
    path = _sqlite_path(source.url)

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{path.as_uri()}?mode=ro", uri=True, timeout=_CONNECT_SECONDS, check_same_thread=False
        )
        connection.execute("PRAGMA query_only = ON")
        connection.set_progress_handler(lambda: time.monotonic() > ends, 100_000)
        return connection

    return _engine("sqlite://", creator=connect)


def _sqlite_path(url: URL) -> Path:
    """The file, where it lies below a folder that the operator opened, and is not our own. Raises Refused."""
    refused = Refused(
        "no_file",
        _("No such database file may be read: whoever runs this site names the folders (FEED_SQLITE_FOLDERS)."),
    )
    if not url.database or url.database.startswith((":", "file:")):
        raise refused
    path = Path(url.database).resolve()
    folders = [Path(folder).resolve() for folder in settings.FEED_SQLITE_FOLDERS if folder]
    ours = Path(settings.VAR_DIR).resolve()
    if not any(path.is_relative_to(folder) for folder in folders) or path.is_relative_to(ours) or not path.is_file():
        raise refused
    return path


def notes(connection: Connection, source: Source) -> list[str]:
    """Remarks for whoever set it up; codes."""
    if source.engine != "postgresql":
        return []
    connection.rollback()
    asked = "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user"
    return ["superuser"] if connection.exec_driver_sql(asked).scalar() else []


# ---------------------------------------------------------------- what went wrong, in words


@contextmanager
def explained(source: Source, ends: float) -> Iterator[None]:
    """The driver's errors as refusals, without what must not be shown."""
    try:
        yield
    except DBAPIError as error:
        raise (too_slow() if time.monotonic() > ends else _explain(error, source)) from None
    except SQLAlchemyError as error:
        raise Refused("query_failed", _said(_reason(error, source))) from None
    except (TimeoutError, OSError) as error:
        raise _unreachable(source, _reason(error, source)) from None


def _explain(error: DBAPIError, source: Source) -> Refused | Unreachable:
    reason = _reason(error.orig or error, source)
    told = reason.casefold()
    state = getattr(error.orig, "sqlstate", None) or ""
    if state == "57014" or "interrupted" in told or "maximum statement execution time" in told:
        return too_slow()
    denied = ("password authentication failed", "access denied", "no password supplied", "does not exist")
    if state.startswith("28") or (not state and isinstance(error, OperationalError) and any(d in told for d in denied)):
        return Refused(
            "access_denied", _("%(place)s does not let us in: %(reason)s") % {"place": source.place, "reason": reason}
        )
    lost = isinstance(error, InterfaceError) or error.connection_invalidated or state[:2] in ("08", "57", "53")
    if source.engine != "sqlite" and (lost or (isinstance(error, OperationalError) and not state)):
        return _unreachable(source, reason)
    return Refused("query_failed", _said(reason))


def _unreachable(source: Source, reason: str) -> Unreachable:
    return Unreachable(
        "unreachable", _("%(place)s cannot be reached: %(reason)s") % {"place": source.place, "reason": reason}
    )


def _said(reason: str) -> str:
    return _("The database did not run the query: %(reason)s") % {"reason": reason}


def too_slow() -> Refused:
    return Refused("too_slow", _("The query took longer than it may: make it faster, or ask for fewer rows."))


def _reason(error: BaseException, source: Source) -> str:
    """The driver's own sentence, its first line, without the credentials."""
    text = str(error.args[-1] if getattr(error, "args", None) else error).strip()
    line = next((line.strip() for line in text.splitlines() if line.strip()), type(error).__name__)
    if source.url.password:
        line = line.replace(str(source.url.password), "•••")
    return line[:300]
