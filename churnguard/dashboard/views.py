"""The front pages."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from core.htmx import render_page
from tenants.permissions import requires


@require_safe
@requires("view_customers")
def dashboard(request: HttpRequest) -> HttpResponse:
    return render_page(request, "dashboard/dashboard.html", {})


@require_safe
@requires("view_customers")
def client_list(request: HttpRequest) -> HttpResponse:
    return render_page(request, "dashboard/clients.html", {})


@require_safe
@requires("export_customers")
def export_clients(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@require_safe
@requires("view_customers")
def client_detail(request: HttpRequest, public_id) -> HttpResponse:
    return render_page(request, "dashboard/client.html", {})
