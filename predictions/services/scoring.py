"""Scoring everybody: a run is written beside the current one, and a pointer moves when all is there."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator

import numpy as np
import pandas as pd
from django.db import IntegrityError, OperationalError, connection, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from core import alongside, bulk, columnar, jobs, partitions
from core.errors import Refused
from customers import selectors as customers
from customers.models import Customer
from tenants import services as tenants
from tenants.models import Level, User
from tenants.scoping import current_tenant

from .. import packing, registry, selectors
from ..learning.tabulated import Tabulated
from ..models import ModelVersion, Score, ScoringRun
from ..rollup import Rollup
from ..shadow import Shadow
from ..signals import customers_scored
from . import orders
from .registry import load_model

logger = logging.getLogger(__name__)

KEPT_RUNS = 6
KEPT_MONTHS = 4
_LOOKED_AT = 200  # runs among which a month's first one is looked for
SCORE_BLOCK = 100_000 if connection.vendor == "postgresql" else 25_000  # SQLite writes slowly: progress shows often
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
    """Whether the version in charge has neither scored everybody nor is about to (a failed attempt counts as tried).

    Scores that a new release dropped are asked for again.
    """
    version = selectors.champion()
    return version is not None and not ScoringRun.objects.filter(version=version, has_scores=True).exists()


def require_model() -> ModelVersion:
    """The version in charge; Refused, with the reason, where there is none."""
    version = selectors.champion()
    if version is not None:
        return version
    if selectors.version_list().exists():
        raise Refused(
            "no_better_than_chance",
            _("The model is no better than chance on customers it had not seen, so nobody is scored by it."),
        )
    raise Refused("no_model", _("No model is in charge yet: train one first."))


def require_scoring(*, requested_by: User | None = None) -> ScoringRun:
    """As ``open_scoring``; Refused, with the reason, where no model is in charge."""
    require_model()
    run = open_scoring(requested_by=requested_by)
    if run is None:
        raise Refused("no_model", _("No model is in charge yet: train one first."))
    return run


def scoring_json(run: ScoringRun) -> dict[str, object]:
    """What commands print of a scoring."""
    return {"scored": run.scored, "bands": run.bands}


def score_customers(*, run_id: int, follow: bool = True, reasons: bool = True) -> ScoringRun:
    """Score every customer of the company; the run becomes current when all are written.

    A customer whose label the model learned from is scored by the fold that had not seen it. ``reasons=False`` leaves the
    reasons out.
    """
    try:
        with jobs.claimed(ScoringRun, run_id) as held:
            run: ScoringRun = held.job
            if not run.is_current:  # else a worker died between writing everything and ending the job
                try:
                    _score_everybody(held, run, reasons=reasons)
                except (jobs.Cancelled, Refused):
                    _forget([run])
                    raise
            for _step in orders.build(run):
                held.report(run.scored, run.scored, _("Sorting the lists"), force=True)
            partitions.analyse(Score, run.pk)
            orders.forget([*ScoringRun.objects.filter(is_current=False, has_scores=True).values_list("pk", flat=True)])
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
    customers_scored.send(sender=ScoringRun, run_id=run.pk, follow=follow)
    _forget_old_runs()
    return run


def _score_everybody(held: jobs.Claim, run: ScoringRun, *, reasons: bool) -> None:
    held.report(0, 1, _("Loading the model"))
    champion = selectors.champion()
    if champion is not None and champion.pk != run.version_id:
        held.save(version=champion)  # another model took charge while this run waited
    fitted = load_model(run.version)
    engine = Tabulated(fitted)
    total = customers.count_all()
    learned = [f.name for f in fitted.features]
    legend = packing.Legend(learned, customers.date_columns())
    waiting = _challenger(run)
    rollup = Rollup(medium=run.risk_medium, high=run.risk_high, features=learned)
    table, done, last = _empty_table(held, run), 0, 0
    wanted = {*learned, *(waiting[1].columns if waiting else ())}
    for frame in _frames(total, wanted):
        keys = frame["id"].to_numpy()
        scored = engine.score(frame, keys, top=packing.TOP if reasons else 0)
        rollup.add(frame, scored)
        if waiting:
            waiting[0].add(scored.probability, waiting[1].score(frame, keys, top=0).probability)
        columns = _columns(run, legend, frame, scored)
        with transaction.atomic():
            # First the fence: a worker that was taken for dead must not write beside its successor.
            held.save(progress_done=done)
            with bulk.proved_together(Score):
                done += columnar.insert(table, columns)
        last = int(keys[-1])
        held.report(done, total, _("Scoring customers"))
    if not done:
        raise Refused("no_customers", _("There is no customer to score yet: import a file first."))
    if table != Score._meta.db_table:
        for _step in partitions.complete(Score, table):
            held.report(done, total, _("Scoring customers"), force=True)
    for _step in orders.build(run, orders.FIRST, part=table):
        held.report(done, total, _("Scoring customers"), force=True)
    summary = rollup.summary() | ({"shadow": waiting[0].summary()} if waiting else {})
    results = {"scored": done, "summary": summary, "legend": legend.as_json(), "last_customer": last}
    if (
        table != Score._meta.db_table
    ):  # somebody may have been erased, or merged into another, while their score was written
        for _step in partitions.bind(Score, table, "customer_id", Customer):
            held.report(done, total, _("Scoring customers"), force=True)

    def others_pass() -> None:
        held.report(done, total, _("Waiting until others have read the customers, such as a backup"), force=True)

    partitions.giving_way(lambda: _make_current(held, run, table, results), Score, run.pk, waiting=others_pass)


def _frames(total: int, wanted: Collection[str]) -> Iterator[pd.DataFrame]:
    """Everybody, a block ahead of the work; who are one block only, in two halves, for nothing else would go on beside it."""
    is_one = total <= SCORE_BLOCK
    frames = customers.feature_frames(block=SCORE_BLOCK, only=wanted, as_categories=True, halves=is_one)
    return frames if is_one else alongside.one_ahead(frames)


def _challenger(run: ScoringRun) -> tuple[Shadow, Tabulated] | None:
    """The challenger, to score the same customers in the shadow; None where there is none, or its file is refused."""
    version = registry.challenger()
    if version is None:
        return None
    try:
        fitted = load_model(version)
    except Refused:  # audited and told there; the model in charge serves on
        return None
    return Shadow(version.number, run.risk_medium, run.risk_high), Tabulated(fitted)


def _make_current(held: jobs.Claim, run: ScoringRun, table: str, results: dict[str, object]) -> None:
    with transaction.atomic():
        if table != Score._meta.db_table:
            partitions.attach(Score, table, run.pk)
        held.save(**results)
        ScoringRun.objects.filter(is_current=True).exclude(pk=run.pk).update(is_current=False)
        held.save(is_current=True)
        tenants.record("customers_scored", run, actor=run.requested_by, scored=run.scored, version=run.version.number)


def _empty_table(held: jobs.Claim, run: ScoringRun) -> str:
    """Where the run's rows go, without what an interrupted attempt left there: a table of its own until it is whole, or,
    on SQLite, the table of all runs."""
    if partitions.is_partitioned(Score):
        return partitions.create(Score, "run_id", run.pk, attempt=held.token)
    Score.objects.filter(run=run).delete()
    return Score._meta.db_table


def _columns(run: ScoringRun, legend: packing.Legend, frame: pd.DataFrame, scored) -> dict[str, columnar.Column]:
    """The block's rows, a column at a time."""
    top = scored.feature.shape[1]
    if top:
        numbers, facts = legend.pack(frame, scored.feature, scored.contribution)
    else:
        numbers, facts = np.zeros((len(frame), packing.TOP), dtype=np.int16), np.zeros(len(frame), dtype="V0")
    return {
        "tenant_id": run.tenant_id,
        "run_id": run.pk,
        "customer_id": frame["id"].to_numpy(),
        "risk": scored.probability,
        "driver_1": numbers[:, 0],
        "driver_2": numbers[:, 1],
        "driver_3": numbers[:, 2],
        "driver_facts": facts,
        "is_out_of_fold": scored.unseen,
        "contract_code": _numbered(legend, frame["contract"]),
        "internet_code": _numbered(legend, frame["internet_service"]),
        "tenure": _known(frame["tenure"].to_numpy(dtype=np.float64), np.int16),
        "monthly_charges": columnar.Money(frame["monthly_charges"].to_numpy(dtype=np.float64)),
        "senior_citizen": _flag(frame["senior_citizen"]),
        "churn_label": _known(frame["label"].to_numpy(dtype=np.float64), np.bool_),
    }


