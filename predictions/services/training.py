"""Learning from customers whose label is known: one training at a time, stored as a version."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd
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

from .. import cards, learning, registry, selectors, wording
from ..learning import gates, histograms
from ..models import ModelVersion, SurvivalModel, TrainingRun
from ..signals import model_trained
from . import contacted
from .profit import candidates_profit
from .promotion import start_with
from .registry import keep_model, keep_survival, load_model
from .samples import later_months, training_frame
from .survival import When, learn_when


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
    """Learn from every customer whose label is known; store the version, its measures, its gates and its sealed artefact.

    The first one takes charge by itself where no gate blocks it; a later one is a challenger until it is promoted. Raises
    Refused where the data cannot be learned from.
    """
    try:
        with jobs.claimed(TrainingRun, run_id) as held:
            run: TrainingRun = held.job
            # A worker that died between storing the version and ending the job has left nothing to do.
            version = ModelVersion.objects.filter(run=run).first() or _learn(held, run)
    except Refused as refusal:
        tenants.notify("training_failed", level=Level.ERROR, url=reverse("predictions:mlops"), reason=refusal.message)
        raise
    code = "model_trained" if version.is_champion else "model_blocked" if registry.blocking(version) else "model_waits"
    tenants.notify(
        code,
        level=Level.SUCCESS if version.is_champion else Level.INFO,
        url=reverse("predictions:mlops"),
        version=version.number,
        algorithm=version.algorithm,
    )
    model_trained.send(sender=ModelVersion, version_id=version.pk, follow=follow and run.then_score)
    return version


def _learn(held: jobs.Claim, run: TrainingRun) -> ModelVersion:
    held.report_fraction(0.0, _("Reading customers"))
    cut = customer_services.require_training_cut()
    frame = training_frame(cut)
    held.report_fraction(0.02, _("Looking for columns that know the answer"))
    findings = customer_services.refresh_findings(frame=customers.without_few_contacts(frame))
    label, keys = frame.pop("label").to_numpy(), frame.pop("id").to_numpy()
    everything, frame = frame, _learnable(frame, findings)
    before = contacted.look(keys, cut)
    try:
        fitted = learning.fit(
            frame,
            label,
            keys,
            about=before.beside(everything),
            slices=(*learning.SLICES, *before.slices),
            contest=_contest(everything),
            seed=run.seed,
            progress=lambda f, note: held.report_fraction(0.03 + 0.76 * f, wording.step(note)),
        )
    except learning.NotEnoughEvidence as thin:
        raise wording.not_enough(thin) from thin
    held.report_fraction(0.79, _("Testing on later months") if cut and cut.test else "")
    told = {"cut": cut.facts(), "later": later_months(held, fitted, cut, run.seed)} if cut else {}
    told |= {"contacts": before.facts(fitted)} if before.standing is not None else {}
    when = learn_when(held, everything, frame, label, keys, run.seed, cut=cut)
    held.report_fraction(0.93, _("Comparing with the model in charge"))
    forced = tuple(f.column for f in findings if f.severity == f.Severity.QUARANTINE and not f.is_kept_away)
    paired = _against_champion(held, fitted, everything, label, keys)
    verdicts = gates.judge(gates.Evidence(fitted.report, forced, paired))
    held.report_fraction(0.98, _("Storing the model"))
    return _store(held, run, fitted, findings, when, verdicts, _reference(fitted, frame, keys), told)


def _contest(everything: pd.DataFrame) -> learning.Contest | None:
    """The candidates by what contacting would earn, where the company has said what contacts cost."""
    said = registry.economics()
    if said is None or "monthly_charges" not in everything:
        return None
    charges = everything["monthly_charges"].to_numpy(dtype="float64", na_value=np.nan)
    return lambda rows, label, chances: candidates_profit(label, chances, charges[rows], said)


def _against_champion(
    held: jobs.Claim, fitted: learning.Fitted, frame: pd.DataFrame, label: np.ndarray, keys: np.ndarray
) -> learning.Paired | None:
    """The new model beside the one in charge, on customers whom neither had seen; None where there is none to read."""
    champion = selectors.champion()
    if champion is None:
        return None
    try:
        before = load_model(champion)
    except Refused:  # audited there; a file that was touched is no yardstick
        return None
    return learning.compare_models(
        fitted, before, frame, label, keys, seed=0, heartbeat=lambda: held.report_fraction(0.94, "")
    )


def _reference(fitted: learning.Fitted, frame: pd.DataFrame, keys: np.ndarray) -> dict[str, object]:
    """Histograms of the customers learned from, and of their risks by folds that had not seen them: what drift is from."""
    rows = np.flatnonzero(np.isin(keys, fitted.learned_keys))
    learned = frame.iloc[rows].reset_index(drop=True)
    chance = learning.score(fitted, learned, keys[rows], top=0).probability
    return dataclasses.asdict(histograms.reference(fitted.encoder, fitted.encoder.encode(learned), chance, learned))


def _learnable(frame: pd.DataFrame, findings: Sequence[ColumnFinding]) -> pd.DataFrame:
    """Without what the leak watch keeps away, without measures of use that the company does not have, and without contacts
    where they are few."""
    frame = customers.without_few_contacts(frame)
    kept_away = {finding.column for finding in findings if finding.is_kept_away}
    absent = {name for name in customers.TREND_COLUMNS if name in frame and not frame[name].notna().any()}
    return frame.drop(columns=list((kept_away | absent) & set(frame.columns)))


def _store(
    held: jobs.Claim,
    run: TrainingRun,
    fitted: learning.Fitted,
    findings: Sequence[ColumnFinding],
    when: When,
    verdicts: Sequence[gates.Verdict],
    reference: dict[str, object],
    told: dict[str, object],
) -> ModelVersion:
    """Seal the artefacts, then write the version in one transaction with the pointers to them."""
    number = (ModelVersion.objects.aggregate(last=Max("number"))["last"] or 0) + 1
    stem = f"{run.public_id}-{held.token}"
    path, seal = keep_model(fitted, stem=stem, version=number)
    sealed_when = keep_survival(when.model, stem=stem, version=number) if when.model is not None else {}
    card = cards.card(fitted, findings, customers.passed_over_columns())
    with transaction.atomic():
        held.save(progress_note="")  # fails where the lease was lost: a second worker's version stands
        version = ModelVersion.objects.create(
            tenant=current_tenant(),
            number=number,
            run=run,
            algorithm=card["algorithm"],
            metrics=card["metrics"],
            details={k: v for k, v in card.items() if k not in ("metrics", "algorithm", "libraries", "fingerprint")}
            | told,
            rows=card["counts"]["rows"],
            churners=card["counts"]["churners"],
            fingerprint=card["fingerprint"],
            seed=run.seed,
            libraries=card["libraries"],
            gates=[dataclasses.asdict(verdict) for verdict in verdicts],
            reference=reference,
            artefact_path=path,
            artefact_bytes=seal.size,
            artefact_sha256=seal.sha256,
            artefact_hmac=seal.hmac,
            trained_by=run.requested_by,
        )
        SurvivalModel.objects.create(
            tenant=current_tenant(), version=version, figures=when.figures, refusal=when.refusal, **sealed_when
        )
        first = start_with(version)
        tenants.record(
            "model_trained", version, actor=run.requested_by, version=version.number, in_charge=first is not None
        )
    return version
