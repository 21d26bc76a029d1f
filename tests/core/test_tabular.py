"""Tables out: a spreadsheet opens them and runs nothing in them."""

import csv
import io
from decimal import Decimal

import pytest

from core.tabular import plain_cell, safe_cell, stream_csv


@pytest.mark.parametrize(
    "text", ["=1+1", "+33 1", "-2", "@SUM(A1)", "\tx", "\rx", "＝1", "＋1", "－1", "＠x", "=cmd|' /C calc'!A0"]
)
def test_text_that_would_be_a_formula_is_quoted(text):
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["plain", "a=b", "1-2", "", "é", 5, -5, 0.25, -0.5, Decimal("-3.5"), True])
def test_numbers_and_harmless_text_stay_as_they_are(value):
    assert safe_cell(value) == value
    assert type(safe_cell(value)) is type(value)


@pytest.mark.parametrize("text", ["=1+1", "+33 1", "＠x", "plain", "", "'quoted'", "l'été"])
def test_quoted_cell_comes_back_as_it_was(text):
    assert plain_cell(safe_cell(text)) == text


def test_unknown_is_an_empty_cell():
    assert safe_cell(None) == ""


def test_table_has_the_mark_the_header_and_every_row():
    rows = [[i, f"name {i}", None] for i in range(1200)]
    text = "".join(stream_csv(["number", "name", "note"], rows))
    assert text.startswith("\ufeff")
    found = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    assert found[0] == ["number", "name", "note"]
    assert len(found) == 1201
    assert found[-1] == ["1199", "name 1199", ""]


def test_table_without_rows_is_its_header():
    assert "".join(stream_csv(["a", "b"], [])) == "\ufeffa,b\r\n"


def test_delimiters_quotes_and_line_breaks_come_back_whole():
    row = ['say "hi", twice', "two\nlines", "=1"]
    found = list(csv.reader(io.StringIO("".join(stream_csv(["a", "b", "c"], [row])).removeprefix("\ufeff"))))
    assert found[1] == ['say "hi", twice', "two\nlines", "'=1"]
