"""What the author of a message is told, and where; what is taken out of HTML; the fixed list of placeholders."""

from __future__ import annotations

import pytest

from campaigns.outreach.message import (
    BY_CODE,
    LANGUAGES,
    PLACEHOLDERS,
    MessageRefused,
    Parts,
    Problem,
    Sender,
    check,
    prepare,
    preview,
)

SENDER = Sender("Atlas", "offres@atlas.tn", postal_address="1001 Tunis", contact="aide@atlas.tn")
GOOD = Parts(
    "Merci, {first_name}", "Bonjour {first_name},\n\nVotre offre : https://atlas.tn/offres\n\nÀ bientôt,\n{company}"
)


def told(parts: Parts, language: str = "fr", **how) -> dict[str, Problem]:
    return {problem.code: problem for problem in check(parts, language, **how)}


def html(source: str) -> dict[str, Problem]:
    return told(Parts("Bonjour", "", source))


def body(source: str, values=None) -> str:
    """A sanitised body as a page shows it, styles and all."""
    page = preview(Parts("s", "", source), "fr", values or {}, SENDER).html
    return page.split('class="body"', 1)[1].split(">", 1)[1].split('</td></tr>\n<tr><td class="foot"', 1)[0].strip()


# ------------------------------------------------------------------------------------------------ placeholders


def test_list_is_the_one_that_is_promised():
    assert [one.code for one in PLACEHOLDERS] == (
        "first_name last_name full_name customer_number company offer_name offer_text offer_price offer_discount offer_until "
        "segment tenure_years plan support_contact unsubscribe_url"
    ).split()
    assert {one.code for one in PLACEHOLDERS if one.is_personal} == {
        "first_name", "last_name", "full_name", "customer_number", "segment", "tenure_years", "plan", "unsubscribe_url"
    }  # fmt: skip
    assert all(set(one.fallback) == set(LANGUAGES) for one in PLACEHOLDERS)


@pytest.mark.parametrize(
    ("language", "dear"), [("fr", "cher client"), ("en", "valued customer"), ("ar", "عميلنا العزيز")]
)
@pytest.mark.parametrize("nothing", [None, "", "  ", "\t\n", "\u202e"])
def test_customer_without_a_name_is_greeted_politely(language, dear, nothing):
    shown = preview(Parts("s {first_name}", "A {first_name} Z"), language, {"first_name": nothing}, SENDER)
    assert shown.subject == f"s {dear}" and shown.text.startswith(f"A {dear} Z")


def test_good_message_has_no_errors():
    assert [problem.code for problem in check(GOOD, "fr", sender=SENDER)] == ["placeholder_may_be_unknown"] * 2


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("frist_name", "first_name"),
        ("First_Name", "first_name"),
        ("firstname", "first_name"),
        ("prénom", "first_name"),
        ("nom", "last_name"),
        ("offerprice", "offer_price"),
        ("desabonnement", "unsubscribe_url"),
        ("xyzzy", ""),
    ],
)
def test_unknown_placeholder_is_named_with_its_place_and_what_was_meant(name, meant):
    [problem] = check(Parts("s", f"One line\n  and {{{name}}}"), "en")
    assert problem == Problem(
        "text", "unknown_placeholder", "error", 2, 7, f"{{{name}}}", {"name": name, "suggestion": meant}
    )


def test_placeholder_that_nobody_can_fill_is_an_error():
    found = told(Parts("s", "x {offer_price}"), unavailable=["offer_price"])
    assert found["placeholder_unavailable"].is_error and found["placeholder_unavailable"].facts == {
        "name": "offer_price"
    }
    assert "placeholder_unavailable" not in told(Parts("s", "x {offer_price}"))


@pytest.mark.parametrize("where", ["subject", "preheader"])
def test_long_things_have_no_place_in_one_line(where):
    parts = {"subject": "s", "text": "x", where: "a {unsubscribe_url}"}
    assert told(Parts(**parts))["placeholder_not_here"].part == where


