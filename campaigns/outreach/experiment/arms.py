"""Draws the lots: who is held out, who gets which message, and whether the lots came out as drawn.

A lot is a keyed hash of the customer's own business number (BLAKE2b, RFC 7693). So a customer has the same arm in any
order, batch or run, nobody has to store a random state, and who does not know the salt cannot guess or steer an arm.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from scipy import stats

from campaigns.outreach.experiment.refusal import ExperimentRefused, share

HELD_OUT = 0  # the code of the holdout; the code of variants[i] is i + 1
MISMATCH = 0.001  # below this the arms are not as drawn: one healthy campaign in a thousand is called broken

_PURPOSE_ARM, _PURPOSE_CONTROL = b"campaign arm", b"control group"  # at most 16 bytes each
_EXPECTED = 5  # fewer expected in an arm: chi-square is not to be trusted, lots are drawn instead
_DRAWS = 20_000


def assign(
    keys: Sequence[str],
    *,
    salt: str,
    holdout: float,
    variants: Sequence[str] = ("a",),
    shares: Sequence[float] | None = None,
) -> np.ndarray:
    """Arm of each customer, int8 [n]: HELD_OUT, or i + 1 for variants[i].

    keys: business numbers; salt: of this campaign; holdout 0..1 (1 excluded); shares: of those not held out, how much
    each variant gets (they are divided by their sum; None: equal parts). Holding out and choosing a variant are two
    lots, so a larger holdout keeps the old one and moves nobody from one message to another. A million: about 0.6 s.
    Raises ExperimentRefused: no_salt, empty_key, not_a_share, no_variants, same_variant, unequal_lengths.
    """
    holdout = share("holdout", holdout, high=1.0)
    if holdout >= 1:
        raise ExperimentRefused("not_a_share", "Everybody would be held out.", field="holdout", value=holdout)
    bounds = np.cumsum(variant_shares(variants, shares))[:-1]
    lots = _lots(keys, salt, _PURPOSE_ARM, lots=2)
    arm = np.searchsorted(bounds, lots[:, 1], side="right").astype(np.int8) + np.int8(1)
    arm[lots[:, 0] < holdout] = HELD_OUT
    return arm


def universal_control(keys: Sequence[str], *, salt: str, period: str, share_held: float) -> np.ndarray:
    """Who is written to by no campaign in a period, bool [n].

    salt: of the workspace; period: any name ("2026-Q4"). Each period draws anew and independently of campaigns, so that
    nobody is left alone for ever. Raises ExperimentRefused: no_salt, empty_key, not_a_share.
    """
    share_held = share("share_held", share_held)
    # the length is said, so that ("a", "bc") and ("ab", "c") are two salts
    return _lots(keys, f"{len(salt)}:{salt}{period}" if salt else "", _PURPOSE_CONTROL, lots=1)[:, 0] < share_held


def variant_shares(variants: Sequence[str], shares: Sequence[float] | None) -> np.ndarray:
    """Shares of the variants, float64 [k], that sum to 1. Raises as ``assign``."""
    if len(variants) == 0:
        raise ExperimentRefused("no_variants", "A campaign has at least one message.")
    if len(variants) > 100:
        raise ExperimentRefused("no_variants", "A campaign has at most a hundred messages.", variants=len(variants))
    doubled = next((v for i, v in enumerate(variants) if v in variants[:i]), None)
    if doubled is not None:
        raise ExperimentRefused("same_variant", f"Two variants are called {doubled!r}.", variant=doubled)
    if shares is None:
        return np.full(len(variants), 1 / len(variants))
    if len(shares) != len(variants):
        raise ExperimentRefused(
            "unequal_lengths",
            f"{len(shares)} shares for {len(variants)} variants.",
            shares=len(shares),
            variants=len(variants),
        )
    parts = np.array([share(f"share of {v}", s, ends=True) for v, s in zip(variants, shares, strict=True)])
    if (parts <= 0).any():
        raise ExperimentRefused("not_a_share", "Every variant needs a share above 0.", field="shares", value=0.0)
    return parts / parts.sum()


def arm_shares(holdout: float, variants: Sequence[str], shares: Sequence[float] | None = None) -> np.ndarray:
    """Expected share of each arm by its code, float64 [1 + variants]: the holdout, then the variants."""
    return np.r_[holdout, (1 - holdout) * variant_shares(variants, shares)]


def sample_ratio_mismatch(counts: Sequence[int], shares: Sequence[float]) -> float:
    """p: how likely arms of such sizes, or odder ones, are if the lots were drawn by these shares.

    counts int [k]; shares float [k], divided by their sum. Chi-square (Fabijan et al. 2019, "Diagnosing sample ratio
    mismatch in online controlled experiments", KDD); exact for two small arms, by 20,000 seeded draws for several.
    A customer in an arm that has no share is impossible: p is 0. 1.0 where there is nothing to compare.
    """
    found, expected_share = np.asarray(counts, dtype=np.int64), np.asarray(shares, dtype=np.float64)
    if found.shape != expected_share.shape:
        raise ExperimentRefused(
            "unequal_lengths", "Counts and shares do not go together.", counts=found.size, shares=expected_share.size
        )
    if (found < 0).any() or (expected_share < 0).any() or not expected_share.sum() > 0:
        raise ExperimentRefused("not_a_number", "Counts and shares are not below 0.", field="counts", value="negative")
    if (found[expected_share == 0] > 0).any():
        return 0.0
    found, expected_share = found[expected_share > 0], expected_share[expected_share > 0]
    expected_share = expected_share / expected_share.sum()
    total = int(found.sum())
    if total == 0 or len(found) < 2:
        return 1.0
    expected = total * expected_share
    if expected.min() >= _EXPECTED:
        return float(stats.chisquare(found, expected).pvalue)
    if len(found) == 2:
        return float(stats.binomtest(int(found[0]), total, expected_share[0]).pvalue)
    drawn = np.random.default_rng(0).multinomial(total, expected_share, size=_DRAWS)
    oddness = ((drawn - expected) ** 2 / expected).sum(axis=1)
    odder = int((oddness >= ((found - expected) ** 2 / expected).sum() - 1e-9).sum())
    return (odder + 1) / (_DRAWS + 1)


def _lots(keys: Sequence[str], salt: str, purpose: bytes, *, lots: int) -> np.ndarray:
    """Uniform lots of each key, float64 [n, lots] in 0 <= u < 1."""
    if not salt:
        raise ExperimentRefused("no_salt", "Without a salt every campaign would hold out the same customers.")
    # a key of BLAKE2b has at most 64 bytes; a longer salt is hashed to that length first
    secret = hashlib.blake2b(salt.encode(), digest_size=64, person=purpose).digest()
    seeded = hashlib.blake2b(digest_size=8 * lots, key=secret, person=purpose)
    digests = []
    for position, key in enumerate(keys):
        if not isinstance(key, str) or not key:
            raise ExperimentRefused("empty_key", "A customer has no business number.", position=position)
        one = seeded.copy()
        one.update(key.encode("utf-8", "surrogatepass"))
        digests.append(one.digest())
    words = np.frombuffer(b"".join(digests), dtype="<u8").reshape(len(digests), lots)
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
