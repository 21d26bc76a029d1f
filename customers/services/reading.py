"""First step of an import: the file becomes a table, and every column a guess."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from core import jobs, tabular
from core.errors import Refused

from .. import selectors, wording
from ..ingest import celltypes, mapping, proposal, reader, sandbox
from ..ingest.exchange import Limits, Normalised, read_lines
from ..ingest.mapping import ID, LABEL, MONTH, ROW_NUMBER, Mapping, MappingRefused, RowNumbers
from ..ingest.reader import TableInfo, TableRefused
from ..ingest.rows import MEASURES, RowCleaner
from ..models import ColumnMapping, FormerNumber, Import
from . import files

FIRST_ROWS = 8
SHOWN_CELL = 120
HEAD = 1_000  # rows from which the order of dates is told
# Columns of our own in a file of refused rows; the number only where numbers were made by counting.
LINE, COLUMN, REASON, NUMBER = (mapping.OURS + word for word in ("line", "column", "reason", "number"))


@dataclass(frozen=True, slots=True)
class Choices:
    """What the opener of an import said beforehand about its columns."""

    mapping: dict | None = None
    id_column: str = ""
    label_column: str = ""
    label_yes: Sequence[str] = ()

    def __bool__(self) -> bool:
        return self.mapping is not None or bool(self.id_column or self.label_column or self.label_yes)


def read_table(held: jobs.Claim, run: Import, *, at_once: bool = False) -> None:
    """Bring the file into the canonical form and propose what its columns are. Raises Refused."""
    limits = files.limits()
    if at_once:
        limits = dataclasses.replace(limits, seconds=settings.IMPORT_READ_AT_ONCE_SECONDS)
    held.report(0, 1, _("Reading the file"), force=True)
    files.forget_table(run)
    try:
        table = _normalise(held, run, limits)
        found = _propose(run, table)
        if not run.is_attended:
            _check_classes(run, table, Mapping.from_json(found["mapping"]))
    except TableRefused as refusal:
        raise wording.file_refused(refusal, run.filename) from refusal
    held.save(
        kind=table.kind,
        packed=list(table.packed),
        encoding=table.encoding,
        delimiter=table.delimiter,
        sheet=table.sheet or "",
        sheets=[dataclasses.asdict(sheet) for sheet in table.sheets],
        notes=[dataclasses.asdict(note) for note in table.notes],
        headers=list(table.headers),
        total_rows=table.rows,
        table_path=files.relative(table.path),
        lines_path=files.relative(table.lines) if table.lines else "",
        shape_key=found["shape_key"],
        proposal=found,
        mapping=found["mapping"],
    )


def _normalise(held: jobs.Claim, run: Import, limits: Limits) -> Normalised:
    def report(rows: int, fraction: float) -> None:
        held.report(round(1000 * fraction), 1000, _("Reading the file: %(rows)s rows") % {"rows": f"{rows:,}"})

    return sandbox.normalise(
        files.place(run.stored_path),
        folder=files.folder_of(run),
        limits=limits,
        sheet=run.sheet or None,
        progress=report,
    )


def _propose(run: Import, table: Normalised) -> dict[str, object]:
    """The proposal as JSON: what the wizard shows, and the mapping that agreeing with all of it would mean."""
    shape = mapping.shape_key(table.headers)
    remembered = ColumnMapping.objects.filter(shape_key=shape).first()
    found = proposal.propose(table.headers, table.sample, remembered=remembered.mapping if remembered else None)
    chosen = Choices(**run.proposal.get("choices", {}))  # said beforehand, see open_import
    try:
        if chosen.mapping is not None:
            agreed = mapping.typed(Mapping.from_json(chosen.mapping), table.headers, table.sample)
            if chosen.id_column:
                agreed = agreed.with_id(chosen.id_column)
            if chosen.label_column or chosen.label_yes:
                agreed = agreed.with_label(chosen.label_column or agreed.header_of(LABEL) or "", chosen.label_yes)
        else:
            agreed = found.mapping(
                id_column=chosen.id_column, label_column=chosen.label_column, label_yes=chosen.label_yes
            )
    except MappingRefused as refusal:
        raise Refused(refusal.code, wording.mapping_problem(refusal.code, refusal.facts), **refusal.facts) from refusal
    if not run.is_attended:
        _decide_alone(run, table, agreed, found, has_said=bool(chosen.mapping or chosen.id_column or remembered))
    return {
        "columns": [dataclasses.asdict(column) for column in found.columns],
        "identity": dataclasses.asdict(found.identity),
        "label": dataclasses.asdict(found.label) if found.label else None,
        "label_alternatives": [dataclasses.asdict(guess) for guess in found.label_alternatives],
        "grain": found.grain,
        "shape_key": shape,
        "is_remembered": found.is_remembered,
        "remembered_from": remembered.filename if remembered else "",
        "first_rows": [[cell[:SHOWN_CELL] for cell in row] for row in table.sample[:FIRST_ROWS]],
        "sampled": len(table.sample),
        "mapping": agreed.to_json(),
        "choices": dataclasses.asdict(chosen),
    }


def _decide_alone(run: Import, table: Normalised, agreed: Mapping, found: proposal.Proposal, *, has_said: bool) -> None:
    """What a person would be asked, and nobody is here to answer: refused, with how to say it.

    ``has_said``: how customers are numbered was said beforehand, or agreed to with an earlier file of this shape.
    """
    if agreed.id_rule != mapping.BY_COLUMN and not has_said:
        raise TableRefused("no_id")
    for problem in agreed.problems(table.headers, table.sample):
        if not problem.code.endswith("_in_sample"):
            raise Refused(problem.code, wording.mapping_problem(problem.code, problem.facts), **problem.facts)
    is_months = agreed.header_of(MONTH) is not None
    if agreed.header_of(LABEL) is None and not (run.without_label or is_months or selectors.has_both_classes()):
        named = next((g.header for g in found.label_alternatives if "values_unclear" in g.notes), None)
        if named is not None:  # there is such a column; its values alone do not say what they mean
            facts = {"header": named}
            raise Refused("label_yes_missing", wording.mapping_problem("label_yes_missing", facts), **facts)
        raise TableRefused("no_label")


def _check_classes(run: Import, table: Normalised, agreed: Mapping) -> None:
    """A first file must hold customers who left and customers who stayed; reading stops once both were seen."""
    position = agreed.positions(table.headers).get(LABEL)
    if position is None or run.without_label or selectors.has_both_classes():
        return
    seen: set[bool] = set()
    for _line, cells in rows_of(table.path, table.headers, None):
        if len(cells) > position:
            try:
                value = agreed.label_of(cells[position])
            except ValueError:
                continue
            if value is not None:
                seen.add(value)
                if len(seen) == 2:
                    return
    raise TableRefused("one_class" if seen else "no_label", column=table.headers[position])


# ---------------------------------------------------------------- the rows, for the steps that follow


def rows_of(path: Path, headers: Sequence[str], lines: Sequence[int] | None) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of the canonical table; ``lines``: where each row stood in the person's own file."""
    info = TableInfo(path, path.stat().st_size, "utf-8", ",", tuple(headers))
    rows = reader.Table(info).rows()
    if lines is None:
        return rows
    return ((line, cells) for line, (_own, cells) in zip(lines, rows, strict=True))


