"""Texts of every kind in every field, by form, by API and by file: nothing fails, and what is taken is kept as it was written.
And bodies that claim what is not theirs to say."""

import csv
import logging
from collections import Counter
from collections.abc import Iterable

import pytest
from django.test import Client

from tenants.scoping import tenant_scope
from tests.conftest import import_file

from . import strings, writing
from .checks import says_not_ready
from .crawl import crawl
from .places import ask
from .routes import routes

ROUTES = list(routes())
START = [r.address() for r in ROUTES if not r.places and "GET" in r.methods and not r.is_api]
QUESTIONS = ("q", "after", "before", "customer", "segment", "offer", "language", "address", "show", "band", "a", "from", "version", "draft", "customer_search", "sort", "rule_segment", "next", "group", "kind")  # fmt: skip
WORST, ALL = [*strings.WORST], [*strings.KINDS]
QUARTERS = 4


@pytest.fixture(autouse=True)
def quiet():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def forms(built, django_db_blocker):
    """The forms that our owner meets, each once."""
    client = Client()
    with django_db_blocker.unblock():
        client.force_login(built.ours.people["owner"])
        found = crawl(client, START, most=250).forms.values()
    leaving = ("/sign-out", "/workspace", "/language", "/password")
    return [form for form in found if not form.action.startswith(leaving) or form.action.startswith("/workspace/keys")]


@pytest.fixture
def owner(companies, browser_of):
    return browser_of(companies.ours.people["owner"])


def some(kinds: list[str], place: int, count: int) -> list[str]:
    """Another few of the kinds for each field, so that all fields together meet all of them."""
    return [kinds[(place * count + step) % len(kinds)] for step in range(min(count, len(kinds)))]


def shared_out(fields: Iterable[tuple]) -> list[list[str]]:
    """For each (form, field), in order: its share of the kinds and the very long one.

    A form's fields meet every kind together, and each of them a quarter or more: what comes of a text depends on the way
    that it takes through the form, much more than on the field that it stands in.
    """
    fields = list(fields)
    many = Counter(form for form, _name in fields)
    met: Counter = Counter()
    found = []
    for form, _name in fields:
        parts = min(many[form], QUARTERS)
        found.append([*ALL[met[form] % parts :: parts], strings.VERY_LONG])
        met[form] += 1
    return found


def test_every_kind_is_met_by_every_form_and_a_quarter_by_every_field():
    fields = [(form, n) for form, many in (("one", 1), ("three", 3), ("nine", 9)) for n in range(many)]
    shares = dict(zip(fields, shared_out(fields), strict=True))
    for form in ("one", "three", "nine"):
        assert {kind for (of, _n), kinds in shares.items() if of == form for kind in kinds} == {*ALL, strings.VERY_LONG}
    assert all(strings.VERY_LONG in kinds and len(kinds) > len(ALL) / QUARTERS for kinds in shares.values())


def test_damage_is_found():
    """The check of the tests below: another text between the tokens, an end that was cut off, and nothing else."""
    assert [kind for kind in [*ALL, strings.VERY_LONG] if strings.damaged(strings.written(kind))] == []
    assert strings.damaged(strings.written("sql").replace("DROP", "drop")) == ["sql"]
    assert strings.damaged(strings.written("emoji")[:-1]) == ["emoji (cut)"]
    assert strings.damaged(strings.written(strings.VERY_LONG)[:200]) == ["very long (cut)"]
    assert strings.damaged("x " + strings.written("script").replace("<", "&lt;")) == ["script"]


def write_in_forms(forms, client, company, kinds_of=None) -> tuple[list[str], int]:
    findings, sent = [], 0
    places = [(form, name) for form in forms for name in sorted(form.texts)]
    kinds_of = kinds_of or shared_out((id(form), name) for form, name in places).__getitem__
    for place, (form, name) in enumerate(places):
        for kind in kinds_of(place):
            text = strings.written(kind)
            answer = writing.post_form(client, form, {name: text}, company=company, look=writing.harm)
            sent += 1
            where = f"{kind} in {name} of {form.action}"
            findings += [f"{where}: {answer.status_code}"] if answer.status_code >= 500 else []
            # A surrogate is no UTF-8: a form's body has it replaced before anybody sees it.
            findings += [f"{where}: kept otherwise: {answer.seen}"] if answer.seen and kind != "lone surrogate" else []
    return findings, sent


def test_forms_keep_what_they_take(forms, owner, companies):
    assert len(forms) > 30
    findings, sent = write_in_forms(
        forms, owner, companies.ours, lambda place: list(dict.fromkeys([*some(WORST, place, 1), "nul"]))
    )
    assert not findings, "\n".join(findings)
    assert sent > 100


@pytest.mark.slow
def test_forms_keep_every_kind_of_text(forms, owner, companies):
    findings, _sent = write_in_forms(forms, owner, companies.ours)
    assert not findings, "\n".join(findings)


