"""Where the check happens: a temporary folder that stands for the server, its settings, servers and processes."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import redis

from core.embedded.postgres import ADMIN, STOP_SIGNALS, Postgres
from core.embedded.processes import LOOPBACK, EmbeddedError, end, free_port, last_lines, spawn, wait_until
from core.embedded.valkey import Valkey

from . import settings_file, units

ROOT = Path(__file__).resolve().parents[2]
ROLES = ("owner", "app", "watch", "drill")  # of deploy/postgres/roles.sql, churnguard_… each
ROLES_SQL = ROOT / "deploy" / "postgres" / "roles.sql"
START_SECONDS = 90.0
_OTHER_DISK = "/dev/shm"  # noqa: S108 - a disk that is not that of the data, where backups belong; a folder of our own there


class Failed(Exception):
    """A step's fact does not hold; the text says what was found."""


def hold(fact: object, said: str) -> None:
    """Raise Failed with what was found, unless ``fact`` is true."""
    if not fact:
        raise Failed(said)


def eventually(fact: Callable[[], object], *, seconds: float, what: str, every: float = 0.1) -> object:
    """The first true answer of ``fact``. Raises Failed where none comes in time."""
    until = time.monotonic() + seconds
    while True:
        if answer := fact():
            return answer
        hold(time.monotonic() < until, f"not within {seconds:.0f} s: {what}")
        time.sleep(every)


