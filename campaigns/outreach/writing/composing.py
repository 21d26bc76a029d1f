"""The built-in writer: composes a message from facts, with no network and no chance, another one for another seed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence

from .facts import Draft, Facts, How, Language, Tone
from .formats import typeset_french
from .phrases import Phrases
from .phrases.arabic import ARABIC
from .phrases.english import ENGLISH
from .phrases.french import FRENCH

_PHRASES: Mapping[Language, Phrases] = {Language.FRENCH: FRENCH, Language.ENGLISH: ENGLISH, Language.ARABIC: ARABIC}
# Persona -> the kind of customers that an opening speaks to; any other: "any". Age is nothing to speak of.
KINDS = {
    "loyal": "loyal",
    "silent_loyal": "loyal",
    "loyal_valuable": "loyal",
    "valuable_at_risk": "loyal",
    "safe": "loyal",
    "newcomer": "new",
    "newcomer_at_risk": "new",
    "data_hungry": "active",
    "talker": "active",
    "texter": "active",
    "big_spender": "active",
    "heavy_all_round": "active",
    "young_digital": "active",
    "service_rich": "active",
    "family": "family",
}
_SLOT = re.compile(r"\{(\w+)\}")
_SHORT, _LONG = 5, 90  # characters of a subject
_ENDS = ".!?…؟:»”)"


def compose(facts: Facts, *, seed: int = 0) -> Draft:
    """A message in the language and tone of the facts, whatever is missing of them.

    The same facts and seed give the same draft; the next seed gives another one. Placeholders of ``facts.PERSONAL``
    stay, the offer's figures are written out.
    """
    pen = _Pen(facts, seed)
    offer = facts.offer
    paragraphs = [
        pen.one_of(pen.phrases.greeting[facts.tone], "greeting"),
        _together(pen.opening(), pen.known(), *pen.answers()),
        _together(*pen.offered()) if offer is not None else "",
        pen.next_step(),
        pen.one_of(pen.phrases.last[facts.tone], "last"),
        pen.one_of(pen.phrases.farewell[facts.tone], "farewell"),
    ]
    return Draft(pen.subject(), "\n\n".join(p for p in paragraphs if p), facts.language, "built_in")


class _Pen:
    """Chooses among the ways to say a thing, and fills in what is known, once."""

    def __init__(self, facts: Facts, seed: int) -> None:
        self.facts = facts
        self.seed = int(seed)
        self.phrases = _PHRASES[facts.language]
        self.values = facts.values()
        self.tone = facts.tone

    def one_of(self, variants: Sequence[str], place: str, *, turn: bool = False) -> str:
        """One of the variants, filled; by the seed's digest, or each seed the next one where ``turn``."""
        digest = hashlib.sha256(f"{place}:{'' if turn else self.seed}".encode()).digest()
        at = int.from_bytes(digest[:4], "big") + (self.seed if turn else 0)
        return self._filled(variants[at % len(variants)])

    def opening(self) -> str:
        openings = self.phrases.opening[self.tone]
        kind = KINDS.get(self.facts.persona, "any")
        # Taken in turns: so two seeds in a row never give the same draft.
        return self.one_of(openings.get(kind) or openings["any"], "opening", turn=True)

    def known(self) -> str:
        """A sentence on what is known of the one customer; a segment's draft has none."""
        if self.tone is Tone.BRIEF:
            return ""
        if "tenure_years" in self.facts.may_stay():
            return self.one_of(self.phrases.tenure, "tenure")
        return self.one_of(self.phrases.plan, "plan") if self.facts.plan else ""

    def answers(self) -> list[str]:
        themes = self.facts.themes[: 1 if self.tone is Tone.BRIEF else 2]
        return [self.one_of(self.phrases.answer[theme][self.tone], f"answer {theme}") for theme in themes]

    def offered(self) -> list[str]:
        offer, values = self.facts.offer, self.values
        stock = self.phrases.offer if offer.name else self.phrases.nameless
        told = [self.one_of(stock[self.tone], "offer")]
        if offer.text:
            told.append(offer.text if offer.text[-1] in _ENDS else f"{offer.text}.")
        figures = [("price_before", "before"), ("offer_price", "after"), ("offer_discount", "discount")]
        known = [word for name, word in figures if name in values]
        if "after" not in known and "before" in known:
            known.remove("before")  # what one pays today is no news
        if known:
            told.append(self.one_of(self.phrases.price["_".join(known)], "price"))
        if "offer_until" in values:
            told.append(self.one_of(self.phrases.until, "until"))
        return told

    def next_step(self) -> str:
        offer = self.facts.offer
        if offer is None:
            return self.one_of(self.phrases.talk[How.CONTACT][self.tone], "next")
        return offer.how_text or self.one_of(self.phrases.take[offer.how][self.tone], "next")

    def subject(self) -> str:
        kinds = self.phrases.subject[self.tone]
        if self.facts.offer is None:
            of_theme = [self.phrases.subject_of[theme] for theme in self.facts.themes[:1]]
            stock = (*kinds["any"], *(of_theme[0] if of_theme else ()))
        else:
            stock = (
                *(kinds["named"] if self.facts.offer.name else ()),
                *(kinds["discount"] if "offer_discount" in self.values else ()),
                *kinds["offer"],
            )
        # A long name has to do without being in the subject.
        fitting = [one for one in stock if _SHORT <= len(self._filled(one)) <= _LONG]
        return self.one_of(fitting or kinds["any"][:1], "subject")

    def _filled(self, template: str) -> str:
        if self.facts.language is Language.FRENCH:
            template = typeset_french(template)
        return _SLOT.sub(lambda slot: self.values.get(slot[1], slot[0]), template)


def _together(*sentences: str) -> str:
    return " ".join(one for one in sentences if one)
