"""Imports for programs: a file in one request, or step by step with the same decisions as on the pages."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from core.models import JobState
from customers import services as customers
from customers.models import Customer, Import, ImportStep
from tenants.scoping import tenant_scope
from tests.conftest import CUSTOMERS
from tests.everywhere import every

GOOD = b"customerID,tenure,Churn\nC1,1,Yes\nC2,2,No\n"
OTHER = b"Ref,Situation,tenure\nC1,Gone,1\nC2,Here,2\n"


@pytest.fixture(autouse=True)
def bell(monkeypatch):
    from customers.tasks import run_import

    heard = []
    monkeypatch.setattr(run_import, "apply_async", lambda *, kwargs, **_: heard.append(kwargs))
    return heard


@pytest.fixture
def anna(client_for, cast):
    return client_for(cast.anna)


def upload(client, content: bytes = GOOD, name: str = "customers.csv", headers: dict | None = None, **fields):
    file = SimpleUploadedFile(name, content, content_type="text/csv")
    return client.post("/api/imports", {"file": file, **fields}, headers=headers or {})


def send(client, address: str, body: object = None, method: str = "post", headers: dict | None = None):
    payload = b"" if body is None else json.dumps(body)
    return getattr(client, method)(address, payload, content_type="application/json", headers=headers or {})


def work(company) -> Import:
    """What a worker would do now with the newest import."""
    with tenant_scope(company):
        return customers.run_import(import_id=Import.objects.latest("pk").pk, follow=False)


@pytest.fixture
def waiting(anna) -> dict:
    """An attended import, as the API tells it."""
    answer = upload(anna, attended="true")
    assert answer.status_code == 202
    return answer.json()


# ---------------------------------------------------------------- one request


def test_file_is_accepted_with_the_address_of_its_import(anna, bell, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        answer = upload(anna)
    assert answer.status_code == 202
    body = answer.json()
    assert answer["Location"] == body["url"]
    assert (body["state"], body["progress"], body["error"], body["attended"]) == ("queued", 0.0, None, False)
    assert anna.get(body["url"]).json()["id"] == body["id"]
    assert [message["job_id"] for message in bell] == [every(Import).get().pk]


def test_unattended_file_goes_through_to_the_end(anna, cast):
    url = upload(anna).json()["url"]
    work(cast.atlas)
    body = anna.get(url).json()
    assert (body["state"], body["step"], body["result"]["created"]) == ("succeeded", "write", 2)
    assert set(body["actions"]) == {"undo"}


def test_columns_may_be_said_beforehand(anna, cast):
    answer = upload(anna, OTHER, id_column="Ref", label_column="Situation", label_yes=["Gone", "Lost"])
    assert answer.status_code == 202
    work(cast.atlas)
    with tenant_scope(cast.atlas):
        assert dict(Customer.objects.values_list("external_id", "churn_label")) == {"C1": True, "C2": False}


def test_whole_mapping_may_be_said_beforehand(anna, cast):
    columns = {"Ref": "external_id", "Situation": "churn_label", "tenure": {"target": "attribute", "type": "number"}}
    upload(anna, OTHER, mapping=json.dumps({"columns": columns, "label": {"yes": ["Gone"], "no": ["Here"]}}))
    work(cast.atlas)
    with tenant_scope(cast.atlas):
        assert Customer.objects.get(external_id="C1").attributes == {"tenure": 1}


def test_dry_run_counts_and_writes_nothing(anna, cast):
    url = upload(anna, dry_run="true").json()["url"]
    work(cast.atlas)
    body = anna.get(url).json()
    assert (body["state"], body["step"], body["preview"]["created"]) == ("awaiting", "agree", 2)
    assert not every(Customer).exists()


def test_what_is_no_table_of_customers_is_refused_and_leaves_nothing(anna):
    answer = upload(anna, b"tenure,Churn\n1,Yes\n2,No\n")
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "no_id"
    assert "customer number" in answer.json()["detail"]
    assert not every(Import).exists()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"mapping": "{"}, "mapping"),
        ({"mapping": "[1]"}, "mapping"),
        ({"usage_month": "June"}, "usage_month"),
        ({"dry_run": "true", "attended": "true"}, "__all__"),
    ],
)
def test_fields_that_cannot_be_are_named(anna, fields, field):
    answer = upload(anna, **fields)
    assert answer.status_code == 400
    assert field in answer.json()["errors"]
    assert not every(Import).exists()


def test_mapping_that_names_a_column_that_is_not_there_is_refused(anna):
    answer = upload(anna, id_column="Nr")
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_column")
    assert "Nr" in answer.json()["detail"]


def test_missing_file_is_named(anna):
    answer = anna.post("/api/imports")
    assert answer.status_code == 400
    assert "file" in answer.json()["errors"]


def test_body_larger_than_any_file_is_refused_before_it_is_read(anna, settings):
    settings.UPLOAD_MAX_BYTES = 10
    assert upload(anna, b"x" * (2 << 20)).status_code == 413


def test_same_key_and_file_open_one_import(anna, cast):
    def post(content: bytes):
        return upload(anna, content, headers={"Idempotency-Key": "k"})

    first, again = post(GOOD), post(GOOD)
    assert first.json() == again.json()
    run = every(Import).get()
    assert (cast.atlas.pk, len(GOOD)) == (run.tenant_id, run.size_bytes)
    assert post(GOOD + b"C3,3,No\n").status_code == 422


# ---------------------------------------------------------------- step by step


def test_attended_import_tells_its_columns_and_what_may_be_done(anna, waiting):
    assert (waiting["state"], waiting["step"], waiting["rows"]) == ("awaiting", "map", 2)
    columns = {column["header"]: column for column in waiting["proposal"]["columns"]}
    assert columns["tenure"]["target"] == "tenure"
    assert columns["tenure"]["why"] == "exact_alias"
    assert waiting["mapping"]["columns"]["customerID"] == {"target": "external_id"}
    assert waiting["mapping"]["label"]["yes"] == ["Yes"]
    assert set(waiting["actions"]) == {"mapping", "discard"}


def test_import_goes_step_by_step_to_its_end(anna, cast, waiting):
    answer = send(anna, waiting["actions"]["mapping"], waiting["mapping"], "put")
    assert (answer.status_code, answer.json()["step"]) == (202, "check")
    work(cast.atlas)
    body = anna.get(waiting["url"]).json()
    assert (body["state"], body["step"], body["preview"]["created"]) == ("awaiting", "agree", 2)
    assert send(anna, body["actions"]["agree"]).status_code == 202
    work(cast.atlas)
    body = anna.get(waiting["url"]).json()
    assert (body["state"], body["result"]["created"]) == ("succeeded", 2)
    assert send(anna, body["actions"]["undo"]).status_code == 202
    work(cast.atlas)
    body = anna.get(waiting["url"]).json()
    assert body["undone"]["removed"] == 2
    assert body["actions"] == {}


def test_empty_mapping_agrees_to_what_was_proposed(anna, waiting):
    answer = send(anna, waiting["actions"]["mapping"])
    assert answer.status_code == 202
    assert answer.json()["mapping"] == waiting["mapping"]


def test_mapping_carries_what_belongs_to_it(anna, waiting):
    body = {**waiting["mapping"], "empty_means_empty": True, "usage_month": "2025-06"}
    answer = send(anna, waiting["actions"]["mapping"], body, "put").json()
    assert (answer["empty_means_empty"], answer["usage_month"]) == (True, "2025-06")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ([1], 400, "invalid"),
        ({"empty_means_empty": "perhaps"}, 400, "invalid"),
        ({"usage_month": "June"}, 400, "invalid"),
        ({"columns": {"tenure": "tenure"}, "id": "column"}, 422, "no_id"),
        ({"columns": {"customerID": "external_id", "tenure": "moon"}}, 422, "unknown_target"),
        ({"columns": {"customerID": "external_id", "Churn": "churn_label"}}, 422, "label_yes_missing"),
        ({"columns": {"customerID": "external_id", "tenure": "age", "Churn": "age"}}, 422, "two_on_one_target"),
        ({"columns": "all"}, 422, "not_a_mapping"),
        ({"columns": {"customerID": 5}}, 422, "bad_column"),
    ],
)
def test_mapping_that_cannot_be_is_refused_and_the_import_goes_on_waiting(anna, waiting, body, status, code):
    answer = send(anna, waiting["actions"]["mapping"], body, "put")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail"]
    run = every(Import).get()
    assert (run.state, run.step) == (JobState.AWAITING, ImportStep.MAP)


@pytest.mark.parametrize("action", ["agree", "undo", "sheet"])
def test_decision_that_the_state_does_not_allow_is_a_conflict(anna, waiting, action):
    every(Import).update(sheets=[], step=ImportStep.MAP if action != "sheet" else ImportStep.CHECK)
    answer = send(anna, f"{waiting['url']}/{action}", {"sheet": "A"})
    assert answer.status_code == 409
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] in ("wrong_step", "not_written")


def test_discarded_import_is_over(anna, waiting):
    answer = send(anna, waiting["actions"]["discard"])
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert send(anna, waiting["actions"]["discard"]).status_code == 409


def test_same_key_agrees_once(anna, cast, waiting):
    address = waiting["actions"]["mapping"]
    first = send(anna, address, waiting["mapping"], headers={"Idempotency-Key": "m"})
    again = send(anna, address, waiting["mapping"], headers={"Idempotency-Key": "m"})
    assert (first.status_code, again.status_code) == (202, 202)
    assert again["Idempotency-Replayed"] == "true"
    assert send(anna, address, waiting["mapping"]).status_code == 409


def test_refused_rows_come_as_a_file(anna, cast):
    url = upload(anna, GOOD + b"C2,9,No\n").json()["url"]
    work(cast.atlas)
    body = anna.get(url).json()
    assert body["result"]["refused"] == 1
    answer = anna.get(body["actions"]["refused"])
    lines = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
    assert lines[0] == "ChurnGuard: line,ChurnGuard: column,ChurnGuard: reason,customerID,tenure,Churn"
    assert lines[1].startswith("4,customerID,")


# ---------------------------------------------------------------- who may


def test_api_is_closed_to_viewers_anonymous_and_other_companies(client_for, client, cast, imported):
    assert upload(client_for(cast.bob)).status_code == 403
    assert upload(client).status_code in (401, 403)
    address = f"/api/imports/{imported.public_id}"
    assert client_for(cast.bob).get(address).status_code == 200
    assert client_for(cast.charlie).get(address).status_code == 404
    assert client_for(cast.charlie).get("/api/imports").json() == {"imports": []}


@pytest.mark.parametrize("action", ["mapping", "agree", "sheet", "discard", "undo"])
def test_decisions_are_for_those_who_import_in_the_company(client_for, cast, waiting, action):
    address = f"{waiting['url']}/{action}"
    assert send(client_for(cast.bob), address, {}).status_code == 403
    assert send(client_for(cast.charlie), address, {"sheet": "A"}).status_code == 404
    assert every(Import).get().state == JobState.AWAITING


def test_refused_rows_are_for_those_who_import_in_the_company(client_for, cast, anna):
    url = upload(anna, GOOD + b"C2,9,No\n").json()["url"]
    work(cast.atlas)
    assert client_for(cast.bob).get(f"{url}/refused").status_code == 403
    assert client_for(cast.charlie).get(f"{url}/refused").status_code == 404
    assert anna.get(f"{url}/refused").status_code == 200


def test_result_is_told_when_it_is_there(client_for, cast, imported):
    bob = client_for(cast.bob)
    body = bob.get(f"/api/imports/{imported.public_id}").json()
    assert (body["state"], body["progress"], body["result"]["created"]) == ("succeeded", 1.0, CUSTOMERS)
    brief = bob.get("/api/imports").json()["imports"][0]
    assert brief.items() <= body.items()
    assert "proposal" not in brief
