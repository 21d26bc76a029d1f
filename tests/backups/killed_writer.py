"""A writer that publishes and collects without end, for a test that kills it: ``python -m tests.backups.killed_writer``."""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.backups import collecting
from core.backups.retention import Policy
from core.backups.snapshots import EVERYTHING, Database, Snapshot, new_id
from core.backups.store import Store

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def snapshot(store: Store, *contents: bytes, at: datetime = NOON, **fields) -> Snapshot:
    """Keep these pieces as a snapshot's database, and publish it."""
    names = tuple(store.put(content) for content in contents)
    database = Database("sqlite", "3", sum(map(len, contents)), "", names, {}, ())
    made = Snapshot(new_id(at), at.isoformat(), EVERYTHING, "here", "0", {}, {}, database, **fields)
    return store.publish(made)


@dataclass
class Writer:
    folder: Path
    seed: int

    def run(self, most: int) -> None:
        store, rng = Store.open(self.folder, ""), random.Random(self.seed)
        print("begun", flush=True)
        for n in range(most):
            with store.writing():
                pieces = [rng.randbytes(2000) for _ in range(20)]
                snapshot(store, *pieces, b"always the same", at=NOON + timedelta(minutes=n))
                collecting.collect(store, Policy(2, 0, 0, 0), young=-1)


if __name__ == "__main__":
    Writer(Path(sys.argv[1]), int(sys.argv[2])).run(most=2_000)