@pytest.mark.parametrize(("written", "code"), [("{first name}", "looks_like_placeholder"), ("{ first_name }", "looks_like_placeholder"), ("{{first_name}}", "double_braces"), ("{{ prénom }}", "double_braces")])  # fmt: skip
def test_what_was_perhaps_meant_as_a_placeholder_is_told(written, code):
    found = told(Parts("s", f"Bonjour {written}"))
    assert not found[code].is_error and found[code].column == 9
    assert preview(Parts("s", f"Bonjour {written}"), "fr", {}, SENDER).text.startswith(f"Bonjour {written}")


@pytest.mark.parametrize("braces", ["{", "}", "{}", "{ }", "a { b } c", "{1}", "{a.b}", "{ not one, surely }"])
def test_other_braces_are_only_braces(braces):
    assert not any(problem.is_error for problem in check(Parts("s", f"x {braces} y"), "en"))
    assert preview(Parts("s", f"x {braces} y"), "en", {}, SENDER).text.startswith(f"x {braces} y")


# ------------------------------------------------------------------------------------------------ parts


@pytest.mark.parametrize(
    ("parts", "part", "code", "facts"),
    [
        (Parts(" ", "x"), "subject", "subject_empty", {}),
        (Parts("a" * 151, "x"), "subject", "subject_too_long", {"length": 151, "most": 150}),
        (Parts("a\r\nBcc: b@c.tn", "x"), "subject", "subject_line_break", {}),
        (Parts("s", " ", "\n"), "text", "body_empty", {}),
        (Parts("s", "a" * 20_001), "text", "text_too_long", {"length": 20_001, "most": 20_000}),
        (Parts("s", "", "é" * 50_001), "html", "html_too_long", {"bytes": 100_002, "most": 100_000}),
        (Parts("s", "", "<div>" * 200), "html", "nested_too_deeply", {"depth": 200, "most": 100}),
        (Parts("s", "x", "", "a" * 201), "preheader", "preheader_too_long", {"length": 201, "most": 200}),
        (Parts("s", "ici : http://x.tn/a."), "text", "link_not_https", {"url": "http://x.tn/a"}),
        (Parts("s", "https://x.tn/{customer_number}"), "text", "placeholder_in_link", {"url": "https://x.tn/{customer_number}"}),
    ],
)  # fmt: skip
def test_what_cannot_be_sent_is_an_error(parts, part, code, facts):
    problem = told(parts)[code]
    assert (problem.part, problem.severity, problem.facts) == (part, "error", facts)
    with pytest.raises(MessageRefused) as refused:
        prepare(parts, "fr", SENDER)
    assert code in {one.code for one in refused.value.facts["problems"]}


@pytest.mark.parametrize("parts", [Parts("a" * 150, "x"), Parts("s", "a" * 20_000), Parts("s", "", "a" * 100_000)])
def test_what_is_just_short_enough_is_none(parts):
    assert prepare(parts, "fr", SENDER)


@pytest.mark.parametrize(
    ("parts", "language", "code"),
    [
        (Parts("GRANDE OFFRE POUR VOUS", "x"), "fr", "subject_shouting"),
        (Parts("Une offre !!", "x"), "fr", "subject_marks"),
        (Parts("s", "a\u202eb"), "fr", "hidden_character"),
        (Parts("عرض", "Bonjour à vous, chers clients"), "ar", "script_unexpected"),
        (Parts("s", "مرحباً بكم جميعاً أيها الأعزاء"), "fr", "script_unexpected"),
        (Parts("s", "sans lien", '<a href="https://x.tn">x</a>'), "fr", "link_missing_in_text"),
    ],
)
def test_what_is_unwise_is_a_warning(parts, language, code):
    assert told(parts, language)[code].severity == "warning"
    assert prepare(parts, language, SENDER)


@pytest.mark.parametrize("subject", ["Offre ADSL", "OK", "عرض خاص لكم اليوم", "{first_name} : 2 MOIS"])
def test_not_every_capital_is_shouting(subject):
    assert "subject_shouting" not in told(Parts(subject, "x"))


def test_sender_without_a_place_is_told():
    assert {"no_postal_address", "no_contact"} <= told(GOOD, sender=Sender("Atlas", "a@atlas.tn")).keys()
    assert not {"no_postal_address", "no_contact"} & told(GOOD, sender=SENDER).keys()


