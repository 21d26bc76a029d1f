"""Taking an import back: what it brought goes, what it changed becomes what it was, and what cannot is counted by reason."""

from datetime import date
from decimal import Decimal

import pytest

from core import jobs
from core.errors import Refused
from core.models import JobState
from customers import merge, services, taking_back
from customers.models import Customer, CustomerChange, Import, ImportStep, Interaction, Subscription, UsageRecord
from customers.services import undoing, writing
from tenants.models import AuditEntry, Notification
from tests.conftest import import_file, write_csv
from tests.customers.bases import base, counts, step, undone, whole_base
from tests.everywhere import every

pytestmark = pytest.mark.usefixtures("atlas_scope")

HEADER = "customerID,City,Partner,tenure,MonthlyCharges,TotalCharges,Contract,Churn,Zone,Points,nombre_sms,volume_data"
FIRST = (
    HEADER,
    "C1,Tunis,Yes,12,29.85,9999999998.999,One year,Yes,Nord,1.5,7,0.30000000000000004",
    "C2,Sfax,No,3,19.9,59.7,Two year,No,Sud,2,8,123456789.123456789",
    "C3,,,,,,,No,,,,",
)
SECOND = (
    HEADER,
    "C1,Bizerte,No,13,30,31,Two year,No,Est,9.5,9,0.1",
    "C2,Sfax,No,3,19.9,59.7,Two year,No,Sud,2,8,123456789.123456789",
    "C3,Gabès,Yes,1,10,10,One year,Yes,Nord,0.1,1,1.5",
    "C4,Béja,Yes,1,10,10,One year,Yes,Nord,0.1,1,1.5",
)
JUNE, JULY = date(2026, 6, 1), date(2026, 7, 1)


def bring(tmp_path, *lines: str, **options) -> Import:
    return import_file(write_csv(tmp_path / "a.csv", *lines), usage_month=JUNE, **options)


@pytest.fixture
def first(tmp_path) -> Import:
    return bring(tmp_path, *FIRST)


def kept(run: Import) -> dict[str, int]:
    return {k["reason"]: k["count"] for k in run.undo_result["kept"]}


def done(run: Import) -> tuple[int, ...]:
    return tuple(run.undo_result[name] for name in ("removed", "restored", "months_removed", "months_restored"))


# ---------------------------------------------------------------- all of it


def test_first_import_taken_back_leaves_nothing_of_it(tmp_path, first):
    run = undone(first)
    assert (run.state, run.step) == (JobState.SUCCEEDED, ImportStep.UNDO)
    assert run.undone_at is not None
    assert done(run) == (3, 0, 2, 0)
    assert kept(run) == {}
    for model in (Customer, Subscription, UsageRecord, CustomerChange):
        assert not model.objects.exists(), model
    assert counts(bring(tmp_path, *FIRST)) == (3, 3, 0, 0, 0), "and it can come in again"


@pytest.mark.parametrize("batch", [1, 2, 20_000])
@pytest.mark.parametrize("clears", [False, True])
def test_second_import_taken_back_leaves_the_base_row_for_row_as_it_was(tmp_path, first, monkeypatch, batch, clears):
    monkeypatch.setattr(writing, "BATCH_ROWS", batch)
    monkeypatch.setattr(undoing, "_BATCH", batch)
    before = whole_base()
    lines = SECOND if not clears else (*SECOND[:2], "C2,,,,,,,,,,,", *SECOND[3:])
    run = bring(tmp_path, *lines, empty_clears=clears)
    changed = 3 if clears else 2
    assert counts(run) == (4, 1, changed, 3 - changed, 0)
    assert whole_base() != before
    run = undone(run)
    assert whole_base() == before
    assert done(run) == (1, changed, 2, 2 if clears else 1)
    assert kept(run) == {}
    again = bring(tmp_path, *lines, empty_clears=clears)
    assert counts(again) == (4, 1, changed, 3 - changed, 0)


