"""The pages about models: who is in charge, its challenger, the card, two side by side, and who scored whom."""

import datetime as dt
import re
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from customers.models import Customer
from predictions import registry, selectors
from predictions.models import AlarmReader, DriftReport, ModelVersion, Promotion, Routine, ScoringRun
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope
from tests.dashboard.conftest import cost, htmx
from tests.predictions.challengers import PAIRED, add_challenger, green, with_gate

UNFAIR = ("fairness", "issue", "warns", "unfair")
WORSE = ("champion", "issue", "blocks", "worse")


def today() -> dt.date:
    """The day by the company's clock, which an hour before midnight in London is tomorrow's."""
    return timezone.localdate(timezone=ZoneInfo("Africa/Tunis"))


@pytest.fixture
def cast(shared):
    """With a Charlie who reads English."""
    shared.cast.charlie.locale = "en"
    shared.cast.charlie.save()
    return shared.cast


@pytest.fixture
def atlas(cast):
    return cast.atlas


@pytest.fixture
def read(client_for, cast):
    """What a person reads at an address."""

    def of(address: str, person=None, **headers) -> str:
        answer = client_for(person or cast.bob).get(address, headers=headers)
        assert answer.status_code == 200
        text = answer.content.decode()
        assert not re.search(r"%\([a-z_]+\)s|None</|{{|{%|object at 0x", text)
        return text

    return of


@pytest.fixture
def challenger(atlas):
    """``challenger(gates)``: a second version, in the shadow; all its gates green unless others are given."""

    def add(gates=None) -> ModelVersion:
        with tenant_scope(atlas):
            return add_challenger(gates)

    return add


def in_charge(tenant) -> int:
    with tenant_scope(tenant):
        return selectors.champion().number


# ---------------------------------------------------------------- the overview


def test_manager_reads_who_is_in_charge_since_when_and_how_good_it_is(read, shared):
    text = read("/mlops")
    worried = shared.trained.details["worried"]
    assert "In charge since" in text and "as the first model: no gate spoke against it." in text
    assert f"Of the {worried['customers']} customers it was most worried about, {worried['left']} left." in text
    assert text.count("strip-high") == worried["left"]
    for title in (
        "Better than telling everybody the same",
        "As many leave as it says",
        "No worse than the model in charge",
    ):
        assert title in text
    assert "When it was trained no model was in charge to compare it with." in text
    assert "Who was put in charge" in text


def test_company_without_a_model_is_told_what_to_do(client_for, cast):
    text = client_for(cast.charlie).get("/mlops").content.decode()
    assert "No model yet" in text
    assert "What happens by itself" in text
    assert 'id="answer"' not in text


def test_challenger_stands_beside_with_the_paired_comparison(read, cast, challenger):
    challenger()
    text = read("/mlops", cast.omar)
    assert "challenger, in the shadow" in text
    assert "On the same 240 customers, model 2 does better than model 1." in text
    assert "/mlops/compare?a=1&amp;b=2" in text
    assert "Nothing speaks against it." in text


def test_what_the_challenger_would_change_is_said_from_its_scores_in_the_shadow(read, challenger, atlas):
    challenger()
    told = {
        "version": 2,
        "customers": 300,
        "moves": [[150, 9, 1], [4, 80, 6], [0, 10, 40]],
        "apart": 0.021,
        "order": 0.97,
    }
    with tenant_scope(atlas):
        run = selectors.current_run()
        run.summary["shadow"] = told
        run.save()
    text = read("/mlops")
    assert "In the shadow it scored 300 customers: 47 would be at high risk, against 50 now." in text
    assert "30 customers would change between low, medium and high." in text
    assert "2.1 points from the one that is shown" in text
    with tenant_scope(atlas):
        run.summary["shadow"] = told | {"version": 7}
        run.save()
    assert "In the shadow it scored" not in read("/mlops"), "those are another version’s"


