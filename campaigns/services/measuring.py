"""Who stayed because of a campaign: outcomes looked up by the customers' own data, compared by lots, written down once.

Until the horizon is over, what is known so far is shown as provisional, at most once a day, and never as a result. When it is
over, and the data says of everybody what became of them, outcomes are read once: the campaign's result is final, and
customers.Interaction knows who left. A cancelled campaign is not measured: those it left alone were free for others at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from django.db import IntegrityError, transaction
from django.db.models import BooleanField, Case, Exists, IntegerField, OuterRef, Value, When
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from core import bulk, jobs
from core.errors import Refused
from core.models import OPEN_STATES, JobState
from customers import selectors as customers
from customers import services as customer_services
from tenants import services as tenants
from tenants.models import Level, User
from tenants.scoping import current_tenant

from ..models import Campaign, Measurement, Recipient
from ..models.campaigns import WRITTEN
from ..outreach.experiment import verdicts
from ..signals import campaign_measured
from . import snapshots
from .comparing import ARMS, Rows, compare, iso

BLOCK = 10_000
_DUE_AT_ONCE = 200
_MEASURED = (Campaign.State.RUNNING, Campaign.State.PAUSED, Campaign.State.FINISHED)
State = Campaign.State


# ---------------------------------------------------------------- where it stands


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the measuring of a campaign is.

    code        not_begun, cancelled; running (nothing is known of after the launch yet), provisional (something is); waits
                (the horizon is over and the data is wanting), due (all is known: the next look of the system measures); final
    until       the last day of the horizon; days_left to it, by today's date
    aftermath   what is known of who left (None: nobody asks any more)
    job         the measurement that is under way
    """

    code: str
    until: date | None = None
    days_left: int = 0
    aftermath: customers.Aftermath | None = None
    job: Measurement | None = None

    @property
    def can_be_asked(self) -> bool:
        """Whether a measurement now would find something."""
        return self.job is None and self.code in ("provisional", "due")


def standing(campaign: Campaign) -> Standing:
    """For a page: a handful of questions, however many recipients there are."""
    if campaign.launched_at is None or campaign.state == State.LAUNCHING:
        return Standing("not_begun")
    until = horizon_end(campaign)
    days_left = max((until - timezone.localdate()).days, 0)
    if campaign.state == State.CANCELLED:
        return Standing("cancelled", until, days_left)
    job = Measurement.objects.filter(campaign=campaign, state__in=OPEN_STATES).first()
    if is_final(campaign):
        return Standing("final", until, 0, job=job)
    known = aftermath_of(campaign)
    if known.is_known:
        code = "due"
    elif days_left == 0:
        code = "waits"
    else:
        code = "provisional" if known.can_be_looked_at else "running"
    return Standing(code, until, days_left, known, job)


def horizon_end(campaign: Campaign) -> date:
    """The last day on which leaving counts, by the company's calendar."""
    return timezone.localdate(campaign.launched_at) + timedelta(days=campaign.horizon_days)


def aftermath_of(campaign: Campaign) -> customers.Aftermath:
    return customers.aftermath(timezone.localdate(campaign.launched_at), horizon_end(campaign))


def is_final(campaign: Campaign) -> bool:
    """Whether the result stands: outcomes were read, and the file that told them was not taken back since."""
    found = campaign.result or {}
    if not found.get("is_final"):
        return False
    source = found.get("import")
    return source is None or customers.import_list().filter(pk=source, undone_at=None).exists()


# ---------------------------------------------------------------- asking for it


def open_measurement(*, campaign: Campaign, requested_by: User | None = None) -> Measurement:
    """A measurement that waits (the caller rings); the open one where there is one.

    Raises Refused: ``not_begun``, ``is_cancelled``, ``already_measured``, ``no_data_yet``.
    """
    _require_measurable(campaign)
    try:
        with transaction.atomic():
            return Measurement.objects.create(tenant=current_tenant(), campaign=campaign, requested_by=requested_by)
    except IntegrityError:
        found = Measurement.objects.filter(campaign=campaign, state__in=OPEN_STATES).first()
        if found is None:
            raise
        return found


def _require_measurable(campaign: Campaign) -> customers.Aftermath:
    if campaign.launched_at is None or campaign.state == State.LAUNCHING:
        raise Refused("not_begun", _("It has not begun: there is nothing to measure."))
    if campaign.state == State.CANCELLED:
        raise Refused(
            "is_cancelled",
            _("It was cancelled, and those left alone were free for other campaigns: nothing is compared."),
        )
    if is_final(campaign):
        raise Refused(
            "already_measured", _("It is measured: outcomes are read once, or chance would choose the result.")
        )
    known = aftermath_of(campaign)
    if not known.can_be_looked_at:
        raise Refused("no_data_yet", wanted_words(known), wanted=known.wanted.isoformat(), source=known.source)
    return known


def wanted_words(known: customers.Aftermath) -> str:
    """Which data is wanting before who left is known, for a person who brings it."""
    day = date_format(known.wanted, "DATE_FORMAT")
    if known.source == "label":
        return _("Bring a file of %(day)s or later that says who left.") % {"day": day}
    return _("Bring the months of use up to %(day)s: who left is told by them.") % {
        "day": date_format(known.wanted - timedelta(days=1), "DATE_FORMAT")
    }


