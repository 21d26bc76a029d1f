"""Customers as they were on a past day: who could leave then, what was known of them, and whether they did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from ..ingest.churning import AT_RISK, Outcome, People, first_day
from ..ingest.timing import gone_now, tenure_then
from .histories import History, read_people
from .trends import Months, known_months

RUNNING_TOTAL = "total_charges"  # what was paid after the day is in it, and tells who stayed
TENURE = "tenure"


@dataclass(frozen=True, slots=True)
class Moment:
    """The first day of a month, and how the customers of that day are read.

    goes_on    whether tenure goes on counting after somebody left (ingest.timing.counts_on)
    left_out   columns that would tell what happened afterwards -> why: running_total, tenure_unclear, moved_when_renewed
               (where the contract's end stands) or written_since (a date, of which many lie after the day)

    Months of use end before the day, tenure is that of the day, dates count from it and later ones are unknown. Fields
    without dates are as they are today: nobody wrote down what they were.
    """

    history: History
    month: int
    goes_on: bool = True
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def day(self) -> date:
        return first_day(self.month)

    def months(self) -> Months | None:
        """The months of use that were known on the day."""
        return known_months(first_day(self.month - 1)) if self.history.calendar.covered else None

    def as_then(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Of a block as it is today (``id``, ``tenure``, ``attributes``), who could leave on the day and be reached.

        ``label`` says whether they left within the horizon, ``tenure`` what it was; left_out columns are gone.
        """
        people = people_of(self.history, frame)
        found = self.history.rule.outcomes(people, self.month)
        tenure, calendar = frame[TENURE].to_numpy(dtype="float64"), self.history.calendar
        stopped = np.zeros(len(frame), dtype=bool) if self.goes_on else gone_now(self.history.rule, people, calendar)
        then = tenure_then(tenure, people, calendar, self.month, stopped)
        frame = frame.assign(label=(found == Outcome.LEFT).astype("float64"), **{TENURE: np.maximum(then, 0)})
        kept = frame[np.isin(found, AT_RISK)]
        return kept.drop(columns=list(self.left_out), errors="ignore").reset_index(drop=True)


def people_of(history: History, frame: pd.DataFrame) -> People:
    """What the rule asks of a block of customers as it is today (``id``, ``tenure``, and ``attributes`` where needed)."""
    texts = frame["attributes"].tolist() if "attributes" in frame else []
    return read_people(history, frame["id"].to_numpy(dtype="int64"), frame[TENURE].to_numpy(dtype="float64"), texts)


def blank_later_days(columns: Mapping[str, np.ndarray], dates: frozenset[str]) -> dict[str, np.ndarray]:
    """Dates that count from a past day, without that day and later ones: they may have been written since."""
    return {name: np.where(cells <= 0, np.nan, cells) if name in dates else cells for name, cells in columns.items()}
