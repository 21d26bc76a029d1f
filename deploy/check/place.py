"""Where the check happens: a temporary folder that stands for the server, its settings, servers and processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import redis

from core.embedded.postgres import STOP_SIGNALS, Postgres
from core.embedded.processes import EmbeddedError, end, free_port, last_lines, spawn, wait_until
from core.embedded.valkey import Valkey

from . import settings_file, units

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90.0


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
        self.broker = Valkey(folder / "valkey", free_port())

    # ------------------------------------------------------------ servers

    def start_servers(self) -> None:
        self.start_postgres()
        self.postgres.make_role()
        self.start_broker()
        self.settings = settings_file.fill_in(
            self.etc / "env",
            ALLOWED_HOSTS="localhost",
            PUBLIC_URL=f"https://localhost:{self.https}",
            DATABASE_URL=self.postgres.url,
            REDIS_URL=self.broker.url,
            EMAIL_URL="smtp://127.0.0.1:9",
            VAR_DIR=str(self.var),
            STATIC_ROOT=str(self.static),
            LOG_DIR=str(self.var / "log"),
            DRAIN_SECONDS="3",
        )

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
            "/var/lib/churnguard": self.var,
            "/etc/churnguard": self.etc,
        }
        for path, here in places.items():
            text = text.replace(path, str(here))
        return text

    def environment(self, unit: units.Unit, instance: str = "", **more: str) -> dict[str, str]:
        """What systemd would give the process: its own few, the unit's, the file's; nothing of who runs this check."""
        own = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        said = {name: self.moved(value) for name, value in unit.environment(instance).items()}
        return {**own, "USER": "churnguard", **said, **self.settings, **more}

    def commands(self, name: str) -> list[list[str]]:
        unit, instance = self._unit(name)
        words = unit.commands(instance, self.settings)
        return [[self._port(self.moved(word)) for word in command] for command in words]

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
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
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
    with tempfile.TemporaryDirectory(prefix="churnguard-check-") as folder:
        place = Place(Path(folder))
        try:
            place.start_servers()
            yield place
        except EmbeddedError as error:
            raise Failed(str(error)) from error
        finally:
            place.stop()
