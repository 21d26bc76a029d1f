"""Scoring everybody: a run is written beside the current one, and a pointer moves when all is there."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import pandas as pd
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from core import bulk, jobs
from core.errors import Refused
from customers import selectors as customers
from tenants import services as tenants
from tenants.models import Level, User
from tenants.scoping import current_tenant

from .. import cards, learning, selectors
from ..models import Score, ScoringRun
from ..rollup import Rollup
from ..signals import customers_scored
from .registry import load_model

KEPT_RUNS = 6
SCORE_BLOCK = 50_000
_FORGET_BATCH = 50_000


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
