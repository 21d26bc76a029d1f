"""What comes back about mails: bounces and complaints, by a provider's webhook or as mail in a file, and what follows."""

from __future__ import annotations

import hashlib
import hmac
import secrets as randomness
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import Refused
from core.secrets import SealBroken
from tenants import services as tenants
from tenants.models import Tenant, User
from tenants.scoping import current_tenant

from ..channels import provider as provider_channel
from ..channels import provider_reports
from ..models import DeliverySignal, Recipient, SenderProfile, Suppression
from ..outreach import message
from ..outreach.delivery import bounces, mailboxes
from . import consent, keys, senders

Kind = DeliverySignal.Kind
HARD, SOFT, COMPLAINT = "hard", "soft", "complaint"
_KINDS = {HARD: Kind.HARD_BOUNCE, SOFT: Kind.SOFT_BOUNCE, COMPLAINT: Kind.COMPLAINT}
WITHIN_DAYS = 30  # a report without the mail's name is believed only of an address that was written to since
_LOOKED_AT = 50  # newest mails to one address among which the reported one is looked for
MOST_FILE_BYTES = 256 << 20
MOST_UPLOAD_BYTES = 16 << 20  # of a file that is read while somebody waits; the command takes larger ones


@dataclass(slots=True)
class Taken:
    """What a batch of reports came to. ``unknown``: about mail that is not ours, or that nobody can place."""

    hard: int = 0
    soft: int = 0
    complaint: int = 0
    repeated: int = 0
    unknown: int = 0
    other: int = 0  # automatic answers, and mail that is no report
    unreadable: int = 0
    suppressed: int = field(default=0)

    def as_json(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def record_report(kind: str, *, address: str = "", message_id: str = "", detail: str = "") -> str:
    """One report: "hard" and "complaint" suppress the address, each is noted as a signal once. Returns "recorded" ·
    "repeated" · "unknown".

    ``message_id``: of the mail that it is about, or the part before its @; ``address``: of who did not get it. A report is
    believed only of mail that we sent: by its name, which nobody can guess, or by an address written to lately. Else
    whoever can write to our mailbox could silence customers.
    """
    recipient = _recipient(address, message_id)
    if recipient is None:
        return "unknown"
    signal = _KINDS[kind]
    with transaction.atomic():
        if DeliverySignal.objects.filter(recipient=recipient, kind=signal).exists():
            return "repeated"
        DeliverySignal.objects.create(
            tenant=current_tenant(),
            campaign_id=recipient.campaign_id,
            recipient=recipient,
            kind=signal,
            detail=_plain(detail)[:300],
        )
        if kind in (HARD, COMPLAINT):
            reason = Suppression.Reason.BOUNCED if kind == HARD else Suppression.Reason.COMPLAINED
            consent.suppress(address_keys=[recipient.address_key], reason=reason, source="report")
    return "recorded"


def _recipient(address: str, message_id: str) -> Recipient | None:
    key = keys.address_key_or_none(address) if address else ""
    if not key:
        return None
    sent = Recipient.objects.filter(address_key=key).exclude(sent_at=None).select_related("campaign")
    newest = list(sent.order_by("-sent_at", "-pk")[:_LOOKED_AT])
    named = message_id.strip().strip("<>").partition("@")[0].lower()
    if named:
        found = next((one for one in newest if named in _names(one)), None)
        if found is not None:
            return found
    since = timezone.now() - timedelta(days=WITHIN_DAYS)
    return next((one for one in newest if one.sent_at >= since), None)


def _names(recipient: Recipient) -> set[str]:
    """What the mail may be called: by the key in use, and by those before it."""
    campaign = str(recipient.campaign.public_id)
    found = set()
    for key in (settings.MAIL_KEY, *settings.MAIL_KEY_FALLBACKS):
        name = message.message_id(key.encode(), campaign, str(recipient.pk), "names.example")
        found.add(name.strip("<>").partition("@")[0])
    return found


def _plain(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


@dataclass(frozen=True, slots=True)
class Reported:
    """One report, wherever it came from. ``kind``: hard · soft · complaint, or anything else, which is only counted."""

    kind: str
    address: str = ""
    message_id: str = ""
    detail: str = ""


def take_reports(reports: Iterable[Reported], taken: Taken | None = None) -> Taken:
    """Record them one by one; each stands in its own transaction, so that a killed run loses none of the earlier."""
    taken = taken or Taken()
    for one in reports:
        if one.kind not in _KINDS:
            taken.other += 1
            continue
        outcome = record_report(one.kind, address=one.address, message_id=one.message_id, detail=one.detail)
        if outcome == "recorded":
            setattr(taken, one.kind, getattr(taken, one.kind) + 1)
            taken.suppressed += one.kind in (HARD, COMPLAINT)
        elif outcome == "repeated":
            taken.repeated += 1
        else:
            taken.unknown += 1
    return taken


def take_file(path: Path, *, actor: User | None = None) -> Taken:
    """Reports that came back as mail: an mbox, a Maildir folder, a zip of .eml files, or one of them.

    Raises Refused: ``no_file`` · ``too_large`` · ``unreadable``.
    """
    if not path.exists():
        raise Refused("no_file", _("There is no such file."), field="file")
    if path.is_file() and path.stat().st_size > MOST_FILE_BYTES:
        most = MOST_FILE_BYTES >> 20
        raise Refused("too_large", _("The file is larger than %(most)s MB: divide it.") % {"most": most}, field="file")
    counts, taken = mailboxes.Counts(), Taken()
    try:
        take_reports(
            (
                Reported(one.kind, one.address, one.message_id, f"{one.status} {one.diagnostic}")
                for one in bounces.read_reports(path, counts=counts)
            ),
            taken,
        )
    except mailboxes.MailboxRefused as refusal:
        raise Refused(
            "unreadable",
            _("This holds no mail that can be read: an mbox, a zip of .eml files, or one .eml."),
            field="file",
        ) from refusal
    finally:
        taken.unreadable += counts.unreadable
        tenants.record("reports_taken", actor=actor, **taken.as_json())
    return taken


def take_upload(upload: UploadedFile, *, actor: User | None = None) -> Taken:
    """The same of a file that was sent here. Raises Refused."""
    most = MOST_UPLOAD_BYTES >> 20
    if upload.size > MOST_UPLOAD_BYTES:
        said = _("Here up to %(most)s MB; the command read_bounces takes larger ones.") % {"most": most}
        raise Refused("too_large", said, field="file")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("reports" + Path(upload.name).suffix.lower()[:8])
        with path.open("wb") as target:
            for block in upload.chunks():
                target.write(block)
        return take_file(path, actor=actor)


# ---------------------------------------------------------------- by a provider's webhook


def reporting_company(slug: str) -> Tenant | None:
    return Tenant.objects.filter(slug=slug).first()


def profile() -> SenderProfile | None:
    """How the company in scope sends, where it said so."""
    return SenderProfile.objects.first()


def is_provider(code: str) -> bool:
    return code in provider_channel.PROVIDERS


def take_post(provider: str, request: HttpRequest) -> Taken | None:
    """A provider's post, from whom its key was checked; None where it is not what this provider sends."""
    try:
        found = provider_reports.read_reports(provider, request, _options(provider))
    except provider_reports.Unreadable:
        return None
    taken = Taken()
    for one in found:
        if one.kind == provider_reports.UNSUBSCRIBED:
            taken.other += _unsubscribe(one.address, one.message_id)
    return take_reports(
        (
            Reported(one.kind, one.address, one.message_id, one.detail)
            for one in found
            if one.kind != provider_reports.UNSUBSCRIBED
        ),
        taken,
    )


def _options(provider: str) -> dict[str, str]:
    """The settings of the provider in use; of another one we know nothing."""
    held = profile()
    if held is None or held.provider != provider or not held.sealed_provider_settings:
        return {}
    try:
        return provider_channel.options_of(provider, senders.provider_settings(held))
    except (Refused, SealBroken):
        return {}


def _unsubscribe(address: str, message_id: str) -> int:
    recipient = _recipient(address, message_id)
    if recipient is not None:
        consent.unsubscribe(address_key=recipient.address_key, source="provider")
    return 1


# ---------------------------------------------------------------- who may report


def new_webhook_key(*, actor: User) -> str:
    """A fresh key for a provider's reports; shown this once, kept by its hash. The one before it opens nothing any more."""
    key = randomness.token_urlsafe(24)
    with transaction.atomic():
        profile = senders.sender()
        profile.webhook_key_hash = _hash(key)
        profile.save(update_fields=["webhook_key_hash", "updated_at"])
        tenants.record("webhook_key_made", profile, actor=actor)
    return key


def is_webhook_key(profile: SenderProfile | None, key: str) -> bool:
    held = profile.webhook_key_hash if profile is not None else ""
    # Compared in any case, so that the time does not tell which companies take reports.
    matches = hmac.compare_digest(held or _hash(randomness.token_urlsafe(8)), _hash(key))
    return matches and bool(held)


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
