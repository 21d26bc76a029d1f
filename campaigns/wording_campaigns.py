"""Campaigns in words: for whom, where one stands, who is left out, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from core.templatetags.ui import percent, thousands
from segmentation import selectors as segmentation
from segmentation import services as segments

from .models import Audience, Campaign, Preparation, Recipient

State = Campaign.State

LANGUAGE_NAMES = {"fr": gettext_lazy("French"), "en": gettext_lazy("English"), "ar": gettext_lazy("Arabic")}


def language(code: str) -> str:
    return str(LANGUAGE_NAMES.get(code, code))


# ---------------------------------------------------------------- for whom


@dataclass(frozen=True, slots=True)
class Names:
    """What segments and rule segments are called now: by label (``S1``), and by public identifier."""

    segments: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[str, str] = field(default_factory=dict)


def names() -> Names:
    """Two questions, however many campaigns are shown."""
    found = {f"S{one.number}": f"{one.label} · {segments.persona_of(one)}" for one in segmentation.segments()}
    rules = segmentation.rule_segments().order_by("name").values_list("public_id", "name")[:500]
    return Names(found, {str(public_id): name for public_id, name in rules})


_BANDS = {
    "high": gettext_lazy("high risk"),
    "medium": gettext_lazy("medium risk"),
    "low": gettext_lazy("low risk"),
}


def audience(chosen: Mapping[str, Any], known: Names) -> str:
    """For whom a campaign is, in a few words."""
    kind = chosen.get("kind")
    if kind == Audience.RISK:
        return _risk(chosen)
    if kind == Audience.SEGMENT:
        return ", ".join(known.segments.get(str(one), str(one)) for one in chosen.get("segments", []))
    if kind == Audience.RULE:
        name = known.rules.get(str(chosen.get("rule_segment")))
        return _("“%(name)s”") % {"name": name} if name else _("an audience that is not there any more")
    if kind == Audience.LIST:
        n = len(chosen.get("numbers", []))
        return ngettext("%(n)s customer by number", "%(n)s customers by number", n) % {"n": thousands(n)}
    if kind == Audience.PERSUADABLE:
        return _("those whom a mail keeps")
    return _("nobody chosen yet")


def _risk(chosen: Mapping[str, Any]) -> str:
    if bands := chosen.get("bands"):
        words = [str(_BANDS.get(band, band)) for band in ("high", "medium", "low") if band in bands]
        return words[0] if len(words) == 1 else _(" and ").join([", ".join(words[:-1]), words[-1]])
    low, high = chosen.get("low"), chosen.get("high")
    if low is not None and high is not None:
        return _("risk from %(low)s to %(high)s") % {"low": percent(low), "high": percent(high)}
    if high is None:
        return _("risk from %(low)s") % {"low": percent(low)}
    return _("risk up to %(high)s") % {"high": percent(high)}


# ---------------------------------------------------------------- where it stands

_ORDER = (State.DRAFT, State.CHECKED, State.APPROVED, State.RUNNING, State.FINISHED)
_PLACE = {
    State.DRAFT: 0,
    State.CHECKED: 1,
    State.APPROVED: 2,
    State.LAUNCHING: 3,
    State.RUNNING: 3,
    State.PAUSED: 3,
    State.FINISHED: 4,
    State.CANCELLED: 4,
}
TONES = {
    State.DRAFT: "",
    State.CHECKED: "info",
    State.APPROVED: "info",
    State.LAUNCHING: "running",
    State.RUNNING: "running",
    State.PAUSED: "warning",
    State.FINISHED: "success",
    State.CANCELLED: "cancelled",
}


def steps(campaign: Campaign) -> list[dict[str, str]]:
    """The stations of a campaign, each ``done``, ``current``, ``moving``, ``stopped`` or ``ahead``."""
    here = _PLACE[campaign.state]
    reached = here if campaign.state != State.CANCELLED else _reached(campaign)
    found = []
    for at, station in enumerate(_ORDER):
        state = "done" if at < reached else "ahead"
        name = str(State(station).label)
        if at == here:
            name = str(State(campaign.state).label)
            state = {State.LAUNCHING: "moving", State.RUNNING: "moving", State.PAUSED: "stopped"}.get(
                campaign.state, "current"
            )
            if campaign.state in (State.FINISHED, State.CANCELLED):
                state = "done" if campaign.state == State.FINISHED else "stopped"
        found.append({"name": name, "state": state, "is_here": at == here})
    return found


def _reached(campaign: Campaign) -> int:
    """How many stations a campaign had passed when it was cancelled."""
    if campaign.launched_at:
        return 4
    return 3 if campaign.approved_at else 2 if campaign.checked_at else 1


def missing(campaign: Campaign) -> list[str]:
    """What a draft still lacks before it can be checked."""
    found = []
    if not campaign.audience:
        found.append(_("Choose whom it is for."))
    if campaign.message is None:
        found.append(_("Choose the message that goes out."))
    return found


def job(preparation: Preparation) -> str:
    return _("Looking who would get it") if preparation.kind == Preparation.Kind.CHECK else _("Freezing the audience")


# ---------------------------------------------------------------- who is left out

_LEFT_OUT = {
    "no_address": (
        gettext_lazy("no e-mail address"),
        gettext_lazy("Bring the addresses in with the next import."),
    ),
    "no_consent": (
        gettext_lazy("did not agree to be written to"),
        gettext_lazy(
            "Who has not agreed is not written to: record consents, or say on what other ground you may write."
        ),
    ),
    "suppressed": (
        gettext_lazy("let alone: they unsubscribed, complained, or their address is dead"),
        gettext_lazy("This holds for every campaign."),
    ),
    "universal_control": (
        gettext_lazy("written to by nobody in this quarter"),
        gettext_lazy("They show what all campaigns together bring."),
    ),
    "other_holdout": (
        gettext_lazy("left alone by another campaign until it is measured"),
        gettext_lazy("Writing to them would spoil its proof."),
    ),
    "capped": (
        gettext_lazy("written to often enough lately"),
        gettext_lazy("Your own limit of mails in so many days keeps them out."),
    ),
    "do_not_disturb": (
        gettext_lazy("a mail makes them leave"),
        gettext_lazy("Your own experiments show it."),
    ),
    "left_already": (gettext_lazy("left already"), ""),
}


def left_out(checked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Who is left out and why, the most first."""
    rows = sorted(checked.get("left_out", {}).items(), key=lambda one: -one[1])
    total = max(checked.get("audience", 0), 1)
    found = []
    for code, n in rows:
        why, hint = _LEFT_OUT.get(code, (code.replace("_", " "), ""))
        found.append({"code": code, "why": str(why), "hint": str(hint), "customers": n, "share": n / total})
    return found


