"""The made-up carrier: the same every time, close to the published file, and nobody's real address."""

from __future__ import annotations

import csv
import re
import tracemalloc
from collections.abc import Iterator
from datetime import date

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from customers.ingest import schema
from customers.ingest.synthetic import FIELDS, LARGEST_CARRIER, Batch, Carrier, write_csv
from customers.ingest.synthetic.names import external_ids

PROTECTION = ("online_security", "online_backup", "device_protection", "tech_support")
STREAMING = ("streaming_tv", "streaming_movies")
TABLES = ("customers", "usage", "outreach", "truth")


def columns_of(batch: Batch, table: str) -> dict[str, np.ndarray]:
    return batch.truth.columns() if table == "truth" else getattr(batch, table)


def joined(batches: Iterator[Batch], table: str) -> dict[str, list]:
    pieces = [columns_of(batch, table) for batch in batches]
    return {name: [cell for piece in pieces for cell in piece[name].tolist()] for name in pieces[0]}


@pytest.fixture(scope="module")
def batch() -> Batch:
    (only,) = Carrier(seed=7).batches(customers=30_000, size=30_000)
    return only


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("size", [1, 7, 999, 1000, 1700])
def test_batch_size_changes_no_customer(table, size):
    limit = 40 if size < 10 else 2300
    assert str(joined(Carrier(3).batches(limit, size), table)) == str(joined(Carrier(3).batches(limit, limit), table))


@pytest.mark.parametrize("table", TABLES)
def test_customer_is_the_same_in_a_larger_carrier_and_from_a_later_start(table):
    small = joined(Carrier(3).batches(1500), table)
    known = set(small["external_id"])
    large = joined(Carrier(3).batches(4000), table)
    rows = [i for i, who in enumerate(large["external_id"]) if who in known]
    assert str({name: [cells[i] for i in rows] for name, cells in large.items()}) == str(small)
    late = joined(Carrier(3).batches(1500, start=1234), table)
    assert str({name: cells[-len(late[name]) :] for name, cells in small.items()}) == str(late)


def test_another_seed_is_another_carrier():
    first, second = next(Carrier(1).batches(1000)), next(Carrier(2).batches(1000))
    assert not set(first.customers["external_id"]) & set(second.customers["external_id"])
    assert (first.customers["tenure"] != second.customers["tenure"]).mean() > 0.9


@pytest.mark.parametrize(("customers", "size"), [(-1, 10), (LARGEST_CARRIER + 1, 10), (10, 0)])
def test_impossible_requests_are_refused_at_the_call(customers, size):
    with pytest.raises(ValueError, match=r"batch|carrier"):
        Carrier().batches(customers, size)


def test_seed_below_zero_is_refused_and_no_customers_is_no_batch():
    with pytest.raises(ValueError, match="seed"):
        Carrier(seed=-1)
    assert list(Carrier().batches(0)) == []


def test_columns_are_those_of_the_schema_in_its_order(batch):
    assert list(batch.customers) == [column.name for column in schema.COLUMNS]
    for table in TABLES:
        assert set(FIELDS[table]) == set(columns_of(batch, table)), table
        rows = {len(values) for values in columns_of(batch, table).values()}
        assert len(rows) == 1, table


