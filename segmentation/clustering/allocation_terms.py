"""What an allocation starts from: offers, who may have them, the limits, and what each customer would bring with each offer.

    profit = chance * effect * (1 - price_share) * value                                 would leave, is kept
             - (chance * acceptance + (1 - chance) * stayer_acceptance) * offer_cost     takes the offer
             - (1 - chance) * stayer_acceptance * price_share * value                    would stay, now pays less
             - contact_cost                                                              whoever is contacted

With acceptance equal to effect and no price_share this is, offer by offer, the expected profit of docs/profit.md.

What a budget bounds is the *reserved* spend: contact_cost + offer_cost for each customer who is offered something, as if
all of them took it. So it cannot be exceeded, whatever they do. ``counts="expected"`` bounds the expected spend instead:
more customers for the same budget, and roughly an even chance of spending more than it. What a lower price forgoes is
in the profit and in no spend; a discount of a fixed sum belongs in offer_cost.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import ROUND_FLOOR, Decimal, InvalidOperation

import numpy as np

COUNTS = ("reserved", "expected")
MOST_OFFERS = 1_000
DEAREST = 1e9  # money: a million such customers are still whole thousandths in an int64
GENDER = frozenset({"gender", "sex", "genre", "sexe", "civilite"})
AGE = frozenset({"age", "senior", "birth", "birthday", "birthdate", "born", "dob", "naissance"})
_FIGURES = ("effect", "contact_cost", "offer_cost", "acceptance", "stayer_acceptance", "price_share")


class AllocationRefused(ValueError):
    """Offers cannot be allocated from this. ``code`` and ``facts`` let an interface say it in another language."""

    def __init__(self, code: str, message: str, **facts: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.facts = facts

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.code, self.message, self.facts)


def _rebuild(code: str, message: str, facts: dict[str, object]) -> AllocationRefused:
    return AllocationRefused(code, message, **facts)


@dataclass(frozen=True, slots=True)
class Offer:
    """One offer, by the company's word or by what a holdout measured.

    effect             0..1: of those who would leave, the share whom the offer keeps (docs/profit.md: acceptance)
    contact_cost       money for each customer who is offered it
    offer_cost         money for each customer who takes it
    acceptance         effect..1: of those who would leave, the share that takes it; None: just those whom it keeps
    stayer_acceptance  0..1: of those who would stay, the share that takes it
    price_share        from 0: the share of a customer's value that a lower price gives away; with a margin of half the
                       charges, 10 % off gives away 0.2

    Raises AllocationRefused: not_a_number, negative, not_a_share, effect_above_acceptance; facts name offer and field.
    """

    name: str
    effect: float
    contact_cost: float
    offer_cost: float
    acceptance: float | None = None
    stayer_acceptance: float = 1.0
    price_share: float = 0.0

    def __post_init__(self) -> None:
        for field in (field.name for field in fields(self) if field.name in _FIGURES):
            if field == "acceptance" and self.acceptance is None:
                object.__setattr__(self, field, self.effect)
            figure = _number(field, getattr(self, field), offer=self.name)
            if field in ("effect", "acceptance", "stayer_acceptance") and figure > 1:
                raise AllocationRefused(
                    "not_a_share", f"{field} of {self.name} must lie between 0 and 1.", offer=self.name, field=field
                )
            object.__setattr__(self, field, figure)
        if self.effect > self.acceptance:
            raise AllocationRefused(
                "effect_above_acceptance", f"{self.name} cannot keep more than take it.", offer=self.name
            )


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may have an offer: those whose ``field`` is from ``at_least`` on, below ``below`` and ``among`` these.

    Whose field is unknown may not. Gender is refused. A field of age needs ``approved_by``, the person who stands for it.
    Raises AllocationRefused: gender_decides, age_not_approved.
    """

    offer: str
    field: str
    at_least: float | None = None
    below: float | None = None
    among: frozenset[object] | None = None
    approved_by: str = ""

    def __post_init__(self) -> None:
        words = set(re.split(r"[\W\d_]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", self.field).lower()))
        if words & GENDER:
            raise AllocationRefused("gender_decides", "Gender never decides an offer.", offer=self.offer)
        if words & AGE and not self.approved_by.strip():
            raise AllocationRefused(
                "age_not_approved", "Age decides an offer only by a rule that a person approved.", offer=self.offer
            )

    def allows(self, column: np.ndarray) -> np.ndarray:
        """bool [n]: whom this rule lets have the offer. column [n]: the field's values, None or NaN unknown."""
        column = np.asarray(column)
        allowed = np.array([x is not None and x == x for x in column]) if column.dtype == object else column == column
        if self.at_least is not None or self.below is not None:
            figures = np.where(allowed, column, np.nan).astype(np.float64)
            allowed = allowed & (figures >= (-np.inf if self.at_least is None else self.at_least))
            allowed &= figures < (np.inf if self.below is None else self.below)
        if self.among is not None:
            allowed = allowed & np.isin(column.astype(str), [str(x) for x in self.among])
        return allowed


