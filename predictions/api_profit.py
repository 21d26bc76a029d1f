"""What contacting would earn, for programs: the account that is shown, and what was said of costs."""

from __future__ import annotations

from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from core import jobs
from core.operations import operation

from . import accounts, services
from . import api_shapes as shapes
from .models import Economics


class ProfitView(APIView):
    capability = "view_models"

    @operation(answers={200: shapes.PROFIT})
    def get(self, request):
        """What contacting would earn: what was said of costs (null: nothing yet), the expected curve with its best share,
        what was measured, and why either is missing. ``is_current``: by the newest costs and scores. ``account``: the one under way."""
        standing = accounts.standing()
        shown = standing.shown
        is_current = bool(shown) and not standing.is_of_older_costs and not standing.is_of_older_scores
        return Response(
            {
                "currency": request.tenant.currency,
                "economics": _economics(standing.economics),
                "accounted_at": shown.finished_at if shown else None,
                "accounted_with": shown.economics if shown else None,
                "is_current": is_current,
                "curve": (shown.curve or None) if shown else None,
                "backtest": (shown.backtest or None) if shown else None,
                "refusal": (shown.refusal or None) if shown else None,
                "account": _job(standing.open),
            }
        )


class EconomicsView(APIView):
    capability = {"PUT": "set_economics"}

    @operation(
        body=shapes.economics_body(services.ECONOMICS_FIELDS),
        answers={200: shapes.ECONOMICS},
        refuses={422: "A figure is missing or cannot be reckoned with: its name stands in `facts`."},
    )
    def put(self, request):
        """Say what a contact costs and is worth: every figure, shares between 0 and 1. The account by it begins; 422, with
        the field's name in ``facts``, where it cannot be reckoned with."""
        body = request.data
        if not isinstance(body, dict):
            raise ValidationError(["a JSON object"])
        if unknown := sorted(set(body) - set(services.ECONOMICS_FIELDS)):
            raise ValidationError({name: ["no such figure"] for name in unknown})
        said = services.set_economics(
            actor=request.user, **{name: body.get(name) for name in services.ECONOMICS_FIELDS}
        )
        job = services.open_account(requested_by=request.user)
        if job is not None:
            jobs.ring(job)
        return Response({"currency": request.tenant.currency, "economics": _economics(said), "account": _job(job)})


def _economics(said: Economics | None) -> dict[str, object] | None:
    if said is None:
        return None
    return {**accounts.told(said), "set_at": said.set_at, "set_by": str(said.set_by) if said.set_by else None}


def _job(job) -> dict[str, object] | None:
    return {"job": str(job.public_id), "state": job.state, "progress": job.fraction} if job else None
