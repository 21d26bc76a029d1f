"""A site whose database or broker goes away says so within five seconds, and is ready again by itself when it is back."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from .installation import Installation, eventually

pytestmark = [pytest.mark.faults, pytest.mark.alone]

SECONDS = 5.0


def ready(site: Installation) -> tuple[int, dict[str, object]]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{site.port}/readyz", timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def becomes(site: Installation, status: int, **parts: str) -> None:
    def has_come() -> bool:
        code, told = ready(site)
        return code == status and all(told[name] == state for name, state in parts.items())

    eventually(has_come, seconds=SECONDS, every=0.1, what=f"{status} {parts}, at last {ready(site)}")


@pytest.mark.parametrize("site", ["sqlite"], indirect=True)
def test_lost_file_and_lost_broker_are_told_and_forgotten(site):
    site.start("site")
    becomes(site, 200, database="ok", broker="ok")

    file = Path(site.var) / "churnguard.sqlite3"
    away = file.with_suffix(".away")
    file.rename(away)
    becomes(site, 503, database="unreachable", broker="ok")
    assert not file.exists()  # nobody made an empty one in its place
    away.rename(file)
    becomes(site, 200, database="ok")

    site.broker.stop()
    becomes(site, 503, database="ok", broker="unreachable")
    site.broker.start()
    becomes(site, 200, broker="ok")


@pytest.mark.parametrize("site", ["postgresql"], indirect=True)
def test_server_that_hangs_is_silent_and_then_well_again(site):
    """Stopped in its tracks, a server answers nobody and breaks no connection."""
    site.start("site")
    becomes(site, 200, database="ok")
    with site.frozen_database():
        becomes(site, 503, database="silent")
    becomes(site, 200, database="ok")
