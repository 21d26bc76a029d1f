"""The upload page, the list of imports, an import's own page while it runs and when it ended, and its refused rows."""

import csv
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from core.models import JobState
from customers import services as customers
from customers.models import Customer, Import, ImportStep
from tenants.scoping import tenant_scope
from tests.conftest import import_file, write_csv
from tests.everywhere import every

GOOD = b"customerID,tenure,Churn\nC1,1,Yes\nC2,2,No\n"


def upload(client, content: bytes = GOOD, name: str = "customers.csv"):
    return client.post("/imports/upload", {"file": SimpleUploadedFile(name, content, content_type="text/csv")})


def fragment(client, run: Import) -> str:
    return client.get(f"/imports/{run.public_id}", headers={"HX-Request": "true", "HX-Target": "job"}).content.decode()


@pytest.fixture
def bell(monkeypatch):
    from customers.tasks import run_import

    heard = []
    monkeypatch.setattr(run_import, "apply_async", lambda *, kwargs, **_: heard.append(kwargs))
    return heard


@pytest.fixture
def dirty(atlas, tmp_path) -> Import:
    """An import with refusals that a spreadsheet would run."""
    good = [f"C{n},{n},{'Yes' if n % 3 else 'No'},a" for n in range(100)]
    bad = ["D1,=1+1,No,=b+1", "D2,+3 months,No,c", "D3,x,No"]
    lines = ["customerID,tenure,Churn,=cmd", *good, *bad]
    with tenant_scope(atlas):
        return import_file(write_csv(tmp_path / "=dirty.csv", *lines))


def test_uploaded_small_file_is_read_at_once_and_waits_for_its_columns(
    client_for, cast, bell, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        answer = upload(client_for(cast.anna))
    run = every(Import).get()
    assert (answer.status_code, answer["Location"]) == (302, f"/imports/{run.public_id}")
    assert (run.state, run.step, run.filename) == (JobState.AWAITING, ImportStep.MAP, "customers.csv")
    assert (run.requested_by, run.is_attended) == (cast.anna, True)
    assert bell == []
    page = client_for(cast.bob).get(answer["Location"])
    assert page.status_code == 200
    assert "customers.csv" in page.content.decode()


def test_uploaded_large_file_waits_for_a_worker(client_for, cast, bell, settings, django_capture_on_commit_callbacks):
    settings.IMPORT_READ_AT_ONCE_BYTES = 10
    with django_capture_on_commit_callbacks(execute=True):
        upload(client_for(cast.anna))
    run = every(Import).get()
    assert (run.state, run.step) == (JobState.QUEUED, ImportStep.READ)
    assert bell == [{"tenant_id": str(cast.atlas.pk), "job_id": run.pk}]
    assert "Reading the file" in client_for(cast.anna).get(f"/imports/{run.public_id}").content.decode()


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "customers.csv", "empty"),
        (b"PK\x03\x04" + bytes(60), "customers.csv", "damaged ZIP archive"),
        (b"%PDF-1.7\n" + bytes(60), "customers.csv", "a PDF, not a table"),
        (b"<html><table><tr><td>a</td></tr></table></html>", "customers.csv", "web page"),
        (b"just some words\nand more of them\n", "notes.txt", "is no table"),
        (b"customerID,tenure,Churn\n", "customers.csv", "no customer below"),
        (b'customerID,tenure\nC1,"1\nC2,2\n', "customers.csv", "never closed"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "Workbook".encode("utf-16-le"), "old.xls", "save it as .xlsx"),
    ],
)
def test_file_that_cannot_be_is_refused_on_the_form_and_leaves_nothing(
    client_for, cast, settings, bell, content, name, words
):
    answer = upload(client_for(cast.anna), content, name)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not every(Import).exists()
    assert not [p for p in settings.PRIVATE_ROOT.rglob("*") if p.is_file()]
    assert bell == []


