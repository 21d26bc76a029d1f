"""Refused rows: all of them in a file, each with its line and reason, as ragged as they were; mended, they come in."""

import csv
import io

import pytest

from customers import services
from customers.models import ColumnMapping, Customer
from customers.services import files, writing
from tests.conftest import import_file, write_csv
from tests.customers.bases import base, checked, command, counts, step

pytestmark = pytest.mark.usefixtures("atlas_scope")

OURS = ["ChurnGuard: line", "ChurnGuard: column", "ChurnGuard: reason"]


def refused_table(run) -> list[list[str]]:
    with files.place(run.refused_path).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def written(path, table) -> object:
    out = io.StringIO()
    csv.writer(out).writerows(table)
    path.write_text(out.getvalue(), encoding="utf-8-sig")
    return path


@pytest.fixture
def dirty(tmp_path):
    return write_csv(
        tmp_path / "dirty.csv",
        "customerID;tenure;Churn;Zone",
        "C1;1;Oui;Nord",
        "C2;deux;Non;Sud",
        "C3;3;Non",
        "C4;4;Non;Est;trop",
        "C5;5;Non;Ouest",
        "C1;6;Non;Nord",
        ";7;Non;Nord",
        "C8;8;peut-être;=1+1",
        "C9;-9;Non;-12,5",
        *(f"D{i};{i};Non;Nord" for i in range(20)),
        encoding="cp1252",
    )


def test_every_refused_row_is_there_with_its_line_and_reason_as_ragged_as_it_was(dirty):
    run = import_file(dirty)
    assert counts(run) == (29, 22, 0, 0, 7)
    assert refused_table(run) == [
        [*OURS, "customerID", "tenure", "Churn", "Zone"],
        ["3", "tenure", "This is not a number.", "C2", "deux", "Non", "Sud"],
        ["4", "", "The line has fewer cells than the header.", "C3", "3", "Non"],
        ["5", "", "The line has more cells than the header.", "C4", "4", "Non", "Est", "trop"],
        [
            "7",
            "customerID",
            "This customer number stands on an earlier line of the same file.",
            "C1",
            "6",
            "Non",
            "Nord",
        ],
        ["8", "customerID", "The customer number is missing.", "", "7", "Non", "Nord"],
        ["9", "Churn", "Nobody said whether this value means yes or no.", "C8", "8", "peut-être", "'=1+1"],
        ["10", "tenure", "The number is below what this column allows.", "C9", "-9", "Non", "-12,5"],
    ]


def test_all_of_them_are_there_however_many(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "BATCH_ROWS", 100)
    lines = [f"C{i},{'x' if i % 2 else i % 70},{'Yes' if i % 4 else 'No'}" for i in range(1_000)]
    run = import_file(write_csv(tmp_path / "a.csv", "customerID,tenure,Churn", *lines))
    assert (run.rows_refused, len(run.refusals)) == (500, 200)
    table = refused_table(run)
    assert [row[0] for row in table[1:]] == [str(i + 2) for i in range(1, 1_000, 2)]


def test_dry_run_has_the_same_file(dirty):
    run = checked(dirty)
    before = refused_table(run)
    run = step(services.agree_import(run=run, actor=None))
    assert refused_table(run) == before


def test_import_that_refused_nothing_has_no_file(sample_csv):
    run = import_file(sample_csv)
    assert run.refused_path == ""
    assert not (files.folder_of(run) / "refused.csv").exists() or run.rows_refused == 0


def test_mended_rows_come_in_and_the_file_is_recognised(dirty, tmp_path):
    run = import_file(dirty)
    table = refused_table(run)
    table[1][4] = "2"
    table[2].append("Sud")
    table[3].pop()
    table[6][5] = "Oui"
    table[7][4] = "9"
    again = import_file(written(tmp_path / "mended.csv", table))
    assert again.shape_key == run.shape_key
    assert again.proposal["is_remembered"]
    # C1 stands there once now, and updates the one who is in; the row without a number is refused again
    assert counts(again) == (7, 5, 1, 0, 1)
    assert [(r["line"], r["reason"]) for r in again.refusals] == [(6, "no_id")]
    found = {c.external_id: c for c in Customer.objects.select_related("subscription")}
    assert set(found) == {"C1", "C2", "C3", "C4", "C5", "C8", "C9", *(f"D{i}" for i in range(20))}
    assert found["C2"].subscription.tenure == 2
    assert found["C8"].attributes == {"Zone": "=1+1"}
    assert found["C9"].attributes == {"Zone": "-12,5"}
    assert found["C8"].churn_label is True
    assert not any(name.startswith("ChurnGuard") for c in found.values() for name in c.attributes)


