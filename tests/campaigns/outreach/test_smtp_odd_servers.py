"""Servers that keep to no rule: byte by byte, out of step, in the middle, or saying too much."""

import socket
import threading
import time
from contextlib import contextmanager

import pytest

from campaigns.channels import smtp
from campaigns.channels.courier import Courier
from campaigns.channels.smtp import Connection, Envelope, Failed, Server
from campaigns.channels.smtp_wire import Lost, Wire
from campaigns.outreach.delivery.replies import Outcome, Stage
from core.errors import Refused

HELLO = b"220 odd\r\n", b"250-odd\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
MESSAGE = b"Message-ID: <1>\r\n\r\nx\r\n"


@contextmanager
def odd_server(*conversations, seconds: float = 10):
    """A server that, for each connection in turn, runs one of ``conversations(socket)``."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(5)

    def serve() -> None:
        for converse in conversations:
            try:
                connection, _peer = listening.accept()
                connection.settimeout(5)
                with connection:
                    converse(connection)
            except OSError:
                pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield Server(
            "127.0.0.1",
            listening.getsockname()[1],
            "none",
            private_hosts=["127.0.0.1"],
            timeout_s=seconds,
            body_timeout_s=seconds,
        )
    finally:
        listening.close()
        thread.join(5)


def says(*answers: bytes):
    """A conversation: the greeting, then one of ``answers`` for each block that comes; then until the client leaves."""

    def converse(connection: socket.socket) -> None:
        connection.sendall(answers[0])
        for answer in answers[1:]:
            if not connection.recv(1 << 16):
                return
            connection.sendall(answer)
        while (block := connection.recv(1 << 16)) and not block.startswith(b"QUIT"):
            pass

    return converse


def send(server: Server):
    begun = []
    with Connection.open(server) as connection:
        reply = connection.send("p@a.tn", "c@a.tn", MESSAGE, before_data=lambda: True, at_data=lambda: begun.append(1))
        return reply, len(begun), connection.is_usable


AGREED = b"250 ok\r\n250 ok\r\n354 go on\r\n"


def test_server_that_wants_a_message_for_nobody_gets_none():
    with odd_server(says(*HELLO, b"250 ok\r\n550 5.1.1 unknown\r\n354 go on\r\n")) as server:
        reply, begun, is_usable = send(server)
    assert (reply.outcome, reply.stage, reply.is_hard_bounce) == (Outcome.REFUSED, Stage.RECIPIENT, True)
    assert (begun, is_usable) == (0, False)


def test_refusal_that_was_heard_stands_though_the_rest_is_lost():
    with odd_server(says(*HELLO, b"250 ok\r\n550 5.1.1 unknown\r\n"), seconds=0.4) as server:
        reply, begun, is_usable = send(server)
    assert (reply.code, reply.is_hard_bounce, begun, is_usable) == (550, True, 0, False)


@pytest.mark.parametrize("answers", [b"250 ok\r\n250 ok\r\n", b"250 ok\r\n", b"", b"what?\r\n", b"250 ok\r\n25"])
def test_conversation_that_breaks_before_the_message_may_be_begun_again(answers):
    with odd_server(says(*HELLO, answers), seconds=0.4) as server:
        reply, begun, is_usable = send(server)
    assert (reply.outcome, reply.may_be_tried_again, begun, is_usable) == (Outcome.UNREACHABLE, True, 0, False)


@pytest.mark.parametrize(
    "answer", [b"what?\r\n", b"250", b"354 go on\r\n", b"100 x\r\n", b"250-a\r\n451 b\r\n", b"2500 x\r\n"]
)
def test_answer_to_the_message_that_is_none_is_uncertain(answer):
    with odd_server(says(*HELLO, AGREED, answer), seconds=0.4) as server:
        reply, begun, is_usable = send(server)
    assert (reply.outcome, reply.may_be_tried_again, begun, is_usable) == (Outcome.UNCERTAIN, False, 1, False)


def test_long_and_many_lined_answers_are_read_whole():
    with odd_server(says(*HELLO, AGREED, b"550-5.7.1 line one\r\n550-5.7.1 two\r\n550 5.7.1 three spam\r\n")) as server:
        reply, _begun, is_usable = send(server)
    assert (reply.text, reply.reason, is_usable) == ("line one two three spam", "spam", True)


def test_endless_answer_is_given_up():
    with odd_server(says(*HELLO, AGREED, b"250-" + b"x" * 200_000)) as server:
        assert send(server)[0].outcome is Outcome.UNCERTAIN


def test_server_that_takes_leave_with_its_yes_is_believed_and_left():
    with odd_server(says(*HELLO, AGREED, b"250 ok\r\n421 bye\r\n")) as server:
        reply, _begun, is_usable = send(server)
    assert (reply.outcome, is_usable) == (Outcome.ACCEPTED, False)


def test_yes_that_was_said_before_the_question_is_not_believed():
    """A reply too many would be taken for the next message's."""
    with odd_server(says(*HELLO, AGREED + b"250 queued\r\n", b"451 not now\r\n")) as server:
        reply, _begun, is_usable = send(server)
    assert reply.outcome is not Outcome.ACCEPTED
    assert not is_usable


