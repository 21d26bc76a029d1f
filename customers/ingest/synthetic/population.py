"""Who the customers are and what they have bought: households, tenure, contract, services, payment and bill.

A chain of draws, each with a chance that depends on the ones before it (``parameters``):
household -> tenure -> contract -> internet -> telephone -> add-ons -> paperless -> payment -> bill -> total.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from customers.ingest.synthetic import parameters as p
from customers.ingest.synthetic.randomness import BLOCK, Subject, chance, log_odds, stream

Columns = dict[str, np.ndarray]

GENDERS = np.array(["Male", "Female"], dtype=object)
CONTRACTS = np.array(["Month-to-month", "One year", "Two year"], dtype=object)
INTERNET = np.array(["DSL", "Fiber optic", "No"], dtype=object)
PAYMENTS = np.array(
    ["Mailed check", "Electronic check", "Bank transfer (automatic)", "Credit card (automatic)"], dtype=object
)
ADD_ON_LEVELS = np.array(["No", "Yes", "No internet service"], dtype=object)
LINE_LEVELS = np.array(["No", "Yes", "No phone service"], dtype=object)


@dataclass(frozen=True, slots=True)
class Population:
    """One block of customers: ``columns`` as the file shows them, ``terms`` as the equations use them.

    Terms are float arrays of shape ``(BLOCK,)``: 0 or 1 for what a customer has, and the forms of tenure.
    """

    columns: Columns
    terms: Columns


def draw_population(seed: int, block: int) -> Population:
    """Draw one block of customers; money in currency units (float64, whole cents), tenure in months."""
    rng = stream(seed, block, Subject.POPULATION)

    def happens(table: p.Logistic) -> np.ndarray:
        return (rng.random(BLOCK) < chance(log_odds(table, terms))).astype(float)

    household = np.searchsorted(np.cumsum(p.HOUSEHOLDS)[:-1], rng.random(BLOCK), side="right")
    terms: Columns = {
        "senior": (household >> 2 & 1).astype(float),
        "partner": (household >> 1 & 1).astype(float),
        "dependents": (household & 1).astype(float),
    }
    female = rng.random(BLOCK) < p.FEMALE
    tenure = _draw_tenure(household & 3, rng.random(BLOCK))
    t = tenure / 72
    terms |= {"t": t, "t2": t**2, "t6": t**6, "log_t": np.log1p(tenure), "t_top": (tenure == 72).astype(float)}

    committed = happens(p.COMMITTED)
    # A customer not yet billed has signed for a term in the published file: nobody tries a carrier for no month.
    committed = np.where(tenure == 0, 1.0, committed)
    terms["two_year"] = committed * happens(p.TWO_YEAR)
    terms["one_year"] = committed - terms["two_year"]
    terms["no_internet"] = happens(p.NO_INTERNET)
    internet = 1 - terms["no_internet"]
    terms["fiber"] = internet * happens(p.FIBER)
    terms["dsl"] = internet - terms["fiber"]
    terms["phone"] = np.where(terms["dsl"] > 0, happens(p.PHONE_ON_DSL), 1.0)
    terms["multiple_lines"] = terms["phone"] * happens(p.MULTIPLE_LINES)
    for name, table in p.ADD_ONS.items():
        terms[name] = internet * happens(table)
    terms["paperless"] = happens(p.PAPERLESS)
    automatic = happens(p.AUTOMATIC_PAYMENT)
    terms["electronic_check"] = (1 - automatic) * happens(p.ELECTRONIC_CHECK)
    by_card = rng.random(BLOCK) < 0.496

    monthly = _draw_bill(terms, rng.standard_normal(BLOCK))
    terms["monthly"] = monthly
    columns: Columns = {
        "gender": GENDERS[female.astype(int)],
        "senior_citizen": terms["senior"] > 0,
        "partner": terms["partner"] > 0,
        "dependents": terms["dependents"] > 0,
        "age": _draw_age(terms, tenure, rng),
        "tenure": tenure,
        "phone_service": terms["phone"] > 0,
        "multiple_lines": LINE_LEVELS[np.where(terms["phone"] > 0, terms["multiple_lines"], 2).astype(int)],
        "internet_service": INTERNET[np.where(internet > 0, terms["fiber"], 2).astype(int)],
        **{name: ADD_ON_LEVELS[np.where(internet > 0, terms[name], 2).astype(int)] for name in p.ADD_ONS},
        "contract": CONTRACTS[(terms["one_year"] + 2 * terms["two_year"]).astype(int)],
        "paperless_billing": terms["paperless"] > 0,
        "payment_method": PAYMENTS[np.where(automatic > 0, 2 + by_card, terms["electronic_check"]).astype(int)],
        "monthly_charges": monthly,
        "total_charges": _draw_total(monthly, tenure, rng.standard_normal(BLOCK)),
    }
    return Population(columns, terms)


def _draw_tenure(kind: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Whole months, 0 to 72, from the curve of each kind of household (``partner * 2 + dependents``)."""
    months = np.empty(BLOCK)
    for k, curve in enumerate(p.TENURE_MONTHS):
        here = kind == k
        months[here] = np.interp(level[here], p.TENURE_LEVELS, curve)
    return np.floor(months).astype(np.int64)


def _draw_bill(terms: Columns, noise: np.ndarray) -> np.ndarray:
    """Monthly charge: the price list added up, some spread, in steps of 5 cents."""
    bill = sum(price * terms[name] for name, price in p.PRICES.items()) + p.PRICE_SPREAD * np.clip(noise, -4, 4)
    return np.round(np.maximum(np.round(bill / p.PRICE_STEP) * p.PRICE_STEP, p.LOWEST_BILL), 2)


def _draw_total(monthly: np.ndarray, tenure: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Billed so far: the first bill exactly at one month, not a number before any bill."""
    months = np.maximum(tenure, 1)
    spread = np.where(tenure > 1, p.TOTAL_SPREAD * np.clip(noise, -4, 4) / np.sqrt(months), 0.0)
    total = np.round(np.round(monthly * months * (1 + spread) / p.PRICE_STEP) * p.PRICE_STEP, 2)
    return np.where(tenure > 0, total, np.nan)


def _draw_age(terms: Columns, tenure: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Years: 65 and over exactly for seniors; nobody signed before 18; couples and parents are older than singles."""
    youngest = 18 + np.ceil(tenure / 12)
    settled = 1.3 + 0.9 * terms["partner"] + 0.5 * terms["dependents"]
    working = youngest + np.floor((65 - youngest) * rng.beta(settled, 2.3))
    retired = 65 + np.minimum(np.floor(rng.exponential(7.5, BLOCK)), 30)
    return np.where(terms["senior"] > 0, retired, working).astype(np.int64)
