"""A message's bytes: what a reader's program finds in them, in three languages, for names and texts of every sort."""

from __future__ import annotations

import email
import re
from base64 import b64decode
from datetime import UTC, datetime
from email import policy
from email.header import decode_header, make_header
from email.utils import parseaddr
from html import escape
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from campaigns.outreach.message import MessageRefused, Parts, Sender, message_id, prepare, preview

NOW = datetime(2026, 7, 1, 9, 30, tzinfo=UTC)
SECRET = b"a secret of enough length"
SENDER = Sender(
    "Atlas Télécom",
    "offres@atlas.tn",
    postal_address="12, rue de Marseille\n1001 Tunis",
    contact="aide@atlas.tn",
    reply_to="aide@atlas.tn",
    feedback_id="c7:atlas:churnguard",
)
OFFER = {"offer_name": "Fibre 50", "offer_price": "29,900 TND", "offer_until": "31/12/2026", "offer_discount": "20 %"}
WRITTEN = {
    "fr": Parts("{first_name}, merci", "Bonjour {first_name},\n\n{offer_name} à {offer_price} : {offer_discount}.\n"),
    "en": Parts("Thank you, {first_name}", "Hello {first_name},\n\n{offer_name} for {offer_price}.\n"),
    "ar": Parts("شكراً {first_name}", "مرحباً {first_name}،\n\nعرض {offer_name} بسعر {offer_price} حتى {offer_until}.\n"),
}
NAMES = [
    "Sami",
    "Aïcha Ben Salah",
    "أحمد بن صالح",
    "👩🏽‍🚀 Zoë",
    "O'Brien & fils",
    "x" * 300,
    "é" * 300,
    "ن" * 300,
    " a ",
    "=?",
    "=3D",
]


def raw(prepared, values=None, **changed) -> bytes:
    given_to = {
        "to_name": "Sami",
        "to_address": "sami@example.tn",
        "message_id": "<a@atlas.tn>",
        "unsubscribe_url": "https://go.atlas.tn/u/abc-_",
        "date": NOW,
    }
    return prepared.build(values or {}, **{**given_to, **changed})


def parsed(data: bytes) -> tuple[email.message.EmailMessage, str, str]:
    message = email.message_from_bytes(data, policy=policy.default)
    assert message.defects == []
    text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert [text.defects, html.defects] == [[], []]
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    contents = [part.get_content() for part in (text, html)]
    assert not any("\n" in one.replace("\r\n", "") for one in contents)
    return message, *(one.replace("\r\n", "\n") for one in contents)


def shown_to(data: bytes) -> str:
    """The name in To, by the parser that joins encoded words in a name as RFC 2047 says (the newer one does not yet)."""
    whole = email.message_from_bytes(data, policy=policy.compat32)["To"]
    name = str(make_header(decode_header(whole))).rpartition("<")[0].strip()
    return parseaddr(f"{name} <a@b.tn>")[0] if name.startswith('"') else name


def is_fit_for_any_server(data: bytes) -> bool:
    lines = data.split(b"\r\n")
    _, body = data.split(b"\r\n\r\n", 1)
    return (
        data.isascii()
        and not re.search(rb"(?<!\r)\n|\r(?!\n)|\x00", data)
        and max(map(len, lines)) <= 998
        and max(map(len, body.split(b"\r\n"))) <= 76
        and not re.search(rb"[ \t]\r\n", body)  # servers take these away
    )


@pytest.mark.parametrize("language", ["fr", "en", "ar"])
@pytest.mark.parametrize("name", NAMES)
def test_message_reads_as_it_was_meant(language, name):
    prepared = prepare(WRITTEN[language], language, SENDER, fixed=OFFER)
    data = raw(prepared, {"first_name": name}, to_name=name)
    assert is_fit_for_any_server(data)
    message, text, html = parsed(data)
    wanted = prepared.render({"first_name": name}, unsubscribe_url="https://go.atlas.tn/u/abc-_")
    assert (str(message["Subject"]), text, html) == (wanted.subject, wanted.text, wanted.html)
    assert name in text and f"<bdi>{escape(name)}</bdi>" in html
    assert shown_to(data) == name.strip()
    assert message["To"].addresses[0].addr_spec == "sami@example.tn"
    assert message["From"].addresses[0].display_name == "Atlas Télécom"
    if len(name) < 200:
        assert " ".join(name.split()) in message["Subject"]
    else:
        assert len(message["Subject"]) <= 250 and "…" in message["Subject"]


patiently = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a machine that has other work
_LITERAL = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="{}\ue0f1\ufeff\u2028\u2029"), max_size=120
)
_WORDS = st.one_of(
    _LITERAL, st.sampled_from(["\n", "\n\n", " \n", "=", "=\n", ".", "\n.\n", "From ", "-- ", "مرحباً بكم ", "é" * 80])
)
_VALUE = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
_CODES = ["first_name", "plan", "offer_text", "customer_number"]
_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\ufff9-\ufffb\u202a-\u202e\u2066-\u2069\ue0f1]")


