"""The language of rules: what parses, what is refused and where, one canonical form, and what an unknown value does."""

import datetime as dt
import json
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segmentation.conditions import Catalogue, Field, Invalid, Kind, describe, evaluate, parse

TODAY = dt.date(2026, 7, 1)
CATALOGUE = Catalogue(
    [
        Field("age", Kind.NUMBER, is_whole=True, low=0, high=150, needs_approval=True),
        Field("risk", Kind.NUMBER, low=0, high=1),
        Field("charges", Kind.MONEY, low=0, high=1000),
        Field("contract", Kind.CATEGORY, values=(("Monthly", ""), ("Yearly", ""))),
        Field("band", Kind.CATEGORY, values=(("high", ""), ("low", "")), is_closed=True),
        Field("left", Kind.YES_NO),
        Field("signed", Kind.DATE),
        Field("city", Kind.TEXT),
        Field("email", Kind.TEXT, operators=("known", "unknown")),
        Field("segment", Kind.SEGMENT),
        Field("gender", Kind.CATEGORY, decides_offer=False),
    ]
)


def leaf(field: str, operator: str, *value: object) -> dict[str, object]:
    return {"field": field, "is": operator, **({"value": value[0]} if value else {})}


def refused(rule: object) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as found:
        parse(rule, CATALOGUE)
    json.dumps([problem.as_json() for problem in found.value.problems])
    return [(problem.path, problem.code) for problem in found.value.problems]


def holds(rule: object, **record: object) -> bool:
    return evaluate(parse(rule, CATALOGUE), record, TODAY)


YOUNG = leaf("age", "less", 30)


@pytest.mark.parametrize(
    ("rule", "path", "code"),
    [
        (None, "", "not_a_rule"),
        ([], "", "not_a_rule"),
        ({}, "", "not_a_rule"),
        ("{", "", "not_json"),
        ("[" * 100_000, "", "not_json"),
        (" " * 600_000, "", "too_large"),
        ({"all": []}, "all", "empty_group"),
        ({"all": {}}, "all", "not_a_list"),
        ({"all": [YOUNG, "x"]}, "all.1", "not_a_rule"),
        ({"all": [YOUNG], "any": [YOUNG]}, "", "unexpected"),
        ({**YOUNG, "where": "1=1"}, "", "unexpected"),
        ({"not": {"any": [YOUNG, {"not": leaf("age", "less", "x")}]}}, "not.any.1.not.value", "not_a_number"),
        (leaf("", "less", 1), "field", "field_missing"),
        (leaf("tenant_id", "equals", 1), "field", "field_unknown"),
        ({"field": ["age"], "is": "less"}, "field", "field_unknown"),
        ({"field": "age"}, "is", "operator_missing"),
        (leaf("age", "__lt", 3), "is", "operator_unknown"),
        ({"field": "age", "is": ["less"]}, "is", "operator_unknown"),
        (leaf("email", "equals", "a@b.c"), "is", "operator_unknown"),
        (leaf("age", "less"), "value", "value_missing"),
        (leaf("age", "less", ""), "value", "value_missing"),
        (leaf("age", "known", 1), "value", "value_unexpected"),
        (leaf("age", "less", True), "value", "not_a_number"),
        (leaf("age", "less", "1e3"), "value", "not_a_number"),
        (leaf("age", "less", float("nan")), "value", "out_of_range"),
        (leaf("age", "less", 10**400), "value", "out_of_range"),
        (leaf("age", "less", 1.5), "value", "not_whole"),
        (leaf("age", "less", 151), "value", "out_of_range"),
        (leaf("charges", "less", "1.2345"), "value", "too_many_decimals"),
        (leaf("left", "equals", "yes"), "value", "not_yes_or_no"),
        (leaf("signed", "before", "31/12/2026"), "value", "not_a_date"),
        (leaf("signed", "before", "2026-02-30"), "value", "not_a_date"),
        (leaf("signed", "last_days", 0), "value", "out_of_range"),
        (leaf("city", "equals", 5), "value", "not_a_text"),
        (leaf("city", "equals", "a\x00b"), "value", "not_a_text"),
        (leaf("city", "equals", "\ud800"), "value", "not_a_text"),
        (leaf("city", "equals", " "), "value", "text_empty"),
        (leaf("city", "equals", "x" * 201), "value", "text_too_long"),
        (leaf("band", "equals", "medium"), "value", "not_a_choice"),
        (leaf("band", "one_of", ["high", "x"]), "value.1", "not_a_choice"),
        (leaf("city", "one_of", "Tunis"), "value", "not_a_list"),
        (leaf("city", "one_of", []), "value", "list_empty"),
        (leaf("city", "one_of", [str(i) for i in range(201)]), "value", "list_too_long"),
        (leaf("age", "between", [1]), "value", "not_a_pair"),
        (leaf("age", "between", [1, "b"]), "value.1", "not_a_number"),
        (leaf("age", "between", [2, 1]), "value", "bounds_crossed"),
    ],
)
def test_fault_is_told_with_its_code_and_its_place(rule, path, code):
    assert (path, code) in refused(rule)


