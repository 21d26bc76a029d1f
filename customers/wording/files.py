"""Sentences about a whole file: why it was refused, and what the person should know of one that was taken."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.errors import Refused
from core.templatetags.ui import thousands

from ..ingest.reader import TableRefused

# What the engine recognised by its first bytes: (its name there, its name for people).
_THINGS = {
    "a picture": gettext_lazy("a picture"),
    "a PDF": gettext_lazy("a PDF"),
    "a PostScript document": gettext_lazy("a PostScript document"),
    "a 7-Zip archive": gettext_lazy("a 7-Zip archive"),
    "a RAR archive": gettext_lazy("a RAR archive"),
    "a bzip2 archive": gettext_lazy("a bzip2 archive"),
    "an XZ archive": gettext_lazy("an XZ archive"),
    "a Zstandard archive": gettext_lazy("a Zstandard archive"),
    "a TAR archive": gettext_lazy("a TAR archive"),
    "an Arrow file": gettext_lazy("an Arrow file"),
    "a Feather file": gettext_lazy("a Feather file"),
    "an ORC file": gettext_lazy("an ORC file"),
    "an Avro file": gettext_lazy("an Avro file"),
    "an HDF5 file": gettext_lazy("an HDF5 file"),
    "a program": gettext_lazy("a program"),
    "a database": gettext_lazy("a database"),
    "a Python pickle": gettext_lazy("a Python pickle"),
    "an SPSS file": gettext_lazy("an SPSS file"),
    "a film": gettext_lazy("a film"),
    "a sound": gettext_lazy("a sound recording"),
    "a Word document": gettext_lazy("a Word document"),
    "a PowerPoint presentation": gettext_lazy("a PowerPoint presentation"),
    "a binary Excel workbook (.xlsb)": gettext_lazy("a binary Excel workbook (.xlsb)"),
    "an OpenDocument file": gettext_lazy("an OpenDocument file"),
    "a Java archive": gettext_lazy("a Java archive"),
    "an old Office file": gettext_lazy("an old Office file"),
    "a ZIP or Excel file": gettext_lazy("a ZIP or Excel file"),
    "a binary file": gettext_lazy("a binary file"),
}


def file_refused(error: TableRefused, filename: str) -> Refused:
    """The engine's refusal of a whole file, as a sentence."""
    given = error.facts
    facts = {"columns": "", "maximum": "", "line": "", "column": "", "reason": "", "sheet": "", "files": "", **given}
    facts |= {
        "file": filename,
        "what": _THINGS.get(given.get("what"), _("something else")),
        "names": listed(given.get("names", ())),
        "sheets": listed(given.get("sheets", ())),
    }
    return Refused(error.code, _sentence(error.code, given) % facts, **given)


def _sentence(code: str, given: dict[str, object]) -> str:
    """The sentence of a code, with its placeholders; two codes have several, by what they are about."""
    if code == "encrypted":
        return {
            "xlsx": _(
                "%(file)s is an Excel workbook under a password: save it without one, or export the sheet as CSV."
            ),
            "parquet": _("%(file)s is an encrypted Parquet file: write it again without encryption."),
        }.get(given.get("what"), _("%(file)s is an archive under a password: pack it without one."))
    if code == "broken":
        return {
            "zip": _("%(file)s is a damaged ZIP archive: pack it again."),
            "gzip": _("%(file)s is a damaged gzip archive: pack it again."),
            "xlsx": _(
                "%(file)s is a damaged Excel workbook: open it in Excel and save it again, or export the sheet as CSV."
            ),
            "parquet": _("%(file)s is a damaged Parquet file: write it again."),
        }.get(given.get("what"), _("%(file)s cannot be read; it may be damaged: export it again, as CSV if you can."))
    if code == "too_large" and given.get("unpacked"):
        return _("%(file)s holds more than %(maximum)s MB once it is unpacked: split it.")
    if code == "no_such_sheet" and not given.get("sheets"):
        return _("%(file)s is no workbook, so it has no sheet “%(sheet)s”.")
    return str(_SENTENCES.get(code, gettext_lazy("%(file)s cannot be read as a table of customers.")))


