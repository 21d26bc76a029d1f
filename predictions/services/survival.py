"""When customers leave: learned beside a version, refused in words where tenures do not tell."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

from core import jobs
from customers import selectors as customers

from .. import learning, wording
from ..learning import survival, survival_model

_FROM, _SHARE = 0.80, 0.12  # of a training's bar
GROUPS = ("contract", "internet_service")


@dataclasses.dataclass(frozen=True, slots=True)
class When:
    """A survival model with what is shown of it, or why there is none."""

    model: Any = None
    figures: dict[str, object] = dataclasses.field(default_factory=dict)
    refusal: dict[str, object] = dataclasses.field(default_factory=dict)


def learn_when(
    held: jobs.Claim,
    everything: pd.DataFrame,
    frame: pd.DataFrame,
    label: np.ndarray,
    keys: np.ndarray,
    seed: int,
    *,
    cut: customers.Cut | None = None,
) -> When:
    """Learn from the same customers and columns; ``everything`` has those that groups are told by, learned from or not.

    ``cut``: the customers are as they were at its date, and the label says who left in the months after it.
    """

    def progress(fraction: float, note: str) -> None:
        held.report_fraction(_FROM + _SHARE * fraction, wording.step("when" if note == "hazard" else note))

    beside = {
        name: everything[name] for name in ("tenure", "monthly_charges") if name in everything and name not in frame
    }
    known = frame.assign(**beside)
    watched = customers.label_months()
    if cut is not None:
        watched = max(1, round((cut.history.definition.gap_days + cut.history.definition.horizon_days) / 30))
        if "tenure" in known:
            # At the end of the window, or in the middle of it for those who left within it.
            known["tenure"] = known["tenure"] + np.where(label == 1, (watched + 1) // 2, watched)
    try:
        # Trends of use are unknown for who came lately, so "unknown" would tell the tenure: they know the time. So do
        # contacts: who was written to had been here for as long.
        aside = (*customers.TREND_COLUMNS, *customers.CONTACT_COLUMNS)
        model = survival.fit(known, label, keys, leave_out=aside, watched=watched, seed=seed, progress=progress)
    except learning.NotEnoughEvidence as thin:
        return When(refusal={"code": thin.code, "facts": _plain(thin.facts)})
    curves = {"all": survival_model.segments(model, known, keys, label)}
    for name in GROUPS:
        if name in everything and everything[name].notna().any():
            curves[name] = survival_model.segments(model, known, keys, label, everything[name])
    figures = dataclasses.asdict(model.report) | {
        "curves": {name: [_as_json(one) for one in found] for name, found in curves.items()}
    }
    return When(model, figures)


def _as_json(segment) -> dict[str, object]:
    return dataclasses.asdict(segment)


def _plain(facts: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in facts.items() if isinstance(value, int | float | str)}
