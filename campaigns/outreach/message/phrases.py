"""The sentences that stand under every mail, in its language: who writes, why one gets it, how not to get it again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrases:
    """``why``: a sentence with one gap, the company's name, between its two pieces."""

    why: tuple[str, str]
    no_more: str
    unsubscribe: str
    contact: str
    colon: str


PHRASES = {
    "fr": Phrases(
        why=("Ce message vous est adressé par ", ", dont vous êtes client."),
        no_more="Vous ne souhaitez plus recevoir nos offres\N{NARROW NO-BREAK SPACE}?",
        unsubscribe="Se désabonner",
        contact="Nous contacter",
        colon="\N{NO-BREAK SPACE}: ",
    ),
    "en": Phrases(
        why=("You receive this message because you are a customer of ", "."),
        no_more="You would rather not receive our offers?",
        unsubscribe="Unsubscribe",
        contact="Contact us",
        colon=": ",
    ),
    "ar": Phrases(
        why=("تصلكم هذه الرسالة لأنكم من عملاء ", "."),
        no_more="لا ترغبون في تلقي عروضنا بعد الآن؟",
        unsubscribe="إلغاء الاشتراك",
        contact="للاتصال بنا",
        colon=": ",
    ),
}
