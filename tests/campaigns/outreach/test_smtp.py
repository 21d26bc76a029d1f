"""Messages to a mail server that answers in every way there is: what is said about each, and what may be sent again."""

import os
import signal
import time

import pytest

from campaigns.channels import smtp
from campaigns.channels.courier import Courier
from campaigns.channels.smtp import Connection, Envelope, Server
from campaigns.channels.smtp_message import is_address
from campaigns.outreach.delivery.replies import Outcome, Stage
from core.errors import Refused
from tests.campaigns.sink import running_sink

SENDER = "post@atlas.example.com"
BEHAVIOURS = {
    "451-sender@atlas.example.com": "451-sender",
    "550-sender@atlas.example.com": "550-sender",
    "421-sender@atlas.example.com": "421-sender",
    **{
        f"{word}@x.example.com": word
        for word in (
            "421-rcpt 421-data 421-body 451-rcpt 451-data 451-body 550-rcpt 550-data 550-body 554-policy hang-rcpt "
            "hang-body hang-counted drop-rcpt drop-in-body drop-counted drop-lost garbage-body slow"
        ).split()
    },
    "once@x.example.com": {"do": "451-rcpt", "times": 1},
}
PIPELINING = ("PIPELINING", "8BITMIME", "SIZE 100000")
PLAIN = ("8BITMIME", "SIZE 100000")


def message(name: str, text: bytes = b"Good day") -> bytes:
    return b"Message-ID: <%s@atlas>\r\nSubject: x\r\n\r\n%s\r\n" % (name.encode(), text)


@pytest.fixture(scope="module", params=[PIPELINING, PLAIN], ids=["pipelining", "step by step"])
def sink(request, tmp_path_factory):
    with running_sink(tmp_path_factory.mktemp("sink"), BEHAVIOURS, features=request.param, hang_s=3) as running:
        yield running


def server_of(sink, **changes) -> Server:
    given = {
        "port": sink.port,
        "security": "none",
        "private_hosts": ["127.0.0.1"],
        "timeout_s": 10,
        "body_timeout_s": 10,
    }
    return Server("127.0.0.1", **{**given, **changes})


@pytest.fixture
def connection(request, sink):
    """Patient, but in the cases in which the server is silent."""
    silent = getattr(request.node, "callspec", None) and str(request.node.callspec.params.get("word", ""))
    limits = {"timeout_s": 0.4, "body_timeout_s": 0.3} if silent and silent.startswith("hang") else {}
    with Connection.open(server_of(sink, **limits)) as opened:
        yield opened


def send(connection, to: str, *, sender: str = SENDER, data: bytes | None = None, wanted=lambda: True, **moments):
    return connection.send(sender, to, message(to) if data is None else data, before_data=wanted, **moments)


def was_accepted(sink, to: str) -> int:
    return sum(recipient == to for _name, recipient in sink.accepted())


def test_accepted_message_is_counted_once_with_the_servers_name_for_it(sink, connection):
    reply = send(connection, "a@x.example.com")
    assert (reply.outcome, reply.stage, reply.code) == (Outcome.ACCEPTED, Stage.BODY, 250)
    assert reply.queue_id.startswith("S0")
    assert (f"<{'a@x.example.com'}@atlas>", "a@x.example.com") in sink.accepted()
    assert was_accepted(sink, "a@x.example.com") == 1
    assert connection.is_usable


