"""The pages and addresses of the feeds: who may do what, what is shown, and what never is."""

import datetime as dt

import pytest

from core import secrets
from core.models import JobState
from customers.models import ColumnMapping, Feed, FeedRun
from tenants.scoping import tenant_scope
from tests.customers.feeding import agree_to_shape, go_on, lay, look, make_feed
from tests.everywhere import every

SCHEDULE = {"rhythm": "daily", "at": "05:30", "weekday": "0", "every_minutes": "30", "review": "agree"}
WORD = "s3cret-word"
pytestmark = pytest.mark.usefixtures("inbox")


@pytest.fixture
def feed(cast) -> Feed:
    with tenant_scope(cast.atlas):
        return make_feed(actor=cast.alice, name="Nightly files", review="agree")


@pytest.fixture
def sealed(cast) -> Feed:
    """A feed with credentials."""
    with tenant_scope(cast.atlas):
        return make_feed(
            "https",
            actor=cast.alice,
            name="Export",
            address=f"https://example.com/customers.csv?sig={WORD}",
            auth="header",
            header="X-Key",
            value=WORD,
        )


def text_of(answer) -> str:
    return answer.content.decode()


# ---------------------------------------------------------------- who may


def addresses(feed: Feed) -> dict[str, tuple[str, str, str]]:
    """name -> (method, address, the least role that may)."""
    at = f"/feeds/{feed.public_id}"
    return {
        "list": ("get", "/feeds", "anna"),
        "detail": ("get", at, "anna"),
        "api list": ("get", "/api/feeds", "anna"),
        "api detail": ("get", f"/api{at}", "anna"),
        "run": ("post", f"{at}/run", "omar"),
        "test": ("post", f"{at}/test", "omar"),
        "pause": ("post", f"{at}/pause", "omar"),
        "resume": ("post", f"{at}/resume", "omar"),
        "stop": ("post", f"{at}/stop", "omar"),
        "agree": ("post", f"{at}/agree", "omar"),
        "api run": ("post", f"/api{at}/run", "omar"),
        "api pause": ("post", f"/api{at}/pause", "omar"),
        "api resume": ("post", f"/api{at}/resume", "omar"),
        "new": ("get", "/feeds/new", "alice"),
        "form": ("get", "/feeds/new?kind=sql", "alice"),
        "edit": ("get", f"{at}/edit", "alice"),
        "delete": ("post", f"{at}/delete", "alice"),
    }


DOORS = ["list", "detail", "api list", "api detail", "run", "test", "pause", "resume", "stop", "agree", "api run",
         "api pause", "api resume", "new", "form", "edit", "delete"]  # fmt: skip
PEOPLE = ["bob", "anna", "omar", "alice"]


@pytest.mark.parametrize("door", DOORS)
def test_door_opens_from_a_role_on(client_for, cast, feed, bell, door):
    method, address, least = addresses(feed)[door]
    for name in PEOPLE:
        answer = getattr(client_for(getattr(cast, name)), method)(address)
        if PEOPLE.index(name) < PEOPLE.index(least):
            assert answer.status_code == 403, name
        else:
            assert answer.status_code in (200, 202, 302, 404, 422), name
            break
    assert set(addresses(feed)) == set(DOORS)


@pytest.mark.parametrize("door", [d for d in DOORS if d not in ("list", "api list", "new", "form")])
def test_other_companys_feed_is_not_there(client_for, cast, feed, door):
    method, address, _least = addresses(feed)[door]
    assert getattr(client_for(cast.charlie), method)(address).status_code == 404
    assert every(Feed).filter(pk=feed.pk, is_active=True).exists()


def test_other_companys_lists_are_empty(client_for, cast, feed):
    assert "Nightly files" not in text_of(client_for(cast.charlie).get("/feeds"))
    assert client_for(cast.charlie).get("/api/feeds").json() == {"feeds": []}


