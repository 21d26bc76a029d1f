"""Questions about segments: what the last run found, from the tables that it wrote; customers are never scanned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from core.models import OPEN_STATES
from customers.models import Customer

from .models import (
    AllocatedOffer,
    Allocation,
    Assignment,
    Offer,
    RuleSegment,
    Segment,
    Segmentation,
    SegmentMembership,
    SegmentProfile,
)


def current_run() -> Segmentation | None:
    return Segmentation.objects.filter(is_current=True).first()


def open_run() -> Segmentation | None:
    return Segmentation.objects.filter(state__in=OPEN_STATES).first()


def open_assignment() -> Assignment | None:
    return Assignment.objects.filter(state__in=OPEN_STATES).first()


def assigned_since(moment: datetime) -> bool:
    """Whether newcomers were looked for since."""
    return Assignment.objects.filter(requested_at__gte=moment).exists()


def last_run() -> Segmentation | None:
    """The newest that is over, whatever came of it."""
    return Segmentation.objects.exclude(state__in=OPEN_STATES).defer("state_of_engine", "figures").first()


def run_before(run: Segmentation) -> Segmentation | None:
    """The newest run that divided the customers before this one and still knows who was where."""
    earlier = Segmentation.objects.filter(has_members=True, customers__gt=0, pk__lt=run.pk)
    return earlier.order_by("-pk").first()


def history() -> QuerySet[Segmentation]:
    """Runs that divided the customers, newest first, each with how many ``segments`` it found."""
    light = Segmentation.objects.defer("state_of_engine", "figures", "advice")
    return light.filter(customers__gt=0).annotate(segments=Count("profiles")).order_by("-pk")


def profiles(run: Segmentation) -> list[SegmentProfile]:
    """The run's portraits, in the order of their numbers, each with its segment."""
    return list(run.profiles.select_related("segment").order_by("segment__number"))


def segments() -> list[Segment]:
    """Segments in use, in the order of their numbers."""
    return list(Segment.objects.filter(is_retired=False))


def segment_of(customer: Customer) -> SegmentProfile | None:
    """Where the customer belongs now, with that segment's portrait."""
    run = current_run()
    place = SegmentMembership.objects.filter(segmentation=run, customer=customer).first() if run else None
    if place is None:
        return None
    return run.profiles.select_related("segment").filter(segment_id=place.segment_id).first()


def segments_of(keys: Sequence[int]) -> dict[int, Segment]:
    """Segments of a page of customers, by their keys: two questions."""
    run = current_run()
    if run is None or not keys:
        return {}
    places = SegmentMembership.objects.filter(segmentation=run, customer_id__in=keys)
    found = dict(places.values_list("customer_id", "segment_id"))
    known = Segment.objects.in_bulk(set(found.values()))
    return {key: known[segment] for key, segment in found.items()}


def belongs_to(segment: Segment, customer: str) -> Q:
    """Condition on rows whose path ``customer`` is a customer's key: they belong to the segment by the current run.

    Asked row by row through the membership's own index, so a list in another order ends as soon as it has a page.
    """
    run = current_run()
    if run is None:
        return Q(pk__in=[])
    places = SegmentMembership.objects.filter(segmentation=run, segment=segment, customer_id=OuterRef(customer))
    return Q(Exists(places))


def rule_segments() -> QuerySet[RuleSegment]:
    return RuleSegment.objects.select_related("created_by")


def offers() -> QuerySet[Offer]:
    return Offer.objects.prefetch_related("segments")


def newest_allocation() -> Allocation | None:
    return Allocation.objects.filter(state="succeeded").order_by("-pk").first()


def allocated_offer(customer: Customer) -> AllocatedOffer | None:
    """What the newest allocation proposes for a customer."""
    found = newest_allocation()
    lines = (
        AllocatedOffer.objects.filter(allocation=found, customer=customer) if found else AllocatedOffer.objects.none()
    )
    return lines.select_related("offer").first()


def open_allocation() -> Allocation | None:
    return Allocation.objects.filter(state__in=OPEN_STATES).first()


# ---------------------------------------------------------------- the source's four shapes


def distribution(found: Sequence[SegmentProfile]) -> dict[str, object]:
    """{"values", "labels", "type"}: one Plotly trace of sizes."""
    return {"values": [p.size for p in found], "labels": [p.segment.label for p in found], "type": "pie"}


def importance(run: Segmentation, found: Sequence[SegmentProfile]) -> list[dict[str, object]]:
    """A sample of each feature's values with the segment of each, and how much the feature separates them (0 to 1)."""
    labels, points = {p.segment.number: p.segment.label for p in found}, run.figures["points"]
    return [
        {
            "feature": name,
            "values": points[name]["values"],
            "segments": [labels[number] for number in points[name]["segments"]],
            "importance": run.figures["importance"][name],
        }
        for name in run.figures["features"]  # a list: PostgreSQL keeps no order of keys
    ]


def profile_table(run: Segmentation, found: Sequence[SegmentProfile]) -> dict[str, object]:
    """One row of means for each segment, and the same scaled to 0..1 for a radar."""
    features = run.figures["features"]
    return {
        "profiles": [_row(p.mean_values, features) for p in found],
        "features": features,
        "segments": [p.segment.label for p in found],
        "scaled": [_row(p.scaled, features) for p in found],
    }


def _row(values: Mapping[str, float | None], features: Sequence[str]) -> list[float | None]:
    return [values.get(name) for name in features]
