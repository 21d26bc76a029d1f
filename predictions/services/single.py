"""One customer scored now, or a stranger of whom somebody tells a few columns: nothing is stored."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from django.utils.translation import gettext as _

from customers import selectors as customers
from customers.frames.one import frame_of
from customers.models import Customer
from tenants.scoping import current_tenant

from .. import packing, selectors
from ..learning.features import Feature
from ..learning.fitted import Fitted
from ..learning.tabulated import Tabulated
from ..models import ModelVersion, ScoringRun
from .outlooks import _kept
from .registry import load_model
from .scoring import require_model

_LONGEST_TEXT = 200
_LARGEST = 1e15


class WrongFields(Exception):
    """What was told of a stranger cannot be read: {field: why}."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(str(errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class SingleScore:
    """risk: the chance of leaving, 0 to 1; drivers as ``Score.drivers`` gives them; ``is_out_of_fold``: by the fold's model
    that had not learned from this customer."""

    version: ModelVersion
    risk: float
    band: str
    is_out_of_fold: bool
    drivers: list[dict[str, object]]


def score_customer(external_id: str) -> SingleScore:
    """A customer of the base as they are now, by the model in charge.

    Raises Customer.DoesNotExist (also for another company's), Refused where no model is in charge or its file was touched.
    """
    customer = Customer.objects.get(external_id=external_id)
    version, fitted, engine = _in_charge()
    frame = frame_of(customer, only=[f.name for f in fitted.features])
    if frame.empty:
        raise Customer.DoesNotExist
    return _score(version, fitted, engine, frame, customer.pk)


def score_stranger(fields: Mapping[str, object]) -> SingleScore:
    """Somebody who is not in the base, told by the model's own column names; what is not told is unknown.

    Raises WrongFields; Refused as ``score_customer``.
    """
    version, fitted, engine = _in_charge()
    known = {feature.name: feature for feature in fitted.features}
    cells, errors = {}, {}
    for name, value in fields.items():
        if name not in known:
            errors[name] = _("The model knows no such field.")
            continue
        try:
            cells[name] = _cell(known[name], value)
        except ValueError as wrong:
            errors[name] = str(wrong)
    if errors:
        raise WrongFields(errors)
    columns = {
        name: pd.Series([cells.get(name)], dtype="float64" if feature.kind == "numeric" else object)
        for name, feature in known.items()
    }
    return _score(version, fitted, engine, pd.DataFrame(columns), -1)


def _in_charge() -> tuple[ModelVersion, Fitted, Tabulated]:
    version = require_model()

    def read() -> _Ready:
        fitted = load_model(version)
        return _Ready(fitted, Tabulated(fitted))

    ready = _kept(("score", version.tenant_id, version.pk, version.artefact_sha256, version.artefact_hmac), read)
    return version, ready.fitted, ready.engine


@dataclass(frozen=True, slots=True)
class _Ready:
    fitted: Fitted
    engine: Tabulated


def _score(version: ModelVersion, fitted: Fitted, engine: Tabulated, frame: pd.DataFrame, key: int) -> SingleScore:
    found = engine.score(frame, [key], top=packing.TOP)
    legend = packing.Legend([f.name for f in fitted.features], customers.date_columns())
    numbers, facts = legend.pack(frame, found.feature, found.contribution)
    drivers = packing.unpack(numbers[0].tolist(), facts.tobytes(), legend.as_json())
    risk = float(found.probability[0])
    run = selectors.current_run()
    if run is None:  # before the first scoring, by the bands that it would have
        tenant = current_tenant()
        run = ScoringRun(risk_medium=tenant.risk_medium, risk_high=tenant.risk_high)
    return SingleScore(version, risk, run.band(risk), bool(found.unseen[0]), drivers)


def _cell(feature: Feature, value: object) -> object:
    """A cell of JSON as the model's column takes it. Raises ValueError with the sentence for people."""
    if value is None or value == "":
        return None
    if feature.kind == "numeric":
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(_("A number is needed."))
        if not math.isfinite(value) or abs(value) > _LARGEST:
            raise ValueError(_("This number is out of range."))
        return float(value)
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if not isinstance(value, str | int | float) or len(str(value)) > _LONGEST_TEXT:
        raise ValueError(_("A text of at most %(most)s characters is needed.") % {"most": _LONGEST_TEXT})
    return str(value)
