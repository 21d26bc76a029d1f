"""What is known of each customer of a campaign, checked, and what the company says that a campaign costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from campaigns.outreach.experiment.adjustment import require_known
from campaigns.outreach.experiment.arms import HELD_OUT, arm_shares
from campaigns.outreach.experiment.refusal import ExperimentRefused, number, share


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """A row for each customer that was assigned, whether written to or not; all arrays of one length n.

    arm              int: HELD_OUT, or i + 1 for variants[i], as ``arms.assign`` gave it
    left             float: 1 left within the horizon (so far, before it is over), 0 stayed, NaN unknown (erased, not in the
                     newest file)
    written          bool: really written to (None: nobody knows; then all of an arm cost a contact)
    accepted         bool: took the offer (None: nobody knows; then offers cost nothing here)
    monthly_charges  float: money a month, NaN unknown (None: money is not reckoned)
    revenue_before, revenue_after   float: money in the same span before and after the launch, NaN unknown
    covariates       float [n, k]: known *before* the assignment, such as the score on the day of launch; no NaN
    """

    arm: np.ndarray
    left: np.ndarray
    written: np.ndarray | None = None
    accepted: np.ndarray | None = None
    monthly_charges: np.ndarray | None = None
    revenue_before: np.ndarray | None = None
    revenue_after: np.ndarray | None = None
    covariates: np.ndarray | None = None

    def __post_init__(self) -> None:
        arm = np.asarray(self.arm, dtype=np.int64)
        object.__setattr__(self, "arm", arm)
        for name in ("left", "monthly_charges", "revenue_before", "revenue_after"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.float64))
        for name in ("written", "accepted"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=bool))
        if self.covariates is not None:
            matrix = np.asarray(self.covariates, dtype=np.float64)
            object.__setattr__(self, "covariates", matrix[:, None] if matrix.ndim == 1 else matrix)
            require_known(self.covariates)
        for name in self.__slots__:
            column = getattr(self, name)
            if column is not None and len(column) != len(arm):
                raise ExperimentRefused(
                    "unequal_lengths", f"{name} does not go with the arms.", **{"arm": len(arm), name: len(column)}
                )
        odd = self.left[~np.isnan(self.left) & ~np.isin(self.left, (0.0, 1.0))]
        if len(odd):
            raise ExperimentRefused(
                "not_an_outcome", "An outcome is 1 (left), 0 (stayed) or unknown.", value=float(odd[0])
            )


@dataclass(frozen=True, slots=True)
class Design:
    """What was laid down before the launch; nothing of it may be chosen after looking.

    horizon_days above 0: after so many days outcomes are read, once; worthwhile: the smallest fall in the share of leavers
    that would be worth knowing (None: what pays for the campaign, and failing that what was observed).
    Raises ExperimentRefused: not_a_share, not_a_number, no_variants, same_variant, unequal_lengths.
    """

    holdout: float
    horizon_days: int
    variants: tuple[str, ...] = ("a",)
    shares: tuple[float, ...] | None = None
    worthwhile: float | None = None

    def __post_init__(self) -> None:
        share("holdout", self.holdout)
        if number("horizon_days", self.horizon_days) <= 0:
            raise ExperimentRefused(
                "not_a_number", "A horizon has at least a day.", field="horizon_days", value=str(self.horizon_days)
            )
        if self.worthwhile is not None:
            share("worthwhile", self.worthwhile, ends=False)
        arm_shares(self.holdout, self.variants, self.shares)

    def arm_shares(self) -> np.ndarray:
        """Expected share of each arm by its code, float64 [1 + variants]."""
        return arm_shares(self.holdout, self.variants, self.shares)


@dataclass(frozen=True, slots=True)
class Costs:
    """What the company says; nothing of it is learned, and nothing but the discount has a default.

    contact_cost   money for each customer written to; or one figure for each variant
    offer_cost     money for each customer who takes the offer; or one figure for each variant
    value_months   above 0: for how long a kept customer's money counts
    margin_share   0..1: of the charges, the share that is profit
    monthly_rate   discount a month
    """

    contact_cost: float | Sequence[float]
    offer_cost: float | Sequence[float]
    value_months: float
    margin_share: float
    monthly_rate: float = 0.0

    def __post_init__(self) -> None:
        for name in ("contact_cost", "offer_cost"):
            given = getattr(self, name)
            for one in given if isinstance(given, Sequence) else (given,):
                number(name, one)
        if number("value_months", self.value_months) <= 0:
            raise ExperimentRefused(
                "not_a_number", "Money counts for some time.", field="value_months", value=str(self.value_months)
            )
        share("margin_share", self.margin_share)
        number("monthly_rate", self.monthly_rate)

    def of(self, name: str, arm: int) -> float:
        """contact_cost or offer_cost of an arm; nothing for the holdout."""
        given = getattr(self, name)
        if arm == HELD_OUT:
            return 0.0
        return float(given[arm - 1]) if isinstance(given, Sequence) else float(given)

    def value(self, monthly_charges: np.ndarray) -> np.ndarray:
        """What each customer brings if kept, float64 [n]: margin at each month's end, discounted (Berger and Nasr
        1998); NaN where charges are unknown or below nought."""
        rate, months = self.monthly_rate, self.value_months
        paid = (1 - (1 + rate) ** -months) / rate if rate else months
        return np.where(monthly_charges >= 0, self.margin_share * monthly_charges * paid, np.nan)


@dataclass(frozen=True, slots=True)
class Arm:
    """Counts of an arm. variant: None for the holdout; rate: left / known (None: nobody's outcome is known); written and
    accepted: None where nobody knows."""

    code: int
    variant: str | None
    assigned: int
    known: int
    left: int
    missing: int
    written: int | None
    accepted: int | None
    rate: float | None


def count(outcomes: Outcomes, design: Design, code: int) -> Arm:
    """The counts of one arm."""
    inside = outcomes.arm == code
    left = outcomes.left[inside]
    known, gone = int((~np.isnan(left)).sum()), int(np.nansum(left))
    return Arm(
        code=code,
        variant=None if code == HELD_OUT else design.variants[code - 1],
        assigned=int(inside.sum()),
        known=known,
        left=gone,
        missing=int(inside.sum()) - known,
        written=None if outcomes.written is None else int(outcomes.written[inside].sum()),
        accepted=None if outcomes.accepted is None else int(outcomes.accepted[inside].sum()),
        rate=gone / known if known else None,
    )
