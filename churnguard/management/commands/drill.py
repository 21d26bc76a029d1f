"""``manage.py drill [SNAPSHOT] [--json]``: a restore elsewhere, compared and thrown away."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.backups import drilling
from core.backups.sealing import Damaged
from core.errors import Refused


class Command(BaseCommand):
    help = "Try a restore: bring the newest backup back elsewhere, compare counts and digests, and throw it away."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "snapshot", nargs="?", default="", help="its name, or how that begins (default: the newest)"
        )
        parser.add_argument("--json", action="store_true", dest="as_json", help="one JSON object on stdout")

    def handle(self, *, snapshot: str, as_json: bool, **_: Any) -> None:
        try:
            done = drilling.drill(id_=snapshot, say=lambda text: print(text, file=sys.stderr))
        except (Refused, Damaged) as refusal:
            if as_json:
                code = refusal.code if isinstance(refusal, Refused) else "damaged"
                self.stdout.write(json.dumps({"error": {"code": code, "detail": str(refusal)}}, ensure_ascii=False))
            raise CommandError(str(refusal)) from refusal
        if as_json:
            self.stdout.write(json.dumps(asdict(done), ensure_ascii=False))
        else:
            self.stdout.write(
                f"Snapshot {done.snapshot}: {done.tables} tables, {done.rows:,} rows, {done.files:,} files restored in {done.seconds:.1f} s."
            )
            self.stdout.write("\n".join(done.wrong) or "Everything is as it was noted.")
        if done.wrong:
            raise CommandError(f"{len(done.wrong)} things are not as they were noted.")
