"""Pages about what leaving means: propose, look at the preview, adopt with a reason, give up."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from core import jobs
from core.errors import Refused
from core.htmx import render_page
from core.models import JobState
from tenants.permissions import requires

from . import selectors, services
from .forms_definition import DefinitionForm
from .models import ChurnDefinition
from .wording import definitions as words

SHOWN = 10
_PAGE = "customers/churn_definition.html"


def _definition_or_404(public_id) -> ChurnDefinition:
    definition = selectors.definition_list().filter(public_id=public_id).first()
    if definition is None:
        raise Http404
    return definition


@require_safe
@requires("view_customers")
def churn_definition(request: HttpRequest, public_id=None) -> HttpResponse:
    """What leaving means here, and the newest proposal or the one that is named; ``job`` is asked again while it runs."""
    named = _definition_or_404(public_id) if public_id else None
    if request.htmx and request.htmx.target == "job":
        shown = named or selectors.definition_list().exclude(standing="retired").first()
        response = render_page(request, f"{_PAGE}#job", {"shown": shown})
        if shown is None or not shown.is_open:
            response["HX-Refresh"] = "true"  # it ended: what it found stands all over the page
        return response
    return _page(request, named, DefinitionForm())


@require_POST
@requires("propose_churn_definition")
def propose_definition(request: HttpRequest) -> HttpResponse:
    """Propose a definition; its preview begins at once."""
    form = DefinitionForm(request.POST)
    definition = form.save(actor=request.user) if form.is_valid() else None
    if definition is None:
        return _page(request, None, form, status=422)
    jobs.ring(definition)
    return redirect("customers:definition", public_id=definition.public_id)


@require_POST
@requires("propose_churn_definition")
def preview_definition(request: HttpRequest, public_id) -> HttpResponse:
    """Look again: on the data as it is now, or where the last look ended early."""
    definition = _definition_or_404(public_id)
    return _decide(request, definition, lambda: jobs.ring(services.look_again(definition=definition)))


@require_POST
@requires("propose_churn_definition")
def cancel_preview(request: HttpRequest, public_id) -> HttpResponse:
    definition = _definition_or_404(public_id)
    jobs.cancel(definition)
    return redirect("customers:definition", public_id=definition.public_id)


@require_POST
@requires("adopt_churn_definition")
def adopt_definition(request: HttpRequest, public_id) -> HttpResponse:
    definition, reason = _definition_or_404(public_id), request.POST.get("reason", "")
    return _decide(
        request,
        definition,
        lambda: services.adopt_definition(definition=definition, actor=request.user, reason=reason),
        _("From now on this is what leaving means. The next training learns by it."),
    )


@require_POST
@requires("adopt_churn_definition")
def retire_definition(request: HttpRequest, public_id) -> HttpResponse:
    definition, reason = _definition_or_404(public_id), request.POST.get("reason", "")
    return _decide(
        request,
        definition,
        lambda: services.retire_definition(definition=definition, actor=request.user, reason=reason),
        _("This definition is no longer used."),
    )


def _decide(
    request: HttpRequest, definition: ChurnDefinition, decision: Callable[[], object], done: str = ""
) -> HttpResponse:
    try:
        decision()
    except Refused as refusal:
        messages.warning(request, refusal.message)
    else:
        if done:
            messages.success(request, done)
    return redirect("customers:definition", public_id=definition.public_id)


# ---------------------------------------------------------------- what the page shows


def _page(
    request: HttpRequest, named: ChurnDefinition | None, form: DefinitionForm, *, status: int = 200
) -> HttpResponse:
    newest = list(selectors.definition_list()[:SHOWN])
    adopted = selectors.adopted_definition()
    shown = named or next((d for d in newest if d.standing != "retired"), adopted)
    context = {
        "adopted": _told(adopted) if adopted else None,
        "today": words.meaning("label", {}),
        "shown": shown,
        "told": _told(shown) if shown else None,
        "found": _found(shown) if shown and shown.state == JobState.SUCCEEDED else None,
        "others": [_told(definition) for definition in newest],
        "form": form,
    }
    return render_page(request, f"{_PAGE}#job", context, status=status)


def _told(definition: ChurnDefinition) -> dict[str, object]:
    """A definition in words."""
    kind, numbers = definition.kind, definition.numbers
    return {
        "definition": definition,
        "meaning": words.meaning(kind, numbers),
        "window": words.window(kind, numbers),
        "exactness": words.what_months_tell(kind, numbers),
    }


def _found(definition: ChurnDefinition) -> dict[str, object]:
    """A preview for the page: its months, newest first, each with its rate and a bar of 1,000 against the highest."""
    preview = definition.preview
    lines = [
        {**line, "name": words.month(line["month"]), "rate": _share(line["left"], line["at_risk"])}
        for line in reversed(preview.get("months", []))
    ]
    highest = max((line["rate"] for line in lines if line["rate"]), default=0)
    for line in lines:
        line["part"] = round(1000 * line["rate"] / highest) if line["rate"] else 0
    has_label = any(line["labelled"] for line in lines)
    return {
        "lines": lines,
        "known_until": words.day(preview["known_until"]) if "known_until" in preview else "",
        "notes": words.preview_notes(definition.kind, preview),
        "against_label": words.against_label(preview["label"]) if "label" in preview else "",
        "has_label": has_label,
        "counts": preview if not definition.is_dated else None,
        "label_rate": _share(preview.get("left"), (preview.get("left") or 0) + (preview.get("stayed") or 0)),
    }


def _share(part: int | None, whole: int | None) -> float | None:
    return part / whole if part is not None and whole else None
