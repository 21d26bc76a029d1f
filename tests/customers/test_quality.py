"""What a file brought, column by column: counted after each import, held against the one before, and never anybody's name."""

import csv
import json
import random

import pytest

from churnguard import pipeline
from core import jobs
from core.errors import Refused
from core.models import JobState
from customers import selectors, services
from customers.ingest import proposal
from customers.ingest.quality import Profiler
from customers.models import Import, ImportStep, QualityProfile
from customers.services import files, quality
from customers.signals import import_finished
from tests.conftest import import_file
from tests.customers.ingest.tables import IBM_TELCO, needs_ibm_telco

pytestmark = pytest.mark.usefixtures("atlas_scope")

HEADERS = ["customerID", "FirstName", "LastName", "Email", "tenure", "MonthlyCharges", "Contract", "Region", "Churn"]


def people(n: int = 400, *, seed: int = 3) -> list[dict[str, object]]:
    """Rows of a file: honest columns, no two people alike."""
    chance = random.Random(seed)
    return [
        {
            "customerID": f"C{i}",
            "FirstName": chance.choice(["Anna", "Omar", "Léa"]),
            "LastName": f"Family{i}",
            "Email": f"person{i}@example.com",
            "tenure": chance.randrange(1, 72),
            "MonthlyCharges": round(chance.gauss(60, 10), 2),
            "Contract": chance.choice(["Month-to-month", "One year"]),
            "Region": chance.choice(["North", "South"]),
            "Churn": "Yes" if chance.random() < 0.3 else "No",
        }
        for i in range(n)
    ]


def write(path, rows, *, delimiter: str = ","):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def brought(rows, name: str = "a.csv") -> Import:
    """A written import of these rows, as the first step would have understood it, without the merge."""
    headers = list(rows[0])
    cells = [["" if row[h] is None else str(row[h]) for h in headers] for row in rows]
    run = Import(
        filename=name,
        state=JobState.SUCCEEDED,
        step=ImportStep.WRITE,
        headers=headers,
        total_rows=len(rows),
        mapping=proposal.propose(headers, cells).mapping().to_json(),
    )
    folder = files.folder_of(run)
    folder.mkdir(parents=True)
    run.table_path = files.relative(write(folder / "table.csv", rows))
    run.save()
    return run


def look_at(rows, name: str = "a.csv") -> QualityProfile:
    """Profile what an import of these rows brought."""
    return profile(brought(rows, name))


def profile(run: Import) -> QualityProfile:
    job = services.open_profile(import_id=run.pk)
    services.profile_import(profile_id=job.pk)
    job.refresh_from_db()
    return job


def columns(job: QualityProfile) -> dict[str, dict]:
    return job.profile["columns"]


def verdicts(job: QualityProfile) -> dict[str, str]:
    return {name: column["drift"]["verdict"] for name, column in columns(job).items()}


@needs_ibm_telco
def test_every_column_of_a_real_file_is_counted_under_our_own_names():
    job = profile(import_file(IBM_TELCO))
    assert (job.state, job.grain, job.compared_with) == (JobState.SUCCEEDED, "customer", None)
    assert job.summary["classes"] == {"left": 1869, "stayed": 5174, "unknown": 0}
    found = columns(job)
    assert len(found) == job.summary["fields"] == 20
    assert "churn_label" not in found
    assert (found["total_charges"]["known"], found["total_charges"]["rows"]) == (7032, 7043)
    assert dict(found["contract"]["top"]) == {"Month-to-month": 3875, "Two year": 1695, "One year": 1473}
    assert found["monthly_charges"]["quantiles"]["0.5"] == pytest.approx(70.35)
    assert sum(found["tenure"]["histogram"]["counts"]) == 7043
    by_class = found["tenure"]["by_class"]
    assert by_class["left"]["median"] < 15 < 30 < by_class["stayed"]["median"]
    assert found["gender"]["drift"] is None
    assert job.summary["duplicates"] is None
    assert set(job.summary["learnable"]) == set(found) - {"external_id"}


def test_same_file_again_gives_the_same_figures_and_no_drift():
    first = look_at(people())
    second = look_at(people(), "b.csv")
    assert second.compared_with == first.brought_by
    assert set(verdicts(second).values()) == {"same", "not_compared"}
    assert (first.summary["moved"], second.summary["moved"]) == (0, 0)
    undated = [{**column, "drift": None} for column in columns(second).values()]
    assert undated == list(columns(first).values())


def test_new_customers_of_the_same_kind_are_no_drift():
    look_at(people(seed=3))
    assert set(verdicts(look_at(people(seed=4), "b.csv")).values()) == {"same", "not_compared"}


