"""The page about profit and its API: costs as people write them, a curve with its best share, and honest words."""

import json
import re

import pytest

from predictions import services
from predictions.forms_profit import read_number
from predictions.models import Economics, ModelVersion, ProfitRun, Score
from predictions.tasks import account_profit
from predictions.wording import profit as words
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope
from tests.dashboard.conftest import cost, htmx

PAGE, API = "/mlops/profit", "/api/profit"
SAID = {
    "contact_cost": "1.5", "offer_cost": "12", "acceptance": "30", "stayer_acceptance": "40", "margin": "50",
    "horizon_months": "12", "discount_rate": "10",
}  # fmt: skip
SHARES = {
    "contact_cost": 1.5, "offer_cost": 12, "acceptance": 0.3, "stayer_acceptance": 0.4, "margin": 0.5, "horizon_months": 12,
    "discount_rate": 0.1,
}  # fmt: skip


@pytest.fixture
def cast(shared):
    return shared.cast


@pytest.fixture
def bell(monkeypatch):
    heard = []
    monkeypatch.setattr(account_profit, "apply_async", lambda *, kwargs, **_: heard.append(kwargs))
    return heard


@pytest.fixture
def accounted(shared, cast) -> ProfitRun:
    """Atlas with costs and an account by them."""
    with tenant_scope(cast.atlas):
        services.set_economics(actor=cast.anna, **SHARES)
        return services.account_profit(run_id=services.open_account().pk)


def text_of(answer) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


# ---------------------------------------------------------------- who, and what it costs


def test_anonymous_is_led_to_sign_in(client, cast):
    answer = client.get(PAGE)
    assert (answer.status_code, answer["Location"]) == (302, f"/sign-in?next={PAGE}")


def test_viewer_reads_and_changes_nothing(client_for, cast, accounted):
    client = client_for(cast.bob)
    text = text_of(client.get(PAGE))
    assert "Costs and values" in text and "Set by your company." in text
    assert "/mlops/profit/economics" not in text
    assert client.post(f"{PAGE}/economics", SAID).status_code == 403
    assert client.post(f"{PAGE}/account").status_code == 403
    assert client.put(f"{API}/economics", SHARES, content_type="application/json").status_code == 403
    assert client.get(f"{PAGE}/economics").status_code == 405


def test_other_company_sees_none_of_it(client_for, cast, accounted):
    text = text_of(client_for(cast.charlie).get(PAGE))
    assert "Vos coûts ne sont pas encore connus" in text
    assert "TND" not in text
    told = client_for(cast.charlie).get(API).json()
    assert (told["economics"], told["curve"], told["currency"]) == (None, None, "CAD")


def test_page_costs_a_bounded_number_of_questions(client_for, cast, accounted):
    client = client_for(cast.anna)
    many = cost(client, PAGE)
    assert many <= 14
    with tenant_scope(cast.atlas):
        for _ in range(4):
            services.account_profit(run_id=services.open_account().pk)
    assert cost(client, PAGE) == many
    assert cost(client, PAGE, **htmx("job")) <= 12


# ---------------------------------------------------------------- nothing yet, costs, the account


def test_company_that_said_nothing_is_told_what_to_do(client_for, cast):
    text = text_of(client_for(cast.anna).get(PAGE))
    assert "Nothing is known of your costs yet" in text
    assert 'action="/mlops/profit/economics"' in text
    assert 'name="margin" value' not in text, "no figure is filled in for a company that cannot be learned"
    assert "Cost of one contact (TND)" in text


def test_costs_are_kept_and_the_account_begins(client_for, cast, bell, django_capture_on_commit_callbacks):
    client = client_for(cast.anna)
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(f"{PAGE}/economics", SAID)
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    with tenant_scope(cast.atlas):
        said, job = Economics.objects.get(), ProfitRun.objects.get()
        assert AuditEntry.objects.get(verb="economics_set").actor == cast.anna
    assert (said.acceptance, said.discount_rate, float(said.contact_cost)) == (0.3, 0.1, 1.5)
    assert bell == [{"tenant_id": str(cast.atlas.pk), "job_id": job.pk}]
    part = client.get(PAGE, headers=htmx("job"))
    assert "hx-trigger" in part.content.decode() and "<html" not in part.content.decode()
    with tenant_scope(cast.atlas):
        services.account_profit(run_id=job.pk)
    part = client.get(PAGE, headers=htmx("job"))
    assert part["HX-Refresh"] == "true" and "hx-trigger" not in part.content.decode()
    text = text_of(client.get(PAGE))
    assert "whose contact is expected to pay: about" in text
    assert "Set by Anna on" in text


