"""The rows of the outbox: taken by compare-and-set, marked before a mail goes out, settled after (RULES 16 to 18).

``claim`` takes a batch that nobody has, in a commit that is on the disk. ``Desk.mark`` writes "being sent" in a commit of its
own just before the message's bytes go out, together with how the mail before it ended: it survives this process, and costs a
twentieth of one that waits for the disk. ``recover`` puts back what a dead sender had taken: claimed rows wait again, one
that was being sent is uncertain, and no machine sends it again. After a power cut the whole batch is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Count
from django.utils import timezone

from core import bulk, durable
from core.models import JobState

from ..models import Campaign, Recipient, Shift
from ..models.campaigns import OPEN
from . import consent, journal
from .values import Person

State = Recipient.State

_OPEN = "state IN ('claimed', 'sending', 'uncertain')"
_SETTLE = f"""UPDATE campaigns_recipient
    SET state = %s, reply = %s, reason = %s, sent_at = %s, not_before = %s, attempts = attempts + %s
    WHERE id = %s AND shift = %s AND fence = %s AND {_OPEN}"""  # noqa: S608 - our own words
_IS_RUNNING = "(SELECT c.state FROM campaigns_campaign c WHERE c.id = %s) = 'running'"
_MARK = f"""UPDATE campaigns_recipient SET state = 'sending'
    WHERE id = %s AND state = 'claimed' AND shift = %s AND fence = %s AND {_IS_RUNNING} RETURNING id"""  # noqa: S608
# Both at once: one statement is one journey and one commit. SQLite knows no update within another.
_SETTLE_THEN_MARK = f"WITH settled AS ({_SETTLE}) {_MARK}"
_SETTLE_AND_MARK = f"""UPDATE campaigns_recipient SET
    state = CASE WHEN id = %s THEN 'sending' ELSE %s END,
    reply = CASE WHEN id = %s THEN reply ELSE %s END,
    reason = CASE WHEN id = %s THEN reason ELSE %s END,
    sent_at = CASE WHEN id = %s THEN sent_at ELSE %s END,
    not_before = CASE WHEN id = %s THEN not_before ELSE %s END,
    attempts = CASE WHEN id = %s THEN attempts ELSE attempts + %s END
    WHERE id IN (%s, %s) AND shift = %s AND fence = %s
    AND ((id = %s AND state = 'claimed' AND {_IS_RUNNING}) OR (id = %s AND {_OPEN})) RETURNING id"""  # noqa: S608
_DUE = """SELECT id FROM campaigns_recipient WHERE campaign_id = %s AND state IN ('queued', 'deferred')
    AND (not_before IS NULL OR not_before <= %s) ORDER BY state, id LIMIT %s"""
_TAKE = """UPDATE campaigns_recipient SET state = 'claimed', shift = %s, fence = %s
    WHERE id IN ({due}) AND state IN ('queued', 'deferred') RETURNING id"""


@dataclass(slots=True)
class Claimed:
    """A recipient that a shift has taken, with what their mail says of them."""

    pk: int
    customer_id: int
    arm: str
    language: str
    address: str
    address_key: str
    attempts: int
    decided_by_id: int | None
    person: Person


@dataclass(slots=True)
class Standing:
    """Whether a claimed recipient may still be written to, as the tables say at this moment.

    agreed: the newest line of the ledger (None: no line); is_let_alone: suppressed; mails, contacts: within the days that count
    """

    agreed: bool | None
    is_let_alone: bool
    mails: int
    contacts: int


_COLUMNS = (
    "pk", "customer_id", "arm", "language", "address", "address_key", "attempts", "decided_by_id",
    "customer__first_name", "customer__last_name", "customer__external_id", "customer__churn_label",
    "customer__subscription__contract", "customer__subscription__tenure", "customer__subscription__monthly_charges",
)  # fmt: skip
_OWN = 8
_FIRST, _LAST = -1_000_001, -1_000_002  # places in a question that keys are put into


def claimed(keys: Sequence[int]) -> list[Claimed]:
    """These recipients, in the order of their keys."""
    rows = Recipient.objects.filter(pk__in=keys).order_by("pk").values_list(*_COLUMNS)
    return [_claimed(row) for row in rows]


def _claimed(row: tuple) -> Claimed:
    return Claimed(*row[:_OWN], Person(*row[_OWN : len(_COLUMNS)]))


class Claims:
    """One shift's way of taking recipients: two statements, planned once."""

    def __init__(self, campaign: Campaign, shift: Shift, fence: int, *, within_days: int) -> None:
        self._campaign, self._who = campaign.pk, (shift.pk, fence)
        skips = " FOR UPDATE SKIP LOCKED" if connection.vendor == "postgresql" else ""
        self._take = bulk.Prepared(_TAKE.format(due=_DUE + skips))
        asked = consent.standing_of_recipients(campaign.code, within_days=within_days)
        mine = Recipient.objects.filter(pk__gte=_FIRST, pk__lte=_LAST, shift=shift.pk, fence=fence, state=State.CLAIMED)
        rows = mine.order_by("pk").annotate(**asked).values_list(*_COLUMNS, *asked)
        self._look = bulk.prepared(rows, _FIRST, _LAST)

    def take(self, most: int) -> list[tuple[Claimed, Standing]]:
        """Up to ``most`` whose turn it is, now this shift's, each with how it stands. Inside the caller's transaction, and
        with nothing else of this shift claimed."""
        now = _when(timezone.now())
        keys = [key for (key,) in self._take.fetch((*self._who, self._campaign, now, most))]
        if not keys:
            return []
        rows = self._look(min(keys), max(keys))
        return [(_claimed(row), Standing(*row[len(_COLUMNS) :])) for row in rows]