@pytest.mark.parametrize(
    ("word", "outcome", "stage", "code", "is_hard", "stays_open", "counted"),
    [
        ("421-rcpt", Outcome.TOO_MANY, Stage.RECIPIENT, 421, False, False, 0),
        ("421-data", Outcome.TOO_MANY, Stage.DATA, 421, False, False, 0),
        ("421-body", Outcome.TOO_MANY, Stage.BODY, 421, False, False, 0),
        ("451-rcpt", Outcome.DEFERRED, Stage.RECIPIENT, 451, False, True, 0),
        ("451-data", Outcome.DEFERRED, Stage.DATA, 451, False, True, 0),
        ("451-body", Outcome.DEFERRED, Stage.BODY, 451, False, True, 0),
        ("550-rcpt", Outcome.REFUSED, Stage.RECIPIENT, 550, True, True, 0),
        ("550-data", Outcome.REFUSED, Stage.DATA, 550, True, True, 0),
        ("550-body", Outcome.REFUSED, Stage.BODY, 550, True, True, 0),
        ("554-policy", Outcome.REFUSED, Stage.RECIPIENT, 554, False, True, 0),
        ("hang-rcpt", Outcome.UNREACHABLE, Stage.RECIPIENT, 0, False, False, 0),
        ("drop-rcpt", Outcome.UNREACHABLE, Stage.RECIPIENT, 0, False, False, 0),
        ("hang-body", Outcome.UNCERTAIN, Stage.BODY, 0, False, False, 0),
        ("hang-counted", Outcome.UNCERTAIN, Stage.BODY, 0, False, False, 1),
        ("drop-counted", Outcome.UNCERTAIN, Stage.BODY, 0, False, False, 1),
        ("drop-lost", Outcome.UNCERTAIN, Stage.BODY, 0, False, False, 0),
        ("garbage-body", Outcome.UNCERTAIN, Stage.BODY, 0, False, False, 1),
        ("slow", Outcome.ACCEPTED, Stage.BODY, 250, False, True, 1),
    ],
)
def test_answer_is_understood_at_its_stage(sink, connection, word, outcome, stage, code, is_hard, stays_open, counted):
    to = f"{word}@x.example.com"
    before = was_accepted(sink, to)
    reply = send(connection, to)
    assert (reply.outcome, reply.stage, reply.code) == (outcome, stage, code)
    assert reply.is_hard_bounce is is_hard
    assert connection.is_usable is stays_open
    if stays_open:  # and it is in step: the next message goes out, and alone
        assert send(connection, "next@x.example.com").outcome is Outcome.ACCEPTED
    assert was_accepted(sink, to) - before == counted


@pytest.mark.parametrize(
    ("word", "outcome"), [("421", Outcome.TOO_MANY), ("451", Outcome.DEFERRED), ("550", Outcome.REFUSED)]
)
def test_answer_to_the_sender_says_nothing_about_the_recipient(sink, connection, word, outcome):
    begun = []
    reply = send(
        connection, "b@x.example.com", sender=f"{word}-sender@atlas.example.com", at_data=lambda: begun.append(1)
    )
    assert (reply.outcome, reply.stage, reply.is_hard_bounce) == (outcome, Stage.SENDER, False)
    assert begun == []
    if word != "421":
        assert send(connection, "b2@x.example.com").outcome is Outcome.ACCEPTED
    assert was_accepted(sink, "b@x.example.com") == 0


def test_large_message_that_the_server_breaks_off_may_be_sent_again(sink, connection):
    big = message("big", b"\r\n".join([b"x" * 900] * 100))
    reply = send(connection, "drop-in-body@x.example.com", data=big)
    # The end may or may not be in the system's hands when the break is seen: never "accepted", never a loss.
    assert reply.outcome in (Outcome.UNREACHABLE, Outcome.UNCERTAIN)
    assert reply.stage is Stage.BODY
    assert was_accepted(sink, "drop-in-body@x.example.com") == 0


# ---------------------------------------------------------------- the last moment


@pytest.mark.parametrize("word", ["550-rcpt", "451-data", "drop-rcpt", "421-rcpt", "hang-rcpt"])
def test_nothing_is_said_to_begin_where_nothing_will_go_out(connection, word):
    begun = []
    send(connection, f"{word}@x.example.com", at_data=lambda: begun.append(1))
    assert begun == []


def test_moments_of_a_message_come_in_their_order(sink, connection):
    told = []

    def note(what: str):
        def noted() -> bool:
            told.append((what, was_accepted(sink, "o@x.example.com")))
            return True

        return noted

    reply = send(connection, "o@x.example.com", wanted=note("wanted"), at_data=note("begun"))
    assert reply.outcome is Outcome.ACCEPTED
    assert told == [("wanted", 0), ("begun", 0)]


