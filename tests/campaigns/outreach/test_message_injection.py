"""Whatever stands in a template, a customer's name, a segment's or a company's: its letters come out, nothing is evaluated."""

from __future__ import annotations

import email
import re
from datetime import UTC, datetime
from email import policy
from html import escape
from html.parser import HTMLParser

import pytest

from campaigns.outreach.message import MessageRefused, Parts, Sender, check, prepare, preview

SENDER = Sender("Atlas", "offres@atlas.tn", postal_address="1001 Tunis", contact="aide@atlas.tn")

PAYLOADS = [
    # Django
    "{{ messages.storages.0.signer.key }}",
    "{{ settings.SECRET_KEY }}",
    "{{ request.user.password }}",
    "{{7*7}}",
    "{{ 7|add:7 }}",
    "{% debug %}",
    "{% load static %}{% static 'x' %}",
    "{% include '/etc/passwd' %}",
    "{% csrf_token %}",
    "{% extends 'base.html' %}",
    "{% if True %}yes{% endif %}",
    "{% for x in 'ab' %}{{ x }}{% endfor %}",
    "{# a comment #}",
    "{% verbatim %}{{ x }}{% endverbatim %}",
    "{{ block.super }}",
    # Jinja and its like
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ config.items() }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ lipsum.__globals__['os'] }}",
    "{% set x = 7 %}{{ x * 7 }}",
    "{%- raw -%}{{ 1 }}{%- endraw -%}",
    "{{ self._TemplateReference__context }}",
    "# for x in y",
    "<%= 7 * 7 %>",
    "<%= File.open('/etc/passwd').read %>",
    "#{7*7}",
    "${7*7}",
    "${T(java.lang.Runtime).getRuntime().exec('id')}",
    "*{7*7}",
    "@(7*7)",
    "{php}echo 7*7;{/php}",
    "[[${7*7}]]",
    # format strings
    "{0}",
    "{}",
    "{0.__class__}",
    "{0.__class__.__init__.__globals__}",
    "{0[password]}",
    "{first_name.__class__}",
    "{first_name!r}",
    "{first_name:>30}",
    "{company.__init__.__globals__[settings].SECRET_KEY}",
    "{:x^10}",
    "%(password)s",
    "%s %d %x %n",
    "%(first_name)s",
    "$first_name",
    "$$",
    r"\{first_name\}",
    "{{{first_name}}}",
    "{{first_name}",
    "{first_name}}",
    # headers
    "Sami\r\nBcc: everybody@evil.example",
    "Sami\nSubject: won",
    "Sami\r\n\r\n<script>alert(1)</script>",
    "Sami\x00\x0bBcc: a@evil.example",
    "=?utf-8?q?Bcc=3A_a=40evil=2Eexample?=",
    '"Sami" <a@evil.example>, b@evil.example',
    "Sami%0d%0aBcc:a@evil.example",
    "Sami\u2028Bcc: a@evil.example",
    # HTML and scripts
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "'-alert(1)-'",
    "</td></table></body><h1>mine</h1>",
    "<!--[if mso]><script>x</script><![endif]-->",
    '<a href="javascript:alert(1)">x</a>',
    '<a href="mailto:a@evil.example?bcc=b@evil.example">x</a>',
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#123;company&#125;",
    "<style>*{display:none}</style>",
    "\ue0f1company\ue0f1",
    "\u202egnp.exe",
]


