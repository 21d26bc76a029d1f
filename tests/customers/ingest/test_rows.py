"""Rows of a file into rows of customers and of months: what is taken, what is refused, and why."""

from datetime import date
from decimal import Decimal

import pytest

from customers.ingest.mapping import ROW_HASH, ROW_NUMBER, RowNumbers
from customers.ingest.rows import RowCleaner

HEADERS = ("customerID", "tenure", "Churn", "colour", "points")
POSITIONS = {"external_id": 0, "tenure": 1, "churn_label": 2}
KEPT = [(3, "colour", "category"), (4, "points", "number")]


def row_cleaner(**options) -> RowCleaner:
    return RowCleaner(POSITIONS, headers=HEADERS, attributes=KEPT, **options)


def of_months(*measures: str, headers=("client", "mois"), others=(), **options) -> RowCleaner:
    headers = (*headers, *measures, *others)
    positions = {"external_id": 0, "month": 1, **{name: headers.index(name) for name in (*measures, *others)}}
    return RowCleaner(positions, headers=headers, **options)


def test_clean_rows_have_line_id_values_and_other_fields():
    cleaned = row_cleaner().clean([(2, ["C1", "12", "Yes", "red", "1 234,5"]), (3, ["C2", "", "No", "", "7"])])
    assert cleaned.refusals == []
    assert cleaned.months == []
    assert cleaned.customers == [
        (2, "C1", 12, True, {"colour": "red", "points": 1234.5}),
        (3, "C2", None, False, {"colour": None, "points": 7}),
    ]


@pytest.mark.parametrize(
    ("cells", "column", "value", "reason"),
    [
        (["C1", "x", "Yes", "", ""], "tenure", "x", "not_a_number"),
        (["C1", "-1", "Yes", "", ""], "tenure", "-1", "too_small"),
        (["C1", "1", "perhaps", "", ""], "Churn", "perhaps", "not_yes_or_no"),
        (["", "1", "Yes", "", ""], "customerID", "", "no_id"),
        (["  ", "1", "Yes", "", ""], "customerID", "  ", "no_id"),
        (["\x00\x01", "1", "Yes", "", ""], "customerID", "\x00\x01", "no_id"),
        (["C1", "1", "Yes", ""], "", "4", "too_few_cells"),
        (["C1", "1", "Yes", "", "", ""], "", "6", "too_many_cells"),
        (["C1", "x", "perhaps", "", ""], "tenure", "x", "not_a_number"),
    ],
)
def test_refused_row_is_named_by_line_column_value_and_reason(cells, column, value, reason):
    cleaned = row_cleaner().clean([(7, cells), (8, ["C9", "1", "No", "", ""])])
    assert [r.as_dict() for r in cleaned.refusals] == [{"line": 7, "column": column, "value": value, "reason": reason}]
    assert cleaned.refused[0][1:] == (cells, "")
    assert [row[1] for row in cleaned.customers] == ["C9"]


def test_second_row_with_one_number_is_refused_even_in_a_later_batch():
    cleaner = row_cleaner()
    first = cleaner.clean([(2, ["C1", "1", "Yes", "", ""]), (3, ["C1", "2", "No", "", ""])])
    second = cleaner.clean([(4, [" C1 ", "3", "No", "", ""])])
    assert [row[0] for row in first.customers] == [2]
    assert [(r.line, r.reason) for r in first.refusals + second.refusals] == [(3, "duplicate_id"), (4, "duplicate_id")]


def test_correct_row_after_a_refused_one_of_the_same_number_is_taken():
    cleaned = row_cleaner().clean([(2, ["C1", "x", "Yes", "", ""]), (3, ["C1", "2", "Yes", "", ""])])
    assert [row[0] for row in cleaned.customers] == [3]


def test_unknown_values_are_counted_in_the_rows_taken_only():
    cleaner = row_cleaner()
    cleaner.clean([(2, ["C1", "", "Yes", "", ""]), (3, ["C2", "", "perhaps", "", ""]), (4, ["C3", "1", "", "", ""])])
    assert cleaner.unknown == {"external_id": 0, "tenure": 1, "churn_label": 1}


def test_long_refused_value_is_cut():
    cleaned = row_cleaner().clean([(2, ["C1", "9" * 500, "Yes", "", ""])])
    assert len(cleaned.refusals[0].as_dict()["value"]) == 120


def test_endless_number_in_another_field_stays_text():
    """Infinity is no JSON: the database would refuse the batch."""
    cleaned = row_cleaner().clean([(2, ["C1", "1", "Yes", "", "1e400"]), (3, ["C2", "1", "Yes", "", "1e300"])])
    assert cleaned.customers[0][-1]["points"] == "1e400"
    assert cleaned.customers[1][-1]["points"] == 1e300


def test_nothing_in_gives_nothing_out():
    cleaned = row_cleaner().clean([])
    assert (cleaned.customers, cleaned.months, cleaned.refusals) == ([], [], [])


