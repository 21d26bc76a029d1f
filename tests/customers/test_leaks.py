"""The leak watch: what is kept from the models, who may overrule it, and what is written about it."""

import csv
import datetime as dt
import uuid

import numpy as np
import pytest

from core.errors import Refused
from customers import merge, selectors, services
from customers.models import ColumnFinding, Customer
from tenants.models import AuditEntry, Notification
from tenants.scoping import tenant_scope
from tests.conftest import import_file

N = 400


def company(*, honest: bool = False, **extra) -> dict[str, object]:
    """Customers of whom a quarter left: an honest measure, and a reason that only leavers have. ``extra``: name -> column."""
    rng = np.random.default_rng(3)
    left = np.arange(N) % 4 == 0
    reasons = np.where(left & (rng.random(N) < 0.95), rng.choice(["Price", "Moved", "Service"], N), "")
    return {
        "customerID": [f"L{i:04d}" for i in range(N)],
        "Churn": np.where(left, "Yes", "No"),
        "tenure": (rng.gamma(2, 12, N) * np.where(left, 0.5, 1)).astype(int),
        "Tier": rng.choice(["Gold", "Silver", "Bronze"], N),
        **({} if honest else {"Exit reason": reasons}),
        **{name: make(left, rng) for name, make in extra.items()},
    }


def write_file(path, columns: dict[str, object]):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def bring(columns: dict[str, object]) -> None:
    """The same customers without a file: what is none of our fields is kept beside."""
    others = [name for name in columns if name not in ("customerID", "Churn", "tenure", "internet_service")]
    known = [name for name in ("tenure", "internet_service") if name in columns]
    rows = [
        (
            i,
            number,
            columns["Churn"][i] == "Yes",
            *(columns[name][i] if name == "internet_service" else int(columns[name][i]) for name in known),
            {name: str(columns[name][i]) for name in others if str(columns[name][i])},
        )
        for i, number in enumerate(columns["customerID"])
    ]
    merge.merge_customers(["external_id", "churn_label", *known], rows)
    services.refresh_customer_base()


@pytest.fixture
def leaky(atlas):
    """Atlas with a leaking column, looked at; its finding."""
    with tenant_scope(atlas):
        bring(company())
        services.refresh_findings()
        return ColumnFinding.objects.get(column="Exit reason")


def verbs(tenant) -> list[str]:
    with tenant_scope(tenant):
        return [e.verb for e in AuditEntry.objects.order_by("sequence") if "finding" in e.verb]


# ---------------------------------------------------------------- looking


def test_leaking_column_is_quarantined_and_no_honest_one(atlas, leaky):
    with tenant_scope(atlas):
        assert [(f.column, f.severity) for f in ColumnFinding.objects.all()] == [("Exit reason", "quarantine")]
        assert leaky.is_kept_away
        assert leaky.codes[0] == "filled_only_for_leavers" or "filled_only_for_leavers" in leaky.codes
        assert leaky.evidence["purity"] == 1.0
        told = Notification.objects.get(code="columns_quarantined")
        assert "Exit reason" in told.sentence and told.url == "/quality"
        entry = AuditEntry.objects.get(verb="findings_refreshed")
        assert entry.facts == {"kept_away": ["Exit reason"], "gone": []}


def test_looking_again_changes_and_tells_nothing(atlas, leaky):
    with tenant_scope(atlas):
        before = (AuditEntry.objects.count(), Notification.objects.count())
        (again,) = services.refresh_findings()
        assert (again.pk, again.found_at) == (leaky.pk, leaky.found_at)
        assert (AuditEntry.objects.count(), Notification.objects.count()) == before


def test_finding_that_no_longer_holds_goes(atlas, leaky):
    with tenant_scope(atlas):
        for i, customer in enumerate(Customer.objects.order_by("pk")):
            customer.attributes["Exit reason"] = "Price" if i % 3 else "Moved"
            customer.save(update_fields=["attributes"])
        assert services.refresh_findings() == []
        assert not ColumnFinding.objects.exists()
        assert AuditEntry.objects.filter(verb="findings_refreshed").latest("sequence").facts["gone"] == ["Exit reason"]


def test_decision_outlives_a_finding_that_comes_and_goes(atlas, cast, leaky):
    with tenant_scope(atlas):
        services.overrule_finding(finding=leaky, actor=cast.omar, reason="asked at every visit")
        kept = dict(Customer.objects.values_list("pk", "attributes"))
        for i, pk in enumerate(kept):
            Customer.objects.filter(pk=pk).update(attributes={"Exit reason": "Price" if i % 3 else "Moved"})
        services.refresh_findings()
        leaky.refresh_from_db()
        assert (leaky.holds, leaky.overruled_by) == (False, cast.omar)
        for pk, attributes in kept.items():
            Customer.objects.filter(pk=pk).update(attributes=attributes)
        services.refresh_findings()
        leaky.refresh_from_db()
        assert leaky.holds and leaky.overrule_reason == "asked at every visit"
        assert not leaky.is_kept_away


