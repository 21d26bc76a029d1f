"""Messages in words: what is wrong with a wording, what a writer's draft failed at, what a placeholder stands for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.templatetags.ui import money

from .outreach import message
from .outreach.message import MessageRefused, Problem

LANGUAGES = {"fr": "Français", "en": "English", "ar": "العربية"}  # each as its readers call it
TONES = {"warm": gettext_lazy("Warm"), "formal": gettext_lazy("Formal"), "brief": gettext_lazy("Brief")}
PARTS = {
    "subject": gettext_lazy("Subject"),
    "preheader": gettext_lazy("Preview line"),
    "text": gettext_lazy("Text"),
    "html": gettext_lazy("HTML"),
    "sender": gettext_lazy("Sender"),
    "footer": gettext_lazy("Footer"),
}

# ---------------------------------------------------------------- placeholders

PLACEHOLDERS = {
    "first_name": gettext_lazy("First name"),
    "last_name": gettext_lazy("Last name"),
    "full_name": gettext_lazy("First and last name"),
    "customer_number": gettext_lazy("Customer number"),
    "tenure_years": gettext_lazy("Years with you"),
    "plan": gettext_lazy("Contract"),
    "segment": gettext_lazy("Segment"),
    "offer_name": gettext_lazy("Name of the offer"),
    "offer_text": gettext_lazy("What the offer says"),
    "offer_price": gettext_lazy("Price a month with the offer"),
    "offer_discount": gettext_lazy("Discount"),
    "offer_until": gettext_lazy("Valid until"),
    "company": gettext_lazy("Your company"),
    "support_contact": gettext_lazy("Where customers get help"),
    "unsubscribe_url": gettext_lazy("Address to unsubscribe"),
}
_GROUPS = {
    "customer": gettext_lazy("The customer"),
    "offer": gettext_lazy("The offer"),
    "company": gettext_lazy("Your company"),
    "message": gettext_lazy("The mail"),
}


def placeholders() -> list[dict[str, object]]:
    """Everything that may be written in braces, by group: code, words, and what stands there where nothing is known."""
    groups: dict[str, list[dict[str, object]]] = {}
    for one in message.PLACEHOLDERS:
        groups.setdefault(one.group, []).append(
            {
                "code": one.code,
                "braced": f"{{{one.code}}}",
                "words": str(PLACEHOLDERS.get(one.code, one.code)),
                "fallback": dict(one.fallback),
            }
        )
    return [{"title": str(_GROUPS[group]), "items": items} for group, items in groups.items()]


# ---------------------------------------------------------------- what is wrong with a wording

_PROBLEMS = {
    "subject_empty": gettext_lazy("The subject is empty."),
    "subject_too_long": gettext_lazy("The subject has %(length)s characters; at most %(most)s."),
    "subject_line_break": gettext_lazy("A subject has one line."),
    "body_empty": gettext_lazy("There is neither text nor HTML."),
    "preheader_too_long": gettext_lazy("The preview line has %(length)s characters; at most %(most)s."),
    "text_too_long": gettext_lazy("The text has %(length)s characters; at most %(most)s."),
    "html_too_long": gettext_lazy("The HTML has %(bytes)s bytes; at most %(most)s, or mail programs cut it off."),
    "unknown_placeholder": gettext_lazy("Nobody knows what “{%(name)s}” stands for."),
    "placeholder_unavailable": gettext_lazy("There is nothing to put in for “{%(name)s}” here."),
    "placeholder_in_link": gettext_lazy("A placeholder cannot be part of an address: “%(url)s”."),
    "link_not_https": gettext_lazy("A link begins with https:// or mailto: – “%(url)s” does not."),
    "image_not_https": gettext_lazy("The address of a picture begins with https:// – “%(url)s” does not."),
    "forbidden_tag": gettext_lazy("<%(tag)s> is taken out: mail programs do not show it, or it is not safe."),
    "forbidden_attribute": gettext_lazy("“%(attribute)s” is taken out of <%(tag)s>."),
    "forbidden_style": gettext_lazy("The style “%(style)s” is taken out."),
    "comment_removed": gettext_lazy("A comment is taken out."),
    "hidden_character": gettext_lazy("An invisible character (%(character)s) is taken out."),
    "image_without_alt": gettext_lazy("A picture says nothing to who does not see it: write what it shows (alt)."),
    "looks_like_placeholder": gettext_lazy("“%(text)s” looks like a placeholder, but is none."),
    "double_braces": gettext_lazy("“{%(name)s}” in double braces stays as it is: write it in single ones."),
    "subject_shouting": gettext_lazy("The subject is in capitals: filters take that for spam."),
    "subject_marks": gettext_lazy("“%(text)s” in the subject: filters take that for spam."),
    "script_unexpected": gettext_lazy("This does not look like %(language)s."),
    "link_missing_in_text": gettext_lazy("The HTML leads to %(url)s, the text does not."),
    "no_postal_address": gettext_lazy("The sender has no postal address: say it on the page Sender."),
    "no_contact": gettext_lazy("The sender says nowhere where customers get help: say it on the page Sender."),
}


def problem(found: Problem) -> str:
    """A fault in one sentence, with the way to mend it where there is one."""
    facts = {key: _shown(value) for key, value in found.facts.items()} | {"text": found.text}
    if found.code == "placeholder_may_be_unknown":
        return _unknown_of_some(str(found.facts["name"]), str(found.facts["instead"]))
    if found.code == "script_unexpected":
        facts["language"] = LANGUAGES.get(str(found.facts["language"]), facts["language"])
    template = _PROBLEMS.get(found.code)
    sentence = str(template) % facts if template is not None else found.code
    if near := found.facts.get("suggestion"):
        sentence = _("%(sentence)s Did you mean {%(name)s}?") % {"sentence": sentence, "name": near}
    return sentence


def _unknown_of_some(name: str, instead: str) -> str:
    if instead:
        return _("{%(name)s} is not known of everybody: for them it reads “%(instead)s”.") % {
            "name": name,
            "instead": instead,
        }
    return _("{%(name)s} is not known of everybody: for them nothing stands there.") % {"name": name}


def _shown(value: object) -> object:
    return number_format(value, force_grouping=True) if isinstance(value, int) else value


_REFUSALS = {
    "company_missing": gettext_lazy("The company has no name to sign with."),
    "address_empty": gettext_lazy("The sender has no address: say it on the page Sender."),
    "language_unknown": gettext_lazy("Messages are in French, English or Arabic."),
}


def refusal(error: MessageRefused) -> str:
    """Why a message cannot be shown or sent."""
    if error.code in _REFUSALS:
        return str(_REFUSALS[error.code])
    if error.code.startswith("address_"):
        return _("The sender's address cannot be used: change it on the page Sender.")
    return _("The message cannot be shown as it stands (%(code)s).") % {"code": error.code}


# ---------------------------------------------------------------- what a draft failed at

_FAILURES = {
    "subject_length": gettext_lazy("The subject is too short or too long."),
    "text_length": gettext_lazy("The text is too short or too long."),
    "subject_lines": gettext_lazy("The subject has more than one line."),
    "hidden_character": gettext_lazy("It hides characters that nobody sees."),
    "direction_override": gettext_lazy("It turns the direction of writing around."),
    "markup": gettext_lazy("It holds markup where plain text belongs."),
    "figure": gettext_lazy("“%(figure)s” is not a figure of the offer."),
    "claim": gettext_lazy("“%(claim)s” is promised nowhere in the offer."),
    "link": gettext_lazy("“%(found)s” is not an address of yours."),
    "address": gettext_lazy("“%(found)s” is not an address or number of yours."),
    "departure": gettext_lazy("It tells customers that they might leave (“%(words)s”)."),
    "score": gettext_lazy("It speaks of a score or a risk (“%(words)s”)."),
    "machine": gettext_lazy("It speaks of machines that judge (“%(words)s”)."),
    "leakage": gettext_lazy("It repeats what the writer was told to do (“%(words)s”)."),
    "watching": gettext_lazy("It reads as if customers were watched (“%(words)s”)."),
    "wrong_language": gettext_lazy("It is in another language."),
    "foreign_script": gettext_lazy("“%(word)s” is in letters of another script."),
    "mixed_script": gettext_lazy("“%(word)s” mixes letters of two scripts, as forged names do."),
    "unknown_placeholder": gettext_lazy("Nobody knows what “{%(name)s}” stands for."),
    "unfit_placeholder": gettext_lazy("There is nothing to put in for “{%(name)s}” here."),
    "unknown_name": gettext_lazy("It names “%(name)s”, of whom nothing is known here."),
    "other_customer": gettext_lazy("It tells something of another customer."),
    "segment_name": gettext_lazy("It tells the name of the segment, which is for colleagues only."),
    "field_echo": gettext_lazy("It repeats a customer's field word by word."),
    "no_unsubscribe": gettext_lazy("It has no way to unsubscribe."),
}


def failure(found: Mapping[str, object]) -> str:
    """What a check found, in one sentence. ``found``: {"code", "sentence", "facts"}, as a draft keeps it."""
    facts = found.get("facts") or {}
    template = _FAILURES.get(str(found.get("code")))
    if template is None:
        return str(found.get("code"))
    try:
        return str(template) % facts
    except KeyError:
        return re.split("[“«]", str(template))[0].strip() or str(found.get("code"))


_WHY_NOT = {
    # before it was asked
    "not_set": gettext_lazy("No writer's server is set up here: the built-in writer does the work."),
    "not_used": gettext_lazy("Your company does not ask the writer's server: the built-in writer does the work."),
    "no_personal_drafts": gettext_lazy(
        "Nothing about a single customer leaves this machine unless your company allows it: the built-in writer does the work."
    ),
    "budget_spent": gettext_lazy(
        "This month's tokens are spent: the built-in writer does the work until the next month begins."
    ),
    "being_asked": gettext_lazy(
        "The writer's server is being asked; until it answers, this is the built-in writer's draft."
    ),
    # it was asked
    "failed_checks": gettext_lazy("The server's draft failed the checks, so this is the built-in writer's."),
    "too_slow": gettext_lazy("The writer's server was too slow: the built-in writer did the work."),
    "too_many": gettext_lazy("The writer's server is asked too much just now: the built-in writer did the work."),
    "unauthorised": gettext_lazy(
        "The writer's server refused our key: whoever runs this site must look (LLM_API_KEY)."
    ),
    "not_found": gettext_lazy(
        "The writer's server does not know the model: whoever runs this site must look (LLM_MODEL)."
    ),
    "private_address": gettext_lazy(
        "The writer's server is in a private network that is not allowed: whoever runs this site must look (LLM_PRIVATE_HOSTS)."
    ),
    "not_https": gettext_lazy(
        "The writer's server must be reached by https: whoever runs this site must look (LLM_BASE_URL)."
    ),
    "bad_address": gettext_lazy(
        "The writer's server has no usable address: whoever runs this site must look (LLM_BASE_URL)."
    ),
}
_UNREACHED = frozenset({"unknown_host", "certificate", "unreachable", "server_error", "refused_status", "redirect"})


def why_not(code: str) -> str:
    """Why the draft is not the server's; "" where it is."""
    if not code:
        return ""
    if code in _WHY_NOT:
        return str(_WHY_NOT[code])
    if code in _UNREACHED:
        return _("The writer's server could not be reached: the built-in writer did the work.")
    return _("The writer's server answered with nothing to work with: the built-in writer did the work.")


