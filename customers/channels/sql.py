"""A query against a company's own database, streamed into a CSV file.

``databases`` holds the connection, which can only read; ``statement`` reads the query beforehand.
"""

from __future__ import annotations

import csv
import datetime as dt
import decimal
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation import gettext as _

from core.errors import Refused

from . import Brought, databases
from .databases import Source, check_url
from .statement import check_statement

__all__ = ["BATCH_ROWS", "Limits", "Source", "as_text", "bring", "check_url"]

BATCH_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may cost. ``max_bytes``: of the file it becomes."""

    seconds: float
    max_rows: int
    max_bytes: int


def bring(
    source: Source,
    query: str,
    target: Path,
    *,
    limits: Limits,
    name: str,
    only_rows: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Brought:
    """Run the query and write its rows as a CSV; ``only_rows`` ends it early, for a test.

    ``progress`` is told the rows so far after each batch. Raises Refused (check_statement's, private_address,
    query_failed, too_many_rows, too_large, too_slow, access_denied) and Unreachable.
    """
    statement = check_statement(query, engine=source.engine)
    ends = time.monotonic() + limits.seconds
    with databases.explained(source, ends), databases.connected(source, limits.seconds, ends) as connection:
        streamed = connection.execution_options(stream_results=True, yield_per=BATCH_ROWS, no_parameters=True)
        result = streamed.exec_driver_sql(statement)
        headers = list(result.keys())
        rows, cut = _write(result, headers, target, limits=limits, ends=ends, only_rows=only_rows, progress=progress)
        result.close()
        notes = databases.notes(connection, source) if only_rows else []
    digest, size = hashlib.sha256(), 0
    with target.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
            size += len(block)
    return Brought(name, digest.hexdigest(), size, is_cut=cut, facts={"rows": rows, "notes": notes})


def _write(result, headers, target, *, limits, ends, only_rows, progress) -> tuple[int, bool]:
    """Stream the rows into the file; (rows written, whether there were more)."""
    rows = 0
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(headers)
        for batch in result.partitions(BATCH_ROWS if only_rows is None else min(only_rows, BATCH_ROWS)):
            for row in batch:
                if only_rows is not None and rows == only_rows:
                    return rows, True
                writer.writerow([as_text(value) for value in row])
                rows += 1
            if rows > limits.max_rows:
                raise Refused(
                    "too_many_rows",
                    _("The query gives more than %(maximum)s rows.") % {"maximum": f"{limits.max_rows:,}"},
                )
            if file.tell() > limits.max_bytes:
                raise Refused(
                    "too_large", _("The file is larger than %(maximum)s MB.") % {"maximum": limits.max_bytes >> 20}
                )
            if time.monotonic() > ends:
                raise databases.too_slow()
            if progress is not None:
                progress(rows)
    return rows, False


def as_text(value: object) -> str:
    """A cell as our own reader understands it: empty for NULL, Yes and No, ISO dates, plain numbers."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, float):
        return "" if value != value else repr(value)
    if isinstance(value, decimal.Decimal):
        return "" if value.is_nan() else format(value, "f")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value).replace("\x00", "")
