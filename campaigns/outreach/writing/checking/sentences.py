"""Takes a draft apart into sentences, and tells the words that are the company's own from those that are a writer's."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ..facts import Draft, Facts

_END = re.compile(r"(?<=[.!?…؟])[»”\"]?\s+|\n+")
_SHOWN = 300
_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
OURS = "\ue000"  # stands for each character of the company's own words where a sentence is read


@dataclass(frozen=True, slots=True)
class Failure:
    """One reason: ``code``, the part (subject, text, footer), the sentence as it was written, and facts (pairs)."""

    code: str
    part: str
    sentence: str
    details: tuple[tuple[str, object], ...] = ()

    @classmethod
    def of(cls, code: str, part: str, sentence: str, **facts: object) -> Failure:
        return cls(code, part, sentence, tuple(facts.items()))

    @property
    def facts(self) -> dict[str, object]:
        return dict(self.details)


@dataclass(frozen=True, slots=True)
class Sentence:
    """``written``: as it stands · ``read``: normalised (NFKC, European digits), the company's own words masked."""

    part: str
    written: str
    read: str
    words: str  # read, in lower case and, for Arabic, without vowel signs and spellings that vary

    def failure(self, code: str, **facts: object) -> Failure:
        return Failure.of(code, self.part, shortened(self.written), **facts)


def split(draft: Draft, ours: Sequence[str]) -> Iterator[Sentence]:
    """The sentences of subject and text. A line's end ends a sentence."""
    for part, text in (("subject", draft.subject), ("text", draft.text)):
        plain = normal(text)
        masked = mask(plain, ours)  # as long as the plain one: the same cuts in both
        begin = 0
        for end in [*(match.end() for match in _END.finditer(masked)), len(masked)]:
            read = masked[begin:end].strip()
            if read:
                yield Sentence(part, plain[begin:end].strip(), read, folded(read))
            begin = end


def trusted(facts: Facts, links_allowed: Sequence[str]) -> tuple[str, ...]:
    """What the company itself says, the longest first: its name, the offer's words, figures as we print them."""
    offer = facts.offer
    found = {*facts.values().values(), *links_allowed, *((offer.how_text,) if offer else ())}
    # Where the company's own sentence ends, a sentence ends: its last mark is left to be seen.
    known = {normal(text).strip().rstrip(".!?…؟ ") for text in found if text and not text.startswith("{")}
    return tuple(sorted((one for one in known if one), key=lambda one: (-len(one), one)))


def mask(text: str, ours: Sequence[str]) -> str:
    """``text`` with our own words made as many OURS. 32 within 132, or within 32,5, is not ours; nor is an address
    that only begins like ours."""
    for words in ours:
        before = r"(?<![\w@])(?<!\d[.,])(?<!\d )" if words[0].isalnum() else ""
        after = r"(?![\w@])(?![.,٫٬]\d)" if words[-1].isalnum() else ""
        if words.startswith("https://"):
            before, after = r"(?<!\S)", r"(?=[.,;:!?)»”،؛؟]*(?:\s|$))"
        text = re.sub(f"{before}{re.escape(words)}{after}", lambda match: OURS * len(match[0]), text)
    return text


def normal(text: str) -> str:
    """NFKC, any script's digits as 0..9, every blank but a line's end a space, and nothing that cannot be seen."""
    return re.sub(" {2,}", " ", "".join(map(_plain, unicodedata.normalize("NFKC", text))))


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    if character == "\n":
        return character
    if character.isspace():
        return " "
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    if unicodedata.category(character) in ("Cf", "Cc", "Co"):
        return ""
    return "'" if character in "’‘ʼ" else character


_VOWEL_SIGNS = re.compile("[\u064b-\u065f\u0670\u0640]")
_SPELLINGS = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ة": "ه"})


def folded(text: str) -> str:
    """For looking words up, of a normal text: lower case, Latin accents kept, Arabic in one spelling."""
    return _VOWEL_SIGNS.sub("", text.casefold()).translate(_SPELLINGS)


def hidden(part: str, text: str) -> Iterator[Failure]:
    """Characters that do not show, and those that turn a line around."""
    for line in text.split("\n"):
        seen = [c for c in line if unicodedata.category(c) in ("Cf", "Cc", "Co", "Cs", "Cn")]
        turning = sorted({f"U+{ord(c):04X}" for c in seen if c in _OVERRIDES})
        others = sorted({f"U+{ord(c):04X}" for c in seen if c not in _OVERRIDES})
        if turning:
            yield Failure.of("direction_override", part, shortened(line), characters=" ".join(turning))
        if others:
            yield Failure.of("hidden_character", part, shortened(line), characters=" ".join(others))


def shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
