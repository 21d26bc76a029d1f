"""Says no, by a code and with facts, when an experiment cannot be drawn, planned or measured."""

from __future__ import annotations


class ExperimentRefused(ValueError):
    """What was given is no experiment. ``code`` and ``facts`` let an interface say it in any language.

    no_salt             arms cannot be drawn without a salt
    empty_key           a customer without a business number             position
    not_a_share         a share outside its bounds                       field, value
    not_a_number        a figure that is none, or below nought           field, value
    no_variants         no message to compare
    same_variant        two variants of one name                         variant
    unequal_lengths     columns that do not go together                  and each one's length
    unknown_arm         an arm that the plan does not know               value
    not_an_outcome      an outcome that is neither 1, 0 nor unknown      value
    unknown_covariate   a covariate without a value: nothing is filled in   column, rows
    """

    def __init__(self, code: str, message: str, **facts: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.facts = facts

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.code, self.message, self.facts)


def _rebuild(code: str, message: str, facts: dict[str, object]) -> ExperimentRefused:
    return ExperimentRefused(code, message, **facts)


def share(field: str, value: float, *, low: float = 0.0, high: float = 1.0, ends: bool = True) -> float:
    """The share as a float. ExperimentRefused("not_a_share") outside low..high; ends: whether the ends are inside."""
    figure = number(field, value, least=None)
    inside = low <= figure <= high if ends else low < figure < high
    if not inside:
        raise ExperimentRefused(
            "not_a_share", f"{field} must lie between {low:g} and {high:g}, not {figure:g}.", field=field, value=figure
        )
    return figure


def number(field: str, value: float, *, least: float | None = 0.0) -> float:
    """The figure as a finite float, at least ``least``. Raises ExperimentRefused("not_a_number")."""
    try:
        figure = float(value)
    except (TypeError, ValueError):
        figure = float("nan")
    if figure != figure or figure in (float("inf"), float("-inf")) or (least is not None and figure < least):
        raise ExperimentRefused("not_a_number", f"{field} cannot be {value!r}.", field=field, value=str(value))
    return figure
