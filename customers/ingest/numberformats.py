"""What an Excel number says: a date by its format, else a number as a person would write it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

_DAY = 86_400
_LAST_DAY = 2_958_466  # 9999-12-31
_EXACT = 10**15  # digits that Excel keeps
# The formats that Excel knows by number alone (ECMA-376, 18.8.30), those of East Asia included.
_BUILT_IN = {str(n): "date" for n in (14, 15, 16, 17, *range(27, 32), 36, *range(50, 59))}
_BUILT_IN |= {str(n): "time" for n in (18, 19, 20, 21, 32, 33, 34, 35, 45, 47)} | {"22": "date", "46": "elapsed"}
_QUOTED = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]')
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


@dataclass(frozen=True, slots=True)
class Format:
    """``kind``: date (with or without a time), time, elapsed, or padded to ``digits``."""

    kind: str
    digits: int = 0


def recognise(number: str, code: str | None) -> Format | None:
    """The format of a style, or None for a number as it stands."""
    if code is None:
        kind = _BUILT_IN.get(number)
        return Format(kind) if kind else None
    plain = _QUOTED.sub("", code).split(";")[0].lower()
    if re.fullmatch(r"0{2,}", plain):  # 00123: a postcode or a customer's number, whose zeros people see
        return Format("padded", len(plain))
    if "general" in plain or "0" in plain.split(".")[0] or "#" in plain:
        return None
    if re.search(r"\[[hms]+\]", plain):
        return Format("elapsed")
    plain = plain.replace("am/pm", "").replace("a/p", "")
    if "y" in plain or "d" in plain or ("m" in plain and "h" not in plain and "s" not in plain):
        return Format("date")
    return Format("time") if "h" in plain or "s" in plain else None


def date_text(text: str, form: Format, *, uses_1904: bool = False) -> str:
    """ISO for a day that Excel can show; the number itself for one that it cannot."""
    try:
        serial = float(text)
    except ValueError:
        return text
    if form.kind == "padded":
        return number_text(text).zfill(form.digits)
    if not 0 <= serial < _LAST_DAY:
        return number_text(text)
    seconds = round(serial * _DAY)
    if form.kind == "elapsed" or (form.kind == "time" and seconds < _DAY):
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if uses_1904:
        first = datetime(1904, 1, 1)  # noqa: DTZ001 - a workbook tells no time zone
    else:
        # Excel believes that 1900 was a leap year, so that its days before March count from one day later.
        first = datetime(1899, 12, 31) if serial < 60 else datetime(1899, 12, 30)  # noqa: DTZ001
    moment = first + timedelta(seconds=seconds)
    return moment.isoformat(" ") if seconds % _DAY else moment.date().isoformat()


def number_text(text: str) -> str:
    """``1.0`` -> ``1``, ``29.850000000000001`` -> ``29.85``, ``1E-3`` -> ``0.001``; what is no number stays."""
    if len(text) < 16 and text.isdecimal() and text.isascii():
        return text
    if "_" in text:  # Python takes 1_000 for a number; nobody else does
        return text
    try:
        value = float(text)
    except ValueError:
        return text
    return float_text(value)


def float_text(value: float) -> str:
    """The shortest decimal that is this number, without an exponent; nothing for what is none."""
    if not math.isfinite(value):
        return ""
    if value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    shortest = repr(value)
    return format(Decimal(shortest), "f").removesuffix(".0") if "e" in shortest else shortest.removesuffix(".0")


def unescape(text: str) -> str:
    """Excel writes a character that XML has no room for as ``_x000D_``. A zero byte is no character of a text."""
    if "_x" not in text:
        return text
    return _ESCAPED.sub(lambda match: chr(int(match.group(1), 16)), text).replace("\0", "")
