"""Numbers as people write them in forms."""

from __future__ import annotations

import re
from decimal import Decimal

from django.utils import formats

_SPACES = re.compile(r"[\s\u00a0\u202f'’]")
_NUMBER = re.compile(r"-?(\d{1,12}(\.\d*)?|\.\d+)")
_BY_THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3})+")


def read_number(text: str) -> Decimal:
    """A number as people write it: a comma or a point for decimals, spaces between thousands, a percent sign behind.

    "1,500" is what the language in use makes of it. Raises ValueError.
    """
    plain = _SPACES.sub("", text).removesuffix("%").replace("\u2212", "-")
    if "," in plain and "." in plain:  # the first of the two parts thousands
        plain = plain.replace(min(",.", key=plain.find), "")
    elif _BY_THOUSANDS.fullmatch(plain) and formats.get_format("DECIMAL_SEPARATOR") == ".":
        plain = plain.replace(",", "")
    plain = plain.replace(",", ".")
    if not _NUMBER.fullmatch(plain):
        raise ValueError(text)
    return Decimal(plain)
