"""Words for the account of profit: what was said of costs, what contacting would earn, and why it cannot be told."""

from __future__ import annotations

from math import floor, log10

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.errors import Refused
from core.templatetags.ui import money, percent, thousands

from ..learning import NotEnoughEvidence
from ..learning.profit import ProfitRefused
from . import not_enough

FIELD_NAMES = {
    "contact_cost": gettext_lazy("Cost of one contact"),
    "offer_cost": gettext_lazy("Cost of the offer, when it is taken"),
    "acceptance": gettext_lazy("Leavers who accept the offer and stay"),
    "stayer_acceptance": gettext_lazy("Stayers who take the offer as well"),
    "margin": gettext_lazy("Margin on what customers pay"),
    "horizon_months": gettext_lazy("Months that count"),
    "discount_rate": gettext_lazy("Discount, a year"),
}
_OURS = {"margin_share": "margin", "monthly_rate": "discount_rate"}


def refused(refusal: ProfitRefused) -> Refused:
    """The engine's refusal in the reader's language; its facts name the field as forms and programs know it."""
    facts = dict(refusal.facts)
    field = _OURS.get(str(facts.get("field", "")), str(facts.get("field", "")))
    if field:
        facts["field"] = field
    words = {"name": FIELD_NAMES.get(field, field), "most": thousands(facts.get("most"))}
    sentence = {
        "not_a_number": _("“%(name)s” must be a number."),
        "not_a_share": _("“%(name)s” must lie between 0%% and 100%%."),
        "negative": _("“%(name)s” must not be below 0."),
        "no_horizon": _("“%(name)s” must be at least 1."),
        "not_whole": _("“%(name)s” must be a whole number."),
        "too_large": _("“%(name)s” must not be above %(most)s."),
    }.get(refusal.code)
    return Refused(
        refusal.code, sentence % words if sentence else _("Profit cannot be reckoned with these figures."), **facts
    )


def about(amount: float, currency: str) -> str:
    """An amount to three digits: the fourth of an expectation would only pretend."""
    size = floor(log10(abs(amount))) if amount else 0
    digits = max(0, min(2, 2 - size))
    rounded = round(amount / 10 ** (size - 2)) * 10 ** (size - 2)
    sign = "−" if rounded < 0 else ""
    return f"{sign}{number_format(round(abs(rounded), digits), digits, force_grouping=True)}\u00a0{currency}".strip()


def share(part: float) -> str:
    """A share in whole percents; small ones with a digit more."""
    return percent(part, 0 if part >= 0.1 or not part else 1)


def result(curve: dict, backtest: dict, refusal: dict, currency: str) -> dict[str, str]:
    """What the account says: ``tone`` (low good, medium open, high bad), ``title``, ``expected``, ``measured``, ``break_even``."""
    if not curve:
        return {
            "tone": "medium",
            "title": _("Nothing can be told yet"),
            "expected": _why_no_curve(refusal.get("curve", {})),
            "measured": "",
            "break_even": "",
        }
    best, verdict = curve["best"], backtest.get("verdict", "")
    if not best["customers"]:
        verdict = "nobody"
    tone, title = {
        "gain": ("low", _("Contact %(share)s of your customers") % {"share": share(best["share"])}),
        "loss": ("high", _("Measured, these contacts would have lost money")),
        "unclear": ("medium", _("Not proven to pay")),
        "too_few_leavers": ("medium", _("Too few leavers to be sure")),
        "nobody": ("medium", _("Nobody is worth contacting at these costs")),
    }.get(verdict, ("medium", _("Expected, not measured yet")))
    return {
        "tone": tone,
        "title": title,
        "expected": _expected(curve, currency),
        "measured": _measured(backtest, currency) if backtest else _why_not_measured(refusal.get("backtest", {})),
        "break_even": _break_even(curve, backtest),
    }


def _expected(curve: dict, currency: str) -> str:
    best = curve["best"]
    if not best["customers"]:
        return _(
            "Of none of %(customers)s customers still here does the chance of keeping them outweigh what a contact and an offer cost. A cheaper contact, a cheaper offer or an offer that more people accept would change that."
        ) % {"customers": thousands(curve["rows"])}
    return ngettext(
        "Contact the %(n)s customer (%(share)s) whose contact is expected to pay: about %(profit)s a campaign.",
        "Contact the %(n)s customers (%(share)s) whose contact is expected to pay: about %(profit)s a campaign.",
        best["customers"],
    ) % {"n": thousands(best["customers"]), "share": share(best["share"]), "profit": about(best["profit"], currency)}


def _measured(found: dict, currency: str) -> str:
    facts = {
        "rows": thousands(found["rows"]),
        "n": thousands(found["contacted"]),
        "left": thousands(found["leavers"]),
        "realised": about(found["realised"], currency),
        "low": about(found["realised_low"], currency),
        "high": about(found["realised_high"], currency),
        "promised": about(found["promised_best"], currency),
    }
    tail = {
        "gain": _(
            "Measured on customers the model had not seen (%(rows)s whose outcome is known): choosing the same way would have brought %(realised)s, between %(low)s and %(high)s; %(promised)s were expected."
        ),
        "loss": _(
            "Measured on customers the model had not seen (%(rows)s whose outcome is known): choosing the same way would have brought %(realised)s, between %(low)s and %(high)s, where %(promised)s were expected. Do not go by the expectation before the model is looked at."
        ),
        "unclear": _(
            "Measured on customers the model had not seen (%(rows)s whose outcome is known), it cannot be told from nothing: %(realised)s, between %(low)s and %(high)s. A campaign with a control group, or more known outcomes, would tell."
        ),
        "too_few_leavers": _(
            "Of the %(n)s customers with a known outcome who would have been contacted only %(left)s left: too few for a measured figure that one could rely on."
        ),
        "nobody": _(
            "Among the %(rows)s customers whose outcome is known nobody would have been worth contacting either."
        ),
    }[found["verdict"]]
    return tail % facts


