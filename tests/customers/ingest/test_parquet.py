"""Parquet files: each type as a person would write it, and the limits told by line."""

import csv
import datetime as dt
import gzip
import io
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.customers.ingest.tables import IBM_TELCO, bring_in, cells, lines, needs_ibm_telco, notes, refusal
from tests.customers.ingest.workbooks import zipped


def parquet(columns: dict[str, object], **options) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer, **options)
    return buffer.getvalue()


MOMENT = dt.datetime(2024, 3, 6, 13, 45)


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (pa.array(['é, "x"\n']), 'é, "x"\n'),
        (pa.array(["é"], pa.large_string()), "é"),
        (pa.array(["é"]).dictionary_encode(), "é"),
        (pa.array([7], pa.int64()), "7"),
        (pa.array([2**64 - 1], pa.uint64()), "18446744073709551615"),
        (pa.array([29.85]), "29.85"),
        (pa.array([1.0]), "1"),
        (pa.array([float("nan")]), ""),
        (pa.array([1e-7]), "0.0000001"),
        (pa.array([29.85], pa.float32()), "29.850000381469727"),
        (pa.array([Decimal("29.850")]), "29.85"),
        (pa.array([Decimal("1000")], pa.decimal128(6, 0)), "1000"),
        (pa.array([True]), "Yes"),
        (pa.array([False]), "No"),
        (pa.array([None], pa.bool_()), ""),
        (pa.array([None], pa.null()), ""),
        (pa.array([dt.date(2024, 3, 6)]), "2024-03-06"),
        (pa.array([MOMENT]), "2024-03-06 13:45:00"),
        (pa.array([MOMENT], pa.timestamp("ns")), "2024-03-06 13:45:00"),
        (pa.array([dt.datetime(2024, 3, 6)], pa.timestamp("ms")), "2024-03-06"),
        (pa.array([MOMENT], pa.timestamp("us", tz="UTC")), "2024-03-06 13:45:00+00:00"),
        (pa.array([dt.time(13, 45)]), "13:45:00"),
        (pa.array([b"abc"]), "abc"),
        (pa.array([[1, 2]]), "[1, 2]"),
        (pa.array([{"a": 1}]), '{"a": 1}'),
    ],
)
def test_each_type_is_written_as_people_write_it(tmp_path, array, text):
    table = bring_in(tmp_path, parquet({"id": pa.array(["C1"]), "value": array}))
    assert cells(table) == [["C1", text]]
    assert (table.kind, lines(table)) == ("parquet", [1])


def test_nested_columns_are_told(tmp_path):
    table = bring_in(tmp_path, parquet({"id": ["C1"], "basket": [[1, 2]]}))
    assert [(n.code, n.facts["columns"]) for n in table.notes] == [("nested_columns", ["basket"])]


@pytest.mark.parametrize("packing", [gzip.compress, lambda content: zipped({"a.parquet": content})])
def test_packed_parquet_is_read(tmp_path, packing):
    assert cells(bring_in(tmp_path, packing(parquet({"id": ["1"], "a": [2]})))) == [["1", "2"]]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (parquet({"id": pa.array([], pa.string()), "a": pa.array([], pa.string())}), "no_rows"),
        (parquet({"id": ["1"]}), "one_column"),
        (parquet({f"c{i}": ["1"] for i in range(30)}), "too_many_columns"),
        (parquet({"id": list(range(60)), "a": list(range(60))}), "too_many_rows"),
        (parquet({"id": ["1"], "a": ["x" * 300]}), "cell_too_long"),
        (parquet({"id": ["1"], "a": [list(range(100))]}), "cell_too_long"),
        (parquet({"id": ["1"], "a": [2]})[:-5], "broken"),
        (parquet({"id": ["1"], "a": [2]})[4:], "binary"),
        (b"PAR1" + b"\xff" * 60 + b"\xff\xff\xff\x7fPAR1", "broken"),
    ],
)
def test_limits_and_faults_are_refused(tmp_path, content, code):
    assert refusal(tmp_path, content, max_cell=200, max_columns=20, max_rows=50).code == code


def test_long_text_is_named_by_its_record(tmp_path):
    content = parquet({"id": [str(i) for i in range(50)], "a": ["é" * 150] * 40 + ["x" * 300] + [""] * 9})
    error = refusal(tmp_path, content, max_cell=200)
    assert (error.code, error.facts["line"]) == ("cell_too_long", 41)


def test_long_text_in_a_dictionary_is_refused_before_it_is_repeated(tmp_path):
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000), pa.array(["x" * 1_000_000]))
    assert refusal(tmp_path, parquet({"id": list(range(20_000)), "a": texts})).code == "cell_too_long"


def test_text_that_a_dictionary_repeats_is_bounded_as_it_is_written(tmp_path):
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 300_000), pa.array(["x" * 100]))
    error = refusal(tmp_path, parquet({"id": texts, "a": texts}), max_unpacked_bytes=5 << 20)
    assert (error.code, error.facts) == ("too_large", {"maximum": 5, "unpacked": True})


def test_duplicate_headers_are_named(tmp_path):
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_arrays([pa.array(["1"])] * 2, names=["a", "a"]), buffer)
    table = bring_in(tmp_path, buffer.getvalue())
    assert table.headers == ("a", "a (2)") and notes(table) == ["duplicate_headers"]


@needs_ibm_telco
def test_ibm_telco_gives_the_same_cells(tmp_path):
    with IBM_TELCO.open(encoding="utf-8", newline="") as file:
        headers, *rows = csv.reader(file)
    columns: dict[str, list] = dict(zip(headers, map(list, zip(*rows, strict=True)), strict=True))
    columns["tenure"] = [int(c) for c in columns["tenure"]]
    columns["MonthlyCharges"] = [Decimal(c) for c in columns["MonthlyCharges"]]
    table = bring_in(tmp_path, parquet(columns))
    position = headers.index("MonthlyCharges")
    for row in rows:
        row[position] = f"{Decimal(row[position]).normalize():f}"
    assert table.headers == tuple(headers) and cells(table) == rows
