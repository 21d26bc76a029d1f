"""Who may be put in charge, with what reason; back again; and who was in charge when."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from core.errors import Refused
from predictions import registry, selectors, services
from predictions.models import ModelVersion, Promotion, ScoringRun
from tenants.models import AuditEntry, Notification
from tests.conftest import train

pytestmark = pytest.mark.usefixtures("atlas_scope")


@pytest.fixture
def second(trained, quick_race) -> ModelVersion:
    """A challenger whose gates are all green but those that a test changes."""
    version = train()
    green(version)
    return version


def green(version: ModelVersion, **states: tuple[str, str]) -> None:
    """Every gate of a version passed, but for ``code=(state, severity)``."""
    gates = [{**gate, "state": "passed"} for gate in version.gates]
    for gate in gates:
        if gate["code"] in states:
            gate["state"], gate["severity"] = states[gate["code"]]
    ModelVersion.objects.filter(pk=version.pk).update(gates=gates)
    version.refresh_from_db()


def test_first_model_takes_charge_by_itself_and_the_history_says_so(trained):
    line = registry.promotion_list().get()
    assert (line.version, line.before, line.kind, line.by) == (trained, None, Promotion.Kind.FIRST, None)
    assert selectors.champion() == trained


def test_first_model_that_a_gate_blocks_waits_for_a_person(imported, quick_race, monkeypatch):
    monkeypatch.setattr("predictions.registry._blocks", lambda gate: gate["code"] == "baseline")
    version = train()
    assert selectors.champion() is None and not version.is_champion
    assert Notification.objects.filter(code="model_blocked").exists()


def test_later_model_is_a_challenger_and_serves_nobody(trained, quick_race):
    second = train()
    assert (selectors.champion(), registry.challenger()) == (trained, second)
    assert services.require_scoring().version == trained
    assert Notification.objects.filter(code="model_waits").exists()


def test_every_version_keeps_what_its_gates_said(trained):
    codes = [gate["code"] for gate in trained.gates]
    assert codes[0] == "baseline" and len(set(codes)) == len(codes) >= 7
    assert {gate["state"] for gate in trained.gates} <= {"passed", "issue", "cannot_judge"}


def test_challenger_was_compared_with_the_model_in_charge_on_customers_unseen_by_both(second):
    gate = next(gate for gate in second.gates if gate["code"] == "champion")
    assert gate["facts"]["rows"] == second.rows
    assert abs(gate["facts"]["log_loss"]) < 0.05  # the same customers, the same kind of model


def test_green_gates_need_no_reason(second, alice):
    done = services.promote(version=second, actor=alice)
    assert (done.by, done.kind, done.open_gates) == (alice, Promotion.Kind.PROMOTED, [])
    assert selectors.champion() == second
    assert AuditEntry.objects.filter(verb="model_promoted", actor=alice).count() == 1


def test_gate_that_is_not_green_needs_a_reason_which_is_kept(second, alice):
    green(second, fairness=("issue", "warns"))
    with pytest.raises(Refused) as refused:
        services.promote(version=second, actor=alice, reason="   ")
    assert refused.value.code == "reason_needed" and refused.value.facts["gates"] == ["fairness"]
    done = services.promote(version=second, actor=alice, reason="Looked at with the legal team.")
    assert done.reason == "Looked at with the legal team."
    assert [gate["code"] for gate in done.open_gates] == ["fairness"]


def test_blocked_model_takes_a_person_who_answers_for_it(second, alice):
    green(second, baseline=("issue", "blocks"))
    with pytest.raises(Refused) as refused:
        services.promote(version=second, actor=None, reason="the night's script thought so")
    assert refused.value.code == "nobody_answers"
    assert services.promote(version=second, actor=alice, reason="A trial for a week.").by == alice


def test_what_gates_cannot_judge_does_not_pass_for_green(second, alice):
    green(second, champion=("cannot_judge", "blocks"))
    with pytest.raises(Refused):
        services.promote(version=second, actor=alice)


def test_model_in_charge_is_not_promoted_twice(trained, alice):
    with pytest.raises(Refused) as refused:
        services.promote(version=trained, actor=alice)
    assert refused.value.code == "already_in_charge"
    assert registry.promotion_list().count() == 1


def test_roll_back_returns_to_the_one_before_and_there_again(second, trained, alice):
    with pytest.raises(Refused, match="No other model"):
        services.roll_back(actor=alice)
    services.promote(version=second, actor=alice)
    done = services.roll_back(actor=alice)
    assert (done.kind, done.version, selectors.champion()) == (Promotion.Kind.ROLLED_BACK, trained, trained)
    assert services.roll_back(actor=alice).version == second


def test_touched_file_never_takes_charge(second, trained, alice, settings):
    path = settings.PRIVATE_ROOT / second.artefact_path
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(Refused) as refused:
        services.promote(version=second, actor=alice)
    assert refused.value.code == "artefact_refused" and selectors.champion() == trained


def test_promotion_has_everybody_scored_by_the_new_model(second, scored, alice, monkeypatch):
    rung = []
    monkeypatch.setattr("core.jobs.ring", rung.append)
    services.promote(version=second, actor=alice)
    assert [job.version for job in rung if isinstance(job, ScoringRun)] == [second]


def test_history_tells_which_model_scored_on_a_day(second, scored, alice):
    then = timezone.now()
    services.promote(version=second, actor=alice)
    assert registry.version_in_charge_at(then) == scored.version
    assert registry.version_in_charge_at(timezone.now()) == second
    assert registry.run_shown_at(then) == scored
    assert registry.version_in_charge_at(then - timedelta(days=1)) is None


def test_command_promotes_goes_back_and_says_no(second, trained, atlas, capsys):
    call_command("promote_model", "--tenant", atlas.slug, "--json")
    assert selectors.champion() == second
    call_command("promote_model", "--tenant", atlas.slug, "--back")
    assert selectors.champion() == trained
    green(second, baseline=("issue", "blocks"))
    with pytest.raises(CommandError, match="only a person"):
        call_command("promote_model", "--tenant", atlas.slug, "--number", "2", "--reason", "because")
    with pytest.raises(CommandError, match="may put a model in charge"):
        call_command("promote_model", "--tenant", atlas.slug, "--reason", "so", "--by", "bob@atlas.example.com")
    call_command("promote_model", "--tenant", atlas.slug, "--reason", "A trial.", "--by", "omar@atlas.example.com")
    assert registry.promotion_list().first().by.email == "omar@atlas.example.com"


def test_challenger_scores_the_same_customers_in_the_shadow(second, trained):
    run = services.score_customers(run_id=services.require_scoring().pk, follow=False)
    run.refresh_from_db()
    told = run.summary["shadow"]
    assert (run.version, told["version"], told["customers"]) == (trained, second.number, run.scored)
    assert sum(map(sum, told["moves"])) == run.scored
    assert told["order"] > 0.9, "the same kind of model on the same customers"


def test_challenger_whose_file_was_touched_leaves_the_scoring_alone(second, trained, settings):
    (settings.PRIVATE_ROOT / second.artefact_path).write_bytes(b"nothing of ours")
    run = services.score_customers(run_id=services.require_scoring().pk, follow=False)
    assert (run.version, "shadow" in run.summary) == (trained, False)
    assert AuditEntry.objects.filter(verb="artefact_refused").exists()
