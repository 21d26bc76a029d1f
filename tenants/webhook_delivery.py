"""One delivery at a time: a signed POST through the guarded client, and what becomes of it.

2xx is delivered. Anything else is tried again with growing pauses for about a day, then given up, and the bell rings. A
worker killed between the receiver's answer and the row sends it again with the same ``webhook-id``: at least once.
"""

from __future__ import annotations

import json
import logging
import random
import time
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from core import http, jobs, secrets
from core.errors import Refused, Unreachable
from core.models import JobState

from . import services
from .models import Level, WebhookDelivery, WebhookEndpoint
from .models_webhooks import NOTE_LENGTH
from .webhook_signing import headers
from .webhooks import TEST, host_of, private_refused, valid_secrets

logger = logging.getLogger(__name__)

# Seconds to the next attempt, each a fifth longer or shorter by chance: twelve attempts within about a day.
PAUSES = (5, 30, 120, 600, 1_800, 3_600, 7_200, 10_800, 14_400, 18_000, 28_800)
_JITTER = 0.2
_LONGEST_ASKED = 3_600  # of a receiver's own Retry-After
_GONE = 410  # the receiver says that it wants nothing more, ever


@dataclass(frozen=True, slots=True)
class Outcome:
    """``status`` None: nobody answered. ``note``: the beginning of the answer, or why there was none."""

    status: int | None
    note: str
    took_ms: int
    retry_after: int = 0

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def reason(self) -> str:
        if self.status is None:
            return self.note
        return _("the answer was %(status)s") % {"status": self.status}


def deliver(*, delivery_id: int) -> WebhookDelivery:
    """Try once, and write what became of it. The row rests until the next attempt, or has ended."""
    with jobs.claimed(WebhookDelivery, delivery_id) as held:
        delivery = WebhookDelivery.objects.select_related("endpoint", "event").get(pk=delivery_id)
        endpoint, is_test = delivery.endpoint, delivery.event.kind == TEST
        if not endpoint.is_active:
            held.outcome = JobState.CANCELLED
            return delivery
        most = 1 if is_test else len(PAUSES) + 1
        tries = delivery.tries % most + 1  # one that was given up and is tried again begins anew
        outcome = _attempt(delivery)
        held.save(
            tries=tries,
            last_status=outcome.status,
            last_note=_kept(outcome.note),
            last_tried_at=timezone.now(),
            last_took_ms=outcome.took_ms,
        )
        if outcome.is_taken:
            WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
                failures=0, failing_since=None, delivered_at=timezone.now()
            )
            return delivery
        if not is_test:
            _note_failure(endpoint, outcome)
        if tries < most and outcome.status != _GONE:
            held.rest_until(timezone.now() + timedelta(seconds=_pause(tries, outcome.retry_after)))
        elif is_test:
            held.give_up(
                "not_delivered", outcome.reason, state=JobState.FAILED
            )  # nobody's loss: no dead job to look at
        else:
            _tell_given_up(delivery, outcome)
            held.give_up("not_delivered", outcome.reason)
    return delivery


def _attempt(delivery: WebhookDelivery) -> Outcome:
    """The exchange, outside any transaction; whatever goes wrong is an outcome."""
    event, endpoint = delivery.event, delivery.endpoint
    body = json.dumps(event.payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    rules = http.Rules(
        seconds=settings.WEBHOOK_SECONDS,
        private_hosts=settings.WEBHOOK_PRIVATE_HOSTS,
        ca_file=settings.WEBHOOK_CA_FILE,
    )
    began = time.perf_counter()
    try:
        signed = headers(valid_secrets(endpoint), message_id=event.message_id, timestamp=int(time.time()), body=body)
        said = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "ChurnGuard-Webhooks/1", **signed}
        reply = http.post(endpoint.url, body, rules=rules, headers=said, kept=4 * NOTE_LENGTH)
    except secrets.SealBroken:
        note = _("The secret cannot be opened with any key of this site: make a new one.")
        return Outcome(None, note, _since(began))
    except Refused as refusal:
        return Outcome(None, private_refused(refusal, host_of(endpoint.url)).message, _since(began))
    except Unreachable as error:
        return Outcome(None, error.message, _since(began))
    asked = {name.lower(): value for name, value in reply.headers.items()}.get("retry-after", "")
    wait = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 7 else 0
    return Outcome(reply.status, reply.beginning.decode("utf-8", "replace"), _since(began), min(wait, _LONGEST_ASKED))


def _since(began: float) -> int:
    return round(1000 * (time.perf_counter() - began))


def _kept(note: str) -> str:
    """What a database takes of a stranger's text."""
    return note.replace("\x00", "").strip()[:NOTE_LENGTH]


def _pause(tries: int, asked: int) -> float:
    """Seconds to the next attempt; chance spreads the load and guards nothing."""
    pause = PAUSES[tries - 1] * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311
    return max(pause, asked)


def _note_failure(endpoint: WebhookEndpoint, outcome: Outcome) -> None:
    """Count it, and switch the endpoint off where it has failed too often for too long, or is gone for good."""
    now = timezone.now()
    mine = WebhookEndpoint.objects.filter(pk=endpoint.pk, is_active=True)
    mine.update(failures=F("failures") + 1, failing_since=Coalesce("failing_since", now))
    long_enough = mine.filter(
        failures__gte=settings.WEBHOOK_STOP_AFTER,
        failing_since__lte=now - timedelta(hours=settings.WEBHOOK_STOP_HOURS),
    )
    over = mine if outcome.status == _GONE else long_enough
    if over.update(is_active=False, stopped_by_itself=True):
        services.record("webhook_stopped", endpoint, status=outcome.status)
        _ring("webhook_stopped", endpoint, outcome)


def _tell_given_up(delivery: WebhookDelivery, outcome: Outcome) -> None:
    """Once a day for an endpoint: ten events that nobody took are one trouble."""
    lately = timezone.now() - timedelta(days=1)
    told = WebhookDelivery.objects.filter(
        endpoint=delivery.endpoint, state=JobState.DEAD, finished_at__gt=lately
    ).exclude(event__kind=TEST)
    if not told.exists():
        _ring("webhook_given_up", delivery.endpoint, outcome)


def _ring(code: str, endpoint: WebhookEndpoint, outcome: Outcome) -> None:
    services.notify(
        code,
        level=Level.ERROR,
        url=reverse("tenants:webhook", args=[endpoint.public_id]),
        host=host_of(endpoint.url),
        reason=outcome.reason,
    )
