"""★ The product in one file: a company's file, through the same tasks as in production, to its customers at risk."""

import csv
import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command

from customers import services as customers
from customers.ingest import synthetic
from customers.models import Customer, Import
from predictions import selectors, wording
from predictions.models import ModelVersion, Score, ScoringRun, TrainingRun
from tenants import services as tenants
from tenants.models import Notification
from tenants.scoping import tenant_scope

CUSTOMERS = 1_500


@pytest.fixture(scope="module")
def carrier(tmp_path_factory):
    path = tmp_path_factory.mktemp("loop") / "carrier.csv"
    synthetic.write_csv(path, customers=CUSTOMERS, seed=11)
    return path


def agree(person, import_id: str, commits) -> None:
    """Agree to the columns as they were proposed and, after the dry run, to the writing."""
    for step in ("mapping", "agree"):
        with commits(execute=True):
            answer = person.post(f"/api/imports/{import_id}/{step}", content_type="application/json")
        assert answer.status_code == 202, answer.content


def test_file_becomes_customers_at_risk_with_reasons(
    carrier, cast, client_for, settings, django_capture_on_commit_callbacks
):
    """Alice uploads, trains and reads; the tasks run as a worker would run them, with every runner of the race."""
    settings.CELERY_TASK_ALWAYS_EAGER = True
    alice = client_for(cast.alice)

    with carrier.open("rb") as file, django_capture_on_commit_callbacks(execute=True):
        uploaded = alice.post("/imports/upload", {"file": file})
    assert uploaded.status_code == 302
    with tenant_scope(cast.atlas):
        assert not Customer.objects.exists(), "nobody has agreed yet"
    agree(alice, Path(uploaded["Location"]).name, django_capture_on_commit_callbacks)
    with tenant_scope(cast.atlas):
        brought = Import.objects.get()
        assert (brought.state, brought.rows_created, brought.rows_refused) == ("succeeded", CUSTOMERS, 0)
        assert not ScoringRun.objects.exists(), "no model yet, so nobody is scored"

    with django_capture_on_commit_callbacks(execute=True):
        accepted = alice.post("/api/train")
    assert accepted.status_code == 202
    assert alice.get(accepted["Location"]).json()["state"] == "succeeded"

    with tenant_scope(cast.atlas):
        version = selectors.champion()
        assert version.run == TrainingRun.objects.get()
        assert version.metrics["roc_auc"] > 0.78
        assert version.metrics["log_loss"] < 0.50
        assert version.metrics["accuracy"] > version.metrics["baseline_accuracy"]
        run = selectors.current_run()
        assert run.version == version
        assert Score.objects.filter(run=run).count() == CUSTOMERS
        riskiest = Score.objects.filter(run=run).order_by("-risk").first()
        assert riskiest.is_out_of_fold
        sentences = [wording.driver(d, "TND")["sentence"] for d in riskiest.drivers]
        assert len(sentences) == 3
        assert any("raises the risk" in s for s in sentences)
        told = list(Notification.objects.order_by("pk").values_list("code", flat=True))
        assert told == ["import_finished", "model_trained", "customers_scored"]
        assert tenants.verify_trail() is None

    page = alice.get("/clients?churned=all")
    assert page.status_code == 200
    assert riskiest.customer.external_id in page.content.decode()
    assert alice.get(f"/clients/{riskiest.customer.public_id}").status_code == 200

    # The next month: a customer is new, another one left; who is new is scored without being asked.
    rows = list(csv.reader(carrier.open(encoding="utf-8")))
    gone = next(r for r in rows[1:] if r[-1] == "No")
    gone[-1] = "Yes"
    new = ["NEW-0001", *rows[1][1:-1], ""]
    later = carrier.with_name("next-month.csv")
    with later.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([rows[0], gone, new])
    with later.open("rb") as file, django_capture_on_commit_callbacks(execute=True):
        uploaded = alice.post("/imports/upload", {"file": file})
    agree(alice, Path(uploaded["Location"]).name, django_capture_on_commit_callbacks)
    with tenant_scope(cast.atlas):
        second = Import.objects.order_by("-pk").first()
        assert (second.rows_created, second.rows_updated, second.rows_unchanged) == (1, 1, 0)
        current = selectors.current_run()
        assert current != run
        assert current.scored == CUSTOMERS + 1
        fresh = Score.objects.get(run=current, customer__external_id="NEW-0001")
        assert not fresh.is_out_of_fold
        assert Score.objects.get(run=current, customer__external_id=gone[0]).churn_label is True

    with tenant_scope(cast.borealis):
        assert not Customer.objects.exists()
        assert not ModelVersion.objects.exists()
        assert not Score.objects.exists()
    assert client_for(cast.charlie).get(f"/clients/{riskiest.customer.public_id}").status_code == 404


def test_command_and_worker_leave_the_same_rows(carrier, cast, quick_race, django_capture_on_commit_callbacks):
    """What a person asks for on a page and what an operator types end in the same place."""

    def scores(tenant) -> list[tuple]:
        with tenant_scope(tenant):
            rows = Score.objects.filter(run__is_current=True).order_by("customer__external_id")
            return [(s.customer.external_id, round(s.risk, 9), s.drivers) for s in rows.select_related("customer")]

    out = io.StringIO()
    call_command("run_pipeline", "--tenant", "atlas-telecom", "--file", str(carrier), "--json", stdout=out)
    printed = json.loads(out.getvalue())

    with tenant_scope(cast.borealis), django_capture_on_commit_callbacks(execute=True) as callbacks:
        from core import jobs

        jobs.ring(customers.open_import(path=carrier))
    with tenant_scope(cast.borealis), django_capture_on_commit_callbacks(execute=True):
        from predictions import services as predictions

        jobs.ring(predictions.open_training())
    assert callbacks
    assert len(scores(cast.atlas)) == printed["scored"]
    typed, asked = scores(cast.atlas), scores(cast.borealis)
    assert [row[0] for row in typed] == [row[0] for row in asked]
    assert sum(abs(a[1] - b[1]) for a, b in zip(typed, asked, strict=True)) / len(typed) < 0.02
