"""Where a company has its events sent: endpoints, their secrets, and the facts that are announced to them.

A fact is a row first (``announce``), and so is each delivery of it; ``webhook_delivery`` carries them. The caller rings.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from core import addresses, http, jobs, secrets
from core.errors import Refused, Unreachable
from core.models import JobState
from core.parsing import is_unstorable

from . import services
from .models import Tenant, User, WebhookDelivery, WebhookEndpoint, WebhookEvent
from .models_webhooks import EVENTS, new_subject
from .scoping import current_tenant
from .webhook_signing import new_secret

MOST_ENDPOINTS = 10  # of one company: each is a delivery for every event
OVERLAP = timedelta(hours=24)  # that the old secret still signs beside the new one
TEST = "webhook.test"


def endpoints() -> QuerySet[WebhookEndpoint]:
    """Those of the company in scope, newest first; at most ``MOST_ENDPOINTS``."""
    return WebhookEndpoint.objects.order_by("-pk")


def deliveries(endpoint: WebhookEndpoint) -> QuerySet[WebhookDelivery]:
    return WebhookDelivery.objects.filter(endpoint=endpoint).select_related("event")


def host_of(url: str) -> str:
    """The machine of an address, for people: the rest of it may hold a token."""
    return http.check_address(url).host


# ---------------------------------------------------------------- endpoints


def make_endpoint(
    *, actor: User, url: str, events: Iterable[str], description: str = ""
) -> tuple[WebhookEndpoint, str]:
    """A new endpoint and its secret, which nobody can show again.

    Refused("bad_address" | "not_https" | "credentials_in_address" | "private_address" | "no_events" | "unknown_events" |
    "too_long" | "bad_text" | "too_many_webhooks").
    """
    tenant, secret = current_tenant(), new_secret()
    endpoint = WebhookEndpoint(created_by=actor, **_checked(url=url, events=events, description=description))
    with transaction.atomic():
        Tenant.objects.select_for_update().get(pk=tenant.pk)  # two at once count each other
        if WebhookEndpoint.objects.count() >= MOST_ENDPOINTS:
            raise Refused(
                "too_many_webhooks",
                _("There are %(most)s webhooks already: remove one first.") % {"most": MOST_ENDPOINTS},
            )
        endpoint.enter_scope()
        endpoint.secret_sealed = secrets.seal(secret, scope=endpoint.secret_scope)
        endpoint.save()
        services.record("webhook_made", endpoint, actor=actor, events=endpoint.events)
    return endpoint, secret


def change_endpoint(
    *,
    endpoint: WebhookEndpoint,
    actor: User,
    url: str | None = None,
    events: Iterable[str] | None = None,
    description: str | None = None,
    is_active: bool | None = None,
) -> WebhookEndpoint:
    """What is named changes. To switch it on begins with a clean count of failures. Refused as for a new one, but for what
    is not named: an address that may no longer be sent to can still be switched off."""
    with transaction.atomic():
        row = WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)
        again = row.url if url is None and is_active and not row.is_active else url
        for name, value in _checked(url=again, events=events, description=description).items():
            setattr(row, name, value)
        if is_active is not None:
            if is_active and not row.is_active:
                row.failures, row.failing_since = 0, None
            row.is_active, row.stopped_by_itself = is_active, False
        row.save()
        services.record("webhook_changed", row, actor=actor, events=row.events, is_active=row.is_active)
    return row


def rotate_secret(*, endpoint: WebhookEndpoint, actor: User) -> tuple[WebhookEndpoint, str]:
    """A new secret, shown once. The one of before signs beside it for a day, so that no event is refused meanwhile."""
    secret = new_secret()
    with transaction.atomic():
        row = WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)
        row.previous_sealed, row.previous_until = row.secret_sealed, timezone.now() + OVERLAP
        row.secret_sealed = secrets.seal(secret, scope=row.secret_scope)
        row.save(update_fields=["previous_sealed", "previous_until", "secret_sealed"])
        services.record("webhook_secret_changed", row, actor=actor)
    return row, secret


def remove_endpoint(*, endpoint: WebhookEndpoint, actor: User) -> None:
    """With its deliveries: what is under way is not sent again."""
    with transaction.atomic():
        services.record("webhook_removed", endpoint, actor=actor)
        endpoint.delete()


def valid_secrets(endpoint: WebhookEndpoint) -> list[str]:
    """The newest first; the one of before as long as it is valid. Raises core.secrets.SealBroken."""
    found = [secrets.unseal(endpoint.secret_sealed, scope=endpoint.secret_scope)]
    if endpoint.previous_sealed and endpoint.previous_until and endpoint.previous_until > timezone.now():
        found.append(secrets.unseal(endpoint.previous_sealed, scope=endpoint.secret_scope))
    return found


def reseal_webhooks() -> tuple[int, int]:
    """Seal every secret of the company in scope under the newest key: (how many, how many could not be opened)."""
    done = lost = 0
    for endpoint in endpoints():
        try:
            endpoint.secret_sealed = secrets.reseal(endpoint.secret_sealed, scope=endpoint.secret_scope)
            endpoint.previous_sealed = secrets.reseal(endpoint.previous_sealed, scope=endpoint.secret_scope)
        except secrets.SealBroken:
            lost += 1
            continue
        endpoint.save(update_fields=["secret_sealed", "previous_sealed"])
        done += 1
    return done, lost


def _checked(
    *, url: str | None = None, events: Iterable[str] | None = None, description: str | None = None
) -> dict[str, object]:
    """What was said, as it is kept."""
    found: dict[str, object] = {}
    if len((url or "").strip()) > 500 or len((description or "").strip()) > 120:
        raise Refused("too_long", _("An address has at most 500 characters, a description at most 120."))
    if description is not None:
        found["description"] = description.strip()
        if is_unstorable(description):
            raise Refused("bad_text", _("The description holds characters that cannot be kept."))
    if url is not None:
        found["url"] = url.strip()
        address = http.check_address(url)
        _check_machine(address.host, address.port or 443)
    if events is not None:
        found["events"] = wanted = list(dict.fromkeys(events))
        if not wanted:
            raise Refused("no_events", _("Choose at least one event."))
        if unknown := sorted(set(wanted) - set(EVENTS)):
            names = ", ".join(unknown)[:200]
            raise Refused("unknown_events", _("There are no such events: %(names)s.") % {"names": names})
    return found


def _check_machine(host: str, port: int) -> None:
    """Refuse at once what says by itself that it is private; a name is resolved and vetted at each delivery."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        if "." in host.strip("."):
            return
    try:
        addresses.resolve(host, port, allowed=settings.WEBHOOK_PRIVATE_HOSTS)
    except Refused as refusal:
        raise private_refused(refusal, host) from None
    except Unreachable:  # no names can be looked up now: it is vetted at each delivery, as others are
        return


