"""The seeded hostile files through the product's own doors: nothing but a refusal, no half import, nothing left of it."""

import random
import sys

import pytest
from django.db.models import Q

from core.errors import Refused
from core.models import JobState
from customers import services
from customers.models import Customer, Import
from customers.services import reading
from tenants.scoping import tenant_scope
from tests.customers.bases import kept_files, step
from tests.customers.ingest.test_hostile_files import MAKERS, MOST_MEMORY, PER_MAKER, SEED

pytestmark = pytest.mark.walled

# Three million empty lines are a table too, and to bring them in is honest work, if long: past this it is refused.
MOST_ROWS, QUICK_ROWS = 50_000, 5_000


def hostile(maker, number: int, folder):
    path = folder / f"{maker.__name__}-{number}.csv"
    maker(random.Random(f"{SEED} {maker.__name__} {number}"), path)
    return path


@pytest.fixture(autouse=True)
def limits_and_memory(settings, monkeypatch):
    """As the engine's own test of these files; and how much memory each child took that gave a table."""
    settings.IMPORT_MAX_UNPACKED_BYTES = 128 << 20
    settings.IMPORT_MAX_ROWS = MOST_ROWS
    settings.IMPORT_READ_SECONDS = 60
    settings.IMPORT_READ_AT_ONCE_SECONDS = 60
    normalise, peaks = reading.sandbox.normalise, []

    def watched(*args, **options):
        table = normalise(*args, **options)
        peaks.append(table.peak_memory)
        return table

    monkeypatch.setattr(reading.sandbox, "normalise", watched)
    yield
    if sys.platform == "linux":
        assert max(peaks, default=0) <= MOST_MEMORY


def go_through(path, *, is_attended: bool) -> Import | None:
    """Open and run, agreeing to all that is proposed. None: refused, as files may be."""
    try:
        run = services.open_import(
            path=path, attended=is_attended, without_label=True, id_column="" if is_attended else "row_hash"
        )
        if run.is_open:
            run = step(run)
        if run.is_awaiting:
            run = step(services.map_import(run=run, mapping=run.mapping, actor=None))
            run = step(services.agree_import(run=run, actor=None))
    except Refused as refusal:
        check_sentence(refusal.message)
        return None
    return run


def check_sentence(message: str) -> None:
    assert message.strip()
    assert "\n" not in message
    assert "%(" not in message


def check_what_is_left() -> None:
    """Customers only of imports that succeeded, files only of those and of imports that wait for a person."""
    succeeded = Import.objects.filter(state=JobState.SUCCEEDED)
    others = Customer.objects.exclude(Q(created_by_import__in=succeeded.values("pk")))
    assert not others.exists()
    assert not Import.objects.filter(state__in=(JobState.QUEUED, JobState.RUNNING, JobState.DEAD)).exists()
    kept = {path.relative_to(path.parents[1]).parts[0] for path in kept_files()}
    alive = Import.objects.filter(state__in=(JobState.SUCCEEDED, JobState.AWAITING))
    assert kept <= {str(key) for key in alive.values_list("public_id", flat=True)}


def run_files(maker, numbers, folder) -> None:
    for number in numbers:
        path = hostile(maker, number, folder)
        before = Customer.objects.count()
        run = go_through(path, is_attended=bool(number % 2))
        path.unlink()
        came = Customer.objects.count() - before
        assert came == (run.rows_created if run else 0)
        if run is not None:
            assert run.state == JobState.SUCCEEDED
            assert run.rows_read == run.total_rows
            # Some make more rows than the rest of the suite together: what they left was looked at.
            Customer.objects.all().delete()
        check_what_is_left()


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_hostile_file_is_imported_or_refused(atlas_scope, tmp_path, settings, maker):
    settings.IMPORT_MAX_ROWS = QUICK_ROWS
    run_files(maker, [MAKERS.index(maker) % PER_MAKER], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_every_hostile_file_is_imported_or_refused(atlas_scope, tmp_path, maker):
    run_files(maker, range(PER_MAKER), tmp_path)


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_hostile_upload_is_answered_and_never_an_error(cast, client_for, tmp_path, settings, maker):
    settings.CELERY_TASK_ALWAYS_EAGER = False
    person = client_for(cast.alice)
    path = hostile(maker, PER_MAKER - 1, tmp_path)
    with path.open("rb") as file:
        answer = person.post("/imports/upload", {"file": file})
    path.unlink()
    assert answer.status_code in (302, 422)
    if answer.status_code == 302:
        assert person.get(answer["Location"]).status_code == 200
    with tenant_scope(cast.atlas):
        assert Import.objects.count() == (answer.status_code == 302)
        assert not Customer.objects.exists()
        check_or_waits()


def check_or_waits() -> None:
    """Files of imports that wait for a person or for a worker, and no others."""
    kept = {path.relative_to(path.parents[1]).parts[0] for path in kept_files()}
    waiting = Import.objects.filter(state__in=(JobState.AWAITING, JobState.QUEUED))
    assert kept == {str(key) for key in waiting.values_list("public_id", flat=True)}
