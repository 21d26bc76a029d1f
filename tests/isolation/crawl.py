"""Goes through the site as a person with a browser would: links, forms that only ask, fragments, addresses in JSON."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from django.test import Client
from django.urls import Resolver404, resolve

from .places import ask

_LINKS = re.compile(r'(?:href|src|hx-get|data-src|data-url)="([^"]+)"')
_SITE = "http://testserver"
_ALIKE = 2  # pages of one view with the same questions that are looked at
_LEAVES = ("/sign-out", "/static/", "/admin/logout", "/admin/jsi18n")


@dataclass(frozen=True)
class Form:
    """A form of a page: where it goes, and what it sends as it stands."""

    method: str
    action: str
    fields: tuple[tuple[str, str], ...]
    texts: frozenset[str] = frozenset()  # the names of the fields into which a person writes

    @property
    def data(self) -> dict[str, list[str]]:
        sent: dict[str, list[str]] = {}
        for name, value in self.fields:
            sent.setdefault(name, []).append(value)
        return sent


@dataclass
class Crawl:
    """What was seen: text of each answer by its address, and the forms that change something."""

    texts: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    forms: dict[tuple, Form] = field(default_factory=dict)


def crawl(client: Client, start: Iterable[str], *, most: int = 600, headers: dict | None = None) -> Crawl:
    """Ask for these addresses and for what they lead to; at most ``most``, and few of those that are alike."""
    seen, waiting, alike = Crawl(), list(start), Counter()
    queued = set(waiting)
    while waiting and len(seen.texts) < most:
        address = waiting.pop(0)
        kind = _kind(address)
        alike[kind] += 1
        if kind is None or alike[kind] > _ALIKE:
            continue
        answer = ask(client, "GET", address, **({"headers": headers} if headers else {}))
        text = said(answer)
        seen.statuses[address], seen.texts[address] = answer.status_code, text
        further = [answer["Location"]] if answer.get("Location") else []
        if "html" in answer.get("Content-Type", ""):
            further += [html.unescape(link) for link in _LINKS.findall(text)]
            for form in forms_of(text, address):
                if form.method == "get":
                    further.append(f"{form.action}?{urlencode(form.fields)}")
                else:
                    seen.forms.setdefault((form.action, tuple(sorted(form.data))), form)
        elif "json" in answer.get("Content-Type", ""):
            further += re.findall(r'"((?:http://testserver)?/[^"\s]*)"', text)
        for link in further:
            to = _inside(link, address)
            if to and to not in queued:
                queued.add(to)
                waiting.append(to)
    return seen


def said(answer) -> str:
    """Everything that the answer says: its body and its headers, with JSON's escapes undone."""
    body = answer.whole.decode(errors="replace")
    if "json" in answer.get("Content-Type", ""):
        body = json.dumps(json.loads(body), ensure_ascii=False) if body else ""
    return "\n".join([body, *(f"{name}: {value}" for name, value in answer.headers.items())])


def _inside(link: str, page: str) -> str | None:
    """The address within the site that a link on a page leads to; None where it leads elsewhere."""
    to = urljoin(_SITE + page, link)
    if not to.startswith(_SITE + "/"):
        return None
    parts = urlsplit(to)
    if parts.path.startswith(_LEAVES):
        return None
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _kind(address: str) -> tuple | None:
    """What makes addresses alike: the view and the names of the questions."""
    parts = urlsplit(address)
    try:
        match = resolve(parts.path)
    except Resolver404:
        return None
    return match.view_name, tuple(sorted({name for name, value in parse_qsl(parts.query)}))


def forms_of(text: str, page: str) -> list[Form]:
    """The forms of a page as a browser would send them: values as they stand, the first choice where none is taken."""
    parser = _Forms(page)
    parser.feed(text)
    return parser.found


class _Forms(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.page, self.found = page, []
        self._form: dict | None = None
        self._select: list | None = None
        self._area: list | None = None

    def handle_starttag(self, tag, attributes):
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            action = _inside(given.get("action") or self.page, self.page) or ""
            self._form = {"method": given.get("method", "get").lower(), "action": action, "fields": [], "texts": set()}
        elif self._form is None:
            return
        elif tag == "input" and given.get("name"):
            self._input(given)
        elif tag == "textarea" and given.get("name"):
            self._area = [given["name"], ""]
        elif tag == "select" and given.get("name"):
            self._select = [given["name"], None, "multiple" in given]
        elif tag == "option" and self._select:
            _name, chosen, is_multiple = self._select
            if "selected" in given or (chosen is None and not is_multiple):
                self._select[1] = given.get("value", "")
        elif tag == "button" and given.get("name") and given.get("type", "submit") == "submit":
            self._form["fields"].append((given["name"], given.get("value", "")))

    def _input(self, given: dict[str, str]) -> None:
        kind = given.get("type", "text")
        if (kind in ("checkbox", "radio") and "checked" not in given) or kind in ("file", "submit", "image", "reset"):
            return
        if kind in ("text", "search", "email", "url", "tel", "password"):
            self._form["texts"].add(given["name"])
        self._form["fields"].append((given["name"], given.get("value", "on" if kind == "checkbox" else "")))

    def handle_data(self, data):
        if self._area:
            self._area[1] += data

    def handle_endtag(self, tag):
        if self._form is None:
            return
        if tag == "textarea" and self._area:
            self._form["texts"].add(self._area[0])
            self._form["fields"].append(tuple(self._area))
            self._area = None
        elif tag == "select" and self._select:
            if self._select[1] is not None:
                self._form["fields"].append((self._select[0], self._select[1]))
            self._select = None
        elif tag == "form":
            kept = self._form
            fields = tuple(one for one in kept["fields"] if one[0] != "csrfmiddlewaretoken")
            self.found.append(Form(kept["method"], kept["action"], fields, frozenset(kept["texts"])))
            self._form = None
