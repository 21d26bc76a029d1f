"""Unique marks in every text of a company, so that any of its words is known wherever it turns up."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from django.db import models

from tenants.models import Membership, Tenant, User
from tenants.scoping import tenant_scope

from .companies import Company
from .rows import scoped_models

MARK = re.compile(r"Qz\d{5}x")
_LONG = len("Qz00000x")
_ROWS = 3  # of each table that are marked: the oldest two and the newest
# Columns of codes, names of files, hashes: no text of a person. A page of the company itself may not survive a mark in
# them, so only the other company's crawl meets these.
_CODE = re.compile(
    r"path|hash|sha256|hmac|digest|fingerprint|key|prefix|salt|code|kind|encoding|delimiter|object_|verb|algorithm|epoch"
    r"|label|url|location|secret|sealed|language|shape|provider|zone|locale|currency|slug|host|dkim|^model$|source|verdict"
    r"|tone|password|outcome|scopes|grain"
)
# By it a copy of the data knows that it is one, and mails nothing until somebody says so.
_LEFT_ALONE = {"tenants.MailPermit.instance"}
_ADDRESS = re.compile(r"email|address$|reply_to")


class Marks:
    """Puts marks into a company; ``where`` says which column each stands in."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.where: dict[str, str] = {}
        self._numbers = itertools.count(1)

    def put(self, *, codes: bool = False) -> None:
        """Into what people wrote; with ``codes`` into everything that can hold one."""
        with tenant_scope(self.company.tenant):
            for rows in _tables(self.company):
                for field in rows.model._meta.local_fields:
                    is_code = bool(_CODE.search(field.name)) or isinstance(field, models.JSONField)
                    if _holds_text(field) and is_code == codes and str(field) not in _LEFT_ALONE:
                        self._mark(rows, field)
            if not codes:
                self._mark_readable_json()

    def _mark(self, rows: models.QuerySet, field: models.Field) -> None:
        for row in _some(rows):
            mark = self._next(f"{rows.model._meta.label}.{field.name}")
            value = mark if not _ADDRESS.search(field.name) else f"{mark}@example.com"
            if isinstance(field, models.JSONField):
                value = _within(getattr(row, field.attname), mark)
            rows.model._base_manager.filter(pk=row.pk).update(**{field.name: value})

    def _mark_readable_json(self) -> None:
        """Words of people that lie in JSON, each where it is read: other fields of customers, mails, offers, notices."""
        from campaigns.models import TemplateVersion
        from customers.models import Customer
        from segmentation.models import Offer

        for model, column in ((Customer, "attributes"), (TemplateVersion, "parts"), (Offer, "texts")):
            for row in _some(model.objects.all()):
                mark = self._next(f"{model._meta.label}.{column}")
                held = getattr(row, column)
                value = {**held, mark: mark} if model is Customer else _leaves(held, mark)
                model.objects.filter(pk=row.pk).update(**{column: value})

    def _next(self, where: str) -> str:
        mark = f"Qz{next(self._numbers):05d}x"
        self.where[mark] = where
        return mark

    def seen_in(self, text: str) -> set[str]:
        return {found for found in MARK.findall(text) if found in self.where}


def without(text: str) -> str:
    """The text with another word for each mark, to be sent without giving one away."""
    return MARK.sub("unmarked", text)


def _tables(company: Company) -> Iterator[models.QuerySet]:
    yield from (model.objects.all() for model in scoped_models())
    yield Tenant.objects.filter(pk=company.tenant.pk)
    yield User.objects.filter(pk__in=Membership.objects.filter(tenant=company.tenant).values("user"))


def _holds_text(field: models.Field) -> bool:
    if field.is_relation or field.choices or field.primary_key:
        return False
    if isinstance(field, models.CharField):
        return field.max_length >= _LONG
    return isinstance(field, models.TextField | models.JSONField)


def _some(rows: models.QuerySet) -> list[models.Model]:
    ordered = list(rows.order_by("pk")[: _ROWS - 1])
    last = rows.order_by("-pk").first()
    return [*ordered, last] if last is not None and last not in ordered else ordered


def _within(value: object, mark: str) -> object:
    """The same value with the mark in it."""
    if isinstance(value, dict):
        return {**value, mark: mark}
    return [*value, mark] if isinstance(value, list) else mark


def _leaves(value: object, mark: str) -> object:
    """The same tree with the mark at the end of each text."""
    if isinstance(value, dict):
        return {name: _leaves(one, mark) for name, one in value.items()}
    if isinstance(value, list):
        return [_leaves(one, mark) for one in value]
    return f"{value} {mark}" if isinstance(value, str) and value else value
