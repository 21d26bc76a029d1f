"""A dry run writes nothing: no row in any table, no file in the store, and says what writing would do."""

import pytest
from django.core.management import CommandError

from customers import services
from customers.models import Import
from tenants.scoping import tenant_scope
from tests.conftest import count_rows, write_csv
from tests.customers.bases import command, counts, kept_files, step, whole_base


@pytest.fixture
def later(tmp_path, sample_csv):
    """The sample with a new customer, a changed one and one that cannot be."""
    header, *rows = sample_csv.read_text(encoding="utf-8").splitlines()
    columns = header.split(",")
    new, changed, wrong = (row.split(",") for row in rows[:3])
    new[0], changed[columns.index("City")], wrong[columns.index("tenure")] = "NEW-1", "Elsewhere", "x"
    return write_csv(tmp_path / "later.csv", header, ",".join(new), ",".join(changed), ",".join(wrong), *rows[3:])


def test_dry_run_writes_nothing_and_says_what_would_happen(atlas, sample_csv, later):
    command(sample_csv)
    before, files = count_rows(), sorted(kept_files())
    with tenant_scope(atlas):
        base = whole_base()
    result = command(later, "--dry-run")
    assert counts(result) == (300, 1, 1, 297, 1)
    assert [(r["line"], r["column"], r["reason"]) for r in result["refusals"]] == [(4, "tenure", "not_a_number")]
    assert count_rows() == before
    assert sorted(kept_files()) == files
    with tenant_scope(atlas):
        assert whole_base() == base
    assert counts(command(later)) == (300, 1, 1, 297, 1), "and then it does"


@pytest.mark.parametrize("at_once", [True, False])
def test_dry_run_of_a_first_file_leaves_no_trace(atlas, sample_csv, settings, at_once):
    settings.IMPORT_READ_AT_ONCE_BYTES = 2**21 if at_once else 0
    before = count_rows()
    assert counts(command(sample_csv, "--dry-run")) == (300, 300, 0, 0, 0)
    assert count_rows() == before
    assert kept_files() == []


@pytest.mark.parametrize("option", ["--dry-run", "--print-mapping", "--json"])
@pytest.mark.parametrize("at_once", [True, False])
def test_refused_file_leaves_no_trace_however_large(atlas, tmp_path, settings, option, at_once):
    settings.IMPORT_READ_AT_ONCE_BYTES = 2**21 if at_once else 0
    path = tmp_path / "page.csv"
    path.write_bytes(b"<!doctype html><p>hello")
    before = count_rows()
    with pytest.raises(CommandError, match="is a web page"):
        command(path, option)
    assert count_rows() == before
    assert kept_files() == []


def test_refused_rows_of_a_dry_run_are_written_where_they_are_asked_for(atlas, later, tmp_path):
    target = tmp_path / "refused.csv"
    command(later, "--dry-run", "--refused", str(target))
    [header, row] = target.read_text(encoding="utf-8-sig").splitlines()
    assert header.startswith("ChurnGuard: line,ChurnGuard: column,ChurnGuard: reason,customerID")
    assert row.startswith("4,tenure,This is not a number.,")
    assert kept_files() == []


def test_place_that_cannot_be_written_to_is_named(atlas, later, tmp_path):
    with pytest.raises(CommandError, match="cannot be written"):
        command(later, "--dry-run", "--refused", str(tmp_path / "nowhere" / "refused.csv"))


def test_program_may_agree_to_its_dry_run(atlas_scope, sample_csv):
    run = step(services.open_import(path=sample_csv, dry=True))
    assert (run.state, run.step, run.is_dry) == ("awaiting", "agree", True)
    assert counts(run.preview) == (300, 300, 0, 0, 0)
    run = step(services.agree_import(run=run, actor=None))
    assert counts(run) == (300, 300, 0, 0, 0)
    assert Import.objects.get().state == "succeeded"
