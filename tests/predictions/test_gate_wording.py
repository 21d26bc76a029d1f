"""Every gate of the engine, and each thing it may find, as a whole sentence; and the other words of a model's card."""

import re

import pytest
from django.utils import translation

from predictions.learning.fairness import FAIR
from predictions.learning.gates import GATES
from predictions.wording import card, charge, gates, groups
from tests.predictions.challengers import PAIRED, green, verdict

CASES = [(gate.code, reason) for gate in GATES for reason in gate.messages]
FACTS = {
    "gain": 0.1607, "gain_error": 0.0126, "low": 0.61, "high": 0.87, "kept": 0.41, "needed": 0.5, "columns": ["contract"],
    "roc_auc": 0.991, "column": "total_charges", "share": 0.93, "ece": 0.051, "by_luck": 0.02, "allowed": 0.04,
    "slope_low": 0.55, "slope_high": 0.72, "groups": 3, "open": 2, "churners": 64, **PAIRED,
    "issues": [{"column": "senior_citizen", "group": "Yes", "kind": "level"}],
}  # fmt: skip


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(("code", "reason"), CASES, ids=lambda value: str(value))
def test_every_finding_of_every_gate_is_a_whole_sentence(code, reason, language):
    facts = {} if reason == "not_measured" else FACTS
    with translation.override(language):
        said = gates.sentence(verdict(code, "issue", "warns", reason, **facts))
    assert said[0].isupper() or said[0].isdigit()
    assert said.endswith((".", "?"))
    assert not re.search(r"%\(|{|_|–", said)


def test_findings_are_told_apart():
    said = {gates.sentence(verdict(code, "issue", "warns", reason, **FACTS)) for code, reason in CASES}
    not_measured = sum(reason == "not_measured" for _, reason in CASES)
    assert len(said) == len(CASES) - not_measured + 1


def test_every_gate_has_a_title_in_the_readers_language():
    assert [gates.title(gate.code) for gate in GATES] == [gate.title for gate in GATES]


def test_gate_says_its_figures_and_names():
    worse = gates.sentence(verdict("champion", "issue", "blocks", "worse", **{**PAIRED, "log_loss": 0.0123}))
    assert "+0.0123 ± 0.0040 on the same 240 customers" in worse
    unfair = gates.sentence(verdict("fairness", "issue", "warns", "unfair", **FACTS))
    assert "Senior citizen: Yes" in unfair


def test_gate_of_a_later_release_is_still_shown():
    told = gates.in_words([verdict("moon", "issue", "warns", "full", phase=1)])[0]
    assert (told["title"], told["tone"]) == ("moon", "amber")
    assert told["sentence"].endswith(".")


@pytest.mark.parametrize(
    ("state", "severity", "tone"),
    [
        ("passed", "blocks", "green"),
        ("issue", "warns", "amber"),
        ("issue", "blocks", "red"),
        ("cannot_judge", "blocks", "red"),
        ("cannot_judge", "warns", "open"),
    ],
)
def test_colour_says_what_hangs_on_a_gate(state, severity, tone):
    assert gates.tone(verdict("baseline", state, severity, "better")) == tone


def test_gates_are_summed_up():
    assert gates.summary(green()) == "Every gate is green."
    mixed = [verdict("a"), verdict("b", "issue", "blocks"), verdict("c", "issue"), verdict("d", "cannot_judge")]
    assert gates.summary(mixed) == "Of 4 gates 1 is green, 1 blocks, 1 is to look at and 1 cannot be judged."
    assert gates.summary([]) == "This version was stored before there were gates."


# ---------------------------------------------------------------- the card


def test_whom_it_was_most_worried_about_is_said_with_its_range():
    told = card.worried({"customers": 100, "left": 76, "share": 0.76, "low": 0.668, "high": 0.833})
    assert told["sentence"] == "Of the 100 customers it was most worried about, 76 left."
    assert "67 to 83, 19 times out of 20" in told["range"]
    assert (len(told["dots"]), sum(told["dots"])) == (100, 76)
    assert card.worried({}) is None


def test_threshold_that_calls_nobody_is_said_so():
    none = {"precision": None, "recall": 0.0, "specificity": 1.0, "accuracy": 0.9, "selected": 0.0}
    one = {
        "rule": "half", "threshold": 0.5, "true_positives": 0, "false_positives": 0, "false_negatives": 10,
        "true_negatives": 90, "metrics": none, "intervals": {name: [0.0, 1.0] for name in none} | {"precision": None},
    }  # fmt: skip
    told = card.confusions([one], {"baseline_accuracy": 0.9})[0]
    assert told["sentences"] == ["Nobody is called at risk at this threshold."]
    assert "“nobody leaves” is right about 90.0%" in told["accuracy"]


def test_group_is_named_as_people_say_it():
    assert groups.group_name("tenure", {"kind": "band", "name": "0-12"}) == "0 to 12 months"
    assert groups.group_name("tenure", {"kind": "band", "name": "49+"}) == "49 months and more"
    assert groups.group_name("contract", {"kind": "level", "name": "Two year"}) == "Two year"
    assert groups.group_name("contract", {"kind": "other", "name": None}) == "all others"
    assert groups.group_name("contract", {"kind": "unknown", "name": None}) == "not known"


def test_fairness_says_what_was_measured_and_never_why():
    measures = {
        name: {"value": 0.2, "low": 0.11, "high": 0.3, "fair": list(fair), "verdict": "issue"}
        for name, fair in FAIR.items()
    }
    column = {
        "column": "gender", "reference": "Female",
        "groups": [
            {"kind": "level", "name": "Female", "n": 700, "churners": 200, "rate": 0.29, "state": "reference", "measures": {}},
            {"kind": "level", "name": "Male", "n": 600, "churners": 150, "rate": 0.25, "state": "judged", "measures": measures},
            {"kind": "level", "name": "X", "n": 9, "churners": 2, "rate": 0.22, "state": "too_few", "measures": {}},
        ],
    }  # fmt: skip
    told = groups.fairness([column])[0]
    assert [g["is_judged"] for g in told["groups"]] == [False, True, False]
    for measure in told["groups"][1]["measures"]:
        assert "Female" in measure["sentence"] and measure["verdict"] == "differs"
    nobody = measures["selection_ratio"] | {"value": None}
    column["groups"][1]["measures"] = {"selection_ratio": nobody}
    assert "nothing to compare with" in groups.fairness([column])[0]["groups"][1]["measures"][0]["sentence"]


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(-0.02, -0.004, "better than"), (0.004, 0.02, "worse than"), (-0.01, 0.01, "equally well")],
)
def test_two_models_are_told_apart_only_where_that_is_sure(low, high, words):
    told = charge.paired(PAIRED | {"log_loss_low": low, "log_loss_high": high}, newer=2, older=1)
    assert words in told["sentence"]


def test_models_that_were_not_compared_have_no_words():
    assert charge.paired({}, newer=2, older=1) is None
    assert charge.paired({"rows": 0, "log_loss": None}, newer=2, older=1) is None


def test_two_models_that_tell_the_same_are_said_to():
    none = dict.fromkeys(PAIRED, 0.0) | {"rows": 1500, "churners": 400}
    told = charge.paired(none, newer=2, older=1)
    assert "the very same risks" in told["sentence"] and told["rows"] == []
