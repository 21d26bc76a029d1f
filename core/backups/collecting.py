"""Snapshots beyond the policy are forgotten, then the pieces that no snapshot names any more."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..errors import Refused
from . import retention
from .sealing import Damaged
from .snapshots import CONFIGURATION
from .store import Store

_CONFIGURATIONS = 50  # kept of those that hold settings alone
# A piece this young may belong to a backup that another machine makes in a store without working locks.
_YOUNG_SECONDS = 3_600


@dataclass(frozen=True, slots=True)
class Collected:
    snapshots: int
    pieces: int
    bytes: int


def collect(store: Store, policy: retention.Policy, *, young: float = _YOUNG_SECONDS) -> Collected:
    """Within ``store.writing``. Killed at any moment it leaves every snapshot whole. Refused("busy") where somebody reads,
    Refused("unreadable_snapshot") where one cannot be read: what it names is not known, so nothing is thrown away."""
    with store.collecting():
        every = []
        for id_ in store.ids():
            try:
                every.append(store.snapshot(id_))
            except Damaged as damage:
                raise Refused("unreadable_snapshot", f"{damage}") from damage
        whole = [one for one in every if one.kind != CONFIGURATION]
        settings = [one for one in every if one.kind == CONFIGURATION]
        keep = retention.kept([(one.id, one.at) for one in whole], policy)
        keep |= {one.id for one in settings[:_CONFIGURATIONS]}
        gone = [one.id for one in every if one.id not in keep]
        store.forget(gone)
        named = {name for one in every if one.id in keep for name in one.pieces()}
        return Collected(len(gone), *_sweep(store, named, young))


def _sweep(store: Store, named: set[str], young: float) -> tuple[int, int]:
    pieces = freed = 0
    before = time.time() - young
    for path in store.pieces():
        if path.name in named:
            continue
        status = path.stat()
        if status.st_mtime < before:
            path.unlink()
            pieces += 1
            freed += status.st_size
    for path in (store.folder / "damaged").iterdir():
        if path.stat().st_mtime < before:
            path.unlink()
    return pieces, freed
