"""The cast and the sets that the tests play on.

Alice is an admin of Atlas, Bob a viewer there; Charlie is an admin of Borealis and has no business with Atlas. With them
Olfa (owner), Omar (operator) and Anna (analyst) of Atlas. ``atlas_scope`` puts Atlas in scope for a whole test;
``imported`` gives Atlas a few hundred customers through the real door, ``scored`` a model and scores as well.
"""

from __future__ import annotations

import copy
import itertools
import json
import shutil
import sys
from contextlib import nullcontext
from dataclasses import dataclass, fields
from pathlib import Path
from unittest import mock

import pytest
from django.db import connection, models, transaction
from django.test import Client, override_settings
from django.utils import translation
from django_scopes import get_scope

from customers import services as customers
from customers.ingest import exchange, normalising, sandbox, synthetic
from customers.ingest.reader import TableRefused
from predictions import services as predictions
from predictions.learning import race
from tenants import services as tenants
from tenants.models import AuditEntry, Membership, Role, Tenant, User
from tenants.scoping import TenantModel, public_scope, tenant_scope
from tests.chromium import chromium  # noqa: F401  a fixture for whoever opens pages
from tests.everywhere import every
from tests.made_once import MadeOnce
from tests.quick_sqlite import settle_schema

PASSWORD = "a-long-enough-password"
CUSTOMERS = 300


@dataclass(frozen=True)
class Cast:
    atlas: Tenant
    borealis: Tenant
    olfa: User
    alice: User
    omar: User
    anna: User
    bob: User
    charlie: User


def pytest_configure(config) -> None:
    # WhiteNoise misses the folder of collected files, which only a deployment has.
    config.addinivalue_line("filterwarnings", "ignore:No directory at:UserWarning")


def pytest_collection_modifyitems(config, items) -> None:
    """On PostgreSQL what asks no database is left out: it ran on SQLite, and would say the same again."""
    if connection.vendor != "postgresql":
        return
    asking, rest = [], []
    for item in items:
        marked = item.get_closest_marker("postgres") or item.get_closest_marker("django_db")
        (asking if marked or "django_db_setup" in item.fixturenames else rest).append(item)
    config.hook.pytest_deselected(items=rest)
    items[:] = asking


@pytest.fixture(autouse=True, scope="session")
def as_described():
    """Whatever the API answers in any test must be what its description says."""
    from tests.api import conformance

    conformance.install()


@pytest.fixture(scope="session")
def private_roots(tmp_path_factory):
    """A path for each test, none of them made: most tests keep no file, and ten thousand folders cost the suite minutes."""
    folder = tmp_path_factory.mktemp("private")
    return (folder / str(n) for n in itertools.count())


@pytest.fixture(autouse=True)
def english_and_private(settings, private_roots):
    """Each test starts in English, with a store of files of its own."""
    settings.PRIVATE_ROOT = private = next(private_roots)
    translation.activate("en")
    yield
    translation.activate("en")
    if private.exists():
        shutil.rmtree(private, ignore_errors=True)


@pytest.fixture(autouse=True)
def rows_in_hand_are_read_again(monkeypatch):
    """A test, and only a test, reads a row again from outside every company: PostgreSQL shows it within its own."""
    plainly = models.Model.refresh_from_db

    def refresh(self, *given, **named) -> None:
        asked_by = Path(sys._getframe(1).f_code.co_filename)
        is_outside = get_scope().get("tenant") is None and asked_by.is_relative_to(Path(__file__).parent)
        with public_scope(self.tenant) if is_outside else nullcontext():
            plainly(self, *given, **named)

    monkeypatch.setattr(TenantModel, "refresh_from_db", refresh, raising=False)


@pytest.fixture(autouse=True)
def read_without_walls(request, monkeypatch):
    """A test's own small file is read in this process: a child for each costs the suite minutes and tells nothing new.

    What the walls are for is tested with them: ``pytest.mark.walled``, and all that runs in processes of its own.
    """
    if not request.node.get_closest_marker("walled"):
        monkeypatch.setattr(sandbox, "_ask_child", _read_here)


def _read_here(path, folder, limits, sheet, progress) -> dict:
    """What the child would answer."""
    try:
        return json.loads(exchange.to_json(normalising.normalise_here(path, folder=folder, limits=limits, sheet=sheet)))
    except TableRefused as refusal:
        return {"refused": refusal.code, "facts": json.loads(json.dumps(refusal.facts, default=str))}


@pytest.fixture
def cast(db) -> Cast:
    return make_cast()


