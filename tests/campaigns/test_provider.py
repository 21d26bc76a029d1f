"""Mail by a provider's API: what is asked of it, and what each of its answers means."""

import json
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from campaigns.channels.provider import PROVIDERS, ProviderCourier, options_of
from campaigns.outreach.delivery.replies import Outcome, Stage
from core.errors import Refused

SETTINGS = {
    "brevo": {"api_key": "k"},
    "mailgun": {"api_key": "k", "sender_domain": "mg.example.com"},
    "mailjet": {"api_key": "k", "secret_key": "s"},
    "postmark": {"server_token": "k"},
    "resend": {"api_key": "k"},
    "sparkpost": {"api_key": "k"},
}
ACCEPTS = {
    "brevo": {"messageId": "<m@brevo>"},
    "mailgun": {"id": "<m@mailgun>", "message": "Queued. Thank you."},
    "mailjet": {"Messages": [{"Status": "success", "To": [{"Email": "amel@example.com", "MessageID": 7}]}]},
    "postmark": {"ErrorCode": 0, "Message": "OK", "MessageID": "m", "To": "amel@example.com"},
    "resend": {"id": "m"},
    "sparkpost": {"results": {"total_rejected_recipients": 0, "total_accepted_recipients": 1, "id": "m"}},
}


@dataclass
class Letter:
    message_id: str
    data: bytes


LETTER = Letter(
    "<named@atlas.example.com>",
    (
        "From: =?utf-8?q?Atlas_T=C3=A9l=C3=A9com?= <bonjour@atlas.example.com>\r\n"
        "To: Amel Ben Ali <amel@example.com>\r\nReply-To: aide@atlas.example.com\r\n"
        "Subject: =?utf-8?b?2LnYsdi2?=\r\nMessage-ID: <named@atlas.example.com>\r\n"
        "List-Unsubscribe: <https://retention.example.com/u/abc>\r\n"
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/alternative; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nBonjour en clair\r\n"
        "--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Bonjour é</p>\r\n--b--\r\n"
    ).encode(),
)


