"""Watches the model in charge: have its customers changed, how good is it likely to be, and was the estimate right?"""

from __future__ import annotations

import dataclasses

import numpy as np
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from core import jobs
from core.errors import Refused
from customers import selectors as customers
from tenants import services as tenants
from tenants.models import Level, User
from tenants.scoping import current_tenant

from .. import learning, registry, score_frames, selectors
from ..learning import drift, estimate, histograms
from ..models import DriftReport, ModelVersion
from ..signals import alarm_raised
from .registry import load_model

ALARMING = ("moved", "moved_much")
WAITING, EVERYBODY = "waiting", "everybody"
ENOUGH_WAITING = 300  # customers of unknown outcome, to be compared by themselves
_BLOCK = 50_000
_SETTLED_BACK = 12  # reports for which outcomes are still looked up
_MOST_KNOWN = 0.8  # of the outcomes, before an estimate is judged: who left is often known first


def open_check(*, requested_by: User | None = None) -> DriftReport | None:
    """A drift check that waits; the open one where there is one. None: no model in charge that keeps histograms."""
    version = selectors.champion()
    if version is None or not version.reference:
        return None
    try:
        with transaction.atomic():
            return DriftReport.objects.create(
                tenant=current_tenant(), version=version, scoring=selectors.current_run(), requested_by=requested_by
            )
    except IntegrityError:
        return DriftReport.objects.filter(state__in=("queued", "running")).first()


def require_check(*, requested_by: User | None = None) -> DriftReport:
    """As ``open_check``; Refused, with the reason, where nothing can be checked."""
    report = open_check(requested_by=requested_by)
    if report is None:
        if selectors.champion() is None:
            raise Refused("no_model", _("No model is in charge yet: train one first."))
        raise Refused("no_reference", _("The model in charge keeps no histograms to compare with: train again."))
    return report


def check_drift(*, report_id: int) -> DriftReport:
    """Count customers into the bins of those learned from, and judge; raises the alarm where they moved.

    Beside it, from the scores alone, how good the model is likely to be on them. Begins anew when killed.
    """
    try:
        found = _run_check(report_id)
    except Refused as refusal:
        tenants.notify("drift_failed", level=Level.ERROR, url=reverse("predictions:drift"), reason=refusal.message)
        raise
    report = DriftReport.objects.select_related("version").get(pk=report_id)
    if report.verdict in ALARMING and _is_news(report, found):
        _raise_alarm(report, found)
    return report


def _is_news(report: DriftReport, found: drift.Drift) -> bool:
    """Whether the check before said less: everybody is scored every night, and a change that lasts is told once."""
    before = registry.drift_reports().filter(version=report.version_id).exclude(pk=report.pk).first()
    if before is None or before.verdict not in ALARMING:
        return True
    told = {one["name"] for one in before.findings["features"] if one["verdict"] in ALARMING}
    is_graver = ALARMING.index(report.verdict) > ALARMING.index(before.verdict)
    score_had_moved = before.findings["score"]["verdict"] in ALARMING
    score_moved = found.score.verdict in ALARMING
    return is_graver or (score_moved and not score_had_moved) or bool({one.name for one in found.moved} - told)


def _run_check(report_id: int) -> drift.Drift:
    with jobs.claimed(DriftReport, report_id) as held:
        report: DriftReport = held.job
        champion, run = selectors.champion() or report.version, selectors.current_run()
        held.report(0, 1, _("Loading the model"))
        found, expected, basis = _check(held, champion)
        held.save(
            version=champion,
            # Scores of another model say nothing of whether this estimate was right.
            scoring=run if run is not None and run.version_id == champion.pk else None,
            verdict=found.verdict,
            customers=found.n_cur,
            findings=dataclasses.asdict(found) | {"basis": basis},
            estimate=dataclasses.asdict(expected) if expected else {},
        )
        held.report(1, 1, _("Looking up outcomes"), force=True)
        settle_estimates()
    return found