@pytest.mark.parametrize(
    ("column", "value", "share", "churn"),
    [  # published: share of customers, share of those that left
        ("contract", "Month-to-month", 0.550, 0.427),
        ("contract", "One year", 0.209, 0.113),
        ("contract", "Two year", 0.241, 0.028),
        ("internet_service", "DSL", 0.344, 0.190),
        ("internet_service", "Fiber optic", 0.440, 0.419),
        ("internet_service", "No", 0.217, 0.074),
        ("senior_citizen", True, 0.162, 0.417),
        ("partner", True, 0.483, 0.197),
        ("dependents", True, 0.300, 0.155),
        ("paperless_billing", True, 0.592, 0.336),
        ("phone_service", False, 0.097, 0.249),
        ("multiple_lines", "Yes", 0.422, 0.286),
        ("online_security", "Yes", 0.287, 0.146),
        ("online_backup", "Yes", 0.345, 0.215),
        ("device_protection", "Yes", 0.344, 0.225),
        ("tech_support", "Yes", 0.290, 0.152),
        ("streaming_tv", "Yes", 0.384, 0.301),
        ("streaming_movies", "Yes", 0.388, 0.299),
        ("payment_method", "Electronic check", 0.336, 0.453),
        ("payment_method", "Mailed check", 0.229, 0.191),
        ("payment_method", "Bank transfer (automatic)", 0.219, 0.167),
        ("payment_method", "Credit card (automatic)", 0.216, 0.152),
        ("gender", "Female", 0.495, 0.269),
    ],
)
def test_shares_and_churn_are_near_the_published_ones(batch, column, value, share, churn):
    have = batch.customers[column] == value
    assert have.mean() == pytest.approx(share, abs=0.02)
    assert batch.customers["churn_label"][have].mean() == pytest.approx(churn, abs=0.035)


def test_churn_tenure_and_charges_are_distributed_as_published(batch):
    c = batch.customers
    assert c["churn_label"].mean() == pytest.approx(0.265, abs=0.012)
    assert np.quantile(c["tenure"], [0, 0.25, 0.5, 0.75, 1]) == pytest.approx([0, 9, 29, 55, 72], abs=2)
    assert np.quantile(c["monthly_charges"], [0.25, 0.5, 0.75]) == pytest.approx([35.5, 70.35, 89.85], abs=2)
    assert np.nanmean(c["total_charges"]) == pytest.approx(2283, rel=0.04)
    for (low, high), churn in {(1, 1): 0.620, (7, 12): 0.359, (25, 36): 0.216, (61, 71): 0.083}.items():
        inside = (c["tenure"] >= low) & (c["tenure"] <= high)
        assert c["churn_label"][inside].mean() == pytest.approx(churn, abs=0.05), (low, high)
    wanted = {("tenure", "monthly_charges"): 0.248, ("tenure", "churn_label"): -0.352, ("tenure", "partner"): 0.38}
    for (a, b), correlation in wanted.items():
        assert np.corrcoef(c[a].astype(float), c[b].astype(float))[0, 1] == pytest.approx(correlation, abs=0.04), (a, b)


def test_levels_charges_and_ages_agree_with_one_another(batch):
    c = batch.customers
    offline = c["internet_service"] == "No"
    for name in (*PROTECTION, *STREAMING):
        assert ((c[name] == "No internet service") == offline).all()
    assert ((c["multiple_lines"] == "No phone service") == ~c["phone_service"]).all()
    assert (c["phone_service"] | ~offline).all()  # everybody buys something
    listed = 20.0 * c["phone_service"] + 5 * (c["multiple_lines"] == "Yes")
    listed += 25 * (c["internet_service"] == "DSL") + 50 * (c["internet_service"] == "Fiber optic")
    listed += sum(5 * (c[name] == "Yes") for name in PROTECTION) + sum(10 * (c[name] == "Yes") for name in STREAMING)
    assert np.abs(c["monthly_charges"] - listed).max() < 4.2
    unbilled = c["tenure"] == 0
    assert unbilled.any()
    assert (np.isnan(c["total_charges"]) == unbilled).all()
    assert not c["churn_label"][unbilled].any()
    billed = ~unbilled
    ratio = c["total_charges"][billed] / (c["tenure"] * c["monthly_charges"])[billed]
    assert ratio.mean() == pytest.approx(1, abs=0.01)
    assert (ratio[c["tenure"][billed] == 1] == 1).all()
    assert (ratio > 0.4).all()
    assert ((c["age"] >= 65) == c["senior_citizen"]).all()
    assert (c["age"] * 12 >= 18 * 12 + c["tenure"]).all()
    assert c["age"].max() <= 100


