"""Words of the pages about sending, consent and what came back: findings, reasons and results as sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

SETTINGS = {
    "api_key": gettext_lazy("API key"),
    "secret_key": gettext_lazy("Secret key"),
    "server_token": gettext_lazy("Server token"),
    "message_stream": gettext_lazy("Message stream (empty: the usual one)"),
    "sender_domain": gettext_lazy("Domain at the provider"),
    "region": gettext_lazy("Region"),
    "webhook_signing_key": gettext_lazy("Key of webhook signatures"),
}
REGIONS = {"us": gettext_lazy("United States"), "eu": gettext_lazy("European Union")}


def setting_name(code: str) -> str:
    return SETTINGS.get(code, code)


def region_name(code: str) -> str:
    return REGIONS.get(code, code)


# ---------------------------------------------------------------- the domain


@dataclass(frozen=True, slots=True)
class FoundWords:
    """One finding for a person: how bad it is, what it means, and the record that would mend it."""

    about: str
    severity: str
    sentence: str
    name: str = ""
    text: str = ""
    code: str = ""


_ABOUT = {"spf": "SPF", "dkim": "DKIM", "dmarc": "DMARC", "mx": "MX"}


def findings(report: Mapping) -> list[FoundWords]:
    """What the newest look at the domain found, worst first."""
    return [_found(one) for one in report.get("findings", [])]


def _found(one: Mapping) -> FoundWords:
    facts = one.get("facts") or {}
    record = one.get("publish") or {}
    return FoundWords(
        _ABOUT.get(one.get("about", ""), ""),
        one.get("severity", "unknown"),
        finding(one.get("code", ""), facts),
        record.get("name", ""),
        record.get("text", ""),
        one.get("code", ""),
    )


def finding(code: str, facts: Mapping) -> str:
    """A sentence for a finding of the domain check; one of a newer release shows as its name."""
    maker = _FINDINGS.get(code)
    try:
        return str(maker) % facts if maker else code.replace("_", " ")
    except (KeyError, TypeError, ValueError):
        return code.replace("_", " ")


_FINDINGS = {
    "spf_ok": gettext_lazy("Says which servers may send for %(domain)s."),
    "spf_unanswered": gettext_lazy("%(domain)s could not be asked now. Try again in a while."),
    "spf_bad_server_address": gettext_lazy("The server's own address could not be read, and was not looked for."),
    "spf_missing": gettext_lazy(
        "%(domain)s does not say which servers may send for it, so that anybody may pretend to be you."
    ),
    "spf_many": gettext_lazy("%(domain)s has %(count)s SPF records; with more than one, none counts."),
    "spf_too_many_lookups": gettext_lazy(
        "The record needs %(lookups)s look-ups, and receivers stop after %(most)s: remove what you use no more."
    ),
    "spf_allows_everybody": gettext_lazy("The record allows every server in the world to send for %(domain)s."),
    "spf_open_end": gettext_lazy("The record does not say what holds for other servers: end it with ~all or -all."),
    "spf_server_missing": gettext_lazy("The record does not name your server %(address)s."),
    "spf_server_unsure": gettext_lazy("Whether the record names your server %(address)s could not be told."),
    "dkim_ok": gettext_lazy("The key for signatures is published (%(kind)s, %(bits)s bits)."),
    "dkim_no_selector": gettext_lazy("Name the DKIM selector above: without it the signature cannot be looked at."),
    "dkim_unanswered": gettext_lazy("%(name)s could not be asked now. Try again in a while."),
    "dkim_missing": gettext_lazy(
        "No key stands at %(name)s: have your mail server or provider sign, and publish the key that it gives you."
    ),
    "dkim_many": gettext_lazy("%(count)s keys stand at %(name)s; there should be one."),
    "dkim_revoked": gettext_lazy("The key at %(name)s was taken back: mails signed with it are refused."),
    "dkim_bad_key": gettext_lazy("What stands at %(name)s is no readable key."),
    "dkim_weak_key": gettext_lazy("The key has %(bits)s bits; take one of %(good)s."),
    "dkim_testing": gettext_lazy("The key is marked as a trial (t=y): receivers may ignore it."),
    "dkim_old_hash": gettext_lazy("The key allows only %(hashes)s, which receivers no longer believe."),
    "dmarc_ok": gettext_lazy("Says what becomes of mail that pretends to be yours: %(policy)s."),
    "dmarc_unanswered": gettext_lazy("%(name)s could not be asked now. Try again in a while."),
    "dmarc_missing": gettext_lazy("Large receivers refuse bulk mail of a domain without DMARC. Begin by watching:"),
    "dmarc_many": gettext_lazy("%(count)s DMARC records stand at %(name)s; with more than one, none counts."),
    "dmarc_no_policy": gettext_lazy("The record names no policy."),
    "dmarc_not_aligned": gettext_lazy(
        "Neither the bounce address nor the signature is of %(domain)s: DMARC fails for every mail."
    ),
    "dmarc_half_aligned": gettext_lazy(
        "Only %(by)s belongs to %(domain)s; with the other as well, forwarded mail passes too."
    ),
    "dmarc_only_watches": gettext_lazy("The policy only watches. When the reports show your mail passes, tighten it:"),
    "dmarc_no_reports": gettext_lazy("Nobody gets the reports that receivers send:"),
    "mx_ok": gettext_lazy("%(domain)s takes mail, so bounces find their way back."),
    "mx_unanswered": gettext_lazy("Whether %(domain)s takes mail could not be asked now."),
    "mx_missing": gettext_lazy("%(domain)s takes no mail: bounces and answers are lost, and receivers distrust that."),
    "mx_takes_no_mail": gettext_lazy("%(domain)s says that it takes no mail at all: bounces and answers are lost."),
    "spf_syntax": gettext_lazy("The record has a part that cannot be read: %(what)s."),
    "spf_loop": gettext_lazy("The record includes itself: %(what)s."),
    "spf_too_long": gettext_lazy("The record and what it includes is too long to be followed."),
    "spf_include_missing": gettext_lazy("The record includes %(what)s, which has none."),
    "spf_include_many": gettext_lazy("The record includes %(what)s, which has more than one, so that none counts."),
}


# ---------------------------------------------------------------- lists of consents

_LINE_REASONS = {
    "unreadable": gettext_lazy("cannot be taken apart into columns"),
    "too_long": gettext_lazy("is too long for an address or a number"),
    "no_address": gettext_lazy("holds no address in the column of addresses"),
    "nobody_named": gettext_lazy("names nobody"),
    "no_such_customer": gettext_lazy("names no customer of yours"),
}


def line_reason(code: str) -> str:
    return str(_LINE_REASONS.get(code, code))


def list_result(kind: str, result: Mapping) -> str:
    """What came of a list, in a sentence or two."""
    if not result:
        return ""
    n = {name: number_format(int(result.get(name, 0)), 0, force_grouping=True) for name in result if name != "named"}
    if kind == "opt_out":
        said = ngettext(
            "%(lines)s line read; %(new)s address is newly let alone.",
            "%(lines)s lines read; %(new)s addresses are newly let alone.",
            int(result.get("new", 0)),
        )
    else:
        said = ngettext(
            "%(lines)s line read; %(new)s customer newly agreed.",
            "%(lines)s lines read; %(new)s customers newly agreed.",
            int(result.get("new", 0)),
        )
    parts = [said % n]
    if result.get("let_alone"):
        parts.append(
            ngettext(
                "%(let_alone)s of them is still let alone, because the address unsubscribed or bounced.",
                "%(let_alone)s of them are still let alone, because the addresses unsubscribed or bounced.",
                int(result["let_alone"]),
            )
            % n
        )
    if result.get("refused"):
        parts.append(
            ngettext("%(refused)s line was left out.", "%(refused)s lines were left out.", int(result["refused"])) % n
        )
    return " ".join(parts)


# ---------------------------------------------------------------- reports


def reports_taken(taken: Mapping[str, int]) -> str:
    n = {name: number_format(value, 0, force_grouping=True) for name, value in taken.items()}
    parts = [
        ngettext("%(hard)s address bounced for good", "%(hard)s addresses bounced for good", taken["hard"]) % n,
        ngettext("%(complaint)s complaint", "%(complaint)s complaints", taken["complaint"]) % n,
        ngettext("%(soft)s bounced for now", "%(soft)s bounced for now", taken["soft"]) % n,
    ]
    left = taken["repeated"] + taken["unknown"] + taken["other"] + taken["unreadable"]
    if left:
        parts.append(
            _("%(left)s others left aside (known already, not about mail of yours, or no reports)")
            % {"left": number_format(left, 0, force_grouping=True)}
        )
    return ", ".join(parts) + "."


# ---------------------------------------------------------------- consent


def standing(code: str) -> str:
    """Whether a customer may be written to, in a sentence."""
    return str(_STANDINGS.get(code, code))


_STANDINGS = {
    "agreed": gettext_lazy("Agreed to get offers by e-mail."),
    "by_contract": gettext_lazy("Never objected; your company writes to every customer who did not."),
    "refused": gettext_lazy("Took consent back, and is not written to."),
    "never_asked": gettext_lazy("Never agreed, and is not written to."),
    "suppressed": gettext_lazy("The address is let alone, whatever the ledger says."),
    "no_address": gettext_lazy("Has no address that could be written to."),
}


def bounded(count: int, most: int) -> str:
    """ "1,234", or "more than 10,000" where nobody counted further."""
    shown = number_format(min(count, most), 0, force_grouping=True)
    return _("more than %(n)s") % {"n": shown} if count > most else shown
