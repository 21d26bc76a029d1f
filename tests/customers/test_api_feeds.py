"""``/api/feeds``: feeds set up, changed, deleted, tried and agreed to by programs; their secrets come out nowhere."""

import datetime as dt
import json
import logging

import pytest
from django.test import Client

from core import secrets
from core.models import JobState
from customers.models import ColumnMapping, Feed, FeedRun
from tenants import api_keys
from tenants.models import AuditEntry, Membership, StoredAnswer
from tenants.scoping import tenant_scope
from tests.customers.feeding import go_on, lay, look, make_feed
from tests.everywhere import every

WORD = "s3cret-word"
pytestmark = pytest.mark.usefixtures("inbox", "bell")
DAILY = {"rhythm": "daily", "at": "05:30"}
FOLDER = {"kind": "folder", "name": "Nightly", "pattern": "customers-*.csv", **DAILY}
URL = f"postgresql://reader:{WORD}@db.example.com/crm"
SQL = {"kind": "sql", "name": "CRM", "url": URL, "query": "SELECT 1", "rhythm": "hourly"}
ADDRESS = f"https://example.com/customers.csv?sig={WORD}"
HTTPS = {"kind": "https", "name": "Export", "address": ADDRESS, "rhythm": "weekly", "weekday": 4, "at": "23:59"}
HEADER = {**HTTPS, "auth": "header", "header": "X-Key", "value": WORD}
BASIC = {**HTTPS, "auth": "basic", "user": "reader", "password": WORD}


@pytest.fixture
def feed(cast) -> Feed:
    with tenant_scope(cast.atlas):
        return make_feed(actor=cast.alice, name="Files")


def send(client: Client, method: str, address: str, body: object = None, **headers: str):
    return getattr(client, method)(address, json.dumps(body or {}), content_type="application/json", headers=headers)


def create(client: Client, body: object, **headers: str):
    return send(client, "post", "/api/feeds", body, **headers)


def change(client: Client, feed: Feed, **body: object):
    return send(client, "patch", f"/api/feeds/{feed.public_id}", body)


def sealed_text(feed: Feed) -> str:
    return secrets.unseal(feed.secret, scope=feed.secret_scope)


def only() -> Feed:
    return every(Feed).get()


def program(cast, *scopes: str) -> Client:
    """A program with a key of the admin's, which may do just this."""
    seat = Membership.objects.select_related("tenant", "user").get(user=cast.alice, tenant=cast.atlas)
    with tenant_scope(cast.atlas):
        _key, text = api_keys.make_key(membership=seat, name="x", scopes=list(scopes))
    return Client(headers={"Authorization": f"Bearer {text}"})


# ---------------------------------------------------------------- setting up


def test_program_sets_up_a_folder_feed(client_for, cast, inbox):
    answer = create(client_for(cast.alice), FOLDER)
    feed, said = only(), answer.json()
    assert (answer.status_code, answer["Location"]) == (201, said["url"])
    assert said["url"].endswith(f"/api/feeds/{feed.public_id}")
    assert (feed.kind, feed.at, feed.options, feed.created_by, feed.review) == (
        "folder", dt.time(5, 30), {"pattern": "customers-*.csv"}, cast.alice, "agree",
    )  # fmt: skip
    assert feed.next_run_at is not None and inbox.is_dir()
    shown = {name: said[name] for name in ("rhythm", "at", "weekday", "every_minutes", "review", "empty_clears")}
    assert shown == {
        "rhythm": "daily", "at": "05:30", "weekday": None, "every_minutes": None, "review": "agree",
        "empty_clears": False,
    }  # fmt: skip
    assert (said["pattern"], said["sheet"], said["active"]) == ("customers-*.csv", "", True)
    with tenant_scope(cast.atlas):
        assert AuditEntry.objects.get(verb="feed_created").actor == cast.alice


