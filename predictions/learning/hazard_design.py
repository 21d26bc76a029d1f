"""What a hazard model is fitted on: which customers, their columns as a design, and the months they were at risk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from predictions.learning.columns import CATEGORY, NUMERIC
from predictions.learning.features import Encoder
from predictions.learning.hazard import Grid
from predictions.learning.linear import _Block, _block
from predictions.learning.tables import Layout, Tables

_MOST_CELLS = 30_000_000  # of the design: 240 MB
_MOST_WORK = 1e10  # rows x columns squared of the design: seconds a fit


@dataclass(frozen=True, slots=True)
class Sample:
    """The rows that hazards are fitted on (int64), and how many customers each of them stands for (float64).

    Everybody, as a rule. Where the design would be too large, everybody who left (at most half of the room) and some
    of those who did not, weighted up: leavers carry most of what is to be learned, and with weights the chances
    need no correction afterwards.
    """

    rows: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, left: np.ndarray, encoder: Encoder, seed: int) -> Sample:
        width = sum(f.cells if f.kind == CATEGORY else len(f.knots) + 2 for f in encoder.features)
        room = int(min(_MOST_CELLS / width, _MOST_WORK / width**2))
        if len(left) <= room:
            return cls(np.arange(len(left)), np.ones(len(left)))
        rng, gone, here = np.random.default_rng(seed), np.flatnonzero(left), np.flatnonzero(~left)
        some_gone = rng.permutation(gone)[: max(room // 2, room - len(here))]
        some_here = rng.permutation(here)[: room - len(some_gone)]
        rows = np.sort(np.r_[some_gone, some_here])
        weight = np.where(left[rows], len(gone) / len(some_gone), len(here) / len(some_here))
        return cls(rows, weight)


@dataclass(frozen=True, slots=True)
class Design:
    """The encoder's features as columns of a regression: one-hot levels, piecewise linear numbers.

    matrix float64 [n, p]; spans: the columns of each feature.
    """

    encoder: Encoder
    blocks: tuple[_Block, ...]
    spans: tuple[slice, ...]
    matrix: np.ndarray

    @classmethod
    def of(cls, encoder: Encoder, values: np.ndarray) -> Design:
        """values float64 [n, k]."""
        blocks = tuple(_block(feature, values[:, j], bent=True) for j, feature in enumerate(encoder.features))
        widths = [block.columns(values[:1, j]).shape[1] for j, block in enumerate(blocks)]
        ends = np.cumsum(widths)
        spans = tuple(slice(int(end - width), int(end)) for end, width in zip(ends, widths, strict=True))
        matrix = np.empty((len(values), int(ends[-1])))
        for j, block in enumerate(blocks):
            matrix[:, spans[j]] = block.columns(values[:, j])
        return cls(encoder, blocks, spans, matrix)

    def tables(self, weights: np.ndarray) -> Tables:
        """Weights (float64 [p]) as look-up tables."""
        layout = Layout.of(self.encoder)
        out = layout.empty()
        for j, block in enumerate(self.blocks):
            steps = out.steps[layout.steps[j] : layout.steps[j + 1]]
            heights = out.heights[layout.heights[j] : layout.heights[j + 1]]
            own = weights[self.spans[j]]
            steps[block.cells] = own[: len(block.cells)]
            if block.feature.kind == NUMERIC:
                line, hats = own[len(block.cells)], own[len(block.cells) + 1 :]
                heights[:] = line * (block.feature.knots - block.centre) / block.scale
                heights += hats if block.hats else 0.0
        return out


@dataclass(frozen=True, slots=True)
class Lives:
    """What was watched of n customers.

    kind      int64 [n]: row of ``exposure`` (float64 [kinds, K], months at risk); customers of one tenure share it
    interval  int64 [n]: in which they left, -1 for who did not
    weight    float64 [n]: customers that each one stands for
    clock     float64 [K]
    """

    kind: np.ndarray
    exposure: np.ndarray
    interval: np.ndarray
    weight: np.ndarray
    clock: np.ndarray

    @classmethod
    def of(cls, grid: Grid, tenure: np.ndarray, left: np.ndarray, weight: np.ndarray, watched: int | None) -> Lives:
        """tenure int64 [n], left bool [n], weight float64 [n]."""
        kinds, kind = np.unique(np.stack([tenure, left.astype(np.int64)]), axis=1, return_inverse=True)
        exposure = grid.exposure(kinds[0], kinds[1] == 1, watched)
        return cls(kind, exposure, np.where(left, grid.interval_of(tenure), -1), weight, grid.clock)

    def intervals(self, rows: np.ndarray) -> slice:
        """The intervals in which any of these rows (int64) was at risk."""
        lived = np.flatnonzero(self.exposure[np.unique(self.kind[rows])].any(axis=0))
        return slice(int(lived[0]), int(lived[-1]) + 1)
