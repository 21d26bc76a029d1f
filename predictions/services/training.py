"""Learning from customers whose label is known: one training at a time, stored as a version."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.urls import reverse
from django.utils.translation import gettext as _

from core import jobs
from core.errors import Refused
from customers import selectors as customers
from customers import services as customer_services
from customers.models import ColumnFinding
from tenants import services as tenants
from tenants.models import Level, User
from tenants.scoping import current_tenant

from .. import cards, learning, selectors, wording
from ..models import ModelVersion, TrainingRun
from ..signals import model_trained

MAX_TRAINING_ROWS = 200_000  # beyond, the curve of log loss is flat and only time grows


def open_training(*, requested_by: User | None = None, seed: int = 0) -> TrainingRun:
    """A training that waits; the one already open where there is one (one at a time for each company)."""
    try:
        with transaction.atomic():
            run = TrainingRun.objects.create(tenant=current_tenant(), requested_by=requested_by, seed=seed)
            tenants.record("training_opened", run, actor=requested_by)
            return run
    except IntegrityError:
        if existing := selectors.open_training():
            return existing
        raise


def train_model(*, run_id: int, follow: bool = True) -> ModelVersion:
    """Learn from every customer whose label is known; store the version, its measures and its sealed artefact.

    The version takes charge where it is better than chance on customers it had not seen (in log loss, by two standard
    errors). Raises Refused where the data cannot be learned from.
    """
    try:
        with jobs.claimed(TrainingRun, run_id) as held:
            run: TrainingRun = held.job
            # A worker that died between storing the version and ending the job has left nothing to do.
            version = ModelVersion.objects.filter(run=run).first() or _learn(held, run)
    except Refused as refusal:
        tenants.notify("training_failed", level=Level.ERROR, url=reverse("predictions:mlops"), reason=refusal.message)
        raise
    tenants.notify(
        "model_trained",
        level=Level.SUCCESS,
        url=reverse("predictions:mlops"),
        version=version.number,
        algorithm=version.algorithm,
    )
    model_trained.send(sender=ModelVersion, version_id=version.pk, follow=follow and run.then_score)
    return version


def _learn(held: jobs.Claim, run: TrainingRun) -> ModelVersion:
    held.report_fraction(0.0, _("Reading customers"))
    frame = _training_frame()
    held.report_fraction(0.02, _("Looking for columns that know the answer"))
    findings = customer_services.refresh_findings(frame=frame)
    label, keys = frame.pop("label").to_numpy(), frame.pop("id").to_numpy()
    frame = _learnable(frame, findings)
    try:
        fitted = learning.fit(
            frame,
            label,
            keys,
            seed=run.seed,
            progress=lambda f, note: held.report_fraction(0.03 + 0.94 * f, wording.step(note)),
        )
    except learning.NotEnoughEvidence as thin:
        raise wording.not_enough(thin) from thin
    held.report_fraction(0.98, _("Storing the model"))
    return _store(held, run, fitted, findings)


def _learnable(frame: pd.DataFrame, findings: Sequence[ColumnFinding]) -> pd.DataFrame:
    """Without what the leak watch keeps away, and without measures of use that the company does not have."""
    kept_away = {finding.column for finding in findings if finding.is_kept_away}
    absent = {name for name in customers.TREND_COLUMNS if name in frame and not frame[name].notna().any()}
    return frame.drop(columns=list((kept_away | absent) & set(frame.columns)))


def _training_frame() -> pd.DataFrame:
    """Labelled customers; a fixed random sample of them where there are more than MAX_TRAINING_ROWS."""
    base = customers.count_labelled()
    share = MAX_TRAINING_ROWS / base if base > MAX_TRAINING_ROWS else 1.0
    frames = []
    for frame in customers.feature_frames(labelled_only=True):
        if share < 1.0:
            # By a hash of the key, so that the same customers are drawn whatever the blocks.
            draw = (frame["id"].to_numpy().astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)
            frame = frame[draw < share * 2**24]
        frames.append(frame)
    if not frames:
        return pd.DataFrame({"id": np.array([], dtype="int64"), "label": np.array([], dtype="float64")})
    return pd.concat(frames, ignore_index=True)


def _store(held: jobs.Claim, run: TrainingRun, fitted, findings: Sequence[ColumnFinding]) -> ModelVersion:
    """Seal the artefact, then write the version in one transaction with the pointer to it."""
    tenant = current_tenant()
    number = (ModelVersion.objects.aggregate(last=Max("number"))["last"] or 0) + 1
    relative = Path(str(tenant.pk)) / "models" / f"{run.public_id}-{held.token}.skops"
    path = settings.PRIVATE_ROOT / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    seal = learning.artefact.save(
        fitted, path, secret=settings.MODEL_SIGNING_KEY.encode(), tenant=str(tenant.pk), version=number
    )
    card = cards.card(fitted, findings, customers.passed_over_columns())
    with transaction.atomic():
        held.save(progress_note="")  # fails where the lease was lost: a second worker's version stands
        better = card["choice"]["facts"]["better_than_baseline"]
        if better:
            ModelVersion.objects.filter(is_champion=True).update(is_champion=False)
        version = ModelVersion.objects.create(
            tenant=tenant,
            number=number,
            run=run,
            algorithm=card["algorithm"],
            metrics=card["metrics"],
            details={k: v for k, v in card.items() if k not in ("metrics", "algorithm", "libraries", "fingerprint")},
            rows=card["counts"]["rows"],
            churners=card["counts"]["churners"],
            fingerprint=card["fingerprint"],
            seed=run.seed,
            libraries=card["libraries"],
            artefact_path=str(relative),
            artefact_bytes=seal.size,
            artefact_sha256=seal.sha256,
            artefact_hmac=seal.hmac,
            is_champion=better,
            trained_by=run.requested_by,
        )
        tenants.record("model_trained", version, actor=run.requested_by, version=number, in_charge=better)
    return version
