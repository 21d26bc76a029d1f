"""Whom to write to, and whom to leave alone: learned from the company's own measured campaigns, and used only once proved.

All campaigns with a final result and a holdout are put together, with what was known of their customers on the day of each
launch. Where the learned order is proved better than chance and than the order by risk, every customer gets a score by it;
until then nobody has one, and risk x value decides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from core import bulk, jobs
from core.errors import Refused
from core.models import OPEN_STATES, JobState
from customers import selectors as customers
from customers.models import Customer
from predictions import selectors as predictions
from predictions.models import Score
from tenants import services as tenants
from tenants.models import Level, User
from tenants.scoping import current_tenant

from ..models import Campaign, Measurement, UpliftRun, UpliftScore
from ..outreach import uplift
from ..outreach.uplift.model import MIN_EXPERIMENTS, MIN_OF_ARM, MIN_OF_OUTCOME
from ..signals import uplift_learned
from . import snapshots

MOST_ROWS = 200_000  # to learn from: more would take the trees hours, and the holdouts are in it anyhow
_MOST_CAMPAIGNS = 40  # the newest
_BLOCK = 50_000
_FORGET_BATCH = 50_000
_UNREADABLE = ("broken_randomisation", "no_holdout", "no_outcomes")
_GROUPS = {
    uplift.PERSUADABLE: UpliftScore.Group.PERSUADABLE,
    uplift.DO_NOT_DISTURB: UpliftScore.Group.DO_NOT_DISTURB,
    uplift.NEITHER: UpliftScore.Group.OTHER,
}
NEEDED = {"experiments": MIN_EXPERIMENTS, "of_arm": MIN_OF_ARM, "of_outcome": MIN_OF_OUTCOME}


# ---------------------------------------------------------------- asking for it


def measured_campaigns() -> QuerySet[Campaign]:
    """Campaigns of the company in scope whose result is final and was read against a holdout, the newest first."""
    final = Measurement.objects.filter(campaign=OuterRef("pk"), is_final=True, state=JobState.SUCCEEDED)
    rows = Campaign.objects.filter(Exists(final), holdout__gt=0, result__is_final=True)
    return rows.exclude(result__verdict__in=_UNREADABLE).order_by("-launched_at")


def experiments() -> list[Campaign]:
    """Those of them whose features were put aside at the launch: what can be learned from."""
    return [one for one in measured_campaigns()[:_MOST_CAMPAIGNS] if snapshots.is_kept(one)]


def current_run() -> UpliftRun | None:
    return UpliftRun.objects.filter(is_current=True).first()


def open_run() -> UpliftRun | None:
    return UpliftRun.objects.filter(state__in=OPEN_STATES).first()


def last_run() -> UpliftRun | None:
    """The newest that is over: it may have failed."""
    return UpliftRun.objects.exclude(state__in=OPEN_STATES).order_by("-requested_at").first()


def open_learning(*, requested_by: User | None = None) -> UpliftRun | None:
    """A learning that waits (the caller rings); the open one where there is one. None where there is nothing to learn from,
    or, unless a person asks, nothing that the one before did not know."""
    found = experiments()
    if not found:
        return None
    if requested_by is None and _knows_all(found):
        return None
    try:
        with transaction.atomic():
            return UpliftRun.objects.create(tenant=current_tenant(), requested_by=requested_by)
    except IntegrityError:
        return open_run()


def _knows_all(found: list[Campaign]) -> bool:
    newest = last_run()
    if newest is None:
        return False
    learned = {one["id"] for one in newest.result.get("experiments", [])}
    return {str(one.public_id) for one in found} <= learned


def require_learning(*, requested_by: User) -> UpliftRun:
    """As ``open_learning``; Refused, with what is wanting, where there is nothing to learn from."""
    run = open_learning(requested_by=requested_by)
    if run is None:
        raise Refused(
            "no_experiments",
            _("There is nothing to learn from yet: measure campaigns that left some customers alone."),
            needed=MIN_EXPERIMENTS,
        )
    return run


# ---------------------------------------------------------------- learning


def learn_uplift(*, run_id: int) -> UpliftRun:
    """Learn, say whether it is proved, and score everybody where it is. Begins anew when killed."""
    with jobs.claimed(UpliftRun, run_id) as held:
        run: UpliftRun = held.job
        _forget(run)
        pool, used = _pool(held)
        held.report(0, 1, _("Learning from %(n)s campaigns") % {"n": len(used)}, force=True)
        told: dict[str, Any] = {"experiments": used, "needed": NEEDED}
        scored, is_ready = 0, False
        try:
            model = _fit(pool, used)
        except uplift.UpliftRefused as refusal:
            told |= {"refused": {"code": refusal.code, "facts": _as_json(refusal.facts)}, "groups": {}}
        else:
            is_ready = model.report.ready
            told |= _report(model)
            if is_ready:
                told["groups"] = _score_everybody(held, run, model)
                scored = sum(one["customers"] for one in told["groups"].values())
        with transaction.atomic():
            held.save(result=_as_json(told), is_ready=is_ready, customers=scored)
            UpliftRun.objects.filter(is_current=True).exclude(pk=run.pk).update(is_current=False)
            held.save(is_current=True)
            tenants.record("uplift_learned", run, actor=run.requested_by, is_ready=is_ready, customers=scored)
    forget_old_runs()
    tenants.notify(
        "uplift_learned",
        level=Level.SUCCESS if is_ready else Level.INFO,
        url=reverse("campaigns:uplift"),
        is_ready=is_ready,
    )
    uplift_learned.send(sender=UpliftRun, run_id=run.pk)
    run.refresh_from_db()
    return run


def _pool(held: jobs.Claim) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """The recipients of all experiments with their features, and what each experiment brought."""
    found = experiments()
    each = MOST_ROWS // max(len(found), 1)
    frames, used = [], []
    for n, campaign in enumerate(found):
        held.report(n, len(found), _("Reading what was known of customers"))
        frame = snapshots.read(campaign, most=each)
        if frame is None or frame.empty:
            continue
        frames.append(frame.assign(experiment=campaign.pk))
        known = frame[frame[snapshots.LEFT].notna()]
        used.append(
            {
                "id": str(campaign.public_id),
                "name": campaign.name,
                "launched_on": str(campaign.launched_at.date()),
                "treated": int(known["treated"].sum()),
                "held_out": int((~known["treated"]).sum()),
                "left_treated": int(known.loc[known["treated"], snapshots.LEFT].sum()),
                "left_held_out": int(known.loc[~known["treated"], snapshots.LEFT].sum()),
                "break_even": _break_even(campaign.result),
            }
        )
    return (pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()), used


def _break_even(result: Mapping[str, Any]) -> float | None:
    """The fall in the share of leavers that pays for a contact, as the campaign's own account has it."""
    for one in result.get("against_holdout", []):
        if money := one.get("money"):
            return money.get("break_even")
    return None