def test_imports_are_taken_back_one_after_the_other(tmp_path, first):
    after_first = whole_base()
    second = bring(tmp_path, *SECOND)
    after_second = whole_base()
    third = bring(tmp_path, HEADER, "C1,Monastir,,14,,,,,,,10,", "C5,Kef,,,,,,,,,,")
    undone(third)
    assert whole_base() == after_second
    undone(second)
    assert whole_base() == after_first
    undone(first)
    assert not Customer.objects.exists()


def test_columns_that_the_import_did_not_bring_are_left_alone(tmp_path, first):
    run = bring(tmp_path, "customerID,City,Niveau", "C1,Kef,7", "C2,Kef,8")
    assert Customer.objects.get(external_id="C1").attributes == {"Zone": "Nord", "Points": 1.5, "Niveau": 7}
    undone(run)
    one = Customer.objects.get(external_id="C1")
    assert (one.city, one.attributes) == ("Tunis", {"Zone": "Nord", "Points": 1.5})
    assert one.subscription.tenure == 12


def test_subscription_that_the_import_made_goes_with_it(tmp_path, first):
    Subscription.objects.filter(customer__external_id__in=["C1", "C2"]).delete()
    before = whole_base()
    undone(bring(tmp_path, *SECOND))
    assert whole_base() == before
    undone(bring(tmp_path, "customerID,City", "C1,Kef", "C2,Sfax"))
    assert whole_base() == before


def test_file_of_months_is_taken_back(tmp_path, first):
    before = whole_base()
    lines = (
        "customerID,month,nombre_sms,montant_consommation",
        "C1,2026-06,99,1.5",
        "C1,2026-07,1,2",
        "C3,2026-06,4,3",
    )
    run = bring(tmp_path, *lines)
    assert counts(run) == (3, 2, 1, 0, 0)
    run = undone(run)
    assert whole_base() == before
    assert done(run) == (0, 0, 2, 1)


def test_panel_is_taken_back(tmp_path, first, monkeypatch):
    monkeypatch.setattr(writing, "BATCH_ROWS", 2)
    before = whole_base()
    lines = (
        "customerID,month,City,nombre_sms",
        "C1,2026-05,Kef,1",
        "C9,2026-05,Kef,1",
        "C1,2026-06,Béja,2",
        "C9,2026-06,Béja,3",
        "C1,2026-07,Kef,",
    )
    run = bring(tmp_path, *lines)
    assert counts(run) == (5, 1, 1, 0, 0)
    undone(run)
    assert whole_base() == before


def test_refused_rows_and_made_numbers_do_not_disturb(tmp_path):
    lines = ("tenure,City,Churn", "1,Tunis,Yes", "x,Tunis,No", "2,Sfax,No", "2,Sfax,No", "3,Kef,No", "4,Kef,No")
    run = bring(tmp_path, *lines, id_column="row_hash")
    assert counts(run) == (6, 5, 0, 0, 1)
    assert done(undone(run))[0] == 5
    assert not Customer.objects.exists()


# ---------------------------------------------------------------- what stays, and why


def test_what_a_later_import_changed_stays_and_is_said(tmp_path, first):
    second = bring(tmp_path, *SECOND)
    bring(tmp_path, "customerID,City,nombre_sms", "C1,Monastir,44", "C4,Monastir,")
    run = undone(second)
    found = dict(Customer.objects.values_list("external_id", "city"))
    assert found == {"C1": "Monastir", "C2": "Sfax", "C3": "", "C4": "Monastir"}
    assert Subscription.objects.get(customer__external_id="C1").tenure == 13
    assert Subscription.objects.get(customer__external_id="C3").monthly_charges is None
    assert kept(run) == {"changed_later": 2, "months_changed_later": 1}
    # of C4 the month went, for nobody touched it since
    assert done(run) == (0, 1, 2, 0)


