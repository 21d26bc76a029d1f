"""Links of mails, and what providers report: short, for they stand in every mail."""

from django.urls import path

from . import views_public

urlpatterns = [
    path("u/<str:token>", views_public.unsubscribe, name="unsubscribe"),
    path("c/<str:token>", views_public.click, name="click"),
    path("o/<str:token>.gif", views_public.open_pixel, name="open"),
    path("hooks/mail/<slug:slug>/<slug:provider>", views_public.mail_report, name="mail_report"),
]
