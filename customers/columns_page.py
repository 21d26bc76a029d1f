"""What the columns page of an import shows: each column's guess and why, the customer numbers, who left."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from . import selectors, wording
from .models import Import
from .wording import ANY_VALUE, ATTRIBUTE, BY_COLUMN, ID, IGNORE, LABEL

FILTER_FROM = 40  # columns from which a page opens with the doubtful ones only
SHOWN_COLUMNS = 60  # of the first lines
_SURE = 0.8  # confidence below which a standard field is to be looked at
_LIKELY_LABEL = 0.3  # confidence from which a column is proposed as the one of who left
_SHOWN_VALUES = 40


@dataclass(slots=True)
class Column:
    """One row of the columns page."""

    position: int
    header: str
    options: SafeString
    name: str
    is_id: bool
    is_label: bool
    is_doubtful: bool
    has_problem: bool
    why: str
    tone: str
    sure: str
    notes: list[str]
    alternatives: list[tuple[str, str]]
    examples: list[str]
    fullness: float
    distinct: int


@dataclass(slots=True)
class Chosen:
    """What stands in the form: what was agreed or proposed, or what a person sent and was refused."""

    mapping: dict
    empty_clears: bool
    usage_month: str
    problem: str = ""
    places: set[str] = field(default_factory=set)  # headers, or "identity", "label", "month"


def chosen_of(run: Import) -> Chosen:
    month = run.usage_month.strftime("%Y-%m") if run.usage_month else ""
    return Chosen(run.mapping or run.proposal.get("mapping", {}), run.empty_clears, month)


def places_of(code: str, facts: dict) -> set[str]:
    """Which parts of the page a refusal is about."""
    if code in ("no_id", "two_ids", "months_without_id", "unknown_id_rule"):
        return {"identity"}
    if code.startswith("label_"):
        return {"label"}
    headers = facts.get("headers", [])
    return {*(headers if isinstance(headers, list) else []), str(facts.get("header", ""))} - {""}


def columns_page(run: Import, chosen: Chosen) -> dict[str, object]:
    """Everything the columns page shows."""
    proposal = run.proposal
    entries, options = _entries(chosen.mapping), _all_options()
    targets = {header: entry["target"] for header, entry in entries.items()}
    columns = [_column(guess, entries, chosen.places, options) for guess in proposal["columns"]]
    kept = [t for t in targets.values() if t == ATTRIBUTE]
    left_out = [t for t in targets.values() if t == IGNORE]
    label_header = next((h for h, t in targets.items() if t == LABEL), "")
    return {
        "chosen": chosen,
        "columns": columns,
        "doubtful": sum(column.is_doubtful or column.has_problem for column in columns),
        "counts": {"known": len(targets) - len(kept) - len(left_out), "kept": len(kept), "left_out": len(left_out)},
        "filter_from": FILTER_FROM,
        "identity": _identity(run, chosen, targets),
        "label": label_card(run, position_of(run, label_header), chosen),
        "label_choices": _label_choices(run),
        "measures": wording.MEASURES,
        "needs_month": wording.needs_month(set(targets.values())),
        "remembered": selectors.remembered_mapping(run.shape_key) if proposal.get("is_remembered") else None,
        "sheet_is_likely": any(sheet["is_likely"] and sheet["name"] == run.sheet for sheet in run.sheets),
        "file_notes": [wording.note(note["code"], note["facts"]) for note in run.notes],
        "first_headers": [_cut(header, 40) for header in run.headers[:SHOWN_COLUMNS]],
        "first_rows": [[_cut(cell, 60) for cell in row[:SHOWN_COLUMNS]] for row in proposal.get("first_rows", [])],
        "by_month": any(target == wording.MONTH for target in targets.values()),
    }


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _entries(mapping: dict) -> dict[str, dict]:
    entries = mapping.get("columns", {})
    return {header: {"target": entry} if isinstance(entry, str) else entry for header, entry in entries.items()}


def _column(guess: dict, entries: dict[str, dict], places: set[str], options: str) -> Column:
    header = guess["header"]
    entry = entries.get(header, {"target": IGNORE})
    target = entry["target"]
    is_changed = target not in (ID, LABEL) and target != guess["target"]
    why = "chosen" if is_changed else guess["why"]
    tone, sure = wording.confidence(guess["confidence"])
    alternatives = [t for t in guess["alternatives"] if t not in (target, ID, LABEL)]
    notes = [] if is_changed else [wording.column_note(code) for code in guess["notes"]]
    is_standard = guess["target"] not in (ATTRIBUTE, IGNORE)
    return Column(
        position=guess["position"],
        header=header,
        options=_options(options, _value(guess, entry)),
        name=wording.field_name(target),
        is_id=target == ID,
        is_label=target == LABEL,
        is_doubtful=not is_changed
        and bool(notes or alternatives or (is_standard and guess["confidence"] < _SURE) or guess["why"] == "taken"),
        has_problem=header in places,
        why=wording.why(why, guess["alias"]),
        tone=tone,
        sure=sure if is_standard and not is_changed else "",
        notes=notes,
        alternatives=[(t, wording.field_name(t)) for t in alternatives],
        examples=[_cut(text, 40) for text in guess["examples"] if text.strip()],
        fullness=guess["fullness"],
        distinct=guess["distinct"],
    )


def _value(guess: dict, entry: dict) -> str:
    """What the column's select stands at; for the number and the label, what they would be if another column were chosen."""
    target = entry["target"]
    if target == LABEL:
        return IGNORE
    if target in (ATTRIBUTE, ID):
        return wording.ATTRIBUTE_PREFIX + (entry.get("type") or guess["type"])
    return target


