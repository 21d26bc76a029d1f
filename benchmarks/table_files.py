"""Files of any number of rows for the benchmark of the import: made-up customers, told again and again, each a little other."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

_TOLD = 20_000  # customers that the carrier model makes; the rest are these with other numbers and other bills
_BLOCK = 20_000
# The sample's columns that the IBM Telco file does not have.
_BESIDE = ("FirstName", "LastName", "Email", "Phone", "Language", "City", "Age")
_ODD = (
    2_654_435_761  # odd, and so a permutation of the numbers below 2**32: customers come in no order of their numbers
)


def write_pair(folder: Path, *, rows: int, seed: int = 11) -> tuple[Path, Path]:
    """(a file of ``rows`` x 21 with the IBM Telco headers, the same file with one row in ten changed)."""
    from customers import samples

    told = samples.write_sample_file(path=folder / "told.csv", customers=min(rows, _TOLD), seed=seed)
    with told.open(encoding="utf-8", newline="") as file:
        every, *originals = csv.reader(file)
    kept = [at for at, name in enumerate(every) if name not in _BESIDE]
    headers = [every[at] for at in kept]
    originals = [[row[at] for at in kept] for row in originals]
    told.unlink()
    first, changed = folder / "customers.csv", folder / "changed.csv"
    with first.open("w", encoding="utf-8", newline="") as one, changed.open("w", encoding="utf-8", newline="") as two:
        plain, tenth = csv.writer(one, lineterminator="\n"), csv.writer(two, lineterminator="\n")
        plain.writerow(headers)
        tenth.writerow(headers)
        for row, is_changed in _rows(headers, originals, rows, seed):
            plain.writerow(row)
            if is_changed:
                row[headers.index("MonthlyCharges")] = f"{float(row[headers.index('MonthlyCharges')]) + 1:.2f}"
            tenth.writerow(row)
    return first, changed


def _rows(headers: list[str], originals: list[list[str]], rows: int, seed: int) -> Iterator[tuple[list[str], bool]]:
    """(row, whether the second file has it changed). Bills are jittered by up to 5, so that no amount repeats for long."""
    dice = np.random.default_rng(seed)
    number, monthly, total = (headers.index(name) for name in ("customerID", "MonthlyCharges", "TotalCharges"))
    tenure = headers.index("tenure")
    for start in range(0, rows, _BLOCK):
        length = min(_BLOCK, rows - start)
        jitter = dice.uniform(-5, 5, length).round(2).tolist()
        changes = (dice.random(length) < 0.1).tolist()
        for i in range(length):
            at = start + i
            row = list(originals[at % len(originals)])
            row[number] = f"{(at * _ODD) % 2**32:08x}-{at % 97:02d}"
            if at >= len(originals):
                bill = max(15.0, float(row[monthly]) + jitter[i])
                row[monthly] = f"{bill:.2f}"
                if row[total].strip():
                    row[total] = f"{max(0.0, bill * int(row[tenure]) + jitter[i]):.2f}"
            yield row, changes[i]
