"""Links, domains, e-mail addresses and other ways to be reached: only ours, and in no disguise."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..facts import Facts
from .sentences import OURS, Failure, Sentence

_ENDINGS = "com|net|org|tn|fr|io|co|me|ru|cn|xyz|shop|site|online|app|link|click|top|biz|ly|eu|de|uk"
_LINKS = re.compile(
    "|".join(
        (
            r"\b[a-z][a-z0-9+.-]{1,20}\s?:\s?/{1,2}\S*",
            r"\bh[tx]{2}ps?\b",
            r"\bwww\b",
            r"(?:mailto|tel|sms|javascript|data|file|ftp|callto|skype|whatsapp)\s?:\s?\S+",
            r"(?<![\w/])//\w\S*",
            # a domain, in any script and after a word of ours as well
            rf"[\w{OURS}-]+[.。․][^\W\d_]{{2,}}(?:[/?#:]\S*)?",
            rf"[\w{OURS}-](?:\s+\.\s*|\s*\.\s+)(?:{_ENDINGS})(?![\w'])",
            r"[\w-]\s?[\[({<]\s?(?:\.|dot|point|نقطة)\s?[\])}>]\s?\w",
            rf"[\w{OURS}-]\s+(?:dot|point|نقطة)\s+(?:com|net|org|tn|fr|io|xyz|shop)(?!\w)",
        )
    ),
    re.IGNORECASE,
)
_ADDRESSES = re.compile(
    r"\S*@\S*|[\w.-]+\s?[\[({<]\s?(?:at|arobase|chez|آت)\s?[\])}>]\s?\w+|"
    r"\b(?:whats ?app|telegram|viber|messenger|instagram|facebook|tiktok|snapchat)\b|"
    r"وات ?س ?اب|واتس ?[اآ]ب|ت[ي]?ل[يي]?[غجق]رام|فيس ?بوك|[اإ]نست[اغق]\w+|فايبر",
    re.IGNORECASE,
)


def check_addresses(sentence: Sentence, facts: Facts, links_allowed: Sequence[str]) -> Iterator[Failure]:
    """What is left to follow or to write to once our own links (masked in ``read``) are set aside."""
    for match in _LINKS.finditer(sentence.read):
        yield sentence.failure("link", found=match[0].replace(OURS, "…")[:100])
    for match in _ADDRESSES.finditer(sentence.read):
        yield sentence.failure("address", found=match[0].replace(OURS, "…")[:100])
