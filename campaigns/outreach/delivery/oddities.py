"""Bounces that keep to no standard (Exim, qmail, Exchange and their like), and the answers of machines."""

from __future__ import annotations

import re
from email.message import Message

_TEXT = 20_000  # characters of a report that are read: the reason stands at its beginning
_COPY = re.compile(
    r"^-{2,}.{0,20}(?:below this line is a copy|this is a copy of|original message|undelivered message|message headers)"
    r"|^-{3,} ?(?:copie|en-t)|^the headers of the message follow|^original message headers:|^received: from",
    re.I | re.M,
)
_ADDRESS = re.compile(r"[^\s\x00-\x1f\x7f-\x9f<>\"';,:()\[\]@=]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,251}[A-Za-z0-9]")
_FAILED = re.compile(
    r"undeliver(?:ed|able)|delivery (?:has )?fail|mail delivery|failure notice|returned mail|delivery status notif|"
    r"could not be delivered|non.?remis|chec de (?:la )?(?:remise|distribution)|non distribu|تعذر التسليم|لم يتم التسليم",
    re.I,
)
_DELAYED = re.compile(r"\bdelay(?:ed)?\b|warning: (?:message|could not send)|retard", re.I)
_DAEMON = re.compile(r"mailer-?daemon|postmaster|mail delivery (?:sub)?system|microsoftexchange", re.I)
_AWAY = re.compile(
    r"out of (?:the )?office|automatic reply|auto.?reply|autoresponse|on vacation|r.ponse automatique|absence du bureau|"
    r"message d.absence|رد تلقائي|خارج المكتب",
    re.I,
)


def words_of(parts: list[Message]) -> str:
    """What a report says to people: its first text parts, without the copy of our own message behind them."""
    found: list[str] = []
    for part in parts:
        if part.get_content_type() in ("message/rfc822", "message/global"):
            break  # from here on it is our own text
        if part.get_content_type() == "text/plain" or (part.get_content_type() == "text/html" and not found):
            raw = part.get_payload(decode=True)
            text = raw[: 4 * _TEXT].decode("utf-8", "replace") if isinstance(raw, bytes) else ""
            if part.get_content_subtype() == "html":
                text = re.sub(r"<[^<>@]{0,300}>", " ", text)
            found.append(text[:_TEXT])
    text = "\n".join(found)[:_TEXT]
    copy = _COPY.search(text)
    return text[: copy.start()] if copy is not None else text


def bounced_text(message: Message, words: str) -> tuple[list[tuple[str, str]], str, bool] | None:
    """((address, what was said of it), …), form, and whether it is only late; None where this is no bounce."""
    subject, sender = str(message.get("Subject", ""))[:500], str(message.get("From", ""))[:500]
    failed = str(message.get("X-Failed-Recipients", ""))[:10_000]
    is_late = bool(_DELAYED.search(subject)) and not re.search(r"fail|undeliver", subject, re.I)
    if failed:
        addresses = list(dict.fromkeys(_ADDRESS.findall(failed))) or [""]
        return [(address, _about(words, address)) for address in addresses], "exim", is_late
    if "qmail-send program" in words:
        found = re.findall(r"^<([^<>\s\x00-\x1f\x7f-\x9f]{3,320})>:\s*\n((?:[^\n<][^\n]*\n?){1,10})", words, re.M)
        if found:
            return found, "qmail", False
    if not (_DAEMON.search(sender) or str(message.get("Return-Path", "x")).strip() == "<>"):
        return None
    if not (_FAILED.search(subject) or is_late or _FAILED.search(words[:2000])):
        return None
    form = (
        "exchange" if re.search(r"exchange|did not reach (?:some|the)|x-ms-exchange", words + sender, re.I) else "other"
    )
    ours = {a.lower() for header in ("To", "From") for a in _ADDRESS.findall(str(message.get(header, ""))[:1000])}
    address = next((a for a in _ADDRESS.findall(words) if a.lower() not in ours and not _DAEMON.search(a)), "")
    return [(address, _about(words, address))], form, is_late


def is_automatic(message: Message) -> bool:
    """Whether a machine answered for a person who is away, or said that mail was received (RFC 3834)."""
    submitted = str(message.get("Auto-Submitted", "no")).strip().lower()
    if submitted.startswith("auto-") or message.get("X-Autoreply") or message.get("X-Autorespond"):
        return True
    if str(message.get("Precedence", "")).strip().lower() == "auto_reply" or message.get("X-Auto-Response-Suppress"):
        return True
    return message.get_content_type() == "multipart/report" or bool(_AWAY.search(str(message.get("Subject", ""))[:500]))


def _about(words: str, address: str) -> str:
    """The words from the address on, where the reason follows it; all of them where it is not named."""
    found = _ADDRESS.search(address)
    place = words.lower().find(found[0].lower()) if found else -1
    return words[place + len(found[0]) :] if found and place >= 0 else words
