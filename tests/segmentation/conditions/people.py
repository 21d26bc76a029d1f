"""Customers of every sort, what is known of each as a rule sees it, and rules about them."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

from hypothesis import strategies as st

from customers import services
from customers.models import Customer, Interaction, Subscription, UsageRecord
from predictions.models import Score
from segmentation.audiences.fields import ATTRIBUTE, STANDARD
from segmentation.audiences.sources import _THEIRS, _USAGE
from segmentation.conditions import Catalogue, Field, Kind
from segmentation.models import Segment, Segmentation, SegmentMembership

TODAY = dt.date(2026, 7, 1)
ODD = 'Région "2" \\ %s'  # a header as companies write them
NAMES = ["Tier", ODD, "2024", "Autopay", "Signed on", "a.b[0]"]
_DAY = re.compile("[0-9]{4}-[0-1][0-9]-[0-3][0-9]")


def attributes(i: int) -> dict[str, object]:
    found: dict[str, object] = {
        "Tier": ("Gold", "silver", "Été", "", 7, True, None)[i % 7],
        ODD: (i / 4 if i % 5 else f"text {i}"),
        "2024": (i % 5, float(i % 3), "3", None, 0.1, -2, 1e12)[i % 7],
        "Autopay": (True, False, "Yes", 1)[i % 4],
        "Signed on": (f"2026-{1 + i % 9:02d}-15", "soon", 20260101, "2026-06-30")[i % 4],
        "a.b[0]": ("X", "y")[i % 2],
    }
    return {name: value for j, (name, value) in enumerate(found.items()) if (i + j) % 9}


def scatter() -> None:
    """Give the company in scope holes, months of use, contacts, segments and other fields of every sort."""
    people = list(Customer.objects.order_by("pk"))
    for i, customer in enumerate(people):
        customer.attributes = attributes(i)
        customer.city = ("Tunis", "tunis", "Sfax", "", "Ariana É")[i % 5]
        customer.age = (None, 17, 29, 30, 31, 64)[i % 6]
        customer.senior_citizen = (True, False, None)[i % 3]
        customer.gender = ("Male", "Female", "")[i % 3]
        customer.churn_label = (True, False, None)[i % 3]
        customer.email = "" if i % 4 else f"p{i}@example.com"
    Customer.objects.bulk_update(
        people, ["attributes", "city", "age", "senior_citizen", "gender", "churn_label", "email"]
    )
    Subscription.objects.filter(customer__in=people[::11]).delete()
    Subscription.objects.filter(customer__in=people[1::7]).update(tenure=None, contract="", monthly_charges=None)
    Score.objects.filter(customer__in=people[::13]).delete()
    UsageRecord.objects.bulk_create(
        UsageRecord(
            customer=customer,
            month=dt.date(2026, month, 1),
            montant_consommation=None if (i + month) % 5 == 0 else Decimal(i * month % 40) + Decimal("0.125"),
            nombre_appels=(i * month) % 6,
            volume_data=None if i % 2 else (i % 9) * 1.5,
            nombre_reclamations=i % 2,
        )
        for i, customer in enumerate(people)
        for month in range(3, 3 + i % 4)
    )
    Interaction.objects.bulk_create(
        Interaction(
            customer=customer,
            campaign_code=f"C{n}",
            kind="contacted" if (i + n) % 3 else "held_out",
            happened_on=TODAY - dt.timedelta(days=(i * 7 + n * 31) % 90),
            left_within_horizon=(True, False, None)[(i + n) % 3],
        )
        for i, customer in enumerate(people)
        for n in range(i % 4)
    )
    segments = Segment.objects.bulk_create(Segment(number=n, label=f"S{n}") for n in (1, 2, 3))
    for is_current in (True, False):
        run = Segmentation.objects.create(is_current=is_current, state="succeeded")
        SegmentMembership.objects.bulk_create(
            SegmentMembership(segmentation=run, customer=customer, segment=segments[(i + is_current) % 3])
            for i, customer in enumerate(people)
            if i % 5
        )
    services.refresh_customer_base()


def catalogue_of_everything() -> Catalogue:
    """Every standard field, and the other fields as each of the kinds they could be taken for."""
    others = []
    for name in NAMES:
        kinds = {"2024": Kind.NUMBER, ODD: Kind.NUMBER, "Autopay": Kind.YES_NO, "Signed on": Kind.DATE}
        others.append(Field(ATTRIBUTE + name, kinds.get(name, Kind.CATEGORY), label=name))
    return Catalogue([*STANDARD, Field("segment", Kind.SEGMENT), *others])


def records(catalogue: Catalogue, run) -> dict[int, dict[str, object]]:
    """What a rule sees of each customer, found without any of the product's own translation."""
    scores = dict(Score.objects.filter(run=run).values_list("customer_id", "risk")) if run else {}
    members = SegmentMembership.objects.filter(segmentation__is_current=True)
    segments = {m.customer_id: f"S{m.segment.number}" for m in members.select_related("segment")}
    people = Customer.objects.select_related("subscription").prefetch_related("usage", "interactions")
    return {
        customer.pk: _record(customer, catalogue, scores.get(customer.pk), run, segments.get(customer.pk))
        for customer in people
    }


