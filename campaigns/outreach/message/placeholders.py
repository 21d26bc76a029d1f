"""The fixed list of what `{…}` may stand for, and the one regular expression that finds it.

A template is taken apart once, into literals and slots; values are put between the literals and never looked at again. No
template engine and no ``str.format`` is involved: both hand out the inside of the program to whoever writes a template
(``{0.__class__}`` and the like gave a secret key when tried).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType

from .problems import PREHEADER, SUBJECT, Problem, error, warning
from .refusal import MessageRefused

LANGUAGES = ("fr", "en", "ar")
RIGHT_TO_LEFT = frozenset({"ar"})

CUSTOMER, OFFER, COMPANY, MESSAGE = "customer", "offer", "company", "message"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One name that a template may use.

    group             CUSTOMER | OFFER | COMPANY | MESSAGE: who knows the value
    is_personal       says something of one customer: not for a prompt, not for a log
    is_always_known   a value is there for every customer of every campaign
    fallback          language -> what stands there where the value is unknown
    longest           characters kept of a value

    Line breaks in a value become spaces, save in offer_text.
    """

    code: str
    group: str
    is_personal: bool
    is_always_known: bool
    fallback: Mapping[str, str]
    longest: int = 500


def _known(code: str, group: str, *, personal: bool = False) -> Placeholder:
    return Placeholder(code, group, personal, True, MappingProxyType(dict.fromkeys(LANGUAGES, "")))


def _perhaps(code: str, group: str, fr: str = "", en: str = "", ar: str = "", *, personal: bool = True) -> Placeholder:
    return Placeholder(code, group, personal, False, MappingProxyType({"fr": fr, "en": en, "ar": ar}))


def _offer(code: str) -> Placeholder:
    return _perhaps(code, OFFER, personal=False)


_DEAR = ("cher client", "valued customer", "عميلنا العزيز")

PLACEHOLDERS: tuple[Placeholder, ...] = (
    _perhaps("first_name", CUSTOMER, *_DEAR),
    _perhaps("last_name", CUSTOMER, *_DEAR),
    _perhaps("full_name", CUSTOMER, *_DEAR),
    _known("customer_number", CUSTOMER, personal=True),
    _known("company", COMPANY),
    _offer("offer_name"),
    Placeholder("offer_text", OFFER, False, False, _offer("").fallback, longest=4_000),
    _offer("offer_price"),  # by the month, after the discount, as ready text with its currency
    _offer("offer_discount"),
    _offer("offer_until"),
    _perhaps("segment", CUSTOMER, "nos abonnés", "our subscribers", "مشتركينا"),
    _perhaps("tenure_years", CUSTOMER, "plusieurs", "several", "عدة"),  # a number, without its unit
    _perhaps("plan", CUSTOMER, "votre formule", "your plan", "اشتراككم"),
    _known("support_contact", COMPANY),
    # in a mail to nobody (a preview, a test to oneself) there is nothing to unsubscribe from
    Placeholder("unsubscribe_url", MESSAGE, True, True, MappingProxyType(dict.fromkeys(LANGUAGES, "#")), longest=900),
)
_SEVERAL_LINES = frozenset({"offer_text", "postal_address"})
NOT_IN_LINES = frozenset({"offer_text", "unsubscribe_url"})  # no place in a subject
BY_CODE: Mapping[str, Placeholder] = MappingProxyType({one.code: one for one in PLACEHOLDERS})

# What people write who remember another tool, or their own language
_ALSO = {
    "firstname": "first_name", "prenom": "first_name", "prénom": "first_name", "given_name": "first_name",
    "الاسم": "first_name", "lastname": "last_name", "surname": "last_name", "nom": "last_name", "name": "full_name",
    "fullname": "full_name", "nom_complet": "full_name", "client": "full_name", "customer_id": "customer_number",
    "numero_client": "customer_number", "entreprise": "company", "societe": "company", "société": "company",
    "offre": "offer_name", "offer": "offer_name", "prix": "offer_price", "price": "offer_price",
    "remise": "offer_discount", "discount": "offer_discount", "until": "offer_until", "anciennete": "tenure_years",
    "ancienneté": "tenure_years", "tenure": "tenure_years", "formule": "plan", "contact": "support_contact",
    "support": "support_contact", "unsubscribe": "unsubscribe_url", "desabonnement": "unsubscribe_url",
    "désabonnement": "unsubscribe_url", "unsubscribe_link": "unsubscribe_url",
}  # fmt: skip

# A mark is the engine's own slot, in what it writes around people's words: a private character that `tidied` takes out of
# everything that people write, so that nobody else can make one.
_MARK = "\ue0f1"
_SLOT = re.compile(rf"{_MARK}([a-z_]+[0-9]*){_MARK}|(?<!\{{)\{{([^\W\d]\w*)\}}(?!\}})")
_NEARLY = re.compile(r"(?<!\{)\{\s*([^\W\d][\w \-]{0,40}?)\s*\}(?!\})")
_DOUBLED = re.compile(r"\{\{\s*([^\W\d]\w*)\s*\}\}")

