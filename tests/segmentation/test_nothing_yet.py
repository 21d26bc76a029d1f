"""Before the first division: every page and endpoint answers, and says why there is nothing."""

import pytest

from segmentation import selectors
from tenants.scoping import tenant_scope

from .company_of_use import bring_in
from .conftest import divide
from .shapes import DETAILS, DISTRIBUTION, EMPTY, FOUR, ask
from .test_pages import HOW_MANY, SEGMENTS, text_of

RUN = "/api/segmentation"


@pytest.mark.parametrize("address", FOUR)
def test_nothing_yet_is_an_empty_answer_with_a_reason(client_for, cast, address):
    answer = client_for(cast.bob).get(address)
    assert (answer.status_code, answer["X-Reason"]) == (200, "no_customers")
    told = answer.json()
    reason = told.pop("reason", None)
    assert told == EMPTY[address]
    assert address == DETAILS or reason == "There are no customers yet: import a file, and segments follow."


def test_reason_is_that_of_the_attempt_that_failed(client_for, cast, quick_advice):
    with tenant_scope(cast.atlas):
        bring_in(3)
    client = client_for(cast.bob)
    assert client.get(DISTRIBUTION)["X-Reason"] == "no_segmentation"
    with tenant_scope(cast.atlas), pytest.raises(Exception, match="too few"):
        divide()
    answer = client.get(DISTRIBUTION)
    assert (answer.status_code, answer["X-Reason"]) == (200, "too_few_rows")
    assert answer.json()["reason"] == "There are too few customers to group."


def test_program_reads_why_there_is_none(client_for, cast):
    assert ask(client_for(cast.bob), RUN) == {
        "segmentation": None,
        "code": "no_customers",
        "reason": "There are no customers yet: import a file, and segments follow.",
    }


def test_company_without_customers_is_told_what_to_do(client_for, cast):
    text = text_of(client_for(cast.anna).get(SEGMENTS))
    assert "import a file, and segments follow" in text
    assert "/segments/refresh" not in text
    assert client_for(cast.bob).get(HOW_MANY).status_code == 200


def test_company_with_customers_may_begin(client_for, cast, used, django_capture_on_commit_callbacks):
    client = client_for(cast.anna)
    assert "Divide the customers" in text_of(client.get(SEGMENTS))
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post("/segments/refresh")
    assert (answer.status_code, answer["Location"]) == (302, SEGMENTS)
    with tenant_scope(cast.atlas):
        assert selectors.current_run().requested_by == cast.anna
    assert 'id="S5"' in text_of(client.get(SEGMENTS))


def test_list_without_segments_offers_no_such_filter(client_for, cast, used):
    assert 'name="segment"' not in text_of(client_for(cast.bob).get("/clients"))
