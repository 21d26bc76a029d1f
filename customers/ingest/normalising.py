"""The child's work: open a file by its content, whatever it is, and bring it into the canonical form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from . import containers, delimited, sheets
from .exchange import Limits, Normalised
from .reader import TableRefused


def normalise_here(path: Path, *, folder: Path, limits: Limits, sheet: str | None = None) -> Normalised:
    """``sandbox.normalise`` without its walls: in this process. Raises TableRefused, and whatever a hostile file provokes."""
    if path.stat().st_size > limits.max_bytes:
        raise TableRefused("too_large", maximum=limits.max_bytes // (1 << 20))
    opened = containers.open_file(path, folder, limits)
    if opened.kind == "xlsx":
        table = sheets.bring_in(opened.path, folder, limits, sheet)
    elif sheet is not None:
        raise TableRefused("no_such_sheet", sheet=sheet[:100], sheets=[])
    elif opened.kind == "parquet":
        from . import parquet  # 0.2 s and 60 MB, which a CSV need not pay

        table = parquet.bring_in(opened.path, folder, limits)
    else:
        table = delimited.bring_in(opened.path, folder, limits)
    for unpacked in folder.glob("unpacked-*"):
        if unpacked != table.path:
            unpacked.unlink()
    return replace(table, packed=opened.packed)
