"""What a training leaves of when customers leave: a sealed model with figures, or a refusal in words."""

import json

import numpy as np
import pytest

from core.errors import Refused
from customers import selectors as customers
from customers.models import Subscription
from predictions import services
from predictions.models import SurvivalModel
from predictions.signals import alarm_raised
from predictions.wording import when as words
from tenants.models import AuditEntry
from tests.conftest import train

pytestmark = pytest.mark.usefixtures("atlas_scope")


@pytest.fixture
def cast(shared):
    return shared.cast


def test_training_leaves_figures_and_curves(shared):
    kept = SurvivalModel.objects.get(version=shared.trained)
    assert not kept.refusal
    assert {"verdict", "calibration", "left_out", "caveats", "curves"} <= set(kept.figures)
    assert set(kept.figures["curves"]) == {"all", "contract", "internet_service"}
    (everybody,) = kept.figures["curves"]["all"]
    shares = [point["survival"] for point in everybody["observed"]["points"]]
    assert shares == sorted(shares, reverse=True)
    assert 0 < shares[-1] < shares[0] == 1
    assert json.loads(json.dumps(kept.figures, allow_nan=False)) == kept.figures


def test_tenure_itself_is_not_learned_from(shared):
    kept = SurvivalModel.objects.get(version=shared.trained)
    assert {"name": "tenure", "why": "is_tenure"}.items() <= kept.figures["left_out"][0].items()
    assert "tenure" not in {f.name for f in services.load_survival(shared.trained).features}


def test_artefact_says_after_reading_what_it_said_before(shared, settings):
    kept = SurvivalModel.objects.get(version=shared.trained)
    path = settings.PRIVATE_ROOT / kept.artefact_path
    assert kept.artefact_path.startswith(f"{kept.tenant_id}/models/")
    assert path.stat().st_size == kept.artefact_bytes
    model = services.load_survival(shared.trained)
    assert model.report.verdict == kept.figures["verdict"]
    assert model.report.counts == kept.figures["counts"]
    (frame,) = customers.feature_frames()
    odds = model.odds(model.encoder.encode(frame), model.which(frame["id"].to_numpy()))
    monthly = odds.at(np.zeros(len(frame), dtype=np.int64))
    assert ((monthly > 0) & np.isfinite(monthly)).all()
    assert np.ptp(monthly) > 0, "it tells customers apart"


def test_tampered_file_is_refused_audited_and_announced(shared, settings):
    heard = []

    def listen(sender, *, code, **_):
        heard.append(code)

    kept = SurvivalModel.objects.get(version=shared.trained)
    path = settings.PRIVATE_ROOT / kept.artefact_path
    sound = path.read_bytes()
    path.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    alarm_raised.connect(listen)
    try:
        with pytest.raises(Refused) as refused:
            services.load_survival(shared.trained)
    finally:
        alarm_raised.disconnect(listen)
        path.write_bytes(sound)
    assert refused.value.code == "artefact_refused"
    assert AuditEntry.objects.filter(verb="artefact_refused").count() == 1
    assert heard == ["artefact_refused"]


def test_risk_models_file_does_not_pass_for_the_survival_models(shared, settings):
    kept = SurvivalModel.objects.get(version=shared.trained)
    kept.artefact_path = shared.trained.artefact_path
    kept.save()
    with pytest.raises(Refused):
        services.load_survival(shared.trained)


def test_base_without_tenure_leaves_a_refusal_and_the_training_succeeds(quick_race):
    Subscription.objects.update(tenure=None)
    version = train()
    kept = SurvivalModel.objects.get(version=version)
    assert (kept.refusal["code"], kept.figures, kept.artefact_path) == ("no_tenure", {}, "")
    assert services.load_survival(version) is None
    assert "import a column “Tenure”" in words.refusal(kept.refusal)


def test_base_of_one_tenure_leaves_a_refusal(quick_race):
    Subscription.objects.update(tenure=12)
    kept = SurvivalModel.objects.get(version=train())
    assert kept.refusal["code"] == "constant_tenure"
    assert "only 1 different values" in words.refusal(kept.refusal)


@pytest.mark.parametrize(
    "code", ["no_tenure", "constant_tenure", "too_few_events_in_time", "no_features", "too_few_churners", "one_class"]
)
def test_every_refusal_has_words_even_without_facts(code):
    sentence = words.refusal({"code": code, "facts": {"churners": 3, "needed": 25, "missing": 22, "rows": 40}})
    assert len(sentence) > 20
    assert "%(" not in sentence
