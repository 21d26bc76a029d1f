"""Texts with delimiters: found out, held to the limits, and rewritten unless they are a UTF-8 comma CSV already."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from . import encodings
from .canonical import HEAD_ROWS, Sink, find_header, name_headers
from .encodings import Encoding
from .exchange import Limits, Normalised, Note
from .reader import DELIMITERS, TableRefused

_SAMPLE = 256 * 1024  # characters
_LONGEST_LINE = 8 * 1024 * 1024  # characters; five hundred cells of ten thousand come to five million
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd]")
_UNPRINTABLE_SHARE = 0.05  # random bytes come to more than a tenth
_MARKUP = re.compile(r"<[a-z!?]|\{|\[\s*[\[{\"]", re.IGNORECASE)
_SEPARATOR_LINE = re.compile(r"\"?sep=([,;\t|])\"?\r?\n", re.IGNORECASE)  # Excel's own way to say it


class _LongLine(Exception):
    pass


class _Rows:
    """The rows of a text, from lines of bounded length. The last one read stands on lines ``start + 1`` to ``end``."""

    def __init__(self, path: Path, encoding: Encoding, delimiter: str) -> None:
        self._path, self._encoding, self._delimiter = path, encoding, delimiter
        self._reader = csv.reader(self._lines(), delimiter=delimiter)
        self._last_line = ""
        self._raw = None
        self._size = max(1, path.stat().st_size)
        self.start = self.end = 0

    def _lines(self) -> Iterator[str]:
        drops_nuls = self._encoding.nuls > 0 or self._encoding.name.startswith(("utf-16", "utf-32"))
        with self._path.open(encoding=self._encoding.name, newline="") as text:
            self._raw = text.buffer
            for line in iter(partial(text.readline, _LONGEST_LINE), ""):
                if len(line) == _LONGEST_LINE:
                    raise _LongLine
                self._last_line = line = line.replace("\0", "") if drops_nuls else line
                yield line

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        reader = self._reader
        for cells in reader:
            self.start, self.end = self.end, reader.line_num
            if cells:
                yield self.end, cells

    def share(self) -> float:
        """How much of the file was read, 0 to 1."""
        return self._raw.tell() / self._size if self._raw is not None else 0.0

    @property
    def line(self) -> int:
        """The line at which reading stopped."""
        return self._reader.line_num

    def check_end(self) -> None:
        """A quote that is open at the end of the file makes no error in csv, and so must be looked for."""
        if self.end == self.start + 1:
            lines: Iterator[str] = iter([self._last_line])
        else:
            lines = itertools.islice(self._lines(), self.start, None)
        try:
            for _cells in csv.reader(lines, delimiter=self._delimiter, strict=True):
                pass
        except csv.Error as error:
            if "unexpected end" in str(error):
                raise TableRefused("open_quote", line=self.start + 1) from error


def bring_in(path: Path, folder: Path, limits: Limits) -> Normalised:
    """Read a text as a table. Raises TableRefused."""
    encoding = encodings.detect(path)
    with path.open(encoding=encoding.name, errors="replace", newline="") as file:
        sample = file.read(_SAMPLE)
    _refuse_other_things(sample)
    csv.field_size_limit(limits.max_cell)
    delimiter = detect_delimiter(sample, is_cut=len(sample) == _SAMPLE)
    try:
        return _read(path, folder, limits, encoding, delimiter)
    except UnicodeError as error:  # UTF-16 tells so only while it is read
        raise TableRefused("undecodable", line=1) from error


def _refuse_other_things(sample: str) -> None:
    text = sample.lstrip("\ufeff \t\r\n\0")
    if not text:
        raise TableRefused("empty")
    if _MARKUP.match(text):
        raise TableRefused("markup")
    if len(_UNPRINTABLE.findall(sample)) > len(sample) * _UNPRINTABLE_SHARE:
        raise TableRefused("binary", what="a binary file")


def detect_delimiter(sample: str, *, is_cut: bool = False) -> str:
    """The delimiter that gives the most lines as many cells as their header; among equals, the one with more cells.

    A line counts against a delimiter even above the header: in ``id;sum`` over ``1;2,5`` the commas are regular as well,
    except in the header. ``is_cut``: the sample ends somewhere in a line.
    """
    if said := _SEPARATOR_LINE.match(sample.lstrip("\ufeff")):
        return said.group(1)
    # Lines as csv.reader counts them: str.splitlines also cuts at characters that are none to a spreadsheet.
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", sample[:_SAMPLE])[: 2 * HEAD_ROWS]
    if is_cut and 1 < len(lines) < 2 * HEAD_ROWS:
        lines.pop()

    def evenness(delimiter: str) -> tuple[float, int]:
        try:
            rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
            width = len(rows[find_header(rows[:HEAD_ROWS])])
        except (csv.Error, IndexError, TableRefused):
            return (0.0, 0)
        return (sum(len(row) == width for row in rows) / len(rows), width)

    return max(DELIMITERS, key=evenness)


def _read(path: Path, folder: Path, limits: Limits, encoding: Encoding, delimiter: str) -> Normalised:
    rows = _Rows(path, encoding, delimiter)
    try:
        head = list(itertools.islice(rows, HEAD_ROWS))
        above = find_header([cells for _, cells in head])
        written = head[above][1]
        headers, notes = name_headers(written, limits)
        is_plain = encoding.name == "utf-8" and delimiter == "," and not encoding.nuls
        is_ready = is_plain and above == 0 and tuple(written) == headers
        with Sink(headers, limits, None if is_ready else folder, rows.share) as sink:
            for line, cells in itertools.chain(head[above + 1 :], rows):
                sink.row(line, cells)
            rows.check_end()
    except _LongLine:
        raise TableRefused("cell_too_long", line=rows.line + 1, maximum=limits.max_cell) from None
    except UnicodeDecodeError as error:
        raise TableRefused("undecodable", line=rows.line + 1) from error
    except csv.Error as error:
        if rows.line > rows.end + 1:  # it swallowed line after line
            raise TableRefused("open_quote", line=rows.end + 1) from error
        raise TableRefused("cell_too_long", line=rows.line, maximum=limits.max_cell) from error
    if above:
        notes.append(Note("lines_above_header", {"rows": above}))
    if encoding.nuls:
        notes.append(Note("nul_bytes", {"count": encoding.nuls}))
    if not encoding.is_sure:
        notes.append(Note("encoding_guessed", {"encoding": encoding.name}))
    return Normalised(
        path=sink.path or path,
        lines=sink.lines_path,
        kind="csv",
        packed=(),
        encoding=encoding.name,
        delimiter=delimiter,
        sheets=(),
        sheet=None,
        headers=headers,
        rows=sink.rows,
        ragged_rows=sink.ragged,
        notes=tuple(notes),
        sample=sink.sample,
    )
