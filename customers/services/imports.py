"""A file's way in, step by step: read, mapped, checked, agreed to, written, perhaps taken back."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from core import jobs
from core.errors import Refused
from core.models import JobState
from tenants import services as tenants
from tenants.models import Level, User
from tenants.scoping import current_tenant

from .. import wording
from ..ingest import mapping as columns
from ..ingest.mapping import Mapping, MappingRefused
from ..ingest.reader import TableRefused
from ..models import ColumnMapping, Import, ImportStep
from ..signals import import_finished, import_undone
from . import files, reading, undoing, writing
from .bases import refresh_customer_base


def open_import(
    *,
    path: Path | None = None,
    upload: BinaryIO | None = None,
    filename: str = "",
    requested_by: User | None = None,
    without_label: bool = False,
    attended: bool = False,
    dry: bool = False,
    sheet: str = "",
    mapping: dict | None = None,
    id_column: str = "",
    label_column: str = "",
    label_yes: Sequence[str] = (),
    empty_clears: bool = False,
    usage_month: date | None = None,
) -> Import:
    """Keep a file and open its Import. Raises Refused, and leaves nothing, where it can be seen at once that it is no table.

    ``path``: a file of this machine (copied); ``upload``: an open upload. ``attended``: a person looks at the columns and at
    the dry run before anything is written; else it goes through by itself, and ``dry`` stops it before it writes.
    ``mapping`` (Mapping.to_json or its short form), ``id_column`` (or row_hash, row_number), ``label_column``, ``label_yes``:
    what is known of the columns beforehand. A small file is read at once, so that its refusal is raised here.
    """
    run = Import(
        filename=Path(filename or str(path)).name[:255],
        requested_by=requested_by,
        without_label=without_label,
        is_attended=attended,
        is_dry=dry,
        sheet=sheet[:255],
        empty_clears=empty_clears,
        usage_month=usage_month.replace(day=1) if usage_month else None,
    )
    choices = reading.Choices(mapping, id_column, label_column, list(label_yes))
    if choices:
        run.proposal = {"choices": _storable(dataclasses.asdict(choices))}
    run.enter_scope()
    files.keep(run, path=path, upload=upload)
    try:
        run.save()
        if run.size_bytes <= settings.IMPORT_READ_AT_ONCE_BYTES:
            _read_at_once(run)
    except BaseException:
        files.forget(run)
        if run.pk:
            Import.objects.filter(pk=run.pk).delete()
        raise
    return run


def _storable(value: object) -> object:
    """JSON of a stranger as PostgreSQL keeps it: without zero bytes and halves of characters."""
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_storable(key): _storable(held) for key, held in value.items()}
    return [_storable(held) for held in value] if isinstance(value, list) else value


def _read_at_once(run: Import) -> None:
    """The first step while the person waits; where it takes too long, a worker begins again."""
    try:
        with jobs.claimed(Import, run.pk) as held:
            _read(held, held.job, at_once=True)
            if not run.is_attended:
                held.outcome = JobState.QUEUED  # the writing is anybody's from here, whatever becomes of this process
    except jobs.NotClaimable:
        return  # a sweep was faster, and a worker reads it
    except Refused as refusal:
        if refusal.code != "timeout":
            raise
        run.refresh_from_db()
        jobs.resume(run, since=(JobState.FAILED,), step=ImportStep.READ)
        return
    run.refresh_from_db()
    if not run.is_attended:
        jobs.resume(run, since=(JobState.QUEUED,))


def _read(held: jobs.Claim, run: Import, *, at_once: bool = False) -> None:
    """The first step, and what comes next; where the month of usage columns is not said, it is the last that is over."""
    is_first = not run.headers  # else another sheet of the same file
    reading.read_table(held, run, at_once=at_once)
    fields: dict[str, object] = {"step": ImportStep.MAP if run.is_attended else ImportStep.WRITE}
    if run.usage_month is None and reading.has_loose_months(run):
        fields["usage_month"] = _last_month()
    with transaction.atomic():
        held.save(**fields)
        if is_first and not run.is_dry:  # a file that was refused, or only looked at, leaves nothing
            tenants.record("import_opened", run, actor=run.requested_by)
    if run.is_attended:
        held.await_person()


def _last_month() -> date:
    today = timezone.localdate()
    return date(today.year - (today.month == 1), (today.month - 2) % 12 + 1, 1)


def run_import(*, import_id: int, follow: bool = True, is_watched: bool = False) -> Import:
    """Do the import's step, and those after it that need nobody. A killed one goes on where it was, with the same result.

    ``follow`` lets the pipeline go on afterwards. ``is_watched``: whoever started it stands by, and is told of a refusal
    by the exception alone where nothing was written.
    """
    try:
        with jobs.claimed(Import, import_id) as held:
            run: Import = held.job
            try:
                _go_on(held, run)
            except TableRefused as refusal:
                raise wording.file_refused(refusal, run.filename) from refusal
    except Refused as refusal:
        _end_refused(import_id, refusal, is_watched=is_watched)
        raise
    run.refresh_from_db()
    if run.is_awaiting:
        return run
    if run.undone_at is not None:
        _tell_undone(run)
        import_undone.send(sender=Import, import_id=run.pk, follow=follow)
    else:
        _tell_written(run)
        import_finished.send(sender=Import, import_id=run.pk, follow=follow)
    return run


def _go_on(held: jobs.Claim, run: Import) -> None:
    if run.step == ImportStep.READ:
        _read(held, run)
        if run.is_attended:
            return None
    if run.step == ImportStep.CHECK or (run.step == ImportStep.WRITE and run.is_dry):
        writing.check(held, run)
        held.save(step=ImportStep.AGREE)
        return held.await_person()
    if run.step == ImportStep.WRITE:
        writing.write(held, run)
        if run.shape_key:
            _remember(run, run.requested_by)
    elif run.step == ImportStep.UNDO:
        undoing.undo(held, run)
    refresh_customer_base(lambda done, of: held.report(995 + done, 995 + of, _("Counting the customers"), force=True))
    return held.report(1, 1, "", force=True)


# ---------------------------------------------------------------- what a person decides


def map_import(
    *,
    run: Import,
    mapping: dict,
    actor: User | None,
    empty_clears: bool = False,
    usage_month: date | None = None,
) -> Import:
    """Take a person's mapping and queue the dry run. Raises Refused, with what is wrong in it, where it cannot be used."""
    _require(run, ImportStep.MAP, ImportStep.AGREE)
    agreed = _checked(run, _storable(mapping))
    _resume(
        run,
        step=ImportStep.CHECK,
        mapping=agreed.to_json(),
        preview={},
        empty_clears=empty_clears,
        usage_month=usage_month.replace(day=1) if usage_month else run.usage_month,
    )
    if run.usage_month is None and reading.has_loose_months(run):
        run.usage_month = _last_month()
        run.save(update_fields=["usage_month"])
    tenants.record("import_mapped", run, actor=actor)
    return run


