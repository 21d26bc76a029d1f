"""Questions to a name server on the loopback: what it answers, refuses, forgets or makes up."""

import socket
import threading
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from campaigns.channels.dns import Resolver

ZONE = {
    ("atlas.tn.", "TXT"): ['"v=spf1 mx " "-all"', '"other"'],
    ("atlas.tn.", "MX"): ["10 mx1.atlas.tn.", "20 mx2.atlas.tn."],
    ("atlas.tn.", "A"): ["192.0.2.1"],
    ("null.tn.", "MX"): ["0 ."],
    ("xn--caf-dma.tn.", "A"): ["192.0.2.2"],
}


@contextmanager
def name_server(behaviour: str = ""):
    """Yields (port, questions): what was asked, in order."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.bind(("127.0.0.1", 0))
    listening.settimeout(0.05)
    asked, ended = [], threading.Event()

    def serve() -> None:
        while not ended.is_set():
            try:
                data, peer = listening.recvfrom(4096)
            except TimeoutError:
                continue
            question = dns.message.from_wire(data)
            name, kind = question.question[0].name.to_text().lower(), dns.rdatatype.to_text(question.question[0].rdtype)
            asked.append((name, kind))
            if behaviour == "silent":
                continue
            answer = dns.message.make_response(question)
            answer.flags |= dns.flags.RA
            if behaviour == "servfail":
                answer.set_rcode(dns.rcode.SERVFAIL)
            elif (name, kind) in ZONE:
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *ZONE[name, kind]))
            elif name not in {known for known, _kind in ZONE}:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            wire = answer.to_wire()
            listening.sendto(b"\x00\x01" + wire[2:] if behaviour == "forged" else wire, peer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1], asked
    finally:
        ended.set()
        thread.join(5)
        listening.close()


def resolver(port: int, **changes) -> Resolver:
    return Resolver(servers=["127.0.0.1"], port=port, **{"seconds": 1, **changes})


def test_records_come_as_text():
    with name_server() as (port, _asked):
        ask = resolver(port).ask
        assert set(ask("atlas.tn", "TXT")) == {"v=spf1 mx -all", "other"}  # pieces are joined without a blank
        assert set(ask("atlas.tn", "MX")) == {"10 mx1.atlas.tn", "20 mx2.atlas.tn"}
        assert ask("Atlas.TN.", "A") == ("192.0.2.1",)
        assert ask("null.tn", "MX") == ("0 .",)
        assert ask("café.tn", "A") == ("192.0.2.2",)


def test_what_is_not_there_is_empty_not_unknown():
    with name_server() as (port, _asked):
        ask = resolver(port).ask
        assert ask("nowhere.tn", "TXT") == ()
        assert ask("atlas.tn", "AAAA") == ()


@pytest.mark.parametrize("name", ["", ".", "a..b", "x" * 64 + ".tn", ".".join(["abcdefgh"] * 40), "\\999.tn"])
def test_name_that_nobody_can_have_asks_nobody(name):
    with name_server() as (port, asked):
        assert resolver(port).ask(name, "TXT") == ()
        assert asked == []


@pytest.mark.parametrize("behaviour", ["silent", "servfail", "forged"])
def test_server_that_does_not_answer_leaves_it_unknown(behaviour):
    with name_server(behaviour) as (port, asked):
        assert resolver(port, seconds=0.3).ask("atlas.tn", "TXT") is None
        assert asked


def test_question_is_asked_once():
    with name_server() as (port, asked):
        once = resolver(port)
        for _round in range(3):
            once.ask("atlas.tn", "TXT")
            once.ask("nowhere.tn", "A")
        assert len(asked) == 2


def test_all_questions_together_have_an_end():
    with name_server("silent") as (port, asked):
        slow = resolver(port, seconds=0.2, seconds_in_all=0.3)
        assert [slow.ask(f"n{number}.tn", "A") for number in range(50)] == [None] * 50
        assert len({name for name, _kind in asked}) <= 3


def test_other_kinds_are_not_asked_for():
    with pytest.raises(ValueError, match="ANY"):
        Resolver(servers=["127.0.0.1"]).ask("atlas.tn", "ANY")
