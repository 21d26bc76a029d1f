"""An artefact that is not the one that was saved is refused before anything in it is read."""

from __future__ import annotations

import os
import pickle
import random
from dataclasses import replace

import numpy as np
import pytest

from predictions import learning
from predictions.learning import artefact

OURS = {"secrets": [b"new secret", b"old secret"], "tenant": "atlas", "version": 3}


@pytest.fixture(params=["additive", "crossed"])
def saved(request, tmp_path):
    """(fitted, frame, keys, path, seal)."""
    fitted = request.getfixturevalue(f"{request.param}_fitted")
    frame, _, keys = request.getfixturevalue(f"{request.param}_company")
    path = tmp_path / "atlas" / "3.skops"
    return fitted, frame, keys, path, artefact.save(fitted, path, secret=b"old secret", tenant="atlas", version=3)


def test_what_is_loaded_scores_as_what_was_saved(saved):
    fitted, frame, keys, path, seal = saved
    again = artefact.load(path, seal.as_dict(), **OURS)
    assert again.report == fitted.report and again.set_aside == fitted.set_aside
    before, after = learning.score(fitted, frame, keys), learning.score(again, frame, keys)
    assert np.array_equal(before.logit, after.logit) and np.array_equal(before.feature, after.feature)


def test_saving_leaves_no_half_file_behind(saved):
    path = saved[3]
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_two_hundred_bit_flips_are_refused(saved):
    path, seal = saved[3], saved[4]
    whole, chance = path.read_bytes(), random.Random(0)
    for _ in range(200):
        flipped = bytearray(whole)
        flipped[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        path.write_bytes(flipped)
        with pytest.raises(learning.ArtefactRefused) as refusal:
            artefact.load(path, seal, **OURS)
        assert refusal.value.reason == "digest"


def test_truncated_lengthened_and_missing_files_are_refused(saved):
    path, seal = saved[3], saved[4]
    whole = path.read_bytes()
    for content in (whole[:-1], whole[:100], b"", whole + b"\0"):
        path.write_bytes(content)
        with pytest.raises(learning.ArtefactRefused) as refusal:
            artefact.load(path, seal, **OURS)
        assert refusal.value.reason == "size"
    path.unlink()
    with pytest.raises(learning.ArtefactRefused) as refusal:
        artefact.load(path, seal, **OURS)
    assert refusal.value.reason == "missing"


@pytest.mark.parametrize("other", [{"tenant": "borealis"}, {"version": 2}, {"secrets": [b"a guess"]}, {"secrets": []}])
def test_another_companys_version_or_secret_is_refused(saved, other):
    with pytest.raises(learning.ArtefactRefused) as refusal:
        artefact.load(saved[3], saved[4], **{**OURS, **other})
    assert refusal.value.reason == "seal"


def test_changed_library_versions_in_the_seal_are_refused(saved):
    seal = replace(saved[4], libraries={**saved[4].libraries, "scikit-learn": "0.1"})
    with pytest.raises(learning.ArtefactRefused) as refusal:
        artefact.load(saved[3], seal, **OURS)
    assert refusal.value.reason == "seal"


class Bomb:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (self.mark,)


def test_a_pickle_in_its_place_is_never_run(saved, tmp_path):
    path, seal = saved[3], saved[4]
    mark = tmp_path / "it ran"
    path.write_bytes(pickle.dumps(Bomb(str(mark))).ljust(seal.size, b"\0"))
    with pytest.raises(learning.ArtefactRefused):
        artefact.load(path, seal, **OURS)
    # and not even where someone holds the secret and seals it
    import hashlib

    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    forged = artefact._hmac(b"old secret", "atlas", 3, seal.libraries, digest, len(content))
    with pytest.raises(learning.ArtefactRefused) as refusal:
        artefact.load(path, replace(seal, sha256=digest, hmac=forged), **OURS)
    assert refusal.value.reason == "unreadable"
    assert not mark.exists()


def test_an_empty_secret_seals_nothing(additive_fitted, tmp_path):
    with pytest.raises(ValueError, match="secret"):
        artefact.save(additive_fitted, tmp_path / "m", secret=b"", tenant="atlas", version=1)
