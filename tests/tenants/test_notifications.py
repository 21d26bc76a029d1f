"""The bell: what happened, for all or for one, in this company only; as a page, a fragment and JSON."""

import pytest

from tenants import selectors, services
from tenants.models import NotificationRead
from tenants.scoping import tenant_scope
from tests.everywhere import every

API = "/api/notifications"
PAGE = "/notifications"
HTMX = {"HX-Request": "true", "HX-Target": "notifications"}


@pytest.fixture
def told(cast):
    """Two notices for all of Atlas, one for Alice alone, one at Borealis."""
    with tenant_scope(cast.atlas):
        services.notify("import_finished", level="success", filename="atlas.csv", created=3, updated=1, refused=0)
        services.notify("customers_scored", scored=7043, high=512, url="/dashboard")
        services.notify(
            "import_failed", recipient=cast.alice, level="error", filename="secret.csv", reason="it is a folder"
        )
    with tenant_scope(cast.borealis):
        services.notify("import_finished", filename="borealis.csv", created=1, updated=0, refused=0)
    return cast


def test_json_has_what_was_told_newest_first(client_for, told):
    answer = client_for(told.alice).get(API)
    assert answer.status_code == 200
    body = answer.json()
    assert body["unread"] == 3
    assert [n["event"] for n in body["notifications"]] == ["import_failed", "customers_scored", "import_finished"]
    first = body["notifications"][0]
    assert set(first) == {"id", "event", "kind", "level", "text", "url", "at", "read"}
    assert (first["level"], first["read"]) == ("error", False)
    assert first["text"] == "secret.csv was not imported: it is a folder"


def test_what_was_told_to_one_is_not_told_to_another(client_for, told):
    events = [n["event"] for n in client_for(told.bob).get(API).json()["notifications"]]
    assert events == ["customers_scored", "import_finished"]


def test_another_company_hears_nothing_of_it(client_for, told):
    text = client_for(told.charlie).get(API).content.decode()
    assert "borealis.csv" in text
    assert "atlas.csv" not in text
    assert "secret.csv" not in text


def test_anonymous_hears_nothing(client, told):
    assert client.get(API).status_code in (401, 403)
    assert client.get(PAGE).status_code == 302


def test_reading_is_for_each_person_apart(client_for, told):
    client = client_for(told.alice)
    assert client.post(API).json()["unread"] == 0
    assert {n["read"] for n in client.get(API).json()["notifications"]} == {True}
    assert client_for(told.bob).get(API).json()["unread"] == 2


def test_reading_twice_is_reading_once(client_for, told):
    client = client_for(told.alice)
    client.post(API)
    client.post(API)
    assert every(NotificationRead).filter(user=told.alice).count() == 3


def test_reading_some_leaves_the_others(told):
    with tenant_scope(told.atlas):
        newest = selectors.notifications_for(told.bob).first()
        assert services.mark_read(user=told.bob, ids=[newest.pk]) == 1
        assert services.mark_read(user=told.bob) == 1


def test_notice_of_another_company_cannot_be_marked_read(told):
    with tenant_scope(told.borealis):
        theirs = selectors.notifications_for(told.charlie).first()
    with tenant_scope(told.atlas):
        assert services.mark_read(user=told.bob, ids=[theirs.pk]) == 0


def test_bell_counts_a_hundred_at_most(told):
    from tenants.selectors import unread_count

    with tenant_scope(told.atlas):
        for _ in range(120):
            services.notify("customers_scored", scored=1, high=0)
        assert unread_count(told.bob) == 100


def test_htmx_gets_a_fragment(client_for, told):
    answer = client_for(told.alice).get(API, headers=HTMX)
    text = answer.content.decode()
    assert answer["Content-Type"].startswith("text/html")
    assert "<html" not in text
    assert "atlas.csv" in text
    assert "HX-Request" in answer["Vary"]


def test_page_lists_them_and_reading_leads_back_to_it(client_for, told):
    client = client_for(told.alice)
    page = client.get(PAGE)
    assert page.status_code == 200
    assert "atlas.csv" in page.content.decode()
    assert client.post("/notifications/read")["Location"] == PAGE
    assert client.get("/notifications/read").status_code == 405


def test_words_are_made_in_the_readers_language_when_read(told):
    from tenants.notices import sentence

    assert sentence("customers_scored", {"scored": 1, "high": 0}) == "1 customer scored, 0 at high risk."
    assert sentence("import_finished", {"filename": "a.csv", "refused": 1}).endswith("1 row refused.")


def test_event_of_a_newer_release_shows_as_its_name():
    from tenants.notices import sentence

    assert sentence("campaign_paused", {"any": 1}) == "campaign paused"


@pytest.mark.parametrize(
    "code",
    [
        "import_finished",
        "import_failed",
        "model_trained",
        "training_failed",
        "customers_scored",
        "scoring_failed",
        "job_given_up",
    ],
)
def test_sentence_is_made_even_where_facts_are_missing(code):
    from tenants.notices import sentence

    assert sentence(code, {})


def test_file_name_in_a_notice_is_text_on_the_page(client_for, told):
    with tenant_scope(told.atlas):
        services.notify("import_finished", filename="<img src=x onerror=alert(1)>.csv", created=0, updated=0, refused=0)
    for address, headers in ((PAGE, {}), (API, HTMX)):
        assert "<img src=x" not in client_for(told.alice).get(address, headers=headers).content.decode()


@pytest.mark.parametrize("body", ["[" * 50_000, '{"ids": ' + "[" * 50_000 + "]" * 50_000 + "}", '{"unread": 1e999}'])
def test_odd_bodies_are_refused_and_break_nothing(client_for, told, body):
    answer = client_for(told.alice).post(API, body, content_type="application/json")
    assert answer.status_code == 400
