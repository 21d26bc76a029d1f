"""An UpliftModel as plain parts and back: one JSON text, and arrays. No class of anybody's."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from campaigns.outreach.uplift.encoding import Column, Encoding
from campaigns.outreach.uplift.learners import Learner
from campaigns.outreach.uplift.lists import CustomerList
from campaigns.outreach.uplift.model import Report, UpliftModel
from campaigns.outreach.uplift.ranking import Figure, Ranking
from campaigns.outreach.uplift.trees import Trees

FORMAT = 1
_TREES = ("contacted", "alone", "effect_contacted", "effect_alone")
_ARRAYS = ("start", "column", "threshold", "left", "right", "unknown_left", "value")
_CURVE = ("share", "gain", "low", "high", "draws")


def to_state(model: UpliftModel) -> dict[str, Any]:
    """dicts, lists, text and arrays."""
    report = model.report
    plain = {f.name: getattr(report, f.name) for f in fields(Report) if f.name not in ("rankings", "why_not")}
    for name in ("average", "over_risk", "persuadable", "do_not_disturb"):
        plain[name] = None if plain[name] is None else asdict(plain[name])
    text = {
        "format": FORMAT,
        "columns": [[column.name, column.levels] for column in model.encoding.columns],
        "set_aside": model.encoding.set_aside,
        "report": plain | {"why_not": list(report.why_not)},
        "rankings": {
            method: {
                "qini": asdict(one.qini),
                "qini_error": one.qini_error,
                "at": [[share, asdict(figure)] for share, figure in one.at.items()],
            }
            for method, one in report.rankings.items()
        },
        "propensity": [learner.propensity for learner in model.learners],
        "bases": [[[getattr(one, t).base, getattr(one, t).squash] for t in _TREES] for one in model.learners],
    }
    return {
        "text": json.dumps(text),
        "curves": {method: {n: getattr(r, n) for n in _CURVE} for method, r in report.rankings.items()},
        "trees": [[{n: getattr(getattr(one, t), n) for n in _ARRAYS} for t in _TREES] for one in model.learners],
    }


def from_state(state: dict[str, Any]) -> UpliftModel:
    """The model that ``to_state`` described. Raises ValueError on another format."""
    text = json.loads(state["text"])
    if text["format"] != FORMAT:
        raise ValueError(f"format {text['format']}, expected {FORMAT}")
    columns = tuple(Column(name, None if levels is None else tuple(levels)) for name, levels in text["columns"])
    learners = tuple(
        Learner(
            **{
                name: Trees(base=float(base), squash=bool(squash), **{n: arrays[n] for n in _ARRAYS})
                for name, (base, squash), arrays in zip(_TREES, bases, parts, strict=True)
            },
            propensity=propensity,
        )
        for bases, parts, propensity in zip(text["bases"], state["trees"], text["propensity"], strict=True)
    )
    told = text["report"]
    for name in ("average", "over_risk"):
        told[name] = Figure(**told[name])
    for name in ("persuadable", "do_not_disturb"):
        if told[name] is not None:
            told[name] = CustomerList(**told[name] | {"effect": Figure(**told[name]["effect"])})
    told["why_not"] = tuple(told["why_not"])
    told["rankings"] = {
        method: Ranking(
            qini=Figure(**one["qini"]),
            qini_error=one["qini_error"],
            at={share: Figure(**figure) for share, figure in one["at"]},
            **{n: np.asarray(state["curves"][method][n]) for n in _CURVE},
        )
        for method, one in text["rankings"].items()
    }
    encoding = Encoding(columns, tuple((column, why) for column, why in text["set_aside"]))
    return UpliftModel(encoding, learners, Report(**told))
