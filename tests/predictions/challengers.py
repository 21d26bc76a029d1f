"""A challenger beside the model in charge: the same fitted model sealed as the next version, with gates as a test wants."""

from __future__ import annotations

from predictions import selectors
from predictions.learning.gates import GATES
from predictions.models import ModelVersion
from predictions.services.registry import keep_model, load_model

PAIRED = {
    "rows": 240, "churners": 66, "log_loss": -0.0123, "log_loss_error": 0.004, "log_loss_low": -0.0201,
    "log_loss_high": -0.0045, "roc_auc": 0.011, "roc_auc_low": 0.001, "roc_auc_high": 0.02,
}  # fmt: skip


def verdict(code: str, state: str = "passed", severity: str = "warns", reason: str = "", **facts) -> dict:
    """One gate as it is stored."""
    return {"code": code, "state": state, "severity": severity, "reason": reason, "facts": facts}


def green() -> list[dict]:
    """Every gate passed; the one about the model in charge with its paired comparison."""
    reasons = {
        "baseline": ("better", {"gain": 0.16, "gain_error": 0.01}),
        "overfit": ("holds", {"kept": 0.83}),
        "leak": ("plausible", {"roc_auc": 0.84}),
        "calibration": ("calibrated", {"ece": 0.025, "by_luck": 0.022, "allowed": 0.042}),
        "fairness": ("alike", {"groups": 2, "issues": [], "open": 0}),
        "evidence": ("enough", {"churners": 412, "needed": 100}),
        "champion": ("better", PAIRED),
        "slices": ("alike", {"groups": 11, "issues": []}),
    }
    return [
        verdict(gate.code, "passed", gate.severity, reasons[gate.code][0], **reasons[gate.code][1]) for gate in GATES
    ]


def with_gate(code: str, state: str, severity: str, reason: str, **facts) -> list[dict]:
    """All green but one."""
    return [verdict(code, state, severity, reason, **facts) if gate["code"] == code else gate for gate in green()]


def add_challenger(gates: list[dict] | None = None) -> ModelVersion:
    """The next version, in the company in scope: as good as the one in charge, and not in charge."""
    champion = selectors.champion()
    version = ModelVersion.objects.get(pk=champion.pk)
    number = selectors.version_list().first().number + 1
    path, seal = keep_model(load_model(champion), stem=f"challenger-{number}", version=number)
    version.pk, version.public_id, version.run, version.is_champion = None, None, None, False
    version.public_id = ModelVersion._meta.get_field("public_id").get_default()
    version._state.adding = True
    version.number, version.gates = number, green() if gates is None else gates
    version.trained_at = ModelVersion._meta.get_field("trained_at").get_default()
    version.artefact_path, version.artefact_bytes = path, seal.size
    version.artefact_sha256, version.artefact_hmac = seal.sha256, seal.hmac
    version.save()
    return version
