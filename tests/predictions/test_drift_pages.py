"""The page of drift and its doors for programs: who may see and start what, what it says, and what it costs."""

import copy
import re

import pytest

from core import jobs
from predictions import services
from predictions.models import DriftReport, ModelVersion
from tenants.scoping import tenant_scope
from tests.conftest import CUSTOMERS
from tests.dashboard.conftest import cost, htmx
from tests.everywhere import every

PAGE, START, API, API_CHECKS = "/mlops/drift", "/mlops/drift/check", "/api/drift", "/api/drift/checks"


@pytest.fixture
def cast(shared):
    shared.cast.charlie.locale = "en"  # his company reads French
    shared.cast.charlie.save()
    return shared.cast


@pytest.fixture
def bell(monkeypatch):
    from predictions.tasks import check_drift

    heard = []
    monkeypatch.setattr(check_drift, "apply_async", lambda *, kwargs, **_: heard.append(kwargs))
    return heard


@pytest.fixture
def checked(cast) -> DriftReport:
    """Atlas with one check, in which nothing moved."""
    with tenant_scope(cast.atlas):
        return services.check_drift(report_id=services.require_check().pk)


def rewrite(report: DriftReport, **changes: dict) -> None:
    """Change what was found of columns, by their names, and the verdict with them."""
    findings = copy.deepcopy(report.findings)
    for one in [findings["score"], *findings["features"]]:
        one |= changes.get(one["name"], {})
    verdicts = {one["verdict"] for one in [findings["score"], *findings["features"]]}
    findings["verdict"] = next(v for v in ("moved_much", "moved", "too_few", "stable") if v in verdicts)
    with tenant_scope(report.tenant):
        DriftReport.objects.filter(pk=report.pk).update(findings=findings, verdict=findings["verdict"])


def text_of(client, address: str = PAGE, **headers) -> str:
    answer = client.get(address, headers=headers)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


# ---------------------------------------------------------------- what it says


def test_page_says_that_customers_are_still_the_same(client_for, cast, checked):
    text = text_of(client_for(cast.bob))
    assert "Your customers are still those the model learned from" in text
    assert f"on all {CUSTOMERS} customers" in text
    assert "Monthly charges" in text or "Show more" in text
    assert re.search(rf"Among {CUSTOMERS} customers like yours, about \d+ leave, between \d+ and \d+\.", text)
    assert "No estimate can be judged yet" in text
    assert "Population stability index" in text


def test_page_names_what_moved_how_far_and_what_is_new(client_for, cast, checked):
    rewrite(
        checked,
        monthly_charges={"verdict": "moved_much", "psi": 1.5},
        contract={"verdict": "moved", "psi": 0.2, "new_levels": [["Flex <b>2026</b>", 41]]},
        tenure={"vanished": True, "verdict": "moved_much", "psi": 9.0},
    )
    text = text_of(client_for(cast.bob))
    assert "3 columns moved: Tenure, Monthly charges, Contract" in text
    assert "the column seems to have left your files" in text
    assert "“Flex &lt;b&gt;2026&lt;/b&gt;” (41 customers)" in text
    assert "The largest move is at “" in text
    assert text.count('<details class="group" open>') == 3


def test_bins_are_told_in_words_with_units(client_for, cast, checked):
    rewrite(checked, **{name: {"verdict": "moved", "psi": 0.2} for name in ("monthly_charges", "tenure", "contract")})
    text = text_of(client_for(cast.bob))
    assert re.search(r"over [\d.]+ TND", text)
    assert re.search(r"\d+ to \d+ months", text)
    assert "Month-to-month" in text


def test_too_few_and_moved_risks_have_words_of_their_own(client_for, cast, checked):
    rewrite(checked, score={"verdict": "moved", "psi": 0.2})
    assert "The risks are spread otherwise" in text_of(client_for(cast.bob))
    rewrite(checked, score={"verdict": "too_few"})
    assert "Not enough customers to tell" in text_of(client_for(cast.bob))


def test_estimate_of_those_who_wait_is_said_of_them_with_its_warnings(client_for, cast, checked):
    with tenant_scope(cast.atlas):
        told = checked.estimate | {"warnings": ["columns_moved_much"]}
        DriftReport.objects.update(findings=checked.findings | {"basis": "waiting"}, estimate=told)
    text = text_of(client_for(cast.bob))
    assert re.search(rf"About \d+ of these {CUSTOMERS} customers are likely to leave", text)
    assert "Some columns have moved a lot" in text
    assert "whose outcome is not known yet" in text


