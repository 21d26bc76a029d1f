"""Cells into values: numbers in many spellings, words for yes and no, and a reason for every refusal."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.ingest.cleaning import ColumnCleaner, Wrong, parse_number
from customers.ingest.schema import BY_NAME, COLUMNS, Kind


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", "12"),
        (" 12.5 ", "12.5"),
        ("12,5", "12.5"),
        ("1234.5", "1234.5"),
        ("1 234,5", "1234.5"),
        ("1\u00a0234,5", "1234.5"),
        ("1\u202f234\u202f567,25", "1234567.25"),
        ("1'234.50", "1234.50"),
        ("1.234,50", "1234.50"),
        ("1,234.50", "1234.50"),
        ("1,234,567.89", "1234567.89"),
        ("1.234.567,89", "1234567.89"),
        ("-3,5", "-3.5"),
        ("+7", "7"),
        ("0", "0"),
        (".5", "0.5"),
        ("1e3", "1000"),
        ("١٢", "12"),
    ],
)
def test_number_is_read_in_every_usual_spelling(text, value):
    assert parse_number(text) == Decimal(value)


@pytest.mark.parametrize(
    "text", ["", "abc", "12 %", "12€", "1 2", "1_000", "NaN", "inf", "--1", "1.2.3", "0x10", "12/5", "½"]
)
def test_what_is_no_number_is_refused(text):
    with pytest.raises(Wrong, match="not_a_number"):
        parse_number(text)


@given(st.decimals(min_value=-(10**9), max_value=10**9, allow_nan=False, allow_infinity=False, places=3))
def test_number_written_by_a_program_is_read_back_exactly(value):
    assert parse_number(str(value)) == value
    assert parse_number(str(value).replace(".", ",")) == value


@given(st.text(max_size=40))
def test_no_text_makes_a_cleaner_fail(text):
    for column in COLUMNS:
        value = ColumnCleaner(column)[text]
        assert value is None or isinstance(value, Wrong | str | bool | int | float | Decimal)


def clean(column: str, text: str) -> object:
    return ColumnCleaner(BY_NAME[column])[text]


@pytest.mark.parametrize("text", ["Yes", "yes", "Y", "1", "1.0", "TRUE", "Oui", "oui ", "نعم"])
def test_yes_is_yes_in_every_language(text):
    assert clean("churn_label", text) is True


@pytest.mark.parametrize("text", ["No", "n", "0", "0.0", "False", "Non", "لا"])
def test_no_is_no_in_every_language(text):
    assert clean("churn_label", text) is False


@pytest.mark.parametrize("text", ["", "  ", "NA", "n/a", "null", "None", "-", "?", "inconnu"])
@pytest.mark.parametrize("column", ["churn_label", "tenure", "monthly_charges", "contract"])
def test_empty_and_the_words_for_unknown_are_unknown(column, text):
    assert clean(column, text) is None


def test_a_customer_may_be_called_none():
    assert clean("last_name", "None") == "None"


@pytest.mark.parametrize(
    ("column", "text", "reason"),
    [
        ("churn_label", "perhaps", "not_yes_or_no"),
        ("tenure", "long", "not_a_number"),
        ("tenure", "1.5", "not_whole"),
        ("tenure", "-1", "too_small"),
        ("tenure", "1201", "too_large"),
        ("tenure", "1E+999999", "too_large"),
        ("monthly_charges", "-0.01", "too_small"),
        ("monthly_charges", "1e12", "too_large"),
        ("monthly_charges", "29,85 €", "not_a_number"),
        ("age", "121", "too_large"),
        ("external_id", "x" * 65, "too_long"),
        ("contract", "x" * 61, "too_long"),
        ("email", "x" * 255, "too_long"),
    ],
)
def test_wrong_cell_says_why(column, text, reason):
    wrong = clean(column, text)
    assert isinstance(wrong, Wrong)
    assert wrong.args == (reason,)


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        ("contract", "mensuel", "Month-to-month"),
        ("contract", "month-to-month", "Month-to-month"),
        ("contract", "Deux ans", "Two year"),
        ("contract", "Lifetime deal", "Lifetime deal"),
        ("internet_service", "Fibre optique", "Fiber optic"),
        ("tech_support", "Pas d’internet", "No internet service"),
        ("gender", "Femme", "Female"),
        ("language", "Français", "fr"),
        ("payment_method", "Credit card (automatic)", "Credit card (automatic)"),
        ("monthly_charges", "29.85", Decimal("29.850")),
        ("tenure", "34", 34),
        ("tenure", "34.0", 34),
        ("first_name", "Zo\x00é\x07", "Zoé"),
    ],
)
def test_known_labels_are_brought_together_and_others_kept(column, text, value):
    assert clean(column, text) == value


def test_each_column_answers_the_same_from_its_memory():
    cleaner = ColumnCleaner(BY_NAME["tenure"])
    assert cleaner["12"] == cleaner["12"] == 12
    assert isinstance(cleaner["x"], Wrong)
    assert isinstance(cleaner["x"], Wrong)


def test_every_money_column_keeps_millimes():
    for column in COLUMNS:
        if column.kind is Kind.MONEY:
            assert ColumnCleaner(column)["12.3456"] == Decimal("12.346")


def test_thousands_are_told_from_decimals_by_how_the_file_is_cut():
    money = BY_NAME["total_charges"]
    assert ColumnCleaner(money, comma_groups=True)["1,234"] == 1234
    assert ColumnCleaner(money, comma_groups=True)["29,85"] == Decimal("29.85")
    assert ColumnCleaner(money)["1,234"] == Decimal("1.234")
    assert ColumnCleaner(money)["1,234,567"] == 1234567
