"""What programs send to set up a feed or change one: a body of its own for each kind of source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from core import bodies
from core.serialized import shape_of
from core.shapes import Shape

from . import services
from .models import Feed
from .models.feeds import FEWEST_MINUTES, MOST_MINUTES
from .services.feed_sources import LONGEST
from .services.feeds import NEEDS

_SCHEDULE = ("every_minutes", "at", "weekday")
# What opens an address, by ``auth``; what belongs to another one is refused rather than passed over.
_CREDENTIALS = {"none": (), "header": ("header", "value"), "basic": ("user", "password")}


def _source(name: str, says: str, **options: Any) -> bodies.Text:
    return bodies.Text(max_length=LONGEST[name], help_text=says, **options)


def _sheet() -> bodies.Text:
    return _source("sheet", "Of a workbook with several; else the likeliest.", required=False, allow_blank=True)


class _FeedBody(bodies.Body):
    name = bodies.Text(max_length=Feed._meta.get_field("name").max_length)
    rhythm = serializers.ChoiceField(choices=Feed.Rhythm.choices)
    every_minutes = bodies.Whole(
        min_value=FEWEST_MINUTES, max_value=MOST_MINUTES, required=False, help_text="With rhythm minutes."
    )
    at = bodies.Clock(required=False, help_text="HH:MM, by the company's own clock.")
    weekday = bodies.Whole(min_value=0, max_value=6, required=False, help_text="With rhythm weekly; 0 is Monday.")
    review = serializers.ChoiceField(choices=Feed.Review.choices, required=False)
    empty_clears = bodies.Yes(required=False, help_text="An empty cell empties what was known.")


class FolderBody(_FeedBody):
    """Files that are laid into the company's folder."""

    kind = serializers.ChoiceField(choices=[Feed.Kind.FOLDER.value])
    pattern = _source("pattern", "Of names: * stands for anything.", required=False)
    sheet = _sheet()


class QueryBody(_FeedBody):
    """A SELECT against a database."""

    kind = serializers.ChoiceField(choices=[Feed.Kind.SQL.value])
    url = _source("url", "engine://name:password@machine:port/database; never shown again.")
    query = _source("query", "One SELECT that gives a line for each customer; never shown here again.")


class AddressBody(_FeedBody):
    """A file at an https address."""

    kind = serializers.ChoiceField(choices=[Feed.Kind.HTTPS.value])
    address = _source("address", "https://…; never shown here again.")
    auth = serializers.ChoiceField(choices=list(_CREDENTIALS), required=False)
    header = _source("header", "With auth header.", required=False)
    value = _source("value", "The header's, with auth header; never shown again.", required=False)
    user = _source("user", "With auth basic; never shown again.", required=False)
    password = _source("password", "With auth basic; never shown again.", required=False)
    sheet = _sheet()


class _Change:
    """Only what is named is changed; of what kind a feed is stays."""

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = super().get_fields()
        del fields["kind"]
        for field in fields.values():
            field.required = False
        return fields


class FolderChangeBody(_Change, FolderBody):
    """Of a folder's feed, what changes."""


class QueryChangeBody(_Change, QueryBody):
    """Of a database's feed, what changes. Without ``url`` the address and its credentials stay."""


class AddressChangeBody(_Change, AddressBody):
    """Of an address's feed, what changes. Credentials that are not named stay, for the same machine."""


_NEW: dict[str, type[_FeedBody]] = {
    Feed.Kind.FOLDER.value: FolderBody,
    Feed.Kind.SQL.value: QueryBody,
    Feed.Kind.HTTPS.value: AddressBody,
}
_CHANGES: dict[str, type[_FeedBody]] = {
    Feed.Kind.FOLDER.value: FolderChangeBody,
    Feed.Kind.SQL.value: QueryChangeBody,
    Feed.Kind.HTTPS.value: AddressChangeBody,
}
NEW_FEED: Shape = {"oneOf": [shape_of(body()) for body in _NEW.values()]}
CHANGED_FEED: Shape = {"anyOf": [shape_of(body()) for body in _CHANGES.values()]}


def read_new(request) -> dict[str, Any]:
    """The body of a new feed. Raises ValidationError by the field."""
    sent = request.data
    kind = sent.get("kind") if isinstance(sent, Mapping) else Feed.Kind.FOLDER.value  # any of them refuses a list
    if not isinstance(kind, str) or kind not in _NEW:
        raise serializers.ValidationError({"kind": [f"one of {', '.join(_NEW)}"]})
    said = bodies.read(request, _NEW[kind])
    _require_fitting(said, {"rhythm": None})
    _require_own_credentials(said, "none")
    return said


def read_change(request, feed: Feed) -> dict[str, Any]:
    """What a body changes of the feed. Raises ValidationError by the field."""
    said = bodies.read(request, _CHANGES[feed.kind])
    if not said:
        raise serializers.ValidationError({"body": ["name at least one field to change"]})
    _require_fitting(said, schedule_of(feed))
    _require_own_credentials(said, feed.options.get("auth", "none"))
    return said


def schedule_of(feed: Feed) -> dict[str, object]:
    """When the feed looks; what its rhythm does not ask for is null."""
    held = {"every_minutes": feed.every_minutes, "at": feed.at, "weekday": feed.weekday}
    return {"rhythm": feed.rhythm, **{name: held[name] if name in NEEDS[feed.rhythm] else None for name in held}}


def _require_fitting(said: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """The schedule is whole, and holds nothing that its rhythm does not ask for."""
    rhythm = said.get("rhythm", known["rhythm"])
    wrong = services.missing_of_schedule({**known, **said})
    wrong |= {name: f"not with the rhythm {rhythm}" for name in _SCHEDULE if name in said and name not in NEEDS[rhythm]}
    if wrong:
        raise serializers.ValidationError({name: [sentence] for name, sentence in wrong.items()})


def _require_own_credentials(said: Mapping[str, Any], held: str) -> None:
    auth = said.get("auth", held)
    others = {name for names in _CREDENTIALS.values() for name in names} - set(_CREDENTIALS[auth])
    if wrong := sorted(others & set(said)):
        raise serializers.ValidationError({name: [f"not with the auth {auth}"] for name in wrong})
