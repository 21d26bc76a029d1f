"""Rules in words: one sentence, faults, counts; and the page's builder with all that its script needs."""

import json
import re

import pytest
from django.template.loader import render_to_string
from django.utils import translation

from segmentation import audiences, wording_builder
from segmentation import wording_conditions as wording
from segmentation.audiences import Count
from segmentation.conditions import Invalid, Problem, parse, problems
from tests.segmentation.conditions.people import catalogue_of_everything

pytestmark = pytest.mark.usefixtures("atlas_scope")
YOUNG = {"field": "age", "is": "less", "value": 30}
MONTHLY = {"field": "contract", "is": "equals", "value": "Month-to-month"}


def said(rule) -> str:
    return wording.sentence(parse(rule, catalogue_of_everything()))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (YOUNG, "Age is below 30."),
        ({"all": [YOUNG, MONTHLY]}, "Age is below 30 and Contract is “Month-to-month”."),
        (
            {"all": [YOUNG, {"any": [MONTHLY, {"field": "risk", "is": "at_least", "value": 0.6}]}]},
            "Age is below 30 and (Contract is “Month-to-month” or Risk of leaving is at least 60%).",
        ),
        ({"not": YOUNG}, "Not (Age is below 30). “Not” also lets in who has no known value of: Age."),
        (
            {"all": [{"not": {"any": [YOUNG, {"field": "segment", "is": "one_of", "value": ["S1"]}]}}]},
            "Not (Age is below 30 or Segment is one of “S1”). “Not” also lets in who has no known value of: Age.",
        ),
        ({"field": "partner", "is": "not_equals", "value": True}, "Partner: no."),
        ({"field": "monthly_charges", "is": "between", "value": [10, "1234.5"]}, "Monthly charges is between 10\u00a0TND and 1,234.5\u00a0TND."),
        ({"field": "last_contact", "is": "last_days", "value": 1}, "Last contact is within the last 1 day."),
        ({"field": "city", "is": "one_of", "value": [str(i) for i in range(10)]}, "City is one of “0”, “1”, “2”, “3”, “4”, “5”, “6”, “7” and 2 more."),
        ({"field": "attribute:2024", "is": "known"}, "2024 is known."),
    ],
)  # fmt: skip
def test_rule_is_one_sentence(rule, words):
    assert said(rule) == words


def test_every_operator_of_every_field_has_words():
    everything = catalogue_of_everything()
    for field in everything:
        assert wording.field_name(field)
        for operator in field.offered:
            assert operator in wording_builder.builder(everything)["operators"]


def test_every_fault_has_words():
    told = re.findall(
        r"([a-z_]+)(?: \([^)]*\))?(?: ·|\s*$)", problems.Problem.__doc__.partition("facts: ")[2], flags=re.M
    )
    assert len(told) > 20
    facts = dict.fromkeys(("most", "key", "field", "operator", "allowed", "low", "high", "value"), 1)
    for code in told:
        assert "%(" not in wording.problem(Problem("", code, facts))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Count(1, 1, 1, 300, 300, True), "1 customer"),
        (Count(1234, 1234, 1234, 3000, 3000, True), "1,234 customers"),
        (Count(124_049, 121_044, 126_995, 10**6, 20_000, False), "about 124,000 customers (121,000 to 127,000)"),
        (Count(0, 0, 192, 10**6, 20_000, False), "192 customers at most, and none among the 20,000 looked at"),
        (Count(50, 9, 276, 10**6, 20_000, False), "about 50 customers (9 to 276)"),
    ],
)
def test_count_says_whether_it_is_an_estimate(found, words):
    assert wording.counted(found) == words


def render(rule, **more) -> str:
    context = {
        "rule": wording_builder.rule_form(rule, audiences.catalogue(), **more),
        "count_url": "/segments/rules/count",
    }
    return render_to_string("segmentation/_conditions.html", context)


def test_page_shows_the_rule_in_words_and_as_json_and_gives_the_script_its_catalogue():
    tree = parse({"all": [YOUNG, {**MONTHLY, "value": "</script><b>"}]}, audiences.catalogue())
    page = render(tree.as_json(), tree=tree)
    assert "Age is below 30 and Contract is “&lt;/script&gt;&lt;b&gt;”." in page
    given = json.loads(
        re.search(r'<script id="conditions-catalogue" type="application/json">(.*?)</script>', page, re.S).group(1)
    )
    fields = {field["code"]: field for group in given["groups"] for field in group["fields"]}
    assert fields["gender"]["note"] == "To look at only: no offer may be decided by it."
    assert fields["monthly_charges"]["unit"] == "TND"
    assert ["high", "high"] in fields["risk_band"]["values"]
    assert "<b>" not in page


def test_page_names_each_fault_with_its_place():
    with pytest.raises(Invalid) as refusal:
        parse({"all": [{**YOUNG, "value": "x"}]}, audiences.catalogue())
    page = render('{"all": [', problems=refusal.value.problems)
    assert 'data-path="all.0.value" data-code="not_a_number"' in page
    assert "Give a number." in page
    assert "{&quot;all&quot;: [" in page


def test_fragment_says_how_many_and_who():
    page = render_to_string(
        "segmentation/_conditions.html#audience", {"counted": "12 customers", "names": ["Ada", "<Bo>"]}
    )
    assert "12 customers" in page
    assert "Ada, &lt;Bo&gt;" in page


def test_sentence_is_in_the_readers_language():
    with translation.override("fr"):
        assert "30" in said(YOUNG)
