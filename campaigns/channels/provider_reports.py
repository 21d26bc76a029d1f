"""Reads what a mail provider posts about mails: anymail knows each one's language, and here it becomes a report."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from anymail.exceptions import AnymailConfigurationError, AnymailWebhookValidationFailure
from anymail.signals import AnymailTrackingEvent, EventType, RejectReason
from django.http import HttpRequest
from django.utils.module_loading import import_string

from ..outreach.delivery.replies import Stage, classify, split_enhanced
from .provider import METADATA, PROVIDERS

HARD, SOFT, COMPLAINT, UNSUBSCRIBED, OTHER = "hard", "soft", "complaint", "unsubscribed", "other"
MOST_EVENTS = 5_000  # in one post


class Unreadable(Exception):
    """The post is not what this provider sends, or its own signature is wrong."""


@dataclass(frozen=True, slots=True)
class ProviderReport:
    """``kind``: hard · soft · complaint · unsubscribed · other; ``message_id``: the mail's own name, where it came back."""

    kind: str
    address: str
    message_id: str
    detail: str


def read_reports(provider: str, request: HttpRequest, options: Mapping[str, str]) -> list[ProviderReport]:
    """The reports in a provider's post, whose sender the caller has made sure of. ``options``: the provider's settings; where
    they hold the key of its signature, that is checked too. Raises Unreadable."""
    known = PROVIDERS[provider]
    arguments: dict[str, Any] = {"basic_auth": ["checked:before"]}
    signs = bool(options.get("webhook_signing_key"))
    if provider == "mailgun":
        arguments["webhook_signing_key"] = options.get("webhook_signing_key") or "none"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reader = import_string(known.webhook)(**arguments)
    try:
        if signs:
            reader.basic_auth = []  # ours was checked
            reader.run_validators(request)
        events = reader.parse_events(request)
    except (AnymailWebhookValidationFailure, AnymailConfigurationError) as error:
        raise Unreadable(str(error)) from error
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, LookupError) as error:
        raise Unreadable(type(error).__name__) from error
    return [_report(provider, event) for event in events[:MOST_EVENTS]]


def _report(provider: str, event: AnymailTrackingEvent) -> ProviderReport:
    metadata = event.metadata if isinstance(event.metadata, Mapping) else {}
    name = metadata.get(METADATA) or ""
    detail = event.mta_response or event.description or ""
    return ProviderReport(_kind(provider, event), str(event.recipient or "")[:320], str(name)[:200], str(detail)[:300])


def _kind(provider: str, event: AnymailTrackingEvent) -> str:
    by_reason = {RejectReason.SPAM: COMPLAINT, RejectReason.UNSUBSCRIBED: UNSUBSCRIBED}
    if event.event_type == EventType.COMPLAINED:
        return COMPLAINT
    if event.event_type == EventType.UNSUBSCRIBED:
        return UNSUBSCRIBED
    if event.event_type == EventType.DEFERRED:
        return SOFT
    if event.event_type == EventType.REJECTED and event.reject_reason in by_reason:
        return by_reason[event.reject_reason]
    if event.event_type not in (EventType.BOUNCED, EventType.REJECTED, EventType.FAILED):
        return OTHER
    return HARD if _is_hard(provider, event) else SOFT


def _is_hard(provider: str, event: AnymailTrackingEvent) -> bool:
    """Whether the address is dead. Providers call "bounced" also what a full mailbox or a block sends back: their own word
    for a dead address is needed, and the server's answer, where it is there, must not say something else."""
    said = event.esp_event if isinstance(event.esp_event, Mapping) else {}
    try:
        if not _DEAD[provider](said):
            return False
    except (KeyError, TypeError, AttributeError):
        return False
    answer = str(event.mta_response or "").strip()
    code, rest = answer[:3], answer[3:].lstrip(" -")
    if not (code.isascii() and code.isdigit()):
        return True
    enhanced, text = split_enhanced(rest)
    return classify(int(code), enhanced, text, Stage.RECIPIENT).is_hard_bounce


_DEAD: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "brevo": lambda said: said.get("event") in ("hard_bounce", "invalid_email"),
    "mailgun": lambda said: said["event-data"]["severity"] == "permanent",
    "mailjet": lambda said: said.get("hard_bounce") in (True, 1, "1", "true"),
    "postmark": lambda said: said.get("Type") in ("HardBounce", "BadEmailAddress"),
    "resend": lambda said: said["data"]["bounce"]["type"] == "Permanent",
    "sparkpost": lambda said: str(_inner(said).get("bounce_class")) in ("10", "30"),
}


def _inner(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """SparkPost's event without its envelope, whichever of the two anymail hands on."""
    event = said.get("msys", said)
    return next(iter(event.values())) if isinstance(event, Mapping) and len(event) == 1 else event
