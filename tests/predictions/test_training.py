"""A training from the button to the version in charge: one at a time, sealed, and only better than chance."""

import pytest

from core import jobs
from core.errors import Refused
from core.models import JobState
from customers.models import Customer
from predictions import learning, registry, selectors, services
from predictions.models import ModelVersion, TrainingRun
from predictions.services import samples, training
from tenants.models import AuditEntry, Notification

pytestmark = pytest.mark.usefixtures("atlas_scope")


def train(**options) -> ModelVersion:
    run = services.open_training(**options)
    return services.train_model(run_id=run.pk, follow=False)


def test_second_training_is_the_one_already_open(alice):
    first = services.open_training(requested_by=alice)
    assert services.open_training() == first
    jobs.claim(TrainingRun, first.pk)
    assert services.open_training() == first
    assert TrainingRun.objects.count() == 1
    assert list(AuditEntry.objects.filter(verb="training_opened").values_list("actor", flat=True)) == [alice.pk]


def test_next_training_opens_when_the_last_is_over():
    first = services.open_training()
    jobs.cancel(first)
    assert services.open_training() != first


def test_training_leaves_a_version_in_charge_with_its_measures(imported, quick_race, alice):
    run = services.open_training(requested_by=alice, seed=5)
    version = services.train_model(run_id=run.pk, follow=False)
    run.refresh_from_db()
    assert (run.state, run.percent, selectors.version_of(run)) == (JobState.SUCCEEDED, 100, version)
    assert selectors.champion() == version
    assert (version.number, version.seed, version.trained_by) == (1, 5, alice)
    assert version.rows == Customer.objects.exclude(churn_label=None).count()
    assert version.churners == Customer.objects.filter(churn_label=True).count()
    assert set(version.metrics) == {
        "roc_auc", "pr_auc", "log_loss", "brier", "ece", "lift_at_10", "accuracy", "baseline_accuracy",
    }  # fmt: skip
    assert 0.5 < version.metrics["roc_auc"] < 1
    assert set(version.details["intervals"]) <= set(version.metrics)
    assert len(version.fingerprint) == 64


def test_training_is_told_and_written_in_the_trail(trained):
    assert Notification.objects.filter(code="model_trained").count() == 1
    entry = AuditEntry.objects.get(verb="model_trained")
    assert entry.facts == {"version": 1, "in_charge": True}
    assert entry.object_id == str(trained.public_id)


def test_artefact_is_sealed_and_in_the_companys_own_folder(trained, atlas, settings):
    path = settings.PRIVATE_ROOT / trained.artefact_path
    assert trained.artefact_path.startswith(f"{atlas.pk}/models/")
    assert path.stat().st_size == trained.artefact_bytes
    assert services.load_model(trained).features


def test_model_does_not_learn_from_names_or_addresses(trained):
    used = {f["name"] for f in trained.details["features"]}
    aside = {name for name, _ in trained.details["set_aside"]}
    assert {"contract", "tenure"} <= used
    personal = {
        "external_id",
        "first_name",
        "last_name",
        "email",
        "phone",
        "city",
        "language",
        "persona",
        "churn_label",
    }
    assert not personal & (used | aside)


def test_same_data_and_seed_give_the_same_figures(imported, quick_race):
    first, second = train(seed=3), train(seed=3)
    assert (second.number, second.fingerprint, second.metrics) == (2, first.fingerprint, first.metrics)


def test_second_version_waits_in_the_shadow_until_it_is_promoted(trained, quick_race, alice):
    second = train()
    assert (selectors.champion(), registry.challenger()) == (trained, second)
    services.promote(version=second, actor=alice, reason="as good, and newer")
    trained.refresh_from_db()
    assert selectors.champion() == second and not trained.is_champion
    assert [v.number for v in selectors.version_list()] == [2, 1]


def shuffle_labels() -> None:
    """Labels that follow from nothing: every other customer left."""
    for i, customer in enumerate(Customer.objects.order_by("public_id")):
        customer.churn_label = i % 2 == 0
        customer.save(update_fields=["churn_label"])


def test_model_no_better_than_chance_is_kept_and_not_put_in_charge(imported, quick_race):
    shuffle_labels()
    version = train()
    assert not version.is_champion
    assert selectors.champion() is None
    with pytest.raises(Refused, match="no better than chance") as refused:
        services.require_scoring()
    assert refused.value.code == "no_better_than_chance"


def test_model_no_better_than_chance_leaves_the_one_in_charge_alone(trained, quick_race):
    shuffle_labels()
    train()
    assert selectors.champion() == trained


