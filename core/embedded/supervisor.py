"""The parent of an installation on one machine: starts its children in order, restarts them, ends them in reverse."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from .processes import EmbeddedError, end, last_lines, spawn, wait_until

FIRST_DELAY_SECONDS = 1.0
LONGEST_DELAY_SECONDS = 30.0
# A child that ran this long before it died is not in a loop: it restarts as if for the first time.
HEALTHY_AFTER_SECONDS = 60.0


class Interrupted(BaseException):
    """Somebody asked this process to end; ``number`` is the signal."""

    asked: int | None = None  # the signal that came in ``ending_on_signals``

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@dataclass(frozen=True)
class Program:
    """How a child is run and how it is ended."""

    name: str
    command: Sequence[str | Path]
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    user: tuple[int, int] | None = None
    ready: Callable[[], bool] | None = None
    stop_signals: tuple[int, ...] = (signal.SIGTERM,)
    death_signal: int = signal.SIGTERM
    grace_seconds: float = 10.0


@dataclass
class Child:
    """A running program, and when to run it again if it has died."""

    program: Program
    log: Path
    process: subprocess.Popen[bytes]
    started_at: float = field(default_factory=time.monotonic)
    delay: float = FIRST_DELAY_SECONDS
    restart_at: float | None = None


class Supervisor:
    """Owns its children: leaving the ``with`` block, however it is left, ends them all.

    There is no thread: who uses it calls ``tend`` now and then, or ``tend_forever``.
    """

    def __init__(self, logs: Path, say: Callable[[str], None] = print) -> None:
        self.logs = logs
        self.say = say
        self.children: list[Child] = []

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, program: Program) -> Child:
        """Start a program and wait until it is ready, if it says how to ask."""
        log = self.logs / f"{program.name}.log"
        child = Child(program, log, self._spawn(program, log))
        self.children.append(child)
        if program.ready is not None:
            wait_until(program.ready, child.process, name=program.name, log=log)
        return child

    def tend(self) -> None:
        """One look at every child; never waits. Raises Interrupted where that was asked and somebody swallowed it."""
        if Interrupted.asked is not None:
            raise Interrupted(Interrupted.asked)
        now = time.monotonic()
        for child in self.children:
            if child.restart_at is not None:
                if now >= child.restart_at:
                    child.process = self._spawn(child.program, child.log)
                    child.started_at, child.restart_at = now, None
            elif child.process.poll() is not None:
                self._plan_restart(child, now)

    def tend_forever(self, every: float = 0.5) -> None:
        while True:
            self.tend()
            time.sleep(every)

    def stop(self) -> None:
        """End every child, the last one started first."""
        while self.children:
            child = self.children[-1]
            end(child.process, *child.program.stop_signals, grace=child.program.grace_seconds)
            self.children.pop()

    def _plan_restart(self, child: Child, now: float) -> None:
        if now - child.started_at >= HEALTHY_AFTER_SECONDS:
            child.delay = FIRST_DELAY_SECONDS
        # Its own children may live on and hold its port: they go with it.
        code = end(child.process)
        child.restart_at = now + child.delay
        self.say(
            f"{child.program.name} ended ({_describe(code)}); starting it again in {child.delay:.0f} s, see {child.log}"
        )
        child.delay = min(child.delay * 2, LONGEST_DELAY_SECONDS)

    def _spawn(self, program: Program, log: Path) -> subprocess.Popen[bytes]:
        try:
            return spawn(
                program.command,
                log=log,
                env=program.env,
                cwd=program.cwd,
                user=program.user,
                death_signal=program.death_signal,
            )
        except OSError as error:
            raise EmbeddedError(f"{program.name} cannot be run: {error}. {last_lines(log)}".rstrip()) from error


def _describe(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"


@contextmanager
def ending_on_signals() -> Iterator[None]:
    """In the block SIGINT, SIGTERM and SIGHUP raise Interrupted, once: a second Ctrl-C does not disturb clearing up.

    What a handler raises can be lost: in a destructor, in a callback of a library. So it is written down as well, and the
    supervisor's next look raises it again.
    """
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(number: int, _frame: FrameType | None) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        Interrupted.asked = number
        raise Interrupted(number)

    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        Interrupted.asked = None
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def only_one(path: Path, *, about: Mapping[str, object]) -> Iterator[None]:
    """Hold ``path`` as a lock for the block; EmbeddedError where another living process holds it.

    The kernel frees the lock when its holder dies, so no process id is ever believed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise EmbeddedError(_already_running(file.read())) from None
        file.truncate(0)
        json.dump({"pid": os.getpid(), **about}, file)
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def _already_running(text: str) -> str:
    try:
        holder = json.loads(text)
    except ValueError:
        holder = {}
    where = f" at {holder['address']}" if holder.get("address") else ""
    who = f" (process {holder['pid']})" if holder.get("pid") else ""
    return f"ChurnGuard already runs from this folder{where}{who}: end it with Ctrl-C there before starting it again."
