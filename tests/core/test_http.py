"""The client for everything that goes out: where it goes, what it refuses, and how long it stays."""

import gzip
import hashlib
import io
import ipaddress
import socket
import threading
import time

import pytest

from core import addresses, http
from core.errors import Refused, Unreachable
from tests.core.tls import send, tls_site


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with tls_site(tmp_path_factory.mktemp("tls")) as running:
        yield running


@pytest.fixture
def rules(site):
    """Rules that let a test reach the loopback, and believe its certificate."""

    def make(**changes) -> http.Rules:
        site.asked.clear()
        given = {"seconds": 5, "private_hosts": [f"127.0.0.1:{site.port}"], "ca_file": str(site.certificate)}
        return http.Rules(**{**given, **changes})

    return make


def fetch(url: str, rules: http.Rules, **options) -> tuple[http.Answer, bytes]:
    target = io.BytesIO()
    return http.download(url, target, rules=rules, **options), target.getvalue()


def test_file_is_fetched_with_its_digest_and_the_hosts_own_name(site, rules):
    site.answer = lambda handler: send(handler, b"a,b\n1,2\n", ETag='"one"')
    answer, body = fetch(site.url("/x.csv?k=1", host="localhost"), rules())
    assert body == b"a,b\n1,2\n"
    assert (answer.status, answer.size_bytes, answer.headers["etag"]) == (200, 8, '"one"')
    assert answer.sha256 == hashlib.sha256(body).hexdigest()
    assert site.asked[0]["host"] == f"localhost:{site.port}"
    assert site.asked[0]["path"] == "/x.csv?k=1"


def answer_as(monkeypatch, name: str, *answers: str) -> list[str]:
    """Let a name mean these addresses, one after another; what was looked up."""
    asked = []
    real = socket.getaddrinfo

    def resolve(host, *args, **kwargs):
        asked.append(host)
        return real(answers[min(asked.count(name), len(answers)) - 1] if host == name else host, *args, **kwargs)

    monkeypatch.setattr(addresses.socket, "getaddrinfo", resolve)
    return asked


def test_name_is_resolved_once_and_that_address_is_connected_to(site, rules, monkeypatch):
    asked = answer_as(monkeypatch, "localhost", "127.0.0.1", "127.0.0.2")
    site.answer = lambda handler: send(handler, b"a,b\n1,2\n")
    fetch(site.url(host="localhost"), rules())
    assert asked == ["localhost", "127.0.0.1"]  # the second is the socket's own, of an address: no name is looked up


def test_machine_that_is_not_whom_it_says_is_refused(site, rules, monkeypatch):
    with pytest.raises(Refused) as refused:
        fetch(site.url(), rules(ca_file=""))
    assert refused.value.code == "certificate"
    answer_as(monkeypatch, "other.example.com", "127.0.0.1")
    with pytest.raises(Refused) as refused:
        fetch(site.url(host="other.example.com"), rules())  # not a name of the certificate
    assert refused.value.code == "certificate"
    assert site.asked == []


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://127.0.0.1/x", "not_https"),
        ("ftp://example.com/x", "not_https"),
        ("file:///etc/passwd", "not_https"),
        ("customers.csv", "not_https"),
        ("https://", "not_https"),
        ("https://name:word@example.com/x", "credentials_in_address"),
        ("https://exa mple.com/x", "bad_address"),
        ("https://[fe80::1%25eth0]/x", "bad_address"),
        ("https://example.com:0/x", "bad_address"),
        ("https://example.com:99999/x", "bad_address"),
        ("https://[::1", "bad_address"),
    ],
)
def test_address_that_can_never_be_is_refused(url, code):
    with pytest.raises(Refused) as refused:
        http.check_address(url)
    assert refused.value.code == code


PRIVATE = [
    "127.0.0.1", "10.0.0.8", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "255.255.255.255", "192.0.0.1", "198.18.0.1", "240.0.0.1", "::1", "::", "fe80::1", "fc00::1", "fd12::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "2002:7f00:1::", "2002:a00:1::", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "fec0::1", "2001:0:7f00:1::", "2001:db8::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_private_address_is_refused(address):
    assert not addresses.is_public(ipaddress.ip_address(address))
    with pytest.raises(Refused) as refused:
        addresses.resolve(address, 443)
    assert refused.value.code == "private_address"
    assert "FEED_PRIVATE_HOSTS" in refused.value.message


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_public_address_is_taken(address):
    assert addresses.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "spelling", ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "LOCALHOST", "127.0.0.1."]
)
def test_other_spelling_of_the_loopback_is_refused(spelling):
    with pytest.raises((Refused, Unreachable)) as refused:
        addresses.resolve(spelling, 443)
    assert refused.value.code in ("private_address", "unknown_host", "bad_host", "no_names")


def test_name_with_one_private_address_among_others_is_refused(monkeypatch):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, 443)) for a in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(addresses.socket, "getaddrinfo", lambda *_a, **_k: found)
    with pytest.raises(Refused) as refused:
        addresses.resolve("two.example.com", 443)
    assert refused.value.code == "private_address"


