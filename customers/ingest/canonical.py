"""The one form that every file is brought into: a UTF-8 comma CSV, its header first, and the line that each row had."""

from __future__ import annotations

import csv
import statistics
from array import array
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType

from . import exchange
from .exchange import MEBIBYTE, Limits, Note
from .reader import TableRefused

HEAD_ROWS = 50  # in which the header is looked for
_FLUSH = 65_536
_LAST_LINE = 2**32 - 1
_NAMED = 20  # of a kind, in one note
_SAMPLE_ROWS, _SAMPLE_CELLS, _SAMPLE_CELL = 1_000, 100_000, 200  # rows, cells in all, characters of a cell
_TELL_EVERY = 4_096  # rows


def find_header(rows: Sequence[Sequence[str]]) -> int:
    """Position of the header among a table's first rows: the first that is about as full as the rows are.

    Reports open with a title, a date and an empty line; none of these fills half as many cells as a customer does. The
    middle of all is the measure, not the fullest row, which may be one that was cut wrongly. Raises TableRefused.
    """
    filled = [sum(1 for cell in row if cell.strip(" \t\r\n\0\ufeff")) for row in rows]
    counts = [n for n in filled if n]
    if not counts:
        raise TableRefused("empty")
    if max(counts) < 2:
        raise TableRefused("one_column")
    enough = max(2, statistics.median_low(counts) / 2)
    return next((i for i, n in enumerate(filled) if n >= enough), filled.index(max(filled)))


def name_headers(cells: Iterable[str], limits: Limits) -> tuple[tuple[str, ...], list[Note]]:
    """Headers on one line each, every one with a name of its own; and what had to be done for that."""
    headers: list[str] = []
    taken: set[str] = set()
    unnamed: list[str] = []
    doubled: list[str] = []
    for position, cell in enumerate(cells, 1):
        name = " ".join(cell.replace("\0", "").replace("\ufeff", "").split())
        if not name:
            name = f"column {position}"
            unnamed.append(name)
        if name in taken:
            doubled.append(name)
            copies = 2
            while f"{name} ({copies})" in taken:
                copies += 1
            name = f"{name} ({copies})"
        taken.add(name)
        headers.append(name)
    if len(headers) > limits.max_columns:
        raise TableRefused("too_many_columns", columns=len(headers), maximum=limits.max_columns)
    if len(headers) < 2:
        raise TableRefused("one_column")
    notes = []
    if unnamed:
        notes.append(Note("unnamed_columns", {"columns": unnamed[:_NAMED], "count": len(unnamed)}))
    if doubled:
        names = list(dict.fromkeys(doubled))
        notes.append(Note("duplicate_headers", {"columns": names[:_NAMED], "count": len(names)}))
    return tuple(headers), notes


class Sink:
    """Takes a table's rows, holds them to the limits, and writes them unless the person's file serves as it is.

    ``folder`` None: nothing is written. Lines end in CRLF, because Python 3.11 leaves a bare CR in a cell unquoted else.
    ``share``: how far the reading is, 0 to 1, where the caller can tell.
    """

    def __init__(
        self, headers: Sequence[str], limits: Limits, folder: Path | None, share: Callable[[], float] = lambda: 0.0
    ) -> None:
        self.rows = self.ragged = 0
        self._share = share
        self._kept: list[tuple[str, ...]] = []
        self._every = 1
        self._most_kept = max(2, min(_SAMPLE_ROWS, _SAMPLE_CELLS // max(1, len(headers))))
        self.path = folder / "table.csv" if folder else None
        self.lines_path = folder / "lines.u32" if folder else None
        self._width, self._limits = len(headers), limits
        self._lines = array("I")
        if self.path and self.lines_path:
            self._table = self.path.open("w", encoding="utf-8", newline="", errors="replace")
            self._sidecar = self.lines_path.open("wb")
            self._write = csv.writer(self._table, lineterminator="\r\n").writerow
            self._write(headers)

    def row(self, line: int, cells: Sequence[str]) -> None:
        if self.rows % self._every == 0:
            self._keep(cells)
        self.rows += 1
        if self.rows > self._limits.max_rows:
            raise TableRefused("too_many_rows", maximum=self._limits.max_rows)
        if self.rows % _TELL_EVERY == 0:
            exchange.meter.tell(self.rows, self._share())
        if len(cells) != self._width:
            self.ragged += 1
            if len(cells) > self._limits.max_columns:
                raise TableRefused("too_many_columns", columns=len(cells), maximum=self._limits.max_columns, line=line)
        if self.path:
            self._write(cells)
            self._lines.append(line if line < _LAST_LINE else _LAST_LINE)
            if len(self._lines) == _FLUSH:
                self._flush()

    def _keep(self, cells: Sequence[str]) -> None:
        """Every row, then every second, every fourth: rows from the whole of the table, however long it gets."""
        self._kept.append(tuple(cell[:_SAMPLE_CELL] for cell in cells))
        if len(self._kept) == self._most_kept:
            self._kept = self._kept[::2]
            self._every *= 2

    @property
    def sample(self) -> tuple[tuple[str, ...], ...]:
        return tuple(self._kept)

    def _flush(self) -> None:
        self._lines.tofile(self._sidecar)
        del self._lines[:]
        # A workbook tells a long text once and refers to it a million times: what comes out is bounded as well.
        if self._table.tell() > self._limits.max_unpacked_bytes:
            raise TableRefused("too_large", maximum=self._limits.max_unpacked_bytes // MEBIBYTE, unpacked=True)

    def __enter__(self) -> Sink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.path:
            try:
                if kind is None:
                    self._flush()
            finally:
                self._table.close()
                self._sidecar.close()
        if kind is None and not self.rows:
            raise TableRefused("no_rows")
