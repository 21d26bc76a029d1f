"""What an address with a place in it is filled with: a row of a company, found by trying.

Which table an address speaks of is written nowhere that a test could read, so it is tried: the rows of every table are put
in, as the company's owner, until an answer is something else than "absent". An address that no row opens is a finding, so
a new route is covered as soon as the companies have a row for it.
"""

from __future__ import annotations

import copy
import itertools
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from django.contrib import admin
from django.db import models, transaction
from django.test import Client

from campaigns.models import TemplateVersion
from core.models import Job
from customers.models import Customer
from predictions.api import kind_of
from predictions.models import ModelVersion
from segmentation.models import Segment
from tenants.models_people import BrowserSession
from tenants.scoping import tenant_scope
from tests.quick_sqlite import settle_schema

from .bodies import COMMON, known_bodies
from .companies import Company
from .routes import Route
from .rows import changed, digest, of_people, scoped_models, written

NEVER = {"uuid": uuid.UUID("00000000-0000-4000-8000-000000000000"), "int": 987_654, "str": "S987", "path": 987_654}
_ROWS = 4  # of each table that are tried: the newest and the oldest
NUMBERED = (ModelVersion, Segment, TemplateVersion)  # whose numbers stand in addresses


@dataclass
class Places:
    """Values that open addresses, for one company, learned as they are asked for."""

    company: Company
    client: Client
    known: dict[str, dict[str, object] | None] = field(default_factory=dict)
    _by_prefix: dict[str, dict[str, object]] = field(default_factory=dict)

    def of(self, route: Route) -> dict[str, object] | None:
        """Values that open the route to the company's owner; None where none do."""
        if route.path not in self.known:
            telling = self._telling(route)
            self.known[route.path] = next(
                (v for v in self._tries(route) if telling and self._opens(route, v, telling)), None
            )
            if found := self.known[route.path]:
                self._by_prefix[_prefix(route)] = found
        return self.known[route.path]

    def _tries(self, route: Route):
        earlier = self._by_prefix.get(_prefix(route))
        if earlier and set(earlier) == {name for _kind, name in route.places}:
            yield earlier
        with tenant_scope(self.company.tenant):
            pairs = list(_jobs()) if route.places == [("str", "kind"), ("uuid", "public_id")] else []
            choices = [list(_values(kind, name, route)) for kind, name in route.places if not pairs]
        yield from pairs
        if pairs:
            return
        names = [name for _kind, name in route.places]
        for values in itertools.product(*choices):
            yield dict(zip(names, values, strict=True))

    def _telling(self, route: Route) -> list[tuple[str, object, int]]:
        """The methods, with what is sent, that say of a row that nobody has that it is absent, and how: the back office leads
        away. Others tell nothing of a row: the method (405) or the body (400) was refused before anybody looked."""
        says = (404, 302) if route.is_back_office else (404,)
        asked = [(method, body) for method in route.methods for body in bodies_for(route, method, self.company)]
        heard = [(*one, self._status(route, *one, absent(route))) for one in asked]
        return [one for one in heard if one[2] in says]

    def _opens(self, route: Route, values: dict[str, object], telling: list[tuple[str, object, int]]) -> bool:
        return any(self._status(route, m, body, values) not in (404, 405, said) for m, body, said in telling)

    def is_shut(self, route: Route) -> bool:
        """Whether the back office refuses even the owner this page of a row that is there: a table that is looked at only,
        or that nobody may delete from. No row opens it, and none has to."""
        if not route.is_back_office:
            return False
        values = next(self._tries(route), None)
        return values is not None and all(self._status(route, m, None, values) in (403, 405) for m in route.methods)

    def _status(self, route: Route, method: str, body: object, values: dict[str, object]) -> int:
        return ask(self.client, method, route.address(**values), body).status_code


def bodies_for(route: Route, method: str, own: Company) -> list[object]:
    """What to send with it: nothing; and to the API what this address takes, with rows of the asker's own company."""
    return [None] if method == "GET" or not route.is_api else [None, _bodies(own).get(route.name, COMMON)]


@cache
def _bodies(own: Company) -> dict[str, dict[str, object]]:
    return known_bodies(own)


