"""Versions as files: a model is read only after its seal was checked."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _

from core.errors import Refused
from tenants import services as tenants

from .. import learning
from ..models import ModelVersion


def load_model(version: ModelVersion):
    """The version's fitted model, after its seal was checked. A refused file is audited; raises Refused."""
    seal = learning.artefact.Seal(
        sha256=version.artefact_sha256,
        hmac=version.artefact_hmac,
        size=version.artefact_bytes,
        libraries=version.libraries,
    )
    try:
        return learning.artefact.load(
            settings.PRIVATE_ROOT / version.artefact_path,
            seal,
            secrets=[settings.MODEL_SIGNING_KEY.encode()],
            tenant=str(version.tenant_id),
            version=version.number,
        )
    except learning.artefact.ArtefactRefused as refused:
        tenants.record("artefact_refused", version, reason=str(refused))
        raise Refused(
            "artefact_refused",
            _("The file of model %(version)s is not the one that was stored: train again.")
            % {"version": version.number},
        ) from refused


def model_json(version: ModelVersion) -> dict[str, object]:
    """What commands print of a version."""
    return {"version": version.number, "algorithm": version.algorithm, "metrics": version.metrics}
