"""Says no, by a code and with facts, when customers cannot be grouped."""

from __future__ import annotations


class ClusteringRefused(ValueError):
    """The data cannot carry segments. ``code`` and ``facts`` let an interface say it in any language.

    too_few_rows        fewer customers than needed           rows, needed
    no_features         no column is left to group by          set_aside: ((name, code), ...)
    too_few_distinct    fewer different customers than groups  distinct, k
    """

    def __init__(self, code: str, message: str, **facts: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.facts = facts

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.code, self.message, self.facts)


def _rebuild(code: str, message: str, facts: dict[str, object]) -> ClusteringRefused:
    return ClusteringRefused(code, message, **facts)
