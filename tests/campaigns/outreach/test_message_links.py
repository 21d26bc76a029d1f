"""Addresses and their keys, tokens that nobody can forge, links that are numbered only where that was asked for."""

from __future__ import annotations

import email
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from email import policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.outreach.message import (
    CLICK,
    OPEN,
    UNSUBSCRIBE,
    MessageRefused,
    Parts,
    Sender,
    Token,
    address_key,
    checked_address,
    checked_url,
    normalised_address,
    prepare,
    read_token,
    rewrite,
    token,
    unsubscribe_token,
)

NEW, OLD, FOREIGN = b"the newest secret we have", b"the one before, still known", b"somebody else's altogether"
TENANT, CAMPAIGN = "0b7f1f9e-54f3-4c9b-9a55-5a2b3c4d5e6f", "7c1d1f9e-54f3-4c9b-9a55-5a2b3c4d5e6f"
KEY = address_key(NEW, "sami@example.tn")


# ------------------------------------------------------------------------------------------------ addresses


@pytest.mark.parametrize(
    ("given_as", "written"),
    [
        ("sami@example.tn", "sami@example.tn"),
        (" Sami.Ben+news@Example.TN ", "Sami.Ben+news@example.tn"),
        ("sami@مثال.تونس", "sami@xn--mgbh0fb.xn--pgbs0dh"),
        ("sami@bücher.example", "sami@xn--bcher-kva.example"),
        ("sami@XN--bcher-kva.example", "sami@xn--bcher-kva.example"),
        ("o'brien_x@mail.example.co.uk", "o'brien_x@mail.example.co.uk"),
    ],
)
def test_address_is_written_as_a_server_reads_it(given_as, written):
    assert checked_address(given_as) == written


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("", "address_empty"),
        ("  ", "address_empty"),
        ("sami", "address_malformed"),
        ("@example.tn", "address_malformed"),
        ("sami@", "address_malformed"),
        (".sami@example.tn", "address_malformed"),
        ("sa..mi@example.tn", "address_malformed"),
        ("sa mi@example.tn", "address_malformed"),
        ('"sa mi"@example.tn', "address_malformed"),
        ("a@b@example.tn", "address_malformed"),
        ("sami@example.tn,mona@example.tn", "address_malformed"),
        ("sami\r\n@example.tn", "address_malformed"),
        ("sami@localhost", "address_domain"),
        ("sami@[127.0.0.1]", "address_domain"),
        ("sami@127.0.0.1", "address_domain"),
        ("sami@exa mple.tn", "address_domain"),
        ("sami@-example.tn", "address_domain"),
        ("sami@example..tn", "address_domain"),
        ("sami@example.tn.", "address_domain"),
        ("sami@xn--a.tn", "address_domain"),
        ("sami@" + "a" * 64 + ".tn", "address_domain"),
        ("s" * 65 + "@example.tn", "address_too_long"),
        ("sami@" + "a." * 124 + "tn", "address_too_long"),
        ("سامي@example.tn", "address_not_ascii"),
        ("zoé@example.tn", "address_not_ascii"),
    ],
)
def test_address_that_cannot_be_written_to_is_refused(address, code):
    with pytest.raises(MessageRefused) as refused:
        checked_address(address)
    assert refused.value.code == code and refused.value.facts["address"] in (address, address.strip())


@pytest.mark.parametrize("other", ["Sami@Example.TN", "  sami@example.tn\n", "SAMI@EXAMPLE.TN"])
def test_same_address_has_the_same_key_however_it_is_written(other):
    assert address_key(NEW, other) == KEY and len(KEY) == 32 and int(KEY, 16)


def test_keys_differ_by_address_and_by_secret_and_tell_nothing():
    assert len({KEY, address_key(NEW, "mona@example.tn"), address_key(OLD, "sami@example.tn")}) == 3
    assert address_key(NEW, "a@مثال.تونس") == address_key(NEW, "A@xn--mgbh0fb.xn--pgbs0dh")


def test_whatever_stands_in_a_list_of_opt_outs_has_a_key():
    for odd in ("no address", "زيد@مثال.تونس", "a@[1.2.3.4]", "x@localhost", "@", "\ud800@x.tn"):
        assert address_key(NEW, odd) == address_key(NEW, f" {odd.upper()} ")
        assert normalised_address(odd)
    for refused in ((NEW, " "), (b"short", "sami@example.tn")):
        with pytest.raises(MessageRefused):
            address_key(*refused)


