"""The quality page: every column of a file in words and small figures, for whoever may see the company's customers."""

import pytest
from django.core.cache import cache

from core.models import JobState
from customers import services
from customers.models import ColumnFinding, Import, ImportStep, QualityProfile
from tenants.scoping import tenant_scope
from tests.customers.test_quality import brought, look_at, people
from tests.dashboard.conftest import cost, htmx


@pytest.fixture
def bell(monkeypatch):
    from customers.tasks import profile_import

    heard = []
    monkeypatch.setattr(profile_import, "apply_async", lambda *, kwargs, **_: heard.append(kwargs))
    return heard


@pytest.fixture
def two_files(atlas) -> QualityProfile:
    """Two months of one company: later everybody pays more, one pays absurdly, and a column has come."""
    with tenant_scope(atlas):
        look_at(people(seed=3), "october.csv")
        later = [{**row, "MonthlyCharges": row["MonthlyCharges"] + 12, "City": ""} for row in people(seed=4)]
        later[3]["MonthlyCharges"] = 99_999
        later[5] |= {name: later[4][name] for name in ("FirstName", "LastName", "Email")}
        found = look_at(later, "november.csv")
        assert found.brought_by.filename == "november.csv"  # followed here, where its company is in scope
        return found


def test_company_without_a_file_is_told_what_will_stand_here(client_for, cast):
    text = client_for(cast.anna).get("/quality").content.decode()
    assert "No file yet" in text
    assert "Import a file" in text
    assert "Not enough to learn from yet" in text
    assert "Import a file</a>" not in client_for(cast.bob).get("/quality").content.decode()


def test_page_says_what_the_newest_file_brought_and_what_moved(client_for, cast, two_files):
    text = client_for(cast.bob).get("/quality").content.decode()
    assert "november.csv" in text
    assert "Held against october.csv" in text
    assert "Monthly charges" in text
    assert "It moved a lot since the previous import. Stability index (PSI)" in text
    assert "limit 0." in text
    assert "lies far from all others" in text
    assert "99,999" in text
    assert "The previous import did not have this column." in text
    assert "Empty in every row." in text
    assert "rows, for 1 person" in text
    assert "6 · 7" in text, "the lines of who stands twice"
    assert "person4@" not in text
    for name in ("Month-to-month", "By outcome", "Commonest values", "Where the numbers lie"):
        assert name in text


def test_page_of_an_earlier_import_shows_that_one(client_for, cast, two_files):
    with tenant_scope(cast.atlas):
        earlier = Import.objects.get(filename="october.csv")
    text = client_for(cast.bob).get(f"/quality/{earlier.public_id}").content.decode()
    assert "There is no earlier import to hold it against." in text
    assert "99,999" not in text
    assert "It moved" not in text


def test_import_of_another_company_is_not_there(client_for, cast, two_files, bell):
    client = client_for(cast.charlie)
    address = f"/quality/{two_files.brought_by.public_id}"
    assert client.get(address).status_code == 404
    assert client.post(f"{address}/start").status_code == 404
    assert client.post(f"{address}/cancel").status_code == 404
    assert client.get(f"/api{address}").status_code == 404
    assert client.get("/api/quality").status_code == 404
    assert "november.csv" not in client.get("/quality").content.decode()


def test_viewer_reads_and_starts_nothing(client_for, cast, two_files, bell):
    client = client_for(cast.bob)
    address = f"/quality/{two_files.brought_by.public_id}"
    assert client.get(address).status_code == 200
    assert client.post(f"{address}/start").status_code == 403
    assert client.post(f"{address}/cancel").status_code == 403
    assert bell == []


def test_fields_are_narrowed_by_name_and_by_what_deserves_a_look(client_for, cast, two_files):
    client = client_for(cast.bob)
    part = client.get("/quality?only=look", headers=htmx("fields")).content.decode()
    assert "<html" not in part
    assert "Monthly charges" in part
    assert "City" in part
    assert "Tenure" not in part
    assert "2 of 9 fields" in part
    found = client.get("/quality?q=TEN", headers=htmx("fields")).content.decode()
    assert "Tenure" in found
    assert "Monthly charges" not in found
    by_header = client.get("/quality?q=monthlych", headers=htmx("fields")).content.decode()
    assert "Monthly charges" in by_header
    assert "No field fits." in client.get("/quality?q=%3Cscript%3E", headers=htmx("fields")).content.decode()


@pytest.mark.parametrize("place", ["-1", "99999999999999999999", "x", "٣", "1e9", "%00", ""])
def test_place_in_the_list_may_be_anything(client_for, cast, two_files, place):
    assert client_for(cast.bob).get(f"/quality?after={place}").status_code == 200
    assert client_for(cast.bob).get(f"/quality?before={place}").status_code == 200