def _numbered(legend: packing.Legend, column: pd.Series) -> np.ndarray:
    """int16 [n]: the legend's code from 1, 0 for unknown."""
    return np.nan_to_num(legend.codes(column) + 1).astype(np.int16)


def _known(values: np.ndarray, dtype: type) -> np.ma.MaskedArray:
    unknown = np.isnan(values)
    return np.ma.MaskedArray(np.where(unknown, 0, values).astype(dtype), unknown)


def _flag(column: pd.Series) -> np.ma.MaskedArray:
    codes, words = packing.coded(column)
    return _known(np.array([*({"Yes": 1.0, "No": 0.0}.get(word, np.nan) for word in words), np.nan])[codes], np.bool_)


def _forget_old_runs() -> None:
    """Keep the newest runs' scores, and one run of each of the last months: outcomes come after weeks, and by the scores
    of then an estimate is judged. Older runs keep their row and roll-up, not a score a customer."""
    ended = ScoringRun.objects.filter(state="succeeded", has_scores=True).order_by("-finished_at")
    newest = list(ended.values_list("pk", "finished_at")[:_LOOKED_AT])
    kept = {pk for pk, _at in newest[:KEPT_RUNS]}
    months: dict[tuple[int, int], int] = {}
    for pk, at in newest:
        months[(at.year, at.month)] = pk  # the first run of the month: the longest wait for outcomes
    kept |= {months[month] for month in sorted(months, reverse=True)[:KEPT_MONTHS]}
    old = ScoringRun.objects.exclude(pk__in=kept).exclude(state__in=("queued", "running"))
    _forget(old.filter(has_scores=True, is_current=False)[:10])