def _make_cast() -> Cast:
    atlas = tenants.create_company(slug="atlas-telecom", name="Atlas Telecom", time_zone="Africa/Tunis", currency="TND")
    borealis = tenants.create_company(slug="borealis-mobile", name="Borealis Mobile", locale="fr", currency="CAD")
    people = {}
    for name, role in {
        "olfa": Role.OWNER,
        "alice": Role.ADMIN,
        "omar": Role.OPERATOR,
        "anna": Role.ANALYST,
        "bob": Role.VIEWER,
    }.items():
        with tenant_scope(atlas):
            people[name] = _join(name, f"{name}@atlas.example.com", role)
    with tenant_scope(borealis):
        people["charlie"] = _join("charlie", "charlie@borealis.example.com", Role.ADMIN)
    return Cast(atlas=atlas, borealis=borealis, **people)


def _join(name: str, email: str, role: str) -> User:
    return tenants.add_member(email=email, name=name.title(), role=role, password=PASSWORD).user


make_cast = MadeOnce(_make_cast, Tenant, User, Membership, AuditEntry)


@pytest.fixture
def atlas(cast) -> Tenant:
    return cast.atlas


@pytest.fixture
def borealis(cast) -> Tenant:
    return cast.borealis


@pytest.fixture
def alice(cast) -> User:
    return cast.alice


@pytest.fixture
def bob(cast) -> User:
    return cast.bob


@pytest.fixture
def charlie(cast) -> User:
    return cast.charlie


@pytest.fixture
def client_for():
    """``client_for(person)``: a browser that is signed in; ``client_for(None)``: one that is not."""

    def sign_in(person: User | None) -> Client:
        client = Client()
        if person is not None:
            client.force_login(person)
        return client

    return sign_in


@pytest.fixture
def atlas_scope(atlas):
    """The whole test happens inside Atlas. Not for tests in which somebody of another company asks for a page."""
    with tenant_scope(atlas):
        yield atlas


@pytest.fixture(scope="session")
def sample_csv(tmp_path_factory):
    """A file of made-up customers, the same in every test."""
    path = tmp_path_factory.mktemp("sample") / "customers.csv"
    synthetic.write_csv(path, customers=CUSTOMERS, seed=7)
    return path


def import_file(path, **options):
    """Open an import of this file and run it to its end, in the company in scope."""
    run = customers.open_import(path=path, **options)
    return customers.run_import(import_id=run.pk, follow=False)


def write_csv(path, *lines: str, encoding: str = "utf-8"):
    """A small file, a line for each argument."""
    path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return path


@pytest.fixture
def imported(atlas, sample_csv):
    """Atlas with the customers of ``sample_csv``; the finished Import."""
    with tenant_scope(atlas):
        return import_file(sample_csv)


_every_runner = race.runners


def one_runner(rows: int) -> tuple:
    return tuple(c for c in _every_runner(rows) if c.name == "logistic")


@pytest.fixture
def quick_race(monkeypatch):
    """Training with one runner, plain logistic regression: a fifth of a second instead of seven, all else as it is."""
    monkeypatch.setattr(race, "runners", one_runner)


@pytest.fixture
def trained(atlas, imported, quick_race):
    """Atlas with customers and a model in charge; the ModelVersion."""
    with tenant_scope(atlas):
        return train()


def train():
    """Train in the company in scope; the ModelVersion."""
    return predictions.train_model(run_id=predictions.open_training().pk, follow=False)


@pytest.fixture
def scored(atlas, trained):
    """Atlas with customers, a model and current scores; the ScoringRun."""
    with tenant_scope(atlas):
        return score()


def score():
    """Score everybody in the company in scope; the ScoringRun."""
    run = predictions.score_customers(run_id=predictions.require_scoring().pk, follow=False)
    run.refresh_from_db()
    return run


@dataclass(frozen=True)
class World:
    cast: Cast
    imported: object
    trained: object
    scored: object
    private: Path


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker, sample_csv, tmp_path_factory):
    """Cast, customers, model and scores, made once for a module's tests; each test's changes are undone after it."""
    private = tmp_path_factory.mktemp("private")
    with (
        django_db_blocker.unblock(),
        override_settings(PRIVATE_ROOT=private),
        mock.patch.object(race, "runners", one_runner),
        mock.patch.object(sandbox, "_ask_child", _read_here),
        transaction.atomic(),
    ):
        translation.activate("en")
        cast = make_cast()
        with tenant_scope(cast.atlas):
            everything = World(cast, import_file(sample_csv), train(), score(), private)
        settle_schema()
        with django_db_blocker.block():
            yield everything
        transaction.set_rollback(True)


@pytest.fixture
def shared(world, db, settings) -> World:
    """The module's world within a test. Its objects are read again, so that no test sees what another did to them."""
    settings.PRIVATE_ROOT = world.private
    fresh = {f.name: copy.deepcopy(getattr(world, f.name)) for f in fields(World)}
    return World(**fresh)


def count_rows() -> dict[str, int]:
    """How many rows each of our tables holds, over all companies."""
    from django.apps import apps

    ours = ("tenants", "customers", "predictions", "segmentation", "campaigns")
    counted: list[type[models.Model]] = [m for m in apps.get_models() if m._meta.app_label in ours]
    return {model._meta.label: every(model).count() for model in counted}