@pytest.mark.parametrize(("verdict", "words"), [("held", "The estimate held"), ("missed", "The estimate missed")])
def test_truth_stands_beside_the_estimate_once_it_is_known(client_for, cast, checked, verdict, words):
    told = checked.estimate
    apart = dict.fromkeys(("leavers", "accuracy", "precision", "recall", "brier", "log_loss", "roc_auc"), False)
    truth = {
        "verdict": verdict, "known": 290, "unknown": 10, "estimate": told, "figures": told["figures"] | {"leavers": 99.0},
        "intervals": told["intervals"], "apart": apart | {"recall": verdict == "missed"}, "calibration": None,
    }  # fmt: skip
    with tenant_scope(cast.atlas):
        DriftReport.objects.update(truth=truth)
    text = text_of(client_for(cast.bob))
    assert words in text
    assert "Of 290 customers whose outcome is known since" in text
    assert "99 left." in text
    assert "Of 10 customers it is not known yet." in text


def test_figures_that_do_not_exist_are_dashes(client_for, cast, checked):
    told = checked.estimate
    figures, ranges = dict(told["figures"]), dict(told["intervals"])
    figures |= {"precision": None, "roc_auc": None}
    ranges |= {"precision": None, "roc_auc": None}
    with tenant_scope(cast.atlas):
        DriftReport.objects.update(estimate=told | {"figures": figures, "intervals": ranges})
    assert "None" not in text_of(client_for(cast.bob))
    with tenant_scope(cast.atlas):
        DriftReport.objects.update(estimate={})
    assert "Nobody was there to estimate anything of." in text_of(client_for(cast.bob))


def test_check_of_a_former_model_says_so(client_for, cast, checked):
    with tenant_scope(cast.atlas):
        ModelVersion.objects.update(is_champion=False)
        ModelVersion.objects.create(
            number=2, algorithm="Splines", artefact_path="x", artefact_sha256="", artefact_hmac="", is_champion=True,
            reference={"features": []},
        )  # fmt: skip
    assert "This check was of model 1; model 2 has taken charge since." in text_of(client_for(cast.bob))


def test_failed_check_says_why(client_for, cast, checked):
    with tenant_scope(cast.atlas):
        DriftReport.objects.create(
            version=checked.version, state="failed", error_message="The file is gone.", finished_at=checked.finished_at
        )
    assert "The file is gone." in text_of(client_for(cast.bob))


# ---------------------------------------------------------------- nothing yet


def test_empty_states_say_what_to_do_next(client_for, cast, shared):
    assert "No model is in charge yet" in text_of(client_for(cast.charlie))
    assert "No check yet" in text_of(client_for(cast.bob))
    with tenant_scope(cast.atlas):
        ModelVersion.objects.update(reference={})
    text = text_of(client_for(cast.alice))
    assert "keeps nothing to compare with" in text
    assert "Check now" not in text


# ---------------------------------------------------------------- a bounded page


def test_columns_come_a_dozen_at_first_and_the_rest_on_request(client_for, cast, checked):
    client = client_for(cast.bob)
    total = len(checked.findings["features"])
    assert total > 12
    text = text_of(client)
    assert text.count('<details class="group"') == 12
    fragment = text_of(client, f"{PAGE}?from=12", **htmx("more"))
    assert fragment.count('<details class="group"') == min(24, total - 12)
    assert "<html" not in fragment
    assert 'id="more"' in text


def test_two_hundred_and_fifty_columns_are_never_all_on_a_page(client_for, cast, checked):
    findings = copy.deepcopy(checked.findings)
    findings["features"] = [findings["features"][0] | {"name": f"X{n} (other field)"} for n in range(250)]
    with tenant_scope(cast.atlas):
        DriftReport.objects.update(findings=findings)
    client, seen, address = client_for(cast.bob), 0, PAGE
    while address:
        text = text_of(client, address, **htmx("more"))
        shown = text.count('<details class="group"')
        assert shown <= 24
        seen += shown
        link = re.search(r'hx-get="(/mlops/drift\?from=\d+)"', text)
        address = link[1] if link else None
    assert seen == 250


@pytest.mark.parametrize("asked", ["-1", "x", "99999999999", "²", "9999", ""])
def test_nonsense_in_the_address_is_no_error(client_for, cast, checked, asked):
    for headers in ({}, htmx("more")):
        assert client_for(cast.bob).get(PAGE, {"from": asked}, headers=headers).status_code == 200


def test_page_costs_the_same_however_many_checks_there_were(client_for, cast, checked):
    client = client_for(cast.bob)
    before = cost(client, PAGE)
    with tenant_scope(cast.atlas):
        for _ in range(14):
            checked.pk = checked.public_id = None
            checked = DriftReport.objects.create(
                version=checked.version, scoring=checked.scoring, state="succeeded", verdict=checked.verdict,
                findings=checked.findings, estimate=checked.estimate, finished_at=checked.finished_at,
            )  # fmt: skip
    assert cost(client, PAGE) == before <= 16
    assert text_of(client).count("not known yet") == 12