def as_written(text: str) -> str:
    return _HIDDEN.sub("", re.sub("\r\n?|\u2028|\u2029", "\n", text))


def as_value(code: str, text: str, language: str) -> str:
    """What a value should become, said again without the engine."""
    kept = as_written(text)
    if code != "offer_text":
        kept = kept.replace("\n", " ").replace("\t", " ")[:500]
    unknown = {
        "first_name": {"fr": "cher client", "ar": "عميلنا العزيز"},
        "plan": {"fr": "votre formule", "ar": "اشتراككم"},
    }
    return kept if kept.strip() else unknown.get(code, {}).get(language, "")


class Marked(HTMLParser):
    """The words between <pre> and </pre> of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.inside, self.words = False, []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.inside = self.inside or tag == "pre"
        if tag == "br":
            self.words.append("\n")

    def handle_endtag(self, tag):
        self.inside = self.inside and tag != "pre"

    def handle_data(self, data):
        if self.inside:
            self.words.append(data)


@patiently
@given(
    pieces=st.lists(st.one_of(_WORDS, st.sampled_from(_CODES).map(lambda code: (code,))), min_size=1, max_size=8),
    values=st.fixed_dictionaries(dict.fromkeys(_CODES, _VALUE)),
    language=st.sampled_from(["fr", "ar"]),
)
@example(
    pieces=["x", ("first_name",), ("plan",), "\n", ("offer_text",)],
    values=dict.fromkeys(_CODES, "=\r\n.\r\n "),
    language="fr",
)
@example(pieces=[("offer_text",)], values=dict.fromkeys(_CODES, "a" * 75 + "\n" + "b" * 76 + "\n"), language="fr")
@example(pieces=["é" * 13 + "a" * 10, ("plan",)], values=dict.fromkeys(_CODES, "é" * 12 + "x"), language="fr")
def test_any_text_and_any_value_come_out_as_they_went_in(pieces, values, language):
    template = "".join(p if isinstance(p, str) else f"{{{p[0]}}}" for p in pieces)
    said = "".join(as_written(p) if isinstance(p, str) else as_value(p[0], values[p[0]], language) for p in pieces)
    page = "<pre>b" + "".join(escape(p) if isinstance(p, str) else f"{{{p[0]}}}" for p in pieces) + "e</pre>"
    prepared = prepare(Parts("s", f"b{template}e", page), language, SENDER)
    data = raw(prepared, values)
    assert is_fit_for_any_server(data)
    _, text, html = parsed(data)
    assert text.startswith(f"b{said}e\n")
    assert "".join(Marked(html).words).startswith(f"b{said}e")


@patiently
@given(
    subject=st.lists(st.one_of(_LITERAL, st.just(("first_name",))), min_size=1, max_size=4), name=_VALUE, to=_LITERAL
)
def test_any_subject_and_any_name_come_out_in_one_line(subject, name, to):
    template = "s" + "".join(p if isinstance(p, str) else "{first_name}" for p in subject)
    if len(template) > 150:
        template = template[:150]
    prepared = prepare(Parts(template, "x"), "fr", SENDER)
    data = raw(prepared, {"first_name": name}, to_name=to)
    assert is_fit_for_any_server(data)
    message, _, _ = parsed(data)
    assert str(message["Subject"]) == prepared.render({"first_name": name}).subject
    assert "\n" not in str(message["Subject"])
    assert len(message["To"].addresses) == 1 and message["To"].addresses[0].addr_spec == "sami@example.tn"


@pytest.mark.parametrize("pad", range(4))
@pytest.mark.parametrize("name", ["é" * 90, "أحمد بن صالح " * 9, "👩🏽‍🚀" * 20])
def test_every_encoded_word_stands_for_itself(name, pad):
    name = "x" * pad + name
    data = raw(prepare(Parts("{first_name}", "x"), "fr", SENDER), {"first_name": name}, to_name=name)
    words = re.findall(rb"=\?utf-8\?b\?([A-Za-z0-9+/=]+)\?=", data.split(b"\r\n\r\n", 1)[0])
    assert len(words) > 6
    assert all(len(word) + 12 <= 75 and b64decode(word, validate=True).decode("utf-8") for word in words)


def test_two_recipients_bytes_differ_only_where_they_must():
    prepared = prepare(WRITTEN["fr"], "fr", SENDER, fixed=OFFER)
    first = raw(prepared, {"first_name": "Sami"}).split(b"\r\n")
    second = raw(
        prepared,
        {"first_name": "Mona"},
        to_name="Mona",
        to_address="mona@example.tn",
        message_id="<b@atlas.tn>",
        unsubscribe_url="https://go.atlas.tn/u/abd-_",
    ).split(b"\r\n")
    assert len(first) == len(second)
    differing = {
        a.partition(b":")[0] if at < 15 else a for at, (a, b) in enumerate(zip(first, second, strict=True)) if a != b
    }
    assert differing == {
        b"To",
        b"Subject",
        b"Message-ID",
        b"List-Unsubscribe",
        b"Sami=",
        b"https://go.atlas.tn/u/abc-_=",
    }


def test_headers_are_those_that_large_mailboxes_ask_for():
    message, _, _ = parsed(raw(prepare(WRITTEN["en"], "en", SENDER, fixed=OFFER)))
    assert dict(message.items()) == {
        "From": "Atlas Télécom <offres@atlas.tn>",
        "Reply-To": "aide@atlas.tn",
        "To": "Sami <sami@example.tn>",
        "Subject": "Thank you, valued customer",
        "Date": "Wed, 01 Jul 2026 09:30:00 +0000",
        "Message-ID": "<a@atlas.tn>",
        "List-Unsubscribe": "<https://go.atlas.tn/u/abc-_>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Feedback-ID": "c7:atlas:churnguard",
        "Precedence": "bulk",
        "MIME-Version": "1.0",
        "Content-Type": message["Content-Type"],
    }


def test_mail_that_leaves_nobody_names_no_way_out():
    message, text, _ = parsed(raw(prepare(WRITTEN["en"], "en", SENDER), unsubscribe_url=""))
    assert "List-Unsubscribe" not in message and "List-Unsubscribe-Post" not in message
    assert "Unsubscribe: #" in text


def test_address_of_a_demonstration_is_never_called_one_click():
    prepared = prepare(WRITTEN["en"], "en", SENDER, http_allowed=True)
    message, _, _ = parsed(raw(prepared, unsubscribe_url="http://localhost:8000/u/x"))
    assert message["List-Unsubscribe"] == "<http://localhost:8000/u/x>" and "List-Unsubscribe-Post" not in message


def test_same_message_twice_is_the_same_bytes():
    first = raw(prepare(WRITTEN["ar"], "ar", SENDER, fixed=OFFER), {"first_name": "أحمد"})
    assert first == raw(prepare(WRITTEN["ar"], "ar", SENDER, fixed=OFFER), {"first_name": "أحمد"})


def test_arabic_goes_out_in_the_shorter_encoding():
    message, _, _ = parsed(raw(prepare(Parts("عرض", "مرحباً بكم " * 100), "ar", SENDER)))
    assert message.get_body(("plain",))["Content-Transfer-Encoding"] == "base64"
    message, _, _ = parsed(raw(prepare(WRITTEN["fr"], "fr", SENDER)))
    assert message.get_body(("plain",))["Content-Transfer-Encoding"] == "quoted-printable"


def test_boundary_cannot_stand_in_a_body():
    text = "--=_0123456789abcdef01234567\n--=_0123456789abcdef01234567--\n"
    message, read, _ = parsed(raw(prepare(Parts("s", text), "fr", SENDER), {}))
    assert read.startswith(text)
    assert len([*message.iter_parts()]) == 2


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"to_address": "sami@example.tn\r\nBcc: a@evil.example"}, "address_malformed"),
        ({"to_address": "sami\n@example.tn"}, "address_malformed"),
        ({"to_address": "a@x.tn, b@y.tn"}, "address_malformed"),
        ({"to_address": "<sami@example.tn>"}, "address_malformed"),
        ({"to_address": "سامي@example.tn"}, "address_not_ascii"),
        ({"to_address": ""}, "address_empty"),
        ({"to_name": "Sami\nBcc: a@evil.example"}, "header_line_break"),
        ({"to_name": "Sami\x00"}, "header_line_break"),
        ({"message_id": "<a@b>\r\nBcc: a@evil.example"}, "header_line_break"),
        ({"message_id": "a@b"}, "header_line_break"),
        ({"unsubscribe_url": "https://go.atlas.tn/\r\nBcc: a@evil.example"}, "url_malformed"),
        ({"unsubscribe_url": "http://go.atlas.tn/u"}, "url_malformed"),
        ({"unsubscribe_url": "https://go.atlas.tn/>,<mailto:a@evil.example"}, "url_malformed"),
        ({"unsubscribe_url": "https://go.atlas.tn/" + "x" * 1000}, "url_malformed"),
        ({"date": datetime(2026, 7, 1)}, "date_without_zone"),
    ],
)
def test_what_a_header_cannot_carry_is_refused(changed, code):
    with pytest.raises(MessageRefused) as refused:
        raw(prepare(WRITTEN["fr"], "fr", SENDER), **changed)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"address": "offres"}, "address_malformed"),
        ({"address": "offres@localhost"}, "address_domain"),
        ({"name": "Atlas\r\nBcc: a@evil.example"}, "header_line_break"),
        ({"reply_to": "x@y.tn\n"}, None),
        ({"reply_to": "x@y.tn\nBcc: z@evil.example"}, "address_malformed"),
        ({"feedback_id": "a:b\r\nBcc: x"}, "header_line_break"),
        ({"feedback_id": "a b"}, "feedback_malformed"),
        ({"company": " "}, "company_missing"),
    ],
)
def test_sender_that_cannot_be_is_refused(changed, code):
    fields = {name: getattr(SENDER, name) for name in SENDER.__slots__}
    sender = Sender(**{**fields, **changed})
    if code is None:
        assert prepare(WRITTEN["fr"], "fr", sender)
        return
    with pytest.raises(MessageRefused) as refused:
        prepare(WRITTEN["fr"], "fr", sender)
    assert refused.value.code == code


def test_value_that_is_no_text_is_refused():
    with pytest.raises(MessageRefused) as refused:
        raw(prepare(WRITTEN["fr"], "fr", SENDER), {"first_name": 7})
    assert (refused.value.code, refused.value.facts) == ("value_not_text", {"placeholder": "first_name"})


def test_message_with_errors_cannot_be_prepared():
    with pytest.raises(MessageRefused) as refused:
        prepare(Parts("s", "{frist_name}"), "fr", SENDER)
    assert refused.value.code == "not_ready"
    assert [problem.code for problem in refused.value.facts["problems"]] == ["unknown_placeholder"]


def test_message_id_is_the_same_each_time_and_no_other_has_it():
    assert message_id(SECRET, "7", "12", "atlas.tn") == message_id(SECRET, "7", "12", "ATLAS.tn")
    others = [
        message_id(SECRET, "71", "2", "atlas.tn"),
        message_id(SECRET, "7", "13", "atlas.tn"),
        message_id(SECRET, "12", "7", "atlas.tn"),
        message_id(SECRET + b"!", "7", "12", "atlas.tn"),
    ]
    assert len({message_id(SECRET, "7", "12", "atlas.tn"), *others}) == 5
    message, _, _ = parsed(raw(prepare(WRITTEN["fr"], "fr", SENDER), message_id=others[0]))
    assert message["Message-ID"] == others[0]


def test_arabic_reads_from_the_right():
    shown = preview(WRITTEN["ar"], "ar", {"first_name": "Sami"}, SENDER)
    assert '<html lang="ar" dir="rtl">' in shown.html
    assert 'dir="rtl"' in shown.html.split("<body", 1)[1] and "text-align: right" in shown.html
    assert "text-align: left" not in shown.html
    assert "إلغاء الاشتراك" in shown.html and "إلغاء الاشتراك: #" in shown.text
    assert "<bdi>Sami</bdi>" in shown.html


@pytest.mark.parametrize(
    ("language", "words"), [("fr", "Se désabonner"), ("en", "Unsubscribe"), ("ar", "إلغاء الاشتراك")]
)
def test_foot_says_who_writes_and_how_to_be_left_alone(language, words):
    _, text, html = parsed(raw(prepare(WRITTEN[language], language, SENDER)))
    for part in (text, html):
        assert "Atlas Télécom" in part and "12, rue de Marseille" in part and "aide@atlas.tn" in part and words in part
        assert "https://go.atlas.tn/u/abc-_" in part
    assert (
        f'<a href="https://go.atlas.tn/u/abc-_" style="color: #475467;text-decoration: underline;">{words}</a>' in html
    )


def test_preview_brings_nothing_from_elsewhere_and_runs_nothing():
    parts = Parts(
        "s", "", '<p>A <img src="https://x.tn/a.png" alt="Logo"><a href="https://x.tn">x</a></p><script>1</script>'
    )
    shown = preview(parts, "fr", {}, SENDER)
    assert (
        "src=" not in shown.html
        and "<script" not in shown.html
        and "url(" not in shown.html
        and "<link" not in shown.html
    )
    assert 'alt="Logo"' in shown.html and "[Logo]" in shown.text
    assert shown.html.startswith("<!DOCTYPE html>")


def test_preview_shows_what_prepare_would_refuse():
    shown = preview(Parts("{nobody}", "{frist_name} {first_name}"), "fr", {"first_name": "Sami"}, SENDER)
    assert shown.subject == "{nobody}" and shown.text.startswith("{frist_name} Sami")


def test_preheader_is_there_and_unseen():
    prepared = prepare(Parts("s", "x", preheader="Pour vous, {first_name} <3"), "fr", SENDER)
    _, text, html = parsed(raw(prepared, {"first_name": "Zoé"}))
    assert "Pour vous, <bdi>Zoé</bdi> &lt;3</div>" in html and "display: none" in html
    assert "Pour vous" not in text
