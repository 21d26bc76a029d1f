"""Verbs about segments, rule segments and offers: the only writers of this stage's tables.

runs: everybody divided, a run at a time (members: who belongs where · portraits: what was found, as rows) · newcomers: kept
true between runs · rules: audiences by conditions · offers: written and attached · allocations: who is offered what
"""

from __future__ import annotations

from customers import selectors as customers

from .. import selectors, wording_runs
from ..models import Segmentation
from ..wording_personas import persona, portrait
from .allocations import allocate_offers, open_allocation
from .newcomers import assign_newcomers, open_assignment
from .offers import check_rule, delete_offer, save_offer
from .portraits import free_persona, persona_of, rename_segment
from .rules import delete_rule, read_rule, save_rule
from .runs import LEAST_K, MOST_K, has_new_columns, is_due, needs_first_run, open_run, refresh_segments

__all__ = [
    "LEAST_K",
    "MOST_K",
    "allocate_offers",
    "assign_newcomers",
    "check_rule",
    "delete_offer",
    "delete_rule",
    "free_persona",
    "has_new_columns",
    "is_due",
    "needs_first_run",
    "open_allocation",
    "open_assignment",
    "open_run",
    "persona_of",
    "read_rule",
    "refresh_segments",
    "rename_segment",
    "save_offer",
    "save_rule",
    "segmentation_json",
    "why_none",
]


def why_none() -> tuple[str, str]:
    """(code, sentence): why there is no segmentation."""
    return wording_runs.why_none(customers.customer_base()["customers"], selectors.last_run())


def segmentation_json(run: Segmentation) -> dict[str, object]:
    """A run for programs and commands: everything but the points of its charts."""
    found = selectors.profiles(run)
    return {
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
        "customers": run.customers,
        "k": len(found),
        "features": run.figures["features"],
        "importance": run.figures["importance"],
        "imputed": run.figures["imputed"],
        "set_aside": run.figures["set_aside"],
        "segments": [
            {
                "label": p.segment.label,
                "persona": persona(p.segment),
                "portrait": portrait(p.portrait),
                "size": p.size,
                "percentage": p.percentage,
                "mean_values": p.mean_values,
                "stakes": p.stakes or None,
            }
            for p in found
        ],
        "moves": run.flow or None,
        "advice": run.advice or None,
        "has_clusters": _has_clusters(run),
    }


def _has_clusters(run: Segmentation) -> bool | None:
    return {"clusters": True, "no_clusters": False}.get(run.advice.get("verdict", ""))
