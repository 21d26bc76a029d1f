"""Two whole companies beside each other, each with a row of every table, made through the product's own doors."""

from __future__ import annotations

import io
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from django.conf import settings as site_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client, override_settings
from django.utils import translation
from PIL import Image

from campaigns import services as campaigns
from campaigns.models import Campaign, Draft
from campaigns.services import drafting
from customers import services as customers
from customers.ingest import sandbox, synthetic
from customers.models import Customer
from predictions import services as predictions
from predictions.learning import race
from predictions.models import ModelVersion
from segmentation import services as segmentation
from segmentation.clustering import choose
from segmentation.models import Segment
from tenants import api_keys, invitations, notice_settings, pictures, second_factor, webhooks
from tenants import services as tenants
from tenants.models import MailPermit, Membership, Role, Tenant, User
from tenants.permissions import CAPABILITIES, FOR_KEYS
from tenants.scoping import tenant_scope
from tests.campaigns.conftest import check, compose, launch, send, use_server, write_message
from tests.conftest import PASSWORD, _read_here, import_file, one_runner, score, train, write_csv
from tests.customers.feeding import make_feed
from tests.quick_sqlite import settle_schema
from tests.segmentation.conftest import divide, no_look_at_other_numbers
from tests.segmentation.test_allocations import SAID, allocate
from tests.tenants.test_second_factor import code_of

from . import rows

CUSTOMERS = 200  # enough to learn something from
AGREED = 30  # of them to be written to
LADDER = tuple(CAPABILITIES)


@dataclass(frozen=True, eq=False)
class Company:
    tenant: Tenant
    people: dict[str, User]  # by role
    key: str  # the text of its owner's API key, with every scope


@dataclass(frozen=True)
class Companies:
    """``ours`` is the one that is looked at; ``theirs`` has no business with it."""

    ours: Company
    theirs: Company
    private: Path


@contextmanager
def two_companies(folder: Path):
    """Both, inside a transaction that is undone at the end. ``folder``: an empty one, for their files."""
    with ExitStack() as held:
        settings = {
            "PRIVATE_ROOT": folder / "private",
            "RAW_DATA_PATH": folder / "raw",
            "PUBLIC_URL": "https://retention.example.com",
            "INSTANCE_ID": "isolation",  # each test has a VAR_DIR of its own, and the companies outlive it
            "MAIL_SENDERS": 1,
        }
        held.enter_context(override_settings(**settings))
        held.enter_context(mock.patch.object(race, "runners", one_runner))
        held.enter_context(mock.patch.object(sandbox, "_ask_child", _read_here))
        held.enter_context(mock.patch.object(choose, "choose", no_look_at_other_numbers))
        held.enter_context(transaction.atomic())
        translation.activate("en")
        ours = found("atlas-telecom", "Atlas Telecom", folder, seed=7, time_zone="Africa/Tunis", currency="TND")
        theirs = found("borealis-mobile", "Borealis Mobile", folder, seed=8, versions=2, currency="CAD")
        settle_schema()
        yield Companies(ours, theirs, settings["PRIVATE_ROOT"])
        transaction.set_rollback(True)


def found(slug: str, name: str, folder: Path, *, seed: int, versions: int = 3, **options) -> Company:
    """A company with people of every role, customers, a model, segments, offers, campaigns, and what hangs on them."""
    tenant = tenants.create_company(slug=slug, name=name, **options)
    with tenant_scope(tenant):
        people = {
            role: tenants.add_member(
                email=f"{role}@{slug}.example.com", name=role.title(), role=role, password=PASSWORD
            ).user
            for role in LADDER
        }
        owner = people[Role.OWNER]
        table = folder / f"{slug}.csv"
        synthetic.write_csv(table, customers=CUSTOMERS, seed=seed)
        import_file(table, requested_by=owner)
        import_file(write_csv(folder / "refused.csv", "customerID,tenure,Churn", "R1,1,Yes", "R2,many,No"))
        version = train()
        score()
        _repeat(version, versions)
        divide(k=3 if versions == 3 else 2)
        predictions.set_economics(actor=owner, **SAID)
        assert allocate().has_lines
        _communicate(owner)
        customers.open_feed_run(feed=make_feed(actor=owner), requested_by=owner, is_test=True)
        _leave_open(table, owner)
        seat = Membership.objects.select_related("tenant", "user").get(user=owner)
        _key, text = api_keys.make_key(membership=seat, name="Billing", scopes=FOR_KEYS, days=30)
        tenants.notify("job_given_up", job="x", reason="y")
        _let_in(seat)
        _connect(seat)
        rows.fill()
        MailPermit.objects.update(
            instance=site_settings.INSTANCE_ID
        )  # filled like any table: as if it were a copy from elsewhere
    return Company(tenant, people, text)


def _let_in(seat: Membership) -> None:
    """An open invitation; and of its owner a browser, a second factor with its codes, a picture, choices of what to be told."""
    invitations.invite(email=f"new@{seat.tenant.slug}.example.com", role=Role.VIEWER, by=seat)
    second_factor.confirm(seat.user, code_of(second_factor.begin(seat.user).secret))
    Client().force_login(seat.user)
    picture = io.BytesIO()
    Image.new("RGB", (40, 40), "teal").save(picture, "PNG")
    pictures.set_picture(user=seat.user, upload=SimpleUploadedFile("me.png", picture.getvalue()))
    notice_settings.choose(membership=seat, ways={"imports": "daily"})


def _connect(seat: Membership) -> None:
    """A webhook, and a delivery that waits."""
    address = f"https://hooks.{seat.tenant.slug}.example.com/churn"
    webhooks.make_endpoint(actor=seat.user, url=address, events=webhooks.EVENTS, description="Our own programs")
    assert webhooks.announce("drift.alarm", subject="1")


def _repeat(version: ModelVersion, versions: int) -> None:
    """More versions of the model, for their numbers."""
    for number in range(version.number + 1, versions + 1):
        again = ModelVersion.objects.get(pk=version.pk)
        again.pk, again.number, again.run, again.is_champion, again.public_id = None, number, None, False, uuid.uuid4()
        ModelVersion.objects.bulk_create([again])


def _communicate(owner: User) -> None:
    """Offers to segments, messages in two versions, a campaign that was sent and one that is a draft."""
    few = list(Customer.objects.order_by("pk").values_list("pk", flat=True)[:AGREED])
    campaigns.record_consent(customers=few, is_granted=True, source="contract")
    use_server(25, transport="mailbox")
    first = Segment.objects.order_by("number").first()
    segmentation.save_rule(actor=owner, name="Elders", rule={"all": [{"field": "age", "is": "at_least", "value": 65}]})
    drafting.draft_for_segment(segment=first, actor=owner, offer=None, language="fr", tone="warm", seed=0)
    drafting.draft_for_customer(
        customer=Customer.objects.order_by("pk").first(), actor=owner, offer=None, language="fr", tone="warm", seed=0
    )
    assert Draft.objects.exists()
    message = write_message()
    write_message()
    send(launch(compose(name="Sent", message=message), owner))
    check(compose(name="Planned", message=message))
    assert Campaign.objects.count() == 2


def _leave_open(table: Path, owner: User) -> None:
    """Jobs that no worker took: a person may still stop them."""
    customers.open_import(path=table, requested_by=owner)
    predictions.open_training(requested_by=owner)
    segmentation.open_run(k=2)
    campaigns.open_check(campaign=Campaign.objects.get(name="Planned"))
