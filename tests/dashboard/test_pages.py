"""Each page for each of the cast, whole and in fragments, and what it costs."""

import re

import pytest

from customers.models import Customer
from predictions import services
from predictions.models import ScoringRun, TrainingRun
from tenants.models import Notification
from tenants.scoping import tenant_scope
from tests.conftest import CUSTOMERS
from tests.dashboard.conftest import cost, htmx
from tests.everywhere import every

# address (with what to fill in), its fragment where it has one, whether it names an object of Atlas, most queries
PAGES = [
    ("/dashboard", "job", False, 22),
    ("/clients", "results", False, 12),
    ("/clients/{customer}", "", True, 18),
    ("/imports", "imports", False, 10),
    ("/imports/{run}", "job", True, 10),
    ("/mlops", "job", False, 19),
    ("/mlops/versions/{number}", "", True, 12),
    ("/notifications", "", False, 10),
]
IDS = [page[0] for page in PAGES]


@pytest.fixture
def cast(shared):
    return shared.cast


@pytest.fixture
def imported(shared):
    return shared.imported


@pytest.fixture
def scored(shared):
    return shared.scored


@pytest.fixture
def fill(atlas, imported, scored):
    """Addresses with the objects of a company that has everything."""
    with tenant_scope(atlas):
        customer, number = Customer.objects.order_by("pk").first(), scored.version.number
    return lambda address: address.format(customer=customer.public_id, run=imported.public_id, number=number)


@pytest.mark.parametrize(("address", "fragment", "is_object", "most"), PAGES, ids=IDS)
def test_anonymous_is_led_to_sign_in_and_back(client, fill, address, fragment, is_object, most):
    for headers in ({}, htmx(fragment or "x")):
        answer = client.get(fill(address), headers=headers)
        target = answer.headers.get("Location") or answer.headers.get("HX-Redirect")
        assert answer.status_code in (302, 204)
        assert target == f"/sign-in?next={fill(address)}"
        assert answer.content == b""


@pytest.mark.parametrize(("address", "fragment", "is_object", "most"), PAGES, ids=IDS)
def test_viewer_reads_it(bob_reads, fill, address, fragment, is_object, most):
    answer = bob_reads.get(fill(address))
    assert answer.status_code == 200
    text = answer.content.decode()
    assert text.lstrip().startswith("<!DOCTYPE html>")
    assert text.count("<h1") == 1
    assert not re.search(r"%\([a-z_]+\)s|None</|{{|{%|&lt;django|object at 0x", text)


@pytest.mark.parametrize(("address", "fragment", "is_object", "most"), [p for p in PAGES if p[2]], ids=lambda v: str(v))
def test_other_company_does_not_find_it(client_for, charlie, fill, address, fragment, is_object, most):
    if "versions" in address:
        assert client_for(charlie).get(fill(address)).status_code == 404
    for headers in ({}, htmx(fragment or "x")):
        assert client_for(charlie).get(fill(address), headers=headers).status_code == 404


@pytest.mark.parametrize(
    ("address", "fragment", "is_object", "most"), [p for p in PAGES if not p[2]], ids=lambda v: str(v)
)
def test_other_company_sees_none_of_it(client_for, charlie, fill, address, fragment, is_object, most, atlas):
    with tenant_scope(atlas):
        secrets = [
            str(CUSTOMERS),
            "Atlas",
            "customers.csv",
            *Customer.objects.values_list("external_id", flat=True)[:50],
        ]
    text = re.sub(r"<svg.*?</svg>", "", client_for(charlie).get(address).content.decode(), flags=re.S)
    assert [secret for secret in secrets if re.search(rf"\b{re.escape(secret)}\b", text)] == []


@pytest.mark.parametrize(("address", "fragment", "is_object", "most"), [p for p in PAGES if p[1]], ids=lambda v: str(v))
def test_htmx_gets_the_fragment_and_a_browser_the_page(bob_reads, fill, address, fragment, is_object, most):
    whole = bob_reads.get(fill(address))
    part = bob_reads.get(fill(address), headers=htmx(fragment))
    other = bob_reads.get(fill(address), headers=htmx("something-else"))
    boosted = bob_reads.get(fill(address), headers=htmx(fragment) | {"HX-Boosted": "true"})
    for page in (whole, other, boosted):
        assert b"<html" in page.content
    assert part.status_code == 200
    assert b"<html" not in part.content
    assert len(part.content) < len(whole.content)
    for answer in (whole, part):
        assert "HX-Request" in answer.headers["Vary"]
    if part.content.strip():
        assert f'id="{fragment}"'.encode() in part.content
        assert f'id="{fragment}"'.encode() in whole.content


@pytest.mark.parametrize(("address", "fragment", "is_object", "most"), PAGES, ids=IDS)
def test_page_costs_a_bounded_number_of_questions(bob_reads, fill, address, fragment, is_object, most):
    assert cost(bob_reads, fill(address)) <= most
    if fragment:
        assert cost(bob_reads, fill(address), **htmx(fragment)) <= most


