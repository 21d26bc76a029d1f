"""A learned model as sealed bytes: skops with a fixed list of types, never pickle, and refused if a byte has changed.

The seal (kept in the database) has size, SHA-256 and an HMAC over these with the tenant and the version, so that another
company's model, an older one or a touched one is refused before anything in it is read.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import skops.io

from campaigns.outreach.uplift import storage
from campaigns.outreach.uplift.model import UpliftModel

TRUSTED_TYPES = ("numpy.dtype",)  # models are kept as arrays: no estimator is ever rebuilt


@dataclass(frozen=True, slots=True)
class Seal:
    """hexadecimal digests, bytes."""

    sha256: str
    hmac: str
    size: int

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


class ArtefactRefused(Exception):
    """The bytes are not what was saved. reason: size, digest, seal, unreadable."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def dump(model: UpliftModel, *, secret: bytes, tenant: str, version: int) -> tuple[bytes, Seal]:
    """The model's bytes and their seal."""
    content = skops.io.dumps(storage.to_state(model))
    digest = hashlib.sha256(content).hexdigest()
    return content, Seal(digest, _hmac(secret, tenant, version, digest, len(content)), len(content))


def load(
    content: bytes, seal: Seal | Mapping[str, object], *, secrets: Sequence[bytes], tenant: str, version: int
) -> UpliftModel:
    """Check, then read. secrets: the current one, and older ones still honoured. Raises ArtefactRefused."""
    seal = seal if isinstance(seal, Seal) else Seal(**seal)  # type: ignore[arg-type]
    if len(content) != seal.size:
        raise ArtefactRefused("size", "the model is not as long as the one that was saved")
    digest = hashlib.sha256(content).hexdigest()
    if not hmac.compare_digest(digest, seal.sha256):
        raise ArtefactRefused("digest", "the model is not the one that was saved")
    given = [_hmac(secret, tenant, version, digest, seal.size) for secret in secrets]
    # A list, not a generator: every secret is tried, so that time tells nothing of which one fitted.
    if not any([hmac.compare_digest(one, seal.hmac) for one in given]):  # noqa: C419
        raise ArtefactRefused("seal", "the model's seal is not this company's, this version's or this installation's")
    try:
        return storage.from_state(skops.io.loads(content, trusted=list(TRUSTED_TYPES)))
    except Exception as error:  # an honest seal on what will not open: another format, or a bug of ours
        raise ArtefactRefused("unreadable", f"the model cannot be rebuilt: {error}") from error


def _hmac(secret: bytes, tenant: str, version: int, digest: str, size: int) -> str:
    if not secret:
        raise ValueError("an empty secret seals nothing")
    said = json.dumps(
        {"kind": "uplift", "tenant": str(tenant), "version": int(version), "sha256": digest, "size": size},
        sort_keys=True,
    )
    return hmac.new(secret, said.encode(), hashlib.sha256).hexdigest()
