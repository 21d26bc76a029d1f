"""Dry run and write: the same rows, the same merge; the first only counts."""

from __future__ import annotations

import csv
import itertools
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date

from django.db import connection, transaction
from django.utils.translation import gettext as _

from core import bulk, jobs, tabular

from .. import merge, wording
from ..ingest import celltypes
from ..ingest.cleaning import Refusal
from ..ingest.mapping import LABEL, OURS, ROW_NUMBER
from ..ingest.rows import Cleaned, RowCleaner
from ..models import Import
from . import files, reading

# Under a second, so that the bar moves on a busy machine too; on SQLite, where other writers wait for a batch's end, half of it.
BATCH_ROWS = 10_000 if connection.vendor == "postgresql" else 5_000
KEPT_REFUSALS = 200
_COUNTS = ("created", "updated", "unchanged")


@bulk.many_rows()
def check(held: jobs.Claim, run: Import) -> None:
    """Read every row and count what writing would do; nothing is written but the file of refused rows."""
    began = time.monotonic()
    work = _Work(held, run, passes=1)
    cleaner = work.cleaner()
    totals = dict.fromkeys(("read", "created", "updated", "unchanged", "refused", "months"), 0)
    labels = {"left": 0, "stayed": 0, "unknown": 0}
    refusals: list[dict] = []
    with _refused_file(run) as write_refused:
        for batch, cleaned in work.batches(cleaner, _("Dry run: %(rows)s rows")):
            ours = merge.merge_customers(cleaner.columns, cleaned.customers, empty_clears=run.empty_clears, write=False)
            months = _merge_months(cleaner, cleaned, run, write=False)
            _refuse_strangers(cleaned, months.strangers, batch, cleaner)
            counts = ours if cleaner.brings_customers else months
            totals["read"] += len(batch)
            for name in _COUNTS:
                totals[name] += getattr(counts, name)
            totals["refused"] += len(cleaned.refused)
            totals["months"] += months.created + months.updated
            if cleaner.brings_customers:  # months of customers whom this very file creates are written as well
                totals["months"] += _count_known(cleaned.months, months.strangers)
            _count_labels(labels, cleaner, cleaned.customers)
            refusals += [r.as_dict() for r in cleaned.refusals[: KEPT_REFUSALS - len(refusals)]]
            write_refused(cleaned.refused)
    preview = {
        **totals,
        "labels": labels if LABEL in cleaner.columns else None,
        "refusals": refusals,
        "unknown": {name: n for name, n in cleaner.unknown.items() if n},
        "seconds": round(time.monotonic() - began, 1),
    }
    held.save(preview=preview, refused_path=_refused_path(run, totals["refused"]))


@bulk.many_rows()
def write(held: jobs.Claim, run: Import) -> None:
    """Write batch by batch, each one transaction with its checkpoint, so that a killed import goes on where it was."""
    work = _Work(held, run, passes=2)
    resumed_from = run.rows_read
    if work.is_panel:
        _write_customers_of_panel(work)
    cleaner = work.cleaner()
    refused = 0
    refusals: list[dict] = []
    with _refused_file(run) as write_refused:
        done = 0
        for batch, cleaned in work.batches(cleaner, _("%(rows)s rows written")):
            done += len(batch)
            # What was merged before an interruption is read again only to know ids, counts and refusals.
            is_new = done > resumed_from
            with transaction.atomic():
                ours = merge.Merged()
                if is_new and not work.is_panel:
                    ours = _merge_customers(cleaner, cleaned, run)
                months = _merge_months(cleaner, cleaned, run, write=is_new)
                _refuse_strangers(cleaned, months.strangers, batch, cleaner)
                refused += len(cleaned.refused)
                refusals += [r.as_dict() for r in cleaned.refusals[: KEPT_REFUSALS - len(refusals)]]
                if is_new:
                    held.save(
                        rows_read=done,
                        **_added(run, ours if cleaner.brings_customers else months),
                        rows_refused=refused,
                        months_written=run.months_written + months.created + months.updated,
                        refusals=refusals,
                        unknown_values={name: n for name, n in cleaned.unknown.items() if n},
                    )
            write_refused(cleaned.refused)
    held.save(refused_path=_refused_path(run, refused))


def _write_customers_of_panel(work: _Work) -> None:
    """Where lines are months that also describe their customer: all customers first, each as its newest month has it.

    Its own checkpoint is how many customers were counted, since every one of them stands on one line.
    """
    run, cleaner = work.run, work.cleaner()
    merged, done = run.rows_created + run.rows_updated + run.rows_unchanged, 0
    for _batch, cleaned in work.batches(cleaner, _("%(rows)s rows: customers")):
        done += len(cleaned.customers)
        if done > merged:
            with transaction.atomic():
                work.held.save(**_added(run, _merge_customers(cleaner, cleaned, run)))


