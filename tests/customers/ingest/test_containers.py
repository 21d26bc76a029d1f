"""What a file is by its content, and what comes out of gzip and zip."""

import gzip
import io
import struct
import zipfile
import zlib

import pytest

from tests.customers.ingest.tables import bring_in, cells, lines, notes, refusal
from tests.customers.ingest.workbooks import workbook, zipped

CSV = "customerID,name,town\nC1,Ann,Tunis\nC2,Bob,Sfax\n"
ROWS = [["C1", "Ann", "Tunis"], ["C2", "Bob", "Sfax"]]
ODD = "id;somme;nom\n1;2,5;Zoé\n2;3,5;Noël\n"


def test_plain_file_is_used_as_it_is(tmp_path):
    table = bring_in(tmp_path, CSV)
    assert table.path == tmp_path / "upload.bin" and table.lines is None
    assert (table.kind, table.encoding, table.delimiter, table.rows, table.packed) == ("csv", "utf-8", ",", 2, ())
    assert cells(table) == ROWS and not list((tmp_path / "out").iterdir())


def _unnamed(value: object) -> str | None:
    """A packed file holds the minute it was packed in: no part of a test's name, which every process must know."""
    return "bytes" if isinstance(value, bytes) else None


@pytest.mark.parametrize(
    ("content", "packed"),
    [
        (gzip.compress(CSV.encode()), ("gzip",)),
        (gzip.compress(CSV[:30].encode()) + gzip.compress(CSV[30:].encode()), ("gzip",)),
        (zipped({"a.csv": CSV}), ("zip",)),
        (zipped({"folder/": "", "folder/a.csv": CSV, "__MACOSX/folder/._a.csv": "x", ".DS_Store": "y"}), ("zip",)),
        (zipped({"a.csv.gz": gzip.compress(CSV.encode())}), ("zip", "gzip")),
        (gzip.compress(workbook({"S": [["customerID", "name", "town"], *ROWS]})), ("gzip",)),
        (zipped({"a.xlsx": workbook({"S": [["customerID", "name", "town"], *ROWS]})}), ("zip",)),
    ],
    ids=_unnamed,
)
def test_one_packed_file_is_unpacked(tmp_path, content, packed):
    table = bring_in(tmp_path, content)
    assert cells(table) == ROWS
    assert table.packed == packed


def test_nothing_but_the_table_stays_in_the_folder(tmp_path):
    table = bring_in(tmp_path, gzip.compress(ODD.encode("cp1252")))
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"table.csv", "lines.u32"}
    assert cells(table) == [["1", "2,5", "Zoé"], ["2", "3,5", "Noël"]] and lines(table) == [2, 3]


def encrypted_zip() -> bytes:
    content = bytearray(zipped({"a.csv": CSV}))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def wrong_sum() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.csv", CSV)
    return buffer.getvalue().replace(b"Tunis", b"Sousse"[:5])


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"\xff\xfe", "empty"),
        (b"\n \r\n\t\n", "empty"),
        (gzip.compress(b""), "empty"),
        (zipped({}), "empty"),
        (zipped({"folder/": ""}), "empty"),
        (zipped({"a.csv": CSV, "b.csv": CSV}), "archive_of_several"),
        (encrypted_zip(), "encrypted"),
        (wrong_sum(), "broken"),
        (zipped({"a.csv": CSV})[:-30], "broken"),
        (gzip.compress(CSV.encode() * 100)[:-20], "broken"),
        (gzip.compress(CSV.encode()) + b"rubbish", "broken"),
        (b"PK\x03\x04" + bytes(50), "broken"),
        (zipped({"a.gz": gzip.compress(gzip.compress(CSV.encode()))}), "zip_bomb"),
        (OLE + "Workbook".encode("utf-16-le"), "old_excel"),
        (OLE + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
        (OLE + "WordDocument".encode("utf-16-le"), "binary"),
        (zipped({"word/document.xml": "x", "[Content_Types].xml": "x", "_rels/.rels": "x"}), "binary"),
        (zipped({"META-INF/manifest.xml": "x", "content.xml": "x"}), "binary"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "binary"),
        (b"\xff\xd8\xff\xe0" + bytes(100), "binary"),
        (b"%PDF-1.7\n", "binary"),
        (b"7z\xbc\xaf\x27\x1c", "binary"),
        (bytes(257) + b"ustar\x0000", "binary"),
        (gzip.compress(bytes(257) + b"ustar\x0000"), "binary"),
        (b"SQLite format 3\x00" + bytes(100), "binary"),
        (b"PARE" + bytes(40) + b"PARE", "encrypted"),
        (b"PAR1" + bytes(40), "broken"),
        (b"<!DOCTYPE html><html><table><tr><td>id,name</td></tr></table></html>", "markup"),
        ("<html>".encode("utf-16"), "markup"),
        (b"\xef\xbb\xbf  <?xml version='1.0'?><a/>", "markup"),
        (b'{"customers": [{"id": 1, "name": "x"}]}', "markup"),
        (b'[\n  {"id": 1, "name": "x"}\n]', "markup"),
        (b"{\\rtf1 a, b}", "markup"),
        (b"customer\n1\n2\n", "one_column"),
        (b"customerID,name\n", "no_rows"),
        (b"\xef\xbb\xbfcustomerID,name", "no_rows"),
        (b"customerID,name\n\n\n", "no_rows"),
    ],
    ids=_unnamed,
)
def test_what_is_no_table_is_refused_by_what_it_is(tmp_path, content, code):
    assert refusal(tmp_path, content).code == code


