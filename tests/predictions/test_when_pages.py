"""The page of when customers leave: curves and an honest verdict, or what to collect."""

import copy
import json
import re

import pytest

from predictions.models import ModelVersion, SurvivalModel
from tenants.scoping import tenant_scope
from tests.dashboard.conftest import cost, htmx

PAGE, API = "/mlops/when", "/api/survival"


@pytest.fixture
def cast(shared):
    shared.cast.charlie.locale = "en"  # his company reads French
    shared.cast.charlie.save()
    return shared.cast


@pytest.fixture
def kept(cast, shared) -> SurvivalModel:
    with tenant_scope(cast.atlas):
        return SurvivalModel.objects.get(version=shared.trained)


def change(kept: SurvivalModel, **figures) -> None:
    with tenant_scope(kept.tenant):
        SurvivalModel.objects.filter(pk=kept.pk).update(figures=kept.figures | figures)


def text_of(client) -> str:
    answer = client.get(PAGE)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def test_page_draws_everybody_and_each_group_in_words(client_for, cast, kept):
    text = text_of(client_for(cast.bob))
    figures = dict(re.findall(r'id="([\w-]+)-data">(.*?)</script>', text))
    assert set(figures) == {"curve-all", "curves-contract", "curves-internet-service"}
    groups = json.loads(figures["curves-contract"])["data"]
    assert "Month-to-month" in {line["name"] for line in groups}
    assert len({(line["line"]["color"], line["line"]["dash"]) for line in groups}) == len(groups)
    assert re.search(r"Month-to-month: (half have left after \d+ months?\.|after \d+ months)", text)
    assert "Does it keep its word?" in text
    assert "it is the time itself" in text
    assert "It takes your file to hold everybody who ever joined." in text


def test_median_is_said_where_half_have_left_and_a_share_where_not(client_for, cast, kept):
    curves = copy.deepcopy(kept.figures["curves"])
    curves["contract"][0]["observed"] |= {"name": "Month-to-month", "median": 34.0}
    curves["contract"][1]["observed"] |= {"name": "Two year", "median": None}
    change(kept, curves=curves)
    text = text_of(client_for(cast.bob))
    assert "Month-to-month: half have left after 34 months." in text
    assert re.search(r"Two year: after \d+ months, as far as enough can be followed, \d+% are still here\.", text)


@pytest.mark.parametrize(
    ("better", "difference", "words"),
    [
        (True, (-0.05, -0.06, -0.04), "smaller than those of one curve for everybody (between 20% and 30%)"),
        (False, (-0.001, -0.01, 0.008), "no better than one curve for everybody, beyond chance"),
        (False, (0.02, 0.01, 0.03), "It does worse than one curve for everybody"),
    ],
)
def test_verdict_is_honest(client_for, cast, kept, better, difference, words):
    middle, low, high = difference
    told = {
        "better_than_kaplan_meier": better, "brier": 0.2 + middle, "brier_kaplan_meier": 0.2, "difference": middle,
        "low": low, "high": high, "skill": -middle / 0.2,
    }  # fmt: skip
    change(kept, verdict=kept.figures["verdict"] | told)
    assert words in text_of(client_for(cast.bob))


def cell(group: int, months: int, predicted: float, observed: float, low: float, high: float, tenure=0) -> dict:
    return {
        "tenure": tenure, "months": months, "group": group, "n": 60,
        "predicted": predicted, "observed": observed, "low": low, "high": high,
    }  # fmt: skip


def test_calibration_says_where_it_was_off_and_warns_where_that_is_often(client_for, cast, kept):
    change(kept, calibration=[cell(0, 3, 0.5, 0.8, 0.7, 0.9), cell(1, 3, 0.92, 0.91, 0.85, 0.95)])
    text = text_of(client_for(cast.bob))
    assert "stayed more" in text
    assert "as said" in text
    assert "1 of 2 off the range" in text
    assert "In 1 of 2 cells what was said lies outside the range" in text


def test_group_in_which_nobody_left_is_no_miss_of_one_who_was_said_to_stay(client_for, cast, kept):
    change(kept, calibration=[cell(0, 3, 0.98, 1.0, 1.0, 1.0)])
    assert "all within the range" in text_of(client_for(cast.bob))
    change(kept, calibration=[cell(0, 3, 0.80, 1.0, 1.0, 1.0)])
    assert "1 of 1 off the range" in text_of(client_for(cast.bob))


def test_model_of_a_window_says_what_it_did_not_see(client_for, cast, kept):
    change(
        kept,
        watched=6,
        caveats=["columns_of_today", "tail_held_constant", "period_life_table", "checked_within_the_window_only"],
        calibration=[cell(0, 6, 0.9, 0.9, 0.8, 0.95, tenure=None)],
        verdict=kept.figures["verdict"] | {"months": [6, 6]},
    )
    text = text_of(client_for(cast.bob))
    assert "after the 6 months that were watched" in text
    assert "nobody was followed from the first day" in text
    assert "From when watching began" in text


def test_refusal_says_what_to_collect(client_for, cast, kept):
    with tenant_scope(cast.atlas):
        SurvivalModel.objects.update(figures={}, refusal={"code": "no_tenure", "facts": {"column": "tenure"}})
    text = text_of(client_for(cast.bob))
    assert "Not enough evidence to say when" in text
    assert "import a column “Tenure”, in months" in text


def test_empty_states_say_what_to_do_next(client_for, cast, kept):
    assert "No model is in charge yet" in text_of(client_for(cast.charlie))
    with tenant_scope(cast.atlas):
        SurvivalModel.objects.all().delete()
    assert "The model in charge does not say when" in text_of(client_for(cast.bob))


def test_long_and_hostile_names_are_escaped(client_for, cast, kept):
    curves = copy.deepcopy(kept.figures["curves"])
    curves["contract"][0]["observed"]["name"] = "</script><b>Flex" + "x" * 200
    change(kept, curves=curves)
    text = text_of(client_for(cast.bob))
    assert "</script><b>Flex" not in text
    assert "&lt;b&gt;Flex" in text


def test_page_is_for_members_and_costs_little(client, client_for, cast, kept):
    for headers in ({}, htmx("job")):
        answer = client.get(PAGE, headers=headers)
        assert (answer.headers.get("Location") or answer.headers.get("HX-Redirect")) == f"/sign-in?next={PAGE}"
    assert cost(client_for(cast.bob), PAGE) <= 10
    assert "Month-to-month" not in text_of(client_for(cast.charlie))


def test_program_reads_the_figures_or_the_refusal(client_for, cast, kept):
    client = client_for(cast.bob)
    body = client.get(API).json()
    assert (body["version"], body["refusal"]) == (1, None)
    assert body["figures"] == kept.figures
    with tenant_scope(cast.atlas):
        SurvivalModel.objects.update(figures={}, refusal={"code": "no_tenure", "facts": {}})
    assert client.get(API).json() == {"version": 1, "figures": None, "refusal": {"code": "no_tenure", "facts": {}}}


def test_program_of_another_company_or_without_a_model_gets_a_problem(client_for, cast, kept):
    theirs = client_for(cast.charlie).get(API)
    with tenant_scope(cast.atlas):
        ModelVersion.objects.update(is_champion=False)
    ours = client_for(cast.bob).get(API)
    assert theirs.status_code == ours.status_code == 404
    assert theirs.json() == ours.json()
    assert ours.json()["code"] == "no_survival_model"
