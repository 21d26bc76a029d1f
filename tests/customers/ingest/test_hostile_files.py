"""Three hundred files made to do harm, by a seed: each is read or refused, the parent lives, the child stays small."""

import gzip
import json
import random
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from customers.ingest import sandbox
from customers.ingest.exchange import Limits, from_json
from tests.customers.ingest.tables import cells
from tests.customers.ingest.workbooks import MAIN, Raw, bomb_part, workbook, zipped

pytestmark = [pytest.mark.slow, pytest.mark.walled]

FILES = 300
SEED = 20_261
MOST_MEMORY = 512 << 20
ROOT = Path(sandbox.__file__).resolve().parents[2]
LIMITS = Limits(max_unpacked_bytes=128 << 20, seconds=60, memory=MOST_MEMORY)
Maker = Callable[[random.Random, Path], None]
CODES = {
    "empty", "too_large", "binary", "markup", "old_excel", "encrypted", "broken", "archive_of_several", "zip_bomb",
    "undecodable", "one_column", "no_rows", "too_many_columns", "too_many_rows", "cell_too_long", "open_quote", "timeout",
    "memory",
}  # fmt: skip


def table(r: random.Random, rows: int = 40) -> str:
    lines = ["customerID,name,tenure,Churn"]
    lines += [f"C{i},Zoé {r.choice('abc')},{r.randrange(72)},{r.choice(['Yes', 'No'])}" for i in range(rows)]
    return "\n".join(lines) + "\n"


def nul_bytes(r: random.Random, path: Path) -> None:
    content = bytearray(table(r, 400).encode(r.choice(["utf-8", "cp1252"])))
    for _ in range(r.choice([1, 10, 200, 3_000])):
        content[r.randrange(len(content))] = 0
    path.write_bytes(content)


def lone_quotes(r: random.Random, path: Path) -> None:
    text = table(r, r.choice([5, 500, 20_000]))
    for _ in range(r.randrange(1, 8)):
        at = r.randrange(len(text))
        text = text[:at] + '"' + text[at:]
    path.write_text(text)


def many_columns(r: random.Random, path: Path) -> None:
    columns = r.choice([501, 5_000, 100_000, 400_000])
    delimiter = r.choice([",", ";", "\t", "|"])
    wide = delimiter.join(f"c{i}" for i in range(columns))
    path.write_text(r.choice([f"{wide}\n{wide}\n", f"id{delimiter}a\n1{delimiter}2\n2{delimiter}3\n{wide}\n"]))