@pytest.mark.parametrize(
    "address", ["/dashboard", "/clients", "/clients?churned=all&sort=-charges", "/mlops", "/imports"]
)
def test_page_costs_the_same_for_twenty_customers_and_for_two_hundred(bob_reads, atlas, scored, address):
    def keep(number: int) -> None:
        with tenant_scope(atlas):
            kept = Customer.objects.order_by("pk").values_list("pk", flat=True)[:number]
            Customer.objects.exclude(pk__in=list(kept)).delete()
            services.score_customers(run_id=services.require_scoring().pk, follow=False)

    keep(200)
    many = cost(bob_reads, address)
    keep(20)
    assert cost(bob_reads, address) == many


@pytest.mark.parametrize("address", ["/dashboard", "/mlops"])
def test_open_job_shows_its_bar_which_asks_again_and_ends(client_for, cast, imported, address):
    client = client_for(cast.alice)
    with tenant_scope(cast.atlas):
        run = TrainingRun.objects.create()
    bar = client.get(address, headers=htmx("job"))
    text = bar.content.decode()
    assert 'id="job"' in text
    assert "hx-get" in text
    assert "hx-trigger" in text
    assert "HX-Refresh" not in bar.headers
    every(TrainingRun).filter(pk=run.pk).update(state="cancelled")
    ended = client.get(address, headers=htmx("job"))
    assert ended.headers["HX-Refresh"] == "true"
    assert "hx-trigger" not in ended.content.decode()


def test_buttons_are_shown_to_those_who_may_press_them(client_for, cast, scored):
    for address, action in (
        ("/mlops", "/mlops/train"),
        ("/imports", "/imports/upload"),
        ("/clients", "/clients/export.csv"),
    ):
        assert action in client_for(cast.anna).get(address).content.decode(), address
        assert action not in client_for(cast.bob).get(address).content.decode(), address


def test_pages_speak_french_to_who_wants_it(client_for, cast, scored):
    cast.alice.locale = "fr"
    cast.alice.save()
    for address in ("/dashboard", "/clients", "/mlops", "/imports", "/notifications"):
        answer = client_for(cast.alice).get(address)
        assert '<html lang="fr"' in answer.content.decode()
        assert answer.status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        "{{ 7*7 }}{% debug %}",
        '"><img src=x onerror=alert(1)>',
        "' onmouseover='x",
        "🙂 نور",
    ],
)
def test_name_from_a_file_is_only_text_on_every_page(client_for, cast, scored, name):
    with tenant_scope(cast.atlas):
        customer = Customer.objects.select_related("subscription").get(
            pk=scored.scores.order_by("-risk").first().customer_id
        )
        customer.first_name, customer.churn_label, customer.attributes = name, None, {name: name}
        customer.save()
        scored.scores.filter(customer=customer).update(churn_label=None)
        texts = scored.legend["texts"]
        texts["contract"] = [name[:60] for _text in texts["contract"]]
        ScoringRun.objects.filter(pk=scored.pk).update(legend=scored.legend)
        customer.subscription.contract = name[:60]
        customer.subscription.save()
        Notification.objects.create(code="import_finished", facts={"filename": name})
    client = client_for(cast.alice)
    for address in ("/dashboard", "/clients", f"/clients/{customer.public_id}", "/notifications"):
        text = client.get(address).content.decode()
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "' onmouseover='x" not in text
        assert ">49<" not in text


# ---------------------------------------------------------------- what is asked by posting


@pytest.mark.parametrize(
    ("address", "lowest"),
    [("/mlops/train", "anna"), ("/mlops/score", "anna"), ("/imports/upload", "anna"), ("/notifications/read", "bob")],
)
def test_post_is_for_those_who_may_and_never_a_get(client_for, cast, address, lowest):
    ladder = ["bob", "anna", "omar", "alice", "olfa"]
    for name in ladder:
        client = client_for(getattr(cast, name))
        assert client.get(address).status_code == 405
        refused = client.post(address).status_code == 403
        assert refused == (ladder.index(name) < ladder.index(lowest)), name


def test_button_starts_one_training_and_shows_it(client_for, cast, imported):
    client = client_for(cast.alice)
    for _ in range(2):
        answer = client.post("/mlops/train")
        assert (answer.status_code, answer["Location"]) == (302, "/mlops")
    run = every(TrainingRun).get(state="queued")
    assert run.requested_by == cast.alice
    assert 'id="job"' in client.get("/mlops").content.decode()


def test_htmx_is_led_on_without_a_whole_page_in_a_fragment(client_for, cast, imported):
    answer = client_for(cast.alice).post("/mlops/train", headers=htmx("job"))
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/mlops")


def test_training_is_cancelled_by_its_company_only(client_for, cast):
    with tenant_scope(cast.atlas):
        run = TrainingRun.objects.create()
    address = f"/mlops/trainings/{run.public_id}/cancel"
    assert client_for(cast.charlie).post(address).status_code == 404
    assert client_for(cast.bob).post(address).status_code == 403
    assert every(TrainingRun).get(pk=run.pk).state == "queued"
    assert client_for(cast.anna).post(address).status_code == 302
    assert every(TrainingRun).get(pk=run.pk).state == "cancelled"
