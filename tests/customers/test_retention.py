"""Files of imports go after their time; what they brought stays."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from core.errors import Refused
from core.models import JobState
from customers import services
from customers.models import Customer, Import
from tests.conftest import write_csv

pytestmark = pytest.mark.usefixtures("atlas_scope")
LINES = ("customerID,tenure,Churn", "C1,1,Yes", "C2,2,No")


def kept(settings) -> list:
    return [p for p in settings.PRIVATE_ROOT.rglob("*") if p.is_file()]


def age(run: Import, days: int) -> None:
    then = timezone.now() - timedelta(days=days)
    Import.objects.filter(pk=run.pk).update(requested_at=then, finished_at=then if run.finished_at else None)


def test_file_of_a_written_import_goes_after_its_time_and_customers_stay(settings, tmp_path):
    run = services.open_import(path=write_csv(tmp_path / "a.csv", *LINES))
    run = services.run_import(import_id=run.pk, follow=False)
    age(run, settings.IMPORT_FILES_DAYS - 1)
    assert services.forget_files() == 0
    age(run, settings.IMPORT_FILES_DAYS + 1)
    assert kept(settings)
    assert services.forget_files() == 1
    assert services.forget_files() == 0
    assert kept(settings) == []
    assert Customer.objects.count() == 2


REFUSED = "amel.private@example.com"


def test_what_stood_in_refused_cells_goes_with_the_file(settings, tmp_path):
    run = services.open_import(path=write_csv(tmp_path / "a.csv", *LINES, f"C3,{REFUSED},No"))
    run = services.run_import(import_id=run.pk, follow=False)
    assert run.told_refusals()[0]["value"] == REFUSED
    age(run, settings.IMPORT_FILES_DAYS + 1)
    services.forget_files()
    run = Import.objects.get(pk=run.pk)
    [told] = run.told_refusals()
    assert (told["line"], told["column"], told["value"]) == (4, "tenure", "")
    assert REFUSED not in json.dumps([run.refusals, run.preview, run.proposal, run.result()], default=str)


def test_what_a_program_sent_and_was_refused_goes_likewise(settings, cast):
    rows = [{"external_id": "C1", "tenure": 1}, {"external_id": "C2", "tenure": REFUSED}]
    run = services.push_customers(rows=rows, actor=cast.anna).run
    assert run.told_refusals()[0]["value"] == REFUSED
    for days, left in ((settings.IMPORT_FILES_DAYS - 1, REFUSED), (settings.IMPORT_FILES_DAYS + 1, "")):
        age(run, days)
        services.forget_files()
        assert Import.objects.get(pk=run.pk).told_refusals()[0]["value"] == left
    assert not Import.objects.filter(refusals__0__value__isnull=False).exists(), "and it is not looked at every night"


def test_import_can_be_taken_back_after_its_file_is_gone(settings, tmp_path):
    run = services.open_import(path=write_csv(tmp_path / "a.csv", *LINES))
    run = services.run_import(import_id=run.pk, follow=False)
    age(run, settings.IMPORT_FILES_DAYS + 1)
    services.forget_files()
    run.refresh_from_db()
    services.undo_import(run=run, actor=None)
    assert services.run_import(import_id=run.pk, follow=False).undo_result["removed"] == 2
    assert not Customer.objects.exists()


def test_import_that_nobody_came_back_to_is_given_up(settings, tmp_path):
    run = services.open_import(path=write_csv(tmp_path / "a.csv", *LINES), attended=True)
    age(run, settings.IMPORT_FILES_DAYS + 1)
    assert services.forget_files() == 1
    run.refresh_from_db()
    assert run.state == JobState.CANCELLED
    assert kept(settings) == []


def test_import_whose_images_are_forgotten_cannot_be_taken_back(settings, tmp_path):
    services.run_import(import_id=services.open_import(path=write_csv(tmp_path / "a.csv", *LINES)).pk, follow=False)
    changed = services.open_import(path=write_csv(tmp_path / "b.csv", LINES[0], "C1,9,Yes"))
    changed = services.run_import(import_id=changed.pk, follow=False)
    age(changed, settings.IMPORT_UNDO_DAYS + 1)
    changed.refresh_from_db()
    with pytest.raises(Refused) as refused:
        services.undo_import(run=changed, actor=None)
    assert refused.value.code == "too_old"
