"""What a customer reads on the page of the unsubscribe link, in the three languages that mails are written in.

Not by gettext: all three stand on the page at once, and Arabic is no language of the interface.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation.trans_real import parse_accept_lang_header


@dataclass(frozen=True, slots=True)
class Words:
    """One language's words. ``{company}`` and ``{contact}`` are put in once, by the page."""

    language: str
    direction: str
    ask_title: str
    ask_text: str
    button: str
    done_title: str
    done_text: str
    mistake: str
    wrong_title: str
    wrong_text: str


_WORDS = (
    Words(
        "fr",
        "ltr",
        "Ne plus recevoir nos e-mails ?",
        "Vous ne recevrez plus d’offres par e-mail de {company}. Cela prend effet immédiatement.",
        "Me désabonner",
        "Vous êtes désabonné",
        "{company} ne vous enverra plus d’offres par e-mail. Si un message est déjà en route, il peut encore vous parvenir.",
        "C’était une erreur ? Écrivez-nous : {contact}.",
        "Ce lien n’est pas valable",
        "Il est peut-être incomplet : ouvrez-le de nouveau depuis l’e-mail. Sinon, répondez à l’e-mail reçu en demandant "
        "à ne plus en recevoir.",
    ),
    Words(
        "en",
        "ltr",
        "Stop our e-mails?",
        "You will get no more offers by e-mail from {company}. This takes effect at once.",
        "Unsubscribe",
        "You are unsubscribed",
        "{company} will send you no more offers by e-mail. A message that is already on its way may still reach you.",
        "Was it a mistake? Write to us: {contact}.",
        "This link does not work",
        "Part of it may be missing: open it again from the e-mail. Or reply to the e-mail and ask not to get any more.",
    ),
    Words(
        "ar",
        "rtl",
        "هل تريد إيقاف رسائلنا؟",
        "لن تصلك عروض أخرى بالبريد الإلكتروني من {company}. يسري ذلك فورًا.",
        "إلغاء الاشتراك",
        "تم إلغاء اشتراكك",
        "لن ترسل إليك {company} عروضًا أخرى بالبريد الإلكتروني. قد تصلك رسالة أُرسلت قبل قليل.",
        "هل كان ذلك عن طريق الخطأ؟ راسلنا: {contact}.",
        "هذا الرابط غير صالح",
        "ربما ينقصه جزء: افتحه من جديد من الرسالة، أو أجب على الرسالة واطلب عدم تلقي المزيد.",
    ),
)


@dataclass(frozen=True, slots=True)
class Section:
    language: str
    direction: str
    title: str
    text: str
    button: str = ""
    mistake: str = ""


def asking(company: str, accepts: str, locale: str) -> list[Section]:
    """The question, in every language, the reader's own first."""
    return [
        Section(w.language, w.direction, w.ask_title, _put(w.ask_text, company=company), w.button)
        for w in _ordered(accepts, locale)
    ]


def done(company: str, contact: str, accepts: str, locale: str) -> list[Section]:
    return [
        Section(
            w.language,
            w.direction,
            w.done_title,
            _put(w.done_text, company=company),
            mistake=_put(w.mistake, contact=contact) if contact else "",
        )
        for w in _ordered(accepts, locale)
    ]


def wrong(accepts: str) -> list[Section]:
    return [Section(w.language, w.direction, w.wrong_title, w.wrong_text) for w in _ordered(accepts, "")]


def _ordered(accepts: str, locale: str) -> list[Words]:
    """As the browser prefers; without a word from it, the company's language first."""
    known = {words.language: words for words in _WORDS}
    wanted = [code.partition("-")[0] for code, _quality in parse_accept_lang_header(accepts.lower())]
    order = dict.fromkeys([*(code for code in (*wanted, locale) if code in known), *known])
    return [known[code] for code in order]


def _put(text: str, **values: str) -> str:
    """Each name once, from left to right; a value is not looked at again."""
    name, value = next(iter(values.items()))
    before, _mark, after = text.partition("{" + name + "}")
    return before + value + after
