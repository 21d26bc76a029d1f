"""What a training leaves as plain JSON: a version's card."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from customers.models import ColumnFinding


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
