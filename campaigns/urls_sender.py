"""How the company sends, who may be written to, and what the mailbox holds."""

from django.urls import path

from . import api_consent, api_sender, views_consent, views_mailbox, views_sender

urlpatterns = [
    path("sender", views_sender.sender, name="sender"),
    path("sender/basis", views_sender.set_basis, name="set_basis"),
    path("sender/try", views_sender.try_server, name="try_server"),
    path("sender/domain", views_sender.check_domain, name="check_domain"),
    path("sender/webhook-key", views_sender.new_webhook_key, name="new_webhook_key"),
    path("sender/reports", views_sender.take_reports, name="take_reports"),
    path("consent", views_consent.consent, name="consent"),
    path("consent/customers/<uuid:public_id>", views_consent.customer_consent, name="customer_consent"),
    path("consent/customers/<uuid:public_id>/record", views_consent.record_consent, name="record_consent"),
    path("consent/suppressions", views_consent.suppressions, name="suppressions"),
    path("consent/suppressions/add", views_consent.suppress, name="suppress"),
    path("consent/suppressions/remove", views_consent.unsuppress, name="unsuppress"),
    path("consent/lists", views_consent.consent_lists, name="consent_lists"),
    path("consent/lists/import", views_consent.import_list, name="import_list"),
    path("consent/lists/<uuid:public_id>/stop", views_consent.stop_list, name="stop_list"),
    path("mailbox", views_mailbox.mailbox_list, name="mailbox"),
    path("mailbox/<uuid:public_id>", views_mailbox.mailbox_message, name="mailbox_message"),
    path("mailbox/<uuid:public_id>/html", views_mailbox.mailbox_html, name="mailbox_html"),
    path("mailbox/<uuid:public_id>/source", views_mailbox.mailbox_source, name="mailbox_source"),
    path("api/consents", api_consent.ConsentsView.as_view(), name="api_consents"),
    path("api/suppressions", api_consent.SuppressionsView.as_view(), name="api_suppressions"),
    path("api/sender", api_sender.SenderView.as_view(), name="api_sender"),
    path("api/sender/basis", api_sender.BasisView.as_view(), name="api_sender_basis"),
    path("api/sender/try", api_sender.TryView.as_view(), name="api_sender_try"),
    path("api/sender/check-domain", api_sender.CheckDomainView.as_view(), name="api_sender_domain"),
    path("api/sender/reports", api_sender.ReportsView.as_view(), name="api_sender_reports"),
    path("api/sender/report-key", api_sender.ReportKeyView.as_view(), name="api_sender_report_key"),
]
