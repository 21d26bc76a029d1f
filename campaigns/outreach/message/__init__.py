"""Makes a message of what people wrote: placeholders, bodies, the page around them, bytes for each recipient, links that
know whom they were sent to. Plain Python; codes and facts, never sentences for the interface.

    problems = check(parts, "fr", sender=sender)                        # [Problem]; errors forbid, warnings advise
    shown = preview(parts, "fr", values, sender)                        # subject, text, html for a sandboxed frame
    prepared = prepare(parts, "fr", sender, fixed=offer)                # once for a campaign and language; MessageRefused
    data = prepared.build(values, to_name=…, to_address=…, message_id=…, unsubscribe_url=…, date=…)      # for each recipient

Reading order:

    refusal       what cannot be, by a code
    problems      what is wrong with a message that somebody wrote
    placeholders  the fixed list, and a template taken apart once
    markup        tags of HTML as people write it
    sanitising    what HTML from people may hold
    bodies        text of HTML, HTML of text
    phrases       the sentences under every mail
    layout        the page around a body
    addresses     who can be written to; the key of an address
    headers       names and subjects of any script
    encoding      parts as 7-bit bytes
    tokens        what a link says, sealed; Message-IDs
    links         links numbered, where that is asked for
    mime          the skeleton, and each recipient's message
    checking      what its author is told
    composing     prepare, preview
"""

from .addresses import address_key, checked_address, checked_domain, normalised_address
from .bodies import html_of, text_of
from .checking import HTML_MOST, PREHEADER_MOST, SUBJECT_MOST, TEXT_MOST, Parts, check
from .composing import prepare, preview
from .links import Rewritten, checked_url, rewrite
from .mime import Prepared, Rendered, Sender
from .placeholders import BY_CODE, LANGUAGES, PLACEHOLDERS, RIGHT_TO_LEFT, Placeholder
from .problems import ERROR, WARNING, Problem
from .refusal import MessageRefused
from .sanitising import sanitised
from .tokens import CLICK, OPEN, UNSUBSCRIBE, Token, message_id, read_token, token, unsubscribe_token

__all__ = [
    "BY_CODE",
    "CLICK",
    "ERROR",
    "HTML_MOST",
    "LANGUAGES",
    "OPEN",
    "PLACEHOLDERS",
    "PREHEADER_MOST",
    "RIGHT_TO_LEFT",
    "SUBJECT_MOST",
    "TEXT_MOST",
    "UNSUBSCRIBE",
    "WARNING",
    "MessageRefused",
    "Parts",
    "Placeholder",
    "Prepared",
    "Problem",
    "Rendered",
    "Rewritten",
    "Sender",
    "Token",
    "address_key",
    "check",
    "checked_address",
    "checked_domain",
    "checked_url",
    "html_of",
    "message_id",
    "normalised_address",
    "prepare",
    "preview",
    "read_token",
    "rewrite",
    "sanitised",
    "text_of",
    "token",
    "unsubscribe_token",
]