def private_refused(refusal: Refused, host: str) -> Refused:
    """The same refusal with the name of the setting that would allow it."""
    if refusal.code != "private_address":
        return refusal
    return Refused(
        "private_address",
        _(
            "“%(host)s” is a machine of a private network, and no event is sent there. "
            "Whoever runs this site can allow it (WEBHOOK_PRIVATE_HOSTS)."
        )
        % {"host": host},
    )


# ---------------------------------------------------------------- events


def announce(kind: str, *, subject: str, **data: object) -> list[WebhookDelivery]:
    """A fact for the endpoints that asked for it: the deliveries that wait now. Told twice, it is one event.

    ``subject`` names whose fact it is (an import's identifier); ``data``: identifiers, counts and a link.
    """
    wanting = [row for row in endpoints().filter(is_active=True)[:MOST_ENDPOINTS] if kind in row.events]
    return _told(kind, subject, data, wanting) if wanting else []


def told(kind: str, subjects: Collection[str]) -> set[str]:
    """Which of these facts are events already."""
    asked, found = sorted(subjects), set()
    for begin in range(0, len(asked), 500):
        events = WebhookEvent.objects.filter(kind=kind, subject__in=asked[begin : begin + 500])
        found.update(events.values_list("subject", flat=True))
    return found


def send_test(*, endpoint: WebhookEndpoint, actor: User) -> WebhookDelivery:
    """An event of no importance to this endpoint alone. Refused("switched_off")."""
    if not endpoint.is_active:
        raise Refused("switched_off", _("This webhook is switched off: switch it on first."))
    return _told(TEST, new_subject(), {"message": "This is a test."}, [endpoint], actor=actor)[0]


def _told(
    kind: str, subject: str, data: dict[str, object], wanting: list[WebhookEndpoint], actor: User | None = None
) -> list[WebhookDelivery]:
    tenant, now = current_tenant(), timezone.now()
    payload = {
        "type": kind,
        "timestamp": now.isoformat(timespec="milliseconds"),
        "company": str(tenant.pk),
        "data": data,
    }
    with transaction.atomic():
        event, made = WebhookEvent.objects.get_or_create(
            kind=kind, subject=subject, defaults={"payload": payload, "created_at": now}
        )
        if not made:
            return []
        return WebhookDelivery.objects.bulk_create(
            [WebhookDelivery(endpoint=endpoint, event=event, requested_by=actor) for endpoint in wanting]
        )


def redeliver(*, delivery: WebhookDelivery, actor: User) -> WebhookDelivery:
    """Send it again, with the same ``webhook-id``, whatever became of it. Refused("switched_off" | "under_way")."""
    if not delivery.endpoint.is_active:
        raise Refused("switched_off", _("This webhook is switched off: switch it on first."))
    ended = (JobState.SUCCEEDED, JobState.DEAD, JobState.FAILED, JobState.CANCELLED, JobState.QUEUED)
    with transaction.atomic():
        if not jobs.resume(delivery, since=ended, tries=0):
            raise Refused("under_way", _("It is being sent at this moment."))
        services.record("webhook_redelivered", delivery, actor=actor)
    return delivery


def forget_events() -> int:
    """Drop events of the company in scope that are older than is kept, with their deliveries. Returns how many."""
    before = timezone.now() - timedelta(days=settings.WEBHOOK_DAYS)
    old = WebhookEvent.objects.filter(created_at__lt=before).order_by("pk")
    gone = 0
    while keys := list(old.values_list("pk", flat=True)[:500]):
        WebhookEvent.objects.filter(pk__in=keys).delete()
        gone += len(keys)
    return gone


def find_endpoint(public_id: UUID) -> WebhookEndpoint | None:
    return WebhookEndpoint.objects.filter(public_id=public_id).first()


def find_delivery(public_id: UUID) -> WebhookDelivery | None:
    return WebhookDelivery.objects.select_related("endpoint", "event").filter(public_id=public_id).first()
