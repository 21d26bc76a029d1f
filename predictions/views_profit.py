"""The page about profit: what a contact costs and is worth, whom to contact, and what another share would earn."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from core import jobs
from core.htmx import render_page
from tenants.permissions import requires

from . import accounts, charts_profit, services, wording
from .forms_profit import EconomicsForm
from .models import ModelVersion, ProfitRun
from .wording import profit as words

_PAGE = "predictions/profit.html"


@require_safe
@requires("view_models")
def profit(request: HttpRequest) -> HttpResponse:
    """The curve with its optimum, what was measured, what is assumed; ``job`` is asked again while an account runs."""
    standing = accounts.standing()
    if request.htmx and request.htmx.target == "job":
        response = render_page(request, f"{_PAGE}#job", {"job": standing.open})
        if standing.open is None:
            response["HX-Refresh"] = "true"  # it ended: its figures stand all over the page
        return response
    return _page(request, standing, EconomicsForm(said=standing.economics, currency=request.tenant.currency))


@require_POST
@requires("set_economics")
def set_economics(request: HttpRequest) -> HttpResponse:
    """Say what a contact costs and is worth; the account by it begins at once."""
    standing = accounts.standing()
    form = EconomicsForm(request.POST, said=standing.economics, currency=request.tenant.currency)
    if not form.is_valid() or form.save(actor=request.user) is None:
        return _page(request, standing, form, status=422)
    job = services.open_account(requested_by=request.user)
    if job is None:
        messages.success(request, _("Kept. The account follows with the first scoring."))
    else:
        jobs.ring(job)
    return redirect("predictions:profit")


@require_POST
@requires("set_economics")
def open_account(request: HttpRequest) -> HttpResponse:
    """Account for the scoring that is shown, by the newest costs."""
    job = services.open_account(requested_by=request.user)
    if job is None:
        messages.warning(request, _("There is nothing to account for yet: costs and a scoring are needed."))
    else:
        jobs.ring(job)
    return redirect("predictions:profit")


def _page(request: HttpRequest, standing: accounts.Standing, form: EconomicsForm, *, status: int = 200) -> HttpResponse:
    currency = request.tenant.currency
    context = {
        "standing": standing,
        "job": standing.open,
        "form": form,
        "currency": currency,
        "costs": _costs(form) if standing.economics else [],
        **(_account(standing.shown, currency) if standing.shown else {}),
        **_contenders(standing.run.version if standing.run else None, currency),
    }
    return render_page(request, f"{_PAGE}#job", context, status=status)


def _costs(form: EconomicsForm) -> list[tuple[str, object]]:
    """What was said, label and figure, for those who may not change it."""
    return [
        (field.label, form[name].field.prepare_value(form.get_initial_for_field(field, name)))
        for name, field in form.fields.items()
    ]


def _account(account: ProfitRun, currency: str) -> dict[str, object]:
    curve, found = account.curve, account.backtest
    return {
        "result": words.result(curve, found, account.refusal, currency),
        "expected_chart": charts_profit.expected(curve, currency),
        "measured_chart": charts_profit.measured(found, currency),
        "slider": _slider(curve, currency),
        "assumed": words.assumed(account.economics, curve, currency),
        "measured": words.measured(curve, found),
    }


def _slider(curve: dict, currency: str) -> dict[str, object] | None:
    """What the script reads: the curve's points, and the best of them."""
    if not curve or "leavers" not in curve:
        return None
    told = {name: curve[name] for name in ("customers", "profit", "leavers", "rows")}
    return {**told, "best": {name: curve["best"][name] for name in ("customers", "profit")}, "currency": currency}


def _contenders(version: ModelVersion | None, currency: str) -> dict[str, object]:
    """The candidates of the version in charge by what they would have earned, where its training measured it."""
    rows = version.details.get("profit", []) if version else []
    if not rows:
        return {}
    candidates = {row.get("name"): row for row in version.details.get("candidates", [])}
    return {
        "contenders": [
            {
                **words.contender(row, rows[0], wording.algorithm(candidates.get(row["name"], {}).get("title", row["name"])), currency),
                "chosen": candidates.get(row["name"], {}).get("chosen", False),
            }
            for row in rows
        ]
    }  # fmt: skip
