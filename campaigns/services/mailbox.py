"""The mailbox inside the product: mails as they would have gone out, kept for a while, and opened for a person."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser, BytesParser
from typing import Protocol
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from core import prefix
from tenants.scoping import current_tenant

from ..models import MailboxMessage, Recipient
from .outbox import Claimed

MOST = 20_000  # mails that one company keeps
KEPT_DAYS = 30
_SHOWN_HEADERS = (
    "From",
    "To",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
)
_BLOCK = 2_000
_LEVEL = 1  # of zlib: a third of the time of its default, for a few bytes more
_LARGEST = 2 << 20  # bytes of one mail that are opened


class Letter(Protocol):
    """What is kept of a mail: the ready bytes, and what they are found by."""

    to_address: str
    subject: str
    data: bytes


def keep(pairs: Sequence[tuple[Recipient | Claimed | None, Letter]], *, is_test: bool = False) -> None:
    """Put ready mails into the mailbox, in the caller's transaction. A test mail belongs to no recipient."""
    tenant = current_tenant()
    rows = [
        MailboxMessage(
            tenant=tenant,
            recipient_id=recipient.pk if recipient is not None else None,
            address=letter.to_address[:254],
            subject=(letter.subject or _subject(letter.data))[:300],
            content=zlib.compress(letter.data, _LEVEL),
            is_test=is_test,
        )
        for recipient, letter in pairs
    ]
    MailboxMessage.objects.bulk_create(rows, batch_size=_BLOCK)


def _subject(data: bytes) -> str:
    return str(BytesHeaderParser(policy=policy.default).parsebytes(data)["Subject"] or "")


def forget_mailbox() -> int:
    """Remove what is older than ``KEPT_DAYS`` or beyond the newest ``MOST``. Returns how many mails went."""
    old = MailboxMessage.objects.filter(at__lt=timezone.now() - timedelta(days=KEPT_DAYS))
    gone = _remove(old)
    edge = MailboxMessage.objects.order_by("-pk").values_list("pk", flat=True)[MOST : MOST + 1].first()
    if edge is not None:
        gone += _remove(MailboxMessage.objects.filter(pk__lte=edge))
    return gone


def _remove(rows: QuerySet) -> int:
    gone = 0
    while block := list(rows.order_by("pk").values_list("pk", flat=True)[:_BLOCK]):
        MailboxMessage.objects.filter(pk__in=block).delete()
        gone += len(block)
    return gone


# ---------------------------------------------------------------- reading


def messages(address: str = "") -> QuerySet[MailboxMessage]:
    """The mails without their contents; with ``address``, those to addresses that begin with it, in any case."""
    rows = MailboxMessage.objects.defer("content")
    return prefix.starting(rows, "address", address.strip()) if address.strip() else rows


def find(public_id: UUID) -> MailboxMessage | None:
    return MailboxMessage.objects.filter(public_id=public_id).first()


@dataclass(frozen=True, slots=True)
class Opened:
    """One mail, taken apart: the headers that say something, its two bodies ("" where it has none), and its bytes."""

    headers: list[tuple[str, str]]
    text: str
    html: str
    source: bytes


def opened(message: MailboxMessage) -> Opened:
    """Take a kept mail apart. What cannot be read is left empty, never an error: the source shows what came."""
    source = source_of(message)
    mail = BytesParser(policy=policy.default).parsebytes(source)
    headers = [(name, str(mail[name])) for name in _SHOWN_HEADERS if mail[name]]
    return Opened(headers, _body(mail, "plain"), _body(mail, "html"), source)


def source_of(message: MailboxMessage) -> bytes:
    return zlib.decompressobj().decompress(bytes(message.content), _LARGEST)


def _body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    try:
        return part.get_content() if part is not None else ""
    except (LookupError, UnicodeError, ValueError):
        return ""
