"""★ The product in one file: a company's file, through the same tasks as in production, to its customers at risk, to a
campaign that writes to them, to what it proved, and to the next model.
"""

import csv
import datetime as dt
import io
import json
from pathlib import Path

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command

from campaigns.models import Campaign, ConsentEntry, MessageTemplate, Recipient, Suppression
from campaigns.services.letters import unsubscribe_url
from churnguard import tasks
from customers import services as customers
from customers.ingest import synthetic
from customers.models import Customer, Import, Interaction
from predictions import selectors, wording
from predictions.models import ModelVersion, Score, ScoringRun, TrainingRun
from segmentation import selectors as segmentation
from segmentation.models import Offer
from tenants import services as tenants
from tenants.models import Notification
from tenants.scoping import tenant_scope
from tests.campaigns.sink import running_sink

CUSTOMERS = 1_500
TUESDAY = dt.datetime(2026, 11, 10, 9, tzinfo=dt.UTC)  # ten o'clock in Tunis, and no holiday: mail may go out
HORIZON = 60
LEAVE_ALONE, LEAVE_WRITTEN_TO = 0.40, 0.15  # the planted effect: a mail keeps 25 of 100
SITE = "https://retention.atlas.example.com"


@pytest.fixture(scope="module")
def carrier(tmp_path_factory):
    path = tmp_path_factory.mktemp("loop") / "carrier.csv"
    synthetic.write_csv(path, customers=CUSTOMERS, seed=11)
    return path


def agree(person, import_id: str, commits) -> None:
    """Agree to the columns as they were proposed and, after the dry run, to the writing."""
    for step in ("mapping", "agree"):
        with commits(execute=True):
            answer = person.post(f"/api/imports/{import_id}/{step}", content_type="application/json")
        assert answer.status_code == 202, answer.content


def test_file_becomes_customers_at_risk_with_reasons(
    carrier, cast, client_for, settings, django_capture_on_commit_callbacks
):
    """Alice uploads, trains and reads; the tasks run as a worker would run them, with every runner of the race."""
    settings.CELERY_TASK_ALWAYS_EAGER = True
    alice = client_for(cast.alice)

    with carrier.open("rb") as file, django_capture_on_commit_callbacks(execute=True):
        uploaded = alice.post("/imports/upload", {"file": file})
    assert uploaded.status_code == 302
    with tenant_scope(cast.atlas):
        assert not Customer.objects.exists(), "nobody has agreed yet"
    agree(alice, Path(uploaded["Location"]).name, django_capture_on_commit_callbacks)
    with tenant_scope(cast.atlas):
        brought = Import.objects.get()
        assert (brought.state, brought.rows_created, brought.rows_refused) == ("succeeded", CUSTOMERS, 0)
        assert not ScoringRun.objects.exists(), "no model yet, so nobody is scored"

    with django_capture_on_commit_callbacks(execute=True):
        accepted = alice.post("/api/train")
    assert accepted.status_code == 202
    assert alice.get(accepted["Location"]).json()["state"] == "succeeded"

    with tenant_scope(cast.atlas):
        version = selectors.champion()
        assert version.run == TrainingRun.objects.get()
        assert version.metrics["roc_auc"] > 0.78
        assert version.metrics["log_loss"] < 0.50
        assert version.metrics["accuracy"] > version.metrics["baseline_accuracy"]
        run = selectors.current_run()
        assert run.version == version
        assert Score.objects.filter(run=run).count() == CUSTOMERS
        riskiest = Score.objects.filter(run=run).select_related("customer").order_by("-risk").first()
        assert riskiest.is_out_of_fold
        sentences = [wording.driver(d, "TND")["sentence"] for d in riskiest.drivers]
        assert len(sentences) == 3
        assert any("raises the risk" in s for s in sentences)
        told = list(Notification.objects.order_by("pk").values_list("code", flat=True))
        assert told == ["import_finished", "model_trained", "customers_scored"]
        assert tenants.verify_trail() is None

    page = alice.get("/clients?churned=all")
    assert page.status_code == 200
    assert riskiest.customer.external_id in page.content.decode()
    assert alice.get(f"/clients/{riskiest.customer.public_id}").status_code == 200

    # The next month: a customer is new, another one left; who is new is scored without being asked.
    rows = list(csv.reader(carrier.open(encoding="utf-8")))
    gone = next(r for r in rows[1:] if r[-1] == "No")
    gone[-1] = "Yes"
    new = ["NEW-0001", *rows[1][1:-1], ""]
    later = carrier.with_name("next-month.csv")
    with later.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([rows[0], gone, new])
    with later.open("rb") as file, django_capture_on_commit_callbacks(execute=True):
        uploaded = alice.post("/imports/upload", {"file": file})
    agree(alice, Path(uploaded["Location"]).name, django_capture_on_commit_callbacks)
    with tenant_scope(cast.atlas):
        second = Import.objects.order_by("-pk").first()
        assert (second.rows_created, second.rows_updated, second.rows_unchanged) == (1, 1, 0)
        current = selectors.current_run()
        assert current != run
        assert current.scored == CUSTOMERS + 1
        fresh = Score.objects.get(run=current, customer__external_id="NEW-0001")
        assert not fresh.is_out_of_fold
        assert Score.objects.get(run=current, customer__external_id=gone[0]).churn_label is True

    with tenant_scope(cast.borealis):
        assert not Customer.objects.exists()
        assert not ModelVersion.objects.exists()
        assert not Score.objects.exists()
    assert client_for(cast.charlie).get(f"/clients/{riskiest.customer.public_id}").status_code == 404


