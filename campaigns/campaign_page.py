"""What the campaign pages show: a row of the list, the figures of an audience, and everything about one campaign."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from core.errors import Refused
from core.models import OPEN_STATES
from predictions.numbers import read_number
from tenants import mail_hold

from . import results_page, selectors, services, wording_campaigns, wording_checks, wording_running
from .models import Campaign, Preparation, Recipient
from .services import audience as audiences
from .services import progress, senders

State = Campaign.State
_UNCERTAIN_SHOWN = 200


# ---------------------------------------------------------------- the list


def rows(found: Sequence[Campaign]) -> list[dict[str, Any]]:
    """A page of campaigns with what a list says of each; the same number of questions however many they are."""
    known = wording_campaigns.names() if found else wording_campaigns.Names()
    open_jobs = selectors.open_preparations(found)
    return [
        {
            "campaign": one,
            "tone": wording_campaigns.TONES[one.state],
            "audience": wording_campaigns.audience(one.audience, known),
            "verdict": wording_campaigns.verdict(one),
            "job": open_jobs.get(one.pk),
            **_progress(one),
        }
        for one in found
    ]


def _progress(one: Campaign) -> dict[str, Any]:
    done, total = progress.settled(one.counts)
    sent = sum(states.get(Recipient.State.SENT, 0) for states in one.counts.values())
    return {"done": done, "total": total, "sent": sent, "percent": round(100 * done / total) if total else 0}


# ---------------------------------------------------------------- composing


def holdout_of(text: str) -> float | None:
    """The share that a form says, in percent; None where it cannot be read."""
    try:
        share = float(read_number(text[:20])) / 100
    except (ValueError, ArithmeticError):
        return None
    return share if 0 <= share <= 0.5 else None


def audience_figures(look: audiences.Look, holdout: float | None) -> dict[str, Any]:
    left_alone = None if holdout is None else round(look.customers * holdout)
    return {"look": look, "left_alone": left_alone, "nobody_left_alone": holdout == 0}


# ---------------------------------------------------------------- one campaign


def live(found: Campaign) -> dict[str, Any]:
    """What changes while a campaign is looked at. ``seen`` names the state of things, so that a page knows when it is out
    of date; ``moves``: something does, and it is worth asking again."""
    job = services.open_preparation(found)
    shifts = selectors.shifts(found) if found.state in selectors.UNDER_WAY else []
    if found.state in (State.RUNNING, State.PAUSED):
        services.refresh_counts(found)
    is_running = found.state == State.RUNNING
    waiting = wording_running.senders_wait(shifts) if is_running else []
    moves = job is not None or found.state == State.LAUNCHING or is_running
    return {
        "job": job,
        "job_title": wording_campaigns.job(job) if job else "",
        "is_check": job is not None and job.kind == Preparation.Kind.CHECK,
        "is_running": is_running,
        "waits": waiting,
        "pace": wording_running.pace(selectors.mails_per_minute(found)) if is_running and not waiting else "",
        "counted": wording_running.counts(found.counts),
        "is_sending": any(shift.state in OPEN_STATES for shift in shifts),
        "moves": moves,
        "every": "2s" if is_running else "1s",
        "seen": f"{found.state}-{job.pk if job else 0}",
        **_progress(found),
    }


def page(found: Campaign, request: HttpRequest) -> dict[str, Any]:
    known = wording_campaigns.names()
    checked = found.checked or {}
    context = {
        "campaign": found,
        "mail_held": held_words(found),
        "steps": wording_campaigns.steps(found),
        "tone": wording_campaigns.TONES[found.state],
        "audience": wording_campaigns.audience(found.audience, known),
        "why_paused": wording_running.why_paused(found.why_paused or {}),
        "holdout_words": wording_campaigns.share(found.holdout),
        "rival_words": wording_campaigns.share(found.rival_share),
        "default_language": wording_campaigns.language(found.default_language),
        **live(found),
    }
    if found.is_begun:
        context |= _begun(found)
    else:
        context |= _before(found)
    if checked:
        context |= _checked(found, checked)
    return context


def held_words(found: Campaign | None = None) -> str:
    """Why nothing goes out from here; "" where mail may go, and for a campaign that is over."""
    if found is not None and found.state in (State.FINISHED, State.CANCELLED):
        return ""
    hold = mail_hold.mail_hold()
    return mail_hold.words(hold) if hold is not None else ""


def _before(found: Campaign) -> dict[str, Any]:
    """What stands between a campaign and its beginning."""
    last = selectors.last_preparation(found)
    return {
        "missing": wording_campaigns.missing(found),
        "failed": last if last is not None and last.error_message and not found.checked else None,
        "sender": senders.sender(),
        "obstacle": _obstacle(),
        "is_stale": bool(found.checked_at and found.checked_at < timezone.now() - timedelta(days=7)),
        "starts_by_itself": bool(found.scheduled_at and found.scheduled_at > timezone.now()),
        "test_languages": [(code, wording_campaigns.language(code)) for code in _languages(found)],
    }


def _obstacle() -> Refused | None:
    """What a sender lacks before a first real mail; its code says whether a reason would do instead."""
    profile = senders.sender()
    try:
        senders.require_complete(profile)
        senders.require_domain(profile)
    except Refused as refusal:
        return refusal
    return None


def _languages(found: Campaign) -> list[str]:
    version = found.message.versions.order_by("-number").first() if found.message else None
    return version.languages if version else []


def _checked(found: Campaign, checked: dict[str, Any]) -> dict[str, Any]:
    left_out = wording_campaigns.left_out(checked)
    arms = checked.get("arms", {})
    languages = sorted(checked.get("languages", {}).items(), key=lambda one: -one[1])
    return {
        "checked": checked,
        "left_out": left_out,
        "left_out_total": sum(one["customers"] for one in left_out),
        "arms": [
            {"name": wording_campaigns.arm_of(found, arm), "customers": arms[arm]}
            for arm in Recipient.Arm.values
            if arms.get(arm)
        ],
        "languages": [{"name": wording_campaigns.language(code), "customers": n} for code, n in languages],
        "power": wording_checks.power(checked) if checked.get("treated") else None,
        "warnings": wording_checks.warnings(checked) if not found.is_begun else [],
        "sample": selectors.some_customers(checked.get("sample", [])),
    }


def _begun(found: Campaign) -> dict[str, Any]:
    states = {}
    for arm in found.counts.values():
        for state, n in arm.items():
            states[state] = states.get(state, 0) + n
    uncertain = []
    if states.get(Recipient.State.UNCERTAIN):
        rows = selectors.recipients(found, states=(Recipient.State.UNCERTAIN,)).order_by("pk")
        uncertain = list(rows[:_UNCERTAIN_SHOWN])
    measured_on = timezone.localdate(found.launched_at) + timedelta(days=found.horizon_days)
    return {
        "uncertain": [{"recipient": one, "why": wording_running.reason(one.reason)} for one in uncertain],
        "uncertain_total": states.get(Recipient.State.UNCERTAIN, 0),
        "failed_total": states.get(Recipient.State.FAILED, 0),
        "held_out_total": states.get(Recipient.State.HELD_OUT, 0),
        "measured_on": measured_on,
        **results_page.summary(found),
    }
