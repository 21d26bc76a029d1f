"""The whole demonstration as a person starts it, and a real Chromium in front of it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 180


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Iterator[str]:
    """The address of a served demonstration with 600 sample customers, a worker and a beat."""
    var = tmp_path_factory.mktemp("site")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")}
    env |= {"VAR_DIR": str(var), "DJANGO_ENV": "development"}
    log = (var / "start.log").open("w")
    command = [sys.executable, "manage.py", "demo", "--port", str(port), "--customers", "600"]
    demo = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_served(address, demo, var / "start.log")
        yield address
    finally:
        demo.send_signal(signal.SIGINT)
        try:
            demo.wait(30)
        except subprocess.TimeoutExpired:
            demo.kill()
        log.close()


def _wait_until_served(address: str, demo: subprocess.Popen, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if demo.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"{address}/livez", timeout=2)
            return
        except OSError:
            time.sleep(0.3)
    pytest.fail(f"The demonstration was not served:\n{log.read_text()[-3000:]}")


class Complaints(list):
    """What the browser said against a page: errors on the console, policy reports, failed requests."""


def _is_complaint(message) -> bool:
    # The browser repeats each failed answer on its console: those are judged by their status instead.
    return message.type in ("error", "warning") and not message.text.startswith("Failed to load resource")


def _is_failure(status: int) -> bool:
    return status >= 400 and status != 422  # 422: a form that was refused in words


@pytest.fixture
def open_page(chromium) -> Iterator[object]:
    """``open_page(width=…, dark=…)``: a page of its own whose complaints fail the test at the end."""
    contexts, complaints = [], Complaints()

    def opened(*, width: int = 1440, height: int = 900, dark: bool = False, locale: str = "en-GB"):
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", locale=locale
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: complaints.append(f"{m.type}: {m.text}") if _is_complaint(m) else None)
        page.on("pageerror", lambda e: complaints.append(f"script: {e}"))
        page.on("response", lambda r: complaints.append(f"{r.status} {r.url}") if _is_failure(r.status) else None)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
