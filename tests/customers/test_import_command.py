"""``manage.py import_customers``: what it prints, and one clear sentence, a failure and no trace for a bad file."""

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.core.management import base as management

from customers.management.commands.import_customers import Command
from customers.models import Customer, Import
from tenants.scoping import tenant_scope
from tests.conftest import CUSTOMERS, count_rows, write_csv

KEYS = {"read", "created", "updated", "unchanged", "refused", "refusals", "import_id"}


def run(file, *options: str, tenant: str = "atlas-telecom") -> str:
    out = io.StringIO()
    call_command("import_customers", str(file), "--tenant", tenant, *options, stdout=out)
    return out.getvalue()


def test_json_has_the_promised_keys_and_counts(atlas, sample_csv):
    result = json.loads(run(sample_csv, "--json"))
    assert set(result) >= KEYS
    assert (result["read"], result["created"], result["refused"], result["refusals"]) == (CUSTOMERS, CUSTOMERS, 0, [])
    with tenant_scope(atlas):
        assert str(Import.objects.get().public_id) == result["import_id"]
        assert Customer.objects.count() == CUSTOMERS


def test_refusals_are_named_by_line_column_value_and_reason(atlas, tmp_path):
    path = write_csv(tmp_path / "a.csv", "customerID,tenure,Churn", "C1,1,Yes", "C2,x,No", "C3,3,No")
    result = json.loads(run(path, "--json"))
    assert result["refusals"] == [{"line": 3, "column": "tenure", "value": "x", "reason": "not_a_number"}]


def test_second_run_says_that_nothing_changed(atlas, sample_csv):
    run(sample_csv, "--json")
    assert json.loads(run(sample_csv, "--json"))["unchanged"] == CUSTOMERS


def test_people_read_lines(atlas, tmp_path):
    path = write_csv(tmp_path / "a.csv", "customerID,tenure,Churn,couleur", "C1,1,Yes,bleu", "C2,x,No,", "C3,,No,")
    text = run(path)
    assert "3 read: 2 created, 0 updated, 0 unchanged, 1 refused" in text
    assert "line 3, tenure: This is not a number. 'x'" in text
    assert "tenure: 1 unknown" in text
    assert "couleur" in text


def test_nothing_is_asked_of_a_broker(atlas, sample_csv, monkeypatch):
    from customers.tasks import run_import

    monkeypatch.setattr(run_import, "apply_async", lambda **_: pytest.fail("rang"))
    run(sample_csv)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.csv", b"", "is empty"),
        ("blank.csv", b"\n \n", "is empty"),
        ("picture.csv", b"\x89PNG\r\n\x1a\n" + bytes(100), "is a picture, not a table"),
        ("page.csv", b"<!doctype html><p>hello", "is a web page"),
        ("prose.csv", b"Dear all,\nplease find attached.\n", "is no table"),
        ("words.csv", b"one\ntwo\n", "is no table"),
        ("no_id.csv", b"tenure,Churn\n1,Yes\n2,No\n", "has no column for the customer number"),
        ("no_label.csv", b"customerID,tenure\nC1,1\nC2,2\n", "has no column that says who left"),
        ("unknown_label.csv", b"customerID,Churn\nC1,\nC2,\n", "has no column that says who left"),
        ("one_class.csv", b"customerID,Churn\nC1,No\nC2,No\n", "everybody has the same answer in the column “Churn”"),
        ("no_rows.csv", b"customerID,Churn\n", "has a header and no customer below it"),
    ],
)
def test_bad_file_is_one_sentence_and_nothing_is_written(atlas, tmp_path, settings, name, content, sentence):
    path = tmp_path / name
    path.write_bytes(content)
    before = count_rows()
    with pytest.raises(CommandError) as refused:
        run(path)
    message = str(refused.value)
    assert sentence in message
    assert name in message
    assert "\n" not in message
    assert count_rows() == before
    assert not [p for p in settings.PRIVATE_ROOT.rglob("*") if p.is_file()]


def test_missing_path_and_folder_are_named(atlas, tmp_path):
    before = count_rows()
    with pytest.raises(CommandError, match=r"There is no file at .*nowhere\.csv"):
        run(tmp_path / "nowhere.csv")
    with pytest.raises(CommandError, match="is a folder"):
        run(tmp_path)
    assert count_rows() == before


def test_unknown_company_is_named_with_those_that_exist(atlas, borealis, sample_csv):
    with pytest.raises(CommandError, match=r"no company .*“nobody”.*atlas-telecom, borealis-mobile"):
        run(sample_csv, tenant="nobody")


def test_refusal_as_json_has_a_code(atlas, tmp_path):
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("import_customers", str(tmp_path), "--tenant", "atlas-telecom", "--json", stdout=out)
    assert json.loads(out.getvalue())["error"]["code"] == "folder"


def test_file_without_a_label_comes_in_when_that_is_meant(atlas, tmp_path):
    path = write_csv(tmp_path / "a.csv", "customerID,tenure", "C1,1", "C2,2")
    assert json.loads(run(path, "--json", "--without-label"))["created"] == 2


def test_file_without_a_label_comes_in_once_the_company_knows_who_left(atlas, sample_csv, tmp_path):
    run(sample_csv)
    path = write_csv(tmp_path / "a.csv", "customerID,tenure", "NEW-1,1")
    assert json.loads(run(path, "--json"))["created"] == 1


def test_wrong_path_ends_the_process_with_a_failure_and_no_traceback(atlas, monkeypatch, capsys):
    monkeypatch.setattr(management.connections, "close_all", lambda: None)  # the test still needs its own
    with pytest.raises(SystemExit) as ended:
        Command().run_from_argv(["manage.py", "import_customers", "nowhere.csv", "--tenant", "atlas-telecom"])
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert said.out == ""
    assert said.err.strip() == "CommandError: There is no file at nowhere.csv: check the path."
