"""What a mail server's answer means: accepted, try later, never, or nobody knows; and whether the address is dead.

RFC 5321 (replies), RFC 3463 and the registry of RFC 5248 (enhanced codes). Where a server sends no enhanced code, its
words decide, and where these say nothing, the address is given the benefit of the doubt only if the rules allow it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What became of one message at one try.

    accepted     the server took it: 2xx after the final dot
    deferred     4xx: the same message may be tried again later
    too_many     421, or a 4xx that says we send too fast: leave this server alone for a while, then try again
    refused      5xx, or the server could never take it: not again
    uncertain    the end of the message began to go out and no answer came: a machine never sends it again
    unreachable  the connection failed before that: nothing was delivered, safe to try again
    skipped      the caller took it back before the message went out
    """

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    TOO_MANY = "too_many"
    REFUSED = "refused"
    UNCERTAIN = "uncertain"
    UNREACHABLE = "unreachable"
    SKIPPED = "skipped"


class Stage(StrEnum):
    """What had been said when the answer came. ``message``: the check before anything is said to the server."""

    MESSAGE = "message"
    CONNECT = "connect"
    HELLO = "hello"
    SENDER = "sender"
    RECIPIENT = "recipient"
    DATA = "data"
    BODY = "body"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, understood. ``code`` 0: the server did not answer; ``enhanced``: "5.1.1" or "".

    ``reason`` is a code of ``REASONS``; ``is_hard_bounce``: the address itself is dead, so that it is suppressed;
    ``queue_id``: the name that the server gave to an accepted message, where it told one.
    """

    outcome: Outcome
    stage: Stage
    code: int = 0
    enhanced: str = ""
    text: str = ""
    reason: str = ""
    is_hard_bounce: bool = False
    queue_id: str = ""

    @property
    def may_be_tried_again(self) -> bool:
        """Whether a machine may send this message again: never what may have been delivered."""
        return self.outcome in (Outcome.DEFERRED, Outcome.TOO_MANY, Outcome.UNREACHABLE)


REASONS = (
    "no_such_mailbox",
    "no_such_domain",
    "bad_address",
    "mailbox_disabled",
    "mailbox_full",
    "too_large",
    "too_fast",
    "greylisted",
    "spam",
    "authentication",
    "relay_denied",
    "sender_refused",
    "policy",
    "content",
    "server_trouble",
    "lost_connection",
    "timeout",
    "bad_answer",
    "other",
)
HARD = frozenset({"no_such_mailbox", "no_such_domain", "bad_address", "mailbox_disabled"})
_TEXT = 500  # characters of an answer that are kept

# Enhanced codes by subject and detail; the class (2, 4, 5) is the reply's own.
_BY_ENHANCED = {
    "1.1": "no_such_mailbox",
    "1.2": "no_such_domain",
    "1.3": "bad_address",
    "1.6": "no_such_mailbox",  # moved, and left no address
    "1.7": "sender_refused",
    "1.8": "sender_refused",
    "1.10": "no_such_domain",  # a null MX: the domain takes no mail (RFC 7505)
    "2.1": "mailbox_disabled",
    "2.2": "mailbox_full",
    "2.3": "too_large",
    "3.4": "too_large",
    "4.4": "no_such_domain",
    "4.5": "too_fast",
    "6.1": "content",
    "6.3": "content",
    "7.8": "authentication",
    "7.20": "authentication",
    "7.21": "authentication",
    "7.22": "authentication",
    "7.23": "authentication",
    "7.24": "authentication",
    "7.25": "authentication",
    "7.26": "authentication",
    "7.27": "sender_refused",  # the sender's domain has a null MX
    "7.28": "too_fast",
}
_BY_WORDS = (
    ("greylisted", r"gr[ae]y.?list"),
    (
        "too_fast",
        r"too (many|fast|much mail)|rate.?limit|throttl|exceeded .{0,40}(rate|limit|connections)|4\.7\.65[01]",
    ),
    ("spam", r"\bspam|\bblack.?list|\bblock.?list|\bblocked\b|reputation|\brbl\b|dnsbl|spamhaus|junk|unsolicited"),
    ("authentication", r"\bspf\b|\bdkim\b|\bdmarc\b|authenticat|reverse dns|\bptr\b"),
    ("relay_denied", r"relay(ing)? (access )?(denied|not (permitted|allowed))|unable to relay|not permitted to relay"),
    ("mailbox_full", r"(mailbox|quota|storage).{0,30}(full|exceeded)|over ?quota|insufficient (system )?storage"),
    ("too_large", r"(message|size).{0,30}(too (large|big)|exceeds)"),
    ("mailbox_disabled", r"(mailbox|account|user|recipient).{0,40}(disabled|inactive|suspended|closed|discontinued)"),
    (
        "no_such_mailbox",
        (
            r"(user|mailbox|recipient|address|account|alias|addressee).{0,40}"
            r"(unknown|not found|not exist|doesn'?t exist|doesn.t have|invalid|no longer|not (listed|local|known))"
            r"|(unknown|no such|invalid|non.?existent) (local )?(user|mailbox|recipient|address|account|person)"
            r"|no mailbox|does not exist|doesn.t have an? .{1,60} account|adresse .{0,20}inconnue|destinataire inconnu"
        ),
    ),
    ("no_such_domain", r"(domain|host).{0,20}(not found|not exist|unknown)|no mx|null mx"),
    ("policy", r"polic(y|ies)|not (authori[sz]ed|allowed|permitted|accepted)|access denied|reject(ed)? by|forbidden"),
)
_WORDS = tuple((reason, re.compile(pattern, re.I)) for reason, pattern in _BY_WORDS)
_ENHANCED = re.compile(r"^\s*([245])\.(\d{1,3})\.(\d{1,3})(?=\s|$)\s*")
_QUEUE_ID = re.compile(
    r"queued (?:as|id|with id):? *[<\[]?([A-Za-z0-9._@-]{4,80})|\bid[= ]<?([A-Za-z0-9._@-]{4,80})"
    r"|^([A-Za-z0-9]{10,30}) Message accepted",
    re.I,
)


def split_enhanced(text: str) -> tuple[str, str]:
    """("5.1.1", rest) of the text after a reply's code; ("", text) where the server sent none."""
    found = _ENHANCED.match(text)
    if found is None:
        return "", text.strip()
    rest = text[found.end() :]
    if "\n" in rest:  # each line of a long reply repeats it
        rest = "\n".join(_ENHANCED.sub("", line, count=1) for line in rest.split("\n"))
    return f"{found[1]}.{int(found[2])}.{int(found[3])}", rest.strip()


