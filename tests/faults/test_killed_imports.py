"""Imports whose worker is killed while it reads, writes or takes back: they end as if undisturbed, row for row."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .installation import Installation, descendants, eventually, finished, is_alive, row

pytestmark = pytest.mark.faults

ATLAS, BOREALIS = "atlas-telecom", "borealis-mobile"
IMPORT = "customers_import"
ROWS = 45_000  # five batches of an import
PATIENCE = 120  # seconds
FEWER = 12_000  # in the file before it, of which the second changes rows
OPEN = """
from datetime import date
from pathlib import Path
from customers import services
with company({slug!r}):
    run = services.open_import(path=Path({path!r}), usage_month=date(2026, 6, 1), **{options!r})
    jobs.ring(run)
    tell(run.pk)
"""
UNDO = """
from customers import services
from customers.models import Import
with company({slug!r}):
    run = services.undo_import(run=Import.objects.get(pk={pk}), actor=None)
    jobs.ring(run)
"""
# Every value of every row but keys, identifiers, time stamps and personas (a later stage's, given when it comes to it).
DUMP = """
import csv
from pathlib import Path
from customers.models import Customer, CustomerChange, Import, Subscription, UsageRecord
from customers.services import files
without = {{"id", "public_id", "customer", "tenant", "created_at", "updated_at", "at", "brought_by",
           "persona"}}
with company({slug!r}):
    order = {{pk: n for n, pk in enumerate(Import.objects.order_by("pk").values_list("pk", flat=True), 1)}}
    def told(value, name):
        if name == "before":
            return {{**value, "changed_by_import": order.get(value["changed_by_import"])}}
        return order.get(value) if name.endswith("_by_import") else value
    lines = []
    for model, number in ((Customer, "external_id"), (Subscription, "customer__external_id"),
                          (UsageRecord, "customer__external_id"), (CustomerChange, "customer__external_id")):
        names = [f.name for f in model._meta.local_fields if f.name not in without]
        found = [
            (model.__name__, row[0], *(told(value, name) for name, value in zip(names, row[1:])))
            for row in model.objects.order_by().values_list(number, *names)
        ]
        lines += sorted(json.dumps(row, default=str, sort_keys=True) for row in found)
    for run in Import.objects.order_by("pk"):
        path = files.place(run.refused_path)
        refused = csv.reader(path.open(encoding="utf-8-sig", newline="")) if run.refused_path else []
        # Without the reason, which is told in the company's language.
        lines += [json.dumps(["refused", *row[:2], *row[3:]]) for row in refused]
    Path({target!r}).write_text("\\n".join(lines), encoding="utf-8")
"""
COUNTS = (
    "total_rows", "rows_read", "rows_created", "rows_updated", "rows_unchanged", "rows_refused", "months_written", "refusals",
    "unknown_values", "mapping", "undo_result",
)  # fmt: skip


def numbered(path: Path, *, changed: bool) -> None:
    """Customers with a number, use of a month, and some lines that are wrong; the changed file also has new ones."""
    r = random.Random(3)
    lines = ["customerID,City,tenure,MonthlyCharges,Churn,Points,nombre_sms,volume_data"]
    for i in range(ROWS if changed else FEWER):
        amount, use = r.randrange(2_000, 9_000) / 100, r.random() * 1_000
        city = f"Town {i % 50}" if changed and i % 3 == 0 else "Tunis"
        tenure = "x" if i % 997 == 7 else i % 70
        sms = i % 11 + (changed and i % 4 == 0)
        lines.append(f"C{i},{city},{tenure},{amount},{'Yes' if i % 3 else 'No'},{use / 7},{sms},{use}")
        if i % 5_000 == 9:
            lines += [f"C{i - 1},Sfax,1,1,No,1,1,1", f"C{i}b,short", f"S{i},Sfax,1,1,No,1,1,1,more"]
    path.write_text("\n".join(lines) + "\n")


def without_numbers(path: Path, *, changed: bool) -> None:
    """Rows that are hashed: some are exact copies, some wrong, most of the changed file's are those of the first."""
    lines = ["tenure,City,Churn,Points,nombre_sms"]
    for i in range(ROWS if changed else FEWER):
        tenure = "x" if i % 997 == 7 else i % 70
        lines.append(
            f"{tenure},Town {i % 900},{'Yes' if i % 3 else 'No'},{i // 2 * 2 + (changed and i % 5 == 0)},{i % 11}"
        )
    path.write_text("\n".join(lines) + "\n")


def panel(path: Path, *, changed: bool) -> None:
    """Months that also describe the customer, in no order: every batch merges some customers, each by its newest month."""
    people = ROWS // 3
    lines = []
    for month in range(1, 4) if changed else range(1, 2):
        for i in range(people):
            sms = "x" if (i + month) % 997 == 7 else (i * month) % 50
            lines.append(f"C{i},2026-0{month},Town {(i + month) % 40},{'Yes' if i % 3 else 'No'},{sms},{i % 90}.25")
    random.Random(5).shuffle(lines)
    header = "customerID,month,City,Churn,nombre_sms,montant_consommation"
    path.write_text("\n".join([header, *lines]) + "\n")


SCENARIOS: dict[str, tuple[Callable, dict]] = {
    "numbered": (numbered, {}),
    "hashed": (without_numbers, {"id_column": "row_hash"}),
    "panel": (panel, {}),
}


def opened(site: Installation, slug: str, path: Path, options: dict) -> int:
    return site.django(OPEN.format(slug=slug, path=str(path), options=options))


def dumped(site: Installation, slug: str) -> list[str]:
    target = site.var / f"{slug}.txt"
    site.django(DUMP.format(slug=slug, target=str(target)))
    return target.read_text(encoding="utf-8").split("\n")


