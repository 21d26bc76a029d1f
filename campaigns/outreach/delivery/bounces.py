"""Reads what comes back: mail that was not delivered, complaints, and answers of machines.

RFC 3464 (delivery status), RFC 5965 (complaints, ARF), and the ways of Exim, qmail, Exchange and others that keep to no
standard. What a report says is a stranger's word: whoever acts on it first looks whether ``message_id`` is one of ours,
which nobody can make up.
"""

from __future__ import annotations

import datetime as dt
import email
import email.errors
import email.policy
import email.utils
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

from .mailboxes import Counts, Limits, messages_in
from .oddities import bounced_text, is_automatic, words_of
from .replies import HARD, Stage, classify, split_enhanced

KINDS = ("hard", "soft", "complaint", "auto_reply", "unknown")
_MOST_PARTS = 30  # that a message may announce; a nest of thousands is made to hurt
_MOST_RECIPIENTS = 100
_NESTS = re.compile(rb"boundary\*?\d*\*?\s*=|message/(?:rfc822|global|partial|external)", re.I)
_MESSAGE_ID = re.compile(r"^message-id:\s*(<[!-;=?-~]{3,250}>)", re.I | re.M)
_ADDRESS = re.compile(r"[^\s\x00-\x1f\x7f-\x9f<>\"';,:()\[\]@]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,251}[A-Za-z0-9]")
_CODE = re.compile(r"\b([45]\d\d)[ -](?=\D|\d\.\d)")
_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\s]+")
_DIAGNOSTIC = 500


@dataclass(frozen=True, slots=True)
class Report:
    """One recipient's news.

    ``kind``: hard (the address is dead), soft (not delivered, or late, for another reason), complaint, auto_reply or
    unknown; ``address``: "" where it is not told; ``message_id``: of our message, with its angle brackets, or "";
    ``status``: "5.1.1" or ""; ``reason``: of delivery.REASONS or ""; ``at``: in UTC; ``form``: how it was written.
    """

    kind: str
    address: str = ""
    message_id: str = ""
    status: str = ""
    diagnostic: str = ""
    at: dt.datetime | None = None
    reason: str = ""
    form: str = ""


def read_reports(path: Path, limits: Limits | None = None, counts: Counts | None = None) -> Iterator[Report]:
    """The reports of a mailbox (see mailboxes), one after another; ``counts`` is filled on the way.

    A message that cannot be understood is a Report("unknown"), or counted as unreadable, and never an exception. Raises
    MailboxRefused where ``path`` as a whole is no mailbox.
    """
    counts = counts if counts is not None else Counts()
    for raw in messages_in(path, limits, counts):
        found = reports_of(raw)
        if not found:
            counts.unreadable += 1
        yield from found


def reports_of(raw: bytes) -> list[Report]:
    """What one message reports: one Report for each recipient it speaks of; [] where it is no message at all."""
    if len(_NESTS.findall(raw)) > _MOST_PARTS:
        return []
    try:
        message = email.message_from_bytes(raw, policy=email.policy.compat32)
        return _understood(message) if message.keys() else []
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError, IndexError, RecursionError):
        return []  # the standard library's parser meets its own limits on made-up mail
    except email.errors.MessageError:
        return []


def _understood(message: Message) -> list[Report]:
    parts = list(message.walk())[: 10 * _MOST_PARTS]
    at, original = _date_of(message), _original_id(message, parts)
    for part in parts:
        kind = part.get_content_type()
        if kind in ("message/delivery-status", "message/global-delivery-status"):
            return _from_status(_blocks(part), words_of(parts), original, at)
        if kind == "message/feedback-report":
            return [_from_complaint(_blocks(part), parts, original, at)]
    words = words_of(parts)
    odd = bounced_text(message, words)
    if odd is not None:
        told, form, is_delay = odd
        return [_judged(a, said, "", original, at, form, is_delay=is_delay) for a, said in told[:_MOST_RECIPIENTS]]
    if is_automatic(message):
        return [Report("auto_reply", _address(str(message.get("From", ""))), original, at=at, form="auto_reply")]
    return [Report("unknown", message_id=original, at=at)]


# ---------------------------------------------------------------- the standards


def _from_status(blocks: list[dict[str, str]], words: str, original: str, at: dt.datetime | None) -> list[Report]:
    found = []
    for block in blocks[1 : 1 + _MOST_RECIPIENTS] if len(blocks) > 1 else blocks:
        # The address that we wrote to is Original-Recipient; Final-Recipient may be where it was forwarded.
        address = _address(block.get("original-recipient", "")) or _address(block.get("final-recipient", ""))
        action = block.get("action", "").strip().lower()
        if action not in ("failed", "delayed") and (action or not address):
            found.append(Report("unknown", address, original, form="dsn", at=at))
            continue
        status = _STATUS.search(block.get("status", ""))
        said = block.get("diagnostic-code", "").partition(";")[2].strip() or words
        found.append(
            _judged(address, said, status[0] if status else "", original, at, "dsn", is_delay=action == "delayed")
        )
    return found or [Report("unknown", message_id=original, form="dsn", at=at)]