def _record(customer, catalogue: Catalogue, risk, run, segment) -> dict[str, object]:
    plan = getattr(customer, "subscription", None)
    months = sorted(customer.usage.all(), key=lambda row: row.month)
    used = [m.month for m in months if any(getattr(m, name) or 0 for name in _USAGE - {"nombre_reclamations"})]
    everything = sorted(customer.interactions.all(), key=lambda row: (row.happened_on, row.pk))
    contacts = [row for row in everything if row.kind == "contacted"]
    found: dict[str, object] = {
        "risk": risk,
        "risk_band": None if risk is None else run.band(risk),
        "last_use": used[-1] if used else None,
        "segment": {segment} if segment else set(),
        "contacted": bool(contacts),
        "contacts": len(contacts),
        "last_contact": contacts[-1].happened_on if contacts else None,
        "left_after_contact": contacts[-1].left_within_horizon if contacts else None,
        "campaign": {row.campaign_code for row in contacts},
        "held_out": {row.campaign_code for row in everything if row.kind == "held_out"},
    }
    for field in catalogue:
        code = field.code
        if code.startswith(ATTRIBUTE):
            found[code] = cell(customer.attributes.get(code.removeprefix(ATTRIBUTE)), field.kind)
        elif code in _USAGE:
            found[code] = getattr(months[-1], code) if months else None
        elif code not in found:
            found[code] = getattr(plan if code in _THEIRS else customer, code, None)
    return found


def cell(value: object, kind: Kind) -> object:
    if kind is Kind.YES_NO:
        return value if isinstance(value, bool) else None
    if kind is Kind.NUMBER:
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None
    if kind is Kind.DATE:
        return value if isinstance(value, str) and _DAY.fullmatch(value) else None
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return None if value is None else str(value)


# ---------------------------------------------------------------- rules


def rules(catalogue: Catalogue, seen: dict[int, dict[str, object]]) -> st.SearchStrategy:
    """Rules as JSON that parse: conditions on any field, with values that somebody has, and others."""
    fields = st.sampled_from(list(catalogue))
    condition = fields.flatmap(lambda field: _conditions(field, [record[field.code] for record in seen.values()]))
    return _nodes(condition, 0)


def _nodes(condition, groups: int) -> st.SearchStrategy:
    negated = condition.map(lambda found: {"not": found})
    if groups == 3:
        return st.one_of(condition, negated)
    inner = st.lists(_nodes(condition, groups + 1), min_size=1, max_size=3)
    group = st.builds(lambda sort, children: {sort: children}, st.sampled_from(["all", "any"]), inner)
    return st.one_of(condition, negated, group, group.map(lambda found: {"not": found}))


def _conditions(field: Field, values: list[object]) -> st.SearchStrategy:
    return st.sampled_from(field.offered).flatmap(lambda operator: _condition(field, operator, values))


def _condition(field: Field, operator: str, values: list[object]) -> st.SearchStrategy:
    plain = {"field": field.code, "is": operator}
    if operator in ("known", "unknown", "some", "nothing"):
        return st.just(plain)
    if operator in ("last_days", "next_days"):
        return st.integers(1, 400).map(lambda value: {**plain, "value": value})
    one = _values(field, values)
    if operator in ("one_of", "none_of"):
        return st.lists(one, min_size=1, max_size=4).map(lambda value: {**plain, "value": value})
    if operator == "between":
        order = lambda v: Decimal(str(v)) if field.kind is not Kind.DATE else v  # noqa: E731
        return st.lists(one, min_size=2, max_size=2).map(lambda value: {**plain, "value": sorted(value, key=order)})
    return one.map(lambda value: {**plain, "value": value})


def _values(field: Field, values: list[object]) -> st.SearchStrategy:
    known = list({str(v): v for v in values if v is not None and v != "" and v != set()}.values())[:60]
    if field.kind is Kind.YES_NO:
        return st.booleans()
    if field.kind is Kind.SEGMENT:
        codes = sorted(set().union(*values)) if values else []
        return st.sampled_from([*codes, "S2", "C1", "nobody's"])
    if field.kind is Kind.DATE:
        days = [str(v) for v in known if _day(str(v))]
        return st.one_of(st.sampled_from([*days, "2026-05-01"]), st.dates(dt.date(2026, 1, 1), TODAY).map(str))
    if field.kind in (Kind.NUMBER, Kind.MONEY):
        low, high = max(field.low, -10), min(field.high, 200)
        numbers = [format(Decimal(str(v)), "f") for v in known if field.low <= v <= field.high]
        numbers = [n for n in numbers if len(n.partition(".")[2]) <= 10] or ["0"]
        whole = st.integers(int(low), int(high)).map(str)
        return st.one_of(st.sampled_from(numbers), whole)
    if field.is_closed:
        return st.sampled_from([value for value, _words in field.values])
    texts = [str(v) for v in known] or ["Nothing"]
    return st.one_of(st.sampled_from(texts), st.sampled_from(texts).map(str.swapcase), st.just("nobody's"))


def _day(text: str) -> bool:
    try:
        return bool(dt.date.fromisoformat(text))
    except ValueError:
        return False
