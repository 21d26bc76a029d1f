"""What contacting customers is worth: the economics, a customer's value, each one's expected profit, the curve over shares.

    profit of contacting = chance * acceptance * (value - offer_cost)                  would leave, accepts, is kept
                           - (1 - chance) * stayer_acceptance * offer_cost             would stay, takes the offer
                           - contact_cost                                              whoever is contacted

With stayer_acceptance 1 this is, customer by customer, the profit of a campaign of Neslin, Gupta, Kamakura, Lu and
Mason (2006, "Defection Detection", Journal of Marketing Research 43(2)), on which Verbraken's EMPC rests too:
a stayer who is offered something takes it. Amounts are in the company's money; docs/profit.md says how to read them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

POINTS = 200  # of a curve: more cannot be told apart on a screen

_AMOUNTS = ("contact_cost", "offer_cost", "monthly_rate")
_SHARES = ("acceptance", "margin_share", "stayer_acceptance")


class ProfitRefused(ValueError):
    """The figures cannot be reckoned with. ``code`` and ``facts`` let an interface say it in another language."""

    def __init__(self, code: str, message: str, **facts: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.facts = facts

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.code, self.message, self.facts)


def _rebuild(code: str, message: str, facts: dict[str, object]) -> ProfitRefused:
    return ProfitRefused(code, message, **facts)


@dataclass(frozen=True, slots=True)
class Economics:
    """What a company says of its campaign; nothing here is learned, and only the last two have a default.

    contact_cost       money for each customer contacted
    offer_cost         money for each customer who takes the offer
    acceptance         0..1: of those who would leave, the share whom the offer keeps
    horizon_months     above 0: how far ahead a kept customer's money counts
    margin_share       0..1: of a month's charges, the share that is profit
    monthly_rate       discount a month; 0.01 is 12.7 % a year
    stayer_acceptance  0..1: of those who would stay, the share that takes the offer; 1 is the paper's, and the careful one

    Raises ProfitRefused: not_a_number, negative, not_a_share, no_horizon; facts name the field and its value.
    """

    contact_cost: float
    offer_cost: float
    acceptance: float
    horizon_months: float
    margin_share: float
    monthly_rate: float = 0.0
    stayer_acceptance: float = 1.0

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, number(field.name, getattr(self, field.name)))

    def customer_value(self, monthly_charges: np.ndarray, expected_months: np.ndarray | float) -> CustomerValue:
        """customer_value() with this company's margin, horizon and rate."""
        return customer_value(
            monthly_charges, expected_months, self.margin_share, self.horizon_months, monthly_rate=self.monthly_rate
        )


@dataclass(frozen=True, slots=True)
class CustomerValue:
    """value float64 [n]: money, NaN where it cannot be known; unknown: how many those are."""

    value: np.ndarray
    unknown: int


@dataclass(frozen=True, slots=True)
class Contact:
    """So many customers contacted, the most profitable first. share: of the customers that the curve is over; profit:
    money, of all of them together; threshold: money, the expected profit of the last one (None: nobody is contacted)."""

    share: float
    customers: int
    profit: float
    threshold: float | None


@dataclass(frozen=True, slots=True)
class ProfitCurve:
    """Cumulative expected profit by how many are contacted, at most POINTS points, from nobody to everybody.

    customers int64 [m]; share, profit, threshold float64 [m] (threshold: expected profit of the last one, the first
    one's where nobody is contacted); best: exact, and one of the points; rows: customers with a known chance and
    value; unknown: those left out; break_even_acceptance: the acceptance at which contacting the best share would earn
    nothing (None: nobody is worth contacting).
    """

    customers: np.ndarray
    share: np.ndarray
    profit: np.ndarray
    threshold: np.ndarray
    best: Contact
    rows: int
    unknown: int
    break_even_acceptance: float | None

    def at(self, share: float) -> Contact:
        """What contacting another share (0..1) would earn: exact at the points, a straight line between them."""
        count = round(number("share", share) * self.rows)
        profit = float(np.interp(count, self.customers, self.profit))
        threshold = float(np.interp(count, self.customers, self.threshold)) if count else None
        return Contact(count / self.rows, count, profit, threshold)


def customer_value(
    monthly_charges: np.ndarray,
    expected_months: np.ndarray | float,
    margin_share: float,
    horizon_months: float,
    *,
    monthly_rate: float = 0.0,
) -> CustomerValue:
    """The money that a customer brings if kept: margin_share * charges at each month's end, for as many months as they
    are expected to stay, at most horizon_months, discounted by (1 + monthly_rate) a month (Berger and Nasr 1998).

    monthly_charges float [n] and expected_months (float [n], or one for all); months may be broken. Where either is
    missing or below nought the value is unknown: NaN, counted, never filled in. Raises ProfitRefused for the rest.
    """
    margin, horizon = number("margin_share", margin_share), number("horizon_months", horizon_months)
    rate = number("monthly_rate", monthly_rate)
    charges = pd.to_numeric(pd.Series(monthly_charges), errors="coerce").to_numpy(np.float64, na_value=np.nan)
    months = np.minimum(np.asarray(expected_months, dtype=np.float64), horizon)
    if months.ndim and len(months) != len(charges):
        raise unequal(monthly_charges=len(charges), expected_months=len(months))
    paid = -np.expm1(-months * np.log1p(rate)) / rate if rate else months
    with np.errstate(invalid="ignore"):  # an unlimited charge for no months is one more unknown
        value = margin * charges * paid
    value[~np.isfinite(value) | (charges < 0) | (months < 0)] = np.nan
    return CustomerValue(value, int(np.isnan(value).sum()))


