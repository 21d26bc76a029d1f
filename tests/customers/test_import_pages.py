"""The upload page, the import's own page, its refused rows, and the same for programs."""

import csv
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from core.models import JobState
from customers.models import Import
from tenants.scoping import tenant_scope
from tests.conftest import CUSTOMERS, import_file, write_csv

GOOD = b"customerID,tenure,Churn\nC1,1,Yes\nC2,2,No\n"


def upload(client, content: bytes = GOOD, name: str = "customers.csv", address: str = "/imports/upload", **fields):
    return client.post(address, {"file": SimpleUploadedFile(name, content, content_type="text/csv"), **fields})


@pytest.fixture
def bell(monkeypatch):
    from customers.tasks import run_import

    heard = []
    monkeypatch.setattr(run_import, "apply_async", lambda *, kwargs, **_: heard.append(kwargs))
    return heard


@pytest.fixture
def dirty(atlas, tmp_path) -> Import:
    """An import with refusals that a spreadsheet would run."""
    lines = ["customerID,tenure,Churn,=cmd", "C1,1,Yes,a", "C2,=1+1,No,b", "C3,+3 months,No,c", "C4,x,No", "C5,2,No,d"]
    with tenant_scope(atlas):
        return import_file(write_csv(tmp_path / "=dirty.csv", *lines))


def test_uploaded_file_opens_its_import_and_shows_it(client_for, cast, bell, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        answer = upload(client_for(cast.anna))
    run = Import._base_manager.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/imports/{run.public_id}")
    assert (run.state, run.filename, run.requested_by) == (JobState.QUEUED, "customers.csv", cast.anna)
    assert bell == [{"tenant_id": str(cast.atlas.pk), "job_id": run.pk}]
    page = client_for(cast.bob).get(answer["Location"])
    assert page.status_code == 200
    assert "customers.csv" in page.content.decode()


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "customers.csv", "empty"),
        (b"PK\x03\x04" + bytes(60), "customers.csv", "ZIP or Excel"),
        (GOOD, "customers.xlsx", "not a CSV file"),
        (b"tenure,Churn\n1,Yes\n2,No\n", "customers.csv", "customer number"),
        (b"customerID,Churn\nC1,No\nC2,No\n", "customers.csv", "everybody has the same answer"),
        (b"customerID,tenure\nC1,1\n", "customers.csv", "who left"),
    ],
)
def test_file_that_cannot_be_is_refused_on_the_form_and_leaves_nothing(
    client_for, cast, settings, bell, content, name, words
):
    answer = upload(client_for(cast.anna), content, name)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Import._base_manager.exists()
    assert not [p for p in settings.PRIVATE_ROOT.rglob("*") if p.is_file()]
    assert bell == []


def test_form_without_a_file_is_refused(client_for, cast):
    assert client_for(cast.anna).post("/imports/upload").status_code == 422


def test_file_without_labels_is_taken_when_that_is_ticked(client_for, cast, bell):
    assert upload(client_for(cast.anna), b"customerID,tenure\nC1,1\nC2,2\n", without_label="on").status_code == 302


def test_file_larger_than_allowed_is_refused(client_for, cast, settings, bell):
    settings.UPLOAD_MAX_BYTES = 10
    answer = upload(client_for(cast.anna))
    assert answer.status_code in (413, 422)
    assert not Import._base_manager.exists()


def test_body_larger_than_any_file_is_refused_before_it_is_read(client_for, cast, settings):
    settings.UPLOAD_MAX_BYTES = 10
    client = client_for(cast.anna)
    for address in ("/imports/upload", "/api/imports"):
        assert upload(client, b"x" * (2 << 20), address=address).status_code == 413


@pytest.mark.parametrize("name", ["../../etc/passwd.csv", "a/b.csv", "x" * 300 + ".csv", "<script>.csv", "é 🙂.csv"])
def test_name_of_a_file_names_no_place_on_disk(client_for, cast, settings, bell, name):
    upload(client_for(cast.anna), name=name)
    run = Import._base_manager.get()
    assert "/" not in run.filename
    assert run.stored_path == f"{cast.atlas.pk}/imports/{run.public_id}.csv"
    text = client_for(cast.bob).get(f"/imports/{run.public_id}").content.decode()
    assert "<script>.csv" not in text


def test_viewer_cannot_upload_and_sees_no_form(client_for, cast):
    assert upload(client_for(cast.bob)).status_code == 403
    assert 'type="file"' not in client_for(cast.bob).get("/imports").content.decode()
    assert not Import._base_manager.exists()


def test_list_shows_the_newest_first(client_for, cast, imported, dirty):
    text = client_for(cast.bob).get("/imports").content.decode()
    assert text.index(str(dirty.public_id)) < text.index(str(imported.public_id))