class _Work:
    """The rows of one import, read over and over, with one bar for all of it.

    Panel: a file of months that also describes customers. Which month of a customer is the newest must be known before
    its first line is merged: the file may be sorted by month, and then every batch would speak of everybody.
    """

    def __init__(self, held: jobs.Claim, run: Import, *, passes: int) -> None:
        """``passes``: how often a panel is read after the first look for the newest months; another file is read once."""
        self.held, self.run = held, run
        first = reading.cleaner_of(run)
        self.is_panel = first.has_months and first.brings_customers
        self._total = run.total_rows * (1 + passes if self.is_panel else 1)
        self._done = 0
        self._latest: dict[str, date] = {}
        if self.is_panel:
            for _batch, cleaned in self.batches(first, _("%(rows)s rows: newest months")):
                for _line, external_id, month, *_values in cleaned.months:
                    if month > self._latest.get(external_id, date.min):
                        self._latest[external_id] = month

    def cleaner(self) -> RowCleaner:
        """A fresh one: it counts ids and copies from the first row on."""
        cleaner = reading.cleaner_of(self.run)
        cleaner.latest = self._latest
        return cleaner

    def batches(self, cleaner: RowCleaner, note: str) -> Iterator[tuple[list, Cleaned]]:
        """All rows once with what became of them, in lists of BATCH_ROWS, the same cuts at every attempt; reports after each."""
        done = 0
        for batch, cleaned in bulk.ahead(_cleaned(reading.rows_of_import(self.run), cleaner)):
            yield batch, cleaned
            done += len(batch)
            self.held.report(self._done + done, self._total, note % {"rows": f"{done:,}"})
        self._done += done


def _cleaned(rows: Iterator, cleaner: RowCleaner) -> Iterator[tuple[list, Cleaned]]:
    while batch := list(itertools.islice(rows, BATCH_ROWS)):
        yield batch, cleaner.clean(batch)


def _added(run: Import, counts: merge.Merged) -> dict[str, int]:
    """The import's counts after a batch."""
    return {f"rows_{name}": getattr(run, f"rows_{name}") + getattr(counts, name) for name in _COUNTS}


def _merge_customers(cleaner: RowCleaner, cleaned: Cleaned, run: Import) -> merge.Merged:
    return merge.merge_customers(cleaner.columns, cleaned.customers, import_id=run.pk, empty_clears=run.empty_clears)


def _merge_months(cleaner: RowCleaner, cleaned: Cleaned, run: Import, *, write: bool) -> merge.Merged:
    if not cleaner.measures:
        return merge.Merged()
    return merge.merge_months(
        cleaner.measures, cleaned.months, import_id=run.pk, empty_clears=run.empty_clears, write=write
    )


def _count_known(months: Sequence[tuple], lines: frozenset[int]) -> int:
    """How many of these lines know anything of their month."""
    return sum(row[0] in lines and any(value is not None for value in row[3:]) for row in months)


def _refuse_strangers(cleaned: Cleaned, strangers: frozenset[int], batch: Sequence, cleaner: RowCleaner) -> None:
    """Months of customers that nobody knows are refused by line: a bare number makes no customer."""
    if not strangers or cleaner.brings_customers:
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


# ---------------------------------------------------------------- the refused rows, to mend and load again


def _refused_path(run: Import, refused: int) -> str:
    return files.relative(files.folder_of(run) / "refused.csv") if refused else ""


@contextmanager
def _refused_file(run: Import) -> Iterator[Callable[[Sequence], None]]:
    """Write refused rows as they were, after why they were refused, so that a ragged row stays as ragged as it is.

    A file of the same columns: loaded again, ours are left out and the mapping is recognised. Nothing in it runs in a
    spreadsheet; ``reading.rows_of_import`` takes the apostrophes away again.
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
            theirs = [header for i, header in enumerate(run.headers) if i not in before]
            writer.writerow([*ours, *map(tabular.safe_cell, theirs)])

            def write_refused(refused: Sequence[tuple[Refusal, Sequence[str], str]]) -> None:
                for refusal, cells, made in refused:
                    why = [refusal.line, refusal.column, wording.reason(refusal.reason)]
                    if counts_rows:
                        why.append(made or (cells[number_at] if number_at is not None else ""))
                    own = [cell for i, cell in enumerate(cells) if i not in before] if before else cells
                    writer.writerow([*map(tabular.safe_cell, why), *map(_safe, own)])

            yield write_refused
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _safe(cell: str) -> str:
    """The cell as a spreadsheet runs nothing of it; a number below zero begins like a formula and is none."""
    return cell if celltypes.is_number(cell) else str(tabular.safe_cell(cell))
