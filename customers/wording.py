"""Words for what the import engine refused: each code has one sentence that says what is wrong and how to mend it."""

from __future__ import annotations

from django.utils.translation import gettext as _

from core.errors import Refused

from .ingest.reader import TableRefused


def file_refused(error: TableRefused, filename: str) -> Refused:
    """The engine's refusal of a whole file, as a sentence."""
    facts = {"file": filename, **error.facts}
    sentence = {
        "missing": _("There is no file at %(file)s: check the path."),
        "folder": _("%(file)s is a folder: name one file in it."),
        "not_a_file": _("%(file)s is not a file that can be read."),
        "unreadable": _("%(file)s cannot be opened (%(reason)s): check its permissions."),
        "empty": _("%(file)s is empty: export it again with a header line and at least one customer."),
        "binary": _("%(file)s is %(what)s, not a table: export it as CSV."),
        "markup": _("%(file)s is a web page or structured text, not a table: export it as CSV."),
        "one_column": _(
            "%(file)s is no table: its first line does not hold columns separated by a comma, semicolon, tab or bar."
        ),
        "too_many_columns": _("%(file)s has %(columns)s columns; at most %(maximum)s are taken."),
        "no_rows": _("%(file)s has a header and no customer below it."),
        "no_id": _(
            "%(file)s has no column for the customer number: name one column “customerID” (or “external_id”, “identifiant client”)."
        ),
        "no_label": _(
            "%(file)s has no column that says who left, and this company has no such customers yet, so nothing could be "
            "learned: add a column “Churn” with Yes or No (or import without one on purpose: --without-label)."
        ),
        "one_class": _(
            "In %(file)s everybody has the same answer in the column “%(column)s”: both customers who left and customers who stayed are needed to learn."
        ),
        "too_large": _("%(file)s is larger than %(maximum)s MB: split it, or raise UPLOAD_MAX_BYTES."),
        "open_quote": _(
            "In %(file)s a quotation mark opened on line %(line)s is never closed: close it, or export the file again."
        ),
        "undecodable": _("%(file)s cannot be read as text near line %(line)s: export it as UTF-8 CSV."),
    }.get(error.code, "%(file)s")
    return Refused(error.code, sentence % {"reason": "", "what": "", **facts}, **error.facts)


def reason(code: str) -> str:
    """Why a cell, and so its row, was refused."""
    return {
        "no_id": _("The customer number is missing."),
        "duplicate_id": _("This customer number stands on an earlier line of the same file."),
        "too_few_cells": _("The line has fewer cells than the header."),
        "too_many_cells": _("The line has more cells than the header."),
        "not_a_number": _("This is not a number."),
        "not_whole": _("A whole number is expected."),
        "too_small": _("The number is below what this column allows."),
        "too_large": _("The number is above what this column allows."),
        "not_yes_or_no": _("Yes or No is expected."),
        "too_long": _("The text is too long for this column."),
    }.get(code, code)