def _all_options() -> str:
    """The options of every column's select, none of them selected. Made once: five hundred selects hold forty each."""
    return format_html_join(
        "",
        '<optgroup label="{}">{}</optgroup>',
        (
            (group, format_html_join("", '<option value="{}">{}</option>', choices))
            for group, choices in wording.target_groups()
        ),
    )


def _options(options: str, value: str) -> SafeString:
    chosen = format_html('<option value="{}"', value)
    return SafeString(options.replace(chosen, f"{chosen} selected", 1))  # both were escaped when they were made


def position_of(run: Import, header: str) -> int | None:
    return next((c["position"] for c in run.proposal["columns"] if c["header"] == header), None)


# ---------------------------------------------------------------- customer numbers


def _identity(run: Import, chosen: Chosen, targets: dict[str, str]) -> dict[str, object]:
    guess = run.proposal["identity"]
    rule = chosen.mapping.get("id", BY_COLUMN)
    header = next((h for h, t in targets.items() if t == ID), None)
    value = str(position_of(run, header)) if rule == BY_COLUMN and header else rule
    likely = [h for h in (guess["header"], *guess["alternatives"]) if h and h in targets]
    columns = run.proposal["columns"]
    is_as_guessed = rule == guess["rule"] and header == guess["header"]
    notes = [wording.id_note(code) for code in guess["notes"]] if is_as_guessed else []
    return {
        "value": value,
        "likely": [(str(c["position"]), _cut(c["header"], 80)) for c in columns if c["header"] in likely],
        "others": [(str(c["position"]), _cut(c["header"], 80)) for c in columns if c["header"] not in likely],
        "rules": {name: wording.id_rule(name) for name in wording.ID_RULES},
        "rule": rule,
        "notes": [note for note in notes if note],
        "has_problem": "identity" in chosen.places,
    }


# ---------------------------------------------------------------- who left


def _label_guesses(run: Import) -> dict[int, dict]:
    found = [run.proposal.get("label"), *run.proposal.get("label_alternatives", [])]
    return {guess["position"]: guess for guess in found if guess}


def whole_labels(run: Import) -> set[int]:
    """Positions of the columns of which every value was seen, so that a value nobody named is a mistake in the file."""
    few = {c["position"] for c in run.proposal.get("columns", []) if c["distinct"] <= len(c["examples"])}
    return few | set(_label_guesses(run))


def _label_choices(run: Import) -> dict[str, list[tuple[int, str]]]:
    guesses = _label_guesses(run)
    columns = [(c["position"], _cut(c["header"], 80)) for c in run.proposal["columns"]]
    likely = sorted(guesses, key=lambda position: -guesses[position]["confidence"])
    headers = dict(columns)
    return {
        "likely": [(p, headers[p]) for p in likely if guesses[p]["confidence"] >= _LIKELY_LABEL],
        "others": [(p, h) for p, h in columns if p not in guesses or guesses[p]["confidence"] < _LIKELY_LABEL],
    }


def label_card(run: Import, position: int | None, chosen: Chosen) -> dict[str, object] | None:
    """The column that says who left: each of its values with what it means. None: no column does."""
    column = next((c for c in run.proposal["columns"] if c["position"] == position), None)
    if column is None:
        return None
    header = column["header"]
    guess = _label_guesses(run).get(position)
    spoken = _entries(chosen.mapping).get(header, {}).get("target") == LABEL
    said = chosen.mapping.get("label", {}) if spoken else {}
    if not said and guess:
        said = {"yes": guess["yes"], "no": guess["no"], "unknown": guess["unknown"]}
    by_presence = list(said.get("yes", [])) == [ANY_VALUE]
    meanings = {
        v: m for key, m in (("unknown", "unknown"), ("no", "stayed"), ("yes", "left")) for v in said.get(key, [])
    }
    counts: dict[str, int | None] = dict.fromkeys(column["examples"]) if guess is None else {}
    for value, count, _meaning in guess["values"] if guess else ():
        if value.strip() and value != ANY_VALUE:
            counts[value] = count
    for value in (*(v for v in meanings if v != ANY_VALUE), *_unclear_values(run, header)):
        counts.setdefault(value, None)
    notes = [wording.label_note(code) for code in guess["notes"]] if guess else []
    return {
        "position": position,
        "header": header,
        "by_presence": by_presence,
        "values": [
            {"value": value, "count": count, "meaning": meanings.get(value, "")}
            for value, count in list(counts.items())[:_SHOWN_VALUES]
        ],
        "is_whole": position in whole_labels(run),
        "filled": column["fullness"],
        "sampled": run.proposal.get("sampled", 0),
        "notes": [note for note in notes if note],
        "has_problem": "label" in chosen.places,
        "meanings": [(name, wording.label_meaning(name)) for name in ("left", "stayed", "unknown")],
    }


def _unclear_values(run: Import, header: str) -> list[str]:
    """Values that the dry run met and nobody had given a meaning."""
    refusals = (run.preview or {}).get("refusals", [])
    return list(dict.fromkeys(r["value"] for r in refusals if r["column"] == header and r["reason"] == "not_yes_or_no"))
