"""The store: each piece once, sealed where a key is set, whole after a kill, and nothing collected that is still named."""

from __future__ import annotations

import io
import json
import random
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from core.backups import collecting, cutting, retention, snapshots
from core.backups.retention import Policy
from core.backups.sealing import Damaged
from core.backups.snapshots import File, new_id, tell_of
from core.backups.store import Store
from core.backups.verifying import verify
from core.errors import Refused

from .conftest import KEY
from .killed_writer import NOON, snapshot


def piece_files(store: Store) -> set[str]:
    return {path.name for path in store.pieces()}


# ---------------------------------------------------------------- cutting


def pieces_of(data: bytes) -> list[bytes]:
    return list(cutting.by_content(io.BytesIO(data)))


def test_pieces_put_together_are_what_was_cut():
    data = random.Random(1).randbytes(9_000_000)
    for pieces in (pieces_of(data), list(cutting.fixed(io.BytesIO(data)))):
        assert b"".join(pieces) == data
    assert {len(piece) for piece in list(cutting.fixed(io.BytesIO(data)))[:-1]} == {cutting.PAGED}
    assert all(cutting.SMALLEST <= len(piece) <= cutting.LARGEST for piece in pieces_of(data)[:-1])


@pytest.mark.parametrize("data", [b"", b"x", b"\0" * 3_000_000, b"ab" * 10])
def test_odd_contents_are_cut_as_well(data):
    assert b"".join(pieces_of(data)) == data
    assert all(len(piece) <= cutting.LARGEST for piece in pieces_of(data))


def test_inserted_row_changes_the_pieces_around_it_only():
    data = random.Random(2).randbytes(12_000_000)
    before = set(pieces_of(data))
    after = pieces_of(data[:5_000_000] + b"one more row\n" + data[5_000_000:])
    assert len(after) > 50
    assert sum(piece not in before for piece in after) <= 3


@pytest.mark.parametrize("place", range(1_000_000, 9_000_000, 2_000_000))
def test_inserted_row_changes_the_pieces_around_it_where_the_content_never_asks_for_a_cut(monkeypatch, place):
    """As between rows that are much alike: all pieces there grow to the largest."""
    monkeypatch.setattr(cutting, "_ASKS", np.uint32(0))
    data = random.Random(4).randbytes(12_000_000)
    before = pieces_of(data)
    after = pieces_of(data[:place] + b"one more row\n" + data[place:])
    assert all(cutting.SMALLEST <= len(piece) <= cutting.LARGEST for piece in after[:-1])
    assert sum(piece not in before for piece in after) <= 4 < len(after) / 5


def test_stream_that_gives_little_at_a_time_is_cut_the_same():
    class Dribble(io.BytesIO):
        def read(self, size=-1):
            return super().read(min(size, 1_777))

    data = random.Random(3).randbytes(5_000_000)
    assert list(cutting.by_content(Dribble(data))) == pieces_of(data)


# ---------------------------------------------------------------- pieces


def test_piece_is_kept_once(store):
    assert store.put(b"rows" * 100) == store.put(b"rows" * 100)
    assert (store.new_pieces, len(piece_files(store))) == (1, 1)


def test_sealed_store_shows_neither_contents_nor_what_it_holds(store, sealed):
    secret = b"elodie@example.com " * 500
    assert store.put(secret) != sealed.put(secret)  # without the key nobody can look for a file they know
    snapshot(sealed, secret, missed=("files/elodie-contract.pdf",))
    for path in sealed.folder.rglob("*"):
        if path.is_file():
            assert b"elodie" not in path.read_bytes(), path
    assert sealed.get(sealed.put(secret)) == secret


def test_changed_piece_is_refused(store, sealed):
    for one in (store, sealed):
        name = one.put(b"rows" * 1000)
        path = one.path_of(name)
        kept = bytearray(path.read_bytes())
        kept[-1] ^= 1
        path.write_bytes(kept)
        with pytest.raises(Damaged):
            one.get(name)


def test_piece_in_anothers_place_is_refused(store, sealed):
    for one in (store, sealed):
        first, second = one.put(b"first" * 50), one.put(b"second" * 50)
        one.path_of(first).write_bytes(one.path_of(second).read_bytes())
        with pytest.raises(Damaged):
            one.get(first)


def test_piece_that_unpacks_to_more_than_a_piece_is_refused_unread(store, sealed):
    for one in (store, sealed):
        bomb = bytes(64 * cutting.LARGEST)
        name = one.seal.name_of(bomb)
        one.path_of(name).parent.mkdir(parents=True, exist_ok=True)
        one.path_of(name).write_bytes(one.seal.close(bomb, about=name))
        with pytest.raises(Damaged, match="more than 524,288 bytes"):
            one.get(name)