def _checked(run: Import, mapping: dict) -> Mapping:
    try:
        agreed = columns.typed(Mapping.from_json(mapping), run.headers, run.proposal.get("first_rows", []))
    except MappingRefused as refusal:
        raise Refused(refusal.code, wording.mapping_problem(refusal.code, refusal.facts), **refusal.facts) from refusal
    for problem in agreed.problems(run.headers):
        raise Refused(problem.code, wording.mapping_problem(problem.code, problem.facts), **problem.facts)
    return agreed


def agree_import(*, run: Import, actor: User | None) -> Import:
    """Queue the writing of what the dry run showed."""
    _require(run, ImportStep.AGREE)
    _resume(run, step=ImportStep.WRITE, is_dry=False)
    tenants.record("import_agreed", run, actor=actor)
    return run


def remap_import(*, run: Import) -> Import:
    """Back from the dry run to the columns."""
    _require(run, ImportStep.AGREE)
    _move(run, step=ImportStep.MAP)
    return run


def choose_sheet(*, run: Import, sheet: str) -> Import:
    """Read another sheet of the workbook."""
    _require(run, ImportStep.MAP, ImportStep.AGREE)
    names = [held["name"] for held in run.sheets]
    if sheet not in names:
        raise wording.file_refused(TableRefused("no_such_sheet", sheet=sheet[:100], sheets=names), run.filename)
    _resume(run, step=ImportStep.READ, sheet=sheet, preview={})
    return run


def discard_import(*, run: Import, actor: User | None) -> Import:
    """Give a resting import up; its file is forgotten."""
    if not run.is_awaiting:
        raise Refused("wrong_step", _("This import does not wait for anything."), step=run.step, state=run.state)
    _move(run, state=JobState.CANCELLED, finished_at=timezone.now(), cancel_requested=True)
    files.forget(run)
    tenants.record("import_discarded", run, actor=actor)
    return run


