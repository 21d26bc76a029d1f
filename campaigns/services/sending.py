"""One sender's shift on one campaign: claim, look again at everybody, send, settle; rest where the hour or the server says so."""

from __future__ import annotations

import functools
import logging
import time
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import durable, jobs
from core.errors import Refused
from core.secrets import SealBroken
from customers import services as customers
from customers.models import Interaction
from tenants.mail_hold import mail_hold

from ..models import Campaign, Recipient, SenderProfile, Shift, Suppression
from ..outreach.delivery.replies import Outcome, Reply, Stage
from ..outreach.delivery.retrying import Breaker, retry_at
from ..outreach.message import MessageRefused
from . import consent, letters, outbox, pace, progress, senders, transports
from .outbox import Claimed

logger = logging.getLogger(__name__)

_TOLD_EVERY = 0.4  # seconds
BATCH = 100  # also what a power cut leaves uncertain, of each sender
_UNREACHED = (60, 120, 300, 900, 1800, 3600)  # seconds to wait for a server that is not there; then a person is asked
State = Recipient.State


def send_mail(*, shift_id: int) -> Shift:
    """Work on a campaign until nobody waits. Killed at any moment, nobody is written to twice, and at most one mail of this
    sender is uncertain."""
    try:
        with jobs.claimed(Shift, shift_id) as held, durable.relaxed():
            work = _Work(held)
            try:
                work.run()
                work.tell_the_end()
            finally:
                work.close()
    except (Refused, SealBroken) as error:
        shift = Shift.objects.select_related("campaign").get(pk=shift_id)
        code = error.code if isinstance(error, Refused) else "seal_broken"
        progress.stop(shift.campaign, code, {"text": str(error)})
        if isinstance(error, SealBroken):
            raise Refused(
                "seal_broken", _("The mail server's password cannot be opened any more: say it again.")
            ) from error
        raise
    shift = held.job
    if outbox.is_done(shift.campaign):
        progress.finish(shift.campaign)
    return shift


