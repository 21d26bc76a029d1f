"""``manage.py doctor [--offline] [--strict] [--json]``: what is wrong with this installation, in words."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from churnguard.doctor.examination import examine
from churnguard.doctor.findings import ERROR, NOTE, OK, WARNING, Finding

_SIGNS = {OK: "✓", NOTE: "·", WARNING: "!", ERROR: "✗"}


class Command(BaseCommand):
    help = (
        "Say in words what is wrong with this installation. Exit code 1 where something is (with --strict: or may be)."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--offline", action="store_true", help="ask nothing beyond our own servers")
        parser.add_argument("--strict", action="store_true", help="a warning counts as an error")
        parser.add_argument("--json", action="store_true", dest="as_json", help="one JSON object on stdout")

    def handle(self, *, offline: bool, strict: bool, as_json: bool, **_: Any) -> None:
        found = examine(offline=offline)
        errors = sum(one.level == ERROR for one in found)
        warnings = sum(one.level == WARNING for one in found)
        if as_json:
            told = {"errors": errors, "warnings": warnings, "findings": [asdict(one) for one in found]}
            self.stdout.write(json.dumps(told, ensure_ascii=False))
        else:
            for one in found:
                self.stdout.write(self._line(one))
            self.stdout.write(f"\n{_counted(errors, 'error')}, {_counted(warnings, 'warning')}.")
        if errors or (strict and warnings):
            sys.exit(1)

    def _line(self, one: Finding) -> str:
        style = {OK: self.style.SUCCESS, WARNING: self.style.WARNING, ERROR: self.style.ERROR}.get(one.level, str)
        line = style(f"{_SIGNS[one.level]} {one.about:<11} {one.text}")
        return f"{line}\n{'':14}→ {one.advice}" if one.advice else line


def _counted(n: int, word: str) -> str:
    return f"{n or 'no'} {word}{'' if n == 1 else 's'}"
