"""Messages that a company can begin from: one with an offer, one that asks how it goes, one that says thank you."""

from __future__ import annotations

from dataclasses import dataclass

from tenants.models import User
from tenants.scoping import current_tenant

from ..models import MessageTemplate, TemplateVersion
from . import messages


@dataclass(frozen=True, slots=True)
class Starter:
    """``names``: what it is called, in the company's language; ``parts``: (subject, text) in each language."""

    names: dict[str, str]
    parts: dict[str, tuple[str, str]]


def starter_templates(*, actor: User | None = None) -> list[MessageTemplate]:
    """Write the messages to begin from, those that are not there yet; once only, however often it is asked."""
    locale = current_tenant().locale
    found = []
    for starter in STARTERS:
        theirs = MessageTemplate.objects.filter(name__in=starter.names.values()).order_by("pk").first()
        found.append(theirs or _write(starter, starter.names.get(locale, starter.names["en"]), actor))
    return found


def _write(starter: Starter, name: str, actor: User | None) -> MessageTemplate:
    parts = {
        language: {"subject": subject, "text": text.strip(), "html": ""}
        for language, (subject, text) in starter.parts.items()
    }
    source = TemplateVersion.Source.BUILT_IN
    return messages.save_template(actor=actor, name=name, parts=parts, source=source).template


OFFER = Starter(
    {"en": "An offer for you", "fr": "Une offre pour vous"},
    {
        "fr": (
            "{first_name}, une offre pensée pour vous",
            """
Bonjour {first_name},

Merci de nous faire confiance. Nous avons regardé ce que nous pouvions faire de mieux pour vous, et nous vous proposons ceci\u00a0:

{offer_text}

Rien n’est automatique\u00a0: l’offre ne s’applique que si vous la demandez. Pour en profiter ou pour poser une question, écrivez-nous ou appelez-nous\u00a0: {support_contact}

Bien à vous,
L’équipe {company}
""",
        ),
        "en": (
            "{first_name}, an offer made for you",
            """
Hello {first_name},

Thank you for being with us. We looked at what we could do better for you, and this is what we would like to offer:

{offer_text}

Nothing happens by itself: the offer is yours only if you ask for it. To take it up, or with any question, write or call us: {support_contact}

Kind regards,
The team at {company}
""",
        ),
        "ar": (
            "{first_name}، عرض خاص بكم",
            """
مرحبا {first_name}،

شكرا على ثقتكم. بحثنا عمّا يمكن أن نقدّمه لكم على نحو أفضل، ونقترح عليكم ما يلي:

{offer_text}

لا شيء يتم تلقائيا: لا يُفعَّل العرض إلا بطلب منكم. للاستفادة منه أو لطرح أي سؤال، راسلونا أو اتصلوا بنا: {support_contact}

مع أطيب التحيات،
فريق {company}
""",
        ),
    },
)

HOW_IT_GOES = Starter(
    {"en": "How are we doing?", "fr": "Tout se passe bien\u00a0?"},
    {
        "fr": (
            "Tout se passe bien avec votre abonnement\u202f?",
            """
Bonjour {first_name},

Nous prenons simplement de vos nouvelles. Votre connexion, votre formule, votre facture\u00a0: est-ce que tout est comme vous le souhaitez\u202f?

Si quelque chose ne va pas, ou pourrait aller mieux, dites-le-nous. Une personne de notre équipe vous lira et vous répondra. Il suffit de nous contacter ici\u00a0: {support_contact}

Et si tout va bien, vous n’avez rien à faire\u00a0: profitez-en.

Bien à vous,
L’équipe {company}
""",
        ),
        "en": (
            "Is everything well with your subscription?",
            """
Hello {first_name},

We would simply like to know how you are getting on. Your connection, your plan, your bill: is everything as you wish?

If something is not right, or could be better, tell us. Somebody of our team will read it and answer you. This is where you reach us: {support_contact}

And if all is well, there is nothing for you to do: enjoy it.

Kind regards,
The team at {company}
""",
        ),
        "ar": (
            "هل كل شيء على ما يرام في اشتراككم؟",
            """
مرحبا {first_name}،

نودّ فقط أن نطمئن عليكم. الاتصال والاشتراك والفاتورة: هل كل شيء كما ترغبون؟

إن كان هناك ما لا يسير كما يجب، أو ما يمكن تحسينه، فأخبرونا. سيقرأ أحد أعضاء فريقنا رسالتكم ويجيبكم. يمكنكم التواصل معنا هنا: {support_contact}

وإن كان كل شيء على ما يرام، فلا حاجة لفعل أي شيء.

مع أطيب التحيات،
فريق {company}
""",
        ),
    },
)

THANKS = Starter(
    {"en": "Thank you", "fr": "Merci"},
    {
        "fr": (
            "Merci pour votre fidélité",
            """
Bonjour {first_name},

Vous êtes avec nous depuis {tenure_years} ans, et nous voulions vous en remercier autrement que par une facture.

Votre fidélité nous oblige\u00a0: si votre formule ne vous convient plus tout à fait, nous regarderons avec vous celle qui vous ira le mieux, sans engagement de votre part. Vous pouvez nous joindre ici\u00a0: {support_contact}

Merci encore,
L’équipe {company}
""",
        ),
        "en": (
            "Thank you for your loyalty",
            """
Hello {first_name},

You have been with us for {tenure_years} years, and we wanted to thank you in something other than a bill.

Your loyalty obliges us: if your plan no longer suits you quite as it should, we will find with you the one that does, and you commit to nothing. You reach us here: {support_contact}

Thank you again,
The team at {company}
""",
        ),
        "ar": (
            "شكرا على وفائكم",
            """
مرحبا {first_name}،

أنتم معنا منذ {tenure_years} سنوات، وأردنا أن نشكركم بغير فاتورة.

وفاؤكم مسؤولية علينا: إن لم يعد اشتراككم يناسبكم تماما، فسنبحث معكم عن الأنسب لكم دون أي التزام من جانبكم. يمكنكم التواصل معنا هنا: {support_contact}

شكرا لكم مجددا،
فريق {company}
""",
        ),
    },
)

STARTERS = (OFFER, HOW_IT_GOES, THANKS)
