"""Verbs about customers: the only writers of this stage's tables."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from core import jobs
from core.errors import Refused
from tenants import services as tenants
from tenants.models import Level, User
from tenants.scoping import current_tenant

from . import merge, selectors, wording
from .ingest import cleaning, reader
from .ingest.reader import TableInfo, TableRefused
from .models import Customer, CustomerBase, Import
from .signals import import_finished

BATCH_ROWS = 20_000  # about half a second on SQLite: other writers wait that long at most
KEPT_REFUSALS = 200


def open_import(
    *,
    path: Path | None = None,
    upload: BinaryIO | None = None,
    filename: str = "",
    requested_by: User | None = None,
    without_label: bool = False,
) -> Import:
    """Look at a file and, where it can be a table of customers, keep it and open its Import. Raises Refused else.

    ``path``: a file of this machine (copied); ``upload``: an open upload. Nothing is written where it is refused.
    """
    filename = Path(filename or str(path)).name
    run = Import(filename=filename[:255], requested_by=requested_by)
    run.enter_scope()
    if path is not None:
        # Looked at where it lies, so that a missing path or a folder is refused before anything is copied.
        _understand(run, path, filename if path.is_file() else str(path), without_label=without_label)
    stored = _store(run, path=path, upload=upload)
    try:
        if upload is not None:
            _understand(run, stored, filename, without_label=without_label)
        run.stored_path = str(stored.relative_to(settings.PRIVATE_ROOT))
        with transaction.atomic():
            run.save()
            tenants.record("import_opened", run, actor=requested_by)
    except BaseException:
        stored.unlink(missing_ok=True)
        raise
    return run


def _store(run: Import, *, path: Path | None, upload: BinaryIO | None) -> Path:
    folder = settings.PRIVATE_ROOT / str(current_tenant().pk) / "imports"
    folder.mkdir(parents=True, exist_ok=True)
    stored = folder / f"{run.public_id}.csv"
    digest = hashlib.sha256()
    size = 0
    source = path.open("rb") if path is not None else upload
    try:
        with stored.open("wb") as target:
            while block := source.read(1 << 20):
                size += len(block)
                if size > settings.UPLOAD_MAX_BYTES:
                    raise wording.file_refused(
                        TableRefused("too_large", maximum=settings.UPLOAD_MAX_BYTES // 2**20), run.filename
                    )
                digest.update(block)
                target.write(block)
    except BaseException:
        stored.unlink(missing_ok=True)
        raise
    finally:
        if path is not None:
            source.close()
    run.size_bytes, run.sha256 = size, digest.hexdigest()
    return stored


def _understand(run: Import, path: Path, name: str, *, without_label: bool) -> None:
    """Fill the run with what the file is; raise Refused where it cannot be customers."""
    try:
        info = reader.inspect(path, max_columns=settings.IMPORT_MAX_COLUMNS)
        mapping, others = reader.map_headers(info.headers)
        if "external_id" not in mapping:
            raise TableRefused("no_id")
        if next(iter(reader.Table(info).rows()), None) is None:
            raise TableRefused("no_rows")
        if not without_label and not selectors.has_both_classes():
            _check_labels(info, mapping)
    except TableRefused as refusal:
        raise wording.file_refused(refusal, name) from refusal
    run.encoding, run.delimiter = info.encoding, info.delimiter
    run.mapping = {name: info.headers[position] for name, position in mapping.items()}
    run.kept_columns = [info.headers[i] or f"column {i + 1}" for i in others]


def _check_labels(info: TableInfo, mapping: dict[str, int]) -> None:
    """A first file must hold customers who left and customers who stayed; reading stops once both were seen."""
    if "churn_label" not in mapping:
        raise TableRefused("no_label")
    position = mapping["churn_label"]
    seen = set()
    clean = cleaning.ColumnCleaner(cleaning.BY_NAME["churn_label"])
    for _line, cells in reader.Table(info).rows():
        if len(cells) > position and isinstance(value := clean[cells[position]], bool):
            seen.add(value)
            if len(seen) == 2:
                return
    raise TableRefused("one_class" if seen else "no_label", column=info.headers[position])


def run_import(*, import_id: int, follow: bool = True) -> Import:
    """Read the file in batches, each one transaction with its checkpoint, so that a killed import resumes where it was.

    ``follow`` lets the pipeline score afterwards. The result is the same however often it was interrupted.
    """
    try:
        with jobs.claimed(Import, import_id) as held:
            run: Import = held.job
            try:
                _read_into_customers(held, run)
            except TableRefused as refusal:
                raise wording.file_refused(refusal, run.filename) from refusal
            refresh_customer_base()
            held.report(run.size_bytes, run.size_bytes, "", force=True)
    except Refused as refusal:
        _tell_failure(import_id, refusal.message)
        raise
    with transaction.atomic():
        run.refresh_from_db()
        tenants.record(
            "customers_imported",
            run,
            actor=run.requested_by,
            read=run.rows_read,
            created=run.rows_created,
            updated=run.rows_updated,
            refused=run.rows_refused,
        )
        tenants.notify(
            "import_finished",
            level=Level.WARNING if run.rows_refused else Level.SUCCESS,
            url=reverse("customers:import_detail", args=[run.public_id]),
            filename=run.filename,
            created=run.rows_created,
            updated=run.rows_updated,
            refused=run.rows_refused,
        )
    import_finished.send(sender=Import, import_id=run.pk, follow=follow)
    return run


def _read_into_customers(held: jobs.Claim, run: Import) -> None:
    path = settings.PRIVATE_ROOT / run.stored_path
    info = reader.inspect(path, max_columns=settings.IMPORT_MAX_COLUMNS)
    mapping, others = reader.map_headers(info.headers)
    table = reader.Table(info)
    rows = table.rows()
    head = [row for _, row in zip(range(500), rows, strict=False)]
    cleaner = cleaning.RowCleaner(
        mapping,
        width=len(info.headers),
        headers=info.headers,
        attributes=others,
        numeric_attributes=_numeric_columns(head, others),
        max_cell=settings.IMPORT_MAX_CELL,
        comma_groups=info.delimiter == ",",
    )
    done, resumed_from = 0, run.rows_read
    refusals: list[dict] = []
    refused = 0
    for batch in _batches(head, rows):
        cleaned = cleaner.clean(batch)
        done += len(batch)
        refused += len(cleaned.refusals)
        refusals += [r.as_dict() for r in cleaned.refusals[: KEPT_REFUSALS - len(refusals)]]
        if done <= resumed_from:
            continue  # merged before the interruption; read again only to know ids and counts
        with transaction.atomic():
            merged = merge.merge_customers(cleaner.columns, cleaned.rows)
            held.save(
                rows_read=done,
                rows_created=run.rows_created + merged.created,
                rows_updated=run.rows_updated + merged.updated,
                rows_unchanged=run.rows_unchanged + merged.unchanged,
                rows_refused=refused,
                refusals=refusals,
                unknown_values={k: v for k, v in cleaner.unknown.items() if v},
            )
        held.report(min(table.position, run.size_bytes), run.size_bytes, f"{done:,}")


def _numeric_columns(head: Sequence[tuple[int, list[str]]], positions: Sequence[int]) -> frozenset[int]:
    """Which unknown columns hold numbers, judged on the first rows."""
    numeric = set()
    for position in positions:
        cells = [c[position].strip() for _, c in head if len(c) > position]
        filled = [c for c in cells if c.casefold() not in cleaning.UNKNOWN_VALUES]
        try:
            for cell in filled:
                cleaning.parse_number(cell)
        except cleaning.Wrong:
            continue
        if filled:
            numeric.add(position)
    return frozenset(numeric)


def _batches(head: list, rows: Iterator) -> Iterator[list]:
    """The rows already read, then the rest, in lists of BATCH_ROWS: the same cuts at every attempt."""
    rows = itertools.chain(head, rows)
    while batch := list(itertools.islice(rows, BATCH_ROWS)):
        yield batch


def _tell_failure(import_id: int, reason: str) -> None:
    run = Import.objects.get(pk=import_id)
    tenants.notify(
        "import_failed",
        recipient=run.requested_by,
        level=Level.ERROR,
        url=reverse("customers:import_detail", args=[run.public_id]),
        filename=run.filename,
        reason=reason,
    )


def refresh_customer_base() -> None:
    """Count the base once, so that no page has to."""
    facts = selectors.count_customers()
    CustomerBase.objects.update_or_create(
        tenant=current_tenant(), defaults={"facts": facts, "computed_at": timezone.now()}
    )


def record_usage(*, rows: Iterable[Sequence]) -> int:
    """Months of use: ``(external_id, month, amount, calls, megabytes, texts)``; unknown customers are passed over."""
    return merge.append_usage(rows)


def record_interactions(*, rows: Iterable[Sequence]) -> int:
    """Contacts made or withheld: ``(external_id, campaign, kind, date, left)``; unknown customers are passed over."""
    return merge.append_interactions(rows)


def correct_customer(*, customer: Customer, changes: dict[str, object], actor: User, reason: str = "") -> Customer:
    """An operator's correction: validated, and written in the trail by field name, not by value."""
    for name, value in changes.items():
        setattr(customer, name, value)
    customer.full_clean()
    with transaction.atomic():
        customer.save()
        tenants.record("customer_corrected", customer, actor=actor, fields=sorted(changes), reason=reason)
    return customer
