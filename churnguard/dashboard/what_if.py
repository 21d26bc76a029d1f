"""What the model would say of one customer if their contract, price or services were otherwise; nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping
from math import exp

from django.http import HttpRequest, HttpResponse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from core.errors import Refused
from core.templatetags.ui import money
from predictions.forms_profit import NumberField, read_number
from predictions.services import outlooks
from predictions.wording import feature_name, value_name
from tenants.permissions import requires

from .outlook import customer_or_404, render_panel

SHOWN = 4  # differences
AT_ONCE = 6  # levers; the others are a click away
UNKNOWN = "?"  # what stands in the address for "not known"
_MONEY = {"monthly_charges"}


@require_safe
@requires("view_customers")
def client_what_if(request: HttpRequest, public_id) -> HttpResponse:
    """The panel with its answer; htmx gets the answer alone when it asks for it (``what-if-answer``)."""
    customer = customer_or_404(public_id)
    currency = request.tenant.currency
    context: dict[str, object] = {"customer": customer, "currency": currency}
    given = {name: value for name, value in request.GET.items() if value}
    changes, unread = _read(given)
    try:
        asked = outlooks.ask_what_if(customer, changes)
    except Refused as refusal:
        context["refusal"] = refusal.message
    else:
        if asked is not None:
            levers = [_lever(lever, given, currency) for lever in asked.levers]
            context["levers"], context["more_levers"] = levers[:AT_ONCE], levers[AT_ONCE:]
            context["answer"] = _answer(asked, currency)
            context["errors"] = {**unread, **{name: why_not(name, why) for name, why in asked.refused.items()}}
            context["error_list"] = [(feature_name(name), why) for name, why in context["errors"].items()]
    part = request.htmx and request.htmx.target == "what-if-answer"
    return render_panel(
        request, "dashboard/_what_if_answer.html" if part else "dashboard/_what_if.html", _("What if?"), context
    )


def _read(given: Mapping[str, str]) -> tuple[dict[str, object], dict[str, str]]:
    """Changes as the model takes them, and of those that are no numbers the reason. Names that nobody can act on are kept:
    the service refuses them in words; what is no column at all is somebody else's parameter."""
    changes, unread = {}, {}
    for name, text in given.items():
        if name in _MONEY:
            try:
                changes[name] = None if text == UNKNOWN else float(read_number(text))
            except ValueError:
                unread[name] = _("“%(value)s” is not a number.") % {"value": text[:40]}
        elif outlooks.is_known(name):
            changes[name] = None if text == UNKNOWN else text
    return changes, unread


def _lever(lever: outlooks.Lever, given: Mapping[str, str], currency: str) -> dict[str, object]:
    """One field of the form; ``now`` is what holds without a change, which the address then leaves out."""
    is_number = not lever.levels
    if is_number:
        now = NumberField().prepare_value(lever.value) or ""
        label = f"{feature_name(lever.name)} ({currency})" if lever.name in _MONEY else feature_name(lever.name)
    else:
        now, label = lever.value or UNKNOWN, feature_name(lever.name)
    options = [(level, value_name(level)) for level in lever.levels]
    if not is_number and (lever.value is None or lever.may_be_unknown):
        options.insert(0, (UNKNOWN, _("not known")))
    return {
        "name": lever.name,
        "label": label,
        "now": now,
        "value": given.get(lever.name, now),
        "options": options,
        "span": _("The model has seen %(lowest)s to %(highest)s.")
        % {"lowest": _number(lever.name, lever.lowest, currency), "highest": _number(lever.name, lever.highest, currency)}
        if is_number
        else "",
    }  # fmt: skip


def _answer(asked: outlooks.Question, currency: str) -> dict[str, object]:
    found = asked.answer
    before, after = round(100 * found.before, 1), round(100 * found.after, 1)
    spans = {lever.name: lever for lever in asked.levers}
    return {
        "before": found.before,
        "after": found.after,
        "points": round(after - before, 1),
        "tone": "same" if after == before else "better" if after < before else "worse",
        "is_asked": bool(asked.changes),
        "unseen": found.unseen,
        "differences": [
            {
                "name": feature_name(one.feature),
                "is_raised": one.change > 0,
                "odds": exp(one.change),
                "is_changed": one.feature in asked.changes,
                "before": _told(one.feature, spans[one.feature].value, currency)
                if one.feature in asked.changes
                else "",
                "after": _told(one.feature, asked.changes.get(one.feature), currency),
            }
            for one in found.differences[:SHOWN]
        ],
        "extrapolates": [
            _("%(name)s: the model has only seen %(lowest)s to %(highest)s, so its answer is a guess.")
            % {
                "name": feature_name(name),
                "lowest": _number(name, spans[name].lowest, currency),
                "highest": _number(name, spans[name].highest, currency),
            }
            for name in found.extrapolates
            if name in spans
        ],
    }


def _number(name: str, value: float | None, currency: str) -> str:
    if value is None:
        return "–"
    return money(value, currency) if name in _MONEY else number_format(round(value, 2), force_grouping=True)


def _told(name: str, value: object, currency: str) -> str:
    """A value in words."""
    if value is None:
        return _("not known")
    return value_name(value) if isinstance(value, str) else _number(name, float(value), currency)


def why_not(name: str, why: Exception) -> str:
    """Why the model cannot speak about a change."""
    facts = {"name": feature_name(name), "value": str(why.facts.get("value", ""))[:60]}
    return {
        "given": _("Nobody can act on this: it is what the customer is, or did."),
        "not_learned": _("The model does not look at this column: it was set aside in training."),
        "unknown_column": _("The model does not look at this column."),
        "unknown_level": _("“%(value)s” is nothing that the model has learned about."),
        "not_a_number": _("“%(value)s” is not a number."),
        "never_unknown": _("This was known of every customer learned from, so “not known” says nothing."),
    }.get(why.code, _("The model cannot answer this.")) % facts
