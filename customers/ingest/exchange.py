"""What a parent and its limited child tell each other about a file: the limits down, the facts up. All of it is JSON."""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may cost. Sizes in bytes, ``max_cell`` in characters, ``seconds`` by the wall clock."""

    max_bytes: int = 512 * MEBIBYTE
    max_unpacked_bytes: int = 2048 * MEBIBYTE  # what comes out of an archive, and what is written
    max_ratio: int = 200  # unpacked to packed; tables come to 5 to 50
    max_rows: int = 5_000_000
    max_columns: int = 500
    max_cell: int = 10_000
    seconds: float = 180
    memory: int = 512 * MEBIBYTE  # address space of the child, and so its memory


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of a workbook. ``rows``: below the header; ``is_likely``: the one to propose."""

    name: str
    rows: int
    columns: int
    is_likely: bool = False
    is_hidden: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """Something the person should know about a file that was taken. A code and the facts of its sentence."""

    code: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Normalised:
    """A file as a UTF-8 comma CSV with CRLF or LF, its header first, and what was understood on the way.

    ``path`` is the person's own file where that is such a table already; ``lines`` is then None, and a line is where
    the row ends in it. Else ``lines`` is the file of the rows' own lines: see ``read_lines``.
    """

    path: Path
    lines: Path | None
    kind: str  # csv, xlsx or parquet
    packed: tuple[str, ...]  # gzip, zip: from the outside in
    encoding: str  # of a text; empty for the others, as is the delimiter
    delimiter: str
    sheets: tuple[Sheet, ...]
    sheet: str | None
    headers: tuple[str, ...]
    rows: int
    ragged_rows: int  # with more or fewer cells than the header; they are kept as they are, to be refused by line
    notes: tuple[Note, ...]
    sample: tuple[tuple[str, ...], ...] = ()  # rows from the whole of the table, evenly; the first one is its first
    peak_memory: int = 0  # of the child, in bytes; 0 where the system does not say

    @property
    def columns(self) -> int:
        return len(self.headers)


def read_lines(path: Path) -> Sequence[int]:
    """The line (or row of a sheet, or number of a record) of each row of a canonical file, in its order."""
    lines = array("I")
    lines.frombytes(path.read_bytes())
    return lines


class Meter:
    """How far a child is, told to its parent through a small file: rows so far and, where it can be known, the share."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    def tell(self, rows: int, fraction: float) -> None:
        if self._path is not None:
            part = self._path.with_name("progress.part")
            part.write_text(f"{rows} {fraction:.4f}", encoding="ascii")
            part.replace(self._path)

    @staticmethod
    def read(path: Path) -> tuple[int, float] | None:
        try:
            rows, fraction = path.read_text(encoding="ascii")[:60].split()
            return int(rows), min(max(float(fraction), 0.0), 1.0)
        except (OSError, ValueError):
            return None


meter = Meter()  # the child's own, set when it starts


def to_json(normalised: Normalised) -> str:
    return json.dumps(asdict(normalised), default=str, ensure_ascii=False)


def from_json(facts: dict[str, Any]) -> Normalised:
    return Normalised(
        **{
            **facts,
            "path": Path(facts["path"]),
            "lines": Path(facts["lines"]) if facts["lines"] else None,
            "packed": tuple(facts["packed"]),
            "sheets": tuple(Sheet(**sheet) for sheet in facts["sheets"]),
            "headers": tuple(facts["headers"]),
            "notes": tuple(Note(**note) for note in facts["notes"]),
            "sample": tuple(tuple(row) for row in facts["sample"]),
        }
    )
