"""The built-in writer: three languages, every tone, whatever is missing, and never a figure that is not the offer's."""

import datetime as dt
import itertools
import re
from decimal import Decimal

import pytest

from campaigns.outreach.writing import (
    Facts,
    How,
    OfferFacts,
    Price,
    Theme,
    Tone,
    WritingRefused,
    check,
    compose,
    day_text,
    percent_text,
    price_text,
    themes_of,
)
from campaigns.outreach.writing.facts import PERSONAL
from campaigns.outreach.writing.phrases.arabic import ARABIC
from campaigns.outreach.writing.phrases.english import ENGLISH
from campaigns.outreach.writing.phrases.french import FRENCH

from .letters import LANGUAGES, LINK, facts_in, offer_in, tnd

TONES = tuple(Tone)
PERSONAS = ("loyal", "newcomer_at_risk", "talker", "family", "at_risk", "standout:high:x", "")
DRIVERS = [(), ("monthly_charges", "contract"), ("tech_support", "internet_service"), ("tenure", "payment_method"),
           ("volume_data_trend_3m", "nombre_reclamations_last"), ("online_backup", "streaming_tv"), ("age", "gender")]  # fmt: skip


def offers(language):
    return [
        None,
        offer_in(language),
        OfferFacts(),
        offer_in(language, discount=None, how=How.LINK, link=LINK),
        offer_in(language, price_before=None, text="", how=How.SHOP),
        offer_in(language, price_before=None, price_after=None, is_priced_for_each=True, valid_until=None, how="reply"),
        offer_in(language, name="", price_after=None, discount=Decimal("0.125")),
    ]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("tone", TONES)
def test_every_draft_passes_every_check(language, tone):
    for at, drivers in enumerate(DRIVERS):
        for number, offer in enumerate(offers(language)):
            facts = facts_in(
                language, tone=tone, drivers=drivers, offer=offer, persona=PERSONAS[(at + number) % len(PERSONAS)]
            )
            draft = compose(facts, seed=at * 7 + number)
            assert check(draft, facts) == [], draft


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "known", [{"plan": "Fibre 100"}, {"tenure_months": 40}, {"plan": "Fibre 100", "tenure_months": 5}]
)
def test_what_is_known_of_one_customer_is_told_by_placeholder(language, known):
    facts = facts_in(language, **known)
    draft = compose(facts, seed=4)
    assert check(draft, facts) == []
    assert "{tenure_years}" in draft.text or "{plan}" in draft.text
    assert "Fibre 100" not in draft.text


@pytest.mark.parametrize("phrases", [FRENCH, ENGLISH, ARABIC], ids=LANGUAGES)
def test_stock_answers_every_theme_and_way_in_every_tone(phrases):
    assert set(phrases.answer) == set(phrases.subject_of) == set(Theme)
    assert set(phrases.take) == set(How)
    for kinds in (
        *phrases.answer.values(),
        *phrases.take.values(),
        *phrases.talk.values(),
        phrases.opening,
        phrases.subject,
    ):
        assert set(kinds) == set(TONES)
    for kinds in phrases.opening.values():
        assert {"any", "loyal", "new"} <= set(kinds)
        assert len(kinds["any"]) > 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_figures_of_the_offer_are_written_out_once_for_all(language):
    facts = facts_in(language)
    text = compose(facts, seed=2).text
    for figure in (tnd("40").shown(language), tnd("32").shown(language), percent_text(Decimal("0.2"), language), day_text(dt.date(2026, 12, 1), language)):  # fmt: skip
        assert text.count(figure) == 1
    assert facts.offer.name in text and facts.offer.text in text


def test_price_that_differs_from_customer_to_customer_stays_a_placeholder():
    facts = facts_in("fr", offer=offer_in("fr", price_before=None, price_after=None, is_priced_for_each=True))
    draft = compose(facts)
    assert "{offer_price}" in draft.text
    assert "{offer_price}" not in compose(facts_in("fr")).text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("tone", TONES)
def test_same_facts_and_seed_give_the_same_draft_and_the_next_seed_another(language, tone):
    facts = facts_in(language, tone=tone)
    drafts = [compose(facts, seed=seed) for seed in range(12)]
    assert drafts == [compose(facts, seed=seed) for seed in range(12)]
    assert all(one.text != other.text for one, other in itertools.pairwise(drafts))
    assert len({draft.text for draft in drafts}) >= 8


@pytest.mark.parametrize("language", LANGUAGES)
def test_tone_and_persona_change_the_prose(language):
    by_tone = {compose(facts_in(language, tone=tone)).text for tone in TONES}
    by_persona = {
        compose(facts_in(language, persona=persona)).text for persona in ("loyal", "newcomer", "talker", "family")
    }
    assert (len(by_tone), len(by_persona)) == (3, 4)
    assert len(compose(facts_in(language, tone="brief")).text) < len(compose(facts_in(language)).text)


