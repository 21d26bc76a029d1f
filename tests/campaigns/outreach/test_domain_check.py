"""What is found wrong with a domain before it sends, and what to publish instead."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from campaigns.outreach.delivery.domains import check_domain, key_bits, organisational
from campaigns.outreach.delivery.spf import MOST_LOOKUPS, read_spf

OURS = "192.0.2.25"


def public(key) -> str:
    return base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


@pytest.fixture(scope="module")
def rsa_key() -> str:
    return public(rsa.generate_private_key(65537, 2048))


class Zone(dict):
    """(name, kind) -> answers; counts what was asked. A value of None: no answer now."""

    def __init__(self, *args) -> None:
        super().__init__(*args)
        self.asked = 0

    def ask(self, name: str, kind: str):
        self.asked += 1
        return self.get((name.lower(), kind), ())


@pytest.fixture
def zone(rsa_key) -> Zone:
    """A domain in order."""
    return Zone(
        {
            ("atlas.tn", "TXT"): [f"v=spf1 ip4:{OURS} include:_spf.relay.example -all", "site-verification=1"],
            ("_spf.relay.example", "TXT"): ["v=spf1 ip4:198.51.100.0/24 ~all"],
            ("post._domainkey.atlas.tn", "TXT"): [f"v=DKIM1; k=rsa; p={rsa_key}"],
            ("_dmarc.atlas.tn", "TXT"): ["v=DMARC1; p=quarantine; rua=mailto:d@atlas.tn"],
            ("atlas.tn", "MX"): ["10 mx.atlas.tn"],
        }
    )


def check(zone: Zone, **changes):
    return check_domain("atlas.tn", zone.ask, **{"selector": "post", "server_address": OURS, **changes})


def finding(report, about: str):
    return next(one for one in report.findings if one.about == about)


def test_domain_in_order_is_ready(zone):
    report = check(zone)
    assert report.is_ready
    assert [one.code for one in report.findings] == ["spf_ok", "dkim_ok", "dmarc_ok", "mx_ok"]
    assert finding(report, "dkim").facts["bits"] == 2048
    assert report.as_dict()["findings"][0]["severity"] == "ok"


def test_bare_domain_is_told_what_to_publish():
    report = check(Zone())
    assert not report.is_ready
    assert {one.code for one in report.findings} == {"spf_missing", "dkim_missing", "dmarc_missing", "mx_missing"}
    spf, dmarc = finding(report, "spf").publish, finding(report, "dmarc").publish
    assert (spf.name, spf.text) == ("atlas.tn", f"v=spf1 ip4:{OURS} mx ~all")
    assert (dmarc.name, dmarc.text) == ("_dmarc.atlas.tn", "v=DMARC1; p=none; rua=mailto:dmarc@atlas.tn")


def test_silent_name_server_is_unknown_and_not_ready(zone):
    for name, kind in list(zone):
        zone[name, kind] = None
    report = check(zone)
    assert not report.is_ready
    assert {one.code for one in report.findings} == {
        "spf_unanswered",
        "dkim_unanswered",
        "dmarc_unanswered",
        "mx_unanswered",
    }


@pytest.mark.parametrize(
    ("records", "code", "severity", "published"),
    [
        (["v=spf1 -all", "v=spf1 mx -all"], "spf_many", "error", f"v=spf1 ip4:{OURS} -all"),
        (["v=spf1 mx +all"], "spf_allows_everybody", "error", f"v=spf1 ip4:{OURS} mx ~all"),
        (["v=spf1 mx all"], "spf_allows_everybody", "error", f"v=spf1 ip4:{OURS} mx ~all"),
        ([f"v=spf1 ip4:{OURS}"], "spf_open_end", "warning", f"v=spf1 ip4:{OURS} ~all"),
        ([f"v=spf1 ip4:{OURS} ?all"], "spf_open_end", "warning", f"v=spf1 ip4:{OURS} ~all"),
        (
            ["v=spf1 ip4:203.0.113.0/24 -all"],
            "spf_server_missing",
            "error",
            f"v=spf1 ip4:{OURS} ip4:203.0.113.0/24 -all",
        ),
        ([f"v=spf1 -ip4:{OURS} -all"], "spf_server_missing", "error", f"v=spf1 ip4:{OURS} -ip4:{OURS} -all"),
        (["v=spf1 ipv4:192.0.2.25 -all"], "spf_syntax", "error", None),
        (["v=spf1 ip4:300.0.2.25 -all"], "spf_syntax", "error", None),
        (["v=spf1 include:nowhere.example -all"], "spf_include_missing", "error", None),
        (["v=spf1 include:atlas.tn -all"], "spf_loop", "error", None),
        (["v=spf1 exists:%{i}.x.example -all"], "spf_server_unsure", "warning", None),
        (["spf1 mx"], "spf_missing", "error", f"v=spf1 ip4:{OURS} mx ~all"),
    ],
)
def test_spf_that_fails_is_named_with_what_to_publish(zone, records, code, severity, published):
    zone["atlas.tn", "TXT"] = records
    found = finding(check(zone), "spf")
    assert (found.code, found.severity) == (code, severity)
    assert (found.publish.text if found.publish else None) == published
    if published:  # and the advice is sound
        zone["atlas.tn", "TXT"] = [published]
        assert finding(check(zone), "spf").code == "spf_ok"


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 include:_spf.relay.example -all", "v=spf1 a -all", "v=spf1 mx -all", "v=spf1 a:host.example/28 -all",
        "v=spf1 redirect=_spf.relay.example", "V=SPF1 IP4:198.51.100.0/24 -ALL",
    ],
)  # fmt: skip
def test_server_is_found_wherever_the_record_has_it(zone, record):
    server = "198.51.100.7"
    zone["atlas.tn", "TXT"] = [record]
    zone["atlas.tn", "A"] = zone["mx.atlas.tn", "A"] = [server]
    zone["host.example", "A"] = ["198.51.100.1"]
    assert finding(check(zone, server_address=server), "spf").code == "spf_ok"
    assert finding(check(zone, server_address="203.0.113.9"), "spf").code == "spf_server_missing"


def test_eleven_lookups_are_one_too_many(zone):
    for count, code in ((MOST_LOOKUPS, "spf_ok"), (MOST_LOOKUPS + 1, "spf_too_many_lookups")):
        parts = [f"include:s{n}.example" for n in range(count)]
        zone["atlas.tn", "TXT"] = [f"v=spf1 ip4:{OURS} {' '.join(parts)} -all"]
        for n in range(count):
            zone[f"s{n}.example", "TXT"] = ["v=spf1 -all"]
        found = finding(check(zone), "spf")
        assert (found.code, found.facts["lookups"]) == (code, count)


def test_hostile_records_end_soon():
    tree = Zone()
    for level in range(30):
        tree[f"t{level}.example", "TXT"] = ["v=spf1 " + f"include:t{level + 1}.example " * 20 + "-all"]
    found = read_spf("t0.example", tree.ask, OURS)
    assert found.result == "permerror"
    assert tree.asked < 100
    long = Zone({("x.example", "TXT"): ["v=spf1 " + "ip4:10.0.0.0/8 " * 100_000]})
    assert read_spf("x.example", long.ask, OURS).terms < 1000


@pytest.mark.parametrize(
    ("record", "code", "severity"),
    [
        ("v=DKIM1; p=", "dkim_revoked", "error"),
        ("v=DKIM1; p=!!!", "dkim_bad_key", "error"),
        ("v=DKIM1; p=QUJD", "dkim_bad_key", "error"),
        ("v=DKIM1; k=rsa; t=y; p={rsa}", "dkim_testing", "warning"),
        ("v=DKIM1; h=sha1; p={rsa}", "dkim_old_hash", "error"),
        ("p={rsa}", "dkim_ok", "ok"),
        ("v=DKIM1; k=rsa; p={weak}", "dkim_weak_key", "warning"),
        ("v=DKIM1; k=ed25519; p={ed}", "dkim_ok", "ok"),
        ("v=DKIM1; k=rsa; p={ec}", "dkim_bad_key", "error"),
        ("v=DKIM2; p={rsa}", "dkim_missing", "error"),
        ("hello", "dkim_missing", "error"),
    ],
)
def test_dkim_key_is_read_and_measured(zone, rsa_key, record, code, severity):
    keys = {
        "rsa": rsa_key,
        "weak": public(rsa.generate_private_key(65537, 1024)) if "{weak}" in record else "",
        "ed": base64.b64encode(ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw()).decode(),
        "ec": public(ec.generate_private_key(ec.SECP256R1())) if "{ec}" in record else "",
    }
    zone["post._domainkey.atlas.tn", "TXT"] = [record.format(**keys)]
    found = finding(check(zone), "dkim")
    assert (found.code, found.severity) == (code, severity)


def test_dkim_without_selector_or_with_two_keys(zone, rsa_key):
    assert finding(check(zone, selector=""), "dkim").code == "dkim_no_selector"
    zone["post._domainkey.atlas.tn", "TXT"] = [f"p={rsa_key}", f"p={rsa_key}"]
    assert finding(check(zone), "dkim").code == "dkim_many"
    # Long keys are published in pieces and with blanks.
    assert key_bits(rsa_key[:100] + " " + rsa_key[100:], "rsa") == 2048


@pytest.mark.parametrize(
    ("record", "code", "published"),
    [
        (
            "v=DMARC1; p=none; rua=mailto:d@atlas.tn",
            "dmarc_only_watches",
            "v=DMARC1; p=quarantine; rua=mailto:d@atlas.tn",
        ),
        ("v=DMARC1; p=reject", "dmarc_no_reports", "v=DMARC1; p=reject; rua=mailto:dmarc@atlas.tn"),
        ("v=DMARC1; p=maybe", "dmarc_no_policy", "v=DMARC1; p=none; rua=mailto:dmarc@atlas.tn"),
        ("v=DMARC1; rua=mailto:d@atlas.tn", "dmarc_no_policy", "v=DMARC1; p=none; rua=mailto:dmarc@atlas.tn"),
        ("v=DMARC2; p=reject", "dmarc_missing", "v=DMARC1; p=none; rua=mailto:dmarc@atlas.tn"),
    ],
)
def test_dmarc_that_is_not_enough_is_named(zone, record, code, published):
    zone["_dmarc.atlas.tn", "TXT"] = [record]
    found = finding(check(zone), "dmarc")
    assert (found.code, found.publish.text) == (code, published)


def test_dmarc_passes_by_spf_or_dkim_of_the_same_name(zone):
    zone["bounce.relay.example", "TXT"] = [f"v=spf1 ip4:{OURS} -all"]
    assert finding(check(zone, envelope_domain="bounce.relay.example"), "dmarc").code == "dmarc_half_aligned"
    assert (
        finding(check(zone, envelope_domain="bounce.relay.example", selector=""), "dmarc").code == "dmarc_not_aligned"
    )
    zone["b.atlas.tn", "TXT"] = [f"v=spf1 ip4:{OURS} -all"]
    assert finding(check(zone, envelope_domain="b.atlas.tn"), "dmarc").code == "dmarc_ok"
    zone["_dmarc.atlas.tn", "TXT"] = ["v=DMARC1; p=reject; aspf=s; rua=mailto:d@atlas.tn"]
    assert finding(check(zone, envelope_domain="b.atlas.tn"), "dmarc").facts["by"] == "dkim"


def test_dmarc_is_inherited_from_the_registered_name():
    zone = Zone({("_dmarc.atlas.com.tn", "TXT"): ["v=DMARC1; p=reject; sp=none; rua=mailto:d@atlas.com.tn"]})
    found = finding(check_domain("post.atlas.com.tn", zone.ask, selector="post"), "dmarc")
    assert (found.code, found.publish) == ("dmarc_only_watches", None)
    assert organisational("a.b.co.uk") == "b.co.uk"
    assert organisational("a.b.example.com") == "example.com"


def test_domain_that_takes_no_mail_gets_no_bounces(zone):
    zone["atlas.tn", "MX"] = ["0 ."]
    assert finding(check(zone), "mx").code == "mx_takes_no_mail"
    zone["atlas.tn", "MX"], zone["atlas.tn", "A"] = [], ["192.0.2.1"]
    assert finding(check(zone), "mx").code == "mx_ok"


def test_address_that_is_none_is_said_and_the_rest_checked(zone):
    report = check(zone, server_address="mail.atlas.tn")
    assert {one.code for one in report.findings} == {"spf_bad_server_address", "spf_ok", "dkim_ok", "dmarc_ok", "mx_ok"}
