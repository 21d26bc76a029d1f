"""What the API reads: bodies of a bounded size, of text that every database can keep."""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import negotiation, parsers
from rest_framework.exceptions import APIException, ParseError

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # no database takes these
_LARGEST = 1e305
_DEEPEST = 64  # objects and lists within each other; the deepest that is documented has nine


class TooLarge(APIException):
    status_code = 413
    default_code = "too_large"
    default_detail = gettext_lazy("The body is larger than is taken.")


class JSONParser(parsers.JSONParser):
    """JSON of at most ``DATA_UPLOAD_MAX_MEMORY_SIZE`` bytes: DRF itself would read whatever comes into memory.

    400 ``unstorable_text`` for NUL and lone surrogates anywhere in it, ``number_out_of_range``, ``too_deep`` for what no
    request of ours looks like.
    """

    def parse(self, stream, media_type=None, parser_context=None):
        if _length(parser_context) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise TooLarge
        try:
            found = super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise ParseError(_("This is nested too deeply."), code="too_deep") from error
        check_values(found)
        return found


class MultiPartParser(parsers.MultiPartParser):
    """Forms with files. Their fields and the names of the files are looked at, the contents are not."""

    def parse(self, stream, media_type=None, parser_context=None):
        found = super().parse(stream, media_type, parser_context)
        for fields in (found.data, found.files):
            for name, values in fields.lists():
                for value in (name, *values):
                    check_values(value if isinstance(value, str) else getattr(value, "name", ""))
        return found


class Negotiation(negotiation.DefaultContentNegotiation):
    """An endpoint has one form of answer, and gives it whatever ``Accept`` or ``?format=`` says (RFC 9110 lets it).

    Otherwise a caller that asks for the CSV of refused rows by ``Accept: text/csv`` would be told 406.
    """

    def select_renderer(self, request, renderers, format_suffix=None):
        return renderers[0], renderers[0].media_type


def is_unstorable(text: str) -> bool:
    return bool(_UNSTORABLE.search(text))


def check_values(found: object, depth: int = 0) -> None:
    """Raises ParseError where a text in it, or a name, cannot be kept, or a number is more than a float holds."""
    if depth > _DEEPEST:
        raise ParseError(_("This is nested too deeply."), code="too_deep")
    if isinstance(found, str):
        if is_unstorable(found):
            raise ParseError(_("A text holds NUL or half a character, which cannot be kept."), code="unstorable_text")
    elif isinstance(found, int | float):
        if not -_LARGEST < found < _LARGEST:  # 1e999 is read as infinite, and 10 ** 400 breaks every float()
            raise ParseError(_("A number is out of any range."), code="number_out_of_range")
    elif isinstance(found, Mapping):
        for name, value in found.items():
            check_values(name, depth + 1)
            check_values(value, depth + 1)
    elif isinstance(found, list):
        for value in found:
            check_values(value, depth + 1)


def _length(parser_context: Mapping | None) -> int:
    request = (parser_context or {}).get("request")
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0) if request is not None else 0
    except ValueError:
        return 0
