"""``manage.py backup [--to FOLDER] [--thorough] [--list | --verify | --prune] [--json]``"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat

from churnguard.system.version import VERSION
from core.backups import collecting, reports
from core.backups.sealing import Damaged
from core.backups.snapshots import CONFIGURATION, Snapshot
from core.backups.store import Store
from core.backups.taking import back_up, open_store, policy
from core.backups.verifying import verify
from core.errors import Refused


class Command(BaseCommand):
    help = "Back up database, raw files and settings into the store; or list, verify or tidy the store."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", metavar="FOLDER", type=Path, help="the store (default: BACKUP_DIR)")
        parser.add_argument(
            "--thorough", action="store_true", help="read raw files again though size and time are the same"
        )
        doing = parser.add_mutually_exclusive_group()
        doing.add_argument("--list", action="store_true", dest="as_list", help="what is in the store")
        doing.add_argument("--verify", action="store_true", help="read everything in the store and say what is damaged")
        doing.add_argument(
            "--prune", action="store_true", help="forget what BACKUP_KEEP_… does not keep, and back up nothing"
        )
        parser.add_argument("--json", action="store_true", dest="as_json", help="one JSON object on stdout")

    def handle(self, *, to, thorough, as_list, as_json, prune, **options: Any) -> None:
        try:
            if as_list:
                self._list(open_store(folder=to), as_json)
            elif options["verify"]:
                self._verify(open_store(folder=to), as_json)
            elif prune:
                store = open_store(folder=to)
                with store.writing():
                    found = collecting.collect(store, policy())
                self._say(
                    asdict(found),
                    as_json,
                    f"{found.snapshots} snapshots forgotten, {filesizeformat(found.bytes)} freed.",
                )
            else:
                self._take(to, thorough, as_json)
        except (Refused, Damaged) as refusal:
            if as_json:
                code = refusal.code if isinstance(refusal, Refused) else "damaged"
                self.stdout.write(json.dumps({"error": {"code": code, "detail": str(refusal)}}, ensure_ascii=False))
            raise CommandError(str(refusal)) from refusal

    def _take(self, to: Path | None, thorough: bool, as_json: bool) -> None:
        store = open_store(folder=to, make=True)
        taken = back_up(version=VERSION, thorough=thorough, store=store, say=lambda text: print(text, file=sys.stderr))
        told = _as_json(taken.snapshot) | {"new_pieces": taken.new_pieces, "new_bytes": taken.new_bytes}
        self._say(
            told,
            as_json,
            f"{taken.snapshot.id}: {filesizeformat(taken.snapshot.size)} kept, of which {filesizeformat(taken.new_bytes)} is new, "
            f"in {taken.snapshot.seconds:.1f} s. Store: {store.folder}",
        )
        if not store.seal.is_encrypted and not as_json:
            self.stderr.write("Not encrypted: set BACKUP_KEY before a store leaves this machine.")

    def _list(self, store: Store, as_json: bool) -> None:
        told, lines = [], []
        for id_ in store.ids():
            try:
                found = store.snapshot(id_)
            except Damaged as damage:
                told.append({"id": id_, "damage": str(damage)})
                lines.append(f"{id_}  cannot be read: {damage}")
                continue
            told.append(_as_json(found))
            what = "settings alone" if found.kind == CONFIGURATION else (
                f"{found.rows:>12,} rows  {len(found.files):>7,} files  {filesizeformat(found.size):>10}  +{filesizeformat(found.new_bytes)}"
            )  # fmt: skip
            lines.append(f"{id_}  {what}")
        self._say({"snapshots": told}, as_json, "\n".join(lines) or "There is no backup yet.")

    def _verify(self, store: Store, as_json: bool) -> None:
        found = verify(store)
        is_ours = store.folder == Path(settings.BACKUP_DIR)
        if is_ours:
            facts = {"snapshots": found.snapshots, "pieces": found.pieces, "bytes": found.bytes}
            wrong = {} if found.is_sound else {"code": "damaged", "message": "; ".join(found.damage[:10])}
            reports.note(reports.VERIFY, facts=facts, **wrong)
        lines = [f"{found.snapshots} snapshots, {found.pieces:,} pieces, {filesizeformat(found.bytes)} read."]
        lines += found.damage[:50]
        if found.harmed:
            lines.append("These cannot be restored whole: " + ", ".join(sorted(set(found.harmed))))
        self._say(asdict(found), as_json, "\n".join(lines))
        if not found.is_sound:
            raise CommandError(f"The store is damaged in {len(found.damage)} places.")

    def _say(self, told: dict[str, object], as_json: bool, text: str) -> None:
        self.stdout.write(json.dumps(told, default=str, ensure_ascii=False) if as_json else text)


def _as_json(found: Snapshot) -> dict[str, object]:
    told = {
        name: getattr(found, name) for name in ("id", "taken_at", "kind", "origin", "app_version", "seconds", "missed")
    }
    told |= {"rows": found.rows, "files": len(found.files), "bytes": found.size, "new_bytes": found.new_bytes}
    if found.database is not None:
        told |= {
            "engine": found.database.engine,
            "sha256": found.database.sha256,
            "tables": {name: asdict(table) for name, table in found.database.tables.items()},
        }
    return told