def test_what_one_may_not_do_is_not_offered(client_for, cast, feed):
    at = f"/feeds/{feed.public_id}"
    anna, omar, alice = (text_of(client_for(p).get(at)) for p in (cast.anna, cast.omar, cast.alice))
    assert f"{at}/run" not in anna and f"{at}/run" in omar
    assert f"{at}/edit" not in omar and f"{at}/edit" in alice
    assert f"{at}/delete" not in omar and f"{at}/delete" in alice


def test_imports_lead_to_the_feeds(client_for, cast):
    assert 'href="/feeds"' in text_of(client_for(cast.anna).get("/imports"))
    assert 'href="/feeds"' not in text_of(client_for(cast.bob).get("/imports"))


# ---------------------------------------------------------------- setting up


def test_kinds_are_offered_first(client_for, cast):
    text = text_of(client_for(cast.alice).get("/feeds/new"))
    assert all(f"?kind={kind}" in text for kind in ("folder", "sql", "https"))
    assert text_of(client_for(cast.alice).get("/feeds/new?kind=ftp")).count('href="/feeds/new?kind=') == 3


def test_folder_feed_is_set_up_by_its_form(client_for, cast, inbox):
    form = {"name": "Nightly", "pattern": "customers-*.csv", "sheet": "", **SCHEDULE}
    answer = client_for(cast.alice).post("/feeds/new?kind=folder", form)
    feed = every(Feed).get()
    assert (answer.status_code, answer["Location"]) == (302, f"/feeds/{feed.public_id}")
    assert (feed.kind, feed.at, feed.options, feed.created_by) == (
        "folder", dt.time(5, 30), {"pattern": "customers-*.csv"}, cast.alice,
    )  # fmt: skip
    assert feed.next_run_at is not None and inbox.is_dir()


def test_database_feed_is_set_up_and_its_address_shown_no_more(client_for, cast):
    url = f"postgresql://reader:{WORD}@db.example.com/crm"
    form = {"name": "CRM", "url": url, "query": "SELECT 1", **SCHEDULE}
    client = client_for(cast.alice)
    page = client.post("/feeds/new?kind=sql", form, follow=True)
    feed = every(Feed).get()
    assert secrets.unseal(feed.secret, scope=feed.secret_scope) == url
    pages = [page, client.get(f"/feeds/{feed.public_id}/edit"), client.get("/feeds"), client.get("/api/feeds")]
    pages += [client.get(f"/api/feeds/{feed.public_id}"), client.get("/admin/customers/feed/")]
    pages += [client.get(f"/admin/customers/feed/{feed.pk}/change/")]
    for shown in pages:
        assert shown.status_code == 200
        assert WORD not in text_of(shown) and feed.secret not in text_of(shown)
    assert "postgresql://db.example.com:5432/crm" in text_of(page)
    assert "SELECT 1" in text_of(page)


@pytest.mark.parametrize(
    ("kind", "form", "words"),
    [
        ("folder", {"pattern": "../*"}, "without folders"),
        ("sql", {"url": f"oracle://a:{WORD}@b/c", "query": "SELECT 1"}, "is not read"),
        ("sql", {"url": f"postgresql://a:{WORD}@b/c", "query": "DELETE FROM t"}, "begins with SELECT or WITH"),
        ("sql", {"url": "", "query": "SELECT 1"}, "Give the address of the database"),
        ("https", {"address": "http://example.com/x", "auth": "none"}, "https://"),
        (
            "https",
            {"address": "https://example.com/x", "auth": "header", "header": "Host", "value": WORD},
            "as a header",
        ),
        ("https", {"address": "https://example.com/x", "auth": "basic"}, "Give the credentials"),
        ("folder", {"pattern": "*", "rhythm": "minutes", "every_minutes": "4"}, "greater than or equal to 5"),
        ("folder", {"pattern": "*", "rhythm": "minutes", "every_minutes": ""}, "how many minutes"),
        ("folder", {"pattern": "*", "at": ""}, "what time"),
        ("folder", {"pattern": "*", "name": ""}, "required"),
        ("folder", {"pattern": "*", "review": "never"}, "valid choice"),
    ],
)
def test_form_says_what_is_wrong_and_never_repeats_a_secret(client_for, cast, kind, form, words):
    answer = client_for(cast.alice).post(f"/feeds/new?kind={kind}", {"name": "x", **SCHEDULE, **form})
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert WORD not in text_of(answer)
    assert not every(Feed).exists()


