"""What every draft must pass before a person sees it, whoever wrote it; each failure names its sentence.

``check`` knows no writer: the built-in one and a server are held to the same. It errs on the side of refusing, for a
refused draft costs nothing: there is always the built-in one. In order of reading: ``sentences`` (how a text is taken
apart, and which words are ours) · ``figures`` and ``claims`` (prices, shares, dates, numbers in digits and in words) ·
``addresses`` · ``manners`` (what is never said) · ``tongues`` (which language) · ``names`` (placeholders and people).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ..facts import Draft, Facts
from . import addresses, claims, figures, manners, names, sentences, tongues
from .sentences import Failure, Sentence

__all__ = ["Failure", "check"]

SUBJECT = (5, 90)  # characters
TEXT = (120, 2_500)


def check(
    draft: Draft,
    facts: Facts,
    *,
    links_allowed: Sequence[str] = (),
    footer: str | None = None,
    foreign: Iterable[str] = (),
) -> list[Failure]:
    """Why this draft may not go out; empty: it may. Deterministic, in milliseconds, for any text.

    links_allowed   addresses, besides the offer's own, that the text may hold
    footer          what the message engine puts below, where the mail is checked as a whole: the way to unsubscribe
                    must be in it ({unsubscribe_url}, or a link of ``links_allowed``); None: the draft alone
    foreign         names, addresses and numbers of other customers, as far as the caller knows any

    Codes, with the facts of each: subject_length, text_length (length, least, most) · subject_lines ·
    hidden_character, direction_override (characters) · markup · figure (figure, kind) · claim (claim) ·
    link, address (found) · departure, score, machine, leakage, watching (words) · wrong_language (found) ·
    foreign_script, mixed_script (word) · unknown_placeholder, unfit_placeholder (name) · unknown_name (name) ·
    other_customer · segment_name · field_echo · no_unsubscribe.
    """
    found = list(_lengths(draft))
    if any(failure.code in ("subject_length", "text_length") and failure.facts["most"] for failure in found):
        return found  # too long to be a mail; nothing more is read of it
    # What cannot be seen is looked for before anything is taken apart by what can be seen.
    for part, text in (("subject", draft.subject), ("text", draft.text)):
        found += sentences.hidden(part, text)
    trusted = sentences.trusted(facts, links_allowed)
    for sentence in sentences.split(draft, trusted):
        found += _of_sentence(sentence, facts, links_allowed)
    found += tongues.check_language(draft, facts, trusted)
    found += names.check_foreign(draft, facts, foreign)
    found += _unsubscribe(draft, footer, links_allowed)
    return list(dict.fromkeys(found))


def _of_sentence(sentence: Sentence, facts: Facts, links_allowed: Sequence[str]) -> Iterator[Failure]:
    yield from addresses.check_addresses(sentence, facts, links_allowed)
    yield from figures.check_figures(sentence, facts)
    yield from claims.check_claims(sentence, facts)
    yield from manners.check_manners(sentence)
    yield from names.check_placeholders(sentence, facts)
    yield from names.check_people(sentence, facts)


def _lengths(draft: Draft) -> Iterator[Failure]:
    for code, part, text, (least, most) in (
        ("subject_length", "subject", draft.subject, SUBJECT),
        ("text_length", "text", draft.text, TEXT),
    ):
        length = len(text.strip())
        if not least <= length <= most:
            too_long = length > most
            yield Failure.of(
                code, part, sentences.shortened(text), length=length, least=least, most=most if too_long else 0
            )
    if "\n" in draft.subject or "\r" in draft.subject:
        yield Failure.of("subject_lines", "subject", sentences.shortened(draft.subject))


def _unsubscribe(draft: Draft, footer: str | None, links_allowed: Sequence[str]) -> Iterator[Failure]:
    if footer is None:
        return
    whole = f"{draft.text}\n{footer}"
    if "{unsubscribe_url}" not in whole and not any(link in footer for link in links_allowed if link):
        yield Failure.of("no_unsubscribe", "footer", sentences.shortened(footer))