@pytest.mark.parametrize(
    ("body", "held", "shown"),
    [
        (SQL, {"url": URL}, {"kind": "sql", "engine": "postgresql", "rhythm": "hourly"}),
        (HTTPS, {"query": f"sig={WORD}"}, {"auth": "none", "header": "", "weekday": 4, "at": "23:59"}),
        (HEADER, {"header": "X-Key", "value": WORD}, {"auth": "header", "header": "X-Key"}),
        (BASIC, {"user": "reader", "password": WORD}, {"auth": "basic", "header": ""}),
    ],
    ids=["sql", "https", "header", "basic"],
)
def test_secret_is_kept_sealed_and_comes_out_nowhere(client_for, cast, caplog, body, held, shown):
    caplog.set_level(logging.DEBUG)
    client = client_for(cast.alice)
    answers = [create(client, body, **{"Idempotency-Key": "k"}) for _ in range(2)]
    feed = only()
    assert [answer.status_code for answer in answers] == [201, 201]
    kept = sealed_text(feed)
    assert (kept == held["url"]) if "url" in held else held.items() <= json.loads(kept).items()
    assert shown.items() <= answers[0].json().items()
    at = f"/api/feeds/{feed.public_id}"
    answers += [client.get("/api/feeds"), client.get(at), change(client, feed, name="Other")]
    answers += [send(client, "post", f"{at}/{what}") for what in ("test", "stop", "agree", "pause", "resume", "run")]
    with tenant_scope(cast.atlas):
        trail = [str(entry.__dict__) for entry in AuditEntry.objects.all()]
        stored = [str(row.__dict__) for row in StoredAnswer.objects.all()]
    assert any("feed_created" in line for line in trail) and stored
    said = [*(answer.content.decode() for answer in answers), *trail, *stored, caplog.text]
    for text in said:
        for secret in (WORD, feed.secret, "SELECT 1", "customers.csv", "db.example.com", "reader"):
            assert secret not in text, text


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**FOLDER, "colour": "red"}, "colour"),
        ({**FOLDER, "query": "SELECT 1"}, "query"),
        ({**SQL, "sheet": "one"}, "sheet"),
        ({**HTTPS, "url": URL}, "url"),
        ({**HTTPS, "value": WORD}, "value"),
        ({**HEADER, "password": WORD}, "password"),
        ({**BASIC, "header": "X-Key"}, "header"),
        ({**HTTPS, "auth": "digest"}, "auth"),
        ({**FOLDER, "kind": "ftp"}, "kind"),
        ({**FOLDER, "kind": ["folder"]}, "kind"),
        ({"name": "x"}, "kind"),
        (["folder"], "body"),
        ({"kind": "folder", **DAILY}, "name"),
        ({"kind": "folder", "name": "x"}, "rhythm"),
        ({"kind": "sql", "name": "x", "query": "SELECT 1", **DAILY}, "url"),
        ({"kind": "sql", "name": "x", "url": URL, **DAILY}, "query"),
        ({"kind": "https", "name": "x", **DAILY}, "address"),
        ({**FOLDER, "name": ""}, "name"),
        ({**FOLDER, "name": "x" * 81}, "name"),
        ({**FOLDER, "name": 5}, "name"),
        ({**FOLDER, "pattern": "x" * 101}, "pattern"),
        ({**SQL, "url": f"postgresql://{'x' * 2000}"}, "url"),
        ({**FOLDER, "review": "never"}, "review"),
        ({**FOLDER, "empty_clears": "yes"}, "empty_clears"),
        ({**FOLDER, "rhythm": "yearly"}, "rhythm"),
        ({"kind": "folder", "name": "x", "rhythm": "daily"}, "at"),
        ({**FOLDER, "at": "6 o'clock"}, "at"),
        ({**FOLDER, "at": "24:00"}, "at"),
        ({**FOLDER, "at": "0٦:00"}, "at"),
        ({**FOLDER, "at": None}, "at"),
        ({**FOLDER, "at": "05:30:10"}, "at"),
        ({"kind": "folder", "name": "x", "rhythm": "minutes"}, "every_minutes"),
        ({"kind": "folder", "name": "x", "rhythm": "minutes", "every_minutes": 4}, "every_minutes"),
        ({"kind": "folder", "name": "x", "rhythm": "minutes", "every_minutes": 1441}, "every_minutes"),
        ({**FOLDER, "every_minutes": 30}, "every_minutes"),
        ({**HTTPS, "weekday": 7}, "weekday"),
        ({"kind": "folder", "name": "x", "rhythm": "weekly", "at": "05:30"}, "weekday"),
    ],
)
def test_wrong_field_is_named_and_nothing_is_set_up(client_for, cast, body, field):
    answer = create(client_for(cast.alice), body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert list(answer.json()["errors"]) == [field]
    assert answer["Content-Type"] == "application/problem+json"
    assert WORD not in answer.content.decode() and not every(Feed).exists()


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({**FOLDER, "pattern": "../*"}, "bad_pattern", "pattern"),
        ({**SQL, "url": f"oracle://a:{WORD}@b/c"}, "unknown_engine", "url"),
        ({**SQL, "url": f"postgresql://a:{WORD}@b"}, "bad_url", "url"),
        ({**SQL, "query": "DELETE FROM t"}, "not_a_select", "query"),
        ({**SQL, "query": "SELECT 1; SELECT 2"}, "two_statements", "query"),
        ({**HTTPS, "address": "http://example.com/x"}, "not_https", "address"),
        ({**HTTPS, "address": f"https://a:{WORD}@example.com/x"}, "credentials_in_address", "address"),
        ({**HEADER, "header": "Host"}, "bad_header", "header"),
        ({**HEADER, "value": f"{WORD}\u00e9"}, "bad_header_value", "value"),
        ({**HTTPS, "auth": "header"}, "no_credentials", "auth"),
        ({**HTTPS, "auth": "basic", "user": "reader"}, "no_credentials", "auth"),
    ],
)
def test_source_that_cannot_be_used_is_refused_with_its_field(client_for, cast, body, code, field):
    answer = create(client_for(cast.alice), body)
    said = answer.json()
    assert (answer.status_code, said["code"], said["facts"]) == (422, code, {"field": field})
    assert answer["Content-Type"] == "application/problem+json"
    assert WORD not in answer.content.decode() and not every(Feed).exists()