def test_caller_is_asked_once_before_the_message(sink, connection):
    seen = []

    def note() -> bool:
        time.sleep(0.05)
        seen.append(was_accepted(sink, "c@x.example.com"))
        return True

    assert send(connection, "c@x.example.com", wanted=note).outcome is Outcome.ACCEPTED
    assert seen == [0]


def test_message_that_is_taken_back_is_not_delivered(sink):
    with Courier(server_of(sink)) as courier:
        reply = courier.send(SENDER, "d@x.example.com", message("d"), before_data=lambda: False)
        assert (reply.outcome, reply.may_be_tried_again) == (Outcome.SKIPPED, False)
        assert (
            courier.send(SENDER, "e@x.example.com", message("e"), before_data=lambda: True).outcome is Outcome.ACCEPTED
        )
    assert was_accepted(sink, "d@x.example.com") == 0
    assert was_accepted(sink, "e@x.example.com") == 1


def test_caller_that_fails_at_the_last_moment_takes_the_message_back(sink, connection):
    def fail() -> bool:
        raise RuntimeError("database gone")

    with pytest.raises(RuntimeError):
        send(connection, "f@x.example.com", wanted=fail)
    assert not connection.is_usable
    assert was_accepted(sink, "f@x.example.com") == 0


# ---------------------------------------------------------------- what is never said


SMUGGLED = b"\r\nMAIL FROM:<evil@x.example.com>\r\nRCPT TO:<victim@x.example.com>\r\nDATA\r\nMessage-ID: <evil>\r\n\r\nx\r\n.\r\n"


