"""Guesses what every column of any company's file is, and says how sure it is and why.

Headers speak first, values agree or object: "Contact" is no contract unless its cells hold contracts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from . import aliases, mapping
from .aliases import compact, normalise
from .celltypes import (
    ColumnSample,
    agreement,
    attribute_type,
    date_order,
    id_shape,
    is_email,
    is_phone,
    sample_columns,
    target_column,
    vocabulary,
)
from .labels import LabelGuess, label_guess, label_guesses
from .mapping import ATTRIBUTE, BY_COLUMN, ID, IGNORE, LABEL, MONTH, OURS, ROW_HASH, ROW_NUMBER, Mapping

SAMPLE_ROWS = 1000  # of the given ones, so that 500 columns are judged within a second or two
_LEAST = 0.5  # confidence below which a guess is only an alternative
_OUR_WORD = 0.97  # score of the schema's own headers and aliases, see aliases.matches
_AGREES, _AGREES_BY_NAME = 0.95, 0.5  # share of known cells that the field can hold
_ID_WORDS = frozenset(
    "id uid uuid no num number numero nr n code key cle ref reference client customer account compte subscriber abonne"
    " member user utilisateur matricule contract contrat msisdn msno phone telephone mobile gsm ligne".split()
)
_MAY_NUMBER = frozenset((ID, "phone", "email", ATTRIBUTE, IGNORE))
_MOST_LEVELS = 30  # of a gender, a contract or a way to pay, whatever the spelling


@dataclass(frozen=True, slots=True)
class ColumnGuess:
    """One column. ``why``: remembered, exact_alias, words_alias, fuzzy_alias, values, no_match, taken, empty, row_number,
    ours (a column that we added to a file of refused rows);
    ``notes`` are codes to show beside it; ``alternatives`` other targets, best first."""

    position: int
    header: str
    target: str
    type: str  # the attribute type its cells have, whatever the target
    confidence: float
    why: str
    alias: str
    fullness: float
    distinct: int
    examples: tuple[str, ...]
    notes: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IdGuess:
    """Where customer numbers come from: ``rule`` as Mapping.id_rule, ``header`` where it is a column.

    ``notes``: repeats (the same number on several lines), contact_as_id (a phone number or an address: it changes, and it
    is personal), counts_rows (a number of the line: a file in another order renames customers), from_values (its header
    does not say so), no_id_column; for ROW_HASH changed_row_is_new and copies_numbered; for ROW_NUMBER order_matters.
    ``alternatives``: headers, ROW_HASH, ROW_NUMBER.
    """

    rule: str
    header: str | None
    confidence: float
    notes: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """What we think a file is. ``grain``: "customer", or "customer_month" for one line a customer and month."""

    columns: tuple[ColumnGuess, ...]
    identity: IdGuess
    label: LabelGuess | None
    label_alternatives: tuple[LabelGuess, ...]
    grain: str
    shape_key: str
    is_remembered: bool = False
    remembered: Mapping | None = field(default=None, repr=False)

    def mapping(self, *, id_column: str = "", label_column: str = "", label_yes: Sequence[str] = ()) -> Mapping:
        """The mapping that a person who agrees with everything else agrees to.

        ``id_column`` may be ROW_HASH or ROW_NUMBER too; a ``label_column`` without ``label_yes`` means what its values
        say, and nothing where they say nothing (``problems`` then tells so). Raises MappingRefused("unknown_column").
        """
        targets = {column.header: column.target for column in self.columns}
        types = {column.header: column.type for column in self.columns if column.target == ATTRIBUTE}
        label = self.label
        said = (label.yes, label.no, label.unknown) if label else ((), (), ())
        agreed = Mapping(targets, types, self.identity.rule, *said)
        if id_column:
            agreed = agreed.with_id(id_column)
        label_column = label_column or (agreed.header_of(LABEL) or "" if label_yes else "")
        if label_column:
            agreed = agreed.with_label(label_column, label_yes)
            guess = next((g for g in self.label_alternatives if g.header == agreed.header_of(LABEL)), None)
            if guess is not None and not label_yes:
                agreed = agreed.with_label(guess.header, guess.yes, guess.no, guess.unknown)
        return agreed


def propose(
    headers: Sequence[str],
    sample_rows: Iterable[Sequence[object]],
    *,
    remembered: Mapping | dict | None = None,
) -> Proposal:
    """Guess every column from its header and the first rows (cells as text or typed; a few hundred rows are enough).

    ``remembered``: the workspace's mapping of an earlier file. Of the same shape it is taken whole; of another, header by
    header. Raises mapping.MappingRefused where it is a dictionary that is no mapping.
    """
    if isinstance(remembered, dict):
        remembered = Mapping.from_json(remembered)
    names = mapping.unique_headers(headers)
    rows = [row for _, row in zip(range(SAMPLE_ROWS), sample_rows, strict=False)]
    columns = sample_columns(names, rows)
    theirs = [column for column in columns if not column.header.startswith(OURS)]
    kept = remembered.targets if remembered else {}
    same_shape = bool(remembered) and mapping.shape_key(list(kept)) == mapping.shape_key(names)
    has_months = _has_months(theirs)
    labels = label_guesses(theirs)
    if has_months:  # of every month something can be said; who left, only where the header says so
        labels = [guess for guess in labels if any(m.target == LABEL for m in aliases.matches(guess.header))]
    chosen = _assign(theirs, labels, has_months, remembered)
    identity, chosen = _identity(theirs, chosen, remembered if same_shape else None)
    ours = _Candidate(1.0, IGNORE, "ours")
    chosen |= {column.position: (ours, []) for column in columns if column.header.startswith(OURS)}
    guesses = tuple(_guess(column, chosen.get(column.position), identity) for column in columns)
    label = _label(guesses, labels, columns, remembered)
    return Proposal(
        columns=guesses,
        identity=identity,
        label=label,
        label_alternatives=tuple(g for g in labels if label is None or g.position != label.position),
        grain="customer_month" if any(g.target == MONTH for g in guesses) else "customer",
        shape_key=mapping.shape_key(names),
        is_remembered=same_shape,
        remembered=remembered,
    )


@dataclass(frozen=True, slots=True)
class _Candidate:
    score: float
    target: str
    why: str
    alias: str = ""
    notes: tuple[str, ...] = ()


_Chosen = dict[int, tuple[_Candidate | None, list[_Candidate]]]


def _has_months(columns: list[ColumnSample]) -> bool:
    """A column named like a month whose cells are months: one line is a customer's month."""
    month = target_column(MONTH)
    return any(
        column.known and agreement(column, month) >= 0.95
        for column in columns
        for match in aliases.matches(column.header, has_months=True)
        if match.target == MONTH and match.how != "fuzzy_alias"
    )


