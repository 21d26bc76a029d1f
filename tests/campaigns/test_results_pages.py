"""The pages about results and about whom to write to: who may see and ask, what they say at each stage, and what they cost."""

from __future__ import annotations

import copy
import re
import shutil

import pytest
from django.db import transaction
from django.test import override_settings

from campaigns import samples
from campaigns.models import Campaign, DeliverySignal, Measurement, Recipient, UpliftRun, UpliftScore
from campaigns.services import uplift
from customers import samples as customer_samples
from customers.models import Customer, Interaction
from tenants.scoping import tenant_scope
from tests.conftest import import_file, make_cast
from tests.dashboard.conftest import cost, htmx

from .conftest import compose, write_message
from .measured import bring_file, bring_in, launched, measured, moved, planted
from .test_measuring import Field, helpful, nothing, set_costs

MANY = 400
WHOM, UPLIFT = "/campaigns/whom", "/api/uplift"


@pytest.fixture(scope="module")
def field_world(django_db_setup, django_db_blocker, tmp_path_factory):
    """Atlas with a campaign to everybody, whose horizon ended five days ago; nobody in scope afterwards."""
    private = tmp_path_factory.mktemp("private")
    with (
        django_db_blocker.unblock(),
        override_settings(PRIVATE_ROOT=private, PUBLIC_URL="https://retention.atlas.example.com", MAIL_SENDERS=1),
        transaction.atomic(),
    ):
        cast = make_cast()
        with tenant_scope(cast.atlas):
            bring_in(MANY)
            campaign = launched(cast.omar)
        with django_db_blocker.block():
            yield Field(cast, campaign), private
        transaction.set_rollback(True)


@pytest.fixture
def field(field_world, db, settings, tmp_path):
    found, private = field_world
    settings.PRIVATE_ROOT = shutil.copytree(private, tmp_path / "own")
    return copy.deepcopy(found)


@pytest.fixture
def cast(field):
    return field.cast


@pytest.fixture
def campaign(field) -> Campaign:
    return field.campaign


@pytest.fixture
def ask(client_for):
    """``ask(person, address)``: the page as one line of text."""

    def read(person, address: str, **headers) -> str:
        answer = client_for(person).get(address, headers=headers)
        assert answer.status_code == 200
        return re.sub(r"\s+", " ", answer.content.decode())

    return read


def page_of(campaign: Campaign) -> str:
    return f"/campaigns/{campaign.public_id}/results"


def main_of(page: str) -> str:
    """Without navigation and notices."""
    return page.split("<main", 1)[1].split("</main>")[0]


def bring_and_measure(field, campaign: Campaign, tmp_path, chance) -> Campaign:
    with tenant_scope(field.cast.atlas):
        bring_file(tmp_path, planted(campaign, chance))
        return measured(campaign)


@pytest.fixture
def kept(field, campaign, tmp_path) -> Campaign:
    return bring_and_measure(field, campaign, tmp_path, helpful)


# ---------------------------------------------------------------- who


def test_anonymous_is_led_to_sign_in(client, campaign):
    for page in (page_of(campaign), WHOM):
        answer = client.get(page)
        assert (answer.status_code, answer["Location"]) == (302, f"/sign-in?next={page}")


def test_viewer_reads_and_asks_for_nothing(client_for, cast, kept, ask):
    client = client_for(cast.bob)
    assert "stayed because of you" in ask(cast.bob, page_of(kept))
    for address in (f"/campaigns/{kept.public_id}/measure", f"{WHOM}/learn"):
        assert client.post(address).status_code == 403 and client.get(address).status_code == 405
        assert f'action="{address}"' not in ask(cast.bob, page_of(kept)) + ask(cast.bob, WHOM)
    assert client.post(UPLIFT, content_type="application/json").status_code == 403


def test_other_company_finds_nothing(client_for, cast, kept, ask):
    client = client_for(cast.charlie)
    for address in (page_of(kept), f"/api/campaign/{kept.public_id}/results"):
        assert client.get(address).status_code == 404
    assert client.post(f"/campaigns/{kept.public_id}/measure").status_code == 404
    client.post("/language", {"language": "en"})  # Borealis speaks French
    assert kept.name not in ask(cast.charlie, WHOM)


# ---------------------------------------------------------------- what a result says


def test_kept_customers_stand_in_the_title_with_between_how_many(cast, kept, ask):
    text = ask(cast.bob, page_of(kept))
    found = kept.result["against_holdout"][0]["kept"]
    assert f"{round(found['estimate'])} customers stayed because of you" in text
    assert f"Between {round(found['low'])} and {round(found['high'])}, and here is how we know." in text
    assert "A lot decides who is left alone." in text and "said by “later.csv”" in text
    assert 'id="difference-chart"' in text and 'id="rates-chart"' in text


