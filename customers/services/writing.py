"""Dry run and write: the same rows, the same merge; the first only counts."""

from __future__ import annotations

import csv
import itertools
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from django.db import transaction
from django.utils.translation import gettext as _

from core import jobs

from .. import merge, wording
from ..ingest.cleaning import Refusal
from ..ingest.mapping import LABEL, OURS, ROW_NUMBER
from ..ingest.rows import Cleaned, RowCleaner
from ..models import Import
from . import files, reading

BATCH_ROWS = 20_000  # about half a second on SQLite: other writers wait that long at most
KEPT_REFUSALS = 200


def check(held: jobs.Claim, run: Import) -> None:
    """Read every row and count what writing would do; nothing is written but the file of refused rows."""
    began = time.monotonic()
    cleaner = reading.cleaner_of(run)
    totals = dict.fromkeys(("read", "created", "updated", "unchanged", "refused", "months"), 0)
    labels = {"left": 0, "stayed": 0, "unknown": 0}
    refusals: list[dict] = []
    counted: set[str] = set()
    with _refused_file(run) as write_refused:
        for batch in _batches(reading.rows_of_import(run)):
            cleaned = cleaner.clean(batch)
            customers = cleaned.customers
            if cleaner.has_months:  # a customer stands on many lines, and is created once
                customers = [row for row in customers if row[1] not in counted]
                counted.update(row[1] for row in customers)
            ours = merge.merge_customers(cleaner.columns, customers, empty_clears=run.empty_clears, write=False)
            months = merge.merge_months(cleaner.measures, cleaned.months, empty_clears=run.empty_clears, write=False)
            strangers = months.strangers if not cleaner.brings_customers else frozenset()
            _refuse_strangers(cleaned, strangers, batch, cleaner)
            counts = months if not cleaner.brings_customers else ours
            totals["read"] += len(batch)
            for name in ("created", "updated", "unchanged"):
                totals[name] += getattr(counts, name)
            totals["refused"] += len(cleaned.refused)
            # Months of customers who would be created by this very file are written as well.
            totals["months"] += months.created + months.updated + len(months.strangers) - len(strangers)
            _count_labels(labels, cleaner, customers)
            refusals += [r.as_dict() for r in cleaned.refusals[: KEPT_REFUSALS - len(refusals)]]
            write_refused(cleaned.refused)
            held.report(totals["read"], run.total_rows, _("Dry run: %(rows)s rows") % {"rows": f"{totals['read']:,}"})
    preview = {
        **totals,
        "labels": labels if LABEL in cleaner.columns else None,
        "refusals": refusals,
        "unknown": {name: n for name, n in cleaner.unknown.items() if n},
        "seconds": round(time.monotonic() - began, 1),
    }
    held.save(preview=preview, refused_path=_refused_path(run, totals["refused"]))


def write(held: jobs.Claim, run: Import) -> None:
    """Write batch by batch, each one transaction with its checkpoint, so that a killed import goes on where it was."""
    cleaner = reading.cleaner_of(run)
    done, refused, resumed_from = 0, 0, run.rows_read
    refusals: list[dict] = []
    with _refused_file(run) as write_refused:
        for batch in _batches(reading.rows_of_import(run)):
            cleaned = cleaner.clean(batch)
            done += len(batch)
            # What was merged before an interruption is read again only to know ids, counts and refusals.
            is_new = done > resumed_from
            with transaction.atomic():
                ours, months = _merge(cleaner, cleaned, run, write=is_new)
                strangers = months.strangers if not cleaner.brings_customers else frozenset()
                _refuse_strangers(cleaned, strangers, batch, cleaner)
                refused += len(cleaned.refused)
                refusals += [r.as_dict() for r in cleaned.refusals[: KEPT_REFUSALS - len(refusals)]]
                if is_new:
                    counts = ours if cleaner.brings_customers else months
                    held.save(
                        rows_read=done,
                        rows_created=run.rows_created + counts.created,
                        rows_updated=run.rows_updated + counts.updated,
                        rows_unchanged=run.rows_unchanged + counts.unchanged,
                        rows_refused=refused,
                        months_written=run.months_written + months.created + months.updated,
                        refusals=refusals,
                        unknown_values={name: n for name, n in cleaner.unknown.items() if n},
                    )
            write_refused(cleaned.refused)
            held.report(done, run.total_rows, _("%(rows)s rows written") % {"rows": f"{done:,}"})
    held.save(refused_path=_refused_path(run, refused))