def test_persona_and_label_are_never_told():
    for language in LANGUAGES:
        facts = facts_in(language, persona="newcomer_at_risk", label="Newcomers at risk")
        assert not re.search("risk|newcomers", compose(facts).text, re.IGNORECASE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_theme_is_answered_by_its_own_words(language):
    texts = {compose(facts_in(language, drivers=(theme,), offer=None)).text for theme in Theme}
    assert len(texts) == len(Theme)


@pytest.mark.parametrize("tone", TONES)
def test_french_is_typeset_as_french_is(tone):
    for seed in range(6):
        draft = compose(facts_in("fr", tone=tone), seed=seed)
        assert "'" not in draft.text
        assert not re.search(r" [:;!?%»]|« ", draft.text + draft.subject)
        assert re.search("\u00a0%", draft.text)
        assert not re.search(r"\b(?:tu|toi|ton|tes)\b", draft.text)


@pytest.mark.parametrize("tone", TONES)
def test_arabic_has_its_own_marks_and_the_digits_of_the_maghreb(tone):
    for seed in range(6):
        text = compose(facts_in("ar", tone=tone), seed=seed).text
        assert not re.search("[,;?٠-٩]", text)
        assert "20%" in text


@pytest.mark.parametrize(
    ("features", "themes"),
    [
        (["monthly_charges", "total_charges"], ["price"]),
        (["montant_consommation_mean_3m"], ["price"]),
        (["montant_consommation_trend_3m", "silence_days"], ["use"]),
        (["nombre_reclamations_last", "tenure"], ["complaints", "beginnings"]),
        (["age", "gender", "senior_citizen", "partner", "Favourite colour (other field)"], []),
        (["online_security", "device_protection", "streaming_movies"], ["protection", "entertainment"]),
        ([], []),
    ],
)
def test_drivers_are_matters_that_one_can_help_with(features, themes):
    assert list(themes_of(features)) == themes


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: Facts("fr", " \u200b "), "no_company"),
        (lambda: OfferFacts(discount=Decimal("1.2")), "bad_discount"),
        (lambda: OfferFacts(discount=Decimal("NaN")), "bad_discount"),
        (lambda: Price(Decimal("-1")), "bad_price"),
        (lambda: Price("ten"), "bad_price"),
        (lambda: offer_in("fr", discount=Decimal("0.5")), "prices_disagree"),
        (lambda: OfferFacts(link="http://atlas.tn"), "bad_link"),
        (lambda: OfferFacts(how=How.LINK), "bad_link"),
    ],
)
def test_facts_that_cannot_be_are_refused(make, code):
    with pytest.raises(WritingRefused) as refused:
        make()
    assert refused.value.code == code


def test_facts_are_one_line_without_hidden_characters_and_bounded():
    facts = facts_in("fr", company="Atlas\r\n\u202eBcc: x\x00", plan="x" * 500)
    assert facts.company == "Atlas Bcc: x"
    assert len(facts.plan) == 60


def test_long_names_stay_out_of_the_subject():
    draft = compose(facts_in("fr", offer=offer_in("fr", name="Offre " + "x" * 114)))
    assert 5 <= len(draft.subject) <= 90


def test_value_is_never_scanned_again():
    facts = facts_in(
        "en", company="{offer_name} {first_name.__class__}", offer=offer_in("en", text="{company} {{7*7}}")
    )
    text = compose(facts).text
    assert "{company} {{7*7}}" in text
    assert "{offer_name} {first_name.__class__}" in text


def test_draft_keeps_only_placeholders_that_the_message_engine_fills():
    for language in LANGUAGES:
        for tone in TONES:
            draft = compose(facts_in(language, tone=tone))
            assert set(re.findall(r"\{(\w+)\}", draft.text + draft.subject)) <= set(PERSONAL)


@pytest.mark.parametrize(
    ("amount", "currency", "language", "printed"),
    [
        ("29.9", "TND", "fr", "29,900 TND"),
        ("29.9", "TND", "en", "TND 29.900"),
        ("29.9", "TND", "ar", "29,900 د.ت"),
        ("1234.5", "EUR", "fr", "1 234,50 EUR"),
        ("1234.5", "EUR", "en", "EUR 1,234.50"),
        ("32", "TND", "en", "TND 32"),
        ("32", "", "ar", "32"),
    ],
)
def test_price_is_printed_as_the_language_prints_it(amount, currency, language, printed):
    assert price_text(Decimal(amount), currency, language).replace("\u00a0", " ") == printed


def test_dates_and_shares_are_printed_as_the_language_prints_them():
    first = dt.date(2027, 1, 1)
    assert [day_text(first, one).replace("\u00a0", " ") for one in LANGUAGES] == ["1er janvier 2027", "1 January 2027", "1 جانفي 2027"]  # fmt: skip
    assert [percent_text(Decimal("0.125"), one) for one in LANGUAGES] == ["12,5\u00a0%", "12.5%", "12,5%"]
