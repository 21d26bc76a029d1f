"""Who belongs where: a run's rows written at once, read back in order, and forgotten."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from django.db import IntegrityError, transaction

from core import bulk, columnar, jobs, partitions
from core.models import OPEN_STATES
from customers.models import Customer

from ..models import Segment, Segmentation, SegmentMembership

KEPT_RUNS = 3
_BLOCK = 100_000
_SMALL_BLOCK = 25_000  # on SQLite, where others wait for a block's end
_FORGET_BATCH = 50_000


def empty_table(held: jobs.Claim, run: Segmentation) -> str:
    """Where the run's rows go, without what an interrupted attempt left there: a table of its own until it is whole, or,
    on SQLite, the table of all runs."""
    if partitions.is_partitioned(SegmentMembership):
        return partitions.create(SegmentMembership, "segmentation_id", run.pk, attempt=held.token)
    SegmentMembership.objects.filter(segmentation=run).delete()
    return SegmentMembership._meta.db_table


def write(
    held: jobs.Claim,
    run: Segmentation,
    table: str,
    keys: np.ndarray,
    numbers: np.ndarray,
    segments: Mapping[int, Segment],
) -> Iterator[int]:
    """Put customers (keys int64 [n]) into segments (numbers int16 [n]), block by block; gives how many are written."""
    rows_of = np.zeros(max(segments) + 1, dtype=np.int64)
    for number, segment in segments.items():
        rows_of[number] = segment.pk
    block = _BLOCK if partitions.is_partitioned(SegmentMembership) else _SMALL_BLOCK
    for start in range(0, len(keys), block):
        part = slice(start, start + block)
        with transaction.atomic():
            held.save(progress_done=start)  # the fence: a worker taken for dead must not write beside its successor
            with bulk.proved_together(SegmentMembership):
                columnar.insert(
                    table,
                    {
                        "tenant_id": run.tenant_id,
                        "segmentation_id": run.pk,
                        "customer_id": keys[part],
                        "segment_id": rows_of[numbers[part]],
                    },
                )
        yield min(start + block, len(keys))


def attach(run: Segmentation, table: str) -> None:
    """Make the run's own table a part of the memberships. Inside the transaction that shows them."""
    if table != SegmentMembership._meta.db_table:
        partitions.attach(SegmentMembership, table, run.pk)


def complete(table: str) -> Iterator[None]:
    if table != SegmentMembership._meta.db_table:
        yield from partitions.complete(SegmentMembership, table)


def drop_orphans(table: str) -> bool:
    """Remove who was erased while the rows were written. False where the table has no life of its own."""
    if table == SegmentMembership._meta.db_table:
        return False
    partitions.drop_orphans(table, "customer_id", Customer)
    return True


def read(run: Segmentation) -> tuple[np.ndarray, np.ndarray]:
    """(customer int64 [n], number of the segment int16 [n]) in the order of customers' keys."""
    rows = SegmentMembership.objects.filter(segmentation=run).order_by("customer_id")
    keys, segments = bulk.read_numbers(rows.values_list("customer_id", "segment_id")).values()
    numbers = dict(Segment.objects.values_list("pk", "number"))
    places, inverse = np.unique(segments, return_inverse=True)
    return keys, np.array([numbers[key] for key in places.tolist()], dtype=np.int16)[inverse]


def add(run: Segmentation, keys: np.ndarray, numbers: np.ndarray, segments: Mapping[int, Segment]) -> int:
    """Put newcomers into the run that is shown; who has a place keeps it. Returns how many were put."""
    for attempt in range(3):
        try:
            return _add(run, keys, numbers, segments)
        except IntegrityError:  # somebody was erased between the look and the writing: look again
            if attempt == 2:
                raise
    return 0


def _add(run: Segmentation, keys: np.ndarray, numbers: np.ndarray, segments: Mapping[int, Segment]) -> int:
    held = SegmentMembership.objects.filter(segmentation=run, customer_id__in=keys.tolist())
    is_new = ~np.isin(keys, np.fromiter(held.values_list("customer_id", flat=True), dtype=np.int64))
    keys, numbers = keys[is_new], numbers[is_new]
    here = np.fromiter(Customer.objects.filter(pk__in=keys.tolist()).values_list("pk", flat=True), dtype=np.int64)
    still = np.isin(keys, here)
    keys, numbers = keys[still], numbers[still]
    if not len(keys):
        return 0
    rows_of = {number: segment.pk for number, segment in segments.items()}
    with transaction.atomic(), bulk.proved_together(SegmentMembership):
        return columnar.insert(
            SegmentMembership._meta.db_table,
            {
                "tenant_id": run.tenant_id,
                "segmentation_id": run.pk,
                "customer_id": keys,
                "segment_id": np.array([rows_of[number] for number in numbers.tolist()], dtype=np.int64),
            },
        )


def analyse(run: Segmentation) -> None:
    partitions.analyse(SegmentMembership, run.pk)


def forget(run: Segmentation) -> None:
    """A run's rows go: its table at once, those of SQLite in batches, so that nobody waits for long."""
    if partitions.is_partitioned(SegmentMembership):
        partitions.drop(SegmentMembership, run.pk)
    rows = SegmentMembership.objects.filter(segmentation=run)
    while batch := list(rows.order_by("pk").values_list("pk", flat=True)[:_FORGET_BATCH]):
        rows.filter(pk__lte=batch[-1]).delete()
    Segmentation.objects.filter(pk=run.pk).update(has_members=False)


def forget_old_runs() -> None:
    """Who was where is kept of the newest runs; older ones keep their figures."""
    ended = Segmentation.objects.filter(has_members=True).exclude(state__in=OPEN_STATES)
    for run in ended.filter(customers=0)[:10]:  # it ended before everybody had a place: nobody asks for those who had
        forget(run)
    for run in ended.filter(customers__gt=0).order_by("-pk")[KEPT_RUNS : KEPT_RUNS + 10]:
        if not run.is_current:
            forget(run)