def test_unknown_language_is_refused():
    for door in (
        lambda: check(GOOD, "de"),
        lambda: prepare(GOOD, "de", SENDER),
        lambda: preview(GOOD, "de", {}, SENDER),
    ):
        with pytest.raises(MessageRefused) as refused:
            door()
        assert refused.value.code == "language_unknown"


def test_errors_come_first_and_no_more_than_fifty():
    found = check(Parts("SHOUTING AT YOU", "{nobody} " * 100), "en")
    assert len(found) == 50 and found[0].is_error


# ------------------------------------------------------------------------------------------------ HTML from people


@pytest.mark.parametrize(
    ("source", "code", "facts"),
    [
        ("<p>a</p>\n <script>x</script>", "forbidden_tag", {"tag": "script", "times": 1}),
        ("<section>a</section><section>b</section>", "forbidden_tag", {"tag": "section", "times": 2}),
        ('<p onclick="x">a</p>', "forbidden_attribute", {"tag": "p", "attribute": "onclick", "times": 1}),
        ('<p class="x">a</p><p class="y">b</p>', "forbidden_attribute", {"tag": "p", "attribute": "class", "times": 2}),
        ('<p style="position: fixed">a</p>', "forbidden_style", {"style": "position"}),
        ('<p style="color: url(https://x)">a</p>', "forbidden_style", {"style": "color: url(https://x)"}),
        ("a<!-- x -->", "comment_removed", {}),
        ('<img src="https://x.tn/a.png">', "image_without_alt", {}),
    ],
)
def test_what_is_taken_out_is_told(source, code, facts):
    problem = html(source)[code]
    assert (problem.severity, problem.facts) == ("warning", facts)


def test_place_of_what_is_taken_out_is_told():
    problem = html("<p>a</p>\n  <script>x</script>")["forbidden_tag"]
    assert (problem.part, problem.line, problem.column, problem.text) == ("html", 2, 3, "<script>")


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ('<a href="http://x.tn">a</a>', "link_not_https"),
        ('<a href="javascript:alert(1)">a</a>', "link_not_https"),
        ('<a href=" jAvAscript:x">a</a>', "link_not_https"),
        ('<a href="//x.tn">a</a>', "link_not_https"),
        ('<a href="/x">a</a>', "link_not_https"),
        ('<a href="data:text/html,x">a</a>', "link_not_https"),
        ('<a href="https://x.tn/{customer_number}">a</a>', "placeholder_in_link"),
        ('<a href="{company}">a</a>', "placeholder_in_link"),
        ('<img alt="" src="http://x.tn/a">', "image_not_https"),
        ('<img alt="" src="data:image/png;base64,AA">', "image_not_https"),
        ('<img alt="" src="https://x.tn/{first_name}">', "placeholder_in_link"),
    ],
)
def test_address_that_is_not_ours_to_send_is_an_error_and_never_comes_out(source, code):
    assert html(source)[code].is_error
    shown = body(source, {"customer_number": "77", "first_name": "Sami"})
    assert "href" not in shown and "src" not in shown


@pytest.mark.parametrize("source", ['<a href="https://x.tn/?a=1&amp;b=2">a</a>', '<a href="mailto:a@x.tn">a</a>', '<a href="{unsubscribe_url}">a</a>', '<a class="button" href="https://x.tn">a</a>'])  # fmt: skip
def test_good_links_stay(source):
    assert not any(problem.is_error for problem in html(source).values())
    assert source.split('href="')[1].split('"')[0].replace("{unsubscribe_url}", "#") in body(source)


@pytest.mark.parametrize("source", ["<b>a", "<td>a</td>", "</td></tr></table>a", "<p>a<p>b", "<table><tr><td>a", "<svg><p>a</p></svg>x"])  # fmt: skip
def test_broken_markup_cannot_break_the_page(source):
    page = preview(Parts("s", "", source), "fr", {}, SENDER).html
    whole = preview(Parts("s", "", "<p>a</p>"), "fr", {}, SENDER).html
    own = [page.count(tag) - body(source).count(tag) for tag in ("<table", "</table>", "<td", "</td>", "</body>")]
    assert own == [whole.count(tag) for tag in ("<table", "</table>", "<td", "</td>", "</body>")]


