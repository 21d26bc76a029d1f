"""What contacting would earn: the company's own costs, and an account of each scoring by them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from decimal import Decimal

import numpy as np
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import jobs
from customers import selectors as customers
from tenants import services as tenants
from tenants.models import User
from tenants.scoping import current_tenant

from .. import learning, registry, score_frames, selectors
from ..accounts import FIELDS, told
from ..learning import backtest, outlook, profit
from ..models import Economics, ProfitRun, ScoringRun
from ..wording import profit as profit_words
from .registry import load_survival

_BLOCK = 50_000
_ENGINE_NAMES = {"margin": "margin_share", "discount_rate": "monthly_rate"}
_LARGEST = {"contact_cost": 9_999_999, "offer_cost": 9_999_999, "horizon_months": 120, "discount_rate": 1}


def engine_economics(said: Economics) -> profit.Economics:
    """The company's words as the engine takes them. Raises Refused where a figure cannot be reckoned with."""
    try:
        return profit.Economics(
            contact_cost=said.contact_cost,
            offer_cost=said.offer_cost,
            acceptance=said.acceptance,
            stayer_acceptance=said.stayer_acceptance,
            margin_share=said.margin,
            horizon_months=said.horizon_months,
            monthly_rate=(1 + float(said.discount_rate)) ** (1 / 12) - 1,
        )
    except profit.ProfitRefused as refusal:
        raise profit_words.refused(refusal) from refusal


def set_economics(*, actor: User | None, **fields: object) -> Economics:
    """Say what a contact costs and is worth (every field of FIELDS). Raises Refused, whose facts name the field."""
    if unknown := set(fields) - set(FIELDS):
        raise TypeError(f"no such figures: {sorted(unknown)}")
    figures = {name: _figure(name, fields.get(name)) for name in FIELDS}
    for name in ("contact_cost", "offer_cost"):
        figures[name] = round(Decimal(str(figures[name])), 3)
    figures["horizon_months"] = int(figures["horizon_months"])
    engine_economics(Economics(**figures))
    with transaction.atomic():
        said, _new = Economics.objects.update_or_create(
            tenant=current_tenant(), defaults={**figures, "set_at": timezone.now(), "set_by": actor}
        )
        tenants.record("economics_set", said, actor=actor, **{name: str(figures[name]) for name in FIELDS})
    return said


def _figure(name: str, value: object) -> float:
    try:
        figure = profit.number(_ENGINE_NAMES.get(name, name), None if isinstance(value, bool) else value)
        if name == "horizon_months" and figure != int(figure):
            raise profit.ProfitRefused("not_whole", f"{name} must be whole.", field=name, value=figure)
        if figure > _LARGEST.get(name, 1):
            most = _LARGEST[name]
            raise profit.ProfitRefused("too_large", f"{name} is at most {most}.", field=name, value=figure, most=most)
    except profit.ProfitRefused as refusal:
        raise profit_words.refused(refusal) from refusal
    return figure


def open_account(*, requested_by: User | None = None) -> ProfitRun | None:
    """A job that accounts for the scoring that is shown; the open one where there is one. None: nothing to account for."""
    run, said = selectors.current_run(), registry.economics()
    if run is None or said is None:
        return None
    try:
        with transaction.atomic():
            return ProfitRun.objects.create(
                tenant=current_tenant(), scoring=run, requested_by=requested_by, economics=told(said)
            )
    except IntegrityError:
        return ProfitRun.objects.filter(state__in=("queued", "running")).first()


def needs_account() -> bool:
    """Whether the scoring that is shown has no account by the newest costs yet (a failed attempt counts as tried)."""
    run, said = selectors.current_run(), registry.economics()
    if run is None or said is None:
        return False
    newest = registry.newest_profit(run)
    return newest is None or newest.economics != told(said)