def absent(route: Route) -> dict[str, object]:
    """Values that no row has; the others are those of the site, the same for every company."""
    return {name: NEVER.get(kind, "nowhere") for kind, name in route.places}


def _prefix(route: Route) -> str:
    return route.path.split("<")[0]


def _values(kind: str, name: str, route: Route):
    if route.is_back_office:
        yield from _keys(route)
        return
    if kind == "uuid":
        named = [
            rows for rows in (*(m.objects for m in scoped_models()), *of_people()) if hasattr(rows.model, "public_id")
        ]
        words = {word.rstrip("s") for word in re.findall(r"[a-z]{4,}", route.path)}
        for rows in sorted(named, key=lambda rows: not any(w in rows.model.__name__.lower() for w in words)):
            if rows.model is BrowserSession:  # no column: made of the key; the oldest, which is there in every test
                yield from [row.public_id for row in rows.order_by("signed_in_at")[:1]]
            else:
                yield from _some(rows, "public_id")
    elif kind == "int":
        # The highest first: companies count their own, and only the one with more of them has that number.
        yield from sorted({n for m in NUMBERED for n in m.objects.values_list("number", flat=True)[:9]}, reverse=True)
    elif kind == "str":
        yield from _words(name)


def _jobs():
    """A job of each kind, beside its kind."""
    for model in scoped_models():
        if issubclass(model, Job):
            yield from ({"kind": kind_of(model), "public_id": key} for key in _some(model.objects, "public_id"))


def _words(name: str):
    """What stands in an address as a word: a customer's number, a segment's name."""
    if name == "number":
        # Ours, which is taken there too: two companies may well number a customer alike.
        yield from _some(Customer.objects, "public_id")
    else:
        yield from Segment.objects.order_by("-number").values_list("label", flat=True)[:9]


def _keys(route: Route):
    """Keys of the table whose pages these are; for a page beside them, of every table with a page."""
    for model in admin.site._registry:
        if route.name.startswith(f"admin:{model._meta.app_label}_{model._meta.model_name}_"):
            rows = model.objects if getattr(model, "is_tenant_scoped", False) else model._default_manager
            yield from _some(rows, "pk")
    if "<path:" not in route.path:
        for model in scoped_models():
            yield from _some(model.objects, "pk")


def _some(rows: models.Manager, column: str):
    keys = list(rows.order_by("pk").values_list(column, flat=True)[:1000])
    yield from dict.fromkeys([*keys[-2:], *keys[:_ROWS]])


def ask(
    client: Client,
    method: str,
    address: str,
    body: object = None,
    *,
    watched: Company | None = None,
    look: Callable[[set[str]], object] | None = None,
    **headers,
):
    """The answer to one request whose effects are undone; what the view raises is an answer of 500.
    ``whole`` is its body, streamed or not.

    ``body``: a form's fields for a page, what becomes JSON for the API; None for none. ``watched``: a company whose rows
    are looked at while the effects still stand: the answer's ``moved`` are the tables in which any is not what it was.
    ``look`` is called then as well, with the names of the tables that were written to: what it returns is ``seen``.
    """
    was, client.raise_request_exception = client.raise_request_exception, False
    client.is_watched = False  # what an answer looks like is not asked here: tests/api does
    cookies = copy.deepcopy(client.cookies)  # who signs out by this request is signed in for the next one
    options = {} if method == "GET" or not address.startswith("/api/") else {"content_type": "application/json"}
    try:
        with transaction.atomic():
            with written() as names:
                answer = getattr(client, method.lower())(address, {} if body is None else body, **options, **headers)
                # Read while the rows are as they were.
                answer.whole = b"".join(answer.streaming_content) if answer.streaming else answer.content
            after = _of(watched, names) if watched else {}
            answer.seen = look(names) if look else None
            transaction.set_rollback(True)
        if names:
            settle_schema()
    finally:
        client.raise_request_exception, client.cookies = was, cookies
    answer.moved = changed(_of(watched, names), after) if after else []
    return answer


def _of(company: Company, names: set[str]) -> dict[str, str]:
    with tenant_scope(company.tenant):
        return digest(names)