_BESIDE = (snapshots.KEY, "treated", snapshots.LEFT, "propensity", "experiment")


def _fit(pool: pd.DataFrame, used: list[dict[str, Any]]) -> uplift.UpliftModel:
    if pool.empty:
        raise uplift.UpliftRefused("too_few_treated", "Nobody to learn from.", rows=0, needed=MIN_OF_ARM)
    paying = [one["break_even"] for one in used if one["break_even"] is not None]
    learned = uplift.fit(
        pool.drop(columns=list(_BESIDE)),
        pool["treated"].to_numpy(dtype=bool),
        pool[snapshots.LEFT].to_numpy(dtype=np.float64),
        propensity=pool["propensity"].to_numpy(dtype=np.float64),
        experiment=pool["experiment"].to_numpy(),
        keys=pool[snapshots.KEY].to_numpy(),
        seed=0,
        worth=float(np.mean(paying)) if paying else 0.0,
    )
    return learned.model


# ---------------------------------------------------------------- scoring


def _score_everybody(held: jobs.Claim, run: UpliftRun, model: uplift.UpliftModel) -> dict[str, dict[str, int]]:
    """A score for each customer still here, block by block, under a run that nobody is shown yet."""
    total, done = customers.count_all(), 0
    counts = dict.fromkeys(UpliftScore.Group.values, 0)
    scoring = predictions.current_run()
    for frame in customers.feature_frames(block=_BLOCK):
        done += len(frame)
        here = frame[frame["label"] != 1].reset_index(drop=True)
        if len(here):
            benefit = model.benefit(here.assign(**{snapshots.RISK: _risks(scoring, here["id"])}))
            groups = np.array([_GROUPS[kind] for kind in model.kinds(benefit)], dtype=object)
            _write(held, run, here["id"].to_numpy(dtype=np.int64), benefit, groups)
            for group in counts:
                counts[group] += int((groups == group).sum())
        held.report(done, max(total, done), _("Saying it of every customer"))
    return {group: {"customers": n} for group, n in counts.items()}


