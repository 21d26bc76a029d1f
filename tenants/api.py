"""``GET /api/notifications``: the bell. A fragment for htmx, JSON for programs, and nothing at all where nothing changed."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import render
from rest_framework import serializers
from rest_framework.parsers import FormParser
from rest_framework.response import Response
from rest_framework.views import APIView

from core.bodies import Body
from core.operations import operation
from core.parsing import JSONParser, MultiPartParser

from . import api_shapes as shapes
from . import notice_settings, noticeboard, services
from .forms_notifications import SiftForm
from .models import ApiKey, Notification
from .notice_kinds import KINDS, Way, kinds_for

_BELL = 20
_MOST = 100
_TAG = {"ETag": "What to send as `If-None-Match` the next time."}
_TAGS = {200: _TAG, 304: _TAG}


class NotificationSerializer(serializers.ModelSerializer):
    event = serializers.CharField(source="code")
    kind = serializers.SerializerMethodField()
    text = serializers.CharField(source="sentence")
    at = serializers.DateTimeField(source="created_at")
    read = serializers.BooleanField(source="is_read")

    class Meta:
        model = Notification
        fields = ["id", "event", "kind", "level", "text", "url", "at", "read"]

    def get_kind(self, row: Notification) -> str:
        return noticeboard.kind_of(row.code)


class NotificationsSerializer(serializers.Serializer):
    """``next``: what to ask ``after`` for older ones; empty at the end."""

    unread = serializers.IntegerField()
    notifications = NotificationSerializer(many=True)
    next = serializers.CharField()


class MarkSerializer(Body):
    """Without ``ids``: all. ``unread``: shown as unread again, which needs ``ids``."""

    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), max_length=200, required=False
    )
    unread = serializers.BooleanField(default=False)

    def validate(self, attrs: dict) -> dict:
        if attrs["unread"] and "ids" not in attrs:
            raise serializers.ValidationError({"ids": ["Name those to show as unread."]})
        return attrs


class NotificationsView(APIView):
    capability = "view_notifications"
    parser_classes = [JSONParser, FormParser, MultiPartParser]
    serializer_class = NotificationsSerializer

    @operation(answers={200: shapes.NOTIFICATIONS, 304: None}, query=shapes.SIFT, headers=_TAGS)
    def get(self, request):
        """The newest notifications and how many are unread (at most 100 are counted).

        ``after`` goes on from ``next``; ``show=unread``, ``kind`` and ``level`` narrow, ``size`` is at most 100. The answer
        carries an ETag: sent back as ``If-None-Match``, an unchanged bell costs one small question and answers 304. The
        page's own bell sends it as ``known``, and is answered 204.
        """
        html = bool(request._request.htmx)
        tag = f'W/"{noticeboard.version_of(request._request.membership, form=_form(request, html))}"'
        if html and request.GET.get("known") == tag:
            return HttpResponse(status=204)
        if not html and tag in request.headers.get("If-None-Match", ""):
            return HttpResponse(status=304, headers={"ETag": tag})
        response = self._answer(request, html, tag)
        response["ETag"] = tag
        return response

    @operation(
        body=shapes.MARK,
        needs_body=False,
        answers={200: shapes.NOTIFICATIONS},
        query=shapes.SIFT,
        headers={200: _TAGS[200]},
    )
    def post(self, request):
        """Mark all as read, or those in ``ids``; with ``unread``, as unread again. Answers as GET does."""
        said = MarkSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        ids = said.validated_data.get("ids")
        if said.validated_data["unread"]:
            services.mark_unread(user=request.user, ids=ids)
        else:
            services.mark_read(user=request.user, ids=ids)
        html = bool(request._request.htmx)
        tag = f'W/"{noticeboard.version_of(request._request.membership, form=_form(request, html))}"'
        response = self._answer(request, html, tag)
        response["ETag"] = tag
        return response

    def _answer(self, request, html: bool, tag: str):
        rows = noticeboard.notices_of(request._request.membership)
        unread = noticeboard.unread_of(rows)
        if html:
            context = {"notifications": list(rows.order_by("-pk")[:_BELL]), "unread": unread, "version": tag}
            return render(request._request, "tenants/_notifications.html", context)
        sift = SiftForm(request.GET, role=request._request.membership.role).chosen()
        page = noticeboard.page_of(
            noticeboard.sifted(rows, **sift),
            after=request.GET.get("after", ""),
            size=_size(request.GET.get("size", "")),
        )
        return Response(
            NotificationsSerializer({"unread": unread, "notifications": page.rows, "next": page.after}).data
        )


def _form(request, html: bool) -> str:
    """What else decides of the answer: which form it has, and for JSON what was asked for."""
    if html:
        return "html"
    asked = [(name, request.GET.get(name, "")) for name in ("after", "show", "kind", "level", "size")]
    return f"json {asked}"


def _size(said: str) -> int:
    return min(max(int(said), 1), _MOST) if said.isascii() and said.isdigit() and len(said) < 6 else _BELL


class WaySerializer(serializers.Serializer):
    kind = serializers.CharField()
    label = serializers.CharField()
    way = serializers.CharField()


class NotificationSettingsView(APIView):
    """How this person is told of each kind: ``bell``, ``now``, ``daily``, ``weekly`` or ``off``."""

    capability = {"GET": "view_notifications", "POST": "view_notifications"}
    serializer_class = WaySerializer

    @operation(
        answers={200: shapes.WAYS},
        says="""How the caller is told of each kind: `bell`, `now` (and a mail at once), `daily` or `weekly` (and the digest), `off`.

        The kinds are those that concern the caller's role.""",
    )
    def get(self, request):
        membership = request._request.membership
        ways = notice_settings.ways_of(membership)
        rows = [{"kind": kind.name, "label": kind.label, "way": ways[kind.name]} for kind in kinds_for(membership.role)]
        return Response({"kinds": WaySerializer(rows, many=True).data})

    @operation(
        body=shapes.CHOICES,
        answers={200: shapes.WAYS},
        refuses={
            403: "A key asks: only the person may choose, in a session. Or the session came without its CSRF token.",
            422: "The kind is none that concerns the caller's role (`unknown_kind`).",
        },
    )
    def post(self, request):
        """``{"kinds": [{"kind", "way"}]}``: those that are named change, the others stay. For the person, not for a key."""
        if isinstance(request.auth, ApiKey):
            raise PermissionDenied
        said = _ChoicesSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        ways = {row["kind"]: row["way"] for row in said.validated_data["kinds"]}
        notice_settings.choose(membership=request._request.membership, ways=ways)
        return self.get(request)


class _ChoiceSerializer(Body):
    kind = serializers.ChoiceField(choices=[kind.name for kind in KINDS])
    way = serializers.ChoiceField(choices=Way.values)


class _ChoicesSerializer(Body):
    kinds = _ChoiceSerializer(many=True)
