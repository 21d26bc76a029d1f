"""``GET /api/notifications``: the bell. A fragment for htmx, JSON for programs."""

from __future__ import annotations

from django.shortcuts import render
from rest_framework.response import Response
from rest_framework.views import APIView

from core.operations import operation

from . import selectors, services
from .api_shapes import NOTIFICATIONS


class NotificationsView(APIView):
    capability = "view_notifications"

    @operation(answers={200: NOTIFICATIONS})
    def get(self, request):
        """The twenty newest notifications and how many are unread (at most 100 are counted)."""
        rows = list(selectors.notifications_for(request.user)[:20])
        unread = selectors.unread_count(request.user)
        if request._request.htmx:
            return render(request._request, "tenants/_notifications.html", {"notifications": rows, "unread": unread})
        return Response(
            {
                "unread": unread,
                "notifications": [
                    {
                        "id": row.pk,
                        "event": row.code,
                        "level": row.level,
                        "text": row.sentence,
                        "url": row.url,
                        "at": row.created_at,
                        "read": row.is_read,
                    }
                    for row in rows
                ],
            }
        )

    @operation(answers={200: NOTIFICATIONS}, says="Mark all as read.")
    def post(self, request):
        """Mark all as read."""
        services.mark_read(user=request.user)
        return self.get(request)