def cost(amount: Decimal | None, tokens: int) -> str:
    """What a server's draft cost: tokens, and money where the price is known (in the price's own currency)."""
    if not tokens:
        return ""
    told = ngettext("%(n)s token", "%(n)s tokens", tokens) % {"n": number_format(tokens, force_grouping=True)}
    return f"{told} · {money(amount) if amount >= 1 else number_format(amount, 6)}" if amount else told


# ---------------------------------------------------------------- whether one may write at all

_REASONS = {
    "": gettext_lazy("This customer may be written to."),
    "no_address": gettext_lazy("There is no usable e-mail address: nothing can be sent."),
    "no_consent": gettext_lazy(
        "This customer has not agreed to offers by e-mail, or took it back: nothing will be sent."
    ),
    "suppressed": gettext_lazy(
        "This address is not written to: it unsubscribed, bounced, complained or is on an opt-out list."
    ),
    "universal_control": gettext_lazy(
        "This customer is left alone this quarter, to measure what all your mails together change."
    ),
    "other_holdout": gettext_lazy("This customer is left alone by a campaign that still measures what it changes."),
    "capped": gettext_lazy("This customer got as many mails lately as you allow: nothing will be sent for now."),
    "do_not_disturb": gettext_lazy("Being written to makes this kind of customer leave: nothing will be sent."),
    "left": gettext_lazy("This customer has left: campaigns do not write to who is gone."),
}


def may_write(reason: str) -> str:
    """Whether this customer may be written to, and why not."""
    return str(_REASONS.get(reason, reason))
