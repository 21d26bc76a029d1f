"""What a check found, in words: what effect a campaign of this size could show, and what could go wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.dateparse import parse_date
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.templatetags.ui import percent, thousands

from .wording_campaigns import language

# ---------------------------------------------------------------- what it could show


def points(share: float) -> str:
    """A difference of shares, such as ``9 points`` or ``2.4 points``."""
    value = 100 * share
    digits = 0 if value >= 10 or abs(value - round(value)) < 0.05 else 1
    number = number_format(round(value, digits), digits)
    return ngettext("%(n)s point", "%(n)s points", 1 if number == "1" else 2) % {"n": number}


def power(checked: Mapping[str, Any]) -> dict[str, str]:
    """What effect a campaign of this size could show: a sentence and its tone."""
    treated, held_out = checked.get("treated", 0), checked.get("held_out", 0)
    if not held_out:
        return {"tone": "warning", "text": _("Nobody is left alone, so that nothing can be compared: whatever happens, nobody will know whether the campaign did it.")}  # fmt: skip
    rate, least = checked.get("mean_risk"), checked.get("detectable")
    if rate is None:
        return {"tone": "warning", "text": _("Nobody of them has been scored, so that it cannot be said beforehand what a campaign of this size could show.")}  # fmt: skip
    facts = {"treated": thousands(treated), "held_out": thousands(held_out), "rate": percent(rate, 1)}
    if least is None or least > rate:
        return {
            "tone": "warning",
            "text": _("With %(treated)s written to and %(held_out)s left alone, even keeping every leaver might not be told from chance (%(rate)s are expected to leave): write to more customers, or leave more alone.") % facts,
        }  # fmt: skip
    facts |= {"least": points(least), "kept": number_format(round(100 * least / rate), 0)}
    return {
        "tone": "info",
        "text": _("With %(treated)s written to and %(held_out)s left alone, and %(rate)s expected to leave, a difference of %(least)s or more would show in four of five cases: %(kept)s of 100 leavers kept. A smaller effect may be there and not be seen.") % facts,
    }  # fmt: skip


# ---------------------------------------------------------------- what could go wrong


def warnings(checked: Mapping[str, Any]) -> list[dict[str, str]]:
    """What a check warns of, in words, the worst first; what the page says elsewhere is not said twice."""
    found = []
    for one in checked.get("warnings", []):
        said = warning(str(one.get("code", "")), one.get("facts", {}))
        if said:
            found.append(said)
    order = {"error": 0, "warning": 1, "info": 2}
    return sorted(found, key=lambda one: order[one["tone"]])


def warning(code: str, facts: Mapping[str, Any]) -> dict[str, str] | None:
    """One of them; None for a code that the page says by other means."""
    maker = _WARNINGS.get(code)
    if maker is None:
        return {"code": code, "tone": "warning", "text": code.replace("_", " ").capitalize(), "link": ""}
    tone, text, link = maker(facts)
    return {"code": code, "tone": tone, "text": text, "link": link} if text else None


def _n(facts: Mapping[str, Any], name: str) -> str:
    return thousands(int(facts.get(name) or 0))


def _nobody(_facts):
    return "error", _("Nobody would get it: look below who is left out, and why."), ""


def _no_holdout(_facts):
    return "warning", _("Nobody is left alone. Without a group to compare with, it will never be known whether this campaign kept anybody."), "edit"  # fmt: skip


def _mostly_left_out(facts):
    return (
        "warning",
        _("Most of the audience is left out: %(left_out)s of %(audience)s.") % {"left_out": _n(facts, "left_out"), "audience": _n(facts, "audience")},
        "",
    )  # fmt: skip


def _mostly_stayers(facts):
    return (
        "warning",
        _("Of these customers only %(rate)s are expected to leave: most would stay without an offer, and some are reminded that they could go.") % {"rate": percent(facts.get("rate"), 1)},
        "edit",
    )  # fmt: skip


def _not_scored(_facts):
    return "warning", _("None of them has been scored: nobody knows whether they are about to leave."), ""


def _no_wording(facts):
    n = int(facts.get("customers") or 0)
    languages = ", ".join(language(code) for code in facts.get("languages", []))
    return (
        "error",
        ngettext(
            "%(n)s customer reads a language in which the message is not written (%(languages)s), and gets it in another one.",
            "%(n)s customers read a language in which the message is not written (%(languages)s), and get it in another one.",
            n,
        )
        % {"n": thousands(n), "languages": languages},
        "message",
    )  # fmt: skip


def _short_stock(facts):
    return (
        "warning",
        _("The offer is in stock %(stock)s times, and %(treated)s customers would be offered it.") % {"stock": _n(facts, "stock"), "treated": _n(facts, "treated")},
        "",
    )  # fmt: skip


def _offer_over(facts):
    day = parse_date(str(facts.get("until", "")))
    return "error", _("The offer was valid until %(day)s: choose another one.") % {"day": date_format(day) if day else "–"}, "edit"  # fmt: skip


def _no_offer(_facts):
    return (
        "error",
        _("The message speaks of an offer, and this campaign has none: the sentence would end in nothing."),
        "edit",
    )


def _domain(_facts):
    return "warning", _("The sender's domain is not in order: mail may be taken for spam."), "sender"


def _domain_unchecked(_facts):
    return "warning", _("The sender's domain has not been checked yet (SPF, DKIM, DMARC)."), "sender"


def _mailbox(_facts):
    return "info", _("No mail server is set: the mails go to the mailbox inside ChurnGuard, and nobody outside gets one."), "sender"  # fmt: skip


def _uplift_not_proved(_facts):
    return "info", _("Whom a mail keeps, and whom it makes leave, is not proved yet by experiments of your own: they are chosen by risk until then."), ""  # fmt: skip


_WARNINGS = {
    "nobody": _nobody,
    "no_holdout": lambda _facts: ("warning", "", ""),  # the sentence on what it could show says it
    "cannot_show": lambda _facts: ("warning", "", ""),
    "mostly_left_out": _mostly_left_out,
    "mostly_stayers": _mostly_stayers,
    "not_scored": _not_scored,
    "no_wording": _no_wording,
    "short_stock": _short_stock,
    "offer_over": _offer_over,
    "no_offer": _no_offer,
    "domain": _domain,
    "domain_unchecked": _domain_unchecked,
    "mailbox": _mailbox,
    "uplift_not_proved": _uplift_not_proved,
}
