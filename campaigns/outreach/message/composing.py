"""From what a person wrote to what is sent: the parts put into their page and prepared once; or shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from . import placeholders, sanitising
from .bodies import html_of, text_of
from .checking import DEEPEST, HTML_MOST, PREHEADER_MOST, SUBJECT_MOST, TEXT_MOST, Parts, check
from .layout import PIXEL, document, text_document
from .links import rewrite
from .markup import depth, spans
from .mime import Prepared, Rendered, Sender, one_line, skeleton
from .placeholders import Pieces, Slot, checked_language, compiled, mark, tidied
from .refusal import MessageRefused

_UNSEEN_IN_TAGS = re.compile(r'(<img(?:\s+[\w-]+="[^"]*")*?)\s+src="[^"]*"')


def prepare(
    parts: Parts,
    language: str,
    sender: Sender,
    *,
    fixed: Mapping[str, str] | None = None,
    links_tracked: bool = False,
    opens_counted: bool = False,
    http_allowed: bool = False,
) -> Prepared:
    """The message ready for any number of recipients.

    fixed          values that are the same for all of them (the offer's): encoded once, never scanned for placeholders
    links_tracked  https links are numbered, see Prepared.targets and ``link_url`` of Prepared.build
    opens_counted  leaves a place for the picture that counts openings, see ``open_url``
    http_allowed   our own addresses (unsubscribing, tracking) may be http: a demonstration on one machine

    MessageRefused not_ready (problems: the errors of `check`) · company_missing · address_… · header_line_break ·
    feedback_malformed · language_unknown · value_not_text.
    """
    errors = tuple(problem for problem in check(parts, language) if problem.is_error)
    if errors:
        codes = ", ".join(sorted({problem.code for problem in errors}))
        raise MessageRefused("not_ready", f"the message has errors: {codes}", problems=errors)
    body = _bodies(parts)
    targets: tuple[str, ...] = ()
    if links_tracked:
        rewritten = rewrite(body.html, body.text, lambda number: mark(f"link{number}"))
        body, targets = rewritten, rewritten.targets
    return _assembled(
        parts,
        body.html,
        body.text,
        language,
        sender,
        fixed or {},
        targets=targets,
        is_counted=opens_counted,
        http_allowed=http_allowed,
    )


def preview(
    parts: Parts,
    language: str,
    values: Mapping[str, str | None],
    sender: Sender,
    *,
    fixed: Mapping[str, str] | None = None,
    unsubscribe_url: str = "",
) -> Rendered:
    """The message as one customer would read it, whatever is wrong with it: what nobody knows stays as it was written.
    The HTML is a whole document without scripts and without anything from elsewhere (pictures show their descriptions), for a
    sandboxed frame. What is too long is cut. MessageRefused company_missing · address_… · language_unknown · value_not_text.
    """
    checked_language(language)
    shown = Parts(
        one_line(tidied(parts.subject), SUBJECT_MOST),
        parts.text[:TEXT_MOST],
        parts.html[:HTML_MOST],
        parts.preheader[:PREHEADER_MOST],
    )
    body = _bodies(shown)
    if depth(body.html) > DEEPEST:
        body = _Bodies(html_of(text_of(body.html)), body.text)
    without_pictures = _UNSEEN_IN_TAGS.sub(r"\1", body.html)
    made = _assembled(shown, without_pictures, body.text, language, sender, fixed or {}, http_allowed=True)
    return made.render(values, unsubscribe_url=unsubscribe_url)


@dataclass(frozen=True, slots=True)
class _Bodies:
    html: str
    text: str


def _bodies(parts: Parts) -> _Bodies:
    text, html = tidied(parts.text), tidied(parts.html)
    html = sanitising.sanitised(html) if html.strip() else html_of(text)
    return _Bodies(html, text if text.strip() else text_of(html))


def _assembled(
    parts: Parts,
    html: str,
    text: str,
    language: str,
    sender: Sender,
    fixed: Mapping[str, str],
    *,
    targets: tuple[str, ...] = (),
    is_counted: bool = False,
    http_allowed: bool,
) -> Prepared:
    if not tidied(sender.company).strip():
        raise MessageRefused("company_missing", "the sender has no name")
    known = {
        "support_contact": sender.contact,
        **{code: value for code, value in fixed.items() if code in placeholders.BY_CODE},
        "company": sender.company,
        "title": sender.company,
        "postal_address": sender.postal_address,
        "contact": sender.contact,
    }
    known.pop("unsubscribe_url", None)
    foot = {"has_postal_address": bool(sender.postal_address.strip()), "has_contact": bool(sender.contact.strip())}
    page = document(html, escape(tidied(parts.preheader), quote=False), language, **foot)
    if not is_counted:
        page = page.replace(mark(PIXEL), "")
    plain = text_document(text, language, **foot)
    subject = one_line(tidied(parts.subject), SUBJECT_MOST)
    return skeleton(
        language,
        _settled(compiled(subject), known, language),
        _settled(compiled(plain), known, language),
        _settled(_apart(compiled(page, tags=spans(page))), known, language, in_html=True),
        sender,
        targets=targets,
        is_counted=is_counted,
        http_allowed=http_allowed,
    )


_NOT_APART = frozenset({"title", PIXEL, "unsubscribe_url"})


def _apart(pieces: Pieces) -> Pieces:
    """Each value between <bdi> and </bdi>: a Latin name in an Arabic sentence, or the other way round, must not drag the
    words and marks around it along."""
    made: list[str | Slot] = []
    for piece in pieces:
        if isinstance(piece, str) or piece.is_in_tag or piece.code in _NOT_APART or piece.code.startswith("link"):
            made.append(piece)
        else:
            made += ["<bdi>", piece, "</bdi>"]
    return tuple(made)


def _settled(pieces: Pieces, known: Mapping[str, str], language: str, *, in_html: bool = False) -> Pieces:
    """Slots whose value is the same for everybody become literals; neighbouring literals become one."""
    made: list[str | Slot] = []
    for piece in pieces:
        if isinstance(piece, Slot) and piece.code in known:
            value = placeholders.value_of(piece.code, known, language)
            if in_html:
                value = escape(value).replace("\n", " " if piece.is_in_tag else "<br>")
            piece = value
        if isinstance(piece, str) and made and isinstance(made[-1], str):
            made[-1] += piece
        elif piece != "":
            made.append(piece)
    return tuple(made)
