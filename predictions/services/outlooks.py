"""One customer and the model: what lies ahead of them, and what it would say if some of their columns were otherwise.

Models are read once for each process and kept, the few that were asked last: reading one takes longer than asking it.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.errors import Refused
from customers.frames.one import frame_of
from customers.models import Customer

from .. import selectors
from ..learning import outlook, whatif
from ..learning.survival_figures import HORIZONS
from ..models import ModelVersion, SurvivalModel
from ..wording.actionable import LEVERS, actionable
from .registry import load_model, load_survival

KEPT = 8  # models of both kinds, of all companies that this process serves
_REFUSED_FOR = 60  # seconds in which a refused file is not read, audited and told anew at every page
_models: OrderedDict[tuple, Any] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Ahead:
    """here: months -> chance (0..1) of still being a customer; median_months None: later than the data can tell;
    value_at_risk: expected to be lost over 12 months, None where the charges are unknown; assumed_months: of these, how
    many lie beyond every tenure learned from; unseen: told by a part of the model that had not learned from them;
    is_proven: whether the model does better than tenure alone."""

    here: dict[int, float]
    median_months: int | None
    expected_months: float
    value_at_risk: float | None
    assumed_months: int
    unseen: bool
    is_proven: bool


@dataclass(frozen=True, slots=True)
class Lever:
    """A column that one can act on and that the model looks at. value: the customer's; levels: texts to choose from (empty
    for a number); lowest, highest: what the model has seen of a number."""

    name: str
    value: object
    levels: tuple[str, ...] = ()
    lowest: float | None = None
    highest: float | None = None
    may_be_unknown: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What may be changed, the model's answer to the changes that it can speak about, and why not to the others."""

    levers: tuple[Lever, ...]
    changes: dict[str, object]
    answer: whatif.WhatIf
    refused: dict[str, whatif.ImpossibleChange]


def version_shown() -> ModelVersion | None:
    """The version whose risks are shown; before the first scoring, the one in charge."""
    run = selectors.current_run()
    return run.version if run else selectors.champion()


def has_outlooks(version: ModelVersion | None) -> bool:
    """Whether a survival model was left beside the version; one look-up, nothing is read."""
    return version is not None and SurvivalModel.objects.filter(version=version).exclude(artefact_path="").exists()


def outlook_of(customer: Customer) -> Ahead | None:
    """What lies ahead of a customer. None: they left, their tenure is unknown, or no survival model was learned.

    Raises Refused where the model's file is not the one that was stored.
    """
    version = version_shown()
    kept = SurvivalModel.objects.filter(version=version).exclude(artefact_path="").first() if version else None
    if kept is None or customer.churn_label:
        return None
    model = _kept(
        ("when", version.tenant_id, version.pk, kept.artefact_sha256, kept.artefact_hmac),
        lambda: load_survival(version),
    )
    frame = frame_of(customer, only=[*(f.name for f in model.features), model.tenure, "monthly_charges"])
    if frame.empty:
        return None
    found = outlook.outlook(model, frame, frame["id"].to_numpy(), label=frame["label"].to_numpy(dtype="float64"))
    if found.without[0]:
        return None
    return Ahead(
        here={months: float(chance) for months, chance in zip(HORIZONS, found.here[0], strict=True)},
        median_months=None if np.isnan(found.median_months[0]) else int(found.median_months[0]),
        expected_months=float(found.expected_months[0]),
        value_at_risk=None if np.isnan(found.value_at_risk[0]) else float(found.value_at_risk[0]),
        assumed_months=int(found.assumed_months[0]),
        unseen=bool(found.unseen[0]),
        is_proven=bool(model.verdict.better_than_kaplan_meier),
    )


def ask_what_if(customer: Customer, changes: Mapping[str, object]) -> Question | None:
    """Ask the model about a customer with ``changes`` (column -> value) made; nothing is stored.

    A change that the model cannot speak about, or to something that is given, is refused by itself; the others are
    answered. None: no model, or the customer left. Raises Refused where the model's file is not the one that was stored.
    """
    version = version_shown()
    if version is None or customer.churn_label:
        return None
    fitted = _kept(
        ("risk", version.tenant_id, version.pk, version.artefact_sha256, version.artefact_hmac),
        lambda: load_model(version),
    )
    frame = frame_of(customer, only=[f.name for f in fitted.features])
    if frame.empty or frame["label"].iloc[0] == 1:
        return None
    asked, refused = dict(changes), {}
    for name in changes:
        if actionable(name) is not True:
            refused[name] = whatif.ImpossibleChange("given", f'Nobody can act on "{name}".', column=name)
            del asked[name]
    while True:
        try:
            answer = whatif.what_if(fitted, frame, customer.pk, asked)
            break
        except whatif.ImpossibleChange as impossible:
            column = str(impossible.facts["column"])
            refused[column] = impossible
            del asked[column]
    return Question(_levers(fitted, frame), asked, answer, refused)


def is_known(name: str) -> bool:
    """Whether a name is that of a column which is either a lever or a given."""
    return actionable(name) is not None


def _levers(fitted: Any, frame: Any) -> tuple[Lever, ...]:
    found = []
    learned = {feature.name: feature for feature in fitted.features}
    for feature in (learned[name] for name in LEVERS if name in learned):
        value = frame[feature.name].iloc[0] if feature.name in frame else None
        if feature.kind == "numeric":
            known = None if value is None or np.isnan(value) else float(value)
            span = (float(feature.knots[0]), float(feature.knots[-1]))
            found.append(Lever(feature.name, known, (), *span, may_be_unknown=bool(feature.unknown)))
        else:
            text = value if isinstance(value, str) else None
            levels = feature.levels if text is None or text in feature.levels else (text, *feature.levels)
            found.append(Lever(feature.name, text, tuple(levels), may_be_unknown=bool(feature.unknown)))
    return tuple(found)


def _kept(key: tuple, read: Callable[[], Any]) -> Any:
    """The model under this key, read where it is not kept. Its seal stands in the key: another file is another key."""
    with _lock:
        if key in _models:
            _models.move_to_end(key)
            kept = _models[key]
            if not isinstance(kept, tuple):
                return kept
            refusal, until = kept
            if time.monotonic() < until:
                raise refusal
    try:
        kept = read()
    except Refused as refusal:
        with _lock:
            _models[key] = (Refused(refusal.code, refusal.message, **refusal.facts), time.monotonic() + _REFUSED_FOR)
        raise
    with _lock:
        _models[key] = kept
        while len(_models) > KEPT:
            _models.popitem(last=False)
    return kept