def test_name_that_is_taken_and_one_feed_too_many_are_refused(client_for, cast, feed, monkeypatch):
    client = client_for(cast.alice)
    answer = create(client, {**FOLDER, "name": feed.name})
    assert (answer.status_code, answer.json()["code"], answer.json()["facts"]) == (422, "name_taken", {"field": "name"})
    monkeypatch.setattr("customers.services.feeds.MOST_FEEDS", 1)
    assert create(client, FOLDER).json()["code"] == "too_many_feeds"


# ---------------------------------------------------------------- changing and deleting


@pytest.fixture
def sealed(cast) -> Feed:
    with tenant_scope(cast.atlas):
        given = {"address": ADDRESS, "auth": "header", "header": "X-Key", "value": WORD}
        return make_feed("https", actor=cast.alice, name="Export", **given)


def test_change_of_what_is_no_source_leaves_the_secret_as_it_is(client_for, cast, sealed):
    answer = change(client_for(cast.alice), sealed, name="Export 2", review="agree", rhythm="minutes", every_minutes=15)
    said, changed = answer.json(), only()
    assert answer.status_code == 200
    assert (said["name"], said["review"], said["every_minutes"], said["at"]) == ("Export 2", "agree", 15, None)
    assert (changed.secret, changed.options, changed.changed_at) == (sealed.secret, sealed.options, sealed.changed_at)
    with tenant_scope(cast.atlas):
        entry = AuditEntry.objects.get(verb="feed_changed")
        assert "secret" not in str(entry.__dict__)


def test_changed_source_keeps_credentials_that_are_not_named(client_for, cast, sealed):
    answer = change(client_for(cast.alice), sealed, sheet="June", header="X-Other")
    assert (answer.json()["sheet"], answer.json()["header"]) == ("June", "X-Other")
    held = json.loads(sealed_text(only()))
    assert (held["header"], held["value"], held["query"]) == ("X-Other", WORD, f"sig={WORD}")


