"""What schemathesis makes of the description: thousands of requests, right ones and wrong ones, as two roles and as nobody.

No answer may be a 5xx, of an undocumented status, of another kind or shape than is said, or given to who shows no key.
The cases are the same at every run; ``slow`` runs thousands of them, the quick suite a few of each operation.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import got_request_exception, request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, seed, settings
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks

from core import openapi
from tenants import api as views
from tenants import api_keys, permissions
from tenants.models import Membership
from tenants.scoping import tenant_scope
from tests.api import conformance
from tests.api.standing import identifiers

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
SEED = 20_260_311
QUICK, MANY = 2, 18  # cases of an operation for each role and mode that has anything to vary
PARTS, FEWEST = 4, 3_000  # the many in four tests, at least so many in all
FORGED = f"Bearer cg_abcdefgh_{'0' * 32}_{'x' * 43}"


@dataclass
class Campaign:
    """What was asked and what was wrong with the answers; errors of the code with their place."""

    keys: dict[str, str]
    known: dict[str, str]
    asked: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    raised: list[str] = field(default_factory=list)

    def note(self, sender, **_: object) -> None:
        self.raised.append(traceback.format_exc(limit=-4))

    def ask(self, case: schemathesis.Case, role: str) -> None:
        self.asked += 1
        if self.asked % 2:  # every other request is about what there is
            case.path_parameters.update(self._there(case))
        self.raised.clear()
        headers = {"Authorization": f"Bearer {self.keys[role]}"} if role in self.keys else {}
        if role == "nobody" and self.asked % 2:
            headers["Authorization"] = FORGED
        response = case.call(headers=headers)
        self.statuses[response.status_code] = self.statuses.get(response.status_code, 0) + 1
        if role == "nobody":
            # 400 and 404: an address that names no route at all, which nobody has to have a key for.
            found = [] if response.status_code in (400, 401, 404) else ["was answered without a key"]
        else:
            found = self._faults(case, response)
        if found:
            place = self.raised[-1] if self.raised else ""
            name = f"{case.method} {case.path} as {role}: {response.status_code} {found[0][:200]} {place[-200:]}"
            self.wrong.setdefault(
                name[:200], f"{name}\n  {case.as_curl_command()[:600]}\n  {response.text[:300]}\n{place}"
            )

    def _there(self, case: schemathesis.Case) -> dict[str, str]:
        """Path parameters of something that is there, of those that the address has."""
        group = _group(case)
        found = {"label": "S1"}
        if group in self.known:
            found["public_id"] = self.known[group]
        if group == "customers":
            found["number"] = self.known[group]
        if group == "jobs":
            found["kind"] = "training"
        return {name: value for name, value in found.items() if name in case.path_parameters}

    @staticmethod
    def _faults(case: schemathesis.Case, response) -> list[str]:
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as error:
            return [" ".join(str(one) for one in error.exceptions)]
        if response.status_code >= 400 and response.headers["content-type"] != [conformance.PROBLEM]:
            return [f"is {response.headers['content-type']}"]
        return []


def _group(case: schemathesis.Case) -> str:
    return case.path.split("/")[2]


@pytest.fixture
def campaign(shared, sample_csv, settings, tmp_path):
    settings.RAW_DATA_PATH = tmp_path / "raw"
    openapi.document()  # made once: of the views as they are, not as a test will have bent one of them
    with tenant_scope(shared.cast.atlas):
        keys = {}
        for role, person in (("owner", shared.cast.olfa), ("viewer", shared.cast.bob)):
            place = Membership.objects.get(user=person, tenant=shared.cast.atlas)
            scopes = [one for one in permissions.FOR_KEYS if place.can(one)]
            keys[role] = api_keys.make_key(membership=place, name=role, scopes=scopes)[1]
        found = Campaign(keys, identifiers(sample_csv))
    got_request_exception.connect(found.note)
    # A server drops at every request a connection that is inside a transaction, and the test is inside one: PostgreSQL's
    # would be gone with all that the module made. Django's own client does the same.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield found
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)
    got_request_exception.disconnect(found.note)


def run(campaign: Campaign, most: int, *, part: slice = slice(None), only: str = "") -> None:
    description = schemathesis.openapi.from_dict(openapi.document())
    description.app = WSGIHandler()
    description.location = "/api/schema"
    for operation in [result.ok() for result in description.get_all_operations()][part]:
        if only not in ("", operation.path):
            continue
        varies = bool(operation.body) or bool(list(operation.iter_parameters()))
        for role, mode in (
            ("owner", GenerationMode.POSITIVE),
            ("owner", GenerationMode.NEGATIVE),
            ("viewer", GenerationMode.POSITIVE),
            ("viewer", GenerationMode.NEGATIVE),
            ("nobody", GenerationMode.POSITIVE),
        ):
            if mode == GenerationMode.POSITIVE or varies:
                amount = most if role != "nobody" else max(1, most // 8)
                _ask_many(campaign, operation, role, mode, amount if varies else 1)


def _ask_many(campaign: Campaign, operation, role: str, mode: GenerationMode, most: int) -> None:
    @seed(SEED)
    @settings(
        max_examples=most,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case) -> None:
        campaign.ask(case, role)

    ask()


def told(campaign: Campaign) -> str:
    return f"{campaign.asked} cases, {dict(sorted(campaign.statuses.items()))}\n\n" + "\n\n".join(
        campaign.wrong.values()
    )


def test_a_few_cases_of_every_operation_are_answered_as_described(campaign):
    run(campaign, QUICK)
    assert not campaign.wrong, told(campaign)
    assert {200, 401, 403, 404} <= set(campaign.statuses), told(campaign)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_thousands_of_cases_are_answered_as_described(campaign, part):
    run(campaign, MANY, part=slice(part, None, PARTS))
    print(told(campaign)[:300])
    assert not campaign.wrong, told(campaign)
    assert campaign.asked >= FEWEST / PARTS, told(campaign)
    assert {200, 400, 401, 403, 404} <= set(campaign.statuses), told(campaign)


@pytest.mark.parametrize("fault", ["error", "shape", "status", "open"])
def test_fault_would_be_seen(campaign, monkeypatch, fault):
    """The judge itself: an error, a shape or a status that is not documented, an answer to who shows no key."""
    if fault == "error":
        monkeypatch.setattr(views.noticeboard, "unread_of", lambda rows: 1 / 0)
    elif fault == "shape":
        answer = {"unread": "many", "notifications": [], "next": ""}
        monkeypatch.setattr(views.NotificationsView, "get", lambda self, request: Response(answer))
    elif fault == "status":
        monkeypatch.setattr(views.NotificationsView, "get", lambda self, request: Response({}, status=203))
    else:
        monkeypatch.setattr(views.NotificationsView, "permission_classes", [AllowAny])
        monkeypatch.setattr(views.NotificationsView, "get", lambda self, request: Response({}))
    run(campaign, 1, only="/api/notifications")
    assert campaign.wrong
