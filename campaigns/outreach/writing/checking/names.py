"""Placeholders, and names that nobody gave: of people, of segments, and what a customer's field would smuggle in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..facts import IF_KNOWN, OF_THE_OFFER, PERSONAL, Draft, Facts, Language
from .figures import MONTH_OF
from .sentences import OURS, Failure, Sentence, folded, normal, shortened

_BRACED = re.compile(r"\{([^{}]*)\}")
_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_KNOWN = frozenset((*PERSONAL, *IF_KNOWN, *OF_THE_OFFER, "segment"))
# Words that bear a capital within a sentence and name nobody.
_CAPITALS = frozenset(
    "i i'd i'll i'm i've madame monsieur mesdames messieurs madam sir sms tv wi-fi wifi internet adsl vdsl dsl gb mb go mo pdf "
    "tnd dt eur usd français anglais arabe english french arabic".split()
) | frozenset(MONTH_OF)
_GREETED = re.compile(
    r"^(?:bonjour|bonsoir|cher|chère|chers|salut|hello|hi|dear|good (?:morning|afternoon|evening)|مرحبا|اهلا|عزيزي|عزيزتي|"
    r"تحيه طيبه|السلام عليكم|السيد|السيده|الانسه|حضره السيد|حضره السيده)[ ,،]+([^\W\d_]+)"
)
_TITLE = re.compile(
    r"(?<!\w)[ولب]?(?:السيد|السيده|الانسه|الاستاذ|الاستاذه|الدكتور|الدكتوره|الزبون|الزبونه|الحريف|الحريفه|العميل|العميله|"
    r"عميلنا|عميلتنا|زبوننا|زبونتنا|حريفنا|حريفتنا)(?!\w)(?:\s?\(ه\))?\s+([^\W\d_]+)"
)
_ANYBODY = frozenset(
    "à et client cliente clients abonné abonnés madame monsieur tous toutes customer customers client subscriber madam sir and "
    "there valued all everyone".split()
) | frozenset(
    folded(
        "بكم بك وسهلا بيننا عميلنا عملاءنا حريفنا حرفاءنا زبوننا زبائننا وبعد الكريم الكريمة الكرام المحترم المحترمة العزيز العزيزة ورحمة العميل الحريف الزبون المشترك "
        "المشتركين سيدي سيدتي السيد السيدة في مع من إلى على هو الذي التي لكم إليكم"
    ).split()
)


def check_placeholders(sentence: Sentence, facts: Facts) -> Iterator[Failure]:
    """Every placeholder is one that will be filled; no other brace stands in a draft."""
    stay = facts.may_stay()
    for name in _BRACED.findall(sentence.read):
        if name not in stay:
            code = "unfit_placeholder" if name in _KNOWN else "unknown_placeholder"
            yield sentence.failure(code, name=name[:60].replace(OURS, "…"))
    rest = _BRACED.sub("", sentence.read)
    for trace in re.findall(r"[{}]|%\(\w+\)|\$\w+\b(?<!\$\d)|<<|\[\[", rest):
        yield sentence.failure("unknown_placeholder", name=trace)


def check_people(sentence: Sentence, facts: Facts) -> Iterator[Failure]:
    """A greeting greets a placeholder; within a sentence only our own words bear a capital."""
    for match in (_GREETED.match(sentence.words), *_TITLE.finditer(sentence.words)):
        if match and match[1] not in _ANYBODY:
            yield sentence.failure("unknown_name", name=match[1])
    if facts.language is Language.ARABIC:
        return  # Arabic has no capitals
    text = _BRACED.sub(" ", sentence.read)
    for at, match in enumerate(_WORD.finditer(text)):
        # French elides: d'Alice, l'Atlas
        for piece in re.split("['’]", match[0]) if match[0].casefold() not in _CAPITALS else ():
            if piece[:1].isupper() and piece.casefold() not in _CAPITALS and (at or piece is not match[0]):
                if at == 0 and match[0].startswith(piece):
                    continue  # the first word of a sentence
                yield sentence.failure("unknown_name", name=match[0])
                break


def check_foreign(draft: Draft, facts: Facts, foreign: Iterable[str]) -> Iterator[Failure]:
    """Other customers' data, a segment's name, and words of a customer's own field outside its placeholder."""
    for part, text in (("subject", draft.subject), ("text", draft.text)):
        lines = [line for line in text.split("\n") if line.strip()]
        words = [f" {' '.join(_tokens(line))} " for line in lines]
        for code, wanted in _unwanted(draft, facts, foreign):
            for line, told in zip(lines, words, strict=True):
                if f" {wanted} " in told:
                    yield Failure.of(code, part, shortened(line), found=wanted)


def _unwanted(draft: Draft, facts: Facts, foreign: Iterable[str]) -> Iterator[tuple[str, str]]:
    for value in foreign:
        words = _tokens(value)
        if len("".join(words)) >= 3:
            yield "other_customer", " ".join(words)
    label = _tokens(facts.label)
    if len(label) > 1:
        yield "segment_name", " ".join(label)
    if draft.source != "built_in":  # the built-in writer reads no field
        plan = _tokens(facts.plan)
        for at in range(len(plan) - 1):
            if len(plan[at]) + len(plan[at + 1]) >= 7:
                yield "field_echo", f"{plan[at]} {plan[at + 1]}"


def _tokens(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", folded(normal(text)))