def test_what_a_person_corrected_stays_and_is_said(tmp_path, first, alice):
    second = bring(tmp_path, *SECOND)
    for number in ("C1", "C4"):
        services.correct_customer(
            customer=Customer.objects.get(external_id=number), changes={"city": "Mahdia"}, actor=alice, reason="called"
        )
    run = undone(second)
    found = dict(Customer.objects.values_list("external_id", "city"))
    assert found == {"C1": "Mahdia", "C2": "Sfax", "C3": "", "C4": "Mahdia"}
    assert kept(run)["corrected"] == 2
    assert "changed_later" not in kept(run)


def test_month_that_a_person_corrected_stays(tmp_path, first, alice):
    second = bring(tmp_path, *SECOND)
    month = UsageRecord.objects.get(customer__external_id="C4")
    services.correct_usage(usage=month, changes={"nombre_sms": 5}, actor=alice, reason="bill")
    run = undone(second)
    assert UsageRecord.objects.get(customer__external_id="C4").nombre_sms == 5
    assert "C4" in set(Customer.objects.values_list("external_id", flat=True))
    assert sum(kept(run).values()) >= 1


def test_who_was_contacted_stays(tmp_path, first):
    second = bring(tmp_path, *SECOND)
    services.record_interactions(
        rows=[("C4", "spring", "contacted", JULY, None), ("C1", "spring", "held_out", JULY, None)]
    )
    run = undone(second)
    assert Customer.objects.filter(external_id="C4").exists()
    assert Interaction.objects.count() == 2
    assert Customer.objects.get(external_id="C1").city == "Tunis", "contacting changes no value: it is restored"
    assert kept(run) == {"contacted": 1}


def test_who_has_months_of_another_import_stays(tmp_path, first):
    second = bring(tmp_path, *SECOND)
    bring(tmp_path, "customerID,month,nombre_sms", "C4,2026-07,3")
    run = undone(second)
    assert [m.month for m in UsageRecord.objects.filter(customer__external_id="C4")] == [JULY]
    assert kept(run) == {"has_months": 1}


def test_scores_go_with_removed_customers(imported, scored):
    from predictions.models import Score

    assert Score.objects.count() == Customer.objects.count()
    run = undone(imported)
    assert not Customer.objects.exists()
    assert not Score.objects.exists()
    assert run.undo_result["removed"] == run.rows_created


# ---------------------------------------------------------------- who asks, and when


def test_undo_is_told_in_the_trail_and_counts_the_base_anew(tmp_path, first, alice):
    second = bring(tmp_path, *SECOND)
    services.undo_import(run=second, actor=alice)
    step(second)
    verbs = list(AuditEntry.objects.order_by("sequence").values_list("verb", "actor"))[-2:]
    assert verbs[0] == ("import_undo_asked", alice.pk)
    assert verbs[1][0] == "import_undone"
    notice = Notification.objects.order_by("-pk").first()
    assert (notice.code, notice.facts["removed"], notice.facts["restored"]) == ("import_undone", 1, 2)
    from customers import selectors

    assert selectors.customer_base()["customers"] == 3


def test_second_undo_is_refused(first):
    run = undone(first)
    with pytest.raises(Refused) as refused:
        services.undo_import(run=run, actor=None)
    assert refused.value.code == "not_written"


def test_import_can_be_taken_back_after_its_file_is_forgotten(tmp_path, first, settings):
    before = whole_base()
    second = bring(tmp_path, *SECOND)
    for run in (first, second):
        services.imports.files.forget(run)
    undone(second)
    assert whole_base() == before