def test_page_of_a_finished_import_shows_counts_and_refusals_in_words(client_for, cast, dirty):
    text = client_for(cast.anna).get(f"/imports/{dirty.public_id}").content.decode()
    assert "This is not a number." in text
    assert "=1+1" in text
    assert (
        "hx-trigger"
        not in client_for(cast.anna)
        .get(f"/imports/{dirty.public_id}", headers={"HX-Request": "true", "HX-Target": "job"})
        .content.decode()
    )


def test_bar_of_an_open_import_asks_again(client_for, cast, bell):
    upload(client_for(cast.anna))
    run = Import._base_manager.get()
    bar = client_for(cast.bob).get(f"/imports/{run.public_id}", headers={"HX-Request": "true", "HX-Target": "job"})
    assert "hx-trigger" in bar.content.decode()


def test_refused_rows_come_as_a_table_that_runs_nothing(client_for, cast, dirty):
    answer = client_for(cast.anna).get(f"/imports/{dirty.public_id}/refused.csv")
    assert answer["Content-Type"].startswith("text/csv")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0] == ["line", "column", "value", "reason"]
    by_line = {row[0]: row[1:] for row in rows[1:]}
    assert by_line["3"] == ["tenure", "'=1+1", "This is not a number."]
    assert by_line["4"] == ["tenure", "'+3 months", "This is not a number."]
    assert not [cell for row in rows[1:] for cell in row if cell.startswith(("=", "+", "-", "@"))]


def test_refused_rows_are_for_the_company_and_for_those_who_import(client_for, cast, dirty):
    address = f"/imports/{dirty.public_id}/refused.csv"
    assert client_for(cast.bob).get(address).status_code == 403
    assert client_for(cast.charlie).get(address).status_code == 404


def test_waiting_import_is_cancelled_by_its_company_only(client_for, cast, bell):
    upload(client_for(cast.anna))
    address = f"/imports/{Import._base_manager.get().public_id}/cancel"
    assert client_for(cast.charlie).post(address).status_code == 404
    assert client_for(cast.bob).post(address).status_code == 403
    assert client_for(cast.anna).get(address).status_code == 405
    assert client_for(cast.anna).post(address).status_code == 302
    assert Import._base_manager.get().state == JobState.CANCELLED


def test_failed_import_says_why_on_its_page(client_for, cast):
    with tenant_scope(cast.atlas):
        run = Import.objects.create(filename="a.csv", state="failed", error_code="x", error_message="The disk is full.")
    assert "The disk is full." in client_for(cast.bob).get(f"/imports/{run.public_id}").content.decode()


# ---------------------------------------------------------------- for programs


def test_api_accepts_a_file_with_the_address_of_its_import(client_for, cast, bell):
    client = client_for(cast.anna)
    answer = upload(client, address="/api/imports")
    assert answer.status_code == 202
    body = answer.json()
    assert answer["Location"] == body["url"]
    assert (body["state"], body["progress"], body["error"]) == ("queued", 0.0, None)
    assert client.get(body["url"]).json()["id"] == body["id"]


def test_api_refuses_what_is_no_table_of_customers(client_for, cast, bell):
    answer = upload(client_for(cast.anna), b"tenure,Churn\n1,Yes\n2,No\n", address="/api/imports")
    assert answer.status_code == 422
    assert answer.json()["code"] == "no_id"
    assert "customer number" in answer.json()["detail"]
    assert not Import._base_manager.exists()


def test_api_names_a_missing_file(client_for, cast):
    answer = client_for(cast.anna).post("/api/imports")
    assert answer.status_code in (400, 422)
    assert "file" in answer.json()["errors"]


def test_api_is_closed_to_viewers_anonymous_and_other_companies(client_for, client, cast, imported, bell):
    assert upload(client_for(cast.bob), address="/api/imports").status_code == 403
    assert upload(client, address="/api/imports").status_code in (401, 403)
    address = f"/api/imports/{imported.public_id}"
    assert client_for(cast.bob).get(address).status_code == 200
    assert client_for(cast.charlie).get(address).status_code == 404
    assert client_for(cast.charlie).get("/api/imports").json() == {"imports": []}


def test_api_tells_the_result_when_it_is_there(client_for, cast, imported):
    body = client_for(cast.bob).get(f"/api/imports/{imported.public_id}").json()
    assert (body["state"], body["progress"], body["result"]["created"]) == ("succeeded", 1.0, CUSTOMERS)
    assert client_for(cast.bob).get("/api/imports").json()["imports"][0] == body


def test_same_key_and_file_open_one_import(client_for, cast, bell):
    client = client_for(cast.anna)

    def post(content: bytes):
        file = SimpleUploadedFile("customers.csv", content, content_type="text/csv")
        return client.post("/api/imports", {"file": file}, headers={"Idempotency-Key": "k"})

    first, again = post(GOOD), post(GOOD)
    assert first.json() == again.json()
    assert Import._base_manager.count() == 1
    assert (cast.atlas.pk, Import._base_manager.get().size_bytes) == (Import._base_manager.get().tenant_id, len(GOOD))
    assert post(GOOD + b"C3,3,No\n").status_code == 422
