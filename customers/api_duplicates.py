"""Customers who stand there twice, for programs: what a search found, a new search, and "they are two people"."""

from __future__ import annotations

from django.http import Http404
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from core import bodies, jobs, keyset
from core.operations import operation
from core.serialized import query_of
from core.shapes import ACCEPTED
from tenants.idempotency import idempotent

from . import api_shapes as shapes
from . import selectors, services
from .models import Customer, DuplicateGroup, DuplicateSearch

_BY_KEY = keyset.Order("pk", descending=False)


class DuplicatesView(APIView):
    capability = "curate_data"

    @operation(query=query_of(bodies.PageQuery), answers={200: shapes.DUPLICATES})
    def get(self, request):
        """Customers who are perhaps one person, and wait for somebody to merge them or keep them apart."""
        asked = bodies.ask(request, bodies.PageQuery)
        page = bodies.page(request, selectors.duplicate_groups(), _BY_KEY, asked, lambda group: group, "groups")
        there = selectors.members_of(page["groups"])
        page["groups"] = [
            _as_json(request, group, there[group.pk]) for group in page["groups"] if len(there[group.pk]) > 1
        ]
        return Response({"search": _search(request, selectors.newest_duplicate_search()), **page})


class SearchDuplicatesView(APIView):
    capability = "curate_data"

    @operation(answers={202: ACCEPTED}, headers={202: {"Location": "The address of the job."}})
    @idempotent
    def post(self, request):
        """Look through all customers: 202 with the job's address; the open search where one is open already."""
        search = services.open_duplicate_search(requested_by=request.user)
        jobs.ring(search)
        address = _job(request, search)
        return bodies.accepted(search, address)


class KeepApartView(APIView):
    capability = "curate_data"

    @operation(answers={200: shapes.APART})
    @idempotent
    def post(self, request, public_id):
        """These are different people: no search asks again, unless a further customer joins them. Saying it twice changes nothing."""
        group = selectors.duplicate_groups(dismissed=True).filter(public_id=public_id).first()
        if group is None:
            raise Http404
        if group.dismissed_at is None:
            services.keep_apart(group=group, actor=request.user)
        return Response({"id": str(group.public_id), "kept_apart": True})


def _job(request, search: DuplicateSearch) -> str:
    return reverse("predictions:api_job", args=[search.public_id], request=request)


def _search(request, search: DuplicateSearch | None) -> dict[str, object] | None:
    if search is None:
        return None
    return {
        "job": str(search.public_id),
        "url": _job(request, search),
        "state": search.state,
        "finished_at": search.finished_at,
        "customers": search.customers,
        "groups": search.groups,
        "partial": search.is_partial,
    }


def _as_json(request, group: DuplicateGroup, customers: list[Customer]) -> dict[str, object]:
    return {
        "id": str(group.public_id),
        "rules": [group.rule, *group.also],
        "size": group.size,
        "customers": [
            {
                "id": str(one.public_id),
                "external_id": one.external_id,
                "url": reverse("dashboard:api_customer", args=[one.public_id], request=request),
                **{name: getattr(one, name) for name in ("first_name", "last_name", "email", "phone", "city")},
            }
            for one in customers
        ],
    }
