"""The page System, and the button that tries a dead job again."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from core import jobs
from core.errors import Refused
from core.htmx import render_page
from tenants.permissions import requires

from ..keeping import words as keeping_words
from . import retrying, selectors, words


@require_safe
@requires("view_system")
def system(request: HttpRequest) -> HttpResponse:
    """How the installation stands. The fragment ``now`` is asked again while somebody looks; where nothing changed since
    what they see, the answer is empty and nothing is rendered."""
    found = selectors.standing()
    if request.htmx and request.GET.get("seen") == found.seen:
        return HttpResponse(status=204)
    verdict, tone = words.verdict(found.company.verdict)
    context = {
        "found": found,
        "parts": words.parts(found),
        "queues": [{"queue": queue, "words": words.queue(queue.name)} for queue in found.queues],
        "workers": words.workers(found.workers),
        "kinds": words.kinds(found.kinds),
        "dead": words.dead(found.dead),
        "mails": words.mails(found.company.mails),
        "verdict": {"words": verdict, "tone": tone},
        "backups": keeping_words.lines(found.keeping),
        "mail_held": keeping_words.hold(found.keeping),
        "hold": found.keeping.hold,
        "versions": [(words.version_name(name), text) for name, text in found.versions.items()],
    }
    return render_page(request, "system/system.html#now", context)


@require_POST
@requires("retry_jobs")
def retry_job(request: HttpRequest, public_id) -> HttpResponse:
    """Try a dead job again; the form names its kind, for identifiers are counted by kind."""
    model = selectors.job_model(request.POST.get("kind", ""))
    job = model.objects.filter(public_id=public_id).first() if model else None
    if job is None:
        raise Http404
    try:
        retrying.try_again(job=job, actor=request.user)
    except Refused as refusal:
        messages.warning(request, refusal.message)
    else:
        jobs.ring(job)
        messages.success(request, _("It is tried again."))
    selectors.look_again()
    return redirect("system:system")
