"""The built-in writer's stock: what may be said, in each language, tone and place of a message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Variants = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Phrases:
    """One language's sentences. Each value is a tuple of ways to say the same; keys ending in a tone are that tone's.

    greeting     tone ->
    opening      tone -> company of customers (any, loyal, new, active, family) ->
    tenure, plan sentences for what is known of the one customer
    answer       theme -> tone -> how one can help
    offer        tone -> announces {offer_name}; nameless: the same, of an offer without a name
    price        which figures are known -> ; any tone
    until        valid until {offer_until}
    take, talk   how (reply, contact, shop, link) -> tone -> what to do to take the offer; to talk, without one
    last         tone -> the sentence before the signature
    farewell     tone -> greeting and signature
    subject      tone -> named | discount | offer | any ->
    subject_of   theme -> subject of a message without an offer
    """

    greeting: Mapping[str, Variants]
    opening: Mapping[str, Mapping[str, Variants]]
    tenure: Variants
    plan: Variants
    answer: Mapping[str, Mapping[str, Variants]]
    offer: Mapping[str, Variants]
    nameless: Mapping[str, Variants]
    price: Mapping[str, Variants]
    until: Variants
    take: Mapping[str, Mapping[str, Variants]]
    talk: Mapping[str, Mapping[str, Variants]]
    last: Mapping[str, Variants]
    farewell: Mapping[str, Variants]
    subject: Mapping[str, Mapping[str, Variants]]
    subject_of: Mapping[str, Variants]
