"""A campaign's state, changed by compare-and-set: two people and a worker can act at once, and one of them is first."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import Refused

from ..models import Campaign


def try_move(campaign: Campaign, since: str, to: str, **fields: Any) -> bool:
    """From one state to another with ``fields`` written along; False where it was not in that state any more."""
    moved = Campaign.objects.filter(pk=campaign.pk, state=since).update(state=to, updated_at=timezone.now(), **fields)
    if moved:
        campaign.refresh_from_db()
    return moved == 1


def move(campaign: Campaign, since: str, to: str, **fields: Any) -> None:
    """The same; raises Refused(``moved_meanwhile``)."""
    if not try_move(campaign, since, to, **fields):
        raise moved_meanwhile()


def moved_meanwhile() -> Refused:
    return Refused("moved_meanwhile", _("It is not in that state any more: look at it again."))


def address_of(campaign: Campaign) -> str:
    return reverse("campaigns:campaign", args=[campaign.public_id])
