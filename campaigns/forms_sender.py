"""Forms of the sender's page: who writes, through which server, how fast and when; secrets are asked for and never shown."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from django import forms
from django.utils.translation import gettext_lazy as _

from core.errors import Refused
from tenants.models import User

from . import wording_sender
from .models import SenderProfile
from .services import providers, senders

WEEKDAYS = (
    (0, _("Monday")),
    (1, _("Tuesday")),
    (2, _("Wednesday")),
    (3, _("Thursday")),
    (4, _("Friday")),
    (5, _("Saturday")),
    (6, _("Sunday")),
)
KEPT = _("Kept as it is while you leave this empty; it is never shown again.")


class SecretInput(forms.PasswordInput):
    """What was typed is not sent back, not even with an error."""

    def __init__(self, **attrs: str) -> None:
        super().__init__(render_value=False, attrs={"autocomplete": "new-password", "spellcheck": "false", **attrs})


class PercentField(forms.Field):
    """A share, written as percent in either way of writing."""

    default_error_messages = {"invalid": _("Write a percentage, for example 10.")}

    def __init__(self, **options: object) -> None:
        super().__init__(widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}), **options)

    def to_python(self, value: object) -> float | None:
        if value in self.empty_values:
            return None
        try:
            found = Decimal(str(value).strip().removesuffix("%").strip().replace(",", "."))
        except InvalidOperation as error:
            raise forms.ValidationError(self.error_messages["invalid"], "invalid") from error
        if not found.is_finite() or abs(found) > 100:
            raise forms.ValidationError(self.error_messages["invalid"], "invalid")
        return float(found / 100)

    def prepare_value(self, value: object) -> object:
        if value is None or isinstance(value, str):
            return value
        return f"{Decimal(str(value)) * 100:f}".rstrip("0").rstrip(".") if value else "0"


def _time(label: str) -> forms.TimeField:
    return forms.TimeField(label=label, required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))


def _line(label: str, most: int, help_text: str = "", **attrs: str) -> forms.CharField:
    widget = forms.TextInput(attrs=attrs) if attrs else forms.TextInput()
    return forms.CharField(label=label, max_length=most, required=False, help_text=help_text, widget=widget)


def _between(name: str) -> dict[str, float]:
    least, most = senders.LIMITS[name]
    return {"min_value": least, "max_value": most}


class SenderForm(forms.Form):
    """All of it on one page, in the order in which a person thinks of it."""

    from_name = _line(_("Sender's name"), 120, _("As customers read it, such as “Atlas Telecom”."))
    from_address = _line(
        _("Sender's address"), 254, _("Of a domain of yours. Bounces come back to it."), inputmode="email", dir="ltr"
    )
    reply_to = _line(_("Answers go to"), 254, _("Empty: to the sender's address."), inputmode="email", dir="ltr")
    postal_address = _line(_("Postal address"), 300, _("Stands in the footer of every mail: the law asks for it."))
    support_contact = _line(
        _("Where customers get help"), 200, _("A telephone number, an address or a page; in the footer too.")
    )

    transport = forms.ChoiceField(label=_("How mail leaves"), choices=SenderProfile.Transport, widget=forms.RadioSelect)
    host = _line(_("Server"), 253, "", dir="ltr", placeholder="smtp.example.com", spellcheck="false")
    port = forms.IntegerField(label=_("Port"), required=False, **_between("port"))
    security = forms.ChoiceField(label=_("Encryption"), choices=SenderProfile.Security, required=False)
    username = _line(_("User name"), 254, "", dir="ltr", autocomplete="off", spellcheck="false")
    password = forms.CharField(
        label=_("Password"),
        max_length=senders.MOST_SECRET,
        required=False,
        strip=False,
        widget=SecretInput(),
        help_text=KEPT,
    )
    provider = forms.ChoiceField(label=_("Provider"), required=False)
    dkim_selector = _line(
        _("DKIM selector"), 63, _("The s= of the signature; your provider names it. Needed for the domain check."),
        dir="ltr", spellcheck="false",
    )  # fmt: skip

    per_second = forms.FloatField(label=_("Mails a second at most"), localize=False, **_between("per_second"))
    daily_cap = forms.IntegerField(
        label=_("Mails a day at most"), required=False, help_text=_("Empty: no cap."), **_between("daily_cap")
    )
    ramps_up = forms.BooleanField(label=_("Begin slowly"), required=False)

    most_mails = forms.IntegerField(label=_("Mails at most"), **_between("most_mails"))
    within_days = forms.IntegerField(label=_("within days"), **_between("within_days"))
    quiet_from = _time(_("Quiet from"))
    quiet_until = _time(_("Quiet until"))
    quiet_weekdays = forms.TypedMultipleChoiceField(
        label=_("Days without mail"), choices=WEEKDAYS, coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )
    keeps_holidays = forms.BooleanField(label=_("No mail on public holidays"), required=False)
    keeps_ramadan = forms.BooleanField(label=_("No mail around iftar in Ramadan"), required=False)

    holdout_share = PercentField(label=_("Left alone in each campaign, in percent"))
    universal_share = PercentField(label=_("Never written to in a quarter, in percent"))
    tracks_links = forms.BooleanField(label=_("Count clicks on links"), required=False)
    tracks_opens = forms.BooleanField(label=_("Count opens"), required=False)

    uses_server_writer = forms.BooleanField(label=_("Ask the writer's server for drafts"), required=False)
    personal_drafts = forms.BooleanField(
        label=_("Drafts for one customer may carry what is known of them"), required=False
    )
    monthly_tokens = forms.IntegerField(label=_("Tokens a month at most"), **_between("monthly_tokens"))

    SAVED = (
        "from_name", "from_address", "reply_to", "postal_address", "support_contact", "transport", "host", "username",
        "provider", "dkim_selector", "per_second", "daily_cap", "ramps_up", "most_mails", "within_days", "quiet_from",
        "quiet_until", "quiet_weekdays", "keeps_holidays", "keeps_ramadan", "holdout_share", "universal_share",
        "tracks_links", "tracks_opens", "uses_server_writer", "personal_drafts", "monthly_tokens",
    )  # fmt: skip

    def __init__(self, *arguments: object, sender: SenderProfile, **options: object) -> None:
        self.sender = sender
        initial = {name: getattr(sender, name) for name in (*self.SAVED, "port", "security")}
        initial["per_second"] = f"{sender.per_second:g}"
        super().__init__(*arguments, initial=initial, **options)
        offered = providers.providers()
        self.fields["provider"].choices = [("", "–"), *((one.code, one.name) for one in offered)]
        if not sender.sealed_password:
            self.fields["password"].help_text = _("It is sealed, and never shown again.")
        self.asked: dict[str, list[str]] = {}
        held = providers.plain_settings(sender)
        for one in offered:
            names = []
            for setting in one.settings:
                name = f"{one.code}_{setting.code}"
                self.fields[name] = self._setting(one.code, setting, held if sender.provider == one.code else {})
                names.append(name)
            self.asked[one.code] = names

    def _setting(self, provider: str, setting, held: dict[str, str]) -> forms.Field:
        label = wording_sender.setting_name(setting.code)
        if setting.choices:
            choices = [(code, wording_sender.region_name(code)) for code in setting.choices]
            return forms.ChoiceField(label=label, choices=choices, required=False, initial=held.get(setting.code))
        if setting.is_secret:
            kept = setting.code in held
            return forms.CharField(
                label=label,
                max_length=senders.MOST_SECRET,
                required=False,
                widget=SecretInput(),
                help_text=KEPT if kept else "",
            )
        return forms.CharField(
            label=label, max_length=200, required=False, initial=held.get(setting.code, ""),
            widget=forms.TextInput(attrs={"dir": "ltr", "spellcheck": "false"}),
        )  # fmt: skip

    def provider_fields(self) -> list[dict[str, object]]:
        """The settings of each provider, for the part of the page that shows those of the chosen one."""
        return [{"code": code, "fields": [self[name] for name in names]} for code, names in self.asked.items()]

    def clean(self) -> dict[str, object]:
        data = super().clean()
        data["port"] = data.get("port") or 587
        data["security"] = data.get("security") or SenderProfile.Security.STARTTLS
        return data

    def save(self, *, actor: User) -> SenderProfile | None:
        """The sender as the service kept it; None, with the refusal by its field, where it did not."""
        data = self.cleaned_data
        try:
            return senders.save_sender(
                actor=actor,
                password=data["password"] or None,
                provider_settings=self._provider_settings(),
                port=data["port"],
                security=data["security"],
                **{name: data[name] for name in self.SAVED},
            )
        except Refused as refusal:
            field = str(refusal.facts.get("field", ""))
            named = f"{data.get('provider')}_{field}"
            place = named if named in self.fields else field if field in self.fields else None
            self.add_error(place, refusal.message)
            return None

    def _provider_settings(self) -> str | None:
        """What opens the chosen provider's API: what was typed, and what was kept of it before. None: as it was."""
        data, chosen = self.cleaned_data, self.cleaned_data.get("provider")
        if data.get("transport") != SenderProfile.Transport.PROVIDER or not chosen:
            return None
        typed = {name.removeprefix(f"{chosen}_"): data.get(name) or "" for name in self.asked[chosen]}
        return providers.typed(self.sender, chosen, typed)


class BasisForm(forms.Form):
    """Whom the company may write to, and why."""

    basis = forms.ChoiceField(label=_("Whom we may write to"), choices=SenderProfile.Basis, widget=forms.RadioSelect)
    basis_reason = forms.CharField(
        label=_("Why we may"), max_length=300, required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Such as the clause of the contract. It stands in the trail, with your name."),
    )  # fmt: skip


class ReportsForm(forms.Form):
    """A mailbox file with what came back."""

    file = forms.FileField(label=_("Mailbox file"), allow_empty_file=False)
