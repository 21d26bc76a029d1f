"""What servers say, what it means for the message and its address, when to try again and when to stop."""

import datetime as dt
import itertools

import pytest

from campaigns.outreach.delivery import (
    REASONS,
    Breaker,
    BreakerRules,
    Outcome,
    Reply,
    Stage,
    classify,
    judge,
    retry_at,
    split_enhanced,
)

NOW = dt.datetime(2026, 5, 4, 12, tzinfo=dt.UTC)


def said(text: str, stage: Stage = Stage.RECIPIENT) -> Reply:
    code, _blank, rest = text.partition(" ")
    enhanced, words = split_enhanced(rest)
    return classify(int(code), enhanced, words, stage)


@pytest.mark.parametrize(
    ("text", "reason", "is_hard"),
    [  # as large receivers and common servers word them
        ("550 5.1.1 The email account that you tried to reach does not exist.", "no_such_mailbox", True),
        (
            "550 5.1.1 <a@b.c>: Recipient address rejected: User unknown in local recipient table",
            "no_such_mailbox",
            True,
        ),
        ("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found", "no_such_mailbox", True),
        ("550 5.1.10 this domain takes no mail", "no_such_domain", True),
        ("550 5.5.0 Requested action not taken: mailbox unavailable (unknown user)", "no_such_mailbox", True),
        ("554 delivery error: dd This user doesn't have a yahoo.com account", "no_such_mailbox", True),
        ("550 No such user here", "no_such_mailbox", True),
        ("550 mailbox unavailable", "no_such_mailbox", True),
        ("550 5.2.1 The email account that you tried to reach is disabled.", "mailbox_disabled", True),
        ("550 5.1.2 Host unknown", "no_such_domain", True),
        ("553 sorry, that address is not in my list", "bad_address", True),
        ("552 5.2.2 The email account that you tried to reach is over quota", "mailbox_full", False),
        ("552 mailbox is full", "mailbox_full", False),
        ("550 5.7.1 Our system has detected that this message is likely unsolicited mail", "spam", False),
        ("550 5.7.1 Service unavailable; client [192.0.2.1] blocked using Spamhaus", "spam", False),
        ("554 5.7.1 <a@b.c>: Relay access denied", "relay_denied", False),
        ("550 5.7.26 This mail is unauthenticated", "authentication", False),
        ("550 5.7.1 rejected because of DMARC policy", "authentication", False),
        ("550 5.7.1 message rejected by local policy", "policy", False),
        ("550 5.1.1 blocked: your address is on a blacklist", "spam", False),
        ("552 5.3.4 Message size exceeds fixed limit", "too_large", False),
        ("554 5.6.0 message content rejected", "content", False),
        ("554 transaction failed", "other", False),
    ],
)
def test_refusal_says_whether_the_address_is_dead(text, reason, is_hard):
    reply = said(text)
    assert (reply.outcome, reply.reason, reply.is_hard_bounce) == (Outcome.REFUSED, reason, is_hard)
    assert reply.reason in REASONS
    assert not reply.may_be_tried_again


@pytest.mark.parametrize("stage", [Stage.CONNECT, Stage.HELLO, Stage.SENDER])
def test_what_is_said_before_the_recipient_never_kills_an_address(stage):
    assert not said("550 5.1.1 user unknown", stage).is_hard_bounce


@pytest.mark.parametrize(
    ("text", "outcome", "reason"),
    [
        ("450 4.2.0 Recipient address rejected: Greylisted, see http://x", Outcome.DEFERRED, "greylisted"),
        ("451 4.3.0 try again later", Outcome.DEFERRED, "server_trouble"),
        ("452 4.2.2 mailbox full", Outcome.DEFERRED, "mailbox_full"),
        ("421 4.7.0 try again later, closing connection", Outcome.TOO_MANY, "policy"),
        ("450 4.7.1 you send too many messages", Outcome.TOO_MANY, "too_fast"),
        ("451 4.7.28 unusual rate of mail", Outcome.TOO_MANY, "too_fast"),
        ("450 4.1.1 user unknown", Outcome.DEFERRED, "no_such_mailbox"),
    ],
)
def test_later_is_later_and_never_kills_an_address(text, outcome, reason):
    reply = said(text)
    assert (reply.outcome, reply.reason) == (outcome, reason)
    assert not reply.is_hard_bounce
    assert reply.may_be_tried_again


def test_code_that_contradicts_itself_is_not_believed():
    reply = said("450 5.1.1 something")
    assert (reply.outcome, reply.enhanced) == (Outcome.DEFERRED, "")


def test_what_is_no_answer_is_uncertain_after_the_message_and_harmless_before():
    for code in (0, 123, 354, 600, 999):
        assert classify(code, "", "", Stage.BODY).outcome is Outcome.UNCERTAIN
        assert classify(code, "", "", Stage.RECIPIENT).outcome is Outcome.UNREACHABLE


def test_every_code_at_every_stage_has_a_meaning():
    for code, stage in itertools.product(range(1000), Stage):
        reply = classify(code, "", "x", stage)
        assert (reply.outcome is Outcome.ACCEPTED) == (200 <= code < 300 and stage is Stage.BODY)
        assert reply.may_be_tried_again in (True, False)
        if 500 <= code < 600:
            assert reply.outcome is Outcome.REFUSED


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ok: queued as 4XyZ1234ab", "4XyZ1234ab"), ("OK id=1rXyZa-0001Bc-2D", "1rXyZa-0001Bc-2D"),
        ("OK  1700000000 d2e1a72fcca58-6e6aa5sm - gsmtp", ""), ("<abc@x> [InternalId=12] Queued mail for delivery", ""),
        ("s8xk0001234567 Message accepted for delivery", "s8xk0001234567"), ("thanks", ""),
    ],
)  # fmt: skip
def test_servers_own_name_for_a_message_is_kept(text, name):
    assert classify(250, "2.0.0", text, Stage.BODY).queue_id == name