def test_other_address_of_the_same_machine_keeps_them_too(client_for, cast, sealed):
    assert change(client_for(cast.alice), sealed, address="https://example.com/other.csv").status_code == 200
    held = json.loads(sealed_text(only()))
    assert (held["value"], held["query"]) == (WORD, "")


@pytest.mark.parametrize("body", [{"address": "https://attacker.example.com/x.csv"}, {"auth": "basic", "user": "a"}])
def test_another_machine_asks_for_credentials_again(client_for, cast, sealed, body):
    answer = change(client_for(cast.alice), sealed, **body)
    assert (answer.status_code, answer.json()["code"]) == (422, "no_credentials")
    assert WORD not in answer.content.decode()
    assert (only().options, only().secret) == (sealed.options, sealed.secret)
    given = {"address": "https://attacker.example.com/x.csv", "value": "new"}
    assert change(client_for(cast.alice), sealed, **given).status_code == 200
    assert WORD not in sealed_text(only())


def test_database_keeps_its_address_and_its_query_unless_they_are_named(client_for, cast):
    client = client_for(cast.alice)
    create(client, SQL)
    assert change(client, only(), query="SELECT 2").status_code == 200
    assert (only().options["query"], sealed_text(only())) == ("SELECT 2", URL)
    other = f"mysql://reader:{WORD}2@db.example.com/crm"
    assert change(client, only(), url=other).json()["engine"] == "mysql"
    assert (only().options["query"], sealed_text(only())) == ("SELECT 2", other)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"colour": "red"}, "colour"),
        ({"kind": "sql"}, "kind"),
        ({"url": URL}, "url"),
        ({"rhythm": "weekly", "at": "05:30"}, "weekday"),
        ({"rhythm": "hourly", "at": "05:30"}, "at"),
        ({"weekday": 3}, "weekday"),
        ({"password": WORD}, "password"),
        ({"auth": "none", "value": WORD}, "value"),
        ({"name": None}, "name"),
    ],
)
def test_wrong_change_is_named_and_changes_nothing(client_for, cast, sealed, body, field):
    answer = change(client_for(cast.alice), sealed, **body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert (only().name, only().rhythm, only().secret) == (sealed.name, sealed.rhythm, sealed.secret)


def test_change_to_a_name_that_is_taken_is_refused(client_for, cast, feed, sealed):
    answer = change(client_for(cast.alice), sealed, name=feed.name)
    assert (answer.status_code, answer.json()["code"], answer.json()["facts"]) == (422, "name_taken", {"field": "name"})


def test_feed_at_work_is_stopped_before_it_is_deleted(client_for, cast, feed):
    client, at = client_for(cast.alice), f"/api/feeds/{feed.public_id}"
    send(client, "post", f"{at}/run")
    refused = client.delete(at)
    assert (refused.status_code, refused.json()["code"]) == (422, "running")
    stopped = send(client, "post", f"{at}/stop")
    assert (stopped.status_code, stopped.json()["last_run"]["state"]) == (200, "cancelled")
    assert send(client, "post", f"{at}/stop").status_code == 200
    gone = client.delete(at)
    assert (gone.status_code, gone.content) == (204, b"")
    assert not every(Feed).exists() and client.get(at).status_code == 404


# ---------------------------------------------------------------- tests


def test_program_tests_a_feed_reads_what_it_would_bring_and_agrees(client_for, cast, feed, bell, inbox):
    lay(inbox, "june.csv", "customerID,tenure,Churn,Colour", "C1,1,Yes,red", "C2,2,No,blue")
    client, at = client_for(cast.omar), f"/api/feeds/{feed.public_id}"
    assert client.get(at).json()["test"] is None
    none = send(client, "post", f"{at}/agree")
    assert (none.status_code, none.json()["code"]) == (422, "no_test")

    asked = send(client, "post", f"{at}/test")
    assert (asked.status_code, asked["Location"]) == (202, asked.json()["url"])
    assert (asked.json()["test"]["state"], asked.json()["last_run"]) == ("queued", None)
    assert send(client, "post", f"{at}/test").json()["code"] == "running"
    with tenant_scope(cast.atlas):
        go_on(FeedRun.objects.get(is_test=True))

    test = client.get(at).json()["test"]
    assert (test["state"], test["outcome"], test["file"], test["rows"]) == ("succeeded", "tested", "june.csv", 2)
    assert [(one["header"], one["target"]) for one in test["columns"]][::3] == [
        ("customerID", "external_id"), ("Colour", "attribute"),
    ]  # fmt: skip
    assert test["first_rows"][0] == ["C1", "1", "Yes", "red"]
    assert (test["remembered"], test["can_agree"], test["partial"]) == (False, True, False)

    agreed = send(client, "post", f"{at}/agree", **{"Idempotency-Key": "k"})
    assert agreed.status_code == 200
    assert (agreed.json()["test"]["remembered"], agreed.json()["test"]["can_agree"]) == (True, False)
    assert agreed.json()["test"]["first_rows"] is None
    assert every(ColumnMapping).get().agreed_by == cast.omar


def test_failed_test_says_why_in_a_code(client_for, cast, feed, inbox):
    inbox.mkdir(parents=True, exist_ok=True)
    (inbox / "page.csv").write_text("<html><body>no table</body></html>")
    with tenant_scope(cast.atlas):
        run = look(feed, is_test=True)
    assert run.state == JobState.FAILED
    test = client_for(cast.anna).get(f"/api/feeds/{feed.public_id}").json()["test"]
    assert (test["state"], test["error"]["code"], test["columns"]) == ("failed", run.error_code, [])


def test_rows_are_for_who_may_see_customers(cast, feed, inbox):
    lay(inbox, "june.csv")
    with tenant_scope(cast.atlas):
        look(feed, is_test=True)
    at = f"/api/feeds/{feed.public_id}"
    assert program(cast, "import_customers").get(at).json()["test"]["first_rows"] is None
    assert program(cast, "import_customers", "view_customers").get(at).json()["test"]["first_rows"]


# ---------------------------------------------------------------- who may

_LEAST = {
    "create": ("post", "", FOLDER, "alice", 201),
    "change": ("patch", "/{}", {"name": "Other"}, "alice", 200),
    "delete": ("delete", "/{}", None, "alice", 204),
    "test": ("post", "/{}/test", None, "omar", 202),
    "stop": ("post", "/{}/stop", None, "omar", 200),
    "agree": ("post", "/{}/agree", None, "omar", 422),
}


@pytest.mark.parametrize("door", _LEAST)
def test_door_opens_from_a_role_on(client_for, cast, feed, door):
    method, path, body, least, status = _LEAST[door]
    people = ["bob", "anna", "omar", "alice"]
    for name in people[: people.index(least) + 1]:
        answer = send(client_for(getattr(cast, name)), method, f"/api/feeds{path.format(feed.public_id)}", body)
        assert answer.status_code == (status if name == least else 403), name


@pytest.mark.parametrize("door", [door for door in _LEAST if door != "create"])
def test_other_companys_feed_is_not_there(client_for, cast, feed, door):
    method, path, body, _least, _status = _LEAST[door]
    answer = send(client_for(cast.charlie), method, f"/api/feeds{path.format(feed.public_id)}", body)
    assert answer.status_code == 404
    assert (only().name, only().is_active) == (feed.name, True)
    assert not every(FeedRun).exists()


def test_key_sets_up_feeds_with_the_scope_and_not_without(cast):
    others = [one for one in api_keys.permissions.FOR_KEYS if one != "manage_feeds"]
    refused = create(program(cast, *others), FOLDER)
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    client = program(cast, "manage_feeds")
    assert create(client, FOLDER).status_code == 201
    assert client.get("/api/feeds").status_code == 403
    assert change(client, only(), name="Other").json()["name"] == "Other"
    assert send(client, "post", f"/api/feeds/{only().public_id}/run").status_code == 403
    assert client.delete(f"/api/feeds/{only().public_id}").status_code == 204
