"""Files of imports go after their time; what they brought stays."""

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
