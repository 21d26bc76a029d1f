"""Sentences about what leaving means: a definition, its preview, and the days a model learned and was tested on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.templatetags.ui import thousands

from .features import feature_name

LABEL, CONTRACT_END, SILENCE = "label", "contract_end", "silence"
_WHOLE_MONTH = 30


def days(n: int) -> str:
    return ngettext("%(n)s day", "%(n)s days", n) % {"n": thousands(n)}


def _months(n: int) -> str:
    return ngettext("%(n)s month", "%(n)s months", n) % {"n": thousands(n)}


def day(text: str) -> str:
    """An ISO date in the reader's language."""
    return date_format(date.fromisoformat(text), "DATE_FORMAT")


def month(text: str) -> str:
    """An ISO date's month in the reader's language."""
    return date_format(date.fromisoformat(text), "YEAR_MONTH_FORMAT")


def meaning(kind: str, numbers: Mapping[str, object]) -> str:
    """What leaving means by a definition, in one sentence."""
    if kind == SILENCE:
        return _("A customer has left who uses nothing for %(days)s in a row.") % {"days": days(numbers["silent_days"])}
    if kind == CONTRACT_END:
        said = {"field": numbers["field"], "grace": days(numbers["grace_days"])}
        if numbers["grace_days"]:
            return (
                _(
                    "A customer has left whose contract ends (“%(field)s”) and is not renewed, and who uses nothing in the "
                    "first whole month that begins after %(grace)s of grace."
                )
                % said
            )
        return (
            _(
                "A customer has left whose contract ends (“%(field)s”) and is not renewed, and who uses nothing in the first "
                "whole month after it."
            )
            % said
        )
    if numbers.get("horizon_days"):
        return _("The column of your files decides: it says who left in the %(days)s before the file.") % {
            "days": days(numbers["horizon_days"])
        }
    return _("The column of your files that says who left decides.")


def window(kind: str, numbers: Mapping[str, object]) -> str:
    """Which leavers a model is asked to find; "" where no dates are known."""
    if kind == LABEL:
        return ""
    said = {"horizon": days(numbers["horizon_days"]), "gap": days(numbers["gap_days"])}
    if not numbers["gap_days"]:
        return _("Models look for who begins to leave within the next %(horizon)s.") % said
    return (
        _(
            "Models look for who begins to leave within %(horizon)s, once the next %(gap)s are over: whoever leaves before "
            "that could not be reached in time, and counts neither as left nor as stayed."
        )
        % said
    )


