"""An import that waits for a person: columns, dry run, agreement; nothing is written before, and each step comes once."""

import pytest

from core import jobs
from core.errors import Refused
from core.models import JobState
from customers import services
from customers.ingest import sandbox
from customers.ingest.reader import TableRefused
from customers.models import ColumnMapping, Customer, CustomerChange, Import, ImportStep, Subscription, UsageRecord
from customers.services import writing
from tenants.models import AuditEntry, Notification
from tests.conftest import import_file, write_csv
from tests.customers.bases import agreed, attended, checked, counts, kept_files, step
from tests.customers.ingest.workbooks import workbook

pytestmark = pytest.mark.usefixtures("atlas_scope")

LINES = (
    "N° client;Ville;tenure;MonthlyCharges;Churn;Zone",
    "C1;Tunis;12;29,85;Oui;Nord",
    "C2;Sfax;3;19,9;Non;Sud",
    "C3;Gabès;quatre;19,9;Non;Sud",
    "C2;Sousse;3;19,9;Non;Sud",
)


@pytest.fixture
def path(tmp_path):
    return write_csv(tmp_path / "clients.csv", *LINES, encoding="cp1252")


def position(run: Import) -> tuple[str, str]:
    run.refresh_from_db()
    return run.state, run.step


def nothing_is_written() -> bool:
    return not any(model.objects.exists() for model in (Customer, Subscription, UsageRecord, CustomerChange))


def test_import_waits_for_its_columns_then_for_agreement_then_writes_what_it_showed(path, alice):
    run = attended(path, requested_by=alice)
    assert position(run) == (JobState.AWAITING, ImportStep.MAP)
    assert [c["target"] for c in run.proposal["columns"]] == [
        "external_id", "city", "tenure", "monthly_charges", "churn_label", "attribute",
    ]  # fmt: skip
    assert (run.encoding, run.delimiter, run.total_rows) == ("cp1252", ";", 4)
    assert run.proposal["first_rows"][0] == ["C1", "Tunis", "12", "29,85", "Oui", "Nord"]
    assert nothing_is_written()

    run = services.map_import(run=run, mapping=run.mapping, actor=alice)
    assert position(run) == (JobState.QUEUED, ImportStep.CHECK)
    run = step(run)
    assert position(run) == (JobState.AWAITING, ImportStep.AGREE)
    assert counts(run.preview) == (4, 2, 0, 0, 2)
    assert [(r["line"], r["reason"]) for r in run.preview["refusals"]] == [(4, "not_a_number"), (5, "duplicate_id")]
    assert run.preview["labels"] == {"left": 1, "stayed": 1, "unknown": 0}
    assert nothing_is_written()
    assert not ColumnMapping.objects.exists()
    assert run.rows_read == 0

    run = services.agree_import(run=run, actor=alice)
    assert position(run) == (JobState.QUEUED, ImportStep.WRITE)
    run = step(run)
    assert position(run) == (JobState.SUCCEEDED, ImportStep.WRITE)
    assert counts(run) == counts(run.preview)
    assert run.refusals == run.preview["refusals"]
    assert set(Customer.objects.values_list("external_id", flat=True)) == {"C1", "C2"}
    assert ColumnMapping.objects.get().agreed_by == alice
    verbs = list(AuditEntry.objects.order_by("sequence").values_list("verb", flat=True))[-4:]
    assert verbs == ["import_opened", "import_mapped", "import_agreed", "customers_imported"]
    assert [n.code for n in Notification.objects.all()] == ["import_finished"]


@pytest.mark.parametrize("batch", [1, 3, 20_000])
def test_dry_run_of_a_second_file_shows_what_is_then_written(tmp_path, path, monkeypatch, batch):
    monkeypatch.setattr(writing, "BATCH_ROWS", batch)
    agreed(path)
    later = write_csv(
        tmp_path / "later.csv",
        LINES[0],
        "C1;Tunis;12;29,85;Oui;Nord",
        "C2;Sfax;;;Non;Est",
        "C4;Béja;1;;;",
        "C5;Béja;1;-1;;",
        encoding="cp1252",
    )
    run = checked(later)
    assert counts(run.preview) == (4, 1, 1, 1, 1)
    run = step(services.agree_import(run=run, actor=None))
    assert counts(run) == (4, 1, 1, 1, 1)


