"""Makes the plain text of HTML, and the HTML of plain text; finds the addresses in a text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from html.parser import HTMLParser

from .sanitising import UNSUBSCRIBE, sanitised

_URL = re.compile(r"https?://[^\s<>\"'“”«»`{}|\\^\x00-\x20\ue0f1]{1,2000}", re.IGNORECASE)
_TRAILING = ".,;:!?…،؛؟*_~"
_HEADINGS = frozenset({"h1", "h2", "h3", "h4"})
_BLOCKS = _HEADINGS | {"p", "div", "ul", "ol", "blockquote", "table", "pre", "hr"}
_LINES = frozenset({"li", "tr"})
_BULLET = re.compile(r"[-*•–]\s+(?=\S)")
_SPACES = re.compile("[ \t\n\f]+")  # not those that do not break


def urls_in(text: str) -> Iterator[tuple[int, int]]:
    """Where http and https addresses stand in a text, without the punctuation after them."""
    for found in _URL.finditer(text):
        url = found[0].rstrip(_TRAILING)
        while url.endswith((")", "]")) and url.count(url[-1]) > url.count({")": "(", "]": "["}[url[-1]]):
            url = url[:-1].rstrip(_TRAILING)
        if len(url) > len("https://"):
            yield found.start(), found.start() + len(url)


def html_of(text: str) -> str:
    """Paragraphs by blank lines, lists by dashes, line breaks kept, https addresses as links; sanitised."""
    made = []
    for paragraph in re.split(r"\n[ \t]*\n+", text.strip("\n")):
        lines = [line.rstrip() for line in paragraph.split("\n")]
        at = 0
        while at < len(lines):
            is_list = _BULLET.match(lines[at].lstrip()) is not None
            end = at
            while end < len(lines) and (_BULLET.match(lines[end].lstrip()) is not None) is is_list:
                end += 1
            if is_list:
                items = (_linked(_BULLET.sub("", line.lstrip(), count=1)) for line in lines[at:end])
                made.append("<ul>" + "".join(f"<li>{item}</li>" for item in items) + "</ul>")
            elif any(line.strip() for line in lines[at:end]):
                made.append("<p>" + "<br>".join(_linked(line) for line in lines[at:end]) + "</p>")
            at = end
    return sanitised("\n".join(made))


def _linked(line: str) -> str:
    out, done = [], 0
    for start, end in urls_in(line):
        url = line[start:end]
        if url.lower().startswith("https://"):
            out += [_plain(line[done:start]), f'<a href="{escape(url)}">{escape(url)}</a>']
            done = end
    return "".join([*out, _plain(line[done:])])


def _plain(text: str) -> str:
    return escape(text, quote=False).replace(UNSUBSCRIBE, f'<a href="{UNSUBSCRIBE}">{UNSUBSCRIBE}</a>')


def text_of(html: str) -> str:
    """The plain text of sanitised HTML: paragraphs apart by a blank line, lists by dashes or numbers, links with their
    addresses, images by their descriptions, cells of a row beside each other."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.text()


class _Reader(HTMLParser):
    """Well-formed markup only: on anything else Python's parser is slow (see markup.py)."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = [""]
        self._gap = 0  # line breaks owed before the next word
        self._lists: list[int | None] = []  # the next number, or None for dashes
        self._links: list[tuple[str, int, int]] = []  # address, line and column where its words begin
        self._quotes = self._preformatted = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "br":
            self._gap = 0
            self._lines.append("")
        elif tag == "img":
            if alt := attributes.get("alt", "").strip():
                self._say(f"[{alt}]")
        elif tag == "a":
            self._settle()
            self._links.append((attributes.get("href", ""), len(self._lines) - 1, len(self._lines[-1])))
        elif tag == "hr":
            self._break(2)
            self._say("-" * 24)
            self._break(2)
        elif tag in ("td", "th"):
            if self._lines[-1] and not self._gap:
                self._lines[-1] = self._lines[-1].rstrip(" ") + "   "
        elif tag == "li":
            self._break(1)
            self._item()
        elif tag in _BLOCKS or tag in _LINES:
            self._break(1 if tag in _LINES or (tag in ("ul", "ol") and self._lists) or tag == "div" else 2)
            if tag in ("ul", "ol"):
                self._lists.append(1 if tag == "ol" else None)
            self._quotes += tag == "blockquote"
            self._preformatted += tag == "pre"

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._links:
            self._close_link(*self._links.pop())
        elif tag in _BLOCKS or tag in _LINES:
            if tag in ("ul", "ol") and self._lists:
                self._lists.pop()
            self._quotes -= tag == "blockquote" and self._quotes > 0
            self._preformatted -= tag == "pre" and self._preformatted > 0
            self._break(1 if tag in _LINES or (tag in ("ul", "ol") and self._lists) or tag == "div" else 2)

    def handle_data(self, data: str) -> None:
        if self._preformatted:
            for at, line in enumerate(data.split("\n")):
                if at:
                    self._settle()
                    self._lines.append("")
                self._settle()
                self._lines[-1] += line
            return
        words = _SPACES.sub(" ", data)
        if words.strip(" ") or (words and not self._gap and self._lines[-1].strip()):
            self._say(words)

    def text(self) -> str:
        lines = "\n".join(line.rstrip(" ") for line in self._lines).strip("\n")
        return re.sub(r"\n{3,}", "\n\n", lines)

    def _say(self, words: str) -> None:
        self._settle()
        line = self._lines[-1]
        self._lines[-1] += words.lstrip(" ") if not line or line.endswith(" ") else words

    def _item(self) -> None:
        self._settle()
        deep = "  " * min(max(len(self._lists) - 1, 0), 6)
        number = self._lists[-1] if self._lists else None
        if number is not None:
            self._lists[-1] = number + 1
        self._lines[-1] += f"{deep}- " if number is None else f"{deep}{number}. "

    def _break(self, lines: int) -> None:
        self._gap = max(self._gap, lines)

    def _settle(self) -> None:
        if self._gap and (len(self._lines) > 1 or self._lines[0]):
            self._lines += [""] * self._gap
        if self._gap and self._quotes:
            self._lines[-1] = "> " * min(self._quotes, 3)
        self._gap = 0

    def _close_link(self, url: str, line: int, column: int) -> None:
        url = url.removeprefix("mailto:").partition("?")[0] if url.startswith("mailto:") else url
        said = " ".join([self._lines[line][column:], *self._lines[line + 1 :]]).strip()
        if url and said != url:
            self._say(f" ({url})" if said else url)
