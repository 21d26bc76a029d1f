"""Every table with customers' data belongs to one company each, and the database itself keeps them apart."""

import datetime as dt
from contextlib import contextmanager

import pytest
from django.apps import apps
from django.db import IntegrityError, ProgrammingError, connection, models, transaction

from core import guards
from customers.models import Customer, Import, Interaction, Subscription, UsageRecord
from predictions.models import ModelVersion, Score, ScoringRun, TrainingRun
from tenants.models import NotificationRead, Tenant
from tenants.scoping import ScopedQuerySet, TenantManager, TenantModel, tenant_scope
from tests.everywhere import every

OURS = ("core", "tenants", "customers", "predictions", "segmentation", "campaigns", "churnguard")
NOBODYS = {
    "tenants.Tenant",
    "tenants.User",
    "tenants.Membership",
    "tenants.BrowserSession",  # of a person, who may be in several companies
    "tenants.Picture",
    "tenants.RecoveryCode",
    "tenants.SecondFactor",
}  # they say who is who: before any company is in scope

# Unique without the company in front, and why no second company can collide with it or learn from it.
UNIQUE_BY_A_ROW_OF_THE_COMPANY = {
    "campaigns.Recipient": {("campaign", "customer")},
    "campaigns.UpliftScore": {("customer", "run")},
    "predictions.Score": {("customer", "run")},  # both are rows of the company, and a guard proves it
    "segmentation.SegmentMembership": {("customer", "segmentation")},
    "segmentation.AllocatedOffer": {("allocation", "customer")},
}


def our_models() -> list[type[models.Model]]:
    return [m for m in apps.get_models() if m._meta.app_label in OURS and not m._meta.proxy]


def scoped() -> list[type[models.Model]]:
    return [m for m in our_models() if issubclass(m, TenantModel)]


def test_every_table_of_ours_belongs_to_a_company():
    through = {m for model in our_models() for f in model._meta.local_many_to_many for m in [f.remote_field.through]}
    automatic = {m._meta.label for m in through if m._meta.auto_created}
    assert {m._meta.label for m in our_models() if not issubclass(m, TenantModel)} - automatic == NOBODYS


def test_no_scoped_table_has_a_hidden_many_to_many_table():
    """An automatic join table has no company of its own."""
    hidden = [
        f"{model._meta.label}.{field.name}"
        for model in scoped()
        for field in model._meta.local_many_to_many
        if field.remote_field.through._meta.auto_created
    ]
    assert hidden == []


@pytest.mark.parametrize("model", scoped(), ids=lambda m: m._meta.label)
def test_scoped_table_requires_its_company_and_its_scope(model):
    field = model._meta.get_field("tenant")
    assert field.null is False
    assert not field.editable
    assert isinstance(model._default_manager, TenantManager)
    with pytest.raises(Exception, match="scope"):
        model._default_manager.count()
    assert issubclass(model._default_manager._queryset_class, ScopedQuerySet)


@pytest.mark.parametrize("model", scoped(), ids=lambda m: m._meta.label)
def test_unique_rules_begin_with_the_company(model):
    allowed = UNIQUE_BY_A_ROW_OF_THE_COMPANY.get(model._meta.label, set())
    rules = [c.fields for c in model._meta.constraints if isinstance(c, models.UniqueConstraint)]
    rules += [tuple(together) for together in model._meta.unique_together]
    assert {tuple(rule) for rule in rules if rule[0] != "tenant"} == allowed
    alone = {f.name for f in model._meta.local_fields if f.unique and not f.primary_key}
    one_to_one = {f.name for f in model._meta.local_fields if isinstance(f, models.OneToOneField)}
    assert alone - {"public_id"} - one_to_one == set(), "only a random identifier may be unique in the whole house"


def test_guards_cover_every_key_between_scoped_tables():
    found = {(m._meta.label, f.name) for m, f, _ in guards.scoped_keys()}
    assert ("customers.Subscription", "customer") in found
    assert ("predictions.Score", "run") in found
    assert ("predictions.Score", "customer") in found
    assert ("predictions.ModelVersion", "run") in found
    assert ("tenants.NotificationRead", "notification") in found
    assert {m for m, _, _ in guards.scoped_keys()} <= set(scoped())


def test_guards_are_installed_and_installing_again_changes_nothing(db):
    before = installed()
    assert len(before) >= len(list(guards.scoped_keys()))
    guards.install()
    assert installed() == before


