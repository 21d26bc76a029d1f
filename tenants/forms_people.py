"""Forms of people: invitations, a new account, the profile, codes of the second factor."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.contrib.auth.forms import SetPasswordForm
from django.utils.translation import gettext_lazy as _

from . import members
from .clocks import time_zones
from .models import Membership, Role, User


class InviteForm(forms.Form):
    """An address and the role that it gets: one of those that the inviter may give."""

    email = forms.EmailField(label=_("E-mail address"), widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(label=_("Role"), initial=Role.VIEWER)

    def __init__(self, *args, by: Membership, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = role_choices(by)


def role_choices(by: Membership) -> list[tuple[str, str]]:
    return [(role.value, str(role.label).capitalize()) for role in members.roles_to_give(by)]


class NewAccountForm(SetPasswordForm):
    """Who takes a seat without an account: their name, and a password twice."""

    name = forms.CharField(
        label=_("Your name"),
        max_length=User._meta.get_field("name").max_length,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    field_order = ["name", "new_password1", "new_password2"]


def _zones() -> list[tuple[str, str]]:
    """Places of the world by name; the company's own clock first."""
    places = sorted(
        zone
        for zone in time_zones()
        if "/" in zone and not zone.startswith(("Etc/", "posix/", "right/", "US/", "SystemV/"))
    )
    return [("", _("As the company")), ("UTC", "UTC"), *((zone, zone.replace("_", " ")) for zone in places)]


class ProfileForm(forms.ModelForm):
    locale = forms.ChoiceField(label=_("Language"), required=False)
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        required=False,
        help_text=_(
            "For what is about you: notifications, sessions, members. Campaigns and schedules go by the company's clock."
        ),
    )

    class Meta:
        model = User
        fields = ["name", "locale", "time_zone"]
        labels = {"name": _("Name")}

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs["autocomplete"] = "name"
        self.fields["locale"].choices = [("", _("As the company")), *settings.LANGUAGES]
        self.fields["time_zone"].choices = _zones()


class PictureForm(forms.Form):
    picture = forms.FileField(
        label=_("Picture"),
        help_text=_("JPEG, PNG or WebP, at most 4 MB."),
    )


class CodeForm(forms.Form):
    """A code of the app, or one of those on paper."""

    code = forms.CharField(
        label=_("Code"),
        max_length=60,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false", "autofocus": True}
        ),
    )


class PasswordForm(forms.Form):
    """The password once more, before something that a stranger at an open browser should not do."""

    password = forms.CharField(
        label=_("Your password"), widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )

    def __init__(self, *args, user: User, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self) -> str:
        given = self.cleaned_data["password"]
        if not self.user.check_password(given):
            raise forms.ValidationError(_("This is not your password."))
        return given