def test_value_in_an_attribute_stays_in_it():
    shown = body('<p title="{first_name}">x</p>', {"first_name": '"><script>x</script>'})
    assert 'title="&quot;&gt;&lt;script&gt;x&lt;/script&gt;"' in shown and "<bdi>" not in shown


def test_lines_of_an_offer_are_lines():
    parts = Parts("s", "A {offer_text} Z", '<p title="{offer_text}">A {offer_text} Z</p>')
    shown = preview(parts, "fr", {"offer_text": "one\r\ntwo"}, SENDER)
    assert shown.text.startswith("A one\ntwo Z")
    assert 'title="one two"' in shown.html and "A <bdi>one<br>two</bdi> Z" in shown.html


# ------------------------------------------------------------------------------------------------ one from the other


def test_text_is_made_of_html():
    source = (
        "<h1>Bonjour&nbsp;{first_name}</h1><p>Une   <b>offre</b>\n pour vous&nbsp;:</p><ul><li>un</li><li>deux"
        "<ul><li>et demi</li></ul></li></ul><ol><li>a</li><li>b</li></ol><p>ligne<br>suivante</p>"
        '<p><a href="https://x.tn/a?b=1&amp;c=2">Voir</a>, <a href="https://x.tn">https://x.tn</a> ou '
        '<a href="mailto:a@x.tn">écrire</a></p><table><tr><td>29,900</td><td>TND</td></tr><tr><td>1</td><td>2</td></tr></table>'
        '<blockquote>dit</blockquote><hr><img src="https://x.tn/l.png" alt="Logo">'
    )
    text = preview(Parts("s", "", source), "fr", {"first_name": "Zoé"}, SENDER).text
    assert text.split("\n\n-- \n")[0] == (
        "Bonjour\u00a0Zoé\n\nUne offre pour vous\u00a0:\n\n- un\n- deux\n  - et demi\n\n1. a\n2. b\n\nligne\nsuivante\n\n"
        "Voir (https://x.tn/a?b=1&c=2), https://x.tn ou écrire (a@x.tn)\n\n29,900   TND\n1   2\n\n> dit\n\n"
        "------------------------\n\n[Logo]"
    )


def test_html_is_made_of_text():
    text = "Bonjour {first_name} & vous,\n\nVoir <ici> :\n- un\n- deux\n\nhttps://x.tn/a?b=1&c=2 (ou https://y.tn).\nFin {unsubscribe_url}"
    shown = preview(Parts("s", text), "fr", {"first_name": "Zoé"}, SENDER).html
    for piece in (
        "Bonjour <bdi>Zoé</bdi> &amp; vous,</p>",
        "Voir &lt;ici&gt; :</p>",
        ">un</li>",
        '<a href="https://x.tn/a?b=1&amp;c=2" ',
        '<a href="https://y.tn" ',
        "</a>).<br>Fin <a href=\"#\"",
    ):  # fmt: skip
        assert piece in shown


@pytest.mark.parametrize("hostile", ["<a ", "<!--", "<a b='", "<div>", "<blockquote>", "<ul><li>", "{", "{a", "https://", "<b><p>"])  # fmt: skip
def test_hundred_kilobytes_of_nonsense_are_told_and_shown(hostile):
    source = hostile * (99_000 // len(hostile))
    check(Parts("s", "", source), "fr")
    assert "Se désabonner" in preview(Parts("s", "", source), "fr", {}, SENDER).html


def test_every_placeholder_can_be_filled():
    values = {code: f"<{code}>" for code in BY_CODE}
    text = " ".join(f"{{{code}}}" for code in BY_CODE)
    shown = preview(Parts("s", text), "fr", values, SENDER, unsubscribe_url="https://go.atlas.tn/u")
    own = {"company": "Atlas", "support_contact": "aide@atlas.tn", "unsubscribe_url": "https://go.atlas.tn/u"}
    assert shown.text.startswith(" ".join(own.get(code, f"<{code}>") for code in BY_CODE))
