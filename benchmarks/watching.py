"""A process beside an import that looks at it as others do: how its progress moves, and how quickly the site answers.

``python -m benchmarks.watching IMPORT_ID PERSON_ID``, with the environment of the import's process. It says ``ready``,
watches until its input is closed, and prints what it saw as JSON. Pages go through Django's test client: the whole site
but for the socket. A small write (the time of a person's last sign-in) is timed as well: on SQLite it waits for the
import's transaction.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_LOOK_EVERY, _ASK_EVERY = 0.05, 0.25  # seconds


@contextmanager
def watched(import_id: int, person_id: int) -> Iterator[dict[str, float]]:
    """What was seen is in the dictionary after the block: gap, page_p95, livez_p95, write_p95, in seconds."""
    seen: dict[str, float] = {}
    command = [sys.executable, "-m", "benchmarks.watching", str(import_id), str(person_id)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if process.stdout.readline() != "ready\n":
        raise RuntimeError("The watching process did not start.")
    try:
        yield seen
    finally:
        answer, _ = process.communicate("")
    if process.returncode:
        raise RuntimeError("The watching process failed.")
    seen.update(json.loads(answer.splitlines()[-1]))


def _longest_gap(import_id: int, ended: threading.Event) -> float:
    """The longest time, in seconds, for which the running row showed one and the same progress."""
    from customers.models import Import

    columns = ("step", "state", "progress_done", "progress_note")
    longest, shown, since = 0.0, None, 0.0
    while not ended.wait(_LOOK_EVERY):
        row = Import.objects.filter(pk=import_id).values_list(*columns).get()
        now = time.monotonic()
        if shown is not None and shown[1] == "running":
            longest = max(longest, now - since)
        if row != shown:
            shown, since = row, now
    return longest


def _ask(import_id: int, person_id: int, ended: threading.Event, taken: dict[str, list[float]]) -> None:
    from django.contrib.auth.models import update_last_login
    from django.db import connection
    from django.test import Client
    from django.urls import reverse

    from customers.models import Import
    from tenants.models import User
    from tenants.scoping import tenant_scope

    person = User.objects.get(pk=person_id)
    client = Client(headers={"host": "localhost"})
    client.force_login(person)
    with tenant_scope(person.memberships.get().tenant):
        page = reverse("customers:import_detail", args=[Import.objects.get(pk=import_id).public_id])
    works = {
        "livez": lambda: client.get("/livez"),
        "page": lambda: client.get(page),
        "write": lambda: update_last_login(None, person),
    }
    print("ready", flush=True)
    while not ended.wait(_ASK_EVERY):
        for name, work in works.items():
            began = time.monotonic()
            answer = work()
            taken[name].append(time.monotonic() - began)
            if answer is not None and answer.status_code != 200:
                raise RuntimeError(f"{name} answered {answer.status_code}")
    connection.close()


def _p95(seconds: list[float]) -> float:
    return sorted(seconds)[int(0.95 * len(seconds))] if seconds else 0.0


def main() -> None:
    import_id, person_id = map(int, sys.argv[1:])
    import django

    django.setup()
    from tenants.models import User
    from tenants.scoping import tenant_scope

    ended = threading.Event()
    taken: dict[str, list[float]] = {"livez": [], "page": [], "write": []}
    asking = threading.Thread(target=_ask, args=(import_id, person_id, ended, taken))
    waiting = threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True)
    asking.start()
    waiting.start()
    with tenant_scope(User.objects.get(pk=person_id).memberships.get().tenant):
        gap = _longest_gap(import_id, ended)
    asking.join()
    if not all(taken.values()):
        sys.exit("The site did not answer.")
    print(json.dumps({"gap": gap, **{f"{name}_p95": _p95(times) for name, times in taken.items()}}))


if __name__ == "__main__":
    main()
