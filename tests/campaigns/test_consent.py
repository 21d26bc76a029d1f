"""Consent: the pages and the API, addresses that are let alone, and lists of either."""

import io
import re

import pytest

from campaigns.models import ConsentEntry, OptOutImport, Suppression
from campaigns.services import consent, keys, ledger, optouts, senders
from core import jobs
from core.errors import Refused
from core.models import JobState
from customers.models import Customer
from tenants.models import AuditEntry, Notification
from tenants.scoping import tenant_scope
from tests.dashboard.conftest import cost, htmx

PAGES = ["/consent", "/consent/suppressions", "/consent/lists"]


@pytest.fixture
def people(atlas):
    """Three customers of Atlas."""
    with tenant_scope(atlas):
        rows = [
            Customer(
                tenant=atlas, external_id=f"C-{i}", first_name=name, last_name="Ben Ali", email=f"{name}@example.com"
            )
            for i, name in enumerate(("Amel", "Zied", "Mouna"), 1)
        ]
        Customer.objects.bulk_create(rows)
        return list(Customer.objects.order_by("external_id"))


# ---------------------------------------------------------------- who may


@pytest.mark.parametrize("page", PAGES)
def test_anonymous_is_led_to_sign_in(client, db, page):
    assert client.get(page)["Location"] == f"/sign-in?next={page}"


def test_viewer_reads_and_changes_nothing(client_for, bob, atlas, people):
    client = client_for(bob)
    pages = [*PAGES, f"/consent/customers/{people[0].public_id}"]
    for page in pages:
        answer = client.get(page)
        assert answer.status_code == 200
        assert answer["Cache-Control"] == "no-store, private"
        assert 'method="post" action="/consent' not in answer.content.decode()
    for address in (
        f"/consent/customers/{people[0].public_id}/record",
        "/consent/suppressions/add",
        "/consent/suppressions/remove",
        "/consent/lists/import",
        "/api/consents",
        "/api/suppressions",
    ):
        assert client.post(address, {"answer": "yes", "note": "by telephone"}).status_code == 403, address
    with tenant_scope(atlas):
        assert not ConsentEntry.objects.exists() and not Suppression.objects.exists()


def test_other_companys_customer_is_not_there(client_for, charlie, atlas, people):
    client = client_for(charlie)
    address = f"/consent/customers/{people[0].public_id}"
    assert client.get(address).status_code == 404
    assert client.post(f"{address}/record", {"answer": "no", "note": "by telephone"}).status_code == 404
    assert "Ben Ali" not in client.get("/consent?q=Amel").content.decode()
    assert client.get("/api/consents?customer=C-1").status_code == 404
    with tenant_scope(atlas):
        consent.suppress(address_keys=[keys.address_key("amel@example.com")], reason="manual")
        job = optouts.open_import(upload=io.BytesIO(b"a@example.com"), file_name="x.csv", kind="opt_out")
    assert client.get("/api/suppressions?address=amel@example.com").json()["is_suppressed"] is False
    assert client.post(f"/consent/lists/{job.public_id}/stop").status_code == 404
    held = {"key": keys.address_key("amel@example.com"), "campaign": "", "reason": "long enough a reason"}
    assert client.post("/consent/suppressions/remove", held).status_code == 404


@pytest.mark.parametrize(("page", "target"), [("/consent?q=C-", "results"), ("/consent/suppressions", "results"), ("/consent/lists", "job")])  # fmt: skip
def test_fragment_is_the_part_alone(client_for, bob, people, page, target):
    text = client_for(bob).get(page, headers=htmx(target)).content.decode()
    assert f'id="{target}"' in text and "<html" not in text


