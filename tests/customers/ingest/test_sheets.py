"""Excel workbooks: the sheet to propose, its cells as a person sees them, and workbooks made to do harm."""

import csv

import pytest

from customers.ingest import numberformats
from tests.customers.ingest.tables import IBM_TELCO, bring_in, cells, lines, needs_ibm_telco, notes, refusal
from tests.customers.ingest.workbooks import MAIN, Raw, bomb_part, letters, workbook

HEADERS = ["customerID", "tenure", "Churn"]
ROWS = [["C1", "3", "Yes"], ["C2", "40", "No"]]


def one(*rows, **options) -> bytes:
    return workbook({"Customers": [HEADERS, *rows]}, **options)


def test_cells_are_what_a_person_sees(tmp_path):
    headers = "text whole decimal point large tiny flag day moment hour postcode long".split()
    values = [
        '=a, "b"\nc',
        (7, 0),
        ("29.850000000000001", 0),
        ("12.0", 0),
        ("1.2345678901234567E+19", 0),
        ("1E-3", 0),
        True,
    ]
    values += [(45357, 1), (45357.572916666664, 2), (0.5625, 3), (123, 4), (1.5625, 5)]
    table = bring_in(tmp_path, workbook({"S": [headers, values]}))
    assert cells(table) == [
        '=a, "b"\nc|7|29.85|12|12345678901234567000|0.001|Yes|2024-03-06|2024-03-06 13:45:00|13:30:00|00123|37:30:00'.split(
            "|"
        )
    ]
    assert (table.kind, table.encoding, table.delimiter, table.sheet) == ("xlsx", "", "", "S")


@pytest.mark.parametrize(
    ("serial", "uses_1904", "day"),
    [
        ("1", False, "1900-01-01"),
        ("59", False, "1900-02-28"),
        ("61", False, "1900-03-01"),
        ("45357", False, "2024-03-06"),
        ("43895", True, "2024-03-06"),
        ("45357.999999", False, "2024-03-07"),
        ("2958465", False, "9999-12-31"),
        ("2958466", False, "2958466"),
        ("-1", False, "-1"),
        ("none", False, "none"),
    ],
)
def test_days_count_as_excel_counts_them(serial, uses_1904, day):
    assert numberformats.date_text(serial, numberformats.Format("date"), uses_1904=uses_1904) == day


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("dd/mm/yyyy", "date"),
        ("[$-40C]d mmm yyyy;@", "date"),
        ("mmm-yy", "date"),
        ("h:mm AM/PM", "time"),
        ("[h]:mm:ss", "elapsed"),
        ("00000", "padded"),
        ("0.00", None),
        ('#,##0.00 "jours d"', None),
        ("#,##0 [$DT-401]", None),
        ("General", None),
        ('0 "days"', None),
        ("[Red]0.00", None),
        ("0.00E+00", None),
        ("@", None),
    ],
)
def test_formats_are_told_apart(code, kind):
    form = numberformats.recognise("170", code)
    assert (form.kind if form else None) == kind


def test_texts_in_place_runs_errors_and_escapes(tmp_path):
    table = bring_in(
        tmp_path,
        one(
            [
                Raw('<c r="A2" t="inlineStr"><is><r><t>C</t></r><r><t>1</t></r><rPh><t>no</t></rPh></is></c>'),
                Raw('<c r="B2" t="str"><f>1&amp;2</f><v>a_x000D_b</v></c>'),
                Raw('<c r="C2" t="e"><v>#N/A</v></c>'),
            ]
        ),
    )
    assert cells(table) == [["C1", "a\rb", "#N/A"]]


def test_empty_cells_keep_their_place_and_empty_rows_their_number(tmp_path):
    table = bring_in(tmp_path, one(["C1", None, "Yes"], [], ["C2"], [None, None, None], [None, 5]))
    assert cells(table) == [["C1", "", "Yes"], ["C2", "", ""], ["", "5", ""]]
    assert lines(table) == [2, 4, 6] and table.ragged_rows == 0


def test_cells_and_rows_without_their_names_follow_each_other(tmp_path):
    rows = "".join(f"<row><c t='str'><v>C{i}</v></c><c><v>{i}</v></c></row>" for i in range(3))
    sheet = f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'
    table = bring_in(tmp_path, one(extra={"xl/worksheets/sheet1.xml": sheet}))
    assert table.headers == ("C0", "0") and cells(table) == [["C1", "1"], ["C2", "2"]]


def test_elements_with_a_prefix_are_read(tmp_path):
    table = bring_in(tmp_path, workbook({"A": [["x"]], "B": [HEADERS, *ROWS]}, prefix="x"))
    assert cells(table) == ROWS


def test_title_above_and_column_without_header(tmp_path):
    table = bring_in(tmp_path, workbook({"S": [["Customers in May"], [], HEADERS, [*ROWS[0], "x"], [*ROWS[1], "y"]]}))
    assert table.headers == (*HEADERS, "column 4")
    assert lines(table) == [4, 5] and notes(table) == ["unnamed_columns", "lines_above_header"]


