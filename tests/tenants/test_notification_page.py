"""The page of notifications and its bell: sifted, paged by key, read and unread one by one, and quiet when nothing is new."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tenants import notice_settings, noticeboard, services
from tenants.models import Membership, Notification, NotificationRead
from tenants.scoping import tenant_scope
from tests.everywhere import every

API = "/api/notifications"
PAGE = "/notifications"
READ = "/notifications/read"
BELL = {"HX-Request": "true", "HX-Target": "bell"}


@pytest.fixture
def told(cast):
    with tenant_scope(cast.atlas):
        services.notify("import_finished", level="success", filename="one.csv", created=3, updated=1, refused=0)
        services.notify("customers_scored", scored=7043, high=512)
        services.notify("drift_failed", level="error", reason="no model")
    with tenant_scope(cast.borealis):
        services.notify("import_failed", filename="theirs.csv", reason="x")
    return cast


def shown(client, question: str = "") -> list[str]:
    return [note.code for note in client.get(PAGE + question).context["notifications"]]


def newest(person) -> Notification:
    return every(Notification).filter(tenant__memberships__user=person).order_by("-pk").first()


@pytest.mark.parametrize(
    ("question", "codes"),
    [
        ("", ["drift_failed", "customers_scored", "import_finished"]),
        ("?kind=drift", ["drift_failed"]),
        ("?kind=imports", ["import_finished"]),
        ("?level=info", ["customers_scored"]),
        ("?show=unread&kind=scoring&level=info", ["customers_scored"]),
        ("?kind=keys", ["drift_failed", "customers_scored", "import_finished"]),  # not a viewer's: as if not said
        ("?kind=%01&level=nonsense&show=x&after=%F0", ["drift_failed", "customers_scored", "import_finished"]),
        ("?kind=segments", []),
    ],
)
def test_page_is_sifted_by_its_address(client_for, told, question, codes):
    assert shown(client_for(told.bob), question) == codes


def test_program_sifts_and_pages_likewise(client_for, told):
    client = client_for(told.bob)
    first = client.get(API, {"size": 2}).json()
    assert [n["event"] for n in first["notifications"]] == ["drift_failed", "customers_scored"]
    second = client.get(API, {"size": 2, "after": first["next"]}).json()
    assert ([n["event"] for n in second["notifications"]], second["next"]) == (["import_finished"], "")
    assert [n["kind"] for n in client.get(API, {"kind": "drift"}).json()["notifications"]] == ["drift"]


def test_pages_go_on_by_key(client_for, told):
    with tenant_scope(told.atlas):
        for n in range(noticeboard.PAGE_SIZE):
            services.notify("customers_scored", scored=n, high=0)
    client = client_for(told.bob)
    first = client.get(PAGE).context["page"]
    second = client.get(PAGE, {"after": first.after}).context["page"]
    assert (len(first.rows), len(second.rows), second.after) == (noticeboard.PAGE_SIZE, 3, "")
    assert not {row.pk for row in first.rows} & {row.pk for row in second.rows}
    fragment = client.get(PAGE, {"after": first.after}, headers={"HX-Request": "true", "HX-Target": "results"})
    assert "<html" not in fragment.content.decode()


def test_one_is_read_by_following_its_link(client_for, told):
    with tenant_scope(told.atlas):
        services.notify("model_trained", version=3, url="/mlops/versions/3")
    client, row = client_for(told.bob), newest(told.bob)
    there = f"{PAGE}/open?id={row.pk}"
    assert client.head(there).status_code == 302
    assert not every(NotificationRead).exists(), "a program that looks ahead reads nothing"
    assert f'href="{there}"' in client.get(PAGE).content.decode()
    assert f'href="{there}"' in client.get(API, headers=BELL).content.decode()
    for _twice in range(2):
        answer = client.get(there)
        assert (answer.status_code, answer["Location"]) == (302, "/mlops/versions/3")
    assert list(every(NotificationRead).values_list("notification", "user")) == [(row.pk, told.bob.pk)]
    assert next(note for note in client.get(PAGE).context["notifications"] if note.pk == row.pk).is_read


@pytest.mark.parametrize("url", ["", "https://elsewhere.example.com/x", "//elsewhere.example.com"])
def test_one_without_a_place_of_ours_leads_to_the_page(client_for, told, url):
    row = newest(told.bob)
    every(Notification).filter(pk=row.pk).update(url=url)
    answer = client_for(told.bob).get(f"{PAGE}/open?id={row.pk}")
    assert (answer.status_code, answer["Location"]) == (302, PAGE)


def test_another_companys_and_somebody_elses_cannot_be_opened(client_for, told):
    theirs = newest(told.charlie)
    with tenant_scope(told.atlas):
        services.notify("drift_failed", recipient=told.alice, reason="hers")
    hers = newest(told.alice)
    client = client_for(told.bob)
    for said in (theirs.pk, hers.pk, 987_654, 10**25, "", "x", -1):
        assert client.get(f"{PAGE}/open", {"id": said}).status_code == 404
    assert not every(NotificationRead).exists()


def test_one_is_read_and_shown_as_unread_again(client_for, told):
    client, row = client_for(told.bob), newest(told.bob)
    back = f"{PAGE}?kind=drift"
    assert client.post(READ, {"id": row.pk, "next": back}).headers["Location"] == back
    assert shown(client, "?show=unread") == ["customers_scored", "import_finished"]
    client.post(READ, {"id": row.pk, "unread": "1"})
    assert shown(client, "?show=unread") == ["drift_failed", "customers_scored", "import_finished"]
    assert len(shown(client_for(told.anna), "?show=unread")) == 3


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_reading_leads_to_no_other_site(client_for, told, back):
    assert client_for(told.bob).post(READ, {"next": back}).headers["Location"] == PAGE


def test_odd_numbers_and_other_companies_notifications_are_passed_over(client_for, told):
    theirs = newest(told.charlie)
    client_for(told.bob).post(READ, {"id": [theirs.pk, "x", "-1", "9" * 30, "٣"]})
    assert not every(NotificationRead).exists()


def test_program_marks_some_and_takes_it_back(client_for, told):
    client = client_for(told.bob)
    row = client.get(API).json()["notifications"][0]

    def post(body):
        return client.post(API, json.dumps(body), content_type="application/json")

    assert post({"ids": [row["id"]]}).json()["unread"] == 2
    assert post({"ids": [row["id"]], "unread": True}).json()["unread"] == 3
    assert post({"unread": True}).status_code == 400
    assert post({"ids": ["x"]}).status_code == 400
    assert post({"ids": list(range(1, 300))}).status_code == 400


def test_all_are_read_however_many(cast, atlas_scope):
    Notification.objects.bulk_create([Notification(code="customers_scored") for _n in range(1_203)])
    assert services.mark_read(user=cast.bob) == 1_203
    assert services.mark_read(user=cast.bob) == 0


# ---------------------------------------------------------------- no load when nothing changes


def test_program_that_knows_the_answer_is_told_so(client_for, told):
    client = client_for(told.bob)
    tag = client.get(API).headers["ETag"]
    same = client.get(API, headers={"If-None-Match": tag})
    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", tag)
    other = client.get(API, {"kind": "drift"}, headers={"If-None-Match": tag})
    assert other.status_code == 200
    assert client_for(told.anna).get(API, headers={"If-None-Match": tag}).status_code == 200


def test_bell_that_knows_the_answer_is_left_alone(client_for, told):
    client = client_for(told.bob)
    answer = client.get(API, headers=BELL)
    tag = answer.headers["ETag"]
    assert tag.replace('"', "&quot;") in answer.content.decode()
    again = client.get(API, {"known": tag}, headers=BELL)
    assert (again.status_code, again.content) == (204, b"")


def test_looking_again_costs_one_question_beside_those_of_signing_in(client_for, told):
    client = client_for(told.bob)
    tag = client.get(API, headers=BELL).headers["ETag"]
    with CaptureQueriesContext(connection) as asked:
        assert client.get(API, {"known": tag}, headers=BELL).status_code == 204
    about = [q["sql"] for q in asked if "tenants_notification" in q["sql"]]
    assert len(about) == 1
    assert len([q for q in asked if " FROM " in q["sql"]]) <= 4  # session, person, membership, and this one


@pytest.mark.parametrize(
    "change",
    [
        lambda cast: services.notify("customers_scored", scored=1, high=0),
        lambda cast: services.mark_read(user=cast.bob, ids=[newest(cast.bob).pk]),
        lambda cast: services.mark_read(user=cast.bob),
        lambda cast: notice_settings.choose(
            membership=Membership.objects.select_related("user").get(user=cast.bob), ways={"scoring": "off"}
        ),
        lambda cast: Membership.objects.filter(user=cast.bob).update(role="admin"),
        # A transaction that began earlier and ends later: a smaller number than one that was seen.
        lambda cast: Notification.objects.create(pk=1_000_000_001, code="customers_scored"),
    ],
)
def test_bell_rings_again_whatever_changed(client_for, told, change):
    with tenant_scope(told.atlas):
        Notification.objects.create(pk=1_000_000_005, code="segments_refreshed")
    client = client_for(told.bob)
    tag = client.get(API, headers=BELL).headers["ETag"]
    with tenant_scope(told.atlas):
        change(told)
    assert client.get(API, {"known": tag}, headers=BELL).status_code == 200


def test_bell_rings_again_when_something_is_unread_again(client_for, told):
    client, row = client_for(told.bob), newest(told.bob)
    with tenant_scope(told.atlas):
        services.mark_read(user=told.bob)
    tag = client.get(API, headers=BELL).headers["ETag"]
    with tenant_scope(told.atlas):
        assert services.mark_unread(user=told.bob, ids=[row.pk]) == 1
    assert client.get(API, {"known": tag}, headers=BELL).status_code == 200


def test_bell_is_not_woken_by_another_company(client_for, told):
    client = client_for(told.bob)
    tag = client.get(API, headers=BELL).headers["ETag"]
    with tenant_scope(told.borealis):
        services.notify("customers_scored", scored=1, high=0)
    assert client.get(API, {"known": tag}, headers=BELL).status_code == 204


def test_old_notifications_are_forgotten(told, settings):
    from datetime import timedelta

    from django.utils import timezone

    from tenants import notifying

    with tenant_scope(told.atlas):
        services.mark_read(user=told.bob)
        old = timezone.now() - timedelta(days=settings.NOTIFICATION_DAYS + 1)
        Notification.objects.filter(code="customers_scored").update(created_at=old)
        assert notifying.forget_notifications() == 1
        assert list(Notification.objects.order_by("pk").values_list("code", flat=True)) == [
            "import_finished",
            "drift_failed",
        ]
