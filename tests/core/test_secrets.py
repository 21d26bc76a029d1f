"""Credentials that are kept: nobody reads them but with the key, and for whom they were kept."""

import pytest

from core import secrets

OURS, THEIRS = "tenant-a/feed/1", "tenant-b/feed/1"


def test_what_was_sealed_opens_again_and_shows_nothing():
    sealed = secrets.seal("postgresql://reader:word@db/crm", scope=OURS)
    assert "word" not in sealed and "reader" not in sealed
    assert secrets.unseal(sealed, scope=OURS) == "postgresql://reader:word@db/crm"
    assert sealed != secrets.seal("postgresql://reader:word@db/crm", scope=OURS)


def test_nothing_stays_nothing():
    assert secrets.seal("", scope=OURS) == "" == secrets.unseal("", scope=OURS)


@pytest.mark.parametrize("scope", [THEIRS, "tenant-a/feed/2", ""])
def test_text_that_is_moved_to_another_row_does_not_open(scope):
    sealed = secrets.seal("word", scope=OURS)
    with pytest.raises(secrets.SealBroken):
        secrets.unseal(sealed, scope=scope)


@pytest.mark.parametrize("change", [lambda s: s[:-2] + "AA", lambda s: s[:20], lambda s: "no seal", lambda s: "é"])
def test_changed_text_does_not_open(change):
    with pytest.raises(secrets.SealBroken):
        secrets.unseal(change(secrets.seal("word", scope=OURS)), scope=OURS)


def test_key_is_changed_in_three_steps(settings):
    old, new = settings.CREDENTIALS_KEY, "another-key-" + "y" * 40
    sealed = secrets.seal("word", scope=OURS)
    settings.CREDENTIALS_KEY, settings.CREDENTIALS_KEY_FALLBACKS = new, [old]
    assert secrets.unseal(sealed, scope=OURS) == "word"
    again = secrets.reseal(sealed, scope=OURS)
    settings.CREDENTIALS_KEY_FALLBACKS = []
    assert secrets.unseal(again, scope=OURS) == "word"
    with pytest.raises(secrets.SealBroken):
        secrets.unseal(sealed, scope=OURS)


def test_key_of_the_credentials_is_not_that_of_anything_else(settings):
    assert len({settings.SECRET_KEY, settings.MODEL_SIGNING_KEY, settings.CREDENTIALS_KEY}) == 3