def test_campaigns_own_page_says_it_and_leads_to_the_whole_result(cast, kept, campaign, ask):
    text = ask(cast.bob, f"/campaigns/{kept.public_id}")
    assert "customers stayed because of you" in text and f'href="{page_of(kept)}"' in text
    assert "it kept customers" in ask(cast.bob, "/campaigns")


def test_without_costs_the_page_says_where_to_say_them(cast, kept, ask):
    text = main_of(ask(cast.anna, page_of(kept)))
    assert "No money is reckoned" in text and 'href="/mlops/profit"' in text
    assert "An analyst of your company says it" in ask(cast.bob, page_of(kept))


def test_money_stands_in_the_companys_currency_with_what_is_assumed(field, cast, campaign, tmp_path, ask):
    with tenant_scope(cast.atlas):
        set_costs(cast.anna)
    found = bring_and_measure(field, campaign, tmp_path, helpful)
    text = ask(cast.bob, page_of(found))
    assert "TND" in text and "A contact costs 0.100" in text and "It brought more than it cost." in text


def test_harm_is_said_first(field, cast, campaign, tmp_path, ask):
    found = bring_and_measure(field, campaign, tmp_path, lambda _c, treated: 0.3 if treated else 0.05)
    text = ask(cast.bob, page_of(found))
    assert "Stop:" in text and "left because of it" in text and "Do not send this message" in text


def test_too_little_evidence_is_no_winner_and_says_what_it_takes(field, cast, campaign, tmp_path, ask):
    found = bring_and_measure(field, campaign, tmp_path, nothing)
    text = ask(cast.bob, page_of(found))
    assert "Not enough evidence yet" in text and "stayed because of you" not in text
    assert "these customers cannot tell" in text and "next campaign" in text


def test_too_early_shows_what_is_seen_as_no_result(field, cast, campaign, tmp_path, ask):
    with tenant_scope(cast.atlas):
        moved(campaign, 37)
    found = bring_and_measure(field, campaign, tmp_path, helpful)
    text = ask(cast.bob, page_of(found))
    assert "Too early: 23 days to go" in text and "which is no result" in text
    assert "Money kept" not in text and "stayed because of you" not in text


def test_missing_file_is_named_by_its_day(cast, campaign, ask):
    text = main_of(ask(cast.anna, page_of(campaign)))
    assert "The time is over; the data is wanting" in text and "or later that says who left." in text
    assert 'href="/imports"' in text and 'id="difference-chart"' not in text
    assert 'href="/imports"' not in main_of(ask(cast.bob, page_of(campaign)))


def test_running_campaign_without_data_says_when(field, cast, campaign, ask):
    with tenant_scope(cast.atlas):
        moved(campaign, 10)
    text = ask(cast.bob, page_of(campaign))
    assert "Too early: 50 days to go" in text and "Nothing is known yet" in text


def test_cancelled_campaign_and_draft_say_why_there_is_nothing(field, cast, campaign, ask):
    with tenant_scope(cast.atlas):
        Campaign.objects.filter(pk=campaign.pk).update(state="cancelled")
        draft = compose(name="Draft")
    assert "It was cancelled, and is not measured" in ask(cast.bob, page_of(campaign))
    assert "It has not begun" in ask(cast.bob, page_of(draft))


def test_two_messages_are_told_apart_by_name(field, cast, tmp_path, ask):
    with tenant_scope(cast.atlas):
        other = launched(
            cast.omar,
            name="Two",
            holdout=0.3,
            message=write_message("One"),
            rival=write_message("Other"),
            is_sent=False,
        )
        worse = set(Recipient.objects.filter(campaign=other, arm="b").values_list("customer_id", flat=True))
        bring_file(tmp_path, planted(other, lambda c, treated: 0.4 if c.pk in worse or not treated else 0.02))
        measured(other)
    text = ask(cast.bob, page_of(other))
    assert "customers stayed because of message A (One)" in text
    assert "Of the two messages, message A (One) kept more." in text and "message B (Other)" in text
    assert "made stricter for there being several comparisons" in text


def test_signals_are_called_signals_and_scanners_stand_apart(field, cast, campaign, tmp_path, ask):
    with tenant_scope(cast.atlas):
        one = Recipient.objects.filter(campaign=campaign, arm="a").first()
        for is_machine in (True, False):
            DeliverySignal.objects.create(campaign=campaign, recipient=one, kind="clicked", is_machine=is_machine)
    found = bring_and_measure(field, campaign, tmp_path, helpful)
    text = ask(cast.bob, page_of(found))
    assert "Delivery signals, not success" in text and "By scanners" in text
    assert "Opened" not in text  # nobody tracks it: no nought is shown


