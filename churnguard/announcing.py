"""The stages' facts as events for a company's own programs: identifiers, counts and a link, no personal data.

Listens to the signals, and is asked by beat for what a worker died before announcing: a fact told twice is one event.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import wraps

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Campaign
from campaigns.signals import campaign_finished
from core import jobs
from core.models import JobState
from customers.models import Import
from customers.signals import import_finished
from predictions.models import DriftReport, ModelVersion, ScoringRun
from predictions.signals import alarm_raised, customers_scored, model_trained
from tenants import webhooks
from tenants.models import AuditEntry

logger = logging.getLogger(__name__)

_LOST = timedelta(hours=2)  # how far back a lost announcement is looked for
_LATER = timedelta(minutes=1)  # by then it was made, or its worker is gone
_MOST = 50


def connect() -> None:
    import_finished.connect(tell_import, dispatch_uid="announcing.tell_import")
    model_trained.connect(tell_training, dispatch_uid="announcing.tell_training")
    customers_scored.connect(tell_scoring, dispatch_uid="announcing.tell_scoring")
    alarm_raised.connect(tell_drift, dispatch_uid="announcing.tell_drift")
    campaign_finished.connect(tell_campaign, dispatch_uid="announcing.tell_campaign")


def _quietly(tell: Callable[..., None]) -> Callable[..., None]:
    """The job has ended well: an event that could not be written is told by ``catch_up``, and stops nothing."""

    @wraps(tell)
    def listen(sender, **said: object) -> None:
        try:
            with transaction.atomic():
                tell(sender, **said)
        except DatabaseError:
            logger.exception("an event could not be announced: %s", tell.__name__)

    return listen


@_quietly
def tell_import(sender, *, import_id: int, **_: object) -> None:
    if _is_heard("import.finished"):
        _import(Import.objects.get(pk=import_id))


@_quietly
def tell_training(sender, *, version_id: int, **_: object) -> None:
    if _is_heard("training.finished"):
        _training(ModelVersion.objects.select_related("run").get(pk=version_id))


@_quietly
def tell_scoring(sender, *, run_id: int, **_: object) -> None:
    if _is_heard("scoring.finished"):
        _scoring(ScoringRun.objects.select_related("version").get(pk=run_id))


@_quietly
def tell_drift(sender, *, code: str, report_id: int | None = None, **_: object) -> None:
    if code == "drift_found" and report_id is not None and _is_heard("drift.alarm"):
        _drift(DriftReport.objects.select_related("version").get(pk=report_id))


@_quietly
def tell_campaign(sender, *, campaign_id: int, **_: object) -> None:
    if _is_heard("campaign.finished"):
        _campaign(Campaign.objects.get(pk=campaign_id))


def catch_up() -> None:
    """Tell what ended lately and was not told, because a worker died between the end of its job and its announcement.

    One question where the company has no webhook.
    """
    heard = _heard_since()
    if not heard:
        return
    now = timezone.now()
    begin, end = now - _LOST, now - _LATER
    ended = {"finished_at__lte": end, "state": JobState.SUCCEEDED}
    if since := heard.get("import.finished"):
        imports = Import.objects.filter(**ended, finished_at__gt=max(since, begin), undone_at=None, is_dry=False)
        for run in _untold("import.finished", imports):
            _import(run)
    if since := heard.get("training.finished"):
        versions = ModelVersion.objects.select_related("run").filter(
            trained_at__gt=max(since, begin), trained_at__lte=end, run__state=JobState.SUCCEEDED
        )
        for version in _untold("training.finished", versions):
            _training(version)
    if since := heard.get("scoring.finished"):
        runs = ScoringRun.objects.select_related("version").filter(**ended, finished_at__gt=max(since, begin))
        for run in _untold("scoring.finished", runs):
            _scoring(run)
    if since := heard.get("drift.alarm"):
        found = AuditEntry.objects.filter(verb="drift_found", at__gt=max(since, begin), at__lte=end)
        alarming = DriftReport.objects.select_related("version").filter(
            public_id__in=list(found.values_list("object_id", flat=True).distinct())
        )
        for report in _untold("drift.alarm", alarming):
            _drift(report)
    if since := heard.get("campaign.finished"):
        finished = Campaign.objects.filter(
            state=Campaign.State.FINISHED, finished_at__gt=max(since, begin), finished_at__lte=end
        )
        for campaign in _untold("campaign.finished", finished):
            _campaign(campaign)


def _untold(kind: str, rows: QuerySet) -> list:
    """The first of them, oldest first, that are no event yet: those told would take the places of those that were lost."""
    subjects = rows.order_by("pk").values_list("pk", "public_id")
    told = webhooks.told(kind, {str(subject) for _key, subject in subjects})
    keys = [key for key, subject in subjects if str(subject) not in told]
    return list(rows.filter(pk__in=keys[:_MOST]).order_by("pk"))


def _heard_since() -> dict[str, object]:
    """Event -> since when somebody listens to it."""
    found: dict[str, object] = {}
    for endpoint in webhooks.endpoints().filter(is_active=True)[: webhooks.MOST_ENDPOINTS]:
        for kind in endpoint.events:
            found[kind] = min(found.get(kind, endpoint.created_at), endpoint.created_at)
    return found


def _is_heard(kind: str) -> bool:
    return kind in _heard_since()


def _tell(kind: str, subject: object, address: str, **data: object) -> None:
    for delivery in webhooks.announce(kind, subject=str(subject), url=settings.PUBLIC_URL + address, **data):
        jobs.ring(delivery)


def _import(run: Import) -> None:
    counts = {name: getattr(run, f"rows_{name}") for name in ("read", "created", "updated", "unchanged", "refused")}
    address = reverse("customers:import_detail", args=[run.public_id])
    _tell("import.finished", run.public_id, address, **{"import": str(run.public_id)}, rows=counts)


def _training(version: ModelVersion) -> None:
    address = reverse("predictions:version_detail", args=[version.number])
    _tell(
        "training.finished",
        version.public_id,
        address,
        training=str(version.run.public_id) if version.run else None,
        version=version.number,
        algorithm=version.algorithm,
        in_charge=version.is_champion,
        learned_from=version.rows,
    )


def _scoring(run: ScoringRun) -> None:
    _tell(
        "scoring.finished",
        run.public_id,
        reverse("dashboard:dashboard"),
        scoring=str(run.public_id),
        version=run.version.number,
        scored=run.scored,
        bands=run.summary.get("present", {}).get("bands", run.bands),
    )


def _drift(report: DriftReport) -> None:
    features = report.findings.get("features", [])
    moved = [one["name"] for one in features if one["verdict"] in ("moved", "moved_much")]
    _tell(
        "drift.alarm",
        report.public_id,
        reverse("predictions:drift"),
        check=str(report.public_id),
        version=report.version.number,
        verdict=report.verdict,
        customers=report.customers,
        columns_moved=len(moved),
        columns=moved[:20],
    )


def _campaign(campaign: Campaign) -> None:
    states: dict[str, int] = {}
    for arm in campaign.counts.values():
        for state, n in arm.items():
            states[state] = states.get(state, 0) + n
    _tell(
        "campaign.finished",
        campaign.public_id,
        reverse("campaigns:campaign", args=[campaign.public_id]),
        campaign=str(campaign.public_id),
        recipients=states,
    )