def installed() -> set[str]:
    sql = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT conname FROM pg_constraint WHERE conname LIKE '%%_tenant' AND contype = 'f'",
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return {row[0] for row in cursor.fetchall()}


@contextmanager
def written_at_once():
    """A change, and the judgement that PostgreSQL would leave to the end of the transaction."""
    with transaction.atomic():
        yield
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute("SET CONSTRAINTS ALL DEFERRED")


@pytest.fixture
def theirs(borealis):
    """A row of each kind that another company's row might point at."""
    with tenant_scope(borealis):
        from tenants.services import notify

        customer = Customer.objects.create(external_id="B1")
        training = TrainingRun.objects.create(state="succeeded")
        version = ModelVersion.objects.create(number=1, run=training, algorithm="x", artefact_path="x")
        scoring = ScoringRun.objects.create(version=version, state="succeeded")
        return {
            "customer": customer,
            "training": training,
            "version": version,
            "scoring": scoring,
            "notification": notify("x"),
        }


@pytest.fixture
def ours(atlas):
    with tenant_scope(atlas):
        customer = Customer.objects.create(external_id="A1")
        version = ModelVersion.objects.create(number=1, algorithm="x", artefact_path="x")
        return {"customer": customer, "version": version, "scoring": ScoringRun.objects.create(version=version)}


@pytest.mark.parametrize(
    "cross",
    [
        lambda ours, theirs, alice: Subscription.objects.create(customer=theirs["customer"]),
        lambda ours, theirs, alice: UsageRecord.objects.create(customer=theirs["customer"], month=dt.date(2026, 1, 1)),
        lambda ours, theirs, alice: Interaction.objects.create(
            customer=theirs["customer"], campaign_code="x", kind="contacted", happened_on=dt.date(2026, 1, 1)
        ),
        lambda ours, theirs, alice: ModelVersion.objects.create(
            number=2, run=theirs["training"], algorithm="x", artefact_path="x"
        ),
        lambda ours, theirs, alice: ScoringRun.objects.create(version=theirs["version"], state="failed"),
        lambda ours, theirs, alice: Score.objects.create(run=ours["scoring"], customer=theirs["customer"], risk=0.5),
        lambda ours, theirs, alice: Score.objects.create(run=theirs["scoring"], customer=ours["customer"], risk=0.5),
        lambda ours, theirs, alice: NotificationRead.objects.create(notification=theirs["notification"], user=alice),
    ],
)
def test_no_row_can_point_at_another_companys_row(atlas, alice, ours, theirs, cross):
    with tenant_scope(atlas), pytest.raises(IntegrityError), written_at_once():
        cross(ours, theirs, alice)


def test_row_cannot_be_moved_to_another_companys_parent_afterwards(atlas, ours, theirs):
    with tenant_scope(atlas):
        score = Score.objects.create(run=ours["scoring"], customer=ours["customer"], risk=0.5)
        with pytest.raises(IntegrityError), written_at_once():
            Score.objects.filter(pk=score.pk).update(customer=theirs["customer"])


def test_not_even_sql_moves_a_parent_away_from_its_rows(atlas, borealis, ours):
    """Only the database can refuse this: no model is asked."""
    with tenant_scope(atlas):
        Subscription.objects.create(customer=ours["customer"])
    with pytest.raises((IntegrityError, ProgrammingError)), written_at_once():  # PostgreSQL's policy comes first
        every(Customer).filter(pk=ours["customer"].pk).update(tenant=borealis)


def test_two_companies_may_use_the_same_customer_number(atlas, borealis):
    for tenant in (atlas, borealis):
        with tenant_scope(tenant):
            Customer.objects.create(external_id="SAME")
    with tenant_scope(atlas), pytest.raises(IntegrityError), transaction.atomic():
        Customer.objects.create(external_id="SAME")


def test_company_takes_its_rows_with_it(atlas, borealis, ours, theirs):
    atlas.delete()
    assert not every(Customer).filter(external_id="A1").exists()
    assert every(Customer).filter(external_id="B1").exists()
    assert Tenant.objects.count() == 1


def test_jobs_name_a_task_that_exists():
    from celery import current_app

    from core.jobs import job_models

    assert {TrainingRun, ScoringRun, Import} <= set(job_models())
    for model in job_models():
        assert model.task_name in current_app.tasks, model._meta.label
