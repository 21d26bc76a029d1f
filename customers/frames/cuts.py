"""On which past day a model learns, and on which later one it is tested, where leaving is defined by dates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ..ingest.celltypes import DATE
from ..ingest.churning import AT_RISK, Outcome, People, first_day
from ..ingest.timing import Dates, counts_on, find_dates, gone_now
from ..models import ChurnDefinition
from . import blocks
from .attributes import Attribute, column_names, columns, known_attributes
from .histories import History, adopted_history
from .moments import RUNNING_TOTAL, TENURE, Moment, people_of

_WRITTEN_SINCE = 0.01  # share of a date's known cells that lie on the day or after it, for the field to be left out


@dataclass(frozen=True, slots=True)
class Cut:
    """``train``: the day to learn on, None where the data is too short; ``test``: the later day to be tested on, likewise.

    At the beginning of ``test`` all outcomes of ``train`` were known. Where both are there, ``newest`` is the test's day:
    the newest whose outcomes are known, for a last fit once the test is over.
    """

    history: History
    dates: Dates
    train: Moment | None
    test: Moment | None

    @property
    def newest(self) -> Moment | None:
        return self.test or self.train

    def facts(self) -> dict[str, object]:
        """For a model's card, as JSON; in words by services.describe_cut.

        definition (id, kind and its numbers), as_of, test_as_of, known_until (ISO days or None), horizon_days, gap_days,
        missing and missing_to_test (months of use that are wanting), tenure (as_then or left_out), left_out [[column, why]].
        """
        definition = self.history.definition
        left_out = dict(self.train.left_out) if self.train else {}
        return {
            "definition": {"id": str(definition.public_id), "kind": definition.kind, **definition.numbers},
            "horizon_days": definition.horizon_days,
            "gap_days": definition.gap_days,
            "as_of": self.train.day.isoformat() if self.train else None,
            "test_as_of": self.test.day.isoformat() if self.test else None,
            "known_until": self.history.known_until.isoformat(),
            "missing": self.dates.missing,
            "missing_to_test": self.dates.missing_to_test,
            "tenure": "left_out" if TENURE in left_out else "as_then",
            "left_out": sorted([name, why] for name, why in left_out.items()),
        }


def training_cut() -> Cut | None:
    """When to learn by the adopted definition; None where the label column says who left. Some seconds: for jobs.

    ``train`` is None where too few months of use are known; ``dates.missing`` says how many are wanting.
    """
    history = adopted_history()
    return None if history is None else _cut(history)


def _cut(history: History) -> Cut:
    dates = find_dates(history.rule, history.calendar)
    if dates.train is None:
        return Cut(history, dates, None, None)
    train = _moment(history, dates.train)
    test = replace(train, month=dates.test) if dates.test is not None else None
    return Cut(history, dates, train, test)


def training_frames(cut: Cut, *, block: int = 100_000) -> Iterator[pd.DataFrame]:
    """Who could leave on the day to learn on, as they were: frames as ``feature_frames`` gives them, every label known."""
    yield from _frames(cut.train, block)


def evaluation_frames(cut: Cut, *, block: int = 100_000) -> Iterator[pd.DataFrame]:
    """The same on the later day. Nobody where there is none."""
    yield from _frames(cut.test, block)


def _frames(moment: Moment | None, block: int) -> Iterator[pd.DataFrame]:
    if moment is not None:
        yield from blocks.feature_frames(as_of=moment, block=block)


def count_outcomes(moment: Moment) -> tuple[int, int]:
    """(left, stayed) of those who could leave on the day; one pass, without their other fields where these say nothing."""
    left = stayed = 0
    for frame in blocks.plain_blocks(moment.history):
        found = moment.history.rule.outcomes(people_of(moment.history, frame), moment.month)
        left += int((found == Outcome.LEFT).sum())
        stayed += int((found == Outcome.STAYED).sum())
    return left, stayed


def labelled_sample() -> pd.DataFrame:
    """Some thousand customers whose outcome is known, in blocks spread over the base, as a training would see them;
    everybody where there are fewer than sixty thousand."""
    cut = training_cut()
    if cut is None or cut.train is None:
        return blocks.spread_sample(labelled_only=True)
    return blocks.spread_sample(as_of=cut.train)


# ---------------------------------------------------------------- what would tell what happened afterwards


def _moment(history: History, month: int) -> Moment:
    """The day, after a look at a spread sample: how tenure counts, and which dates were written since."""
    known = known_attributes()
    names = column_names(known, list(blocks.FEATURES))
    dates = [a for a in known if a.kind == DATE]
    later, filled = np.zeros(len(dates)), np.zeros(len(dates))
    people: list[People] = []
    tenures: list[np.ndarray] = []
    for frame in blocks.spread_people(history):
        found = people_of(history, frame)
        people.append(found)
        tenures.append(frame[TENURE].to_numpy(dtype="float64"))
        there = np.isin(history.rule.outcomes(found, month), AT_RISK)
        for place, cells in enumerate(_days_before(frame, dates, month)):
            filled[place] += np.count_nonzero(~np.isnan(cells[there]))
            later[place] += np.count_nonzero(cells[there] <= 0)
    goes_on = _goes_on(history, people, tenures)
    left_out = {RUNNING_TOTAL: "running_total"}
    if goes_on is None:
        left_out[TENURE] = "tenure_unclear"
    for attribute, n, all_of_them in zip(dates, later, filled, strict=True):
        if history.field is not None and attribute.name == history.field.name:
            left_out[names[attribute.name]] = "moved_when_renewed"
        elif n > _WRITTEN_SINCE * all_of_them:
            left_out[names[attribute.name]] = "written_since"
    return Moment(history, month, goes_on is not False, left_out)


def _days_before(frame: pd.DataFrame, dates: list[Attribute], month: int) -> list[np.ndarray]:
    if not dates:
        return []
    cells = columns(frame["attributes"].tolist(), dates, first_day(month))
    return [cells[a.name] for a in dates]


def _goes_on(history: History, people: list[People], tenures: list[np.ndarray]) -> bool | None:
    """Whether tenure goes on counting after somebody left. Where leaving is silence, nobody wrote down that anybody left:
    it does, unless the data says otherwise."""
    if people:
        whole = People(
            history.calendar.first,
            *(np.concatenate([getattr(p, name) for p in people]) for name in ("used", "ends", "since")),
        )
        gone = gone_now(history.rule, whole, history.calendar)
        told = counts_on(np.concatenate(tenures), whole, history.calendar, gone)
        if told is not None:
            return told
    return True if history.definition.kind == ChurnDefinition.Kind.SILENCE else None
