"""Who of those learned from had been in campaigns before: what a model may learn of it, a part of the base, a line of the card."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from customers import selectors as customers

from .. import learning
from ..learning.evidence import MIN_SLICE_ROWS


@dataclass(frozen=True, slots=True)
class Contacted:
    """Of the customers learned from (n), before the day from which on they could leave.

    day       that day; None: the label column does not say when they left, and ``standing`` is that of all times
    standing  selectors.standings, object [n]; None where the company never had a campaign
    """

    day: date | None
    standing: np.ndarray | None

    @property
    def slices(self) -> tuple[str, ...]:
        """The part of the base to be judged by; nothing where the contacts may have come after the outcome, which would
        make every figure of those written to too good, or where fewer than two groups have enough customers."""
        if self.standing is None or self.day is None:
            return ()
        sizes = np.unique(self.standing.astype(str), return_counts=True)[1]
        return (customers.CAMPAIGN_STANDING,) if (sizes >= MIN_SLICE_ROWS).sum() > 1 else ()

    def beside(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame (n rows) with the standing as a column, where it is one to judge by."""
        return frame.assign(**dict.fromkeys(self.slices, self.standing))

    def facts(self, fitted: learning.Fitted) -> dict[str, object]:
        """For the card, as JSON; in words by wording.card.contacts.

        customers (n), written_to, left_alone; before (ISO day or None) and days: within so many before it; enough: of each
        for a model; why: "learned", "too_few", "undated", or "kept_away" (by the leak watch, or being of no use).
        """
        groups, sizes = np.unique(self.standing.astype(str), return_counts=True)
        counts = dict(zip(groups.tolist(), sizes.tolist(), strict=True))
        return {
            "customers": len(self.standing),
            **{name: counts.get(name, 0) for name in ("written_to", "left_alone")},
            "before": self.day.isoformat() if self.day else None,
            "days": customers.CONTACT_DAYS,
            "enough": customers.ENOUGH_CONTACTED,
            "why": self._why(fitted, counts),
        }

    def _why(self, fitted: learning.Fitted, counts: dict[str, int]) -> str:
        if customers.RECENT_CONTACTS in {feature.name for feature in fitted.features}:
            return "learned"
        if self.day is None:
            return "undated"
        contacted = counts.get("written_to", 0)
        fewer = min(contacted, len(self.standing) - contacted)
        return "too_few" if fewer < customers.ENOUGH_CONTACTED else "kept_away"


def look(keys: np.ndarray, cut: customers.Cut | None) -> Contacted:
    """The campaigns of the customers learned from (keys int64 [n], ascending). A company without any costs one question."""
    day = cut.train.day if cut is not None else customers.before_labels()
    return Contacted(day, customers.standings(keys, day))