@pytest.mark.parametrize(
    "end", [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r.\r\n", b"\r\n\x00.\r\n", b"\n\n.\r\r\n"]
)
def test_bare_line_ends_are_refused_before_anything_is_said(sink, connection, end):
    with pytest.raises(Refused) as refused:
        send(connection, "g@x.example.com", data=message("g", b"hello" + end + SMUGGLED))
    assert refused.value.code == "unfit_message"
    assert was_accepted(sink, "victim@x.example.com") == was_accepted(sink, "g@x.example.com") == 0
    assert connection.is_usable


def test_dot_on_a_line_of_its_own_smuggles_nothing(sink, connection):
    text = b"hello\r\n.\r\n..\r\n.x" + SMUGGLED
    assert send(connection, "h@x.example.com", data=message("h", text)).outcome is Outcome.ACCEPTED
    assert send(connection, "i@x.example.com", data=b".begins with a dot\r\n").outcome is Outcome.ACCEPTED
    assert was_accepted(sink, "victim@x.example.com") == 0
    assert was_accepted(sink, "h@x.example.com") == was_accepted(sink, "i@x.example.com") == 1


@pytest.mark.parametrize(
    "to",
    ["", "a", "a@b@c", "a@x.example.com>\r\nRCPT TO:<v@x.example.com", "a b@x", "é@x.example.com", "a@-x", "<a@x.y>"],
)
def test_recipient_that_is_no_address_is_refused_without_asking(connection, to):
    reply = send(connection, to)
    assert (reply.outcome, reply.stage, reply.is_hard_bounce) == (Outcome.REFUSED, Stage.MESSAGE, True)


def test_usual_addresses_are_addresses():
    for good in ("a@b.tn", "first.last+tag@mail.example.com", "o'neil@x.example.com", "x_y-z@xn--mxacd.example"):
        assert is_address(good)
    assert not is_address("a" * 250 + "@x.example.com")


def test_sender_that_is_no_address_is_our_own_mistake(connection):
    with pytest.raises(Refused) as refused:
        send(connection, "a@x.example.com", sender="post@x>\r\nRCPT TO:<v@x>")
    assert refused.value.code == "bad_sender_address"


def test_null_sender_and_8_bits_go_where_the_server_takes_them(sink, connection):
    assert send(connection, "j@x.example.com", sender="").outcome is Outcome.ACCEPTED
    assert send(connection, "k@x.example.com", data=message("k", "مرحبا".encode())).outcome is Outcome.ACCEPTED


def test_8_bits_and_size_are_refused_here_where_the_server_says_so(tmp_path):
    with (
        running_sink(tmp_path, features=("PIPELINING", "SIZE 1000")) as sink,
        Connection.open(server_of(sink)) as opened,
    ):
        assert (send(opened, "a@x.tn", data=message("k", "é".encode()))).enhanced == "5.6.3"
        reply = send(opened, "a@x.tn", data=message("k", b"x\r\n" * 500))
        assert (reply.outcome, reply.reason, reply.is_hard_bounce) == (Outcome.REFUSED, "too_large", False)
        assert send(opened, "a@x.tn").outcome is Outcome.ACCEPTED


@pytest.mark.parametrize(("text", "problem"), [(b"x" * 999, "long_line"), (b"a\0b", "nul")])
def test_unfit_messages_are_refused(connection, text, problem):
    with pytest.raises(Refused) as refused:
        send(connection, "a@x.example.com", data=message("l", text))
    assert refused.value.facts == {"problem": problem}


# ---------------------------------------------------------------- the next one, announced along with the one before


@pytest.fixture
def far(monkeypatch):
    """The sink counts as a server whose round trips are worth saving."""
    monkeypatch.setattr(smtp, "FAR", 0.0)


def announced(to: str):
    return lambda: Envelope.of(SENDER, to, message(to))


def send_in_a_row(way, *names: str) -> list:
    """Each message announces the one after it, as a sender does that has no reason to wait."""
    coming = [*names[1:], None]
    moments = [{"following": announced(after)} if after else {} for after in coming]
    return [
        way.send(SENDER, to, message(to), before_data=lambda: True, **more)
        for to, more in zip(names, moments, strict=True)
    ]


def outcomes(replies) -> list:
    return [reply.outcome for reply in replies]


A, R, D, U = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.DEFERRED, Outcome.UNCERTAIN


def test_messages_in_a_row_are_each_delivered_once(far, sink, connection):
    names = [f"row{n}@x.example.com" for n in range(6)]
    assert outcomes(send_in_a_row(connection, *names)) == [A] * 6
    assert [was_accepted(sink, name) for name in names] == [1] * 6
    assert connection.is_usable


@pytest.mark.parametrize(
    ("word", "outcome", "counted"),
    [("550-rcpt", R, 0), ("451-rcpt", D, 0), ("550-data", R, 0), ("451-body", D, 0), ("550-body", R, 0), ("421-rcpt", Outcome.TOO_MANY, 0),
     ("421-body", Outcome.TOO_MANY, 0), ("drop-counted", U, 1), ("drop-lost", U, 0), ("garbage-body", U, 1)],
)  # fmt: skip
def test_message_that_goes_wrong_takes_its_neighbours_with_it_nowhere(far, sink, word, outcome, counted):
    """The one before it announced it, and it announces the one after it."""
    before, after, bad = f"b-{word}@x.example.com", f"a-{word}@x.example.com", f"{word}@x.example.com"
    earlier = was_accepted(sink, bad), was_accepted(sink, before)
    with Courier(server_of(sink)) as courier:
        found = outcomes(send_in_a_row(courier, before, bad, after))
    assert found == [A, outcome, A]
    assert was_accepted(sink, bad) - earlier[0] == counted
    assert was_accepted(sink, before) - earlier[1] == was_accepted(sink, after) - earlier[1] == 1


def test_announced_message_that_is_taken_back_is_not_delivered(far, sink):
    with Courier(server_of(sink)) as courier:
        way = {"before_data": lambda: True, "following": announced("back@x.example.com")}
        assert courier.send(SENDER, "first@x.example.com", message("first"), **way).outcome is A
        reply = courier.send(SENDER, "back@x.example.com", message("back@x.example.com"), before_data=lambda: False)
        assert reply.outcome is Outcome.SKIPPED
        assert send_in_a_row(courier, "third@x.example.com")[0].outcome is A
    assert was_accepted(sink, "back@x.example.com") == 0
    assert was_accepted(sink, "third@x.example.com") == 1


def test_another_message_than_the_announced_one_goes_another_way(far, sink):
    with Courier(server_of(sink)) as courier:
        way = {"before_data": lambda: True, "following": announced("awaited@x.example.com")}
        assert courier.send(SENDER, "one@x.example.com", message("one"), **way).outcome is A
        assert send_in_a_row(courier, "instead@x.example.com")[0].outcome is A
        assert courier.opened == (2 if "PIPELINING" in courier._connection.features else 1)
    assert (was_accepted(sink, "awaited@x.example.com"), was_accepted(sink, "instead@x.example.com")) == (0, 1)


def test_conversation_is_left_without_the_message_that_was_announced(far, sink):
    with Courier(server_of(sink, idle_s=0)) as courier:  # the server is asked whether it is still there
        way = {"before_data": lambda: True, "following": announced("awaited@x.example.com")}
        assert courier.send(SENDER, "two@x.example.com", message("two"), **way).outcome is A
        assert courier.send(SENDER, "three@x.example.com", message("three"), **way).outcome is A
        began = time.monotonic()
    assert time.monotonic() - began < 1
    assert was_accepted(sink, "awaited@x.example.com") == 0


def test_nothing_is_announced_ahead_to_a_server_that_is_near(sink):
    """There a journey costs little, and a sender that is killed should not have been waiting for an answer."""
    with Courier(server_of(sink)) as courier:
        way = {"before_data": lambda: True, "following": announced("near@x.example.com")}
        assert courier.send(SENDER, "six@x.example.com", message("six"), **way).outcome is A
        assert send_in_a_row(courier, "seven@x.example.com")[0].outcome is A
        assert courier.opened == 1


def test_message_that_does_not_fit_is_not_announced(far, sink, connection):
    big = message("big", b"\r\n".join([b"x" * 76] * 3_000))
    way = {"before_data": lambda: True, "following": lambda: Envelope.of(SENDER, "big@x.example.com", big)}
    assert connection.send(SENDER, "four@x.example.com", message("four"), **way).outcome is A
    assert connection.send(SENDER, "big@x.example.com", big, before_data=lambda: True).reason == "too_large"
    assert send(connection, "five@x.example.com").outcome is A


# ---------------------------------------------------------------- many messages, one conversation after another


def test_connection_is_kept_and_renewed_after_its_most(far, sink):
    with Courier(server_of(sink, max_messages=10)) as courier:
        for number in range(25):
            reply = courier.send(SENDER, f"m{number}@x.example.com", message(f"m{number}"), before_data=lambda: True)
            assert reply.outcome is Outcome.ACCEPTED
        assert courier.opened == 3
    with Courier(server_of(sink, max_messages=10)) as courier:
        assert outcomes(send_in_a_row(courier, *(f"r{n}@x.example.com" for n in range(25)))) == [A] * 25
        assert courier.opened == 3
    assert sum(to.startswith("m") for _name, to in sink.accepted()) == 25


def test_closed_conversation_is_replaced_for_the_next_message(sink):
    with Courier(server_of(sink)) as courier:
        assert courier.send(SENDER, "421-body@x.example.com", message("n"), before_data=lambda: True).code == 421
        assert (
            courier.send(SENDER, "n@x.example.com", message("n"), before_data=lambda: True).outcome is Outcome.ACCEPTED
        )
        assert courier.opened == 2


def test_deferred_message_goes_through_later(sink, connection):
    replies = [send(connection, "once@x.example.com").outcome for _ in range(3)]
    assert replies[-1] is Outcome.ACCEPTED


def test_server_that_was_killed_is_unreachable_then_found_again(tmp_path):
    with running_sink(tmp_path) as sink:
        courier = Courier(server_of(sink))
        assert courier.send(SENDER, "a@x.tn", message("a"), before_data=lambda: True).outcome is Outcome.ACCEPTED
        os.kill(sink.pid, signal.SIGKILL)
        time.sleep(0.1)
        reply = courier.send(SENDER, "b@x.tn", message("b"), before_data=lambda: True)
        assert (reply.outcome, reply.may_be_tried_again) == (Outcome.UNREACHABLE, True)
    with running_sink(tmp_path, port=sink.port) as again:
        assert courier.send(SENDER, "b@x.tn", message("b"), before_data=lambda: True).outcome is Outcome.ACCEPTED
        courier.close()
        assert [to for _name, to in again.accepted()] == ["a@x.tn", "b@x.tn"]  # the count survived too
