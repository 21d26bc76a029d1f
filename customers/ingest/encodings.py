"""How a text is encoded, judged on the whole file: by its mark, by what decodes, and else by which reading is likelier.

One byte is ``é`` on Windows, ``È`` on a Mac and ``é`` again in latin-1. Every such reading decodes; what differs is how
often French and English write the letters that come out, and whether they stand where letters of that kind stand.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from .reader import TableRefused

_BLOCK = 1 << 20
_EVIDENCE = 64 * 1024  # bytes around the accents that are weighed; more would not change the verdict
_AROUND_ACCENTS = re.compile(rb"[\x20-\x7e]{0,3}(?:[\x80-\xff]+[\x20-\x7e]{0,3})+")
_ASCII = bytes(range(128))
_SURE = 3.0  # difference of scores, in powers of ten

# In order of how common they are; where two read the same the first is named. cp1256 is Windows in Arabic countries, with
# the French letters where cp1252 has them.
CANDIDATES = ("cp1252", "mac-roman", "latin-1", "cp1256")

# Powers of ten of how often a letter comes among the accented ones: French prose, then names of people and places.
_COMMON = {"é": -0.3, "è": -1.0, "à": -0.9, "ê": -1.2, "ç": -1.5}
_COMMON |= dict.fromkeys("ùâîôû", -1.9) | dict.fromkeys("ëïœüöäñáíóúæ", -2.8) | dict.fromkeys("ãõåøßòìÿ", -3.3)
_COMMON |= {letter.upper(): score - 0.8 for letter, score in _COMMON.items() if len(letter.upper()) == 1}
_COMMON |= dict.fromkeys("’€°\u00a0", -1.8) | dict.fromkeys("“”«»–…‘•", -2.4) | dict.fromkeys("—£²³µ©®™½№·", -3.5)
_LETTER, _SYMBOL, _CONTROL = -5.0, -6.0, -10.0
_ARABIC = -2.0


@dataclass(frozen=True, slots=True)
class Encoding:
    """``name`` for Python; ``is_sure`` False where two readings are about as likely; ``nuls`` bytes of zero in a text."""

    name: str
    is_sure: bool = True
    nuls: int = 0


def detect(path: Path) -> Encoding:
    """The encoding of a text file, from one pass over its bytes. Raises TableRefused: undecodable, binary."""
    with path.open("rb") as file:
        head = file.read(_BLOCK)
        marked = _by_mark(head)
        if marked:
            return Encoding(marked, nuls=_count_nuls(head, file) if marked == "utf-8-sig" else 0)
        if wide := _without_mark(head):
            return Encoding(wide)
        return _narrow(path, head, file)


def _by_mark(head: bytes) -> str | None:
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),  # begins as UTF-16 does, so it is asked first
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if head.startswith(mark):
            return name
    return None


def _count_nuls(head: bytes, file) -> int:
    nuls = head.count(0)
    while block := file.read(_BLOCK):
        nuls += block.count(0)
    return nuls


def _without_mark(head: bytes) -> str | None:
    """UTF-16 without its mark: every second byte of digits, commas and line ends is zero, on one side only."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    few, many = sorted((even, odd))
    if many < len(head) * 0.05 or few * 10 > many:
        return None
    name = "utf-16-le" if odd > even else "utf-16-be"
    try:
        codecs.getincrementaldecoder(name)().decode(head)
    except UnicodeDecodeError:
        return None
    return name


def _narrow(path: Path, block: bytes, file) -> Encoding:
    """One byte or UTF-8. Goes on to the end: the first accent of a large file may stand in its last megabyte."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    evidence: list[bytes] = []
    collected = nuls = offset = 0
    bad: int | None = None
    while block:
        nuls += block.count(0)
        is_plain = block.isascii()
        if collected < _EVIDENCE and not is_plain:
            for match in _AROUND_ACCENTS.finditer(block):
                evidence.append(match.group()[:256])
                collected += len(evidence[-1])
                if collected >= _EVIDENCE:
                    break
        if bad is None:
            pending = len(decoder.getstate()[0])
            try:
                if not is_plain or pending:
                    decoder.decode(block)
            except UnicodeDecodeError as error:
                bad = offset - pending + error.start
                decoder.reset()
        offset += len(block)
        block = file.read(_BLOCK)
    if bad is None and decoder.getstate()[0]:
        bad = offset - len(decoder.getstate()[0])
    if bad is None:
        return Encoding("utf-8", nuls=nuls)
    sample = b"\n".join(evidence)
    read = sample.decode("utf-8", errors="replace")
    wrong = read.count("\ufffd")
    if len(read.encode("utf-8").translate(None, _ASCII)) - 3 * wrong > 8 * wrong:
        # Nearly all of it is UTF-8: the rest was damaged, and no other reading would be right for both.
        raise TableRefused("undecodable", line=_line_at(path, bad))
    name, is_sure = weigh(sample)
    return Encoding(name, is_sure, nuls)


def _line_at(path: Path, offset: int) -> int:
    lines = returns = 0
    with path.open("rb") as file:
        while offset > 0 and (block := file.read(min(_BLOCK, offset))):
            offset -= len(block)
            lines += block.count(b"\n")
            returns += block.count(b"\r")
    return (lines or returns) + 1


def weigh(sample: bytes) -> tuple[str, bool]:
    """Which one-byte encoding is likeliest for bytes around accents, and whether it is so by far."""
    readings: dict[str, float] = {}
    texts: dict[str, str] = {}
    for name in CANDIDATES:
        text = sample.decode(name, errors="replace")
        if text not in texts.values():  # the same reading under another name is no rival
            texts[name] = text
            readings[name] = likelihood(text)
    best = max(readings, key=readings.__getitem__)
    others = [score for name, score in readings.items() if name != best]
    return best, not others or readings[best] - max(others) >= _SURE


def likelihood(text: str) -> float:
    """Sum over the letters beyond ASCII: how common each is, and whether it fits between its neighbours."""
    total = 0.0
    padded = f" {text} "
    for i, char in enumerate(text):
        if char >= "\x80":
            before, after = padded[i], padded[i + 2]
            total += _arabic_weight(char, before, after) if _is_arabic(char) else _latin_weight(char, before, after)
    return total


def _is_arabic(char: str) -> bool:
    return "\u0600" <= char <= "\u06ff"


def _arabic_weight(char: str, before: str, after: str) -> float:
    if not "\u060c" <= char <= "\u0652":  # Persian and Urdu, which cp1256 has for want of another place
        return _CONTROL - 1
    if any(near.isalpha() and not _is_arabic(near) for near in (before, after)):
        return _SYMBOL - 3  # نٌْez
    return _ARABIC if _is_arabic(before) or _is_arabic(after) else _LETTER


def _latin_weight(char: str, before: str, after: str) -> float:
    weight = _COMMON.get(char)
    if weight is None:
        if char == "\ufffd" or char < "\xa0":
            return _CONTROL - (char == "\ufffd")  # that one could not even be read
        weight = _LETTER if char.isalpha() else _SYMBOL
    if char.isalpha():
        if before.islower() and char.isupper():
            weight -= 3  # cafÈ
        elif char.islower() and before.isupper() and after.isupper():
            weight -= 3
        if before.isdigit() or after.isdigit():
            weight -= 2
        if not before.isalpha() and not after.isalpha() and char.lower() not in "àaoy":
            weight -= 1.5  # a word of one letter
    elif before.isalpha() and after.isalpha() and char not in "’‘·":
        weight -= 3  # caf…s
    return weight
