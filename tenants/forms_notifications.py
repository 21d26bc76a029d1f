"""Forms of the page of notifications: what to show, and how to be told."""

from __future__ import annotations

from django import forms
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from .models import Level, Membership
from .notice_kinds import KINDS, Way, kinds_for
from .notice_settings import ways_of

_capital = lazy(lambda words: str(words).capitalize(), str)


class SiftForm(forms.Form):
    """What the page shows; whatever the address says that is none of these is as if it said nothing."""

    show = forms.ChoiceField(
        label=_("Read or not"), required=False, choices=[("", _("Read and unread")), ("unread", _("Unread only"))]
    )
    kind = forms.ChoiceField(label=_("Kind"), required=False)
    level = forms.ChoiceField(
        label=pgettext_lazy("notification", "Level"),
        required=False,
        choices=[("", _("Every level")), *[(one.value, _capital(one.label)) for one in Level]],
    )

    def __init__(self, *args, role: str, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [("", _("Every kind")), *[(kind.name, kind.label) for kind in kinds_for(role)]]
        for field in self.fields.values():
            field.widget.attrs |= {"class": "select", "data-neutral": "", "aria-label": field.label}

    def chosen(self) -> dict[str, object]:
        self.is_valid()
        said = self.cleaned_data
        return {"unread": said.get("show") == "unread", "kind": said.get("kind", ""), "level": said.get("level", "")}


class ChoicesForm(forms.Form):
    """A way for each kind that concerns this person's role."""

    def __init__(self, *args, membership: Membership, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        ways = ways_of(membership)
        for kind in KINDS:
            if kind in kinds_for(membership.role):
                self.fields[kind.name] = forms.ChoiceField(
                    label=kind.label,
                    choices=Way.choices,
                    initial=ways[kind.name],
                    widget=forms.Select(attrs={"class": "select"}),
                )
