"""Says no, in words and with numbers, when there is not enough to learn from."""

from __future__ import annotations

import numpy as np

MIN_ROWS = 100  # labelled customers; below this five folds hold fewer than twenty each
MIN_OF_EACH = 25  # churners, and stayers: five in every fold, the fewest that a fold's figures can rest on
MIN_SLICE_ROWS = 50  # customers of a part of the base; with fewer its figures are noise, and are not given
MIN_SLICE_OF_EACH = 10  # churners, and stayers, of such a part
FEW_CHURNERS = 100  # with fewer a model may serve, and says that it rests on little


class NotEnoughEvidence(ValueError):
    """The data cannot carry a model. ``code`` and ``facts`` let an interface say it in another language."""

    def __init__(self, code: str, message: str, **facts: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.facts = facts

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.code, self.message, self.facts)


def _rebuild(code: str, message: str, facts: dict[str, object]) -> NotEnoughEvidence:
    return NotEnoughEvidence(code, message, **facts)


def require_labels(label: np.ndarray) -> None:
    """Refuse a label (float [n]; 1 left, 0 stayed, NaN unknown) that no model can be learned from.

    Raises NotEnoughEvidence: no_label, one_class, too_few_rows, too_few_churners, too_few_stayers.
    """
    known = label[~np.isnan(label)]
    rows, churners = int(known.size), int((known == 1).sum())
    facts: dict[str, object] = {"rows": rows, "churners": churners, "customers": int(label.size)}
    if rows == 0:
        raise NotEnoughEvidence(
            "no_label",
            "Nobody is known to have left or stayed, so there is nothing to learn from. "
            f"At least {MIN_ROWS} customers with a known outcome are needed.",
            missing=MIN_ROWS,
            **facts,
        )
    if not np.isin(known, (0.0, 1.0)).all():
        raise ValueError("a label is 1 (left), 0 (stayed) or NaN (unknown)")
    if churners in (0, rows):
        what, absent = ("left", "stayed") if churners else ("stayed", "left")
        raise NotEnoughEvidence(
            "one_class",
            f"All {rows} customers with a known outcome {what}; a model needs some who {absent} as well "
            f"(at least {MIN_OF_EACH}).",
            only=what,
            missing=MIN_OF_EACH,
            **facts,
        )
    if churners < MIN_OF_EACH:
        missing = MIN_OF_EACH - churners
        raise NotEnoughEvidence(
            "too_few_churners",
            f"Only {churners} customers are known to have left; at least {MIN_OF_EACH} are needed, {missing} more.",
            needed=MIN_OF_EACH,
            missing=missing,
            **facts,
        )
    if rows - churners < MIN_OF_EACH:
        missing = MIN_OF_EACH - (rows - churners)
        raise NotEnoughEvidence(
            "too_few_stayers",
            f"Only {rows - churners} customers are known to have stayed; at least {MIN_OF_EACH} are needed, "
            f"{missing} more.",
            needed=MIN_OF_EACH,
            missing=missing,
            **facts,
        )
    if rows < MIN_ROWS:
        raise NotEnoughEvidence(
            "too_few_rows",
            f"Only {rows} customers have a known outcome; at least {MIN_ROWS} are needed, {MIN_ROWS - rows} more.",
            needed=MIN_ROWS,
            missing=MIN_ROWS - rows,
            **facts,
        )
