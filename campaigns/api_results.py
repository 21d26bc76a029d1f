"""Results for programs: what a campaign did, and whom to write to as far as that is proved."""

from __future__ import annotations

from django.http import Http404
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from core import jobs
from core.operations import operation
from tenants.idempotency import idempotent

from . import api_shapes as shapes
from . import results_page, selectors
from .services import measuring, uplift

_WORDS = ("title", "text", "then")
_TOLD = (
    "method", "choice", "why_not", "qini_floor", "rows", "treated", "unknown", "average", "over_risk", "rankings", "lists",
    "groups", "refused", "experiments", "needed",
)  # fmt: skip


class ResultsView(APIView):
    capability = {"GET": "view_campaigns"}

    @operation(answers={200: shapes.RESULTS})
    def get(self, request, public_id):
        """What the campaign did: ``state`` (running, provisional, waits, due, final, cancelled, not_begun), ``result`` as it was
        measured (null before), the same ``said`` in words, and which data is wanting from which day on.

        Differences are of shares of leavers: below nought, contact kept customers. A result counts once ``state`` is final.
        """
        campaign = selectors.campaign(public_id)
        if campaign is None:
            raise Http404
        found = results_page.summary(campaign)
        standing = found["standing"]
        said = found["headline"]
        wanted = standing.aftermath.wanted if standing.aftermath and not standing.aftermath.is_known else None
        return Response(
            {
                "campaign": str(campaign.public_id),
                "state": standing.code,
                "until": standing.until,
                "days_left": standing.days_left,
                "data_wanted_from": wanted,
                "wanted": measuring.wanted_words(standing.aftermath) if wanted else None,
                "said": {name: said[name] for name in _WORDS} if said else None,
                "result": campaign.result if found["has_result"] else None,
                "url": reverse("campaigns:results", args=[campaign.public_id], request=request),
            }
        )


class UpliftView(APIView):
    capability = {"GET": "view_campaigns", "POST": "run_campaigns"}

    @operation(answers={200: shapes.UPLIFT})
    def get(self, request):
        """Which rule decides now (``uplift`` once it is proved, else ``risk_times_value``), why, and the evidence."""
        found = results_page.whom()
        run = found["run"]
        is_ready = run is not None and run.is_ready
        return Response(
            {
                "rule": "uplift" if is_ready else "risk_times_value",
                "said": {name: found["rule"][name] for name in _WORDS},
                "learned_at": run.finished_at if run else None,
                "measured_campaigns": found["measured"],
                "job": {"state": found["job"].state, "progress": found["job"].fraction} if found["job"] else None,
                **(
                    {name: run.result[name] for name in _TOLD if name in run.result}
                    if run
                    else {"needed": uplift.NEEDED}
                ),
            }
        )

    @operation(
        answers={202: shapes.LEARNING},
        headers={202: {"Location": "Where the evidence will stand."}},
        refuses={422: "There is no measured campaign (`no_experiments`)."},
    )
    @idempotent
    def post(self, request):
        """Learn now from all measured campaigns: 202. 422 ``no_experiments`` where there is none."""
        run = uplift.require_learning(requested_by=request.user)
        jobs.ring(run)
        address = reverse("campaigns:api_uplift", request=request)
        return Response({"state": run.state, "url": address}, status=202, headers={"Location": address})
