"""What a check answers: how serious, what is wrong, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

OK, NOTE, WARNING, ERROR = "ok", "note", "warning", "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """``about``: what was looked at; ``advice``: what to do, "" where there is nothing to do."""

    about: str
    level: str
    text: str
    advice: str = ""


Check = Callable[[], Iterator[Finding]]


def examined(about: str, check: Check) -> list[Finding]:
    """The check's findings. One that cannot be made is a finding too, and stops no other."""
    try:
        return list(check())
    except Exception as error:
        said = " ".join(str(error).split())[:300]
        return [Finding(about, ERROR, f"could not be looked at: {type(error).__name__}: {said}")]
