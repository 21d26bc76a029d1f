"""A Survival as plain parts and back: one JSON text, and arrays. No class of anybody's.

What it gives can be written by skops with the same fixed list of trusted types as a Fitted (see ``artefact``).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np

from predictions.learning.features import Encoder, Feature
from predictions.learning.hazard import Grid, Hazard
from predictions.learning.survival_model import Survival, SurvivalReport
from predictions.learning.tables import Tables

FORMAT = 1
_PLAIN = ("name", "kind", "levels", "has_rare", "usual", "unknown")  # of a Feature, beside its arrays


def to_state(model: Survival) -> dict[str, Any]:
    """dicts, lists, text, numbers and arrays."""
    drifts = [hazard.drift for hazard in model.models if hazard.drift is not None]
    text = {
        "format": FORMAT,
        "features": [
            {name: getattr(f, name) for name in _PLAIN} | {"edges": len(f.edges), "knots": len(f.knots)}
            for f in model.features
        ],
        "set_aside": model.encoder.set_aside,
        "last": model.grid.last,
        "tenure": model.tenure,
        "charges": model.charges,
        "report": asdict(model.report),
    }
    return {
        "text": json.dumps(text),
        "edges": np.concatenate([f.edges for f in model.features]),
        "knots": np.concatenate([f.knots for f in model.features]),
        "learned_keys": model.learned_keys,
        "learned_folds": model.learned_folds,
        "learned_left": model.learned_left,
        "starts": model.grid.starts,
        "level": np.stack([hazard.level for hazard in model.models]),
        "steps": np.stack([hazard.g.steps for hazard in model.models]),
        "heights": np.stack([hazard.g.heights for hazard in model.models]),
        "drift_steps": [drift.steps for drift in drifts],
        "drift_heights": [drift.heights for drift in drifts],
    }


def from_state(state: dict[str, Any]) -> Survival:
    """The Survival that ``to_state`` described. Raises ValueError on another format."""
    text = json.loads(state["text"])
    if text["format"] != FORMAT:
        raise ValueError(f"format {text['format']}, expected {FORMAT}")
    features, edge, knot = [], 0, 0
    for one in text["features"]:
        edges, knots = edge + one["edges"], knot + one["knots"]
        plain = {name: one[name] for name in _PLAIN} | {"levels": tuple(one["levels"])}
        features.append(Feature(**plain, edges=state["edges"][edge:edges], knots=state["knots"][knot:knots]))
        edge, knot = edges, knots
    drifts = [
        Tables(0.0, steps, heights) for steps, heights in zip(state["drift_steps"], state["drift_heights"], strict=True)
    ]
    models = tuple(
        Hazard(level, Tables(0.0, steps, heights), drifts[number] if drifts else None)
        for number, (level, steps, heights) in enumerate(
            zip(state["level"], state["steps"], state["heights"], strict=True)
        )
    )
    return Survival(
        encoder=Encoder(tuple(features), tuple((column, why) for column, why in text["set_aside"])),
        grid=Grid(state["starts"], text["last"]),
        models=models,
        learned_keys=state["learned_keys"],
        learned_folds=state["learned_folds"],
        learned_left=state["learned_left"],
        tenure=text["tenure"],
        charges=text["charges"],
        report=SurvivalReport(**text["report"]),
    )