def test_shifted_column_is_flagged_and_no_other():
    look_at(people(seed=3))
    later = [{**row, "MonthlyCharges": row["MonthlyCharges"] + 12} for row in people(seed=4)]
    job = look_at(later, "b.csv")
    moved = {name for name, verdict in verdicts(job).items() if verdict not in ("same", "not_compared")}
    assert moved == {"monthly_charges"}
    drift = columns(job)["monthly_charges"]["drift"]
    assert drift["verdict"] == "moved_much"
    assert drift["psi"] > drift["threshold"]
    assert job.summary["moved"] == 1


def test_column_that_comes_and_one_that_goes_are_named():
    look_at(people())
    job = look_at([{**r, "Contract": "", "Plan": "A"} for r in people()], "b.csv")
    # An empty column is still there; only its cells are gone.
    assert (verdicts(job)["Plan"], verdicts(job)["contract"]) == ("new", "moved_much")
    without = [{k: v for k, v in row.items() if k != "Contract"} for row in people()]
    assert look_at(without, "c.csv").summary["gone"] == ["Plan", "contract"]


def test_file_of_other_columns_is_held_against_nothing():
    look_at(people())
    other = [{"customerID": f"C{i}", "visits": i % 7, "shop": "x" if i % 2 else "y", "basket": i} for i in range(100)]
    job = look_at(other, "b.csv")
    assert (job.compared_with, job.summary["gone"]) == (None, [])
    assert columns(job)["visits"]["drift"] is None


def test_import_that_was_taken_back_is_compared_with_no_more():
    first = look_at(people())
    second = look_at(people(), "b.csv")
    Import.objects.filter(pk=second.brought_by_id).update(step=ImportStep.UNDO, undone_at=second.requested_at)
    third = look_at(people(), "c.csv")
    assert third.compared_with == first.brought_by
    assert [p.pk for p in selectors.profile_list()] == [third.pk, first.pk]


def test_people_who_stand_twice_are_named_by_their_lines(tmp_path):
    rows = people(60)
    for place in (7, 30):
        rows[place] |= {"FirstName": "  anna", "LastName": rows[2]["LastName"].upper(), "Email": rows[2]["Email"]}
    rows[2]["FirstName"] = "Anna"
    rows[40]["Email"] = rows[2]["Email"]  # one address, another person
    job = profile(import_file(write(tmp_path / "a.csv", rows, delimiter=";")))
    assert job.profile["duplicates"] == {"groups": 1, "rows": 3, "looked_at": 60, "examples": [[4, 9, 32]]}
    assert job.summary["duplicates"] == {"groups": 1, "rows": 3, "looked_at": 60}


def test_customers_of_a_file_of_months_are_no_duplicates():
    months = [
        {
            "customerID": f"C{i}",
            "month": f"2026-{month:02}",
            "nombre_appels": i + month,
            "Email": f"person{i}@example.com",
        }
        for i in range(50)
        for month in (1, 2, 3)
    ]
    job = look_at(months, "months.csv")
    assert (job.grain, job.profile["duplicates"], job.summary["classes"]) == ("month", None, {})
    assert columns(job)["nombre_appels"]["known"] == 150
    assert columns(job)["month"]["distinct"] == 3


def test_values_far_from_all_others_are_counted_with_bounds_and_examples():
    rows = people()
    rows[5]["MonthlyCharges"], rows[9]["MonthlyCharges"] = 9_000, -5
    found = columns(look_at([{**r, "Score": r["MonthlyCharges"]} for r in rows]))
    outliers = found["Score"]["outliers"]
    assert (outliers["count"], outliers["examples"]) == (2, [9000.0, -5.0])
    assert -5 < outliers["low"] < 30 < 90 < outliers["high"] < 9_000
    assert found["tenure"]["outliers"]["count"] == 0


def test_profile_lists_nobody_by_name_number_or_rare_text():
    rows = [{**row, "Note": f"met {row['LastName']}" if i < 20 else "none said"} for i, row in enumerate(people(49))]
    job = look_at(rows)
    stored = json.dumps([job.profile, job.summary])
    assert "Family" not in stored
    assert "person1" not in stored
    assert '"C1"' not in stored
    assert columns(job)["Note"]["top"] == [["none said", 29]]
    assert sum(columns(job)["Note"]["bins"]["shares"]) == pytest.approx(1)
    assert columns(job)["contract"]["top"]


def test_labels_count_by_the_meaning_that_was_agreed():
    rows = [{**row, "Churn": "Attrited Customer" if row["Churn"] == "Yes" else "Existing Customer"} for row in people()]
    left = sum(row["Churn"] == "Attrited Customer" for row in rows)
    rows[0]["Churn"], rows[1]["Churn"] = "", "unknown"
    left -= sum(people()[i]["Churn"] == "Yes" for i in (0, 1))
    job = look_at(rows)
    assert job.summary["classes"] == {"left": left, "stayed": 398 - left, "unknown": 2}


