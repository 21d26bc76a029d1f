"""The guarded HTTP client, for everything that goes out (RULES 32).

https only; the name is resolved once and that very address is connected to, with the name in SNI and Host; private
addresses are refused; redirects are not followed; proxies and credentials of the environment are not used; the whole
exchange, names and headers included, has one time limit, and the body a size.
"""

from __future__ import annotations

import hashlib
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import certifi
import httpcore
import httpx
from django.utils.translation import gettext as _

from . import addresses
from .errors import Refused, Unreachable

_BLOCK = 1 << 16
_OPERATION_SECONDS = 20  # the longest silence, within the whole exchange's own limit
_AGENT = "ChurnGuard"


@dataclass(frozen=True, slots=True)
class Rules:
    """What one exchange may cost, and whom it may reach. ``private_hosts``: see ``core.addresses``; the operator's list.

    ``ca_file``: certificates that are believed besides the usual ones.
    """

    seconds: float = 60
    max_bytes: int = 64 << 20
    private_hosts: Sequence[str] = ()
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``sha256`` and ``size_bytes`` are of the body as it was sent; 304 has none."""

    status: int
    headers: Mapping[str, str]
    size_bytes: int = 0
    sha256: str = ""
    is_cut: bool = False


def download(
    url: str,
    target: BinaryIO,
    *,
    rules: Rules,
    headers: Mapping[str, str] | None = None,
    enough: Callable[[int], bool] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Answer:
    """GET into an open file. ``enough(bytes so far)`` may end it early; ``progress(bytes, of all or 0)`` is told.

    Returns at 200 and 304. Raises Refused (not_https, bad_address, private_address, redirect, unauthorised, not_found,
    refused_status, too_large, certificate) and Unreachable (what may be otherwise later).
    """
    digest, size, cut = hashlib.sha256(), 0, False
    with _exchange(url, rules, {"Accept-Encoding": "identity", **(headers or {})}) as response:
        _check_status(response)
        if response.status_code == httpx.codes.NOT_MODIFIED:
            return Answer(304, dict(response.headers))
        announced = _length(response)
        if announced > rules.max_bytes and enough is None:
            raise _too_large(rules)
        for block in response.iter_raw(_BLOCK):
            size += len(block)
            if size > rules.max_bytes:
                raise _too_large(rules)
            digest.update(block)
            target.write(block)
            if progress is not None:
                progress(size, announced)
            if enough is not None and enough(size):
                cut = True
                break
        return Answer(200, dict(response.headers), size, digest.hexdigest(), cut)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a receiver answered to a ``post``: ``beginning`` is at most what was asked to be kept of its body."""

    status: int
    headers: Mapping[str, str]
    beginning: bytes = b""


def post(url: str, body: bytes, *, rules: Rules, headers: Mapping[str, str], kept: int = 2_000) -> Reply:
    """POST a body and return whatever was answered, redirects and errors too, without following or judging.

    Raises Refused (not_https, bad_address, private_address, unknown_host, certificate) and Unreachable.
    """
    beginning = b""
    with _exchange(url, rules, {"Accept-Encoding": "identity", **headers}, method="POST", body=body) as response:
        for block in response.iter_raw(kept):
            beginning += block
            if len(beginning) >= kept:
                break
        return Reply(response.status_code, dict(response.headers), beginning[:kept])


def check_address(url: str) -> httpx.URL:
    """The address, taken apart; Refused where it could never be used. Asks no other machine."""
    try:
        parsed = httpx.URL(url.strip())
    except (httpx.InvalidURL, UnicodeError, ValueError):
        raise Refused("bad_address", _("This is not an address: it should begin with https://.")) from None
    if parsed.scheme != "https" or not parsed.host:
        raise Refused("not_https", _("Only addresses that begin with https:// are read."))
    if "%" in parsed.host or (parsed.port is not None and not 0 < parsed.port < 1 << 16):
        raise Refused("bad_address", _("This address cannot be asked for: check it."))
    if parsed.userinfo:
        raise Refused("credentials_in_address", _("Give the name and the password in their own fields."))
    return parsed


