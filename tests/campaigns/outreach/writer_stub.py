"""A small writing server on the loopback that answers as a test tells it to: well, slowly, rudely, or as it was bidden."""

from __future__ import annotations

import http.server
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.core.tls import write_certificate


class WriterStub:
    """``answer(handler)`` is called for each POST; ``asked`` holds path, headers and body of each."""

    def __init__(self, port: int, certificate: Path | None) -> None:
        self.port = port
        self.certificate = certificate
        self.asked: list[dict] = []
        self.answer: Callable = lambda handler: say(handler, "{}")

    @property
    def base_url(self) -> str:
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}/v1"

    @property
    def private_hosts(self) -> list[str]:
        return [f"127.0.0.1:{self.port}"]


def send(handler, body: bytes, status: int = 200, content_type: str = "application/json", **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content-Type": content_type, "Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def completion(text: object, **changes: object) -> dict:
    """A chat completion as servers write it."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 410, "completion_tokens": 190, "total_tokens": 600}
    return {"id": "x", "object": "chat.completion", "choices": [choice], "usage": usage, **changes}


def say(handler, text: object, **changes: object) -> None:
    send(handler, json.dumps(completion(text, **changes), ensure_ascii=False).encode())


def trickle(handler, body: bytes, *, pause: float, headers_too: bool = False) -> None:
    """The answer a byte at a time, each within any usual time limit."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    if not headers_too:
        handler.wfile.write(head)
        head = b""
    for at in range(len(head + body)):
        handler.wfile.write((head + body)[at : at + 1])
        handler.wfile.flush()
        time.sleep(pause)


@contextmanager
def writer_server_stub(folder: Path | None = None) -> Iterator[WriterStub]:
    """``folder``: where a certificate is written, for a server that speaks TLS."""

    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            stub.asked.append({"path": self.path, "headers": headers, "body": body})
            try:
                stub.answer(self)
            except (OSError, ssl.SSLError):
                pass

        def log_message(self, *_args) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request, client_address) -> None:
            """A client that goes away early is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    certificate = None
    if folder is not None:
        certificate, key = write_certificate(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    stub = WriterStub(server.server_address[1], certificate)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextmanager
def deaf_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@contextmanager
def closed_port() -> Iterator[int]:
    """A port that nobody listens at."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
