"""The figures of a scoring run, counted while it runs: what the dashboard shows without touching a customer row."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from . import packing

HISTOGRAM_BINS = 20
TENURE_EDGES = (0, 7, 13, 25, 37, 49, 61)  # months; the last group is open
TENURE_NAMES = ("0–6", "7–12", "13–24", "25–36", "37–48", "49–60", "61+")


@dataclass
class _Group:
    """Sums over one group of customers: all of them, and those still here."""

    customers: int = 0
    known: int = 0  # label known
    left: int = 0
    present: int = 0  # not known to have left
    risk: float = 0.0  # summed over those still here
    high: int = 0  # still here and at high risk

    def add(self, counts: list[int], risk: float) -> None:
        """counts: customers, known, left, present, high."""
        customers, known, left, present, high = counts
        self.customers += customers
        self.known += known
        self.left += left
        self.present += present
        self.high += high
        self.risk += risk

    def as_dict(self) -> dict[str, float | int | None]:
        return {
            "customers": self.customers,
            "known": self.known,
            "left": self.left,
            "churn_rate": self.left / self.known if self.known else None,
            "present": self.present,
            "mean_risk": self.risk / self.present if self.present else None,
            "high": self.high,
        }


@dataclass(frozen=True, slots=True)
class _Block:
    """One block's customers as masks (bool [n]) and risks (float64 [n])."""

    risk: np.ndarray
    known: np.ndarray
    left: np.ndarray
    here: np.ndarray
    high: np.ndarray  # and still here

    def by_group(self, place: np.ndarray, groups: int) -> tuple[np.ndarray, np.ndarray]:
        """Counts int64 [groups, 5] as ``_Group.add`` takes them, and summed risks float64 [groups]; place int [n]."""
        counts = [
            np.bincount(place if chosen is None else place[chosen], minlength=groups)
            for chosen in (None, self.known, self.left, self.here, self.high)
        ]
        return np.stack(counts, axis=1), np.bincount(place[self.here], self.risk[self.here], minlength=groups)


@dataclass
class Rollup:
    """Add each block of a run, then ask for ``summary()``. Risks are probabilities, money is a month's charges."""

    medium: float
    high: float
    features: list[str]
    scored: int = 0
    _bands: dict[str, int] = field(default_factory=lambda: {"low": 0, "medium": 0, "high": 0})
    _present_bands: dict[str, int] = field(default_factory=lambda: {"low": 0, "medium": 0, "high": 0})
    _revenue: dict[str, float] = field(default_factory=lambda: {"all": 0.0, "at_risk": 0.0, "high": 0.0})
    _without_charges: int = 0
    _histogram: np.ndarray = field(default_factory=lambda: np.zeros(HISTOGRAM_BINS, dtype=np.int64))
    _groups: dict[str, dict[str, _Group]] = field(
        default_factory=lambda: {"contract": {}, "tenure": {}, "internet_service": {}}
    )
    _all: _Group = field(default_factory=_Group)
    _drivers: dict[str, dict[str, float]] = field(default_factory=dict)

    def add(self, frame: pd.DataFrame, scored) -> None:
        risk = scored.probability
        label = frame["label"].to_numpy(dtype="float64")
        left = label == 1
        here, high = ~left, risk >= self.high
        block = _Block(risk, ~np.isnan(label), left, here, here & high)
        self.scored += len(risk)
        for bands, chosen in ((self._bands, risk), (self._present_bands, risk[here])):
            bands["high"] += int((chosen >= self.high).sum())
            bands["medium"] += int(((chosen >= self.medium) & (chosen < self.high)).sum())
            bands["low"] += int((chosen < self.medium).sum())
        charges = frame["monthly_charges"].to_numpy(dtype="float64")
        self._without_charges += int(np.isnan(charges[here]).sum())
        known = np.nan_to_num(charges)
        self._revenue["all"] += float(known[here].sum())
        self._revenue["at_risk"] += float((known * risk)[here].sum())
        self._revenue["high"] += float(known[block.high].sum())
        self._histogram += np.histogram(risk[here], bins=HISTOGRAM_BINS, range=(0, 1))[0]
        counts, risks = block.by_group(np.zeros(len(risk), dtype=np.int64), 1)
        self._all.add(counts[0].tolist(), float(risks[0]))
        self._add_groups(frame, block)
        self._add_drivers(scored, here & (risk >= self.medium))

    def _add_groups(self, frame: pd.DataFrame, block: _Block) -> None:
        tenure = frame["tenure"].to_numpy(dtype="float64")
        months = np.clip(np.digitize(tenure, TENURE_EDGES) - 1, 0, len(TENURE_NAMES) - 1)
        for group, (codes, names) in {
            "contract": packing.coded(frame["contract"]),
            "internet_service": packing.coded(frame["internet_service"]),
            "tenure": (np.where(np.isnan(tenure), -1, months), TENURE_NAMES),
        }.items():
            counts, risks = block.by_group(np.where(codes < 0, len(names), codes), len(names) + 1)
            for name, count, risk in zip([*names, ""], counts.tolist(), risks.tolist(), strict=True):
                if count[0]:
                    self._groups[group].setdefault(str(name), _Group()).add(count, risk)

    def _add_drivers(self, scored, worrying: np.ndarray) -> None:
        """Which drivers stand among the first three of those at medium or high risk, and push up."""
        feature, effect = scored.feature[worrying].ravel(), scored.contribution[worrying].ravel()
        up = (feature >= 0) & (effect > 0)
        counts = np.bincount(feature[up].astype(np.int64), minlength=len(self.features))
        sums = np.bincount(feature[up].astype(np.int64), weights=effect[up], minlength=len(self.features))
        for i, name in enumerate(self.features):
            if counts[i]:
                row = self._drivers.setdefault(name, {"customers": 0, "effect": 0.0})
                row["customers"] += int(counts[i])
                row["effect"] += float(sums[i])

    def summary(self) -> dict[str, object]:
        """JSON: bands over everybody, and for those still here bands, revenue, histogram, groups and top drivers."""
        drivers = [
            {"feature": name, "customers": row["customers"], "effect": row["effect"] / row["customers"]}
            for name, row in self._drivers.items()
        ]
        return {
            "bands": self._bands,
            "present": {
                "customers": self._all.present,
                "bands": self._present_bands,
                "revenue": self._revenue,
                "without_charges": self._without_charges,
                "histogram": self._histogram.tolist(),
            },
            "all": self._all.as_dict(),
            "groups": {
                name: {value: group.as_dict() for value, group in groups.items()}
                for name, groups in self._groups.items()
            },
            "drivers": sorted(drivers, key=lambda d: -d["customers"])[:12],
        }
