"""The offers that the segments of a new company begin with, S1 being the most valuable.

They are texts to begin from: what they cost is not said, so the company's own economics stand for it until somebody writes
the offer's figures.
"""

COMMERCIAL_OFFERS: dict[str, object] = {
    "S1": {
        "name": "Priority service",
        "channel": "call",
        "texts": {
            "en": "A personal adviser, no waiting on the line, and the next phone at half price after twelve months.",
            "fr": "Un conseiller attitré, aucune attente au téléphone, et le prochain mobile à moitié prix après douze mois.",
            "ar": "مستشار خاص بكم دون انتظار على الخط، وهاتفكم القادم بنصف السعر بعد اثني عشر شهرا.",
        },
    },
    "S2": {
        "name": "Loyalty bonus",
        "texts": {
            "en": "One month free after six, for staying with the plan you have.",
            "fr": "Un mois offert tous les six mois, en gardant votre forfait actuel.",
            "ar": "شهر مجاني بعد كل ستة أشهر مع الاحتفاظ باشتراككم الحالي.",
        },
    },
    "S3": {
        "name": "More data",
        "texts": {
            "en": "Ten more gigabytes a month for three months, at the price you pay today.",
            "fr": "Dix gigaoctets de plus par mois pendant trois mois, au prix actuel.",
            "ar": "عشرة جيغابايت إضافية كل شهر لمدة ثلاثة أشهر بالسعر نفسه.",
        },
    },
    "S4": {
        "name": "A plan that fits",
        "texts": {
            "en": "We look at what you use and move you to the cheapest plan that covers it.",
            "fr": "Nous regardons ce que vous utilisez et vous proposons le forfait le moins cher qui le couvre.",
            "ar": "ندرس استهلاككم وننقلكم إلى أقل اشتراك سعرا يغطيه.",
        },
    },
    "S5": {
        "name": "Top-up bonus",
        "channel": "sms",
        "texts": {
            "en": "Half as much again on each of your next three top-ups.",
            "fr": "50 % de bonus sur chacune de vos trois prochaines recharges.",
            "ar": "رصيد إضافي بنسبة 50٪ على كل من عمليات الشحن الثلاث القادمة.",
        },
    },
}
