"""A message made ready once, so that each recipient's costs as little as can be: a skeleton of bytes, and what goes into it.

Measured on one core, messages of 6 kB: 40,000 to 60,000 a second, 23,000 with their address keys, tokens and Message-IDs;
Django's EmailMultiAlternatives, which puts the whole message together for each recipient, 2,200 of the same ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from html import escape

from .addresses import checked_address
from .encoding import EncodedPart, encoded
from .headers import address_header, checked_header, date_header, text_header
from .links import checked_url
from .placeholders import Pieces, Slot, tidied, value_of
from .refusal import MessageRefused

LONGEST_SUBJECT = 250  # characters, values filled in
_LONGEST_NAME = 320  # characters of a name in a header
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>")
_FEEDBACK = re.compile(r"[A-Za-z0-9_.-]+(?::[A-Za-z0-9_.-]+){0,3}")
_SPACES = re.compile(r"[ \t\n\r\f\v]+")  # not those that do not break
_JOINED = re.compile("[\u0300-\u036f\u064b-\u065f\u200d\ufe0f\U0001f3fb-\U0001f3ff]")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes. ``contact``: an address, a number or a page, as ready text. ``feedback_id``: up to four fields with
    colons between them, for postmasters' statistics; "" for none."""

    company: str
    address: str
    name: str = ""  # in From; the company's where it is empty
    postal_address: str = ""
    contact: str = ""
    reply_to: str = ""
    feedback_id: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message as its reader has it, lines ended by LF."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message but for its recipient. Made by composing.prepare; safe to share between threads.

    targets       where the numbered links lead, () where links are not followed
    is_counted    there is a place for the picture that counts openings
    """

    language: str
    targets: tuple[str, ...]
    is_counted: bool
    subject: Pieces = field(repr=False)
    text: Pieces = field(repr=False)
    html: Pieces = field(repr=False)
    http_allowed: bool = False
    _subject_of_all: str | None = field(default=None, repr=False)
    _head: bytes = field(default=b"", repr=False)
    _tail: bytes = field(default=b"", repr=False)
    _between: tuple[bytes, bytes, bytes] = field(default=(b"", b"", b""), repr=False)
    _text_part: EncodedPart | None = field(default=None, repr=False)
    _html_part: EncodedPart | None = field(default=None, repr=False)

    def build(
        self,
        values: Mapping[str, str | None],
        *,
        to_name: str,
        to_address: str,
        message_id: str,
        unsubscribe_url: str,
        date: datetime,
        link_url: Callable[[int], str] | None = None,
        open_url: str = "",
    ) -> bytes:
        """The message's bytes: multipart/alternative, UTF-8, 7 bit, CRLF, no line over 998.

        values           code of a placeholder -> ready text; None or "" where unknown (the fallback stands there)
        unsubscribe_url  https; "" for a mail that leaves nobody (test mails): then without List-Unsubscribe
        link_url         number of a link, from 1 -> the address that it is followed through; None: straight to its target
        open_url         the address of the picture that counts openings; "": no picture

        MessageRefused header_line_break (a name with CR, LF or NUL) · address_… · url_malformed · date_without_zone ·
        value_not_text.
        """
        filling = self._filling(values, unsubscribe_url, link_url, open_url)
        address = checked_address(to_address)
        if not _MESSAGE_ID.fullmatch(message_id) or len(message_id) > 250:
            raise MessageRefused("header_line_break", "not a Message-ID", header="Message-ID")
        out = [
            self._head,
            address_header("To", _shown_name("To", to_name), address),
            text_header("Subject", self._subject(filling)),
            date_header(date),
            f"Message-ID: {message_id}\r\n".encode("ascii"),
        ]
        if unsubscribe_url:
            out.append(f"List-Unsubscribe: <{unsubscribe_url}>\r\n".encode("ascii"))
            if unsubscribe_url.startswith("https:"):  # RFC 8058 knows no other
                out.append(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n")
        out.append(self._tail)
        before, between, after = self._between
        out.append(before)
        self._text_part.write(out, filling.as_text)
        out.append(between)
        self._html_part.write(out, filling.as_html)
        out.append(after)
        return b"".join(out)

    def render(
        self,
        values: Mapping[str, str | None],
        *,
        unsubscribe_url: str = "",
        link_url: Callable[[int], str] | None = None,
        open_url: str = "",
    ) -> Rendered:
        """The same message as text. MessageRefused url_malformed · value_not_text."""
        filling = self._filling(values, unsubscribe_url, link_url, open_url)
        return Rendered(
            self._subject(filling),
            "".join([p if isinstance(p, str) else filling.as_text(p) for p in self.text]),
            "".join([p if isinstance(p, str) else filling.as_html(p) for p in self.html]),
        )

    def _subject(self, filling: _Filling) -> str:
        if self._subject_of_all is not None:
            return self._subject_of_all
        whole = "".join([p if isinstance(p, str) else filling.as_text(p) for p in self.subject])
        return one_line(whole, LONGEST_SUBJECT)

    def _filling(
        self,
        values: Mapping[str, str | None],
        unsubscribe_url: str,
        link_url: Callable[[int], str] | None,
        open_url: str,
    ) -> _Filling:
        given = {**values, "unsubscribe_url": unsubscribe_url}
        if unsubscribe_url:
            checked_url(unsubscribe_url, http_allowed=self.http_allowed)
        for number, target in enumerate(self.targets, 1):
            url = checked_url(link_url(number), http_allowed=self.http_allowed) if link_url else target
            given[f"link{number}"] = url
        given["pixel"] = ""
        if self.is_counted and open_url:
            given["pixel"] = checked_url(open_url, http_allowed=self.http_allowed)
        return _Filling(given, self.language)


class _Filling:
    """One recipient's values, each made ready once."""

    __slots__ = ("_html", "_language", "_text", "_values")

    def __init__(self, values: Mapping[str, str | None], language: str) -> None:
        self._values, self._language = values, language
        self._text: dict[str, str] = {}
        self._html: dict[str, str] = {}

    def as_text(self, slot: Slot) -> str:
        code = slot.code
        found = self._text.get(code)
        if found is None:
            if code == "pixel" or code.startswith("link"):  # addresses of ours, checked
                found = self._values[code] or ""
            else:
                found = value_of(code, self._values, self._language)
            self._text[code] = found
        return found

    def as_html(self, slot: Slot) -> str:
        found = self._html.get(slot.code)
        if found is None:
            found = escape(self.as_text(slot))
            if slot.code == "pixel" and found:
                found = f'<img src="{found}" width="1" height="1" alt="" style="display:block;border:0">'
            self._html[slot.code] = found
        if "\n" in found:
            return found.replace("\n", " " if slot.is_in_tag else "<br>")
        return found


