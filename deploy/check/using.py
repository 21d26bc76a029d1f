"""The main job, through the front door and by the workers: sign in, import, train, score; and pages in a real browser."""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path

from .place import Failed, Place, eventually, hold
from .visitor import Visitor

OWNER = "owner@carrier.example.net"
CUSTOMERS = 400
_COMPANY = """
from tenants import services
services.create_company(slug="carrier", name="Carrier", owner_email="{email}", owner_password="{password}")
"""
_FILE = """
from pathlib import Path
from customers.ingest import synthetic
synthetic.write_csv(Path({path!r}), customers={customers}, seed={seed})
"""


def company(place: Place) -> str:
    """A company with its owner; returns the owner's password."""
    password = secrets.token_urlsafe(18)
    place.django(_COMPANY.format(email=OWNER, password=password))
    return password


def customers_file(place: Place, customers: int, seed: int = 7) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "customers.csv"
        place.django(_FILE.format(path=str(path), customers=customers, seed=seed))
        return path.read_bytes()


def sign_in(visitor: Visitor, password: str) -> str:
    wrong = visitor.copy().sign_in(OWNER, "not-the-password")
    hold(wrong.status == 200 and "sessionid" not in visitor.cookies, f"a wrong password is answered {wrong.status}")
    answer = visitor.sign_in(OWNER, password)
    hold(answer.status == 302, f"the right password is answered {answer.status}")
    cookie = next((line for line in visitor.set_cookies if line.startswith("sessionid=")), "")
    hold(all(word in cookie for word in ("Secure", "HttpOnly", "SameSite=Lax")), f"the session's cookie is “{cookie}”")
    page = visitor.get("/dashboard")
    hold(page.status == 200, f"the dashboard is answered {page.status}")
    hold("no-store" in page.headers.get("Cache-Control", ""), "a page with customers may be kept by a cache")
    stranger = visitor.copy()
    stranger.cookies = {}
    hold(stranger.get("/dashboard").status == 302, "who is not signed in sees the dashboard")
    return "wrong password refused, cookies Secure and HttpOnly, no-store"


def open_import(visitor: Visitor, content: bytes, name: str = "customers.csv") -> dict:
    """Upload a file as a program does; the import as the API tells it."""
    answer = visitor.post("/api/imports", {}, (name, content))
    hold(answer.status == 202, f"the upload is answered {answer.status}: {answer.text[:300]}")
    return answer.json()


def job(visitor: Visitor, job_id: str) -> dict:
    answer = visitor.get(f"/api/jobs/{job_id}")
    hold(answer.status == 200, f"the job is answered {answer.status}: {answer.text[:200]}")
    return answer.json()


def finished(visitor: Visitor, job_id: str, *, seconds: float = 120) -> dict:
    """The job once it is over, told by the API. Raises Failed where it did not succeed."""
    found = eventually(
        lambda: (one := job(visitor, job_id))["state"] not in ("queued", "running") and one,
        seconds=seconds,
        what=f"job {job_id} is over",
        every=0.4,
    )
    hold(found["state"] == "succeeded", f"a job ended as {found['state']}: {found.get('error')}")
    return found


def pipeline(place: Place, visitor: Visitor) -> str:
    """A file in, customers written, a model trained, everybody scored: all by the workers, each step told by the API."""
    run = open_import(visitor, customers_file(place, CUSTOMERS))
    finished(visitor, run["id"])
    [(customers,)] = place.rows("SELECT count(*) FROM customers_customer")
    hold(customers == CUSTOMERS, f"{customers} customers of {CUSTOMERS}")
    answer = visitor.post("/api/train", {})
    hold(answer.status == 202, f"training is answered {answer.status}: {answer.text[:200]}")
    finished(visitor, answer.json()["job"], seconds=180)
    scores = (
        "SELECT count(*) FROM predictions_score s JOIN predictions_scoringrun r ON r.id = s.run_id WHERE r.is_current"
    )
    eventually(
        lambda: place.rows(scores) == [(CUSTOMERS,)], seconds=90, what="everybody has a current score", every=0.5
    )
    page = visitor.get("/clients")
    hold(page.status == 200 and "<table" in page.text, "the list of customers is empty")
    return f"{CUSTOMERS} customers imported, a model trained, all scored"


_PAGES = ("/sign-in", "/dashboard", "/clients", "/imports", "/mlops", "/quality", "/segments", "/campaigns", "/system")


def browser(place: Place, visitor: Visitor, program: str) -> str:
    """Pages in Chromium: no error, no report of the policy, no file missing, in light and dark."""
    from playwright.sync_api import sync_playwright

    complaints: list[str] = []
    cookies = [
        {"name": name, "value": value, "url": f"https://localhost:{place.https}"}
        for name, value in visitor.cookies.items()
    ]
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
        chromium = playwright.chromium.launch(executable_path=program, args=flags)
        try:
            context = chromium.new_context(ignore_https_errors=True)  # our certificate is known to nobody
            context.add_cookies(cookies)
            page = context.new_page()
            page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
            page.on("pageerror", lambda error: complaints.append(f"script: {error}"))
            page.on("response", lambda r: complaints.append(f"{r.status} {r.url}") if r.status >= 400 else None)
            shown = 0
            for path in _PAGES:
                if visitor.get(path).status != 200 and path != "/sign-in":
                    continue  # not for this person, or not a page of this version
                page.goto(f"https://localhost:{place.https}{path}", wait_until="load", timeout=60_000)
                shown += 1
        finally:
            chromium.close()
    if complaints:
        raise Failed(f"the browser complains: {'; '.join(complaints[:3])}")
    hold(shown >= 5, f"only {shown} pages could be shown")
    return f"{shown} pages in Chromium, no report of the policy, no error"