def _check(held: jobs.Claim, version: ModelVersion) -> tuple[drift.Drift, estimate.Estimate | None, str]:
    """What moved, what to expect, and of whom: "waiting" or "everybody".

    Those whose outcome is not known are compared with those learned from, who once were the same; where nearly every
    outcome is known, everybody. Never those still here alone: the ones who left are in what was learned from, and their
    absence would look like drift."""
    fitted = load_model(version)
    reference = histograms.Reference.from_json(version.reference)
    waiting, known = (histograms.Tally(reference), estimate.Scores()), (histograms.Tally(reference), estimate.Scores())
    total, read = customers.count_all(), 0
    for frame in customers.feature_frames(block=_BLOCK, only=[f.name for f in fitted.features]):
        chance = learning.score(fitted, frame, frame["id"].to_numpy(), top=0).probability
        values = fitted.encoder.encode(frame)
        is_open = np.isnan(frame["label"].to_numpy(dtype="float64"))
        for (tally, scores), rows in ((waiting, is_open), (known, ~is_open)):
            tally.add(values[rows], chance[rows], frame[rows])
            scores.add(chance[rows])
        read += len(frame)
        held.report(read, max(total, read), _("Looking at customers"))
    (tally, scores), basis = waiting, WAITING
    if tally.customers < ENOUGH_WAITING:
        tally.merge(known[0])
        scores.merge(known[1])
        basis = EVERYBODY
    found = drift.check(tally)
    threshold = next((one["threshold"] for one in version.details.get("confusion", [])), 0.5)
    try:
        return found, estimate.estimate(scores, threshold=threshold, drift=found), basis
    except learning.NotEnoughEvidence:
        return found, None, basis


def settle_estimates() -> int:
    """Hold earlier estimates against the outcomes that are known since. Returns how many were settled.

    By the scores of that day: of customers whose outcome was not known when they were scored, and is now.
    """
    settled = 0
    told: set[int] = set()  # scorings that were told to have missed: once each, however many checks they had
    outcomes: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # a scoring's are read once for all its checks
    waiting = registry.drift_reports().filter(scoring__has_scores=True, truth={}).exclude(estimate={})
    for report in waiting[:_SETTLED_BACK]:
        if report.scoring_id not in outcomes:
            outcomes = {report.scoring_id: score_frames.outcomes_since(report.scoring)}  # one at a time: they are large
        label, chance = outcomes[report.scoring_id]
        if not len(label) or np.isfinite(label).mean() < _MOST_KNOWN:
            continue
        found = estimate.compare_with_truth(label, chance, threshold=report.estimate["threshold"])
        if found.verdict == estimate.TOO_FEW:
            continue
        DriftReport.objects.filter(pk=report.pk).update(truth=dataclasses.asdict(found))
        settled += 1
        if found.verdict == estimate.MISSED and report.scoring_id not in told:
            told.add(report.scoring_id)
            _tell_missed(report)
    return settled


def _tell_missed(report: DriftReport) -> None:
    facts = {"version": report.version.number}
    tenants.record("estimate_missed", report, **facts)
    tenants.notify("estimate_missed", level=Level.WARNING, url=reverse("predictions:drift"), **facts)
    alarm_raised.send(sender=DriftReport, code="estimate_missed", facts=facts)


def _raise_alarm(report: DriftReport, found: drift.Drift) -> None:
    facts = {
        "version": report.version.number,
        "columns": [finding.name for finding in found.moved][:5],
        "count": len(found.moved),
        "score_moved": found.score.verdict in ALARMING,
        "verdict": found.verdict,
    }
    tenants.record("drift_found", report, **facts)
    tenants.notify("drift_found", level=Level.WARNING, url=reverse("predictions:drift"), **facts)
    alarm_raised.send(sender=DriftReport, code="drift_found", facts=facts, report_id=report.pk)


def drift_json(report: DriftReport) -> dict[str, object]:
    """What commands and programs are told of a check."""
    features = report.findings.get("features", [])
    told = ("name", "verdict", "psi", "js", "threshold", "n_ref", "n_cur", "vanished")
    return {
        "version": report.version.number,
        "verdict": report.verdict,
        "customers": report.customers,
        "score": {name: report.findings.get("score", {}).get(name) for name in told[1:]},
        "features": [{name: finding.get(name) for name in told} for finding in features],
        "estimate": report.estimate,
        "truth": report.truth or None,
    }