def test_likely_sheet_is_proposed_and_another_can_be_chosen(tmp_path):
    book = workbook(
        {
            "Read me": [["What this is"], ["A list"]],
            "Codes": [["code", "label"], *([str(i), f"label {i}"] for i in range(300))],
            "Customers": [HEADERS, *ROWS],
            "Old": [HEADERS, *ROWS, *ROWS],
            "Empty": [],
        },
        hidden=["Old"],
    )
    table = bring_in(tmp_path, book)
    assert table.sheet == "Customers" and cells(table) == ROWS
    assert [(s.name, s.rows, s.columns, s.is_likely, s.is_hidden) for s in table.sheets] == [
        ("Read me", 1, 1, False, False),
        ("Codes", 300, 2, False, False),
        ("Customers", 2, 3, True, False),
        ("Old", 4, 3, False, True),
        ("Empty", 0, 0, False, False),
    ]
    assert bring_in(tmp_path, book, sheet="Codes").rows == 300
    assert bring_in(tmp_path, book, sheet="Old").sheets == tuple(table.sheets)
    error = refusal(tmp_path, book, sheet="Nowhere")
    assert (error.code, error.facts["sheets"][2]) == ("no_such_sheet", "Customers")


def test_sheet_of_a_text_is_refused(tmp_path):
    assert refusal(tmp_path, "id,a\n1,2\n", sheet="S").code == "no_such_sheet"


def sheet_of(xml: str) -> bytes:
    return one(extra={"xl/worksheets/sheet1.xml": xml})


DOCTYPE = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (workbook({"S": []}), "empty"),
        (workbook({"S": [["only one"], ["x"]]}), "one_column"),
        (workbook({"S": [HEADERS]}), "no_rows"),
        (workbook({}), "empty"),
        (sheet_of("<worksheet><sheetData><row>"), "broken"),
        (sheet_of("no xml"), "broken"),
        (sheet_of(f"{DOCTYPE}<worksheet>&b;</worksheet>"), "broken"),
        (one([Raw('<c r="A2" t="s"><v>99</v></c>')]), "broken"),
        (one([Raw('<c r="A2" t="s"><v>-1</v></c>')]), "broken"),
        (one([Raw('<c r="aé2"><v>1</v></c>')]), "broken"),
        (one([Raw('<c r="2"><v>1</v></c>')]), "broken"),
        (one(["C1", "x" * 300, "Yes"]), "cell_too_long"),
        (workbook({"S": [[f"c{i}" for i in range(30)], ["1"] * 30]}), "too_many_columns"),
        (one(*ROWS, [Raw('<c r="XFD4"><v>1</v></c>')]), "too_many_columns"),
        (one(*ROWS * 30), "too_many_rows"),
        (one(extra={"xl/workbook.xml": "<workbook>"}), "broken"),
        (one(extra={"xl/styles.xml": "<<"}), "broken"),
    ],
)
def test_what_is_no_table_of_ours_is_refused(tmp_path, content, code):
    assert refusal(tmp_path, content, max_cell=200, max_columns=20, max_rows=50).code == code


@pytest.mark.parametrize("style", ["99", "-1", "x", ""])
def test_style_that_does_not_exist_is_none(tmp_path, style):
    row = [Raw(f'<c r="A2" s="{style}"><v>1.50</v></c>'), "x"]
    assert cells(bring_in(tmp_path, one(row))) == [["1.5", "x", ""]]


@pytest.mark.parametrize("number", ["99999999999999999999", "-5", "x"])
def test_row_number_that_cannot_be_is_no_harm(tmp_path, number):
    xml = '<worksheet><sheetData><row r="1"><c t="str"><v>a</v></c><c t="str"><v>b</v></c></row>'
    xml += f'<row r="{number}"><c><v>1</v></c><c><v>2</v></c></row></sheetData></worksheet>'
    assert cells(bring_in(tmp_path, sheet_of(xml))) == [["1", "2"]]


def test_part_that_repeats_itself_is_a_bomb(tmp_path):
    path = bomb_part(
        tmp_path / "bomb.xlsx",
        start="<worksheet><sheetData>",
        unit="<row><c><v>1</v></c></row>",
        times=1_000_000,
        end="</sheetData></worksheet>",
        name="xl/worksheets/sheet1.xml",
    )
    assert refusal(tmp_path, path.read_bytes()).code == "zip_bomb"


def test_last_column_has_its_letters():
    assert [letters(i) for i in (0, 25, 26, 701, 702, 16_383)] == ["A", "Z", "AA", "ZZ", "AAA", "XFD"]


@needs_ibm_telco
def test_ibm_telco_on_a_second_sheet_gives_the_same_cells(tmp_path):
    with IBM_TELCO.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    numeric = {rows[0].index(name) for name in ("SeniorCitizen", "tenure", "MonthlyCharges", "TotalCharges")}
    typed = [
        [float(c) if i in numeric and c.strip() else c for i, c in enumerate(row)] if n else row
        for n, row in enumerate(rows)
    ]
    table = bring_in(tmp_path, workbook({"Notes": [["made", "by"], ["a", "b"]], "Customers": typed}))
    assert table.sheet == "Customers"
    assert table.headers == tuple(rows[0])
    for row in rows[1:]:
        for position in numeric:
            if row[position].strip():
                row[position] = numberformats.float_text(float(row[position]))
    assert cells(table) == rows[1:]
