"""The pages about models: who is in charge and why, a version's card, two side by side, and a training with its bar."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from core import jobs
from core.htmx import render_page
from customers import services as customers
from tenants.permissions import requires

from . import card_page, registry, selectors, services, wording
from .forms import CompareForm, RoutineForm, WhoScoredForm, default_pair
from .models import ModelVersion, Promotion, TrainingRun
from .wording import charge, gates

SHOWN_VERSIONS = 50
SHOWN_PROMOTIONS = 20
_PAGE = "predictions/mlops.html"


@require_safe
@requires("view_models")
def mlops(request: HttpRequest) -> HttpResponse:
    """Who is in charge, its challenger, what is watched and what happens by itself. Fragments: ``job``, asked again while
    one is open, and ``answer``: which model scored a customer on a day."""
    if request.htmx and request.htmx.target == "answer":
        return render_page(request, f"{_PAGE}#answer", _answer(request))
    if request.htmx and request.htmx.target == "job":
        context = _job(selectors.open_training())
        response = render_page(request, f"{_PAGE}#job", context)
        if context["job"] is None:
            response["HX-Refresh"] = "true"  # it ended: its figures stand all over the page
        return response
    return render_page(request, _PAGE, overview(request))


def overview(request: HttpRequest, routine_form: RoutineForm | None = None) -> dict[str, object]:
    """Everything that the page about models shows."""
    champion = selectors.champion()
    promotions = card_page.promotions(_promotions()[:SHOWN_PROMOTIONS])
    versions = _newest()
    told = registry.routine()
    reports = registry.drift_reports().defer(*_heavy("version"), "scoring__legend", "scoring__summary")
    report = reports.filter(version=champion).first() if champion else None
    training = selectors.training_list().defer(*_heavy("version")).first()
    before = promotions[0]["promotion"].before if promotions else None
    return {
        "champion": card_page.brief(champion) if champion else None,
        "since": charge.since(promotions[0]["promotion"]) if champion and promotions else "",
        "why": promotions[0]["promotion"].reason if champion and promotions else "",
        "before": before if champion and before and before.pk != champion.pk else None,
        "challenger": _challenger(champion, versions),
        "watch": charge.watch(report) if report else None,
        "watched_at": report.finished_at if report else None,
        "promotions": promotions,
        "versions": [_line(version) for version in versions],
        "last_training": training,
        "readiness": customers.readiness(),
        "routine": charge.routine(told),
        "routine_form": routine_form or RoutineForm.of(told),
        "wants_alarms": registry.wants_alarms(request.user),
        **_job(training if training and training.is_open else None),
        **_answer(request),
    }


def _job(training: TrainingRun | None) -> dict[str, object]:
    """The job whose bar is shown; an open training is always the newest, for there is one at a time."""
    return {"job": training or selectors.open_scoring(), "is_training": training is not None}


def _challenger(champion: ModelVersion | None, versions: list[ModelVersion]) -> dict[str, object] | None:
    """The newest version in the shadow, beside how it does against the model in charge; without one in charge, the newest."""
    if not versions or versions[0].is_champion:
        return None
    version = registry.challenger() if champion else selectors.version_list().first()
    if version is None:
        return None
    rival = registry.version_in_charge_at(version.trained_at)
    facts = card_page.against_champion(version) if champion and rival and rival.pk == champion.pk else None
    paired = charge.paired(facts or {}, newer=version.number, older=champion.number) if champion else None
    run = selectors.current_run() if champion else None
    told = run.summary.get("shadow") or {} if run else {}
    shadow = charge.shadow(told) if told.get("version") == version.number else []
    return card_page.brief(version) | {"paired": paired, "shadow": shadow}


def _heavy(path: str) -> tuple[str, ...]:
    """The large parts of a version that a list need not read."""
    return f"{path}__details", f"{path}__reference"


def _promotions() -> QuerySet[Promotion]:
    return registry.promotion_list().defer(*_heavy("version"), *_heavy("before"))


def _newest() -> list[ModelVersion]:
    return list(selectors.version_list().defer("details", "reference")[:SHOWN_VERSIONS])


def _line(version: ModelVersion) -> dict[str, object]:
    """One row of the list of versions."""
    return {
        "version": version,
        "algorithm": wording.algorithm(version.algorithm),
        "metrics": version.metrics,
        "gates": gates.in_words(version.gates),
        "gates_summary": gates.summary(version.gates),
    }


def _answer(request: HttpRequest) -> dict[str, object]:
    """The form "who scored this customer", and its answer where something was asked."""
    is_asked = "customer" in request.GET
    form = WhoScoredForm(request.GET if is_asked else None)
    said = charge.scored_then(then := form.answer()) if is_asked and form.is_valid() else []
    return {"who_form": form, "said": said, "then": then if said else None}


@require_safe
@requires("view_models")
def version_detail(request: HttpRequest, number: int) -> HttpResponse:
    """One version's card, fit to be printed."""
    version = selectors.version_list().filter(number=number).first()
    if version is None:
        raise Http404
    lines = _promotions().filter(version=version)[:SHOWN_PROMOTIONS]
    context = card_page.card(version) | {"promotions": card_page.promotions(lines)}
    return render_page(request, "predictions/version.html", context)


@require_safe
@requires("view_models")
def compare(request: HttpRequest) -> HttpResponse:
    """Two versions side by side: ``?a=1&b=2``; without them the form alone, with the pair that people ask about first."""
    newest = _newest()
    called = _("Model %(n)s")
    choices = [(one.number, f"{called % {'n': one.number}} · {wording.algorithm(one.algorithm)}") for one in newest]
    numbers = [one.number for one in newest]
    asked = {name: request.GET[name] for name in ("a", "b") if request.GET.get(name)}
    form = CompareForm(asked or None, choices=choices, initial=default_pair(numbers))
    context: dict[str, object] = {"form": form, "has_two": len(numbers) > 1}
    if asked and form.is_valid():
        wanted = {form.cleaned_data["a"], form.cleaned_data["b"]}
        found = {one.number: one for one in selectors.version_list().filter(number__in=wanted)}
        a, b = found[form.cleaned_data["a"]], found[form.cleaned_data["b"]]
        context |= {"a": a, "b": b, "is_same": a.pk == b.pk}
        if a.pk != b.pk:
            context["compared"] = card_page.compared(a, b)
    return render_page(request, "predictions/compare.html", context)


@require_POST
@requires("train_models")
def start_training(request: HttpRequest) -> HttpResponse:
    """Ask for a training; the open one where there is one."""
    jobs.ring(services.open_training(requested_by=request.user))
    return redirect("predictions:mlops")


@require_POST
@requires("score_customers")
def start_scoring(request: HttpRequest) -> HttpResponse:
    run = services.open_scoring(requested_by=request.user)
    if run is None:
        messages.warning(request, _("No model is in charge yet: train one first."))
    else:
        jobs.ring(run)
    return redirect("predictions:mlops")


@require_POST
@requires("train_models")
def cancel_training(request: HttpRequest, public_id) -> HttpResponse:
    run = selectors.training_list().filter(public_id=public_id).first()
    if run is None:
        raise Http404
    jobs.cancel(run)
    messages.info(request, _("The training stops at its next step; the model in charge stays."))
    return redirect("predictions:mlops")
