"""An import from the file to the customers: its counts, its refusals, its interruptions."""

from pathlib import Path

import pytest

from core import jobs
from core.errors import Refused
from core.models import JobState
from customers import merge, selectors, services
from customers.models import Customer, CustomerBase, Import, Subscription
from customers.services import writing
from tenants.models import AuditEntry, Notification
from tests.conftest import import_file, write_csv

pytestmark = [pytest.mark.usefixtures("atlas_scope"), pytest.mark.walled]

IBM = Path(__file__).parents[3] / "shared" / "data" / "ibm_telco" / "Telco-Customer-Churn.csv"

DIRTY = (
    "customerID;tenure;MonthlyCharges;Churn;couleur",
    "C1;12;29,85;Oui;rouge",
    "C2;longtemps;29,85;Non;bleu",
    "C3;3;19,9;Non;",
    "C1;4;20;Non;vert",
    "C5;5;20;peut-être;vert",
    "C6;6;20",
    ";7;20;Non;vert",
    "C8;8;;Oui;vert",
)


WITHOUT = ("id", "public_id", "customer", "created_at", "updated_at", "created_by_import", "changed_by_import")


def table() -> list[tuple]:
    """Everything that an import writes, without keys and times."""
    fields = [f.name for f in Customer._meta.local_fields if f.name not in WITHOUT]
    theirs = [f.name for f in Subscription._meta.local_fields if f.name not in WITHOUT]
    rows = Customer.objects.order_by("external_id")
    return list(rows.values_list(*fields, *(f"subscription__{name}" for name in theirs)))


def test_good_and_bad_rows_are_counted_and_each_refusal_named(tmp_path):
    run = import_file(write_csv(tmp_path / "dirty.csv", *DIRTY, encoding="cp1252"))
    result = run.result()
    assert {k: result[k] for k in ("read", "created", "updated", "unchanged", "refused")} == {
        "read": 8, "created": 3, "updated": 0, "unchanged": 0, "refused": 5,
    }  # fmt: skip
    assert sorted(result["refusals"], key=lambda r: r["line"]) == [
        {"line": 3, "column": "tenure", "value": "longtemps", "reason": "not_a_number"},
        {"line": 5, "column": "customerID", "value": "C1", "reason": "duplicate_id"},
        {"line": 6, "column": "Churn", "value": "peut-être", "reason": "not_yes_or_no"},
        {"line": 7, "column": "", "value": "3", "reason": "too_few_cells"},
        {"line": 8, "column": "customerID", "value": "", "reason": "no_id"},
    ]
    assert result["unknown"] == {"monthly_charges": 1}
    assert result["kept_columns"] == ["couleur"]
    assert (run.encoding, run.delimiter) == ("cp1252", ";")
    assert set(Customer.objects.values_list("external_id", flat=True)) == {"C1", "C3", "C8"}
    assert Customer.objects.get(external_id="C1").attributes == {"couleur": "rouge"}


def test_import_leaves_its_trail_its_notice_and_the_roll_up(tmp_path, alice):
    path = write_csv(tmp_path / "dirty.csv", *DIRTY)
    run = services.open_import(path=path, requested_by=alice)
    services.run_import(import_id=run.pk, follow=False)
    verbs = list(AuditEntry.objects.order_by("sequence").values_list("verb", flat=True))[-2:]
    assert verbs == ["import_opened", "customers_imported"]
    notice = Notification.objects.get()
    assert (notice.code, notice.level, notice.facts["refused"]) == ("import_finished", "warning", 5)
    facts = selectors.customer_base()
    assert facts == CustomerBase.objects.get().facts
    counted = {name: facts[name] for name in ("customers", "left", "stayed", "unknown")}
    assert counted == {"customers": 3, "left": 2, "stayed": 1, "unknown": 0}
    assert facts["monthly_revenue"] == pytest.approx(19.9)


def test_second_import_of_the_same_file_changes_nothing(sample_csv, imported):
    before = dict(Customer.objects.values_list("pk", "updated_at"))
    run = import_file(sample_csv)
    assert (run.rows_created, run.rows_updated, run.rows_unchanged) == (0, 0, len(before))
    assert dict(Customer.objects.values_list("pk", "updated_at")) == before


def test_later_file_updates_only_what_it_says(tmp_path, imported):
    customer = Customer.objects.select_related("subscription").first()
    tenure = customer.subscription.tenure
    path = write_csv(tmp_path / "later.csv", "customerID,City", f"{customer.external_id},Bizerte", "NEW-1,Gabès")
    run = import_file(path)
    assert (run.rows_created, run.rows_updated, run.rows_unchanged) == (1, 1, 0)
    again = Customer.objects.select_related("subscription").get(pk=customer.pk)
    assert (again.city, again.first_name, again.subscription.tenure) == ("Bizerte", customer.first_name, tenure)


