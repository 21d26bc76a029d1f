"""The last lines before the demonstration serves: where it is, and who can sign in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Place:
    """A company, a line about it, and its people as (role, e-mail)."""

    name: str
    about: str
    people: list[tuple[str, str]] = field(default_factory=list)


def block(address: str, places: Iterable[Place], password: str, logs: str) -> str:
    lines = ["", f"  ChurnGuard is ready: {address}", ""]
    for place in places:
        lines.append(f"  {place.name}: {place.about}")
        lines += [f"    {role:<9} {email}" for role, email in place.people]
        lines.append("")
    lines += [f"  Password (unless you changed it): {password}", f"  Logs: {logs}", "  Ctrl-C ends everything.", ""]
    return "\n".join(lines)
