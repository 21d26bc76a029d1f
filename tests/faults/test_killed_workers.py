"""A worker killed in the middle, a broker that is gone: the work is done all the same, and its result is the same."""

from __future__ import annotations

import time

import pytest

from customers.ingest import synthetic

from .installation import Browser, Installation, eventually, finished, row

pytestmark = pytest.mark.faults

ROWS = 60_000  # three batches of an import
PASSWORD = "keep-every-customer"
OPEN_IMPORT = """
from pathlib import Path
from customers import services
with company({slug!r}):
    run = services.open_import(path=Path({path!r}))
    jobs.ring(run)
    tell(run.pk)
"""
OPEN_TRAINING = """
from predictions import services
with company("atlas-telecom"):
    run = services.open_training()
    jobs.ring(run)
    tell(run.pk)
"""
PROMOTE = """
from predictions import registry, services
from tenants.models import User
with company("atlas-telecom"):
    who = User.objects.get(email="alice@atlas.example.com")
    services.promote(version=registry.challenger(), actor=who, reason="learned again from the same customers")
"""
# Every value of a customer but the keys and the time stamps.
CUSTOMERS = """
SELECT c.external_id, c.first_name, c.last_name, c.email, c.phone, c.language, c.city, c.gender, c.senior_citizen,
       c.partner, c.dependents, c.age, c.churn_label, c.attributes,
       s.contract, s.tenure, s.monthly_charges, s.total_charges, s.phone_service, s.multiple_lines, s.internet_service,
       s.online_security, s.online_backup, s.device_protection, s.tech_support, s.streaming_tv, s.streaming_movies,
       s.paperless_billing, s.payment_method
FROM customers_customer c
JOIN customers_subscription s ON s.customer_id = c.id
JOIN tenants_tenant t ON t.id = c.tenant_id AND s.tenant_id = t.id
WHERE t.slug = '{slug}' ORDER BY c.external_id
"""
COUNTS = "rows_read, rows_created, rows_updated, rows_unchanged, rows_refused, refusals, unknown_values"


# On PostgreSQL test_killed_imports kills the same, in its undo as well.
@pytest.mark.parametrize("site", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True)
def test_import_whose_worker_was_killed_twice_ends_as_if_undisturbed(site, tmp_path):
    path = tmp_path / "customers.csv"
    synthetic.write_csv(path, customers=ROWS, seed=11)
    site.start("worker")
    stormy = site.django(OPEN_IMPORT.format(slug="atlas-telecom", path=str(path)))
    for checkpoint in (0, 20_000):
        eventually(
            lambda past=checkpoint: row(site, "customers_import", stormy)["rows_read"] > past, every=0.005, seconds=60
        )
        site.kill("worker")
        assert row(site, "customers_import", stormy)["state"] == "running", "it was over before it could be killed"
        site.start("worker")
    disturbed = finished(site, "customers_import", stormy)
    assert disturbed["attempts"] == 3

    calm = site.django(OPEN_IMPORT.format(slug="borealis-mobile", path=str(path)))
    undisturbed = finished(site, "customers_import", calm)
    assert undisturbed["attempts"] == 1
    for name in COUNTS.split(", "):
        assert disturbed[name] == undisturbed[name], name
    assert undisturbed["rows_created"] == ROWS
    ours, theirs = (site.rows(CUSTOMERS.format(slug=slug)) for slug in ("atlas-telecom", "borealis-mobile"))
    assert len(ours) == ROWS
    assert ours == theirs


def test_training_whose_worker_was_killed_measures_what_an_undisturbed_one_does(site, tmp_path):
    path = tmp_path / "customers.csv"
    synthetic.write_csv(path, customers=1_000, seed=11)
    site.start("worker")
    finished(site, "customers_import", site.django(OPEN_IMPORT.format(slug="atlas-telecom", path=str(path))))
    stormy = site.django(OPEN_TRAINING)
    eventually(lambda: row(site, "predictions_trainingrun", stormy)["progress_done"] > 300, every=0.02)
    site.kill("worker")
    assert row(site, "predictions_trainingrun", stormy)["state"] == "running", "it was over before it could be killed"
    site.start("worker")
    assert finished(site, "predictions_trainingrun", stormy)["attempts"] == 2
    first = scored_by(site, stormy)

    calm = site.django(OPEN_TRAINING)
    assert finished(site, "predictions_trainingrun", calm)["attempts"] == 1
    site.django(PROMOTE)
    second = scored_by(site, calm)
    assert [first["algorithm"], first["metrics"]] == [second["algorithm"], second["metrics"]]
    assert first["fingerprint"] == second["fingerprint"]
    assert first["risks"] == second["risks"]
    assert len(first["risks"]) == 1_000
    assert len(site.rows("SELECT id FROM predictions_modelversion")) == 2


def scored_by(site: Installation, training: int) -> dict[str, object]:
    """The version that a training left, with every customer's risk by it, once the pipeline has scored."""
    version = site.rows(f"SELECT * FROM predictions_modelversion WHERE run_id = {training}")[0]
    current = f"SELECT id FROM predictions_scoringrun WHERE is_current AND version_id = {version['id']}"
    run = eventually(lambda: site.rows(current), every=0.2)[0]["id"]
    risks = site.rows(f"SELECT customer_id, risk FROM predictions_score WHERE run_id = {run} ORDER BY customer_id")
    return {**version, "risks": risks}


@pytest.mark.alone
def test_with_the_broker_down_a_page_answers_and_the_job_runs_once_it_is_back(site, tmp_path):
    path = tmp_path / "customers.csv"
    synthetic.write_csv(path, customers=300, seed=11)
    site.start("worker")
    finished(site, "customers_import", site.django(OPEN_IMPORT.format(slug="atlas-telecom", path=str(path))))
    site.start("site")
    browser = Browser(f"http://127.0.0.1:{site.port}")
    assert browser.sign_in("alice@atlas.example.com", PASSWORD)[0] == 200

    site.broker.stop()
    started = time.monotonic()
    status, _ = browser.post("/api/train", {})
    assert status == 202
    assert time.monotonic() - started < 3
    for page in ("/dashboard", "/clients", "/mlops"):
        started = time.monotonic()
        assert browser.get(page)[0] == 200
        assert time.monotonic() - started < 3
    [job] = site.rows("SELECT id, state, attempts, published_at FROM predictions_trainingrun")
    assert (job["state"], job["attempts"], job["published_at"]) == ("queued", 0, None)

    site.broker.start()
    assert finished(site, "predictions_trainingrun", job["id"])["attempts"] == 1