def _why_no_curve(refusal: dict) -> str:
    if refusal.get("code") == "no_known_value":
        return _(
            "What a customer is worth is not known for anybody: their monthly charges, or how long they have been customers, are missing. Import them, and this page fills."
        )
    return _("No customer of this scoring is still here.")


def _why_not_measured(refusal: dict) -> str:
    if refusal.get("code") in ("no_customers", "no_known_value"):
        return _("It cannot be measured: of customers whose outcome is known, the charges are not.")
    reason = not_enough(NotEnoughEvidence(refusal.get("code", ""), "", **refusal.get("facts", {}))).message
    return _("It could not be measured on customers whose outcome is known. %(reason)s") % {"reason": reason}


def _break_even(curve: dict, backtest: dict) -> str:
    measured = backtest.get("break_even")
    if measured and measured[1] is not None and measured[2] is not None:
        point, low, high = (percent(max(0.0, edge), 1) for edge in measured)
        return _(
            "Pays as long as more than %(point)s of the leavers accept (measured; between %(low)s and %(high)s)."
        ) % {
            "point": point,
            "low": low,
            "high": high,
        }
    if curve["break_even_acceptance"] is None:
        return ""
    return _("Expected to pay as long as more than %(point)s of the leavers accept.") % {
        "point": percent(curve["break_even_acceptance"], 1)
    }


def assumed(said: dict, curve: dict, currency: str) -> list[str]:
    """What the figures rest on that nobody measured, a sentence each."""
    months = round(said["horizon_months"])
    facts = {
        "contact": money(said["contact_cost"], currency),
        "offer": money(said["offer_cost"], currency),
        "acceptance": _exact(said["acceptance"]),
        "stayers": _exact(said["stayer_acceptance"]),
        "margin": _exact(said["margin"]),
        "discount": _exact(said["discount_rate"]),
        "months": thousands(months),
        "value": about(curve.get("mean_value", 0), currency),
    }
    told = [
        _("A contact costs %(contact)s, an offer that is taken %(offer)s: your word."),
        _("%(acceptance)s of those who would leave accept and stay; %(stayers)s of those who would stay take the offer too: your word, until a campaign with a control group measures it."),
        _("Of what customers pay, %(margin)s is margin; money counts for %(months)s months, less %(discount)s a year."),
    ]  # fmt: skip
    if not curve:
        return [sentence % facts for sentence in told]
    if curve.get("months_known"):
        told.append(
            _(
                "A kept customer goes on paying their present charges for as long as customers like them are expected to stay: on average they are worth %(value)s. Their own risk is in those months, which makes the riskiest look worth a little less than they are."
            )
        )
    else:
        told.append(
            _(
                "A kept customer goes on paying their present charges for all %(months)s months, because how long customers stay is not known: on average they are worth %(value)s. That is on the high side."
            )
        )
    told.append(
        _("A contact makes nobody leave who would have stayed, and fixed costs of a campaign are yours to take off.")
    )
    return [sentence % facts for sentence in told]


def _exact(part: float) -> str:
    """A share as somebody said it: 30 %, 12.5 %."""
    return percent(part, 0 if round(1000 * part) % 10 == 0 else 1)


def measured(curve: dict, backtest: dict) -> list[str]:
    """What the figures rest on that was measured, a sentence each."""
    found = [_("Each customer’s risk, by a part of the model that had not seen how their own story ended.")]
    if backtest:
        found.append(
            _("Who left and who stayed, of %(rows)s customers whose outcome and charges are known; the range holds what chance alone would change, 19 times out of 20.")
            % {"rows": thousands(backtest["rows"])}
        )  # fmt: skip
    unknown = curve.get("unknown", 0) if curve else 0
    if unknown:
        found.append(
            ngettext(
                "%(n)s customer still here is left out, because the charges or the tenure are not known: nothing is filled in.",
                "%(n)s customers still here are left out, because the charges or the tenure are not known: nothing is filled in.",
                unknown,
            )
            % {"n": thousands(unknown)}
        )
    return found


def contender(row: dict, best: dict, title: str, currency: str) -> dict[str, object]:
    """One candidate of a training in the table of profits."""
    low, high = row["profit_interval"]
    if row["name"] == best["name"]:
        standing = _("the most")
    elif row["ties"]:
        standing = _("not proven worse than the best")
    else:
        standing = _("%(less)s less than the best") % {"less": about(-row["profit_difference"], currency)}
    return {
        **row,
        "title": title,
        "empc_words": money(row["empc"], currency),
        "empc_range": _("%(low)s to %(high)s") % _edges(row["empc_interval"], lambda edge: money(edge, currency)),
        "profit_words": about(row["profit"], currency),
        "profit_range": _("%(low)s to %(high)s") % _edges((low, high), lambda edge: about(edge, currency)),
        "standing": standing,
    }


def _edges(edges, written) -> dict[str, str]:
    return {"low": written(edges[0]), "high": written(edges[1])}
