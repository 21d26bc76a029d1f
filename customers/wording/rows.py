"""Sentences about rows: why one was refused, and why one stays when its import is taken back."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.templatetags.ui import thousands


def reason(code: str) -> str:
    """Why a cell, and so its row, was refused."""
    return {
        "no_id": _("The customer number is missing."),
        "duplicate_id": _("This customer number stands on an earlier line of the same file."),
        "duplicate_month": _("This customer's month stands on an earlier line of the same file."),
        "unknown_customer": _("Nobody has this customer number yet: bring in the customers first, then their months."),
        "no_month": _("The month is missing."),
        "not_a_month": _("This is not a month: write 2025-06, or a date in it."),
        "too_few_cells": _("The line has fewer cells than the header."),
        "too_many_cells": _("The line has more cells than the header."),
        "not_a_number": _("This is not a number."),
        "not_whole": _("A whole number is expected."),
        "too_small": _("The number is below what this column allows."),
        "too_large": _("The number is above what this column allows."),
        "not_yes_or_no": _("Nobody said whether this value means yes or no."),
        "too_long": _("The text is too long for this column."),
        "unknown_field": _("There is no such field; fields of your own stand in “attributes”."),
        "named_twice": _("This field is named twice, under two names."),
        "not_an_object": _("An object of names and values is expected."),
        "not_a_value": _("A text, a number, yes or no, or nothing is expected."),
        "not_text": _("The text holds characters that cannot be stored."),
        "standard_field": _("This is a field that ChurnGuard knows: name it beside “attributes”, not in it."),
        "bad_name": _("A name of 1 to 255 characters is expected."),
    }.get(code, code)


def kept_after_undo(code: str, count: int) -> str:
    """Why customers or months stay as they are when their import is taken back."""
    sentence = {
        "changed_later": lambda: ngettext(
            "%(n)s customer stays as it is: a later import has changed it.",
            "%(n)s customers stay as they are: a later import has changed them.",
            count,
        ),
        "corrected": lambda: ngettext(
            "%(n)s customer stays as it is: somebody has corrected it by hand since.",
            "%(n)s customers stay as they are: somebody has corrected them by hand since.",
            count,
        ),
        "contacted": lambda: ngettext(
            "%(n)s customer stays: it has been contacted since.",
            "%(n)s customers stay: they have been contacted since.",
            count,
        ),
        "has_months": lambda: ngettext(
            "%(n)s customer stays: another import brought months of use for it.",
            "%(n)s customers stay: another import brought months of use for them.",
            count,
        ),
        "months_changed_later": lambda: ngettext(
            "%(n)s month of use stays as it is: a later import has changed it.",
            "%(n)s months of use stay as they are: a later import has changed them.",
            count,
        ),
    }.get(code)
    if sentence is None:
        return ngettext("%(n)s row stays as it is.", "%(n)s rows stay as they are.", count) % {"n": thousands(count)}
    return sentence() % {"n": thousands(count)}