def test_comparison_with_another_model_than_the_one_in_charge_is_not_shown_as_if_it_were(
    read, challenger, atlas, shared
):
    second = challenger()
    with tenant_scope(atlas):
        Promotion.objects.create(version=second, before=shared.trained, kind="promoted", at=second.trained_at)
        ModelVersion.objects.filter(pk=shared.trained.pk).update(is_champion=False)
        ModelVersion.objects.filter(pk=second.pk).update(is_champion=True)
        third = add_challenger()
        ModelVersion.objects.filter(pk=third.pk).update(trained_at=second.trained_at - dt.timedelta(seconds=1))
    assert "On the same 240 customers" not in read("/mlops")


def test_newest_check_of_the_model_in_charge_stands_in_a_line(read, challenger, client_for, cast, atlas, shared):
    assert "Not checked yet." in read("/mlops")
    figures = {"figures": {"roc_auc": 0.8483}, "intervals": {"roc_auc": [0.828, 0.868]}}
    with tenant_scope(atlas):
        DriftReport.objects.create(
            version=shared.trained, state="succeeded", finished_at=timezone.now(), verdict="moved", estimate=figures
        )
    text = read("/mlops")
    assert "The customers have changed somewhat since it learned." in text
    assert "Expected ROC AUC on them: 0.848 (0.828 to 0.868)." in text
    challenger()
    client_for(cast.omar).post("/mlops/versions/2/promote")
    assert "The customers have changed somewhat" not in read("/mlops"), "that was said of another model"


def test_buttons_are_for_those_who_may_press_them(read, cast, challenger):
    challenger()
    for person, may in ((cast.bob, False), (cast.anna, False), (cast.omar, True)):
        text = read("/mlops", person)
        assert ("/mlops/versions/2/promote" in text) is may
        assert ("/mlops/routine" in text) is may
        assert "/mlops/alarms" in text
        assert "Every night at 3 a.m. everybody is scored." in text


@pytest.mark.parametrize(
    ("gate", "words", "needs"),
    [
        (None, "Nothing speaks against it.", False),
        (UNFAIR, "Not every gate is green.", True),
        (WORSE, "A gate blocks this model.", True),
    ],
)
def test_dialog_asks_for_a_reason_where_a_gate_is_not_green(read, cast, challenger, gate, words, needs):
    challenger(with_gate(*gate, **PAIRED) if gate else green())
    text = read("/mlops", cast.omar)
    assert words in text
    field = re.search(r'<textarea id="reason-2"[^>]*>', text)[0]
    assert ("required" in field) is needs


def test_page_costs_the_same_however_many_versions_there_are(client_for, cast, challenger):
    client = client_for(cast.omar)
    challenger()
    two = cost(client, "/mlops")
    for _ in range(3):
        challenger()
    assert cost(client, "/mlops") == two
    assert cost(client, "/mlops", **htmx("answer")) < two


# ---------------------------------------------------------------- promotion and going back


def test_green_challenger_takes_charge_without_a_reason(client_for, cast, challenger, atlas, read):
    challenger()
    answer = client_for(cast.omar).post("/mlops/versions/2/promote", follow=True)
    assert "Model 2 is in charge." in answer.content.decode()
    assert in_charge(atlas) == 2
    text = read("/mlops")
    assert "put there by Omar." in text
    assert "before it: model 1" in text


@pytest.mark.parametrize("gate", [UNFAIR, WORSE])
def test_gate_that_is_not_green_takes_a_reason_that_stays(client_for, cast, challenger, atlas, read, gate):
    challenger(with_gate(*gate, **PAIRED))
    client = client_for(cast.omar)
    refused = client.post("/mlops/versions/2/promote", {"reason": "  "}, follow=True)
    assert "say why it should take charge all the same" in refused.content.decode()
    assert in_charge(atlas) == 1
    client.post("/mlops/versions/2/promote", {"reason": "The old one <b>forgets</b> prepaid."})
    assert in_charge(atlas) == 2
    assert "“The old one &lt;b&gt;forgets&lt;/b&gt; prepaid.”" in read("/mlops")
    with tenant_scope(atlas):
        done = Promotion.objects.first()
        assert (done.by, [g["code"] for g in done.open_gates]) == (cast.omar, [gate[0]])


