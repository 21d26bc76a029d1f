"""Whom a campaign is for: an audience as a person chose it becomes one rule, and the rule one question to the database.

``{"kind": "risk", "bands": ["high"]}`` or ``{"kind": "risk", "low": 0.4, "high": 0.9}`` ·
``{"kind": "segment", "segments": ["S1"]}`` · ``{"kind": "rule", "rule_segment": "<identifier>"}`` ·
``{"kind": "list", "numbers": ["C-1", …]}`` · ``{"kind": "persuadable"}``.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from core.errors import Refused
from customers.models import Customer
from segmentation import audiences, conditions
from segmentation import selectors as segmentation
from segmentation import services as segments

from ..models import Audience, UpliftRun, UpliftScore

MOST_LISTED = 5_000
_IN_ONE_CONDITION = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """An audience that can be asked: its rule (None: everybody), and whether proved uplift narrows it."""

    rule: dict | None
    uplift: UpliftRun | None = None


def read(audience: object) -> Asked:
    """Check an audience. Raises Refused: ``bad_audience``, ``unknown_segment``, ``unknown_rule_segment``, ``too_long_a_list``,
    ``not_proved``, ``invalid_rule``."""
    if not isinstance(audience, dict) or audience.get("kind") not in Audience.values:
        raise Refused("bad_audience", _("Choose whom the campaign is for."))
    asked = _READERS[audience["kind"]](audience)
    if asked.rule is not None:
        segments.read_rule(asked.rule)
    return asked


def _risk(audience: dict) -> Asked:
    bands = audience.get("bands")
    if bands:
        if not isinstance(bands, list) or not set(map(str, bands)) <= set(audiences.fields.BANDS):
            raise Refused("bad_audience", _("The bands of risk are high, medium and low."))
        return Asked({"field": "risk_band", "is": "one_of", "value": [str(band) for band in bands]})
    low, high = audience.get("low"), audience.get("high")
    for edge in (low, high):
        if edge is not None and (isinstance(edge, bool) or not isinstance(edge, int | float) or not 0 <= edge <= 1):
            raise Refused("bad_audience", _("A risk lies between 0 and 1."))
    if low is None and high is None:
        raise Refused("bad_audience", _("Name the bands of risk, or from which to which risk."))
    if low is not None and high is not None:
        if low >= high:
            raise Refused("bad_audience", _("The range of risk is empty."))
        return Asked({"field": "risk", "is": "between", "value": [low, high]})
    return Asked(
        {"field": "risk", "is": "at_least", "value": low}
        if high is None
        else {"field": "risk", "is": "at_most", "value": high}
    )


def _segment(audience: dict) -> Asked:
    wanted = audience.get("segments")
    known = {f"S{one.number}" for one in segmentation.segments()} | {
        one.label: f"S{one.number}" for one in segmentation.segments()
    }.keys()
    labels = {one.label: f"S{one.number}" for one in segmentation.segments()}
    if not isinstance(wanted, list) or not wanted:
        raise Refused("bad_audience", _("Choose at least one segment."))
    for name in wanted:
        if str(name) not in known:
            raise Refused("unknown_segment", _("There is no segment “%(name)s”.") % {"name": str(name)[:40]})
    return Asked({"field": "segment", "is": "one_of", "value": [labels.get(str(n), str(n)) for n in wanted]})


def _rule(audience: dict) -> Asked:
    try:
        wanted = UUID(str(audience.get("rule_segment")))
    except ValueError:
        wanted = None
    found = segmentation.rule_segments().filter(public_id=wanted).first() if wanted else None
    if found is None:
        raise Refused("unknown_rule_segment", _("This rule segment is not there (any more)."))
    return Asked(found.rule)


def _list(audience: dict) -> Asked:
    numbers = audience.get("numbers")
    if not isinstance(numbers, list) or not numbers:
        raise Refused("bad_audience", _("List at least one customer number."))
    numbers = list(dict.fromkeys(str(one).strip() for one in numbers if str(one).strip()))
    if len(numbers) > MOST_LISTED:
        raise Refused(
            "too_long_a_list",
            _("A list takes up to %(most)s customer numbers: for more, mark them by a column and make a rule segment.")
            % {"most": MOST_LISTED},
        )
    blocks = [numbers[at : at + _IN_ONE_CONDITION] for at in range(0, len(numbers), _IN_ONE_CONDITION)]
    parts = [{"field": "external_id", "is": "one_of", "value": block} for block in blocks]
    return Asked(parts[0] if len(parts) == 1 else {"any": parts})


def _persuadable(_audience: dict) -> Asked:
    run = current_uplift()
    if run is None or not run.is_ready:
        raise Refused(
            "not_proved",
            _(
                "Whom a mail keeps is not proved yet: your own experiments must show it first. Choose by risk until then."
            ),
        )
    return Asked(None, run)


_READERS = {
    Audience.RISK: _risk,
    Audience.SEGMENT: _segment,
    Audience.RULE: _rule,
    Audience.LIST: _list,
    Audience.PERSUADABLE: _persuadable,
}


def current_uplift() -> UpliftRun | None:
    """The learning in force of whom a mail keeps."""
    return UpliftRun.objects.filter(is_current=True).first()


def customers_of(asked: Asked) -> QuerySet[Customer]:
    """Who is in, in no order, without those who have left already. For jobs; pages count and sample."""
    rows = audiences.matching(segments.read_rule(asked.rule)) if asked.rule is not None else Customer.objects.order_by()
    if asked.uplift is not None:
        persuadable = UpliftScore.objects.filter(
            run=asked.uplift, customer_id=OuterRef("pk"), group=UpliftScore.Group.PERSUADABLE
        )
        rows = rows.filter(Exists(persuadable))
    return rows.filter(still_here())


def still_here() -> Q:
    return Q(churn_label=None) | Q(churn_label=False)


@dataclass(frozen=True, slots=True)
class Look:
    """How many are in (exactly, or between low and high), and a few of them."""

    customers: int
    low: int
    high: int
    is_exact: bool
    some: list[Customer]


def look(audience: object) -> Look:
    """For a page, in about a second however many customers there are. Raises Refused, as ``read``."""
    asked = read(audience)
    if asked.uplift is not None:
        n = int(asked.uplift.result.get("groups", {}).get(UpliftScore.Group.PERSUADABLE, {}).get("customers", 0))
        return Look(n, n, n, True, list(customers_of(asked).order_by("pk")[:5]))
    tree = segments.read_rule(_without_leavers(asked.rule))
    found = audiences.count(tree)
    return Look(found.customers, found.low, found.high, found.is_exact, audiences.sample(tree, 5))


def _without_leavers(rule: dict | None) -> dict:
    here = {"not": {"field": "churn_label", "is": "equals", "value": True}}
    return {"all": [rule, here]} if rule is not None else here


def tree_of(rule: dict) -> conditions.Tree:
    return segments.read_rule(rule)
