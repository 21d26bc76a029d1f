"""The limited child: the same facts as without it, and whatever befalls it is a refusal to its parent."""

import csv
import gzip
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from customers.ingest import sandbox
from customers.ingest.exchange import Limits
from customers.ingest.reader import TableRefused
from tests.customers.ingest.tables import IBM_TELCO, cells, file_of, needs_ibm_telco
from tests.customers.ingest.workbooks import bomb_part, workbook

pytestmark = pytest.mark.walled

CSV = "id;ville;somme\nC1;Orléans;1,5\nC2;Béja;2,5\n"
ROOT = Path(sandbox.__file__).resolve().parents[2]


def normalise(tmp_path, content, *, sheet=None, **limits):
    return sandbox.normalise(file_of(tmp_path, content), folder=tmp_path / "out", limits=Limits(**limits), sheet=sheet)


def refused(tmp_path, content, **options) -> TableRefused:
    with pytest.raises(TableRefused) as caught:
        normalise(tmp_path, content, **options)
    out = tmp_path / "out"
    assert not out.exists() or not list(out.iterdir())
    return caught.value


def child_that(monkeypatch, code: str) -> None:
    """A child that does this in place of its work, in the way that a broken library would."""
    boot = sandbox._BOOT.replace("sandbox.serve()", f"sandbox.normalise_here = lambda *a, **k: {code}; sandbox.serve()")
    monkeypatch.setattr(sandbox, "_BOOT", boot)


def test_facts_come_back_whole(tmp_path):
    table = normalise(tmp_path, CSV.encode("cp1252"))
    assert cells(table) == [["C1", "Orléans", "1,5"], ["C2", "Béja", "2,5"]]
    assert (table.encoding, table.delimiter, table.rows, table.columns) == ("cp1252", ";", 2, 3)
    assert table.path == tmp_path / "out" / "table.csv"
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"table.csv", "lines.u32"}
    assert sys.platform != "linux" or 0 < table.peak_memory < 64 << 20


def test_sheets_and_notes_come_back_whole(tmp_path):
    content = workbook({"A": [["x"]], "É": [["id", "id"], ["1", "2"]]})
    table = normalise(tmp_path, content)
    assert [(s.name, s.is_likely) for s in table.sheets] == [("A", False), ("É", True)]
    assert [(n.code, n.facts["columns"]) for n in table.notes] == [("duplicate_headers", ["id"])]
    assert refused(tmp_path, content, sheet="Nowhere").facts == {"sheet": "Nowhere", "sheets": ["A", "É"]}


def test_refusal_comes_back_with_its_facts(tmp_path):
    error = refused(tmp_path, "id,a\n1,b\n2," + "x" * 300 + "\n", max_cell=200)
    assert (error.code, error.facts) == ("cell_too_long", {"line": 3, "maximum": 200})


@pytest.mark.parametrize(("name", "code"), [("none", "missing"), ("folder", "folder"), ("pipe", "not_a_file")])
def test_path_that_is_no_file_needs_no_child(tmp_path, monkeypatch, name, code):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(sandbox.subprocess, "Popen", None)
    with pytest.raises(TableRefused) as caught:
        sandbox.normalise(tmp_path / name, folder=tmp_path / "out")
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("bytearray(600 << 20)", "memory"),
        ("__import__('os').abort()", "memory"),
        ("__import__('os').kill(__import__('os').getpid(), 9)", "memory"),
        ("__import__('os').kill(__import__('os').getpid(), 11)", "broken"),
        ("__import__('os')._exit(3)", "broken"),
        ("1 / 0", "broken"),
        ("__import__('sys').exit(0)", "broken"),
        ("open('big', 'wb').truncate(3 << 30)", "too_large"),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory and size are Linux's")
def test_death_of_the_child_is_a_refusal(tmp_path, monkeypatch, code, expected):
    child_that(monkeypatch, code)
    (tmp_path / "out").mkdir()
    with pytest.raises(TableRefused) as caught:
        normalise(tmp_path, CSV)
    assert caught.value.code == expected