def classify(code: int, enhanced: str, text: str, stage: Stage) -> Reply:
    """What the answer ``code enhanced text`` means when it comes at this stage.

    A 2xx or 3xx is meant as a success only where the stage ends with it; whoever drives the exchange asks only about
    those that end it. An enhanced code whose class contradicts the reply's code is not believed (RFC 2034, 4).
    """
    text = text[:_TEXT]
    if enhanced and enhanced[0] != str(code)[0]:
        enhanced = ""
    if 200 <= code < 300 and stage is Stage.BODY:
        return Reply(Outcome.ACCEPTED, stage, code, enhanced, text, queue_id=queue_id(text))
    if 400 <= code < 500:
        reason = _reason(code, enhanced, text, stage)
        slow = code == 421 or reason == "too_fast"
        return Reply(Outcome.TOO_MANY if slow else Outcome.DEFERRED, stage, code, enhanced, text, reason)
    if 500 <= code < 600:
        reason = _reason(code, enhanced, text, stage)
        hard = reason in HARD and stage in (Stage.RECIPIENT, Stage.DATA, Stage.BODY)
        return Reply(Outcome.REFUSED, stage, code, enhanced, text, reason, is_hard_bounce=hard)
    # Not a sentence of this language. After the message it may hide a yes, before it nothing was delivered.
    outcome = Outcome.UNCERTAIN if stage is Stage.BODY else Outcome.UNREACHABLE
    return Reply(outcome, stage, code, enhanced, text, "bad_answer")


def queue_id(text: str) -> str:
    """The server's own name for an accepted message, for whoever searches its log; "" where it told none."""
    found = _QUEUE_ID.search(text)
    return next((part for part in found.groups() if part), "") if found else ""


def _reason(code: int, enhanced: str, text: str, stage: Stage) -> str:
    if stage in (Stage.CONNECT, Stage.HELLO):
        return _first_word(text, ("too_fast", "spam", "policy")) or "server_trouble"
    if stage is Stage.SENDER:
        return _first_word(text, ("greylisted", "too_fast", "spam", "authentication")) or (
            "too_large"
            if enhanced[2:] in ("3.4", "2.3") or code == 552
            else "sender_refused"
            if code >= 500
            else "other"
        )
    detail = enhanced[2:]
    named = _BY_ENHANCED.get(detail, "")
    worded = _first_word(text)
    if named:
        # Servers hide a block behind "5.1.1" less often than they put "no such user" under 5.7.1: both are read.
        return worded if named in HARD and worded in {"spam", "authentication", "greylisted", *HARD} else named
    if worded:
        return worded
    if detail.startswith("7."):
        return "policy"
    if detail.startswith("6."):
        return "content"
    if detail.startswith(("3.", "4.")):
        return "server_trouble"
    if code == 552:
        return "mailbox_full"
    if code == 553 and stage is Stage.RECIPIENT:
        return "bad_address"
    # A bare 550 or 551 to a recipient means, first of all, that there is none (RFC 5321, 4.2.3).
    if code in (550, 551) and stage is Stage.RECIPIENT and detail in ("", "1.0"):
        return "no_such_mailbox"
    return "server_trouble" if code in (451, 421) else "other"


def _first_word(text: str, among: tuple[str, ...] | None = None) -> str:
    return next((r for r, words in _WORDS if (among is None or r in among) and words.search(text)), "")