class Place:
    """A server with ChurnGuard on it. Processes are called ``unit`` or ``unit@instance`` and started from their units."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.var, self.static, self.etc = folder / "var", folder / "static", folder / "etc"
        for made in (self.var, self.static, self.etc / "tls"):
            made.mkdir(parents=True)
        self.ports = {"8001": free_port(), "8002": free_port()}
        self.https, self.http = free_port(), free_port()
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        # When a server was taken away, and until when that may be felt: seconds since 1970
        self.disturbances: list[tuple[float, float]] = []
        self.postgres = Postgres()
        self.passwords = {role: secrets.token_urlsafe(24) for role in ROLES}
        self.backups = folder / "backups"
        self.broker = Valkey(folder / "valkey", free_port())

    # ------------------------------------------------------------ servers

    def start_servers(self) -> None:
        self.start_postgres()
        self.make_roles()
        self.start_broker()
        self.settings = settings_file.fill_in(
            self.etc / "env",
            ALLOWED_HOSTS="localhost",
            PUBLIC_URL=f"https://localhost:{self.https}",
            DATABASE_URL=self.url("app"),
            BACKUP_DATABASE_URL=self.url("watch"),
            BACKUP_DRILL_DATABASE_URL=self.url("drill", "postgres"),
            REDIS_URL=self.broker.url,
            EMAIL_URL="smtp://127.0.0.1:9",
            VAR_DIR=str(self.var),
            BACKUP_DIR=str(self.backups),
            STATIC_ROOT=str(self.static),
            LOG_DIR=str(self.var / "log"),
            DRAIN_SECONDS="3",
        )
        (self.etc / "release.env").write_text(f"DATABASE_URL={self.url('owner')}\n", encoding="utf-8")

    def make_roles(self) -> None:
        """What the container of the database does at its first start. Raises Failed."""
        passwords = {f"POSTGRES_{role.upper()}_PASSWORD": word for role, word in self.passwords.items()}
        script = str(ROOT / "deploy" / "postgres" / "first-start.sh")
        self._as_superuser([script], "first-start.sh", ROLES_SQL=str(ROLES_SQL), **passwords)

    def give_roles_their_rights(self, database: str) -> None:
        """roles.sql in a database, as after a restore. Raises Failed."""
        command = ["psql", "--no-psqlrc", "--quiet", "--dbname", database, "--file", str(ROLES_SQL)]
        self._as_superuser(command, "roles.sql", PGUSER=ADMIN)

    def make_database(self, name: str) -> None:
        """Empty, of the tables' owner."""
        with psycopg.connect(self.postgres.admin_url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} OWNER churnguard_owner TEMPLATE template0")

    def _as_superuser(self, command: list[str], what: str, **env: str) -> None:
        own = {
            "PATH": f"{self.postgres.bin}:{os.environ['PATH']}",
            "PGHOST": LOOPBACK,
            "PGPORT": str(self.postgres.port),
        }
        password = urllib.parse.urlsplit(self.postgres.admin_url).password
        ended = subprocess.run(
            command, env={**own, "POSTGRES_USER": ADMIN, "PGPASSWORD": password, **env}, capture_output=True, text=True,
            timeout=60, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        hold(ended.returncode == 0, f"{what} ended with {ended.returncode}: {ended.stderr[-500:]}")

    def url(self, role: str, database: str = "churnguard") -> str:
        """The address of a database for a role of ROLES."""
        return f"postgres://churnguard_{role}:{self.passwords[role]}@{LOOPBACK}:{self.postgres.port}/{database}"

    def start_postgres(self) -> None:
        """A new cluster the first time, the same one after a stop."""
        if not hasattr(self, "_postgres_program"):
            self._postgres_program = self.postgres.prepare()
        program = self._postgres_program
        process = spawn(
            program.command, log=self.postgres.log, env=program.env, cwd=program.cwd, user=program.user,
            death_signal=program.death_signal,
        )  # fmt: skip
        self.running["postgres"] = process
        wait_until(self.postgres.is_ready, process, name="PostgreSQL", log=self.postgres.log)

    def stop_postgres(self) -> None:
        end(self.running.pop("postgres"), *STOP_SIGNALS)

    def start_broker(self) -> None:
        program = self.broker.prepare()
        process = spawn(program.command, log=self.broker.log, cwd=program.cwd, death_signal=signal.SIGKILL)
        self.running["valkey"] = process
        wait_until(self.broker.is_ready, process, name="Valkey", log=self.broker.log)

    def stop_broker(self) -> None:
        end(self.running.pop("valkey"), signal.SIGTERM)

    # ------------------------------------------------------------ units

    def moved(self, text: str) -> str:
        """The text of a file of ``deploy/`` with the server's folders and ports replaced by this place's."""
        places = {
            "/srv/churnguard/current": ROOT,
            "/srv/churnguard/static": self.static,
            "/srv/churnguard/acme": self.folder / "acme",
            "/srv/churnguard-backups": self.backups,
            "/var/lib/churnguard": self.var,
            "/etc/churnguard": self.etc,
        }
        for path, here in places.items():
            text = text.replace(path, str(here))
        return text

    def environment(self, unit: units.Unit, instance: str = "", **more: str) -> dict[str, str]:
        """What systemd would give the process: its own few, the unit's, its files'; nothing of who runs this check.

        Raises Failed where a file that the unit needs is missing.
        """
        own = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        said = {name: self.moved(value) for name, value in unit.environment(instance).items()}
        for path, is_needed in unit.files(instance):
            file = Path(self.moved(path))
            hold(file.exists() or not is_needed, f"{unit.name} needs {path}")
            said |= settings_file.read(file) if file.exists() else {}
        return {**own, "USER": "churnguard", **said, **more}

    def commands(self, name: str) -> list[list[str]]:
        unit, instance = self._unit(name)
        words = unit.commands(instance, self.environment(unit, instance))
        return [[self._port(self.moved(word)) for word in command] for command in words]

    def manage(self, *words: str, unit: str, **more: str) -> subprocess.CompletedProcess[str]:
        """``manage.py …`` by the interpreter of the units, with what ``unit`` is given and ``more``."""
        python = self.commands(unit)[0][0]
        return self.run([python, "manage.py", *words], unit, LOG_STREAM="stderr", **more)

    def start(self, name: str) -> subprocess.Popen[bytes]:
        """Start what the unit says; a web instance is waited for until it is ready."""
        unit, instance = self._unit(name)
        [command] = self.commands(name)
        log = self.folder / "log" / f"{name}.log"
        process = spawn(command, log=log, env=self.environment(unit, instance), cwd=ROOT, death_signal=signal.SIGKILL)
        self.running[name] = process
        if name.startswith("churnguard-web@"):
            port = self.ports[instance]
            wait_until(lambda: is_alive(port), process, name=name, log=log, seconds=START_SECONDS)
        return process

    def run(self, command: list[str], unit: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command as the unit would, to its end."""
        read, instance = self._unit(unit)
        env = self.environment(read, instance, **more)
        return subprocess.run(
            command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=180, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def django(self, code: str) -> str:
        """Run Python inside the installation; the last line that it prints."""
        python = self.commands("churnguard-beat")[0][0]
        ended = self.run([python, "-c", f"import django; django.setup()\n{code}"], "churnguard-beat",
                         DJANGO_SETTINGS_MODULE="churnguard.settings", LOG_STREAM="stderr")  # fmt: skip
        hold(ended.returncode == 0, f"code ended with {ended.returncode}: {ended.stderr[-600:]}")
        return (ended.stdout.strip().splitlines() or [""])[-1]

    def terminate(self, name: str) -> float:
        """Ask the unit's main process to stop, as systemd does; how many seconds it took. Raises Failed past its limit."""
        self.running[name].send_signal(signal.SIGTERM)
        return self.ended(name)

    def ended(self, name: str) -> float:
        """Wait until a unit that was asked to stop has; how many seconds that took."""
        unit, _ = self._unit(name)
        process, limit = self.running[name], unit.seconds("TimeoutStopSec")
        started = time.monotonic()
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            raise Failed(f"{name} did not stop within its TimeoutStopSec of {limit:.0f} s") from None
        self.running.pop(name)
        hold(code == 0, f"{name} ended with exit code {code}: {self.tail(name)}")
        return time.monotonic() - started

    def stop(self) -> None:
        """End whatever still runs, servers last."""
        for name in sorted(self.running, key=lambda name: name in ("postgres", "valkey")):
            signals = STOP_SIGNALS if name == "postgres" else (signal.SIGTERM,)
            end(self.running.pop(name), *signals, grace=10 if name in ("postgres", "valkey") else 2)
        self.postgres.stop()

    # ------------------------------------------------------------ looking

    def tail(self, name: str) -> str:
        return last_lines(self.folder / "log" / f"{name}.log", 3)[:600]

    def was_disturbed(self, moment: float) -> bool:
        return any(begun <= moment <= over for begun, over in self.disturbances)

    def rows(self, query: str) -> list[tuple]:
        """Of every company, as the role that watches."""
        with psycopg.connect(self.url("watch"), autocommit=True) as connection:
            return connection.execute(query).fetchall()

    def redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.broker.url, socket_timeout=2)

    def _unit(self, name: str) -> tuple[units.Unit, str]:
        stem, at, instance = name.partition("@")
        return units.read(f"{stem}{at}.service"), instance

    def _port(self, word: str) -> str:
        for said, here in self.ports.items():
            word = word.replace(f"127.0.0.1:{said}", f"127.0.0.1:{here}")
        return word


def is_alive(port: int) -> bool:
    from .visitor import ask

    with contextlib.suppress(OSError):
        return ask(port, "/livez").status == 200
    return False


@contextmanager
def made() -> Iterator[Place]:
    """A place with its two servers; everything is ended and gone after the block."""
    with tempfile.TemporaryDirectory(prefix="churnguard-check-") as folder, contextlib.ExitStack() as beside:
        place = Place(Path(folder))
        if os.access(_OTHER_DISK, os.W_OK):
            other = tempfile.TemporaryDirectory(prefix="churnguard-backups-", dir=_OTHER_DISK)
            place.backups = Path(beside.enter_context(other))
        try:
            place.start_servers()
            yield place
        except EmbeddedError as error:
            raise Failed(str(error)) from error
        finally:
            place.stop()
