"""Says in codes what sets a segment apart, and which persona that is; two segments of one run never share a persona.

The wording of a code, and the sentence made of a portrait, are other people's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from segmentation.clustering.profiles import Profile
from segmentation.clustering.traits import PERSONAS, RULES, traits

SOME, HIGH, VERY = 0.25, 0.6, 1.2  # standard deviations from the rest: worth a word, plainly, very
SLIGHTLY, PLAINLY, VERY_MUCH = "slightly", "plainly", "very"
UP, DOWN = "high", "low"
_TOLD = 3
_TELLS_MORE = 0.15  # for each further trait of a rule
_PLAIN = 0.05  # what the persona of no particular kind has to be beaten by


@dataclass(frozen=True, slots=True)
class Trait:
    """One thing that sets a segment apart: direction UP | DOWN from the rest, strength SLIGHTLY | PLAINLY | VERY_MUCH,
    difference in standard deviations; mean in real units."""

    feature: str
    direction: str
    strength: str
    difference: float
    mean: float | None


@dataclass(frozen=True, slots=True)
class Portrait:
    """A segment in a few facts. traits: the strongest first, at most three; empty: it is like the rest.

    persona    a code of traits.PERSONAS; "average"; "standout", with ``standout``, the feature and direction that it is
               named after, where no persona is left that fits; "group_1" ... where nothing at all tells them apart
    fit        how well it fits, 0 and more; below 0.6 it is a manner of speaking
    """

    label: int
    persona: str
    fit: float
    standout: tuple[str, str] | None
    traits: tuple[Trait, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def portraits(profile: Profile) -> tuple[Portrait, ...]:
    """A portrait of each label of a profile, in the order of the labels."""
    names = [one.name for one in profile.features]
    differences = np.array([one.differences for one in profile.features], dtype=np.float64).T
    means = [one.means for one in profile.features]
    return portrait_all(names, differences, [[column[label] for column in means] for label in range(len(differences))])


def portrait_all(
    names: Sequence[str], differences: np.ndarray, means: Sequence[Sequence[float | None]] | None = None
) -> tuple[Portrait, ...]:
    """Portraits of k segments from the differences of each from the rest (float [k, q], NaN unknown, in standard
    deviations), q feature names and, to be told along, means in real units.

    Names may carry a statistic (montant_consommation_mean_3m); a name that no rule knows counts in the traits and may
    name a "standout". Raises ValueError where the shapes do not fit.
    """
    differences = np.atleast_2d(np.asarray(differences, dtype=np.float64))
    if differences.shape[1] != len(names):
        raise ValueError(f"differences {differences.shape} do not fit {len(names)} names")
    apart = np.nan_to_num(np.clip(differences, -10, 10))
    scores, codes = _scores(names, apart)
    chosen = dict(zip(*(at.tolist() for at in linear_sum_assignment(-scores)), strict=True))
    found = []
    for label, row in enumerate(apart):
        code, fit = codes[chosen[label]], float(scores[label, chosen[label]])
        standout = None
        if code.startswith(_STANDOUT):
            _, name, direction = code.split("\0")
            code, standout = "standout", (name, direction)
        told = means[label] if means is not None else [None] * len(names)
        found.append(Portrait(label, code, max(fit, 0.0), standout, _traits(names, row, told)))
    return tuple(found)


def _traits(names: Sequence[str], row: np.ndarray, means: Sequence[float | None]) -> tuple[Trait, ...]:
    told = []
    for at in np.argsort(-np.abs(row), kind="stable")[:_TOLD]:
        size = abs(float(row[at]))
        if size >= SOME:
            strength = VERY_MUCH if size >= VERY else PLAINLY if size >= HIGH else SLIGHTLY
            told.append(Trait(names[at], UP if row[at] > 0 else DOWN, strength, float(row[at]), means[at]))
    return tuple(told)


_STANDOUT = "standout\0"


def _scores(names: Sequence[str], apart: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """How well each code suits each segment (float64 [k, c]), and the codes: personas, then each feature's two ends."""
    levels = traits(names, apart)
    codes, columns = [], []
    for code in PERSONAS:
        suits = [_suits(rule, levels) for rule in RULES[code] if set(rule) <= levels.keys()]
        suits = [one for one in suits if one is not None]
        if suits:
            codes.append(code)
            columns.append(np.max(suits, axis=0))
    codes.append("average")
    columns.append(_PLAIN + np.maximum(0, HIGH - np.abs(apart).max(axis=1, initial=0.0)))
    for at, name in enumerate(names):
        for direction, sign in ((UP, 1), (DOWN, -1)):
            codes.append(f"{_STANDOUT}{name}\0{direction}")
            # a named persona tells more than a column, unless the column alone stands out
            columns.append(0.4 * np.maximum(sign * apart[:, at], 0))
    for spare in range(len(apart)):  # so that everybody has one, the last resort of segments that are all alike
        codes.append(f"group_{spare + 1}")
        columns.append(np.full(len(apart), -1.0))
    return np.stack(columns, axis=1), codes


def _suits(rule: dict[str, float], levels: dict[str, np.ndarray]) -> np.ndarray | None:
    """A rule asks for traits by weight (above 0 high, below 0 low). It suits as well as their weighted mean, times the
    largest weight, and better the more traits it tells; not where one of them goes the other way."""
    known = {trait: weight for trait, weight in rule.items() if trait in levels}
    if not known:
        return None
    asked = np.stack([np.sign(weight) * levels[trait] for trait, weight in known.items()])
    weights = np.abs(np.array(list(known.values())))
    mean = weights @ np.minimum(asked, 2.5) / weights.sum() * weights.max() * (1 + _TELLS_MORE * (len(weights) - 1))
    return np.where((asked < -SOME).any(axis=0), -0.5, mean)