def test_finding_overruled_as_useless_is_kept_away_again_once_it_leaks(atlas, cast, leaky):
    with tenant_scope(atlas):
        ColumnFinding.objects.update(severity="set_aside", codes=["near_unique_text"])
        leaky.refresh_from_db()
        services.overrule_finding(finding=leaky, actor=cast.omar, reason="there is something in it")
        services.refresh_findings()
        leaky.refresh_from_db()
        assert leaky.is_kept_away and leaky.overruled_by is None


def test_identifiers_and_constants_are_set_aside_and_empty_standard_fields_are_no_finding(atlas):
    aside = {
        "Contract number": lambda left, rng: [f"K-{i * 7919 % 100_003:06d}" for i in range(N)],
        "Country": lambda left, rng: ["Tunisia"] * N,
        "internet_service": lambda left, rng: ["Fiber optic"] * N,
    }
    with tenant_scope(atlas):
        bring(company(honest=True, **aside))
        services.refresh_findings()
        assert {f.column: (f.severity, f.codes) for f in ColumnFinding.objects.all()} == {
            "Contract number": ("set_aside", ["identifier"]),
            "Country": ("set_aside", ["constant"]),
            "internet_service": ("set_aside", ["constant"]),
        }


def test_standard_field_is_judged_by_what_the_company_calls_it_too(atlas, tmp_path):
    """A column sent to one of our fields does not lose its name: "closed by" lowers the bar."""

    def paid(left, rng):
        return np.where(left ^ (rng.random(N) < 0.07), "Mailed check", "Credit card (automatic)")

    path = write_file(tmp_path / "named.csv", company(honest=True, **{"Closed by": paid}))
    mapping = {
        "columns": {"customerID": "external_id", "Churn": "churn_label", "tenure": "tenure", "Closed by": "payment_method"},
        "label": {"yes": ["Yes"]},
    }  # fmt: skip
    with tenant_scope(atlas):
        import_file(path, mapping=mapping)
        services.refresh_findings()
        finding = ColumnFinding.objects.get(column="payment_method")
        assert finding.severity == "quarantine"
        assert "named_like_leaving" in finding.codes


def test_silence_after_leaving_is_caught_too(atlas):
    """Who has left uses nothing any more: months after the leaving know the answer."""
    with tenant_scope(atlas):
        bring(company(honest=True))
        rows = []
        for i in range(N):
            months = range(1, 4) if i % 4 == 0 else range(1, 10)
            rows += [(f"L{i:04d}", dt.date(2026, m, 1), "20", 5, 100.0, 3) for m in months]
        services.record_usage(rows=rows)
        services.refresh_findings()
        found = {f.column for f in ColumnFinding.objects.filter(severity="quarantine")}
        assert "silence_days" in found


def test_company_without_labels_has_nothing_judged(atlas):
    with tenant_scope(atlas):
        assert services.refresh_findings() == []
        bring(company())
        Customer.objects.update(churn_label=None)
        assert services.refresh_findings() == []


def test_another_companys_customers_are_no_evidence(atlas, borealis):
    with tenant_scope(borealis):
        bring(company())
        services.record_usage(rows=[("L0001", dt.date(2026, 9, 1), "20", 5, 100.0, 3)])
    with tenant_scope(atlas):
        bring(company(honest=True))
        assert services.refresh_findings() == []
        assert [a.name for a in selectors.known_attributes()] == ["Tier"]
        assert "silence_days" not in selectors.labelled_sample()
    with tenant_scope(borealis):
        assert [f.column for f in services.refresh_findings()] == ["Exit reason"]


# ---------------------------------------------------------------- deciding, on the page


def test_operator_overrules_with_a_reason_and_the_trail_says_so(client_for, cast, atlas, leaky):
    answer = client_for(cast.omar).post(
        f"/quality/findings/{leaky.public_id}/overrule", {"reason": " written at sign-up "}
    )
    assert answer.status_code == 302 and answer["Location"] == f"/quality#finding-{leaky.public_id}"
    with tenant_scope(atlas):
        leaky.refresh_from_db()
        assert (leaky.overruled_by, leaky.overrule_reason, leaky.is_kept_away) == (
            cast.omar,
            "written at sign-up",
            False,
        )
        entry = AuditEntry.objects.get(verb="finding_overruled")
        assert (entry.actor, entry.facts) == (cast.omar, {"column": "Exit reason", "reason": "written at sign-up"})
    page = client_for(cast.bob).get("/quality").content.decode()
    assert "written at sign-up" in page and "overruled" in page
    answer = client_for(cast.omar).post(f"/quality/findings/{leaky.public_id}/reinstate", {"reason": "I was wrong"})
    assert answer.status_code == 302
    with tenant_scope(atlas):
        leaky.refresh_from_db()
        assert leaky.is_kept_away
        assert AuditEntry.objects.get(verb="finding_reinstated").facts["reason"] == "I was wrong"


