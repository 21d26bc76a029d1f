"""What a file brought, column by column, against the one before; and whether there is enough to learn from."""

from __future__ import annotations

import itertools
import math
from array import array
from collections.abc import Iterator
from dataclasses import replace

import pandas as pd
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from core import jobs
from core.errors import Refused
from core.models import JobState
from tenants.models import User
from tenants.scoping import current_tenant

from .. import selectors
from ..ingest.cleaning import Wrong
from ..ingest.mapping import LABEL, MONTH, Mapping
from ..ingest.profiles import CATEGORY, EMPTY, ColumnProfile, Profile
from ..ingest.quality import IDENTITY, Profiler
from ..ingest.readiness import Facts, assess
from ..models import Import, QualityProfile
from ..wording import readiness as words
from . import files, reading
from .leaks import refresh_findings

BATCH_ROWS = 20_000
# Who a customer is: counted, never listed by value on a page.
_NAMES = frozenset({"external_id", "first_name", "last_name", "email", "phone"})
_NOTHING_OF_ANYBODY: dict[str, object] = {
    "mean": None, "minimum": None, "maximum": None, "quantiles": {}, "histogram": None,
    "top": [], "outliers": None, "by_class": {}, "bins": {},
}  # fmt: skip
_OFTEN = 3  # times a text must stand in a file to be kept in its profile
_RESTING = (JobState.SUCCEEDED, JobState.FAILED, JobState.DEAD, JobState.CANCELLED)


# ---------------------------------------------------------------- profiles


def open_profile(*, import_id: int, requested_by: User | None = None) -> QualityProfile | None:
    """The job that profiles a written import, the one there is already where there is one. None: nothing was written."""
    run = Import.objects.filter(pk=import_id).first()
    if run is None or not run.is_written or not run.table_path:
        return None
    try:
        with transaction.atomic():
            return QualityProfile.objects.create(tenant=current_tenant(), brought_by=run, requested_by=requested_by)
    except IntegrityError:
        return QualityProfile.objects.get(brought_by=run)


def open_missing_profile() -> QualityProfile | None:
    """The job for the newest written import, where a lost announcement left it without one."""
    newest = selectors.written_imports().exclude(table_path="").first()
    if newest is None or QualityProfile.objects.filter(brought_by=newest).exists():
        return None
    return open_profile(import_id=newest.pk)


def request_profile(*, run: Import, actor: User) -> QualityProfile:
    """Profile an import for a person, anew where that ended early (the caller rings). Raises Refused."""
    job = open_profile(import_id=run.pk, requested_by=actor)
    if job is None:
        raise Refused(
            "nothing_to_profile", _("There is nothing to profile: this import wrote nothing, or was taken back.")
        )
    if job.state in _RESTING:
        jobs.resume(job, since=_RESTING)
    return job


def profile_import(*, profile_id: int) -> QualityProfile:
    """Profile what an import's file brought and hold it against the import before; starts anew when interrupted.

    The same file against the same earlier import gives the same profile. Raises Refused where the file is gone.
    """
    with jobs.claimed(QualityProfile, profile_id) as held:
        job: QualityProfile = held.job
        run = Import.objects.get(pk=job.brought_by_id)
        _require_file(run)
        mapping = Mapping.from_json(run.mapping)
        grain = _grain(mapping)
        before = selectors.profile_before(run, grain)
        previous = Profile.from_json(before.profile) if before else None
        found, lines = _profile(held, run, mapping, previous)
        held.save(
            grain=grain,
            compared_with_id=before.brought_by_id if before else None,
            profile=_storable(_as_json(found, lines)),
            summary=_storable(_summary(found)),
        )
        held.report(found.rows, found.rows, _("Looking for columns that know the answer"), force=True)
        refresh_findings()
        held.report(found.rows, found.rows, "", force=True)
    return job


def _require_file(run: Import) -> None:
    if not run.is_written or not run.table_path or not files.place(run.table_path).is_file():
        raise Refused(
            "file_gone", _("The file of this import is no longer kept, so it cannot be looked at; import it again.")
        )


def _grain(mapping: Mapping) -> str:
    grain = QualityProfile.Grain
    return grain.MONTH if mapping.header_of(MONTH) is not None else grain.CUSTOMER


def _profile(held: jobs.Claim, run: Import, mapping: Mapping, previous: Profile | None) -> tuple[Profile, array[int]]:
    """The file's profile, and the line of each of its rows."""
    has_label = mapping.header_of(LABEL) is not None
    # In a file of months each customer stands many times, and that is no duplicate.
    identity = IDENTITY if _grain(mapping) == QualityProfile.Grain.CUSTOMER else ("",)
    profiler = Profiler(label=LABEL if has_label else None, identity=identity)
    lines = array("I")
    held.report(0, run.total_rows)
    for numbers, frame in _frames(run, mapping):
        profiler.add(frame)
        lines.extend(numbers)
        held.report(profiler.rows, max(run.total_rows, profiler.rows))
    return profiler.finish(previous), lines


