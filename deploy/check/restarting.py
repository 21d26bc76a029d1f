"""Each part stopped and started while the site is used: nothing is lost, and it comes back by itself."""

from __future__ import annotations

import http.client
import re
import signal
import subprocess
import time
from pathlib import Path

from . import using
from .place import Place, eventually, hold, is_alive
from .starting import BEAT, WEB, workers_are_here
from .visitor import Visitor, ask, crowd, multipart

READY_WITHIN_SECONDS = 5.0  # for /readyz to say that a server is gone
_FELT_SECONDS = 10.0  # a worker's connection may find out that much later that its server was away


def children(pid: int) -> set[int]:
    table = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    return {int(line.split()[0]) for line in table.splitlines() if int(line.split()[1]) == pid}


def memory(place: Place) -> str:
    """What the processes of each unit hold, shared pages counted once, in MB. For the table of docs/deploying.md; Linux only."""
    said = []
    for name in (name for name in place.running if name.startswith("churnguard-")):
        family = {(pid := place.running[name].pid), *children(pid)}
        held = sum(_proportional_kilobytes(one) for one in family)
        said.append(f"{name.removeprefix('churnguard-')} {held // 1024}")
    return ", ".join(said)


def _proportional_kilobytes(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0
    return int(re.search(r"^Pss:\s+(\d+) kB", text, flags=re.MULTILINE)[1])


def reload(place: Place, visitor: Visitor) -> str:
    """``systemctl reload churnguard-web@…``: HUP gives fresh processes, and nobody is turned away."""
    with crowd(visitor) as people:
        for name in WEB:
            parent = place.running[name]
            before = children(parent.pid)
            hold(before, f"{name} has no processes of its own")
            parent.send_signal(signal.SIGHUP)
            eventually(
                lambda parent=parent, before=before: (now := children(parent.pid)) and not now & before,
                seconds=60,
                what=f"{name} has fresh processes",
            )
            hold(parent.poll() is None, f"{name} ended")
        time.sleep(0.5)
    return people.judged()


def rolling_restart(place: Place, visitor: Visitor) -> str:
    """A new release: one instance after the other stops, starts, and is ready before the next one goes."""
    with crowd(visitor) as people:
        for name in WEB:
            place.terminate(name)
            place.start(name)
            port = place.ports[name.partition("@")[2]]
            eventually(lambda port=port: ask(port, "/readyz").status == 200, seconds=30, what=f"{name} is ready")
        time.sleep(0.5)
    return people.judged()


def drain(place: Place, visitor: Visitor) -> str:
    """SIGTERM while a file comes in slowly: not ready first, what was begun ends well, then the instance is gone."""
    name = WEB[1]
    port = place.ports["8002"]
    body, kind = multipart({}, "slow.csv", b"customerID,Churn\nD1,Yes\nD2,No\nD3,No\n")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    said = Visitor(place, None).said()
    try:
        connection.putrequest("POST", "/api/imports", skip_host=True)
        for header, value in {
            **said,
            **visitor.token(),
            "Content-Type": kind,
            "Content-Length": str(len(body)),
        }.items():
            connection.putheader(header, value)
        connection.endheaders(body[:80])
        time.sleep(0.5)  # a thread of the site waits for the rest now
        process = place.running[name]
        process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        eventually(
            lambda: _says_draining(port), seconds=2, what="/readyz says that the site is about to stop", every=0.05
        )
        hold(ask(port, "/livez").status == 200, "a site that drains does not answer any more")
        drained = float(place.settings["DRAIN_SECONDS"])
        time.sleep(drained + 1.0)
        hold(process.poll() is None, "the site ended before what it had begun")
        connection.send(body[80:])
        answer = connection.getresponse()
        text = answer.read()
        hold(answer.status == 202, f"the request in flight was answered {answer.status}: {text[:200]!r}")
    finally:
        connection.close()
    code = process.wait(60)
    place.running.pop(name)
    hold(code == 0, f"exit code {code}")
    hold(not is_alive(port), "the port is still open")
    took = time.monotonic() - started
    place.start(name)
    return f"not ready at once, the upload in flight ended with 202, gone after {took:.1f} s"


def _says_draining(port: int) -> bool:
    answer = ask(port, "/readyz")
    return answer.status == 503 and answer.json()["site"] == "draining"


# ---------------------------------------------------------------- workers and the clock


def default_worker(place: Place, visitor: Visitor) -> str:
    """TERM while it writes customers: it ends what it does, the job runs once, and the next worker takes the next one."""
    name = "churnguard-worker@default"
    run = using.open_import(visitor, using.customers_file(place, 30_000, seed=8), "many.csv")
    where = f"FROM customers_import WHERE public_id = '{run['id']}'"
    eventually(
        lambda: place.rows(f"SELECT state, rows_read {where}")[0] > ("running", 0) or None,
        seconds=90,
        what="the import runs",
        every=0.05,
    )
    [(state,)] = place.rows(f"SELECT state {where}")
    hold(state == "running", f"the import was {state} before the worker could be stopped")
    took = place.terminate(name)
    [(state, attempts)] = place.rows(f"SELECT state, attempts {where}")
    place.start(name)
    if state != "succeeded":
        using.finished(visitor, run["id"])
        [(state, attempts)] = place.rows(f"SELECT state, attempts {where}")
    hold((state, attempts) == ("succeeded", 1), f"the import is {state} after {attempts} attempts")
    [(written, different)] = place.rows(
        "SELECT count(*), count(DISTINCT (tenant_id, external_id)) FROM customers_customer"
    )
    hold(written == different, "customers were written twice")
    return f"the import of 30,000 ended once; the worker left after {took:.1f} s"


def ml_worker(place: Place, visitor: Visitor) -> str:
    """TERM while it trains."""
    name = "churnguard-worker@ml"
    job = visitor.post("/api/train", {}).json()["job"]
    where = f"FROM predictions_trainingrun WHERE public_id = '{job}'"
    eventually(
        lambda: place.rows(f"SELECT state {where}") == [("running",)],
        seconds=90,
        what="the training runs",
        every=0.05,
    )
    took = place.terminate(name)
    place.start(name)
    using.finished(visitor, job, seconds=120)
    [(attempts,)] = place.rows(f"SELECT attempts {where}")
    hold(attempts == 1, f"the training took {attempts} attempts")
    return f"the training ended once; the worker left after {took:.1f} s"


_CHECK = """
from campaigns import services
from core import jobs
from segmentation import services as segments
from campaigns.models import MessageTemplate, TemplateVersion
from tenants.company import company
from tenants.models import User
from tenants.scoping import current_tenant
with company("carrier"):
    who = User.objects.get(email={email!r})
    template = MessageTemplate.objects.create(tenant=current_tenant(), name="Thanks")
    parts = {{"en": {{"subject": "Thank you", "text": "Hello {{first_name}},\\n\\nThank you.", "html": ""}}}}
    TemplateVersion.objects.create(tenant=current_tenant(), template=template, number=1, parts=parts)
    rule = segments.save_rule(actor=who, name="With an address", rule={{"field": "email", "is": "known"}})
    campaign = services.save_campaign(actor=who, name="Check", holdout=0.1, message=template,
        audience={{"kind": "rule", "rule_segment": str(rule.public_id)}})
    job = services.open_check(campaign=campaign, requested_by=who)
    jobs.ring(job)
    print(job.pk)
"""


def mail_worker(place: Place) -> str:
    """Away while a campaign is to be looked at: the work waits, and is done once when it is back."""
    name = "churnguard-worker@mail"
    place.terminate(name)
    pk = int(place.django(_CHECK.format(email=using.OWNER)))
    query = f"SELECT state, attempts FROM campaigns_preparation WHERE id = {pk}"
    hold(place.rows(query) == [("queued", 0)], f"without a worker the job is {place.rows(query)}")
    place.start(name)
    eventually(
        lambda: place.rows(query)[0][0] not in ("queued", "running"), seconds=90, what="the look at the campaign"
    )
    hold(place.rows(query) == [("succeeded", 1)], f"the job is {place.rows(query)}")
    return "a campaign's look beforehand waited, and was done once"


def beat(place: Place) -> str:
    """The clock stops and starts: the sweeper comes round again."""
    took = place.terminate(BEAT)
    stopped = time.time()
    place.start(BEAT)
    eventually(
        lambda: float(place.redis().get("churnguard:swept") or 0) > stopped + 1,
        seconds=60,
        what="the sweeper came round after the clock's restart",
        every=0.3,
    )
    return f"left after {took:.1f} s, sweeps again"


# ---------------------------------------------------------------- servers


def database(place: Place, visitor: Visitor) -> str:
    gone = _gone(place, place.stop_postgres, "database")
    back = _back(place, place.start_postgres)
    hold(visitor.get("/dashboard").status == 200, "the dashboard does not come back")
    return f"/readyz said so after {gone:.1f} s, and was back {back:.1f} s after the server"


def redis(place: Place, visitor: Visitor) -> str:
    """Without a broker pages answer and jobs wait; with it, all goes on by itself."""
    gone = _gone(place, place.stop_broker, "broker")
    hold(visitor.get("/dashboard").status == 200, "without a broker the dashboard does not answer")
    run = using.open_import(visitor, b"customerID,Churn\nR1,Yes\nR2,No\nR3,No\n", "waits.csv")
    stopped = time.time()
    back = _back(place, place.start_broker)
    workers_are_here(place, since=stopped, seconds=90)
    using.finished(visitor, run["id"], seconds=120)
    return f"/readyz said so after {gone:.1f} s, was back {back:.1f} s after it; an import asked for meanwhile was done"


def hanging(place: Place, visitor: Visitor) -> str:
    """Each server held fast, as by a full disk: worse than one that is gone, for nobody says no. Then let go."""
    said = []
    for name, part in (("postgres", "database"), ("valkey", "broker")):
        process = place.running[name]
        try:
            gone = _gone(place, lambda process=process: process.send_signal(signal.SIGSTOP), part)
        finally:
            process.send_signal(signal.SIGCONT)
        back = _back(place, lambda: None)
        said.append(f"{part} {gone:.1f} s, back after {back:.1f} s")
    hold(visitor.get("/dashboard").status == 200, "the dashboard does not come back")
    return f"/readyz says so: {'; '.join(said)}"


def _gone(place: Place, stop, part: str) -> float:
    """How long /readyz of both instances took to say that ``part`` is gone."""
    place.disturbances.append((time.time(), time.time() + 60))
    stop()
    started = time.monotonic()
    for port in place.ports.values():
        eventually(
            lambda port=port: (answer := ask(port, "/readyz")).status == 503 and answer.json()[part] != "ok",
            seconds=READY_WITHIN_SECONDS - (time.monotonic() - started),
            what=f"/readyz says that the {part} is gone",
        )
        hold(ask(port, "/livez").status == 200, f"/livez asks the {part}")
    return time.monotonic() - started


def _back(place: Place, start) -> float:
    start()
    started = time.monotonic()
    for port in place.ports.values():
        eventually(lambda port=port: ask(port, "/readyz").status == 200, seconds=30, what="/readyz is 200 again")
    begun, _ = place.disturbances.pop()
    place.disturbances.append((begun, time.time() + _FELT_SECONDS))
    return time.monotonic() - started


def stop(place: Place) -> str:
    """All at once, as ``systemctl stop churnguard.target``: everybody leaves with exit code 0, within their time."""
    names = [name for name in place.running if name.startswith("churnguard-")]
    for name in names:
        place.running[name].send_signal(signal.SIGTERM)
    longest = sum(place.ended(name) for name in names)  # they leave side by side: waits add up to the longest
    return f"{len(names)} units left with exit code 0, the last after {longest:.1f} s"
