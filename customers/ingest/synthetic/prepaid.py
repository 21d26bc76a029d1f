"""A prepaid company made up from a seed: customers who top up and use, fall silent for a while, or for good; with the truth.

    company = draw_prepaid(seed=7, customers=3000, until=date(2026, 10, 1))
    company.customers, company.usage, company.last_month

No contract ends here: who leaves just uses nothing any more. What a rule of silence must find is known, because it was drawn.

1. *Coming.* One in four came within the months that are told, the others before.
2. *Leaving.* From their second month on each customer leaves with a risk that is the same every month and differs between
   customers: a low usual amount, a short tenure and an uneasy temper raise it.
3. *Use.* A usual amount for each customer, with noise. Who leaves uses less in the two months before, most of them.
4. *Pauses.* Now and then a customer who stays uses nothing for one month, never for two in a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from customers.ingest.synthetic.population import Columns

NEVER = -1
_RISK = 0.035  # a month, of the usual customer
_PAUSE = 0.03
_FADES = 0.8  # of those who leave
_FADE = (0.55, 0.3)  # of the usual amount, two months before and one month before


@dataclass(frozen=True, slots=True)
class Prepaid:
    """months: their first days, oldest first. customers and usage: column -> array, as in a carrier's batch; a month
    without any use has no row. last_month int64 [n]: place in ``months`` of the last month with use of who left; NEVER for who
    was still there. risk float64 [n]: of leaving, a month."""

    months: tuple[date, ...]
    customers: Columns
    usage: Columns
    last_month: np.ndarray
    risk: np.ndarray


def draw_prepaid(*, seed: int, customers: int, until: date, months: int = 12) -> Prepaid:
    """``months`` months that end before the first of ``until``'s month. Tenure is as of that day, and counts on after
    somebody left, as where nobody writes down that they did."""
    rng = np.random.default_rng(seed)
    n, end = customers, until.year * 12 + until.month - 1
    days = tuple(date(m // 12, m % 12 + 1, 1) for m in range(end - months, end))
    came_within = rng.random(n) < 0.25
    came = np.where(came_within, rng.integers(0, months - 1, n), -rng.integers(0, 60, n))
    usual = np.exp(rng.normal(2.3, 0.5, n))
    temper = rng.normal(0, 0.7, n)
    risk = np.clip(_RISK * np.exp(-0.5 * (np.log(usual) - 2.3) + temper - 0.01 * (months - came - 20)), 0.002, 0.5)
    leaves = rng.geometric(risk) + np.maximum(came, 0)  # place of the last month with use
    place = np.arange(months)
    there = (place >= came[:, None]) & (place <= leaves[:, None])
    there &= ~(_pauses(rng, n, months) & (place > came[:, None]) & (place < leaves[:, None]))
    last = np.where(leaves < months - 1, leaves, NEVER)
    fades = (rng.random(n) < _FADES)[:, None] & (last != NEVER)[:, None]
    level = np.where(fades & (place == leaves[:, None] - 1), _FADE[0], 1.0)
    level = np.where(fades & (place == leaves[:, None]), _FADE[1], level)
    amount = np.round(usual[:, None] * level * np.exp(rng.normal(0, 0.15, (n, months))), 2)
    names = np.array([f"P{i:06}" for i in range(n)], dtype=object)
    who, when = np.nonzero(there)
    usage = {
        "external_id": names[who],
        "month": np.array(days, dtype=object)[when],
        "montant_consommation": amount[there],
        "nombre_appels": rng.poisson(4 * amount[there]),
        "nombre_recharges": 1 + rng.poisson(amount[there] / 8),
    }
    known = {
        "external_id": names,
        "tenure": (months - came).astype(np.int64),
        "monthly_charges": np.round(usual, 2),
        "payment_method": np.array(["Top-up card", "Application", "Shop"], dtype=object)[rng.integers(0, 3, n)],
    }
    return Prepaid(days, known, usage, last.astype(np.int64), risk)


def _pauses(rng: np.random.Generator, n: int, months: int) -> np.ndarray:
    """Months of pause (bool [n, months]), never two in a row."""
    pauses = rng.random((n, months)) < _PAUSE
    for month in range(1, months):
        pauses[:, month] &= ~pauses[:, month - 1]
    return pauses
