"""Whom mail is sent through: encrypted, to the machine that was meant, and no password in the clear."""

import pytest

from campaigns.channels import smtp
from campaigns.channels.smtp import Connection, Failed, Server
from campaigns.outreach.delivery.replies import Outcome
from core import addresses
from core.errors import Refused
from tests.campaigns.sink import running_sink
from tests.core.tls import write_certificate

FEATURES = ("PIPELINING", "8BITMIME")
SECRET = {"user": "atlas", "password": "sésame"}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return write_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module", params=["starttls", "tls"])
def secured(request, certificate, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sink")
    with running_sink(folder, certificate=certificate, security=request.param, **SECRET) as sink:
        yield sink, request.param


def server_of(port: int, security: str, **changes) -> Server:
    given = {"port": port, "security": security, "private_hosts": ["127.0.0.1"], "timeout_s": 2}
    return Server(**{"host": "127.0.0.1", **given, **changes})


def refusal(server: Server) -> str:
    with pytest.raises(Refused) as refused:
        Connection.open(server)
    return refused.value.code


def test_message_goes_encrypted_with_the_operators_own_certificate_and_a_password(secured, certificate):
    sink, security = secured
    server = server_of(
        sink.port, security, host="localhost", private_hosts=["localhost"], ca_file=str(certificate[0]),
        username="atlas", password="sésame",
    )  # fmt: skip
    with Connection.open(server) as connection:
        assert connection.is_secured
        big = b"Message-ID: <big>\r\n\r\n" + (b"x" * 900 + b"\r\n") * 500
        for data in (b"Message-ID: <1>\r\n\r\nx\r\n", big):
            assert connection.send("p@a.tn", "c@a.tn", data, before_data=lambda: True).outcome is Outcome.ACCEPTED


def test_certificate_that_nobody_vouches_for_is_refused(secured):
    sink, security = secured
    assert refusal(server_of(sink.port, security)) == "certificate"


def test_wrong_password_is_refused_with_the_servers_words(secured, certificate):
    sink, security = secured
    server = server_of(sink.port, security, ca_file=str(certificate[0]), username="atlas", password="x")
    with pytest.raises(Refused) as refused:
        Connection.open(server)
    assert (refused.value.code, refused.value.facts["text"]) == ("credentials", "5.7.8 wrong name or password")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    with running_sink(tmp_path_factory.mktemp("sink"), features=FEATURES, **SECRET) as sink:
        yield sink


def test_connection_is_never_unencrypted_where_encryption_was_asked_for(plain):
    assert refusal(server_of(plain.port, "starttls")) == "no_starttls"
    with pytest.raises(Failed):
        Connection.open(server_of(plain.port, "tls"))  # a greeting is no handshake


def test_password_goes_in_the_clear_to_this_very_machine_only(plain, monkeypatch):
    server = server_of(plain.port, "none", username="atlas", password="sésame")
    with Connection.open(server) as connection:
        assert not connection.is_secured
    begin = Connection._begin
    monkeypatch.setattr(Connection, "_begin", lambda self, _is_loopback: begin(self, False))  # as of another machine
    assert refusal(server) == "password_in_clear"


def test_password_is_in_no_text_about_the_server(plain):
    assert "sésame" not in repr(server_of(plain.port, "none", password="sésame"))


def test_private_machines_are_refused_but_those_the_operator_names(plain):
    assert refusal(server_of(plain.port, "none", private_hosts=())) == "private_address"
    assert refusal(server_of(plain.port, "none", private_hosts=["127.0.0.1:1"])) == "private_address"
    assert refusal(Server("169.254.169.254", 25, "starttls")) == "private_address"
    Connection.open(server_of(plain.port, "none", private_hosts=[f"127.0.0.1:{plain.port}"])).close()


def test_machine_on_the_internet_is_spoken_to_encrypted_only(monkeypatch):
    monkeypatch.setattr(addresses, "resolve", lambda *_args, **_named: "8.8.8.8")
    monkeypatch.setattr(smtp.socket, "create_connection", lambda *_args, **_named: pytest.fail("it was called"))
    assert refusal(Server("mail.example.com", 25, "none")) == "clear_text"


@pytest.mark.parametrize(
    "changes",
    [
        {"security": "ssl"},
        {"port": 0},
        {"helo_name": "a\r\nRSET"},
        {"helo_name": ""},
        {"timeout_s": 0},
        {"max_messages": 0},
    ],
)
def test_settings_that_cannot_be_used_are_refused(changes):
    assert (
        refusal(Server(**{"host": "127.0.0.1", "private_hosts": ["127.0.0.1"], "security": "none", **changes}))
        == "bad_server"
    )


def test_nobody_at_home_is_unreachable(plain):
    with pytest.raises(Failed) as failed:
        Connection.open(server_of(1, "none"))
    assert failed.value.reply.may_be_tried_again