@pytest.mark.parametrize(
    ("text", "split"),
    [("5.1.1 no", ("5.1.1", "no")), ("5.1.1", ("5.1.1", "")), ("5.1.10 a\n5.1.10 b", ("5.1.10", "a\nb")), ("5.1 no", ("", "5.1 no")),
     ("version 5.1.1", ("", "version 5.1.1")), ("", ("", "")), ("3.1.1 x", ("", "3.1.1 x"))],
)  # fmt: skip
def test_enhanced_code_is_read_at_the_beginning_only(text, split):
    assert split_enhanced(text) == split


# ---------------------------------------------------------------- again, and when

LATER = Reply(Outcome.DEFERRED, Stage.RECIPIENT, 451)


def pauses(reply: Reply, key: str = "k") -> list[float]:
    found, attempts, now = [], 1, NOW
    while (then := retry_at(attempts, now, reply, key=key)) is not None:
        found.append((then - now).total_seconds() / 60)
        attempts, now = attempts + 1, then
    return found


def test_pauses_grow_and_end_after_about_three_days():
    found = pauses(LATER)
    assert 5 <= found[0] <= 6
    assert 15 <= found[1] <= 18
    assert 60 <= found[2] <= 72
    assert 240 <= found[3] <= 288
    assert found == sorted(found)
    assert 2.8 <= sum(found) / 1440 <= 3.7
    assert pauses(Reply(Outcome.TOO_MANY, Stage.BODY, 421))[0] >= 15


def test_what_failed_together_does_not_come_back_together_but_always_at_its_own_time():
    first = {retry_at(1, NOW, LATER, key=str(n)) for n in range(200)}
    assert len(first) > 40
    assert retry_at(1, NOW, LATER, key="7") == retry_at(1, NOW, LATER, key="7")
    assert all(NOW + dt.timedelta(minutes=5) <= at <= NOW + dt.timedelta(minutes=6) for at in first)


@pytest.mark.parametrize("outcome", [Outcome.ACCEPTED, Outcome.REFUSED, Outcome.UNCERTAIN, Outcome.SKIPPED])
def test_machine_never_tries_again_what_is_done_or_may_be(outcome):
    assert retry_at(1, NOW, Reply(outcome, Stage.BODY)) is None


def test_attempts_are_counted_from_one():
    with pytest.raises(ValueError, match="from 1"):
        retry_at(0, NOW, LATER)


# ---------------------------------------------------------------- stop

YES = Reply(Outcome.ACCEPTED, Stage.BODY, 250)
NO = Reply(Outcome.REFUSED, Stage.BODY, 554, reason="policy", text="go away")
DEAD = Reply(Outcome.REFUSED, Stage.RECIPIENT, 550, reason="no_such_mailbox", is_hard_bounce=True)
AWAY = Reply(Outcome.UNREACHABLE, Stage.CONNECT, reason="timeout")
LOST = Reply(Outcome.UNCERTAIN, Stage.BODY, reason="lost_connection")
FAST = Reply(Outcome.TOO_MANY, Stage.SENDER, 421)
SKIPPED = Reply(Outcome.SKIPPED, Stage.DATA)


@pytest.mark.parametrize(
    ("reply", "count", "code"),
    [(NO, 20, "refused_run"), (AWAY, 5, "unreachable_run"), (LOST, 5, "uncertain_run"), (FAST, 10, "too_many_run"),
     (LATER, 100, "deferred_run")],
)  # fmt: skip
def test_run_of_one_trouble_stops_and_a_success_breaks_the_run(reply, count, code):
    assert judge([reply] * (count - 1)) is None
    assert judge([*[reply] * (count - 1), YES, *[reply] * (count - 1)]) is None
    stop = judge([reply] * count)
    assert (stop.code, stop.facts["count"], stop.facts["reason"]) == (code, count, reply.reason)


def test_skipped_messages_neither_make_nor_break_a_run():
    assert judge([AWAY, SKIPPED] * 5).code == "unreachable_run"
    assert judge([SKIPPED] * 500) is None


def test_too_many_dead_addresses_of_the_last_stop():
    assert judge(([DEAD] + [YES] * 9) * 20) is None  # a tenth, not more
    assert judge(([DEAD] + [YES] * 8) * 30).code == "hard_bounces"
    assert judge([DEAD, YES] * 20) is None
    assert judge([DEAD, YES] * 21).code == "hard_bounces"  # 21 of the first 41: no need to wait for 200
    old = ([DEAD] + [YES] * 8) * 20 + [YES] * 200
    assert Breaker(BreakerRules(hard_bounce_share=1)).record(YES) is None
    assert judge(old[180:]) is None  # those long ago are forgotten
    stop = judge([DEAD, LATER, AWAY, YES] * 21)  # what says nothing of an address is not counted
    assert (stop.code, stop.facts["count"], stop.facts["of"], stop.facts["limit"]) == ("hard_bounces", 21, 41, 20)


def test_first_reason_to_stop_stays():
    breaker = Breaker()
    for reply in [AWAY] * 5 + [YES] * 50 + [NO] * 20:
        breaker.record(reply)
    assert breaker.stop.code == "unreachable_run"
