"""Writes messages that keep customers: good prose in three languages from typed facts, and checks that no writer gets around.

In order of reading: ``facts`` (what is known, without any score) · ``themes`` (drivers as matters to help with) ·
``composing`` over ``phrases`` (the built-in writer) · ``checking`` (what every draft must pass) · ``prompting`` (a
server's messages and its answer) · ``drafting`` (the server's draft where it passes, else the built-in one).
"""

from __future__ import annotations

from .checking import Failure, check
from .composing import compose
from .drafting import FAILED_CHECKS, Drafted, draft
from .facts import Draft, Facts, How, Language, OfferFacts, Price, Tone
from .formats import day_text, percent_text, price_text
from .prompting import messages_for, read_answer
from .refusal import WriterUnavailable, WritingRefused
from .themes import Theme, theme_of, themes_of

__all__ = [
    "FAILED_CHECKS",
    "Draft",
    "Drafted",
    "Facts",
    "Failure",
    "How",
    "Language",
    "OfferFacts",
    "Price",
    "Theme",
    "Tone",
    "WriterUnavailable",
    "WritingRefused",
    "check",
    "compose",
    "day_text",
    "draft",
    "messages_for",
    "percent_text",
    "price_text",
    "read_answer",
    "theme_of",
    "themes_of",
]
