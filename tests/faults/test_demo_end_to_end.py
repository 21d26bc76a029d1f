"""``make demo`` as a stranger meets it: everything started, served, signed in to, ended, and quick the second time."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from churnguard.seeding import DEMO_PASSWORD
from core.embedded.processes import free_port, port_is_free

from .installation import ROOT, Browser, clean_environment, descendants, eventually, is_alive

pytestmark = [pytest.mark.faults, pytest.mark.alone]


class Demo:
    """One start of the demonstration."""

    def __init__(self, var: Path, *arguments: str) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.output = var / f"demo-{self.port}.txt"
        self.started = time.monotonic()
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "churnguard.demo", "--port", str(self.port), *arguments],
                cwd=ROOT,
                env=clean_environment(var),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def text(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def served(self) -> float:
        """Seconds until it says that it serves."""
        eventually(lambda: "is ready" in self.text or self.process.poll() is not None, seconds=180, what=self.text)
        assert "is ready" in self.text, self.text
        return time.monotonic() - self.started

    def reaches(self, words: str) -> None:
        eventually(lambda: words in self.text or self.process.poll() is not None, seconds=120, what=self.text)
        assert words in self.text, self.text

    def end(self, number: int = signal.SIGINT, *, within: float = 20.0) -> int:
        """Ask it to end; the exit code, once no process that it started is left."""
        family = descendants(self.process.pid)
        self.process.send_signal(number)
        try:
            code = self.process.wait(within)
        except subprocess.TimeoutExpired:
            logs = {path.name: path.read_text()[-600:] for path in (self.output.parent / "log").glob("*.log")}
            raise AssertionError(f"not ended within {within:.0f} s: {self.text}\n{logs}") from None
        eventually(lambda: not any(map(is_alive, family)), seconds=within, what=f"one of {family} lives on")
        assert port_is_free(self.port)
        return code


@pytest.fixture
def demo(tmp_path) -> Iterator:
    started: list[Demo] = []

    def start(*arguments: str) -> Demo:
        started.append(Demo(tmp_path, *arguments))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()


def work_done(var: Path) -> dict[str, list]:
    """Every job's row, with how often and when it ran."""
    with sqlite3.connect(var / "churnguard.sqlite3") as connection:
        return {
            table: connection.execute(f"SELECT id, state, attempts, finished_at FROM {table} ORDER BY id").fetchall()
            for table in ("customers_import", "predictions_trainingrun", "predictions_scoringrun")
        }


def test_first_start_serves_the_whole_and_the_second_repeats_nothing(demo, tmp_path):
    first = demo("--customers", "300")
    first.served()
    browser = Browser(first.address)
    status, _ = browser.get("/dashboard")  # sent to sign in
    assert status == 200
    status, page = browser.sign_in("alice@atlas.example.com", DEMO_PASSWORD)
    assert status == 200
    assert "Atlas Telecom" in page
    for path in ("/dashboard", "/clients", "/mlops"):
        assert browser.get(path)[0] == 200
    for path in ("/static/app.css", "/static/plotly.min.js"):
        status, body = browser.get(path)
        assert status == 200
        assert body
    assert DEMO_PASSWORD in first.text
    assert first.end() == 0
    assert first.text.rstrip().splitlines()[-1].startswith("ChurnGuard has ended")
    before = work_done(tmp_path)
    assert {state for rows in before.values() for _, state, *_ in rows} == {"succeeded"}

    second = demo("--customers", "300")
    assert second.served() < 15
    assert "Importing" not in second.text
    assert Browser(second.address).sign_in("bob@atlas.example.com", DEMO_PASSWORD)[0] == 200
    assert second.end(signal.SIGTERM) == 0
    assert work_done(tmp_path) == before


def test_start_that_was_interrupted_in_mid_training_goes_on_from_there(demo, tmp_path):
    first = demo("--customers", "2000")
    first.reaches("Training:  1")
    assert first.end() == 128 + signal.SIGINT
    assert "goes on from here" in first.text
    second = demo("--customers", "2000")
    second.served()
    assert "Importing" not in second.text.split("Borealis")[0]
    assert second.end() == 0
    work = work_done(tmp_path)
    assert [state for _, state, *_ in work["predictions_trainingrun"]] == ["succeeded"]
    assert [state for _, state, *_ in work["predictions_scoringrun"]] == ["succeeded"]


def test_children_do_not_outlive_a_parent_that_was_killed(demo):
    first = demo("--customers", "300")
    first.served()
    family = descendants(first.process.pid)
    assert len(family) >= 7  # broker, worker and its two, beat, site and its two
    os.kill(first.process.pid, signal.SIGKILL)
    first.process.wait()
    eventually(lambda: not any(map(is_alive, family)), seconds=20, what="a child lives on")


def test_second_demonstration_in_the_same_folder_is_refused_in_one_line(demo):
    first = demo("--customers", "300")
    first.reaches("Atlas Telecom")
    second = demo("--customers", "300")
    assert second.process.wait(30) == 1
    assert second.text.strip().count("\n") == 0
    assert first.address in second.text
    first.end()
