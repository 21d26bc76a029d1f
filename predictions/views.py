"""The MLOps page: versions, measures, calibration, and a training with its bar."""

from __future__ import annotations

from datetime import datetime

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from core import jobs
from core.htmx import render_page
from customers import services as customers
from tenants.models import User
from tenants.permissions import requires

from . import charts, selectors, services, wording
from .models import ModelVersion


@require_safe
@requires("view_models")
def mlops(request: HttpRequest) -> HttpResponse:
    """Versions, the one in charge with its figures, and the open training (the fragment ``job`` is asked again)."""
    training = selectors.open_training()
    job = training or selectors.open_scoring()
    context = {"job": job, "is_training": training is not None}
    if request.htmx and request.htmx.target == "job":
        response = render_page(request, "predictions/mlops.html#job", context)
        if job is None:
            response["HX-Refresh"] = "true"  # it ended: its figures stand all over the page
        return response
    champion = selectors.champion()
    context |= {
        "champion": champion,
        "versions": [_line(version) for version in selectors.version_list()[:50]],
        "last_training": selectors.training_list().first(),
        "readiness": customers.readiness(),
        **(_card(champion) if champion else {}),
    }
    return render_page(request, "predictions/mlops.html", context)


@require_safe
@requires("view_models")
def version_detail(request: HttpRequest, number: int) -> HttpResponse:
    """One version's card."""
    version = selectors.version_list().filter(number=number).first()
    if version is None:
        raise Http404
    return render_page(request, "predictions/version.html", {"version": version, "champion": version, **_card(version)})


def _line(version: ModelVersion) -> dict[str, object]:
    """One row of the list of versions."""
    return {"version": version, "algorithm": wording.algorithm(version.algorithm), "metrics": version.metrics}


def _card(version: ModelVersion) -> dict[str, object]:
    details = version.details
    importance = sorted(
        (
            {"name": wording.feature_name(f["name"]), "size": size}
            for f, size in zip(details["features"], details["importance"], strict=False)
        ),
        key=lambda row: -row["size"],
    )
    return {
        "algorithm": wording.algorithm(version.algorithm),
        "quality": wording.quality(version.metrics, details["intervals"]),
        "figures": wording.figures(version.metrics, details["intervals"]),
        "candidates": [
            {**row, "title": wording.algorithm(row["title"])}
            for row in sorted(details["candidates"], key=lambda c: c["log_loss"])
        ],
        "choice": wording.choice(details["choice"]),
        "calibration_chart": charts.calibration(details["calibration"]),
        "importance_chart": charts.importance(importance[:12]),
        "set_aside": [(wording.feature_name(name), wording.aside(reason)) for name, reason in details["set_aside"]],
        "watched": _watched(details),
    }


def _watched(details: dict) -> dict[str, object]:
    """What the leak watch did to this training; who overruled it is looked up, for a person may be erased."""
    found = wording.watched(details)
    people = User.objects.in_bulk([entry["by"] for entry in found["forced_in"] if entry["by"]])
    forced_in = [
        {**entry, "who": people.get(entry["by"]), "when": datetime.fromisoformat(entry["at"])}
        for entry in found["forced_in"]
    ]
    return {**found, "forced_in": forced_in}


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