def test_other_field_that_is_too_long_is_refused_by_name_and_never_cut():
    cleaner = RowCleaner(
        {"external_id": 0}, headers=("customerID", "Notes"), attributes=[(1, "Notes", "category")], max_cell=5_000
    )
    cleaned = cleaner.clean([(2, ["C1", "x" * 5_000]), (3, ["C2", "x" * 5_001])])
    assert [row[-1] for row in cleaned.customers] == [{"Notes": "x" * 5_000}]
    assert [(r.line, r.column, r.reason) for r in cleaned.refusals] == [(3, "Notes", "too_long")]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("number", "1 234,50", 1234.5),
        ("number", "12", 12),
        ("number", "0.1", 0.1),
        ("number", "a dozen", "a dozen"),
        ("number", "9" * 20, 1e20),
        ("flag", "Oui", True),
        ("flag", "0", False),
        ("flag", "perhaps", "perhaps"),
        ("date", "2026-03-04", "2026-03-04"),
        ("date", "04/03/2026", "2026-03-04"),
        ("date", "soon", "soon"),
        ("date", "31/02/2026", "31/02/2026"),
        ("category", " 007 ", "007"),
        ("category", "N/A", None),
        ("number", "", None),
    ],
)
def test_other_field_has_its_type_and_keeps_what_does_not_fit(kind, text, value):
    cleaner = RowCleaner({"external_id": 0}, headers=("id", "x"), attributes=[(1, "x", kind)])
    [row] = cleaner.clean([(2, ["C1", text])]).customers
    assert row[-1] == {"x": value}
    assert type(row[-1]["x"]) is type(value)


def test_date_is_read_in_the_order_of_its_column():
    cleaner = RowCleaner(
        {"external_id": 0},
        headers=("id", "a", "b"),
        attributes=[(1, "a", "date"), (2, "b", "date")],
        date_orders={1: "mdy"},
    )
    [row] = cleaner.clean([(2, ["C1", "03/04/2026", "03/04/2026"])]).customers
    assert row[-1] == {"a": "2026-03-04", "b": "2026-04-03"}


def test_number_of_a_customer_who_was_merged_is_the_one_who_stays():
    cleaner = row_cleaner(former={"OLD": "C1"})
    cleaned = cleaner.clean([(2, ["OLD", "1", "Yes", "", ""]), (3, ["C1", "2", "Yes", "", ""])])
    assert [row[:2] for row in cleaned.customers] == [(2, "C1")]
    assert [(r.line, r.reason) for r in cleaned.refusals] == [(3, "duplicate_id")]


# ---------------------------------------------------------------- numbers that are made


def test_numbers_by_counting_count_refused_rows_too():
    headers = ("tenure", "city")
    cleaner = RowCleaner({"tenure": 0, "city": 1}, headers=headers, numbers=RowNumbers(ROW_NUMBER))
    cleaned = cleaner.clean([(2, ["1", "Tunis"]), (3, ["x", "Sfax"]), (4, ["3"]), (5, ["4", "Gabès"])])
    assert [row[:2] for row in cleaned.customers] == [(2, "1"), (5, "4")]
    assert [(refusal.line, made) for refusal, _cells, made in cleaned.refused] == [(3, "2"), (4, "3")]


def test_exact_copies_are_customers_of_their_own():
    cleaner = RowCleaner({"tenure": 0, "city": 1}, headers=("tenure", "city"), numbers=RowNumbers(ROW_HASH))
    cleaned = cleaner.clean([(2, ["1", "Tunis"]), (3, ["1", "Tunis"]), (4, ["2", "Tunis"])])
    first, second, third = (row[1] for row in cleaned.customers)
    assert second == f"{first}-2"
    assert third not in (first, second)


# ---------------------------------------------------------------- months of use


def test_month_rows_bring_no_customers():
    cleaner = of_months("nombre_appels", "volume_data")
    assert not cleaner.brings_customers
    cleaned = cleaner.clean([(2, ["C1", "2026-01", "12", "1,5"]), (3, ["C1", "févr. 2026", "", ""])])
    assert cleaned.customers == []
    assert cleaned.months == [(2, "C1", date(2026, 1, 1), 12, 1.5), (3, "C1", date(2026, 2, 1), None, None)]


@pytest.mark.parametrize(
    ("cells", "column", "value", "reason"),
    [
        (["C1", "", "1"], "mois", "", "no_month"),
        (["C1", "sometime", "1"], "mois", "sometime", "not_a_month"),
        (["C1", "2026-13", "1"], "mois", "2026-13", "not_a_month"),
        (["", "2026-02", "1"], "client", "", "no_id"),
        (["C1", "2026-02", "-1"], "nombre_appels", "-1", "too_small"),
        (["C1", "2026-02", "3000000000"], "nombre_appels", "3000000000", "too_large"),
        (["C1", "01/2026", "1"], "client", "C1", "duplicate_month"),
    ],
)
def test_refused_month_is_named(cells, column, value, reason):
    cleaned = of_months("nombre_appels").clean([(2, ["C1", "2026-01", "1"]), (3, cells)])
    assert [r.as_dict() for r in cleaned.refusals] == [{"line": 3, "column": column, "value": value, "reason": reason}]


def test_amount_of_a_month_is_money():
    cleaned = of_months("montant_consommation").clean([(2, ["C1", "2026-01", "29,8555"])])
    assert cleaned.months[0][-1] == Decimal("29.856")


def test_measures_of_a_customers_file_speak_of_one_month():
    cleaner = RowCleaner(
        {"external_id": 0, "tenure": 1, "nombre_sms": 2},
        headers=("id", "tenure", "nombre_sms"),
        usage_month=date(2026, 5, 1),
    )
    cleaned = cleaner.clean([(2, ["C1", "1", "7"]), (3, ["C2", "2", ""])])
    assert [row[1:3] for row in cleaned.customers] == [("C1", 1), ("C2", 2)]
    assert cleaned.months == [(2, "C1", date(2026, 5, 1), 7), (3, "C2", date(2026, 5, 1), None)]
