"""Signing in and new passwords: after each of them the browser is one that the account knows."""

from __future__ import annotations

from django.contrib.auth import views as auth
from django.http import HttpResponse

from . import sign_in_limits


class SignInView(auth.LoginView):
    def form_valid(self, form) -> HttpResponse:
        response = super().form_valid(form)
        sign_in_limits.remember(self.request, response, form.get_user())
        return response

    def form_invalid(self, form) -> HttpResponse:
        response = super().form_invalid(form)
        if form.wait:
            response.status_code = 429
            response["Retry-After"] = str(form.wait)
        return response


class SetPasswordView(auth.PasswordResetConfirmView):
    """By the link in a mail, which is a proof of its own: so somebody under attack gets in from a new browser too."""

    def form_valid(self, form) -> HttpResponse:
        response = super().form_valid(form)
        sign_in_limits.remember(self.request, response, form.user)
        return response


class ChangePasswordView(auth.PasswordChangeView):
    def form_valid(self, form) -> HttpResponse:
        response = super().form_valid(form)
        sign_in_limits.remember(self.request, response, form.user)
        return response