def long_line(r: random.Random, path: Path) -> None:
    unit = r.choice([b"x", b",", b'"', b"ab,", b'"",', b"\xe9", b"\xc3\xa9", b" ", b";,|\t"])
    path.write_bytes(r.choice([b"", b"id,a\n1,b\n", b'id,a\n1,"']) + unit * ((50 << 20) // len(unit)))


def long_line_of_utf_16(r: random.Random, path: Path) -> None:
    path.write_bytes(("id,a\n1,b\n" + r.choice("xé,") * (12 << 20)).encode(r.choice(["utf-16", "utf-16-be"])))


def only_line_ends(r: random.Random, path: Path) -> None:
    path.write_bytes(b"id,a\n1,2\n"[: r.choice([0, 5, 9])] + r.choice([b"\n", b"\r", b"\r\n", b",\n"]) * 3_000_000)


def duplicate_headers(r: random.Random, path: Path) -> None:
    names = [r.choice(["a", "a (2)", "", " a ", "b"]) for _ in range(r.randrange(2, 600))]
    path.write_text(",".join(names) + "\n" + ",".join("1" * len(names)) + "\n")


def ragged_rows(r: random.Random, path: Path) -> None:
    rows = [";".join("x" * r.randrange(3) for _ in range(r.randrange(1, 60))) for _ in range(3_000)]
    path.write_text("\n".join(["a;b;c;d", *rows]), encoding=r.choice(["utf-8", "utf-16"]))


def noise(r: random.Random, path: Path) -> None:
    path.write_bytes(
        r.choice([b"", b"id,a\n", b"\xff\xfe", b"\xef\xbb\xbf", b"PAR1"]) + r.randbytes(r.randrange(1, 200_000))
    )


def markup(r: random.Random, path: Path) -> None:
    text = r.choice(
        ["<html><table>{}</table>", "<?xml version='1.0'?><a>{}</a>", '{{"a": "{}"}}', '[["{}"]]', "<svg>{}"]
    )
    path.write_bytes(text.format("id,a<br>" * 1_000).encode(r.choice(["utf-8", "utf-16", "utf-8-sig"])))


def other_kinds(r: random.Random, path: Path) -> None:
    magic = r.choice(
        [b"%PDF-1.4", b"\x89PNG\r\n\x1a\n", b"\x7fELF", b"MZ\x90\0", b"\xd0\xcf\x11\xe0", b"Rar!\x1a\x07", b"BZh9"]
    )
    path.write_bytes(magic + r.randbytes(5_000))


def gzip_bomb(r: random.Random, path: Path) -> None:
    once = gzip.compress(r.choice([bytes(1 << 20), b"id,a\n" * (1 << 18), b"\n" * (1 << 20)]))
    path.write_bytes(once * r.choice([30, 400]))


def nested_bomb(r: random.Random, path: Path) -> None:
    content = zipped({"a.csv": bytes(8 << 20)})
    for depth in range(r.randrange(1, 6)):
        content = gzip.compress(content) if r.random() < 0.5 else zipped({f"{depth}.zip": content})
    path.write_bytes(content)


def zip_bomb(r: random.Random, path: Path) -> None:
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("../../etc/a.csv", "w", force_zip64=True) as member,
    ):
        for _ in range(r.choice([40, 300])):
            member.write(bytes(1 << 20))


def lying_zip(r: random.Random, path: Path) -> None:
    content = zipped({"a.csv": b"id,a\n" * 400_000})
    path.write_bytes(content.replace(struct.pack("<I", 2_000_000), struct.pack("<I", r.choice([1, 40, 4_000_000_000]))))


def many_members(r: random.Random, path: Path) -> None:
    path.write_bytes(zipped({f"{'x' * r.randrange(1, 200)}{i}.csv": b"a,b\n" for i in range(r.choice([2, 20_000]))}))


def cut_or_bitten(r: random.Random, path: Path) -> None:
    rows = [["customerID", "a"], *([f"C{i}", i] for i in range(300))]
    content = bytearray(
        r.choice([workbook({"S": rows}), zipped({"a.csv": table(r)}), gzip.compress(table(r).encode())])
    )
    for _ in range(r.choice([0, 1, 5, 50])):
        content[r.randrange(len(content))] = r.randrange(256)
    path.write_bytes(content[: r.choice([len(content), r.randrange(len(content))])])


def workbook_bomb(r: random.Random, path: Path) -> None:
    wide = "<row>" + "<c><v>1</v></c>" * 600 + "</row>"
    start, unit, end, name = r.choice(
        [
            (
                "<worksheet><sheetData>",
                "<row><c t='s'><v>0</v></c><c><v>1</v></c></row>",
                "</sheetData></worksheet>",
                "sheet",
            ),
            ("<worksheet><sheetData>", wide, "</sheetData></worksheet>", "sheet"),
            ("<worksheet><sheetData><row><c t='str'><v>", "x", "</v></c></row></sheetData></worksheet>", "sheet"),
            ("<worksheet><sheetData><row>", "<c r='A1'><v>1</v></c>", "</row></sheetData></worksheet>", "sheet"),
            ("<worksheet><sheetData>", "<row/>", "</sheetData></worksheet>", "sheet"),
            ("<worksheet><a b='", "x", "'/></worksheet>", "sheet"),
            ("<worksheet>", "<a>", "", "sheet"),
            ("<sst>", "<si><t>unique</t></si>", "</sst>", "texts"),
            ("<sst><si>", "<t>long and longer</t>", "</si></sst>", "texts"),
            ("<styleSheet><cellXfs>", "<xf numFmtId='14'/>", "</cellXfs></styleSheet>", "styles"),
        ]
    )
    part = {"sheet": "xl/worksheets/sheet1.xml", "texts": "xl/sharedStrings.xml", "styles": "xl/styles.xml"}[name]
    most = r.choice([12 << 20, 60 << 20, 200 << 20])
    bomb_part(path, start=start, unit=unit, times=max(10_000, most // len(unit)), end=end, name=part)


def workbook_of_one_long_text(r: random.Random, path: Path) -> None:
    """One text, told once and meant in every cell of a large sheet."""
    text = "".join(r.choices("abcdef", k=r.choice([9_000, 11_000])))
    rows = [["id", "a"], *([str(i), text] for i in range(20_000))]
    path.write_bytes(workbook({"S": rows}))


def workbook_with_entities(r: random.Random, path: Path) -> None:
    entities = "".join(f'<!ENTITY e{i + 1} "{f"&e{i};" * 10}">' for i in range(9))
    xml = f'<!DOCTYPE x [<!ENTITY e0 "lol">{entities}]><worksheet><sheetData>&e9;</sheetData></worksheet>'
    part = r.choice(["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml", "xl/workbook.xml"])
    path.write_bytes(workbook({"S": [["id", "a"], ["1", "2"]]}, extra={part: xml}))


def workbook_of_odd_cells(r: random.Random, path: Path) -> None:
    odd = ["XFD1048576", "A0", "ZZZZZZZZ1", "", "1", "a1", "A99999999999999999999"]
    kinds = ["s", "str", "b", "d", "e", "inlineStr", "n", "?"]
    rows = [
        [
            Raw(
                f'<c r="{r.choice(odd)}" t="{r.choice(kinds)}" s="{r.randrange(-1, 9)}"><v>{r.randrange(-9, 10**9)}</v></c>'
            )
        ]
    ]
    path.write_bytes(workbook({"S": [["id", "a"], ["1", "2"], *rows], r.choice(["T", "S", "'"]): []}))


def deep_workbook(r: random.Random, path: Path) -> None:
    depth = r.choice([1_000, 200_000])
    xml = f'<worksheet xmlns="{MAIN}">{"<a>" * depth}{"</a>" * depth}</worksheet>'
    path.write_bytes(workbook({"S": [["id", "a"]]}, extra={"xl/worksheets/sheet1.xml": xml}))


def many_sheets(r: random.Random, path: Path) -> None:
    path.write_bytes(workbook({f"S{i}": [["id", "a"], ["1", "2"]] for i in range(r.choice([300, 3_000]))}))


def parquet_bomb(r: random.Random, path: Path) -> None:
    rows = r.choice([100_000, 6_000_000])
    text = "x" * r.choice([10, 9_000, 5_000_000])
    repeated = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([text]))
    pq.write_table(pa.table({"id": repeated, "a": repeated}), path, compression=r.choice(["snappy", "gzip", "zstd"]))


def bitten_parquet(r: random.Random, path: Path) -> None:
    pq.write_table(pa.table({"id": [str(i) for i in range(500)], "a": [i / 7 for i in range(500)]}), path)
    content = bytearray(path.read_bytes())
    for _ in range(r.choice([1, 5, 50, 500])):
        content[r.randrange(4, len(content) - 8)] = r.randrange(256)
    if r.random() < 0.3:
        content[-8:-4] = struct.pack("<I", r.choice([0, 2**31, 2**32 - 1]))
    path.write_bytes(content)


MAKERS: tuple[Maker, ...] = (
    nul_bytes, lone_quotes, many_columns, long_line, long_line_of_utf_16, only_line_ends, duplicate_headers, ragged_rows,
    noise, markup, other_kinds, gzip_bomb, nested_bomb, zip_bomb, lying_zip, many_members, cut_or_bitten, workbook_bomb,
    workbook_of_one_long_text, workbook_with_entities, workbook_of_odd_cells, deep_workbook, many_sheets, parquet_bomb,
    bitten_parquet,
)  # fmt: skip
PER_MAKER = FILES // len(MAKERS)


@pytest.fixture(scope="module")
def parent() -> Iterator[Callable[[Path, Path], dict]]:
    """One small process that has every file read, and must live through all of them.

    Not the tests' own: Linux counts a child's memory from the fork on, and so with what its parent had then.
    """
    arguments = [sys.executable, "-c", _PARENT, str(ROOT), json.dumps(asdict(LIMITS))]
    process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def read(path: Path, folder: Path) -> dict:
        process.stdin.write(json.dumps([str(path), str(folder)]) + "\n")
        return json.loads(process.stdout.readline())

    yield read
    process.stdin.close()
    assert process.wait() == 0


_PARENT = """
import json, resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from customers.ingest import exchange, sandbox
limits = exchange.Limits(**json.loads(sys.argv[2]))
for line in sys.stdin:
    path, folder = map(Path, json.loads(line))
    try:
        answer = {"table": exchange.to_json(sandbox.normalise(path, folder=folder, limits=limits))}
    except sandbox.TableRefused as refusal:
        answer = {"refused": refusal.code, "facts": repr(refusal.facts)}
    answer["memory"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(json.dumps(answer), flush=True)
"""


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_hostile_files_are_read_or_refused(tmp_path, parent, maker):
    for number in range(PER_MAKER):
        path = tmp_path / f"{number}.csv"
        maker(random.Random(f"{SEED} {maker.__name__} {number}"), path)
        answer = parent(path, tmp_path / "out")
        if "table" in answer:
            table = from_json(json.loads(answer["table"]))
            assert table.rows > 0 and table.columns > 1
            assert all(len(row) <= LIMITS.max_columns for row in cells(table))
        else:
            assert answer["refused"] in CODES, f"file {number}"
            assert "Error'" not in answer["facts"], f"file {number}"  # the name of an exception that nobody foresaw
            assert not list((tmp_path / "out").iterdir())
        if sys.platform == "linux":
            assert answer["memory"] <= MOST_MEMORY, f"file {number}"
        path.unlink()


def test_there_are_three_hundred():
    assert PER_MAKER * len(MAKERS) >= FILES
