"""What the tests of the reading engine share: a file from bytes, brought in without walls, and its cells read back."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from customers.ingest import exchange, normalising
from customers.ingest.exchange import Limits, Normalised
from customers.ingest.reader import TableRefused

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
IBM_TELCO = DATA / "ibm_telco" / "Telco-Customer-Churn.csv"
needs_ibm_telco = pytest.mark.skipif(not IBM_TELCO.exists(), reason="../shared/data/ibm_telco is not on this machine")


def file_of(folder: Path, content: bytes | str, name: str = "upload.bin") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def bring_in(folder: Path, content: bytes | str, *, sheet: str | None = None, **limits) -> Normalised:
    """As the child does it, in this process."""
    out = folder / "out"
    out.mkdir(exist_ok=True)
    return normalising.normalise_here(file_of(folder, content), folder=out, limits=Limits(**limits), sheet=sheet)


def refusal(folder: Path, content: bytes | str, **options) -> TableRefused:
    with pytest.raises(TableRefused) as caught:
        bring_in(folder, content, **options)
    return caught.value


def cells(table: Normalised) -> list[list[str]]:
    """The rows below the header, as any reader of CSV sees them; the header must be the one that was told."""
    with table.path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file) if row]
    assert tuple(rows[0]) == table.headers
    assert len(rows) - 1 == table.rows
    if table.lines:
        assert len(exchange.read_lines(table.lines)) == table.rows
    return rows[1:]


def lines(table: Normalised) -> list[int]:
    assert table.lines is not None
    return list(exchange.read_lines(table.lines))


def notes(table: Normalised) -> list[str]:
    return [note.code for note in table.notes]
