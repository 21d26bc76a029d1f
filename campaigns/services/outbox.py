"""The rows of the outbox: taken by compare-and-set, marked before a mail goes out, settled after (RULES 16 to 18).

``claim`` takes a batch that nobody has, in a commit that is on the disk. ``Desk.mark`` writes "being sent", in a commit of its
own that survives this process, before any byte of a mail is out: for the mails of the next twentieth of a second at once, and
with how the mails before them ended. Which of those had begun, and which the server had taken, the journal beside says.
``recover`` puts back what a dead sender had taken: claimed rows wait again, and so do marked ones that had not begun; one that
had begun is uncertain, and no machine sends it again. After a power cut the whole batch is.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
# The same for several that were sent: replies and moments stand in the order of their keys. Row by row it costs three times that.
_SETTLE_SENT = f"""UPDATE campaigns_recipient SET state = 'sent', reason = '', not_before = NULL, attempts = attempts + 1,
        reply = (%s::text[])[array_position(%s::bigint[], id)],
        sent_at = (%s::timestamptz[])[array_position(%s::bigint[], id)]
    WHERE id = ANY(%s) AND shift = %s AND fence = %s AND {_OPEN}"""  # noqa: S608
_MARK = """UPDATE campaigns_recipient SET state = 'sending'
    WHERE id IN ({keys}) AND state = 'claimed' AND shift = %s AND fence = %s
    AND (SELECT c.state FROM campaigns_campaign c WHERE c.id = %s) = 'running' RETURNING id"""
MOST_MARKED = 20  # mails that are marked at once, at most
_WINDOW = 0.05  # seconds that they take, as the mails before them did
_STALE = 0.25  # seconds after which a mark is no leave to send: whoever paused or objected meanwhile is heard first
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
        waiting = State.CANCELLED if _is_cancelled(shift.campaign_id) else State.QUEUED
        for key, fence in theirs.filter(state=State.SENDING).values_list("pk", "fence"):
            row = theirs.filter(pk=key, state=State.SENDING)
            if key in noted.accepted:  # only the commit that says so was missing
                row.update(state=State.SENT, sent_at=noted.accepted[key])
            elif fence in noted.fences and key not in noted.begun:
                again += row.update(state=waiting)
            else:
                lost += row.update(state=State.UNCERTAIN, reason="sender_died", sent_at=now)
        taken = theirs.filter(state=State.CLAIMED)
        if is_sound:
            again += taken.update(state=State.QUEUED)
        else:
            lost += taken.update(state=State.UNCERTAIN, reason="power_cut", sent_at=now)
    journal.forget(shift.pk, before_fence)
    return again, lost


def _is_cancelled(campaign_id: int) -> bool:
    """Whether a campaign was cancelled; inside a transaction it stays as it is until its end."""
    locked = Campaign.objects.select_for_update().filter(pk=campaign_id)
    return locked.values_list("state", flat=True).first() == Campaign.State.CANCELLED


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
    """One shift's pen on its rows: ``expect`` a batch, ``mark`` each mail before it goes out, ``settle`` it after."""

    def __init__(self, shift: Shift, fence: int) -> None:
        self._who = (shift.pk, fence)
        self._campaign = shift.campaign_id
        self._sent: list[tuple] = []  # (key, reply, moment): known here and to the journal
        self._coming: deque[int] = deque()  # of the batch, not asked for yet
        self._marked: set[int] = set()  # "being sent" in their rows, and no byte of them is out
        self._foreign: set[int] = set()  # asked for, and no longer ours to send
        self._asked = 0  # the mail whose turn it is
        self._marked_at = time.monotonic()
        self._begun = 0  # since then
        self._journal = journal.Journal(*self._who)
        self._settle, self._settle_sent = bulk.Prepared(_SETTLE), bulk.Prepared(_SETTLE_SENT)
        mark = _MARK.format(keys=", ".join(["%s"] * MOST_MARKED))
        self._mark = bulk.Prepared(mark)
        # One statement is one journey and one commit. SQLite knows no update within another, and has no journeys.
        self._settle_and_mark = bulk.Prepared(f"WITH settled AS ({_SETTLE_SENT}) {mark}")

    def expect(self, batch: Sequence[Claimed]) -> None:
        """The mails to come, in the order in which they will be marked."""
        self._coming = deque(one.pk for one in batch)
        self._foreign = set()

    def mark(self, recipient: Claimed) -> bool:
        """Write that this mail is being sent, with those that go out right after it, and how those before it ended. False: it
        is no longer ours to send. Asked again of the same mail, it says the same."""
        key = recipient.pk
        if key in self._foreign:
            return False
        if key not in self._marked:
            self._write_down(key)
        elif key != self._asked and time.monotonic() - self._marked_at > _STALE:
            self.put_back()
        self._asked = key
        return key in self._marked

    def is_foreign(self, recipient: Claimed) -> bool:
        """Whether it was marked, or was to be, and is known to be no longer ours: nobody needs to speak with a server about it."""
        return recipient.pk in self._foreign

    def begun(self, recipient: Claimed) -> None:
        """The next byte that goes out may be this mail's: noted on this machine."""
        self._journal.begun(recipient.pk)
        self._marked.discard(recipient.pk)
        self._begun += 1

    def accepted(self, recipient: Claimed) -> None:
        """The server took it: noted on this machine at once, in the database with the next commit."""
        self._journal.accepted(recipient.pk)

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
        """Note how a mail ended. That it was sent stands in the journal, and is written with the next mark; all else at once."""
        self._marked.discard(recipient.pk)
        if state == State.SENT:
            self._sent.append((recipient.pk, reply[:300], sent_at))
            return
        plain = (str(state), reply[:300], reason[:40], _when(sent_at), _when(not_before), int(counts))
        with self._settled():
            self._settle.fetch((*plain, recipient.pk, *self._who))

    def flush(self) -> None:
        if self._sent:
            with self._settled():
                pass

    def put_back(self) -> None:
        """What was marked and not begun waits again, for anybody: nothing of it has left this process."""
        marked, self._marked = self._marked, set()
        if marked:
            shift, fence = self._who
            with transaction.atomic():
                state = State.CANCELLED if _is_cancelled(self._campaign) else State.QUEUED
                mine = Recipient.objects.filter(pk__in=marked, state=State.SENDING, shift=shift, fence=fence)
                mine.update(state=state, shift=None)
        self._foreign |= marked

    def close(self) -> None:
        """Write down what is known. Where the database cannot be reached, the journal is left to whoever recovers the rows."""
        try:
            self.flush()
            self.put_back()
        except BaseException:
            # Held on to, it would say that this sender may yet send, for as long as its process lives.
            self._journal.let_go()
            raise
        self._journal.close()

    def _write_down(self, key: int) -> None:
        """Settle what is over, and mark the mail and those that follow within the window."""
        now = time.monotonic()
        count = 1
        if self._begun:
            each = (now - self._marked_at) / self._begun
            count = max(1, min(MOST_MARKED, int(_WINDOW / max(each, 1e-6))))
        group = [key]
        while self._coming and len(group) < count:
            following = self._coming.popleft()
            if following > key:
                group.append(following)
        marking = (*group, *[0] * (MOST_MARKED - len(group)), *self._who, self._campaign)
        if self._sent and connection.vendor == "postgresql":
            found = {key for (key,) in self._settle_and_mark.fetch((*self._sent_values(), *marking))}
            self._sent = []
        else:
            with self._settled():
                found = {key for (key,) in self._mark.fetch(marking)}
        self._marked |= found
        self._foreign |= set(group) - found
        self._marked_at, self._begun = now, 0

    @contextmanager
    def _settled(self) -> Iterator[None]:
        """A transaction that begins with how the mails before ended; they are forgotten once it is committed."""
        with transaction.atomic():
            if self._sent and connection.vendor == "postgresql":
                self._settle_sent.fetch(self._sent_values())
            elif self._sent:
                for key, reply, sent_at in self._sent:
                    self._settle.fetch((str(State.SENT), reply, "", _when(sent_at), None, 1, key, *self._who))
            yield
        self._sent = []

    def _sent_values(self) -> tuple:
        keys, replies, moments = (list(column) for column in zip(*self._sent, strict=True))
        return replies, keys, moments, keys, keys, *self._who


def _when(moment: datetime | None):
    """A moment as the driver takes it."""
    return connection.ops.adapt_datetimefield_value(moment) if moment is not None else None