def test_yes_too_many_behind_a_message_is_not_believed_of_the_next(monkeypatch):
    """Its own yes, sender, recipient and leave for the next, and one yes more, which would be taken for the next one's."""
    monkeypatch.setattr(smtp, "FAR", 0.0)
    coming = Envelope.of("p@a.tn", "d@a.tn", MESSAGE)
    answers = says(*HELLO, AGREED, b"250 taken\r\n" + AGREED + b"250 taken\r\n")
    with odd_server(answers) as server, Connection.open(server) as connection:
        way = {"before_data": lambda: True}
        first = connection.send("p@a.tn", "c@a.tn", MESSAGE, following=lambda: coming, **way)
        begun = []
        second = connection.send("p@a.tn", "d@a.tn", MESSAGE, at_data=lambda: begun.append(1), **way)
    assert first.outcome is Outcome.ACCEPTED
    assert (second.outcome, second.reason, begun) == (Outcome.UNREACHABLE, "bad_answer", [])


def test_byte_by_byte_holds_nobody_for_longer_than_the_limit():
    def dribble(connection: socket.socket) -> None:
        for byte in b"220-" + b"x" * 100:
            connection.sendall(bytes([byte]))
            time.sleep(0.05)

    with odd_server(dribble, seconds=0.4) as server:
        started = time.monotonic()
        with pytest.raises(Failed) as failed:
            Connection.open(server)
        assert failed.value.reply.reason == "timeout"
        assert time.monotonic() - started < 3  # the whole dribble takes five


def test_what_was_said_before_the_encryption_is_not_believed_after_it():
    hello = b"250-odd\r\n250 STARTTLS\r\n"
    with odd_server(says(b"220 odd\r\n", hello, b"220 go\r\n250-odd\r\n250 AUTH PLAIN\r\n")) as server:
        secured = Server("127.0.0.1", server.port, "starttls", private_hosts=["127.0.0.1"], timeout_s=0.4)
        with pytest.raises(Failed) as failed:
            Connection.open(secured)
    assert failed.value.reply.reason == "bad_answer"


@pytest.mark.parametrize(
    ("greeting", "outcome"), [(b"421 busy\r\n", Outcome.TOO_MANY), (b"450 later\r\n", Outcome.DEFERRED)]
)
def test_greeting_that_puts_us_off_is_a_reply(greeting, outcome):
    with odd_server(says(greeting)) as server, Courier(server) as courier:
        reply = courier.send("p@a.tn", "c@a.tn", MESSAGE, before_data=lambda: True)
    assert (reply.outcome, reply.stage) == (outcome, Stage.CONNECT)


