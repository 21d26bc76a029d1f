"""Engines that several tests look at, trained once."""

from __future__ import annotations

import pytest

from predictions import learning
from predictions.learning import race
from tests.predictions.learning import planted


@pytest.fixture(scope="session")
def additive_company():
    return planted.additive()


@pytest.fixture(scope="session")
def additive_fitted(additive_company):
    return learning.fit(*additive_company, seed=1)


@pytest.fixture(scope="session")
def crossed_company():
    return planted.crossed()


@pytest.fixture(scope="session")
def crossed_fitted(crossed_company):
    return learning.fit(*crossed_company, seed=1)


@pytest.fixture
def race_of(monkeypatch):
    """Call with names of candidates: only these run, so that a training costs a moment."""

    def only(*names: str) -> None:
        some = [runner for runner in race.runners(300) if runner.name in names]
        assert len(some) == len(names)
        monkeypatch.setattr(race, "runners", lambda rows: some)

    return only
