"""What follows what, also when an announcement was lost or a newer model took charge."""

import pytest

from churnguard import pipeline
from predictions import selectors, services
from predictions.models import ModelVersion, ScoringRun
from predictions.services import scoring
from tenants.scoping import tenant_scope


@pytest.fixture
def newer_model(scored, cast):
    """A second version in charge that has scored nobody, as after a worker died before announcing it."""
    with tenant_scope(cast.atlas):
        first = selectors.champion()
        ModelVersion.objects.filter(pk=first.pk).update(is_champion=False)
        fields = {f.attname: getattr(first, f.attname) for f in ModelVersion._meta.local_fields if f.name != "id"}
        fields |= {"number": first.number + 1, "run_id": None, "is_champion": True}
        del fields["public_id"]
        return ModelVersion.objects.create(**fields)


def test_lost_announcement_of_a_model_is_caught_up(cast, newer_model, monkeypatch):
    rung = []
    monkeypatch.setattr("core.jobs.ring", rung.append)
    with tenant_scope(cast.atlas):
        pipeline.catch_up()
        assert [job.version for job in rung if isinstance(job, ScoringRun)] == [newer_model]
        pipeline.catch_up()
        assert sum(isinstance(job, ScoringRun) for job in rung) == 1, "one scoring is enough"


def test_waiting_scoring_uses_the_model_in_charge_when_it_starts(cast, scored, monkeypatch):
    monkeypatch.setattr("core.jobs.ring", lambda job: None)
    with tenant_scope(cast.atlas):
        waiting = services.open_scoring()
        first = waiting.version
        fields = {f.attname: getattr(first, f.attname) for f in ModelVersion._meta.local_fields if f.name != "id"}
        ModelVersion.objects.filter(pk=first.pk).update(is_champion=False)
        del fields["public_id"]
        second = ModelVersion.objects.create(
            **fields | {"number": first.number + 1, "run_id": None, "is_champion": True}
        )
        seen = []
        monkeypatch.setattr(scoring, "load_model", lambda version: seen.append(version) or _stop())
        with pytest.raises(RuntimeError):
            services.score_customers(run_id=waiting.pk)
        assert seen == [second]
        assert ScoringRun.objects.get(pk=waiting.pk).version == second


def _stop():
    raise RuntimeError("far enough")
