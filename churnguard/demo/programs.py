"""The demonstration's children: a worker on every queue, the beat and the site, each with its log under ``var/log``."""

from __future__ import annotations

import http.client
import os
import signal
import sys
from pathlib import Path

from core.embedded.processes import LOOPBACK
from core.embedded.supervisor import Program

CELERY = [sys.executable, "-m", "celery", "--app", "churnguard"]
SITE_WORKERS, SITE_THREADS = 2, 4


def worker(root: Path, *, processes: int = 2) -> Program:
    return Program(
        "worker",
        [
            *CELERY, "worker", "--queues", "default,ml,mail", "--concurrency", str(processes), "--hostname", "demo@%h",
            "--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO",
        ],
        cwd=root,
        env=_environment(),
        # At once, not after the running task: its row goes back to waiting and the next start goes on with it.
        stop_signals=(signal.SIGQUIT,),
        death_signal=signal.SIGQUIT,
        grace_seconds=5,
    )  # fmt: skip


def beat(root: Path, var: Path) -> Program:
    schedule = str(var / "beat-schedule")
    return Program(
        "beat",
        [*CELERY, "beat", "--schedule", schedule, "--pidfile", "", "--loglevel", "INFO"],
        cwd=root,
        env=_environment(),
        grace_seconds=3,
    )


def site(root: Path, var: Path, port: int) -> Program:
    """Threads, because a browser keeps connections open that it does not use yet: each would hold a whole process."""
    # gunicorn refuses to start where the folder of its log is missing, and not everybody who starts a site has a supervisor.
    log = var / "log" / "access.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    return Program(
        "site",
        [
            sys.executable, "-m", "gunicorn", "churnguard.wsgi:application", "--bind", f"{LOOPBACK}:{port}",
            "--workers", str(SITE_WORKERS), "--worker-class", "gthread", "--threads", str(SITE_THREADS), "--preload",
            "--timeout", "120", "--graceful-timeout", "1", "--no-control-socket",
            "--worker-tmp-dir", str(_heartbeat_folder(var)), "--access-logfile", str(log),
        ],
        cwd=root,
        env=_environment(),
        grace_seconds=5,
    )  # fmt: skip


def answers(port: int) -> bool:
    """Whether the site says that it is alive."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=2)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONUNBUFFERED": "1"}


def _heartbeat_folder(var: Path) -> Path:
    """In memory where the system has such a folder: a slow disk must not make a living worker look dead."""
    memory = Path("/dev/shm")  # noqa: S108  gunicorn makes its file there with a name of its own, and unlinks it at once
    folder = memory if os.access(memory, os.W_OK) else var / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
