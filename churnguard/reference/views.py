"""Where the API's description is read. Whoever works here may, and any key: it names what there is, and nobody's data.

Strangers may not: they have no use for it, and what an installation offers is not theirs to know.
"""

from __future__ import annotations

from functools import cache

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from core import openapi
from core.operations import operation
from core.shapes import FREE
from tenants.permissions import requires


class Written(JSONRenderer):
    """The description is the same for everybody: it is put into JSON once."""

    def render(self, data, *args, **kwargs):
        return _json() if data is openapi.document() else super().render(data, *args, **kwargs)


class SchemaView(APIView):
    capability = "read_api"
    renderer_classes = [Written]

    @operation(answers={200: FREE})
    def get(self, request):
        """This description, as OpenAPI 3.1 in JSON."""
        return Response(openapi.document())


@require_safe
@requires("read_api")
def docs(request: HttpRequest) -> HttpResponse:
    """The description as a page, where each call can be tried."""
    return render(request, "reference/docs.html")


@cache
def _json() -> bytes:
    return JSONRenderer().render(openapi.document())
