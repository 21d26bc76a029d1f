"""The systemd units as systemd reads them: what to run, with which variables, and how long it may take to stop."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "systemd"
_SECONDS = {"": 1, "s": 1, "sec": 1, "min": 60, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Unit:
    """A unit's lines, by section and name, each name with all its values in order."""

    name: str
    sections: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    def values(self, name: str, section: str = "Service") -> list[str]:
        return self.sections.get(section, {}).get(name, [])

    def value(self, name: str, section: str = "Service") -> str:
        """The last one, as systemd takes it; empty where there is none."""
        return (self.values(name, section) or [""])[-1]

    def seconds(self, name: str) -> float:
        """A span such as 75, 90s or 5min. Raises ValueError."""
        found = re.fullmatch(r"(\d+)\s*([a-z]*)", self.value(name))
        if found is None or found[2] not in _SECONDS:
            raise ValueError(f"{self.name}: {name}={self.value(name)} is no span of time")
        return int(found[1]) * _SECONDS[found[2]]

    def environment(self, instance: str = "") -> dict[str, str]:
        """What ``Environment=`` sets."""
        pairs = [word for line in self.values("Environment") for word in shlex.split(specified(line, instance))]
        return dict(pair.split("=", 1) for pair in pairs)

    def files(self, instance: str = "") -> list[tuple[str, bool]]:
        """(path, whether it must be there) of each ``EnvironmentFile=``, in order: the last that sets a name wins."""
        paths = [specified(line, instance) for line in self.values("EnvironmentFile")]
        return [(path.removeprefix("-"), not path.startswith("-")) for path in paths]

    def commands(self, instance: str = "", variables: dict[str, str] | None = None) -> list[list[str]]:
        """Every ExecStart as a list of words. Raises ValueError for a variable that nothing sets."""
        known = {**self.environment(instance), **(variables or {})}
        return [
            [_filled(word, known, self.name) for word in shlex.split(specified(line, instance))]
            for line in self.values("ExecStart")
        ]


def read(name: str, folder: Path = FOLDER) -> Unit:
    """The unit in ``folder``. Raises ValueError for a line that systemd would ignore."""
    text = re.sub(r"\\\n\s*", " ", (folder / name).read_text(encoding="utf-8"))
    sections: dict[str, dict[str, list[str]]] = {}
    section = ""
    for line in (line.strip() for line in text.splitlines()):
        if not line or line[0] in "#;":
            continue
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif "=" in line and section:
            key, _, value = line.partition("=")
            sections.setdefault(section, {}).setdefault(key.strip(), []).append(value.strip())
        else:
            raise ValueError(f"{name}: systemd would ignore the line “{line}”")
    return Unit(name, sections)


def specified(text: str, instance: str) -> str:
    """``%i`` is the instance's name, ``%%`` a per cent sign. Raises ValueError for a specifier that we do not use."""

    def replaced(match: re.Match[str]) -> str:
        known = {"%%": "%", "%i": instance}
        if match[0] not in known:
            raise ValueError(f"{match[0]} means something to systemd: write %{match[0]}")
        return known[match[0]]

    return re.sub(r"%.", replaced, text)


def _filled(word: str, variables: dict[str, str], unit: str) -> str:
    def replaced(match: re.Match[str]) -> str:
        if match[1] not in variables:
            raise ValueError(f"{unit}: nothing sets {match[1]}")
        return variables[match[1]]

    return re.sub(r"\$\{(\w+)\}", replaced, word)