def eligibility(
    customers: int, offers: Sequence[Offer], rules: Sequence[Rule], columns: Mapping[str, np.ndarray]
) -> np.ndarray:
    """bool [customers, offers]: whom all rules of an offer let have it; an offer without rules is for everybody.

    Raises AllocationRefused: unknown_offer, unknown_field, unequal_lengths.
    """
    names = [offer.name for offer in offers]
    may = np.ones((customers, len(names)), dtype=bool)
    for rule in rules:
        if rule.offer not in names:
            raise AllocationRefused("unknown_offer", f"There is no offer {rule.offer!r}.", offer=rule.offer)
        if rule.field not in columns:
            raise AllocationRefused("unknown_field", f"There is no field {rule.field!r}.", field=rule.field)
        if len(columns[rule.field]) != customers:
            raise _unequal(customers=customers, **{rule.field: len(columns[rule.field])})
        may[:, names.index(rule.offer)] &= rule.allows(columns[rule.field])
    return may


@dataclass(frozen=True, slots=True)
class Limits:
    """What may not be exceeded. None: unlimited. budget: money, of the spend that Expected.cost counts, read to the
    thousandth; customers: how many may be offered something; stock and caps: for each offer, how many are there and how
    many the company allows, both counted in customers who are offered it.

    Raises AllocationRefused: not_a_number, negative, unequal_lengths.
    """

    budget: Decimal | float | None = None
    customers: int | None = None
    stock: Sequence[int | None] | None = None
    caps: Sequence[int | None] | None = None

    def rooms(self, offers: int) -> np.ndarray:
        """float64 [2 + offers], inf unlimited: the budget in money, the customers, and the smaller of stock and cap."""
        rooms = np.full(2 + offers, np.inf)
        if self.budget is not None:
            _number("budget", self.budget)
            rooms[0] = float(Decimal(str(self.budget)).quantize(Decimal("0.001"), ROUND_FLOOR))
        if self.customers is not None:
            rooms[1] = np.floor(_number("customers", self.customers))
        for field in ("stock", "caps"):
            given = getattr(self, field)
            if given is None:
                continue
            if len(given) != offers:
                raise _unequal(offers=offers, **{field: len(given)})
            each = [np.inf if count is None else np.floor(_number(field, count)) for count in given]
            rooms[2:] = np.minimum(rooms[2:], each)
        return rooms