def test_name_that_is_taken_is_said_at_the_name(client_for, cast, feed):
    form = {"name": feed.name, "pattern": "*", **SCHEDULE}
    answer = client_for(cast.alice).post("/feeds/new?kind=folder", form)
    assert answer.status_code == 422 and "id_name_error" in text_of(answer)


def test_edited_feed_keeps_credentials_that_are_not_given_again(client_for, cast, sealed):
    client = client_for(cast.alice)
    page = text_of(client.get(f"/feeds/{sealed.public_id}/edit"))
    assert "https://example.com/customers.csv" in page and WORD not in page
    form = {"name": "Export 2", "address": "https://example.com/customers.csv", "auth": "header", "header": "X-Key"}
    answer = client.post(f"/feeds/{sealed.public_id}/edit", {**SCHEDULE, **form})
    assert answer.status_code == 302
    changed = every(Feed).get(pk=sealed.pk)
    assert changed.name == "Export 2"
    assert WORD in secrets.unseal(changed.secret, scope=changed.secret_scope)


def test_edit_that_sends_credentials_elsewhere_is_refused(client_for, cast, sealed):
    form = {"name": "Export", "address": "https://attacker.example.com/x.csv", "auth": "header", "header": "X-Key"}
    answer = client_for(cast.alice).post(f"/feeds/{sealed.public_id}/edit", {**SCHEDULE, **form})
    assert answer.status_code == 422 and "Give the credentials" in text_of(answer)
    assert every(Feed).get(pk=sealed.pk).options["address"] == "https://example.com/customers.csv"


def test_feed_is_paused_resumed_and_deleted(client_for, cast, feed):
    omar, alice = client_for(cast.omar), client_for(cast.alice)
    at = f"/feeds/{feed.public_id}"
    assert "Paused" in text_of(omar.post(f"{at}/pause", follow=True))
    assert not every(Feed).get(pk=feed.pk).is_active
    omar.post(f"{at}/resume")
    assert every(Feed).get(pk=feed.pk).is_active
    assert omar.get(f"{at}/pause").status_code == 405
    answer = alice.post(f"{at}/delete")
    assert (answer["Location"], every(Feed).exists()) == ("/feeds", False)


# ---------------------------------------------------------------- looks and tests


def test_run_now_rings_and_shows_the_bar(client_for, cast, feed, bell, inbox, django_capture_on_commit_callbacks):
    lay(inbox, "june.csv")
    client = client_for(cast.omar)
    with django_capture_on_commit_callbacks(execute=True):
        page = client.post(f"/feeds/{feed.public_id}/run", follow=True)
    run = every(FeedRun).get()
    assert bell == [{"tenant_id": str(cast.atlas.pk), "job_id": run.pk}]
    assert (run.requested_by, run.is_scheduled) == (cast.omar, False)
    assert 'hx-trigger="every 1s"' in text_of(page)
    again = client.post(f"/feeds/{feed.public_id}/run", follow=True)
    assert "at work already" in text_of(again)
    fragment = client.get(f"/feeds/{feed.public_id}", headers={"HX-Request": "true", "HX-Target": "work"})
    assert text_of(fragment).lstrip().startswith('<div id="work"')
    client.post(f"/feeds/{feed.public_id}/stop")
    assert every(FeedRun).get().state == JobState.CANCELLED


def test_page_tells_what_a_feed_brought_and_leads_to_its_import(client_for, cast, feed, inbox, tmp_path):
    with tenant_scope(cast.atlas):
        lay(inbox, "june.csv")
        run = look(feed)
    text = text_of(client_for(cast.anna).get(f"/feeds/{feed.public_id}"))
    assert "june.csv waits for a person" in text
    assert f"/imports/{run.import_run.public_id}" in text
    assert "Waits for you" in text_of(client_for(cast.anna).get("/feeds"))


