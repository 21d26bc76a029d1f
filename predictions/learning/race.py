"""Runs the candidates over the folds, decides which blend serves, and builds the models that will score."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from predictions.learning import evaluation
from predictions.learning.blend import Blend, judge, weigh
from predictions.learning.candidates import Candidate, Fit, logit_of, runners
from predictions.learning.evaluation import losses
from predictions.learning.features import Encoder
from predictions.learning.fitted import Model
from predictions.learning.groves import Grove
from predictions.learning.tables import Layout, Tables
from predictions.learning.trees import best_rounds

_FOLDS_SHARE = 0.8  # of the progress bar
Say = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Heat:
    """One candidate over all folds: a fit a fold, out-of-fold log odds float64 [n], and the rounds that a boosted one
    learns for when it learns from everybody."""

    candidate: Candidate
    fits: tuple[Fit, ...]
    logit: np.ndarray
    seconds: float
    rounds: int | None = None

    def fit(self, encoder: Encoder, values: np.ndarray, label: np.ndarray, seed: int) -> Fit:
        extra = () if self.rounds is None else (self.rounds,)
        return self.candidate.fit(encoder, values, label, seed, *extra)


@dataclass(frozen=True, slots=True)
class Served:
    """The blend that serves, what it is called, why it won, and the blends it was chosen from."""

    name: str
    title: str
    blend: Blend
    choice: dict
    blends: dict[str, Blend]


def run(encoder: Encoder, values: np.ndarray, label: np.ndarray, fold: np.ndarray, seed: int, say: Say) -> list[Heat]:
    """Fit every candidate on every fold's other rows. values float64 [n, k], label float64 [n], fold int8 [n]."""
    candidates = runners(len(label))
    effort, done = sum(candidate.effort for candidate in candidates) * (int(fold.max()) + 1), 0.0
    heats = []
    for candidate in candidates:
        began, fits, logit, rounds = time.monotonic(), [], np.empty(len(label)), [None]
        for number in range(int(fold.max()) + 1):
            say(0.03 + _FOLDS_SHARE * done / effort, candidate.name)
            held = fold == number
            learned = encoder, values[~held], label[~held], _fold_seed(seed, number)
            grow = candidate.grow
            fits.append(candidate.fit(*learned) if grow is None else grow(*learned, (values[held], label[held])))
            done += candidate.effort
        if candidate.grow is not None:
            rounds = best_rounds(fits, np.bincount(fold))
            fits = [growth.cut(most) for growth, most in zip(fits, rounds, strict=False)]
        for number, fit in enumerate(fits):
            logit[fold == number] = logit_of(fit, encoder, values[fold == number])
        kept = tuple(fits) if candidate.is_eligible else ()
        heats.append(Heat(candidate, kept, logit, time.monotonic() - began, rounds[-1]))
    return heats


def decide(heats: list[Heat], label: np.ndarray, fold: np.ndarray, base: np.ndarray) -> Served:
    """Choose between the additive blend and the free one. base float64 [folds + 1]: log odds of the base rates."""
    runs = {heat.candidate.name: heat for heat in heats if heat.candidate.is_eligible}
    additive = weigh({name: h.logit for name, h in runs.items() if h.candidate.is_additive}, label, fold, base)
    free = weigh({name: heat.logit for name, heat in runs.items()}, label, fold, base)
    verdict = judge(additive, free)
    chosen = additive if verdict.additive_serves else free
    baseline = losses(label, base[fold])
    gain = baseline - chosen.loss
    facts = {
        "additive_log_loss": float(additive.loss.mean()),
        "free_log_loss": float(free.loss.mean()),
        "difference": verdict.difference,
        "standard_error": verdict.error,
        "tolerance": verdict.tolerance,
        "baseline_log_loss": float(baseline.mean()),
        "gain": float(gain.mean()),
        "gain_error": float(gain.std(ddof=1) / np.sqrt(len(gain))),
        "better_than_baseline": bool(gain.mean() > 2 * gain.std(ddof=1) / np.sqrt(len(gain))),
        "members": list(chosen.members),
    }
    if not verdict.additive_serves:
        code = "interactions_matter"
    elif verdict.difference <= 0:
        code = "additive_best"
    else:
        code = "additive_ties"
    titles = [_member(runs[name].candidate.title) for name in chosen.members]
    kind = "Additive blend" if verdict.additive_serves else "Blend"
    title = f"{kind} ({' + '.join(titles)})" if len(titles) > 1 else runs[chosen.members[0]].candidate.title
    name = "additive_blend" if verdict.additive_serves else "blend"
    return Served(name, title, chosen, {"code": code, "facts": facts}, {"additive_blend": additive, "blend": free})


