"""What the leak watch keeps from a training, what a person forces in, and what the model's card says of both."""

import csv

import numpy as np
import pytest
from django.utils import translation

from core.errors import Refused
from customers import selectors as customers
from customers import services
from customers.models import ColumnFinding, Customer
from predictions import services as predictions
from predictions import wording
from predictions.models import ModelVersion, Score
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope
from tests.conftest import import_file, score, train
from tests.customers.ingest.tables import IBM_TELCO, needs_ibm_telco

LEAKS = ["Churn Reason", "Churn Score", "Customer Status"]


def leaking_telco(path):
    """ibm_telco and three columns that know the answer: a reason of leavers, a score of AUC 0.94, a status."""
    with IBM_TELCO.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = list(csv.reader(file))
    left = np.array([row[header.index("Churn")] == "Yes" for row in rows])
    tenure = np.array([int(row[header.index("tenure")]) for row in rows])
    rng = np.random.default_rng(1)
    reason = np.where(left, rng.choice(["Moved", "Price", "Competitor"], len(rows)), "")
    scores = (left * 2.2 + rng.normal(size=len(rows))).round(2)
    status = np.where(left, "Churned", np.where(tenure < 3, "Joined", "Stayed"))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*header, *LEAKS])
        writer.writerows([*row, *more] for row, *more in zip(rows, reason, scores, status, strict=True))
    return path


def card(client, version: ModelVersion) -> str:
    answer = client.get(f"/mlops/versions/{version.number}")
    assert answer.status_code == 200
    return answer.content.decode()


@needs_ibm_telco
def test_columns_that_know_the_answer_are_kept_from_the_model_until_a_person_forces_one_in(
    cast, atlas, quick_race, client_for, tmp_path
):
    with tenant_scope(atlas):
        run = import_file(leaking_telco(tmp_path / "telco.csv"), label_column="Churn", label_yes=["Yes"])
        assert (run.rows_created, run.rows_refused, sorted(run.kept_columns)) == (7043, 0, LEAKS)
        honest = train()
        assert sorted(ColumnFinding.objects.filter(severity="quarantine").values_list("column", flat=True)) == LEAKS
        assert not ColumnFinding.objects.exclude(severity="quarantine").exists(), "no honest column is suspected"
    assert {entry["column"] for entry in honest.details["kept_away"]} == set(LEAKS)
    assert honest.details["forced_in"] == []
    learned = {feature["name"] for feature in honest.details["features"]}
    assert learned == set(customers.FEATURES) - {"age"}
    assert 0.83 < honest.metrics["roc_auc"] < 0.87
    text = card(client_for(cast.bob), honest)
    assert all(f"“{name}”" in text for name in LEAKS)
    assert "kept away" in text and "forced in" not in text

    with tenant_scope(atlas):
        finding = ColumnFinding.objects.get(column="Churn Score")
        assert finding.evidence["auc"] == pytest.approx(0.94, abs=0.005)
    client_for(cast.omar).post(
        f"/quality/findings/{finding.public_id}/overrule", {"reason": "a score of last <spring>"}
    )
    with tenant_scope(atlas):
        forced = train()
        assert forced.metrics["roc_auc"] > 0.93 > honest.metrics["roc_auc"] + 0.06
        assert {entry["column"] for entry in forced.details["kept_away"]} == {"Churn Reason", "Customer Status"}
        (entry,) = forced.details["forced_in"]
        assert (entry["column"], entry["by"], entry["reason"]) == (
            "Churn Score",
            cast.omar.pk,
            "a score of last <spring>",
        )
        assert AuditEntry.objects.get(verb="finding_overruled").actor == cast.omar
        gate = next(gate for gate in forced.gates if gate["code"] == "leak")
        assert (gate["state"], gate["facts"]["columns"]) == ("issue", ["Churn Score"])
        with pytest.raises(Refused, match="say why"):
            predictions.promote(version=forced, actor=cast.omar)
        predictions.promote(version=forced, actor=cast.omar, reason="a trial")
        risen = Score.objects.filter(run=score()).order_by("-risk").first()
        assert risen.drivers[0]["feature"] == "Churn Score"
    text = card(client_for(cast.bob), forced)
    assert "“Churn Score” was forced in by a person" in text
    assert "a score of last &lt;spring&gt;" in text and "Omar" in text
    assert "too good to be true" in text
    with tenant_scope(atlas):  # whose audit trail forgets who it was
        cast.omar.delete()
    assert "was forced in by a person" in card(client_for(cast.bob), forced), "the card outlives the person"


# ---------------------------------------------------------------- on a small company


@pytest.fixture
def planted(atlas, imported):
    """The sample's customers with other fields: an honest one, a leak, a number of its own for everybody, and a date."""
    with tenant_scope(atlas):
        for i, customer in enumerate(Customer.objects.order_by("pk")):
            customer.attributes = {
                "Complaint level": float((i * 37) % 11) + (4.0 if customer.churn_label else 0.0),
                "Cancel code": "A" if customer.churn_label else "B",
                "Contract number": f"K{i * 7919 % 99_991:05d}",
                "First invoice": f"2025-{1 + i % 12:02d}-01",
            }
            customer.save(update_fields=["attributes"])
        services.refresh_customer_base()
    return atlas


