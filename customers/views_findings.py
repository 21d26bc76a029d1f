"""What a person decides about the leak watch's findings, from the page of data quality."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from core.errors import Refused
from tenants.permissions import requires

from . import selectors, services
from .models import ColumnFinding
from .wording.features import feature_name


@require_POST
@requires("curate_data")
def overrule_finding(request: HttpRequest, public_id) -> HttpResponse:
    """Let the models learn from a column that was kept away, with a reason."""
    finding = _finding_or_404(public_id)
    reason = request.POST.get("reason", "")
    return _decide(
        request,
        finding,
        lambda: services.overrule_finding(finding=finding, actor=request.user, reason=reason),
        _("The next training learns from %(column)s; your reason stands on the model’s card."),
    )


@require_POST
@requires("curate_data")
def reinstate_finding(request: HttpRequest, public_id) -> HttpResponse:
    """Keep a column from the models again."""
    finding = _finding_or_404(public_id)
    reason = request.POST.get("reason", "")
    return _decide(
        request,
        finding,
        lambda: services.reinstate_finding(finding=finding, actor=request.user, reason=reason),
        _("The next training does not learn from %(column)s."),
    )


def _finding_or_404(public_id) -> ColumnFinding:
    finding = selectors.finding_list().filter(public_id=public_id).first()
    if finding is None:
        raise Http404
    return finding


def _decide(
    request: HttpRequest, finding: ColumnFinding, decision: Callable[[], ColumnFinding], done: str
) -> HttpResponse:
    try:
        decision()
    except Refused as refusal:
        messages.warning(request, refusal.message)
    else:
        messages.success(request, done % {"column": feature_name(finding.column)})
    return redirect(reverse("customers:quality") + f"#finding-{finding.public_id}")
