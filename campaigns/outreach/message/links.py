"""Numbers the links of a message, where a workspace wants to know that they were followed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape

from .bodies import urls_in
from .refusal import MessageRefused

_HREF = re.compile(r'(<a(?:\s+[\w-]+="[^"]*")*?\s+href=")([^"]*)(")')
_HTTPS = re.compile(r"https://[!-~]{3,}")
_HTTP_HERE = re.compile(r"https?://[!-~]{3,}")
_LONGEST = 900  # characters: a header line holds 998


@dataclass(frozen=True, slots=True)
class Rewritten:
    """``targets``: where link 1, 2 … leads; the same address has one number wherever it stands."""

    html: str
    text: str
    targets: tuple[str, ...]


def rewrite(html: str, text: str, make_url: Callable[[int], str]) -> Rewritten:
    """Every https link of sanitised HTML and of a text replaced by ``make_url(number)``, which is put in as it is.
    mailto, http and the placeholder for unsubscribing stay.
    """
    numbers: dict[str, int] = {}

    def replaced(url: str) -> str:
        return make_url(numbers.setdefault(url, len(numbers) + 1))

    def in_tag(found: re.Match[str]) -> str:
        url = unescape(found[2]).strip()
        return f"{found[1]}{replaced(url)}{found[3]}" if url.lower().startswith("https://") else found[0]

    html = _HREF.sub(in_tag, html)
    out, done = [], 0
    for start, end in urls_in(text):
        if text[start:end].lower().startswith("https://"):
            out += [text[done:start], replaced(text[start:end])]
            done = end
    return Rewritten(html, "".join([*out, text[done:]]), tuple(numbers))


def checked_url(url: str, *, http_allowed: bool = False) -> str:
    """An address of ours as a header and a link may carry it: https, ASCII, no spaces, no angle brackets.
    MessageRefused url_malformed.
    """
    wanted = _HTTP_HERE if http_allowed else _HTTPS
    if len(url) > _LONGEST or not wanted.fullmatch(url) or not _BRACKETS.isdisjoint(url):
        raise MessageRefused("url_malformed", f"not an https address: {url[:100]!r}", url=url[:200])
    return url


_BRACKETS = frozenset('<>"')
