"""Addresses of this stage. Its other parts keep theirs in ``urls_<part>.py``, in the same namespace."""

from django.urls import path

from . import (
    api,
    api_acting,
    api_recipients,
    urls_messages,
    urls_public,
    urls_results,
    urls_sender,
    views,
    views_running,
)

app_name = "campaigns"

urlpatterns = [
    path("campaigns", views.campaigns, name="campaigns"),
    path("campaigns/new", views.new_campaign, name="new_campaign"),
    path("campaigns/audience", views.count_audience, name="count_audience"),
    path("campaigns/<uuid:public_id>", views.campaign, name="campaign"),
    path("campaigns/<uuid:public_id>/edit", views.edit_campaign, name="edit_campaign"),
    path("campaigns/<uuid:public_id>/copy", views.copy_campaign, name="copy_campaign"),
    path("campaigns/<uuid:public_id>/delete", views.delete_campaign, name="delete_campaign"),
    path("campaigns/<uuid:public_id>/check", views.check_campaign, name="check_campaign"),
    path("campaigns/<uuid:public_id>/check/stop", views.stop_check, name="stop_check"),
    path("campaigns/<uuid:public_id>/test", views.send_test, name="send_test"),
    path("campaigns/<uuid:public_id>/approve", views_running.approve_campaign, name="approve_campaign"),
    path("campaigns/<uuid:public_id>/withdraw", views_running.withdraw_approval, name="withdraw_approval"),
    path("campaigns/<uuid:public_id>/launch", views_running.launch_campaign, name="launch_campaign"),
    path("campaigns/<uuid:public_id>/pause", views_running.pause_campaign, name="pause_campaign"),
    path("campaigns/<uuid:public_id>/resume", views_running.resume_campaign, name="resume_campaign"),
    path("campaigns/<uuid:public_id>/cancel", views_running.cancel_campaign, name="cancel_campaign"),
    path("campaigns/<uuid:public_id>/retry", views_running.retry_failed, name="retry_failed"),
    path("campaigns/<uuid:public_id>/uncertain", views_running.decide_uncertain, name="decide_uncertain"),
    path("campaigns/<uuid:public_id>/recipients", views_running.recipients, name="recipients"),
    path("api/campaigns", api_acting.CampaignsView.as_view(), name="api_campaigns"),
    path("api/campaign/bulk", api.BulkView.as_view(), name="api_bulk"),
    path("api/campaign/<uuid:public_id>", api_acting.CampaignView.as_view(), name="api_campaign"),
    path("api/campaign/<uuid:public_id>/check", api_acting.CheckView.as_view(), name="api_check"),
    path("api/campaign/<uuid:public_id>/approve", api_acting.ApproveView.as_view(), name="api_approve"),
    path("api/campaign/<uuid:public_id>/withdraw", api_acting.WithdrawView.as_view(), name="api_withdraw"),
    path("api/campaign/<uuid:public_id>/launch", api_acting.LaunchView.as_view(), name="api_launch"),
    path("api/campaign/<uuid:public_id>/copy", api_acting.CopyView.as_view(), name="api_copy_campaign"),
    path("api/campaign/<uuid:public_id>/retry", api_acting.RetryView.as_view(), name="api_retry_campaign"),
    path("api/campaign/<uuid:public_id>/uncertain", api_acting.UncertainView.as_view(), name="api_uncertain_campaign"),
    path("api/campaign/<uuid:public_id>/recipients", api_recipients.RecipientsView.as_view(), name="api_recipients"),
    path("api/campaign/<uuid:public_id>/pause", api.PauseView.as_view(), name="api_pause"),
    path("api/campaign/<uuid:public_id>/resume", api.ResumeView.as_view(), name="api_resume"),
    path("api/campaign/<uuid:public_id>/cancel", api.CancelView.as_view(), name="api_cancel"),
    *urls_messages.urlpatterns,
    *urls_public.urlpatterns,
    *urls_results.urlpatterns,
    *urls_sender.urlpatterns,
]
