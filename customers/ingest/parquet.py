"""Parquet files, read batch by batch with pyarrow; only the limited child imports this, so that others need not wait for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as pt

from .canonical import Sink, name_headers
from .exchange import MEBIBYTE, Limits, Normalised, Note
from .numberformats import float_text
from .reader import TableRefused

_CELLS = 400_000  # in a batch: as Python texts some 40 MB
_BATCH = 20_000


def bring_in(path: Path, folder: Path, limits: Limits) -> Normalised:
    """Read a Parquet file as a table. Its first record is line 1. Raises TableRefused."""
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            return _read(file, folder, limits)
    except MemoryError:
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno:  # the disk's, or the limit of what may be written
            raise
        if "ncrypt" in str(error):
            raise TableRefused("encrypted", what="parquet") from error
        raise TableRefused("broken", what="parquet", reason=str(error)[:200]) from error


def _read(file: pq.ParquetFile, folder: Path, limits: Limits) -> Normalised:
    facts = file.metadata
    if len(file.schema_arrow) > limits.max_columns:
        raise TableRefused("too_many_columns", columns=len(file.schema_arrow), maximum=limits.max_columns)
    if facts.num_rows > limits.max_rows:
        raise TableRefused("too_many_rows", maximum=limits.max_rows)
    if sum(facts.row_group(i).total_byte_size for i in range(facts.num_row_groups)) > limits.max_unpacked_bytes:
        raise TableRefused("too_large", maximum=limits.max_unpacked_bytes // MEBIBYTE, unpacked=True)
    headers, notes = name_headers(file.schema_arrow.names, limits)
    nested = [name for name, kind in zip(headers, file.schema_arrow.types, strict=True) if pt.is_nested(kind)]
    if nested:
        notes.append(Note("nested_columns", {"columns": nested[:20], "count": len(nested)}))
    line = nuls = 0
    with Sink(headers, limits, folder, lambda: line / max(1, facts.num_rows)) as sink:
        size = max(1, min(_BATCH, _CELLS // len(headers)))
        for batch in file.iter_batches(batch_size=size, use_threads=False):
            columns = [_texts(column, line + 1, limits) for column in batch.columns]
            for at, column in enumerate(columns):
                if found := "".join(column).count("\0"):  # what no database keeps in a text
                    columns[at], nuls = [cell.replace("\0", "") for cell in column], nuls + found
            for cells in zip(*columns, strict=True):
                line += 1
                sink.row(line, cells)
    if nuls:
        notes.append(Note("nul_bytes", {"count": nuls}))
    return Normalised(
        path=sink.path,
        lines=sink.lines_path,
        kind="parquet",
        packed=(),
        encoding="",
        delimiter="",
        sheets=(),
        sheet=None,
        headers=headers,
        rows=sink.rows,
        ragged_rows=0,
        notes=tuple(notes),
        sample=sink.sample,
    )


def _texts(column: pa.Array, first: int, limits: Limits) -> list[str]:
    """A column of a batch as cells; an unknown value is an empty one."""
    kind = column.type
    if pt.is_dictionary(kind):
        values = _texts(column.dictionary, first, limits)
        return ["" if i is None else values[i] for i in column.indices.to_pylist()]
    if pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind):
        _check_lengths(column, first, limits)
        return [value or "" for value in column.to_pylist()]
    if pt.is_integer(kind):
        return ["" if value is None else str(value) for value in column.to_pylist()]
    if pt.is_timestamp(kind) and kind.unit == "ns":  # Python's moments are of microseconds
        column = column.cast(pa.timestamp("us", tz=kind.tz), safe=False)
    if pt.is_binary(kind) or pt.is_large_binary(kind) or pt.is_fixed_size_binary(kind):
        _check_lengths(column, first, limits)
    write = _writer_of(kind)
    cells = ["" if value is None else write(value) for value in column.to_pylist()]
    for line, cell in enumerate(cells, first):
        if len(cell) > limits.max_cell:
            raise TableRefused("cell_too_long", line=line, maximum=limits.max_cell)
    return cells


def _check_lengths(column: pa.Array, first: int, limits: Limits) -> None:
    """Before the texts are made: a dictionary's text of a megabyte would stand in every row of a batch."""
    lengths = pc.binary_length(column)
    longest = pc.max(lengths).as_py() or 0
    if longest <= limits.max_cell:
        return
    if pt.is_string(column.type) or pt.is_large_string(column.type):  # bytes are no characters
        lengths = pc.utf8_length(column)
        longest = pc.max(lengths).as_py()
    if longest > limits.max_cell:
        line = first + next(iter(pc.index(lengths, longest).as_py() for _ in range(1)))
        raise TableRefused("cell_too_long", line=line, maximum=limits.max_cell)


def _writer_of(kind: pa.DataType) -> Callable[[Any], str]:
    if pt.is_floating(kind):
        return float_text
    if pt.is_boolean(kind):
        return lambda value: "Yes" if value else "No"
    if pt.is_decimal(kind):
        return _decimal_text
    if pt.is_date(kind) or pt.is_time(kind):
        return lambda value: value.isoformat()
    if pt.is_timestamp(kind):
        return _moment_text
    if pt.is_binary(kind) or pt.is_large_binary(kind) or pt.is_fixed_size_binary(kind):
        return lambda value: value.decode("utf-8", errors="replace")
    if pt.is_nested(kind):
        return lambda value: json.dumps(value, default=str, ensure_ascii=False)
    return str


def _decimal_text(value: Decimal) -> str:
    """Every digit that counts: ``29.850`` -> ``29.85``, ``1E+3`` -> ``1000``."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _moment_text(value: datetime) -> str:
    is_day = value.tzinfo is None and value.time() == time()
    return value.date().isoformat() if is_day else value.isoformat(" ")