def test_person_goes_back_from_the_dry_run_and_chooses_other_columns(path, alice):
    run = checked(path, actor=alice)
    run = services.remap_import(run=run)
    assert position(run) == (JobState.AWAITING, ImportStep.MAP)
    other = {**run.mapping, "columns": {**run.mapping["columns"], "Zone": {"target": "ignore"}}}
    run = step(services.map_import(run=run, mapping=other, actor=alice))
    assert run.kept_columns == []
    run = step(services.agree_import(run=run, actor=alice))
    assert [c.attributes for c in Customer.objects.all()] == [{}, {}]


def test_person_may_map_again_at_the_dry_run_itself(path):
    run = checked(path)
    other = {**run.mapping, "columns": {**run.mapping["columns"], "tenure": {"target": "attribute"}}}
    run = step(services.map_import(run=run, mapping=other, actor=None))
    assert position(run) == (JobState.AWAITING, ImportStep.AGREE)
    assert counts(run.preview) == (4, 3, 0, 0, 1), "the line with a word for a number is no longer refused"


def test_wrong_mapping_is_refused_and_the_import_waits_on(path):
    run = attended(path)
    wrong = {**run.mapping, "columns": {**run.ordered_mapping["columns"], "Ville": {"target": "external_id"}}}
    with pytest.raises(Refused, match="“N° client”, “Ville” are both") as refused:
        services.map_import(run=run, mapping=wrong, actor=None)
    assert refused.value.code == "two_on_one_target"
    assert position(run) == (JobState.AWAITING, ImportStep.MAP)
    assert services.map_import(run=run, mapping=run.mapping, actor=None).is_open


def test_empty_means_empty_and_the_month_are_the_persons_choice(path):
    run = attended(path)
    run = services.map_import(run=run, mapping=run.mapping, actor=None, empty_clears=True)
    assert run.empty_clears
    run = step(run)
    run = services.map_import(run=run, mapping=run.mapping, actor=None)
    assert not run.empty_clears


@pytest.mark.parametrize(
    ("reach", "wrong"),
    [
        (attended, "agree"),
        (attended, "remap"),
        (attended, "undo"),
        (checked, "undo"),
        (agreed, "map"),
        (agreed, "agree"),
        (agreed, "remap"),
        (agreed, "sheet"),
        (agreed, "discard"),
    ],
)
def test_step_that_does_not_fit_is_refused_and_changes_nothing(path, reach, wrong):
    run = reach(path)
    run.refresh_from_db()
    before = Import.objects.filter(pk=run.pk).values().get()
    verbs = {
        "map": lambda: services.map_import(run=run, mapping=run.mapping, actor=None),
        "agree": lambda: services.agree_import(run=run, actor=None),
        "remap": lambda: services.remap_import(run=run),
        "sheet": lambda: services.choose_sheet(run=run, sheet="x"),
        "discard": lambda: services.discard_import(run=run, actor=None),
        "undo": lambda: services.undo_import(run=run, actor=None),
    }
    with pytest.raises(Refused) as refused:
        verbs[wrong]()
    assert refused.value.code in ("wrong_step", "not_written")
    assert Import.objects.filter(pk=run.pk).values().get() == before


@pytest.mark.parametrize("verb", ["map", "agree", "remap", "discard", "undo"])
def test_of_two_people_at_once_the_second_is_refused(path, verb):
    run = {"map": attended, "agree": checked, "remap": checked, "discard": checked, "undo": agreed}[verb](path)
    run.refresh_from_db()
    other = Import.objects.get(pk=run.pk)  # the page that the other person has open
    verbs = {
        "map": lambda run: services.map_import(run=run, mapping=run.mapping, actor=None),
        "agree": lambda run: services.agree_import(run=run, actor=None),
        "remap": lambda run: services.remap_import(run=run),
        "discard": lambda run: services.discard_import(run=run, actor=None),
        "undo": lambda run: services.undo_import(run=run, actor=None),
    }
    verbs[verb](run)
    before = Import.objects.filter(pk=run.pk).values().get()
    entries = AuditEntry.objects.count()
    with pytest.raises(Refused) as refused:
        verbs[verb](other)
    assert refused.value.code == "moved_on"
    assert Import.objects.filter(pk=run.pk).values().get() == before
    assert AuditEntry.objects.count() == entries


def test_discarded_import_leaves_no_file_and_nothing_written(path, alice):
    run = services.discard_import(run=checked(path), actor=alice)
    assert position(run) == (JobState.CANCELLED, ImportStep.AGREE)
    assert kept_files() == []
    assert nothing_is_written()
    assert AuditEntry.objects.order_by("-sequence").first().verb == "import_discarded"
    with pytest.raises(jobs.NotClaimable):
        step(run)