def why_left_out(code: str) -> str:
    return str(_LEFT_OUT[code][0]) if code in _LEFT_OUT else ""


ARMS = {
    Recipient.Arm.A: gettext_lazy("written to"),
    Recipient.Arm.B: gettext_lazy("get the other message"),
    Recipient.Arm.HOLDOUT: gettext_lazy("left alone"),
}


def arm(code: str, *, has_rival: bool) -> str:
    if code == Recipient.Arm.HOLDOUT:
        return _("left alone")
    if not has_rival:
        return _("written to")
    return _("message A") if code == Recipient.Arm.A else _("message B")


def arm_of(campaign: Campaign, code: str) -> str:
    """The same with the name of its message, where there are two."""
    named = {Recipient.Arm.A: campaign.message, Recipient.Arm.B: campaign.rival}.get(code)
    words = arm(code, has_rival=campaign.rival_id is not None)
    return f"{words} ({named})" if campaign.rival_id is not None and named is not None else words


def share(value: float) -> str:
    """A share as it was given: 12.5 percent is not 12."""
    return percent(value, 0 if round(100 * value, 3).is_integer() else 1)


# ---------------------------------------------------------------- what came of it

_VERDICTS = {
    "no_holdout": ("", gettext_lazy("nothing to compare with")),
    "broken_randomisation": ("warning", gettext_lazy("cannot be read: the lots went wrong")),
    "too_early": ("info", gettext_lazy("too early to say")),
    "no_outcomes": ("", gettext_lazy("nobody's outcome is known")),
    "uneven_missing": ("warning", gettext_lazy("too many outcomes are missing")),
    "not_enough_evidence": ("", gettext_lazy("not enough evidence yet")),
    "no_difference_detectable": ("", gettext_lazy("no difference worth knowing")),
    "kept": ("success", gettext_lazy("it kept customers")),
    "lost": ("error", gettext_lazy("it made customers leave")),
}


def verdict(campaign: Campaign) -> dict[str, str]:
    """What came of a campaign, for a list: a badge's tone and a few words."""
    code = campaign.result.get("verdict", "") if isinstance(campaign.result, dict) else ""
    if code in _VERDICTS:
        tone, words = _VERDICTS[code]
        return {"tone": tone, "text": str(words)}
    if campaign.launched_at is None:
        return {"tone": "", "text": ""}
    return {"tone": "", "text": pgettext("result of a campaign", "not measured yet")}
