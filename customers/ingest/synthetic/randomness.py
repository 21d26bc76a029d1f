"""Where the randomness of the generator comes from: one counter-based stream per block of customers and per subject."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

import numpy as np

from customers.ingest.synthetic.parameters import Logistic

BLOCK = 1000  # customers in a block; a part of the format: another number would make another carrier


class Subject(IntEnum):
    """What a stream is used for: one more draw about one subject leaves all the others as they were."""

    POPULATION = 0
    IDENTITY = 1
    CAUSAL = 2
    USAGE = 3
    OUTREACH = 4


def stream(seed: int, block: int, subject: Subject) -> np.random.Generator:
    """The generator of a block and subject: a function of its arguments only, never of what was drawn before."""
    return np.random.Generator(np.random.Philox(key=np.array([seed, block * len(Subject) + subject], dtype=np.uint64)))


def log_odds(table: Logistic, terms: Mapping[str, np.ndarray]) -> np.ndarray:
    """Sum of coefficient x term over the table; shape ``(customers,)``."""
    total: np.ndarray | None = None
    for name, weight in table.items():
        if name != "const":
            part = weight * terms[name]
            total = part if total is None else total + part
    assert total is not None
    return total + table["const"]


def chance(odds: np.ndarray) -> np.ndarray:
    """Log odds -> probability."""
    return 1.0 / (1.0 + np.exp(-odds))