def test_command_and_worker_leave_the_same_rows(carrier, cast, quick_race, django_capture_on_commit_callbacks):
    """What a person asks for on a page and what an operator types end in the same place."""

    def scores(tenant) -> list[tuple]:
        with tenant_scope(tenant):
            rows = Score.objects.filter(run__is_current=True).order_by("customer__external_id")
            return [(s.customer.external_id, round(s.risk, 9), s.drivers) for s in rows.select_related("customer")]

    out = io.StringIO()
    call_command("run_pipeline", "--tenant", "atlas-telecom", "--file", str(carrier), "--json", stdout=out)
    printed = json.loads(out.getvalue())

    with tenant_scope(cast.borealis), django_capture_on_commit_callbacks(execute=True) as callbacks:
        from core import jobs

        jobs.ring(customers.open_import(path=carrier))
    with tenant_scope(cast.borealis), django_capture_on_commit_callbacks(execute=True):
        from predictions import services as predictions

        jobs.ring(predictions.open_training())
    assert callbacks
    assert len(scores(cast.atlas)) == printed["scored"]
    typed, asked = scores(cast.atlas), scores(cast.borealis)
    assert [row[0] for row in typed] == [row[0] for row in asked]
    assert sum(abs(a[1] - b[1]) for a, b in zip(typed, asked, strict=True)) / len(typed) < 0.02


def act(person, address: str, commits, fields: dict | None = None, **options):
    """What a person posts, and the jobs that it rings for."""
    with commits(execute=True):
        return person.post(address, fields or {}, **options)


def bring(person, path: Path, commits) -> None:
    with path.open("rb") as file:
        uploaded = act(person, "/imports/upload", commits, {"file": file})
    agree(person, Path(uploaded["Location"]).name, commits)


def by_risk(one: Recipient) -> tuple[float, str]:
    return one.risk, one.customer.external_id


def some_leave(people: list[Recipient], share: float) -> set[str]:
    """So many of each hundred, as evenly as can be among those of every risk: their numbers. No dice: the interval below
    must hold the planted effect whatever the lots were."""
    ranked = enumerate(sorted(people, key=by_risk))
    return {one.customer.external_id for at, one in ranked if int((at + 1) * share) > int(at * share)}


