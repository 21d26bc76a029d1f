"""One child process: started in a group of its own, ended by its id, and gone when its parent is gone."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

LOOPBACK = "127.0.0.1"
LOG_LIMIT_BYTES = 5_000_000
_PR_SET_PDEATHSIG = 1


class EmbeddedError(Exception):
    """A server could not be started or stopped; the text is one line for a person."""


def free_port() -> int:
    """A port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As a server does: a port whose last connections are still closing counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def open_log(path: Path) -> int:
    """A file descriptor to append to; a log that has grown too long makes room first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > LOG_LIMIT_BYTES:
            path.replace(path.with_name(path.name + ".1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def last_lines(path: Path, count: int = 5) -> str:
    """The end of a log, for an error message."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(f"  {line}" for line in lines[-count:])


def _die_with_parent(death_signal: int) -> Callable[[], None] | None:
    """What the child does between fork and exec, so that a parent killed outright leaves nobody behind (Linux only)."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # looked up here: after a fork only plain calls are safe
    parent = os.getpid()

    def arrange() -> None:
        prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return arrange


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: tuple[int, int] | None = None,
    death_signal: int = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start ``command`` with its output in ``log``. ``user`` is a (uid, gid) to run as.

    The child has its own process group, so that a Ctrl-C in the terminal reaches the parent only, who then ends its
    children in order. Call it from the main thread: Linux tells a child of the death of the thread that started it.
    """
    output = open_log(log)
    try:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(os.environ if env is None else env),
            cwd=cwd,
            user=user and user[0],
            group=user and user[1],
            extra_groups=[] if user else None,
            process_group=0,
            preexec_fn=_die_with_parent(death_signal),
        )
    finally:
        os.close(output)


def end(process: subprocess.Popen[bytes], *signals: int, grace: float = 10.0) -> int:
    """End a child of ``spawn``: each signal in turn, ``grace`` seconds apart, at last SIGKILL to its whole group."""
    for number in signals or (signal.SIGTERM,):
        if process.poll() is not None:
            break
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace)
    # Also after a good end: a server's own helpers must not outlive it.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def wait_until(
    ready: Callable[[], bool], process: subprocess.Popen[bytes], *, name: str, log: Path, seconds: float = 20.0
) -> None:
    """Return when ``ready()``; raise EmbeddedError when the process ends first or the time is over."""
    deadline = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None:
            raise EmbeddedError(f"{name} did not start (exit code {process.returncode}).\n{last_lines(log)}".rstrip())
        if time.monotonic() > deadline:
            raise EmbeddedError(f"{name} was not ready within {seconds:.0f} s.\n{last_lines(log)}".rstrip())
        time.sleep(0.02)