def open_due_measurements() -> list[Measurement]:
    """Measurements that the company in scope is due (the caller rings): final ones as soon as the data is there, provisional
    ones at most once a day and only where there is newer data than the one before had."""
    final = Measurement.objects.filter(campaign=OuterRef("pk"), is_final=True, state=JobState.SUCCEEDED)
    waiting = Campaign.objects.filter(state__in=_MEASURED).exclude(launched_at=None).exclude(Exists(final))
    waiting = waiting.order_by("launched_at")[:_DUE_AT_ONCE]
    newest = _newest_of([one.pk for one in waiting])
    opened = []
    for campaign in waiting:
        before = newest.get(campaign.pk)
        known = aftermath_of(campaign)
        if known.can_be_looked_at and _is_due(known, before):
            opened.append(open_measurement(campaign=campaign))
    return opened


def _newest_of(keys: list[int]) -> dict[int, Measurement]:
    return {one.campaign_id: one for one in Measurement.objects.filter(campaign_id__in=keys).order_by("requested_at")}


def _is_due(known: customers.Aftermath, before: Measurement | None) -> bool:
    if before is None:
        return True
    if before.state in OPEN_STATES:
        return False
    is_fresh = before.requested_at > timezone.now() - timedelta(days=1)
    if known.is_known:  # at once after a provisional one; what failed is tried again the next day
        return before.state == JobState.SUCCEEDED or not is_fresh
    told = before.result.get("known_until")
    return not is_fresh and (before.state != JobState.SUCCEEDED or told != iso(known.known_until))


# ---------------------------------------------------------------- measuring


def measure_campaign(*, measurement_id: int, follow: bool = True) -> Measurement:
    """Compare the arms by what is known of who left, and write down the result. Begins anew when killed; a final one writes
    the outcomes before the result, and both say the same when they are written twice.

    A million recipients: eight columns of them in memory, read 10,000 at a time.
    """
    with jobs.claimed(Measurement, measurement_id) as held:
        campaign = Campaign.objects.get(pk=held.job.campaign_id)
        known = _require_measurable(campaign)
        rows = _gather(held, campaign, known)
        held.report(1, 1, _("Comparing"), force=True)
        found = compare(campaign, known, rows)
        if found["is_final"]:
            _write_outcomes(held, campaign, rows)
        with transaction.atomic():
            held.save(result=found, is_final=found["is_final"])
            Campaign.objects.filter(pk=campaign.pk).update(result=found)
            tenants.record(
                "campaign_measured",
                campaign,
                actor=held.job.requested_by,
                verdict=found["verdict"],
                is_final=found["is_final"],
            )
    if found["is_final"]:
        _tell(campaign, found)
        campaign_measured.send(sender=Campaign, campaign_id=campaign.pk, follow=follow)
    return held.job


def _tell(campaign: Campaign, found: Mapping[str, Any]) -> None:
    levels = {verdicts.KEPT: Level.SUCCESS, verdicts.LOST: Level.ERROR}
    tenants.notify(
        "campaign_measured",
        level=levels.get(found["verdict"], Level.INFO),
        url=reverse("campaigns:results", args=[campaign.public_id]),
        campaign=campaign.name,
        verdict=found["verdict"],
    )


def _gather(held: jobs.Claim, campaign: Campaign, known: customers.Aftermath) -> Rows:
    total = sum((campaign.checked or {}).get("arms", {}).values())
    spans = customers.spans_around(known.begin, known.until) if known.is_known else None
    parts: list[tuple[np.ndarray, ...]] = []
    done = 0
    for key, arm, written, risk, charges in _recipients(campaign):
        left, judged = known.outcomes(key)
        paid = [customers.spent(key, *span) for span in (spans.before, spans.after)] if spans else []
        parts.append((key, arm, written, risk, charges, left, judged, *paid))
        done += len(key)
        held.report(done, max(total, done), _("Looking who left"))
    if not parts:
        raise Refused("nobody_left_to_ask", _("Nobody of this campaign is a customer any more: all were erased."))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Rows(*columns) if spans else Rows(*columns, None, None)


def _recipients(campaign: Campaign) -> Iterator[tuple[np.ndarray, ...]]:
    """(customer int64, arm's code int64, written bool, risk, charges float64 with NaN), by key, block by block."""
    codes = [When(arm=arm, then=Value(code)) for code, arm in enumerate(ARMS)]
    rows = Recipient.objects.filter(campaign=campaign).order_by("customer_id")
    rows = rows.annotate(
        arm_code=Case(*codes, output_field=IntegerField()),
        is_written=Case(When(state__in=WRITTEN, then=True), default=False, output_field=BooleanField()),
    )
    after = 0
    while True:
        asked = rows.filter(customer_id__gt=after).values_list(
            "customer_id", "risk", "monthly_charges", "arm_code", "is_written"
        )
        key, risk, charges, arm, written = bulk.read_numbers(asked[:BLOCK]).values()
        if not len(key):
            return
        yield key, arm.astype(np.int64), written == 1, risk, charges
        after = int(key[-1])


def _write_outcomes(held: jobs.Claim, campaign: Campaign, rows: Rows) -> None:
    """Outcomes, once and for all: for the next training, and to learn whom to write to."""
    for at in range(0, len(rows.key), BLOCK):
        key, left = rows.key[at : at + BLOCK], rows.left[at : at + BLOCK]
        customer_services.record_outcomes(
            campaign_code=campaign.code, left=key[left == 1].tolist(), stayed=key[left == 0].tolist()
        )
        held.report(at, len(rows.key), _("Noting who left"))
    snapshots.keep_outcomes(campaign, [(rows.key, rows.left)])
