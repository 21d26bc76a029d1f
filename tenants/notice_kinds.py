"""The kinds of notifications: which events belong to one, whom it concerns, and how each role is told unless a person chooses.

A person chooses by kind, not by event: "an import ended" and "an import was taken back" are one thing to want or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext_lazy as _

from . import permissions


class Way(models.TextChoices):
    """How a person is told. Whatever is mailed stands behind the bell as well."""

    BELL = "bell", _("Bell")
    NOW = "now", _("Bell, and a mail at once")
    DAILY = "daily", _("Bell, and the daily digest")
    WEEKLY = "weekly", _("Bell, and the weekly digest")
    OFF = "off", _("Not at all")


@dataclass(frozen=True, slots=True)
class Kind:
    """``capability``: who is told of what is everybody's; ``ways``: a role's own default, else the bell."""

    name: str
    label: object
    codes: tuple[str, ...]
    capability: str = "view_notifications"
    ways: Mapping[str, str] | None = None

    def default(self, role: str) -> str:
        return (self.ways or {}).get(role, Way.BELL)


def _from(role: str, way: str) -> dict[str, str]:
    """The same way for this role and those above."""
    ladder = list(permissions.CAPABILITIES)
    return dict.fromkeys(ladder[ladder.index(role) :], way)


KINDS: tuple[Kind, ...] = (
    Kind(
        "imports",
        _("Imports that ended or were taken back"),
        ("import_finished", "import_undone", "opt_out_list_imported"),
    ),
    Kind("imports_refused", _("Files that were refused"), ("import_failed",)),
    Kind(
        "feeds",
        _("Feeds that failed or wait for you"),
        ("feed_failed", "feed_paused", "feed_waits"),
        ways=_from("operator", Way.DAILY),
    ),
    Kind("data", _("Columns in doubt"), ("columns_quarantined",)),
    Kind("training", _("Trainings that ended"), ("model_trained", "training_failed")),
    Kind(
        "challengers",
        _("Models that wait for a decision"),
        ("model_waits", "model_blocked"),
        ways=_from("analyst", Way.DAILY),
    ),
    Kind(
        "drift",
        _("Drift, and other alarms of models"),
        ("drift_found", "drift_failed", "estimate_missed", "artefact_refused"),
        ways=_from("analyst", Way.DAILY),
    ),
    Kind("scoring", _("Scorings that ended"), ("customers_scored", "scoring_failed", "profit_failed")),
    Kind(
        "segments",
        _("Segments and offers"),
        ("segments_refreshed", "segmentation_failed", "allocation_failed"),
    ),
    Kind(
        "campaigns",
        _("Campaigns that ended, and their results"),
        ("campaign_finished", "campaign_measured", "uplift_learned"),
        ways={"viewer": Way.WEEKLY},
    ),
    Kind(
        "campaigns_stopped",
        _("Campaigns that stopped or missed their hour"),
        ("campaign_paused_by_itself", "campaign_stopped", "campaign_late"),
        ways=_from("operator", Way.NOW),
    ),
    Kind("jobs", _("Jobs that were given up"), ("job_given_up",), ways=_from("operator", Way.DAILY)),
    Kind(
        "backups",
        _("Backups that failed"),
        ("backup_failed", "drill_failed"),
        "view_system",
        ways=_from("operator", Way.NOW),
    ),
    Kind(
        "members",
        _("People who joined or left"),
        ("member_joined", "member_left"),
        "manage_members",
        ways=_from("admin", Way.WEEKLY),
    ),
    Kind("keys", _("API keys about to end"), ("key_expires",), "manage_keys", ways=_from("admin", Way.DAILY)),
    Kind(
        "webhooks",
        _("Webhooks that are not taken"),
        ("webhook_given_up", "webhook_stopped"),
        "manage_webhooks",
        ways=_from("admin", Way.DAILY),
    ),
)
BY_NAME = {kind.name: kind for kind in KINDS}
KIND_OF = {code: kind for kind in KINDS for code in kind.codes}


def kinds_for(role: str) -> list[Kind]:
    """The kinds that a role is told of, in the order of the page of choices."""
    return [kind for kind in KINDS if permissions.allows(role, kind.capability)]