@contextmanager
def _exchange(
    url: str, rules: Rules, headers: Mapping[str, str], *, method: str = "GET", body: bytes | None = None
) -> Iterator[httpx.Response]:
    """One request; whatever goes wrong on the way becomes a Refused or an Unreachable."""
    address = check_address(url)
    transport = _Transport(rules)
    timeout = httpx.Timeout(min(_OPERATION_SECONDS, rules.seconds))
    named = {"User-Agent": _AGENT, "Accept": "*/*", **headers}
    try:
        with (
            httpx.Client(transport=transport, trust_env=False, follow_redirects=False, timeout=timeout) as client,
            client.stream(method, address, headers=named, content=body) as response,
        ):
            yield response
    except (httpx.TimeoutException, httpcore.TimeoutException):
        raise Unreachable(
            "too_slow", _("%(host)s did not answer within the time that is given to it.") % {"host": address.host}
        ) from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError):
        raise Refused("bad_address", _("This address cannot be asked for: check it.")) from None
    except (httpx.TransportError, httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise Refused(
                "certificate", _("The certificate of %(host)s is not one that can be trusted.") % {"host": address.host}
            ) from None
        raise Unreachable(
            "unreachable", _("%(host)s cannot be reached, or ended the exchange early.") % {"host": address.host}
        ) from None


def _check_status(response: httpx.Response) -> None:
    status, host = response.status_code, response.url.host
    if status in (200, 304):
        return
    if 300 <= status < 400:
        raise Refused(
            "redirect",
            _("%(host)s sends elsewhere, and redirects are not followed: give the final address.") % {"host": host},
        )
    if status in (401, 403, 407):
        raise Refused("unauthorised", _("%(host)s does not accept these credentials.") % {"host": host})
    if status in (404, 410):
        raise Refused("not_found", _("%(host)s has nothing at this address.") % {"host": host})
    said = _("%(host)s answered with the error %(status)s.") % {"host": host, "status": status}
    if status >= 500 or status in (408, 425, 429):
        raise Unreachable("server_error", said)
    raise Refused("refused_status", said)


def _length(response: httpx.Response) -> int:
    said = response.headers.get("Content-Length", "")
    return int(said) if said.isdigit() and len(said) < 19 else 0


def _too_large(rules: Rules) -> Refused:
    megabytes = rules.max_bytes // (1 << 20)
    return Refused("too_large", _("The file is larger than %(maximum)s MB.") % {"maximum": megabytes})


# ---------------------------------------------------------------- the way to the other machine


class _Transport(httpx.BaseTransport):
    """httpx on a connection of our own making, used for one exchange."""

    def __init__(self, rules: Rules) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=_certificates(rules.ca_file), max_connections=1, network_backend=_Road(rules)
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        try:
            answer = self._pool.handle_request(
                httpcore.Request(
                    method=request.method,
                    url=url,
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        except httpcore.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error)) from error
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer.stream))

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, stream) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        self._stream.close()


class _Road(httpcore.NetworkBackend):
    """Resolves and vets where httpcore would only connect, and holds every operation to one end of time."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._ends = time.monotonic() + rules.seconds

    def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        address = addresses.resolve(host, port, allowed=self._rules.private_hosts)
        stream = httpcore.SyncBackend().connect_tcp(
            address,
            port,
            timeout=_left(self._ends, timeout),
            local_address=local_address,
            socket_options=socket_options,
        )
        return _Stream(stream, self._ends)


class _Stream(httpcore.NetworkStream):
    """A connection whose every read and write ends with the exchange: a byte a second is no way to stay for ever."""

    def __init__(self, stream: httpcore.NetworkStream, ends: float) -> None:
        self._stream = stream
        self._ends = ends

    def read(self, max_bytes, timeout=None):
        return self._stream.read(max_bytes, timeout=_left(self._ends, timeout))

    def write(self, buffer, timeout=None):
        self._stream.write(buffer, timeout=_left(self._ends, timeout))

    def start_tls(self, ssl_context, server_hostname=None, timeout=None):
        secured = self._stream.start_tls(ssl_context, server_hostname, timeout=_left(self._ends, timeout))
        return _Stream(secured, self._ends)

    def get_extra_info(self, info):
        return self._stream.get_extra_info(info)

    def close(self):
        self._stream.close()


def _left(ends: float, timeout: float | None) -> float:
    left = ends - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout
    return min(left, timeout) if timeout else left


def _certificates(ca_file: str) -> ssl.SSLContext:
    """The system's certificates and certifi's: a container often has none of its own."""
    context = ssl.create_default_context()
    context.load_verify_locations(cafile=certifi.where())
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
