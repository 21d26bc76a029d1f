"""Companies whose segments are known, and noise of many kinds that has none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

NAMES = ("age", "montant_consommation", "nombre_appels", "volume_data", "nombre_sms")
MEDIANS = np.array(  # streamers, talkers, texters, families, light users
    [[27, 45, 40, 260, 12], [55, 70, 220, 14, 22], [22, 35, 50, 45, 210], [42, 95, 130, 150, 55], [66, 20, 12, 6, 4]],
    dtype=np.float64,
)
SHARES = (0.3, 0.25, 0.08, 0.12, 0.25)


def usage(rows: int, seed: int, missing: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Five personas of unequal sizes, heavy tails, some unknown: values float64 [rows, 5] as NAMES, persona int [rows]."""
    rng = np.random.default_rng(seed)
    persona = rng.choice(5, rows, p=SHARES)
    values = MEDIANS[persona].copy()
    values[:, 0] += rng.normal(0, 5, rows)
    values[:, 1:] *= np.exp(0.12 * rng.standard_normal((rows, 1)) + 0.2 * rng.standard_normal((rows, 4)))
    heavy = rng.random(rows) < 0.02
    values[heavy, 1:] *= (1.5 + rng.pareto(3, heavy.sum()))[:, None]
    values[rng.random((rows, 5)) < missing] = np.nan
    return values, persona


def blobs(k: int, rows: int, seed: int, apart: float = 6.0) -> np.ndarray:
    """k round groups of unequal sizes in five columns, the nearest two ``apart`` standard deviations apart or a bit more."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((k, 5))
    nearest = np.linalg.norm(centres[:, None] - centres, axis=2)[np.triu_indices(k, 1)].min()
    shares = np.linspace(1, 3, k)
    group = rng.choice(k, rows, p=shares / shares.sum())
    return centres[group] * apart / nearest + rng.standard_normal((rows, 5))


def correlated(rows: int, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal((rows, 5)) @ rng.standard_normal((5, 5))


def one_factor(rows: int, rng: np.random.Generator) -> np.ndarray:
    return 0.9 * rng.standard_normal((rows, 1)) + 0.45 * rng.standard_normal((rows, 5))


def uniform(rows: int, rng: np.random.Generator) -> np.ndarray:
    return 100 * rng.random((rows, 5))


def lognormal(rows: int, rng: np.random.Generator) -> np.ndarray:
    return np.exp(correlated(rows, rng) / 2)


def half_noughts(rows: int, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.random((rows, 5)) < 0.6, 0.0, lognormal(rows, rng))


def correlated_noughts(rows: int, rng: np.random.Generator) -> np.ndarray:
    latent = correlated(rows, rng) / 2
    return np.where(latent > 0.25, np.exp(latent), 0.0)


def few_levels(rows: int, rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 5, (rows, 5)).astype(np.float64)


def counts(rows: int, rng: np.random.Generator) -> np.ndarray:
    return rng.poisson(3, (rows, 5)).astype(np.float64)


def flags(rows: int, rng: np.random.Generator) -> np.ndarray:
    return (rng.random((rows, 5)) < 0.4).astype(np.float64)


def outliers(rows: int, rng: np.random.Generator) -> np.ndarray:
    values = rng.standard_normal((rows, 5))
    return np.where(rng.random((rows, 5)) < 0.01, np.copysign(5, values), values)


def far_customers(rows: int, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal((rows, 5)) * np.where(rng.random((rows, 1)) < 0.01, 5, 1)


def common_scale(rows: int, rng: np.random.Generator) -> np.ndarray:
    """Multivariate t: all columns of a customer are large together, in either direction."""
    return correlated(rows, rng) / np.sqrt(rng.chisquare(4, (rows, 1)) / 4)


def gaps(rows: int, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.random((rows, 5)) < 0.1, np.nan, correlated(rows, rng))


NOISE: tuple[Callable[[int, np.random.Generator], np.ndarray], ...] = (
    correlated, one_factor, uniform, lognormal, half_noughts, correlated_noughts, few_levels, counts, flags, outliers,
    far_customers, common_scale, gaps,
)  # fmt: skip
