"""The channel to a writing server: what is asked, and that dead, slow, rude and lying servers cost neither time nor trust."""

import hashlib
import json
import socket
import threading
import time

import pytest

from campaigns.channels import writer_server
from campaigns.outreach.writing import WriterUnavailable
from core import addresses

from .writer_stub import closed_port, completion, deaf_port, say, send, trickle, writer_server_stub

# Well above the deadlines below, for a busy machine, and far below what the slow servers would take.
PATIENCE = 6  # seconds
MESSAGES = [{"role": "system", "content": "Écrivez."}, {"role": "user", "content": "{}"}]


@pytest.fixture(scope="module")
def running():
    with writer_server_stub() as stub:
        yield stub


@pytest.fixture
def stub(running):
    running.asked.clear()
    return running


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    with writer_server_stub(tmp_path_factory.mktemp("tls")) as stub:
        yield stub


def ask(stub, **changes) -> writer_server.Answer:
    given = {"base_url": stub.base_url, "model": "small", "private_hosts": stub.private_hosts}
    return writer_server.ask(MESSAGES, **{**given, **changes})


def refused(stub, **changes) -> WriterUnavailable:
    with pytest.raises(WriterUnavailable) as caught:
        ask(stub, **changes)
    return caught.value


def test_answer_comes_with_its_tokens_and_hashes(stub):
    stub.answer = lambda handler: say(handler, "مرحبًا")
    answer = ask(stub, api_key="sk-local")
    asked = stub.asked[0]
    assert (answer.text, answer.prompt_tokens, answer.completion_tokens) == ("مرحبًا", 410, 190)
    assert not answer.is_estimated
    assert answer.prompt_hash == hashlib.sha256(asked["body"]).hexdigest()
    assert answer.answer_hash == hashlib.sha256("مرحبًا".encode()).hexdigest()
    assert 0 < answer.seconds < 3
    assert asked["path"] == "/v1/chat/completions"
    assert asked["headers"]["authorization"] == "Bearer sk-local"
    assert asked["headers"]["host"] == f"127.0.0.1:{stub.port}"
    body = json.loads(asked["body"])
    assert body["messages"] == MESSAGES
    assert (body["model"], body["max_tokens"], body["stream"]) == ("small", 900, False)
    assert body["response_format"] == {"type": "json_object"}


def test_server_that_knows_less_is_asked_for_less(stub):
    stub.answer = lambda handler: say(handler, "x")
    ask(stub, json_mode=False, length_field="max_completion_tokens")
    body = json.loads(stub.asked[0]["body"])
    assert "response_format" not in body and "max_tokens" not in body
    assert body["max_completion_tokens"] == 900
    assert "authorization" not in stub.asked[0]["headers"]


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        "many",
        {"prompt_tokens": -5, "completion_tokens": 3},
        {"prompt_tokens": 10**12},
        {"prompt_tokens": True},
    ],
)
def test_tokens_that_nobody_can_believe_are_estimated_from_above(stub, usage):
    stub.answer = lambda handler: say(handler, "mot " * 30, usage=usage)
    answer = ask(stub)
    assert answer.is_estimated
    assert answer.prompt_tokens >= len(stub.asked[0]["body"]) / 4
    assert answer.completion_tokens >= 30


def raw(body: bytes, **options):
    return lambda handler: send(handler, body, **options)


RUDE = {
    "server_error": raw(b"<html>500</html>", status=500, content_type="text/html"),
    "unauthorised": raw(b"{}", status=401),
    "not_found": raw(b"{}", status=404),
    "too_many": raw(b"{}", status=429),
    "refused_status": raw(b"{}", status=400),
    "redirect": raw(b"", status=302, Location="https://example.com/"),
    "not_json": raw(b"<html>Welcome to the hotel's network</html>", content_type="text/html"),
    "empty": raw(b""),
    "packed": raw(b"\x1f\x8b\x08", Content_Encoding="gzip"),
    "too_large": raw(b" " * (300 << 10)),
    "cut_off": lambda handler: say(
        handler, "x", choices=[{"message": {"content": '{"subj'}, "finish_reason": "length"}]
    ),
    "not_an_answer": raw(b'{"choices": []}'),
    "unreachable": lambda handler: handler.connection.shutdown(socket.SHUT_RDWR),
}  # fmt: skip


@pytest.mark.parametrize("code", RUDE)
def test_rude_server_is_told_by_a_code(stub, code):
    stub.answer = RUDE[code]
    assert refused(stub).code == code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[" * 100_000, "not_json"),
        (b'{"a": ' * 20_000, "not_json"),
        (b"\xff\xfe{}", "not_json"),
        (b'{"choices": [', "not_json"),
        (b"null", "not_an_answer"),
        (b"[1, 2]", "not_an_answer"),
        (b'{"choices": {"0": 1}}', "not_an_answer"),
        (b'{"choices": [null]}', "not_an_answer"),
        (b'{"choices": [{"message": null}]}', "not_an_answer"),
        (b'{"choices": [{"message": {"content": ["a"]}}]}', "not_an_answer"),
        (b'{"choices": [{"message": {"content": null}}]}', "empty"),
        (b'{"choices": [{"message": {"content": " \\n"}}]}', "empty"),
        (json.dumps(completion("x" * 30_000)).encode(), "too_large"),
        (b'{"error": {"message": "model not loaded"}}', "not_an_answer"),
    ],
)
def test_answer_that_is_none_is_told_by_a_code(stub, body, code):
    stub.answer = raw(body)
    assert refused(stub).code == code


