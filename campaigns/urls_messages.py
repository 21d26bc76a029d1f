"""Addresses of the pages and the API about messages and drafts; campaigns.urls takes them in."""

from django.urls import path

from . import api_messages, views_drafts, views_messages, views_retention

urlpatterns = [
    path("messages", views_messages.message_list, name="messages"),
    path("messages/new", views_messages.new_message, name="new_message"),
    path("messages/from-ours", views_messages.start_from_ours, name="start_from_ours"),
    path("messages/preview", views_messages.preview_unsaved, name="preview_message"),
    path("messages/customers", views_messages.customer_choice, name="message_customers"),
    path("messages/drafts/new", views_drafts.draft_segment, name="draft_segment"),
    path("messages/drafts/<uuid:public_id>", views_drafts.draft_detail, name="draft"),
    path("messages/drafts/<uuid:public_id>/mail", views_drafts.draft_mail, name="draft_mail"),
    path("messages/<uuid:public_id>", views_messages.message_detail, name="message"),
    path("messages/<uuid:public_id>/edit", views_messages.edit_message, name="edit_message"),
    path("messages/<uuid:public_id>/archive", views_messages.archive_message, name="archive_message"),
    path("messages/<uuid:public_id>/versions/<int:number>/mail", views_messages.message_mail, name="message_mail"),
    path("retention/preview/<uuid:public_id>", views_retention.preview, name="retention"),
    path("retention/preview/<uuid:public_id>/mail", views_retention.mail, name="retention_mail"),
    path("api/templates", api_messages.TemplatesView.as_view(), name="api_templates"),
    path("api/template", api_messages.NewTemplateView.as_view(), name="api_new_template"),
    path("api/template/draft", api_messages.DraftView.as_view(), name="api_draft"),
    path("api/template/<uuid:public_id>", api_messages.TemplateView.as_view(), name="api_template"),
]
