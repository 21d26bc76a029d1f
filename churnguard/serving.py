"""Gunicorn's settings that are ours: ``gunicorn --config python:churnguard.serving churnguard.wsgi``.

Asked to stop (SIGTERM), the site first says on /readyz that it is not ready, goes on answering for DRAIN_SECONDS so that
whoever sends it requests can turn elsewhere, then closes its door and ends what it has begun. Its parent and children log
as everything else does; who asked for what is our own line (core.middleware), so gunicorn's access log stays off.

How many workers and where they listen belongs to the installation, and stands in its command.
"""

from __future__ import annotations

import logging.config
import os
import signal
from types import FrameType

from gunicorn.glogging import Logger

from core import draining
from core.starting import require_settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "churnguard.settings")

worker_class = "gthread"
preload_app = True  # memory is shared, and the flag of core.draining with it
control_socket_disable = True


class HouseLogger(Logger):
    """Gunicorn's own lines through Django's handlers."""

    def setup(self, cfg) -> None:
        from django.conf import settings

        require_settings()
        super().setup(cfg)
        logging.config.dictConfig(settings.LOGGING)
        self.error_log.handlers = []
        self.error_log.propagate = True
        self.error_log.setLevel(logging.NOTSET)


logger_class = HouseLogger


def on_starting(server) -> None:
    from . import known_passwords

    known_passwords.refuse()
    draining.end()


def when_ready(server) -> None:
    """From now on SIGTERM drains; a second one, or SIGINT, does not wait."""

    def drain(number: int, frame: FrameType | None) -> None:
        seconds = _drain_seconds()
        if seconds <= 0 or draining.is_draining():
            signal.setitimer(signal.ITIMER_REAL, 0)
            server.signal(signal.SIGTERM, frame)
            return
        draining.begin()
        signal.signal(signal.SIGALRM, lambda _number, frame: server.signal(signal.SIGTERM, frame))
        signal.setitimer(signal.ITIMER_REAL, seconds)

    signal.signal(signal.SIGTERM, drain)


def post_fork(server, worker) -> None:
    """A child stops at once: its parent has waited."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


def _drain_seconds() -> float:
    from django.conf import settings

    return settings.DRAIN_SECONDS