def test_wrong_figures_stand_at_their_fields(client_for, cast, bell):
    client = client_for(cast.anna)
    for wrong in (
        {"acceptance": "130"},
        {"contact_cost": "-1"},
        {"offer_cost": "free"},
        {"horizon_months": "2.5"},
        {"margin": ""},
    ):
        answer = client.post(f"{PAGE}/economics", {**SAID, **wrong})
        assert answer.status_code == 422, wrong
        (name,) = wrong
        assert f'id="id_{name}_error"' in answer.content.decode(), wrong
    with tenant_scope(cast.atlas):
        assert not Economics.objects.exists()
    assert bell == []


def test_french_writes_commas_and_reads_them_back(client_for, cast, bell):
    cast.anna.locale = "fr"
    cast.anna.save()
    client = client_for(cast.anna)
    said = {**SAID, "contact_cost": "1,5", "offer_cost": "1\u202f200,25", "acceptance": "12,5 %"}
    assert client.post(f"{PAGE}/economics", said).status_code == 302
    with tenant_scope(cast.atlas):
        kept = Economics.objects.get()
    assert (float(kept.contact_cost), float(kept.offer_cost), kept.acceptance) == (1.5, 1200.25, 0.125)
    text = text_of(client.get(PAGE))
    assert 'value="1,5"' in text and 'value="12,5"' in text and 'value="1200,25"' in text


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.5", 1.5),
        ("1,5", 1.5),
        ("1,500", 1500),
        ("1.234,5", 1234.5),
        ("1,234.5", 1234.5),
        ("12 %", 12),
        ("\u22123", -3),
    ],
)
def test_numbers_are_read_as_people_write_them(text, number):
    assert float(read_number(text)) == number


@pytest.mark.parametrize("text", ["", "x", "1e5", "NaN", "inf", "1..2", "--1", "9" * 40])
def test_what_is_no_number_is_not_read_as_one(text):
    with pytest.raises(ValueError):
        read_number(text)


def test_account_is_drawn_with_its_best_share_and_the_sliders_points(client_for, cast, accounted):
    text = client_for(cast.bob).get(PAGE).content.decode()
    points = json.loads(re.search(r'<script id="profit-points" type="application/json">(.*?)</script>', text)[1])
    assert points["best"]["customers"] in points["customers"]
    assert len(points["customers"]) == len(points["profit"]) == len(points["leavers"])
    assert 'type="range"' in text and 'for="profit-share"' in text and "js/profit.js" in text
    figure = json.loads(re.search(r'id="profit-expected-data">(.*?)</script>', text)[1])
    best = figure["data"][1]
    assert best["y"] == [accounted.curve["best"]["profit"]]
    assert "profit-measured-data" in text
    assert "What is assumed" in text and "What is measured" in text
    assert "your word" in text


def test_account_of_older_costs_or_scores_says_so(client_for, cast, accounted, shared):
    client = client_for(cast.anna)
    assert "older" not in text_of(client.get(PAGE))
    with tenant_scope(cast.atlas):
        services.set_economics(actor=None, **{**SHARES, "offer_cost": 20})
    assert "This account is of older costs" in text_of(client.get(PAGE))
    assert "This account is of older costs" not in text_of(client_for(cast.charlie).get(PAGE))
    with tenant_scope(cast.atlas):
        services.account_profit(run_id=services.open_account().pk)
        services.score_customers(run_id=services.require_scoring().pk, follow=False)
    text = text_of(client.get(PAGE))
    assert "This account is of an older scoring" in text and 'action="/mlops/profit/account"' in text
    assert client.get(API).json()["is_current"] is False


def test_failed_account_says_why_and_can_be_tried_again(
    client_for, cast, accounted, bell, django_capture_on_commit_callbacks
):
    with tenant_scope(cast.atlas):
        ProfitRun.objects.create(
            scoring=accounted.scoring, economics=accounted.economics, state="failed", error_message="It broke here."
        )
    client = client_for(cast.anna)
    assert "It broke here." in text_of(client.get(PAGE))
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(f"{PAGE}/account").status_code == 302
    assert len(bell) == 1


def test_candidates_are_told_by_profit_where_a_training_measured_it(client_for, cast, shared, accounted):
    row = {
        "name": "logistic", "empc": 1.5, "empc_interval": [1.2, 1.8], "empc_difference": 0.0, "empc_difference_interval": [0, 0],
        "profit": 5000.0, "profit_interval": [4000.0, 6000.0], "profit_difference": 0.0, "profit_difference_interval": [0, 0],
        "contacted": 90, "hindsight": 5100.0, "ties": True,
    }  # fmt: skip
    tied = {**row, "name": "splines", "profit": 4900.0, "profit_difference": -100.0}
    worse = {**row, "name": "forest", "profit": 1000.0, "profit_difference": -4000.0, "ties": False}
    client = client_for(cast.bob)
    assert "Which model would have earned most" not in text_of(client.get(PAGE))
    with tenant_scope(cast.atlas):
        version = ModelVersion.objects.get()
        version.details["profit"] = [row, tied, worse]
        version.save()
    text = text_of(client.get(PAGE))
    assert "Which model would have earned most" in text
    assert "Logistic regression" in text
    assert "not proven worse than the best" in text
    assert "4,000 TND less than the best" in text.replace("\xa0", " ")


