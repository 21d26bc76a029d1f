"""What a server is asked, and what is made of its answer: facts go as data, figures as slots, and only JSON comes back."""

from __future__ import annotations

import json
import re

from .composing import KINDS
from .facts import Draft, Facts, How, Language, Tone
from .formats import typeset_french
from .prompt_text import INSTRUCTIONS
from .refusal import WriterUnavailable
from .themes import Theme

_LANGUAGES = {Language.FRENCH: "French", Language.ENGLISH: "British English", Language.ARABIC: "Modern Standard Arabic"}
_TOPICS = {
    Theme.PRICE: "a plan that fits the customer's budget",
    Theme.CONTRACT: "which form of contract suits",
    Theme.SUPPORT: "patient technical help",
    Theme.INTERNET: "checking the quality of the connection",
    Theme.BEGINNINGS: "finding one's way with new services and the first bills",
    Theme.BILLING: "a simpler way to pay",
    Theme.USE: "getting more out of what the plan includes",
    Theme.COMPLAINTS: "listening, and following an open matter up to its end",
    Theme.PROTECTION: "protecting devices and data",
    Theme.ENTERTAINMENT: "films, series and channels",
}
_SLOTS = {
    "company": "the company's name",
    "offer_name": "the offer's name",
    "offer_text": "the company's own sentence about the offer, complete",
    "price_before": "today's monthly price",
    "offer_price": "the monthly price with the offer",
    "offer_discount": "the discount, as a percentage",
    "offer_until": "the last day of the offer",
    "offer_link": "the address where the offer is taken",
    "support_contact": "how to reach customer service",
    "tenure_years": "for how many years, a bare number",
    "plan": "the plan's name",
}
_HOW = {
    How.REPLY: "the customer replies to this message",
    How.CONTACT: "the customer contacts {support_contact}",
    How.SHOP: "the customer comes to a shop",
    How.LINK: "the customer follows {offer_link}",
}
_TAME = re.compile(r"[\w+&/.' -]{1,40}")  # a plan's name that is worth telling a server: short, and nothing else in it
_SLOT = re.compile(r"\{(\w+)\}")


def messages_for(facts: Facts) -> list[dict[str, str]]:
    """The two messages of a chat: what to do, and the facts as one JSON object. No score, no risk, nothing personal in
    a segment's draft; of a customer's own fields at most the plan's name, where it looks like one."""
    offer = facts.offer
    told: dict[str, object] = {
        "language": _LANGUAGES[facts.language],
        "direction": "right to left" if facts.language is Language.ARABIC else "left to right",
        "tone": facts.tone.value,
        "company": facts.company,
        "audience": KINDS.get(facts.persona, "any"),
        "topics": [_TOPICS[theme] for theme in facts.themes[:3]],
        "greeting": _greeting(facts),
        "slots": {f"{{{name}}}": holds for name, holds in _SLOTS.items() if name in _slots(facts)},
        "next_step": _HOW[offer.how if offer else How.CONTACT],
    }
    if offer is not None:
        told["offer"] = {"name": offer.name, "text": offer.text, "to_take_it": offer.how_text}
    if facts.plan and _TAME.fullmatch(facts.plan) and len(facts.plan.split()) <= 5:
        told["plan"] = facts.plan
    return [
        {"role": "system", "content": INSTRUCTIONS},
        {"role": "user", "content": json.dumps(told, ensure_ascii=False, sort_keys=True)},
    ]


def read_answer(answer: str, facts: Facts) -> Draft:
    """A server's answer as a draft: our slots filled, once; what belongs to a customer stays a placeholder.

    Raises WriterUnavailable("not_a_draft") for anything but one object of a subject and a text.
    """
    subject, text = _parsed(answer)
    if facts.language is Language.FRENCH:
        subject, text = typeset_french(subject), typeset_french(text)
    values = facts.values()
    filled = [_SLOT.sub(lambda slot: values.get(slot[1], slot[0]), one) for one in (subject, text)]
    return Draft(filled[0], filled[1], facts.language, "server")


def _slots(facts: Facts) -> frozenset[str]:
    return frozenset(facts.values()) | (facts.may_stay() & {"support_contact", "tenure_years", "plan"})


def _greeting(facts: Facts) -> str:
    if facts.language is Language.FRENCH:
        return "Madame, Monsieur," if facts.tone is Tone.FORMAL else "Bonjour {first_name},"
    if facts.language is Language.ARABIC:
        return "تحية طيبة {full_name}،" if facts.tone is Tone.FORMAL else "مرحبًا {first_name}،"
    return "Dear {full_name}," if facts.tone is Tone.FORMAL else "Hello {first_name},"


def _parsed(answer: str) -> tuple[str, str]:
    body = answer.strip()
    if body.startswith("<think>"):  # small local models think aloud first
        body = body.partition("</think>")[2].strip()
    if body.startswith("```") and body.endswith("```") and len(body) > 6:
        body = body[3:-3].removeprefix("json").strip()
    try:
        found = json.loads(body, object_pairs_hook=_each_once)
    except (ValueError, RecursionError):
        raise WriterUnavailable("not_a_draft", "the answer is not the JSON that was asked for") from None
    if not isinstance(found, dict) or set(found) != {"subject", "text"}:
        raise WriterUnavailable("not_a_draft", "the answer is not a subject and a text")
    subject, text = found["subject"], found["text"]
    if not isinstance(subject, str) or not isinstance(text, str):
        raise WriterUnavailable("not_a_draft", "the subject or the text is not text")
    text = re.sub(r"\n{3,}", "\n\n", text.replace("\r\n", "\n")).strip()
    return subject.strip(), text


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found
