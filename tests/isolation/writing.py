"""Sends texts into every field that takes any, and looks at what became of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from urllib.parse import quote, urlencode

from django.db import models
from django.test import Client

from tenants.models import Membership, User
from tenants.scoping import tenant_scope

from .bodies import COMMON, known_bodies
from .companies import Company
from .crawl import Form
from .places import Places, ask
from .routes import Route
from .rows import tables
from .strings import damaged

_FORM = "application/x-www-form-urlencoded"
# What only the product itself says of a row, and what a body might try to say.
CLAIMS = {"role": "owner", "is_staff": "true", "is_superuser": "true", "state": "succeeded", "score": "0.123456", "risk": "0.123456"}  # fmt: skip
_GUARDED = {
    "tenant_id",
    "role",
    "is_staff",
    "is_superuser",
    "is_active",
    "state",
    "risk",
    "score",
    "standing",
    "is_champion",
}


def post_form(client: Client, form: Form, changes: dict[str, str], *, company: Company, look=None):
    """Send the form with other values in some of its fields, as a browser would write them."""
    data = form.data | {name: [value] for name, value in changes.items()}
    body = urlencode([(n, v.encode("utf-8", "surrogatepass")) for n, values in data.items() for v in values])
    return ask(
        client, "POST", form.action, body, content_type=_FORM, look=look and (lambda names: look(company, names))
    )


def post_json(client: Client, method: str, address: str, body: object, *, company: Company, look=None):
    return ask(client, method, address, body, look=look and (lambda names: look(company, names)))


def harm(company: Company, names: set[str]) -> list[str]:
    """Kinds of texts that stand in these tables of the company and are not what was written."""
    found = set()
    with tenant_scope(company.tenant):
        for name, rows in tables().items():
            if name not in names:
                continue
            for field in rows.model._meta.local_fields:
                if isinstance(field, models.CharField | models.TextField | models.JSONField):
                    newest = rows.order_by("-pk").values_list(field.name, flat=True)[:30]
                    for held in _texts(list(newest)):
                        found |= {f"{kind} in {rows.model._meta.label}.{field.name}" for kind in damaged(held)}
    return sorted(found)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _texts(name)
            if name != "html":  # no text: it is cleaned, and written as HTML writes it
                yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def standing(company: Company, names: set[str]) -> Counter:
    """What the product alone decides, in these tables: (table, column, value) and how many rows have it."""
    counted: Counter = Counter()
    with tenant_scope(company.tenant):
        for name, rows in tables().items():
            columns = [f.attname for f in rows.model._meta.local_fields if f.attname in _GUARDED]
            if name in names and columns:
                counted.update((name, *row) for row in rows.values_list(*columns))
    people = User.objects.filter(models.Q(is_staff=True) | models.Q(is_superuser=True)).count()
    counted["powerful people"] = people
    counted["seats"] = Membership.objects.exclude(tenant=company.tenant).count()
    return counted


def bodies_of(route: Route, company: Company) -> dict[str, object]:
    return known_bodies(company).get(route.name, COMMON)


def leaves(body: object, path: tuple = ()) -> Iterator[tuple]:
    """The paths to the texts of a JSON body."""
    if isinstance(body, str):
        yield path
    elif isinstance(body, dict):
        for name, one in body.items():
            yield from leaves(one, (*path, name))
    elif isinstance(body, list):
        for place, one in enumerate(body):
            yield from leaves(one, (*path, place))


def with_leaf(body: object, path: tuple, value: object) -> object:
    """The same body with another value at this path."""
    if not path:
        return value
    changed = json.loads(json.dumps(body))
    here = changed
    for step in path[:-1]:
        here = here[step]
    here[path[-1]] = value
    return changed


def api_calls(routes: list[Route], places: Places) -> Iterator[tuple[str, str, object]]:
    """(method, address, a body that it takes) for every method of the API that changes something."""
    for route in routes:
        for method in route.methods:
            if route.is_api and method in ("POST", "PUT", "PATCH"):
                values = places.of(route) if route.places else {}
                if values is not None:
                    yield method, route.address(**values), bodies_of(route, places.company)


def question(address: str, name: str, value: str) -> str:
    return f"{address}?{name}={quote(value.encode('utf-8', 'surrogatepass'))}"