def test_gzip_bomb_is_stopped_while_it_unpacks(tmp_path):
    assert refusal(tmp_path, gzip.compress(bytes(60 << 20))).code == "zip_bomb"
    assert max(p.stat().st_size for p in (tmp_path / "out").iterdir()) < 20 << 20


def test_zip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    assert refusal(tmp_path, zipped({"a.csv": bytes(60 << 20)})).code == "zip_bomb"
    assert not list((tmp_path / "out").iterdir())


def test_zip_that_lies_about_its_size_gives_no_more_than_it_said(tmp_path):
    content = bytearray(zipped({"a.csv": b"a,b\n" * 1_000_000}))
    said = struct.pack("<I", 4_000_000)
    assert content.count(said) == 2
    assert refusal(tmp_path, bytes(content).replace(said, struct.pack("<I", 40))).code == "broken"


def test_unpacked_size_is_bounded_whatever_the_ratio(tmp_path):
    noise = zlib.compress(b"x").hex().encode() * 2000
    error = refusal(tmp_path, gzip.compress(b"a,b\n1," + noise), max_unpacked_bytes=20_000)
    assert (error.code, error.facts["unpacked"]) == ("too_large", True)


def test_size_is_refused_before_reading(tmp_path):
    assert refusal(tmp_path, CSV, max_bytes=10).code == "too_large"


# ---------------------------------------------------------------- texts with delimiters


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_each_delimiter_and_line_end_gives_the_same_cells(tmp_path, delimiter, end):
    rows = [
        ["id", "name", "note"],
        ["1", "Ann", f"a{delimiter}b"],
        ["2", "Bob", f"two{end}lines"],
        ["3", "Cy", 'a "q"'],
    ]
    quoted = [[f'"{c.replace(chr(34), 2 * chr(34))}"' if set(c) & set(',;|\t\r\n"') else c for c in r] for r in rows]
    table = bring_in(tmp_path, end.join(delimiter.join(row) for row in quoted))
    assert table.delimiter == delimiter
    assert cells(table) == rows[1:]
    if table.lines:
        assert lines(table) == [2, 4, 5]  # where each ends, as csv counts


def test_decimal_commas_do_not_pass_for_delimiters(tmp_path):
    table = bring_in(tmp_path, "id;a;b\n1;2,5;3,5\n2;4,5;5,5\n")
    assert table.delimiter == ";" and table.columns == 3


def test_excel_says_its_delimiter_on_a_line_above(tmp_path):
    table = bring_in(tmp_path, "sep=;\r\nid;name,first\r\n1;a,b\r\n2;c,d\r\n")
    assert table.headers == ("id", "name,first") and lines(table) == [3, 4]


def test_title_above_the_header_is_passed_over_and_told(tmp_path):
    table = bring_in(tmp_path, "Export of 3 May;;;\n\n;;;\nid;name;town;sum\n1;a;b;2\n2;c;d;3\n")
    assert table.headers == ("id", "name", "town", "sum")
    assert notes(table) == ["lines_above_header"] and lines(table) == [5, 6]


def test_headers_get_names_of_their_own(tmp_path):
    table = bring_in(tmp_path, "id, name ,name,,name\n1,2,3,4,5\n")
    assert table.headers == ("id", "name", "name (2)", "column 4", "name (3)")
    assert notes(table) == ["unnamed_columns", "duplicate_headers"]
    assert cells(table) == [["1", "2", "3", "4", "5"]]


def test_ragged_rows_stay_ragged(tmp_path):
    table = bring_in(tmp_path, "id;a;b\n1;2\n2;3;4\n3;4;5;6\n;;\n")
    assert cells(table) == [["1", "2"], ["2", "3", "4"], ["3", "4", "5", "6"], ["", "", ""]]
    assert table.ragged_rows == 2


def test_cell_that_begins_like_a_formula_is_text(tmp_path):
    assert cells(bring_in(tmp_path, "id;a\n1;=1+1\n2;@x\n")) == [["1", "=1+1"], ["2", "@x"]]


@pytest.mark.parametrize(
    ("content", "code", "facts"),
    [
        ("id,a\n1,b\n2,{long}\n", "cell_too_long", {"line": 3}),
        ('id,a\n1,b\n2,"open\n' + "3,c\n" * 100, "open_quote", {"line": 3}),
        ('id,a\n1,b\n2,"open\n3,c\n', "open_quote", {"line": 3}),
        ('id,a\n1,b\n2,"open', "open_quote", {"line": 3}),
        ("id,a\n1" + ",b" * 30 + "\n", "too_many_columns", {"line": 2}),
        (",".join(f"c{i}" for i in range(30)) + "\n1", "too_many_columns", {"columns": 30}),
        ("id,a\n" + "1,b\n" * 1_001, "too_many_rows", {"maximum": 1_000}),
    ],
    ids=_unnamed,
)
def test_limits_are_told_with_their_place(tmp_path, content, code, facts):
    content = content.replace("{long}", "x" * 300)
    error = refusal(tmp_path, content, max_cell=200, max_columns=20, max_rows=1_000)
    assert error.code == code
    assert {name: error.facts[name] for name in facts} == facts


def test_line_of_megabytes_is_refused_before_it_is_whole(tmp_path):
    error = refusal(tmp_path, b"id,a\n1,b\n" + b"x" * (20 << 20))
    assert (error.code, error.facts["line"]) == ("cell_too_long", 3)


def test_hundred_thousand_columns_are_refused_by_their_number(tmp_path):
    header = ",".join(f"c{i}" for i in range(100_000))
    error = refusal(tmp_path, header + "\n" + ",".join("1" * 100_000) + "\n")
    assert (error.code, error.facts["columns"]) == ("too_many_columns", 100_000)
