"""Tables out of the product: CSV that a spreadsheet opens without running anything in it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence

# The characters that make a spreadsheet read a cell as a formula, and their full-width twins.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def safe_cell(value: object) -> object:
    """Text that would be run as a formula gets an apostrophe; numbers stay numbers."""
    if isinstance(value, str) and value.lstrip("'").startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value


def plain_cell(text: str) -> str:
    """What ``safe_cell`` was given: the apostrophe that it put before a formula is taken away."""
    return text[1:] if text.startswith("'") and text.lstrip("'").startswith(_FORMULA) else text


class _Echo:
    def write(self, text: str) -> str:
        return text


def stream_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Lines of a CSV, a block at a time. UTF-8 with a mark first, so that spreadsheets read accents right."""
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow(header)
    block: list[str] = []
    for row in rows:
        block.append(writer.writerow([safe_cell(v) for v in row]))
        if len(block) == 500:
            yield "".join(block)
            block.clear()
    yield "".join(block)
