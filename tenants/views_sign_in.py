"""Signing in and new passwords: after each of them the browser is one that the account knows."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import views as auth
from django.http import HttpResponse, HttpResponseRedirect
from django.utils.translation import get_language

from . import account_changes, second_factor, sessions, sign_in_limits, tasks
from .account_mails import Change
from .forms import too_many
from .views_second_factor import ask_for_code


class SignInView(auth.LoginView):
    def form_valid(self, form) -> HttpResponse:
        user = form.get_user()
        if second_factor.is_on(user):
            return ask_for_code(self.request, user, self.get_redirect_url())
        response = super().form_valid(form)
        sign_in_limits.remember(self.request, response, user)
        return response

    def form_invalid(self, form) -> HttpResponse:
        response = super().form_invalid(form)
        if form.wait:
            response.status_code = 429
            response["Retry-After"] = str(form.wait)
        return response


class ResetView(auth.PasswordResetView):
    """A link by mail. The worker asks whether the address is known, so that neither the answer nor its time tells."""

    def form_valid(self, form) -> HttpResponse:
        email = form.cleaned_data["email"].strip()
        if wait := sign_in_limits.begin_reset(self.request, email):
            form.add_error(None, too_many(wait))
            response = self.form_invalid(form)
            response.status_code = 429
            response["Retry-After"] = str(wait)
            return response
        if sign_in_limits.may_mail(email):
            tasks.hand_over(
                tasks.send_password_reset,
                email=email,
                host=self.request.get_host(),
                is_secure=self.request.is_secure(),
                language=get_language(),
            )
        return HttpResponseRedirect(self.get_success_url())


class SetPasswordView(auth.PasswordResetConfirmView):
    """By the link in a mail, which is a proof of its own: so somebody under attack gets in from a new browser too.

    Every session of the person ends: who asked for a new password may have lost the old one to somebody. (Where this browser is
    signed in, the new password ends that; its row still carries the message of this request.)
    """

    def form_valid(self, form) -> HttpResponse:
        response = super().form_valid(form)
        sessions.end_all(form.user, but=self.request.session.session_key)
        sign_in_limits.remember(self.request, response, form.user)
        account_changes.tell(self.request, form.user, Change.PASSWORD)
        return response


class ChangePasswordView(auth.PasswordChangeView):
    """The other sessions of the person end; this one goes on under the new password. Guesses of the old one at an open browser
    are counted, and beyond the limit not looked at."""

    def post(self, request, *args, **kwargs) -> HttpResponse:
        attempt = sign_in_limits.begin_proof(request)
        if attempt.wait:
            messages.error(request, too_many(attempt.wait))
            response = self.render_to_response(self.get_context_data(form=self.form_class(request.user)), status=429)
            response["Retry-After"] = str(attempt.wait)
            return response
        form = self.get_form()
        if form.is_valid() or "old_password" not in form.errors:
            attempt.give_back()
        return self.form_valid(form) if form.is_valid() else self.form_invalid(form)

    def form_valid(self, form) -> HttpResponse:
        response = super().form_valid(form)
        sessions.end_all(form.user, but=self.request.session.session_key)
        sign_in_limits.remember(self.request, response, form.user)
        account_changes.tell(self.request, form.user, Change.PASSWORD)
        return response