# ---------------------------------------------------------------- asking for it


def test_operator_asks_for_a_measurement_and_sees_it_under_way(client_for, field, cast, campaign, tmp_path, ask):
    with tenant_scope(cast.atlas):
        bring_file(tmp_path, planted(campaign, helpful))
    client = client_for(cast.omar)
    assert "Measure now" in ask(cast.omar, page_of(campaign))
    answer = client.post(f"/campaigns/{campaign.public_id}/measure")
    assert (answer.status_code, answer["Location"]) == (302, page_of(campaign))
    with tenant_scope(cast.atlas):
        job = Measurement.objects.get()
        assert job.requested_by == cast.omar and job.state == "queued"
    fragment = client.get(page_of(campaign), headers=htmx("job"))
    assert "<html" not in fragment.content.decode() and "Measuring" in fragment.content.decode()
    assert "HX-Refresh" not in fragment.headers
    with tenant_scope(cast.atlas):
        Measurement.objects.update(state="cancelled")
    assert client.get(page_of(campaign), headers=htmx("job"))["HX-Refresh"] == "true"


def test_asking_too_early_is_answered_with_what_is_wanting(client_for, cast, campaign):
    answer = client_for(cast.omar).post(f"/campaigns/{campaign.public_id}/measure", follow=True)
    assert "or later that says who left." in answer.content.decode()
    with tenant_scope(cast.atlas):
        assert not Measurement.objects.exists()


# ---------------------------------------------------------------- whom to write to


def give_scores(cast, *, many: int = 60) -> UpliftRun:
    """A proved run with two lists, as the service writes one."""
    with tenant_scope(cast.atlas):
        figure = {"estimate": 0.12, "low": 0.05, "high": 0.2}
        ranking = {
            "qini": {"estimate": 0.02, "low": 0.01, "high": 0.03},
            "at": {"0.1": figure, "0.2": figure, "0.3": figure},
            "share": [0, 0.5, 1], "gain": [0, 0.05, 0.04], "low": [0, 0.02, 0.01], "high": [0, 0.07, 0.06],
        }  # fmt: skip
        listed = {"threshold": 0.1, "share": 0.3, "rows": 300, "held_out": 90, "effect": figure, "proven": True}
        against = listed | {"effect": {"estimate": -0.1, "low": -0.2, "high": -0.05}}
        run = UpliftRun.objects.create(
            state="succeeded", is_current=True, is_ready=True, customers=2 * many,
            result={
                "experiments": [], "needed": uplift.NEEDED, "method": "x_learner", "choice": "x_learner", "why_not": [],
                "qini_floor": 0.009, "rows": 900, "rankings": {"x_learner": ranking, "risk": ranking},
                "lists": {"persuadable": listed, "do_not_disturb": against},
                "groups": {"persuadable": {"customers": many}, "do_not_disturb": {"customers": many}},
            },
        )  # fmt: skip
        people = list(Customer.objects.order_by("pk")[: 2 * many])
        UpliftScore.objects.bulk_create(
            UpliftScore(
                run=run, customer=who, effect=(0.2 if i < many else -0.2) + i / 10_000,
                group="persuadable" if i < many else "do_not_disturb",
            )
            for i, who in enumerate(people)
        )  # fmt: skip
    return run


def test_until_it_is_proved_risk_times_value_decides_and_the_page_says_so(cast, campaign, ask):
    text = ask(cast.omar, WHOM)
    assert "For now, risk times value decides" in text and "What it takes" in text
    assert "300 customers left alone" in text and "Learn now" not in text


def test_measured_campaigns_are_counted_and_learning_may_be_asked_for(client_for, cast, kept, ask):
    assert "You have 1." in ask(cast.omar, WHOM)
    client = client_for(cast.omar)
    assert client.post(f"{WHOM}/learn").status_code == 302
    with tenant_scope(cast.atlas):
        run = UpliftRun.objects.get()
        assert run.requested_by == cast.omar
    assert "Learning whom a mail keeps" in client.get(WHOM, headers=htmx("job")).content.decode()
    with tenant_scope(cast.atlas):
        uplift.learn_uplift(run_id=run.pk)
    text = ask(cast.omar, WHOM)
    assert "have a known outcome, and 300 are needed" in text and "Spring" in text


