from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_not_required
from django.urls import path, reverse_lazy

from . import api, views, views_keys, views_sign_in
from .forms import PasswordResetRequestForm, SignInForm

app_name = "tenants"

urlpatterns = [
    path(
        "sign-in",
        views_sign_in.SignInView.as_view(
            template_name="tenants/sign_in.html", authentication_form=SignInForm, redirect_authenticated_user=True
        ),
        name="sign_in",
    ),
    path("sign-out", auth.LogoutView.as_view(), name="sign_out"),
    path(
        "password-reset",
        login_not_required(
            auth.PasswordResetView.as_view(
                form_class=PasswordResetRequestForm,
                template_name="tenants/password_reset.html",
                email_template_name="tenants/password_reset_email.txt",
                subject_template_name="tenants/password_reset_subject.txt",
                success_url=reverse_lazy("tenants:password_reset_sent"),
            )
        ),
        name="password_reset",
    ),
    path(
        "password-reset/sent",
        login_not_required(auth.PasswordResetDoneView.as_view(template_name="tenants/password_reset_sent.html")),
        name="password_reset_sent",
    ),
    path(
        "password-reset/<uidb64>/<token>",
        login_not_required(
            views_sign_in.SetPasswordView.as_view(
                template_name="tenants/password_reset_confirm.html",
                success_url=reverse_lazy("tenants:password_reset_done"),
            )
        ),
        name="password_reset_confirm",
    ),
    path(
        "password-reset/done",
        login_not_required(auth.PasswordResetCompleteView.as_view(template_name="tenants/password_reset_done.html")),
        name="password_reset_done",
    ),
    path(
        "password",
        views_sign_in.ChangePasswordView.as_view(
            template_name="tenants/password_change.html", success_url=reverse_lazy("dashboard:dashboard")
        ),
        name="password_change",
    ),
    path("language", views.set_language, name="set_language"),
    path("workspace", views.switch_workspace, name="switch_workspace"),
    path("workspace/keys", views_keys.key_list, name="key_list"),
    path("workspace/keys/<uuid:public_id>/revoke", views_keys.revoke_key, name="revoke_key"),
    path("notifications", views.notification_list, name="notification_list"),
    path("notifications/read", views.mark_notifications_read, name="mark_notifications_read"),
    path("api/notifications", api.NotificationsView.as_view(), name="api_notifications"),
]
