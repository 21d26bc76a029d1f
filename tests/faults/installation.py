"""A small installation with processes of its own, for tests that kill some of them: broker, worker, beat, site, rows.

The test looks at its rows over a plain connection: Django in the test's own process has another database.
"""

from __future__ import annotations

import atexit
import contextlib
import http.cookiejar
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import redis

from churnguard.demo import programs
from core.backups import postgres
from core.embedded.postgres import Postgres
from core.embedded.processes import end, free_port, spawn, wait_until
from core.embedded.valkey import Valkey
from core.env import env

ROOT = Path(__file__).resolve().parents[2]
# What a killed worker costs is waited for here: seconds instead of the three quarters of a minute of a real site.
IMPATIENT = {"JOB_LEASE_SECONDS": "3", "JOB_HEARTBEAT_SECONDS": "1", "JOB_SWEEP_SECONDS": "1"}
OURS = ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "DJANGO_ENV", "VAR_DIR")


def clean_environment(var: Path) -> dict[str, str]:
    """The environment without what this test run is set to, and with files of its own."""
    kept = {name: value for name, value in os.environ.items() if name not in OURS}
    return {**kept, **IMPATIENT, "VAR_DIR": str(var)}


def eventually(fact: Callable[[], object], *, seconds: float = 60.0, every: float = 0.02, what: str = "") -> object:
    """The first true answer of ``fact``; fails where none comes in time."""
    deadline = time.monotonic() + seconds
    while True:
        if answer := fact():
            return answer
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what or fact}"
        time.sleep(every)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be counted by its parent does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.strip().startswith("Z")


def descendants(pid: int) -> list[int]:
    """The ids of a process's children, their children, and so on."""
    table = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(line.split()[0]): int(line.split()[1]) for line in table.splitlines()}
    found, fresh = [], [pid]
    while fresh:
        fresh = [child for child, parent in parents.items() if parent in fresh]
        found += fresh
    return found