def _merge(cleaner: RowCleaner, cleaned: Cleaned, run: Import, *, write: bool) -> tuple[merge.Merged, merge.Merged]:
    options = {"import_id": run.pk, "empty_clears": run.empty_clears, "write": write}
    ours = months = merge.Merged()
    if write:
        ours = merge.merge_customers(cleaner.columns, cleaned.customers, **options)
    if write or not cleaner.brings_customers:
        months = merge.merge_months(cleaner.measures, cleaned.months, **options)
    return ours, months


def _refuse_strangers(cleaned: Cleaned, strangers: frozenset[int], batch: Sequence, cleaner: RowCleaner) -> None:
    """Months of customers that nobody knows are refused by line: a bare number makes no customer."""
    if not strangers:
        return
    cells_of = {line: cells for line, cells in batch if line in strangers}
    for line, external_id, *_values in cleaned.months:
        if line in strangers:
            refusal = Refusal(line, cleaner.id_header, external_id, "unknown_customer")
            cleaned.refused.append((refusal, cells_of[line], ""))
    cleaned.refused.sort(key=lambda pair: pair[0].line)


def _count_labels(labels: dict[str, int], cleaner: RowCleaner, customers: Sequence[tuple]) -> None:
    if LABEL in cleaner.columns:
        at = cleaner.columns.index(LABEL) + 1
        values = [row[at] for row in customers]
        labels["left"] += values.count(True)
        labels["stayed"] += values.count(False)
        labels["unknown"] += values.count(None)


def _batches(rows: Iterator) -> Iterator[list]:
    """Lists of BATCH_ROWS: the same cuts at every attempt."""
    while batch := list(itertools.islice(rows, BATCH_ROWS)):
        yield batch


# ---------------------------------------------------------------- the refused rows, to mend and load again


def _refused_path(run: Import, refused: int) -> str:
    return files.relative(files.folder_of(run) / "refused.csv") if refused else ""


@contextmanager
def _refused_file(run: Import) -> Iterator[Callable[[Sequence], None]]:
    """Write refused rows as they were, after why they were refused, so that a ragged row stays as ragged as it is.

    A file of the same columns: loaded again, ours are left out and the mapping is recognised.
    """
    path = files.folder_of(run) / "refused.csv"
    part = path.with_name(f"refused-{os.getpid()}.part")
    before = {i: header for i, header in enumerate(run.headers) if header.startswith(OURS)}
    counts_rows = run.mapping.get("id") == ROW_NUMBER
    number_at = next((i for i, header in before.items() if header == reading.NUMBER), None)
    ours = [reading.LINE, reading.COLUMN, reading.REASON, *([reading.NUMBER] if counts_rows else [])]
    try:
        with part.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file, lineterminator="\r\n")
            writer.writerow([*ours, *(header for i, header in enumerate(run.headers) if i not in before)])

            def write_refused(refused: Sequence[tuple[Refusal, Sequence[str], str]]) -> None:
                for refusal, cells, made in refused:
                    why = [refusal.line, refusal.column, wording.reason(refusal.reason)]
                    if counts_rows:
                        why.append(made or (cells[number_at] if number_at is not None else ""))
                    own = [cell for i, cell in enumerate(cells) if i not in before] if before else cells
                    writer.writerow([*why, *own])

            yield write_refused
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
