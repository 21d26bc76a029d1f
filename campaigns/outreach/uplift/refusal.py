"""Says no, by a code and with facts, when past campaigns cannot teach whom to write to."""

from __future__ import annotations


class UpliftRefused(ValueError):
    """The experiments cannot carry a model. ``code`` and ``facts`` let an interface say it in any language.

    unequal_lengths     columns that do not go together           and each one's length
    not_an_outcome      neither 1, 0 nor unknown                  value
    not_a_propensity    a chance of being contacted outside 0..1  value
    too_few_treated, too_few_held_out   customers with an outcome       rows, needed
    too_few_leavers     of an arm                                 arm (treated, held_out), rows, needed
    too_few_stayers     of an arm                                 arm, rows, needed
    no_features         no column is left to learn from           set_aside: ((name, code), ...)
    """

    def __init__(self, code: str, message: str, **facts: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.facts = facts

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.code, self.message, self.facts)


def _rebuild(code: str, message: str, facts: dict[str, object]) -> UpliftRefused:
    return UpliftRefused(code, message, **facts)