def _forget(runs: Iterable[ScoringRun]) -> None:
    """Where somebody reads for long, such as a backup, they stay: they are asked for again after the next run."""
    try:
        for run in runs:
            _forget_scores(run)
    except OperationalError:
        logger.warning("scores of old runs stay for now", exc_info=True)


def forget_buried(sender, *, model: type, job_id: int, **_: object) -> None:
    """A scoring that died too often leaves a table that nobody will take up again. It may name customers already, who could not
    be erased while it is there. ``scored`` is written with the table's attachment: one that is shown is not among these."""
    if model is ScoringRun and partitions.is_partitioned(Score):
        for run in ScoringRun.objects.filter(pk=job_id, scored=0):
            partitions.drop_what_is_left(Score, run.pk)


def _forget_scores(run: ScoringRun) -> None:
    """A run's rows go: its table at once, single rows and those of SQLite in batches, so that nobody waits for long."""
    if partitions.is_partitioned(Score):
        partitions.let_go(Score, run.pk)
    orders.forget([run.pk])
    scores = Score.objects.filter(run=run)
    while batch := list(scores.order_by("pk").values_list("pk", flat=True)[:_FORGET_BATCH]):
        scores.filter(pk__lte=batch[-1]).delete()
    ScoringRun.objects.filter(pk=run.pk).update(has_scores=False)
