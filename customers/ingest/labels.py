"""Finds the column that says who left, and which of its values say so."""

from __future__ import annotations

from dataclasses import dataclass

from . import aliases
from .aliases import compact, flag_of, label_key
from .celltypes import ColumnSample, date_order
from .mapping import ANY_VALUE, LABEL


@dataclass(frozen=True, slots=True)
class LabelGuess:
    """A column that may say who left: which of its values mean what. ``values``: (value, count, left | stayed | unknown |
    unclear). ``notes``: one_class_in_sample, new_counted_as_stayed, unsure_left_unknown, reversed, values_unclear,
    filled_means_left."""

    position: int
    header: str
    yes: tuple[str, ...]
    no: tuple[str, ...]
    unknown: tuple[str, ...]
    values: tuple[tuple[str, int, str], ...]
    confidence: float
    notes: tuple[str, ...] = ()


def label_guesses(columns: list[ColumnSample]) -> list[LabelGuess]:
    """Columns that may say who left, best first, then in the order of the file."""
    found = []
    for column in columns:
        score = next((m.score for m in aliases.matches(column.header) if m.target == LABEL), 0.0)
        guess = label_guess(column, score)
        if guess is not None:
            found.append(guess)
    return sorted(found, key=lambda guess: (-guess.confidence, guess.position))


def label_guess(column: ColumnSample, by_header: float) -> LabelGuess | None:
    """What the column's values would mean as a label; None where they cannot be one. ``by_header``: 0 to 1."""
    if column.distinct > 12 or not column.known or date_order(column.counts) is not None:
        return _leaving_date(column, by_header)
    header = compact(column.header)
    is_reversed = any(header == w.replace(" ", "") for w in aliases.STAYED_HEADER)
    is_outcome = any(header == w.replace(" ", "") for w in aliases.OUTCOME_HEADER)
    meanings = {value: _meaning(value, is_reversed) for value in column.counts}
    spoken = {label_key(v) for v in column.counts}
    by_words = bool(spoken & (aliases.LEFT - {"inactive", "inactif", "open", "closed", "terminated", "expired"}))
    by_words = by_words or (is_outcome and bool(spoken & aliases.LEFT))
    if spoken <= {"1", "-1"}:
        meanings = {value: "left" if label_key(value) == "1" else "stayed" for value in column.counts}
    known = set(meanings.values())
    notes = ["reversed"] if is_reversed else []
    if "unclear" in known:
        if not by_header and not by_words:
            return None
        notes.append("values_unclear")
    confidence = by_header
    if by_words and "unclear" not in known:
        confidence = max(confidence, 0.85 if "stayed" in known else 0.7)
    elif by_words and (is_outcome or "stayed" in known):
        confidence = max(confidence, 0.6)
    if not confidence:
        if {flag_of(v) for v in column.counts} != {True, False}:
            return None
        confidence = 0.4 if is_outcome else 0.3 if is_reversed else 0.1
    if "values_unclear" in notes:
        confidence = min(confidence, 0.4) if "left" not in known else min(confidence, 0.6)
    if not {"left", "stayed"} <= known and "unclear" not in known:
        notes.append("one_class_in_sample")
    if any(label_key(v) in aliases.NEW for v in column.counts):
        notes.append("new_counted_as_stayed")
    if "unknown" in known:
        notes.append("unsure_left_unknown")

    def of(meaning: str) -> tuple[str, ...]:
        return tuple(value for value in column.counts if meanings[value] == meaning)

    yes, no = of("left"), of("stayed")
    if not yes and no and "unclear" not in known:
        yes = _counterpart(no, is_reversed)  # nobody left in the sample: the word that will say so further down
    values = tuple((v, count, meanings[v]) for v, count in column.counts.most_common())
    return LabelGuess(
        column.position, column.header, yes, no, of("unknown"), values, round(confidence, 3), tuple(notes)
    )


def _meaning(value: str, is_reversed: bool) -> str:
    """left, stayed, unknown or unclear. Who just joined is there still, and so stayed: left out, the newest customers
    would be known by their leavers only, and a short tenure would look like leaving itself."""
    key = label_key(value)
    if key in aliases.LEFT:
        return "left"
    if key in aliases.STAYED or key in aliases.NEW:
        return "stayed"
    if key in aliases.UNSURE:
        return "unknown"
    flag = flag_of(value)
    if flag is None:
        return "unclear"
    return "left" if flag is not is_reversed else "stayed"


_PAIRS = {"0": "1", "no": "yes", "non": "oui", "false": "true", "n": "y", "f": "t", "faux": "vrai", "stayed": "churned",
          "active": "churned", "existing customer": "attrited customer", "actif": "résilié", "-1": "1"}  # fmt: skip


def _counterpart(values: tuple[str, ...], is_reversed: bool) -> tuple[str, ...]:
    pairs = {b: a for a, b in _PAIRS.items()} if is_reversed else _PAIRS
    return tuple(dict.fromkeys(pairs[key] for v in values if (key := label_key(v)) in pairs))


def _leaving_date(column: ColumnSample, by_header: float) -> LabelGuess | None:
    """A date of leaving, filled for those who left only: whoever has one left."""
    if not column.known or date_order(column.counts) is None or not 0 < column.fullness < 0.95:
        return None
    if not by_header and not aliases.LEAVING_DATE.search(compact(column.header)):
        return None
    blank = column.rows - len(column.known)
    values = (("", blank, "stayed"), (ANY_VALUE, len(column.known), "left"))
    confidence = 0.55
    return LabelGuess(column.position, column.header, (ANY_VALUE,), (), (), values, confidence, ("filled_means_left",))
