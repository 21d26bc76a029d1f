"""The challenger in the shadow: it scores the same customers as the model in charge, and shows nobody its risks."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

BANDS = ("low", "medium", "high")
_CELLS = 100  # of each model's risk, for the order of customers


@dataclass
class Shadow:
    """Add each block's risks by both models, then ask for ``summary()``. ``version``: the challenger's number."""

    version: int
    medium: float
    high: float
    customers: int = 0
    _moves: np.ndarray = field(default_factory=lambda: np.zeros((3, 3), dtype=np.int64))
    _apart: float = 0.0
    _joint: np.ndarray = field(default_factory=lambda: np.zeros((_CELLS, _CELLS), dtype=np.int64))

    def add(self, in_charge: np.ndarray, challenger: np.ndarray) -> None:
        """Count a block: risks float64 [n] in 0..1 of the same customers by the model in charge and by the challenger."""
        self.customers += len(in_charge)
        edges = [self.medium, self.high]
        bands = np.digitize(in_charge, edges) * 3 + np.digitize(challenger, edges)
        self._moves += np.bincount(bands, minlength=9).reshape(3, 3)
        self._apart += float(np.abs(in_charge - challenger).sum())
        cells = [np.minimum((risk * _CELLS).astype(np.int64), _CELLS - 1) for risk in (in_charge, challenger)]
        self._joint += np.bincount(cells[0] * _CELLS + cells[1], minlength=_CELLS * _CELLS).reshape(_CELLS, _CELLS)

    def summary(self) -> dict[str, object]:
        """JSON. ``moves[i][j]``: customers in band i (BANDS) by the model in charge and j by the challenger; ``apart``: mean
        distance of the risks; ``order``: rank correlation (Spearman, on risks cut to hundredths), None where all tie."""
        return {
            "version": self.version,
            "customers": self.customers,
            "moves": self._moves.tolist(),
            "apart": self._apart / self.customers if self.customers else None,
            "order": self._rank_correlation(),
        }

    def _rank_correlation(self) -> float | None:
        if not self.customers:
            return None
        share = self._joint / self.customers
        ranks = []
        for margin in (share.sum(axis=1), share.sum(axis=0)):
            middle = np.cumsum(margin) - margin / 2  # a tie's mean rank
            ranks.append((middle - 0.5, margin))
        (a, of_a), (b, of_b) = ranks
        spread = np.sqrt((of_a @ a**2) * (of_b @ b**2))
        return float(a @ share @ b / spread) if spread > 0 else None