@pytest.mark.parametrize("reason", ["", "   "])
def test_nothing_is_overruled_without_a_reason(client_for, cast, atlas, leaky, reason):
    client = client_for(cast.omar)
    client.post(f"/quality/findings/{leaky.public_id}/overrule", {"reason": reason})
    with tenant_scope(atlas):
        leaky.refresh_from_db()
    assert leaky.is_kept_away
    assert verbs(atlas) == ["findings_refreshed"]
    assert "Say why" in client.get("/quality").content.decode()


@pytest.mark.parametrize(
    ("person", "status"), [("bob", 403), ("anna", 403), ("charlie", 404), ("omar", 302), ("alice", 302)]
)
@pytest.mark.parametrize("verb", ["overrule", "reinstate"])
def test_who_may_decide(client_for, cast, atlas, leaky, person, status, verb):
    answer = client_for(getattr(cast, person)).post(f"/quality/findings/{leaky.public_id}/{verb}", {"reason": "x"})
    assert answer.status_code == status
    decided = status == 302 and verb == "overrule"
    assert verbs(atlas) == ["findings_refreshed", *(["finding_overruled"] if decided else [])]


def test_decision_is_no_link(client_for, cast, leaky):
    assert client_for(cast.omar).get(f"/quality/findings/{leaky.public_id}/overrule").status_code == 405


def test_deciding_twice_is_refused_and_written_once(atlas, cast, leaky):
    with tenant_scope(atlas):
        services.overrule_finding(finding=leaky, actor=cast.omar, reason="x")
        with pytest.raises(Refused, match="already"):
            services.overrule_finding(finding=leaky, actor=cast.alice, reason="y")
        services.reinstate_finding(finding=leaky, actor=cast.alice)
        with pytest.raises(Refused, match="Nobody"):
            services.reinstate_finding(finding=leaky, actor=cast.alice)
        ColumnFinding.objects.update(severity="warn")
        leaky.refresh_from_db()
        with pytest.raises(Refused, match="already"):
            services.overrule_finding(finding=leaky, actor=cast.omar, reason="x")
    assert verbs(atlas) == ["findings_refreshed", "finding_overruled", "finding_reinstated"]


# ---------------------------------------------------------------- for programs


def test_findings_for_programs(client_for, cast, leaky):
    (found,) = client_for(cast.bob).get("/api/findings").json()["findings"]
    assert (found["id"], found["column"], found["verdict"]) == (str(leaky.public_id), "Exit reason", "quarantine")
    assert found["kept_away"] is True and found["overruled"] is None
    assert found["sentences"] and found["evidence"]["filled_left"] > 50


def test_program_decides_like_a_person(client_for, cast, leaky):
    omar = client_for(cast.omar)
    asked = {"finding": str(leaky.public_id), "decision": "overrule", "reason": "known beforehand"}
    said = omar.post("/api/findings", asked, content_type="application/json")
    assert said.status_code == 200
    assert (said.json()["kept_away"], said.json()["overruled"]["reason"]) == (False, "known beforehand")
    again = omar.post("/api/findings", asked, content_type="application/json")
    assert (again.status_code, again.json()["code"]) == (422, "already_overruled")
    back = omar.post("/api/findings", {**asked, "decision": "reinstate"}, content_type="application/json")
    assert back.json()["kept_away"] is True


@pytest.mark.parametrize(
    ("person", "body", "status"),
    [
        ("bob", {}, 403),
        ("anna", {}, 403),
        ("charlie", {}, 404),
        ("omar", {"finding": str(uuid.uuid4())}, 404),
        ("omar", {"finding": "1"}, 400),
        ("omar", {"decision": "forget"}, 400),
        ("omar", {"reason": ""}, 422),
    ],
)
def test_program_is_refused(client_for, cast, atlas, leaky, person, body, status):
    asked = {"finding": str(leaky.public_id), "decision": "overrule", "reason": "x", **body}
    answer = client_for(getattr(cast, person)).post("/api/findings", asked, content_type="application/json")
    assert answer.status_code == status
    assert verbs(atlas) == ["findings_refreshed"]


def test_another_companys_findings_are_not_listed(client_for, cast, leaky):
    assert client_for(cast.charlie).get("/api/findings").json() == {"findings": []}