def test_reason_without_end_is_refused_in_words(client_for, cast, challenger, atlas):
    challenger()
    answer = client_for(cast.omar).post("/mlops/versions/2/promote", {"reason": "x" * 1001}, follow=True)
    assert "longer than 1000 characters" in answer.content.decode()
    assert in_charge(atlas) == 1


def test_model_in_charge_cannot_be_put_there_again(client_for, cast, atlas):
    answer = client_for(cast.omar).post("/mlops/versions/1/promote", {"reason": "again"}, follow=True)
    assert "Model 1 is in charge already." in answer.content.decode()


def test_going_back_is_one_click_and_stays_in_the_history(client_for, cast, challenger, atlas, read):
    client = client_for(cast.omar)
    assert "No other model was in charge before" in client.post("/mlops/roll-back", follow=True).content.decode()
    assert "Go back to model" not in read("/mlops", cast.omar)
    challenger()
    client.post("/mlops/versions/2/promote")
    assert "Go back to model 1" in read("/mlops", cast.omar)
    assert "Go back to model 1" not in read("/mlops", cast.anna)
    client.post("/mlops/roll-back", {"reason": "too many false alarms"})
    assert in_charge(atlas) == 1
    text = read("/mlops")
    assert "when Omar went back to it." in text and "too many false alarms" in text
    with tenant_scope(atlas):
        assert [line.kind for line in registry.promotion_list()] == ["rolled_back", "promoted", "first"]
        assert AuditEntry.objects.filter(verb="model_rolled_back").count() == 1


@pytest.mark.parametrize("address", ["/mlops/versions/1/promote", "/mlops/roll-back", "/mlops/routine"])
def test_deciding_is_for_operators_and_never_a_get(client_for, cast, address):
    for person in (cast.bob, cast.anna):
        assert client_for(person).post(address).status_code == 403
    assert client_for(cast.omar).get(address).status_code == 405


def test_other_company_cannot_promote_our_model(client_for, cast, challenger, atlas):
    challenger()
    client = client_for(cast.charlie)
    hers, absent = (client.post(f"/mlops/versions/{n}/promote", {"reason": "mine now"}) for n in (2, 77))
    assert hers.status_code == absent.status_code == 404
    assert in_charge(atlas) == 1


# ---------------------------------------------------------------- the routine and alarms

WANTED = {
    "scores_nightly": "on",
    "scoring_hour": "5",
    "check_weekday": "2",
    "retrains_monthly": "on",
    "retrain_day": "28",
}


def test_operator_sets_what_happens_by_itself(client_for, cast, atlas, read):
    client_for(cast.omar).post("/mlops/routine", WANTED)
    with tenant_scope(atlas):
        told = Routine.objects.get()
        assert (told.scores_nightly, told.scoring_hour, told.checks_weekly, told.retrain_day) == (True, 5, False, 28)
        assert AuditEntry.objects.get(verb="routine_set").actor == cast.omar
    text = read("/mlops")
    assert "Every night at 5 a.m." in text and "No check for drift by itself." in text and "on day 28" in text


@pytest.mark.parametrize(
    "wrong", [{"scoring_hour": "24"}, {"retrain_day": "31"}, {"check_weekday": "Monday"}, {"scoring_hour": ""}]
)
def test_value_that_is_no_hour_or_day_stands_on_the_form(client_for, cast, atlas, wrong):
    answer = client_for(cast.omar).post("/mlops/routine", {**WANTED, **wrong})
    assert answer.status_code == 422
    assert "field-error" in answer.content.decode()
    with tenant_scope(atlas):
        assert not Routine.objects.exists()


