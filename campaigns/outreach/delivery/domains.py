"""Whether a domain is ready to send: what is wrong with its SPF, DKIM and DMARC, and the very text to publish.

Since 2024 the large receivers refuse or junk bulk mail without all three (Gmail's and Yahoo's sender requirements).
RFC 7208 (SPF), RFC 6376 and 8301 (DKIM), RFC 7489 (DMARC).
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from .spf import MOST_LOOKUPS, Ask, Spf, read_spf, terms_of

WEAK_BITS, GOOD_BITS = 1024, 2048
# Where people register names one label further down. Short on purpose: what is missing here makes a check stricter.
_SECOND_LEVELS = frozenset(
    "com.tn org.tn net.tn gov.tn ens.tn fin.tn ind.tn info.tn intl.tn mincom.tn nat.tn perso.tn tourism.tn "
    "co.uk org.uk com.fr asso.fr com.au com.br co.jp co.za com.eg com.sa com.ma co.ma com.dz com.ly com.tr co.in "
    "co.nz com.mx com.ar com.sg".split()
)


@dataclass(frozen=True, slots=True)
class Record:
    """A TXT record to publish: its name and its text, exactly."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    ``about``: spf, dkim, dmarc or mx; ``severity``: error (mail will be junked or refused), warning, unknown (could not
    be asked now) or ok; ``publish``: what would mend it, where a record would.
    """

    about: str
    code: str
    severity: str
    facts: dict[str, object] = field(default_factory=dict)
    publish: Record | None = None


@dataclass(frozen=True, slots=True)
class DomainReport:
    """All that was found, worst first. ``is_ready``: no error, and all three were there to be read."""

    domain: str
    findings: tuple[Finding, ...]

    @property
    def is_ready(self) -> bool:
        return all(one.severity in ("ok", "warning") for one in self.findings)

    def as_dict(self) -> dict[str, object]:
        """For a JSON field: domain, is_ready, findings as mappings."""
        return {"domain": self.domain, "is_ready": self.is_ready, "findings": [asdict(one) for one in self.findings]}


def check_domain(
    domain: str,
    ask: Ask,
    *,
    envelope_domain: str = "",
    selector: str = "",
    signing_domain: str = "",
    server_address: str = "",
    reports_to: str = "",
) -> DomainReport:
    """Looks at ``domain``, that of the From address, through ``ask`` (see delivery.spf.Ask).

    ``envelope_domain``: of the address that bounces go to, where it is another; ``selector`` and ``signing_domain``: the
    s= and d= with which the mail server signs; ``server_address``: the IP address it sends from, where it is known;
    ``reports_to``: an address for DMARC's reports, for the text to publish.
    """
    domain = domain.lower().rstrip(".")
    envelope = (envelope_domain or domain).lower().rstrip(".")
    signing = (signing_domain or domain).lower().rstrip(".")
    unreadable = not _is_ip(server_address)
    if unreadable:
        server_address = ""
    findings = [
        *([Finding("spf", "spf_bad_server_address", "warning", {"domain": envelope})] if unreadable else []),
        *_look_at_spf(envelope, read_spf(envelope, ask, server_address), server_address),
        *_look_at_dkim(signing, selector, ask),
        *_look_at_dmarc(domain, envelope, signing if selector else "", ask, reports_to or f"dmarc@{domain}"),
        *_look_at_mx(envelope, ask),
    ]
    order = ("error", "unknown", "warning", "ok")
    return DomainReport(domain, tuple(sorted(findings, key=lambda one: order.index(one.severity))))


def _is_ip(text: str) -> bool:
    try:
        return not text or ipaddress.ip_address(text) is not None
    except ValueError:
        return False


# ---------------------------------------------------------------- SPF


def _look_at_spf(domain: str, spf: Spf, address: str) -> list[Finding]:
    def finding(code: str, severity: str, publish: str = "", **facts: object) -> Finding:
        facts = {"domain": domain, "record": spf.record, **facts}
        return Finding("spf", code, severity, facts, Record(domain, publish) if publish else None)

    if spf.result == "temperror" and not spf.records:
        return [finding("spf_unanswered", "unknown")]
    if spf.records == 0:
        return [finding("spf_missing", "error", _with_server("v=spf1 mx ~all", address))]
    if spf.records > 1:
        return [finding("spf_many", "error", _with_server(spf.record, address), count=spf.records)]
    found = [finding(f"spf_{code}", "error", what=what) for code, what in spf.problems]
    if spf.lookups > MOST_LOOKUPS:
        found.append(finding("spf_too_many_lookups", "error", lookups=spf.lookups, most=MOST_LOOKUPS))
    if spf.all == "+":
        closed = " ".join("~all" if t.lower() in ("all", "+all") else t for t in spf.record.split())
        found.append(finding("spf_allows_everybody", "error", _with_server(closed, address)))
    elif spf.all in ("", "?") and "redirect=" not in spf.record.lower():
        found.append(finding("spf_open_end", "warning", _with_server(spf.record, address)))
    if address and not found and spf.result != "pass":
        if spf.is_unsure:
            found.append(finding("spf_server_unsure", "warning", address=address))
        else:
            text = _with_server(spf.record, address)
            found.append(finding("spf_server_missing", "error", text, address=address, result=spf.result))
    return found or [finding("spf_ok", "ok", lookups=spf.lookups)]


def _with_server(record: str, address: str) -> str:
    """The record with our server before its end, and an end that is closed."""
    terms = record.split()
    kept = [term for term in terms[1:] if term.lower().lstrip("+-~?") != "all"]
    ends = [term for term in terms[1:] if term.lower() in ("-all", "~all")] or ["~all"]
    if any(name == "redirect=" for _q, name, _v in terms_of(record)):
        ends = []
    ours = [f"ip{6 if ':' in address else 4}:{address}"] if address else []
    return " ".join(["v=spf1", *(term for term in ours if term not in kept), *kept, *ends[:1]])


# ---------------------------------------------------------------- DKIM


def _look_at_dkim(domain: str, selector: str, ask: Ask) -> list[Finding]:
    name = f"{selector}._domainkey.{domain}"

    def finding(code: str, severity: str, **facts: object) -> Finding:
        return Finding("dkim", code, severity, {"name": name, **facts})

    if not selector:
        return [Finding("dkim", "dkim_no_selector", "warning", {"domain": domain})]
    texts = ask(name, "TXT")
    if texts is None:
        return [finding("dkim_unanswered", "unknown")]
    records = [tags for text in texts if "p" in (tags := tags_of(text)) and tags.get("v", "DKIM1") == "DKIM1"]
    if not records:
        return [finding("dkim_missing", "error")]
    if len(records) > 1:
        return [finding("dkim_many", "error", count=len(records))]
    tags, found = records[0], []
    if not tags["p"]:
        return [finding("dkim_revoked", "error")]
    kind = tags.get("k", "rsa").lower()
    bits = key_bits(tags["p"], kind)
    if bits is None:
        return [finding("dkim_bad_key", "error", kind=kind)]
    if kind == "rsa" and bits < GOOD_BITS:
        severity = "error" if bits < WEAK_BITS else "warning"
        found.append(finding("dkim_weak_key", severity, bits=bits, good=GOOD_BITS))
    if "y" in tags.get("t", "").lower().split(":"):
        found.append(finding("dkim_testing", "warning"))
    if "h" in tags and "sha256" not in tags["h"].lower().split(":"):
        found.append(finding("dkim_old_hash", "error", hashes=tags["h"]))
    return found or [finding("dkim_ok", "ok", kind=kind, bits=bits)]


def key_bits(text: str, kind: str) -> int | None:
    """The length of a published key in bits; None where it cannot be read as one."""
    try:
        raw = base64.b64decode("".join(text.split()), validate=True)
        if kind == "ed25519":
            return 256 if len(raw) == 32 else None
        key = load_der_public_key(raw)
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        return None
    return key.key_size if kind == "rsa" and isinstance(key, rsa.RSAPublicKey) else None


# ---------------------------------------------------------------- DMARC


def _look_at_dmarc(domain: str, envelope: str, signing: str, ask: Ask, reports_to: str) -> list[Finding]:
    name, organisation = f"_dmarc.{domain}", organisational(domain)

    def finding(code: str, severity: str, publish: str = "", **facts: object) -> Finding:
        return Finding("dmarc", code, severity, {"name": name, **facts}, Record(name, publish) if publish else None)

    first = f"v=DMARC1; p=none; rua=mailto:{reports_to}"
    records = _dmarc_records(ask(name, "TXT"))
    inherited = False
    if records == [] and organisation != domain:
        records, inherited = _dmarc_records(ask(f"_dmarc.{organisation}", "TXT")), True
    if records is None:
        return [finding("dmarc_unanswered", "unknown")]
    if not records:
        return [finding("dmarc_missing", "error", first)]
    if len(records) > 1:
        return [finding("dmarc_many", "error", count=len(records))]
    tags, found = tags_of(records[0]), []
    policy = tags.get("sp", tags.get("p", "")) if inherited else tags.get("p", "")
    if policy.lower() not in ("none", "quarantine", "reject"):
        return [finding("dmarc_no_policy", "error", first, record=records[0])]
    # Mail passes DMARC by either: the bounce address's domain (SPF) or the signature's (DKIM) must be the From's.
    by_spf = _is_aligned(envelope, domain, tags.get("aspf", "r"))
    by_dkim = bool(signing) and _is_aligned(signing, domain, tags.get("adkim", "r"))
    if not (by_spf or by_dkim):
        found.append(finding("dmarc_not_aligned", "error", envelope=envelope, signing=signing, domain=domain))
    elif not (by_spf and by_dkim):
        found.append(finding("dmarc_half_aligned", "warning", by="spf" if by_spf else "dkim", domain=domain))
    if policy.lower() == "none":
        stricter = "; ".join(
            [f"p={'quarantine'}" if part.strip().lower().startswith("p=") else part.strip()
             for part in records[0].split(";") if part.strip()]
        )  # fmt: skip
        found.append(finding("dmarc_only_watches", "warning", "" if inherited else stricter))
    if "rua" not in tags:
        with_reports = f"{records[0].rstrip('; ')}; rua=mailto:{reports_to}"
        found.append(finding("dmarc_no_reports", "warning", "" if inherited else with_reports))
    return found or [finding("dmarc_ok", "ok", policy=policy.lower(), inherited=inherited)]


def _dmarc_records(texts: Iterable[str] | None) -> list[str] | None:
    if texts is None:
        return None
    return [text for text in texts if text.replace(" ", "").lower().startswith("v=dmarc1;")]


def _is_aligned(one: str, other: str, mode: str) -> bool:
    return one == other or (mode.lower() != "s" and organisational(one) == organisational(other))


def organisational(domain: str) -> str:
    """The name that was registered, by the usual shape of names and a short list of second levels."""
    labels = domain.split(".")
    length = 3 if ".".join(labels[-2:]) in _SECOND_LEVELS else 2
    return ".".join(labels[-length:])


def tags_of(text: str) -> dict[str, str]:
    """The tags of a DKIM or DMARC record; the first of each name counts."""
    tags: dict[str, str] = {}
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        if equals:
            tags.setdefault(name.strip().lower(), value.strip())
    return tags


def _look_at_mx(domain: str, ask: Ask) -> list[Finding]:
    """Bounces must find their way back."""
    hosts = ask(domain, "MX")
    if hosts is None:
        return [Finding("mx", "mx_unanswered", "warning", {"domain": domain})]
    if any(host.split()[-1] == "." for host in hosts):
        return [Finding("mx", "mx_takes_no_mail", "error", {"domain": domain})]
    if not hosts and not ask(domain, "A") and not ask(domain, "AAAA"):
        return [Finding("mx", "mx_missing", "error", {"domain": domain})]
    return [Finding("mx", "mx_ok", "ok", {"domain": domain})]