@pytest.mark.parametrize(
    ("harm", "told"), [(lambda kept: kept[:-6], "middle"), (lambda kept: kept + b"more", "follows")]
)
def test_piece_with_less_or_more_than_was_kept_is_refused(store, harm, told):
    name = store.put(b"rows" * 1000)
    path = store.path_of(name)
    path.write_bytes(harm(path.read_bytes()))
    with pytest.raises(Damaged, match=told):
        store.get(name)


@pytest.mark.parametrize(("made_with", "opened_with"), [(KEY, ""), ("", KEY), (KEY, KEY + "x")])
def test_store_opens_with_its_own_key_only(tmp_path, made_with, opened_with):
    Store.open(tmp_path / "s", made_with, make=True)
    with pytest.raises(Refused) as refusal:
        Store.open(tmp_path / "s", opened_with)
    assert refusal.value.code == "wrong_key"


def test_short_key_is_refused(tmp_path):
    with pytest.raises(Refused, match="shorter than 32"):
        Store.open(tmp_path / "s", "too short", make=True)


def test_folder_of_other_files_is_no_store(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(Refused, match="other files"):
        Store.open(tmp_path, "", make=True)
    with pytest.raises(Refused, match="no backup store"):
        Store.open(tmp_path / "nowhere", "")


def test_piece_left_half_by_a_power_cut_is_written_again(store):
    name = store.put(b"rows" * 1000)
    store.path_of(name).write_bytes(b"")
    fresh = Store.open(store.folder, "")
    assert fresh.put(b"rows" * 1000) == name
    assert fresh.get(name) == b"rows" * 1000


# ---------------------------------------------------------------- snapshots


def test_snapshot_comes_back_as_it_was_and_changed_it_is_refused(store, sealed):
    for one in (store, sealed):
        made = snapshot(one, b"rows")
        assert one.snapshot(made.id) == made
        place = one.place_of(made.id)
        kept = bytearray(place.read_bytes())
        kept[-3] ^= 4
        place.write_bytes(kept)
        with pytest.raises(Damaged):
            one.snapshot(made.id)


def test_snapshot_that_could_not_be_read_again_is_not_written(store, monkeypatch):
    """Else every backup would look well, and none be of use."""
    made = snapshot(store, b"rows")
    longest = len(json.dumps(asdict(made), separators=(",", ":"))) + len(store.seal.tell(b"")) + 1
    monkeypatch.setattr(snapshots, "_LONGEST", longest)
    store.publish(made)
    assert store.snapshot(made.id) == made
    monkeypatch.setattr(snapshots, "_LONGEST", longest - 1)
    store.forget([made.id])
    with pytest.raises(Refused) as refusal:
        store.publish(made)
    assert refusal.value.code == "snapshot_too_long"
    assert store.ids() == []


def test_snapshot_that_was_slipped_in_shows(store):
    first = snapshot(store, b"first")
    tell = tell_of(store.place_of(first.id).read_bytes(), store.seal, first.id)
    snapshot(store, b"second", at=NOON + timedelta(hours=1), previous=first.id, previous_tell=tell)
    assert verify(store).is_sound
    store.publish(replace(first, origin="elsewhere"))
    found = verify(store)
    assert found.harmed == [first.id] and "is not the one" in found.damage[0]


def test_identifiers_sort_by_moment_within_a_second_too():
    moments = [NOON + timedelta(microseconds=n) for n in range(0, 900_000, 7_000)]
    made = [new_id(moment) for moment in moments]
    assert made == sorted(made)


@pytest.mark.parametrize("id_", ["../../etc/passwd", "", "20260101T000000Z-abcdef/..", "nobody"])
def test_name_of_a_snapshot_leads_nowhere_else(store, id_):
    with pytest.raises(Refused, match="no snapshot"):
        store.snapshot(id_)


# ---------------------------------------------------------------- damage


def test_verify_names_what_is_damaged_and_the_next_backup_mends_it(store):
    whole = snapshot(store, b"whole" * 100)
    harmed = snapshot(store, b"whole" * 100, b"harmed" * 100, at=NOON + timedelta(hours=1))
    name = harmed.database.pieces[1]
    store.path_of(name).write_bytes(b"CGB1p not what it was")
    found = verify(store)
    assert (found.harmed, found.is_sound) == ([harmed.id], False)
    assert whole.id not in found.harmed
    assert Store.open(store.folder, "").put(b"harmed" * 100) == name
    assert verify(store).is_sound


def test_missing_piece_is_found(store):
    made = snapshot(store, b"rows" * 10)
    store.path_of(made.database.pieces[0]).unlink()
    assert "missing" in verify(store).damage[0]


# ---------------------------------------------------------------- what is kept


def test_policy_keeps_the_last_and_the_newest_of_each_day_week_and_month():
    taken = [(f"{n:04d}", NOON - timedelta(hours=6 * n)) for n in range(800)]  # two hundred days
    keep = retention.kept(taken, Policy(last=3, daily=7, weekly=5, monthly=12))
    at = dict(taken)
    assert {"0000", "0001", "0002"} <= keep
    days = {at[one].date() for one in keep}
    assert {NOON.date() - timedelta(days=n) for n in range(7)} <= days
    assert len({at[one].isocalendar()[:2] for one in keep}) >= 5
    assert len({(at[one].year, at[one].month) for one in keep}) == 8
    assert len(keep) < 25
    # the newest of its month, not any of it
    february = [one for one in keep if at[one].month == 2]
    assert min(february) == min(one for one, when in taken if when.month == 2)


def test_policy_of_nothing_still_keeps_the_newest():
    taken = [("a", NOON - timedelta(days=1)), ("b", NOON)]
    assert retention.kept(taken, Policy(0, 0, 0, 0)) == {"b"}
    assert retention.kept([], Policy()) == set()


def test_collector_takes_what_nobody_names_and_nothing_else(store):
    old = snapshot(store, b"shared" * 50, b"old" * 50, at=NOON - timedelta(days=900))
    new = snapshot(store, b"shared" * 50, b"new" * 50)
    orphan = store.put(b"of a killed backup")
    with store.writing():
        found = collecting.collect(store, Policy(last=1, daily=1, weekly=1, monthly=1), young=-1)
    assert (found.snapshots, found.pieces) == (1, 2)
    assert store.ids() == [new.id]
    assert piece_files(store) == set(new.database.pieces)
    assert {orphan, old.database.pieces[1]} & piece_files(store) == set()
    assert verify(store).is_sound


def test_collector_spares_what_was_written_just_now(store):
    snapshot(store, b"rows")
    orphan = store.put(b"of a backup on another machine")
    with store.writing():
        collecting.collect(store, Policy())
    assert orphan in piece_files(store)


def test_collector_throws_nothing_away_where_a_snapshot_cannot_be_read(store):
    snapshot(store, b"one", at=NOON - timedelta(days=900))
    made = snapshot(store, b"two")
    store.place_of(made.id).write_bytes(b"CGB1p?")
    before = piece_files(store)
    with store.writing(), pytest.raises(Refused) as refusal:
        collecting.collect(store, Policy(1, 0, 0, 0), young=-1)
    assert refusal.value.code == "unreadable_snapshot"
    assert piece_files(store) == before and len(store.ids()) == 2


@pytest.mark.parametrize(
    "file",
    [
        {"root": "../elsewhere"},
        {"root": "/tmp/elsewhere"},
        {"root": "database"},
        {"path": "../victim"},
        {"path": "/etc/victim"},
        {"path": "a/../../victim"},
        {"path": ""},
        {"pieces": ("../../../victim",)},
        {"pieces": ("/etc/victim",)},
    ],
)
def test_snapshot_whose_names_lead_elsewhere_is_not_read(store, file):
    """A store without a key can be written by whoever reaches it, and by its names files are made, moved and removed."""
    name = store.put(b"x")
    good = File("files", "a/b", 1, 0, 0o600, "", (name,))
    made = snapshot(store, b"rows", files=(good,))
    assert store.snapshot(made.id).files == (good,)
    made = snapshot(store, b"rows", files=(replace(good, **file),))
    with pytest.raises(Damaged):
        store.snapshot(made.id)


def test_verifying_moves_no_file_that_a_snapshot_names_as_a_piece(store, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("of somebody else")
    made = snapshot(store, b"rows")
    hostile = replace(made, id=new_id(NOON), database=replace(made.database, pieces=("../victim",)))
    store.publish(hostile)
    assert not verify(store).is_sound
    assert victim.read_text() == "of somebody else"


def test_collector_waits_for_who_reads_and_writers_for_each_other(store):
    snapshot(store, b"rows")
    with store.writing(), store.reading(), pytest.raises(Refused, match="at work"):
        collecting.collect(store, Policy(), young=-1)
    with store.writing(), pytest.raises(Refused) as refusal, Store.open(store.folder, "").writing():
        pass
    assert refusal.value.code == "busy"


# ---------------------------------------------------------------- kills


def test_store_is_whole_whenever_its_writer_is_killed(store):
    root = Path(__file__).parents[2]
    pauses = random.Random(9)
    for seed in range(5):
        writer = subprocess.Popen(
            [sys.executable, "-m", "tests.backups.killed_writer", str(store.folder), str(seed)],
            cwd=root,
            stdout=subprocess.PIPE,
        )
        assert writer.stdout.readline() == b"begun\n"
        before, deadline = store.ids(), time.monotonic() + 60
        while store.ids() == before and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(pauses.random() / 4)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        assert verify(store).is_sound
    assert store.ids()
    with store.writing():  # what kills left half done goes with the next
        collecting.collect(store, Policy(2, 0, 0, 0), young=-1)
        assert list((store.folder / "drafts").iterdir()) == []
    assert piece_files(store) == {name for one in store.snapshots() for name in one.pieces()}