def test_five_hundred_columns_come_in_pages_and_cost_no_more_queries(client_for, cast, two_files):
    client = client_for(cast.bob)
    few = cost(client, "/quality")
    headers = ["customerID", "Churn", *(f"measure {i:03}" for i in range(480))]
    rows = [[f"W{i}", "Yes" if i % 3 else "No", *((i * k) % 17 for k in range(480))] for i in range(60)]
    with tenant_scope(cast.atlas):
        look_at([dict(zip(headers, row, strict=True)) for row in rows], "wide.csv")
    cache.clear()
    assert cost(client, "/quality") == few
    seen, address = [], "/quality"
    for _page in range(20):
        text = client.get(address, headers=htmx("fields")).content.decode()
        seen += [name for name in headers if f">{name}<" in text]
        if 'rel="next" href="' not in text:
            break
        address = "/quality" + text.split('rel="next" href="')[1].split('"')[0]
    assert seen == ["customerID", *headers[2:]]
    assert 'rel="prev"' in text
    back = client.get("/quality?before=100", headers=htmx("fields")).content.decode()
    assert ">measure 070<" in back
    assert ">measure 099<" not in back


def test_header_and_values_of_a_hostile_file_are_only_text(client_for, cast):
    evil = "<img src=x onerror=alert(1)>"
    rows = [{**row, evil: evil if i % 2 else "}}{{ 7*7 }}"} for i, row in enumerate(people(60))]
    with tenant_scope(cast.atlas):
        look_at(rows, "<b>.csv")
    text = client_for(cast.bob).get("/quality").content.decode()
    assert "<img src=x" not in text
    assert "<b>.csv" not in text
    assert "&lt;img src=x" in text


def test_page_of_an_import_that_was_taken_back_says_so(client_for, cast, two_files):
    with tenant_scope(cast.atlas):
        later = two_files.brought_by
        Import.objects.filter(pk=later.pk).update(step=ImportStep.UNDO, undone_at=later.requested_at)
    client = client_for(cast.bob)
    assert "This import was taken back" in client.get(f"/quality/{later.public_id}").content.decode()
    newest = client.get("/quality").content.decode()
    assert "november.csv" not in newest
    assert "october.csv" in newest


# ---------------------------------------------------------------- the job


def test_job_shows_its_bar_asks_again_and_refreshes_the_page_at_its_end(client_for, cast, bell):
    with tenant_scope(cast.atlas):
        run = brought(people(60))
        job = services.open_profile(import_id=run.pk)
        QualityProfile.objects.filter(pk=job.pk).update(state="running", progress_done=30, progress_total=60)
    client = client_for(cast.anna)
    whole = client.get("/quality").content.decode()
    assert "Looking at a.csv" in whole
    assert "hx-trigger" in whole
    part = client.get("/quality", headers=htmx("job"))
    assert "30 rows looked at" in part.content.decode()
    assert "HX-Refresh" not in part
    with tenant_scope(cast.atlas):
        QualityProfile.objects.filter(pk=job.pk).update(state="queued")
        services.profile_import(profile_id=job.pk)
    part = client.get("/quality", headers=htmx("job"))
    assert part["HX-Refresh"] == "true"
    assert "hx-trigger" not in part.content.decode()


def test_running_job_is_stopped_by_those_who_import(client_for, cast, bell):
    with tenant_scope(cast.atlas):
        run = brought(people(60))
        job = services.open_profile(import_id=run.pk)
    address = f"/quality/{run.public_id}/cancel"
    assert client_for(cast.anna).get(address).status_code == 405
    assert client_for(cast.anna).post(address).status_code == 302
    with tenant_scope(cast.atlas):
        job.refresh_from_db()
    assert job.state == JobState.CANCELLED
    assert "Somebody stopped the look at a.csv" in client_for(cast.anna).get("/quality").content.decode()


def test_failed_job_says_why_and_is_tried_again(client_for, cast, bell, django_capture_on_commit_callbacks):
    with tenant_scope(cast.atlas):
        run = brought(people(60))
        job = services.open_profile(import_id=run.pk)
        QualityProfile.objects.filter(pk=job.pk).update(state="failed", error_message="The disk is full.")
    assert "The disk is full." in client_for(cast.bob).get("/quality").content.decode()
    assert "Try again" not in client_for(cast.bob).get("/quality").content.decode()
    client = client_for(cast.anna)
    assert "Try again" in client.get(f"/quality/{run.public_id}").content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(f"/quality/{run.public_id}/start")
    assert answer["Location"] == f"/quality/{run.public_id}"
    assert bell == [{"tenant_id": str(cast.atlas.pk), "job_id": job.pk}]
    with tenant_scope(cast.atlas):
        job.refresh_from_db()
    assert (job.state, job.error_message) == (JobState.QUEUED, "")