class Words(HTMLParser):
    """What a reader sees of a page's body, and every tag and attribute of it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words, self.tags, self.attributes = [], set(), set()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


def letters(text: str) -> str:
    """Visible letters, white space as one space: what a payload may at most become."""
    seen = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ue0f1]", "", text)
    return re.sub(r"[ \t\r\n\u2028]+", " ", seen).strip()


def built(prepared, values, to_name="Sami") -> email.message.EmailMessage:
    data = prepared.build(
        values,
        to_name=to_name,
        to_address="sami@example.tn",
        message_id="<a@atlas.tn>",
        unsubscribe_url="https://go.atlas.tn/u/x",
        date=datetime(2026, 7, 1, tzinfo=UTC),
    )
    return email.message_from_bytes(data, policy=policy.default)


def only_our_headers(message) -> bool:
    ours = "From To Subject Date Message-ID List-Unsubscribe List-Unsubscribe-Post Precedence MIME-Version Content-Type"
    return sorted(message.keys()) == sorted(ours.split()) and len(message["To"].addresses) == 1


def is_harmless(page: str) -> bool:
    found = Words(page)
    handlers = {name for name in found.attributes if name.startswith("on")}
    wanted = found.tags & {"script", "svg", "iframe", "form", "object"}
    return not handlers and not wanted and "javascript:" not in page.lower().replace(escape("javascript:"), "")


def test_there_are_sixty_payloads_and_more():
    assert len(set(PAYLOADS)) == len(PAYLOADS) >= 60


@pytest.mark.parametrize("payload", PAYLOADS)
def test_payload_in_a_template_comes_out_as_it_was_written(payload):
    parts = Parts(f"A {payload} Z", f"A {payload} Z", f"<p>A {escape(payload)} Z</p>")
    shown = preview(parts, "en", {"first_name": "Sami", "company": "Atlas"}, SENDER)
    wanted = letters(f"A {payload} Z")
    assert letters(shown.subject) == wanted
    assert wanted in letters(shown.text)
    assert wanted in letters(Words(shown.html).text)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_payload_in_a_template_is_sent_as_letters_or_not_at_all(payload):
    parts = Parts(f"A {payload} Z", f"A {payload} Z")
    try:
        prepared = prepare(parts, "en", SENDER)
    except MessageRefused as refusal:
        codes = {problem.code for problem in refusal.facts["problems"]}
        assert codes <= {"subject_line_break", "unknown_placeholder"}
        return
    message = built(prepared, {"first_name": "Sami"})
    assert letters(str(message["Subject"])) == letters(f"A {payload} Z")
    assert letters(f"A {payload} Z") in letters(message.get_body(("plain",)).get_content())
    assert only_our_headers(message)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_payload_as_markup_of_a_template_does_nothing(payload):
    shown = preview(Parts("s", "", f"<div>A {payload} Z</div>"), "en", {}, SENDER)
    assert is_harmless(shown.html)
    assert shown.html.count("</body>") == 1 and shown.html.rstrip().endswith("</html>")
    assert shown.html.index("Unsubscribe") > shown.html.index("A ")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_payload_as_a_customers_name_or_a_segments_is_a_name(payload):
    parts = Parts(
        "S {first_name} {segment} E",
        "S {first_name} E\nT {segment} E",
        '<p title="{first_name}">S {first_name} E</p><p>T {segment} E</p>',
    )
    prepared = prepare(parts, "en", SENDER)
    message = built(prepared, {"first_name": payload, "segment": payload, "company": "not mine"})
    name = letters(payload)
    assert letters(str(message["Subject"])) == letters(f"S {name} {name} E")
    text = message.get_body(("plain",)).get_content()
    page = message.get_body(("html",)).get_content()
    for whole in (letters(text), letters(Words(page).text)):
        assert f"S {name} E" in whole and f"T {name} E" in whole
    assert is_harmless(page)
    assert only_our_headers(message)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_payload_as_the_name_of_who_gets_it_is_a_name_or_refused(payload):
    prepared = prepare(Parts("s", "Hello"), "en", SENDER)
    if re.search("[\r\n\x00]", payload):
        with pytest.raises(MessageRefused) as refused:
            built(prepared, {}, payload)
        assert refused.value.code == "header_line_break" and refused.value.facts == {"header": "To"}
        return
    message = built(prepared, {}, payload)
    assert only_our_headers(message)
    assert message["To"].addresses[0].addr_spec == "sami@example.tn"
    assert letters(message["To"].addresses[0].display_name) == letters(payload)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_payload_as_the_companys_name_is_a_name_or_refused(payload):
    sender = Sender(payload, "offres@atlas.tn", postal_address=payload, contact=payload)
    parts = Parts("S {company} E", "S {company} E", "<p>S {company} E</p>")
    if re.search("[\r\n\x00]", payload):
        with pytest.raises(MessageRefused) as refused:
            prepare(parts, "en", sender)
        assert refused.value.code == "header_line_break" and refused.value.facts == {"header": "From"}
        return
    message = built(prepare(parts, "en", sender), {"first_name": "Sami"})
    name = letters(payload)
    assert letters(str(message["Subject"])) == f"S {name} E"
    text, page = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    for whole in (letters(text), letters(Words(page).text)):
        assert f"S {name} E" in whole and f"because you are a customer of {name}." in whole
    assert is_harmless(page) and only_our_headers(message)


def test_value_is_never_read_again():
    prepared = prepare(Parts("s", "A {first_name} Z"), "en", SENDER, fixed={"offer_name": "{first_name}"})
    message = built(prepared, {"first_name": "{last_name}{company}", "last_name": "no"})
    assert "A {last_name}{company} Z" in message.get_body(("plain",)).get_content()


def test_value_that_is_the_same_for_all_is_never_read_either():
    parts = Parts("{offer_name}", "A {offer_name} Z", "<p>A {offer_name} Z</p>")
    message = built(prepare(parts, "en", SENDER, fixed={"offer_name": "{first_name} & <b>"}), {"first_name": "no"})
    assert message["Subject"] == "{first_name} & <b>"
    assert "A {first_name} & <b> Z" in message.get_body(("plain",)).get_content()
    assert "A {first_name} & <b> Z" in Words(message.get_body(("html",)).get_content()).text


def test_nobody_but_the_engine_can_make_its_own_slots():
    parts = Parts("\ue0f1company\ue0f1", "\ue0f1link1\ue0f1", '<a href="\ue0f1link1\ue0f1">\ue0f1title\ue0f1</a>')
    shown = preview(parts, "en", {"company": "no"}, SENDER)
    assert shown.subject == "company"
    assert shown.text.startswith("link1") and "\ue0f1" not in shown.html
    assert {problem.code for problem in check(parts, "en")} >= {"hidden_character"}