_BROKEN_LINE = re.compile("\r\n?|\u2028|\u2029")
# controls, lone surrogates, marks; overrides of direction, which make a text read otherwise than it is written
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufff9-\ufffb\u202a-\u202e\u2066-\u2069" + _MARK + "]"
)


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a value goes: ``code`` of a placeholder or mark; ``is_in_tag``: within an attribute."""

    code: str
    is_in_tag: bool = False


Pieces = tuple[str | Slot, ...]


def mark(code: str) -> str:
    """A slot of the engine's own, to be put into markup that it writes. ``code``: a placeholder's or a private one's."""
    return f"{_MARK}{code}{_MARK}"


def checked_language(language: str) -> str:
    if language not in LANGUAGES:
        raise MessageRefused("language_unknown", f"no such language: {language!r}", language=language)
    return language


def tidied(text: str) -> str:
    """Text as it may stand in a mail: lines end in LF; no controls, no overrides of direction, no marks."""
    return _HIDDEN.sub("", _BROKEN_LINE.sub("\n", text))


def value_of(code: str, values: Mapping[str, str | None], language: str) -> str:
    """The value to put in, tidied and bounded; the fallback where it is unknown or blank. MessageRefused value_not_text."""
    kind = BY_CODE.get(code)
    found = values.get(code)
    if found is None or found == "":
        return kind.fallback[language] if kind else ""
    if not isinstance(found, str):
        raise MessageRefused("value_not_text", f"{code} is a {type(found).__name__}", placeholder=code)
    if found.isascii() and found.isprintable() and len(found) <= 500 and found.strip():
        return found
    found = tidied(found)
    if code not in _SEVERAL_LINES:
        found = found.replace("\n", " ").replace("\t", " ")
    found = found[: kind.longest if kind else 500]
    return found if found.strip() or kind is None else kind.fallback[language]


def compiled(source: str, *, tags: Iterable[tuple[int, int]] = ()) -> Pieces:
    """A template taken apart: literals and slots by turns, in one pass. ``source`` is tidied but for the engine's marks.
    ``tags``: where markup stands (start, end, ascending). Names that nobody knows stay as they were written.
    """
    pieces: list[str | Slot] = []
    spans = iter(tags)
    start, end = next(spans, (-1, -1))
    done = 0
    for found in _SLOT.finditer(source):
        code = found[1] or found[2]
        if found[2] and code not in BY_CODE:
            continue
        while start >= 0 and end <= found.start():
            start, end = next(spans, (-1, -1))
        if found.start() > done:
            pieces.append(source[done : found.start()])
        pieces.append(Slot(code, 0 <= start <= found.start()))
        done = found.end()
    if done < len(source):
        pieces.append(source[done:])
    return tuple(pieces)


def known_in(source: str) -> Iterator[tuple[int, str]]:
    """Where a template has which placeholder, each as often as it stands there."""
    return ((found.start(), found[2]) for found in _SLOT.finditer(source) if found[2] in BY_CODE)


def holds_slot(source: str) -> bool:
    return _SLOT.search(source) is not None


def without_slots(source: str) -> str:
    """A template's own words."""
    return _SLOT.sub(" ", source)


def suggestion(name: str) -> str:
    """The placeholder that was probably meant; "" where none comes near."""
    plain = re.sub(r"[\s\-]+", "_", name.strip().casefold())
    if plain in BY_CODE:
        return plain
    if plain in _ALSO:
        return _ALSO[plain]
    near = get_close_matches(plain, [*BY_CODE, *_ALSO], n=1, cutoff=0.7)
    return _ALSO.get(near[0], near[0]) if near else ""


def problems_of(part: str, source: str, language: str, unavailable: Iterable[str] = ()) -> Iterator[Problem]:
    """What is wrong with the placeholders of one part. ``unavailable``: codes that this campaign has no value for."""
    unavailable = frozenset(unavailable)
    told: set[str] = set()
    for found in _SLOT.finditer(source):
        name = found[2]
        if name is None:
            continue
        if name not in BY_CODE:
            place = (source, found.start(), found[0])
            yield error(part, "unknown_placeholder", *place, name=name, suggestion=suggestion(name))
        elif name in NOT_IN_LINES and part in (SUBJECT, PREHEADER):
            yield error(part, "placeholder_not_here", source, found.start(), found[0], name=name)
        elif name in unavailable:
            yield error(part, "placeholder_unavailable", source, found.start(), found[0], name=name)
        elif not BY_CODE[name].is_always_known and BY_CODE[name].group == CUSTOMER and name not in told:
            told.add(name)
            instead = BY_CODE[name].fallback[language]
            place = (source, found.start(), found[0])
            yield warning(part, "placeholder_may_be_unknown", *place, name=name, instead=instead)
    for found in _NEARLY.finditer(source):
        if not _SLOT.fullmatch(found[0]) and (near := suggestion(found[1])):
            yield warning(part, "looks_like_placeholder", source, found.start(), found[0], suggestion=near)
    for found in _DOUBLED.finditer(source):
        if near := suggestion(found[1]):
            yield warning(part, "double_braces", source, found.start(), found[0], name=near)


def hidden_in(part: str, source: str) -> Iterator[Problem]:
    """Characters that nobody sees and that are taken out, told once each."""
    hidden = [*_HIDDEN.finditer(_BROKEN_LINE.sub("\n", source))]
    first = {}
    for one in hidden:
        first.setdefault(one[0], one.start())
    for character, at in first.items():
        times = sum(one[0] == character for one in hidden)
        yield warning(part, "hidden_character", source, at, "", character=f"U+{ord(character):04X}", times=times)
