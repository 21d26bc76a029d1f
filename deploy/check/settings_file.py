"""``.env.example`` read, and filled in as its remarks say."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[1] / ".env.example"
_SET = re.compile(r"([A-Z][A-Z0-9_]*)=(.*)")
_UNSET = re.compile(r"#([A-Z][A-Z0-9_]*)=(.*)")


def read(path: Path) -> dict[str, str]:
    """The variables that the file sets. Raises ValueError for a line that is neither one nor a remark."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        match = _SET.fullmatch(line)
        if match is None:
            raise ValueError(f"{path.name}: “{line}” sets nothing")
        found[match[1]] = match[2]
    return found


def named(path: Path = EXAMPLE) -> list[str]:
    """Every variable that the file tells of, set or not."""
    matches = (_SET.fullmatch(line) or _UNSET.fullmatch(line) for line in path.read_text(encoding="utf-8").splitlines())
    return [match[1] for match in matches if match]


def fill_in(target: Path, **values: str) -> dict[str, str]:
    """Write the example to ``target`` with random keys and ``values``; what it sets then.

    Raises ValueError for a value that the example does not name: an operator would look for it in vain.
    """
    unknown = set(values) - set(named())
    if unknown:
        raise ValueError(f".env.example does not name {', '.join(sorted(unknown))}")
    lines = []
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        match = _SET.fullmatch(line) or _UNSET.fullmatch(line)
        if match and match[1] in values:
            line = f"{match[1]}={values[match[1]]}"
        elif match and not line.startswith("#") and not match[2]:
            line = f"{match[1]}={secrets.token_urlsafe(50)}"
        lines.append(line)
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    target.chmod(0o600)
    return read(target)
