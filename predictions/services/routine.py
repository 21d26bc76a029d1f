"""What happens by itself, by the company's own clock: scoring by night, a check by week, a challenger by month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import Refused
from customers import services as customer_services
from tenants import services as tenants
from tenants.models import User
from tenants.scoping import current_tenant

from .. import registry as selectors
from ..models import AlarmReader, Routine

FIELDS = (
    "scores_nightly", "scoring_hour", "checks_weekly", "check_weekday", "retrains_monthly", "retrain_day",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be done now."""

    scoring: bool = False
    check: bool = False
    training: bool = False

    def __bool__(self) -> bool:
        return self.scoring or self.check or self.training


def set_routine(*, actor: User | None, **fields: object) -> Routine:
    """Change what happens by itself. Raises Refused where a value is no hour, weekday or day of a month."""
    if unknown := set(fields) - set(FIELDS):
        raise ValueError(f"no such part of a routine: {sorted(unknown)}")
    limits = {"scoring_hour": (0, 23), "check_weekday": (0, 6), "retrain_day": (1, 28)}
    for name, (least, most) in limits.items():
        if name in fields and not least <= int(fields[name]) <= most:
            raise Refused(
                "bad_routine", _("Choose a value from %(least)s to %(most)s.") % {"least": least, "most": most}
            )
    with transaction.atomic():
        routine = selectors.routine()
        for name, value in fields.items():
            setattr(routine, name, value)
        routine.save()
        tenants.record("routine_set", routine, actor=actor, **fields)
    return routine


def take_due(now: datetime | None = None) -> Due:
    """What is due at this moment, marked as taken in the same breath: asked twice, the second answer is nothing.

    Due is what the company's clock has passed today and was not done since; after a night of standstill it is done late.
    """
    now = now or timezone.now()
    local = now.astimezone(ZoneInfo(current_tenant().time_zone))
    today = local.date()
    with transaction.atomic():
        routine = Routine.objects.select_for_update().first() or selectors.routine()
        is_time = local.hour >= routine.scoring_hour
        scoring = routine.scores_nightly and is_time and routine.last_scored_on != today
        check = (
            routine.checks_weekly
            and is_time
            and today.weekday() == routine.check_weekday
            and routine.last_checked_on != today
        )
        training = (
            routine.retrains_monthly
            and is_time
            and today.day >= routine.retrain_day
            and (routine.last_retrained_on is None or routine.last_retrained_on.replace(day=1) != today.replace(day=1))
        )
        if routine.pk is None and routine.retrains_monthly:
            training = False  # a company that is new this month has trained, or will, by hand
            routine.last_retrained_on = today
        if not (scoring or check or training or routine.pk is None):
            return Due()
        if scoring:
            routine.last_scored_on = today
        if check:
            routine.last_checked_on = today
        if training:
            routine.last_retrained_on = today
        routine.save()
    return Due(scoring=scoring, check=check, training=training)


def read_alarms(*, user: User, by_mail: bool) -> None:
    """A person asks for alarms by mail, or no longer does."""
    if by_mail:
        AlarmReader.objects.get_or_create(user=user, defaults={"tenant": current_tenant()})
    else:
        AlarmReader.objects.filter(user=user).delete()


def may_learn() -> bool:
    """Whether a training that nobody asked for has enough to learn from; a person's own is refused in words instead."""
    return customer_services.readiness()["verdict"] != "not_yet"