def rows_of_import(run: Import) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of an import's table, cells as the person's file had them. Raises TableRefused where it is gone."""
    try:
        lines = read_lines(files.place(run.lines_path)) if run.lines_path else None
        rows = rows_of(files.place(run.table_path), run.headers, lines)
    except FileNotFoundError as error:
        raise TableRefused("missing") from error
    if any(header.startswith(mapping.OURS) for header in run.headers):  # a file of refused rows, see writing
        return ((line, list(map(tabular.plain_cell, cells))) for line, cells in rows)
    return rows


def cleaner_of(run: Import) -> RowCleaner:
    """The cleaner that the agreed mapping asks for; feed it every row from the first one on."""
    agreed = Mapping.from_json(run.mapping)
    headers = run.headers
    positions = agreed.positions(headers)
    numbers = None
    if agreed.id_rule == ROW_NUMBER and NUMBER in headers:
        positions[ID] = list(headers).index(NUMBER)  # mended rows keep the numbers they were counted with
    elif agreed.id_rule != mapping.BY_COLUMN:
        numbers = RowNumbers(agreed.id_rule, without=[i for i, h in enumerate(headers) if h.startswith(mapping.OURS)])
    attributes = agreed.attributes(headers)
    return RowCleaner(
        positions,
        headers=headers,
        attributes=attributes,
        label_of=agreed.label_of if LABEL in positions else None,
        numbers=numbers,
        former=dict(FormerNumber.objects.values_list("external_id", "customer__external_id")),
        usage_month=run.usage_month,
        max_cell=settings.IMPORT_MAX_CELL,
        # A workbook's numbers have points; a text cut by commas writes thousands with them
        comma_groups=run.delimiter == ",",
        date_orders=_date_orders(run, [p for p, _n, kind in attributes if kind == celltypes.DATE]),
    )


def _date_orders(run: Import, positions: Sequence[int]) -> dict[int, str]:
    """Whether 03/04/2026 is in March or in April, by the other dates of the column."""
    if not positions:
        return {}
    head = [cells for _line, cells in itertools.islice(rows_of_import(run), HEAD)]
    columns = celltypes.sample_columns(run.headers, head)
    return {p: celltypes.date_order(columns[p].counts) or "dmy" for p in positions}


def read_month(text: str) -> date:
    """A month as people write one. Raises Refused."""
    month = celltypes.parse_month(text)
    if month is None:
        raise Refused("not_a_month", _("“%(text)s” is no month: write 2026-10.") % {"text": text[:40]})
    return month


def has_loose_months(run: Import) -> bool:
    """Whether the mapping has measures of use but no column of months, so that somebody must say which month they are of."""
    targets = set(run.columns.values())
    return bool(targets & set(MEASURES)) and MONTH not in targets
