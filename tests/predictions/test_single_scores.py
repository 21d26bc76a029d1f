"""Single scores and the model behind them: read once, noticed when it changes, refused when it was touched."""

from predictions.models import ModelVersion
from predictions.services import outlooks, single
from tenants.scoping import tenant_scope
from tests.conftest import score, train
from tests.predictions.test_api_score import FIELDS, ask


def test_model_is_read_once_and_a_new_one_is_noticed(client_for, atlas, cast, trained, quick_race, monkeypatch):
    read = []
    load = single.load_model
    monkeypatch.setattr(single, "load_model", lambda version: read.append(version.number) or load(version))
    client = client_for(cast.bob)
    for _ in range(3):
        assert ask(client, {"fields": FIELDS}).json()["model"] == 1
    assert read == [1]
    with tenant_scope(atlas):
        ModelVersion.objects.update(is_champion=False)
        newer = train()
        ModelVersion.objects.update(is_champion=False)
        ModelVersion.objects.filter(pk=newer.pk).update(is_champion=True)
    assert ask(client, {"fields": FIELDS}).json()["model"] == newer.number
    assert read == [1, newer.number]


def test_models_kept_in_memory_are_few():
    assert outlooks.KEPT <= 16


def test_touched_file_is_refused(client_for, atlas, cast, trained, settings):
    path = settings.PRIVATE_ROOT / trained.artefact_path
    path.write_bytes(path.read_bytes()[:-1])
    answer = ask(client_for(cast.bob), {"fields": FIELDS})
    assert (answer.status_code, answer.json()["code"]) == (422, "artefact_refused")


def test_before_the_first_scoring_the_bands_are_the_workspaces(client_for, atlas, cast, trained):
    atlas.risk_medium, atlas.risk_high = 0.0001, 0.0002
    atlas.save()
    assert ask(client_for(cast.bob), {"fields": FIELDS}).json()["band"] == "high"
    with tenant_scope(atlas):
        score()
    assert ask(client_for(cast.bob), {"fields": FIELDS}).json()["band"] == "high"
