"""A web address as a source: fetched by the guarded client, only when it changed, its credentials kept from everybody."""

import gzip
import io

import pyarrow
import pyarrow.parquet
import pytest

from core import secrets
from core.errors import Refused, Unreachable
from core.models import JobState
from customers import services
from customers.channels import web
from customers.models import Customer, Feed, FeedRun
from customers.services import Given, feed_sources
from tests.core.tls import send, tls_site
from tests.customers.feeding import ROWS, agree_to_shape, look, make_feed

BODY = ("\n".join(ROWS) + "\n").encode()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with tls_site(tmp_path_factory.mktemp("tls")) as site:
        yield site


@pytest.fixture
def site(running, settings):
    """A site that the operator lets feeds reach."""
    settings.FEED_PRIVATE_HOSTS = [f"127.0.0.1:{running.port}"]
    settings.FEED_CA_FILE = str(running.certificate)
    settings.FEED_SECONDS = 5
    running.asked.clear()
    running.answer = lambda handler: send(handler, BODY)
    return running


@pytest.fixture
def feed(site, atlas_scope, alice, tmp_path) -> Feed:
    agree_to_shape(tmp_path)
    Customer.objects.all().delete()
    return make_feed("https", actor=alice, name="Export", address=site.url("/data/customers.csv"))


def test_file_is_fetched_and_brought_in(feed, site):
    run = look(feed)
    assert (run.state, run.outcome, run.found) == (JobState.SUCCEEDED, FeedRun.Outcome.IMPORTED, "customers.csv")
    assert Customer.objects.count() == 3
    assert site.asked[0]["path"] == "/data/customers.csv"


@pytest.mark.parametrize("kind", ["parquet", "gzip", "gzip by the server"])
def test_other_forms_of_a_table_are_understood(feed, site, kind):
    if kind == "parquet":
        table = pyarrow.table({"customerID": ["P1", "P2"], "tenure": [1, 2], "Churn": ["Yes", "No"]})
        body = io.BytesIO()
        pyarrow.parquet.write_table(table, body)
        site.answer = lambda handler: send(handler, body.getvalue())
    elif kind == "gzip":
        site.answer = lambda handler: send(handler, gzip.compress(BODY))
    else:
        site.answer = lambda handler: send(handler, gzip.compress(BODY), Content_Encoding="gzip")
    assert look(feed).outcome == FeedRun.Outcome.IMPORTED


def test_unchanged_content_is_not_fetched_or_not_brought_in_again(feed, site):
    def with_tag(handler) -> None:
        if handler.headers.get("If-None-Match") == '"one"':
            send(handler, status=304)
        else:
            send(handler, BODY, ETag='"one"', Last_Modified="Mon, 05 Jan 2026 00:00:00 GMT")

    site.answer = with_tag
    look(feed)
    run = look(feed, scheduled=True)
    assert (run.outcome, run.import_run) == (FeedRun.Outcome.UNCHANGED, None)
    assert site.asked[-1]["if-none-match"] == '"one"'
    assert site.asked[-1]["if-modified-since"] == "Mon, 05 Jan 2026 00:00:00 GMT"
    site.answer = lambda handler: send(handler, BODY)  # a server that does not know of tags: told by its content
    assert look(feed, scheduled=True).outcome == FeedRun.Outcome.UNCHANGED
    site.answer = lambda handler: send(handler, BODY + b"C4,4,No\n")
    assert look(feed, scheduled=True).outcome == FeedRun.Outcome.IMPORTED
    site.answer = lambda handler: send(handler, BODY)  # the older content again is a change
    assert look(feed, scheduled=True).outcome == FeedRun.Outcome.IMPORTED


def test_changed_feed_asks_anew(feed, site, alice):
    site.answer = lambda handler: send(handler, BODY, ETag='"one"')
    look(feed)
    services.change_feed(feed=feed, given=Given(address=site.url("/data/other.csv")), actor=alice)
    run = look(feed, scheduled=True)
    assert "if-none-match" not in site.asked[-1]
    assert run.outcome == FeedRun.Outcome.IMPORTED