def _frames(run: Import, mapping: Mapping) -> Iterator[tuple[list[int], pd.DataFrame]]:
    """The file in batches of BATCH_ROWS: lines, and cells [n x k] as text under the names of our fields.

    Columns that nobody keeps are left out; a row that is too short lacks its last cells, as it was refused for.
    """
    columns = dict(mapping.positions(run.headers))
    # As frames.attributes.column_names has it, so that a finding and a profile speak of one column.
    ours = (*selectors.TREND_COLUMNS, *selectors.CONTACT_COLUMNS, selectors.CAMPAIGN_STANDING)
    reserved = {*selectors.FEATURES, *ours, *columns, "id", "label"}
    for position, header, _kind in mapping.attributes(run.headers):
        columns[f"{header} (other field)" if header in reserved else header] = position
    width = len(run.headers)
    meanings: dict[str, float] = {}
    rows = reading.rows_of_import(run)
    while batch := list(itertools.islice(rows, BATCH_ROWS)):
        cells = [row if len(row) == width else (row + [""] * width)[:width] for _line, row in batch]
        by_position = list(zip(*cells, strict=True))
        data = {name: by_position[position] for name, position in columns.items()}
        if LABEL in data:
            data[LABEL] = [_meaning(text, mapping, meanings) for text in data[LABEL]]
        yield [line for line, _row in batch], pd.DataFrame({n: pd.Series(c, dtype=object) for n, c in data.items()})


def _meaning(text: str, mapping: Mapping, known: dict[str, float]) -> float:
    """1 left, 0 stayed, NaN unknown or unclear; each spelling is asked about once."""
    if text not in known:
        try:
            left = mapping.label_of(text)
        except Wrong:
            left = None
        known[text] = math.nan if left is None else float(left)
    return known[text]


def _as_json(found: Profile, lines: array[int]) -> dict[str, object]:
    """The profile without anybody's name, and duplicates by the lines on which they stand."""
    columns = {
        name: replace(column, **_NOTHING_OF_ANYBODY) if name in _NAMES else _without_rare(column)
        for name, column in found.columns.items()
    }
    duplicates = found.duplicates
    if duplicates:
        examples = [[int(lines[row]) for row in group] for group in duplicates["examples"]]
        duplicates = {**duplicates, "examples": examples}
    return replace(found, columns=columns, duplicates=duplicates).to_json()


def _without_rare(column: ColumnProfile) -> ColumnProfile:
    """Text that stands once or twice may be of one person, and would outlive them here: it is counted with the others."""
    if column.kind != CATEGORY or not column.bins:
        return column
    kept = [[value, count] for value, count in column.top if count >= _OFTEN]
    shown = {value for value, _count in kept}
    *shares, others, unknown = column.bins["shares"]
    pairs = list(zip(column.bins["values"], shares, strict=True))
    others += sum(share for value, share in pairs if value not in shown)
    left = [(value, share) for value, share in pairs if value in shown]
    bins = {
        **column.bins,
        "values": [value for value, _share in left],
        "shares": [*(share for _value, share in left), others, unknown],
    }
    by_class = {
        who: {**part, "shares": {v: share for v, share in part["shares"].items() if v in shown}}
        for who, part in column.by_class.items()
    }
    return replace(column, top=kept, bins=bins, by_class=by_class)


def _summary(found: Profile) -> dict[str, object]:
    """What is asked of a profile without reading all of it: figures of the whole file, and what can be learned from."""
    known = sum(column.known for column in found.columns.values())
    duplicates = found.duplicates
    return {
        "rows": found.rows,
        "fields": len(found.columns),
        "fullness": known / (found.rows * len(found.columns)) if found.rows and found.columns else None,
        "classes": found.classes,
        "duplicates": {k: duplicates[k] for k in ("groups", "rows", "looked_at")} if duplicates else None,
        "moved": sum((c.drift or {}).get("verdict") in ("moved", "moved_much") for c in found.columns.values()),
        "gone": list(found.gone),
        "learnable": [
            name
            for name, column in found.columns.items()
            if selectors.may_be_feature(name) and _has_something_to_learn(column)
        ],
    }


def _has_something_to_learn(column: ColumnProfile) -> bool:
    names_rows = column.kind == CATEGORY and not column.top  # nearly every value stands once
    return column.kind != EMPTY and column.distinct > 1 and not names_rows


def _storable(value: object) -> object:
    """The same without what PostgreSQL's JSON does not take: NUL characters, numbers without end."""
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {_storable(str(key)): _storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(item) for item in value]
    return value


# ---------------------------------------------------------------- readiness


def readiness() -> dict[str, object]:
    """Whether there is enough to learn from, as facts and in words; from roll-ups, so that any page may ask.

    Keys: ``verdict`` (ready, thin, not_yet), ``facts``, ``found`` (see ingest.readiness.Readiness) and, in the reader's
    language, ``headline``, ``advice`` and ``criteria`` (each ``code``, ``state``, ``counts``, ``words``).
    """
    base = {**selectors.customer_base(), **selectors.outcome_counts()}
    facts = Facts(
        customers=base["customers"],
        left=base["left"],
        stayed=base["stayed"],
        features=len(selectors.learnable_columns()),
        months=base.get("months") or None,
    )
    return words.describe(facts, assess(facts))
