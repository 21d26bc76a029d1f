"""Mails marked together: what is taken back, what a journal says of them, and that nobody waits for ever."""

from __future__ import annotations

import time

import pytest
from django.db import OperationalError
from django.utils import timezone

from campaigns import services
from campaigns.channels.courier import Courier
from campaigns.models import Campaign, Recipient, SendingDay
from campaigns.services import journal, outbox

from .conftest import compose, launch, send, states, use_server
from .sink import running_sink


@pytest.fixture
def alice(shared):
    return shared.cast.alice


@pytest.fixture
def sink(tmp_path):
    with running_sink(tmp_path) as running:
        yield running


@pytest.fixture
def desk(reachable, alice):
    """A pen on a running campaign, twenty-five recipients claimed: (the pen, they)."""
    use_server(25)
    campaign = launch(compose(), alice)
    shift = services.open_shifts(campaign)[0]
    keys = list(Recipient.objects.filter(campaign=campaign, state="queued").order_by("pk").values_list("pk", flat=True))
    Recipient.objects.filter(pk__in=keys[:25]).update(state="claimed", shift=shift.pk, fence=7)
    pen, batch = outbox.Desk(shift, 7), outbox.claimed(keys[:25])
    pen.expect(batch)
    yield pen, batch
    pen.close()


def mark_some(desk) -> list[int]:
    """The first mail goes out, and some are marked with the second. Returns the keys of those."""
    pen, batch = desk
    assert pen.mark(batch[0])
    pen.begun(batch[0])
    pen.settle(batch[0], "sent", reply="250 ok", sent_at=timezone.now())
    pen._marked_at = time.monotonic()  # whatever else this machine does meanwhile, the first one took no time
    assert pen.mark(batch[1])
    row = Recipient.objects.get(pk=batch[0].pk)
    assert (row.state, row.reply, row.attempts) == ("sent", "250 ok", 1)
    return list(Recipient.objects.filter(state="sending").order_by("pk").values_list("pk", flat=True))


def test_mails_of_the_next_moment_are_marked_together_and_no_more_than_the_window_holds(desk, monkeypatch):
    marked = mark_some(desk)
    assert marked == [one.pk for one in desk[1][1 : 1 + len(marked)]]
    assert 2 <= len(marked) <= outbox.MOST_MARKED
    pen, batch = desk
    monkeypatch.setattr(pen, "_marked_at", pen._marked_at - 10)  # the server has become slow
    pen.begun(batch[1])
    pen.settle(batch[1], "sent", sent_at=timezone.now())
    assert not pen.mark(batch[2]), "what was paused or objected to since then must be heard first"
    pen.flush()
    assert Recipient.objects.filter(state="sending").count() == 0


def test_what_was_marked_and_not_begun_waits_again(desk):
    marked = mark_some(desk)
    desk[0].put_back()
    assert set(Recipient.objects.filter(pk__in=marked).values_list("state", "shift")) == {("queued", None)}
    assert not desk[0].mark(desk[1][1])


def test_what_was_marked_and_not_begun_is_cancelled_with_its_campaign(desk, alice):
    marked = mark_some(desk)
    services.cancel_campaign(campaign=Campaign.objects.get(state="running"), actor=alice)
    assert Recipient.objects.filter(pk__in=marked, state="sending").count() == len(marked)
    desk[0].put_back()
    assert set(Recipient.objects.filter(pk__in=marked).values_list("state", flat=True)) == {"cancelled"}


def test_slow_way_marks_one_mail_at_a_time(desk, monkeypatch):
    pen, batch = desk
    assert pen.mark(batch[0])
    monkeypatch.setattr(pen, "_marked_at", pen._marked_at - 0.2)
    pen.begun(batch[0])
    pen.settle(batch[0], "sent", sent_at=timezone.now())
    assert pen.mark(batch[1])
    assert list(Recipient.objects.filter(state="sending").values_list("pk", flat=True)) == [batch[1].pk]


