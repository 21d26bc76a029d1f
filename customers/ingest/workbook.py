"""The inside of an Excel workbook (.xlsx): its parts as XML, and the rows of a sheet one by one.

A reader of our own, because those there are hold the whole sheet: 100,000 customers x 21 columns take 220 MB in
python-calamine (1.3 s), which puts a million beyond any fair limit; here memory holds the distinct texts, no more.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO
from xml.parsers import expat  # no entity is ever declared: see parse()

from .containers import check_sizes
from .exchange import Limits
from .numberformats import Format, date_text, number_text, recognise, unescape
from .reader import TableRefused

_BLOCK = 1 << 18
_MOST_MEMBERS = 10_000
_MOST_SHEETS = 255
_WORKBOOK = "xl/workbook.xml"
_REMEMBERED = 100_000


class LocalNames(dict[str, str]):
    """``x:row`` -> ``row``: some programs give every element a prefix."""

    def __missing__(self, name: str) -> str:
        self[name] = local = name.rpartition(":")[2]
        return local


@dataclass(frozen=True, slots=True)
class Part:
    """A worksheet: its name for people, its path inside the zip."""

    name: str
    path: str
    is_hidden: bool


@dataclass(frozen=True, slots=True)
class Book:
    """A workbook that was opened: what its cells refer to, and where its sheets are."""

    archive: zipfile.ZipFile
    parts: list[Part]
    texts: list[str]
    formats: list[Format | None]  # by the number that a cell names as its style
    uses_1904: bool
    limits: Limits


def open_book(archive: zipfile.ZipFile, limits: Limits) -> Book:
    """Sizes first, then the small parts. Raises TableRefused, and ExpatError where a part is no XML."""
    members = archive.infolist()
    if len(members) > _MOST_MEMBERS:
        raise TableRefused("zip_bomb", members=len(members))
    check_sizes(members, limits)
    names = {member.filename.lower(): member.filename for member in members}
    if _WORKBOOK not in names:
        raise TableRefused("broken", what="xlsx", reason="no workbook")
    parts, uses_1904 = _read_workbook(archive, names)
    if not parts:
        raise TableRefused("empty")
    texts: list[str] = []
    if part := names.get("xl/sharedstrings.xml"):
        _read_texts(archive.open(part), texts, limits)
    styles = names.get("xl/styles.xml")
    formats = _read_formats(archive.open(styles)) if styles else []
    return Book(archive, parts[:_MOST_SHEETS], texts, formats, uses_1904, limits)


def blocks(stream: IO[bytes]) -> Iterator[bytes]:
    with stream:
        while block := stream.read(_BLOCK):
            yield block


def parse(
    source: Iterator[bytes],
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None] | None = None,
    text: Callable[[str], None] | None = None,
) -> Iterator[None]:
    """Feed XML block by block and pause after each, so that what was read can be taken away."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text

    def refuse_doctype(*_: object) -> None:
        raise TableRefused("broken", what="xlsx", reason="a document type")  # no workbook has one; entity bombs do

    parser.StartDoctypeDeclHandler = refuse_doctype
    for block in source:
        parser.Parse(block, False)
        yield
    parser.Parse(b"", True)
    yield


def _read_workbook(archive: zipfile.ZipFile, names: dict[str, str]) -> tuple[list[Part], bool]:
    targets: dict[str, str] = {}
    declared: list[tuple[str, str, bool]] = []
    uses_1904 = False
    local = LocalNames()

    def start_relation(name: str, attributes: dict[str, str]) -> None:
        if local[name] == "Relationship" and attributes.get("Type", "").endswith("/worksheet"):
            target = attributes.get("Target", "")
            whole = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
            targets[attributes.get("Id", "")] = whole

    def start_sheet(name: str, attributes: dict[str, str]) -> None:
        nonlocal uses_1904
        if local[name] == "sheet":
            relation = next((value for key, value in attributes.items() if key.endswith(":id")), "")
            declared.append((attributes.get("name", ""), relation, attributes.get("state", "visible") != "visible"))
        elif local[name] == "workbookPr":
            uses_1904 = attributes.get("date1904", "0") in ("1", "true", "on")

    if relations := names.get("xl/_rels/workbook.xml.rels"):
        for _ in parse(blocks(archive.open(relations)), start_relation):
            pass
    for _ in parse(blocks(archive.open(names[_WORKBOOK])), start_sheet):
        pass
    found = [(name, names.get(targets.get(relation, "").lower()), hidden) for name, relation, hidden in declared]
    return [Part(name, path, hidden) for name, path, hidden in found if path], uses_1904


def _read_texts(stream: IO[bytes], texts: list[str], limits: Limits) -> None:
    """The texts that cells refer to by number; a text may come in runs of different type."""
    local = LocalNames()
    runs: list[str] = []
    taking = reading_hints = False

    def start(name: str, _attributes: dict[str, str]) -> None:
        nonlocal taking, reading_hints
        kind = local[name]
        taking = kind == "t" and not reading_hints
        if kind == "rPh":  # how to pronounce it, in Japanese workbooks
            reading_hints = True

    def end(name: str) -> None:
        nonlocal taking, reading_hints
        taking = False
        kind = local[name]
        if kind == "si":
            whole = unescape("".join(runs))
            # Cut only to be refused: a cell that refers to it is too long, and the rest would be memory.
            texts.append(whole[: limits.max_cell + 1])
            runs.clear()
        elif kind == "rPh":
            reading_hints = False

    def text(data: str) -> None:
        if taking:
            runs.append(data)

    for _ in parse(blocks(stream), start, end, text):
        pass


