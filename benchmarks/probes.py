"""How long the probes take beside people who look at pages: ``python -m benchmarks.probes [--seconds 20]``.

A site as in the demonstration (two processes of four threads) on the server that DATABASE_URL names, else on SQLite, with so
many customers; eight people load the list of customers as fast as it comes. /livez, /readyz and /metrics are asked in turn
meanwhile, and before, when nobody else asks. In one run, so the two lines are of the same minutes.
"""

from __future__ import annotations

import argparse
import functools
import http.client
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.embedded.processes import end, free_port, spawn, wait_until

from .databases import Databases
from .steps import OWNER, call, run

_call = functools.partial(call, "probes")
ROOT = Path(__file__).resolve().parents[1]
PROBES = ("/livez", "/readyz", "/metrics")
PEOPLE = 8


def _load(options: argparse.Namespace) -> dict:
    """Customers, and the cookie of somebody who is signed in."""
    from django.test import Client

    from customers import samples, services
    from tenants.models import User

    path = samples.write_sample_file(
        path=Path(os.environ["VAR_DIR"]) / "sample.csv", customers=options.customers, seed=1
    )
    opened = services.open_import(path=path)
    services.run_import(import_id=opened.pk, follow=False)
    client = Client()
    client.force_login(User.objects.get(email=OWNER))
    return {"cookie": client.cookies["sessionid"].value}


_STEPS = {"load": _load}


class Asked:
    """One person's connection to the site."""

    def __init__(self, port: int, cookie: str = "") -> None:
        self._port, self._headers = port, {"Cookie": f"sessionid={cookie}"} if cookie else {}
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def get(self, path: str) -> tuple[int, float]:
        """(status, seconds) of one answer, read to its end."""
        began = time.perf_counter()
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status, time.perf_counter() - began


@contextmanager
def _site(environment: dict[str, str]) -> Iterator[int]:
    from churnguard.demo import programs

    port = free_port()
    program = programs.site(ROOT, Path(environment["VAR_DIR"]), port)
    log = Path(environment["VAR_DIR"]) / "site.log"
    process = spawn(program.command, log=log, env={**environment, "PYTHONUNBUFFERED": "1"}, cwd=ROOT)
    try:
        wait_until(lambda: programs.answers(port), process, name="The site", log=log, seconds=60)
        yield port
    finally:
        end(process)


def _probed(port: int, seconds: float) -> dict[str, list[float]]:
    visitor, found = Asked(port), {path: [] for path in PROBES}
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for path in PROBES:
            status, took = visitor.get(path)
            if status != 200:
                raise RuntimeError(f"{path} answered {status}")
            found[path].append(took)
        time.sleep(0.02)
    return found


def _beside_people(port: int, cookie: str, seconds: float) -> tuple[dict[str, list[float]], list[float]]:
    ended, pages = threading.Event(), []

    def look() -> None:
        person = Asked(port, cookie)
        while not ended.is_set():
            status, took = person.get("/clients")
            if status != 200:
                raise RuntimeError(f"/clients answered {status}")
            pages.append(took)

    people = [threading.Thread(target=look) for _ in range(PEOPLE)]
    for person in people:
        person.start()
    try:
        return _probed(port, seconds), pages
    finally:
        ended.set()
        for person in people:
            person.join()


def _p95(times: list[float]) -> str:
    return f"{1000 * sorted(times)[int(0.95 * len(times))]:.0f}" if times else ""


def _measure(options: argparse.Namespace) -> None:
    with Databases() as databases:
        environment = {**databases.fresh(), "LOG_LEVEL": "ERROR"}
        loaded = _call("load", environment, customers=options.customers)
        print(
            f"\n{options.customers:,} customers, {os.cpu_count()} cores, Python {sys.version.split()[0]}, {loaded['engine']}\n"
        )
        print(
            "| p95, ms | /livez | /readyz | /metrics | list of customers | pages a second |\n|---|---|---|---|---|---|"
        )
        with _site(environment) as port:
            alone = _probed(port, options.seconds)
            print(f"| nobody else | {' | '.join(_p95(alone[path]) for path in PROBES)} | | |", flush=True)
            beside, pages = _beside_people(port, loaded["cookie"], options.seconds)
            shown = " | ".join(_p95(beside[path]) for path in PROBES)
            print(f"| {PEOPLE} people | {shown} | {_p95(pages)} | {len(pages) / options.seconds:.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=7000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--step", choices=_STEPS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        run(_STEPS, options)
    else:
        _measure(options)


if __name__ == "__main__":
    main()