class _Work:
    def __init__(self, held: jobs.Claim) -> None:
        self.held = held
        self.shift: Shift = held.job
        self.campaign = Campaign.objects.select_related("offer", "version", "rival_version").get(
            pk=self.shift.campaign_id
        )
        self.shift.campaign = self.campaign
        self.desk = outbox.Desk(self.shift, held.token)
        self.breaker = Breaker()
        self.transport: transports.Transport | None = None
        self._mine: set[int] = set()  # claimed, not begun
        self._written: list[int] = []  # customers, to be noted as contacted
        self._told_at = 0.0
        self.rhythm: pace.Rhythm | None = None

    def run(self) -> None:
        outbox.recover(self.shift, self.held.token)
        with durable.commits():
            self.held.save(epoch=durable.epoch())
        sender = senders.sender()
        self.claims = outbox.Claims(self.campaign, self.shift, self.held.token, within_days=sender.within_days)
        post = letters.Letters(self.campaign, with_parts=sender.transport != SenderProfile.Transport.SMTP)
        rhythm = pace.Rhythm(sender, self.campaign, self.shift)
        self.rhythm = rhythm
        if not self._is_running():
            return
        if mail_hold() is not None:  # a restore brought the campaign back as it ran: each is resumed by a person
            progress.stop(self.campaign, "restored", {})
            return
        while True:
            if (rest := rhythm.rest()) is not None:
                self._rest(rest)
                return
            batch = self._claim(sender, rhythm)
            if not batch:  # nobody waits, or the day's limit is reached, or somebody paused it
                if (rest := rhythm.rest(at_once=True)) is not None:
                    self._rest(rest)
                    return
                if not self._is_running() or self._has_ended():
                    return
                continue
            if not self._send(batch, post, sender, rhythm):
                return
            self._tell()

    def close(self) -> None:
        """Whatever happened, what is known is written down, and what was only taken is given back."""
        try:
            self.desk.close()
            self._put_back()
            self._note()
        except Exception:  # the database is gone: recovery does the same from the rows
            logger.exception("shift %s could not put back its recipients", self.shift.pk)
        if self.transport is not None:
            self.transport.close()

    # ------------------------------------------------------------ taking

    def _is_running(self) -> bool:
        return Campaign.objects.filter(pk=self.campaign.pk, state=Campaign.State.RUNNING).exists()

    def _claim(self, sender: SenderProfile, rhythm: pace.Rhythm) -> list[Claimed]:
        """The next batch, each asked again whether they may be written to."""
        with durable.commits(), transaction.atomic():
            most = rhythm.reserve(BATCH)
            if most == 0:
                return []
            batch = self.claims.take(most)
            refused: dict[str, list[int]] = {}
            kept = []
            for one, standing in batch:
                if reason := _refused(one, standing, sender):
                    refused.setdefault(reason, []).append(one.pk)
                else:
                    kept.append(one)
            for reason, keys in refused.items():
                Recipient.objects.filter(pk__in=keys, state=State.CLAIMED).update(state=State.SUPPRESSED, reason=reason)
            rhythm.give_back(most - len(kept))
        self._mine = {one.pk for one in kept}
        return kept

    def _has_ended(self) -> bool:
        """Whether there is nothing left for this shift: others may still be at it, or the server wants us later."""
        outbox.recover_from_the_dead(self.campaign)
        later = outbox.next_due(self.campaign)
        now = timezone.now()
        waiting = Recipient.objects.filter(campaign=self.campaign, state__in=(State.QUEUED, State.DEFERRED))
        if waiting.filter(not_before=None).exists():
            time.sleep(0.2)  # somebody else is taking them at this moment, or they have just been put back
            return False
        if later is None:
            return True
        if later <= now:
            return False
        self._rest(pace.Rest("put_off", max(later, now + timedelta(seconds=1))))
        return True

    def _rest(self, rest: pace.Rest) -> None:
        self.held.save(resting={"code": rest.code, "facts": rest.facts, "until": rest.until.isoformat()})
        self.held.rest_until(rest.until)

    # ------------------------------------------------------------ sending

    def _send(self, batch: list[Claimed], post: letters.Letters, sender: SenderProfile, rhythm: pace.Rhythm) -> bool:
        """Send a batch; False where the shift must stop or rest."""
        if self.transport is None:
            self.transport = transports.open_transport(sender)
        if self.transport.is_inside:
            self._keep(batch, post)
            return True
        written = letters.Ahead(post, batch)
        self.desk.expect(batch)
        for one in batch:
            if not self.desk.is_foreign(one):
                rhythm.wait(self.desk.flush, self._tell)
            try:
                reply = self._sent(one, written, rhythm)
            except (MessageRefused, Refused) as error:
                if isinstance(error, Refused) and error.code != "unfit_message":
                    raise  # the server or the settings: nobody else would fare better
                self.desk.settle(one, State.FAILED, reason=error.code)
                self._mine.discard(one.pk)
                continue
            if reply.outcome is Outcome.SKIPPED:
                if not self._is_running():
                    return False
                continue  # taken back while it waited: an opt-out, or a mark that had grown old
            self._mine.discard(one.pk)
            if not self._settle(one, reply):
                return False
        self.desk.flush()
        self._put_back()  # skipped, and still claimed: the campaign was paused and resumed within a moment
        self._note()
        return True

    def _sent(self, one: Claimed, written: letters.Ahead, rhythm: pace.Rhythm) -> Reply:
        """What became of one mail. For one that is no longer ours no conversation is begun, only to be broken off."""
        letter = written.next()
        if self.desk.is_foreign(one):
            return Reply(Outcome.SKIPPED, Stage.MESSAGE)
        return self.transport.send(
            letter,
            before_data=functools.partial(self._mark, one, written),
            at_data=functools.partial(self.desk.begun, one),
            following=functools.partial(_following, written, rhythm),
        )

    def _mark(self, one: Claimed, written: letters.Ahead) -> bool:
        """Note that a mail is about to go out. The server is answering meanwhile: time to write the next letter as well."""
        written.prepare()
        return self.desk.mark(one)

    def _keep(self, batch: list[Claimed], post: letters.Letters) -> None:
        """Into the mailbox inside the product: message and state in one transaction, so that nothing is ever uncertain."""
        with transaction.atomic():
            if (
                not Campaign.objects.select_for_update()
                .filter(pk=self.campaign.pk, state=Campaign.State.RUNNING)
                .exists()
            ):
                return
            mine = Recipient.objects.filter(
                pk__in=[one.pk for one in batch], state=State.CLAIMED, shift=self.shift.pk, fence=self.held.token
            )
            held = set(mine.select_for_update(of=("self",)).values_list("pk", flat=True))
            going = [one for one in batch if one.pk in held]
            now = timezone.now()
            letters_of = self._letters(going, post)
            going = [one for one, _letter in letters_of]
            self.transport.keep(letters_of)
            mine.filter(state=State.CLAIMED).update(state=State.SENT, sent_at=now, reply="", reason="")
            Shift.objects.filter(pk=self.shift.pk).update(mails=self.shift.mails + len(going))
            self.shift.mails += len(going)
        self._mine = set()
        self._written += [one.customer_id for one in going]
        self._note()

    @staticmethod
    def _letters(going: list[Claimed], post: letters.Letters) -> list[tuple[Claimed, letters.Letter]]:
        """Each with its mail; one that cannot be written fails, and the others go."""
        found = []
        for one in going:
            try:
                found.append((one, post.letter(one)))
            except MessageRefused as error:
                Recipient.objects.filter(pk=one.pk).update(state=State.FAILED, reason=error.code[:40])
        return found

    def _settle(self, one: Claimed, reply: Reply) -> bool:
        """Note how a mail ended; False where the whole shift must stop or rest."""
        now = timezone.now()
        said = f"{reply.code} {reply.enhanced} {reply.text}".replace("0 ", "", 1 if not reply.code else 0).strip()
        if reply.outcome is Outcome.ACCEPTED:
            self.desk.accepted(one)
            self.desk.settle(one, State.SENT, reply=said, sent_at=now)
            self._written.append(one.customer_id)
            self.shift.mails += 1
        elif reply.outcome is Outcome.UNCERTAIN:
            self.desk.settle(one, State.UNCERTAIN, reply=said, reason=reply.reason, sent_at=now)
            self._written.append(one.customer_id)
        elif reply.outcome is Outcome.REFUSED:
            reason = "hard_bounce" if reply.is_hard_bounce else reply.reason or "refused"
            self.desk.settle(one, State.FAILED, reply=said, reason=reason)
            if reply.is_hard_bounce:
                self.desk.flush()
                consent.suppress(
                    address_keys=[one.address_key], reason=Suppression.Reason.BOUNCED, source=f"smtp {reply.enhanced}"
                )
        elif reply.stage is Stage.CONNECT or reply.stage is Stage.HELLO:
            return self._unreached(one, reply)
        else:
            later = retry_at(one.attempts + 1, now, reply, key=str(one.pk))
            if later is None:
                self.desk.settle(one, State.FAILED, reply=said, reason=reply.reason or "given_up")
            else:
                self.desk.settle(one, State.DEFERRED, reply=said, reason=reply.reason, not_before=later)
        return self._goes_on(reply)

    def _unreached(self, one: Claimed, reply: Reply) -> bool:
        """No conversation came about: nobody's fault but the server's. Wait longer each time, then ask a person."""
        self.desk.settle(one, State.QUEUED, reason="", counts=False)
        self.desk.flush()
        tries = int(self.shift.resting.get("facts", {}).get("tries", 0)) if self.shift.resting else 0
        if tries >= len(_UNREACHED):
            self._stop("unreachable", {"text": reply.text[:200], "reason": reply.reason})
            return False
        until = timezone.now() + timedelta(seconds=_UNREACHED[tries])
        self._rest(pace.Rest("unreachable", until, {"tries": tries + 1, "reason": reply.reason}))
        return False

    def _goes_on(self, reply: Reply) -> bool:
        stop = self.breaker.record(reply)
        if stop is not None:
            self._stop(stop.code, stop.facts)
            return False
        if reply.outcome is Outcome.TOO_MANY:
            until = timezone.now() + timedelta(minutes=5)
            self._rest(pace.Rest("too_fast", until, {"text": reply.text[:200]}))
            return False
        return True

    def _stop(self, code: str, facts: dict) -> None:
        self.desk.flush()
        self._put_back()
        progress.stop(self.campaign, code, facts)

    # ------------------------------------------------------------ telling

    def _put_back(self) -> None:
        """Of what was taken, that which was not sent after all: it waits again, and the day's limit has room for it."""
        if self._mine:
            outbox.release(sorted(self._mine), self.shift, self.held.token)
            self.rhythm.give_back(len(self._mine))
            self._mine = set()

    def _note(self) -> None:
        """Those written to, as contacts of customers: the next training knows it."""
        if self._written:
            customers.record_contacts(
                campaign_code=self.campaign.code,
                customers=self._written,
                kind=Interaction.Kind.CONTACTED,
                on=timezone.localdate(),
            )
            self._written = []

    def _tell(self, *, force: bool = False) -> None:
        now = time.monotonic()
        if not force and now - self._told_at < _TOLD_EVERY:
            return
        self._told_at = now
        self.held.made_headway()
        self.rhythm.note()
        counts = progress.refresh_counts(self.campaign)
        done, total = progress.settled(counts or self.campaign.counts)
        self.held.report(done, max(total, 1), _("Sending"), force=force)
        if self.shift.resting or counts:
            self.held.save(resting={}, mails=self.shift.mails)

    def tell_the_end(self) -> None:
        """What the shift has done, for whoever looks at it later."""
        if self.rhythm is not None:
            self.rhythm.note()
        self.held.save(mails=self.shift.mails)


def _following(written: letters.Ahead, rhythm: pace.Rhythm) -> letters.Letter | None:
    """What will be sent right after this mail; None where it has to wait: no server is kept waiting for a message."""
    return written.coming if rhythm.is_free else None


def _refused(one: Claimed, standing: outbox.Standing, sender: SenderProfile) -> str:
    """Why a recipient may not be written to any more; "" where they may."""
    if standing.agreed is False or (standing.agreed is None and sender.basis == SenderProfile.Basis.CONSENT):
        return "no_consent"
    if standing.is_let_alone:
        return "suppressed"
    if one.person.churn_label:
        return "left_already"
    if max(standing.mails, standing.contacts) >= sender.most_mails and one.decided_by_id is None:
        return "capped"
    return ""