def account_profit(*, run_id: int) -> ProfitRun:
    """The expected profit by share contacted, over everybody still here; and what it would have been where the outcome is
    known. A kept customer is worth their charges for as many months as they are expected to stay; begins anew when killed.
    """
    with jobs.claimed(ProfitRun, run_id) as held:
        account: ProfitRun = held.job
        run, newest = selectors.current_run(), registry.economics()
        if run is not None and newest is not None:  # costs or scores may have changed while this waited
            held.save(scoring=run, economics=told(newest))
        said = engine_economics(Economics(**account.economics))
        chance, label, value, months_known = _rows(held, account.scoring, said)
        here = label != 1
        refusal: dict[str, object] = {}
        curve: dict[str, object] = {}
        measured: dict[str, object] = {}
        try:
            curve = _curve(chance[here], value[here], said) | {"months_known": months_known}
        except profit.ProfitRefused as refused:
            refusal["curve"] = _refusal_json(refused)
        note = _("Measuring on customers whose outcome is known")
        try:
            found = backtest.backtest(label, chance, value, said, seed=0, heartbeat=lambda: held.report(9, 10, note))
            measured = _backtest_json(found)
        except (profit.ProfitRefused, learning.NotEnoughEvidence) as refused:
            refusal["backtest"] = _refusal_json(refused)
        held.save(curve=curve, backtest=measured, refusal=refusal)
    return account


def _rows(held: jobs.Claim, run: ScoringRun, said: profit.Economics) -> tuple[np.ndarray, np.ndarray, np.ndarray, bool]:
    """Chance, label (NaN unknown) and value of each scored customer, and whether the months come from a survival model."""
    survival = load_survival(run.version)
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    done, total, note = 0, round(run.scored / 0.8), _("Reading scores")
    held.report(0, total, note)
    for _keys, chance, label, value in _valued(run, said, survival):
        parts.append((chance, label, value))
        done += len(chance)
        held.report(done, total, note)
    if not parts:
        none = np.empty(0)
        return none, none, none, survival is not None
    chance, label, value = (np.concatenate(column) for column in zip(*parts, strict=True))
    return chance, label, value, survival is not None


def valued_blocks(run: ScoringRun, economics: Economics) -> Iterator[tuple[np.ndarray, ...]]:
    """(key int64, chance float64, label float64 with NaN unknown, value float64 with NaN) of the scored customers, block by
    block in the order of keys: what each is worth, kept, by the company's economics."""
    return _valued(run, engine_economics(economics), load_survival(run.version))


def _valued(run: ScoringRun, said: profit.Economics, survival) -> Iterator[tuple[np.ndarray, ...]]:
    if survival is None:
        for keys, chance, label, charges in score_frames.scored_blocks(run, block=_BLOCK):
            yield keys, chance, label, said.customer_value(charges, said.horizon_months).value
        return
    wanted = [f.name for f in survival.features] + [survival.tenure, "monthly_charges"]
    for frame, chance in _beside(run, wanted):
        keys, label = frame["id"].to_numpy(), frame["label"].to_numpy(dtype="float64")
        # Of a leaver who is kept nobody knows how long: as a customer like them who stayed, at the same tenure.
        ahead = outlook.outlook(survival, frame, keys, label=np.zeros(len(frame)))
        months = _within(ahead.expected_months, said.horizon_months)
        charges = frame["monthly_charges"].to_numpy(dtype="float64")
        yield keys, chance, label, said.customer_value(charges, months).value


def _within(of_twelve: np.ndarray, horizon: float) -> np.ndarray:
    """Expected months (float64 [n]) within a horizon, from those of the next twelve, at the same risk every month; NaN stays.

    Someone who stays each month with chance r is expected (1 - r^12) / (1 - r) of twelve: r is looked up, and put to the
    horizon. The outlook's own months are exact where the horizon is a year.
    """
    if horizon == outlook.HORIZON:
        return of_twelve
    stays = np.linspace(0.0, 1.0, 2_001)
    return np.interp(of_twelve, _months(stays, outlook.HORIZON), _months(stays, horizon))


def _months(stays: np.ndarray, horizon: float) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        months = -np.expm1(horizon * np.log(stays)) / (1 - stays)
    return np.where(stays == 1, horizon, np.where(stays == 0, min(1.0, horizon), months))