@dataclass(frozen=True, slots=True)
class Expected:
    """What each customer would bring with each offer, all float64 [n, m].

    profit: money, expected; cost: money that counts against a budget, in whole thousandths, never rounded down; kept:
    customers, expected; outlay: money, the expected spend. Raises AllocationRefused: not_finite, negative, too_dear,
    too_many_offers, unequal_lengths.
    """

    profit: np.ndarray
    cost: np.ndarray
    kept: np.ndarray
    outlay: np.ndarray

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, np.asarray(getattr(self, field.name), dtype=np.float64))
        shapes = {field.name: getattr(self, field.name).shape for field in fields(self)}
        if len(set(shapes.values())) > 1 or len(shapes["profit"]) != 2:
            raise AllocationRefused("unequal_lengths", "The four tables must have one shape [n, m].", **shapes)
        if shapes["profit"][1] > MOST_OFFERS:
            raise AllocationRefused("too_many_offers", f"At most {MOST_OFFERS} offers.", offers=shapes["profit"][1])
        for name in shapes:
            _require_finite(name, getattr(self, name))
        if self.cost.size and self.cost.min() < 0:
            raise AllocationRefused("negative", "A cost must not be below 0.", field="cost")
        if self.cost.size and self.cost.max() > DEAREST:
            raise AllocationRefused("too_dear", f"A cost must not be above {DEAREST:g}.", field="cost")
        # A view that repeats one row for all customers is left one.
        rows = self.cost[:1] if self.cost.strides[0] == 0 else self.cost
        object.__setattr__(self, "cost", np.broadcast_to(thousandths(rows) / 1000, self.cost.shape))


def expected(chance: np.ndarray, value: np.ndarray, offers: Sequence[Offer], *, counts: str = "reserved") -> Expected:
    """What each customer would bring with each offer, by the formula above.

    chance float [n] in 0..1, calibrated; value float [n], money that a customer brings if kept, from 0; counts: which
    spend a budget bounds, reserved or expected. Customers whose chance or value is unknown must be left out before.
    Raises AllocationRefused: unequal_lengths, not_finite, chance_out_of_range, negative, unknown_counts.
    """
    if counts not in COUNTS:
        raise AllocationRefused("unknown_counts", f"A budget bounds the spend {' or '.join(COUNTS)}.", counts=counts)
    chance, value = np.asarray(chance, dtype=np.float64), np.asarray(value, dtype=np.float64)
    if chance.shape != value.shape or chance.ndim != 1:
        raise _unequal(chance=chance.size, value=value.size)
    _require_finite("chance", chance)
    _require_finite("value", value)
    if ((chance < 0) | (chance > 1)).any():
        raise AllocationRefused("chance_out_of_range", "A probability of leaving lies between 0 and 1.")
    if (value < 0).any():
        raise AllocationRefused("negative", "What a customer brings must not be below 0.", field="value")
    shape = len(chance), len(offers)
    profit, kept, outlay = np.empty(shape), np.empty(shape), np.empty(shape)
    for j, offer in enumerate(offers):
        stayers = (1 - chance) * offer.stayer_acceptance
        kept[:, j] = chance * offer.effect
        outlay[:, j] = offer.contact_cost + (chance * offer.acceptance + stayers) * offer.offer_cost
        profit[:, j] = (kept[:, j] - (kept[:, j] + stayers) * offer.price_share) * value - outlay[:, j]
    reserved = np.broadcast_to(np.array([offer.contact_cost + offer.offer_cost for offer in offers]), shape)
    return Expected(profit, reserved if counts == "reserved" else outlay, kept, outlay)


def thousandths(money: np.ndarray) -> np.ndarray:
    """Money as whole thousandths, rounded up, int64; what a float leaves past the ninth digit is no money."""
    return np.ceil(np.round(np.asarray(money, dtype=np.float64) * 1000, 5)).astype(np.int64)


def _number(name: str, value: object, **facts: object) -> float:
    try:
        figure = float(value)  # type: ignore[arg-type]
        Decimal(str(value))
    except (TypeError, ValueError, InvalidOperation):
        figure = np.nan
    if not np.isfinite(figure):
        raise AllocationRefused("not_a_number", f"{name} must be a number, not {value!r}.", field=name, **facts)
    if figure < 0:
        raise AllocationRefused("negative", f"{name} must not be below 0: {figure:g}.", field=name, **facts)
    return figure


def _require_finite(name: str, table: np.ndarray) -> None:
    wrong = int(table.size - np.isfinite(table).sum())
    if wrong:
        raise AllocationRefused(
            "not_finite", f"{name} holds {wrong} figures that are no numbers.", field=name, count=wrong
        )


def _unequal(**sizes: int) -> AllocationRefused:
    told = " and ".join(f"{size} of {name}" for name, size in sizes.items())
    return AllocationRefused("unequal_lengths", f"{told} do not go together.", **sizes)