# ---------------------------------------------------------------- starting and stopping


def test_check_is_started_once_and_watched_by_a_fragment(
    client_for, cast, bell, shared, django_capture_on_commit_callbacks
):
    client = client_for(cast.anna)
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(2):
            answer = client.post(START)
            assert (answer.status_code, answer["Location"]) == (302, PAGE)
    report = every(DriftReport).get()
    assert report.requested_by == cast.anna
    assert {"tenant_id": str(cast.atlas.pk), "job_id": report.pk} in bell
    fragment = client.get(PAGE, headers=htmx("job"))
    assert "<html" not in fragment.content.decode()
    assert "Waiting for a worker" in fragment.content.decode()
    assert "HX-Refresh" not in fragment
    assert "Check now" not in text_of(client)


def test_fragment_of_an_ended_check_asks_for_the_whole_page(client_for, cast, checked):
    assert client_for(cast.bob).get(PAGE, headers=htmx("job"))["HX-Refresh"] == "true"


def test_stopped_check_stops(client_for, cast, bell, shared):
    client = client_for(cast.anna)
    client.post(START)
    report = every(DriftReport).get()
    assert client.post(f"/mlops/drift/checks/{report.public_id}/cancel").status_code == 302
    report.refresh_from_db()
    assert report.state == "cancelled"


def test_nothing_to_check_with_is_told_in_words(client_for, cast, bell, shared):
    answer = client_for(cast.charlie).post(START, follow=True)
    assert "No model is in charge yet: train one first." in answer.content.decode()
    assert not bell


def test_viewer_reads_and_starts_nothing(client_for, cast, bell, checked):
    client = client_for(cast.bob)
    assert "Check now" not in text_of(client)
    assert client.post(START).status_code == 403
    assert client.post(f"/mlops/drift/checks/{checked.public_id}/cancel").status_code == 403
    assert client.post(API_CHECKS).status_code == 403
    assert not bell


def test_another_company_sees_and_stops_nothing(client_for, cast, bell, checked):
    client = client_for(cast.charlie)
    assert "still those the model learned from" not in text_of(client)
    with tenant_scope(cast.atlas):
        report = services.require_check()
    anothers = client.post(f"/mlops/drift/checks/{report.public_id}/cancel")
    absent = client.post("/mlops/drift/checks/00000000-0000-4000-8000-000000000000/cancel")
    assert anothers.status_code == absent.status_code == 404
    token = re.compile(rb"[A-Za-z0-9]{64}")
    assert token.sub(b"", anothers.content) == token.sub(b"", absent.content)
    report.refresh_from_db()
    assert report.state == "queued"
    assert client.get(API).status_code == 404


def test_anonymous_is_led_to_sign_in(client, cast):
    for headers in ({}, htmx("job"), htmx("more")):
        answer = client.get(PAGE, headers=headers)
        assert (answer.headers.get("Location") or answer.headers.get("HX-Redirect")) == f"/sign-in?next={PAGE}"


# ---------------------------------------------------------------- for programs


def test_program_reads_the_newest_check(client_for, cast, checked):
    body = client_for(cast.bob).get(API).json()
    assert (body["version"], body["verdict"], body["customers"]) == (1, "stable", CUSTOMERS)
    assert {"psi", "js", "threshold", "verdict"} <= set(body["features"][0])
    assert body["estimate"]["figures"]["leavers"] > 0
    assert body["truth"] is None


def test_no_check_is_a_problem_not_an_empty_answer(client_for, cast, shared):
    answer = client_for(cast.bob).get(API)
    assert (answer.status_code, answer.json()["code"]) == (404, "no_check")
    assert answer["Content-Type"] == "application/problem+json"


def test_program_asks_for_a_check_and_follows_its_job(client_for, cast, bell, shared):
    client = client_for(cast.anna)
    first, again = (
        client.post(API_CHECKS, {}, "application/json", headers={"Idempotency-Key": "monday"}) for _ in range(2)
    )
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    body = client.get(first["Location"]).json()
    assert (body["kind"], body["state"]) == ("drift_check", "queued")
    with tenant_scope(cast.atlas):
        jobs.claim(DriftReport, DriftReport.objects.get().pk)
    assert client.get(first["Location"]).json()["state"] == "running"


def test_program_is_told_why_nothing_can_be_checked(client_for, cast, bell, shared):
    answer = client_for(cast.charlie).post(API_CHECKS)
    assert (answer.status_code, answer.json()["code"]) == (422, "no_model")
