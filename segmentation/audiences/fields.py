"""The catalogue of the company in scope: our own fields, those its files brought, risk, use, belonging and contacts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from customers import selectors as customers
from customers.selectors import Attribute
from predictions import selectors as predictions
from predictions.models import ScoringRun

from ..conditions import Catalogue, Field, Kind
from ..models import Segment
from ..wording_personas import persona

ATTRIBUTE = "attribute:"  # before the header of an other field
BANDS = ("high", "medium", "low")
MOST_MONEY = 999_999_999  # what twelve digits with three decimals hold
_YES, _NO = "Yes", "No"
_ONLINE = (_YES, _NO, "No internet service")
_LOOKED_UP = ("known", "unknown")


def _labels(*values: str) -> tuple[tuple[str, str], ...]:
    return tuple((value, "") for value in values)


def _category(code: str, group: str, *values: str, **marks: object) -> Field:
    return Field(code, Kind.CATEGORY, group=group, values=_labels(*values), **marks)


def _yes_no(code: str, group: str, **marks: object) -> Field:
    return Field(code, Kind.YES_NO, group=group, **marks)


def _text(code: str, group: str, **marks: object) -> Field:
    return Field(code, Kind.TEXT, group=group, **marks)


def _count(code: str, group: str, high: int, unit: str = "", **marks: object) -> Field:
    return Field(code, Kind.NUMBER, group=group, unit=unit, is_whole=True, low=0, high=high, **marks)


def _money(code: str, group: str) -> Field:
    return Field(code, Kind.MONEY, group=group, unit="money", low=0, high=MOST_MONEY)


# Values as the import writes them; a company may have others, so nearly none of these lists is closed.
STANDARD: tuple[Field, ...] = (
    _text("external_id", "person", folds=False, operators=("equals", "one_of", "none_of")),
    _text("city", "person"),
    _category("language", "person", "fr", "en", "ar"),
    Field("age", Kind.NUMBER, group="person", unit="years", is_whole=True, low=0, high=150, needs_approval=True),
    _yes_no("senior_citizen", "person", needs_approval=True),
    _category("gender", "person", "Female", "Male", decides_offer=False),
    _yes_no("partner", "person"),
    _yes_no("dependents", "person"),
    _text("email", "person", operators=_LOOKED_UP),  # whether one can be reached, not who it is
    _text("phone", "person", operators=_LOOKED_UP),
    _yes_no("churn_label", "person"),
    _category("contract", "plan", "Month-to-month", "One year", "Two year"),
    _count("tenure", "plan", 1200, "months"),
    _money("monthly_charges", "plan"),
    _money("total_charges", "plan"),
    _category("payment_method", "plan", "Electronic check", "Mailed check", "Bank transfer (automatic)", "Credit card (automatic)"),
    _yes_no("paperless_billing", "plan"),
    _yes_no("phone_service", "plan"),
    _category("multiple_lines", "plan", _YES, _NO, "No phone service"),
    _category("internet_service", "plan", "DSL", "Fiber optic", _NO),
    *(
        _category(code, "plan", *_ONLINE)
        for code in (
            "online_security", "online_backup", "device_protection", "tech_support", "streaming_tv", "streaming_movies",
        )
    ),
    Field("risk", Kind.NUMBER, group="risk", unit="share", low=0, high=1),
    Field("risk_band", Kind.CATEGORY, group="risk", values=_labels(*BANDS), is_closed=True),
    _money("montant_consommation", "usage"),
    _count("nombre_appels", "usage", 2_000_000_000),
    Field("volume_data", Kind.NUMBER, group="usage", unit="megabytes", low=0),
    _count("nombre_sms", "usage", 2_000_000_000),
    _count("nombre_recharges", "usage", 2_000_000_000),
    _count("nombre_reclamations", "usage", 2_000_000_000),
    Field("last_use", Kind.DATE, group="usage"),
    _yes_no("contacted", "contacts", operators=("equals",)),
    Field("last_contact", Kind.DATE, group="contacts"),
    _count("contacts", "contacts", 100_000, operators=("equals", "less", "at_most", "more", "at_least", "between")),
    _yes_no("left_after_contact", "contacts"),
    Field("campaign", Kind.SEGMENT, group="contacts"),
    Field("held_out", Kind.SEGMENT, group="contacts"),
)  # fmt: skip


def catalogue() -> Catalogue:
    """The fields that may be asked, with the values that are known of them. From roll-ups; no customer is read."""
    run = predictions.current_run()
    found = _met(run) if run else {}
    standard = [_with_values(field, found.get(field.code, ())) for field in STANDARD]
    return Catalogue([*standard, segment_field(), *map(_attribute_field, customers.known_attributes())])


def _met(run: ScoringRun) -> dict[str, list[str]]:
    """The spellings that the current scoring met, the commonest first."""
    groups = run.summary.get("groups", {})
    return {
        code: sorted(filter(None, groups.get(code, {})), key=lambda name, code=code: -groups[code][name]["customers"])[
            :40
        ]
        for code in ("contract", "internet_service")
    }


def _with_values(field: Field, met: Iterable[str]) -> Field:
    met = list(met)
    return replace(field, values=_labels(*met)) if met else field


_KINDS: Mapping[str, Kind] = {
    "number": Kind.NUMBER, "flag": Kind.YES_NO, "date": Kind.DATE, "category": Kind.CATEGORY,
}  # fmt: skip


def _attribute_field(attribute: Attribute) -> Field:
    return Field(
        ATTRIBUTE + attribute.name,
        _KINDS[attribute.kind],
        label=attribute.name,
        group="others",
        values=_labels(*attribute.values),
    )


def segment_field() -> Field:
    """The segments that a rule may name, by the lasting "S3" (see sources)."""
    segments = Segment.objects.filter(is_retired=False).order_by("number")[:100]
    values = tuple((f"S{one.number}", f"{one.label} · {persona(one)}") for one in segments)
    return Field("segment", Kind.SEGMENT, group="segment", values=values)
