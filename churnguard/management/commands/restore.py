"""``manage.py restore [SNAPSHOT] [--from FOLDER] [--into FOLDER [--database-url URL]] [--replace] [--json]``"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections
from django.template.defaultfilters import filesizeformat

from core.backups import restoring
from core.backups.restoring import Outcome, Target
from core.backups.sealing import Damaged
from core.backups.taking import open_store
from core.env import env
from core.errors import Refused


class Command(BaseCommand):
    help = "Bring a backup back: into this installation where it is empty, or elsewhere. Nothing is mailed from it until release_mail."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "snapshot", nargs="?", default="", help="its name, or how that begins (default: the newest)"
        )
        parser.add_argument("--from", dest="store", metavar="FOLDER", type=Path, help="the store (default: BACKUP_DIR)")
        parser.add_argument(
            "--into", metavar="FOLDER", type=Path, help="another VAR_DIR (default: this installation's)"
        )
        parser.add_argument("--database-url", default="", help="an empty PostgreSQL database, with --into")
        parser.add_argument("--replace", action="store_true", help="put aside what is there, and take its place")
        parser.add_argument("--json", action="store_true", dest="as_json", help="one JSON object on stdout")

    def handle(self, *, snapshot: str, store: Path | None, as_json: bool, **options: Any) -> None:
        try:
            outcome = self._restore(snapshot, store, **options)
        except (Refused, Damaged) as refusal:
            if as_json:
                code = refusal.code if isinstance(refusal, Refused) else "damaged"
                self.stdout.write(json.dumps({"error": {"code": code, "detail": str(refusal)}}, ensure_ascii=False))
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(json.dumps(asdict(outcome), ensure_ascii=False) if as_json else _in_words(outcome))
        if outcome.differences:
            raise CommandError("What was restored is not what was noted: do not use it.")

    def _restore(self, id_: str, folder: Path | None, *, into, database_url, replace, **_: Any) -> Outcome:
        store = open_store(folder=folder)
        found = restoring.choose(store, id_)
        if database_url and into is None:
            raise Refused("no_into", "--database-url goes with --into; else DATABASE_URL says where.")
        if into is None:
            target = Target.here()
            connections.close_all()
        else:
            database = env.db_url_config(database_url) if database_url else None
            target = Target.into(into.absolute(), found.database.engine, database)
        return restoring.restore(store, found, target, replace=replace, say=lambda text: print(text, file=sys.stderr))


def _in_words(done: Outcome) -> str:
    lines = [
        f"Snapshot {done.snapshot} of {done.taken_at}:",
        f"{done.tables} tables with {done.rows:,} rows, {done.files:,} files, {filesizeformat(done.bytes)}.",
    ]
    if done.differences:
        return "\n".join([*lines, "NOT as it was noted:", *done.differences])
    lines.append(f"Counts and digests are those that were noted. It took {done.seconds:.1f} s.")
    if done.aside:
        lines.append(f"What was there before lies in {done.aside}.")
    if done.keys:
        lines.append(
            f"OTHER KEYS HERE: {', '.join(done.keys)}. Set those of the installation that was backed up before you start it: "
            "without them models, credentials, opt-outs and links do not open."
        )
    lines += [
        "Next: manage.py migrate; start the site, workers and beat; manage.py doctor.",
        "Nothing is mailed from here until a person says so: manage.py release_mail --reason …, or the page System.",
    ]
    if settings.REDIS_URL:
        lines.append("Messages of the broker are of no use to restored rows: give it an empty Redis.")
    return "\n".join(lines)