def test_content_decides_what_a_file_is_and_its_name_nothing(client_for, cast, bell):
    assert upload(client_for(cast.anna), name="customers.xlsx").status_code == 302
    assert every(Import).get().kind == "csv"


def test_form_without_a_file_is_refused(client_for, cast):
    assert client_for(cast.anna).post("/imports/upload").status_code == 422


def test_file_larger_than_allowed_is_refused(client_for, cast, settings, bell):
    settings.UPLOAD_MAX_BYTES = 10
    answer = upload(client_for(cast.anna))
    assert answer.status_code in (413, 422)
    assert not every(Import).exists()


def test_body_larger_than_any_file_is_refused_before_it_is_read(client_for, cast, settings):
    settings.UPLOAD_MAX_BYTES = 10
    assert upload(client_for(cast.anna), b"x" * (2 << 20)).status_code == 413


@pytest.mark.parametrize("name", ["../../etc/passwd.csv", "a/b.csv", "x" * 300 + ".csv", "<script>.csv", "é 🙂.csv"])
def test_name_of_a_file_names_no_place_on_disk(client_for, cast, settings, bell, name):
    upload(client_for(cast.anna), name=name)
    run = every(Import).get()
    assert "/" not in run.filename
    assert run.stored_path.startswith(f"{cast.atlas.pk}/imports/{run.public_id}")
    kept = {p.relative_to(settings.PRIVATE_ROOT).parts[:3] for p in settings.PRIVATE_ROOT.rglob("*") if p.is_file()}
    assert {parts[:2] for parts in kept} == {(str(cast.atlas.pk), "imports")}
    assert all(str(run.public_id) in parts[2] for parts in kept)
    text = client_for(cast.bob).get(f"/imports/{run.public_id}").content.decode()
    assert "<script>.csv" not in text


def test_viewer_cannot_upload_and_sees_no_form(client_for, cast):
    assert upload(client_for(cast.bob)).status_code == 403
    assert 'type="file"' not in client_for(cast.bob).get("/imports").content.decode()
    assert not every(Import).exists()


def test_list_shows_the_newest_first(client_for, cast, imported, dirty):
    text = client_for(cast.bob).get("/imports").content.decode()
    assert text.index(str(dirty.public_id)) < text.index(str(imported.public_id))


def test_list_tells_which_import_waits_and_for_what(client_for, cast, bell):
    client = client_for(cast.anna)
    upload(client)
    assert "Agree on the columns" in client.get("/imports").content.decode()
    every(Import).update(step=ImportStep.AGREE)
    assert "Look at the dry run" in client.get("/imports").content.decode()


def test_list_reads_no_proposal_of_any_import(client_for, cast, bell, django_assert_max_num_queries):
    client = client_for(cast.anna)
    client.get("/imports")
    with django_assert_max_num_queries(8) as captured:
        client.get("/imports")
        few = len(captured)
    for number in range(5):
        upload(client, name=f"{number}.csv")
    with django_assert_max_num_queries(few) as captured:
        client.get("/imports")
        assert not [q for q in captured.captured_queries if '"proposal"' in q["sql"]]


def test_page_of_a_finished_import_shows_counts_and_refusals_in_words(client_for, cast, dirty):
    text = client_for(cast.anna).get(f"/imports/{dirty.public_id}").content.decode()
    assert "This is not a number." in text
    assert "=1+1" in text
    assert "hx-trigger" not in fragment(client_for(cast.anna), dirty)


def test_bar_of_an_open_import_asks_again(client_for, cast, bell, settings):
    settings.IMPORT_READ_AT_ONCE_BYTES = 0
    upload(client_for(cast.anna))
    run = every(Import).get()
    assert 'hx-trigger="every 1s"' in fragment(client_for(cast.bob), run)