# ---------------------------------------------------------------- sheets


@pytest.fixture
def book(tmp_path):
    customers = [["customerID", "tenure", "Churn"], *([f"C{i}", i, "Yes" if i % 2 else "No"] for i in range(40))]
    others = [["customerID", "tenure", "Churn"], ["X1", 1, "Yes"], ["X2", 2, "No"]]
    path = tmp_path / "book.xlsx"
    path.write_bytes(workbook({"Notes": [["see", "below"], ["a", "b"]], "Clients": customers, "Archive": others}))
    return path


def test_person_chooses_another_sheet(book):
    run = attended(book)
    assert run.sheet == "Clients"
    run = services.choose_sheet(run=run, sheet="Archive")
    assert position(run) == (JobState.QUEUED, ImportStep.READ)
    run = step(run)
    assert position(run) == (JobState.AWAITING, ImportStep.MAP)
    assert (run.sheet, run.total_rows) == ("Archive", 2)
    run = services.map_import(run=run, mapping=run.mapping, actor=None)
    run = step(services.agree_import(run=step(run), actor=None))
    assert set(Customer.objects.values_list("external_id", flat=True)) == {"X1", "X2"}
    verbs = list(AuditEntry.objects.order_by("sequence").values_list("verb", flat=True))
    assert verbs.count("import_opened") == 1


def test_sheet_may_still_be_changed_at_the_dry_run(book):
    run = services.choose_sheet(run=checked(book), sheet="Archive")
    assert run.preview == {}
    assert step(run).sheet == "Archive"


def test_sheet_that_is_not_there_is_refused_with_those_that_are(book):
    run = attended(book)
    with pytest.raises(Refused, match=r"has no sheet “Märchen”\. It has: “Notes”, “Clients”, “Archive”"):
        services.choose_sheet(run=run, sheet="Märchen")
    assert position(run) == (JobState.AWAITING, ImportStep.MAP)


def test_sheet_is_said_beforehand(book):
    run = import_file(book, sheet="Archive")
    assert set(Customer.objects.values_list("external_id", flat=True)) == {"X1", "X2"}
    with pytest.raises(Refused, match="has no sheet “Märchen”"):
        import_file(book, sheet="Märchen")
    assert run.rows_created == 2


# ---------------------------------------------------------------- at once, or by a worker


def test_small_file_is_read_while_the_person_waits(path):
    run = services.open_import(path=path, attended=True)
    assert position(run) == (JobState.AWAITING, ImportStep.MAP)


def test_larger_file_is_read_by_the_worker(path, settings):
    settings.IMPORT_READ_AT_ONCE_BYTES = path.stat().st_size - 1
    run = services.open_import(path=path, attended=True)
    assert position(run) == (JobState.QUEUED, ImportStep.READ)
    assert run.headers == []
    assert position(step(run)) == (JobState.AWAITING, ImportStep.MAP)


def test_small_file_that_takes_long_is_left_to_the_worker(path, settings, monkeypatch):
    normalise = sandbox.normalise

    def slowly(source, *, limits, **options):
        if limits.seconds < settings.IMPORT_READ_SECONDS:
            raise TableRefused("timeout", maximum=limits.seconds)
        return normalise(source, limits=limits, **options)

    monkeypatch.setattr(sandbox, "normalise", slowly)
    run = services.open_import(path=path, attended=True)
    assert position(run) == (JobState.QUEUED, ImportStep.READ)
    assert run.error_code == ""
    assert position(step(run)) == (JobState.AWAITING, ImportStep.MAP)


def test_import_that_nobody_attends_waits_for_nobody(path):
    run = services.open_import(path=path)
    assert position(run) == (JobState.QUEUED, ImportStep.WRITE)
    assert (run.attempts, run.started_at, run.finished_at) == (0, None, None)
    assert position(step(run)) == (JobState.SUCCEEDED, ImportStep.WRITE)


def test_larger_file_that_cannot_be_fails_with_its_sentence_and_keeps_nothing(tmp_path, settings, alice):
    settings.IMPORT_READ_AT_ONCE_BYTES = 0
    path = tmp_path / "page.csv"
    path.write_bytes(b"<!doctype html><p>hello")
    run = services.open_import(path=path, attended=True, requested_by=alice)
    with pytest.raises(Refused, match="is a web page"):
        step(run)
    run.refresh_from_db()
    assert (run.state, run.error_code) == (JobState.FAILED, "markup")
    assert kept_files() == []
    notice = Notification.objects.get()
    assert (notice.code, notice.recipient) == ("import_failed", alice)