def test_what_a_person_took_back_is_not_brought_again_by_schedule_but_on_a_wish(feed, site):
    run = look(feed)
    services.undo_import(run=run.import_run, actor=None)
    services.run_import(import_id=run.import_run_id, follow=False)
    assert look(feed, scheduled=True).outcome == FeedRun.Outcome.UNCHANGED
    assert not Customer.objects.exists()
    assert look(feed).outcome == FeedRun.Outcome.IMPORTED


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"auth": "header", "header": "X-Api-Key", "value": "s3cret-word"}, {"x-api-key": "s3cret-word"}),
        (
            {"auth": "basic", "user": "reader", "password": "s3cret-word"},
            {"authorization": "Basic cmVhZGVyOnMzY3JldC13b3Jk"},
        ),
    ],
)
def test_credentials_are_sent_and_sealed(site, atlas_scope, given, sent):
    feed = make_feed("https", address=site.url("/x.csv?sig=s3cret-sig"), **given)
    look(feed)
    assert sent.items() <= site.asked[-1].items()
    assert site.asked[-1]["path"] == "/x.csv?sig=s3cret-sig"
    assert feed.options["address"] == site.url("/x.csv") and feed.options["has_query"]
    run = FeedRun.objects.get()
    assert "s3cret" not in f"{feed.options} {feed.secret} {run.report} {run.error_message} {run.found}"


def test_credentials_stay_where_they_are_not_given_again(site, atlas_scope, alice):
    feed = make_feed("https", address=site.url("/x.csv?sig=one"), auth="header", header="X-Key", value="word")
    services.change_feed(feed=feed, given=Given(address=site.url("/x.csv"), auth="header", header="X-Key"), actor=alice)
    look(feed)
    assert (site.asked[-1]["x-key"], site.asked[-1]["path"]) == ("word", "/x.csv?sig=one")


@pytest.mark.parametrize("elsewhere", ["https://attacker.example.com/x.csv", "https://127.0.0.1:1/x.csv"])
def test_credentials_are_never_sent_to_another_machine(site, atlas_scope, alice, elsewhere):
    feed = make_feed("https", address=site.url("/x.csv"), auth="header", header="X-Key", value="word")
    with pytest.raises(Refused) as refused:
        services.change_feed(feed=feed, given=Given(address=elsewhere, auth="header"), actor=alice)
    assert refused.value.code == "no_credentials"
    feed.refresh_from_db()
    services.change_feed(feed=feed, given=Given(address=elsewhere), actor=alice)
    assert feed.secret == ""


def test_query_of_one_address_is_not_sent_to_another(site, atlas_scope, alice):
    feed = make_feed("https", address=site.url("/x.csv?sig=one"))
    services.change_feed(feed=feed, given=Given(address="https://attacker.example.com/x.csv"), actor=alice)
    assert (feed.secret, feed.options["has_query"]) == ("", False)


@pytest.mark.parametrize(
    ("header", "value"),
    [("Host", "x"), ("X Y", "x"), ("X-Key\r\nHost", "x"), ("", "x"), ("X-Key", "a\r\nHost: b"), ("X-Key", "é"),
     ("Transfer-Encoding", "chunked"), ("If-None-Match", "x")],
)  # fmt: skip
def test_header_that_would_change_the_request_is_refused(site, atlas_scope, header, value):
    with pytest.raises(Refused):
        make_feed("https", address=site.url(), auth="header", header=header, value=value)


@pytest.mark.parametrize("address", ["http://example.com/x.csv", "https://a:b@example.com/x.csv", "example.com/x.csv"])
def test_address_that_is_not_https_is_refused(atlas_scope, address):
    with pytest.raises(Refused):
        make_feed("https", address=address)


def test_private_machine_is_refused_unless_the_operator_opens_it(feed, site, settings):
    settings.FEED_PRIVATE_HOSTS = []
    run = look(feed)
    assert (run.state, run.error_code) == (JobState.FAILED, "private_address")
    assert site.asked == []


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (lambda handler: send(handler, status=302, Location="https://127.0.0.1/"), "redirect"),
        (lambda handler: send(handler, status=401), "unauthorised"),
        (lambda handler: send(handler, b"<html><body>Sign in</body></html>"), "markup"),
        (lambda handler: send(handler, b"x" * 3_000_000), "too_large"),
        (lambda handler: send(handler, b"x", Content_Encoding="br"), "packed_answer"),
    ],
)
def test_answer_that_is_no_table_is_refused(feed, site, settings, answer, code):
    settings.UPLOAD_MAX_BYTES = 2_000_000
    site.answer = answer
    run = look(feed)
    assert (run.state, run.outcome, run.error_code) == (JobState.FAILED, FeedRun.Outcome.REFUSED, code)
    assert not Customer.objects.exists()
    assert not list(settings.PRIVATE_ROOT.rglob("brought"))