def release(keys: Sequence[int], shift: Shift, fence: int) -> int:
    """Give back what was claimed and not begun."""
    mine = Recipient.objects.filter(pk__in=keys, state=State.CLAIMED, shift=shift.pk, fence=fence)
    return mine.update(state=State.QUEUED, shift=None)


def recover(shift: Shift, before_fence: int) -> tuple[int, int]:
    """Put back what earlier claims of a shift left: (waiting again, uncertain).

    Where commits may have been lost since (a power cut, a crash of the database), a claimed row may have been sent, and the
    whole batch is uncertain. Else the journal of this machine says of a row that was being sent whether its bytes had begun
    to go out and whether the server had taken it; where there is none, it is uncertain.
    """
    theirs = Recipient.objects.filter(shift=shift.pk, fence__lt=before_fence)
    is_sound = shift.epoch == durable.epoch()
    noted = journal.read(shift.pk, before_fence) if is_sound else journal.Noted()
    now = timezone.now()
    again = lost = 0
    with transaction.atomic():
        for key, fence in theirs.filter(state=State.SENDING).values_list("pk", "fence"):
            row = theirs.filter(pk=key, state=State.SENDING)
            if key in noted.accepted:  # only the commit that says so was missing
                row.update(state=State.SENT, sent_at=noted.accepted[key])
            elif fence in noted.fences and key not in noted.begun:
                again += row.update(state=State.QUEUED)
            else:
                lost += row.update(state=State.UNCERTAIN, reason="sender_died", sent_at=now)
        taken = theirs.filter(state=State.CLAIMED)
        if is_sound:
            again += taken.update(state=State.QUEUED)
        else:
            lost += taken.update(state=State.UNCERTAIN, reason="power_cut", sent_at=now)
    journal.forget(shift.pk, before_fence)
    return again, lost


def recover_from_the_dead(campaign: Campaign) -> int:
    """Put back what shifts hold that nobody works any more, or whose lease ran out. A sender that was only slow is fenced
    off: its next mark finds the row no longer its own."""
    now = timezone.now()
    found = 0
    for shift in campaign.shifts.all():
        is_working = shift.state == JobState.RUNNING and shift.lease_until is not None and shift.lease_until >= now
        if not is_working:
            again, lost = recover(shift, shift.token + 1)
            found += again + lost
    return found


