"""Forms of sign-in and of the workspace."""

from __future__ import annotations

from django.contrib.auth.forms import AuthenticationForm, PasswordResetForm
from django.utils.translation import gettext_lazy as _

from .models import User


class SignInForm(AuthenticationForm):
    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": _("This e-mail and password do not go together. Capitals count in the password."),
    }

    def clean_username(self) -> str:
        return self.cleaned_data["username"].strip().lower()


class PasswordResetRequestForm(PasswordResetForm):
    """Also for who was invited and has no password yet: this is how they set their first one."""

    def get_users(self, email: str):
        return User.objects.filter(email__iexact=email, is_active=True)