def test_batches_do_not_show_in_the_result(sample_csv, monkeypatch):
    whole = import_file(sample_csv)
    rows = table()
    Customer.objects.all().delete()
    monkeypatch.setattr(writing, "BATCH_ROWS", 37)
    parts = import_file(sample_csv)
    assert table() == rows
    keys = ("read", "created", "updated", "unchanged", "refused", "refusals", "unknown")
    assert {k: parts.result()[k] for k in keys} == {k: whole.result()[k] for k in keys}


def test_duplicate_in_a_later_batch_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "BATCH_ROWS", 2)
    lines = ["customerID,tenure,Churn", *(f"C{i},1,{'Yes' if i % 2 else 'No'}" for i in range(6)), "C1,99,No"]
    run = import_file(write_csv(tmp_path / "a.csv", *lines))
    assert (run.rows_created, run.rows_refused) == (6, 1)
    assert Subscription.objects.get(customer__external_id="C1").tenure == 1


def test_kept_refusals_are_bounded_and_all_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "KEPT_REFUSALS", 3)
    lines = [
        "customerID,tenure,Churn",
        "A,1,Yes",
        "B,1,No",
        *(f"C{i},x,No" for i in range(10)),
        *(f"D{i},1,No" for i in range(10)),
    ]
    run = import_file(write_csv(tmp_path / "a.csv", *lines))
    assert (run.rows_refused, len(run.refusals)) == (10, 3)


class Killed(BaseException):
    """As a worker's end: nothing may catch it."""


@pytest.mark.parametrize("batch_that_dies", [0, 1, 3])
@pytest.mark.parametrize("after_the_merge", [False, True])
def test_interrupted_import_resumes_and_equals_an_undisturbed_one(
    tmp_path, sample_csv, monkeypatch, batch_that_dies, after_the_merge
):
    dirty = [*sample_csv.read_text(encoding="utf-8").splitlines()]
    dirty.insert(60, dirty[5])  # a duplicate, and a ragged line, in different batches
    dirty.insert(200, "only,three,cells")
    path = write_csv(tmp_path / "customers.csv", *dirty)
    monkeypatch.setattr(writing, "BATCH_ROWS", 50)
    undisturbed = import_file(path)
    wanted, counts = table(), undisturbed.result()
    Customer.objects.all().delete()

    run = services.open_import(path=path)
    merge_customers, calls = merge.merge_customers, []

    def die_once(*args, **options):
        calls.append(1)
        if len(calls) - 1 == batch_that_dies:
            if after_the_merge:
                merge_customers(*args, **options)
            raise Killed
        return merge_customers(*args, **options)

    monkeypatch.setattr(merge, "merge_customers", die_once)
    with pytest.raises(Killed):
        services.run_import(import_id=run.pk, follow=False)
    waiting = Import.objects.get(pk=run.pk)
    assert (waiting.state, waiting.rows_read) == (JobState.QUEUED, 50 * batch_that_dies)
    assert Customer.objects.count() <= 50 * batch_that_dies
    finished = services.run_import(import_id=run.pk, follow=False)
    assert finished.state == JobState.SUCCEEDED
    assert table() == wanted
    same = ("read", "created", "updated", "unchanged", "refused", "refusals", "unknown")
    assert {k: finished.result()[k] for k in same} == {k: counts[k] for k in same}


