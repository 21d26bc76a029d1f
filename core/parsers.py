"""Bodies of the API: JSON whose texts a database can hold."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

# JSON can write both (``"\\u0000"``, ``"\\ud800"``), and no database takes either: a view that stores or looks for one fails.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_SHOWN = 60  # characters of a place


class StorableJSONParser(JSONParser):
    """Refuses a body with a zero character or half a surrogate pair in any text or name, by its place: 400."""

    def parse(self, stream, media_type=None, parser_context=None):
        body = super().parse(stream, media_type, parser_context)
        for place in _unstorable(body):
            raise ParseError(f"The text at {place[:_SHOWN] or 'the top'} has a character that cannot be stored.")
        return body


def _unstorable(body: object) -> Iterator[str]:
    """Where in a body such texts are: ``parts.fr.subject``. Walked without recursion: a body may be nested as deep as it likes."""
    waiting: list[tuple[str, object]] = [("", body)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, str):
            if _UNSTORABLE.search(value):
                yield place
        elif isinstance(value, dict):
            for name, one in value.items():
                if _UNSTORABLE.search(name):
                    yield f"a name within {place or 'the top'}"
                waiting.append((f"{place}.{name}".lstrip("."), one))
        elif isinstance(value, list):
            waiting += [(f"{place}.{number}".lstrip("."), one) for number, one in enumerate(value)]