def test_file_mended_in_a_spreadsheet_comes_in_as_well(dirty, tmp_path):
    """Semicolons, the encoding of Windows, and blank cells after short rows."""
    run = import_file(dirty)
    table = refused_table(run)
    width = max(map(len, table))
    table[1][4], table[2][6:] = "2", ["Sud"]
    text = "\r\n".join(";".join([*row, *[""] * (width - len(row))]) for row in table)
    path = tmp_path / "mended.csv"
    path.write_bytes(text.encode("cp1252"))
    import_file(path)
    assert {"C2", "C3"} <= set(Customer.objects.values_list("external_id", flat=True))


def test_original_file_is_still_recognised_after_its_mended_rows(dirty, tmp_path):
    run = import_file(dirty)
    import_file(written(tmp_path / "mended.csv", refused_table(run)))
    assert ColumnMapping.objects.count() == 1
    again = import_file(dirty)
    assert again.proposal["is_remembered"]
    assert counts(again) == (29, 0, 1, 21, 7), "of C1 the first line holds again"


def test_rows_refused_a_second_time_are_told_as_the_first(dirty, tmp_path):
    run = import_file(dirty)
    table = refused_table(run)
    again = import_file(written(tmp_path / "same.csv", table))
    second = refused_table(again)
    assert second[0] == table[0]
    assert [row[3:] for row in second[1:]] == [row[3:] for row in table[1:] if row[3] != "C1"]


def no_numbers(tmp_path, rule: str):
    path = write_csv(
        tmp_path / "a.csv",
        "tenure,City,Churn",
        "1,Tunis,Yes",
        "x,Tunis,No",
        "3,Tunis",
        *(f"{i},Kef,No" for i in range(10)),
        "5,=Sfax,No,more",
        "4,Kef,No",
    )
    return path, import_file(path, id_column=rule)


def test_numbers_made_by_counting_are_kept_by_mended_rows(tmp_path):
    path, run = no_numbers(tmp_path, "row_number")
    assert counts(run) == (15, 12, 0, 0, 3)
    table = refused_table(run)
    assert table[0] == [*OURS, "ChurnGuard: number", "tenure", "City", "Churn"]
    assert [row[3] for row in table[1:]] == ["2", "3", "14"]
    table[1][4] = "2"
    table[2].append("No")
    table[3].pop()
    mended = import_file(written(tmp_path / "mended.csv", [table[0], *table[:0:-1]]))
    assert counts(mended) == (3, 3, 0, 0, 0)
    found = {c.external_id: (c.subscription.tenure, c.city) for c in Customer.objects.select_related("subscription")}
    assert set(found) == {str(n) for n in range(1, 16)}
    assert (found["2"], found["3"], found["14"]) == ((2, "Tunis"), (3, "Tunis"), (5, "=Sfax"))
    assert counts(import_file(path)) == (15, 0, 0, 12, 3)


def test_rows_that_are_only_counted_anew_when_refused_twice_keep_their_numbers(tmp_path):
    _path, run = no_numbers(tmp_path, "row_number")
    again = import_file(written(tmp_path / "same.csv", refused_table(run)))
    assert [row[3] for row in refused_table(again)[1:]] == ["2", "3", "14"]


def test_numbers_made_of_rows_are_those_of_the_whole_file(tmp_path):
    """Mended here or there, a row is the same customer."""
    path, run = no_numbers(tmp_path, "row_hash")
    assert counts(run) == (15, 12, 0, 0, 3)
    table = refused_table(run)
    assert table[0][:4] == [*OURS, "tenure"]
    table[1][3] = "2"
    table[2].append("No")
    table[3].pop()
    assert counts(import_file(written(tmp_path / "mended.csv", table))) == (3, 3, 0, 0, 0)
    before = base()
    lines = path.read_text().splitlines()
    lines[2], lines[3], lines[14] = "2,Tunis,No", "3,Tunis,No", "5,=Sfax,No"
    assert counts(import_file(write_csv(tmp_path / "b.csv", *lines))) == (15, 0, 0, 15, 0)
    assert base() == before


def test_command_writes_them_where_it_is_told(dirty, tmp_path):
    target = tmp_path / "refused.csv"
    result = command(dirty, "--refused", str(target))
    assert result["refused"] == 7
    assert len(target.read_text(encoding="utf-8-sig").splitlines()) == 8


def test_refused_months_are_mended_likewise(tmp_path):
    import_file(write_csv(tmp_path / "c.csv", "customerID,Churn", "C1,Yes", "C2,No"))
    rows = [f"C1,2026-{m:02},{m}" for m in range(1, 13)]
    run = import_file(
        write_csv(tmp_path / "u.csv", "customerID,month,nombre_sms", *rows, "X1,2026-01,5", "C2,2026-01,x")
    )
    table = refused_table(run)
    assert [row[2:4] for row in table[1:]] == [
        ["Nobody has this customer number yet: bring in the customers first, then their months.", "X1"],
        ["This is not a number.", "C2"],
    ]
    table[1][3], table[2][5] = "C2", "7"
    table[1][4] = "2026-02"
    assert counts(import_file(written(tmp_path / "mended.csv", table))) == (2, 2, 0, 0, 0)
