"""A writer elsewhere: asks any OpenAI-compatible server for a draft, within one deadline and the rules of what goes out.

The operator says which server (address, model, key) and which private machines it may be: a model on this very machine
is theirs to allow, and alone may be spoken to without TLS. Whatever goes wrong is a WriterUnavailable with a code; the
caller has another writer at hand.
"""

from __future__ import annotations

import hashlib
import json
import queue
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

import httpcore
import httpx

from campaigns.outreach.writing.refusal import WriterUnavailable
from core import addresses, http
from core.errors import Refused, Unreachable

DEADLINE = 2.7  # seconds: with the checks and the built-in writer's turn, a person waits less than three
_MOST_BYTES = 256 << 10
_MOST_TEXT = 20_000  # characters
_MOST_TOKENS = 1_000_000  # what a server may claim of one answer and be believed
_BYTES_A_TOKEN = 3  # an upper estimate, where the server counts nothing
_CODES = {"bad_host": "bad_address", "credentials_in_address": "bad_address", "no_names": "unreachable"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server wrote. Hashes are SHA-256, of the request's body and of the text; ``is_estimated``: the tokens
    are our own upper estimate, for the server did not count, or not believably."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    prompt_hash: str
    answer_hash: str
    seconds: float
    is_estimated: bool = False


def ask(
    messages: Sequence[dict[str, str]],
    *,
    base_url: str,
    model: str,
    api_key: str = "",
    deadline_s: float = DEADLINE,
    max_tokens: int = 900,
    temperature: float = 0.7,
    private_hosts: Sequence[str] = (),
    ca_file: str = "",
    json_mode: bool = True,
    length_field: str = "max_tokens",
) -> Answer:
    """One POST to ``base_url``/chat/completions. Returns or raises within ``deadline_s``, names looked up included.

    private_hosts   the operator's list of private machines, as in core.addresses
    ca_file         a certificate to believe besides the usual ones
    json_mode       asks for a JSON object by ``response_format``; some local servers do not know it
    length_field    "max_completion_tokens" where a server wants that name
    Raises WriterUnavailable (its docstring lists the codes), and nothing else.
    """
    if not base_url or not model:
        raise WriterUnavailable("not_set", "no server is set")
    if api_key and not (api_key.isascii() and api_key.isprintable() and " " not in api_key):
        raise WriterUnavailable("not_set", "the key cannot be a key")
    asked: dict[str, object] = {
        "model": model,
        "messages": list(messages),
        "temperature": temperature,
        length_field: max_tokens,
        "stream": False,
    }
    if json_mode:
        asked["response_format"] = {"type": "json_object"}
    body = json.dumps(asked, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace")
    headers = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}
    if api_key:
        headers["Authorization"] = f"Bearer {api_key}"
    rules = http.Rules(seconds=deadline_s, max_bytes=_MOST_BYTES, private_hosts=tuple(private_hosts), ca_file=ca_file)
    began = time.monotonic()
    raw = _within(deadline_s, lambda: _exchange(base_url, body, headers, rules))
    text, usage = _read(raw)
    counted = [_tokens(usage.get(name)) for name in ("prompt_tokens", "completion_tokens")]
    is_estimated = not all(counted)
    if is_estimated:
        counted = [-(-len(body) // _BYTES_A_TOKEN), -(-len(text.encode("utf-8", "replace")) // _BYTES_A_TOKEN)]
    return Answer(
        text=text,
        prompt_tokens=counted[0],
        completion_tokens=counted[1],
        prompt_hash=hashlib.sha256(body).hexdigest(),
        answer_hash=hashlib.sha256(text.encode("utf-8", "replace")).hexdigest(),
        seconds=time.monotonic() - began,
        is_estimated=is_estimated,
    )


def _within(seconds: float, work: Callable[[], bytes]) -> bytes:
    """The work's result, or too_slow. The exchange keeps its time by itself, but looking a name up knows no limit:
    so it runs apart, and is left behind where it does not come back."""
    brought: queue.SimpleQueue = queue.SimpleQueue()

    def run() -> None:
        try:
            brought.put((work(), None))
        except BaseException as error:
            brought.put((b"", error))

    threading.Thread(target=run, name="writer-server", daemon=True).start()
    try:
        raw, error = brought.get(timeout=seconds)
    except queue.Empty:
        raise WriterUnavailable("too_slow", "no answer within the time that is given", seconds=seconds) from None
    if error is not None:
        raise error
    return raw


def _exchange(base_url: str, body: bytes, headers: dict[str, str], rules: http.Rules) -> bytes:
    try:
        url, rules, headers = _destination(base_url, rules, headers)
        with (
            httpx.Client(
                transport=http._Transport(rules), trust_env=False, follow_redirects=False, timeout=rules.seconds
            ) as client,
            client.stream("POST", url, content=body, headers={"User-Agent": "ChurnGuard", **headers}) as response,
        ):
            _check(response)
            return _body(response, rules)
    except (Refused, Unreachable) as refused:
        raise WriterUnavailable(_CODES.get(refused.code, refused.code), "the server cannot be asked") from None
    except (httpx.TimeoutException, httpcore.TimeoutException, TimeoutError):
        raise WriterUnavailable("too_slow", "no answer within the time that is given", seconds=rules.seconds) from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError):
        raise WriterUnavailable("bad_address", "the server's address cannot be asked for") from None
    except (httpx.HTTPError, httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError, OSError) as error:
        code = "certificate" if "CERTIFICATE_VERIFY_FAILED" in str(error) else "unreachable"
        raise WriterUnavailable(code, "the server cannot be reached, or ended the exchange early") from None


def _destination(base_url: str, rules: http.Rules, headers: dict[str, str]) -> tuple[httpx.URL, http.Rules, dict]:
    """Where to post. Without TLS only to a private machine that the operator allows: resolved once, and that address
    is connected to."""
    is_plain = base_url.strip().lower().startswith("http://")
    url = http.check_address(f"https{base_url.strip()[4:]}" if is_plain else base_url)
    if url.query or url.fragment:
        raise Refused("bad_address", "the address of a server has no query")
    url = url.copy_with(path=url.path.rstrip("/") + "/chat/completions")
    if not is_plain:
        return url, rules, headers
    port = url.port or 80
    found = ip_address(addresses.resolve(url.host, port, allowed=rules.private_hosts))
    if addresses.is_public(found):
        raise Refused("not_https", "a server on the open internet is spoken to by https")
    host = f"[{found}]" if found.version == 6 else str(found)
    named = f"[{url.host}]" if ":" in url.host else url.host
    only = http.Rules(rules.seconds, rules.max_bytes, (f"{host}:{port}",), rules.ca_file)
    return httpx.URL(f"http://{host}:{port}{url.raw_path.decode()}"), only, {**headers, "Host": f"{named}:{port}"}


def _check(response: httpx.Response) -> None:
    status = response.status_code
    if status == 200:
        return
    codes = {401: "unauthorised", 403: "unauthorised", 404: "not_found", 429: "too_many"}
    code = codes.get(status) or (
        "redirect" if 300 <= status < 400 else "server_error" if status >= 500 else "refused_status"
    )
    raise WriterUnavailable(code, "the server did not answer the question", status=status)


def _body(response: httpx.Response, rules: http.Rules) -> bytes:
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise WriterUnavailable("packed", "the answer is packed, which was not asked for")
    found, size = [], 0
    for block in response.iter_raw(1 << 14):
        size += len(block)
        if size > rules.max_bytes:
            raise WriterUnavailable("too_large", "the answer is too large", most=rules.max_bytes)
        found.append(block)
    return b"".join(found)


def _read(raw: bytes) -> tuple[str, dict]:
    """Text and usage of a chat completion."""
    if not raw.strip():
        raise WriterUnavailable("empty", "the answer is empty")
    try:
        found = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        raise WriterUnavailable("not_json", "the answer is not JSON") from None
    try:
        choice = found["choices"][0]
        text, ended = choice["message"]["content"], choice.get("finish_reason")
    except (KeyError, IndexError, TypeError, AttributeError):
        raise WriterUnavailable("not_an_answer", "the answer is none of a chat") from None
    if ended == "length":
        raise WriterUnavailable("cut_off", "the answer was cut off")
    if text is not None and not isinstance(text, str):
        raise WriterUnavailable("not_an_answer", "the answer is none of a chat")
    if not text or not text.strip():
        raise WriterUnavailable("empty", "the server wrote nothing")
    if len(text) > _MOST_TEXT:
        raise WriterUnavailable("too_large", "the answer is too large", most=_MOST_TEXT)
    usage = found.get("usage")
    return text, usage if isinstance(usage, dict) else {}


def _tokens(value: object) -> int:
    return value if type(value) is int and 0 < value <= _MOST_TOKENS else 0