def test_addresses_are_nobodys_and_scripts_follow_the_language(batch):
    c = batch.customers
    emails = [email for email in c["email"] if email is not None]
    assert len(emails) / len(batch) == pytest.approx(0.98, abs=0.01)
    assert all(re.fullmatch(r"[a-z]+\.[a-z]+\d+@example\.(com|org|net)", email) for email in emails)
    phones = [phone for phone in c["phone"] if phone is not None]
    assert all(re.fullmatch(r"\+216 0\d \d{3} \d{3}", phone) for phone in phones)
    assert len(set(emails)) == len(emails)
    assert len(set(phones)) == len(phones)
    names = zip(c["first_name"], c["last_name"], strict=True)
    arabic = np.array([all(re.search("[\u0600-\u06ff]", name) for name in pair) for pair in names])
    assert (arabic == (c["language"] == "ar")).all()
    french = "".join({*c["first_name"][c["language"] == "fr"], *c["last_name"][c["language"] == "fr"]})
    assert set("éèïëçôâÉ") <= set(french)
    assert all(np.mean(c["language"] == language) > 0.08 for language in ("fr", "ar", "en"))


def test_identifiers_look_like_the_published_ones_and_never_repeat(batch):
    assert all(re.fullmatch(r"\d{4}-[A-Z]{5}", who) for who in batch.customers["external_id"])
    starts = (0, 5_000_000, LARGEST_CARRIER - 100_000)
    many = {who for first in starts for who in external_ids(2**63 - 1, first, 100_000)}
    assert len(many) == 300_000


def test_model_on_the_file_alone_ranks_about_as_well_as_on_the_published_file(batch):
    c = batch.customers
    coded = (schema.Kind.FLAG, schema.Kind.CATEGORY)
    names = [n for n in c if schema.BY_NAME[n].kind in coded and n not in ("churn_label", "language")]
    x = [c[n] == level for n in names for level in sorted(set(c[n].tolist()), key=str)[1:]]
    x = np.column_stack([*x, c["tenure"] / 72, np.log1p(c["tenure"]), c["monthly_charges"] / 100]).astype(float)
    y = c["churn_label"]
    model = LogisticRegression(max_iter=2000).fit(x[:7000], y[:7000])
    assert 0.83 < roc_auc_score(y[7000:], model.predict_proba(x[7000:])[:, 1]) < 0.86


def test_file_has_published_headers_and_spelling(tmp_path):
    path = tmp_path / "carrier.csv"
    assert write_csv(path, customers=2500, seed=7, size=700) == 2500
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2500
    assert list(rows[0]) == [column.header for column in schema.COLUMNS]
    assert {row["SeniorCitizen"] for row in rows} == {"0", "1"}
    for header in ("Partner", "Dependents", "PhoneService", "PaperlessBilling", "Churn"):
        assert {row[header] for row in rows} == {"Yes", "No"}
    assert {row["TotalCharges"] for row in rows if row["tenure"] == "0"} == {" "}
    assert all(re.fullmatch(r"\d+(\.\d\d?)?", row["TotalCharges"]) for row in rows if row["tenure"] != "0")
    assert all(re.fullmatch(r"\d+(\.\d\d?)?", row["MonthlyCharges"]) for row in rows)
    (batch,) = Carrier(7).batches(2500)
    assert [row["customerID"] for row in rows] == batch.customers["external_id"].tolist()
    again = tmp_path / "again.csv"
    write_csv(again, customers=2500, seed=7)
    assert again.read_bytes() == path.read_bytes()


def test_batches_are_made_one_at_a_time():
    batches = Carrier(as_of=date(2026, 1, 15)).batches(LARGEST_CARRIER, size=1000)
    next(batches)
    tracemalloc.start()
    for _ in range(10):
        next(batches)
    early = tracemalloc.get_traced_memory()[1]
    for _ in range(30):
        next(batches)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.2 * early
    assert peak < 20_000_000
