"""Which sheet of a workbook holds the customers, and that sheet as a table."""

from __future__ import annotations

import itertools
import statistics
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from xml.parsers.expat import ExpatError

from . import schema
from .canonical import HEAD_ROWS, Sink, find_header, name_headers
from .containers import open_zip
from .exchange import Limits, Normalised, Note, Sheet
from .reader import TableRefused
from .workbook import Book, Part, count_rows, open_book, read_rows


def bring_in(path: Path, folder: Path, limits: Limits, sheet: str | None = None) -> Normalised:
    """Read one sheet of a workbook: the one named, else the likeliest. Raises TableRefused."""
    with open_zip(path) as archive:
        try:
            return _read(open_book(archive, limits), folder, sheet)
        except ExpatError as error:
            raise TableRefused("broken", what="xlsx", reason=str(error)) from error


@dataclass(frozen=True, slots=True)
class _Preview:
    part: Part
    sheet: Sheet
    rank: tuple[bool, bool, int, int]  # is a table, is visible, headers that we know, cells


def _preview(book: Book, part: Part, known: dict[str, str]) -> _Preview:
    with closing(read_rows(book, part.path)) as rows:
        head = list(itertools.islice(rows, HEAD_ROWS))
    try:
        above = find_header([cells for _, cells in head])
    except TableRefused:  # a cover page, a chart's sheet, an empty one
        width = max((len(cells) for _, cells in head), default=0)
        sheet = Sheet(part.name, max(len(head) - 1, 0), width, is_hidden=part.is_hidden)
        return _Preview(part, sheet, (False, not part.is_hidden, 0, 0))
    headers = head[above][1]
    below = len(head) - above - 1
    if len(book.parts) > 1 and len(head) == HEAD_ROWS:
        below = count_rows(book.archive, part.path) - above - 1
    names = {known.get(schema.normalise_header(cell).replace(" ", "")) for cell in headers} - {None}
    rank = (below > 0, not part.is_hidden, len(names) if len(names) > 1 else 0, below * len(headers))
    return _Preview(part, Sheet(part.name, below, len(headers), is_hidden=part.is_hidden), rank)


def _read(book: Book, folder: Path, wanted: str | None) -> Normalised:
    known = schema.header_index()
    previews = [_preview(book, part, known) for part in book.parts]
    likeliest = max(previews, key=lambda preview: preview.rank)
    chosen = likeliest if wanted is None else next((p for p in previews if p.part.name == wanted), None)
    if chosen is None:
        raise TableRefused("no_such_sheet", sheet=str(wanted)[:100], sheets=[part.name for part in book.parts])
    table = _read_sheet(book, chosen.part, folder)
    sheets = tuple(
        replace(p.sheet, is_likely=p is likeliest, rows=table.rows if p is chosen else p.sheet.rows) for p in previews
    )
    return replace(table, sheets=sheets)


def _read_sheet(book: Book, part: Part, folder: Path) -> Normalised:
    with closing(read_rows(book, part.path)) as rows:
        head = list(itertools.islice(rows, HEAD_ROWS))
        above = find_header([cells for _, cells in head])
        below = [len(cells) for _, cells in head[above + 1 :]]
        # A column that most rows fill is one, though nobody gave it a header.
        width = max(len(head[above][1]), statistics.mode(below) if below else 0)
        headers, notes = name_headers(_padded(head[above][1], width), book.limits)
        with Sink(headers, book.limits, folder) as sink:
            for row, cells in itertools.chain(head[above + 1 :], rows):
                # A sheet has no ragged rows, only empty cells at their end; cells beyond the header are another matter.
                sink.row(row, _padded(cells, width))
    if above:
        notes.append(Note("lines_above_header", {"rows": above}))
    return Normalised(
        path=sink.path,
        lines=sink.lines_path,
        kind="xlsx",
        packed=(),
        encoding="",
        delimiter="",
        sheets=(),
        sheet=part.name,
        headers=headers,
        rows=sink.rows,
        ragged_rows=sink.ragged,
        notes=tuple(notes),
        sample=sink.sample,
    )


def _padded(cells: list[str], width: int) -> list[str]:
    return cells + [""] * (width - len(cells)) if len(cells) < width else cells