def of_the_base(lines: list[str]) -> list[str]:
    """Without images and refused rows, which stay when an import is taken back."""
    return [line for line in lines if line.startswith(('["Customer",', '["Subscription",', '["UsageRecord",'))]


def kill_when(site: Installation, pk: int, fact: Callable[[dict], bool], what: str) -> None:
    """Kill the worker as soon as the import's row says so; it must still be at work then. A new worker starts."""

    def has_come() -> bool:
        job = row(site, IMPORT, pk)
        if fact(job):
            return True
        assert job["state"] in ("queued", "running"), f"over before it could be killed: {what}; {told_of(job)}"
        assert time.monotonic() < deadline, f"not within {PATIENCE} s: {what}; {told_of(job)}"
        return False

    deadline = time.monotonic() + PATIENCE
    eventually(has_come, every=0.002, seconds=2 * PATIENCE, what=what)
    site.kill("worker")
    job = row(site, IMPORT, pk)
    assert job["state"] == "running", f"over before it could be killed: {what}; {told_of(job)}"
    site.start("worker")


def told_of(job: dict[str, object]) -> str:
    """Where a job stands, for the message of a test that failed."""
    names = ("state", "attempts", "progress_note", "rows_read", "rows_updated", "published_at", "error_message")
    return ", ".join(f"{name}={job[name]!r}" for name in names)


def told(job: dict[str, object], name: str) -> int:
    result = job["undo_result"]
    return (json.loads(result) if isinstance(result, str) else result).get(name, 0)


@pytest.mark.parametrize(
    ("site", "scenario"),
    [
        ("sqlite", "numbered"),
        ("postgresql", "numbered"),
        pytest.param("sqlite", "panel", marks=pytest.mark.slow),  # five minutes
        pytest.param("postgresql", "panel", marks=pytest.mark.slow),
        pytest.param("sqlite", "hashed", marks=pytest.mark.slow),
    ],
    indirect=["site"],
)
def test_import_and_undo_whose_workers_were_killed_end_as_if_undisturbed(site, tmp_path, scenario):
    write, options = SCENARIOS[scenario]
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    write(first, changed=False)
    write(second, changed=True)
    site.start("worker")
    for slug in (ATLAS, BOREALIS):
        finished(site, IMPORT, opened(site, slug, first, options))
    before = dumped(site, ATLAS)
    assert before == dumped(site, BOREALIS)

    site.kill("worker")  # who is to be caught in mid work begins when we watch, not while the door that opens it closes
    stormy = opened(site, ATLAS, second, options)
    site.start("worker")
    if scenario == "panel":  # its customers are written before the first row counts as read
        kill_when(site, stormy, lambda job: job["rows_updated"] > 0 and job["rows_read"] == 0, "customers of a panel")
    kill_when(site, stormy, lambda job: job["rows_read"] > 0, "after the first batch")
    kill_when(site, stormy, lambda job: job["rows_read"] > 20_000, "after the second batch")
    disturbed = finished(site, IMPORT, stormy)
    assert disturbed["attempts"] == (4 if scenario == "panel" else 3)
    calm = opened(site, BOREALIS, second, options)
    undisturbed = finished(site, IMPORT, calm)
    assert undisturbed["attempts"] == 1
    for name in COUNTS:
        assert disturbed[name] == undisturbed[name], name
    assert undisturbed["rows_refused"] > 0
    assert dumped(site, ATLAS) == dumped(site, BOREALIS)

    site.kill("worker")
    site.django(UNDO.format(slug=ATLAS, pk=stormy))
    site.start("worker")
    if scenario != "hashed":  # of hashed rows none is ever changed
        kill_when(site, stormy, lambda job: told(job, "restored") + told(job, "months_restored") > 0, "restoring")
    kill_when(site, stormy, lambda job: told(job, "removed") + told(job, "months_removed") > 0, "removing")
    disturbed = finished(site, IMPORT, stormy)
    site.django(UNDO.format(slug=BOREALIS, pk=calm))
    undisturbed = finished(site, IMPORT, calm)
    assert told(disturbed, "kept") == told(undisturbed, "kept") == []
    for name in COUNTS:
        assert disturbed[name] == undisturbed[name], name
    ours = dumped(site, ATLAS)
    assert ours == dumped(site, BOREALIS)
    assert of_the_base(ours) == of_the_base(before)


@pytest.mark.parametrize("site", ["sqlite"], indirect=True)
def test_child_that_reads_dies_with_its_worker_and_the_file_is_read_again(site, tmp_path):
    path = tmp_path / "first.csv"
    lines = [f"C{i};Tunis;{i % 70};{'Oui' if i % 3 else 'Non'}" for i in range(400_000)]
    path.write_text("\n".join(["customerID;City;tenure;Churn", *lines]) + "\n")
    site.start("worker")
    worker = site.running["worker"].pid
    stormy = opened(site, ATLAS, path, {})

    def child() -> int | None:
        for pid in descendants(worker):
            command = Path(f"/proc/{pid}/cmdline")
            if command.exists() and b"sandbox.serve()" in command.read_bytes():
                return pid
        return None

    reader = eventually(child, every=0.01, what="a child that reads")
    kill_when(site, stormy, lambda job: job["progress_note"].startswith("Reading the file:"), "reading")
    eventually(lambda: not is_alive(reader), seconds=10, what="the child outlived its worker")
    disturbed = finished(site, IMPORT, stormy)
    assert (disturbed["attempts"], disturbed["rows_created"]) == (2, 400_000)
    assert disturbed["rows_refused"] == 0
