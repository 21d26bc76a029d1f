"""Who asks the site: a person with a browser's cookies, a probe, and a crowd that counts what went wrong."""

from __future__ import annotations

import http.client
import json
import re
import secrets
import ssl
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .place import Failed, Place, hold


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> dict:
        return json.loads(self.body)


def ask(port: int, path: str, timeout: float = 10, **headers: str) -> Answer:
    """One GET over plain HTTP, as a probe or a balancer asks an instance. Raises OSError."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        found = connection.getresponse()
        return Answer(found.status, found.headers, found.read())
    except http.client.HTTPException as error:
        raise OSError(str(error) or type(error).__name__) from error
    finally:
        connection.close()


class Visitor:
    """A person at the site. Through nginx over TLS where it runs; else at an instance, saying what nginx would say."""

    def __init__(self, place: Place, certificate: Path | None) -> None:
        self.place = place
        self.certificate = certificate
        self.cookies: dict[str, str] = {}
        self.set_cookies: list[str] = []

    def copy(self) -> Visitor:
        other = Visitor(self.place, self.certificate)
        other.cookies = dict(self.cookies)
        return other

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path: str, fields: Mapping[str, str], file: tuple[str, bytes] | None = None) -> Answer:
        if file is None:
            body, kind = urllib.parse.urlencode(fields).encode(), "application/x-www-form-urlencoded"
        else:
            body, kind = multipart(fields, *file)
        return self.send("POST", path, body, {"Content-Type": kind, **self.token()})

    def token(self) -> dict[str, str]:
        """What a page's script adds to a request that changes something."""
        return {
            "X-CSRFToken": self.cookies.get("csrftoken", ""),
            "Referer": f"https://localhost:{self.place.https}/",
            "Cookie": self.cookie(),
        }

    def cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def send(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}) -> Answer:
        """Raises OSError where there is no whole answer."""
        connection = self.connect()
        try:
            connection.request(method, path, body, {**self.said(), "Cookie": self.cookie(), **headers})
            found = connection.getresponse()
            answer = Answer(found.status, found.headers, found.read())
        except http.client.HTTPException as error:
            raise OSError(str(error) or type(error).__name__) from error
        finally:
            connection.close()
        for line in answer.headers.get_all("Set-Cookie") or []:
            self.set_cookies.append(line)
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value.strip('"')
        return answer

    def connect(self) -> http.client.HTTPConnection:
        if self.certificate is None:
            return http.client.HTTPConnection("127.0.0.1", self.place.ports["8001"], timeout=60)
        context = ssl.create_default_context(cafile=str(self.certificate))
        return http.client.HTTPSConnection("localhost", self.place.https, timeout=60, context=context)

    def said(self) -> dict[str, str]:
        if self.certificate is not None:
            return {}
        return {
            "Host": f"localhost:{self.place.https}",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-For": "127.0.0.1",
        }

    def sign_in(self, email: str, password: str) -> Answer:
        self.get("/sign-in")
        return self.post("/sign-in", {"username": email, "password": password, "next": "/dashboard"})


def multipart(fields: Mapping[str, str], name: str, content: bytes) -> tuple[bytes, str]:
    """(body, content type) of a form with a file."""
    boundary = secrets.token_hex(16)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: text/csv\r\n\r\n'
    return b"".join([*parts, head.encode(), content, f"\r\n--{boundary}--\r\n".encode()]), (
        f"multipart/form-data; boundary={boundary}"
    )


class Crowd:
    """People who ask page after page as long as the block lasts."""

    PATHS = ("/dashboard", "/sign-in", "/clients", "/livez", "/api/notifications")

    def __init__(self) -> None:
        self.asked = 0
        self.wrong: list[str] = []
        self.longest = 0.0
        self._over = threading.Event()

    def walk(self, visitor: Visitor, offset: int) -> None:
        number = offset
        while not self._over.is_set():
            path = self.PATHS[number % len(self.PATHS)]
            number += 1
            started = time.monotonic()
            try:
                status = visitor.get(path).status
            except OSError as error:
                status, said = 0, f"{type(error).__name__}: {error}"
            else:
                said = str(status)
            self.longest = max(self.longest, time.monotonic() - started)
            self.asked += 1
            if status not in (200, 302):
                self.wrong.append(f"{path} {said}")

    def judged(self) -> str:
        hold(self.asked >= 10, f"only {self.asked} requests were made meanwhile")
        if self.wrong:
            raise Failed(f"{len(self.wrong)} of {self.asked} requests failed: {', '.join(self.wrong[:3])}")
        return f"{self.asked} requests meanwhile, none failed, the longest {self.longest:.1f} s"


@contextmanager
def crowd(visitor: Visitor, people: int = 3) -> Iterator[Crowd]:
    """``visitor``'s session in as many threads."""
    found = Crowd()
    threads = [threading.Thread(target=found.walk, args=(visitor.copy(), n), daemon=True) for n in range(people)]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        found._over.set()
        for thread in threads:
            thread.join(60)


def static_files(page: str) -> list[str]:
    """The addresses of scripts and styles on a page."""
    return sorted(set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page)))