def _beside(run: ScoringRun, wanted: list[str]) -> Iterator[tuple]:
    """Features of customers beside their chance, block by block; who was not scored is left out."""
    scores = score_frames.scored_blocks(run, block=200_000)
    keys, chances = np.empty(0, dtype=np.int64), np.empty(0)
    for frame in customers.feature_frames(block=_BLOCK, only=wanted):
        ids = frame["id"].to_numpy()
        while len(ids) and (not len(keys) or keys[-1] < ids[-1]):
            more = next(scores, None)
            if more is None:
                break
            keys, chances = np.concatenate([keys, more[0]]), np.concatenate([chances, more[1]])
        at = np.minimum(np.searchsorted(keys, ids), max(len(keys) - 1, 0))
        known = keys[at] == ids if len(keys) else np.zeros(len(ids), dtype=bool)
        yield frame[known].reset_index(drop=True), chances[at[known]]
        if len(ids):
            later = np.searchsorted(keys, ids[-1], side="right")
            keys, chances = keys[later:], chances[later:]


def _curve(chance: np.ndarray, value: np.ndarray, said: profit.Economics) -> dict[str, object]:
    """The expected curve as JSON, with how many of those contacted are expected to leave, and the mean known value."""
    curve = profit.profit_curve(chance, value, said)
    each = profit.expected_profit(chance, value, said)
    known = np.flatnonzero(~np.isnan(each))
    order = known[np.argsort(-each[known], kind="stable")]  # as the curve contacts them
    leavers = np.r_[0.0, np.cumsum(chance[order])][curve.customers]
    return {
        "customers": curve.customers.tolist(),
        "profit": _rounded(curve.profit),
        "leavers": _rounded(leavers),
        "best": dataclasses.asdict(curve.best),
        "rows": curve.rows,
        "unknown": curve.unknown,
        "break_even_acceptance": curve.break_even_acceptance,
        "mean_value": float(value[known].mean()),
    }


def _backtest_json(found: backtest.Backtest) -> dict[str, object]:
    return {
        "customers": found.customers.tolist(),
        "profit": _rounded(found.profit),
        "low": _rounded(found.low),
        "high": _rounded(found.high),
        "promised": _rounded(found.promised.profit),
        "promised_best": found.promised.best.profit,
        "break_even": [_finite(edge) for edge in found.break_even] if found.break_even else None,
        **{
            name: getattr(found, name)
            for name in (
                "contacted", "leavers", "realised", "realised_low", "realised_high", "verdict", "rows", "left_out",
            )
        },
    }  # fmt: skip


def _rounded(money: np.ndarray) -> list[float]:
    return [round(float(one), 3) for one in money]


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _refusal_json(refused: profit.ProfitRefused | learning.NotEnoughEvidence) -> dict[str, object]:
    facts = {name: value for name, value in refused.facts.items() if isinstance(value, int | float | str)}
    return {"code": refused.code, "facts": facts}


def candidates_profit(
    label: np.ndarray, chances: Mapping[str, np.ndarray], charges: np.ndarray, economics: Economics
) -> list[dict[str, object]]:
    """Candidates of a training by profit, best first, as plain JSON (learning.backtest.Contender, a dict each).

    label float [n] (1 left, 0 stayed, NaN unknown); chances: name -> out-of-fold chance of leaving, float64 [n]; charges
    float [n], a month's, NaN unknown. All compete for the same customers, each worth their charges over the whole
    horizon. Nothing is told ([]) where too few outcomes or charges are known.
    """
    said = engine_economics(economics)
    value = said.customer_value(charges, said.horizon_months).value
    try:
        found = backtest.compare_profit(label, chances, value, said, seed=0)
    except (profit.ProfitRefused, learning.NotEnoughEvidence):
        return []
    return [
        {
            name: list(figure) if isinstance(figure, tuple) else figure
            for name, figure in dataclasses.asdict(one).items()
        }
        for one in found
    ]
