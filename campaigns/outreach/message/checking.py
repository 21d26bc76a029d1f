"""Tells the author of a message all that is wrong with it: what forbids sending it, and what is unwise."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from . import placeholders, sanitising
from .bodies import text_of, urls_in
from .markup import depth
from .mime import Sender
from .placeholders import checked_language, tidied
from .problems import HTML, MOST, PREHEADER, SENDER, SUBJECT, TEXT, Problem, error, warning

SUBJECT_MOST, PREHEADER_MOST, TEXT_MOST = 150, 200, 20_000  # characters
# tags within each other: what puts styles into tags walks them by recursion, and falls over at some thousands
DEEPEST = 100
HTML_MOST = 100_000  # bytes: Gmail cuts a mail off at 102 kB

_ARABIC = re.compile("[\u0621-\u064a]")
_TAG = re.compile(r"<[^<>]*>")
_LATIN = re.compile("[A-Za-zÀ-ÿ]")


@dataclass(frozen=True, slots=True)
class Parts:
    """A message in one language, as written. Either of ``text`` and ``html`` may be empty: it is made from the other.
    ``preheader``: the line that a list of mails shows after the subject."""

    subject: str
    text: str = ""
    html: str = ""
    preheader: str = ""


def check(
    parts: Parts, language: str, *, sender: Sender | None = None, unavailable: Collection[str] = ()
) -> list[Problem]:
    """All that is wrong with a message, at most MOST, errors first, then by part and place. ``unavailable``: codes of
    placeholders that this campaign has no value for (those of the offer where there is none). MessageRefused
    language_unknown.
    """
    checked_language(language)
    problems = [*_check_subject(parts, language, unavailable)]
    if len(parts.preheader) > PREHEADER_MOST:
        facts = {"length": len(parts.preheader), "most": PREHEADER_MOST}
        problems.append(error(PREHEADER, "preheader_too_long", **facts))
    else:
        problems += _check_words(PREHEADER, parts.preheader, language, unavailable)
    if not parts.text.strip() and not parts.html.strip():
        problems.append(error(TEXT, "body_empty"))
    problems += _check_text(parts.text, language, unavailable)
    problems += _check_html(parts.html, language, unavailable)
    if parts.text.strip() and parts.html.strip() and not any(p.code in _TOO_LONG for p in problems):
        problems += _check_both(parts)
    problems += _check_script(parts, language)
    if sender is not None:
        problems += _check_sender(sender)
    order = {part: at for at, part in enumerate((SUBJECT, PREHEADER, TEXT, HTML, SENDER))}
    problems.sort(key=lambda p: (not p.is_error, order[p.part], p.line, p.column))
    return problems[:MOST]


_TOO_LONG = ("text_too_long", "html_too_long")


def _check_words(part: str, source: str, language: str, unavailable: Collection[str]) -> Iterator[Problem]:
    yield from placeholders.hidden_in(part, source)
    yield from placeholders.problems_of(part, source, language, unavailable)


def _check_subject(parts: Parts, language: str, unavailable: Collection[str]) -> Iterator[Problem]:
    subject = parts.subject
    if not subject.strip():
        yield error(SUBJECT, "subject_empty")
        return
    if len(subject) > SUBJECT_MOST:
        yield error(SUBJECT, "subject_too_long", length=len(subject), most=SUBJECT_MOST)
        return
    if broken := re.search(r"[\r\n\u2028\u2029]", subject.strip()):
        yield error(SUBJECT, "subject_line_break", subject, subject.find(broken[0]))
    letters = [one for one in placeholders.without_slots(subject) if one.lower() != one.upper()]
    if len(letters) >= 8 and sum(one.isupper() for one in letters) > 0.7 * len(letters):
        yield warning(SUBJECT, "subject_shouting", subject, 0, subject)
    if marks := re.search(r"[!?؟]{2,}|[$€]{2,}", subject):
        yield warning(SUBJECT, "subject_marks", subject, marks.start(), marks[0])
    yield from _check_words(SUBJECT, subject, language, unavailable)


def _check_text(text: str, language: str, unavailable: Collection[str]) -> Iterator[Problem]:
    if len(text) > TEXT_MOST:
        yield error(TEXT, "text_too_long", length=len(text), most=TEXT_MOST)
        return
    yield from _check_words(TEXT, text, language, unavailable)
    yield from _check_urls(TEXT, text)


def _check_urls(part: str, text: str) -> Iterator[Problem]:
    for start, end in urls_in(text):
        if not text[start:end].lower().startswith("https://"):
            yield error(part, "link_not_https", text, start, text[start:end], url=text[start:end][:200])
    for at, name in placeholders.known_in(text):
        before = text[max(at - 300, 0) : at].rsplit(None, 1)
        if before and text[at - 1 : at].strip() and "://" in before[-1]:
            url = f"{before[-1]}{{{name}}}"
            yield error(part, "placeholder_in_link", text, at, url, url=url)


def _check_html(html: str, language: str, unavailable: Collection[str]) -> Iterator[Problem]:
    size = len(html.encode("utf-8", "replace"))
    if size > HTML_MOST:
        yield error(HTML, "html_too_long", bytes=size, most=HTML_MOST)
        return
    yield from _check_words(HTML, html, language, unavailable)
    yield from sanitising.problems_of(html)
    if (found := depth(sanitising.sanitised(tidied(html)))) > DEEPEST:
        yield error(HTML, "nested_too_deeply", depth=found, most=DEEPEST)


def _check_both(parts: Parts) -> Iterator[Problem]:
    """A reader of the text part alone must be able to do what the HTML part offers."""
    text = parts.text
    said = {text[start:end] for start, end in urls_in(text)}
    html = text_of(sanitising.sanitised(tidied(parts.html)))
    offered = dict.fromkeys(html[start:end] for start, end in urls_in(html))
    for url in offered:
        if url not in said:
            yield warning(TEXT, "link_missing_in_text", url=url[:200])


def _check_script(parts: Parts, language: str) -> Iterator[Problem]:
    words = placeholders.without_slots(
        f"{parts.subject} {parts.text[:TEXT_MOST]} {_TAG.sub(' ', parts.html[:HTML_MOST])}"
    )
    arabic, latin = len(_ARABIC.findall(words)), len(_LATIN.findall(words))
    if arabic + latin >= 20 and (arabic > latin) != (language == "ar"):
        yield warning(TEXT if parts.text.strip() else HTML, "script_unexpected", language=language)


def _check_sender(sender: Sender) -> Iterator[Problem]:
    if not sender.postal_address.strip():
        yield warning(SENDER, "no_postal_address")
    if not sender.contact.strip():
        yield warning(SENDER, "no_contact")