# ------------------------------------------------------------------------------------------------ tokens

_ID = st.one_of(
    st.uuids().map(str), st.integers(0, 10**18 - 1).map(str), st.text(max_size=25), st.just("007"), st.just("-1")
)


@settings(deadline=None)
@given(purpose=st.sampled_from([CLICK, OPEN]), campaign=_ID, recipient=_ID, number=st.integers(0, 65_535))
def test_token_says_what_was_put_in(purpose, campaign, recipient, number):
    try:
        sealed = token(NEW, purpose, campaign, recipient, number)
    except UnicodeEncodeError:
        return
    assert read_token([NEW], sealed) == Token(purpose, campaign, recipient, number)
    assert sealed.replace("-", "").replace("_", "").isalnum() and sealed.isascii()


def test_token_for_unsubscribing_needs_neither_campaign_nor_customer():
    sealed = unsubscribe_token(NEW, TENANT, CAMPAIGN, KEY)
    assert read_token([NEW], sealed, UNSUBSCRIBE) == Token(UNSUBSCRIBE, CAMPAIGN, tenant=TENANT, address_key=KEY)
    assert len(sealed) <= 90


def test_token_is_read_with_secrets_that_went_before():
    sealed = unsubscribe_token(OLD, TENANT, CAMPAIGN, KEY)
    assert read_token([NEW, OLD], sealed).address_key == KEY
    with pytest.raises(MessageRefused):
        read_token([NEW], sealed)
    with pytest.raises(MessageRefused):
        read_token([], sealed)


def test_token_of_one_purpose_is_none_of_another():
    with pytest.raises(MessageRefused) as refused:
        read_token([NEW], token(NEW, CLICK, CAMPAIGN, "7", 1), UNSUBSCRIBE)
    assert refused.value.code == "token_invalid"
    assert read_token([NEW], token(NEW, CLICK, CAMPAIGN, "7", 1), OPEN, CLICK).link_number == 1


@pytest.mark.parametrize("sealed", [token(NEW, CLICK, CAMPAIGN, "7", 3), unsubscribe_token(NEW, TENANT, CAMPAIGN, KEY)])
def test_no_letter_of_a_token_can_be_changed(sealed):
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for at in range(len(sealed)):
        for other in letters:
            if other != sealed[at]:
                with pytest.raises(MessageRefused):
                    read_token([NEW, OLD], sealed[:at] + other + sealed[at + 1 :])


@pytest.mark.parametrize(
    "sealed",
    ["", "a", "A" * 30, "A" * 401, "é" * 40, "====", token(FOREIGN, OPEN, "1", "2"), token(NEW, OPEN, "1", "2")[:-1],
     token(NEW, OPEN, "1", "2") + "A", token(NEW, OPEN, "1", "2") + "=", " " + token(NEW, OPEN, "1", "2"), token(NEW, OPEN, "1", "2") + "\n"],
)  # fmt: skip
def test_anything_else_is_no_token(sealed):
    with pytest.raises(MessageRefused) as refused:
        read_token([NEW, OLD], sealed)
    assert (refused.value.code, refused.value.facts) == ("token_invalid", {})


def test_length_of_an_id_cannot_be_shifted_into_its_neighbour():
    assert token(NEW, OPEN, "12", "3") != token(NEW, OPEN, "1", "23")
    raw = urlsafe_b64decode(token(NEW, OPEN, "a1", "b") + "==")
    assert urlsafe_b64encode(raw).decode().rstrip("=") == token(NEW, OPEN, "a1", "b")


def test_what_a_token_cannot_carry_is_refused():
    with pytest.raises(MessageRefused) as refused:
        token(NEW, OPEN, "x" * 101, "1")
    assert refused.value.code == "id_too_long"
    with pytest.raises(MessageRefused) as refused:
        token(b"short", OPEN, "1", "2")
    assert refused.value.code == "secret_too_short"
    with pytest.raises(ValueError, match="by this door"):
        token(NEW, UNSUBSCRIBE, "1", "2")
    with pytest.raises(ValueError, match="32 hex digits"):
        unsubscribe_token(NEW, TENANT, CAMPAIGN, "zz")


