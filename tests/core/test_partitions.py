"""A run's rows as a table of its own: whole when it is attached, as safe as its parent, gone at once."""

import threading
import time
import uuid

import numpy as np
import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django_scopes import scope

from core import bulk, columnar, jobs, partitions
from customers.models import Customer
from predictions.models import ModelVersion, Score, ScoringRun

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("atlas_scope")]


@pytest.fixture(autouse=True)
def only_where_there_are_parts(db):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no partitions")


@pytest.fixture
def run(atlas) -> ScoringRun:
    version = ModelVersion.objects.create(number=1, algorithm="x", artefact_path="x")
    return ScoringRun.objects.create(version=version, state="succeeded")


def fill(table: str, run: ScoringRun, customers: list[int], tenant: uuid.UUID | None = None) -> None:
    n = len(customers)
    zeros = np.zeros(n, dtype=np.int16)
    columnar.insert(
        table,
        {
            "tenant_id": tenant or run.tenant_id,
            "run_id": run.pk,
            "customer_id": np.array(customers),
            "risk": np.linspace(0.1, 0.9, n),
            **dict.fromkeys(("driver_1", "driver_2", "driver_3", "contract_code", "internet_code"), zeros),
            "driver_facts": np.zeros(n, dtype="V0"),
            "is_out_of_fold": np.zeros(n, dtype=bool),
        },
    )


def part(run: ScoringRun, customers: list[int], **options) -> str:
    name = partitions.create(Score, "run_id", run.pk, attempt=1)
    fill(name, run, customers, **options)
    list(partitions.complete(Score, name))
    return name


def attach(run: ScoringRun, name: str) -> None:
    """As a run does it: whoever is at the tables meanwhile, be it the server's vacuum, is waited for."""

    def work() -> None:
        with transaction.atomic():
            partitions.attach(Score, name, run.pk)

    partitions.giving_way(work, Score, run.pk)


def some_customers(n: int = 3) -> list[int]:
    return [Customer.objects.create(external_id=f"P{i}").pk for i in range(n)]


def test_rows_are_there_only_when_the_part_is_attached(run):
    name = part(run, some_customers())
    assert not Score.objects.filter(run=run).exists()
    attach(run, name)
    assert [round(s.risk, 1) for s in Score.objects.filter(run=run).order_by("risk")] == [0.1, 0.5, 0.9]


def test_part_has_every_index_of_its_parent(run):
    name = part(run, some_customers())
    attach(run, name)
    missing = bulk.fetch(
        """SELECT i.indexrelid::regclass FROM pg_index i WHERE i.indrelid = 'predictions_score'::regclass AND NOT EXISTS (
               SELECT 1 FROM pg_inherits h JOIN pg_index c ON c.indexrelid = h.inhrelid
               WHERE h.inhparent = i.indexrelid AND c.indrelid = %s::regclass)""",
        [name],
    )
    assert missing == []


def test_part_of_another_companys_customers_is_refused(run, borealis):
    ours = some_customers()
    name = partitions.create(Score, "run_id", run.pk, attempt=1)
    fill(name, run, ours, tenant=borealis.pk)
    list(partitions.complete(Score, name))  # closed now, it hides those rows from us, not from the check
    with pytest.raises(IntegrityError):
        attach(run, name)


def test_part_has_its_parents_keys_once_and_leaves_the_planner_as_it_was(run, monkeypatch):
    monkeypatch.setattr(partitions, "_LONG", 0)  # every table counts as long
    before = bulk.fetch("SHOW enable_hashjoin"), bulk.fetch("SHOW random_page_cost")
    name = part(run, some_customers())
    attach(run, name)
    keys = "SELECT pg_get_constraintdef(oid), {} FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'f' ORDER BY 1"
    parents = bulk.fetch(keys.format("conparentid = 0"), ["predictions_score"])
    assert len(parents) >= 2
    assert bulk.fetch(keys.format("conparentid <> 0"), [name]) == parents
    assert (bulk.fetch("SHOW enable_hashjoin"), bulk.fetch("SHOW random_page_cost")) == before


def test_row_of_another_run_does_not_enter_a_part(run):
    name = partitions.create(Score, "run_id", run.pk, attempt=1)
    other = ScoringRun.objects.create(version=run.version, state="failed")
    with pytest.raises(Exception, match="violates check constraint"), transaction.atomic():
        fill(name, other, some_customers())


def test_dropping_forgets_attached_and_abandoned_parts_of_that_run_only(run):
    customers = some_customers()
    other = ScoringRun.objects.create(version=run.version, state="failed")
    for scoring in (run, other):
        attach(scoring, part(scoring, customers))
    partitions.drop(Score, run.pk)
    assert not Score.objects.filter(run=run).exists()
    assert Score.objects.filter(run=other).count() == len(customers)


