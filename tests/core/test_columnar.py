"""Columns into a table: every cell comes back as it went in, known or not, on both engines."""

from decimal import Decimal
from uuid import uuid4

import numpy as np
import pytest
from django.db import connection

from core import bulk, columnar

pytestmark = pytest.mark.django_db

TYPES = {
    "whose": ("uuid", "char(32)"),
    "run": ("bigint", "bigint"),
    "key": ("bigint", "bigint"),
    "risk": ("double precision", "real"),
    "number": ("smallint", "smallint"),
    "flag": ("boolean", "bool"),
    "amount": ("numeric(12, 3)", "decimal"),
    "facts": ("bytea", "blob"),
}


def types() -> dict[str, str]:
    return {name: kinds[connection.vendor == "sqlite"] for name, kinds in TYPES.items()}


def come_back(columns: dict) -> list[tuple]:
    with bulk.stage("columns_test", types()) as stage:
        assert columnar.insert(stage.name, columns) == len(columns["key"])
        return stage.fetch("SELECT key, run, risk, number, flag, amount, facts, whose FROM {stage} ORDER BY key")


def columns(n: int, **changed) -> dict:
    return {
        "whose": uuid4(),
        "run": 2**40,
        "key": np.arange(n),
        "risk": np.linspace(0, 1, n),
        "number": np.arange(n, dtype=np.int16) - 2,
        "flag": np.arange(n) % 2 == 0,
        "amount": columnar.Money(np.arange(n) * 1.25),
        "facts": np.array([bytes([i, 0, 255, 0]) for i in range(n)], dtype="V4"),
        **changed,
    }


def test_cells_come_back_as_they_went_in():
    given = columns(5)
    for i, (key, run, risk, number, flag, amount, facts, whose) in enumerate(come_back(given)):
        assert (key, run, risk, number, bool(flag)) == (i, 2**40, i / 4, i - 2, i % 2 == 0)
        assert Decimal(str(amount)) == Decimal("1.25") * i
        assert bytes(facts) == bytes([i, 0, 255, 0])
        assert str(whose).replace("-", "") == given["whose"].hex


def test_records_keep_the_order_of_their_bytes():
    records = np.zeros(2, dtype=[("one", "<f4"), ("two", "<f8")])
    records["one"], records["two"] = [1.5, 2.5], [1e9, -1e9]
    found = b"".join(bytes(row[6]) for row in come_back(columns(2, facts=records)))
    np.testing.assert_array_equal(np.frombuffer(found, dtype=records.dtype), records)


def test_unknown_cells_come_back_unknown_in_every_combination():
    numbers = np.ma.MaskedArray(np.arange(8, dtype=np.int16), [bool(i & 1) for i in range(8)])
    flags = np.ma.MaskedArray(np.ones(8, dtype=bool), [bool(i & 2) for i in range(8)])
    amounts = columnar.Money(np.array([np.nan if i & 4 else 9.5 for i in range(8)]))
    found = come_back(columns(8, number=numbers, flag=flags, amount=amounts))
    for i, row in enumerate(found):
        assert row[3] == (None if i & 1 else i)
        assert (row[4] is None) == bool(i & 2)
        assert (row[5] is None) == bool(i & 4)


def test_money_keeps_every_thousandth():
    texts = [
        "0",
        "0.001",
        "-0.001",
        "10000",
        "9999.999",
        "100000000.5",
        "999999999.999",
        "-12345.678",
        "29.45",
        "20000.1",
    ]
    found = come_back(columns(len(texts), amount=columnar.Money(np.array([float(t) for t in texts]))))
    assert [Decimal(str(row[5])) for row in found] == [Decimal(t) for t in texts]


def test_empty_cells_of_bytes_are_empty_not_unknown():
    assert [bytes(row[6]) for row in come_back(columns(3, facts=np.zeros(3, dtype="V0")))] == [b""] * 3


def test_nothing_is_written_of_no_rows():
    assert come_back(columns(0, risk=np.empty(0), facts=np.empty(0, dtype="V4"))) == []


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="one length"):
        columnar.insert("nowhere", columns(3, risk=np.zeros(2)))
