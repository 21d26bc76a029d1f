"""Jobs of all kinds for programs: one list, one job, stopping, trying again; rights by kind."""

from __future__ import annotations

import pytest

from customers.models import Import, ImportStep, QualityProfile
from predictions.models import ScoringRun, TrainingRun
from segmentation.models import Allocation
from tenants.models import AuditEntry
from tenants.scoping import tenant_scope
from tests.dashboard.conftest import cost

JOBS = "/api/jobs"
ABSENT = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def jobs_of_atlas(cast):
    """Seven jobs of several kinds, oldest first."""
    with tenant_scope(cast.atlas):
        made = [
            Import.objects.create(filename="a.csv", state="awaiting", step=ImportStep.MAP, is_attended=True),
            TrainingRun.objects.create(state="succeeded"),
            Import.objects.create(filename="b.csv", state="running", step=ImportStep.WRITE),
            Allocation.objects.create(state="dead", error_code="error", error_message="ValueError: x", attempts=5),
            Import.objects.create(filename="c.csv", state="running", step=ImportStep.UNDO),
            TrainingRun.objects.create(state="queued"),
        ]
        made.append(QualityProfile.objects.create(brought_by=made[0], state="queued"))
        return made


def post(client, address: str, **headers: str):
    return client.post(address, b"", content_type="application/json", headers=headers)


def test_jobs_of_all_kinds_are_walked_newest_first_once_each(client_for, cast, jobs_of_atlas):
    bob, found, address = client_for(cast.bob), [], f"{JOBS}?limit=2"
    for _ in range(10):
        told = bob.get(address).json()
        assert len(told["jobs"]) <= 2
        found += [one["job"] for one in told["jobs"]]
        address = told["next"]
        if address is None:
            break
    assert found == [str(job.public_id) for job in reversed(jobs_of_atlas)]


def test_list_is_narrowed_by_kind_and_state(client_for, cast, jobs_of_atlas):
    bob = client_for(cast.bob)
    told = bob.get(f"{JOBS}?kind=import&state=running").json()["jobs"]
    assert [one["job"] for one in told] == [str(jobs_of_atlas[4].public_id), str(jobs_of_atlas[2].public_id)]
    assert {one["kind"] for one in told} == {"import"}
    one = bob.get(told[0]["url"]).json()
    assert one == told[0]


def test_more_jobs_cost_no_more_questions(client_for, cast, jobs_of_atlas):
    bob = client_for(cast.bob)
    before = cost(bob, JOBS)
    with tenant_scope(cast.atlas):
        for number in range(5):
            Import.objects.create(filename=f"{number}.csv", state="running", step=ImportStep.WRITE)
    assert cost(bob, JOBS) == before


@pytest.mark.parametrize(
    "query",
    ["kind=nothing", "state=lost", "limit=0", "after=x", "after=W10", "after=e30_", "after=%C3%A9", "order_by=pk"],
)
def test_wrong_question_is_refused(client_for, cast, query):
    answer = client_for(cast.bob).get(f"{JOBS}?{query}")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


def test_what_may_be_done_is_told_to_who_may(client_for, cast, jobs_of_atlas):
    waits, over, writes, dead, undoes, learns, looks = (str(job.public_id) for job in jobs_of_atlas)

    def told(person) -> dict[str, tuple[bool, bool]]:
        rows = client_for(person).get(JOBS).json()["jobs"]
        return {one["job"]: (one["stop"] is not None, one["retry"] is not None) for one in rows}

    assert set(told(cast.bob).values()) == {(False, False)}
    assert told(cast.omar) == {
        waits: (True, False),
        over: (False, False),
        writes: (True, False),
        dead: (False, True),
        undoes: (False, False),
        learns: (True, False),
        looks: (True, False),
    }
    assert told(cast.anna)[dead] == (False, False)


def test_job_is_stopped_by_who_may_start_its_kind(client_for, cast, jobs_of_atlas):
    waits, _over, writes, _dead, _undoes, learns, _looks = jobs_of_atlas
    anna, bob = client_for(cast.anna), client_for(cast.bob)
    address = f"{JOBS}/training/{learns.public_id}/stop"
    assert post(bob, address).status_code == 403
    assert post(anna, address).json()["state"] == "cancelled"
    again = post(anna, address)
    assert (again.status_code, again.json()["code"]) == (409, "not_stoppable")
    assert post(anna, f"{JOBS}/import/{writes.public_id}/stop").json()["state"] == "running"
    assert post(anna, f"{JOBS}/import/{waits.public_id}/stop").json()["state"] == "cancelled"
    with tenant_scope(cast.atlas):
        assert Import.objects.get(pk=writes.pk).cancel_requested
        assert AuditEntry.objects.latest("sequence").verb == "import_discarded"


def test_job_of_a_kind_that_ends_by_itself_is_not_stopped(client_for, cast, scored):
    answer = post(client_for(cast.olfa), f"{JOBS}/scoring/{scored.public_id}/stop")
    assert answer.status_code == 409
    with tenant_scope(cast.atlas):
        assert ScoringRun.objects.get(pk=scored.pk).state == "succeeded"


def test_given_up_job_is_tried_again_by_an_operator(client_for, cast, jobs_of_atlas):
    dead, learns = jobs_of_atlas[3], jobs_of_atlas[5]
    address = f"{JOBS}/allocation/{dead.public_id}/retry"
    assert post(client_for(cast.anna), address).status_code == 403
    omar = client_for(cast.omar)
    told = post(omar, address).json()
    assert (told["state"], told["attempts"], told["error"]) == ("queued", 0, None)
    assert post(omar, address).status_code == 409
    assert post(omar, f"{JOBS}/training/{learns.public_id}/retry").status_code == 409


def test_another_companys_job_and_a_wrong_kind_are_absent(client_for, cast, jobs_of_atlas):
    charlie, omar = client_for(cast.charlie), client_for(cast.omar)
    assert charlie.get(JOBS).json() == {"jobs": [], "next": None}
    job = jobs_of_atlas[2]
    for client, address in (
        (charlie, f"{JOBS}/import/{job.public_id}"),
        (omar, f"{JOBS}/training/{job.public_id}"),
        (omar, f"{JOBS}/nothing/{job.public_id}"),
    ):
        absent = client.get(f"{JOBS}/import/{ABSENT}")
        assert absent.status_code == 404
        assert client.get(address).content == absent.content
    for verb in ("stop", "retry"):
        assert post(charlie, f"{JOBS}/import/{job.public_id}/{verb}").status_code in (403, 404)
    with tenant_scope(cast.atlas):
        assert not Import.objects.get(pk=job.pk).cancel_requested