def test_other_fields_are_learned_from_and_speak_in_reasons(planted, quick_race):
    with tenant_scope(planted):
        version = train()
        learned = {feature["name"]: feature["kind"] for feature in version.details["features"]}
        assert (learned["Complaint level"], learned["First invoice"]) == ("numeric", "numeric")
        assert "Cancel code" not in learned and "Contract number" not in learned
        assert ["Contract number", "identifier"] in version.details["set_aside"]
        assert [entry["column"] for entry in version.details["kept_away"]] == ["Cancel code"]
        rows = Score.objects.filter(run=score())
        said = [wording.driver(d) for s in rows for d in s.drivers if d["feature"] == "Complaint level"]
        assert any(d["sentence"].startswith("“Complaint level”: 1") and d["raises"] for d in said)
        dates = [d for s in rows for d in s.drivers if d["feature"] == "First invoice"]
        assert all(d["days"] and d["value"] > 200 for d in dates)


def test_of_too_many_fields_the_fullest_are_learned_from_and_the_others_named(planted, quick_race, monkeypatch):
    from customers.frames import blocks

    monkeypatch.setattr(blocks, "MAX_ATTRIBUTES", 3)
    with tenant_scope(planted):
        some = Customer.objects.order_by("pk")[10]
        some.attributes = {**some.attributes, "Rarely": 1.0}
        del some.attributes["First invoice"]
        some.save()
        services.refresh_customer_base()
        version = train()
    assert {name for name, why in version.details["set_aside"] if why == "too_many"} == {"First invoice", "Rarely"}
    assert wording.aside("too_many") != "too_many"


def test_same_data_gives_the_same_model_with_other_fields_too(planted, quick_race):
    with tenant_scope(planted):
        first, second = train(), train()
        assert first.fingerprint == second.fingerprint


def test_model_goes_on_scoring_when_a_field_it_learned_from_is_gone(planted, quick_race):
    with tenant_scope(planted):
        train()
        Customer.objects.update(attributes={})
        services.refresh_customer_base()
        assert score().scored == Customer.objects.count()


def test_version_of_an_earlier_release_has_a_card_without_leak_watch(scored, client_for, cast):
    with tenant_scope(cast.atlas):
        version = ModelVersion.objects.get()
        for group in ("kept_away", "forced_in", "doubtful"):
            del version.details[group]
        version.save()
    assert "Leak watch" not in card(client_for(cast.bob), version)


def test_doubtful_column_is_learned_from_and_shown(planted, quick_race, client_for, cast, monkeypatch):
    from customers.ingest import leakage

    monkeypatch.setattr(leakage, "SUSPECT", 0.6)
    with tenant_scope(planted):
        version = train()
        assert "Complaint level" in {entry["column"] for entry in version.details["doubtful"]}
        assert "Complaint level" in {feature["name"] for feature in version.details["features"]}
    assert "learned from, to look at" in card(client_for(cast.bob), version)


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"feature": "Spend Index", "value": 4.25}, "“Spend Index”: 4.25. This raises the risk."),
        ({"feature": "Tier", "value": "Gold"}, "“Tier”: Gold. This raises the risk."),
        ({"feature": "Autopay", "value": "No"}, "“Autopay”: No. This raises the risk."),
        ({"feature": "Signed on", "value": 412.0, "days": True}, "“Signed on”: 412 days before the last import. This raises the risk."),
        ({"feature": "Ends on", "value": -1.0, "days": True}, "“Ends on”: 1 day after the last import. This raises the risk."),
        ({"feature": "contract (other field)", "value": "x"}, "“contract” (other field): x. This raises the risk."),
        ({"feature": "nombre_appels_last", "value": 12.0}, "Calls, last month: 12. This raises the risk."),
        ({"feature": "nombre_appels_slope_3m", "value": -3.5}, "Calls, slope over three months: −3.50 a month. This raises the risk."),
        ({"feature": "montant_consommation_slope_3m", "value": 2.0}, "Spend, slope over three months: +2.000\u00a0TND a month. This raises the risk."),
        ({"feature": "silence_days", "value": 61.0}, "Silence: 61 days without any use. This raises the risk."),
        ({"feature": "silence_days", "value": 0.0}, "Silence: used in the last month. This raises the risk."),
    ],
)  # fmt: skip
def test_reasons_about_other_fields_and_use_are_sentences(entry, sentence):
    assert wording.driver({**entry, "effect": 0.5}, "TND")["sentence"] == sentence


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_trend_has_a_name_of_its_own(language):
    with translation.override(language):
        names = [wording.feature_name(name) for name in (*customers.FEATURES, *customers.TREND_COLUMNS)]
    assert len(set(names)) == len(names)
    assert not [name for name in names if "_" in name or "“" in name]