def test_child_that_sleeps_is_stopped_in_time(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "_GRACE", 0.5)
    child_that(monkeypatch, "__import__('time').sleep(60)")
    started = time.monotonic()
    assert refused(tmp_path, CSV, seconds=0.5).code == "timeout"
    assert time.monotonic() - started < 10


def test_child_that_spins_is_stopped_by_its_own_limit(tmp_path, monkeypatch):
    child_that(monkeypatch, "[None for _ in iter(int, 1)]")
    assert refused(tmp_path, CSV, seconds=0.2).code == "timeout"


def test_child_knows_no_secret(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "hush")
    child_that(monkeypatch, "__import__('pathlib').Path('seen').write_text(repr(dict(__import__('os').environ)))")
    refused_or_not = pytest.raises(TableRefused)
    with refused_or_not:
        normalise(tmp_path, CSV)
    assert "hush" not in (tmp_path / "out" / "seen").read_text()


def test_answer_that_is_no_answer_is_a_refusal(tmp_path, monkeypatch):
    child_that(monkeypatch, "[open('answer.json', 'w').write('[1'), __import__('os')._exit(0)]")
    assert refused(tmp_path, CSV).code == "broken"


@pytest.mark.skipif(sys.platform != "linux", reason="the parent's death is told by Linux")
def test_child_dies_with_its_parent(tmp_path):
    path = file_of(tmp_path, CSV)
    (tmp_path / "out").mkdir()
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from customers.ingest import sandbox\n"
        "work = \"[open('pid', 'w').write(str(__import__('os').getpid())), __import__('time').sleep(60)]\"\n"
        "sandbox._BOOT = sandbox._BOOT.replace('sandbox.serve()',\n"
        "    f'sandbox.normalise_here = lambda *a, **k: {work}; sandbox.serve()')\n"
        "sandbox.normalise(Path(sys.argv[2]), folder=Path(sys.argv[3]))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, str(ROOT), str(path), str(tmp_path / "out")])
    try:
        told = tmp_path / "out" / "pid"
        wait_until(lambda: told.exists() and told.read_text())
        child = int(told.read_text())
        assert is_running(child)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    wait_until(lambda: not is_running(child))


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_two_at_once_do_not_meet(tmp_path):
    results = {}

    def one(name):
        folder = tmp_path / name
        folder.mkdir()
        results[name] = cells(normalise(folder, f"id;a\n{name};1\n2;3\n"))[0][0]

    threads = [threading.Thread(target=one, args=(name,)) for name in ("x", "y")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {"x": "x", "y": "y"}


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is told by Linux")
def test_workbook_that_fills_other_readers_fits(tmp_path):
    path = bomb_part(
        tmp_path / "wide.xlsx",
        start="<worksheet><sheetData>",
        unit="<row><c t='str'><v>a</v></c><c><v>1</v></c></row>",
        times=200_000,
        end="</sheetData></worksheet>",
        name="xl/worksheets/sheet1.xml",
    )
    table = normalise(tmp_path, path.read_bytes(), max_ratio=2_000)
    assert table.rows == 199_999
    assert table.peak_memory < 48 << 20


@needs_ibm_telco
@pytest.mark.parametrize("packing", [bytes, gzip.compress])
def test_ibm_telco_in_french_dress_gives_the_same_cells(tmp_path, packing):
    with IBM_TELCO.open(encoding="utf-8", newline="") as file:
        headers, *rows = csv.reader(file)
    french = [f"{header} précisé" for header in headers]
    decimal = [headers.index("MonthlyCharges"), headers.index("TotalCharges")]
    for row in rows:
        for position in decimal:
            row[position] = row[position].replace(".", ",")
    text = "\r\n".join(";".join(row) for row in [french, *rows])
    table = normalise(tmp_path, packing(text.encode("cp1252")))
    assert (table.encoding, table.delimiter, table.ragged_rows) == ("cp1252", ";", 0)
    assert table.headers == tuple(french)
    assert cells(table) == rows
