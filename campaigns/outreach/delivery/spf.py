"""Reads what a domain says about who may send for it (SPF, RFC 7208), the way a receiver would."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

# ask(name, "TXT" | "A" | "AAAA" | "MX"): the answers as text (MX: "10 host"); () where there are none, None where it is
# not known now. Given from outside, so that nothing here speaks to a network.
Ask = Callable[[str, str], Sequence[str] | None]

MOST_LOOKUPS = 10
MOST_EMPTY = 2
_DEEPEST = 12
_MOST_TERMS = 300  # of one check, all includes together: a record of hostile length costs no more
_TERM = re.compile(
    r"([+?~-]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?:(?::([^\s/]+(?:/[0-9]+)?))?((?:/[0-9/]+)?))", re.I
)
_RESULTS = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral", "": "pass"}


@dataclass(slots=True)
class Spf:
    """What the records of a domain come to.

    ``result`` for the address asked about: pass, fail, softfail, neutral, none, permerror, temperror, or "" where no
    address was given; ``all``: the qualifier of "all" in the domain's own record, "" where there is none;
    ``lookups``: at most, over all branches; ``problems``: (code, what) of syntax, loops and broken includes.
    """

    record: str = ""
    records: int = 0
    result: str = ""
    all: str = ""
    lookups: int = 0
    empty: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)
    is_unsure: bool = False
    terms: int = 0


def spf_records(texts: Sequence[str]) -> list[str]:
    return [text for text in texts if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")]


def read_spf(domain: str, ask: Ask, address: str = "") -> Spf:
    """Walks the domain's record and all that it includes; ``address``: the IP address of the server that sends for us."""
    found = Spf()
    texts = ask(domain, "TXT")
    if texts is None:
        found.result, found.is_unsure = "temperror", True
        return found
    own = spf_records(texts)
    found.records = len(own)
    if len(own) != 1:
        found.result = "permerror" if own else "none"
        found.record = own[0] if own else ""
        return found
    found.record = own[0]
    for qualifier, name, _value in terms_of(own[0]):
        if name == "all":
            found.all = qualifier or "+"
    ip = ipaddress.ip_address(address) if address else None
    result = _walk(domain, own[0], ask, ip, found, (domain.lower(),))
    too_many = found.lookups > MOST_LOOKUPS or found.empty > MOST_EMPTY
    if found.problems or too_many:
        result = "permerror"
    found.result = result if ip is not None or result == "permerror" else ""
    return found


def terms_of(record: str) -> Iterator[tuple[str, str, str]]:
    """(qualifier, mechanism or modifier, value) of each term; ("", "?", term) for one that cannot be read."""
    for term in record.split()[1:]:
        if (match := _TERM.fullmatch(term)) is not None:
            yield match[1], match[2].lower(), (match[3] or "") + (match[4] or "")
        elif (modifier := re.fullmatch(r"([A-Za-z][\w.-]*)=(\S*)", term)) is not None:
            yield "", modifier[1].lower() + "=", modifier[2]
        else:
            yield "", "?", term


def _walk(domain: str, record: str, ask: Ask, ip, found: Spf, path: tuple[str, ...]) -> str:
    """The result of one record; every branch is walked for its cost, the first that matches gives the result."""
    result, redirect, has_all = "", "", False
    for qualifier, name, value in terms_of(record):
        found.terms += 1
        if found.terms > _MOST_TERMS:
            found.problems.append(("too_long", domain))
            break
        matches: bool | None = False
        if name == "?":
            found.problems.append(("syntax", value[:80]))
        elif name == "all":
            has_all = matches = True
        elif name in ("ip4", "ip6"):
            matches = _in_network(value, ip, found)
        elif name == "include":
            matches = _included(value, ask, ip, found, path)
        elif name in ("a", "mx"):
            matches = _of_hosts(name, value, domain, ask, ip, found)
        elif name in ("ptr", "exists"):
            found.lookups += 1
            matches = None  # depends on what only the receiver knows
        elif name == "redirect=":
            redirect = value
        if matches is None:
            found.is_unsure = True
        elif matches and not result:
            result = _RESULTS[qualifier]
    if redirect and not has_all:
        found.lookups += 1
        inner = _record_of(redirect, ask, found, path)
        if inner:
            result = result or _walk(redirect, inner, ask, ip, found, (*path, redirect.lower()))
    return result or "neutral"


def _included(value: str, ask: Ask, ip, found: Spf, path: tuple[str, ...]) -> bool | None:
    found.lookups += 1
    if "%" in value:  # a macro: differs from mail to mail
        return None
    inner = _record_of(value, ask, found, path)
    if not inner:
        return None if found.is_unsure else False
    return _walk(value, inner, ask, ip, found, (*path, value.lower())) == "pass"


def _record_of(name: str, ask: Ask, found: Spf, path: tuple[str, ...]) -> str:
    if not name or name.lower() in path or len(path) >= _DEEPEST:
        found.problems.append(("loop", name[:80]))
        return ""
    if found.lookups > 2 * MOST_LOOKUPS:  # more than enough to know; no further questions to other people's servers
        return ""
    texts = ask(name, "TXT")
    if texts is None:
        found.is_unsure = True
        return ""
    records = spf_records(texts)
    if len(records) != 1:
        found.problems.append(("include_missing" if not records else "include_many", name[:80]))
        return ""
    return records[0]


def _of_hosts(name: str, value: str, domain: str, ask: Ask, ip, found: Spf) -> bool | None:
    found.lookups += 1
    host, _slash, prefix = value.partition("/")
    if "%" in host:
        return None
    host = host or domain
    hosts: Sequence[str] | None = (host,)
    if name == "mx":
        answers = ask(host, "MX")
        hosts = None if answers is None else [answer.split()[-1] for answer in answers][:10]
    if hosts is None:
        return None
    if not hosts:
        found.empty += 1
    if ip is None:
        return False
    kind = "A" if ip.version == 4 else "AAAA"
    for one in hosts:
        addresses = ask(one, kind)
        if addresses is None:
            return None
        if any(_in_network(text + _prefix_for(prefix, ip.version), ip, found) for text in addresses):
            return True
    return False


def _prefix_for(prefix: str, version: int) -> str:
    """Of "24//64" the part for this kind of address, with its slash."""
    four, _slashes, six = prefix.partition("//") if "//" in prefix else (prefix.lstrip("/"), "", "")
    wanted = four if version == 4 else six
    return "/" + wanted if wanted else ""


def _in_network(text: str, ip, found: Spf) -> bool:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        found.problems.append(("syntax", text[:80]))
        return False
    return ip is not None and ip.version == network.version and ip in network