def test_campaign_writes_to_customers_at_risk_and_proves_whom_it_kept(
    carrier, cast, client_for, settings, quick_race, tmp_path, django_capture_on_commit_callbacks
):
    """Anna composes, Omar approves and starts; a lot leaves some alone; two months later the outcomes say what it did."""
    settings.CELERY_TASK_ALWAYS_EAGER = True
    settings.PUBLIC_URL, settings.MAIL_PRIVATE_HOSTS = SITE, ["127.0.0.1"]
    commits = django_capture_on_commit_callbacks
    with time_machine.travel(TUESDAY) as clock, running_sink(tmp_path) as sink:
        alice, omar, anna = (client_for(person) for person in (cast.alice, cast.omar, cast.anna))

        # Import, train, score, divide into segments: the last two follow by themselves, segments once nothing more comes.
        bring(alice, carrier, commits)
        assert act(anna, "/api/train", commits).status_code == 202
        clock.shift(dt.timedelta(minutes=10))
        with commits(execute=True):
            tasks.catch_up_pipelines()
        with tenant_scope(cast.atlas):
            assert selectors.current_run().scored == CUSTOMERS
            assert len(segmentation.segments()) > 1

        # Who writes, what, to whom it may be written.
        sender = {
            "transport": "smtp", "host": "127.0.0.1", "port": sink.port, "security": "none", "from_name": "Atlas Telecom",
            "from_address": "bonjour@atlas.example.com", "postal_address": "1 avenue de Carthage, Tunis",
            "support_contact": "1212", "per_second": 10_000, "most_mails": 2, "within_days": 30, "keeps_holidays": "on",
            "keeps_ramadan": "on", "holdout_share": 10, "universal_share": 0, "monthly_tokens": 0,
        }  # fmt: skip
        assert omar.post("/sender", sender).status_code == 403
        assert alice.post("/sender", sender).status_code == 302
        costs = {
            "contact_cost": 0.1, "offer_cost": 5, "acceptance": 0.3, "stayer_acceptance": 0.1, "margin": 0.5,
            "horizon_months": 12, "discount_rate": 0.1,
        }  # fmt: skip
        with commits(execute=True):
            assert anna.put("/api/profit/economics", costs, content_type="application/json").status_code == 200
        offer = {
            "name": "Ten percent",
            "channel": "email",
            "discount": 10,
            "is_active": "on",
            "text_en": "Ten percent off.",
        }
        assert omar.post("/segments/offers/new", offer).status_code == 302
        assert anna.post("/messages/from-ours").status_code == 302
        with tenant_scope(cast.atlas):
            numbers = list(Customer.objects.order_by("external_id").values_list("external_id", flat=True))
        agreed = SimpleUploadedFile("agreed.csv", "\n".join(["customer", *numbers[40:]]).encode())
        act(omar, "/consent/lists/import", commits, {"kind": "opt_in", "file": agreed, "note": "the contract"})

        # Compose, check, approve, start: four people's worth of doors.
        with tenant_scope(cast.atlas):
            message, gift = MessageTemplate.objects.get(name="An offer for you"), Offer.objects.get(name="Ten percent")
        wanted = {
            "message": str(message.public_id), "offer": str(gift.public_id), "default_language": "en",
            "horizon_days": HORIZON, "start": "now",
        }  # fmt: skip
        at_risk = {"name": "Autumn", "kind": "risk", "by": "bands", "bands": ["high", "medium"], "holdout": 20}
        page = anna.post("/campaigns/new", wanted | at_risk)["Location"]
        act(anna, f"{page}/check", commits)
        with tenant_scope(cast.atlas):
            campaign = Campaign.objects.get()
            assert campaign.state == "checked"
            assert campaign.checked["left_out"]["no_consent"] > 0
            assert not Recipient.objects.exists(), "looking writes nobody down"
        assert act(anna, f"{page}/approve", commits).status_code == 403
        assert act(omar, f"{page}/launch", commits).status_code == 302
        assert sink.accepted() == [], "what nobody approved does not start"
        act(omar, f"{page}/approve", commits, {"despite": "a server of the test's own"})
        act(omar, f"{page}/launch", commits)

        # Sent: each of those written to once, those left alone not at all.
        with tenant_scope(cast.atlas):
            campaign.refresh_from_db()
            assert campaign.state == "finished"
            people = list(Recipient.objects.select_related("customer").order_by("pk"))
        alone = [one for one in people if one.arm == Recipient.Arm.HOLDOUT]
        written = [one for one in people if one.arm != Recipient.Arm.HOLDOUT]
        assert 0.1 < len(alone) / len(people) < 0.3
        assert {one.state for one in alone} == {"held_out"} and {one.state for one in written} == {"sent"}
        assert sorted(address for _name, address in sink.accepted()) == sorted(one.address for one in written)
        assert len({name for name, _address in sink.accepted()}) == len(written)
        assert not {one.customer.external_id for one in people} & set(numbers[:40]), "nobody who did not agree"

        # One of them wants no more: looking at the link changes nothing, pressing the button does, for the next campaign too.
        gone, *others = sorted(written, key=by_risk)
        with tenant_scope(cast.atlas):
            link = unsubscribe_url(campaign, gone.address_key).removeprefix(SITE)
        stranger = client_for(None)
        for pressed, lines in ((stranger.get, 0), (stranger.head, 0), (stranger.post, 1), (stranger.post, 1)):
            assert pressed(link).status_code == 200
            with tenant_scope(cast.atlas):
                assert Suppression.objects.count() == lines
                assert ConsentEntry.objects.filter(customer=gone.customer, is_granted=False).count() == lines
        both = f"{gone.customer.external_id} {others[0].customer.external_id}"
        next_page = anna.post(
            "/campaigns/new", wanted | {"name": "Next", "kind": "list", "numbers": both, "holdout": 0}
        )["Location"]
        act(anna, f"{next_page}/check", commits)
        with tenant_scope(cast.atlas):
            checked = Campaign.objects.get(name="Next").checked
            assert (checked["audience"], checked["treated"], checked["left_out"]) == (2, 1, {"no_consent": 1})

        # Two months later the company's file says who left.
        clock.shift(dt.timedelta(days=HORIZON + 2))
        alice, omar, anna, charlie = (client_for(one) for one in (cast.alice, cast.omar, cast.anna, cast.charlie))
        result = f"/api/campaign/{campaign.public_id}/results"
        assert anna.get(result).json()["state"] == "waits"
        left = some_leave(alone, LEAVE_ALONE) | some_leave(written, LEAVE_WRITTEN_TO)
        bring(alice, later_file(carrier, tmp_path, {one.customer.external_id for one in people}, left), commits)
        with commits(execute=True):
            tasks.measure_due_campaigns()
        found = anna.get(result).json()
        assert (found["state"], found["result"]["verdict"]) == ("final", "kept")
        (against,) = found["result"]["against_holdout"]
        planted = LEAVE_WRITTEN_TO - LEAVE_ALONE
        assert against["difference"]["low"] < planted < against["difference"]["high"] < 0
        kept = -planted * len(written)
        assert 0 < against["kept"]["low"] < kept < against["kept"]["high"]
        assert "stayed because of you" in found["said"]["title"]
        assert found["said"]["title"] in anna.get(f"{page}/results").content.decode()

        # Contacts and outcomes are customers' own data, which the next training reads; a new version scores.
        with tenant_scope(cast.atlas):
            contacts = Interaction.objects.filter(campaign_code=campaign.code)
            for kind, theirs in (("contacted", written), ("held_out", alone)):
                rows = contacts.filter(kind=kind)
                assert set(rows.values_list("customer_id", flat=True)) == {one.customer_id for one in theirs}
                leavers = set(rows.filter(left_within_horizon=True).values_list("customer__external_id", flat=True))
                assert leavers == left & {one.customer.external_id for one in theirs}
            before = selectors.champion()
        assert act(anna, "/api/train", commits).status_code == 202
        why = {"reason": "it knows who left after the campaign"}
        act(omar, "/api/models/2/promote", commits, why, content_type="application/json")
        with tenant_scope(cast.atlas):
            assert selectors.champion().number == before.number + 1
            assert selectors.current_run().version == selectors.champion()
            assert selectors.champion().churners == before.churners + len(left)
            assert tenants.verify_trail() is None

        # Another company has seen nothing of it all.
        pages = (page, f"{page}/edit", f"{page}/recipients", f"{page}/results", result, result.removesuffix("/results"))
        for address in pages:
            assert charlie.get(address).status_code == 404, address
        assert charlie.get("/api/campaigns").json()["campaigns"] == []
        assert "Autumn" not in charlie.get("/campaigns").content.decode()
        with tenant_scope(cast.borealis):
            assert not Recipient.objects.exists() and not Suppression.objects.exists()
            assert not Interaction.objects.exists() and not MessageTemplate.objects.exists()


def later_file(carrier: Path, folder: Path, numbers: set[str], left: set[str]) -> Path:
    """The carrier's file of two months later: these customers, and who of them left."""
    with carrier.open(encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    path = folder / "later.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([*row[:-1], "Yes" if row[0] in left else "No"] for row in rows if row[0] in numbers)
    return path
