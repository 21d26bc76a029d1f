"""Files of the back office: tables out as CSV, JSON and XLSX, corrections in as CSV, kept between preview and writing.

A workbook is never read here: it can unpack to gigabytes, and imports open those in a child process.
"""

from __future__ import annotations

import csv
import io
import json
import time
import uuid
from pathlib import Path

import tablib
from django.conf import settings
from django.utils.translation import gettext as _
from import_export.formats import base_formats
from import_export.tmp_storages import BaseStorage

from core.errors import Refused
from core.tabular import safe_cell
from core.templatetags.ui import thousands
from tenants.scoping import current_tenant

MOST_CORRECTED = 5_000
_FORGOTTEN_AFTER_SECONDS = 24 * 3600


def _safe_rows(dataset: tablib.Dataset) -> list[list[object]]:
    return [[safe_cell(value) for value in row] for row in dataset]


class CSV(base_formats.CSV):
    """UTF-8 with a mark, so that spreadsheets read accents; nothing in it is run as a formula."""

    CONTENT_TYPE = "text/csv; charset=utf-8"

    def is_binary(self) -> bool:
        return True  # read as bytes: which encoding they are in is found out here

    def get_read_mode(self) -> str:
        return "rb"

    def export_data(self, dataset: tablib.Dataset, **kwargs: object) -> str:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(dataset.headers)
        writer.writerows(_safe_rows(dataset))
        return "\ufeff" + text.getvalue()

    def create_dataset(self, in_stream: bytes, **kwargs: object) -> tablib.Dataset:
        """At most MOST_CORRECTED rows. Raises Refused, naming the line, where it is no such table."""
        try:
            text = in_stream.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = in_stream.decode("cp1252", errors="replace")
        if "\x00" in text:
            raise Refused("not_csv", _("This is not a CSV file: export it as CSV."))
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
        dataset = tablib.Dataset()
        try:
            dataset.headers = [header.strip() for header in next(lines, [])]
            for cells in lines:
                if not any(cells):
                    continue
                if len(cells) != len(dataset.headers):
                    sentence = _("Line %(line)s has %(cells)s cells, the header %(columns)s.")
                    facts = {"line": lines.line_num, "cells": len(cells), "columns": len(dataset.headers)}
                    raise Refused("ragged", sentence % facts)
                if len(dataset) >= MOST_CORRECTED:
                    sentence = _("At most %(most)s corrections at a time: bring in a larger file as an import.")
                    raise Refused("too_many_rows", sentence % {"most": thousands(MOST_CORRECTED)})
                dataset.append(cells)
        except csv.Error as error:
            raise Refused("not_csv", _("This is not a CSV file: export it as CSV.")) from error
        if len(set(dataset.headers)) != len(dataset.headers):
            raise Refused("duplicate_headers", _("Two columns have the same name."))
        return dataset


def _delimiter(text: str) -> str:
    header = text.partition("\n")[0]
    return max(",;\t|", key=header.count)


class JSON(base_formats.JSON):
    """A list of objects, numbers as numbers."""

    def export_data(self, dataset: tablib.Dataset, **kwargs: object) -> str:
        rows = [dict(zip(dataset.headers, row, strict=True)) for row in dataset]
        return json.dumps(rows, ensure_ascii=False, default=str, indent=1)

    def can_import(self) -> bool:
        return False


class XLSX(base_formats.XLSX):
    """Written row by row; never read here."""

    def export_data(self, dataset: tablib.Dataset, **kwargs: object) -> bytes:
        from openpyxl import Workbook
        from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

        book = Workbook(write_only=True)
        sheet = book.create_sheet()
        sheet.append(dataset.headers)
        for row in _safe_rows(dataset):
            sheet.append([ILLEGAL_CHARACTERS_RE.sub("\ufffd", v) if isinstance(v, str) else v for v in row])
        stream = io.BytesIO()
        book.save(stream)
        return stream.getvalue()

    def can_import(self) -> bool:
        return False


# ---------------------------------------------------------------- between the preview and the writing


class CompanyStorage(BaseStorage):
    """A file of corrections between its preview and its writing: in the company's own folder, for a day."""

    def save(self, data: bytes) -> None:
        folder = self._folder()
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            if time.time() - old.stat().st_mtime > _FORGOTTEN_AFTER_SECONDS:
                old.unlink(missing_ok=True)
        self.name = uuid.uuid4().hex
        self._path().write_bytes(data)

    def read(self) -> bytes:
        try:
            return self._path().read_bytes()
        except FileNotFoundError as absent:
            raise Refused("forgotten", _("The file is no longer kept here: choose it again.")) from absent

    def remove(self) -> None:
        self._path().unlink(missing_ok=True)

    @staticmethod
    def _folder() -> Path:
        return settings.PRIVATE_ROOT / str(current_tenant().pk) / "corrections"

    def _path(self) -> Path:
        try:
            return self._folder() / uuid.UUID(self.name).hex  # a name of ours, or nothing
        except ValueError as error:
            raise Refused("forgotten", _("The file is no longer kept here: choose it again.")) from error