@pytest.mark.parametrize(
    ("left", "stayed", "unknown", "code", "words"),
    [
        (0, 0, 0, "no_label", "Nobody is known to have left or stayed"),
        (0, 0, 200, "no_label", "Nobody is known to have left or stayed"),
        (0, 150, 0, "one_class", "Every known customer stayed"),
        (150, 0, 0, "one_class", "Every known customer left"),
        (10, 150, 0, "too_few_churners", "Only 10 customers are known to have left"),
        (1, 150, 0, "too_few_churners", "Only 1 customer is known to have left"),
        (150, 10, 0, "too_few_stayers", "Too few customers are known to have stayed"),
        (30, 30, 100, "too_few_rows", "Only 60 customers have a known outcome"),
    ],
)
def test_too_little_to_learn_from_is_said_with_what_to_collect(left, stayed, unknown, code, words):
    labels = [True] * left + [False] * stayed + [None] * unknown
    Customer.objects.bulk_create(
        [Customer(external_id=f"C{i}", churn_label=v, age=i % 90) for i, v in enumerate(labels)]
    )
    run = services.open_training()
    with pytest.raises(Refused) as refused:
        services.train_model(run_id=run.pk)
    assert words in refused.value.message
    run.refresh_from_db()
    assert (run.state, run.error_code) == (JobState.FAILED, code)
    assert not ModelVersion.objects.exists()
    assert Notification.objects.get().code == "training_failed"


def test_cancelled_training_stops_at_its_next_step_and_leaves_no_version(imported, quick_race, monkeypatch):
    monkeypatch.setattr(jobs, "_WRITE_EVERY_SECONDS", 0)
    run = services.open_training()

    def frame(cut, *, original=training.training_frame):
        jobs.cancel(TrainingRun.objects.get(pk=run.pk))
        return original(cut)

    monkeypatch.setattr(training, "training_frame", frame)
    with pytest.raises(jobs.Cancelled):
        services.train_model(run_id=run.pk)
    assert TrainingRun.objects.get(pk=run.pk).state == JobState.CANCELLED
    assert not ModelVersion.objects.exists()


def test_training_that_failed_by_accident_is_tried_again(imported, quick_race, monkeypatch):
    run = services.open_training()
    with monkeypatch.context() as broken:
        broken.setattr(learning, "fit", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            services.train_model(run_id=run.pk)
    TrainingRun.objects.filter(pk=run.pk).update(not_before=None)
    assert services.train_model(run_id=run.pk, follow=False).number == 1
    assert TrainingRun.objects.get(pk=run.pk).attempts == 2


def test_worker_that_died_after_storing_the_version_leaves_nothing_to_repeat(imported, quick_race, monkeypatch):
    run = services.open_training()
    with monkeypatch.context() as killed:
        killed.setattr(jobs, "_end", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            services.train_model(run_id=run.pk, follow=False)
    TrainingRun.objects.filter(pk=run.pk).update(state=JobState.QUEUED, lease_until=None)
    version = services.train_model(run_id=run.pk, follow=False)
    assert ModelVersion.objects.get() == version
    assert TrainingRun.objects.get(pk=run.pk).state == JobState.SUCCEEDED


def test_stale_worker_leaves_no_version(imported, quick_race, monkeypatch):
    run = services.open_training()
    save = learning.artefact.save

    def slow(*args, **kwargs):
        TrainingRun.objects.filter(pk=run.pk).update(token=99)
        return save(*args, **kwargs)

    monkeypatch.setattr(learning.artefact, "save", slow)
    with pytest.raises(jobs.LeaseLost):
        services.train_model(run_id=run.pk)
    assert not ModelVersion.objects.exists()


def test_large_base_is_sampled_the_same_way_whatever_the_blocks(imported, monkeypatch):
    monkeypatch.setattr(samples, "MAX_TRAINING_ROWS", 100)
    first = samples.training_frame(None)
    frames = samples.customers.feature_frames
    monkeypatch.setattr(samples.customers, "feature_frames", lambda **kwargs: frames(**kwargs, block=37))
    second = samples.training_frame(None)
    assert first["id"].tolist() == second["id"].tolist()
    assert 50 < len(first) < 160


def test_training_after_which_everybody_is_scored_is_asked_by_the_pipeline(imported, quick_race, monkeypatch):
    from predictions.models import ScoringRun

    services.train_model(run_id=services.open_training().pk)
    assert ScoringRun.objects.get().state == JobState.QUEUED
