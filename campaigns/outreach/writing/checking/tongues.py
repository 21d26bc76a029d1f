"""Whether a text is in the language that was asked for: by its script, and by the small words that carry each language."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from ..facts import Draft, Facts, Language
from .sentences import Failure, Sentence, folded, shortened, split

_SMALL_WORDS = {
    "fr": "le la les de des du un une et à en que qui pour dans sur avec vous nous votre vos notre nos est sont ce cette "
    "ne pas plus par au aux se si il elle ou mais c'est être ces leur lui y dont où je on s'il qu'on d'un",
    "en": "the of and to in is are you your our we for with that this it on be as have has will at from or not can an if "
    "so which us would what when a they their about",
    "es": "el los las de la que y en un una para con su por es se al del lo como más usted nuestro nuestra le sus no este esta "
    "muy también desde hasta ya sin sobre mejor poder hace",
    "it": "il lo gli di che e è un una per con del della non si sono alla nel suo vostro nostro le la questo ha dei",
    "de": "der die das und zu ist mit für sie ihr den von nicht ein eine auf wir im es sich ihre ihnen wird",
    "pt": "o os as de que e do da em um uma para com não se por mais você seu sua no na ao é",
}
_SETS = {code: frozenset(words.split()) for code, words in _SMALL_WORDS.items()}
# Words of one language alone: what two share tells nothing.
_TELLING = {
    code: words - frozenset().union(*(other for name, other in _SETS.items() if name != code))
    for code, words in _SETS.items()
}
_ARABIC = frozenset(
    folded(
        "من في على إلى أن عن مع هذا هذه ما لا لكم كل إن أو التي الذي ثم حتى بعد نحن لم كما قد منه معكم إليكم عليكم"
    ).split()
)
_LATIN = frozenset("abcdefghijklmnopqrstuvwxyzàâäéèêëîïôöùûüÿçœæñáíóú")
_PLACEHOLDER = re.compile(r"\{\w*\}")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_LATIN_IN_ARABIC = 0.15  # of the letters: a product's name or two
_LONG = 7  # words, from which a sentence must be told by its small words


def check_language(draft: Draft, facts: Facts, ours: Sequence[str]) -> Iterator[Failure]:
    """Sentences in another language or script than the facts'; and a text that no small word tells."""
    found = list(split(draft, ours))
    language = facts.language
    if draft.language != language:
        yield Failure.of("wrong_language", "text", shortened(draft.text), found=str(draft.language))
    hits: dict[str, int] = dict.fromkeys((*_TELLING, "ar"), 0)
    for sentence in found:
        words = _words(sentence)
        yield from _scripts(sentence, words, language)
        counts = _counts(words)
        if sentence.part == "text":
            hits = {code: hits[code] + counts[code] for code in hits}
        other = _other(words, counts, language)
        if other:
            yield sentence.failure("wrong_language", found=other)
    best = max(hits, key=lambda code: (hits[code], code == language))
    if best != language or hits[language] < 2:
        yield Failure.of("wrong_language", "text", shortened(draft.text), found=best if best != language else "unknown")


def _words(sentence: Sentence) -> list[str]:
    return _WORD.findall(_PLACEHOLDER.sub(" ", sentence.words))


def _counts(words: Sequence[str]) -> dict[str, int]:
    pieces = [piece for word in words for piece in ({word, *re.split("['’-]", word)})]
    counts = {code: sum(piece in telling for piece in pieces) for code, telling in _TELLING.items()}
    counts["ar"] = sum(piece in _ARABIC or (piece[:1] in "وف" and piece[1:] in _ARABIC) for piece in pieces)
    return counts


def _other(words: Sequence[str], counts: dict[str, int], language: Language) -> str:
    """Another language that this sentence is in; "": none that one could tell."""
    if language is Language.ARABIC:
        latin = sum(len(word) for word in words if _script(word) == "LATIN")
        letters = sum(map(len, words))
        if letters >= 12 and latin > letters * 0.5:
            return max((code for code in counts if code != "ar"), key=counts.__getitem__) if latin else ""
        return ""
    own, best = counts[language], max((c for c in counts if c != language), key=counts.__getitem__)
    if counts[best] >= 2 and counts[best] > 2 * own:
        return best
    if len(words) >= _LONG:
        pieces = {piece for word in words for piece in (word, *re.split("['’-]", word))}
        if not pieces & _SETS[language]:
            return "unknown"
    return ""


def _scripts(sentence: Sentence, words: Sequence[str], language: Language) -> Iterator[Failure]:
    latin = arabic = 0
    for word in words:
        scripts = {_script(letter) for letter in word if letter.isalpha()}
        if "OTHER" in scripts:
            code = "mixed_script" if "LATIN" in scripts else "foreign_script"
            yield sentence.failure(code, word=word)
        latin += len(word) * ("LATIN" in scripts)
        arabic += len(word) * ("ARABIC" in scripts)
    if language is not Language.ARABIC and arabic:
        yield sentence.failure("wrong_language", found="ar")
    if language is Language.ARABIC and latin > 12 and latin > (latin + arabic) * _LATIN_IN_ARABIC:
        yield sentence.failure("wrong_language", found="latin")


def _script(text: str) -> str:
    """LATIN: the letters of French and English; ARABIC: those of Arabic itself; anything else is OTHER."""
    letter = next((one for one in text if one.isalpha()), "")
    if letter in _LATIN:
        return "LATIN"
    if "\u0621" <= letter <= "\u064a" and unicodedata.name(letter, "").startswith("ARABIC"):
        return "ARABIC"
    return "OTHER"