def _assign(
    columns: list[ColumnSample], labels: list[LabelGuess], has_months: bool, remembered: Mapping | None
) -> _Chosen:
    """Each target to the column that suits it best, each column at most one; best score first, then file order."""
    kept = {compact(h) or h: (h, t) for h, t in remembered.targets.items()} if remembered else {}
    candidates = {
        column.position: _candidates(column, has_months, kept.get(compact(column.header) or column.header))
        for column in columns
    }
    if (
        labels
        and labels[0].confidence >= _LEAST
        and not any(c.target == LABEL for found in candidates.values() for c in found)
    ):
        best = labels[0]
        why = "values" if not any(m.target == LABEL for m in aliases.matches(best.header)) else "exact_alias"
        candidates[best.position].insert(0, _Candidate(best.confidence, LABEL, why))
    queue = sorted(
        ((c.score, -position, c) for position, found in candidates.items() for c in found),
        key=itemgetter(0, 1),
        reverse=True,
    )
    taken: set[str] = set()
    chosen: _Chosen = {}
    for score, negative, candidate in queue:
        if score >= _LEAST and -negative not in chosen and candidate.target not in taken:
            chosen[-negative] = (candidate, [])
            if candidate.target not in (ATTRIBUTE, IGNORE):
                taken.add(candidate.target)
    return {
        column.position: (chosen.get(column.position, (None, []))[0], candidates[column.position]) for column in columns
    }


