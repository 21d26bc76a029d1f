"""Verbs about models and scores: the only writers of this stage's tables."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Max
from django.urls import reverse
from django.utils.translation import gettext as _

from core import bulk, jobs
from core.errors import Refused
from customers import selectors as customers
from customers import services as customer_services
from customers.models import ColumnFinding
from tenants import services as tenants
from tenants.models import Level, User
from tenants.scoping import current_tenant

from . import cards, learning, selectors, wording
from .models import ModelVersion, Score, ScoringRun, TrainingRun
from .rollup import Rollup
from .signals import customers_scored, model_trained

MAX_TRAINING_ROWS = 200_000  # beyond, the curve of log loss is flat and only time grows
KEPT_RUNS = 6
SCORE_BLOCK = 50_000
_FORGET_BATCH = 50_000


# ---------------------------------------------------------------- training


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


# ---------------------------------------------------------------- scoring


def open_scoring(*, requested_by: User | None = None) -> ScoringRun | None:
    """A scoring by the version in charge; the one already open where there is one; None where no model is in charge."""
    version = selectors.champion()
    if version is None:
        return None
    tenant = current_tenant()
    try:
        with transaction.atomic():
            run = ScoringRun.objects.create(
                tenant=tenant,
                version=version,
                requested_by=requested_by,
                risk_medium=tenant.risk_medium,
                risk_high=tenant.risk_high,
            )
            tenants.record("scoring_opened", run, actor=requested_by, version=version.number)
            return run
    except IntegrityError:
        if existing := selectors.open_scoring():
            return existing
        raise


def needs_scoring() -> bool:
    """Whether the version in charge has neither scored everybody nor is about to (a failed attempt counts as tried)."""
    version = selectors.champion()
    return version is not None and not ScoringRun.objects.filter(version=version).exists()


def require_scoring() -> ScoringRun:
    """As ``open_scoring``; Refused, with the reason, where no model is in charge."""
    run = open_scoring()
    if run is None:
        if selectors.version_list().exists():
            raise Refused(
                "no_better_than_chance",
                _("The model is no better than chance on customers it had not seen, so nobody is scored by it."),
            )
        raise Refused("no_model", _("No model is in charge yet: train one first."))
    return run


def model_json(version: ModelVersion) -> dict[str, object]:
    """What commands print of a version."""
    return {"version": version.number, "algorithm": version.algorithm, "metrics": version.metrics}


def scoring_json(run: ScoringRun) -> dict[str, object]:
    """What commands print of a scoring."""
    return {"scored": run.scored, "bands": run.bands}


def score_customers(*, run_id: int, follow: bool = True) -> ScoringRun:
    """Score every customer of the company; the run becomes current when all are written.

    A customer whose label the model learned from is scored by the fold that had not seen it.
    """
    try:
        with jobs.claimed(ScoringRun, run_id) as held:
            run: ScoringRun = held.job
            if not run.is_current:  # else a worker died between writing everything and ending the job
                _score_everybody(held, run)
    except Refused as refusal:
        tenants.notify("scoring_failed", level=Level.ERROR, url=reverse("predictions:mlops"), reason=refusal.message)
        raise
    tenants.notify(
        "customers_scored",
        level=Level.SUCCESS,
        url=reverse("dashboard:dashboard"),
        scored=run.scored,
        high=run.summary["present"]["bands"]["high"],
    )
    _forget_old_runs()
    customers_scored.send(sender=ScoringRun, run_id=run.pk, follow=follow)
    return run


def _score_everybody(held: jobs.Claim, run: ScoringRun) -> None:
    held.report(0, 1, _("Loading the model"))
    champion = selectors.champion()
    if champion is not None and champion.pk != run.version_id:
        held.save(version=champion)  # another model took charge while this run waited
    fitted = load_model(run.version)
    Score.objects.filter(run=run).delete()  # what an interrupted attempt left
    total = customers.count_all()
    learned = [f.name for f in fitted.features]
    dates = customers.date_columns() & set(learned)
    rollup = Rollup(medium=run.risk_medium, high=run.risk_high, features=learned)
    for frame in customers.feature_frames(block=SCORE_BLOCK, only=learned):
        scored = learning.score(fitted, frame, frame["id"].to_numpy(), top=3)
        rollup.add(frame, scored)
        with transaction.atomic():
            # First the fence: a worker that was taken for dead must not write beside its successor.
            held.save(progress_done=rollup.scored)
            bulk.insert(Score._meta.db_table, _SCORE_COLUMNS, _score_rows(run, fitted, frame, scored, dates))
        held.report(rollup.scored, total, _("Scoring customers"))
    if not rollup.scored:
        raise Refused("no_customers", _("There is no customer to score yet: import a file first."))
    _make_current(held, run, rollup)


_SCORE_COLUMNS = (
    "tenant_id", "run_id", "customer_id", "risk", "is_out_of_fold", "drivers",
    "contract", "internet_service", "tenure", "monthly_charges", "senior_citizen", "churn_label",
)  # fmt: skip


def _score_rows(run: ScoringRun, fitted, frame: pd.DataFrame, scored, dates: Collection[str] = ()) -> Iterator[tuple]:
    tenant = run.tenant_id.hex if connection.vendor == "sqlite" else run.tenant_id
    n = len(frame)
    flags = {"Yes": True, "No": False}
    columns = [
        [tenant] * n,
        [run.pk] * n,
        frame["id"].tolist(),
        scored.probability.tolist(),
        scored.unseen.tolist(),
        cards.drivers_json(fitted, frame, scored, dates),
        [v or "" for v in frame["contract"]],
        [v or "" for v in frame["internet_service"]],
        [None if v != v else int(v) for v in frame["tenure"].tolist()],
        [None if v != v else str(round(v, 3)) for v in frame["monthly_charges"].tolist()],
        [flags.get(v) for v in frame["senior_citizen"]],
        [None if v != v else bool(v) for v in frame["label"].tolist()],
    ]
    return zip(*columns, strict=True)


def _make_current(held: jobs.Claim, run: ScoringRun, rollup: Rollup) -> None:
    with transaction.atomic():
        held.save(scored=rollup.scored, summary=rollup.summary())
        ScoringRun.objects.filter(is_current=True).exclude(pk=run.pk).update(is_current=False)
        held.save(is_current=True)
        tenants.record("customers_scored", run, actor=run.requested_by, scored=run.scored, version=run.version.number)


def _forget_old_runs() -> None:
    """Keep the newest runs' scores; older runs keep their row and roll-up, not a score a customer."""
    kept = (
        ScoringRun.objects.filter(state="succeeded").order_by("-finished_at").values_list("pk", flat=True)[:KEPT_RUNS]
    )
    old = ScoringRun.objects.exclude(pk__in=list(kept)).exclude(state__in=("queued", "running"))
    for run in old.filter(has_scores=True, is_current=False)[:10]:
        scores = Score.objects.filter(run=run)
        while batch := list(scores.order_by("pk").values_list("pk", flat=True)[:_FORGET_BATCH]):
            scores.filter(pk__lte=batch[-1]).delete()
        ScoringRun.objects.filter(pk=run.pk).update(has_scores=False)
