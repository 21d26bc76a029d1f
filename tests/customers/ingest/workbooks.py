"""Excel workbooks made by hand, honest and hostile: a zip of a few small XML parts, as Excel writes them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"

# Styles: 0 a number, 1 a day, 2 a day and time, 3 a time, 4 five digits with zeros, 5 hours that pass midnight
STYLES = (
    f'<styleSheet xmlns="{MAIN}"><numFmts><numFmt numFmtId="164" formatCode="dd/mm/yyyy\\ hh:mm"/>'
    '<numFmt numFmtId="165" formatCode="00000"/></numFmts>'
    '<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>'
    '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="20"/><xf numFmtId="165"/>'
    '<xf numFmtId="46"/></cellXfs></styleSheet>'
)


def letters(column: int) -> str:
    text = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


class Raw(str):
    """A cell's own XML, put in as it is."""


def workbook(
    sheets: dict[str, Iterable[Sequence[object]]],
    *,
    hidden: Sequence[str] = (),
    prefix: str = "",
    extra: dict[str, str] | None = None,
    uses_1904: bool = False,
) -> bytes:
    """``{name: rows}`` as a file. A cell is a text, a number, a bool, None, ``(number, style)`` or Raw XML."""
    shared: dict[str, int] = {}
    p = f"{prefix}:" if prefix else ""
    declared, relations, parts = [], [], {}
    for number, (name, rows) in enumerate(sheets.items(), 1):
        state = ' state="hidden"' if name in hidden else ""
        declared.append(f"<sheet name={quoteattr(name)} sheetId='{number}' r:id='rId{number}'{state}/>")
        relations.append(
            f'<Relationship Id="rId{number}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{number}.xml"/>'
        )
        body = "".join(_row(r, cells, shared, p) for r, cells in enumerate(rows, 1))
        xmlns = f"xmlns:{prefix}" if prefix else "xmlns"
        parts[f"xl/worksheets/sheet{number}.xml"] = (
            f'<?xml version="1.0" encoding="UTF-8"?><{p}worksheet {xmlns}="{MAIN}"><{p}sheetData>{body}</{p}sheetData>'
            f"</{p}worksheet>"
        )
    texts = "".join(f"<si><t xml:space='preserve'>{escape(text)}</t></si>" for text in shared)
    parts |= {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"/>',
        "xl/workbook.xml": (
            f'<workbook xmlns="{MAIN}" xmlns:r="{_OFFICE}"><workbookPr date1904="{int(uses_1904)}"/>'
            f"<sheets>{''.join(declared)}</sheets></workbook>"
        ),
        "xl/_rels/workbook.xml.rels": (
            f'<Relationships xmlns="{_PACKAGE}/relationships">{"".join(relations)}</Relationships>'
        ),
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{texts}</sst>',
        "xl/styles.xml": STYLES,
        **(extra or {}),
    }
    return zipped(parts)


def _row(number: int, cells: Sequence[object], shared: dict[str, int], p: str) -> str:
    out = [f'<{p}row r="{number}">']
    for column, cell in enumerate(cells):
        reference = f'r="{letters(column)}{number}"'
        if cell is None or cell == "":
            continue
        if isinstance(cell, Raw):
            out.append(cell)
        elif isinstance(cell, bool):
            out.append(f'<{p}c {reference} t="b"><{p}v>{int(cell)}</{p}v></{p}c>')
        elif isinstance(cell, str):
            text = shared.setdefault(cell, len(shared))
            out.append(f'<{p}c {reference} t="s"><{p}v>{text}</{p}v></{p}c>')
        elif isinstance(cell, tuple):
            out.append(f'<{p}c {reference} s="{cell[1]}"><{p}v>{cell[0]}</{p}v></{p}c>')
        else:
            out.append(f"<{p}c {reference}><{p}v>{cell}</{p}v></{p}c>")
    return "".join([*out, f"</{p}row>"])


def zipped(parts: dict[str, str | bytes]) -> bytes:
    """A zip of these members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def bomb_part(path: Path, *, start: str, unit: str, times: int, end: str, name: str) -> Path:
    """A workbook of which one part repeats itself: small as a file, large when unpacked."""
    base = workbook({"Sheet": [["id", "value"], ["1", "2"]]})
    with zipfile.ZipFile(io.BytesIO(base)) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for member in source.namelist():
            if member != name:
                target.writestr(member, source.read(member))
        with target.open(name, "w", force_zip64=True) as part:
            part.write(start.encode())
            block = unit.encode() * 10_000
            for _ in range(times // 10_000):
                part.write(block)
            part.write(end.encode())
    return path