def forget_import(*, run: Import) -> None:
    """Remove the row and the file of an import that wrote nothing and never will (a dry run of a command)."""
    if Import.objects.filter(pk=run.pk, rows_read=0).exclude(state=JobState.RUNNING).delete()[0]:
        files.forget(run)


def copy_refused(*, run: Import, target: Path) -> None:
    """Write the file of all refused rows to a path of this machine. Raises Refused."""
    try:
        shutil.copyfile(files.place(run.refused_path), target)
    except OSError as error:
        raise Refused(
            "unwritable", _("%(file)s cannot be written: %(reason)s") % {"file": target, "reason": error.strerror}
        ) from error


def undo_import(*, run: Import, actor: User | None) -> Import:
    """Queue the taking back of an import that was written, or stopped on the way; or go on where taking back was stopped."""
    if not run.can_be_taken_back:
        raise Refused("not_written", _("Only an import that was written can be taken back."), state=run.state)
    kept_from = timezone.now() - timedelta(days=settings.IMPORT_UNDO_DAYS)
    if run.rows_updated and run.finished_at < kept_from:
        raise Refused(
            "too_old",
            _("What this import changed was kept for %(days)s days: it cannot be taken back any more.")
            % {"days": settings.IMPORT_UNDO_DAYS},
        )
    ended = (JobState.SUCCEEDED, JobState.CANCELLED, JobState.FAILED, JobState.DEAD)
    if not jobs.resume(run, since=ended, step=ImportStep.UNDO):
        raise Refused("moved_on", _("Somebody else was faster: look at the import again."))
    tenants.record("import_undo_asked", run, actor=actor)
    return run


def _require(run: Import, *steps: str) -> None:
    if not run.is_awaiting or run.step not in steps:
        raise Refused(
            "wrong_step", _("The import is at another step now: look at it again."), step=run.step, state=run.state
        )


def _resume(run: Import, **fields: object) -> None:
    if not jobs.resume(run, **fields):
        raise Refused("moved_on", _("Somebody else was faster: look at the import again."))


def _move(run: Import, **fields: object) -> None:
    """Change a resting import without queueing it."""
    if not Import.objects.filter(pk=run.pk, state=JobState.AWAITING, step=run.step).update(**fields):
        raise Refused("moved_on", _("Somebody else was faster: look at the import again."))
    run.refresh_from_db()


def _remember(run: Import, actor: User | None) -> None:
    """The next file of this shape is recognised."""
    ColumnMapping.objects.update_or_create(
        tenant=current_tenant(),
        shape_key=run.shape_key,
        defaults={
            "mapping": run.mapping,
            "filename": run.filename,
            "agreed_by": actor,
            "agreed_at": timezone.now(),
        },
    )


# ---------------------------------------------------------------- what is told


def _tell_written(run: Import) -> None:
    counts = {name: getattr(run, f"rows_{name}") for name in ("created", "updated", "refused")}
    with transaction.atomic():
        tenants.record("customers_imported", run, actor=run.requested_by, read=run.rows_read, **counts)
        tenants.notify(
            "import_finished",
            level=Level.WARNING if run.rows_refused else Level.SUCCESS,
            url=reverse("customers:import_detail", args=[run.public_id]),
            filename=run.filename,
            **counts,
        )


def _tell_undone(run: Import) -> None:
    counts = {name: run.undo_result.get(name, 0) for name in ("removed", "restored")}
    with transaction.atomic():
        tenants.record("import_undone", run, actor=run.requested_by, **counts)
        tenants.notify(
            "import_undone",
            level=Level.SUCCESS,
            url=reverse("customers:import_detail", args=[run.public_id]),
            filename=run.filename,
            **counts,
        )


def _end_refused(import_id: int, refusal: Refused, *, is_watched: bool) -> None:
    """Tell of the refusal. Of a file that could not be read nothing is kept."""
    run = Import.objects.get(pk=import_id)
    if run.step == ImportStep.READ:
        files.forget(run)
        Import.objects.filter(pk=run.pk).update(stored_path="", table_path="", lines_path="", refused_path="")
    if is_watched and not run.rows_read:
        return
    tenants.notify(
        "import_failed",
        recipient=run.requested_by,
        level=Level.ERROR,
        url=reverse("customers:import_detail", args=[run.public_id]),
        filename=run.filename,
        reason=refusal.message,
    )
