"""Forms of sign-in and of the workspace."""

from __future__ import annotations

from django.contrib.auth.forms import AuthenticationForm
from django.utils.translation import gettext_lazy as _


class SignInForm(AuthenticationForm):
    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": _("This e-mail and password do not go together. Capitals count in the password."),
    }

    def clean_username(self) -> str:
        return self.cleaned_data["username"].strip().lower()