def _shown_name(header: str, name: str) -> str:
    if name.isascii() and name.isprintable() and len(name) <= _LONGEST_NAME:
        return name
    return one_line(tidied(checked_header(header, name)), _LONGEST_NAME)


def one_line(text: str, most: int) -> str:
    """White space as single spaces, at most ``most`` characters; cut before a joined character, never within one."""
    text = _SPACES.sub(" ", text).strip()
    if len(text) <= most:
        return text
    end = most - 1
    while end > 0 and (_JOINED.match(text[end]) or text[end - 1] == "\u200d"):
        end -= 1
    return text[:end].rstrip() + "…"


def skeleton(
    language: str,
    subject: Pieces,
    text: Pieces,
    html: Pieces,
    sender: Sender,
    *,
    targets: tuple[str, ...] = (),
    is_counted: bool = False,
    http_allowed: bool = False,
) -> Prepared:
    """Everything that is the same for all recipients, encoded. MessageRefused address_… · header_line_break ·
    feedback_malformed."""
    address = checked_address(sender.address)
    head = address_header("From", _shown_name("From", sender.name or sender.company), address)
    if sender.reply_to:
        head += address_header("Reply-To", "", checked_address(sender.reply_to))
    tail = b""
    if sender.feedback_id:
        checked_header("Feedback-ID", sender.feedback_id)
        if not _FEEDBACK.fullmatch(sender.feedback_id) or len(sender.feedback_id) > 200:
            raise MessageRefused("feedback_malformed", "not a Feedback-ID", feedback_id=sender.feedback_id[:200])
        tail += f"Feedback-ID: {sender.feedback_id}\r\n".encode("ascii")
    text_part, html_part = encoded(text), encoded(html)
    # "=_" stands in no quoted-printable and in no base64, so no body can hold the boundary
    boundary = b"=_" + blake2b(repr((language, subject, text, html)).encode(), digest_size=12).hexdigest().encode(
        "ascii"
    )
    tail += b"Precedence: bulk\r\nMIME-Version: 1.0\r\n"
    tail += b'Content-Type: multipart/alternative;\r\n boundary="%s"\r\n\r\n' % boundary
    return Prepared(
        language,
        targets,
        is_counted,
        subject,
        text,
        html,
        http_allowed,
        None if any(isinstance(p, Slot) for p in subject) else one_line("".join(subject), LONGEST_SUBJECT),
        head,
        tail,
        (
            b"--%s\r\n%s" % (boundary, _part_head("plain", text_part)),
            b"\r\n--%s\r\n%s" % (boundary, _part_head("html", html_part)),
            b"\r\n--%s--\r\n" % boundary,
        ),
        text_part,
        html_part,
    )


def _part_head(kind: str, part: EncodedPart) -> bytes:
    return (f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: {part.encoding}\r\n\r\n").encode(
        "ascii"
    )
