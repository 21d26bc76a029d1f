"""The key that signs models can be changed without training again, and an old one can be taken away afterwards."""

import uuid

import pytest
from django.conf import settings as site
from django.core.management import CommandError, call_command

from core.errors import Refused
from predictions import services
from predictions.models import ModelVersion, SurvivalModel
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope
from tests.conftest import score
from tests.everywhere import every

NEW = "newer-model-key-" + "z" * 40


@pytest.fixture
def rotated(trained, settings):
    """A model that the old key signed; the site signs with a new one, and the old one is kept to read by."""
    settings.MODEL_SIGNING_KEY_FALLBACKS, settings.MODEL_SIGNING_KEY = [settings.MODEL_SIGNING_KEY], NEW
    return trained


def test_model_of_the_key_before_is_read_and_scores(rotated, atlas_scope):
    assert services.load_model(rotated).report.libraries == rotated.libraries
    assert score().state == "succeeded"
    assert not AuditEntry.objects.filter(verb="artefact_refused").exists()


def test_without_its_key_it_is_refused(rotated, settings, atlas_scope):
    settings.MODEL_SIGNING_KEY_FALLBACKS = ["yet-another-key-" + "q" * 40]
    with pytest.raises(Refused) as refused:
        services.load_model(rotated)
    assert refused.value.code == "artefact_refused"


def test_resealed_it_needs_the_old_key_no_more(rotated, atlas, settings, capsys):
    content = (site.PRIVATE_ROOT / rotated.artefact_path).read_bytes()
    kept = 1 + every(SurvivalModel).exclude(artefact_path="").count()
    call_command("reseal_models")
    assert f"{kept} models are sealed" in capsys.readouterr().out
    settings.MODEL_SIGNING_KEY_FALLBACKS = []
    with tenant_scope(atlas):
        version = ModelVersion.objects.get(pk=rotated.pk)
        assert version.artefact_hmac != rotated.artefact_hmac
        assert services.load_model(version).report.libraries == version.libraries
        assert (services.load_survival(version) is not None) is (kept > 1)
    assert (site.PRIVATE_ROOT / version.artefact_path).read_bytes() == content, "the file itself is not written again"


def test_a_file_that_was_changed_is_not_sealed_anew(rotated):
    path = site.PRIVATE_ROOT / rotated.artefact_path
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(CommandError, match="1 could not be sealed"):
        call_command("reseal_models")
    assert every(ModelVersion).get(pk=rotated.pk).artefact_hmac == rotated.artefact_hmac


def test_another_companys_seal_is_not_made_ours(rotated, cast):
    """A row that was copied to another company, with its file: what was signed for the one is nothing for the other."""
    row = every(ModelVersion).get(pk=rotated.pk)
    with tenant_scope(cast.borealis):
        row.pk, row.tenant, row.run, row.trained_by, row.is_champion = None, cast.borealis, None, None, False
        row.public_id = uuid.uuid4()
        row.save()
        assert services.reseal_models() == (0, 1)
