"""Keeping the current segmentation true: newcomers get their place, and what each segment stands to lose follows the scores."""

from __future__ import annotations

import numpy as np
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from core import jobs
from tenants.models import User
from tenants.scoping import current_tenant

from .. import features, selectors
from ..clustering.clusters import Clusters
from ..clustering.preparation import Preparation
from ..models import Assignment, Segment, Segmentation
from . import members, portraits


def open_assignment(*, requested_by: User | None = None) -> Assignment | None:
    """A job that puts newcomers where they belong; the open one where there is one. None: no segmentation yet."""
    if selectors.current_run() is None:
        return None
    try:
        with transaction.atomic():
            return Assignment.objects.create(tenant=current_tenant(), requested_by=requested_by)
    except IntegrityError:
        return selectors.open_assignment()


def assign_newcomers(*, assignment_id: int) -> Assignment:
    """Customers who came after the run's last one get the nearest centre's segment; portraits stay those of the run.

    Block by block, each with its checkpoint (``last_customer`` of the run): killed, it goes on where it was.
    """
    with jobs.claimed(Assignment, assignment_id) as held:
        run = selectors.current_run()
        if run is not None:
            held.report(0, 100, _("Looking for newcomers"))
            _assign(held, run)
            held.report(60, 100, _("Reckoning what segments stand to lose"))
            keys, numbers = members.read(run)
            _rename(held, run, keys, numbers)
            scores = features.shown_scores()
            if len(keys) and len(scores.keys):
                portraits.refresh_stakes(run, keys, numbers, scores)
        return held.job


def _assign(held: jobs.Claim, run: Segmentation) -> None:
    stored = run.state_of_engine
    preparation, centres = Preparation.from_json(stored["preparation"]), Clusters.from_json(stored["clusters"])
    numbers = np.array(stored["numbers"], dtype=np.int64)
    segments = {segment.number: segment for segment in Segment.objects.filter(number__in=stored["numbers"])}
    known = features.offered()
    if any(name not in known for name in stored["asked"]):
        return  # a column that the run grouped by has gone: the next refresh divides by what is there
    names, replaced = portraits.personas_in_use()
    for keys, values, _worth in features.blocks(
        stored["asked"], features.shown_scores(), known, after=run.last_customer
    ):
        places = numbers[centres.assign(preparation.apply(values))]
        with transaction.atomic():
            put = members.add(run, keys, places, segments)
            moved = Segmentation.objects.filter(pk=run.pk, is_current=True).update(last_customer=int(keys[-1]))
            held.save(assigned=held.job.assigned + put)
        if not moved:
            return  # another run has taken over, and has everybody
        for _share in portraits.write_personas(keys, places, names, replaced):
            pass
        held.report(min(59, held.job.progress_done + 1), 100, _("Looking for newcomers"))


def _rename(held: jobs.Claim, run: Segmentation, keys: np.ndarray, numbers: np.ndarray) -> None:
    """Customers of segments that somebody called otherwise get the new name."""
    names, replaced, changed = portraits.personas_to_write(run)
    if held.token > 1:  # a worker died in this job, perhaps amid the names that it had noted as written
        changed = set(names)
    for share in portraits.write_personas(keys, numbers, {n: names[n] for n in sorted(changed)}, replaced):
        held.report(60 + round(20 * share), 100, _("Giving customers their personas"))
