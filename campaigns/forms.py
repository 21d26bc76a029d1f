"""Forms of the campaign pages: for whom, what goes out, how it is proved, and when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.errors import Refused
from predictions.numbers import read_number
from tenants.models import User

from . import selectors
from .models import Audience, Campaign, Recipient
from .services import audience as audiences
from .services import composing
from .wording_campaigns import ARMS, LANGUAGE_NAMES, Names, names
from .wording_running import GROUP_NAMES

_BETWEEN_NUMBERS = re.compile(r"[\s,;]+")


class PercentField(forms.Field):
    """A percentage in either way of writing; the value is a share, 0.1 for 10."""

    default_error_messages = {"invalid": _("Write a number of percent, for example 10.")}

    def __init__(self, **options: object) -> None:
        attrs = {"inputmode": "decimal", "autocomplete": "off"}
        super().__init__(widget=forms.TextInput(attrs=attrs), **options)

    def to_python(self, value: object) -> float | None:
        if value in self.empty_values:
            return None
        try:
            return float(read_number(str(value).strip().removesuffix("%").strip())) / 100
        except (ValueError, ArithmeticError) as error:
            raise forms.ValidationError(self.error_messages["invalid"], "invalid") from error

    def prepare_value(self, value: object) -> object:
        return value if value is None or isinstance(value, str) else f"{100 * float(value):.4f}".rstrip("0").rstrip(".")


class AudienceForm(forms.Form):
    """Whom a campaign is for. Only the fields of the chosen kind count; ``chosen()`` is what services read."""

    kind = forms.ChoiceField(label=_("Chosen"), choices=Audience, widget=forms.RadioSelect, initial=Audience.RISK)
    by = forms.ChoiceField(
        label=_("Risk"), required=False, initial="bands", widget=forms.RadioSelect,
        choices=[("bands", _("by band")), ("range", _("from … to …"))],
    )  # fmt: skip
    bands = forms.MultipleChoiceField(
        label=_("Bands"), required=False, initial=["high"], widget=forms.CheckboxSelectMultiple,
        choices=[("high", _("High risk")), ("medium", _("Medium risk")), ("low", _("Low risk"))],
    )  # fmt: skip
    risk_from = PercentField(label=_("From, in percent"), required=False)
    risk_to = PercentField(label=_("To, in percent"), required=False)
    segments = forms.MultipleChoiceField(label=_("Segments"), required=False, widget=forms.CheckboxSelectMultiple)
    rule_segment = forms.ChoiceField(label=_("Audience by rules"), required=False)
    numbers = forms.CharField(
        label=_("Customer numbers"), required=False, max_length=400_000, strip=True,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false", "dir": "ltr"}),
        help_text=_("One a line, or with commas between: up to 5,000."),
    )  # fmt: skip

    # What a refusal is about, so that it stands by the field where a person can mend it.
    _PLACES: Mapping[str, str] = {
        Audience.SEGMENT: "segments",
        Audience.RULE: "rule_segment",
        Audience.LIST: "numbers",
        Audience.PERSUADABLE: "kind",
    }

    def __init__(self, *arguments: Any, known: Names | None = None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.known = known or names()
        self.fields["segments"].choices = list(self.known.segments.items())
        self.fields["rule_segment"].choices = [("", _("Choose one")), *self.known.rules.items()]

    def chosen(self) -> dict[str, Any]:
        """The audience as it is stored (see services.audience); of a form that is valid."""
        given = self.cleaned_data
        kind = given["kind"]
        if kind == Audience.SEGMENT:
            return {"kind": kind, "segments": given["segments"]}
        if kind == Audience.RULE:
            return {"kind": kind, "rule_segment": given["rule_segment"]}
        if kind == Audience.LIST:
            return {"kind": kind, "numbers": [one for one in _BETWEEN_NUMBERS.split(given["numbers"]) if one]}
        if kind == Audience.PERSUADABLE:
            return {"kind": kind}
        if given["by"] == "range":
            edges = {"low": given["risk_from"], "high": given["risk_to"]}
            return {"kind": kind, **{name: edge for name, edge in edges.items() if edge is not None}}
        return {"kind": kind, "bands": given["bands"]}

    def refuse_audience(self, refusal: Refused) -> None:
        kind = self.cleaned_data.get("kind", Audience.RISK)
        place = self._PLACES.get(kind) or ("risk_from" if self.cleaned_data.get("by") == "range" else "bands")
        self.add_error(place, refusal.message)

    @staticmethod
    def as_initial(stored: Mapping[str, Any]) -> dict[str, Any]:
        """The fields that show a stored audience."""
        if not stored:
            return {}
        found: dict[str, Any] = {"kind": stored.get("kind")}
        if stored.get("kind") == Audience.RISK:
            found |= {"by": "bands" if stored.get("bands") else "range", "bands": stored.get("bands", [])}
            found |= {"risk_from": stored.get("low"), "risk_to": stored.get("high")}
        found |= {"segments": stored.get("segments", []), "rule_segment": stored.get("rule_segment", "")}
        return found | {"numbers": "\n".join(map(str, stored.get("numbers", [])))}


class CampaignForm(AudienceForm):
    """A campaign as a person writes it down."""

    name = forms.CharField(label=_("Name"), max_length=120, help_text=_("Customers never see it."))
    message = forms.ChoiceField(label=_("Message"))
    rival = forms.ChoiceField(
        label=_("Another message, to compare"), required=False,
        help_text=_("A lot decides who gets which; the result says which one keeps more customers."),
    )  # fmt: skip
    rival_share = PercentField(label=_("Share that gets the other message, in percent"), required=False)
    offer = forms.ChoiceField(label=_("Offer"), required=False)
    default_language = forms.ChoiceField(
        label=_("Language where none is known"), choices=list(LANGUAGE_NAMES.items()),
        help_text=_("A customer whose language is known gets the mail in it."),
    )  # fmt: skip
    holdout = PercentField(label=_("Left alone, in percent"))
    horizon_days = forms.IntegerField(
        label=_("Days after which we look who stayed"), min_value=7, max_value=365,
        help_text=_("Fixed beforehand, so that nobody looks until the answer pleases."),
    )  # fmt: skip
    start = forms.ChoiceField(
        label=_("Start"), widget=forms.RadioSelect, initial="now",
        choices=[("now", _("as soon as somebody starts it")), ("at", _("at a day and hour"))],
    )  # fmt: skip
    start_on = forms.DateField(
        label=_("Day"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    start_at = forms.TimeField(
        label=_("Hour"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    per_hour = forms.IntegerField(
        label=_("Mails an hour at most"), required=False, min_value=1, max_value=10_000_000,
        help_text=_("Empty: as fast as the sender's settings allow."),
    )  # fmt: skip

    def __init__(self, *arguments: Any, campaign: Campaign | None = None, holdout: float = 0.1, language: str = "fr",
                 **options: Any) -> None:  # fmt: skip
        self.campaign = campaign
        first = {"holdout": holdout, "horizon_days": 60, "rival_share": 0.5, "default_language": language}
        if campaign is not None:
            first |= _initial(campaign) | self.as_initial(campaign.audience)
        options["initial"] = first | options.get("initial", {})
        super().__init__(*arguments, **options)
        self._messages = {str(one.public_id): one for one in selectors.messages()[:500]}
        self._offers = {str(one.public_id): one for one in selectors.offers_by_mail()[:500]}
        if campaign is not None:  # what it has stays choosable, even put away or out of use
            for chosen, known in ((campaign.message, self._messages), (campaign.rival, self._messages),
                                  (campaign.offer, self._offers)):  # fmt: skip
                if chosen is not None:
                    known.setdefault(str(chosen.public_id), chosen)
        written = [(key, one.name) for key, one in self._messages.items()]
        self.fields["message"].choices = [("", _("Choose one")), *written]
        self.fields["rival"].choices = [("", _("None")), *written]
        self.fields["offer"].choices = [("", _("No offer")), *((key, one.name) for key, one in self._offers.items())]

    @property
    def has_messages(self) -> bool:
        return bool(self._messages)

    @property
    def has_offers(self) -> bool:
        return bool(self._offers)

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        if not self.errors:
            try:
                audiences.read(self.chosen())
            except Refused as refusal:
                self.refuse_audience(refusal)
        if given.get("start") == "at":
            for name, said in (("start_on", _("Choose the day.")), ("start_at", _("Choose the hour."))):
                if name not in self.errors and given.get(name) is None:
                    self.add_error(name, said)
        return given

    def _scheduled_at(self) -> datetime | None:
        given = self.cleaned_data
        if given["start"] != "at":
            return None
        # The company's own clock: the middleware put its time zone in force.
        return timezone.make_aware(datetime.combine(given["start_on"], given["start_at"]))

    def save(self, *, actor: User) -> Campaign | None:
        """Write the campaign; None, with errors by the fields, where it is refused."""
        given = self.cleaned_data
        try:
            return composing.save_campaign(
                actor=actor, campaign=self.campaign, name=given["name"], audience=self.chosen(),
                offer=self._offers.get(given["offer"]), message=self._messages.get(given["message"]),
                rival=self._messages.get(given["rival"]), rival_share=given["rival_share"] or 0.5,
                default_language=given["default_language"], holdout=given["holdout"],
                horizon_days=given["horizon_days"], scheduled_at=self._scheduled_at(), per_hour=given["per_hour"],
                launches_itself=False,  # who wrote to it since decides when it goes
            )  # fmt: skip
        except Refused as refusal:
            place = {"scheduled_at": "start_on"}.get(str(refusal.facts.get("field")), refusal.facts.get("field"))
            self.add_error(place if place in self.fields else None, refusal.message)
            return None


def _initial(campaign: Campaign) -> dict[str, Any]:
    at = timezone.localtime(campaign.scheduled_at) if campaign.scheduled_at else None
    return {
        "name": campaign.name,
        "message": str(campaign.message.public_id) if campaign.message else "",
        "rival": str(campaign.rival.public_id) if campaign.rival else "",
        "rival_share": campaign.rival_share,
        "offer": str(campaign.offer.public_id) if campaign.offer else "",
        "default_language": campaign.default_language,
        "holdout": campaign.holdout,
        "horizon_days": campaign.horizon_days,
        "start": "at" if at else "now",
        "start_on": at.date() if at else None,
        "start_at": at.time() if at else None,
        "per_hour": campaign.per_hour,
    }


class RecipientFilter(forms.Form):
    """Which recipients are shown; what cannot be read shows them all."""

    state = forms.ChoiceField(label=_("State"), required=False)
    arm = forms.ChoiceField(label=_("Arm"), required=False)

    def __init__(self, *arguments: Any, has_rival: bool = False, **options: Any) -> None:
        super().__init__(*arguments, **options)
        arms = [(Recipient.Arm.A, _("Message A") if has_rival else ARMS[Recipient.Arm.A])]
        if has_rival:
            arms.append((Recipient.Arm.B, _("Message B")))
        arms.append((Recipient.Arm.HOLDOUT, ARMS[Recipient.Arm.HOLDOUT]))
        self.fields["state"].choices = [("", _("All states")), *GROUP_NAMES.items()]
        self.fields["arm"].choices = [("", _("All arms")), *arms]
        for each in self.fields.values():
            each.widget.attrs |= {"class": "select", "data-neutral": "", "aria-label": each.label}
            each.widget.choices = each.choices

    def chosen(self, name: str) -> str:
        self.is_valid()
        return self.cleaned_data.get(name, "")


class UncertainForm(forms.Form):
    """What a person decides of mails of which nobody knows whether they arrived."""

    recipient = forms.TypedMultipleChoiceField(coerce=int)
    decision = forms.ChoiceField(choices=[("again", ""), ("sent", "")])

    def __init__(self, *arguments: Any, keys: list[int] = (), **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["recipient"].choices = [(str(key), "") for key in keys]