def test_alarms_by_mail_are_each_persons_own(client_for, cast, atlas, read):
    client = client_for(cast.bob)
    client.post("/mlops/alarms", {"by_mail": "yes"})
    assert "Alarms are mailed to you." in read("/mlops", cast.bob)
    assert "Alarms stand behind the bell only." in read("/mlops", cast.alice)
    client.post("/mlops/alarms", {"by_mail": "no"})
    with tenant_scope(atlas):
        assert not AlarmReader.objects.exists()


# ---------------------------------------------------------------- the card


def test_card_tells_the_whole_story(read, shared):
    text = read("/mlops/versions/1")
    version = shared.trained
    for anchor in (
        "words",
        "figures",
        "gates",
        "calibration-section",
        "lift",
        "threshold",
        "slices",
        "fairness",
        "columns",
        "along",
        "candidates",
        "record",
    ):
        assert f'id="{anchor}"' in text, anchor
        assert f'href="#{anchor}"' in text, anchor
    for chart in ("calibration", "capture", "permutation", "importance", "along-0"):
        assert f'data-chart="{chart}-data"' in text, chart
    half = next(one for one in version.details["confusion"] if one["rule"] == "half")
    assert f"<strong>{half['true_positives']}</strong>" in text
    assert "saying “nobody leaves” is right about" in text
    assert version.fingerprint in text and version.artefact_sha256 in text
    assert "too few to judge" in text, "300 customers have small groups"
    assert "data-print" in text


def test_card_of_a_version_stored_before_these_figures_still_shows(read, shared, atlas):
    new = (
        "calibration_line",
        "ece_by_luck",
        "lift",
        "worried",
        "confusion",
        "slices",
        "fairness",
        "permutation",
        "dependence",
        "training",
    )
    with tenant_scope(atlas):
        version = ModelVersion.objects.get()
        version.details = {name: value for name, value in version.details.items() if name not in new}
        version.gates = []
        version.save()
    text = read("/mlops/versions/1")
    assert "This version was stored before there were gates." in text
    assert 'id="lift"' not in text and 'href="#lift"' not in text
    assert 'data-chart="importance-data"' in text
    assert "times as many left as on average" in read("/mlops")


def test_card_of_another_company_is_absent(client_for, cast):
    client = client_for(cast.charlie)
    assert client.get("/mlops/versions/1").status_code == client.get("/mlops/versions/9").status_code == 404


def test_columns_and_values_from_a_file_are_only_text_on_the_card(client_for, cast, atlas):
    hostile = "<script>alert(1)</script>"
    with tenant_scope(atlas):
        version = ModelVersion.objects.get()
        version.details["dependence"][0]["feature"] = hostile
        version.details["slices"][0]["groups"][0]["name"] = hostile
        version.details["permutation"][0]["feature"] = hostile
        version.gates = with_gate("leak", "issue", "warns", "forced_in", columns=[hostile], named=hostile)
        version.save()
    for address in ("/mlops", "/mlops/versions/1"):
        assert "<script>alert" not in client_for(cast.bob).get(address).content.decode()


def test_card_costs_a_bounded_number_of_questions(client_for, cast):
    assert cost(client_for(cast.bob), "/mlops/versions/1") <= 12


# ---------------------------------------------------------------- two side by side


def test_two_versions_stand_side_by_side(read, challenger, atlas):
    second = challenger()
    with tenant_scope(atlas):
        gone = second.details["features"].pop()
        second.save()
    text = read("/mlops/compare?a=1&b=2")
    assert "model 2 does better than model 1" in text
    assert 'data-chart="calibration-a-data"' in text and 'data-chart="calibration-b-data"' in text
    assert "What only one of them looks at" in text and gone["name"] not in ("", None)
    assert "Both look at the same columns." not in text
    assert "Both learned from the same data." in text
    assert "model 2 does better than model 1" in read("/mlops/compare?a=2&b=1"), "the order asked changes no fact"


