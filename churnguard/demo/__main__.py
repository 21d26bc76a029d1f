"""``python -m churnguard.demo``: checks, starts the broker, fills the companies, serves, and ends all it started.

Not a plain management command, because the broker runs before Django's settings are read: they hold its address.
``manage.py demo`` is a door on this.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

from core.embedded.processes import EmbeddedError, wait_until
from core.embedded.supervisor import Interrupted, Supervisor, ending_on_signals, only_one
from core.embedded.valkey import Valkey
from core.env import BASE_DIR

from . import programs, wishes
from .wishes import Unwilling, Wish

SITE_SECONDS = 60.0


class Start:
    """One start of the demonstration, and whether it came to serving."""

    def __init__(self, wish: Wish, var: Path) -> None:
        self.wish = wish
        self.var = var
        self.is_serving = False

    def run(self) -> None:
        """Serve until a signal raises Interrupted; leaving, however, ends every child."""
        with only_one(self.var / "demo.lock", about={"address": self.wish.address}):
            wishes.require_free_port(self.wish)
            wishes.require_space(self.var, self.wish)
            with Supervisor(self.var / "log", say=note) as supervisor:
                self._start_broker(supervisor)
                self._open_django()
                self._fill_and_serve(supervisor)
                supervisor.tend_forever()

    def _start_broker(self, supervisor: Supervisor) -> None:
        if not os.environ.get("REDIS_URL"):
            valkey = Valkey(self.var / "valkey")
            supervisor.start(valkey.prepare())
            os.environ["REDIS_URL"] = valkey.url

    def _open_django(self) -> None:
        """From here on Django may be imported; what it logs in this process goes to a file, not into the bars."""
        import django

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "churnguard.settings")
        django.setup()
        (self.var / "log").mkdir(exist_ok=True)
        log = logging.FileHandler(self.var / "log" / "demo.log")
        log.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        logging.getLogger().handlers = [log]

        from . import servers

        servers.require_broker()
        servers.migrate()

    def _fill_and_serve(self, supervisor: Supervisor) -> None:
        from core.errors import Refused

        from . import companies, servers
        from .steps import Step

        try:
            guests = servers.guests(self.wish)
        except Refused as refusal:
            raise Unwilling(refusal.message) from refusal
        helpers = [programs.worker(BASE_DIR), programs.beat(BASE_DIR, self.var)]
        site = programs.site(BASE_DIR, self.var, self.wish.port)
        if any(companies.next_step(guest) is not Step.NOTHING for guest in guests):
            for program in helpers:
                supervisor.start(program)
            guide = companies.Guide(say=note, meanwhile=supervisor.tend)
            for guest in guests:
                guide.lead(guest)
            helpers = []
        child = supervisor.start(site)
        wait_until(
            lambda: programs.answers(self.wish.port),
            child.process,
            name="The site",
            log=child.log,
            seconds=SITE_SECONDS,
        )
        # Where nothing is due the site has both cores to itself until it answers.
        for program in helpers:
            supervisor.start(program)
        self.is_serving = True
        note(servers.welcome(self.wish, guests, self.var / "log"))


def note(line: str) -> None:
    """Say it, if anybody still listens: a Ctrl-C also ends a `tee` behind us, a closed window its terminal."""
    try:
        print(line, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="manage.py demo", description=__doc__.splitlines()[0])
    add_arguments(parser.add_argument)
    options = parser.parse_args(arguments)
    var = Path(os.environ.get("VAR_DIR") or BASE_DIR / "var").resolve()
    start = None
    try:
        with ending_on_signals():
            wish = wishes.understood(port=options.port, customers=options.customers, data=options.data)
            wishes.require_development(os.environ.get("DJANGO_ENV", ""))
            wishes.require_front_end(BASE_DIR)
            os.environ["VAR_DIR"] = str(var)  # the children's, whatever their working folder
            start = Start(wish, var)
            start.run()
    except (Unwilling, EmbeddedError) as reason:
        print(reason, file=sys.stderr)
        return 1
    except Interrupted as interrupted:
        if start and start.is_serving:
            note("\nChurnGuard has ended, and all it started. The next `make demo` goes on from here.")
            return 0
        note("\nStopped before it was ready. The next `make demo` goes on from here.")
        return 128 + interrupted.number
    return 0


def add_arguments(add: Callable[..., object]) -> None:
    """The options, which ``manage.py demo`` has as well."""
    add("--port", default="8000", help="where to serve on 127.0.0.1")
    add("--customers", default="7000", help="how many sample customers")
    add("--data", default=None, metavar="FILE", help="a file of your own customers, instead of the sample")


if __name__ == "__main__":
    sys.exit(main())
