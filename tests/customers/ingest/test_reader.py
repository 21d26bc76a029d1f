"""Reading a file: its encoding, its delimiter, its header, the line each row stands on, and what is no table at all."""

import os

import pytest

from customers.ingest import reader
from customers.ingest.reader import Table, TableRefused, inspect, map_headers

HEADER = "identifiant;prénom;ville"
BODY = ["C1;Zoé;Orléans", "C2;Noël;Sète", "C3;Aïcha;Tunis"]


def file_of(tmp_path, content: bytes, name: str = "customers.csv"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def read(path) -> list[tuple[int, list[str]]]:
    return list(Table(inspect(path)).rows())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_accents_survive_each_encoding(tmp_path, encoding):
    text = "\n".join([HEADER, *BODY])
    content = text.encode(encoding)
    if encoding == "utf-16-le":
        content = b"\xff\xfe" + content
    path = file_of(tmp_path, content)
    assert inspect(path).headers == ("identifiant", "prénom", "ville")
    assert [cells for _, cells in read(path)] == [row.split(";") for row in BODY]


def test_accent_in_the_last_bytes_of_a_windows_file_is_read(tmp_path):
    path = file_of(tmp_path, "identifiant;ville\nC1;Thiès".encode("cp1252"))
    assert read(path) == [(2, ["C1", "Thiès"])]


def test_arabic_is_read(tmp_path):
    path = file_of(tmp_path, "customerID,City\nC1,تونس\n".encode())
    assert read(path) == [(2, ["C1", "تونس"])]


def test_half_a_character_at_the_end_of_a_file_harms_only_itself(tmp_path):
    path = file_of(tmp_path, b"\xff\xfe" + "id,b\n1,é".encode("utf-16-le") + b"\x41")
    assert read(path)[0][1][1].startswith("é")


def test_character_cut_by_the_end_of_the_sample_does_not_change_the_encoding(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "_SAMPLE_BYTES", 40)
    for filler in range(4):
        content = ("id,ville\n" + "x" * (28 + filler) + ",é" * 20 + "\n").encode()
        assert inspect(file_of(tmp_path, content)).encoding == "utf-8"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_each_delimiter_is_found(tmp_path, delimiter):
    lines = [delimiter.join(row) for row in (["customerID", "Churn", "tenure"], ["C1", "Yes", "1"], ["C2", "No", "2"])]
    info = inspect(file_of(tmp_path, "\n".join(lines).encode()))
    assert info.delimiter == delimiter
    assert info.headers == ("customerID", "Churn", "tenure")


def test_delimiters_inside_quotes_do_not_count(tmp_path):
    content = b'customerID;note\nC1;"a,b,c,d"\nC2;"e,f,g,h"\n'
    assert inspect(file_of(tmp_path, content)).delimiter == ";"


def test_decimal_commas_do_not_make_the_comma_the_delimiter(tmp_path):
    content = b"id;montant mensuel;Churn\nC1;12,50;Oui\nC2;13,70;Non\n"
    assert inspect(file_of(tmp_path, content)).delimiter == ";"


def test_lines_are_counted_as_an_editor_counts_them_across_quoted_line_breaks(tmp_path):
    content = b'customerID,note\nC1,plain\nC2,"two\nlines"\nC3,"three\n\nlines"\nC4,last\n'
    assert [(line, cells[0]) for line, cells in read(file_of(tmp_path, content))] == [
        (2, "C1"),
        (4, "C2"),
        (7, "C3"),
        (8, "C4"),
    ]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_each_kind_of_line_end_is_read(tmp_path, newline):
    content = newline.join(["customerID,Churn", "C1,Yes", "C2,No"]).encode()
    assert read(file_of(tmp_path, content)) == [(2, ["C1", "Yes"]), (3, ["C2", "No"])]


def test_blank_lines_are_passed_over_and_still_counted(tmp_path):
    content = b"\n\ncustomerID,Churn\n\nC1,Yes\n\n\nC2,No\n"
    assert [(line, cells[0]) for line, cells in read(file_of(tmp_path, content))] == [(5, "C1"), (8, "C2")]


def test_mark_at_the_beginning_is_not_part_of_the_first_header(tmp_path):
    info = inspect(file_of(tmp_path, b"\xef\xbb\xbfcustomerID,Churn\nC1,Yes\n"))
    assert info.headers == ("customerID", "Churn")


def test_position_moves_from_the_beginning_to_the_end(tmp_path):
    path = file_of(tmp_path, b"customerID,Churn\n" + b"C1,Yes\n" * 20_000)
    table = Table(inspect(path))
    assert table.position == 0
    seen = []
    for _ in table.rows():
        seen.append(table.position)
    assert seen == sorted(seen)
    assert table.position == path.stat().st_size


def test_only_the_next_block_is_read_for_a_row(tmp_path):
    path = file_of(tmp_path, b"customerID,Churn\n" + b"C1,Yes\n" * 200_000)
    table = Table(inspect(path))
    rows = table.rows()
    next(rows)
    assert 0 < table.position < path.stat().st_size / 10
    rows.close()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"  \n\r\n\t", "empty"),
        (b"PK\x03\x04" + b"\x00" * 50, "binary"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 50, "binary"),
        (b"%PDF-1.7\n", "binary"),
        (b"\x1f\x8b\x08\x00", "binary"),
        (b"a,b\n1,\x002\n", "binary"),
        (bytes(range(256)) * 4, "binary"),
        (b"<!DOCTYPE html><html><body>no</body></html>", "markup"),
        (b"\n <HTML>", "markup"),
        (b'<?xml version="1.0"?><a/>', "markup"),
        (b'{"customers": []}', "markup"),
        (b'[{"id": 1}]', "markup"),
        (b"just a sentence\nand another\n", "one_column"),
        (b"customerID\nC1\n", "one_column"),
    ],
)
def test_what_is_no_table_is_refused_with_its_reason(tmp_path, content, code):
    path = file_of(tmp_path, content)
    with pytest.raises(TableRefused) as refused:
        inspect(path)
    assert refused.value.code == code