def test_same_mail_asked_again_after_a_new_conversation_is_still_to_be_sent(desk, monkeypatch):
    pen, batch = desk
    assert pen.mark(batch[0])
    monkeypatch.setattr(pen, "_marked_at", pen._marked_at - 10)
    assert pen.mark(batch[0])


def test_sender_whose_database_is_gone_leaves_its_journal_to_who_comes_after(desk, monkeypatch):
    """Its process lives on and takes other work: held on to, the journal would make all that was marked uncertain."""
    mark_some(desk)
    pen, batch = desk
    pen.begun(batch[1])
    pen.accepted(batch[1])
    with monkeypatch.context() as patched:
        patched.setattr(pen, "flush", raises(OperationalError("server closed the connection")))
        with pytest.raises(OperationalError):
            pen.close()
    shift, fence = pen._who
    noted = journal.read(shift, fence + 1)
    assert noted.fences == {fence}
    assert batch[1].pk in noted.accepted


def raises(error: Exception):
    def call(*_given, **_named):
        raise error

    return call


def test_half_a_line_of_a_journal_is_an_error(desk, monkeypatch):
    """It would make the line after it unreadable, and a mail that had begun one that had not."""
    monkeypatch.setattr(journal.os, "write", lambda handle, line: len(line) - 1)
    with pytest.raises(OSError, match="No space left"):
        desk[0].begun(desk[1][0])


def test_marks_that_have_grown_old_cost_one_conversation_and_nobody_their_mail(reachable, alice, sink, monkeypatch):
    use_server(sink.port)
    campaign = launch(compose(), alice)
    monkeypatch.setattr(outbox, "_WINDOW", 1e9)  # as many as may be are marked at once
    real, calls = outbox.Desk.mark, []
    opened, begin = [], Courier._open

    def mark(self, recipient):
        calls.append(recipient.pk)
        if len(calls) == 3:
            self._marked_at -= 10
        return real(self, recipient)

    monkeypatch.setattr(outbox.Desk, "mark", mark)
    monkeypatch.setattr(Courier, "_open", lambda self: opened.append(self) or begin(self))
    send(campaign)
    assert len(sink.accepted()) == len(set(sink.accepted())) == campaign.checked["treated"]
    assert set(states(campaign)) == {"sent", "held_out"}
    assert len(opened) == 2


def test_what_a_pause_left_unsent_does_not_count_for_the_day(reachable, alice, sink, monkeypatch):
    use_server(sink.port, daily_cap=10_000)
    campaign = launch(compose(), alice)
    real, calls = outbox.Desk.mark, []

    def mark(self, recipient):
        calls.append(recipient.pk)
        if len(calls) == 40:
            services.pause_campaign(campaign=Campaign.objects.get(pk=campaign.pk), actor=alice)
        return real(self, recipient)

    monkeypatch.setattr(outbox.Desk, "mark", mark)
    send(campaign)
    assert SendingDay.objects.get().mails == len(sink.accepted()) < campaign.checked["treated"]


def test_pause_that_lasts_a_moment_leaves_nobody_taken_for_ever(reachable, alice, sink, monkeypatch):
    """The mark is refused, and by the time that the sender asks why, the campaign runs again."""
    use_server(sink.port)
    campaign = launch(compose(), alice)
    real, calls = outbox.Desk._write_down, []

    def write_down(self, key):
        calls.append(key)
        rows = Campaign.objects.filter(pk=campaign.pk)
        if len(calls) == 3:
            rows.update(state="paused")
        real(self, key)
        rows.update(state="running")

    monkeypatch.setattr(outbox.Desk, "_write_down", write_down)
    send(campaign)
    assert set(states(campaign)) == {"sent", "held_out"}
    assert campaign.state == Campaign.State.FINISHED
    assert len(sink.accepted()) == campaign.checked["treated"]
