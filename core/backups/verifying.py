"""Whether the store is what it was: every piece read, unsealed and named anew, every snapshot's pieces there."""

from __future__ import annotations

from dataclasses import dataclass, field

from .sealing import Damaged
from .snapshots import tell_of
from .store import Store


@dataclass(slots=True)
class Verified:
    """``damage``: what is wrong, a sentence each; ``harmed``: the snapshots that cannot be restored whole."""

    snapshots: int = 0
    pieces: int = 0
    bytes: int = 0
    damage: list[str] = field(default_factory=list)
    harmed: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        return not self.damage


def verify(store: Store) -> Verified:
    """Reads everything once. A damaged piece is set aside, so that the next backup writes it again where it can."""
    found = Verified()
    state: dict[str, bool] = {}
    tells: dict[str, str] = {}
    claims: list[tuple[str, str, str]] = []
    with store.reading():
        for id_ in store.ids():
            found.snapshots += 1
            try:
                snapshot = store.snapshot(id_)
                tells[id_] = tell_of(store.place_of(id_).read_bytes(), store.seal, id_)
            except Damaged as damage:
                found.damage.append(str(damage))
                found.harmed.append(id_)
                continue
            if snapshot.previous:
                claims.append((id_, snapshot.previous, snapshot.previous_tell))
            is_whole = [_look(store, name, state, found) for name in snapshot.pieces()]
            if not all(is_whole):
                found.harmed.append(id_)
    for id_, previous, tell in claims:
        if previous in tells and tells[previous] != tell:
            found.damage.append(f"snapshot {previous}: is not the one that {id_} followed")
            found.harmed.append(previous)
    return found


def _look(store: Store, name: str, state: dict[str, bool], found: Verified) -> bool:
    if name not in state:
        found.pieces += 1
        try:
            found.bytes += len(store.get(name))
            state[name] = True
        except Damaged as damage:
            found.damage.append(f"piece {damage}")
            store.set_aside(name)
            state[name] = False
    return state[name]
