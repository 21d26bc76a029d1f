"""Questions about who is in charge, who was, what speaks for and against a version, and what happens by itself."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from tenants.models import Membership, User
from tenants.scoping import current_tenant

from .models import AlarmReader, DriftReport, Economics, ModelVersion, ProfitRun, Promotion, Routine, ScoringRun
from .selectors import champion


def challenger() -> ModelVersion | None:
    """The newest version that was trained after the one in charge: it runs in the shadow until somebody decides."""
    in_charge = champion()
    newest = ModelVersion.objects.order_by("-number").first()
    return newest if in_charge and newest and newest.number > in_charge.number else None


def champion_before() -> ModelVersion | None:
    """The model that the one in charge took over from; by it a roll-back goes."""
    last = Promotion.objects.select_related("before").first()
    return last.before if last else None


def promotion_list() -> QuerySet[Promotion]:
    """Who was put in charge when, by whom and why; newest first."""
    return Promotion.objects.select_related("version", "before", "by")


def version_in_charge_at(moment: datetime) -> ModelVersion | None:
    """The version that was in charge at a moment."""
    line = Promotion.objects.filter(at__lte=moment).select_related("version").first()
    return line.version if line else None


def run_shown_at(moment: datetime) -> ScoringRun | None:
    """The scoring whose risks were shown at a moment, and by its ``version`` the model that scored everybody in it."""
    runs = ScoringRun.objects.filter(state="succeeded", finished_at__lte=moment).select_related("version")
    return runs.order_by("-finished_at").first()


def open_gates(version: ModelVersion) -> list[dict]:
    """Gates that found an issue, or could not judge what they must."""
    return [gate for gate in version.gates if gate["state"] == "issue" or _blocks(gate)]


def blocking(version: ModelVersion) -> list[dict]:
    """Gates that keep a version from taking charge by itself."""
    return [gate for gate in version.gates if _blocks(gate)]


def _blocks(gate: dict) -> bool:
    return gate["severity"] == "blocks" and gate["state"] != "passed"


def routine() -> Routine:
    """What happens by itself; unsaved defaults where nobody changed anything."""
    return Routine.objects.first() or Routine()


def economics() -> Economics | None:
    """What a contact costs and is worth; None until somebody said so."""
    return Economics.objects.first()


def newest_profit(run: ScoringRun | None) -> ProfitRun | None:
    """The newest account of what contacting would earn on this scoring, finished or not."""
    return ProfitRun.objects.filter(scoring=run).order_by("-requested_at").first() if run else None


def drift_reports() -> QuerySet[DriftReport]:
    """Finished checks, newest first."""
    return DriftReport.objects.filter(state="succeeded").select_related("version", "scoring")


def wants_alarms(user: User) -> bool:
    """Whether this person gets alarms by mail."""
    return AlarmReader.objects.filter(user=user).exists()


def alarm_readers() -> list[User]:
    """Members who asked for alarms by mail, as long as they are members."""
    members = Membership.objects.filter(tenant=current_tenant()).values("user_id")
    readers = AlarmReader.objects.filter(user__is_active=True, user_id__in=members).select_related("user")
    return [reader.user for reader in readers]