@dataclass
class Installation:
    """Everything under ``var``; ``start`` and ``kill`` act on one process by its name."""

    var: Path
    database_url: str = ""
    watch_url: str = ""  # as a role that sees every company's rows, which the site's own does not
    server: Postgres | None = None
    broker: Valkey = field(init=False)
    env: dict[str, str] = field(init=False)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.broker = Valkey(self.var / "valkey", free_port()).start()
        self.env = {**clean_environment(self.var), "REDIS_URL": self.broker.url}
        if self.database_url:
            self.env["DATABASE_URL"] = self.database_url
        self.port = free_port()

    def start(self, name: str) -> None:
        program = {
            "worker": lambda: programs.worker(ROOT),
            "senders": lambda: programs.worker(ROOT, processes=5),
            "beat": lambda: programs.beat(ROOT, self.var),
            "site": lambda: programs.site(ROOT, self.var, self.port),
        }[name]()
        log = self.var / "log" / f"{name}.log"
        self.running[name] = spawn(program.command, log=log, env={**self.env}, cwd=ROOT, death_signal=signal.SIGKILL)
        if name == "site":
            wait_until(lambda: programs.answers(self.port), self.running[name], name=name, log=log, seconds=60)

    def kill(self, name: str) -> None:
        """No farewell: the process and all its own are gone in the middle of whatever they did."""
        process = self.running.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def flush_broker(self) -> None:
        """The broker forgets every message, delivered or not."""
        redis.Redis.from_url(self.broker.url).flushall()

    @contextlib.contextmanager
    def frozen_database(self) -> Iterator[None]:
        """PostgreSQL neither answers nor refuses: who connects waits."""
        os.kill(self.server.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.server.pid, signal.SIGCONT)

    def close(self) -> None:
        for name in list(self.running):
            end(self.running.pop(name), signal.SIGKILL)
        self.broker.stop()

    def django(self, code: str) -> object:
        """Run Python inside the installation; the answer is what it gives to ``tell``."""
        head = (
            "import json, django; django.setup()\n"
            "from core import jobs\n"
            "from tenants.company import company\n"
            "def tell(value): print('told:' + json.dumps(value, default=str))\n"
        )
        result = subprocess.run(
            [sys.executable, "-c", head + code],
            cwd=ROOT,
            env={**self.env, "DJANGO_SETTINGS_MODULE": "churnguard.settings", "LOG_LEVEL": "ERROR"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        told = [line for line in result.stdout.splitlines() if line.startswith("told:")]
        return json.loads(told[-1].removeprefix("told:")) if told else None

    def rows(self, query: str) -> list[dict[str, object]]:
        """The answer of the database itself, in this very moment."""
        if self.database_url:
            with psycopg.connect(self.watch_url, autocommit=True) as connection:
                cursor = connection.execute(query)
                return _named(cursor.description, cursor.fetchall())
        with contextlib.closing(sqlite3.connect(self.var / "churnguard.sqlite3", timeout=20)) as connection:
            cursor = connection.execute(query)
            return _named(cursor.description, cursor.fetchall())


def _named(description, rows) -> list[dict[str, object]]:
    names = [column[0] for column in description]
    return [dict(zip(names, row, strict=True)) for row in rows]


@contextlib.contextmanager
def installed(var: Path, engine: str) -> Iterator[Installation]:
    """An installation with its tables made; ended and gone after the block."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Postgres()) if engine == "postgresql" else None
        installation = Installation(var, server.url, server.admin_url, server) if server else Installation(var)
        stack.callback(installation.close)
        _make_tables(installation, engine)
        yield installation


_migrated: dict[str, Path] = {}  # by engine: what the first installation's migrations made


def _make_tables(installation: Installation, engine: str) -> None:
    """By migrations the first time, which take twenty seconds; each later installation is given a copy of what they made."""
    if engine not in _migrated:
        installation.django("from django.core.management import call_command; call_command('migrate', verbosity=0)")
        folder = Path(tempfile.mkdtemp(prefix="churnguard-migrated-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        _keep(installation, folder / "made")
        _migrated[engine] = folder / "made"
    elif engine == "postgresql":
        postgres.restore(_address(installation.database_url), _migrated[engine])
    else:
        shutil.copy(_migrated[engine], installation.var / "churnguard.sqlite3")


def _keep(installation: Installation, place: Path) -> None:
    if not installation.database_url:
        with contextlib.closing(sqlite3.connect(installation.var / "churnguard.sqlite3")) as made:
            made.execute("VACUUM INTO ?", [str(place)])
        return
    with postgres.moment(_address(installation.watch_url)) as now, now.dump() as dump, place.open("wb") as file:
        shutil.copyfileobj(dump, file)


def _address(url: str) -> postgres.Address:
    return postgres.Address.of(env.db_url_config(url))


def row(site: Installation, table: str, pk: int) -> dict[str, object]:
    """One row, in this very moment."""
    return site.rows(f"SELECT * FROM {table} WHERE id = {pk}")[0]


def finished(site: Installation, table: str, pk: int) -> dict[str, object]:
    """The job's row once it is over."""
    eventually(lambda: row(site, table, pk)["state"] not in ("queued", "running"), seconds=240, every=0.2)
    job = row(site, table, pk)
    assert job["state"] == "succeeded", job["error_message"]
    return job


class Browser:
    """A person at the site over plain HTTP: keeps cookies, sends the token of the page it is on."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def get(self, path: str) -> tuple[int, str]:
        return self._send(urllib.request.Request(self.address + path))

    def post(self, path: str, fields: dict[str, str]) -> tuple[int, str]:
        token = next(cookie.value for cookie in self.cookies if cookie.name == "csrftoken")
        body = urllib.parse.urlencode(fields).encode()
        headers = {"X-CSRFToken": token or "", "Referer": self.address + path}
        return self._send(urllib.request.Request(self.address + path, data=body, headers=headers))

    def sign_in(self, email: str, password: str) -> tuple[int, str]:
        _, page = self.get("/sign-in")
        assert re.search(r'name="username"', page)
        return self.post("/sign-in", {"username": email, "password": password, "next": "/dashboard"})

    def _send(self, request: urllib.request.Request) -> tuple[int, str]:
        try:
            with self.opener.open(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
