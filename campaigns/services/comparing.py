"""A campaign's arms compared: outcomes as the engine takes them, costs as the company says them, and the result as JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from datetime import date
from typing import Any

import numpy as np
from django.db.models import Count
from django.utils import timezone

from customers import selectors as customers
from predictions import registry as predictions

from ..models import Campaign, DeliverySignal, Recipient
from ..outreach import experiment
from ..outreach.experiment import verdicts

ARMS = (Recipient.Arm.HOLDOUT, Recipient.Arm.A, Recipient.Arm.B)  # in the order of the engine's codes
BY_USE, BY_CHARGES = "use", "charges"


@dataclass(slots=True)
class Rows:
    """Recipients that exist, by key: arrays of one length. ``judged``: of whom the rule says anything."""

    key: np.ndarray
    arm: np.ndarray
    written: np.ndarray
    risk: np.ndarray
    charges: np.ndarray
    left: np.ndarray
    judged: np.ndarray
    before: np.ndarray | None
    after: np.ndarray | None


def compare(campaign: Campaign, known: customers.Aftermath, rows: Rows) -> dict[str, Any]:
    """The result of what is known now: codes and numbers only. ``is_final``: the horizon is over and all is known."""
    variants = ("a", "b") if campaign.rival_id else ("a",)
    shares = (1 - campaign.rival_share, campaign.rival_share) if campaign.rival_id else None
    design = experiment.Design(campaign.holdout, campaign.horizon_days, variants, shares)
    erased = _erased(campaign, rows)
    counted = rows.judged
    arm = np.concatenate([rows.arm[counted], np.repeat(np.arange(len(erased)), erased)])
    gone = int(sum(erased))

    def column(values: np.ndarray, filler: float = np.nan) -> np.ndarray:
        """Of those who are judged, and of the erased nothing."""
        return np.concatenate([values[counted].astype(np.float64), np.full(gone, filler)])

    left, charges = column(rows.left), column(rows.charges)
    paid, paid_by = _paid(rows, column, left, charges)
    costs, money = _costs(campaign, left, arm, charges)
    passed = (known.known_until - known.begin).days if known.known_until else 0
    if known.is_known:
        passed = max(passed, campaign.horizon_days)
    outcomes = experiment.Outcomes(
        arm=arm,
        left=left,
        written=column(rows.written, 0.0) == 1,
        monthly_charges=charges,
        revenue_before=paid[0] if paid else None,
        revenue_after=paid[1] if paid else None,
        covariates=_covariates(column(rows.risk)),
    )
    result = experiment.measure(outcomes, design, days_passed=passed, costs=costs)
    is_final = known.is_known and result.verdict != verdicts.TOO_EARLY
    return _as_json(
        {
            "verdict": result.verdict,
            "is_final": is_final,
            "measured_on": timezone.localdate(),
            "launched_on": known.begin,
            "until": known.until,
            "known_until": known.known_until,
            "days_left": result.days_left,
            "days_passed": min(passed, campaign.horizon_days),
            "source": known.source,
            "import": known.import_id,
            "file": known.file,
            "holdout": campaign.holdout,
            "horizon_days": campaign.horizon_days,
            "arms": [_arm(one, erased[one.code]) for one in result.arms],
            "against_holdout": [_comparison(one) for one in result.against_holdout],
            "pairs": [_comparison(one) for one in result.pairs],
            "winner": None if result.winner is None else str(ARMS[result.winner]),
            "ratio_p": result.ratio_p,
            "adjustment": result.adjustment,
            "not_judged": int((~counted).sum()),
            "money": money,
            "revenue_by": paid_by,
            "signals": _signals(campaign),
        }
    )


def _erased(campaign: Campaign, rows: Rows) -> list[int]:
    """How many of each arm, by its code, were drawn at the launch and are in no table any more."""
    drawn = (campaign.checked or {}).get("arms", {})
    here = np.bincount(rows.arm, minlength=len(ARMS))
    arms = ARMS if campaign.rival_id else ARMS[:2]
    return [max(int(drawn.get(str(arm), 0)) - int(here[code]), 0) for code, arm in enumerate(arms)]


def _covariates(risk: np.ndarray) -> np.ndarray | None:
    """The risk on the day of the launch; where it is not known, the mean and a mark. None where it is known of nobody."""
    unknown = np.isnan(risk)
    if unknown.all():
        return None
    filled = np.where(unknown, risk[~unknown].mean(), risk)
    return np.column_stack([filled, unknown.astype(np.float64)]) if unknown.any() else filled[:, None]


def _paid(
    rows: Rows, column: Callable[..., np.ndarray], left: np.ndarray, charges: np.ndarray
) -> tuple[list[np.ndarray], str | None]:
    """Money before and after, and by what it is known: months of use, else the monthly charges of those still here."""
    if rows.before is not None and rows.after is not None:
        return [column(rows.before), column(rows.after)], BY_USE
    if np.isnan(charges).all():
        return [], None
    return [charges, charges * (1 - left)], BY_CHARGES


def _costs(
    campaign: Campaign, left: np.ndarray, arm: np.ndarray, charges: np.ndarray
) -> tuple[experiment.Costs | None, dict[str, Any]]:
    """What the company says that contacts and offers cost, frozen at the launch where the offer says it; else why not.

    Nobody reports who took an offer, so that the share that does is the company's own word (Profit's page), for leavers
    and stayers as those left alone turned out.
    """
    said = predictions.economics()
    if said is None:
        return None, {"why_not": "no_economics"}
    if np.isnan(charges).all():
        return None, {"why_not": "no_charges"}
    offer = campaign.frozen.get("offer") or {}
    contact = float(offer["contact_cost"]) if offer.get("contact_cost") else float(said.contact_cost)
    price = 0.0
    if offer:
        price = float(offer["cost"]) if offer.get("cost") else float(said.offer_cost)
    alone = left[(arm == experiment.HELD_OUT) & ~np.isnan(left)]
    leaves = float(alone.mean()) if len(alone) else 0.0
    taken = leaves * float(said.acceptance) + (1 - leaves) * float(said.stayer_acceptance) if price else 0.0
    rate = (1 + float(said.discount_rate)) ** (1 / 12) - 1
    costs = experiment.Costs(
        contact_cost=contact + taken * price,
        offer_cost=0.0,
        value_months=float(said.horizon_months),
        margin_share=float(said.margin),
        monthly_rate=rate,
    )
    told = {
        "contact_cost": contact,
        "offer_cost": price,
        "taken": taken,
        "months": said.horizon_months,
        "margin": float(said.margin),
        "yearly_rate": float(said.discount_rate),
    }
    return costs, told


def _signals(campaign: Campaign) -> dict[str, Any]:
    """What came back about the mails: people and machines apart, each mail once."""
    rows = DeliverySignal.objects.filter(campaign=campaign).order_by().values("kind", "is_machine")
    found: dict[str, dict[str, int]] = {}
    for row in rows.annotate(n=Count("recipient", distinct=True)):
        found.setdefault(row["kind"], {})["machines" if row["is_machine"] else "people"] = row["n"]
    return {"tracks_opens": bool(campaign.frozen.get("tracks_opens")),
            "tracks_links": bool(campaign.frozen.get("tracks_links")), "kinds": found}  # fmt: skip


# ---------------------------------------------------------------- as JSON


def _arm(one: experiment.Arm, erased: int) -> dict[str, Any]:
    told = asdict(one) | {"arm": str(ARMS[one.code]), "erased": erased}
    del told["code"], told["variant"]
    return told


def _comparison(one: experiment.Comparison) -> dict[str, Any]:
    return asdict(one) | {"arm": str(ARMS[one.arm]), "against": str(ARMS[one.against])}


def _as_json(value: Any) -> Any:
    """Plain JSON: days as ISO texts, and what is no number as null."""
    if is_dataclass(value) and not isinstance(value, type):
        return _as_json(asdict(value))
    if isinstance(value, Mapping):
        return {str(name): _as_json(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(one) for one in value]
    if isinstance(value, np.generic):
        return _as_json(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return iso(value) if isinstance(value, date) else value


def iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