def _candidates(column: ColumnSample, has_months: bool, kept: tuple[str, str] | None) -> list[_Candidate]:
    if kept is not None:
        return [_Candidate(1.0, kept[1], "remembered", kept[0])]
    found = []
    for match in aliases.matches(column.header, has_months=has_months):
        target = target_column(match.target)
        if match.target == LABEL:
            guess = label_guess(column, match.score)
            if guess is not None:
                found.append(_Candidate(guess.confidence, LABEL, match.how, match.alias))
            continue
        agreed, known = agreement(column, target), vocabulary(column, target)
        # Our own word over a column with wrong cells is still that column: its lines are refused, not its meaning.
        is_our_word = match.how == "exact_alias" and match.score >= _OUR_WORD
        if agreed < (_AGREES_BY_NAME if is_our_word else _AGREES):
            continue
        if match.how == "fuzzy_alias" and known is not None and known < 0.5:
            continue
        score = match.score * (1.0 if known is None else 0.8 + 0.2 * known)
        score *= 1.0 if agreed >= _AGREES else agreed
        notes = _unit_notes(column, match)
        score *= 0.8 if notes else 1.0
        found.append(_Candidate(round(score, 3), match.target, match.how, match.alias, notes))
    return sorted(found or _from_values(column), key=lambda c: -c.score)


def _from_values(column: ColumnSample) -> list[_Candidate]:
    """What the cells alone say, for a header that says nothing."""
    if len(column.known) < 5:
        return []
    if column.share(is_email) >= 0.9:
        return [_Candidate(0.8, "email", "values")]
    marked = column.share(lambda text: text.startswith(("+", "00", "0")) or " " in text or "-" in text)
    if (
        column.uniqueness > 0.9
        and marked >= 0.9
        and column.share(is_phone) >= 0.95
        and date_order(column.counts) is None
    ):
        return [_Candidate(0.6, "phone", "values")]
    if column.distinct > _MOST_LEVELS:
        return []
    for name in ("gender", "contract", "internet_service", "payment_method"):
        target = target_column(name)
        spoken = {target.values.get(normalise(value)) for value in column.counts} - {"No"}
        # "yes" and "no" alone, or one letter, name no column
        if len(spoken) >= 2 and None not in spoken and any(len(v) > 1 for v in column.counts):
            return [_Candidate(0.7, name, "values")]
    return []


def _unit_notes(column: ColumnSample, match: aliases.Match) -> tuple[str, ...]:
    """Doubts about units: a tenure that never passes 12 over many rows may be years; an account length may be days."""
    if match.target != "tenure":
        return ()
    numbers = [float(v.replace(",", ".")) for v in column.counts if v.replace(",", ".").replace(".", "", 1).isdigit()]
    if "month" in compact(column.header) or "mois" in compact(column.header):
        return ()
    if len(column.known) >= 50 and numbers and max(numbers) <= 12:
        return ("may_be_years",)
    return () if match.score >= 0.96 else ("unit_unsaid",)


def _guess(column: ColumnSample, chosen: tuple | None, identity: IdGuess) -> ColumnGuess:
    candidate, candidates = chosen or (None, [])
    kind = attribute_type(column)
    others = tuple(dict.fromkeys(c.target for c in candidates if candidate is None or c.target != candidate.target))
    notes = candidate.notes if candidate else ()
    if candidate is not None:
        target, score, why, alias = candidate.target, candidate.score, candidate.why, candidate.alias
    elif aliases.is_row_number(column.header) and identity.header != column.header:
        target, score, why, alias = IGNORE, 0.8, "row_number", ""
    elif not column.known:
        target, score, why, alias = IGNORE, 0.6, "empty", ""
    else:
        target, score, alias = ATTRIBUTE, 0.6, ""
        why = "taken" if candidates else "no_match"
        if column.distinct == 1 and len(column.known) >= 50:
            notes += ("constant_in_sample",)
        elif column.uniqueness > 0.9 and len(column.known) >= 50 and kind == "category":
            notes += ("near_unique",)
    return ColumnGuess(
        column.position, column.header, target, kind, score, why, alias, round(column.fullness, 4), column.distinct,
        column.examples, notes, others,
    )  # fmt: skip


# ---------------------------------------------------------------- customer numbers


