"""Form of the page about profit: costs and shares, as people write numbers."""

from __future__ import annotations

from decimal import Decimal

from django import forms
from django.utils import formats
from django.utils.translation import gettext_lazy as _

from core.errors import Refused
from tenants.models import User

from . import services
from .models import Economics
from .numbers import read_number
from .wording.profit import FIELD_NAMES


class NumberField(forms.Field):
    """A number in either way of writing; shown in the reader's."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
    default_error_messages = {"invalid": _("Write a number, for example %(example)s.")}
    factor = 1

    def to_python(self, value: object) -> float | None:
        if value in self.empty_values:
            return None
        try:
            return float(read_number(str(value)) / self.factor)
        except ValueError as error:
            example = formats.number_format(Decimal("2.5"))
            raise forms.ValidationError(self.error_messages["invalid"] % {"example": example}, "invalid") from error

    def prepare_value(self, value: object) -> object:
        if isinstance(value, str) or value is None:
            return value
        shown = round(Decimal(str(value)) * self.factor, 6).normalize()
        return formats.number_format(format(shown, "f"), use_l10n=True, force_grouping=False)


class PercentField(NumberField):
    """A share, written in percents."""

    factor = 100


class EconomicsForm(forms.Form):
    contact_cost = NumberField(
        help_text=_("What reaching one customer costs: the mail, the call, the time of whoever writes or speaks.")
    )
    offer_cost = NumberField(
        help_text=_("What you give away when somebody takes the offer: a discount, months, a device.")
    )
    acceptance = PercentField(
        help_text=_(
            "Of 100 customers who would leave, how many stay because of the offer. Careful guesses are good guesses."
        )
    )
    stayer_acceptance = PercentField(
        initial=1.0,
        help_text=_(
            "Of 100 customers who would have stayed anyway, how many take it all the same. 100 is the careful answer."
        ),
    )
    margin = PercentField(help_text=_("Of what a customer pays in a month, the share that is left to you."))
    horizon_months = NumberField(initial=12, help_text=_("How far ahead a kept customer’s money counts."))
    discount_rate = PercentField(initial=0.1, help_text=_("How much less money is worth in a year than today."))

    def __init__(self, *args, said: Economics | None = None, currency: str = "", **kwargs) -> None:
        initial = {name: getattr(said, name) for name in services.ECONOMICS_FIELDS} if said else None
        super().__init__(*args, initial=initial, **kwargs)
        for name, field in self.fields.items():
            unit = currency if name.endswith("_cost") else "%" if isinstance(field, PercentField) else ""
            field.label = f"{FIELD_NAMES[name]} ({unit})" if unit else FIELD_NAMES[name]

    def save(self, *, actor: User) -> Economics | None:
        """What was said; None, with the refusal at its field, where it cannot be reckoned with."""
        try:
            return services.set_economics(actor=actor, **self.cleaned_data)
        except Refused as refusal:
            field = str(refusal.facts.get("field", ""))
            self.add_error(field if field in self.fields else None, refusal.message)
            return None
