"""What happens by itself, for programs."""

from __future__ import annotations

import json

import pytest

from tenants.models import AuditEntry
from tenants.scoping import tenant_scope

ROUTINE = "/api/routine"


def change(client, body: object):
    return client.patch(ROUTINE, json.dumps(body), content_type="application/json")


def test_routine_is_read_and_changed_by_what_is_named(client_for, cast):
    omar = client_for(cast.omar)
    before = omar.get(ROUTINE).json()
    told = change(omar, {"scoring_hour": 4, "retrains_monthly": False}).json()
    assert told == before | {"scoring_hour": 4, "retrains_monthly": False}
    assert client_for(cast.bob).get(ROUTINE).json() == told
    assert client_for(cast.charlie).get(ROUTINE).json() == before
    with tenant_scope(cast.atlas):
        assert AuditEntry.objects.latest("sequence").verb == "routine_set"


@pytest.mark.parametrize(
    "body",
    [{}, [], None, {"scoring_hour": 24}, {"scoring_hour": "4"}, {"check_weekday": True}, {"retrain_day": 29},
     {"scores_nightly": 1}, {"tenant": "x"}, {"last_scored_on": "2026-01-01"}],
)  # fmt: skip
def test_wrong_routine_is_refused_and_changes_nothing(client_for, cast, body):
    omar = client_for(cast.omar)
    before = omar.get(ROUTINE).json()
    assert change(omar, body).status_code == 400
    assert omar.get(ROUTINE).json() == before


def test_analyst_cannot_change_the_routine(client_for, cast):
    assert change(client_for(cast.anna), {"scoring_hour": 4}).status_code == 403
