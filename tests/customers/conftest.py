"""What tests of feeds share: the folder that they look into, and the bell that calls a worker."""

from __future__ import annotations

import pytest


@pytest.fixture
def inbox(settings, tmp_path, atlas):
    """The folder of Atlas' own; what lies there need not rest first."""
    settings.RAW_DATA_PATH = tmp_path / "raw"
    settings.FEED_SETTLE_SECONDS = 0
    return settings.RAW_DATA_PATH / "atlas-telecom"


@pytest.fixture
def bell(monkeypatch):
    """Looks that were rung for."""
    from customers.tasks import run_feed

    heard = []
    monkeypatch.setattr(run_feed, "apply_async", lambda *, kwargs, **_: heard.append(kwargs))
    return heard