@contextmanager
def api(status: int = 200, body: object = None, *, silent_s: float = 0.0, drops: bool = False, location: str = ""):
    """A provider on the loopback; yields its address and the requests that came."""
    asked: list[tuple[str, dict, bytes]] = []

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append((self.path, dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            if silent_s:
                time.sleep(silent_s)
            if drops:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            told = json.dumps(body or {}).encode()
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_POST

        def log_message(self, *_arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def send(url: str, provider: str = "resend", *, seconds=(1.0, 1.0), before_data=lambda: True):
    courier = ProviderCourier(provider, json.dumps(SETTINGS[provider]), api_url=url, seconds=seconds)
    try:
        return courier.send(LETTER, before_data=before_data)
    finally:
        courier.close()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_provider_is_given_the_whole_mail(provider):
    with api(200, ACCEPTS[provider]) as (url, asked):
        reply = send(url, provider)
    assert reply.outcome is Outcome.ACCEPTED, reply
    assert len(asked) == 1
    body = asked[0][2].decode()
    for piece in ("amel@example.com", "bonjour@atlas.example.com", "aide@atlas.example.com", "Bonjour en clair", "retention.example.com/u/abc", "named"):  # fmt: skip
        assert piece in body or piece.replace("@", "%40") in body or piece.replace("/", "%2F") in body or piece.replace(" ", "+") in body, piece  # fmt: skip


def test_two_letters_go_over_one_courier():
    with api(200, ACCEPTS["resend"]) as (url, asked):
        courier = ProviderCourier("resend", json.dumps(SETTINGS["resend"]), api_url=url)
        replies = [courier.send(LETTER, before_data=lambda: True) for _ in range(2)]
        courier.close()
    assert [one.outcome for one in replies] == [Outcome.ACCEPTED] * 2 and len(asked) == 2


def test_letter_that_is_taken_back_is_not_asked_for():
    with api(200, ACCEPTS["resend"]) as (url, asked):
        assert send(url, before_data=lambda: False).outcome is Outcome.SKIPPED
    assert asked == []


@pytest.mark.parametrize(
    ("status", "outcome", "reason"),
    [
        (400, Outcome.REFUSED, "policy"),
        (401, Outcome.REFUSED, "authentication"),
        (403, Outcome.REFUSED, "authentication"),
        (422, Outcome.REFUSED, "policy"),
        (429, Outcome.TOO_MANY, "too_fast"),
        (500, Outcome.DEFERRED, "server_trouble"),
        (503, Outcome.DEFERRED, "server_trouble"),
    ],
)
def test_what_an_answer_means(status, outcome, reason):
    with api(status, {"message": "because"}) as (url, _asked):
        reply = send(url)
    assert (reply.outcome, reply.reason, reply.code) == (outcome, reason, status)
    assert "because" in reply.text and not reply.is_hard_bounce


def test_yes_that_cannot_be_read_is_uncertain():
    with api(200, {"surprise": 1}) as (url, _asked):
        assert send(url).outcome is Outcome.UNCERTAIN


@pytest.mark.parametrize("trouble", [{"silent_s": 1.5}, {"drops": True}])
def test_no_answer_after_the_request_went_out_is_uncertain(trouble):
    with api(200, ACCEPTS["resend"], **trouble) as (url, asked):
        reply = send(url, seconds=(1.0, 0.3))
    assert reply.outcome is Outcome.UNCERTAIN
    assert not reply.may_be_tried_again
    assert len(asked) == 1, "nothing is sent twice"


def test_nobody_there_is_safe_to_try_again():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    reply = send(f"http://127.0.0.1:{port}")
    assert (reply.outcome, reply.stage) == (Outcome.UNREACHABLE, Stage.CONNECT)
    assert reply.may_be_tried_again


def test_unknown_name_is_safe_to_try_again():
    assert send("http://no-such-name.invalid").outcome is Outcome.UNREACHABLE


def test_redirect_is_not_followed():
    with api(200, ACCEPTS["resend"]) as (elsewhere, strayed), api(302, {}, location=elsewhere) as (url, _asked):
        assert send(url).outcome is Outcome.REFUSED
    assert strayed == []


def test_proxies_and_credentials_of_the_environment_are_not_used(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with api(200, ACCEPTS["resend"]) as (url, _asked):
        assert send(url).outcome is Outcome.ACCEPTED


def test_address_that_the_provider_calls_invalid_is_a_hard_bounce():
    told = {"ErrorCode": 300, "Message": "Error parsing 'To': Illegal email address 'amel@example.com'."}
    with api(422, told) as (url, _asked):
        reply = send(url, "postmark")
    assert reply.outcome is Outcome.REFUSED and reply.is_hard_bounce


def test_key_is_in_no_answer():
    with api(500, {"message": "no"}) as (url, _asked):
        courier = ProviderCourier("resend", json.dumps({"api_key": "very-secret"}), api_url=url)
        assert "very-secret" not in repr(courier.send(LETTER, before_data=lambda: True))


@pytest.mark.parametrize(
    ("provider", "given", "field"),
    [
        ("nobody", "{}", "provider"),
        ("resend", "{}", "api_key"),
        ("resend", "[]", "provider"),
        ("resend", "not json", "provider"),
        ("resend", '{"api_key": "x\\ny"}', "api_key"),
        ("mailgun", '{"api_key": "k"}', "sender_domain"),
        ("mailgun", '{"api_key": "k", "sender_domain": "d", "region": "moon"}', "region"),
    ],
)
def test_settings_are_checked_before_anything_is_sent(provider, given, field):
    with pytest.raises(Refused) as refused:
        options_of(provider, given)
    assert refused.value.facts["field"] == field


def test_no_setting_names_a_host():
    given = json.dumps({"api_key": "k", "api_url": "http://127.0.0.1/", "sender_domain": "d", "region": "eu"})
    assert "api_url" not in options_of("mailgun", given)
    courier = ProviderCourier("mailgun", given)
    assert courier._backend.api_url == "https://api.eu.mailgun.net/v3/"
