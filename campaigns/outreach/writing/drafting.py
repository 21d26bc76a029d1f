"""Asks a server for a draft, believes nothing of it, and has the built-in writer's at hand whatever comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from .checking import Failure, check
from .composing import compose
from .facts import Draft, Facts
from .prompting import messages_for, read_answer
from .refusal import WriterUnavailable

FAILED_CHECKS = "failed_checks"


class Answered(Protocol):
    """What a channel brings; its hashes, tokens and seconds are for whoever keeps the account."""

    text: str


@dataclass(frozen=True, slots=True)
class Drafted:
    """A draft, and how it came about.

    source         "server" | "built_in"
    why_not        why it is not the server's: a code of WriterUnavailable, or "failed_checks"; None: it is, or none was asked
    why_facts      what is known of that
    failures       of the server's draft that was not taken
    own_failures   of the draft that is here: empty unless the company's own words (offer, link) break a rule
    answer         what the channel brought, kept for its hashes and cost even where it was not taken
    """

    draft: Draft
    source: str
    why_not: str | None = None
    why_facts: dict[str, object] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    own_failures: tuple[Failure, ...] = ()
    answer: Answered | None = None


def draft(
    facts: Facts,
    *,
    ask: Callable[[list[dict[str, str]]], Answered] | None = None,
    seed: int = 0,
    links_allowed: Sequence[str] = (),
    foreign: Iterable[str] = (),
) -> Drafted:
    """The server's draft where it passes every check; otherwise the built-in one, which says why.

    ``ask`` maps messages to an answer and raises nothing but WriterUnavailable; it keeps its own deadline (see
    campaigns.channels.writer_server). None: no server is set. ``links_allowed`` and ``foreign``: as for ``check``.
    """
    foreign = tuple(foreign)
    why_not, why_facts, failures, answer = None, {}, (), None
    if ask is not None:
        try:
            answer = ask(messages_for(facts))
            theirs = read_answer(answer.text, facts)
        except WriterUnavailable as refused:
            why_not, why_facts = refused.code, dict(refused.facts)
        else:
            failures = tuple(check(theirs, facts, links_allowed=links_allowed, foreign=foreign))
            if not failures:
                return Drafted(theirs, "server", answer=answer)
            why_not = FAILED_CHECKS
    ours = compose(facts, seed=seed)
    own = tuple(check(ours, facts, links_allowed=links_allowed, foreign=foreign))
    return Drafted(ours, "built_in", why_not, why_facts, failures, own, answer)
