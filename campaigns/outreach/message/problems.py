"""What is wrong with a message that somebody wrote: a code, how grave it is, and the place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ERROR, WARNING = "error", "warning"
SUBJECT, PREHEADER, TEXT, HTML, SENDER = "subject", "preheader", "text", "html", "sender"
MOST = 50  # told at once
_SHOWN = 80  # characters of what was found


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault. ``part``: SUBJECT | PREHEADER | TEXT | HTML | SENDER; ``line`` and ``column`` count from 1, 0 where the
    whole part is meant; ``text``: what was found there.

    Errors, with their facts: subject_empty · subject_too_long (length, most) · subject_line_break · body_empty ·
    preheader_too_long (length, most) · text_too_long (length, most) · html_too_long (bytes, most) · nested_too_deeply (depth, most) · unknown_placeholder
    (name, suggestion or "") · placeholder_unavailable (name) · placeholder_not_here (name) · placeholder_in_link (url) · link_not_https (url) ·
    image_not_https (url)

    Warnings: forbidden_tag (tag, times) · forbidden_attribute (tag, attribute, times) · forbidden_style (style) ·
    comment_removed · hidden_character (character, times) · image_without_alt · looks_like_placeholder (suggestion) ·
    double_braces (name) · subject_shouting · subject_marks · placeholder_may_be_unknown (name, instead) · script_unexpected
    (language) · link_missing_in_text (url) · no_postal_address · no_contact
    """

    part: str
    code: str
    severity: str
    line: int = 0
    column: int = 0
    text: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_error(self) -> bool:
        return self.severity == ERROR

    def as_json(self) -> dict[str, object]:
        place = {"line": self.line, "column": self.column} if self.line else {}
        facts = {"facts": dict(self.facts)} if self.facts else {}
        return {"part": self.part, "code": self.code, "severity": self.severity, "text": self.text, **place, **facts}


def error(part: str, code: str, source: str = "", at: int | None = None, found: str = "", **facts: object) -> Problem:
    return _problem(ERROR, part, code, source, at, found, facts)


def warning(part: str, code: str, source: str = "", at: int | None = None, found: str = "", **facts: object) -> Problem:
    return _problem(WARNING, part, code, source, at, found, facts)


def _problem(
    severity: str, part: str, code: str, source: str, at: int | None, found: str, facts: dict[str, object]
) -> Problem:
    line = column = 0
    if at is not None:
        line, column = source.count("\n", 0, at) + 1, at - source.rfind("\n", 0, at)
    return Problem(part, code, severity, line, column, found[:_SHOWN], facts)
