"""Reads a table out of a file: encoding, delimiter, header, then rows with the line each stands on.

Streams: memory does not grow with the file. XLSX and Parquet, and the limited child process, join with the import wizard;
they answer to the same ``open_table``.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import schema

DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_BYTES = 256 * 1024
_LONGEST_CELL = 1_000_000  # characters; a longer one is a quote that was never closed
_BINARY = {
    b"PK\x03\x04": "a ZIP or Excel file",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "a gzip archive",
    b"PAR1": "a Parquet file",
    b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"\x7fELF": "a program",
    b"SQLite format 3": "a database",
}


class TableRefused(Exception):
    """The file cannot be read as a table. ``code`` for programs; ``facts`` to build the sentence from."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts


@dataclass(frozen=True, slots=True)
class TableInfo:
    """What was understood of a file before its first row."""

    path: Path
    size_bytes: int
    encoding: str
    delimiter: str
    headers: tuple[str, ...]


def inspect(path: Path, *, max_columns: int = 500) -> TableInfo:
    """Look at the beginning of a file. Raises TableRefused where it is no table."""
    if not path.exists():
        raise TableRefused("missing")
    if path.is_dir():
        raise TableRefused("folder")
    if not path.is_file():
        raise TableRefused("not_a_file")
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            sample = file.read(_SAMPLE_BYTES)
    except OSError as error:
        raise TableRefused("unreadable", reason=error.strerror or "") from error
    if not sample.strip():
        raise TableRefused("empty")
    for magic, what in _BINARY.items():
        if sample.startswith(magic):
            raise TableRefused("binary", what=what)
    encoding = detect_encoding(sample, is_cut=len(sample) < size)
    if encoding == "utf-8" and len(sample) < size:
        # The first accent may stand a million lines below: the whole file says whether it is UTF-8.
        encoding = _confirmed(path)
    text = sample.decode(encoding, errors="replace")
    if "\x00" in text:
        raise TableRefused("binary", what="a binary file")
    if text.lstrip("\ufeff \r\n\t")[:15].lower().startswith(("<!doctype", "<html", "<?xml", "{", "[{")):
        raise TableRefused("markup")
    csv.field_size_limit(_LONGEST_CELL)
    try:
        delimiter = detect_delimiter(text)
        rows = csv.reader(text.splitlines(keepends=True), delimiter=delimiter)
        headers = tuple(cell.strip() for cell in next((row for row in rows if any(c.strip() for c in row)), []))
    except csv.Error as error:
        raise TableRefused("open_quote", line=1) from error
    if len(headers) > max_columns:
        raise TableRefused("too_many_columns", columns=len(headers), maximum=max_columns)
    if len(headers) < 2:
        raise TableRefused("one_column")
    return TableInfo(path, size, encoding, delimiter, headers)


def _confirmed(path: Path) -> str:
    """``utf-8`` if all of the file is; else Windows' western encoding. Reads it once, in blocks."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    seen: set[int] = set()
    is_utf8 = True
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            if is_utf8:
                try:
                    decoder.decode(block)
                except UnicodeDecodeError:
                    is_utf8 = False
            if not is_utf8:
                seen.update(block)
    if is_utf8:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
        return "utf-8"
    return "latin-1" if seen & set(b"\x81\x8d\x8f\x90\x9d") else "cp1252"


def detect_encoding(sample: bytes, *, is_cut: bool = False) -> str:
    """UTF-8 and UTF-16 by their marks; UTF-8 if it decodes; else Windows' western encoding, which always does.

    ``is_cut``: the file goes on beyond the sample, so that its last character may be a half.
    """
    if sample.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        sample.decode("utf-8")
    except UnicodeDecodeError as error:
        if not is_cut or error.start < len(sample) - 4:
            return "cp1252" if not any(b in sample for b in b"\x81\x8d\x8f\x90\x9d") else "latin-1"
    return "utf-8"


def detect_delimiter(text: str) -> str:
    """The delimiter that cuts the first lines most evenly, counted outside quotes."""
    lines = text.splitlines(keepends=True)[:50]

    def evenness(delimiter: str) -> tuple[float, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        if not widths or widths[0] < 2:
            return (0.0, 0)
        return (sum(w == widths[0] for w in widths) / len(widths), widths[0])

    return max(DELIMITERS, key=evenness)


class Table:
    """The rows of a file, streamed. ``position`` is in bytes, for a progress bar."""

    def __init__(self, info: TableInfo) -> None:
        self.info = info
        self._raw = None

    @property
    def position(self) -> int:
        try:
            return self._raw.tell() if self._raw else 0
        except (OSError, ValueError):
            return self.info.size_bytes

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """(line, cells) for each row below the header; ``line`` is where the row ends in the file, as an editor counts.

        Raises TableRefused where a quote is opened and never closed.
        """
        csv.field_size_limit(_LONGEST_CELL)
        with self.info.path.open("rb") as raw:
            self._raw = raw
            import io

            text = io.TextIOWrapper(raw, encoding=self.info.encoding, errors="replace", newline="")
            reader = csv.reader(text, delimiter=self.info.delimiter)
            header_seen, line = False, 0
            try:
                for cells in reader:
                    line = reader.line_num
                    if not header_seen:
                        header_seen = any(c.strip() for c in cells)
                        continue
                    if cells:
                        yield line, cells
            except csv.Error as error:
                raise TableRefused("open_quote", line=line + 1) from error


def map_headers(headers: tuple[str, ...]) -> tuple[dict[str, int], list[int]]:
    """What each header is: ({column name: position}, positions of columns we do not know)."""
    index = schema.header_index()
    known: dict[str, int] = {}
    unknown: list[int] = []
    for position, header in enumerate(headers):
        name = index.get(schema.normalise_header(header).replace(" ", ""))
        if name and name not in known:
            known[name] = position
        else:
            unknown.append(position)
    return known, unknown