def test_bar_of_an_open_import_reads_no_proposal(client_for, cast, bell, django_assert_max_num_queries):
    upload(client_for(cast.anna))
    every(Import).update(state=JobState.RUNNING, step=ImportStep.CHECK)
    run, client = every(Import).get(), client_for(cast.bob)
    with django_assert_max_num_queries(10) as captured:
        fragment(client, run)
        assert not [q for q in captured.captured_queries if '"proposal"' in q["sql"]]


def test_page_of_an_import_asks_few_questions(client_for, cast, dirty, django_assert_max_num_queries):
    client = client_for(cast.anna)
    client.get(f"/imports/{dirty.public_id}")
    with django_assert_max_num_queries(10):
        client.get(f"/imports/{dirty.public_id}")


def test_refused_rows_come_whole_after_why_and_run_nothing(client_for, cast, dirty):
    answer = client_for(cast.anna).get(f"/imports/{dirty.public_id}/refused.csv")
    assert answer["Content-Type"].startswith("text/csv")
    assert "attachment" in answer["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
    assert rows[0][:5] == ["ChurnGuard: line", "ChurnGuard: column", "ChurnGuard: reason", "customerID", "tenure"]
    by_line = {row[0]: row[1:] for row in rows[1:]}
    assert set(by_line) == {"102", "103", "104"}
    assert by_line["102"][:3] == ["tenure", "This is not a number.", "D1"]
    assert by_line["104"][1:] == ["The line has fewer cells than the header.", "D3", "x", "No"]
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]


def test_mended_refused_rows_are_recognised_and_come_in(client_for, cast, dirty, bell):
    client = client_for(cast.anna)
    text = b"".join(client.get(f"/imports/{dirty.public_id}/refused.csv").streaming_content).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    mended = [
        ",".join(rows[0]),
        *(",".join([*row[:4], str(n), "No", *row[6:], *["d"] * (7 - len(row))]) for n, row in enumerate(rows[1:])),
    ]
    upload(client, ("\n".join(mended) + "\n").encode(), "mended.csv")
    with tenant_scope(cast.atlas):
        run = Import.objects.get(filename="mended.csv")
        assert run.proposal["is_remembered"] is True
        customers.map_import(run=run, mapping=run.mapping, actor=cast.anna)
        customers.run_import(import_id=run.pk, follow=False)
        run.refresh_from_db()
        customers.agree_import(run=run, actor=cast.anna)
        assert customers.run_import(import_id=run.pk, follow=False).rows_created == 3
        assert list(Customer.objects.get(external_id="D1").attributes.values()) == ["=b+1"]


def test_refused_rows_are_for_the_company_and_for_those_who_import(client_for, cast, dirty):
    address = f"/imports/{dirty.public_id}/refused.csv"
    assert client_for(cast.bob).get(address).status_code == 403
    assert client_for(cast.charlie).get(address).status_code == 404


def test_import_without_refused_rows_has_no_file_of_them(client_for, cast, imported):
    assert client_for(cast.anna).get(f"/imports/{imported.public_id}/refused.csv").status_code == 404


def test_waiting_import_is_cancelled_by_its_company_only(client_for, cast, bell, settings):
    settings.IMPORT_READ_AT_ONCE_BYTES = 0
    upload(client_for(cast.anna))
    address = f"/imports/{every(Import).get().public_id}/cancel"
    assert client_for(cast.charlie).post(address).status_code == 404
    assert client_for(cast.bob).post(address).status_code == 403
    assert client_for(cast.anna).get(address).status_code == 405
    assert client_for(cast.anna).post(address).status_code == 302
    assert every(Import).get().state == JobState.CANCELLED


def test_failed_import_says_why_on_its_page(client_for, cast):
    with tenant_scope(cast.atlas):
        run = Import.objects.create(filename="a.csv", state="failed", error_code="x", error_message="The disk is full.")
    text = client_for(cast.bob).get(f"/imports/{run.public_id}").content.decode()
    assert "The disk is full." in text
    assert "Nothing was written." in text
