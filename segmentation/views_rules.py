"""Rule segments: the list, the builder with its live count, save and delete."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.errors import Refused
from core.htmx import render_page
from tenants.permissions import requires

from . import audiences, conditions, selectors, services, wording_builder
from . import wording_conditions as words
from .models import RuleSegment

_PAGE = "segmentation/rule.html"
_SHOWN = 500


@require_safe
@requires("view_customers")
def rule_list(request: HttpRequest) -> HttpResponse:
    """Audiences by conditions, each as a sentence."""
    catalogue = audiences.catalogue()
    rows = [{"segment": one, "sentence": _sentence(one, catalogue)} for one in selectors.rule_segments()[:_SHOWN]]
    return render_page(request, "segmentation/rules.html", {"rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@requires("save_rule_segments")
def new_rule(request: HttpRequest) -> HttpResponse:
    return _edit(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@requires("save_rule_segments")
def rule_detail(request: HttpRequest, public_id) -> HttpResponse:
    return _edit(request, _find(public_id))


def _edit(request: HttpRequest, segment: RuleSegment | None) -> HttpResponse:
    """The builder; a POST saves, or comes back with what is wrong and everything that was written."""
    catalogue = audiences.catalogue()
    if request.method != "POST":
        rule = segment.rule if segment else {"all": []}
        return _page(request, segment, segment.name if segment else "", rule, catalogue)
    name, rule = request.POST.get("name", ""), request.POST.get("conditions", "")
    try:
        saved = services.save_rule(actor=request.user, name=name, rule=rule, segment=segment)
    except Refused as refusal:
        return _page(request, segment, name, rule, catalogue, refusal=refusal)
    messages.success(request, _("“%(name)s” is saved.") % {"name": saved.name})
    return redirect("segmentation:rules")


def _page(request, segment, name, rule, catalogue, *, refusal: Refused | None = None) -> HttpResponse:
    tree, problems = None, ()
    try:
        tree = conditions.parse(rule, catalogue)
    except conditions.Invalid as error:
        problems = error.problems if request.method == "POST" else ()
    context = {
        "segment": segment,
        "name": name,
        "rule": wording_builder.rule_form(rule, catalogue, tree=tree, problems=problems),
        "count_url": reverse("segmentation:count_rule"),
        "name_error": refusal.message if refusal and refusal.code in ("name_missing", "name_taken") else "",
        "error": refusal.message if refusal and refusal.code == "too_many" else "",
    }
    return render_page(request, _PAGE, context, status=422 if refusal else 200)


@require_POST
@requires("view_customers")
def count(request: HttpRequest) -> HttpResponse:
    """How many are in, with a few names: asked again at each change of the builder."""
    try:
        tree = services.read_rule(request.POST.get("conditions", ""))
    except Refused as refusal:
        problems = [{**one, "words": _words(one)} for one in refusal.facts["problems"]]
        return render_page(request, "segmentation/_conditions.html#audience", {"problems": problems})
    found = audiences.count(tree)
    names = [customer.display_name for customer in audiences.sample(tree)]
    context = {"counted": words.counted(found), "names": names, "sentence": words.sentence(tree)}
    return render_page(request, "segmentation/_conditions.html#audience", context)


def _words(problem: dict) -> str:
    return words.problem(conditions.Problem(**problem))


@require_POST
@requires("save_rule_segments")
def delete_rule(request: HttpRequest, public_id) -> HttpResponse:
    segment = _find(public_id)
    services.delete_rule(segment=segment, actor=request.user)
    messages.info(request, _("“%(name)s” is deleted; its customers are untouched.") % {"name": segment.name})
    return redirect("segmentation:rules")


def _find(public_id) -> RuleSegment:
    segment = selectors.rule_segments().filter(public_id=public_id).first()
    if segment is None:
        raise Http404
    return segment


def _sentence(segment: RuleSegment, catalogue) -> str:
    try:
        return words.sentence(conditions.parse(segment.rule, catalogue), catalogue)
    except conditions.Invalid:
        return _("It asks a field that your data no longer has: open it and change it.")