def test_new_attempt_removes_what_the_last_one_left(run):
    first = partitions.create(Score, "run_id", run.pk, attempt=1)
    second = partitions.create(Score, "run_id", run.pk, attempt=2)
    assert first != second
    assert bulk.fetch("SELECT to_regclass(%s), to_regclass(%s) IS NOT NULL", [first, second]) == [(None, True)]


def test_part_is_as_closed_as_its_parent(run):
    customers = some_customers()
    name = part(run, customers)
    with scope(tenant=None):
        assert bulk.fetch(f'SELECT count(*) FROM "{name}"') == [(0,)]
    assert bulk.fetch(f'SELECT count(*) FROM "{name}"') == [(len(customers),)]


def test_single_rows_need_no_part(run, borealis):
    customer = Customer.objects.create(external_id="ONE")
    score = Score.objects.create(run=run, customer=customer, risk=0.5)
    assert Score.objects.get(run=run).pk == score.pk
    with pytest.raises(IntegrityError), transaction.atomic():
        Score.objects.create(run=run, customer=customer, risk=0.6)


# ---------------------------------------------------------------- beside others who are at the same tables


@pytest.fixture
def other():
    """Somebody else's connection, in the middle of a transaction."""
    connected = connection.get_new_connection(connection.get_connection_params())
    connected.autocommit = False
    yield connected
    connected.close()


def attached(run, name):
    attach(run, name)
    return Score.objects.filter(run=run).count()


def test_attaching_lets_those_pass_who_read_and_comes_back(run, other, monkeypatch):
    name = part(run, some_customers())
    partitions.promise(Score, name)
    assert list(partitions.prove(Score, name))
    other.execute("LOCK TABLE customers_customer IN ACCESS SHARE MODE")
    paused = []
    monkeypatch.setattr(partitions.time, "sleep", lambda seconds: (paused.append(seconds), other.rollback()))
    assert attached(run, name) == 3
    assert set(paused) == {partitions._PAUSE_S}
    assert bulk.fetch("SHOW lock_timeout") == [("0",)], "the transaction that it was a part of need not hurry"


def test_whoever_waits_for_a_long_reader_waits_longer_each_time_and_may_stop(run, other, monkeypatch):
    """As beside a backup: it holds every table as a reader until it has ended."""
    name = part(run, some_customers())
    partitions.promise(Score, name)
    list(partitions.prove(Score, name))
    other.execute("LOCK TABLE customers_customer IN ACCESS SHARE MODE")
    paused: list[float] = []
    monkeypatch.setattr(partitions.time, "sleep", paused.append)

    def work() -> None:
        with transaction.atomic():
            partitions.attach(Score, name, run.pk)

    def waiting() -> None:
        if len(paused) == 3:
            raise jobs.Cancelled

    with pytest.raises(jobs.Cancelled):
        partitions.giving_way(work, Score, run.pk, waiting=waiting)
    assert paused == sorted(set(paused)) and len(paused) == 3
    with pytest.raises(OperationalError):
        partitions.giving_way(work, Score, run.pk, patience=0)
    assert len(paused) < 6
    other.rollback()
    partitions.giving_way(work, Score, run.pk)
    assert Score.objects.filter(run=run).count() == 3


@pytest.mark.django_db(transaction=True)
def test_import_that_reads_and_then_writes_is_never_given_up_for_a_part(run, other, monkeypatch):
    """It holds the customers as a reader when the part wants them for itself. With a lesser lock held on them before, the
    import would wait for the part, the part for the import, and the server ends the import at once."""
    name = part(run, some_customers())
    partitions.promise(Score, name)
    list(partitions.prove(Score, name))
    monkeypatch.setattr(partitions, "_PAUSE_S", 0.2)
    other.execute("LOCK TABLE customers_customer IN ACCESS SHARE MODE")
    ended = []

    def goes_on() -> None:
        time.sleep(0.1)
        other.execute("LOCK TABLE customers_customer IN ROW EXCLUSIVE MODE")
        other.commit()
        ended.append(True)

    writer = threading.Thread(target=goes_on)
    writer.start()
    try:
        assert attached(run, name) == 3
    finally:
        writer.join(10)
        partitions.drop(Score, run.pk)
    assert ended == [True]


def test_what_is_no_matter_of_locks_is_not_tried_again(monkeypatch):
    monkeypatch.setattr(partitions.time, "sleep", lambda _seconds: pytest.fail("tried again"))

    def work() -> None:
        raise OperationalError("the server is gone")

    with pytest.raises(OperationalError):
        partitions.giving_way(work, Score, 1)
