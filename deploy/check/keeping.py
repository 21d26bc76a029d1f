"""What is backed up comes back whole, on another machine's place; and the doctor finds nothing wrong."""

from __future__ import annotations

import json
import subprocess

from .place import Failed, Place, eventually, hold
from .starting import WORKERS
from .visitor import Visitor

DEFAULT, RELEASE = WORKERS[0], "churnguard-release"
_COPY = "churnguard_copy"
# What the doctor must find well, and not only leave unsaid
LOOKED_AT = (
    "settings", "keys", "folders", "pages", "database", "migrations", "broker", "workers", "beat", "clock", "jobs",
    "backups", "drill",
)  # fmt: skip


def backup(place: Place) -> str:
    """As the role that reads every row; then tried, by the role that makes a database for it."""
    found = _backed_up(place)
    drilled = _told(place.manage("drill", "--json", unit=DEFAULT), "drill")
    hold(drilled["snapshot"] == found["id"] and drilled["rows"] == found["rows"], f"the drill tried {drilled}")
    left = place.rows("SELECT count(*) FROM pg_database WHERE datname LIKE 'churnguard_drill_%'")
    hold(left == [(0,)], "the drill left a database")
    hold(list(place.backups.iterdir()), f"{place.backups} is empty")
    return f"{len(found['tables'])} tables, {found['rows']} rows, {found['files']} files kept and tried"


def restore(place: Place, customers: int) -> str:
    """The newest backup into an empty database, by docs/operating.md; what is backed up from there has the same digests."""
    before = _backed_up(place)
    place.make_database(_COPY)
    there = {"VAR_DIR": str(place.folder / "copy"), "LOG_DIR": ""}
    owner = {**there, "DATABASE_URL": place.url("owner", _COPY)}
    for more in ((), ("--replace",)):  # the second time over what is there, of three roles
        outcome = _told(place.manage("restore", "--json", *more, unit=RELEASE, **owner), "restore")
        hold(outcome["snapshot"] == before["id"] and not outcome["differences"], f"restore says {outcome}")
        hold(not outcome["keys"], f"these keys differ: {outcome['keys']}")
        place.give_roles_their_rights(_COPY)
    ended = place.manage("migrate", "--noinput", unit=RELEASE, **owner)
    hold(ended.returncode == 0, f"migrate after a restore: {ended.stderr[-500:]}")
    ended = place.manage("check", "--deploy", unit=DEFAULT, **there, DATABASE_URL=place.url("app", _COPY))
    said = ended.stdout + ended.stderr
    hold(ended.returncode == 0 and "no issues" in said, f"check --deploy of what was restored: {said[-500:]}")
    store = place.folder / "backups-of-the-copy"
    reading = {**there, "DATABASE_URL": place.url("app", _COPY), "BACKUP_DATABASE_URL": place.url("watch", _COPY)}
    after = _told(place.manage("backup", "--json", "--to", str(store), unit=DEFAULT, **reading), "backup of the copy")
    differing = [name for name, table in before["tables"].items() if after["tables"].get(name) != table]
    hold(not differing and len(after["tables"]) == len(before["tables"]), f"these tables differ: {differing}")
    hold(before["tables"]["customers_customer"]["rows"] == customers, "customers are missing from the backup")
    hold(after["files"] == before["files"] > 0, f"{after['files']} files of {before['files']}")
    return f"{len(before['tables'])} tables with equal digests, {after['files']} files; the site's role works there"


def doctor(place: Place, visitor: Visitor) -> str:
    """No error, and no warning but of what this machine is: its disk, and that nobody believes our certificate."""
    more = {"SSL_CERT_FILE": str(visitor.certificate)} if visitor.certificate else {}
    words = ["doctor", "--json", *([] if visitor.certificate else ["--offline"])]
    ended = place.manage(*words, unit=DEFAULT, **more)
    findings = _told(ended, "doctor", codes=(0, 1))["findings"]
    wrong = [one for one in findings if one["level"] in ("error", "warning") and not _of_this_machine(place, one)]
    hold(not wrong, "; ".join(f"{one['about']}: {one['text']}" for one in wrong)[:600])
    looked = {one["about"] for one in findings if one["level"] == "ok"}
    missed = [about for about in LOOKED_AT if about not in looked]
    hold(not missed, f"it says nothing of {', '.join(missed)}")
    return f"{len(findings)} findings, none of them wrong"


def _of_this_machine(place: Place, finding: dict) -> bool:
    is_same_disk = place.backups.stat().st_dev == place.var.stat().st_dev
    return finding["about"] == "disk" or ("same disk" in finding["text"] and is_same_disk)


def _backed_up(place: Place) -> dict:
    """``manage.py backup``, again where a worker is just at it."""

    def tried() -> dict | None:
        ended = place.manage("backup", "--json", unit=DEFAULT)
        told = _told(ended, "backup", codes=(0, 1))
        if told.get("error", {}).get("code") == "busy":
            return None
        hold(ended.returncode == 0, f"backup: {told}")
        return told

    return eventually(tried, seconds=60, what="the store is free for a backup", every=1.0)


def _told(ended: subprocess.CompletedProcess[str], what: str, codes: tuple[int, ...] = (0,)) -> dict:
    """The JSON object on stdout. Raises Failed."""
    hold(ended.returncode in codes, f"{what} ended with {ended.returncode}: {(ended.stderr or ended.stdout)[-600:]}")
    try:
        return json.loads(ended.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        raise Failed(f"{what} says no JSON: {ended.stdout[-300:]} {ended.stderr[-300:]}") from None
