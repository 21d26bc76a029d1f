"""Names, towns and addresses that look like a Tunisian carrier's and belong to nobody.

First and last names are combined at random; e-mails stand at the domains that RFC 2606 reserves; telephone numbers
begin with 0 after the country code, which no Tunisian number does. An Arabic speaker's names are in Arabic script, and
the Latin form beside each serves for the e-mail address.
"""

from __future__ import annotations

import unicodedata

import numpy as np

from customers.ingest.synthetic.population import Columns
from customers.ingest.synthetic.randomness import BLOCK, Subject, stream

LARGEST_CARRIER = 10_000_000  # telephone numbers are unique up to here (seven free digits)
DOMAINS = ("example.com", "example.org", "example.net")
LANGUAGES = np.array(["fr", "ar", "en"], dtype=object)

_MALE_FR = """Mohamed Ahmed Ali Hédi Béchir Néjib Slim Karim Sami Mehdi Élyès Raïf Nizar Walid Anis Fethi Habib Moncef
Riadh Tarek Yassine Aziz Skander Zied Hichem Jérôme Rémi François Édouard Benoît Noël Loïc André Stéphane Gaël"""
_FEMALE_FR = """Fatma Amel Aïcha Leïla Zohra Salma Inès Yosra Nadia Rim Sonia Hela Olfa Mériem Khadija Dorra Emna Hajer
Nesrine Asma Sirine Maïssa Ghada Wafa Rahma Chloé Élodie Zoé Hélène Irène Céline Anaïs Françoise Noémie Geneviève"""
_LAST_FR = """Trabelsi Ben-Ali Jlassi Gharbi Hammami Bouazizi Chaâbane Mejri Dridi Khelifi Ayari Bel-Haj Mansouri
Ferchichi Guesmi Saïdi Ouni Abidi Zouari Masmoudi Karoui Mzoughi Jaziri Haddad Lévêque Bérenger Faÿ Clément
Lefèvre Garçon Dupré Gauthier Beauséjour Hébert Côté Désiré L’Hermite"""
_MALE_AR = """محمد:Mohamed أحمد:Ahmed علي:Ali الهادي:Hedi بشير:Bechir نجيب:Nejib سليم:Slim كريم:Karim سامي:Sami
مهدي:Mehdi إلياس:Elyes نزار:Nizar وليد:Walid أنيس:Anis فتحي:Fethi الحبيب:Habib منصف:Moncef رياض:Riadh طارق:Tarek
ياسين:Yassine عزيز:Aziz إسكندر:Skander زياد:Zied هشام:Hichem عبد_الرحمان:Abderrahmane
عمر:Omar يوسف:Youssef إبراهيم:Ibrahim"""
_FEMALE_AR = """فاطمة:Fatma أمل:Amel عائشة:Aicha ليلى:Leila زهرة:Zohra سلمى:Salma إيناس:Ines يسرى:Yosra نادية:Nadia
ريم:Rim سنية:Sonia هالة:Hela ألفة:Olfa مريم:Meriem خديجة:Khadija درة:Dorra آمنة:Emna هاجر:Hajer نسرين:Nesrine أسماء:Asma
سيرين:Sirine ميساء:Maissa غادة:Ghada وفاء:Wafa رحمة:Rahma نور_الهدى:Nourelhouda شيماء:Chaima حياة:Hayet"""
_LAST_AR = """الطرابلسي:Trabelsi بن_علي:BenAli الجلاصي:Jlassi الغربي:Gharbi الهمامي:Hammami البوعزيزي:Bouazizi
شعبان:Chaabane الماجري:Mejri الدريدي:Dridi الخليفي:Khelifi العياري:Ayari بالحاج:BelHaj المنصوري:Mansouri
الفرشيشي:Ferchichi القاسمي:Guesmi السعيدي:Saidi الوني:Ouni العبيدي:Abidi الزواري:Zouari المصمودي:Masmoudi
القروي:Karoui المزوغي:Mzoughi الجزيري:Jaziri الحداد:Haddad بن_يوسف:BenYoussef الشابي:Chebbi"""
_MALE_EN = """James Oliver Harry George Jack Thomas William Daniel Samuel Joseph Adam Ryan Liam Nathan Aaron Omar Yusuf
Karim Patrick Sean Edward Henry Luke Peter Simon"""
_FEMALE_EN = """Olivia Amelia Emily Grace Sophie Alice Charlotte Hannah Lucy Sarah Emma Ruby Chloe Megan Leila Yasmin
Amina Nora Kate Rachel Fiona Helen Joan Rose Clara"""
_LAST_EN = """Smith Jones Taylor Brown Walker Wright Hughes Green Hall Wood Clarke Patel Khan Ahmed O’Connor Murphy
Evans Cooper Ward Turner Baker Hill Mason Palmer Saint-John Haddad"""

# Town in French (also used in English), in Arabic, and its weight.
_CITIES = (
    ("Tunis", "تونس", 18), ("Sfax", "صفاقس", 10), ("Sousse", "سوسة", 8), ("Ariana", "أريانة", 7),
    ("Ben Arous", "بن عروس", 7), ("La Manouba", "منوبة", 4), ("Nabeul", "نابل", 6), ("Bizerte", "بنزرت", 5),
    ("Monastir", "المنستير", 5), ("Mahdia", "المهدية", 3), ("Kairouan", "القيروان", 4), ("Gabès", "قابس", 4),
    ("Médenine", "مدنين", 4), ("Gafsa", "قفصة", 3), ("Kasserine", "القصرين", 3), ("Jendouba", "جندوبة", 3),
    ("Béja", "باجة", 2), ("Le Kef", "الكاف", 2), ("Sidi Bouzid", "سيدي بوزيد", 2), ("Siliana", "سليانة", 1),
    ("Zaghouan", "زغوان", 1), ("Tozeur", "توزر", 1), ("Kébili", "قبلي", 1), ("Tataouine", "تطاوين", 1),
)  # fmt: skip


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return "".join(c for c in plain.lower() if c.isalnum())


