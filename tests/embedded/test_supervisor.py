"""The supervisor: children ended in reverse order, restarted when they die, and never left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.embedded import supervisor as supervision
from core.embedded.processes import EmbeddedError, last_lines, open_log
from core.embedded.supervisor import Interrupted, Program, Supervisor, ending_on_signals, only_one

ROOT = Path(__file__).resolve().parents[2]
SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
# Says when it is asked to end, and then does.
WITNESS = """
import signal, sys, time
def leave(*_):
    open(sys.argv[2], "a").write(sys.argv[1] + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
open(sys.argv[2] + "." + sys.argv[1], "w").close()
time.sleep(60)
"""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open({!r}, 'w').close(); time.sleep(60)"


def is_alive(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.strip().startswith("Z")


def eventually(fact, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not fact() and time.monotonic() < deadline:
        time.sleep(0.02)
    return fact()


@pytest.fixture
def said():
    return []


@pytest.fixture
def supervisor(tmp_path, said):
    with Supervisor(tmp_path / "log", say=said.append) as supervisor:
        yield supervisor


def test_children_end_in_reverse_order(tmp_path, supervisor):
    order = tmp_path / "order"
    for name in ("broker", "worker", "site"):
        here = tmp_path / f"order.{name}"
        supervisor.start(Program(name, [sys.executable, "-c", WITNESS, name, str(order)], ready=here.exists))
    supervisor.stop()
    assert order.read_text().split() == ["site", "worker", "broker"]


def test_a_child_that_ignores_the_request_is_killed(tmp_path, supervisor):
    ready = tmp_path / "ready"
    command = [sys.executable, "-c", STUBBORN.format(str(ready))]
    child = supervisor.start(Program("stubborn", command, ready=ready.exists, grace_seconds=0.2))
    supervisor.stop()
    assert child.process.returncode == -signal.SIGKILL


def test_grandchildren_go_with_their_parent(tmp_path, supervisor):
    note = tmp_path / "pid"
    script = (
        f"import subprocess; p = subprocess.Popen({SLEEPER!r}); open({str(note)!r}, 'w').write(str(p.pid)); p.wait()"
    )
    supervisor.start(
        Program("parent", [sys.executable, "-c", script], ready=lambda: note.exists() and note.read_text())
    )
    grandchild = int(note.read_text())
    assert is_alive(grandchild)
    supervisor.stop()
    assert eventually(lambda: not is_alive(grandchild))


def test_a_dead_child_is_restarted_and_said_once(supervisor, said, monkeypatch):
    monkeypatch.setattr(supervision, "FIRST_DELAY_SECONDS", 0.05)
    child = supervisor.start(Program("worker", SLEEPER))
    child.delay = 0.05
    first = child.process.pid
    os.kill(first, signal.SIGKILL)
    child.process.wait()
    supervisor.tend()
    supervisor.tend()
    assert len(said) == 1
    assert "worker ended (killed by SIGKILL)" in said[0]
    time.sleep(0.06)
    supervisor.tend()
    assert child.process.pid != first
    assert child.process.poll() is None


def test_a_child_that_keeps_dying_waits_longer_each_time(supervisor):
    child = supervisor.start(Program("broken", [sys.executable, "-c", "raise SystemExit(3)"]))
    delays = []
    for _ in range(3):
        child.process.wait()
        delays.append(child.delay)
        supervisor.tend()
        child.restart_at = 0.0
        supervisor.tend()
    assert delays == [1.0, 2.0, 4.0]


def test_a_child_that_cannot_start_shows_the_end_of_its_log(supervisor):
    command = [sys.executable, "-c", "import sys; sys.exit('no such table: customers')"]
    with pytest.raises(EmbeddedError, match="no such table: customers"):
        supervisor.start(Program("site", command, ready=lambda: False))


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the kernel tells children of a parent's death on Linux only"
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_no_child_outlives_its_supervisor(tmp_path, number):
    note = tmp_path / "pid"
    script = f"""
from pathlib import Path
from core.embedded.supervisor import *
with ending_on_signals(), Supervisor(Path({str(tmp_path)!r})) as supervisor:
    child = supervisor.start(Program("child", {SLEEPER!r}))
    Path({str(note)!r}).write_text(str(child.process.pid))
    supervisor.tend_forever()
"""
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        assert eventually(lambda: note.exists() and note.read_text() != "")
        child = int(note.read_text())
        assert is_alive(child)
        parent.send_signal(number)
        parent.wait(10)
        assert eventually(lambda: not is_alive(child))
    finally:
        if parent.poll() is None:
            parent.kill()


def test_a_signal_interrupts_the_block_once():
    before = signal.getsignal(signal.SIGTERM)

    def interrupted_twice() -> None:
        with ending_on_signals():
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(5)
            finally:
                os.kill(os.getpid(), signal.SIGTERM)  # an impatient second request, in the middle of clearing up

    with pytest.raises(Interrupted) as caught:
        interrupted_twice()
    assert caught.value.number == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_request_to_end_that_a_callback_swallowed_is_heard_at_the_next_look(tmp_path):
    class Sleeper:
        def __del__(self) -> None:  # what is raised in here, Python reports and forgets
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)

    def looked_after() -> None:
        with ending_on_signals(), Supervisor(tmp_path) as supervisor:
            Sleeper()
            supervisor.tend()

    with pytest.raises(Interrupted) as caught:
        looked_after()
    assert caught.value.number == signal.SIGTERM
    Supervisor(tmp_path).tend()  # outside the block nothing of it is left


def test_a_second_start_is_one_clear_line(tmp_path):
    lock = tmp_path / "run" / "demo.lock"
    with only_one(lock, about={"address": "http://127.0.0.1:8000/"}):
        with pytest.raises(EmbeddedError) as caught, only_one(lock, about={}):
            pass
        assert "already runs from this folder at http://127.0.0.1:8000/" in str(caught.value)
        assert "\n" not in str(caught.value)
    with only_one(lock, about={}):
        pass


def test_a_log_that_has_grown_too_long_makes_room(tmp_path):
    log = tmp_path / "worker.log"
    log.write_bytes(b"x" * 5_000_001)
    os.close(open_log(log))
    assert log.stat().st_size == 0
    assert (tmp_path / "worker.log.1").stat().st_size == 5_000_001
    assert last_lines(log) == ""
