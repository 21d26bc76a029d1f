"""The form of a webhook: where to, and which events."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from .wording import WEBHOOK_EVENTS


class WebhookForm(forms.Form):
    url = forms.CharField(
        label=_("Address"),
        max_length=500,
        widget=forms.URLInput(
            attrs={
                "class": "input",
                "dir": "ltr",
                "placeholder": "https://",
                "autocomplete": "off",
                "spellcheck": "false",
            }
        ),
        help_text=_("Begins with https://, and is answered by a program of yours."),
    )
    description = forms.CharField(
        label=_("What it is for"),
        max_length=120,
        required=False,
        widget=forms.TextInput(attrs={"class": "input"}),
        help_text=_("Such as “Data warehouse” or “Operations channel”."),
    )
    events = forms.MultipleChoiceField(
        label=_("Sent there"),
        choices=list(WEBHOOK_EVENTS.items()),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one event.")},
    )