# ------------------------------------------------------------------------------------------------ links

SENDER = Sender("Atlas", "offres@atlas.tn", contact="aide@atlas.tn")
WITH_LINKS = Parts(
    "s",
    "",
    '<p><a title="a > b" href="https://x.tn/a?b=1&amp;c=2">un</a> <a href="https://y.tn">deux</a> '
    '<a href="https://x.tn/a?b=1&amp;c=2">encore</a> <a href="mailto:a@x.tn">écrire</a> <a href="{unsubscribe_url}">fin</a></p>',
)


def parts_of(prepared, **how) -> tuple[str, str]:
    data = prepared.build(
        {},
        to_name="Sami",
        to_address="sami@example.tn",
        message_id="<a@atlas.tn>",
        unsubscribe_url="https://go.atlas.tn/u/x",
        date=datetime(2026, 7, 1, tzinfo=UTC),
        **how,
    )
    message = email.message_from_bytes(data, policy=policy.default)
    return tuple(message.get_body((kind,)).get_content() for kind in ("plain", "html"))


def test_links_are_left_alone_unless_that_was_asked_for():
    prepared = prepare(WITH_LINKS, "fr", SENDER)
    text, html = parts_of(prepared, link_url=lambda number: "https://go.atlas.tn/c", open_url="https://go.atlas.tn/o")
    assert prepared.targets == () and not prepared.is_counted
    assert "go.atlas.tn/c" not in text + html and "go.atlas.tn/o" not in html and "<img" not in html
    assert 'href="https://y.tn"' in html and "deux (https://y.tn)" in text


def test_links_are_numbered_and_each_recipient_has_their_own():
    prepared = prepare(WITH_LINKS, "fr", SENDER, links_tracked=True)
    assert prepared.targets == ("https://x.tn/a?b=1&c=2", "https://y.tn")
    text, html = parts_of(
        prepared, link_url=lambda number: f"https://go.atlas.tn/c/{token(NEW, CLICK, '7', '12', number)}"
    )
    first, second = (f"https://go.atlas.tn/c/{token(NEW, CLICK, '7', '12', number)}" for number in (1, 2))
    assert html.count(f'href="{first}"') == 2 and html.count(f'href="{second}"') == 1
    assert f"un ({first}) deux ({second}) encore ({first})" in text
    assert 'href="mailto:a@x.tn"' in html and 'href="https://go.atlas.tn/u/x"' in html
    assert "x.tn/a?b" not in text + html


def test_numbered_link_of_a_test_mail_leads_straight_to_its_target():
    text, html = parts_of(prepare(WITH_LINKS, "fr", SENDER, links_tracked=True))
    assert 'href="https://x.tn/a?b=1&amp;c=2"' in html and "un (https://x.tn/a?b=1&c=2)" in text


def test_openings_are_counted_only_where_asked_for():
    prepared = prepare(WITH_LINKS, "fr", SENDER, opens_counted=True)
    _, html = parts_of(prepared, open_url="https://go.atlas.tn/o/abc")
    assert html.count("<img") == 1 and '<img src="https://go.atlas.tn/o/abc" width="1" height="1" alt=""' in html
    assert "<img" not in parts_of(prepared)[1]


@pytest.mark.parametrize("url", ["http://go.atlas.tn/c", 'https://go.atlas.tn/"onload=x', "javascript:alert(1)", ""])
def test_address_of_ours_must_be_one(url):
    prepared = prepare(WITH_LINKS, "fr", SENDER, links_tracked=True)
    with pytest.raises(MessageRefused) as refused:
        parts_of(prepared, link_url=lambda number: url)
    assert refused.value.code == "url_malformed"


def test_only_https_addresses_are_rewritten():
    found = rewrite('<a href="http://x.tn">a</a>', "http://x.tn https://x.tn/(a), https://x.tn/b.", "[{}]".format)
    assert found.html == '<a href="http://x.tn">a</a>'
    assert found.text == "http://x.tn [1], [2]." and found.targets == ("https://x.tn/(a)", "https://x.tn/b")
    assert checked_url("http://localhost:8000/u", http_allowed=True) == "http://localhost:8000/u"
