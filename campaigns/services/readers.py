"""What readers of a mail do with its links: they unsubscribe, follow a link, or open it; and scanners do the last two as well."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from tenants.models import Tenant
from tenants.scoping import current_tenant

from ..models import DeliverySignal, Recipient
from ..outreach import message
from ..outreach.message import Token
from . import consent, keys
from .letters import Letters

Kind = DeliverySignal.Kind
_KINDS = {message.CLICK: Kind.CLICKED, message.OPEN: Kind.OPENED}
# A scanner opens a mail before its reader can: between two of these seconds nobody reads.
TOO_QUICK = timedelta(seconds=10)
_MACHINES = re.compile(
    r"bot\b|bots?/|crawl|spider|slurp|scan|preview|prefetch|monitor|check|headless|phantom|python|curl|wget|java/|go-http|okhttp"
    r"|libwww|axios|node-fetch|proofpoint|mimecast|barracuda|symantec|messagelabs|fireeye|trendmicro|ironport|sophos|safelinks"
    r"|microsoft office|ms-office|bingpreview|googleimageproxy|yahoomailproxy|cloudmark|zscaler|forcepoint|urldefense",
    re.I,
)
_PREFETCHING = ("Purpose", "Sec-Purpose", "X-Purpose", "X-Moz")


@dataclass(frozen=True, slots=True)
class Visit:
    """How somebody came: the method and the headers of the request."""

    method: str
    headers: Mapping[str, str]


def company_of(tenant: str) -> Tenant | None:
    """The company that a token names; its scope is entered by the caller."""
    try:
        return Tenant.objects.filter(pk=UUID(tenant)).first()
    except ValueError:
        return None


def read_unsubscribe(text: str) -> tuple[Tenant, Token] | None:
    """Whose link it is, and of which company; None where it is not ours, or the company is gone."""
    return _read(keys.read_unsubscribe_token(text), "tenant")


def read_signal(purpose: str, text: str) -> tuple[Tenant, Token] | None:
    """As ``read_unsubscribe``, of a link for "click" or "open"."""
    return _read(keys.read_signal_token(purpose, text), "campaign")


def _read(token: Token | None, column: str) -> tuple[Tenant, Token] | None:
    tenant = company_of(getattr(token, column)) if token is not None else None
    return (tenant, token) if tenant is not None else None


def unsubscribe(token: Token) -> bool:
    """At once, and for everything (RULES 20). Returns whether it was news."""
    return consent.unsubscribe(address_key=token.address_key, source=f"link {token.campaign}"[:60])


def follow(token: Token, visit: Visit) -> str | None:
    """Where the link leads, as the frozen wording says; None where it leads nowhere or was not to be counted."""
    recipient = _recipient(token)
    if recipient is None or not recipient.campaign.frozen.get("tracks_links"):
        return None
    target = Letters(recipient.campaign).target(recipient, token.link_number)
    if target is None or not target.startswith("https://"):
        return None
    _note(recipient, message.CLICK, visit, link=token.link_number)
    return target


def note_open(token: Token, visit: Visit) -> None:
    """An image was asked for: a person's mail program, or a machine that asks for every image."""
    recipient = _recipient(token)
    if recipient is not None and recipient.campaign.frozen.get("tracks_opens"):
        _note(recipient, message.OPEN, visit)


def _recipient(token: Token) -> Recipient | None:
    if not token.recipient.isdigit():
        return None
    rows = Recipient.objects.select_related("campaign__version", "campaign__rival_version")
    return rows.filter(pk=int(token.recipient)).exclude(state=Recipient.State.HELD_OUT).first()


def _note(recipient: Recipient, purpose: str, visit: Visit, link: int | None = None) -> None:
    """Once for each link, by people and by machines: how often somebody clicks says nothing more, and nobody can fill the
    table by asking again."""
    is_machine = looks_like_a_machine(visit, recipient)
    seen = {"recipient": recipient, "kind": _KINDS[purpose], "link": link, "is_machine": is_machine}
    if DeliverySignal.objects.filter(**seen).exists():
        return
    detail = "".join(sign if sign.isprintable() else " " for sign in visit.headers.get("User-Agent", ""))
    DeliverySignal.objects.create(
        tenant=current_tenant(), campaign_id=recipient.campaign_id, detail=detail[:300], **seen
    )


def looks_like_a_machine(visit: Visit, recipient: Recipient) -> bool:
    """A scanner's or a proxy's visit: by its method, its name, what it says of itself, or because it came too quickly."""
    agent = visit.headers.get("User-Agent", "")
    if visit.method != "GET" or not agent or _MACHINES.search(agent):
        return True
    if any("prefetch" in visit.headers.get(name, "").lower() or "preview" in visit.headers.get(name, "").lower()
           for name in _PREFETCHING):  # fmt: skip
        return True
    return recipient.sent_at is None or timezone.now() - recipient.sent_at < TOO_QUICK
