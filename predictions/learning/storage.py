"""A Fitted as plain parts and back: one JSON text, and arrays. No class of anybody's."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from predictions.learning.features import Encoder, Feature
from predictions.learning.fitted import Fitted, Model, Report
from predictions.learning.groves import Grove
from predictions.learning.tables import Tables

FORMAT = 1
_NODE_ARRAYS = ("start", "column", "threshold", "left", "right", "unknown_left", "value")


def to_state(fitted: Fitted) -> dict[str, Any]:
    """dicts, lists, text, numbers and arrays."""
    described = [
        {
            "name": f.name,
            "kind": f.kind,
            "levels": list(f.levels),
            "has_rare": f.has_rare,
            "usual": f.usual,
            "unknown": f.unknown,
            "edges": len(f.edges),
            "knots": len(f.knots),
        }
        for f in fitted.features
    ]
    text = {"format": FORMAT, "features": described, "set_aside": fitted.set_aside, "report": asdict(fitted.report)}
    return {
        "text": json.dumps(text),
        "edges": np.concatenate([f.edges for f in fitted.features]),
        "knots": np.concatenate([f.knots for f in fitted.features]),
        "learned_keys": fitted.learned_keys,
        "learned_folds": fitted.learned_folds,
        "base": np.array([model.tables.base for model in fitted.models]),
        "steps": np.stack([model.tables.steps for model in fitted.models]),
        "heights": np.stack([model.tables.heights for model in fitted.models]),
        "groves": [
            [
                {
                    "weight": weight,
                    "base": grove.base,
                    **{name: getattr(grove, name) for name in _NODE_ARRAYS},
                    "ranks": [np.empty(0) if rank is None else rank for rank in grove.ranks],
                    "sums": json.dumps(grove.sums),
                }
                for weight, grove in model.groves
            ]
            for model in fitted.models
        ],
    }


def from_state(state: dict[str, Any]) -> Fitted:
    """The Fitted that ``to_state`` described. Raises ValueError on another format.

    A report may lack what later releases tell, and tell what this one does not know: neither changes a score.
    """
    text = json.loads(state["text"])
    if text["format"] != FORMAT:
        raise ValueError(f"format {text['format']}, expected {FORMAT}")
    features, edge, knot = [], 0, 0
    for one in text["features"]:
        edges, knots = one.pop("edges"), one.pop("knots")
        features.append(
            Feature(
                **{**one, "levels": tuple(one["levels"])},
                edges=state["edges"][edge : edge + edges],
                knots=state["knots"][knot : knot + knots],
            )
        )
        edge, knot = edge + edges, knot + knots
    models = tuple(
        Model(Tables(float(base), steps, heights), tuple(_grove(one) for one in groves))
        for base, steps, heights, groves in zip(
            state["base"], state["steps"], state["heights"], state["groves"], strict=True
        )
    )
    encoder = Encoder(tuple(features), tuple((column, why) for column, why in text["set_aside"]))
    return Fitted(encoder, models, state["learned_keys"], state["learned_folds"], _report(text["report"]))


def _report(told: dict[str, Any]) -> Report:
    return Report(**{one.name: told[one.name] for one in fields(Report) if one.name in told})


def _grove(one: dict[str, Any]) -> tuple[float, Grove]:
    ranks = tuple(rank if len(rank) else None for rank in one["ranks"])
    sums = tuple(tuple(members) for members in json.loads(one["sums"]))
    arrays = {name: one[name] for name in _NODE_ARRAYS}
    return float(one["weight"]), Grove(base=float(one["base"]), **arrays, ranks=ranks, sums=sums)