def stop_after_the_first(monkeypatch, module, name: str, run: Import) -> None:
    """Have a person press cancel while this function does its work for the first time."""
    work = getattr(module, name)

    def then_cancel(*args, **options):
        jobs.cancel(Import.objects.get(pk=run.pk))
        return work(*args, **options)

    monkeypatch.setattr(module, name, then_cancel)
    monkeypatch.setattr(jobs, "_WRITE_EVERY_SECONDS", 0)
    with pytest.raises(jobs.Cancelled):
        step(run)
    monkeypatch.undo()
    run.refresh_from_db()
    assert run.state == JobState.CANCELLED


def test_what_a_stopped_import_wrote_can_be_taken_back(tmp_path, first, monkeypatch):
    before = whole_base()
    monkeypatch.setattr(writing, "BATCH_ROWS", 1)
    run = services.open_import(path=write_csv(tmp_path / "b.csv", *SECOND), usage_month=JUNE)
    stop_after_the_first(monkeypatch, merge, "merge_customers", run)
    assert run.rows_read == 1
    assert whole_base() != before
    assert run.can_be_taken_back
    undone(run)
    assert whole_base() == before


def test_import_stopped_before_it_wrote_has_nothing_to_take_back(tmp_path, first):
    run = services.open_import(path=write_csv(tmp_path / "b.csv", *SECOND), usage_month=JUNE)
    jobs.cancel(run)
    with pytest.raises(Refused) as refused:
        services.undo_import(run=run, actor=None)
    assert refused.value.code == "not_written"


def test_taking_back_that_was_stopped_can_be_asked_for_again(tmp_path, first, monkeypatch):
    before = whole_base()
    second = bring(tmp_path, *SECOND)
    monkeypatch.setattr(undoing, "_BATCH", 1)
    services.undo_import(run=second, actor=None)
    stop_after_the_first(monkeypatch, taking_back, "restore_customers", second)
    assert whole_base() != before
    run = undone(second)
    assert whole_base() == before
    assert done(run) == (1, 2, 2, 1)


class Killed(BaseException):
    """As a worker's end: nothing may catch it."""


@pytest.mark.parametrize("dies_at", range(1, 9))
def test_undo_that_was_killed_goes_on_and_ends_as_if_undisturbed(tmp_path, first, monkeypatch, dies_at):
    monkeypatch.setattr(undoing, "_BATCH", 1)
    before = whole_base()
    second = bring(tmp_path, *SECOND, "C5,Kef,,,,,,No,,,3,", "C6,Kef,,,,,,No,,,,")
    services.undo_import(run=second, actor=None)
    saves, save = [], undoing.jobs.Claim.save

    def die_once(self, **fields):
        save(self, **fields)
        saves.append(1)
        if len(saves) == dies_at:
            raise Killed

    monkeypatch.setattr(undoing.jobs.Claim, "save", die_once)
    with pytest.raises(Killed):
        step(second)
    waiting = Import.objects.get(pk=second.pk)
    assert (waiting.state, waiting.step) == (JobState.QUEUED, ImportStep.UNDO)
    run = step(waiting)
    assert whole_base() == before
    assert done(run) == (3, 2, 3, 1)
    assert kept(run) == {}


def test_undo_of_one_company_touches_no_other(tmp_path, first, borealis):
    every(Customer).bulk_create(
        [Customer(external_id="C1", tenant=borealis, created_by_import=first.pk, changed_by_import=first.pk)]
    )
    undone(first)
    assert every(Customer).get().tenant == borealis


def test_values_come_back_to_the_last_digit(tmp_path, first):
    bring_back = bring(tmp_path, HEADER, "C1,,,,1,1,,,,1,1,1", "C2,,,,1,1,,,,1,1,1", without_label=True)
    undone(bring_back)
    one = Customer.objects.select_related("subscription").get(external_id="C1")
    assert one.subscription.total_charges == Decimal("9999999998.999")
    assert one.attributes["Points"] == 1.5
    assert one.usage.get().volume_data == 0.30000000000000004
    assert UsageRecord.objects.get(customer__external_id="C2").volume_data == 123456789.12345679
    assert base()["customers"][2]["attributes"] == {}