def test_refused_file_is_told_with_its_reason(client_for, cast, feed, inbox):
    with tenant_scope(cast.atlas):
        (inbox / "page.csv").write_text("<html><body>no table</body></html>")
        look(feed)
    text = text_of(client_for(cast.anna).get(f"/feeds/{feed.public_id}"))
    assert "web page" in text and "Moved to refused/page.csv" in text


def test_test_shows_columns_and_its_agreement_is_kept(client_for, cast, feed, inbox):
    with tenant_scope(cast.atlas):
        lay(inbox, "<b>june.csv", "customerID,tenure,Churn,Colour", "C1,1,Yes,<i>red</i>", "C2,2,No,blue")
        look(feed, is_test=True)
    client = client_for(cast.omar)
    text = text_of(client.get(f"/feeds/{feed.public_id}"))
    assert "Customer number" in text and "Other field" in text and "nothing was written" in text
    assert "&lt;b&gt;june.csv" in text and "<b>june" not in text
    assert "&lt;i&gt;red&lt;/i&gt;" in text and "<i>red</i>" not in text
    assert "Agree to these columns" in text
    assert "Agree to these columns" not in text_of(client_for(cast.anna).get(f"/feeds/{feed.public_id}"))
    after = text_of(client.post(f"/feeds/{feed.public_id}/agree", follow=True))
    assert every(ColumnMapping).get().tenant_id == cast.atlas.pk
    assert "Agree to these columns" not in after and "agreed to before" in after


def test_agreement_without_a_test_is_not_there(client_for, cast, feed):
    assert client_for(cast.omar).post(f"/feeds/{feed.public_id}/agree").status_code == 404


def test_pages_ask_as_many_questions_whatever_there_is(
    client_for, cast, inbox, tmp_path, django_assert_max_num_queries
):
    with tenant_scope(cast.atlas):
        agree_to_shape(tmp_path)
        feeds = [make_feed(name=f"Feed {n}", actor=cast.alice) for n in range(4)]
        for feed in feeds:
            for _ in range(3):
                FeedRun.objects.create(feed=feed, state=JobState.SUCCEEDED, outcome="imported", requested_by=cast.omar)
    client = client_for(cast.omar)
    with django_assert_max_num_queries(12):
        client.get("/feeds")
    with django_assert_max_num_queries(11):
        client.get(f"/feeds/{feeds[0].public_id}")


# ---------------------------------------------------------------- for programs


def test_program_runs_a_feed_and_reads_what_came_of_it(client_for, cast, feed, bell, inbox):
    lay(inbox, "june.csv")
    client = client_for(cast.omar)
    answer = client.post(f"/api/feeds/{feed.public_id}/run")
    assert answer.status_code == 202
    assert answer["Location"] == answer.json()["url"]
    assert answer.json()["last_run"]["state"] == "queued"
    again = client.post(f"/api/feeds/{feed.public_id}/run")
    assert (again.status_code, again.json()["code"]) == (422, "running")
    with tenant_scope(cast.atlas):
        run = go_on(FeedRun.objects.get())
    body = client.get(answer["Location"]).json()
    assert (body["name"], body["kind"], body["active"]) == ("Nightly files", "folder", True)
    assert body["last_run"]["outcome"] == "waiting"
    assert body["last_run"]["import"].endswith(f"/api/imports/{run.import_run.public_id}")
    assert body.pop("test") is None
    assert client.get("/api/feeds").json()["feeds"] == [body]


def test_same_key_runs_a_feed_once(client_for, cast, feed, bell):
    client = client_for(cast.omar)
    one, two = (
        client.post(
            f"/api/feeds/{feed.public_id}/run", content_type="application/json", headers={"Idempotency-Key": "k"}
        )
        for _ in range(2)
    )
    assert one.json() == two.json() and every(FeedRun).count() == 1


def test_forged_request_is_refused(cast, feed):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.alice)
    for address in ("run", "test", "pause", "delete"):
        assert client.post(f"/feeds/{feed.public_id}/{address}").status_code == 403
    address = f"/api/feeds/{feed.public_id}/run"
    assert client.post(address, content_type="application/json").status_code == 403