def _from_complaint(
    blocks: list[dict[str, str]], parts: list[Message], original: str, at: dt.datetime | None
) -> Report:
    block = {name: text for one in blocks for name, text in one.items()}
    address = _address(block.get("original-rcpt-to", "")) or _address(block.get("removal-recipient", ""))
    if not address:
        inner = next((p for p in parts if p.get_content_type() == "message/rfc822"), None)
        carried = inner.get_payload() if inner is not None else []
        address = _address(str(carried[0].get("To", ""))) if isinstance(carried, list) and carried else ""
    complaint = block.get("feedback-type", "").strip().lower()
    kind = "unknown" if complaint in ("not-spam", "") else "complaint"
    return Report(kind, address, original, diagnostic=_plain(complaint), at=at, form="arf")


def _judged(
    address: str, said: str, status: str, original: str, at: dt.datetime | None, form: str, *, is_delay: bool
) -> Report:
    """A bounce, judged as a server's reply would be: by the status if it tells more than a class, else by the words."""
    code = _CODE.search(said)
    if code is not None:
        enhanced, words = split_enhanced(said[code.end() :])
    else:
        told = _STATUS.search(said)
        enhanced, words = (told[0] if told else ""), said[max(0, told.start() - 250) if told else 0 :]
    if not status or (status.endswith(".0.0") and enhanced):
        status = enhanced or status
    number = int(code[1]) if code is not None else 0
    if status and status[0] in "45" and str(number)[0] != status[0]:
        number = 0
    if not number:
        number = 450 if is_delay or status.startswith("4") else 554
    reply = classify(number, status, words, Stage.RECIPIENT)
    is_hard = not is_delay and number >= 500 and reply.reason in HARD
    return Report(
        "hard" if is_hard else "soft", address, original, status, _plain(said)[:_DIAGNOSTIC], at, reply.reason, form
    )


# ---------------------------------------------------------------- pieces


def _blocks(part: Message) -> list[dict[str, str]]:
    """The groups of fields of a status or feedback part, names in small letters."""
    payload = part.get_payload()
    if isinstance(payload, list):
        groups = [[(name, str(text)) for name, text in block.items()] for block in payload[: 2 * _MOST_RECIPIENTS]]
        if any(groups):
            return [{name.lower(): _plain(text)[:2000] for name, text in group[:50]} for group in groups if group]
        payload = "".join(str(block.get_payload()) for block in payload[: 2 * _MOST_RECIPIENTS])
    else:
        raw = part.get_payload(decode=True)
        payload = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(payload)
    found = []
    for text in re.split(r"\r?\n\r?\n", payload)[: 2 * _MOST_RECIPIENTS]:
        lines = re.sub(r"\r?\n[ \t]+", " ", text).splitlines()[:50]
        pairs = [line.partition(":") for line in lines if ":" in line]
        if pairs:
            found.append({name.strip().lower(): _plain(value)[:2000] for name, _colon, value in pairs})
    return found


def _original_id(message: Message, parts: list[Message]) -> str:
    """The Message-ID of what we sent: of the copy that comes back with the report, or of what it answers."""
    for part in parts[1:]:
        kind = part.get_content_type()
        if kind in ("text/rfc822-headers", "message/global-headers"):
            found = _MESSAGE_ID.search(_text_of(part))
            if found:
                return found[1]
        elif kind in ("message/rfc822", "message/global"):
            carried = part.get_payload()
            name = str(carried[0].get("Message-ID", "")).strip() if isinstance(carried, list) and carried else ""
            if re.fullmatch(r"<[!-;=?-~]{3,250}>", name):
                return name
    for part in parts:
        if part.get_content_maintype() == "text" and (found := _MESSAGE_ID.search(_text_of(part))):
            return found[1]
    for header in ("In-Reply-To", "References"):
        names = re.findall(r"<[!-;=?-~]{3,250}>", str(message.get(header, ""))[:4000])
        if names:
            return names[-1]
    return ""


def _text_of(part: Message) -> str:
    raw = part.get_payload(decode=True)
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else ""


def _address(text: str) -> str:
    """ "rfc822;<Who@Example.com>" -> Who@Example.com; "" where there is none."""
    found = _ADDRESS.search(text.rpartition(";")[2][:1000])
    return found[0] if found else ""


def _date_of(message: Message) -> dt.datetime | None:
    try:
        at = email.utils.parsedate_to_datetime(str(message.get("Date", ""))[:100])
        return (at if at.tzinfo else at.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _plain(text: str) -> str:
    return _CONTROL.sub(" ", text).strip()
