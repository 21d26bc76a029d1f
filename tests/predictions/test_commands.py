"""``train_model``, ``score_customers`` and ``run_pipeline``: the promised JSON, in the foreground, with no broker."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from customers.models import Customer
from predictions.models import ModelVersion, Score, ScoringRun, TrainingRun
from tenants.scoping import tenant_scope
from tests.conftest import CUSTOMERS, write_csv
from tests.everywhere import every

METRICS = {"roc_auc", "pr_auc", "log_loss", "brier", "ece", "lift_at_10", "accuracy", "baseline_accuracy"}


def run(command: str, *options: str) -> dict:
    out = io.StringIO()
    call_command(command, "--tenant", "atlas-telecom", "--json", *options, stdout=out)
    return json.loads(out.getvalue())


@pytest.fixture(autouse=True)
def no_broker(monkeypatch):
    from predictions.tasks import score_customers, train_model

    for task in (score_customers, train_model):
        monkeypatch.setattr(task, "apply_async", lambda **_: pytest.fail("rang"))


def check_model(model: dict) -> None:
    assert set(model) == {"version", "algorithm", "in_charge", "metrics", "gates"}
    assert set(model["metrics"]) == METRICS
    assert all(isinstance(v, float) for v in model["metrics"].values())


def test_pipeline_prints_the_promised_object(atlas, imported, quick_race):
    result = run("run_pipeline")
    assert set(result) == {"model", "scored", "bands"}
    check_model(result["model"])
    assert result["scored"] == CUSTOMERS == sum(result["bands"].values())
    assert set(result["bands"]) == {"low", "medium", "high"}


def test_pipeline_brings_the_file_in_first_where_one_is_named(atlas, sample_csv, quick_race):
    result = run("run_pipeline", "--file", str(sample_csv))
    assert set(result) == {"import", "model", "scored", "bands"}
    assert result["import"]["created"] == result["scored"] == CUSTOMERS
    with tenant_scope(atlas):
        assert Score.objects.filter(run__is_current=True).count() == CUSTOMERS
        assert ScoringRun.objects.count() == TrainingRun.objects.count() == 1


def test_progress_is_on_the_other_stream(atlas, imported, quick_race, capsys):
    run("run_pipeline")
    said = capsys.readouterr()
    assert said.out == ""
    assert "Training" in said.err
    assert "Scoring: 100 %" in said.err


def test_pipeline_again_makes_the_next_version(atlas, imported, quick_race):
    assert [run("run_pipeline")["model"]["version"] for _ in range(2)] == [1, 2]


def test_training_and_scoring_each_have_their_command(atlas, imported, quick_race):
    trained = run("train_model", "--seed", "3")
    assert set(trained) == {"model"}
    check_model(trained["model"])
    scored = run("score_customers")
    assert set(scored) == {"scored", "bands"}
    assert scored["scored"] == CUSTOMERS


def test_scoring_without_a_model_is_one_sentence(atlas, imported):
    with pytest.raises(CommandError, match="No model is in charge yet"):
        run("score_customers")


def test_training_without_customers_is_one_sentence_and_leaves_no_version(atlas):
    with pytest.raises(CommandError, match="Nobody is known to have left or stayed"):
        run("train_model")
    assert not every(ModelVersion).exists()


def test_pipeline_stops_at_a_bad_file_before_it_trains(atlas, tmp_path):
    with pytest.raises(CommandError, match="no column for the customer number"):
        run("run_pipeline", "--file", str(write_csv(tmp_path / "a.csv", "tenure,Churn", "1,Yes")))
    assert not every(TrainingRun).exists()
    assert not every(Customer).exists()


@pytest.mark.parametrize("command", ["run_pipeline", "train_model", "score_customers"])
def test_unknown_company_is_one_sentence(db, command):
    with pytest.raises(CommandError, match="There is no company"):
        call_command(command, "--tenant", "nobody")


def test_model_no_better_than_chance_stops_the_pipeline_with_a_sentence(atlas, imported, quick_race):
    with tenant_scope(atlas):
        for i, customer in enumerate(Customer.objects.order_by("public_id")):
            customer.churn_label = i % 2 == 0
            customer.save(update_fields=["churn_label"])
    with pytest.raises(CommandError, match="no better than chance"):
        run("run_pipeline")
    assert not every(Score).exists()