def write_in_api(client, places, kinds_of=None) -> tuple[list[str], int]:
    findings, sent = [], 0
    company, calls = places.company, list(writing.api_calls(ROUTES, places))
    places = [(*call, path) for call in calls for path in writing.leaves(call[2])]
    kinds_of = kinds_of or shared_out((call[:2], call[3]) for call in places).__getitem__
    for place, (method, address, body, path) in enumerate(places):
        for kind in kinds_of(place):
            text = strings.written(kind)
            changed = writing.with_leaf(body, path, text)
            answer = writing.post_json(client, method, address, changed, company=company, look=writing.harm)
            sent += 1
            where = f"{kind} at {path} of {method} {address}"
            findings += [f"{where}: {answer.status_code}"] if answer.status_code >= 500 else []
            findings += [f"{where}: kept otherwise: {answer.seen}"] if answer.seen else []
    return findings, sent


def test_api_keeps_what_it_takes(owner, learned):
    findings, sent = write_in_api(
        owner, learned, lambda place: [*some(WORST, place, 1), *some(strings.IMPOSSIBLE, place, 1)]
    )
    assert not findings, "\n".join(findings)
    assert sent > 100


@pytest.mark.slow
def test_api_keeps_every_kind_of_text(owner, learned):
    findings, _sent = write_in_api(owner, learned)
    assert not findings, "\n".join(findings)


BODIES = ([], {"name": {}}, None, 5, "x", {"name": []}, {"": ""}, [[[]]], {"name": None})


@pytest.mark.parametrize(
    "body", [pytest.param(b, marks=pytest.mark.slow if place > 1 else ()) for place, b in enumerate(BODIES)], ids=repr
)
def test_api_refuses_what_is_no_body_of_its_own(owner, learned, body):
    calls = writing.api_calls(ROUTES, learned)
    assert [f"{m} {at}" for m, at, _ in calls if ask(owner, m, at, body).status_code >= 500] == []


@pytest.mark.parametrize("share", [pytest.param(1, marks=pytest.mark.slow), 4])
def test_questions_of_any_text_are_answered(owner, companies, share):
    """Filters, cursors and whatever else stands after the question mark of pages and of the API: of each address all, or
    another quarter of them."""
    findings = []
    asked = [r for r in ROUTES if not r.places and "GET" in r.methods and not r.is_back_office]
    for place, route in enumerate(asked):
        for step, name in list(enumerate(QUESTIONS))[place % share :: share]:
            kind = WORST[(place + step) % len(WORST)] if step % 2 else strings.IMPOSSIBLE[0]
            address = writing.question(route.address(), name, strings.written(kind))
            status = ask(owner, "GET", address).status_code
            fails = status >= 500 and not says_not_ready(route, status)
            findings += [f"{kind}: {status} at {route.path}?{name}="] if fails else []
    assert not findings, "\n".join(findings)


@pytest.mark.parametrize("kind", WORST)
def test_addresses_of_any_text_are_answered(owner, companies, kind):
    text = strings.written(kind)
    texts = [r for r in ROUTES if any(k in ("str", "slug", "path") for k, _n in r.places) and not r.is_back_office]
    quoted = writing.question("", "", text).removeprefix("?=")
    addresses = [r.address(**dict.fromkeys((n for _k, n in r.places), quoted)) for r in texts]
    assert [at for at in addresses if ask(owner, "GET", at).status_code >= 500] == []


def test_file_keeps_what_it_brings(companies, tmp_path):
    """A customer for each kind of text, with it in their names, in their town and in a column of the company's own."""

    kinds = [kind for kind in strings.KINDS if kind not in strings.IMPOSSIBLE]
    path = tmp_path / "naughty.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["customerID", "tenure", "Churn", "first_name", "city", "Remark"])
        for number, kind in enumerate(kinds):
            text = strings.written(kind)
            writer.writerow([f"N{number}", 5, "No", text, text, text])
    with tenant_scope(companies.ours.tenant):
        run = import_file(path)
    assert run.rows_created + run.rows_refused == len(kinds)
    assert run.rows_created > len(kinds) / 2
    assert writing.harm(companies.ours, {"customers_customer"}) == []


# ---------------------------------------------------------------- bodies that claim too much


def test_forms_do_not_take_what_is_not_theirs(forms, owner, companies):
    claims = writing.CLAIMS | {"tenant": str(companies.theirs.tenant.pk), "tenant_id": str(companies.theirs.tenant.pk)}
    findings = []
    for form in forms:
        own = set(form.data)
        extra = {name: value for name, value in claims.items() if name not in own}
        plain, claimed = (
            writing.post_form(owner, form, more, company=companies.ours, look=writing.standing) for more in ({}, extra)
        )
        findings += [f"{form.action}: {plain.status_code}, then {claimed.status_code}"] * (claimed.status_code >= 500)
        findings += [f"{form.action} takes {claimed.seen - plain.seen}"] if claimed.seen != plain.seen else []
    assert not findings, "\n".join(findings)


def test_api_does_not_take_what_is_not_its_own(owner, companies, learned):
    claims = writing.CLAIMS | {"tenant": str(companies.theirs.tenant.pk), "tenant_id": str(companies.theirs.tenant.pk)}
    findings = []
    for method, address, body in writing.api_calls(ROUTES, learned):
        plain, claimed = (
            writing.post_json(owner, method, address, one, company=companies.ours, look=writing.standing)
            for one in (body, {**body, **claims})
        )
        refused = claimed.status_code in (400, 422)
        findings += [f"{method} {address}: {claimed.status_code}"] if claimed.status_code >= 500 else []
        if not refused and claimed.seen != plain.seen:
            findings.append(f"{method} {address} takes {claimed.seen - plain.seen}")
    assert not findings, "\n".join(findings)