def test_all_faults_are_told_at_once_and_not_without_end():
    assert refused({"all": [leaf("age", "less", "x"), YOUNG, leaf("nothing", "less", 1)]}) == [
        ("all.0.value", "not_a_number"),
        ("all.2.field", "field_unknown"),
    ]
    assert len(refused({"all": [{}] * 5000})) <= 50


def nested(depth: int, rule: dict) -> dict:
    for _ in range(depth):
        rule = {"not": {"all": [rule, YOUNG]}}
    return rule


def test_groups_are_four_deep_at_most():
    parse(nested(4, YOUNG), CATALOGUE)
    assert ("not.all.0." * 4 + "not.all", "too_deep") in refused(nested(5, YOUNG))
    endless: dict = YOUNG
    for _ in range(10_000):
        endless = {"not": endless}
    assert [code for _path, code in refused(endless)] == ["too_deep"]


def test_conditions_are_fifty_at_most():
    parse({"any": [YOUNG] * 50}, CATALOGUE)
    assert ("", "too_many_conditions") in refused({"any": [YOUNG] * 51})


def test_values_are_read_as_pages_and_programs_write_them():
    def value(*given):
        return parse(leaf(*given), CATALOGUE).root.value

    assert value("age", "less", "30") == value("age", "less", 30.0) == 30
    assert isinstance(value("age", "less", 30.0), int)
    assert value("charges", "less", 12.5) == value("charges", "less", "12.500") == Decimal("12.5")
    assert isinstance(value("charges", "less", 12.5), Decimal)
    assert value("city", "one_of", [" Tunis ", "Tunis", "Sfax"]) == ("Tunis", "Sfax")


def test_same_rule_has_one_digest_however_it_is_written():
    one = {"all": [YOUNG, leaf("city", "one_of", ["Tunis", "Sfax"]), leaf("charges", "more", "10.50")]}
    two = {
        "all": [
            {"all": [leaf("charges", "more", 10.5), {"any": [leaf("city", "one_of", ["Sfax", "Tunis", "Sfax"])]}]},
            {"not": {"not": YOUNG}},
            YOUNG,
        ]
    }
    first, second = parse(one, CATALOGUE), parse(two, CATALOGUE)
    assert first.canonical() == second.canonical()
    assert first.digest() == second.digest() != parse(YOUNG, CATALOGUE).digest()
    assert first.as_json() == {**one, "all": [*one["all"][:2], leaf("charges", "more", "10.5")]}


# ---------------------------------------------------------------- what is unknown


