"""From nothing to a site that is served: release, processes, TLS, headers, static files."""

from __future__ import annotations

import re
import shutil
import socket
import ssl

from core.embedded.processes import LOOPBACK

from . import proxy
from .place import Place, eventually, hold
from .visitor import Visitor, ask, static_files

WEB = ("churnguard-web@8001", "churnguard-web@8002")
WORKERS = ("churnguard-worker@default", "churnguard-worker@ml", "churnguard-worker@mail")
BEAT = "churnguard-beat"


def release(place: Place) -> str:
    """What churnguard-release.service does, command by command."""
    said = []
    for command in place.commands("churnguard-release"):
        ended = place.run(command, "churnguard-release")
        what = " ".join(command[2:3])
        hold(ended.returncode == 0, f"{what} ended with {ended.returncode}: {(ended.stderr or ended.stdout)[-500:]}")
        if what == "check":
            # Of the owner, whose command it is, it says that one role could do everything (core.I001); of the site: roles().
            hold("WARNINGS:" not in ended.stdout + ended.stderr, f"check --deploy warns: {ended.stderr[-500:]}")
        said.append(what)
    hold((place.static / "staticfiles.json").exists(), "collectstatic left no list of hashed names")
    return ", ".join(said)


def roles(place: Place) -> str:
    """The site works as a role that owns no table, and check --deploy has nothing to say of it."""
    ended = place.manage("check", "--deploy", unit=WEB[0])
    said = ended.stdout + ended.stderr
    hold(ended.returncode == 0 and "no issues" in said, f"check --deploy as the site's role: {said[-500:]}")
    owners = dict(place.rows("SELECT tableowner, count(*) FROM pg_tables WHERE schemaname = 'public' GROUP BY 1"))
    hold(set(owners) == {"churnguard_owner"}, f"the tables belong to {owners}")
    [[bound]] = place.rows("SELECT count(*) FROM pg_class WHERE relforcerowsecurity")
    hold(bound > 0, "no table has row-level security in force")
    return f"check --deploy without a word, {owners['churnguard_owner']} tables of the owner, {bound} of them bound"


def processes(place: Place) -> str:
    """Every unit that churnguard.target wants."""
    from . import units

    target = units.read("churnguard.target")
    wanted = [
        word.removesuffix(".service")
        for line in target.values("Wants", "Unit")
        for word in line.split()
        if word.startswith("churnguard")
    ]
    hold(sorted(wanted) == sorted((*WEB, *WORKERS, BEAT)), f"churnguard.target wants {wanted}")
    for name in wanted:
        place.start(name)
    for port in place.ports.values():
        answer = ask(port, "/readyz")
        hold(answer.status == 200, f"/readyz says {answer.status}: {answer.text}")
    workers_are_here(place)
    return f"{len(wanted)} units, /readyz 200 on both ports, a worker on each queue"


def workers_are_here(place: Place, *, since: float = 0.0, seconds: float = 60) -> None:
    """Every queue has a worker that said so after ``since`` (seconds since 1970)."""
    import json

    def queues() -> bool:
        said = [json.loads(text) for text in place.redis().hvals("churnguard:workers")]
        return {queue for one in said if one["seen_at"] > since for queue in one["queues"]} == {"default", "ml", "mail"}

    eventually(queues, seconds=seconds, what="a worker on each of the three queues", every=0.3)


def tls(place: Place, visitor: Visitor) -> str:
    """Plain http is sent on; TLS of our certificate, of today's versions only."""
    answer = ask(place.http, "/dashboard", Host=f"localhost:{place.http}")
    hold(answer.status == 301, f"plain http is answered {answer.status}")
    hold(answer.headers["Location"].startswith("https://localhost"), f"http leads to {answer.headers['Location']}")
    hold(visitor.get("/livez").text == "ok", "/livez over TLS")
    with socket.create_connection((LOOPBACK, place.https), 5) as plain:
        context = ssl.create_default_context(cafile=str(visitor.certificate))
        with context.wrap_socket(plain, server_hostname="localhost") as wrapped:
            version = wrapped.version()
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(str(visitor.certificate))
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    try:
        with socket.create_connection((LOOPBACK, place.https), 5) as plain:
            old.wrap_socket(plain, server_hostname="localhost")
        hold(False, "TLS 1.1 is still spoken")
    except OSError:
        pass
    return f"{version}, http leads to https, TLS 1.1 refused"


