"""How a piece is kept: compressed, and encrypted where BACKUP_KEY is set.

With a key, names of pieces are keyed hashes (who reads the folder cannot tell whether it holds a file they know), contents
are AES-256-GCM bound to that name, and snapshots carry an HMAC. Without one the names are plain SHA-256 and the HMAC is a
digest: damage shows, a forger does not.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import zlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MIN_KEY = 32  # characters
_PLAIN, _SEALED = b"CGB1p", b"CGB1s"
_NONCE = 12


class Damaged(Exception):
    """What is in the store is not what was put there."""


class Seal:
    """``key``: BACKUP_KEY or "" for none; ``salt``: the store's own, so that two stores share no key."""

    def __init__(self, key: str, salt: bytes) -> None:
        self.is_encrypted = bool(key)
        if key:
            names, contents, tells = (_derive(key, salt, use) for use in (b"names", b"contents", b"tells"))
            self._names, self._tells = names, tells
            self._cipher = AESGCM(contents)
        else:
            self._names = self._tells = b""

    @property
    def check(self) -> str:
        """Tells whether a key is this store's, and nothing else of it."""
        return hmac.new(self._tells, b"churnguard backup key", "sha256").hexdigest() if self.is_encrypted else ""

    def name_of(self, content: bytes) -> str:
        if self.is_encrypted:
            return hmac.new(self._names, content, "sha256").hexdigest()
        return hashlib.sha256(content).hexdigest()

    def close(self, content: bytes, *, about: str) -> bytes:
        """``about``: the name that the content will be looked for by; another's content does not open there."""
        packed = zlib.compress(content, 1)
        if not self.is_encrypted:
            return _PLAIN + packed
        nonce = os.urandom(_NONCE)
        return _SEALED + nonce + self._cipher.encrypt(nonce, packed, about.encode())

    def open(self, kept: bytes, *, about: str, most: int) -> bytes:
        """What ``close`` was given. Raises Damaged, also where that is more than ``most`` bytes: a few kilobytes of a store
        that somebody else wrote can unpack to more than the machine has."""
        head, body = kept[: len(_PLAIN)], kept[len(_PLAIN) :]
        if head != (_SEALED if self.is_encrypted else _PLAIN):
            raise Damaged(f"{about}: not a piece of this store")
        try:
            if self.is_encrypted:
                body = self._cipher.decrypt(body[:_NONCE], body[_NONCE:], about.encode())
            return _unpacked(body, most)
        except (InvalidTag, zlib.error, ValueError) as error:
            raise Damaged(f"{about}: {error or 'its seal is broken'}") from error

    def tell(self, text: bytes) -> str:
        """The HMAC (or digest) over a snapshot's own words."""
        if self.is_encrypted:
            return hmac.new(self._tells, text, "sha256").hexdigest()
        return hashlib.sha256(text).hexdigest()


def _unpacked(body: bytes, most: int) -> bytes:
    unpacking = zlib.decompressobj()
    content = unpacking.decompress(body, most + 1)
    if len(content) > most:
        raise ValueError(f"it unpacks to more than {most:,} bytes")
    if not unpacking.eof or unpacking.unused_data:
        raise ValueError("it ends in the middle" if not unpacking.eof else "something follows its end")
    return content


def _derive(key: str, salt: bytes, use: bytes) -> bytes:
    found = HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=b"churnguard backup 1 " + use)
    return found.derive(key.encode())