def test_versions_never_measured_together_are_not_called_better(read, challenger):
    challenger(with_gate("champion", "cannot_judge", "warns", "nobody_in_common", rows=0, log_loss=None))
    text = read("/mlops/compare?a=1&b=2")
    assert "never measured on the same customers" in text


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?a=1&b=1", "one and the same version"),
        ("?a=1&b=99", "99 is not one of the available choices"),
        ("?a=1", "This field is required"),
        ("?a=x&b=2", "not one of the available choices"),
        ("", "Compare two models"),
    ],
)
def test_comparison_that_cannot_be_is_said_in_words(read, challenger, query, words):
    challenger()
    text = read(f"/mlops/compare{query}")
    assert words in text
    assert "data-chart" not in text


def test_comparison_takes_two(read):
    assert "There are not two versions yet" in read("/mlops/compare")


def test_other_company_compares_nothing_of_ours(client_for, cast, challenger):
    challenger()
    text = client_for(cast.charlie).get("/mlops/compare?a=1&b=2").content.decode()
    assert "data-chart" not in text
    assert "There are not two versions yet" in text


# ---------------------------------------------------------------- which model scored this customer on that day


@pytest.fixture
def somebody(shared, atlas):
    with tenant_scope(atlas):
        return Customer.objects.order_by("pk").first()


def ask(read, number: str, day, person=None) -> str:
    text = read(f"/mlops?customer={number}&on={day}", person, **htmx("answer"))
    assert "<html" not in text and 'id="answer"' in text
    return text


def test_answer_names_the_model_and_the_risk_of_that_day(read, somebody, shared, atlas):
    text = ask(read, somebody.external_id, today())
    assert f"model 1 had scored customer {somebody.external_id}" in text
    with tenant_scope(atlas):
        risk = selectors.score_of(somebody).risk
    assert f"The risk it gave was {int(100 * risk + 1e-6)}%" in text
    whole = read(f"/mlops?customer={somebody.external_id}&on={today()}")
    assert "<html" in whole and "had scored customer" in whole, "without scripts the page answers too"


def test_day_before_the_first_scoring_is_answered_so(read, somebody):
    text = ask(read, somebody.external_id, "2020-02-29")
    assert "nobody had been scored yet" in text
    assert "No model was in charge at the end of that day." in text


def test_risk_that_is_no_longer_kept_is_said_to_be_gone(read, somebody, atlas):
    with tenant_scope(atlas):
        ScoringRun.objects.update(has_scores=False)
    text = ask(read, somebody.external_id, today())
    assert "had scored customer" in text and "The risk itself is no longer kept." in text


def test_customer_who_came_later_was_not_scored(read, atlas):
    with tenant_scope(atlas):
        Customer.objects.create(external_id="LATE-1")
    assert "was made before this customer came" in ask(read, "LATE-1", today())


def test_day_on_which_charge_changed_says_so(read, client_for, cast, challenger, somebody):
    challenger()
    client_for(cast.omar).post("/mlops/versions/2/promote")
    text = ask(read, somebody.external_id, today())
    assert "In charge at the end of that day was model 2." in text
    assert "model 1 and model 2" in text


def test_unknown_customer_and_another_companys_get_the_same_words(client_for, cast, somebody):
    """Charlie asks for one of Atlas, and for nobody."""
    with tenant_scope(cast.borealis):
        ModelVersion.objects.create(number=1, algorithm="x", artefact_path="x", details={"features": [], "importance": []},
                                    metrics={"roc_auc": 0.5, "lift_at_10": 1.0})  # fmt: skip
    client = client_for(cast.charlie)
    texts = [
        client.get(f"/mlops?customer={number}&on=2026-01-05", headers=htmx("answer"))
        .content.decode()
        .replace(number, "#")
        for number in (somebody.external_id, "NOBODY-9")
    ]
    assert texts[0] == texts[1]
    assert "No customer has this number" in texts[0]


@pytest.mark.parametrize("day", ["", "yesterday", "2999-01-01", "1899-01-01", "9999-12-31"])
def test_day_that_is_none_or_to_come_is_refused_in_words(read, somebody, day):
    text = ask(read, somebody.external_id, day)
    assert "field-error" in text and "had scored" not in text
