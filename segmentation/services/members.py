"""Who belongs where: a run's rows written at once, read back in order, and forgotten."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from django.db import IntegrityError, OperationalError, transaction

from core import alongside, bulk, columnar, jobs, partitions
from core.models import OPEN_STATES
from customers.models import Customer

from ..models import Segment, Segmentation, SegmentMembership

logger = logging.getLogger(__name__)

KEPT_RUNS = 3
_BLOCK = 100_000
_SMALL_BLOCK = 25_000  # on SQLite, where others wait for a block's end
_HALVED_FROM = 200_000  # customers: below, a second connection costs more than it saves
_FORGET_BATCH = 50_000
_KEYS_OF_A_RUN = 32  # bits: a run's rows number themselves beyond what the sequence gives to single rows


@dataclass(frozen=True, slots=True)
class Table:
    """Where a run's rows go: a table of its own until it is whole or, on SQLite, the table of all runs. ``pieces``: the tables
    that hold them, and which customers are in each."""

    name: str
    pieces: tuple[tuple[str, slice], ...]

    @property
    def is_own(self) -> bool:
        return self.name != SegmentMembership._meta.db_table


def empty_table(held: jobs.Claim, run: Segmentation, keys: np.ndarray) -> Table:
    """A table for these customers (int64 [n], ascending), without what an interrupted attempt left there."""
    if not partitions.is_partitioned(SegmentMembership):
        SegmentMembership.objects.filter(segmentation=run).delete()
        name = SegmentMembership._meta.db_table
        return Table(name, ((name, slice(0, len(keys))),))
    middle = len(keys) // 2 if len(keys) >= _HALVED_FROM else 0
    halved = ("customer_id", int(keys[middle])) if middle else None
    with transaction.atomic():
        held.save(progress_done=0)  # the fence: a worker taken for dead must not remove its successor's table
        name = partitions.create(
            SegmentMembership,
            "segmentation_id",
            run.pk,
            attempt=held.token,
            halved=halved,
            same={"tenant_id": run.tenant_id},
        )
    if not middle:
        return Table(name, ((name, slice(0, len(keys))),))
    first, second = partitions.halves(name)
    return Table(name, ((first, slice(0, middle)), (second, slice(middle, len(keys)))))


def write(
    held: jobs.Claim,
    run: Segmentation,
    table: Table,
    keys: np.ndarray,
    numbers: np.ndarray,
    segments: Mapping[int, Segment],
) -> Iterator[int]:
    """Put customers (keys int64 [n], ascending) into segments (numbers int16 [n]), block by block; gives how many each step
    wrote. The pieces of a table of its own are whole at the end, and side by side where there are two."""
    rows_of = np.zeros(max(segments) + 1, dtype=np.int64)
    for number, segment in segments.items():
        rows_of[number] = segment.pk
    if not table.is_own:
        yield from _appended(held, run, table.name, keys, rows_of[numbers])
        return
    pieces = [_whole_piece(run, name, rows, keys, rows_of[numbers[rows]]) for name, rows in table.pieces]
    yield from pieces[0] if len(pieces) == 1 else alongside.both(*pieces)
    if len(pieces) > 1:
        yield from (0 for _step in partitions.complete(SegmentMembership, table.name))


def _appended(held: jobs.Claim, run: Segmentation, name: str, keys: np.ndarray, segments: np.ndarray) -> Iterator[int]:
    """Rows into the table of all runs."""
    for start in range(0, len(keys), _SMALL_BLOCK):
        part = slice(start, start + _SMALL_BLOCK)
        with transaction.atomic():
            held.save(progress_done=start)  # the fence: a worker taken for dead must not write beside its successor
            with bulk.proved_together(SegmentMembership):
                columnar.insert(name, _columns(run, keys[part], segments[part]))
        yield len(keys[part])


def _whole_piece(run: Segmentation, name: str, rows: slice, keys: np.ndarray, segments: np.ndarray) -> Iterator[int]:
    """A table of this attempt's own, which no other worker writes to: its rows, then what it must have to be attached. keys:
    everybody's, int64; segments int64: of those in ``rows``."""
    first = run.pk << _KEYS_OF_A_RUN
    for start in range(rows.start, rows.stop, _BLOCK):
        part = slice(start, min(start + _BLOCK, rows.stop))
        columns = {
            # A key drawn from the sequence for each row took a sixth of the writing.
            "id": np.arange(first + part.start, first + part.stop),
            "customer_id": keys[part],
            "segment_id": segments[part.start - rows.start : part.stop - rows.start],
        }
        yield columnar.insert(name, columns)
    yield from (0 for _step in partitions.complete(SegmentMembership, name))
    yield from (0 for _step in partitions.bind(SegmentMembership, name, "customer_id", Customer))


def _columns(run: Segmentation, keys: np.ndarray, segments: np.ndarray) -> dict[str, columnar.Column]:
    return {
        "tenant_id": run.tenant_id,
        "segmentation_id": run.pk,
        "customer_id": keys,
        "segment_id": segments,
    }


def attach(run: Segmentation, table: Table) -> None:
    """Make the run's own table a part of the memberships. Inside the transaction that shows them."""
    if table.is_own:
        partitions.attach(SegmentMembership, table.name, run.pk)


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
        segment_keys = np.array([rows_of[number] for number in numbers.tolist()], dtype=np.int64)
        return columnar.insert(SegmentMembership._meta.db_table, _columns(run, keys, segment_keys))


def analyse(run: Segmentation) -> None:
    partitions.analyse(SegmentMembership, run.pk)


def forget(runs: Iterable[Segmentation]) -> None:
    """Where somebody reads for long, such as a backup, they stay: they are asked for again after the next run."""
    try:
        for run in runs:
            _forget(run)
    except OperationalError:
        logger.warning("memberships of old runs stay for now", exc_info=True)


def _forget(run: Segmentation) -> None:
    """A run's rows go: its table at once, those of SQLite in batches, so that nobody waits for long."""
    if partitions.is_partitioned(SegmentMembership):
        partitions.let_go(SegmentMembership, run.pk)
    rows = SegmentMembership.objects.filter(segmentation=run)
    while batch := list(rows.order_by("pk").values_list("pk", flat=True)[:_FORGET_BATCH]):
        rows.filter(pk__lte=batch[-1]).delete()
    Segmentation.objects.filter(pk=run.pk).update(has_members=False)


def forget_old_runs() -> None:
    """Who was where is kept of the newest runs; older ones keep their figures."""
    ended = Segmentation.objects.filter(has_members=True).exclude(state__in=OPEN_STATES)
    # Those without customers ended before everybody had a place: nobody asks for those who had.
    old = [*ended.filter(customers=0)[:10], *ended.filter(customers__gt=0).order_by("-pk")[KEPT_RUNS : KEPT_RUNS + 10]]
    forget(run for run in old if not run.is_current)


def forget_buried(sender, *, model: type, job_id: int, **_: object) -> None:
    """A run that died too often leaves a table that nobody will take up again. It may name customers already, who could not be
    erased while it is there. ``customers`` is written with the table's attachment: one that is shown is not among these."""
    if model is not Segmentation or not partitions.is_partitioned(SegmentMembership):
        return
    for run in Segmentation.objects.filter(pk=job_id, customers=0):
        partitions.drop_what_is_left(SegmentMembership, run.pk)
