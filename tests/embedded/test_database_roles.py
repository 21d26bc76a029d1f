"""Three roles on one server, as ``manage.py database_roles`` makes them: each can do its work and nothing more."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from core.backups.postgres import Address, scratch
from core.embedded.postgres import Postgres
from core.embedded.processes import LOOPBACK

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
PASSWORD = "three-roles-one-database"
TABLES = "SELECT count(*) FROM customers_customer"

AS_THE_APP = """
from functools import partial
import numpy as np
from django.db import connection, transaction
from core import bulk, checks, columnar, partitions, row_security
from customers.models import Customer, Subscription
from predictions.models import ModelVersion, Score, ScoringRun
from tenants import services
from tenants.scoping import tenant_scope

assert checks.row_security_binds() == [], checks.row_security_binds()
for slug in ("one", "two"):
    tenant = services.create_company(slug=slug, name=slug)
    with tenant_scope(tenant):
        customers = Customer.objects.bulk_create([Customer(external_id=str(n)) for n in range(3)])
        Subscription.objects.create(customer=customers[0])
        bulk.analyse(Customer)
        version = ModelVersion.objects.create(number=1, algorithm="x", artefact_path="x")
        for attempt in (1, 2):
            run = ScoringRun.objects.create(version=version, state="succeeded")
            table = partitions.create(Score, "run_id", run.pk, attempt=attempt)
            zeros = np.zeros(3, dtype=np.int16)
            names = ("driver_1", "driver_2", "driver_3", "contract_code", "internet_code")
            unknown = np.ma.MaskedArray(zeros, np.ones(3, bool))
            columnar.insert(table, {
                "tenant_id": tenant.pk, "run_id": run.pk, "customer_id": np.array([c.pk for c in customers]),
                "risk": np.linspace(0.1, 0.9, 3), **dict.fromkeys(names, zeros), "driver_facts": np.zeros(3, dtype="V0"),
                "is_out_of_fold": np.zeros(3, dtype=bool)})
            list(partitions.complete(Score, table))
            partitions.giving_way(transaction.atomic(partial(partitions.attach, Score, table, run.pk)), Score, run.pk)
            partitions.index_run(Score, "run_id", run.pk, "by_risk", "risk DESC")
            partitions.analyse(Score, run.pk)
        assert Score.objects.count() == 6
        partitions.drop(Score, run.pk)
        assert Score.objects.count() == 3
    assert bulk.fetch("SELECT count(*) FROM predictions_score") == [(0,)]
assert row_security.uncovered() == []
print("worked")
"""


def url(server: Postgres, role: str) -> str:
    return f"postgres://churnguard_{role}:{PASSWORD}@{LOOPBACK}:{server.port}/churnguard"


def run(address: str, *command: str, **env: str) -> str:
    env = {**os.environ, "DATABASE_URL": address, "DJANGO_SETTINGS_MODULE": "churnguard.settings.test", **env}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def manage(address: str, *command: str, **env: str) -> str:
    return run(address, sys.executable, "manage.py", *command, **env)


@pytest.fixture(scope="module")
def server():
    with Postgres() as started:
        passwords = {f"DATABASE_{name}_PASSWORD": PASSWORD for name in ("OWNER", "APP", "WATCH")}
        manage(started.admin_url, "database_roles", "--apply", **passwords)
        manage(url(started, "owner"), "migrate", "--verbosity", "0")
        script = f"import django; django.setup()\n{AS_THE_APP}"
        assert "worked" in run(url(started, "app"), sys.executable, "-c", script)
        yield started


def test_app_works_and_makes_its_parts_without_owning_the_tables(server):
    with psycopg.connect(url(server, "app")) as app:
        owners = dict(app.execute("SELECT tableowner, count(*) FROM pg_tables WHERE schemaname = 'public' GROUP BY 1"))
        assert set(owners) == {"churnguard_owner", "churnguard_app"}
        assert owners["churnguard_app"] == 2  # the part of one run of each company


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE customers_customer NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE customers_customer DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE predictions_score DISABLE ROW LEVEL SECURITY",
        "DROP POLICY company ON customers_customer",
        "CREATE POLICY open ON customers_customer USING (true)",
        "SET ROLE churnguard_owner",
        "SET ROLE churnguard_watch",
        "TRUNCATE customers_customer",
        "CREATE TABLE predictions_score_9_9 (LIKE predictions_score); SELECT churnguard_attach_part('predictions_score', 'predictions_score_9_9', 9)",
        "SELECT churnguard_attach_part('predictions_score', 'customers_customer', 9)",
    ],
)  # fmt: skip
def test_app_lifts_no_policy(server, statement):
    with psycopg.connect(url(server, "app")) as app, pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute(statement)


def test_app_sees_nothing_without_a_company_and_watch_sees_all_and_writes_nothing(server):
    with psycopg.connect(url(server, "app")) as app:
        assert app.execute(TABLES).fetchone() == (0,)
    with psycopg.connect(url(server, "watch")) as watch:
        assert watch.execute(TABLES).fetchone() == (6,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            watch.execute("DELETE FROM customers_customer")


def test_watch_dumps_what_the_app_must_not(server):
    dump = str(server.bin / "pg_dump")
    whole = run("", dump, "--dbname", url(server, "watch").replace("postgres:", "postgresql:"))
    assert whole.count("FORCE ROW LEVEL SECURITY") > 50
    assert whole.count("CREATE POLICY company ON") > 50
    table = subprocess.run(
        [dump, "--dbname", url(server, "app").replace("postgres:", "postgresql:"), "-t", "customers_customer"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert table.returncode != 0
    assert "row-level security" in table.stderr


def test_roles_are_made_again_without_harm_and_printed_without_passwords(server):
    manage(server.admin_url, "database_roles", "--apply")
    with psycopg.connect(url(server, "app")) as app:
        assert app.execute(TABLES).fetchone() == (0,)
    printed = manage(server.admin_url, "database_roles", "--app", "shop", DATABASE_APP_PASSWORD=PASSWORD)
    assert 'CREATE ROLE "shop"' in printed
    assert "PASSWORD" not in printed


def test_superuser_is_warned_of(server):
    said = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy"],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "DATABASE_URL": server.admin_url, "DJANGO_SETTINGS_MODULE": "churnguard.settings.test"},
    )  # fmt: skip
    assert "core.W001" in said.stderr + said.stdout


# ---------------------------------------------------------------- beside the server's own vacuum

A_PART_BESIDE_A_VACUUM = """
import time
import numpy as np
from django.db import transaction
from core import bulk, columnar, partitions
from customers.models import Customer
from predictions.models import ModelVersion, Score, ScoringRun
from tenants import services
from tenants.scoping import tenant_scope

