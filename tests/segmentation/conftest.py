"""Companies that are divided into segments, with and without use."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from unittest import mock

import pytest
from django.db import transaction
from django.utils import translation

from segmentation import services
from segmentation.clustering import choose
from segmentation.models import Assignment, Segmentation, SegmentMembership
from tenants.scoping import tenant_scope
from tests.conftest import Cast, make_cast

from .company_of_use import bring_in

MANY = 100


def divide(**asked) -> Segmentation:
    """Divide the customers of the company in scope; the run, as it stands in its table."""
    run = services.refresh_segments(run_id=services.open_run(**asked).pk, follow=False)
    return Segmentation.objects.get(pk=run.pk)


def places(run: Segmentation) -> dict[str, str]:
    """Number of each customer -> label of their segment."""
    rows = SegmentMembership.objects.filter(segmentation=run)
    return dict(rows.values_list("customer__external_id", "segment__label"))


def assign() -> Assignment:
    """Put the newcomers of the company in scope where they belong; the job that did it."""
    services.assign_newcomers(assignment_id=services.open_assignment().pk)
    return Assignment.objects.order_by("pk").last()


def no_look_at_other_numbers(prepared, **_) -> choose.Choice:
    return choose.Choice(choose.TOO_FEW, None, choose.NOTHING, (), None, None, len(prepared))


@dataclass(frozen=True)
class DividedWorld:
    cast: Cast
    run: Segmentation


@contextmanager
def made_once():
    """Rows that a module's tests share, and that are undone after them; nobody looks at other numbers of segments."""
    with mock.patch.object(choose, "choose", no_look_at_other_numbers), transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def divided_world(django_db_setup, django_db_blocker):
    """The cast, and Atlas divided for the first time, by use; made once for a module that takes ``cast`` from it."""
    with django_db_blocker.unblock(), made_once():
        translation.activate("en")
        cast = make_cast()
        with tenant_scope(cast.atlas):
            bring_in(MANY)
            run = divide()
        with django_db_blocker.block():
            yield DividedWorld(cast, run)


@pytest.fixture
def quick_advice(monkeypatch):
    """Nobody looks at other numbers of segments: that takes seconds, and is the engine's own matter."""
    monkeypatch.setattr(choose, "choose", no_look_at_other_numbers)


@pytest.fixture
def used(atlas, quick_advice) -> None:
    """Atlas with a hundred customers of five kinds, nobody divided."""
    with tenant_scope(atlas):
        bring_in(MANY)


@pytest.fixture
def divided(atlas, used) -> Segmentation:
    """Atlas divided for the first time, by use."""
    with tenant_scope(atlas):
        return divide()
