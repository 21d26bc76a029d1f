"""The codes of the page System as words."""

from __future__ import annotations

from django.apps import apps
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from campaigns.models import Recipient
from core.broker import Worker

from .selectors import DeadJob, Kind, Standing, started_at


def part(name: str) -> str:
    return {
        "database": _("Database"),
        "migrations": _("Tables"),
        "broker": _("Broker"),
        "site": _("This site"),
        "sweeper": _("Sweeper"),
    }[name]


def state_of_part(name: str, state: str) -> tuple[str, str]:
    """A part's state in words, and its tone: success, warning, error, info."""
    if (name, state) == ("migrations", "missing"):
        return _("older than the program: run “manage.py migrate”"), "error"
    if name == "sweeper":
        return {
            "ok": (_("runs"), "success"),
            "late": (_("late: is beat running, and a worker on the queue “default”?"), "error"),
        }.get(state, (_("not seen yet"), "warning"))
    return {
        "ok": (_("in order"), "success"),
        "none": (_("none: jobs wait for a worker as rows"), "info"),
        "unreachable": (_("does not answer"), "error"),
        "silent": (_("did not answer in time"), "error"),
        "unknown": (_("cannot be known now"), "warning"),
        "draining": (_("is being stopped"), "warning"),
    }[state]


def parts(found: Standing) -> list[dict[str, str]]:
    rows = []
    for name, state in {**found.parts, "sweeper": found.sweeper}.items():
        words, tone = state_of_part(name, state)
        rows.append({"name": part(name), "words": words, "tone": tone})
    return rows


def kind_of_job(label: str) -> str:
    return str(apps.get_model(label)._meta.verbose_name)


def queue(name: str) -> str:
    """What a queue is for."""
    return {
        "default": _("Imports and everything short"),
        "ml": _("Training and scoring"),
        "mail": _("Campaigns"),
    }[name]


def kinds(found: list[Kind]) -> list[dict[str, object]]:
    rows = [{"name": kind_of_job(kind.label), "kind": kind} for kind in found]
    return sorted(rows, key=lambda row: str(row["name"]))


def dead(found: list[DeadJob]) -> list[dict[str, object]]:
    return [{"name": kind_of_job(job.label), "job": job} for job in found]


def workers(found: list[Worker]) -> list[dict[str, object]]:
    return [{"worker": worker, "started_at": started_at(worker)} for worker in found]


def mails(found: dict[str, int]) -> list[dict[str, object]]:
    states = [state for state in Recipient.State if state in found]
    return [{"state": state.label, "number": found[state], "is_bad": state in _LOOKED_AT} for state in states]


_LOOKED_AT = (Recipient.State.FAILED, Recipient.State.UNCERTAIN)


def verdict(code: str) -> tuple[str, str]:
    """What the newest check for drift found, and its tone."""
    return {
        "stable": (pgettext("drift", "as when the model learned"), "success"),
        "moved": (pgettext("drift", "moved"), "warning"),
        "moved_much": (pgettext("drift", "moved a lot"), "error"),
        "too_few": (pgettext("drift", "too few to say"), "info"),
    }.get(code, (pgettext("drift", "not looked at yet"), "info"))


def version_name(name: str) -> str:
    return {"database": _("Database"), "broker": _("Broker")}.get(name, name)
