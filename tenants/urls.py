from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_not_required
from django.urls import path, reverse_lazy

from . import (
    api,
    api_members,
    api_webhooks,
    views,
    views_invitation,
    views_keys,
    views_members,
    views_notifications,
    views_profile,
    views_second_factor,
    views_sign_in,
    views_webhooks,
)
from .forms import ResetForm, SignInForm

app_name = "tenants"

urlpatterns = [
    path(
        "sign-in",
        views_sign_in.SignInView.as_view(
            template_name="tenants/sign_in.html", authentication_form=SignInForm, redirect_authenticated_user=True
        ),
        name="sign_in",
    ),
    path("sign-in/code", views_second_factor.sign_in_code, name="sign_in_code"),
    path("sign-out", auth.LogoutView.as_view(), name="sign_out"),
    path(
        "password-reset",
        login_not_required(
            views_sign_in.ResetView.as_view(
                template_name="tenants/password_reset.html",
                form_class=ResetForm,
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
            template_name="tenants/password_change.html", success_url=reverse_lazy("tenants:profile")
        ),
        name="password_change",
    ),
    path("profile", views_profile.profile, name="profile"),
    path("profile/picture", views_profile.set_picture, name="set_picture"),
    path("profile/sessions/<uuid:public_id>/end", views_profile.end_session, name="end_session"),
    path("profile/sessions/end-others", views_profile.end_other_sessions, name="end_other_sessions"),
    path("profile/leave", views_profile.leave_company, name="leave_company"),
    path("profile/second-factor", views_second_factor.second_factor_page, name="second_factor"),
    path("profile/second-factor/codes", views_second_factor.renew_recovery_codes, name="renew_recovery_codes"),
    path("profile/second-factor/end", views_second_factor.end_second_factor, name="end_second_factor"),
    path("pictures/<uuid:public_id>", views_profile.picture, name="picture"),
    path("invitation/<str:token>", views_invitation.invitation, name="invitation"),
    path("members", views_members.member_list, name="member_list"),
    path("members/second-factor", views_members.set_second_factor_rule, name="set_second_factor_rule"),
    path("members/<uuid:public_id>/role", views_members.change_role, name="change_role"),
    path("members/<uuid:public_id>/remove", views_members.remove_member, name="remove_member"),
    path("members/invitations/<uuid:public_id>/resend", views_members.resend_invitation, name="resend_invitation"),
    path(
        "members/invitations/<uuid:public_id>/withdraw", views_members.withdraw_invitation, name="withdraw_invitation"
    ),
    path("language", views.set_language, name="set_language"),
    path("workspace", views.switch_workspace, name="switch_workspace"),
    path("workspace/keys", views_keys.key_list, name="key_list"),
    path("workspace/keys/<uuid:public_id>/revoke", views_keys.revoke_key, name="revoke_key"),
    path("notifications", views_notifications.notification_list, name="notification_list"),
    path("notifications/read", views_notifications.mark_notifications_read, name="mark_notifications_read"),
    path("notifications/open", views_notifications.open_notification, name="open_notification"),
    path("notifications/settings", views_notifications.notification_settings, name="notification_settings"),
    path("notifications/stop/<str:token>", views_notifications.stop_mails, name="stop_mails"),
    path("webhooks", views_webhooks.webhook_list, name="webhook_list"),
    path("webhooks/<uuid:public_id>", views_webhooks.webhook, name="webhook"),
    path("webhooks/<uuid:public_id>/secret", views_webhooks.change_secret, name="change_webhook_secret"),
    path("webhooks/<uuid:public_id>/test", views_webhooks.send_test, name="test_webhook"),
    path("webhooks/<uuid:public_id>/switch", views_webhooks.switch, name="switch_webhook"),
    path("webhooks/<uuid:public_id>/remove", views_webhooks.remove, name="remove_webhook"),
    path("webhooks/deliveries/<uuid:public_id>/again", views_webhooks.redeliver, name="redeliver_webhook"),
    path("api/webhooks", api_webhooks.WebhooksView.as_view(), name="api_webhooks"),
    path("api/webhooks/<uuid:public_id>", api_webhooks.WebhookView.as_view(), name="api_webhook"),
    path("api/webhooks/<uuid:public_id>/secret", api_webhooks.SecretView.as_view(), name="api_webhook_secret"),
    path("api/webhooks/<uuid:public_id>/test", api_webhooks.TestView.as_view(), name="api_webhook_test"),
    path(
        "api/webhooks/<uuid:public_id>/deliveries",
        api_webhooks.DeliveriesView.as_view(),
        name="api_webhook_deliveries",
    ),
    path(
        "api/webhooks/deliveries/<uuid:public_id>/again",
        api_webhooks.AgainView.as_view(),
        name="api_webhook_again",
    ),
    path("api/me", api_members.MeView.as_view(), name="api_me"),
    path("api/members", api_members.MembersView.as_view(), name="api_members"),
    path("api/members/<uuid:public_id>", api_members.MemberView.as_view(), name="api_member"),
    path("api/invitations", api_members.InvitationsView.as_view(), name="api_invitations"),
    path("api/invitations/<uuid:public_id>", api_members.InvitationView.as_view(), name="api_invitation"),
    path("api/invitations/<uuid:public_id>/resend", api_members.ResendView.as_view(), name="api_invitation_resend"),
    path("api/notifications", api.NotificationsView.as_view(), name="api_notifications"),
    path("api/notifications/settings", api.NotificationSettingsView.as_view(), name="api_notification_settings"),
]