def test_constant_and_empty_columns_teach_nothing():
    rows = [{**row, "Country": "TN", "Fax": "", "Seen": row["LastName"]} for row in people()]
    learnable = look_at(rows).summary["learnable"]
    assert set(learnable) == {"tenure", "monthly_charges", "contract", "Region"}


# ---------------------------------------------------------------- as a job


def test_job_that_is_killed_begins_anew_and_ends_with_the_same_profile(monkeypatch):
    monkeypatch.setattr(quality, "BATCH_ROWS", 100)
    undisturbed = look_at(people())
    run = brought(people(), "b.csv")
    QualityProfile.objects.filter(pk=undisturbed.pk).update(state=JobState.CANCELLED)  # so that both stand alone
    job = services.open_profile(import_id=run.pk)
    add, batches = Profiler.add, []

    def die_in_the_third(self, frame):
        batches.append(len(frame))
        if len(batches) == 3:
            raise KeyboardInterrupt
        add(self, frame)

    monkeypatch.setattr(Profiler, "add", die_in_the_third)
    with pytest.raises(KeyboardInterrupt):
        services.profile_import(profile_id=job.pk)
    job.refresh_from_db()
    assert (job.state, job.profile) == (JobState.QUEUED, {})
    services.profile_import(profile_id=job.pk)
    job.refresh_from_db()
    assert batches == [100] * 7
    assert (job.state, job.profile) == (JobState.SUCCEEDED, undisturbed.profile)
    assert job.summary == undisturbed.summary


def test_job_reports_rows_and_stops_when_asked(monkeypatch):
    monkeypatch.setattr(quality, "BATCH_ROWS", 100)
    monkeypatch.setattr(jobs, "_WRITE_EVERY_SECONDS", 0)
    run = brought(people())
    job = services.open_profile(import_id=run.pk)
    seen = []

    def watch(now):
        seen.append((now.progress_done, now.progress_total))
        if now.progress_done == 200:
            QualityProfile.objects.filter(pk=job.pk).update(cancel_requested=True)

    with jobs.watching(watch), pytest.raises(jobs.Cancelled):
        services.profile_import(profile_id=job.pk)
    job.refresh_from_db()
    assert seen[:3] == [(0, 400), (100, 400), (200, 400)]
    assert (job.state, job.profile) == (JobState.CANCELLED, {})


def test_profile_of_a_file_that_is_gone_says_so(settings):
    run = brought(people(60))
    job = services.open_profile(import_id=run.pk)
    (settings.PRIVATE_ROOT / run.table_path).unlink()
    with pytest.raises(Refused, match="no longer kept"):
        services.profile_import(profile_id=job.pk)
    job.refresh_from_db()
    assert (job.state, job.error_code) == (JobState.FAILED, "file_gone")


def test_import_is_profiled_once_and_only_when_it_was_written():
    run = brought(people(60))
    assert services.open_profile(import_id=run.pk) == services.open_profile(import_id=run.pk)
    waiting = Import.objects.create(filename="b.csv", state=JobState.AWAITING, step=ImportStep.AGREE, table_path="x")
    assert services.open_profile(import_id=waiting.pk) is None
    assert services.open_profile(import_id=987_654) is None
    assert QualityProfile.objects.count() == 1


def test_person_may_ask_again_after_a_failure(alice):
    run = brought(people(60))
    job = services.open_profile(import_id=run.pk)
    QualityProfile.objects.filter(pk=job.pk).update(state=JobState.DEAD, error_message="lost")
    again = services.request_profile(run=run, actor=alice)
    assert (again.pk, again.state, again.error_message) == (job.pk, JobState.QUEUED, "")
    waiting = Import.objects.create(filename="b.csv", state=JobState.AWAITING, step=ImportStep.AGREE, table_path="x")
    with pytest.raises(Refused, match="nothing to profile"):
        services.request_profile(run=waiting, actor=alice)


def test_finished_import_is_looked_at_by_itself(monkeypatch):
    rung = []
    monkeypatch.setattr(jobs, "ring", rung.append)
    run = brought(people(60))
    import_finished.send(sender=Import, import_id=run.pk, follow=False)
    assert not QualityProfile.objects.exists()
    import_finished.send(sender=Import, import_id=run.pk, follow=True)
    assert QualityProfile.objects.get() in rung
    assert QualityProfile.objects.get().brought_by == run


def test_announcement_that_was_lost_is_caught_up_for_the_newest_import(monkeypatch):
    rung = []
    monkeypatch.setattr(jobs, "ring", rung.append)
    brought(people(60))
    newest = brought(people(60), "b.csv")
    pipeline.catch_up()
    pipeline.catch_up()
    assert [job.brought_by for job in rung] == [newest]