def test_pages_cost_the_same_however_long_the_lists_are(client_for, bob, atlas, people):
    client = client_for(bob)
    pages = [*PAGES, "/consent?q=C-", f"/consent/customers/{people[0].public_id}"]
    with tenant_scope(atlas):
        consent.suppress(address_keys=[keys.address_key("one@example.com")], reason="imported")
        consent.record_consent(customers=[people[0].pk], is_granted=True, source="api")
    few = [cost(client, page) for page in pages]
    with tenant_scope(atlas):
        consent.suppress(address_keys=[keys.address_key(f"p{i}@example.com") for i in range(200)], reason="imported")
        for _ in range(40):
            consent.record_consent(customers=[people[0].pk], is_granted=True, source="api")
        for _ in range(5):
            optouts.open_import(upload=io.BytesIO(b"a@example.com"), file_name="x.csv", kind="opt_out")
    assert [cost(client, page) for page in pages] == few
    assert max(few) < 20


# ---------------------------------------------------------------- one customer


def test_operator_writes_down_what_was_said(client_for, cast, atlas, people):
    client = client_for(cast.omar)
    address = f"/consent/customers/{people[0].public_id}"
    assert "Never agreed" in client.get(address).content.decode()
    answer = client.post(f"{address}/record", {"answer": "yes", "note": "form of 3 May"})
    assert answer["Location"] == address
    text = client.get(address).content.decode()
    assert "May be written to" in text and "form of 3 May" in text and "Omar" in text
    client.post(f"{address}/record", {"answer": "no", "note": "by telephone"})
    text = client.get(address).content.decode()
    assert "Took consent back" in text and "form of 3 May" in text
    with tenant_scope(atlas):
        assert list(ConsentEntry.objects.order_by("pk").values_list("is_granted", "source")) == [
            (True, "person"),
            (False, "person"),
        ]
        assert AuditEntry.objects.filter(verb="consent_recorded").count() == 2


@pytest.mark.parametrize(("given", "field"), [({"answer": "yes", "note": "x"}, "note"), ({"note": "by telephone"}, "answer"), ({"answer": "yes"}, "note")])  # fmt: skip
def test_what_is_missing_is_said_by_its_field(client_for, cast, atlas, people, given, field):
    answer = client_for(cast.omar).post(f"/consent/customers/{people[0].public_id}/record", given)
    assert answer.status_code == 422
    assert "field-error" in answer.content.decode()
    with tenant_scope(atlas):
        assert not ConsentEntry.objects.exists()


def test_standing_follows_ledger_basis_and_suppression(atlas_scope, alice, people):
    amel = people[0]
    assert ledger.standing(amel).code == "never_asked"
    senders.set_basis(actor=alice, basis="customers", reason="clause 7 of the contract")
    assert ledger.standing(amel).code == "by_contract"
    consent.record_consent(customers=[amel.pk], is_granted=False, source="api")
    assert ledger.standing(amel).code == "refused"
    consent.record_consent(customers=[amel.pk], is_granted=True, source="api")
    assert ledger.standing(amel).may_be_written_to
    consent.suppress(address_keys=[keys.address_key("AMEL@example.com")], reason="bounced", campaign_code="only-this")
    assert ledger.standing(amel).code == "agreed"
    consent.suppress(address_keys=[keys.address_key("AMEL@example.com")], reason="bounced")
    assert ledger.standing(amel).code == "suppressed"
    Customer.objects.filter(pk=amel.pk).update(email="")
    amel.refresh_from_db()
    assert ledger.standing(amel).code == "no_address"


def test_numbers_stop_counting_where_it_would_take_long(atlas_scope, people, monkeypatch, client_for, bob):
    monkeypatch.setattr(ledger, "COUNTED", 5)
    consent.suppress(address_keys=[keys.address_key(f"p{i}@example.com") for i in range(9)], reason="imported")
    assert ledger.counts()["suppressed"] == 6
    assert "more than 5" in client_for(bob).get("/consent").content.decode()


# ---------------------------------------------------------------- addresses