def _read_formats(stream: IO[bytes]) -> list[Format | None]:
    local = LocalNames()
    codes: dict[str, str] = {}
    formats: list[Format | None] = []
    in_cells = False

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal in_cells
        kind = local[name]
        if kind == "numFmt":
            codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif kind == "cellXfs":
            in_cells = True
        elif kind == "xf" and in_cells:
            number = attributes.get("numFmtId", "0")
            formats.append(recognise(number, codes.get(number)))

    def end(name: str) -> None:
        nonlocal in_cells
        if local[name] == "cellXfs":
            in_cells = False

    for _ in parse(blocks(stream), start, end):
        pass
    return formats


class _Columns(dict[str, int]):
    """``AB12`` -> 27, remembered by its letters."""

    def __missing__(self, letters: str) -> int:
        column = 0
        if not re.fullmatch("[A-Z]{1,4}", letters):
            raise TableRefused("broken", what="xlsx", reason=f"cell {letters[:20]}")
        for letter in letters:
            column = column * 26 + ord(letter) - 64
        self[letters] = column - 1
        return column - 1


class _Numbers(dict[tuple[str | None, str], str]):
    """(style, number) -> its text, remembered: most columns repeat themselves."""

    def __init__(self, book: Book) -> None:
        super().__init__()
        self._book = book

    def __missing__(self, cell: tuple[str | None, str]) -> str:
        style, text = cell
        formats = self._book.formats
        position = int(style) if style is not None and style.isdecimal() else -1
        form = formats[position] if 0 <= position < len(formats) else None
        said = date_text(text, form, uses_1904=self._book.uses_1904) if form else number_text(text)
        if len(self) < _REMEMBERED:
            self[cell] = said
        return said


def read_rows(book: Book, path: str) -> Iterator[tuple[int, list[str]]]:
    """(row of the sheet, cells to the last filled one) for each row that holds something. Raises TableRefused."""
    limits, columns, numbers, texts = book.limits, _Columns(), _Numbers(book), book.texts
    finished: list[tuple[int, list[str]]] = []
    cells: list[str] = []
    runs: list[str] = []
    row = column = 0
    kind, style = "n", None
    taking = reading_hints = False
    # Two calls for each element of twenty million cells: names are compared whole, prefix and all, as the root has it.
    root: str | None = None
    cell_name = value_name = text_name = row_name = hint_name = ""

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal row, column, kind, style, taking, reading_hints
        if name == cell_name:
            reference = attributes.get("r")
            column = columns[reference.rstrip("0123456789")] if reference else column + 1
            kind, style = attributes.get("t", "n"), attributes.get("s")
        elif name == value_name:
            taking = True
        elif name == text_name:
            taking = not reading_hints
        elif name == row_name:
            number = attributes.get("r", "")
            row, column = int(number) if number.isdecimal() else row + 1, -1
        elif name == hint_name:
            reading_hints = True
        elif root is None:
            learn_names(name)

    def learn_names(name: str) -> None:
        nonlocal root, cell_name, value_name, text_name, row_name, hint_name
        root = name
        prefix = name[: name.rfind(":") + 1]
        cell_name, value_name, text_name = f"{prefix}c", f"{prefix}v", f"{prefix}t"
        row_name, hint_name = f"{prefix}row", f"{prefix}rPh"

    def end(name: str) -> None:
        nonlocal taking, reading_hints, cells
        if name in (value_name, text_name):
            taking = False
        elif name == cell_name:
            if runs:
                take(runs[0] if len(runs) == 1 else "".join(runs))
                runs.clear()
        elif name == row_name:
            if cells:
                finished.append((row, cells))
                cells = []
        elif name == hint_name:
            reading_hints = False

    def take(text: str) -> None:
        if kind == "n":
            text = numbers[style, text]
        elif kind == "s":
            number = int(text) if text.isdecimal() else -1
            if not 0 <= number < len(texts):
                raise TableRefused("broken", what="xlsx", reason=f"text {text[:20]} in row {row}")
            text = texts[number]
        elif kind == "b":
            text = "Yes" if text.strip() == "1" else "No"
        elif kind == "d":
            text = text.removesuffix("T00:00:00").replace("T", " ")
        else:  # a text in place, a formula's text, or an error such as #N/A
            text = unescape(text)
        if not text:
            return
        if len(text) > limits.max_cell:
            raise TableRefused("cell_too_long", line=row, maximum=limits.max_cell)
        if column >= limits.max_columns:
            raise TableRefused("too_many_columns", columns=column + 1, maximum=limits.max_columns, line=row)
        gap = column - len(cells)
        if gap < 0:  # a cell out of its order
            cells[column] = text
            return
        if gap:
            cells.extend([""] * gap)
        cells.append(text)

    def text(data: str) -> None:
        if taking:
            runs.append(data)

    for _ in parse(blocks(book.archive.open(path)), start, end, text):
        yield from finished
        finished.clear()


def count_rows(archive: zipfile.ZipFile, path: str) -> int:
    """Rows of a sheet that hold a value, counted without reading them: 20 times as fast, and only to be shown."""
    count, rest, prefix = 0, b"", b""
    for number, block in enumerate(blocks(archive.open(path))):
        if number == 0 and (colon := block[:4096].find(b":worksheet")) > 0:
            prefix = block[block.rfind(b"<", 0, colon) + 1 : colon + 1]
        parts = (rest + block).split(b"<" + prefix + b"row")
        rest = parts.pop()[-(1 << 22) :]
        count += sum(b"<" + prefix + b"v" in part or b"<" + prefix + b"is" in part for part in parts)
    return count + (b"<" + prefix + b"v" in rest or b"<" + prefix + b"is" in rest)