def test_error_between_batches_puts_the_import_back_in_the_queue(sample_csv, monkeypatch):
    monkeypatch.setattr(writing, "BATCH_ROWS", 100)
    run = services.open_import(path=sample_csv)
    with monkeypatch.context() as broken:
        broken.setattr(merge, "merge_customers", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            services.run_import(import_id=run.pk, follow=False)
    waiting = Import.objects.get(pk=run.pk)
    assert (waiting.state, waiting.attempts, waiting.error_message) == (
        "queued",
        1,
        "ZeroDivisionError: division by zero",
    )
    assert not Customer.objects.exists()


def test_cancelled_import_keeps_whole_batches_and_stops(sample_csv, monkeypatch):
    monkeypatch.setattr(writing, "BATCH_ROWS", 50)
    monkeypatch.setattr(jobs, "_WRITE_EVERY_SECONDS", 0)
    run = services.open_import(path=sample_csv)
    merge_customers = merge.merge_customers

    def merge_then_cancel(*args, **options):
        jobs.cancel(Import.objects.get(pk=run.pk))
        return merge_customers(*args, **options)

    monkeypatch.setattr(merge, "merge_customers", merge_then_cancel)
    with pytest.raises(jobs.Cancelled):
        services.run_import(import_id=run.pk, follow=False)
    assert Import.objects.get(pk=run.pk).state == JobState.CANCELLED
    assert Customer.objects.count() == 50


def test_import_that_lost_its_lease_leaves_nothing_of_its_batch(sample_csv, monkeypatch):
    run = services.open_import(path=sample_csv)
    merge_customers = merge.merge_customers

    def slow(*args, **options):
        Import.objects.filter(pk=run.pk).update(token=99)  # the sweeper gave the job to another worker
        return merge_customers(*args, **options)

    monkeypatch.setattr(merge, "merge_customers", slow)
    with pytest.raises(jobs.LeaseLost):
        services.run_import(import_id=run.pk, follow=False)
    assert not Customer.objects.exists()


def test_file_that_vanished_meanwhile_fails_the_import_with_a_sentence(sample_csv, settings):
    run = services.open_import(path=sample_csv)
    (settings.PRIVATE_ROOT / run.stored_path).unlink()
    with pytest.raises(Refused):
        services.run_import(import_id=run.pk, follow=False)
    failed = Import.objects.get(pk=run.pk)
    assert (failed.state, failed.error_code) == ("failed", "missing")
    assert Notification.objects.get().code == "import_failed"


@pytest.mark.parametrize("at_once", [True, False])
def test_quote_left_open_in_mid_file_is_refused_with_its_line_before_anything_is_written(tmp_path, settings, at_once):
    settings.IMPORT_READ_AT_ONCE_BYTES = 2**21 if at_once else 0
    lines = ["customerID,City,Churn", *(f"C{i},Tunis,{'Yes' if i % 2 else 'No'}" for i in range(30_000))]
    lines[20_000] = 'C,"Tunis,No'
    path = write_csv(tmp_path / "a.csv", *lines)
    with pytest.raises(Refused, match="a quotation mark opened on line 20001 is never closed"):
        import_file(path)
    assert not Customer.objects.exists()
    assert not [p for p in settings.PRIVATE_ROOT.rglob("*") if p.is_file()]
    assert list(Import.objects.values_list("state", flat=True)) == ([] if at_once else [JobState.FAILED])


def test_stored_file_lies_in_the_companys_own_folder(sample_csv, atlas, settings):
    run = services.open_import(path=sample_csv)
    assert run.stored_path.startswith(f"{atlas.pk}/")
    assert (settings.PRIVATE_ROOT / run.stored_path).read_bytes() == sample_csv.read_bytes()
    assert run.size_bytes == sample_csv.stat().st_size


def test_upload_larger_than_allowed_is_refused_and_not_kept(sample_csv, settings, atlas):
    settings.UPLOAD_MAX_BYTES = 1000
    with pytest.raises(Refused, match="larger than"):
        services.open_import(path=sample_csv)
    assert not Import.objects.exists()
    assert not [p for p in settings.PRIVATE_ROOT.rglob("*") if p.is_file()]


def test_correction_by_hand_is_written_in_the_trail_by_field_not_by_value(imported, alice):
    customer = Customer.objects.first()
    services.correct_customer(customer=customer, changes={"city": "Sfax"}, actor=alice, reason="asked by phone")
    entry = AuditEntry.objects.order_by("-sequence").first()
    assert (entry.verb, entry.facts) == ("customer_corrected", {"fields": ["city"], "reason": "asked by phone"})
    assert "Sfax" not in str(entry.facts)


# ---------------------------------------------------------------- the published file


@pytest.mark.skipif(not IBM.exists(), reason=f"the IBM Telco file is not at {IBM}")
def test_ibm_file_comes_in_whole_and_again_unchanged():
    first = import_file(IBM).result()
    assert {k: first[k] for k in ("read", "created", "updated", "unchanged", "refused")} == {
        "read": 7043, "created": 7043, "updated": 0, "unchanged": 0, "refused": 0,
    }  # fmt: skip
    assert first["unknown"] == {"total_charges": 11}
    assert first["kept_columns"] == []
    assert Subscription.objects.filter(total_charges=None).count() == 11
    assert Customer.objects.filter(churn_label=True).count() == 1869
    again = import_file(IBM).result()
    assert (again["read"], again["unchanged"], again["created"], again["updated"]) == (7043, 7043, 0, 0)
