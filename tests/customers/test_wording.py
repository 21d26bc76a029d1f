"""Every code that the ingest engine says has its sentence, with nothing left unsaid in it."""

import re
from pathlib import Path

import pytest

from customers import wording
from customers.ingest import containers
from customers.ingest.mapping import TARGETS
from customers.ingest.reader import TableRefused

SOURCES = "\n".join(p.read_text(encoding="utf-8") for p in Path(containers.__file__).parent.glob("*.py"))
FACTS = {
    "line": 3, "maximum": 10, "columns": 12, "column": "Churn", "reason": "x", "sheet": "A", "sheets": ["B", "C"],
    "files": 2, "names": ["a.csv", "b.csv"], "depth": 2, "what": "a PDF",
}  # fmt: skip


def codes(call: str) -> list[str]:
    found = sorted(set(re.findall(rf'\b{call}\(\s*"([a-z_]+)"', SOURCES)))
    assert found, call
    return found


@pytest.mark.parametrize("code", codes("TableRefused"))
def test_refusal_of_a_file_names_it_and_says_what_to_do(code):
    refused = wording.file_refused(TableRefused(code, **FACTS), "ours.csv")
    assert refused.code == code
    assert "ours.csv" in refused.message
    assert "cannot be read as a table of customers" not in refused.message
    assert "%(" not in refused.message


@pytest.mark.parametrize("code", ["encrypted", "broken"])
@pytest.mark.parametrize("what", ["xlsx", "parquet", "zip", "gzip", "file"])
def test_refusal_says_what_is_locked_or_damaged(code, what):
    said = {wording.file_refused(TableRefused(code, what=w, reason="x"), "f").message for w in (what, "zip", "xlsx")}
    assert len(said) >= 2
    assert not [sentence for sentence in said if "%(" in sentence]


@pytest.mark.parametrize("what", [what for _place, _mark, what in containers._MAGIC] + ["a binary file"])
def test_what_a_file_is_instead_is_said(what):
    assert (
        what.removeprefix("a ").removeprefix("an ")
        in wording.file_refused(TableRefused("binary", what=what), "f").message
    )


def test_facts_that_an_archive_chose_stay_text():
    refused = wording.file_refused(TableRefused("archive_of_several", files=2, names=["%(x)s", "%s"]), "100 %s.zip")
    assert "“%(x)s”, “%s”" in refused.message
    assert "100 %s.zip" in refused.message


@pytest.mark.parametrize("code", codes("Note"))
def test_note_about_a_file_is_a_sentence(code):
    for count in (1, 3):
        facts = {"columns": ["A", "B"], "count": count, "rows": count, "encoding": "cp1252"}
        sentence = wording.note(code, facts)
        assert sentence.endswith(".")
        assert "%(" not in sentence


@pytest.mark.parametrize("code", sorted({*codes("Problem"), *codes("MappingRefused")}))
def test_problem_of_a_mapping_is_a_sentence(code):
    facts = {
        "target": "tenure", "header": "A", "headers": ["A", "B"], "values": ["x"], "yes": ["y"], "type": "t", "rule": "r",
        "version": "9", "key": "yes",
    }  # fmt: skip
    sentence = wording.mapping_problem(code, facts)
    assert sentence.endswith(".")
    assert "cannot be used like this" not in sentence
    assert "%(" not in sentence


@pytest.mark.parametrize("code", sorted({*codes("Wrong"), "no_id", "no_month", "duplicate_id", "duplicate_month",
                                         "too_few_cells", "too_many_cells", "unknown_customer"}))  # fmt: skip
def test_reason_of_a_refused_row_is_a_sentence(code):
    assert wording.reason(code).endswith(".")


@pytest.mark.parametrize("code", ["changed_later", "corrected", "contacted", "has_months", "months_changed_later"])
def test_what_stays_after_an_undo_is_counted(code):
    assert wording.kept_after_undo(code, 1).startswith("1 ")
    assert wording.kept_after_undo(code, 1200).startswith("1,200 ")


@pytest.mark.parametrize(
    "code",
    [
        "remembered",
        "exact_alias",
        "words_alias",
        "fuzzy_alias",
        "values",
        "no_match",
        "taken",
        "empty",
        "row_number",
        "ours",
    ],
)
def test_why_a_column_is_guessed_is_a_sentence(code):
    assert wording.why(code, "nr").endswith(".")


def test_every_standard_field_can_be_chosen_once_and_has_a_name():
    offered = [value for _group, choices in wording.target_groups() for value, _name in choices]
    assert len(offered) == len(set(offered))
    assert set(TARGETS) - {"external_id", "churn_label"} <= set(offered)
    assert {"attribute:number", "attribute:category", "attribute:flag", "attribute:date", "ignore"} <= set(offered)
    names = [wording.field_name(target) for target in TARGETS]
    assert not [name for name, target in zip(names, TARGETS, strict=True) if "_" in name or not name]
