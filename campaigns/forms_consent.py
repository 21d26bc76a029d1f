"""Forms of the pages about consent: what a customer said, an address to let alone, a list to take in."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from .models import OptOutImport, Suppression

_BY_HAND = (Suppression.Reason.MANUAL, Suppression.Reason.UNSUBSCRIBED, Suppression.Reason.COMPLAINED, Suppression.Reason.BOUNCED)  # fmt: skip


class RecordForm(forms.Form):
    """What a customer told a colleague."""

    answer = forms.ChoiceField(
        label=_("What was said"), choices=[("yes", _("agrees to offers by e-mail")), ("no", _("wants no offers"))],
        widget=forms.RadioSelect,
    )  # fmt: skip
    note = forms.CharField(
        label=_("How you know"), max_length=200, help_text=_("Such as “by telephone” or “form of 3 May”.")
    )


class SuppressForm(forms.Form):
    """One address to let alone."""

    address = forms.CharField(
        label=_("Address"), max_length=320,
        widget=forms.TextInput(attrs={"inputmode": "email", "dir": "ltr", "autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    reason = forms.ChoiceField(label=_("Reason"), choices=[(one.value, one.label) for one in _BY_HAND])
    note = forms.CharField(label=_("Note"), max_length=60, required=False)


class ListForm(forms.Form):
    """A file with a person on each line."""

    kind = forms.ChoiceField(
        label=_("These people"), choices=OptOutImport.Kind, widget=forms.RadioSelect, initial="opt_out"
    )
    file = forms.FileField(
        label=_("File"), help_text=_("CSV or text, an address or a customer number on each line, up to 64 MB.")
    )
    note = forms.CharField(
        label=_("Where it comes from"), max_length=200, required=False,
        help_text=_("Stands in the ledger, such as “paper forms, Sfax shop”."),
    )  # fmt: skip