def test_server_that_is_down_is_asked_again_and_in_the_end_refused(feed, site, settings):
    site.answer = lambda handler: send(handler, status=503)
    settings.JOB_MAX_ATTEMPTS = 2
    run = services.open_feed_run(feed=feed, requested_by=None)
    with pytest.raises(Unreachable):
        services.run_feed(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.outcome) == (JobState.QUEUED, "")
    feed.refresh_from_db()
    assert feed.failures == 0
    FeedRun.objects.filter(pk=run.pk).update(not_before=None)
    with pytest.raises(Refused) as refused:
        services.run_feed(run_id=run.pk)
    assert refused.value.code == "server_error"
    feed.refresh_from_db()
    assert feed.failures == 1


# ---------------------------------------------------------------- a test reads the beginning


def many_rows(ending: bytes = b"\n") -> bytes:
    header = b"customerID,note,tenure,Churn\n"
    return header + b"".join(
        b"C%d,%s,%d,%s\n" % (i, b"n" * 60, i % 70, b"Yes" if i % 4 else b"No") for i in range(50_000)
    )


def test_test_reads_the_beginning_of_a_long_text_and_ends_at_a_line(feed, site):
    whole = many_rows()
    site.answer = lambda handler: send(handler, whole)
    run = look(feed, is_test=True)
    assert (run.outcome, run.report["is_cut"]) == (FeedRun.Outcome.TESTED, True)
    assert 20_000 < run.report["rows"] < 50_000
    assert not [note for note in run.report["notes"] if "ragged" in note["code"]]


def test_test_reads_a_packed_file_whole(feed, site):
    table = pyarrow.table({"customerID": [f"P{i:07}" * 8 for i in range(60_000)], "Churn": ["Yes", "No"] * 30_000})
    body = io.BytesIO()
    pyarrow.parquet.write_table(table, body, compression="none", use_dictionary=False)
    assert len(body.getvalue()) > web.BEGINNING
    site.answer = lambda handler: send(handler, body.getvalue())
    run = look(feed, is_test=True)
    assert (run.outcome, run.report["is_cut"], run.report["rows"]) == (FeedRun.Outcome.TESTED, False, 60_000)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_cut_of_a_wide_text_is_between_characters(tmp_path, encoding):
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}[encoding]
    text = mark + "a,b\n1,Ċ\nabc".encode(encoding)  # Ċ has the byte of a line's end
    path = tmp_path / "wide"
    path.write_bytes(text + b"\x00")
    with path.open("r+b") as file:
        web._cut_at_line(file)
    assert path.read_bytes().decode("utf-16") == "a,b\n1,Ċ\n"


def test_test_that_ends_inside_a_quoted_cell_goes_back_to_the_line_before(feed, site, monkeypatch):
    monkeypatch.setattr(web, "BEGINNING", 500)
    rows = b"customerID,note,Churn\n" + b"".join(b"C%d,fine,Yes\nD%d,fine,No\n" % (i, i) for i in range(200))
    body = rows[:2000].rpartition(b"\n")[0] + b'\nE1,"first line\n' + b"next line\n" * 200_000
    site.answer = lambda handler: send(handler, body)
    run = look(feed, is_test=True)
    assert run.outcome == FeedRun.Outcome.TESTED, run.error_message


def test_sealed_credentials_of_another_feed_do_not_open(site, atlas_scope):
    one = make_feed("https", name="One", address=site.url(), auth="header", header="X-Key", value="word")
    two = make_feed("https", name="Two", address=site.url())
    Feed.objects.filter(pk=two.pk).update(secret=one.secret)
    two.refresh_from_db()
    with pytest.raises(Refused) as refused:
        feed_sources._held_credentials(two)
    assert refused.value.code == "secret_lost"
    with pytest.raises(secrets.SealBroken):
        secrets.unseal(one.secret, scope=two.secret_scope)
