"""``POST /api/train`` and the address of a job, for programs."""

import pytest
from django.urls import reverse

from core import jobs
from predictions.models import TrainingRun
from predictions.tasks import train_model
from tenants.scoping import tenant_scope
from tests.everywhere import every

TRAIN = "/api/train"


@pytest.fixture
def bell(monkeypatch):
    heard = []
    monkeypatch.setattr(train_model, "apply_async", lambda *, kwargs, **_: heard.append(kwargs))
    return heard


def test_training_is_accepted_with_the_address_of_its_job(client_for, cast, bell, django_capture_on_commit_callbacks):
    client = client_for(cast.alice)
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(TRAIN)
    assert answer.status_code == 202
    body = answer.json()
    run = every(TrainingRun).get()
    assert body["job"] == str(run.public_id)
    assert answer["Location"] == body["url"] == f"http://testserver/api/jobs/{run.public_id}"
    assert run.requested_by == cast.alice
    assert bell == [{"tenant_id": str(cast.atlas.pk), "job_id": run.pk}]
    assert client.get(answer["Location"]).json()["state"] == "queued"


def test_second_request_gets_the_same_job(client_for, cast, bell):
    first, second = client_for(cast.alice).post(TRAIN), client_for(cast.anna).post(TRAIN)
    assert first.json()["job"] == second.json()["job"]
    assert second.status_code == 202
    assert every(TrainingRun).count() == 1


def test_companies_do_not_share_their_one_training(client_for, cast, bell):
    ours, theirs = client_for(cast.alice).post(TRAIN), client_for(cast.charlie).post(TRAIN)
    assert ours.json()["job"] != theirs.json()["job"]


def test_viewer_cannot_train(client_for, cast, bell):
    answer = client_for(cast.bob).post(TRAIN)
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert not every(TrainingRun).exists()


def test_anonymous_cannot_train(client, cast):
    answer = client.post(TRAIN)
    assert answer.status_code in (401, 403)
    assert answer.json()["code"] == "not_authenticated"
    assert not every(TrainingRun).exists()


def test_training_is_a_post(client_for, cast):
    assert client_for(cast.alice).get(TRAIN).status_code in (403, 405)


def test_broker_down_is_no_reason_to_refuse(client_for, cast, monkeypatch, django_capture_on_commit_callbacks):
    def down(**_):
        raise ConnectionRefusedError

    monkeypatch.setattr(train_model, "apply_async", down)
    with django_capture_on_commit_callbacks(execute=True):
        assert client_for(cast.alice).post(TRAIN).status_code == 202
    assert every(TrainingRun).get().state == "queued"


def test_job_says_how_far_it_is(client_for, cast):
    with tenant_scope(cast.atlas):
        run = TrainingRun.objects.create()
        held = jobs.claim(TrainingRun, run.pk)
        held.report(25, 100, "Learning")
    body = client_for(cast.bob).get(reverse("predictions:api_job", args=[run.public_id])).json()
    assert (body["kind"], body["state"], body["progress"], body["step"]) == ("training", "running", 0.25, "Learning")
    assert body["seconds_left"] is not None
    assert (body["error"], body["attempts"], body["finished_at"]) == (None, 1, None)


def test_failed_job_says_why(client_for, cast):
    with tenant_scope(cast.atlas):
        run = TrainingRun.objects.create(state="failed", error_code="one_class", error_message="Everybody stayed.")
    body = client_for(cast.bob).get(reverse("predictions:api_job", args=[run.public_id])).json()
    assert body["error"] == {"code": "one_class", "detail": "Everybody stayed."}


def test_imports_and_scorings_are_jobs_too(client_for, scored, imported, cast):
    client = client_for(cast.bob)
    for job, kind in ((scored, "scoring"), (imported, "import")):
        body = client.get(reverse("predictions:api_job", args=[job.public_id])).json()
        assert (body["kind"], body["state"], body["progress"]) == (kind, "succeeded", 1.0)


def test_another_companys_job_is_absent(client_for, cast):
    with tenant_scope(cast.atlas):
        run = TrainingRun.objects.create()
    client = client_for(cast.charlie)
    anothers = client.get(reverse("predictions:api_job", args=[run.public_id]))
    absent = client.get("/api/jobs/00000000-0000-4000-8000-000000000000")
    assert anothers.status_code == absent.status_code == 404
    assert anothers.json() == absent.json()


# ---------------------------------------------------------------- the same key, the same answer


def post(client, key: str, body: dict | None = None):
    return client.post(TRAIN, body or {}, content_type="application/json", headers={"Idempotency-Key": key})


def test_same_key_gets_the_same_answer_even_when_the_job_is_over(client_for, cast, bell):
    client = client_for(cast.alice)
    first = post(client, "monday")
    every(TrainingRun).update(state="cancelled")
    again = post(client, "monday")
    assert (again.status_code, again.json(), again["Location"]) == (202, first.json(), first["Location"])
    assert again["Idempotency-Replayed"] == "true"
    assert every(TrainingRun).count() == 1
    assert post(client, "tuesday").json()["job"] != first.json()["job"]


def test_same_key_with_another_body_is_refused(client_for, cast, bell):
    client = client_for(cast.alice)
    post(client, "monday", {"seed": 1})
    answer = post(client, "monday", {"seed": 2})
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


def test_keys_of_two_people_do_not_meet(client_for, cast, bell):
    ours = post(client_for(cast.alice), "monday")
    every(TrainingRun).update(state="cancelled")
    other = post(client_for(cast.anna), "monday")
    theirs = post(client_for(cast.charlie), "monday")
    assert len({ours.json()["job"], other.json()["job"], theirs.json()["job"]}) == 3


def test_refused_person_leaves_no_answer_behind(client_for, cast):
    from tenants.models import StoredAnswer

    assert post(client_for(cast.bob), "monday").status_code == 403
    assert not every(StoredAnswer).exists()


def test_second_request_while_the_first_is_answered_is_told_to_wait(client_for, cast, bell):
    from tenants.models import StoredAnswer

    client = client_for(cast.alice)
    post(client, "monday")
    every(StoredAnswer).update(status=0)
    assert post(client, "monday").status_code == 409


def test_endless_key_is_refused(client_for, cast, bell):
    assert post(client_for(cast.alice), "x" * 201).status_code == 400
