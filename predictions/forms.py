"""Forms of the pages about models: why one takes charge, what happens by itself, which two to compare, who scored whom."""

from __future__ import annotations

from datetime import date

from django import forms
from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.errors import Refused

from . import past, registry, services
from .models import Routine
from .wording.charge import hour_name


class ReasonForm(forms.Form):
    """Why a model takes charge; whether a reason is needed is the service's to say."""

    reason = forms.CharField(
        label=_("Why"), required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"})
    )

    @property
    def said(self) -> str:
        return self.cleaned_data["reason"] if self.is_valid() else str(self.data.get("reason", ""))


class RoutineForm(forms.Form):
    """What happens by itself, and when, by the company's own clock."""

    scores_nightly = forms.BooleanField(label=_("Score everybody every night"), required=False)
    scoring_hour = forms.TypedChoiceField(
        label=pgettext_lazy("routine", "At"),
        coerce=int,
        choices=lambda: [(hour, hour_name(hour)) for hour in range(24)],
    )
    checks_weekly = forms.BooleanField(label=_("Check for drift every week"), required=False)
    check_weekday = forms.TypedChoiceField(
        label=pgettext_lazy("routine", "On"), coerce=int, choices=lambda: list(WEEKDAYS.items())
    )
    retrains_monthly = forms.BooleanField(label=_("Train a challenger every month"), required=False)
    retrain_day = forms.TypedChoiceField(
        label=pgettext_lazy("routine", "On day"), coerce=int, choices=lambda: [(day, str(day)) for day in range(1, 29)]
    )

    @classmethod
    def of(cls, routine: Routine) -> RoutineForm:
        return cls(initial={name: getattr(routine, name) for name in cls.base_fields})

    def save(self, *, actor) -> Routine | None:
        """The routine as the service keeps it; None, with the refusal on the form, where it does not."""
        try:
            return services.set_routine(actor=actor, **self.cleaned_data)
        except Refused as refusal:
            self.add_error(None, refusal.message)
            return None


class WhoScoredForm(forms.Form):
    """Which model scored this customer on that day."""

    customer = forms.CharField(
        label=_("Customer number"),
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    on = forms.DateField(label=_("On the day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))

    def clean_on(self) -> date:
        day = self.cleaned_data["on"]
        if day > timezone.localdate():
            raise forms.ValidationError(_("This day is still to come."))
        if day.year < 2000:
            raise forms.ValidationError(_("Choose a day from the year 2000 on."))
        return day

    def clean_customer(self):
        """The customer; of another company there is as little to say as of nobody."""
        found = past.customer_of(self.cleaned_data["customer"])
        if found is None:
            raise forms.ValidationError(_("No customer has this number. Look it up in the list of customers."))
        return found

    def answer(self) -> past.ScoredThen:
        return past.scored_on(self.cleaned_data["customer"], self.cleaned_data["on"])


class CompareForm(forms.Form):
    """Two versions to lay side by side."""

    a = forms.TypedChoiceField(label=_("First model"), coerce=int, widget=forms.Select(attrs={"class": "select"}))
    b = forms.TypedChoiceField(label=_("Second model"), coerce=int, widget=forms.Select(attrs={"class": "select"}))

    def __init__(self, *args, choices: list[tuple[int, str]], **kwargs) -> None:
        super().__init__(*args, **kwargs)
        for name in ("a", "b"):
            self.fields[name].choices = choices


def default_pair(numbers: list[int]) -> dict[str, int]:
    """The model in charge and its challenger; else the two newest."""
    champion, challenger = registry.champion(), registry.challenger()
    if champion and challenger:
        return {"a": champion.number, "b": challenger.number}
    return {"a": numbers[1], "b": numbers[0]} if len(numbers) > 1 else {}
