"""Twelve months of use: the five measures of the segmentation document, from five planted personas.

A persona sets the usual month (calls, data, SMS, spend beyond the plan); the plan and the connection cap it; every
customer has a scale of their own with a heavy tail; months have a season and noise. The disengaging fade over the
last four months, most of them, and so do a few who are only on holiday.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from customers.ingest.synthetic.population import Columns
from customers.ingest.synthetic.randomness import BLOCK, Subject, stream

MONTHS = 12


@dataclass(frozen=True, slots=True)
class UsageGroup:
    """A persona: medians of a month of a customer with fibre and a line, and who tends to be one (log weights)."""

    calls: float
    data_gb: float
    sms: float
    beyond: float  # share of the monthly charge spent beyond the plan
    weight: float
    young: float = 0.0
    senior: float = 0.0
    family: float = 0.0
    streaming: float = 0.0
    offline: float = 0.0


GROUPS: dict[str, UsageGroup] = {
    "streamer": UsageGroup(40, 260, 12, 0.06, weight=0.0, young=0.8, senior=-1.2, streaming=1.4, offline=-3.0),
    "talker": UsageGroup(220, 14, 22, 0.35, weight=0.1, young=-0.8, senior=0.5, offline=0.8),
    "texter": UsageGroup(50, 45, 210, 0.12, weight=-0.8, young=2.2, senior=-1.6),
    "family": UsageGroup(130, 150, 55, 0.22, weight=-0.5, family=1.5, streaming=0.4, offline=-1.5),
    "light": UsageGroup(12, 6, 4, 0.01, weight=0.1, young=-0.8, senior=1.5, offline=0.6, streaming=-0.8),
}
_NAMES = np.array(list(GROUPS), dtype=object)
_MEDIANS = np.array([(g.calls, g.data_gb, g.sms, g.beyond) for g in GROUPS.values()])
_LEANINGS = np.array([(g.weight, g.young, g.senior, g.family, g.streaming, g.offline) for g in GROUPS.values()])

_DSL_DATA, _MOBILE_DATA = 0.75, 0.15  # share of a fibre customer's volume
# Season by calendar month, January first: calls rise with the summer's weddings and feasts, data with the winter.
_SEASON_CALLS = np.array([0.97, 0.95, 1.0, 1.0, 1.01, 1.04, 1.08, 1.08, 1.0, 0.97, 0.95, 1.02])
_SEASON_DATA = np.array([1.07, 1.04, 1.02, 1.0, 0.97, 0.94, 0.9, 0.9, 0.98, 1.03, 1.06, 1.09])
_FADE = np.array([1.0] * (MONTHS - 4) + [0.8, 0.6, 0.42, 0.25])
_FADES_WHEN_DISENGAGING, _FADES_ANYWAY = 0.8, 0.04
_FIRST_DAYS = 0.4  # a customer of no full month yet has used this much of one


def months_until(as_of: date) -> list[date]:
    """The first days of the twelve months that end with the month of ``as_of``, oldest first."""
    last = as_of.year * 12 + as_of.month - 1
    return [date(m // 12, m % 12 + 1, 1) for m in range(last - MONTHS + 1, last + 1)]


def draw_usage(
    seed: int, block: int, as_of: date, customers: Columns, terms: Columns, disengaging: np.ndarray
) -> tuple[Columns, np.ndarray, np.ndarray]:
    """Return (usage columns, offsets, persona) of a block.

    One row for each customer and month they were a customer in, at most twelve and at least one, oldest first; rows of
    customer ``i`` are ``offsets[i]:offsets[i + 1]``. Spend in currency units, data in gigabytes, the rest are counts.
    """
    rng = stream(seed, block, Subject.USAGE)
    group = _draw_group(customers["age"], terms, rng)
    shape = (BLOCK, MONTHS)

    # Scale of a customer: log-normal, and for one in fifty several times that (the tail that log scales are for).
    activity = np.exp(0.24 * rng.standard_normal((BLOCK, 1)) + 0.18 * rng.standard_normal((BLOCK, 4)))
    heavy = rng.random(BLOCK) < 0.02
    activity[heavy] *= (2 + rng.pareto(2.5, BLOCK)[heavy])[:, None]
    usual = _MEDIANS[group] * activity

    months = months_until(as_of)
    calendar = np.array([m.month - 1 for m in months])
    fades = rng.random(BLOCK) < np.where(disengaging, _FADES_WHEN_DISENGAGING, _FADES_ANYWAY)
    speed = np.where(fades, 0.6 + 0.8 * rng.random(BLOCK), 0.0)
    level = _FADE[None, :] ** speed[:, None]  # (BLOCK, MONTHS)
    level[:, -1] *= np.where(customers["tenure"] == 0, _FIRST_DAYS, 1.0)

    noise = np.exp(0.18 * rng.standard_normal((3, *shape), dtype=np.float32).astype(np.float64))
    line = terms["phone"][:, None]
    access = np.where(terms["fiber"] > 0, 1.0, np.where(terms["dsl"] > 0, _DSL_DATA, _MOBILE_DATA))[:, None]
    calls = rng.poisson(line * usual[:, :1] * level * _SEASON_CALLS[calendar] * noise[0])
    sms = rng.poisson(line * usual[:, 2:3] * level * noise[0])
    data = np.round(access * usual[:, 1:2] * level * _SEASON_DATA[calendar] * noise[1], 3)
    spend = np.round(customers["monthly_charges"][:, None] * (1 + usual[:, 3:4] * level * noise[2]), 2)

    lived = np.clip(customers["tenure"], 1, MONTHS)
    present = np.arange(MONTHS)[None, :] >= MONTHS - lived[:, None]
    columns: Columns = {
        "external_id": np.repeat(customers["external_id"], lived),
        "month": np.broadcast_to(np.array(months, dtype=object), shape)[present],
        "montant_consommation": spend[present],
        "nombre_appels": calls[present],
        "volume_data": data[present],
        "nombre_sms": sms[present],
    }
    return columns, np.concatenate(([0], np.cumsum(lived))), _NAMES[group]


def _draw_group(age: np.ndarray, terms: Columns, rng: np.random.Generator) -> np.ndarray:
    """Index of the persona: a soft choice by age, household and plan (Gumbel noise on the log weights)."""
    seen = np.stack(
        (
            np.ones(BLOCK),
            (age < 32).astype(float),
            terms["senior"],
            terms["dependents"],
            np.maximum(terms["streaming_tv"], terms["streaming_movies"]),
            terms["no_internet"],
        ),
        axis=1,
    )
    odds = seen @ _LEANINGS.T
    odds[:, 1:4:2] -= 4.0 * (1 - terms["phone"])[:, None]  # nobody talks or keeps a family talking without a line
    odds[:, 2] -= 4.0 * (1 - terms["phone"])
    return np.argmax(odds + rng.gumbel(size=odds.shape), axis=1)
