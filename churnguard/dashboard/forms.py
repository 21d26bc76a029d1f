"""The filters of the list of customers: what a person may ask of it, checked."""

from __future__ import annotations

from collections.abc import Sequence

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from customers.selectors import Attribute
from predictions.models import ScoringRun
from predictions.selectors import ClientFilter
from predictions.wording import feature_name, value_name
from segmentation.models import Segment
from segmentation.wording_personas import persona

from . import other_fields
from .other_fields import FieldFilter

BANDS = [("high", _("High risk")), ("medium", _("Medium risk")), ("low", _("Low risk")), ("unscored", _("Not scored"))]
STATUSES = [
    ("no", _("Still customers")),
    ("unknown", _("Outcome unknown")),
    ("yes", _("Left")),
    ("all", _("Everybody")),
]
SORTS = [
    ("-risk", _("Highest risk first")),
    ("risk", _("Lowest risk first")),
    ("-charges", _("Highest charges first")),
    ("charges", _("Lowest charges first")),
    ("-tenure", _("Longest tenure first")),
    ("tenure", _("Shortest tenure first")),
]
DEFAULTS = {"churned": "no", "sort": "-risk"}  # what holds where the address says nothing


class ClientFilterForm(forms.Form):
    """Built from the query string. Choices of contract, internet and driver come from the current scoring's roll-up."""

    q = forms.CharField(label=_("Search"), required=False, max_length=120)
    band = forms.ChoiceField(label=_("Risk"), required=False, choices=[("", _("Any risk")), *BANDS])
    churned = forms.ChoiceField(label=_("Status"), required=False, choices=STATUSES)
    contract = forms.ChoiceField(label=_("Contract"), required=False)
    internet = forms.ChoiceField(label=_("Internet"), required=False)
    senior = forms.ChoiceField(
        label=_("Age group"),
        required=False,
        choices=[("", _("Any age")), ("yes", _("Seniors")), ("no", _("Not seniors"))],
    )
    driver = forms.ChoiceField(label=_("Main driver"), required=False)
    segment = forms.ChoiceField(label=_("Segment"), required=False)
    tenure_from = forms.IntegerField(label=_("Tenure from (months)"), required=False, min_value=0, max_value=1200)
    tenure_to = forms.IntegerField(label=_("Tenure to (months)"), required=False, min_value=0, max_value=1200)
    charges_from = forms.DecimalField(
        label=_("Charges from"), required=False, min_value=0, max_digits=12, decimal_places=3
    )
    charges_to = forms.DecimalField(label=_("Charges to"), required=False, min_value=0, max_digits=12, decimal_places=3)
    sort = forms.ChoiceField(label=_("Order"), required=False, choices=SORTS)

    def __init__(
        self, data, *, run: ScoringRun | None, known: Sequence[Attribute] = (), segments: Sequence[Segment] = ()
    ) -> None:
        data = other_fields.without_stale(data)
        super().__init__(data)
        self.known = known
        self.fields |= other_fields.form_fields(data, known)
        groups = run.summary.get("groups", {}) if run else {}
        self.fields["contract"].choices = [("", _("Any contract")), *_levels(groups.get("contract", {}))]
        self.fields["internet"].choices = [("", _("Any internet")), *_levels(groups.get("internet_service", {}))]
        drivers = run.summary.get("drivers", []) if run else []
        self.fields["driver"].choices = [
            ("", _("Any driver")),
            *((d["feature"], feature_name(d["feature"])) for d in drivers),
        ]
        self.segments = {segment.label: segment for segment in segments}
        named = [(one.label, f"{one.label} · {persona(one)}") for one in segments]
        self.fields["segment"].choices = [("", _("Any segment")), *named]
        for name, field in self.fields.items():
            is_select = isinstance(field, forms.ChoiceField)
            neutral = "all" if name == "churned" else ""
            value = (data or {}).get(name) or DEFAULTS.get(name, neutral)
            field.widget.attrs["class"] = ("select" if is_select else "input") + (
                " is-set" if is_select and value != neutral and name != "sort" else ""
            )
            if is_select and name != "sort":
                field.widget.attrs["data-neutral"] = neutral
            if name in DEFAULTS:
                field.widget.attrs["data-default"] = DEFAULTS[name]
            field.widget.attrs["aria-label"] = field.label

    def clean(self):
        found = super().clean()
        for from_name, to_name, words in (
            ("tenure_from", "tenure_to", _("The tenure's lower bound is above its upper one.")),
            ("charges_from", "charges_to", _("The charges' lower bound is above their upper one.")),
            ("low", "high", _("The lower bound is above the upper one.")),
        ):
            low, high = found.get(from_name), found.get(to_name)
            if low is not None and high is not None and low > high:
                self.add_error(to_name, words)
        return found

    def wanted(self) -> ClientFilter:
        """The valid part of what was asked: a bad value is shown, and filters nothing."""
        self.is_valid()
        found = getattr(self, "cleaned_data", {})
        churned = found.get("churned") or DEFAULTS["churned"]
        return ClientFilter(
            search=found.get("q") or "",
            band=found.get("band") or "",
            contract=found.get("contract") or "",
            internet=found.get("internet") or "",
            tenure_from=found.get("tenure_from"),
            tenure_to=found.get("tenure_to"),
            charges_from=found.get("charges_from"),
            charges_to=found.get("charges_to"),
            senior={"yes": True, "no": False}.get(found.get("senior") or ""),
            churned="" if churned == "all" else churned,
            sort=found.get("sort") or DEFAULTS["sort"],
        )

    @property
    def wanted_driver(self) -> str:
        return getattr(self, "cleaned_data", {}).get("driver") or ""

    @property
    def wanted_segment(self) -> Segment | None:
        return self.segments.get(getattr(self, "cleaned_data", {}).get("segment") or "")

    @property
    def wanted_field(self) -> FieldFilter | None:
        """What was asked of an other field; nothing where one of its bounds cannot be used."""
        if {"field", "value", "low", "high"} & set(self.errors):
            return None
        return other_fields.wanted(getattr(self, "cleaned_data", {}), self.known)

    def problems(self) -> list[str]:
        """Each bad value with what is wrong with it."""
        between = pgettext("between a name and its value", ": ")
        return [
            f"{self.fields[name].label}{between}{error}" if name in self.fields else str(error)
            for name, errors in self.errors.items()
            for error in errors
        ]

    def chips(self) -> list[dict[str, str]]:
        """What narrows the list, each with the parameters that drop it."""
        found = getattr(self, "cleaned_data", {})
        chips = []
        if found.get("q"):
            chips.append({"words": f"“{found['q']}”", "drop": {"q": None}})
        status = found.get("churned") or DEFAULTS["churned"]
        if status != "all":
            chips.append({"words": str(dict(STATUSES)[status]), "drop": {"churned": "all"}})
        for name in ("band", "segment", "contract", "internet", "senior"):
            if found.get(name):
                chips.append({"words": str(dict(self.fields[name].choices)[found[name]]), "drop": {name: None}})
        if found.get("driver"):
            chips.append(
                {"words": _("Driver: %(name)s") % {"name": feature_name(found["driver"])}, "drop": {"driver": None}}
            )
        for name, words in (("tenure", _("Tenure (months)")), ("charges", _("Charges"))):
            low, high = found.get(f"{name}_from"), found.get(f"{name}_to")
            if low is not None or high is not None:
                reach = f"{low}–{high}" if None not in (low, high) else f"≥ {low}" if high is None else f"≤ {high}"
                chips.append({"words": f"{words} {reach}", "drop": {f"{name}_from": None, f"{name}_to": None}})
        if self.wanted_field:
            chips.append(other_fields.chip(self.wanted_field))
        return chips


def _levels(groups: dict[str, dict]) -> list[tuple[str, str]]:
    named = sorted(((n, g["customers"]) for n, g in groups.items() if n), key=lambda pair: -pair[1])
    return [(name, value_name(name)) for name, _count in named[:40]]