def test_greeting_that_turns_us_away_asks_for_a_person():
    with odd_server(says(b"554 5.7.1 you are on a list\r\n")) as server, pytest.raises(Refused) as refused:
        Connection.open(server)
    assert refused.value.code == "turned_away"
    assert "you are on a list" in refused.value.message


def test_old_server_without_ehlo_is_spoken_to_step_by_step():
    with odd_server(
        says(
            b"220 old\r\n", b"502 what\r\n", b"250 old\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b"250 ok\r\n"
        )
    ) as server:
        assert send(server)[0].outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("last", [b"", b"421 4.4.2 idle for too long\r\n"])
def test_conversation_that_ended_while_idle_is_replaced_without_a_word(last):
    def leave(connection: socket.socket) -> None:
        connection.sendall(HELLO[0])
        connection.recv(1 << 16)
        connection.sendall(HELLO[1])
        connection.recv(1 << 16)
        connection.sendall(AGREED)
        connection.recv(1 << 16)
        connection.sendall(b"250 ok\r\n")
        if last:
            connection.recv(1 << 16)
            connection.sendall(last)

    with odd_server(leave, says(*HELLO, AGREED, b"250 ok\r\n")) as server, Courier(server) as courier:
        outcomes = []
        for _number in range(2):
            outcomes.append(courier.send("p@a.tn", "c@a.tn", MESSAGE, before_data=lambda: True).outcome)
            time.sleep(0.05)
        assert (outcomes, courier.opened) == ([Outcome.ACCEPTED] * 2, 2)


def test_server_that_says_why_it_broke_off_is_heard():
    def break_off(connection: socket.socket) -> None:
        for answer in (*HELLO, AGREED):
            connection.sendall(answer)
            connection.recv(1 << 12)
        connection.recv(10)
        connection.sendall(b"552 5.3.4 message too large\r\n")
        time.sleep(1.2)  # reading no more: the rest of the message finds no room

    with odd_server(break_off, seconds=0.4) as server, Connection.open(server) as connection:
        big = MESSAGE + (b"x" * 900 + b"\r\n") * 20_000
        reply = connection.send("p@a.tn", "c@a.tn", big, before_data=lambda: True)
    assert (reply.outcome, reply.reason, reply.stage) == (Outcome.REFUSED, "too_large", Stage.BODY)


class Broken:
    """A socket that takes ``room`` bytes and then fails."""

    def __init__(self, room: int) -> None:
        self.room = room

    def setsockopt(self, *_args) -> None: ...

    def settimeout(self, _seconds) -> None: ...

    def send(self, data) -> int:
        if not self.room:
            raise ConnectionResetError
        taken = min(self.room, len(data))
        self.room -= taken
        return taken

    def recv(self, _size) -> bytes:
        return b""

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("room", "outcome"), [(0, "unreachable"), (10, "unreachable"), (-3, "unreachable"), (-2, "uncertain")]
)
@pytest.mark.parametrize("after_it", [b"", b"MAIL FROM:<p@a.tn>\r\n"])
def test_whether_the_final_dot_went_out_decides(room, outcome, after_it):
    payload = MESSAGE + b".\r\n"
    connection = Connection(Server("127.0.0.1"), Wire(Broken(room if room >= 0 else len(payload) + room), 1))
    assert connection._deliver(payload, after_it).outcome == outcome


def test_message_whose_successor_broke_off_is_uncertain():
    payload = MESSAGE + b".\r\n"
    connection = Connection(Server("127.0.0.1"), Wire(Broken(len(payload) + 4), 1))
    assert connection._deliver(payload, b"MAIL FROM:<p@a.tn>\r\n").outcome is Outcome.UNCERTAIN


def test_of_an_encrypted_write_the_last_record_may_be_out():
    wire = Wire(Broken(0), 1)
    wire.is_secured = True
    with pytest.raises(Lost) as lost:
        wire.write(b"x" * 100)
    assert lost.value.written == 100
    with pytest.raises(Lost) as lost:
        wire.write(b"x" * 100_000)
    assert lost.value.written == 1 << 14