def test_proved_lists_are_shown_with_their_evidence_and_paged(client_for, cast, campaign, ask):
    give_scores(cast)
    text = ask(cast.bob, WHOM)
    assert "Proved: write to those whom a mail keeps" in text and 'id="qini-chart"' in text
    assert "lowered the share of leavers among such customers by 12.0 points" in text
    assert "raised the share of leavers among such customers by 10.0 points" in text
    found, address = set(), WHOM
    client = client_for(cast.bob)
    for _ in range(5):
        page = client.get(address).content.decode()
        found |= set(re.findall(r'href="/clients/([0-9a-f-]{36})"', page))
        link = re.search(r'rel="next" href="([^"]+)"', page)
        if not link:
            break
        address = WHOM + link[1].replace("&amp;", "&")
    assert len(found) == 60
    others = ask(cast.bob, f"{WHOM}?group=do_not_disturb")
    assert not found & set(re.findall(r'href="/clients/([0-9a-f-]{36})"', others))
    fragment = client.get(f"{WHOM}?group=do_not_disturb", headers=htmx("people")).content.decode()
    assert "<html" not in fragment and 'id="people"' in fragment


def test_strange_group_shows_the_first_list(client_for, cast, campaign):
    give_scores(cast)
    for group in ("other", "%00", "x" * 300):
        assert client_for(cast.bob).get(f"{WHOM}?group={group}").status_code == 200


# ---------------------------------------------------------------- what pages cost


def test_result_costs_the_same_however_many_customers_there_are(client_for, cast, kept):
    client = client_for(cast.omar)
    full = cost(client, page_of(kept))
    with tenant_scope(cast.atlas):
        Recipient.objects.filter(pk__in=list(Recipient.objects.values_list("pk", flat=True)[:200])).delete()
    assert cost(client, page_of(kept)) == full <= 16


def test_page_that_waits_costs_little(client_for, cast, campaign):
    assert cost(client_for(cast.omar), page_of(campaign)) <= 20


def test_lists_cost_the_same_however_many_are_on_them(client_for, cast, campaign):
    run = give_scores(cast)
    client = client_for(cast.bob)
    full = cost(client, WHOM)
    with tenant_scope(cast.atlas):
        UpliftScore.objects.filter(run=run, pk__gt=UpliftScore.objects.first().pk + 3).delete()
    assert cost(client, WHOM) == full <= 18


# ---------------------------------------------------------------- programs


def test_program_is_told_the_state_the_result_and_the_words(client_for, cast, kept):
    told = client_for(cast.bob).get(f"/api/campaign/{kept.public_id}/results").json()
    assert told["state"] == "final" and told["result"]["verdict"] == "kept"
    assert "stayed because of you" in told["said"]["title"] and told["data_wanted_from"] is None


def test_program_is_told_which_data_is_wanting(client_for, cast, campaign):
    told = client_for(cast.bob).get(f"/api/campaign/{campaign.public_id}/results").json()
    assert told["state"] == "waits" and told["result"] is None and told["data_wanted_from"] == told["until"]


def test_program_asks_to_learn_once_for_one_key(client_for, cast, kept):
    client = client_for(cast.omar)
    first, second = (
        client.post(UPLIFT, content_type="application/json", headers={"Idempotency-Key": "one"}) for _ in range(2)
    )
    assert first.status_code == second.status_code == 202 and first.json() == second.json()
    with tenant_scope(cast.atlas):
        assert UpliftRun.objects.count() == 1
    told = client.get(UPLIFT).json()
    assert told["rule"] == "risk_times_value" and told["job"]["state"] == "queued" and told["measured_campaigns"] == 1


def test_program_that_asks_too_early_is_refused_with_a_code(client_for, cast, campaign):
    answer = client_for(cast.omar).post(UPLIFT, content_type="application/json")
    assert answer.status_code == 422 and answer.json()["code"] == "no_experiments"


# ---------------------------------------------------------------- the demonstration's past campaign


def test_sample_campaign_is_made_of_the_carriers_own_history(cast, campaign, tmp_path, ask):
    with tenant_scope(cast.borealis):
        path = customer_samples.write_sample_file(path=tmp_path / "sample-600.csv", customers=600, seed=7)
        import_file(path)
        customer_samples.record_sample_history(customers=600, seed=7)
        made = samples.record_sample_campaign(actor=cast.charlie)
        again = samples.record_sample_campaign(actor=cast.charlie)
        held = Interaction.objects.filter(campaign_code=samples.BY_MAIL, kind="held_out").count()
        assert again == made and Recipient.objects.filter(campaign=made, arm="holdout").count() == held > 10
        assert made.result["is_final"] and made.result["verdict"] != "broken_randomisation"
    assert made.name in ask(cast.charlie, page_of(made))
