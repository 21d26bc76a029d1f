"""What is promised in words: half the price, three months, free, unlimited, until Friday; only as the company says it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from ..facts import Facts
from .figures import figures_of
from .sentences import Failure, Sentence, folded, normal

# Number words, folded; Arabic ones in both genders, with the dual of what is counted below.
_WORDS: dict[int, str] = {
    1: "one un une واحد واحده",
    2: "two deux اثنان اثنين اثنتان اثنتين",
    3: "three trois ثلاثه ثلاث",
    4: "four quatre اربعه اربع",
    5: "five cinq خمسه خمس",
    6: "six سته ست",
    7: "seven sept سبعه سبع",
    8: "eight huit ثمانيه ثماني ثمان",
    9: "nine neuf تسعه تسع",
    10: "ten dix عشره عشر",
    12: "twelve douze",
    15: "fifteen quinze",
    20: "twenty vingt عشرون عشرين",
    25: "twenty-five vingt-cinq",
    30: "thirty trente ثلاثون ثلاثين",
    40: "forty quarante اربعون اربعين",
    50: "fifty cinquante خمسون خمسين",
    60: "sixty soixante ستون ستين",
    70: "seventy soixante-dix سبعون سبعين",
    80: "eighty quatre-vingt quatre-vingts ثمانون ثمانين",
    90: "ninety quatre-vingt-dix تسعون تسعين",
    100: "hundred cent مئه مائه",
    1000: "thousand mille الف",
}
_VALUE = {word: value for value, words in _WORDS.items() for word in folded(words).split()}
_COUNTED = folded(
    "dinar dinars euro euros dollar dollars pound pounds dirham dirhams percent cent mois month months jour jours day "
    "days semaine semaines week weeks an ans année années year years heure heures hour hours go gb giga gigas mo mb "
    "points minutes دينار دنانير دينارا يورو دولار درهم دراهم بالمئه بالمائه شهر اشهر شهرا شهور يوم ايام يوما اسبوع "
    "اسابيع سنه سنوات عام اعوام ساعه ساعات جيغا غيغا دقيقه دقائق نقطه نقاط"
).split()
_SPELT = re.compile(
    rf"(?<![\w-])(?:{'|'.join(sorted(map(re.escape, _VALUE), key=len, reverse=True))})"
    rf"(?: [^\W\d_]+)?[ -](?:pour |per |في )?(?:{'|'.join(sorted(_COUNTED, key=len, reverse=True))})(?!\w)"
)
_DUAL = re.compile(folded(r"(?<!\w)[ولبف]?(?:شهرين|شهران|يومين|يومان|اسبوعين|سنتين|عامين|دينارين|ديناران)(?!\w)"))

# code of the claim -> how it is said. A share's claim holds where the discount is that very share.
_CLAIMS: dict[str, str] = {
    "half": r"half[- ](?:the )?(?:price|off)|half of (?:the|your) (?:price|bill)|moitié[- ](?:du )?prix|moitié moins|(?:la )?moitié de (?:votre|la|son)|"
    r"نصف (?:ال)?(?:سعر|ثمن|مبلغ|قيمه)|(?:ال)?نصف فقط",
    "third": r"(?:a|one) third (?:off|less|of)|un tiers (?:de|du|en) |ثلث (?:ال)?(?:سعر|ثمن|مبلغ)",
    "quarter": r"(?:a|one) quarter (?:off|less|of)|un quart (?:de|du|en) (?:prix|moins|remise)|ربع (?:ال)?(?:سعر|ثمن|مبلغ)",
    "double": r"\bdoubl\w+|\btwice (?:the|as)|\bdeux fois plus|\btriple\w*|(?:ال)?ضعف\w*|مضاعف\w*|نضاعف",
    "free": r"(?<!feel )\bfree(?! to\b)(?!\w)|\bfree of charge|\bcomplimentary|\bgratuit\w*|\boffert(?:e|s|es)?\b|\bsans frais|\bcadeaux?\b|\bgifts?\b|"
    r"\bno (?:extra )?(?:cost|charge)|\bat no cost|مجان\w*|(?:ال)?هدي[هةت]\w*|هدايا|بدون مقابل|من دون مقابل|بلا مقابل",
    "unlimited": r"\bunlimited|\bsans limite\w*|\billimité\w*|غير محدود\w*|بلا حدود|(?:ال)?لا ?محدود\w*",
    "lifetime": r"\bfor (?:life|ever)\b|\blifetime|\bà vie\b|\bpour toujours|مدي الحياه|الي الابد",
    "refund": r"\brefund\w*|\bcash ?back|\bmoney back|\brembours\w*|استرداد|استرجاع (?:ال)?(?:مبلغ|مال|اموال)|نعيد (?:ال)?(?:مبلغ|مال)",
    "prize": r"\byou (?:have )?won\b|\bprizes?\b|\bjackpot|\bvous avez gagné|\bgagnant\w*|\btirage au sort|لقد (?:ربحتم|فزتم)|(?:ال)?جائزه|جوائز",
    "cheapest": r"\bcheapest|\blowest price|\ble(?:s)? moins chers?|\bmeilleur prix|ارخص|(?:ال)?سعر (?:ال)?(?:ادني|افضل)|افضل سعر",
    "deadline": r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\b(?:lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche)\b|"
    r"\btomorrow|\btonight|\btoday only|\blast (?:day|chance)|\bthis week|\bnext (?:week|month)|\bdemain\b|\bce soir|aujourd'hui seulement|"
    r"\bdernière chance|\bdernier(?:s)? jour|\bcette semaine|\b(?:la semaine|le mois) prochain\w*|"
    r"يوم (?:الاثنين|الثلاثاء|الاربعاء|الخميس|الجمعه|السبت|الاحد)|(?<!\w)غدا(?!\w)|الليله|اليوم فقط|اخر (?:يوم|فرصه)|فرصه اخيره|هذا الاسبوع|(?:الاسبوع|الشهر) (?:القادم|المقبل)",
}
_CLAIM = {code: re.compile(pattern) for code, pattern in _CLAIMS.items()}
_SHARES = {
    "half": Decimal("0.5"),
    "third": Decimal(1) / 3,
    "quarter": Decimal("0.25"),
    "free": Decimal(1),
}


def check_claims(sentence: Sentence, facts: Facts) -> Iterator[Failure]:
    """Promises in words that the offer does not make."""
    offer = facts.offer
    ours = folded(normal(" ".join((offer.name, offer.text, offer.how_text)))) if offer else ""
    for code, pattern in _CLAIM.items():
        match = pattern.search(sentence.words)
        if match and not pattern.search(ours) and not _is_the_discount(code, facts):
            yield sentence.failure("claim", claim=code, words=match[0])
    for pattern in (_SPELT, _DUAL):
        for match in pattern.finditer(sentence.words):
            if match[0] not in ours and not _is_own_figure(match[0], facts):
                yield sentence.failure("claim", claim="number", words=match[0])


def _is_the_discount(code: str, facts: Facts) -> bool:
    share = _SHARES.get(code)
    discount = facts.offer.discount if facts.offer else None
    return share is not None and discount is not None and abs(discount - share) < Decimal("0.005")


def _is_own_figure(words: str, facts: Facts) -> bool:
    """Three months where the offer's text says 3 months."""
    number = _VALUE.get(re.split("[ ]", words)[0])
    rest = words.split(" ", 1)[1] if " " in words else ""
    ours = f"{facts.offer.text} {facts.offer.name}" if facts.offer else ""
    said = figures_of(f"{number} {rest}") if number and rest else []
    own = figures_of(normal(ours))
    return bool(said) and any(
        one.kind == said[0].kind and one.values == said[0].values and one.unit == said[0].unit for one in own
    )