_HEADERS = {
    "Strict-Transport-Security": r"max-age=31536000; includeSubDomains; preload",
    "X-Content-Type-Options": r"nosniff",
    "X-Frame-Options": r"DENY",
    "Referrer-Policy": r"same-origin",
    "Cross-Origin-Opener-Policy": r"same-origin",
    "Permissions-Policy": r".*camera=\(\).*",
    "Content-Security-Policy": r"(?=.*default-src 'none')(?=.*script-src 'self')(?=.*frame-ancestors 'none').*",
    "X-Request-ID": r"[0-9a-f]{32}",
}


def headers(visitor: Visitor) -> str:
    answer = visitor.get("/sign-in")
    hold(answer.status == 200, f"/sign-in is answered {answer.status}")
    for name, pattern in _HEADERS.items():
        found = answer.headers.get_all(name) or []
        hold(len(found) == 1 and re.fullmatch(pattern, found[0]), f"{name} is {found}")
    policy = answer.headers["Content-Security-Policy"]
    hold("unsafe" not in policy, f"the policy allows {policy}")
    if visitor.certificate:
        hold(answer.headers.get("Server", "") == "nginx", f"Server says {answer.headers['Server']}")
    cookie = next((line for line in visitor.set_cookies if line.startswith("csrftoken=")), "")
    hold("Secure" in cookie and "SameSite=Lax" in cookie, f"the cookie of forms is “{cookie}”")
    return f"{len(_HEADERS)} headers as they should be"


def who_asks(place: Place, visitor: Visitor) -> str:
    """What somebody says of themselves is not believed: where they come from, and by which protocol. Asked of /metrics, which
    opens by address."""
    port = place.ports["8001"]
    hold(
        ask(port, "/metrics", X_Forwarded_For="127.0.0.1, 203.0.113.9").status == 403,
        "an address is believed that was said",
    )
    hold(ask(port, "/metrics").status == 200, "the figures are closed to this machine")
    hold(ask(port, "/sign-in", Host="localhost", X_Forwarded_Proto="http").status == 301, "plain http is not sent on")
    hold(ask(port, "/sign-in", Host="evil.example.net", X_Forwarded_Proto="https").status == 400, "any host is served")
    if visitor.certificate:
        answer = visitor.get("/metrics", X_Forwarded_For="203.0.113.9")
        hold(answer.status == 200, f"behind nginx this machine counts as what it says it is ({answer.status})")
        answer = visitor.get("/sign-in", X_Forwarded_Proto="http", X_Forwarded_Host="evil.example.net")
        hold(answer.status == 200, f"nginx hands on what the other side says of itself ({answer.status})")
    return "by what nginx saw, not by what is said; other hosts are refused"


def static(visitor: Visitor) -> str:
    """Every file of the page has a digest in its name, is kept for a year, and is packed for who takes it so."""
    found = static_files(visitor.get("/sign-in").text)
    hold(len(found) >= 2, f"the page names {found}")
    for path in found:
        hold(re.search(r"\.[0-9a-f]{12}\.\w+$", path), f"{path} has no digest in its name")
        answer = visitor.get(path, Accept_Encoding="gzip")
        caching = answer.headers.get("Cache-Control", "")
        hold(answer.status == 200, f"{path} is answered {answer.status}")
        hold(
            "immutable" in caching and int(re.search(r"max-age=(\d+)", caching)[1]) >= 31_536_000, f"{path}: {caching}"
        )
        hold(answer.headers["X-Content-Type-Options"] == "nosniff", f"{path} may be sniffed")
        if re.search(r"\.(css|js)$", path) and len(answer.body) > 300:
            hold(answer.headers["Content-Encoding"] == "gzip", f"{path} is not packed")
    hold(visitor.get("/static/../manage.py").status in (400, 404), "a file outside the folder is served")
    return f"{len(found)} files, hashed, immutable, packed"


def with_nginx(place: Place) -> Visitor | None:
    """The visitor behind nginx; None where it is not installed."""
    nginx = proxy.installed()
    return Visitor(place, proxy.start(place, nginx)) if nginx else None


def browser() -> str | None:
    return next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)