_SENTENCES = {
    "missing": gettext_lazy("There is no file at %(file)s: check the path."),
    "folder": gettext_lazy("%(file)s is a folder: name one file in it."),
    "not_a_file": gettext_lazy("%(file)s is not a file that can be read."),
    "unreadable": gettext_lazy("%(file)s cannot be opened (%(reason)s): check its permissions."),
    "empty": gettext_lazy("%(file)s is empty: export it again with a header line and at least one customer."),
    "binary": gettext_lazy("%(file)s is %(what)s, not a table: export it as CSV, Excel (.xlsx) or Parquet."),
    "old_excel": gettext_lazy("%(file)s is an Excel file of the old kind (.xls): save it as .xlsx or CSV."),
    "markup": gettext_lazy(
        "%(file)s is a web page or structured text, not a table: export it as CSV, Excel (.xlsx) or Parquet."
    ),
    "archive_of_several": gettext_lazy(
        "%(file)s holds %(files)s files (%(names)s): pack one table alone, or send them one by one."
    ),
    "zip_bomb": gettext_lazy(
        "%(file)s unpacks to far more than a table would, so it was not opened: send the table itself, not packed."
    ),
    "one_column": gettext_lazy(
        "%(file)s is no table: its first line does not hold columns separated by a comma, semicolon, tab or bar."
    ),
    "too_many_columns": gettext_lazy("%(file)s has %(columns)s columns; at most %(maximum)s are taken."),
    "too_many_rows": gettext_lazy("%(file)s has more than %(maximum)s lines, the most that is taken: split it."),
    "no_rows": gettext_lazy("%(file)s has a header and no customer below it."),
    "no_such_sheet": gettext_lazy("%(file)s has no sheet “%(sheet)s”. It has: %(sheets)s."),
    "no_id": gettext_lazy(
        "%(file)s has no column for the customer number: name one column “customerID” (or “external_id”, “identifiant client”)."
    ),
    "no_label": gettext_lazy(
        "%(file)s has no column that says who left, and this company has no such customers yet, so nothing could be "
        "learned: add a column “Churn” with Yes or No (or import without one on purpose: --without-label)."
    ),
    "one_class": gettext_lazy(
        "In %(file)s everybody has the same answer in the column “%(column)s”: both customers who left and customers who stayed are needed to learn."
    ),
    "too_large": gettext_lazy("%(file)s is larger than %(maximum)s MB: split it, or raise UPLOAD_MAX_BYTES."),
    "cell_too_long": gettext_lazy(
        "In %(file)s a cell near line %(line)s holds more than %(maximum)s characters: shorten it, or leave that column out."
    ),
    "open_quote": gettext_lazy(
        "In %(file)s a quotation mark opened on line %(line)s is never closed: close it, or export the file again."
    ),
    "undecodable": gettext_lazy("%(file)s cannot be read as text near line %(line)s: export it as UTF-8 CSV."),
    "timeout": gettext_lazy("%(file)s was not read within %(maximum)s seconds: split it, or export it as CSV."),
    "memory": gettext_lazy(
        "%(file)s wants more than %(maximum)s MB of memory to be read: split it, or export it as CSV."
    ),
    "no_space": gettext_lazy("The server has no room left for %(file)s: tell the person who runs it."),
}


def note(code: str, facts: dict[str, object]) -> str:
    """What was understood or mended while a file was read (customers.ingest.exchange.Note), as a sentence."""
    count = int(facts.get("count") or facts.get("rows") or 0)
    sentence = {
        "lines_above_header": lambda: ngettext(
            "%(n)s line above the header was left out (a title or a date).",
            "%(n)s lines above the header were left out (a title or a date).",
            count,
        ),
        "nul_bytes": lambda: ngettext(
            "%(n)s character that no text holds (a zero byte) was dropped.",
            "%(n)s characters that no text holds (zero bytes) were dropped.",
            count,
        ),
        "encoding_guessed": lambda: _(
            "The file does not say how its accents are written; it was read as %(encoding)s. If names look wrong below, export it as UTF-8."
        ),
        "unnamed_columns": lambda: ngettext(
            "%(n)s column has no header and was named by its place: %(columns)s.",
            "%(n)s columns have no header and were named by their places: %(columns)s.",
            count,
        ),
        "duplicate_headers": lambda: ngettext(
            "%(n)s header stands over several columns; the later ones were numbered: %(columns)s.",
            "%(n)s headers stand over several columns; the later ones were numbered: %(columns)s.",
            count,
        ),
        "nested_columns": lambda: ngettext(
            "%(n)s column holds lists or records, which are kept as text: %(columns)s.",
            "%(n)s columns hold lists or records, which are kept as text: %(columns)s.",
            count,
        ),
    }.get(code)
    if sentence is None:
        return code
    return sentence() % {
        "n": thousands(count),
        "encoding": facts.get("encoding", ""),
        "columns": listed(facts.get("columns", ())),
    }


def listed(names: object, most: int = 5) -> str:
    """“A”, “B”, “C” …, the first few."""
    names = list(names) if isinstance(names, list | tuple) else []
    shown = ", ".join(_("“%(name)s”") % {"name": name} for name in names[:most])
    return f"{shown} …" if len(names) > most else shown