def test_comparison_with_an_unknown_value_is_no_and_not_turns_it_round():
    for operator, value in (("less", 30), ("equals", 30), ("not_equals", 30), ("between", [0, 150])):
        assert not holds(leaf("age", operator, value), age=None)
        assert holds({"not": leaf("age", operator, value)}, age=None)
    assert holds({"not": YOUNG}, age=40)
    assert holds({"all": [{"not": YOUNG}, leaf("age", "known")]}, age=40)
    assert not holds({"all": [{"not": YOUNG}, leaf("age", "known")]}, age=None)
    assert not holds(leaf("city", "none_of", ["Tunis"]), city="")
    assert holds(leaf("city", "unknown"), city="")


def test_belonging_is_never_unknown():
    assert holds(leaf("segment", "none_of", ["S1"]), segment=set())
    assert holds(leaf("segment", "nothing"))
    assert holds(leaf("segment", "some"), segment={"S2"})
    assert holds(leaf("segment", "one_of", ["S1", "S2"]), segment={"S2"})


def test_days_are_counted_from_today_with_both_ends():
    assert holds(leaf("signed", "last_days", 30), signed=dt.date(2026, 6, 1))
    assert not holds(leaf("signed", "last_days", 30), signed=dt.date(2026, 5, 31))
    assert holds(leaf("signed", "last_days", 30), signed="2026-07-01")
    assert not holds(leaf("signed", "last_days", 30), signed="2026-07-02")
    assert holds(leaf("signed", "next_days", 30), signed="2026-07-31")
    assert not holds(leaf("signed", "next_days", 30), signed="2026-08-01")


def test_labels_compare_without_the_case_of_a_to_z():
    assert holds(leaf("contract", "equals", "monthly"), contract="MONTHLY")
    assert not holds(leaf("contract", "equals", "été"), contract="ÉTÉ")


def test_marks_of_a_rule_tell_whom_not_lets_in_and_what_decides_no_offer():
    facts = describe(
        parse({"all": [{"not": YOUNG}, leaf("gender", "known"), {"not": leaf("segment", "some")}]}, CATALOGUE)
    )
    assert [field.code for field in facts.lets_in_unknown] == ["age"]
    assert [field.code for field in facts.decides_no_offer] == ["gender"]
    assert [field.code for field in facts.needs_approval] == ["age"]


# ---------------------------------------------------------------- whatever is sent

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from(["age", "city", "less", "one_of", "between", "2026-01-01"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["all", "any", "not", "field", "is", "value"]), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


patiently = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a machine that has other work


@patiently
@given(_JSON)
def test_anything_is_parsed_or_refused(rule):
    try:
        evaluate(parse(rule, CATALOGUE), {}, TODAY)
    except Invalid as refusal:
        faults = refusal.problems
        if not faults:
            raise


_LEAVES = st.sampled_from(
    [
        YOUNG,
        leaf("age", "known"),
        leaf("city", "one_of", ["a", "b"]),
        leaf("left", "equals", True),
        leaf("risk", "more", 0.5),
    ]
)
_RULES = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(lambda c: {"all": c})
        | st.lists(inner, min_size=1, max_size=3).map(lambda c: {"any": c})
        | inner.map(lambda c: {"not": c})
    ),
    max_leaves=8,
)
_RECORD = st.fixed_dictionaries(
    {
        "age": st.sampled_from([None, 20, 40]),
        "city": st.sampled_from(["", "A", "c"]),
        "left": st.sampled_from([None, True, False]),
        "risk": st.sampled_from([None, 0.2, 0.9]),
    }
)


@patiently
@given(_RULES, _RECORD)
def test_canonical_form_means_the_same_and_is_its_own(rule, record):
    try:
        tree = parse(rule, CATALOGUE)
    except Invalid:
        return
    again = parse(json.dumps(tree.canonical()), CATALOGUE)
    assert again.digest() == tree.digest()
    assert parse(tree.as_json(), CATALOGUE) == tree
    assert (
        evaluate(again, record, TODAY)
        is evaluate(tree, record, TODAY)
        is (not evaluate(parse({"not": rule}, CATALOGUE), record, TODAY))
    )
