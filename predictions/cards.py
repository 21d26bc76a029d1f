"""What a training and a scoring leave as plain JSON: a version's card, and each customer's strongest drivers."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Sequence

import pandas as pd

from customers.models import ColumnFinding

_LONGEST_VALUE = 120


def card(fitted, findings: Sequence[ColumnFinding], passed_over: Sequence[str] = ()) -> dict:
    """What the engine reports of a training, and what was kept from it or forced into it, as plain JSON.

    ``passed_over``: columns that were not even read, being too many.
    """
    told = dataclasses.asdict(fitted.report)
    told["features"] = [{"name": f.name, "kind": str(f.kind)} for f in fitted.features]
    useless = [f for f in findings if f.is_kept_away and f.severity == ColumnFinding.Severity.SET_ASIDE]
    told["set_aside"] = [
        *map(list, fitted.set_aside),
        *([finding.column, finding.codes[0]] for finding in useless),
        *([column, "too_many"] for column in passed_over),
    ]
    leaks = [f for f in findings if f.severity == ColumnFinding.Severity.QUARANTINE]
    told["kept_away"] = [_evidence(f) for f in leaks if f.is_kept_away]
    told["forced_in"] = [
        _evidence(f) | {"by": f.overruled_by_id, "at": f.overruled_at.isoformat(), "reason": f.overrule_reason}
        for f in leaks
        if f.overruled_at is not None
    ]
    told["doubtful"] = [_evidence(f) for f in findings if f.severity == ColumnFinding.Severity.WARN]
    return told


def _evidence(finding: ColumnFinding) -> dict[str, object]:
    return {"column": finding.column, "codes": finding.codes, "evidence": finding.evidence}


def drivers_json(fitted, frame: pd.DataFrame, scored, dates: Collection[str] = ()) -> list[str]:
    """The strongest drivers of each row as JSON: feature, the customer's value, effect in log odds.

    ``dates``: features whose value counts days before the last import; they say so, for the words.
    """
    names = [f.name for f in fitted.features]
    heads = [json.dumps({"feature": name, **({"days": True} if name in dates else {})})[:-1] for name in names]
    texts: list[list[str]] = []
    for name in names:
        column = frame[name] if name in frame else pd.Series([None] * len(frame))
        codes, levels = pd.factorize(column, use_na_sentinel=True)
        words = [json.dumps(_shortened(v), default=str) for v in levels.tolist()]
        words.append("null")  # position -1: unknown
        texts.append([words[c] for c in codes])
    rows = []
    for i, (features, effects) in enumerate(zip(scored.feature.tolist(), scored.contribution.tolist(), strict=True)):
        parts = [
            f'{heads[f]}, "value": {texts[f][i]}, "effect": {e:.4f}}}'
            for f, e in zip(features, effects, strict=True)
            if f >= 0
        ]
        rows.append("[" + ", ".join(parts) + "]")
    return rows


def _shortened(value: object) -> object:
    """What a sentence needs of a value: other fields may hold long texts, and a million rows are written."""
    if isinstance(value, str) and len(value) > _LONGEST_VALUE:
        return value[: _LONGEST_VALUE - 1] + "…"
    return round(value, 4) if isinstance(value, float) else value
