"""Forms of the pages about offers: figures as people write them."""

from __future__ import annotations

from decimal import Decimal

from django import forms
from django.utils.translation import gettext_lazy as _

from core.errors import Refused
from predictions.numbers import read_number
from tenants.models import User

from . import selectors, services
from .models import Offer

LANGUAGES = (("fr", "Français"), ("en", "English"), ("ar", "العربية"))


class FigureField(forms.Field):
    """A number in either way of writing; ``factor`` 100 where the form says percent and the table a share."""

    default_error_messages = {"invalid": _("Write a number, for example 12.5.")}

    def __init__(self, *, factor: int = 1, **options: object) -> None:
        super().__init__(widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}), **options)
        self.factor = factor

    def to_python(self, value: object) -> Decimal | None:
        if value in self.empty_values:
            return None
        try:
            return read_number(str(value)) / self.factor
        except ValueError as error:
            raise forms.ValidationError(self.error_messages["invalid"], "invalid") from error

    def prepare_value(self, value: object) -> object:
        if value is None or isinstance(value, str):
            return value
        return f"{Decimal(str(value)) * self.factor:f}".rstrip("0").rstrip(".") if value else "0"


class OfferForm(forms.Form):
    """An offer: what it says, what it costs, who may have it. Empty figures are those of the company's economics."""

    name = forms.CharField(label=_("Name"), max_length=120)
    channel = forms.ChoiceField(label=_("Channel"), choices=Offer.Channel)
    cost = FigureField(label=_("Cost to us, once it is taken"), required=False)
    contact_cost = FigureField(label=_("Cost of making the offer"), required=False)
    discount = FigureField(label=_("Off the monthly charge, in percent"), required=False, factor=100)
    acceptance = FigureField(
        label=_("Leavers who accept and stay, in percent"), required=False, factor=100,
        help_text=_("Your own estimate until a campaign has measured it."),
    )  # fmt: skip
    stock = forms.IntegerField(label=_("How many there are"), required=False, min_value=0, max_value=2_000_000_000)
    valid_from = forms.DateField(
        label=_("Valid from"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    valid_until = forms.DateField(
        label=_("Valid until"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    segments = forms.MultipleChoiceField(
        label=_("Segments that carry it"), required=False, widget=forms.CheckboxSelectMultiple,
        help_text=_("None: everybody whom the conditions let have it."),
    )  # fmt: skip
    is_active = forms.BooleanField(label=_("In use"), required=False, initial=True)
    approves_age = forms.BooleanField(label=_("I stand for it that age decides here"), required=False)

    def __init__(self, *arguments: object, offer: Offer | None = None, **options: object) -> None:
        self.offer = offer
        if offer is not None:
            options["initial"] = {
                **{name: getattr(offer, name) for name in ("name", "channel", "cost", "contact_cost", "discount",
                   "acceptance", "stock", "valid_from", "valid_until", "is_active")},
                **{f"text_{code}": offer.texts.get(code, "") for code, _name in LANGUAGES},
                "segments": [str(segment.number) for segment in offer.segments.all()],
                "approves_age": offer.age_rule_approved_by_id is not None,
            }  # fmt: skip
        super().__init__(*arguments, **options)
        for code, name in LANGUAGES:
            self.fields[f"text_{code}"] = forms.CharField(
                label=name, required=False, max_length=2_000,
                widget=forms.Textarea(attrs={"rows": 3, "dir": "rtl" if code == "ar" else "ltr", "lang": code}),
            )  # fmt: skip
        # With those that it carries and that are found no more: an offer left without any would be for everybody.
        theirs = offer.segments.all() if offer else ()
        self.known = {str(segment.number): segment for segment in (*selectors.segments(), *theirs)}
        self.fields["segments"].choices = [(number, segment.label) for number, segment in self.known.items()]

    def texts(self) -> list[forms.BoundField]:
        return [self[f"text_{code}"] for code, _name in LANGUAGES]

    def save(self, *, actor: User, rule: object) -> Offer | None:
        """Write the offer; None, with errors in the form, where it is refused."""
        given = self.cleaned_data
        fields = {
            name: given[name]
            for name in ("name", "channel", "cost", "contact_cost", "stock", "valid_from", "valid_until", "is_active")
        }
        fields |= {
            "discount": float(given["discount"] or 0),
            "acceptance": None if given["acceptance"] is None else float(given["acceptance"]),
            "texts": {code: given[f"text_{code}"] for code, _name in LANGUAGES},
            "rule": rule,
        }
        try:
            return services.save_offer(
                actor=actor, offer=self.offer, segments=[self.known[number] for number in given["segments"]],
                approves_age=given["approves_age"], **fields,
            )  # fmt: skip
        except Refused as refusal:
            for name, said in refusal.facts.items():
                self.add_error(name if name in self.fields else None, str(said))
            return None


class AllocationForm(forms.Form):
    """For which budget offers are allocated; empty: without a limit."""

    budget = FigureField(label=_("Budget"), required=False)
    most_customers = forms.IntegerField(
        label=_("Customers at most"), required=False, min_value=1, max_value=2_000_000_000
    )

    def clean_budget(self) -> Decimal | None:
        budget = self.cleaned_data["budget"]
        if budget is not None and not 0 <= budget < Decimal(10) ** 10:
            raise forms.ValidationError(_("A budget is at least 0."))
        return None if budget is None else round(budget, 3)