VACUUMED = "SELECT pid FROM pg_locks WHERE relation = 'customers_customer'::regclass AND mode = 'ShareUpdateExclusiveLock'"

with tenant_scope(services.create_company(slug="vacuumed", name="Vacuumed")):
    version = ModelVersion.objects.create(number=1, algorithm="x", artefact_path="x")
    run = ScoringRun.objects.create(version=version, state="succeeded")
    customers = Customer.objects.bulk_create([Customer(external_id=str(n)) for n in range(20_000)])
    Customer.objects.filter(pk__gt=customers[2].pk).delete()
    table = partitions.create(Score, "run_id", run.pk, attempt=1)
    zeros = np.zeros(3, dtype=np.int16)
    columnar.insert(table, {
        "tenant_id": run.tenant_id, "run_id": run.pk, "customer_id": np.array([c.pk for c in customers[:3]]),
        "risk": np.linspace(0.1, 0.9, 3), "driver_facts": np.zeros(3, dtype="V0"), "is_out_of_fold": np.zeros(3, dtype=bool),
        **dict.fromkeys(("driver_1", "driver_2", "driver_3", "contract_code", "internet_code"), zeros)})
    list(partitions.complete(Score, table))
    list(partitions.bind(Score, table, "customer_id", Customer))
    for _ in range(600):
        if vacuums := bulk.fetch(VACUUMED):
            break
        time.sleep(0.1)
    assert vacuums, "the server never began"

    def work():
        with transaction.atomic():
            partitions.attach(Score, table, run.pk)

    partitions.giving_way(work, Score, run.pk)
    assert Score.objects.filter(run=run).count() == 3
    assert not set(vacuums) & set(bulk.fetch(VACUUMED))
    partitions.let_go(Score, run.pk)  # others count what there is
    Customer.objects.all().delete()
print("attached")
"""


@pytest.fixture
def vacuuming(server):
    """The server vacuums whatever changed, at once, and would need hours for it."""
    slowly = {
        "autovacuum_naptime": "1s", "autovacuum_vacuum_cost_delay": "100ms", "autovacuum_vacuum_cost_limit": "1",
        "autovacuum_vacuum_scale_factor": "0", "autovacuum_vacuum_insert_scale_factor": "0",
    }  # fmt: skip
    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        for name, value in slowly.items():
            admin.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        admin.execute("SELECT pg_reload_conf()")
        yield
        admin.execute("ALTER SYSTEM RESET ALL")
        admin.execute("SELECT pg_reload_conf()")


@pytest.mark.usefixtures("vacuuming")
def test_a_part_is_attached_although_the_server_vacuums_the_table_its_keys_point_at(server):
    """The server ends its own vacuum for whoever waits a second, and the part gives way sooner."""
    script = f"import django; django.setup()\n{A_PART_BESIDE_A_VACUUM}"
    assert "attached" in run(url(server, "app"), sys.executable, "-c", script)


@pytest.mark.usefixtures("vacuuming")
def test_a_trial_database_goes_although_the_server_vacuums_it(server):
    """Nobody but a superuser may end a vacuum, and a trial is made by another role."""
    at_work = "SELECT 1 FROM pg_locks WHERE relation = 'rows'::regclass AND mode = 'ShareUpdateExclusiveLock'"
    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE trial LOGIN CREATEDB PASSWORD '{PASSWORD}'")
    address = Address(LOOPBACK, str(server.port), "postgres", "trial", PASSWORD)
    with scratch(address) as trial:
        with trial.connect(autocommit=True) as db:
            db.execute("CREATE TABLE rows AS SELECT generate_series(1, 200000) AS n")
            db.execute("DELETE FROM rows")
            for _ in range(600):
                if db.execute(at_work).fetchone():
                    break
                time.sleep(0.1)
            assert db.execute(at_work).fetchone(), "the server never began"
        with pytest.raises(psycopg.errors.InsufficientPrivilege), address.connect(autocommit=True) as other:
            other.execute(f'DROP DATABASE "{trial.name}" WITH (FORCE)')
    with address.connect() as other:
        assert other.execute("SELECT 1 FROM pg_database WHERE datname = %s", [trial.name]).fetchone() is None