def test_address_is_let_alone_found_and_taken_off_with_a_reason(client_for, cast, atlas):
    client = client_for(cast.omar)
    assert (
        client.post("/consent/suppressions/add", {"address": "Amel@Example.com", "reason": "manual"}).status_code == 302
    )
    text = client.get("/consent/suppressions?address=amel@EXAMPLE.com").content.decode()
    key = re.search(r'name="key" value="(\w+)"', text)[1]
    assert key == keys.address_key("amel@example.com")
    assert "amel@example.com" not in text.replace('value="amel@EXAMPLE.com"', "")
    for reason, left in (("short", 1), ("she wrote to us on 3 May", 0)):
        client.post("/consent/suppressions/remove", {"key": key, "campaign": "", "reason": reason})
        with tenant_scope(atlas):
            assert Suppression.objects.count() == left
    with tenant_scope(atlas):
        assert AuditEntry.objects.get(verb="unsuppressed").facts["reason"] == "she wrote to us on 3 May"
    assert client.post("/consent/suppressions/remove", {"key": key, "reason": "she wrote to us"}).status_code == 404
    for odd in ({"key": "a\x00"}, {"key": key, "campaign": "\x00"}):
        assert client.post("/consent/suppressions/remove", odd | {"reason": "x"}).status_code == 404


@pytest.mark.parametrize("address", ["", "no address", "@" * 400])
def test_what_is_no_address_is_refused(client_for, cast, atlas, address):
    answer = client_for(cast.omar).post("/consent/suppressions/add", {"address": address, "reason": "manual"})
    assert answer.status_code == 422
    with tenant_scope(atlas):
        assert not Suppression.objects.exists()


def test_search_says_that_an_address_is_free(client_for, bob):
    text = client_for(bob).get("/consent/suppressions?address=<b>@example.com").content.decode()
    assert "&lt;b&gt;@example.com" in text and "is not on the list" in text


# ---------------------------------------------------------------- lists


def take(data: bytes, kind: str = "opt_out", name: str = "list.csv", **more) -> OptOutImport:
    job = optouts.open_import(upload=io.BytesIO(data), file_name=name, kind=kind, **more)
    optouts.import_opt_outs(import_id=job.pk)
    job.refresh_from_db()
    return job


def is_let_alone(*addresses: str) -> list[bool]:
    wanted = [keys.address_key(one) for one in addresses]
    held = consent.suppressed(wanted, "")
    return [key in held for key in wanted]


ENCODED = {
    "utf-8": "nom;e-mail\nÉlodie;Amel@Example.com\nZied;zied@example.com\n".encode(),
    "utf-8 with its mark": "\ufeffe-mail;nom\namel@example.com;Élodie\nzied@example.com;Zied\n".encode(),
    "utf-16": "e-mail\tnom\namel@example.com\tÉlodie\nzied@example.com\tZied\n".encode("utf-16"),
    "windows": "nom,courriel\nÉlodie,amel@example.com\nZied,zied@example.com\n".encode("cp1252"),
    "old mac": "nom,courriel\nÉlodie,amel@example.com\nZied,zied@example.com\n".encode("mac-roman"),
    "without a header": b"amel@example.com\r\nzied@example.com\r\n",
    "in pointed brackets": b"x|<amel@example.com>\nx|<zied@example.com>\n",
    "quoted": b'"who","Email Address"\n"Ben Ali, Amel","amel@example.com"\n"Zied","zied@example.com"\n',
}


@pytest.mark.parametrize("name", ENCODED)
def test_list_of_addresses_is_read_however_it_was_written(atlas_scope, name):
    job = take(ENCODED[name])
    assert job.state == JobState.SUCCEEDED
    assert (job.result["lines"], job.result["new"], job.result["refused"]) == (2, 2, 0)
    assert is_let_alone("amel@example.com", "zied@example.com", "other@example.com") == [True, True, False]


def test_customer_numbers_take_their_consent_back_and_their_addresses_are_let_alone(atlas_scope, alice, people):
    job = take(b"customer number\nC-1\nC-2\nC-99\n", requested_by=alice, note="paper forms")
    assert consent.consented(0, 0, customers=[p.pk for p in people]) == {people[0].pk: False, people[1].pk: False}
    assert is_let_alone("amel@example.com", "zied@example.com", "mouna@example.com") == [True, True, False]
    assert job.result["named"] == [{"line": 4, "reason": "no_such_customer"}]
    assert ConsentEntry.objects.first().note == "paper forms"
    told = Notification.objects.get(code="opt_out_list_imported")
    assert (told.facts["new"], told.facts["refused"], told.level) == (2, 1, "warning")


