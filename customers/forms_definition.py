"""Form of the page about what leaving means: which kind, and its numbers in words."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.errors import Refused

from . import selectors, services
from .models import ChurnDefinition
from .wording.definitions import days

_SILENT = (30, 60, 90, 120, 180, 360)
_HORIZON = (30, 60, 90, 180)
_GAP = (0, 30, 60, 90)
_GRACE = (0, 15, 30, 60, 90)
_WITHIN = (30, 60, 90, 180, 360)
_PLACES = {
    "bad_silence": "silent_days", "not_months": "silent_days", "bad_horizon": "horizon_days", "bad_gap": "gap_days",
    "bad_grace": "grace_days", "no_date_field": "field",
}  # fmt: skip


class _Days(forms.TypedChoiceField):
    """So many days, from a short list."""

    def __init__(self, offered: tuple[int, ...], **kwargs) -> None:
        # A function, so that the words are those of each reader.
        super().__init__(choices=lambda: [(n, days(n)) for n in offered], coerce=int, empty_value=0, **kwargs)


class DefinitionForm(forms.Form):
    kind = forms.ChoiceField(label=_("Leaving is told by"))
    silent_days = _Days(
        _SILENT, label=_("Days in a row without any use"), initial=90, required=False,
        help_text=_("Use is known by month: 90 days are three whole months without any."),
    )  # fmt: skip
    field = forms.ChoiceField(label=_("Field with the contract’s end"), required=False)
    grace_days = _Days(
        _GRACE, label=pgettext_lazy("definition", "Grace"), initial=30, required=False,
        help_text=_("How long after its end a contract may still be renewed."),
    )  # fmt: skip
    gap_days = _Days(
        _GAP, label=_("Time to reach people"), initial=30, required=False,
        help_text=_("Who leaves sooner than this could not be helped any more, and is not looked for."),
    )  # fmt: skip
    horizon_days = _Days(
        _HORIZON, label=pgettext_lazy("definition", "Horizon"), initial=30, required=False,
        help_text=_("How far ahead a model looks, once the time to reach people is over."),
    )  # fmt: skip

    within_days = forms.TypedChoiceField(
        choices=lambda: [(0, _("at any time, or nobody knows")), *((n, days(n)) for n in _WITHIN)],
        coerce=int, empty_value=0, required=False, initial=0, label=_("They left within this time before the file"),
        help_text=_("From this it follows when customers leave, not only whether."),
    )  # fmt: skip

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        fields = selectors.date_fields()
        kinds = {
            ChurnDefinition.Kind.SILENCE: _("silence: nothing is used any more (prepaid)"),
            ChurnDefinition.Kind.CONTRACT_END: _("a contract’s end that is not renewed"),
            ChurnDefinition.Kind.LABEL: _("the column of your files that says who left"),
        }
        if not fields:  # nothing holds a date
            del kinds[ChurnDefinition.Kind.CONTRACT_END]
        self.fields["kind"].choices = list(kinds.items())
        self.fields["field"].choices = [(name, name) for name in fields]

    def save(self, *, actor) -> ChurnDefinition | None:
        """The proposal as the service made it; None, with the refusal on its field, where it did not."""
        said = dict(self.cleaned_data)
        within = said.pop("within_days") or 0
        if said["kind"] == ChurnDefinition.Kind.LABEL:
            said["horizon_days"] = within
        try:
            return services.propose_definition(actor=actor, **said)
        except Refused as refusal:
            self.add_error(_PLACES.get(refusal.code), refusal.message)
            return None