def test_file_that_nobody_looked_at_can_be_looked_at_now(
    client_for, cast, imported, bell, django_capture_on_commit_callbacks
):
    text = client_for(cast.anna).get("/quality").content.decode()
    assert f"{imported.filename} was not looked at yet" in text
    with django_capture_on_commit_callbacks(execute=True):
        client_for(cast.anna).post(f"/quality/{imported.public_id}/start")
    assert len(bell) == 1


def test_import_that_wrote_nothing_has_nothing_to_look_at(client_for, cast, bell):
    with tenant_scope(cast.atlas):
        run = Import.objects.create(filename="a.csv", state=JobState.AWAITING, step=ImportStep.AGREE, table_path="x")
    answer = client_for(cast.anna).post(f"/quality/{run.public_id}/start", follow=True)
    assert "There is nothing to profile" in answer.content.decode()
    assert bell == []


# ---------------------------------------------------------------- the leak watch's findings


def test_findings_stand_on_the_page_with_their_evidence_in_words(client_for, cast, two_files):
    with tenant_scope(cast.atlas):
        ColumnFinding.objects.create(
            column="contract",
            severity="quarantine",
            codes=["knows_the_answer", "filled_only_for_leavers", "named_like_leaving"],
            evidence={
                "auc": 0.94, "auc_low": 0.93, "auc_high": 0.95, "filled": 1869, "filled_left": 1869,
                "purity": 1.0, "base_rate": 0.2654, "coverage": 1.0,
            },
        )  # fmt: skip
        ColumnFinding.objects.create(column="Region", severity="set_aside", codes=["constant"])
        ColumnFinding.objects.create(column="tenure", severity="warn", codes=["of_a_later_version"], holds=False)
    text = client_for(cast.bob).get("/quality").content.decode()
    assert "ROC AUC of 0.94 (95 % interval 0.93 to 0.95" in text
    assert "It is filled in for 1,869 customers; 100% of these left, against 26.5% of all." in text
    assert "Its name speaks of leaving." in text
    assert "It is the same for everybody." in text
    assert text.index("Kept from the models") < text.index("It is the same for everybody.")
    assert "of_a_later_version" not in text
    assert "Kept from the models" in client_for(cast.bob).get("/quality?only=look&q=contract").content.decode()
    assert "Its name speaks of leaving." not in client_for(cast.charlie).get("/quality").content.decode()


def test_finding_is_overruled_from_the_page_by_those_who_curate(client_for, cast, two_files):
    with tenant_scope(cast.atlas):
        finding = ColumnFinding.objects.create(column="Region", severity="quarantine", codes=["named_like_leaving"])
    address = f"/quality/findings/{finding.public_id}/overrule"
    assert address not in client_for(cast.anna).get("/quality").content.decode()
    client = client_for(cast.omar)
    assert f'action="{address}"' in client.get("/quality").content.decode()
    client.post(address, {"reason": "Known when they <sign>."})
    text = client_for(cast.bob).get("/quality").content.decode()
    assert "Overruled by Omar" in text
    assert "Known when they &lt;sign&gt;." in text
    assert f'action="/quality/findings/{finding.public_id}/reinstate"' in client.get("/quality").content.decode()


# ---------------------------------------------------------------- for programs


def test_api_tells_every_column_of_the_newest_and_of_a_named_import(client_for, cast, two_files):
    client = client_for(cast.bob)
    body = client.get("/api/quality").json()
    assert (body["filename"], body["state"], body["progress"], body["error"]) == (
        "november.csv",
        "succeeded",
        1.0,
        None,
    )
    assert body["columns"]["monthly_charges"]["drift"]["verdict"] == "moved_much"
    assert body["columns"]["monthly_charges"]["outliers"]["count"] >= 1
    assert body["summary"]["classes"]["left"] + body["summary"]["classes"]["stayed"] == 400
    assert "bins" not in body["columns"]["tenure"]
    assert body["duplicates"]["examples"] == [[6, 7]]
    earlier = client.get(body["compared_with"].replace("/imports/", "/quality/")).json()
    assert (earlier["filename"], earlier["compared_with"]) == ("october.csv", None)


def test_api_is_closed_to_strangers(client, db):
    assert client.get("/api/quality").status_code in (401, 403)
