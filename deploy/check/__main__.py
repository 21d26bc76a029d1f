"""``python -m deploy.check`` (``make prod-check``): every step, then a table; exit code 0 where all passed.

The first steps build on one another: where one fails, the rest is not tried.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from core.embedded.processes import EmbeddedError
from core.embedded.supervisor import Interrupted, ending_on_signals

from . import keeping, refusing, restarting, starting, using
from . import place as places
from .place import Failed, Place, hold
from .visitor import Visitor

LIMIT_SECONDS = 900  # a quiet machine needs a third of it


class Table:
    """What became of each step."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, float, str]] = []
        self.broken = False

    def step(self, name: str, do: Callable[[], str], *, needed: bool = False) -> None:
        """Run a step. After a ``needed`` one that failed the others are left out."""
        if self.broken:
            self._note(name, "left out", 0.0, "")
            return
        started = time.monotonic()
        try:
            result, said = "passed", do() or ""
        except (Failed, EmbeddedError, OSError, ValueError) as error:
            result, said = "FAILED", f"{error}" or type(error).__name__
            self.broken = needed
        self._note(name, result, time.monotonic() - started, said)

    def skip(self, name: str, why: str) -> None:
        self._note(name, "skipped", 0.0, why)

    def _note(self, name: str, result: str, seconds: float, said: str) -> None:
        self.lines.append((name, result, seconds, said))
        print(f"{result:8} {seconds:6.1f} s  {name}: {said}", flush=True)

    @property
    def failed(self) -> bool:
        return any(result in ("FAILED", "left out") for _name, result, _seconds, _said in self.lines)

    def print(self) -> None:
        width = max(len(name) for name, *_ in self.lines)
        print("\n" + "-" * (width + 22))
        for name, result, seconds, _said in self.lines:
            print(f"{name:{width}}  {result:8} {seconds:7.1f} s")
        print("-" * (width + 22))
        total = sum(seconds for _name, _result, seconds, _said in self.lines)
        print(f"{'prod-check':{width}}  {'FAILED' if self.failed else 'passed':8} {total:7.1f} s", flush=True)


# Who may log an error while a server is away, and only then
_FEEL_IT = ("core.health", "celery.", "kombu.")


def logs(place: Place) -> str:
    """A file a day by its name, a JSON object on each line, nobody's e-mail, no error but of what was stopped on purpose."""
    today = datetime.now(UTC).date()
    days = {path.name.rpartition("-")[0].split("-")[0] for path in (place.var / "log").glob("*.log")}
    hold(days == {"churnguard", "errors"}, f"the files of logs are called {sorted(days)}")
    lines = [line for path in (place.var / "log").glob("churnguard-*.log") for line in path.read_text().splitlines()]
    hold(any(path.name == f"churnguard-{today}.log" for path in (place.var / "log").iterdir()), "no file of today")
    read = [json.loads(line) for line in lines]
    hold(all({"time", "level", "logger", "message"} <= set(line) for line in read), "a line lacks what it must say")
    hold(using.OWNER not in "".join(lines), "a person's e-mail is in the logs")
    errors = [line for line in read if line["level"] in ("ERROR", "CRITICAL")]
    unforeseen = [
        line
        for line in errors
        if not place.was_disturbed(datetime.fromisoformat(line["time"]).timestamp())
        or not line["logger"].startswith(_FEEL_IT)
    ]
    hold(not unforeseen, f"{len(unforeseen)} errors, the first: {str(unforeseen[:1])[:500]}")
    return f"{len(read)} lines of JSON, {len(errors)} errors, all of servers that were stopped"


def check(table: Table, place: Place) -> None:
    table.step("release: check --deploy, static files, tables", lambda: starting.release(place), needed=True)
    table.step("three roles", lambda: starting.roles(place), needed=True)
    table.step("start of every unit", lambda: starting.processes(place), needed=True)
    behind: list[Visitor | None] = [None]

    def proxied() -> str:
        behind[0] = starting.with_nginx(place)
        return starting.tls(place, behind[0]) if behind[0] else ""

    if starting.proxy.installed():
        table.step("TLS by nginx", proxied, needed=True)
    else:
        table.skip("TLS by nginx", "nginx is not installed: the site is asked directly, as nginx would ask it")
    visitor = behind[0] or Visitor(place, None)
    table.step("headers", lambda: starting.headers(visitor))
    table.step("who asks", lambda: starting.who_asks(place, visitor))
    table.step("static files", lambda: starting.static(visitor))
    table.step("sign-in", lambda: using.sign_in(visitor, using.company(place)), needed=True)
    table.step("import, training, scores", lambda: using.pipeline(place, visitor), needed=True)
    table.step("backup and drill", lambda: keeping.backup(place))
    table.step("restore elsewhere", lambda: keeping.restore(place, using.CUSTOMERS))
    table.step("doctor", lambda: keeping.doctor(place, visitor))
    table.step("memory, MB", lambda: restarting.memory(place))
    program = starting.browser()
    if program and visitor.certificate:
        table.step("pages in a browser", lambda: using.browser(place, visitor, program))
    else:
        table.skip("pages in a browser", "Chromium or nginx is not installed")
    table.step("web: reload under load", lambda: restarting.reload(place, visitor))
    if visitor.certificate:
        table.step("web: rolling restart under load", lambda: restarting.rolling_restart(place, visitor))
    else:
        table.skip("web: rolling restart under load", "needs nginx before the two instances")
    table.step("web: SIGTERM drains", lambda: restarting.drain(place, visitor))
    table.step("worker ml: SIGTERM at work", lambda: restarting.ml_worker(place, visitor))
    table.step("worker default: SIGTERM at work", lambda: restarting.default_worker(place, visitor))
    table.step("worker mail: restart", lambda: restarting.mail_worker(place))
    table.step("beat: restart", lambda: restarting.beat(place))
    table.step("PostgreSQL: stop and start", lambda: restarting.database(place, visitor), needed=True)
    table.step("Redis: stop and start", lambda: restarting.redis(place, visitor), needed=True)
    table.step("servers that hang", lambda: restarting.hanging(place, visitor), needed=True)
    table.step("logs", lambda: logs(place))
    table.step("SIGTERM to all", lambda: restarting.stop(place))
    table.step("unsafe settings", lambda: refusing.settings(place))
    table.step("known password", lambda: refusing.known_password(place))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.check", description=__doc__.splitlines()[0])
    parser.add_argument("--keep-logs", metavar="FOLDER", type=Path, help="copy the processes' logs there")
    parser.add_argument("--limit", metavar="SECONDS", type=int, default=LIMIT_SECONDS, help="give up after so long")
    options = parser.parse_args()
    table = Table()
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(options.limit)
    try:
        with ending_on_signals(), places.made() as place:
            try:
                check(table, place)
            finally:
                for name, folder in (("log", place.folder / "log"), ("site", place.var / "log")):
                    if options.keep_logs and folder.exists():
                        shutil.copytree(folder, options.keep_logs / name, dirs_exist_ok=True)
    except Interrupted as interrupted:
        return 128 + interrupted.number
    except (Failed, EmbeddedError) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        signal.alarm(0)
    table.print()
    return 1 if table.failed else 0


def _too_long(_number: int, _frame: object) -> None:
    raise EmbeddedError("The check did not end within its time (--limit).")


if __name__ == "__main__":
    sys.exit(main())
