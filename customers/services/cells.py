"""Reads the cells of a corrections file as an import reads them: the same spellings, bounds and words for what is wrong."""

from __future__ import annotations

from functools import cache

from django.db import models

from core.errors import Refused

from .. import wording
from ..ingest.cleaning import ColumnCleaner, Wrong
from ..ingest.schema import BY_NAME, USAGE_COLUMNS, Column, Kind, Table
from .reading import read_month

_USAGE = {column.name: column for column in USAGE_COLUMNS}


def read_cell(field: models.Field, text: str) -> object:
    """What the field holds for this text. Raises ValueError with a sentence where it can hold no such thing."""
    if field.name == "month":
        try:
            return read_month(text)
        except Refused as refusal:
            raise ValueError(refusal.message) from refusal
    value = _cleaner(field).parse(text)
    if isinstance(value, Wrong):
        raise ValueError(wording.reason(value.args[0])) from value
    return field.get_default() if value is None and not field.null else value


@cache
def _cleaner(field: models.Field) -> ColumnCleaner:
    column = BY_NAME.get(field.name) or _USAGE.get(field.name)
    if column is None:  # written by the product, so no file of a company knows it
        column = Column(field.name, field.name, Table.CUSTOMER, Kind.TEXT, max_length=field.max_length or 120)
    return ColumnCleaner(column)