def test_address_of_nobody_is_let_alone_before_an_import_brings_it(atlas_scope):
    take(b"future@example.com\n")
    Customer.objects.create(tenant=atlas_scope, external_id="C-7", email="Future@Example.com")
    assert ledger.standing(Customer.objects.get()).code == "suppressed"


def test_list_of_those_who_agreed(atlas_scope, people):
    consent.suppress(address_keys=[keys.address_key("zied@example.com")], reason="unsubscribed")
    job = take(b"email\nAMEL@example.com\nzied@example.com\nstranger@example.com\nnobody\n", kind="opt_in")
    agreed = consent.consented(0, 0, customers=[p.pk for p in people])
    assert agreed == {people[0].pk: True, people[1].pk: True}
    assert ledger.standing(people[0]).may_be_written_to
    assert ledger.standing(people[1]).code == "suppressed"
    assert job.result["let_alone"] == 1
    assert {(one["line"], one["reason"]) for one in job.result["named"]} == {(4, "no_such_customer"), (5, "no_address")}


@pytest.mark.parametrize("kind", ["opt_out", "opt_in"])
def test_same_list_twice_changes_nothing_more(atlas_scope, people, kind):
    data = b"email\namel@example.com\nzied@example.com\n"
    take(data, kind=kind)
    before = Suppression.objects.count(), ConsentEntry.objects.count()
    assert before == ((2, 0) if kind == "opt_out" else (0, 2))
    assert take(data, kind=kind).result["new"] == 0
    assert (Suppression.objects.count(), ConsentEntry.objects.count()) == before


def test_killed_job_goes_on_after_its_last_block(atlas_scope, monkeypatch):
    monkeypatch.setattr(optouts, "_BLOCK", 10)
    data = b"email\n" + b"".join(b"p%d@example.com\n" % i for i in range(35))
    job = optouts.open_import(upload=io.BytesIO(data), file_name="x.csv", kind="opt_out")
    whole, calls = consent.suppress, []

    def dies_at_the_third(**given):
        calls.append(given)
        if len(calls) == 3:
            raise ConnectionError("the machine is gone")
        return whole(**given)

    monkeypatch.setattr(consent, "suppress", dies_at_the_third)
    with pytest.raises(ConnectionError):
        optouts.import_opt_outs(import_id=job.pk)
    job.refresh_from_db()
    assert (job.last_line, job.result["lines"], Suppression.objects.count()) == (21, 20, 20)
    OptOutImport.objects.filter(pk=job.pk).update(not_before=None)
    optouts.import_opt_outs(import_id=job.pk)
    job.refresh_from_db()
    assert (job.state, job.result["lines"], job.result["new"]) == (JobState.SUCCEEDED, 35, 35)
    assert Suppression.objects.count() == 35


def test_file_is_gone_once_it_was_taken_in(atlas_scope, settings):
    job = take(b"amel@example.com\n")
    assert not (settings.PRIVATE_ROOT / job.file_path).exists()


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "empty"), (b"PK\x03\x04\x00\x00\x00rest", "not_text"), (b"x" * 2_000, "too_large")],
)
def test_what_is_no_list_is_refused_at_once_and_leaves_nothing(atlas_scope, settings, monkeypatch, data, code):
    monkeypatch.setattr(optouts, "MOST_BYTES", 1_000)
    with pytest.raises(Refused) as refused:
        optouts.open_import(upload=io.BytesIO(data), file_name="x.csv", kind="opt_out")
    assert refused.value.code == code
    assert not OptOutImport.objects.exists()
    assert not list(settings.PRIVATE_ROOT.rglob("list"))


def test_hostile_lines_are_named_and_the_rest_is_taken(atlas_scope):
    data = b"email\n" + b"a" * 200_000 + b"\n\xff\x00@\n;;;\n\n=cmd()|x\ngood@example.com\n"
    job = take(data)
    assert job.state == JobState.SUCCEEDED
    assert is_let_alone("good@example.com") == [True]
    reasons = {one["line"]: one["reason"] for one in job.result["named"]}
    assert reasons[2] in ("too_long", "unreadable")
    assert job.result["refused"] >= 2