def expected_profit(chance: np.ndarray, value: np.ndarray, economics: Economics) -> np.ndarray:
    """Money expected from contacting each customer, float64 [n]; NaN where chance or value is unknown.

    chance float64 [n] in 0..1, calibrated; value float64 [n], money that a customer brings if kept. Given the outcome
    (1 left, 0 stayed) for the chance, it is what contacting would have brought. Raises ProfitRefused: unequal_lengths,
    chance_out_of_range.
    """
    chance, value = np.asarray(chance, dtype=np.float64), np.asarray(value, dtype=np.float64)
    if chance.shape != value.shape:
        raise unequal(chance=chance.size, value=value.size)
    if ((chance < 0) | (chance > 1)).any():
        raise ProfitRefused("chance_out_of_range", "A probability of leaving lies between 0 and 1.")
    value = np.where(np.isfinite(value), value, np.nan)
    kept = chance * economics.acceptance * (value - economics.offer_cost)
    return kept - (1 - chance) * (economics.stayer_acceptance * economics.offer_cost) - economics.contact_cost


def break_even_chance(value: np.ndarray, economics: Economics) -> np.ndarray:
    """The probability of leaving above which contacting a customer of such a value pays, float64 [n]; from 1 on, never."""
    idle = economics.stayer_acceptance * economics.offer_cost
    gain = economics.acceptance * (np.asarray(value, dtype=np.float64) - economics.offer_cost) + idle
    never = np.where(np.isnan(gain), np.nan, np.inf)
    return np.divide(economics.contact_cost + idle, gain, out=never, where=gain > 0)


def profit_curve(chance: np.ndarray, value: np.ndarray, economics: Economics) -> ProfitCurve:
    """Order customers by expected profit and add up. chance and value float64 [n], NaN unknown (left out, counted).

    The best share is everyone whose expected profit is above nought. One sort: a million customers cost 0.4 s and
    six arrays of eight megabytes. Raises ProfitRefused: no_customers, no_known_value, and those of expected_profit().
    """
    each = expected_profit(chance, value, economics)
    known = np.flatnonzero(~np.isnan(each))
    require_known(len(each), len(known))
    order = known[np.argsort(-each[known], kind="stable")]
    gain = each[order]
    total = np.r_[0.0, np.cumsum(gain)]
    best = int((gain > 0).sum())
    customers = points(len(gain), best)
    threshold = gain[np.maximum(customers - 1, 0)]
    chosen = order[:best]
    kept = np.asarray(chance)[chosen] * (np.asarray(value)[chosen] - economics.offer_cost)
    return ProfitCurve(
        customers=customers,
        share=customers / len(gain),
        profit=total[customers],
        threshold=threshold,
        best=Contact(best / len(gain), best, float(total[best]), float(gain[best - 1]) if best else None),
        rows=len(gain),
        unknown=len(each) - len(gain),
        # earned = acceptance * kept - cost, for the same customers
        break_even_acceptance=float(economics.acceptance - total[best] / kept.sum()) if best else None,
    )


def points(rows: int, best: int) -> np.ndarray:
    """How many are contacted at each point of a curve, int64 [at most POINTS]: evenly spread, and the best one."""
    return np.unique(np.r_[np.linspace(0, rows, POINTS - 1).round(), best].astype(np.int64))


def number(name: str, value: object) -> float:
    """A named figure of the economics as a float; ProfitRefused where it is none, or outside its bounds."""
    try:
        figure = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        figure = np.nan
    if not np.isfinite(figure):
        raise ProfitRefused("not_a_number", f"{name} must be a number, not {value!r}.", field=name, value=str(value))
    if name in (*_SHARES, "share") and not 0 <= figure <= 1:
        raise ProfitRefused(
            "not_a_share", f"{name} must lie between 0 and 1, not {figure:g}.", field=name, value=figure
        )
    if name == "horizon_months" and figure <= 0:
        raise ProfitRefused("no_horizon", f"{name} must be above 0, not {figure:g}.", field=name, value=figure)
    if figure < 0:
        raise ProfitRefused("negative", f"{name} must not be below 0: {figure:g}.", field=name, value=figure)
    return figure


def require_known(customers: int, known: int) -> None:
    """Refuse to draw a curve over nobody. Raises ProfitRefused: no_customers, no_known_value."""
    if customers == 0:
        raise ProfitRefused("no_customers", "There are no customers to reckon with.")
    if known == 0:
        raise ProfitRefused(
            "no_known_value",
            f"What a customer brings is known for none of {customers} customers, so profit cannot be reckoned.",
            customers=customers,
        )


def unequal(**sizes: int) -> ProfitRefused:
    told = " and ".join(f"{size} of {name}" for name, size in sizes.items())
    return ProfitRefused("unequal_lengths", f"{told} do not go together.", **sizes)
