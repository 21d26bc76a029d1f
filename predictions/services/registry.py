"""Versions as files: sealed when they are kept, and read only after the seal was checked (RULES 22, 23)."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from core.errors import Refused
from tenants import services as tenants
from tenants.scoping import current_tenant

from .. import learning
from ..learning import artefact, storage, survival_storage
from ..models import ModelVersion, SurvivalModel
from ..signals import alarm_raised


def keep_model(fitted: learning.Fitted, *, stem: str, version: int) -> tuple[str, artefact.Seal]:
    """Write a model's artefact; its path below the private files, and its seal."""
    path = _folder() / f"{stem}.skops"
    return _relative(path), artefact.save(fitted, path, **_sealed_for(version))


def keep_survival(model, *, stem: str, version: int) -> dict[str, object]:
    """Write a survival model's artefact beside its version's; the columns of SurvivalModel that point to it."""
    path = _folder() / f"{stem}-when.skops"
    seal = artefact.save(model, path, form=survival_storage, **_sealed_for(version))
    return {
        "artefact_path": _relative(path),
        "artefact_bytes": seal.size,
        "artefact_sha256": seal.sha256,
        "artefact_hmac": seal.hmac,
    }


def load_model(version: ModelVersion) -> learning.Fitted:
    """The version's fitted model, after its seal was checked. A refused file is audited and told; raises Refused."""
    return _load(version, version, form=storage)


def load_survival(version: ModelVersion):
    """The version's survival model, or None where it has none; checked and refused as ``load_model``."""
    kept = SurvivalModel.objects.filter(version=version).exclude(artefact_path="").first()
    return _load(version, kept, form=survival_storage) if kept else None


def _load(version: ModelVersion, kept: ModelVersion | SurvivalModel, *, form):
    try:
        return artefact.load(
            settings.PRIVATE_ROOT / kept.artefact_path,
            _seal(version, kept),
            secrets=_secrets(),
            tenant=str(version.tenant_id),
            version=version.number,
            form=form,
        )
    except artefact.ArtefactRefused as refused:
        tenants.record("artefact_refused", version, reason=refused.reason)
        alarm_raised.send(sender=ModelVersion, code="artefact_refused", facts={"version": version.number})
        raise Refused(
            "artefact_refused",
            _("The file of model %(version)s is not the one that was stored: train again.")
            % {"version": version.number},
        ) from refused


def reseal_models() -> tuple[int, int]:
    """Seal every model of the company in scope under the newest key: how many are, and how many no key opens (or whose file is
    not there any more, or not the one that was stored)."""
    done = lost = 0
    versions = ModelVersion.objects.exclude(artefact_path="")
    survivals = SurvivalModel.objects.exclude(artefact_path="").select_related("version")
    for version, kept in [*((one, one) for one in versions), *((one.version, one) for one in survivals)]:
        try:
            seal = artefact.reseal(
                settings.PRIVATE_ROOT / kept.artefact_path,
                _seal(version, kept),
                secrets=_secrets(),
                tenant=str(version.tenant_id),
                version=version.number,
            )
        except artefact.ArtefactRefused:
            lost += 1
            continue
        type(kept).objects.filter(pk=kept.pk).update(artefact_hmac=seal.hmac)
        done += 1
    return done, lost


def model_json(version: ModelVersion) -> dict[str, object]:
    """What commands print of a version."""
    return {
        "version": version.number,
        "algorithm": version.algorithm,
        "in_charge": version.is_champion,
        "metrics": version.metrics,
        "gates": {gate["code"]: gate["state"] for gate in version.gates},
    }


def _seal(version: ModelVersion, kept: ModelVersion | SurvivalModel) -> artefact.Seal:
    return artefact.Seal(
        sha256=kept.artefact_sha256, hmac=kept.artefact_hmac, size=kept.artefact_bytes, libraries=version.libraries
    )


def _secrets() -> list[bytes]:
    """The key that signs, then those that did before: what they signed is still read."""
    every = (settings.MODEL_SIGNING_KEY, *settings.MODEL_SIGNING_KEY_FALLBACKS)
    return [key.encode() for key in every if key]


def _folder() -> Path:
    return settings.PRIVATE_ROOT / str(current_tenant().pk) / "models"


def _relative(path: Path) -> str:
    return str(path.relative_to(settings.PRIVATE_ROOT))


def _sealed_for(version: int) -> dict[str, object]:
    return {"secret": settings.MODEL_SIGNING_KEY.encode(), "tenant": str(current_tenant().pk), "version": version}
