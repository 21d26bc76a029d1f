"""Forms of sign-in and of the workspace."""

from __future__ import annotations

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordResetForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from . import permissions, sign_in_limits
from .models import ApiKey, Membership
from .wording import SCOPES


class SignInForm(AuthenticationForm):
    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": _("This e-mail and password do not go together. Capitals count in the password."),
    }

    wait = 0  # seconds until another attempt is listened to, where there were too many

    def clean_username(self) -> str:
        return self.cleaned_data["username"].strip().lower()

    def clean(self) -> dict:
        """Count the attempt before the password is looked at; who was right is not counted."""
        email, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if email is None or not password:
            return super().clean()
        attempt = sign_in_limits.begin(self.request, email)
        if attempt.wait:
            self.wait = attempt.wait
            raise ValidationError(too_many(attempt.wait), code="throttled")
        cleaned = super().clean()
        attempt.give_back()
        return cleaned


class ResetForm(PasswordResetForm):
    """Django's, with the name that the address has on the other pages (its French one is another)."""

    email = forms.EmailField(
        label=_("E-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email", "autofocus": True})
    )


def too_many(seconds: int) -> str:
    """What a person is told who must wait."""
    minutes = -(-seconds // 60)
    return ngettext(
        "There were too many attempts. Try again in %(minutes)s minute, or on a browser where you have signed in before.",
        "There were too many attempts. Try again in %(minutes)s minutes, or on a browser where you have signed in before.",
        minutes,
    ) % {"minutes": minutes}


class KeyForm(forms.Form):
    """A new key: what it is for, when it ends, and what it may do of all that its maker may."""

    name = forms.CharField(
        label=_("Name"),
        max_length=ApiKey._meta.get_field("name").max_length,
        help_text=_("The program that will have it, such as “Billing, nightly upload”."),
    )
    days = forms.TypedChoiceField(
        label=_("Ends after"),
        choices=[("30", _("30 days")), ("90", _("90 days")), ("365", _("one year")), ("0", _("never"))],
        initial="90",
        coerce=int,
        help_text=_("A key that ends cannot be forgotten in a program that nobody looks after."),
    )
    scopes = forms.MultipleChoiceField(
        label=_("It may"), widget=forms.CheckboxSelectMultiple, error_messages={"required": _("Choose at least one.")}
    )

    def __init__(self, *args, membership: Membership, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        held = membership.capabilities
        self.fields["scopes"].choices = [(name, SCOPES[name]) for name in permissions.FOR_KEYS if name in held]
