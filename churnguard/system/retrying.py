"""Trying a dead job again, because a person looked at its reason and mended it."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from core import jobs
from core.errors import Refused
from core.models import Job, JobState
from tenants import services as tenants
from tenants.models import User

from . import selectors


def try_again(*, job: Job, actor: User) -> None:
    """Put a dead job back in the queue (the caller rings). Refused("not_dead" | "overtaken" | "one_at_a_time")."""
    if job.state == JobState.DEAD and selectors.is_overtaken(job):
        raise Refused("overtaken", _("A later one has done this since: there is nothing to try again."))
    try:
        with transaction.atomic():
            resumed = jobs.resume(job, since=(JobState.DEAD,))
            if resumed:
                tenants.record("job_tried_again", job, actor=actor)
    except IntegrityError:
        raise Refused("one_at_a_time", _("Another one of this kind is under way: wait until it has ended.")) from None
    if not resumed:
        raise Refused("not_dead", _("This job is not given up: somebody tried it again already, or it has ended."))