def _identity(columns: list[ColumnSample], chosen: _Chosen, remembered: Mapping | None) -> tuple[IdGuess, _Chosen]:
    """Where customer numbers come from; a column found by its values is made the external_id in ``chosen``."""
    # A column that is something else by its header (a month, an amount) is no number, however unlike its values are.
    free = [c for c in columns if chosen[c.position][0] is None or chosen[c.position][0].target in _MAY_NUMBER]
    ranked = sorted(((_id_score(c), c) for c in free), key=lambda pair: (-pair[0], pair[1].position))
    likely = [column for score, column in ranked if score > 0]
    by_header = {c.position: c.header for c in columns}
    if remembered is not None and remembered.id_rule != BY_COLUMN:
        return IdGuess(remembered.id_rule, None, 1.0, ("remembered", *_rule_notes(remembered.id_rule))), chosen
    named = next((p for p, (c, _) in chosen.items() if c is not None and c.target == ID), None)
    if named is not None:
        column = next(c for c in columns if c.position == named)
        notes = ("repeats",) if column.distinct < len(column.known) else ()
        others = tuple(c.header for c in likely if c.position != named)
        candidate = chosen[named][0]
        return IdGuess(BY_COLUMN, by_header[named], candidate.score, notes, (*others, ROW_HASH, ROW_NUMBER)), chosen
    if not likely or ranked[0][0] < _LEAST:
        notes = ("no_id_column", *_rule_notes(ROW_HASH))
        return IdGuess(ROW_HASH, None, 0.5, notes, (*(c.header for c in likely), ROW_NUMBER)), chosen
    score, column = ranked[0]
    holder = chosen[column.position][0]
    notes = ["from_values"]
    if holder is not None and holder.target in ("phone", "email"):
        notes = ["contact_as_id"]
    elif aliases.is_row_number(column.header):
        notes = ["counts_rows"]
    chosen = dict(chosen)
    chosen[column.position] = (_Candidate(score, ID, "values", notes=tuple(notes)), chosen[column.position][1])
    others = tuple(c.header for c in likely if c is not column)
    return IdGuess(BY_COLUMN, column.header, score, tuple(notes), (*others, ROW_HASH, ROW_NUMBER)), chosen


def _rule_notes(rule: str) -> tuple[str, ...]:
    return ("changed_row_is_new", "copies_numbered") if rule == ROW_HASH else ("order_matters",)


def _id_score(column: ColumnSample) -> float:
    """How well a column would number customers, 0 to 1, by its values and the words of its header."""
    if len(column.known) < 2 or column.fullness < 0.99 or column.uniqueness < 0.99:
        return 0.0
    if aliases.is_row_number(column.header):
        return 0.55 if column.share(str.isdigit) == 1.0 else 0.0
    contact = {m.target for m in aliases.matches(column.header)} & {"phone", "email"}
    if contact and column.share(is_phone if "phone" in contact else is_email) >= 0.95:
        return 0.6
    shape = id_shape(column)
    if shape is None:
        return 0.0
    named = bool(_ID_WORDS & set(aliases.words(column.header))) or compact(column.header).endswith(("id", "num"))
    # A long whole number may still be an amount: its header must speak for it, and so must a pattern's in a short sample
    return (0.85 if shape == "pattern" else 0.75) if named else (0.65 if shape == "pattern" else 0.3)


# ---------------------------------------------------------------- who left


def _label(
    guesses: tuple[ColumnGuess, ...], labels: list[LabelGuess], columns: list[ColumnSample], remembered: Mapping | None
) -> LabelGuess | None:
    position = next((g.position for g in guesses if g.target == LABEL), None)
    if position is None:
        return None
    found = next((guess for guess in labels if guess.position == position), None)
    column = next(c for c in columns if c.position == position)
    if remembered is not None and guesses[position].why == "remembered" and remembered.label_yes:
        values = found.values if found else tuple((v, n, "unclear") for v, n in column.counts.most_common(12))
        said = (remembered.label_yes, remembered.label_no, remembered.label_unknown)
        return LabelGuess(position, column.header, *said, values, 1.0, ("remembered",))
    if found is None:
        values = tuple((v, n, "unclear") for v, n in column.counts.most_common(12))
        return LabelGuess(position, column.header, (), (), (), values, 0.3, ("values_unclear",))
    return found