def _pool(text: str) -> tuple[np.ndarray, np.ndarray]:
    """(names as written, their form in an e-mail address)."""
    written, latin = zip(*(word.partition(":")[::2] for word in text.split()), strict=True)
    shown = [name.replace("_", " ").replace("Ben-", "Ben ").replace("Bel-", "Bel ") for name in written]
    slugs = [_slug(other or name) for name, other in zip(written, latin, strict=True)]
    return np.array(shown, dtype=object), np.array(slugs, dtype=object)


# [language][gender: 0 male, 1 female]
_FIRST = (
    (_pool(_MALE_FR), _pool(_FEMALE_FR)),
    (_pool(_MALE_AR), _pool(_FEMALE_AR)),
    (_pool(_MALE_EN), _pool(_FEMALE_EN)),
)
_LAST = tuple(_pool(text) for text in (_LAST_FR, _LAST_AR, _LAST_EN))
_CITY = tuple(np.array([city[k] for city in _CITIES], dtype=object) for k in (0, 1, 0))
_CITY_LEVELS = np.cumsum([weight for _, _, weight in _CITIES]) / sum(weight for _, _, weight in _CITIES)

# Identifiers as in the published file, 4 digits and 5 letters. index -> (index * step + start) mod size hits each value
# once, because step shares no factor with size (10**4 * 26**5, so 2, 5 and 13).
_ID_SIZE = 10**4 * 26**5
_ID_STEP = 61_803_398_879
_NO_EMAIL, _NO_PHONE = 0.02, 0.01  # campaigns meet customers that they cannot reach


def external_ids(seed: int, first: int, count: int = BLOCK) -> np.ndarray:
    """Identifiers of customers ``first`` to ``first + count - 1``, object array of str, no two alike in a carrier."""
    index = np.arange(first, first + count, dtype=np.uint64)
    start = np.uint64(seed * 7_919_000_003 % _ID_SIZE)
    value = (index * np.uint64(_ID_STEP) + start) % np.uint64(_ID_SIZE)
    letters, digits = np.divmod(value, np.uint64(10**4))
    codes = np.empty((count, 10), dtype=np.uint32)
    for place in (3, 2, 1, 0):
        digits, rest = np.divmod(digits, np.uint64(10))
        codes[:, place] = rest + np.uint64(ord("0"))
    codes[:, 4] = ord("-")
    for place in (9, 8, 7, 6, 5):
        letters, rest = np.divmod(letters, np.uint64(26))
        codes[:, place] = rest + np.uint64(ord("A"))
    return codes.view("U10").ravel().astype(object)


def draw_identity(seed: int, block: int, population: Columns) -> Columns:
    """Names, language, town, e-mail and telephone of a block; ``None`` where the company has none."""
    rng = stream(seed, block, Subject.IDENTITY)
    dice = rng.random((6, BLOCK))
    first_index = block * BLOCK
    female = (population["gender"] == "Female").astype(int)
    # The young write English more often, the old Arabic.
    english = np.where(population["age"] < 35, 0.2, 0.09)
    arabic = np.where(population["age"] < 50, 0.27, 0.36)
    language = np.where(dice[0] < english, 2, np.where(dice[0] < english + arabic, 1, 0))
    town = np.searchsorted(_CITY_LEVELS[:-1], dice[1], side="right")
    names: dict[str, np.ndarray] = {key: np.empty(BLOCK, dtype=object) for key in ("first", "last", "a", "b", "city")}
    for k in range(len(LANGUAGES)):
        here = language == k
        names["city"][here] = _CITY[k][town[here]]
        names["last"][here], names["b"][here] = _pick(_LAST[k], dice[2][here])
        for g in (0, 1):
            both = here & (female == g)
            names["first"][both], names["a"][both] = _pick(_FIRST[k][g], dice[3][both])
    domain = (dice[4] * len(DOMAINS)).astype(int).tolist()
    numbers = range(first_index + 1, first_index + 1 + BLOCK)  # in the address, so that no two are alike
    email = [
        f"{a}.{b}{number}@{DOMAINS[d]}" for number, a, b, d in zip(numbers, names["a"], names["b"], domain, strict=True)
    ]
    # A shuffle of the seven digits (7 and 10**7 share no factor): neighbours in the file have no neighbouring numbers.
    line = ((np.arange(first_index, first_index + BLOCK) * 7_654_321 + seed % 9_999_991) % 10**7).tolist()
    phone = [f"+216 0{n // 10**6} {n // 1000 % 1000:03d} {n % 1000:03d}" for n in line]
    return {
        "external_id": external_ids(seed, first_index),
        "first_name": names["first"],
        "last_name": names["last"],
        "email": np.where(dice[5] < _NO_EMAIL, None, np.array(email, dtype=object)),
        "phone": np.where(dice[5] > 1 - _NO_PHONE, None, np.array(phone, dtype=object)),
        "language": LANGUAGES[language],
        "city": names["city"],
    }


def _pick(pool: tuple[np.ndarray, np.ndarray], dice: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Some names are more common than others: the power of the dice leans to the front of the pool."""
    index = (dice**1.5 * len(pool[0])).astype(int)
    return pool[0][index], pool[1][index]
