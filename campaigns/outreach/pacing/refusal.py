"""Says no, by a code and with facts, where a pace cannot be kept."""

from __future__ import annotations


class PacingRefused(ValueError):
    """Settings that no sending could follow. ``code`` and ``facts`` let an interface say it in any language.

    unknown_time_zone   time_zone
    no_time_left        the rules leave no time for sending within the days looked at   days
    bad_setting         a number outside its bounds   name, value
    """

    def __init__(self, code: str, message: str, **facts: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.facts = facts

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.code, self.message, self.facts)


def _rebuild(code: str, message: str, facts: dict[str, object]) -> PacingRefused:
    return PacingRefused(code, message, **facts)