def is_done(campaign: Campaign) -> bool:
    """Whether nobody waits, is taken, or is being sent to."""
    open_ones = Recipient.objects.filter(campaign=campaign, state__in=(*OPEN, State.SENDING))
    return not open_ones.exists()


def next_due(campaign: Campaign) -> datetime | None:
    """When the first of those that the server put off may be tried again; None where nobody waits for an hour."""
    later = Recipient.objects.filter(campaign=campaign, state__in=(State.QUEUED, State.DEFERRED)).exclude(
        not_before=None
    )
    return later.order_by("not_before").values_list("not_before", flat=True).first()


def counted(campaign: Campaign) -> dict[str, dict[str, int]]:
    """Recipients by arm and state: one pass over the campaign's index."""
    rows = Recipient.objects.filter(campaign=campaign).order_by().values_list("arm", "state").annotate(n=Count("pk"))
    found: dict[str, dict[str, int]] = {}
    for arm, state, n in rows:
        found.setdefault(arm, {})[state] = n
    return found


class Desk:
    """One shift's pen on its rows."""

    def __init__(self, shift: Shift, fence: int) -> None:
        self._who = (shift.pk, fence)
        self._campaign = shift.campaign_id
        self._is_postgresql = connection.vendor == "postgresql"
        self._unsettled: tuple | None = None
        self._marked: int | None = None  # whose row says "being sent", since the last settling
        self._journal = journal.Journal(*self._who)
        self._mark, self._settle = bulk.Prepared(_MARK), bulk.Prepared(_SETTLE)
        self._settle_and_mark = bulk.Prepared(_SETTLE_THEN_MARK if self._is_postgresql else _SETTLE_AND_MARK)

    def accepted(self, recipient: Claimed) -> None:
        """The server took it: noted on this machine at once, in the database with the next commit."""
        self._journal.accepted(recipient.pk)

    def close(self) -> None:
        self.flush()
        self._journal.close()

    def begun(self, recipient: Claimed) -> None:
        """The next byte that goes out may be this mail's: noted on this machine."""
        self._journal.begun(recipient.pk)

    def mark(self, recipient: Claimed) -> bool:
        """Write that this mail is being sent, and how the one before ended. False: it is no longer ours to send. Asked again
        of the same mail, it says the same."""
        key = recipient.pk
        if self._marked == key:
            return True
        before, self._unsettled = self._unsettled, None
        if before is None:
            found = self._mark.fetch((key, *self._who, self._campaign))
        elif self._is_postgresql:
            found = self._settle_and_mark.fetch((*before, key, *self._who, self._campaign))
        else:
            state, reply, reason, sent_at, not_before, counts, earlier, *_who = before
            found = self._settle_and_mark.fetch(
                (key, state, key, reply, key, reason, key, sent_at, key, not_before, key, counts, key, earlier, *self._who,
                 key, self._campaign, earlier)
            )  # fmt: skip
        is_ours = any(row[0] == key for row in found)
        self._marked = key if is_ours else None
        return is_ours

    def settle(
        self,
        recipient: Claimed,
        state: str,
        *,
        reply: str = "",
        reason: str = "",
        sent_at: datetime | None = None,
        not_before: datetime | None = None,
        counts: bool = True,
    ) -> None:
        """Note how a mail ended; written with the next mark, or by ``flush``."""
        self.flush()
        self._marked = None
        plain = (str(state), reply[:300], reason[:40], _when(sent_at), _when(not_before), int(counts))
        self._unsettled = (*plain, recipient.pk, *self._who)

    def flush(self) -> None:
        if self._unsettled is not None:
            before, self._unsettled = self._unsettled, None
            self._settle.fetch(before)


def _when(moment: datetime | None):
    """A moment as the driver takes it."""
    return connection.ops.adapt_datetimefield_value(moment) if moment is not None else None
