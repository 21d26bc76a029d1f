"""What a person may do with a campaign that has begun: pause, go on, cancel, try again, decide of what is uncertain."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from core import jobs
from core.models import OPEN_STATES, JobState
from tenants import services as tenants
from tenants.mail_hold import require_mail
from tenants.models import User
from tenants.scoping import current_tenant

from ..models import Campaign, ConsentEntry, Recipient, Shift
from ..models.campaigns import OPEN
from . import progress
from .moves import move, moved_meanwhile, try_move

State = Campaign.State
RESTING = (JobState.SUCCEEDED, JobState.FAILED, JobState.DEAD, JobState.CANCELLED)


def open_shifts(campaign: Campaign) -> list[Shift]:
    """As many shifts as the operator wants sender processes; those that rest go back to work (the caller rings)."""
    tenant = current_tenant()
    wanted = max(1, settings.MAIL_SENDERS)
    shifts = {shift.number: shift for shift in campaign.shifts.all()}
    for number in range(1, wanted + 1):
        shift = shifts.get(number)
        if shift is None:
            shift, _made = Shift.objects.get_or_create(tenant=tenant, campaign=campaign, number=number)
            shifts[number] = shift
        elif shift.state in RESTING:
            jobs.resume(shift, since=RESTING, resting={})
        elif shift.state == JobState.QUEUED and shift.not_before is not None:
            Shift.objects.filter(pk=shift.pk, state=JobState.QUEUED).update(not_before=None, resting={})
            shift.refresh_from_db()
    return [shifts[number] for number in sorted(shifts)][:wanted]


def pause_campaign(*, campaign: Campaign, actor: User | None, code: str = "person", **facts: object) -> None:
    """Stop sending at once: what goes out within a twentieth of a second is the last of it."""
    with transaction.atomic():
        move(campaign, State.RUNNING, State.PAUSED, why_paused={"code": code, "facts": facts})
        tenants.record("campaign_paused", campaign, actor=actor, code=code)


def resume_campaign(*, campaign: Campaign, actor: User) -> list[Shift]:
    """Go on where it stopped (the caller rings), with the wording that it was launched with. Refused while mail is held."""
    require_mail()
    with transaction.atomic():
        move(campaign, State.PAUSED, State.RUNNING, why_paused={})
        tenants.record("campaign_resumed", campaign, actor=actor)
        return open_shifts(campaign)


def cancel_campaign(*, campaign: Campaign, actor: User | None) -> None:
    """Write to nobody more. Who was written to, and who was left alone, stays known."""
    now = timezone.now()
    with transaction.atomic():
        stops = (State.DRAFT, State.CHECKED, State.APPROVED, State.LAUNCHING, State.RUNNING, State.PAUSED)
        if Campaign.objects.filter(pk=campaign.pk, state__in=stops).update(state=State.CANCELLED, finished_at=now) != 1:
            raise moved_meanwhile()
        campaign.refresh_from_db()
        Recipient.objects.filter(campaign=campaign, state__in=OPEN).update(
            state=Recipient.State.CANCELLED, reason="cancelled"
        )
        tenants.record("campaign_cancelled", campaign, actor=actor)
        for job in [
            *campaign.preparations.filter(state__in=OPEN_STATES),
            *campaign.shifts.filter(state__in=OPEN_STATES),
        ]:
            jobs.cancel(job)
    progress.refresh_counts(campaign, at_once=True)


def retry_failed(*, campaign: Campaign, actor: User) -> int:
    """Put those whom the server refused for now back in the queue; addresses that do not exist stay out.

    A campaign that was finished runs again (the caller rings its shifts). Returns how many.
    """
    with transaction.atomic():
        failed = Recipient.objects.filter(campaign=campaign, state=Recipient.State.FAILED).exclude(reason="hard_bounce")
        count = failed.update(state=Recipient.State.QUEUED, not_before=None, attempts=0, reason="", reply="")
        if count:
            _reopen(campaign)
            tenants.record("campaign_retried", campaign, actor=actor, recipients=count)
    return count


def decide_uncertain(*, campaign: Campaign, actor: User, recipients: list[int], send_again: bool) -> int:
    """A person decides of mails of which nobody knows whether they arrived: sent again under the same Message-ID, or taken as sent."""
    with transaction.atomic():
        rows = Recipient.objects.filter(campaign=campaign, state=Recipient.State.UNCERTAIN, pk__in=recipients)
        if send_again:
            count = rows.update(
                state=Recipient.State.QUEUED, not_before=None, decided_by=actor, reason="sent_again", shift=None
            )
            if count:
                _reopen(campaign)
        else:
            count = rows.update(state=Recipient.State.SENT, decided_by=actor, reason="taken_as_sent")
        tenants.record("uncertain_decided", campaign, actor=actor, recipients=count, send_again=send_again)
    return count


def move_recipients(*, kept_id: int, gone_id: int) -> int:
    """When two customers become one, the one who stays takes over the other's place in campaigns where they have none; in
    a campaign that holds both, the place of the one who stays is theirs. Returns how many moved."""
    theirs = Recipient.objects.filter(customer_id=gone_id)
    both = Recipient.objects.filter(customer_id=kept_id, campaign_id__in=theirs.values("campaign_id"))
    moved = theirs.exclude(campaign_id__in=list(both.values_list("campaign_id", flat=True))).update(customer_id=kept_id)
    ConsentEntry.objects.filter(customer_id=gone_id).update(customer_id=kept_id)
    return moved


def _reopen(campaign: Campaign) -> None:
    if try_move(campaign, State.FINISHED, State.RUNNING, finished_at=None):
        open_shifts(campaign)