@pytest.mark.parametrize(
    ("entry", "opens"),
    [
        ("127.0.0.1", True),
        ("127.0.0.0/8", True),
        ("127.0.0.1:8443", True),
        ("127.0.0.1:5432", False),
        ("10.0.0.0/8", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_operator_opens_one_machine_and_one_door_of_it(entry, opens):
    if opens:
        assert addresses.resolve("127.0.0.1", 8443, allowed=[entry]) == "127.0.0.1"
    else:
        with pytest.raises(Refused):
            addresses.resolve("127.0.0.1", 8443, allowed=[entry])


def test_operator_opens_an_ipv6_machine_in_brackets():
    assert addresses.resolve("::1", 443, allowed=["[::1]:443"]) == "::1"
    assert addresses.resolve("::1", 443, allowed=["::1"]) == "::1"
    with pytest.raises(Refused):
        addresses.resolve("::1", 444, allowed=["[::1]:443"])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(site, rules, status):
    site.answer = lambda handler: send(handler, status=status, Location=site.url("/elsewhere"))
    with pytest.raises(Refused) as refused:
        fetch(site.url(), rules())
    assert refused.value.code == "redirect"
    assert len(site.asked) == 1


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (401, Refused, "unauthorised"),
        (403, Refused, "unauthorised"),
        (404, Refused, "not_found"),
        (418, Refused, "refused_status"),
        (206, Refused, "refused_status"),
        (429, Unreachable, "server_error"),
        (503, Unreachable, "server_error"),
    ],
)
def test_other_answers_are_refused_or_worth_another_try(site, rules, status, error, code):
    site.answer = lambda handler: send(handler, b"x", status=status)
    with pytest.raises(error) as refused:
        fetch(site.url(), rules())
    assert refused.value.code == code


def test_larger_file_than_allowed_is_refused_before_and_while_it_comes(site, rules):
    site.answer = lambda handler: send(handler, b"x" * 5000)
    with pytest.raises(Refused) as refused:
        fetch(site.url(), rules(max_bytes=4999))
    assert refused.value.code == "too_large"

    def without_length(handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b"x" * 1000)

    site.answer = without_length
    target = io.BytesIO()
    with pytest.raises(Refused) as refused:
        http.download(site.url(), target, rules=rules(max_bytes=4999))
    assert refused.value.code == "too_large"
    assert len(target.getvalue()) <= 4999


def drip(handler, body: bytes, pause: float) -> None:
    for byte in body:
        handler.wfile.write(bytes([byte]))
        handler.wfile.flush()
        time.sleep(pause)


@pytest.mark.parametrize("part", ["headers", "body", "silence"])
def test_slow_answer_ends_with_its_time_whatever_is_slow(site, rules, part):
    def slow(handler) -> None:
        if part == "silence":
            time.sleep(2)
            return
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\nX: " + b"y" * 400 + b"\r\n\r\n"
        if part == "headers":
            drip(handler, head, 0.05)
        else:
            handler.wfile.write(head)
            drip(handler, b"z" * 500, 0.05)

    site.answer = slow
    began = time.monotonic()
    with pytest.raises(Unreachable) as ended:
        fetch(site.url(), rules(seconds=0.6))
    assert ended.value.code == "too_slow"
    assert time.monotonic() - began < 1.8


def test_exchange_that_ends_early_is_worth_another_try(site, rules):
    def short(handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"only this")

    site.answer = short
    with pytest.raises(Unreachable):
        fetch(site.url(), rules())


def test_nobody_at_the_door_is_worth_another_try(rules):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(Unreachable):
        fetch(f"https://127.0.0.1:{port}/", rules(private_hosts=["127.0.0.1"]))


def test_server_that_speaks_no_tls_is_no_server(rules):
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def answer() -> None:
            connection, _ = plain.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nhello")
                time.sleep(0.1)

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(Unreachable):
            fetch(f"https://127.0.0.1:{plain.getsockname()[1]}/", rules(private_hosts=["127.0.0.1"]))


def test_unchanged_is_an_answer(site, rules):
    site.answer = lambda handler: send(handler, status=304)
    answer, body = fetch(site.url(), rules(), headers={"If-None-Match": '"one"'})
    assert (answer.status, body) == (304, b"")
    assert site.asked[0]["if-none-match"] == '"one"'


def test_body_comes_as_it_was_sent_and_may_be_ended_early(site, rules):
    packed = gzip.compress(b"a,b\n")
    site.answer = lambda handler: send(handler, packed, Content_Encoding="gzip")
    assert fetch(site.url(), rules())[1] == packed
    assert site.asked[0]["accept-encoding"] == "identity"
    site.answer = lambda handler: send(handler, b"x" * 1_000_000)
    answer, body = fetch(site.url(), rules(max_bytes=900_000), enough=lambda size: size >= 10)
    assert answer.is_cut and 10 <= len(body) < 900_000


def test_environment_says_nothing_about_the_way(site, rules, monkeypatch, tmp_path):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    site.answer = lambda handler: send(handler, b"ok")
    fetch(site.url(), rules())
    assert "authorization" not in site.asked[0]