def test_missing_file_and_folder_are_told_apart(tmp_path):
    with pytest.raises(TableRefused) as missing:
        inspect(tmp_path / "nowhere.csv")
    assert missing.value.code == "missing"
    with pytest.raises(TableRefused) as folder:
        inspect(tmp_path)
    assert folder.value.code == "folder"


def test_pipe_is_no_file_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(TableRefused) as refused:
        inspect(tmp_path / "pipe.csv")
    assert refused.value.code == "not_a_file"


def test_too_many_columns_are_refused(tmp_path):
    path = file_of(tmp_path, (",".join(f"c{i}" for i in range(20)) + "\n").encode())
    with pytest.raises(TableRefused) as refused:
        inspect(path, max_columns=19)
    assert refused.value.facts == {"columns": 20, "maximum": 19}


def test_quote_that_is_never_closed_ends_in_a_refusal(tmp_path):
    path = file_of(tmp_path, b'customerID,note\nC1,"' + b"never closed\n" * 100_000)
    with pytest.raises(TableRefused):
        read(path)


def test_headers_are_known_in_english_and_french_whatever_their_spelling():
    known, unknown = map_headers(
        ("Customer ID", "Ancienneté", "FRAIS MENSUELS", "désabonnement", "Contrat", "Favourite colour")
    )
    assert known == {"external_id": 0, "tenure": 1, "monthly_charges": 2, "churn_label": 3, "contract": 4}
    assert unknown == [5]


def test_second_column_of_one_name_is_kept_as_another_field():
    known, unknown = map_headers(("customerID", "tenure", "Tenure"))
    assert known == {"external_id": 0, "tenure": 1}
    assert unknown == [2]


def test_first_accent_far_below_the_sample_decides_the_encoding(tmp_path):
    path = tmp_path / "long.csv"
    head, row = "customerID,Name\n", "C{},plain\n"
    text = head + "".join(row.format(i) for i in range(40_000))
    path.write_bytes((text + "C-last,Hélène\n").encode("cp1252"))
    info = inspect(path)
    assert info.encoding == "cp1252"
    assert list(Table(info).rows())[-1][1] == ["C-last", "Hélène"]
    path.write_bytes((text + "C-last,Hélène\n").encode())
    assert inspect(path).encoding == "utf-8"