def test_answer_shorter_than_announced_is_unreachable(stub):
    def lie(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{")
        handler.connection.shutdown(socket.SHUT_RDWR)

    stub.answer = lie
    assert refused(stub).code == "unreachable"


def waits(release: threading.Event):
    def answer(handler):
        release.wait(60)
        say(handler, "too late")

    return answer


@pytest.mark.parametrize("kind", ["silent", "body", "headers"])
def test_slow_server_is_left_at_the_deadline(stub, kind):
    release = threading.Event()
    body = json.dumps(completion("x" * 400)).encode()
    stub.answer = {
        "silent": waits(release),
        "body": lambda handler: trickle(handler, body, pause=0.05),
        "headers": lambda handler: trickle(handler, body, pause=0.05, headers_too=True),
    }[kind]
    began = time.monotonic()
    assert refused(stub, deadline_s=0.4).code == "too_slow"
    assert time.monotonic() - began < PATIENCE
    release.set()


def test_machine_that_takes_a_connection_and_says_nothing_is_left_at_the_deadline():
    with deaf_port() as port:
        for scheme in ("http", "https"):
            began = time.monotonic()
            with pytest.raises(WriterUnavailable) as caught:
                writer_server.ask(
                    MESSAGES,
                    base_url=f"{scheme}://127.0.0.1:{port}",
                    model="m",
                    private_hosts=["127.0.0.1"],
                    deadline_s=0.4,
                )
            assert caught.value.code == "too_slow"
            assert time.monotonic() - began < PATIENCE


def test_name_that_takes_for_ever_to_look_up_is_left_at_the_deadline(monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(addresses.socket, "getaddrinfo", lambda *_a, **_k: release.wait(60) and [])
    began = time.monotonic()
    with pytest.raises(WriterUnavailable) as caught:
        writer_server.ask(MESSAGES, base_url="https://llm.example.com/v1", model="m", deadline_s=0.3)
    release.set()
    assert caught.value.code == "too_slow"
    assert time.monotonic() - began < PATIENCE


def test_dead_server_is_told_at_once():
    with closed_port() as port, pytest.raises(WriterUnavailable) as caught:
        writer_server.ask(MESSAGES, base_url=f"http://127.0.0.1:{port}/v1", model="m", private_hosts=["127.0.0.1"])
    assert caught.value.code == "unreachable"


@pytest.mark.parametrize(
    ("base_url", "code"),
    [
        ("", "not_set"),
        ("ftp://example.com", "not_https"),
        ("llm", "not_https"),
        ("https://name:word@example.com/v1", "bad_address"),
        ("https://example.com/v1?key=1", "bad_address"),
        ("https://example.com:99999/v1", "bad_address"),
        ("http://8.8.8.8/v1", "not_https"),
        ("http://127.0.0.1:9/v1", "private_address"),
        ("https://127.0.0.1:9/v1", "private_address"),
        ("https://169.254.169.254/latest", "private_address"),
    ],
)
def test_address_that_may_not_be_asked_is_refused(base_url, code):
    with pytest.raises(WriterUnavailable) as caught:
        writer_server.ask(MESSAGES, base_url=base_url, model="m")
    assert caught.value.code == code


def test_plain_http_goes_to_no_other_private_machine_than_the_allowed_one(stub):
    stub.answer = lambda handler: say(handler, "x")
    assert refused(stub, private_hosts=[f"127.0.0.1:{stub.port + 1}"]).code == "private_address"
    assert refused(stub, private_hosts=["10.0.0.0/8"]).code == "private_address"
    assert stub.asked == []
    by_name = ask(stub, base_url=f"http://localhost:{stub.port}/v1/", private_hosts=[f"localhost:{stub.port}"])
    assert by_name.text == "x"
    assert stub.asked[0]["headers"]["host"] == f"localhost:{stub.port}"


def test_certificate_is_checked(secure):
    secure.answer = lambda handler: say(handler, "x")
    assert ask(secure, ca_file=str(secure.certificate)).text == "x"
    assert refused(secure).code == "certificate"


def test_key_is_in_no_refusal(stub):
    stub.answer = raw(b"{}", status=401)
    error = refused(stub, api_key="sk-secret-word")
    assert "sk-secret-word" not in repr((error, error.facts, error.message))
    assert refused(stub, api_key="two\r\nlines").code == "not_set"


def test_proxies_of_the_environment_are_not_used(stub, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    stub.answer = lambda handler: say(handler, "x")
    assert ask(stub).text == "x"