def _risks(scoring, keys: pd.Series) -> np.ndarray:
    if scoring is None:
        return np.full(len(keys), np.nan)
    rows = Score.objects.filter(run=scoring, customer_id__gte=int(keys.iloc[0]), customer_id__lte=int(keys.iloc[-1]))
    found = bulk.read_numbers(rows.order_by("customer_id").values_list("customer_id", "risk"))
    return keys.map(dict(zip(found["customer_id"].tolist(), found["risk"].tolist(), strict=True))).to_numpy(np.float64)


def _write(held: jobs.Claim, run: UpliftRun, keys: np.ndarray, benefit: np.ndarray, groups: np.ndarray) -> None:
    tenant: Any = run.tenant_id if connection.vendor == "postgresql" else run.tenant_id.hex
    with transaction.atomic():
        held.save(customers=0)  # the fence: a worker taken for dead must not write beside its successor
        here = Customer.objects.filter(pk__gte=int(keys[0]), pk__lte=int(keys[-1])).values_list("pk", flat=True)
        still = np.isin(keys, np.fromiter(here, dtype=np.int64))  # who was erased meanwhile
        rows = zip(keys[still].tolist(), benefit[still].tolist(), groups[still].tolist(), strict=True)
        with bulk.proved_together(UpliftScore):
            bulk.insert(
                UpliftScore._meta.db_table,
                ("tenant_id", "run_id", "customer_id", "effect", "group"),
                ((tenant, run.pk, key, effect, str(group)) for key, effect, group in rows),
            )


def forget_old_runs() -> None:
    """Scores are kept of the run in force; older runs keep what they found."""
    stale = UpliftScore.objects.order_by().exclude(run__is_current=True).exclude(run__state__in=OPEN_STATES)
    for run in UpliftRun.objects.filter(pk__in=stale.values("run_id").distinct())[:20]:
        _forget(run)


def _forget(run: UpliftRun) -> None:
    rows = UpliftScore.objects.filter(run=run)
    while batch := list(rows.order_by("pk").values_list("pk", flat=True)[:_FORGET_BATCH]):
        rows.filter(pk__lte=batch[-1]).delete()


# ---------------------------------------------------------------- as JSON


def _report(model: uplift.UpliftModel) -> dict[str, Any]:
    report = model.report
    plain = ("method", "choice", "ready", "why_not", "qini_floor", "rows", "treated", "unknown")
    return {
        **{name: getattr(report, name) for name in plain},
        "average": asdict(report.average),
        "over_risk": asdict(report.over_risk),
        "rankings": {
            method: {
                "qini": asdict(one.qini),
                "at": {str(share): asdict(figure) for share, figure in one.at.items()},
                "share": one.share.round(4).tolist(),
                "gain": one.gain.round(7).tolist(),
                "low": one.low.round(7).tolist(),
                "high": one.high.round(7).tolist(),
            }
            for method, one in report.rankings.items()
            if method in (report.method, "risk")
        },
        "lists": {
            name: None if found is None else asdict(found)
            for name, found in (("persuadable", report.persuadable), ("do_not_disturb", report.do_not_disturb))
        },
        "groups": {},
    }


def _as_json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _as_json(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(one) for one in value]
    if isinstance(value, np.generic):
        return _as_json(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value