def test_more_refused_lines_than_are_named_are_counted(atlas_scope, monkeypatch):
    monkeypatch.setattr(optouts, "NAMED", 3)
    job = take(b"email\n" + b"nobody\n" * 10)
    assert (job.result["refused"], len(job.result["named"])) == (10, 3)


def test_list_goes_in_through_the_page(client_for, cast, atlas, people, monkeypatch):
    rung = []
    monkeypatch.setattr(jobs, "ring", rung.append)
    file = io.BytesIO(b"email\namel@example.com\nnobody\n")
    file.name = "../../etc/passwd"
    client = client_for(cast.omar)
    answer = client.post("/consent/lists/import", {"kind": "opt_out", "file": file, "note": "shop"})
    assert answer["Location"] == "/consent/lists"
    assert 'hx-trigger="every 1s"' in client.get("/consent/lists").content.decode()
    with tenant_scope(atlas):
        assert rung[0].file_name == "passwd"
        optouts.import_opt_outs(import_id=rung[0].pk)
    text = client.get("/consent/lists").content.decode()
    assert "Line 3 holds no address" in re.sub(r"\s+", " ", text) and "1 line was left out" in text
    assert client.get("/consent/lists", headers=htmx("job"))["HX-Refresh"] == "true"


def test_bad_upload_is_said_by_its_field(client_for, cast):
    empty = io.BytesIO(b"PK\x03\x04\x00\x00")
    empty.name = "x.xlsx"
    answer = client_for(cast.omar).post("/consent/lists/import", {"kind": "opt_in", "file": empty})
    assert answer.status_code == 422 and "no CSV or text file" in answer.content.decode()


# ---------------------------------------------------------------- for programs


def test_program_records_and_reads_consent(client_for, cast, people):
    client = client_for(cast.omar)
    body = {"customers": ["C-1", "C-2", "C-99"], "is_granted": True, "note": "shop"}
    headers = {"Idempotency-Key": "one"}
    for _ in range(2):
        answer = client.post("/api/consents", body, content_type="application/json", headers=headers)
        assert (answer.status_code, answer.json()) == (201, {"recorded": 2, "unknown": ["C-99"]})
    told = client.get("/api/consents?customer=C-1").json()
    assert told["may_be_written_to"] is True
    assert [(line["is_granted"], line["source"], line["note"]) for line in told["lines"]] == [(True, "api", "shop")]


def test_program_suppresses_and_asks(client_for, cast):
    client = client_for(cast.omar)
    body = {"addresses": ["amel@example.com", "AMEL@example.com", "nobody"], "reason": "unsubscribed"}
    answer = client.post("/api/suppressions", body, content_type="application/json")
    assert answer.json() == {"new": 1, "known": 1, "refused": ["nobody"]}
    told = client.get("/api/suppressions?address=Amel@example.com").json()
    assert told["is_suppressed"] and told["suppressions"][0]["reason"] == "unsubscribed"


@pytest.mark.parametrize(
    ("address", "body", "status"),
    [
        ("/api/consents", {"customers": ["C-1"]}, 400),
        ("/api/consents", {"customers": [], "is_granted": True}, 400),
        ("/api/consents", {"customers": ["C-1"], "is_granted": "yes"}, 400),
        ("/api/consents", {"customers": ["C-1"], "is_granted": True, "tenant": "x"}, 400),
        ("/api/consents", {"customers": ["C-1"] * 1_001, "is_granted": True}, 400),
        ("/api/suppressions", {"addresses": [1]}, 400),
        ("/api/suppressions", {"addresses": ["a@example.com"], "reason": "because"}, 400),
        ("/api/suppressions", {"addresses": ["a@example.com"], "campaign": "none"}, 422),
        ("/api/suppressions", ["a@example.com"], 400),
    ],
)
def test_program_is_told_what_is_wrong(client_for, cast, people, address, body, status):
    answer = client_for(cast.omar).post(address, body, content_type="application/json")
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
