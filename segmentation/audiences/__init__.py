"""Audiences by rules: which fields the company in scope may ask, who is in an audience, and how many that are.

fields: the catalogue · sources: where each field's value is found · cells: other fields out of their JSON column ·
translation: a rule as one question to the database, which answers as ``conditions.evaluate`` does · counting: for pages.
"""

from .counting import Count, count, sample
from .fields import catalogue
from .translation import matching

__all__ = ["Count", "catalogue", "count", "matching", "sample"]
