"""The page of when customers leave: curves, how honest they are, and what to collect where there are none."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from core.htmx import render_page
from tenants.permissions import requires

from . import charts_when, selectors
from .models import SurvivalModel
from .wording import when as words


@require_safe
@requires("view_models")
def when(request: HttpRequest) -> HttpResponse:
    """What the model in charge says of when customers leave."""
    champion = selectors.champion()
    kept = SurvivalModel.objects.filter(version=champion).first() if champion else None
    context: dict[str, object] = {"champion": champion, "kept": kept}
    if kept and kept.figures:
        context |= _figures(kept.figures)
    elif kept:
        context["refusal"] = words.refusal(kept.refusal)
    return render_page(request, "predictions/when.html", context)


def _figures(figures: Mapping) -> dict[str, object]:
    curves = dict(figures["curves"])
    everybody = next(iter(curves.pop("all", [])), None)
    calibration = words.calibration(figures["calibration"])
    return {
        "verdict": words.verdict(figures["verdict"], figures["watched"]),
        "choice": words.choice(figures["choice"]),
        "counts": figures["counts"],
        "longest": figures["longest_tenure"],
        "everybody": {
            "sentence": words.median(everybody["observed"]),
            "apart": words.apart(everybody),
            "chart": charts_when.everybody(everybody),
        }
        if everybody
        else None,
        "groups": [
            {
                "name": words.grouping(name),
                "id": f"curves-{name.replace('_', '-')}",
                "sentences": [words.median(segment["observed"], name) for segment in found],
                "chart": charts_when.groups(found, name),
            }
            for name, found in curves.items()
            if found
        ],
        "calibration": calibration,
        "trust": words.trust(calibration),
        "caveats": words.caveats(figures["caveats"], figures["longest_tenure"], figures["watched"]),
        "left_out": words.left_out(figures["left_out"]),
    }