def build(
    served: Served,
    heats: list[Heat],
    encoder: Encoder,
    values: np.ndarray,
    label: np.ndarray,
    base: np.ndarray,
    seed: int,
    say: Say,
) -> tuple[Model, ...]:
    """One model a fold, then one fitted on every row: the served blend's members at the served weights."""
    by_name = {heat.candidate.name: heat for heat in heats}
    members = [by_name[name] for name in served.blend.members]
    final: list[Fit] = []
    for position, heat in enumerate(members):
        say(0.03 + _FOLDS_SHARE + 0.08 * position / len(members), heat.candidate.name)
        final.append(heat.fit(encoder, values, label, _fold_seed(seed, len(base) - 1)))
    fits = [*zip(*(heat.fits for heat in members), strict=True), tuple(final)]
    return tuple(
        _model(encoder, fits_of_one, served.blend.weights[number], float(base[number]), values)
        for number, fits_of_one in enumerate(fits)
    )


def table(served: Served, heats: list[Heat], label: np.ndarray) -> list[dict]:
    """The candidates and both blends as rows for people, best log loss first; paired with the best of them."""
    rows = [(h.candidate.name, h.candidate.title, h.logit, h.seconds, h.candidate.is_eligible) for h in heats]
    rows += [
        ("additive_blend", "Additive blend", served.blends["additive_blend"].logit, None, True),
        ("blend", "Blend of all", served.blends["blend"].logit, None, True),
    ]
    best = min((losses(label, logit) for _, _, logit, _, _ in rows), key=lambda loss: loss.mean())
    weights = dict(zip(served.blend.members, served.blend.weights[-1], strict=True))
    out = []
    for name, title, logit, seconds, eligible in rows:
        loss = losses(label, logit)
        apart = loss - best
        figures = evaluation.measure(label, 1 / (1 + np.exp(-logit)))
        out.append(
            {
                "name": name,
                "title": title,
                "log_loss": float(loss.mean()),
                "standard_error": _error(loss),
                "difference": float(apart.mean()),
                "difference_error": _error(apart),
                **{key: figures[key] for key in ("roc_auc", "pr_auc", "brier", "ece")},
                "chosen": name == served.name,
                "weight": float(weights.get(name, 0.0)),
                "fit_seconds": seconds,
                "eligible": eligible,
            }
        )
    return sorted(out, key=lambda row: row["log_loss"])


def _model(encoder: Encoder, fits: tuple[Fit, ...], weights: np.ndarray, base: float, values: np.ndarray) -> Model:
    layout = Layout.of(encoder)
    tables = Tables(base * (1 - float(weights.sum())), layout.empty().steps, layout.empty().heights)
    groves = []
    for fit, weight in zip(fits, weights, strict=True):
        if isinstance(fit, Tables):
            tables = tables.plus(fit.times(float(weight)))
        elif isinstance(fit, Grove) and weight > 0:
            groves.append((float(weight), fit))
    return Model(tables.centred(layout, values), tuple(groves))


def _fold_seed(seed: int, number: int) -> int:
    return (seed * 1_000 + number * 100) % 2**31


def _member(title: str) -> str:
    return title[0].lower() + title[1:]


def _error(loss: np.ndarray) -> float:
    return float(loss.std(ddof=1) / np.sqrt(len(loss)))
