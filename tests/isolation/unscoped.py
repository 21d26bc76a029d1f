"""What must never be: views, a serializer and a back office that look past the company in scope. Only tests put them in a
URLconf, to see that the checks of this folder find them."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from django_scopes import scopes_disabled
from rest_framework.response import Response
from rest_framework.serializers import ModelSerializer
from rest_framework.views import APIView

from churnguard.urls import handler404, handler500  # noqa: F401
from churnguard.urls import urlpatterns as sound
from customers.models import Customer
from tenants.admin import TenantAdmin
from tenants.permissions import requires


@requires("view_customers")
def everybodys_customer(request, public_id):
    with scopes_disabled():
        customer = get_object_or_404(Customer.objects, public_id=public_id)
    return HttpResponse(f"<p>{customer.first_name}</p>")


@requires("curate_data")
def rename_anybody(request, public_id):
    with scopes_disabled():
        found = Customer.objects.filter(public_id=public_id).update(city="Elsewhere")
    return HttpResponse(status=404 if request.method == "GET" or not found else 204)


@requires("view_customers")
def more_words_for_anothers(request, public_id):
    """Says of another company's row that it is another's: a 404, and yet a leak."""
    with scopes_disabled():
        is_there = Customer.objects.filter(public_id=public_id).exists()
    if Customer.objects.filter(public_id=public_id).exists():
        return HttpResponse("yours")
    return HttpResponse("not yours" if is_there else "nobody's", status=404)


def says_nothing(request):
    return HttpResponse("for whom?")


@requires("manage_keys")
def asks_too_late(request):
    return HttpResponse("fine")


asks_too_late = asks_too_late.__wrapped__  # the guard is lost, and what it declared is kept
asks_too_late.capability = "manage_keys"


class EverybodySerializer(ModelSerializer):
    class Meta:
        model = Customer
        fields = ["public_id", "first_name", "last_name"]


class EverybodyView(APIView):
    capability = "view_customers"

    def get(self, request):
        with scopes_disabled():
            return Response(EverybodySerializer(Customer.objects.all()[:500], many=True).data)


class SilentView(APIView):
    def get(self, request):
        return Response({})


class OpenAdmin(TenantAdmin):
    list_display = ["external_id", "first_name"]
    fields = ["first_name"]
    list_per_page = 1_000

    def get_queryset(self, request):
        with scopes_disabled():
            return Customer.objects.all()


site = AdminSite(name="loose")
site.has_permission = lambda request: request.user.is_authenticated
site.register(Customer, OpenAdmin)

LOOSE = [
    path("loose/customer/<uuid:public_id>", everybodys_customer, name="loose_customer"),
    path("loose/rename/<uuid:public_id>", rename_anybody, name="loose_rename"),
    path("loose/words/<uuid:public_id>", more_words_for_anothers, name="loose_words"),
    path("loose/silent", says_nothing, name="loose_silent"),
    path("loose/late", asks_too_late, name="loose_late"),
    path("api/loose", EverybodyView.as_view(), name="loose_api"),
    path("api/loose/silent", SilentView.as_view(), name="loose_api_silent"),
    path("loose/admin/", site.urls),
]
urlpatterns = [*LOOSE, *sound]
