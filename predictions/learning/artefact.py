"""A trained engine on disk: written whole or not at all, sealed, and read only if the seal holds.

The file is skops, never pickle. The seal (kept in the database) has its size, SHA-256, the versions of the
libraries and an HMAC over all of these with the tenant and the version, so that another company's file, an
older one, or one byte changed is refused before anything in it is read. The types that may be rebuilt are the
fixed list below, whatever a file asks for.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import skops.io

from predictions.learning import storage

TRUSTED_TYPES = ("numpy.dtype",)  # models are kept as arrays: no estimator is ever rebuilt from a file


@dataclass(frozen=True, slots=True)
class Seal:
    """What is known of an artefact apart from the artefact: keep it in the database. hexadecimal digests, bytes."""

    sha256: str
    hmac: str
    size: int
    libraries: dict[str, str]

    def as_dict(self) -> dict:
        return asdict(self)


class ArtefactRefused(Exception):
    """The file is not what was saved. reason: missing, size, digest, seal, unreadable."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def save(
    model: Any, path: str | os.PathLike[str], *, secret: bytes, tenant: str, version: int, form: ModuleType = storage
) -> Seal:
    """Write the artefact by atomic rename (a reader sees the old file or the new one) and return its seal.

    model: a Fitted, or another engine with a ``report.libraries``; form: the module whose to_state and from_state know it
    (``storage``, ``survival_storage``).
    """
    content = skops.io.dumps(form.to_state(model))
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    digest = hashlib.sha256(content).hexdigest()
    versions = dict(model.report.libraries)
    return Seal(digest, _hmac(secret, tenant, version, versions, digest, len(content)), len(content), versions)


def load(
    path: str | os.PathLike[str],
    seal: Seal | Mapping[str, object],
    *,
    secrets: Sequence[bytes],
    tenant: str,
    version: int,
    form: ModuleType = storage,
) -> Any:
    """Check, then read. ``secrets``: the current one, and older ones still honoured. ``form``: as it was saved with.

    Raises ArtefactRefused.
    """
    return _rebuild(_checked(path, _seal_of(seal), secrets=secrets, tenant=tenant, version=version), form)


def reseal(
    path: str | os.PathLike[str],
    seal: Seal | Mapping[str, object],
    *,
    secrets: Sequence[bytes],
    tenant: str,
    version: int,
) -> Seal:
    """The seal under the first of ``secrets``, once the file was checked under any of them. The file stays as it is.

    Raises ArtefactRefused.
    """
    seal = _seal_of(seal)
    _checked(path, seal, secrets=secrets, tenant=tenant, version=version)
    return replace(seal, hmac=_hmac(secrets[0], tenant, version, seal.libraries, seal.sha256, seal.size))


def _seal_of(seal: Seal | Mapping[str, object]) -> Seal:
    return seal if isinstance(seal, Seal) else Seal(**seal)  # type: ignore[arg-type]


def _checked(path: str | os.PathLike[str], seal: Seal, *, secrets: Sequence[bytes], tenant: str, version: int) -> bytes:
    """The file's content, where it is what was sealed. Raises ArtefactRefused."""
    try:
        with open(path, "rb") as file:
            content = file.read(seal.size + 1)  # read once: what is checked is what is used
    except OSError as error:
        raise ArtefactRefused("missing", f"the model's file cannot be read: {error.strerror}") from error
    if len(content) != seal.size:
        raise ArtefactRefused("size", "the model's file is not as long as the one that was saved")
    digest = hashlib.sha256(content).hexdigest()
    if not hmac.compare_digest(digest, seal.sha256):
        raise ArtefactRefused("digest", "the model's file is not the one that was saved")
    given = [_hmac(secret, tenant, version, seal.libraries, digest, seal.size) for secret in secrets]
    # A list, not a generator: every secret is tried, so that time tells nothing of which one fitted.
    if not any([hmac.compare_digest(one, seal.hmac) for one in given]):  # noqa: C419
        raise ArtefactRefused("seal", "the model's seal is not this company's, this version's or this installation's")
    return content


def _rebuild(content: bytes, form: ModuleType) -> Any:
    try:
        return form.from_state(skops.io.loads(content, trusted=list(TRUSTED_TYPES)))
    except Exception as error:  # an honest seal on a file that will not open: another format, or a bug of ours
        raise ArtefactRefused("unreadable", f"the model's file cannot be rebuilt: {error}") from error


def _hmac(secret: bytes, tenant: str, version: int, libraries: dict[str, str], digest: str, size: int) -> str:
    if not secret:
        raise ValueError("an empty secret seals nothing")
    said = json.dumps(
        {"tenant": str(tenant), "version": int(version), "libraries": libraries, "sha256": digest, "size": size},
        sort_keys=True,
    )
    return hmac.new(secret, said.encode(), hashlib.sha256).hexdigest()