def what_months_tell(kind: str, numbers: Mapping[str, object]) -> str:
    """How exact a definition can be on months of use."""
    if kind == SILENCE:
        return _(
            "Use is known by month, not by day: %(days)s of silence are %(months)s without any use. A silence that begins in "
            "the middle of a month is seen from the next month on."
        ) % {"days": days(numbers["silent_days"]), "months": _months(-(-numbers["silent_days"] // _WHOLE_MONTH))}
    if kind == CONTRACT_END:
        return _(
            "Only the date that stands in the field today is known: a contract that was renewed shows its new end, and so "
            "counts as stayed. Without months of use the date alone decides."
        )
    return _("A column says who has left by the day of the file, not when: models cannot be tested on later months.")


# ---------------------------------------------------------------- what a preview found


def too_few_months(n: int) -> str:
    """Why a model cannot learn yet. ``n``: months of use that are wanting."""
    return ngettext(
        "Too few months are known: %(n)s more month is needed before a model can learn by this definition.",
        "Too few months are known: %(n)s more months are needed before a model can learn by this definition.",
        n,
    ) % {"n": thousands(n)}


def not_tested_yet(n: int) -> str:
    return ngettext(
        "A model can learn, and cannot be tested on later months yet: %(n)s more month is needed for that.",
        "A model can learn, and cannot be tested on later months yet: %(n)s more months are needed for that.",
        n,
    ) % {"n": thousands(n)}


def preview_notes(kind: str, preview: Mapping[str, object]) -> list[dict[str, str]]:
    """What a preview means for models, and what to beware of: ``words`` and ``tone`` (good, medium, high)."""
    if kind == LABEL or not preview:
        return []
    learns = preview["learns"]
    notes = []
    if learns["train"] is None:
        notes.append((too_few_months(learns["missing"]), "high"))
    elif learns["test"] is None:
        notes.append((not_tested_yet(learns["missing_to_test"]), "medium"))
    else:
        said = {"train": day(learns["train"]), "test": day(learns["test"])}
        notes.append(
            (
                _("A model would learn from customers as they were on %(train)s, and be tested on %(test)s.") % said,
                "good",
            )
        )
    known = [line for line in preview["months"] if line["left"] is not None]
    if known and not known[-1]["left"]:
        notes.append(
            (_("In the newest month that is known nobody would have left: there is nothing to learn."), "high")
        )
    if known and known[-1]["fading"]:
        notes.append((_fading(kind, known[-1]["fading"], known[-1]["month"]), "medium"))
    if preview["holes"]:
        names = ", ".join(map(month, preview["holes"]))
        notes.append((_("Use is missing or was brought in part only: %(months)s.") % {"months": names}, "medium"))
    if preview["unjudged"]:
        notes.append((_unjudged(kind, preview["unjudged"], preview["customers"]), "medium"))
    return [{"words": words, "tone": tone} for words, tone in notes]


def _fading(kind: str, n: int, day_: str) -> str:
    said = {"n": thousands(n), "day": day(day_)}
    if kind == SILENCE:
        sentence = ngettext(
            "%(n)s customer was silent already on %(day)s, but not for long enough: nobody could tell, so no model learns "
            "from that one.",
            "%(n)s customers were silent already on %(day)s, but not for long enough: nobody could tell, so no model learns "
            "from them.",
            n,
        )
    else:
        sentence = ngettext(
            "The contract of %(n)s customer had run out before %(day)s: no model learns from that one.",
            "The contracts of %(n)s customers had run out before %(day)s: no model learns from them.",
            n,
        )
    return sentence % said


def _unjudged(kind: str, n: int, customers: int) -> str:
    said = {"n": thousands(n), "all": thousands(customers)}
    if kind == SILENCE:
        sentence = ngettext(
            "%(n)s of %(all)s customers never used anything in the months that are known, and is left out.",
            "%(n)s of %(all)s customers never used anything in the months that are known, and are left out.",
            n,
        )
    else:
        sentence = ngettext(
            "%(n)s of %(all)s customers has no date of a contract’s end, and is left out.",
            "%(n)s of %(all)s customers have no date of a contract’s end, and are left out.",
            n,
        )
    return sentence % said


def against_label(found: Mapping[str, int]) -> str:
    """How far a definition and the label column agree today; "" where no label is known."""
    total = sum(found.values())
    if not total:
        return ""
    said = {
        "both": thousands(found["left_both"]),
        "here": thousands(found["left_here"]),
        "there": thousands(found["left_there"]),
    }
    return (
        _(
            "As of today, against the label column: %(both)s have left by both, %(here)s by this definition only, %(there)s by "
            "the label column only."
        )
        % said
    )


# ---------------------------------------------------------------- a model's card


def cut_sentences(facts: Mapping[str, object]) -> list[str]:
    """When a model learned and was tested, and what it was not shown; from frames.Cut.facts()."""
    definition = facts["definition"]
    said = [meaning(definition["kind"], definition), window(definition["kind"], definition)]
    if facts["as_of"]:
        said.append(
            _("It learned from customers as they were on %(day)s, by what came of them.") % {"day": day(facts["as_of"])}
        )
    else:
        said.append(too_few_months(facts["missing"]))
    if facts["test_as_of"]:
        said.append(
            _("It was tested on customers as they were on %(day)s, when all it had learned from was known.")
            % {"day": day(facts["test_as_of"])}
        )
    elif facts["as_of"]:
        said.append(not_tested_yet(facts["missing_to_test"]))
    said.append(_("Fields without dates are as they are today: what they were on that day is not known."))
    if facts["left_out"]:
        names = ", ".join(feature_name(name) for name, _why in facts["left_out"])
        said.append(_("Left out, because they may tell what happened afterwards: %(columns)s.") % {"columns": names})
    return [sentence for sentence in said if sentence]