# ---------------------------------------------------------------- honest words

CURVE = {
    "customers": [0, 10, 100], "profit": [0.0, 412.7, -90.0], "leavers": [0.0, 6.0, 20.0], "rows": 100, "unknown": 0,
    "best": {"share": 0.1, "customers": 10, "profit": 412.7, "threshold": 1.0}, "break_even_acceptance": 0.07, "mean_value": 300.0,
}  # fmt: skip
BACKTEST = {
    "rows": 700, "contacted": 70, "leavers": 30, "realised": 39_812.0, "realised_low": 34_100.0, "realised_high": 45_610.0,
    "promised_best": 41_300.0, "verdict": "gain", "break_even": [0.07, 0.06, 0.08], "left_out": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "tone", "said"),
    [
        ({}, "low", "would have brought 39,800 TND, between 34,100 TND and 45,600 TND"),
        ({"verdict": "unclear"}, "medium", "cannot be told from nothing"),
        ({"verdict": "loss", "realised": -500.0}, "high", "brought −500 TND"),
        ({"verdict": "too_few_leavers", "leavers": 4}, "medium", "only 4 left"),
    ],
)
def test_verdict_is_said_as_it_was_measured(changed, tone, said):
    found = words.result(CURVE, {**BACKTEST, **changed}, {}, "TND")
    assert found["tone"] == tone
    assert said in found["measured"].replace("\xa0", " ")
    assert "Contact the 10 customers (10%)" in found["expected"]


def test_nobody_worth_it_and_nothing_known_are_said():
    nobody = {
        **CURVE,
        "best": {"share": 0.0, "customers": 0, "profit": 0.0, "threshold": None},
        "break_even_acceptance": None,
    }
    found = words.result(nobody, {**BACKTEST, "verdict": "nobody", "contacted": 0, "break_even": None}, {}, "TND")
    assert found["title"] == "Nobody is worth contacting at these costs" and found["break_even"] == ""
    none = words.result({}, {}, {"curve": {"code": "no_known_value", "facts": {}}}, "TND")
    assert "monthly charges" in none["expected"]
    thin = {"backtest": {"code": "too_few_rows", "facts": {"rows": 30, "needed": 100, "missing": 70, "churners": 3}}}
    assert "Only 30 customers have a known outcome" in words.result(CURVE, {}, thin, "TND")["measured"]


# ---------------------------------------------------------------- for programs


def test_program_reads_curve_and_back_test(client_for, cast, accounted):
    told = client_for(cast.bob).get(API).json()
    assert told["economics"]["acceptance"] == 0.3 and told["economics"]["set_by"] == "Anna"
    assert (told["currency"], told["is_current"], told["account"], told["refusal"]) == ("TND", True, None, None)
    assert told["curve"]["best"]["customers"] > 0
    assert told["backtest"]["verdict"]


def test_program_says_costs_and_is_told_the_field_that_is_wrong(client_for, cast, bell):
    client = client_for(cast.anna)
    answer = client.put(f"{API}/economics", SHARES, content_type="application/json")
    assert answer.status_code == 200
    assert answer.json()["economics"]["offer_cost"] == 12
    assert answer.json()["account"]["state"] == "queued"
    wrong = client.put(f"{API}/economics", {**SHARES, "margin": 50}, content_type="application/json")
    assert (wrong.status_code, wrong["Content-Type"]) == (422, "application/problem+json")
    assert (wrong.json()["code"], wrong.json()["facts"]["field"]) == ("not_a_share", "margin")
    missing = client.put(f"{API}/economics", {"margin": 0.5}, content_type="application/json")
    assert (missing.status_code, missing.json()["facts"]["field"]) == (422, "contact_cost")
    unknown = client.put(f"{API}/economics", {**SHARES, "tenant": 3}, content_type="application/json")
    assert (unknown.status_code, list(unknown.json()["errors"])) == (400, ["tenant"])
    assert client.put(f"{API}/economics", [1], content_type="application/json").status_code == 400


def test_program_that_is_nobody_gets_nothing(client, cast):
    assert client.get(API).status_code in (401, 403)
    assert client.put(f"{API}/economics", SHARES, content_type="application/json").status_code in (401, 403)


def test_page_says_when_customers_of_unknown_charges_are_left_out(client_for, cast, shared):
    with tenant_scope(cast.atlas):
        from customers.models import Subscription

        keys = Score.objects.filter(run=shared.scored, churn_label=False).values_list("customer_id", flat=True)[:3]
        Subscription.objects.filter(customer_id__in=list(keys)).update(monthly_charges=None, tenure=None)
        Score.objects.filter(customer_id__in=list(keys)).update(monthly_charges=None)
        services.set_economics(actor=None, **SHARES)
        services.account_profit(run_id=services.open_account().pk)
    assert "3 customers still here are left out" in text_of(client_for(cast.bob).get(PAGE))
