"""What /metrics says of the database and the broker: queues, workers, jobs, mails, the age of scores, drift, the disk.

Asked a company at a time, inside its scope, and only for what roll-ups know already: no question grows with the number
of customers, mails or finished jobs.
"""

from __future__ import annotations

import platform
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import django
import redis
from django.conf import settings
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from campaigns.models import Campaign, Recipient
from core import broker
from core.census import census
from core.models import JobState
from predictions.models import DriftReport, ScoringRun
from tenants.models import Tenant
from tenants.scoping import tenant_scope

from .version import VERSION

VERDICTS = ("stable", "moved", "moved_much", "too_few")
_CAMPAIGN_DAYS = 30
_MOST_CAMPAIGNS = 500


@dataclass(frozen=True, slots=True)
class CompanyStock:
    """One company: ``mails`` of the campaigns of the last thirty days, by state, as their roll-ups say."""

    scored_at: datetime | None
    verdict: str
    checked_at: datetime | None
    mails: dict[str, int] = field(default_factory=dict)


def company_stock() -> CompanyStock:
    """Of the company in scope: three small questions."""
    scored = ScoringRun.objects.filter(is_current=True).values_list("finished_at", flat=True).first()
    checked = DriftReport.objects.filter(state=JobState.SUCCEEDED).order_by("-requested_at", "-pk")
    verdict, checked_at = checked.values_list("verdict", "finished_at").first() or ("", None)
    mails: Counter[str] = Counter()
    since = timezone.now() - timedelta(days=_CAMPAIGN_DAYS)
    recent = Campaign.objects.filter(launched_at__gte=since).order_by("-pk")
    for counts in recent.values_list("counts", flat=True)[:_MOST_CAMPAIGNS]:
        for states in counts.values():
            mails.update(states)
    mails.pop(Recipient.State.HELD_OUT, None)  # nobody meant to write to them
    return CompanyStock(scored, verdict, checked_at, dict(mails))


def metrics() -> Iterator[Metric]:
    """The figures of the whole installation, for core.metrics."""
    yield _about()
    yield from _disk()
    yield from _broker()
    yield from _jobs()
    yield from _companies()


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"churnguard_{name}", text, labels=labels)


def _about() -> Metric:
    about = _gauge("build_info", "Versions.", "version", "python", "django")
    about.add_metric([VERSION, platform.python_version(), django.__version__], 1)
    return about


def _disk() -> Iterator[Metric]:
    usage = shutil.disk_usage(settings.VAR_DIR)
    for name, text, value in (
        ("disk_free_bytes", "Free space where the site keeps its files.", usage.free),
        ("disk_bytes", "The size of that disk.", usage.total),
    ):
        gauge = _gauge(name, text)
        gauge.add_metric([], value)
        yield gauge


def _broker() -> Iterator[Metric]:
    if not broker.has_broker():
        return
    try:
        waiting, workers, swept = broker.waiting(), broker.workers(), broker.swept_at()
    except (redis.RedisError, OSError):
        return  # churnguard_up says so
    depth = _gauge("queue_messages", "Messages that no worker has taken yet.", "queue")
    listening = _gauge("queue_workers", "Worker processes that listen to the queue.", "queue")
    for queue in broker.QUEUES:
        depth.add_metric([queue], waiting[queue])
        listening.add_metric([queue], sum(w.processes for w in workers if w.is_here and queue in w.queues))
    yield depth
    yield listening
    if swept is not None:
        age = _gauge("sweep_age_seconds", "Since the sweeper ran: it needs beat, the broker and a worker.")
        age.add_metric([], max(time.time() - swept, 0.0))
        yield age


def _jobs() -> Iterator[Metric]:
    by_state = _gauge("jobs", "Jobs by kind and state, among the newest 5,000 of each kind.", "kind", "state")
    oldest: dict[str, float] = dict.fromkeys(broker.QUEUES, 0.0)
    now = timezone.now()
    for kind in census():
        for state in JobState.values:
            by_state.add_metric([kind.kind, state], kind.states.get(state, 0))
        if kind.waiting_since:
            waited = (now - kind.waiting_since).total_seconds()
            oldest[kind.queue] = max(oldest.get(kind.queue, 0.0), waited)
    yield by_state
    age = _gauge("queue_oldest_seconds", "How long the oldest job of a queue has waited past its time.", "queue")
    for queue, waited in oldest.items():
        age.add_metric([queue], waited)
    yield age


def _companies() -> Iterator[Metric]:
    number = _gauge("companies", "Companies of this installation.")
    scores = _gauge("scores_age_seconds", "Since the current scores of a company were made.", "company")
    drift = _gauge("drift", "1 for the verdict of a company's newest check for drift.", "company", "verdict")
    mails: Counter[str] = Counter()
    now = timezone.now()
    companies = 0
    for tenant in Tenant.objects.order_by("pk").iterator(chunk_size=200):
        companies += 1
        with tenant_scope(tenant):
            found = company_stock()
        mails.update(found.mails)
        if found.scored_at:
            scores.add_metric([str(tenant.pk)], (now - found.scored_at).total_seconds())
        if found.verdict:
            for verdict in VERDICTS:
                drift.add_metric([str(tenant.pk), verdict], float(verdict == found.verdict))
    number.add_metric([], companies)
    by_state = _gauge("mails", "Mails of the campaigns of the last thirty days, by state.", "state")
    for state in Recipient.State.values:
        if state != Recipient.State.HELD_OUT:
            by_state.add_metric([state], mails[state])
    yield from (number, scores, drift, by_state)
