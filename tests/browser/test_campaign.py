"""Campaigns in a real browser: what the last one did, a new one from the form to its mails, the mail for one customer, and
leaving by the link in it.
"""

from __future__ import annotations

import re
import uuid
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_import_wizard import fits
from tests.browser.test_main_job import LONG, sign_in

pytestmark = pytest.mark.browser

PAST = "Plan upgrade, three months ago"  # the demonstration's own campaign, with what came of it
ALICE = "alice@atlas.example.com"


def go(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_load_state("networkidle")
    fits(page)


def press(page: Page, name: str) -> None:
    """The button of this name that can be seen: a phone has its own."""
    page.locator("button:visible", has_text=re.compile(f"^\\s*{name}\\s*$")).first.click()


def compose(page: Page, site: str) -> None:
    """The form, once there are offers: they come with the first segments, a minute after the customers."""
    for _ in range(LONG // 2_000):
        go(page, f"{site}/campaigns/new")
        if page.locator("select[name=offer] option").count() > 1:
            return
        page.wait_for_timeout(2_000)
    pytest.fail("no offers were made")


def people_counted(page: Page) -> int:
    return int(re.sub(r"\D", "", page.locator("#audience .stat-value").inner_text()))


@pytest.fixture
def alice(site, open_page):
    """``alice(width)``: Alice's browser, signed in, who says yes to what she is asked."""

    def opened(width: int, **options) -> Page:
        page = open_page(width=width, **options)
        page.on("dialog", lambda dialog: dialog.accept())
        sign_in(page, site, ALICE)
        return page

    return opened


@pytest.mark.parametrize("width", [390, 1440])
def test_past_campaign_says_what_it_did(site, alice, width):
    page = alice(width)
    go(page, f"{site}/campaigns")
    row = page.locator("#results").get_by_role("link", name=PAST).locator("visible=true")
    expect(row).to_be_visible()
    row.click()
    expect(page.get_by_role("heading", name=PAST)).to_be_visible()
    fits(page)
    said = page.locator("#result-title").inner_text()
    page.get_by_role("link", name="The whole result").click()
    expect(page.locator("#result-title")).to_have_text(said)
    page.wait_for_function("() => document.querySelectorAll('.js-plotly-plot').length === 2")
    expect(page.get_by_role("heading", name="The groups")).to_be_visible()
    fits(page)


@pytest.mark.parametrize("width", [390, 1440])
def test_campaign_goes_from_the_form_to_the_mailbox(site, alice, open_page, width):
    page = alice(width)
    compose(page, site)
    page.get_by_label("Name", exact=True).fill(f"Autumn {uuid.uuid4().hex[:8]}")
    expect(page.locator("#audience .stat-value")).to_be_visible()
    high = people_counted(page)
    page.get_by_label("Medium risk").check()
    page.wait_for_function(
        "before => document.querySelector('#audience .stat-value').innerText.replace(/\\D/g, '') !== String(before)",
        arg=high,
    )
    both = people_counted(page)
    assert both > high > 0
    page.locator("select[name=message]").select_option(label="An offer for you")
    page.locator("select[name=offer]").select_option(index=1)
    page.locator("select[name=default_language]").select_option("en")
    page.locator("input[name=holdout]").clear()
    page.locator("input[name=holdout]").press_sequentially("20")
    expect(page.locator("#audience")).to_contain_text(f"About {round(both * 0.2)} of them would be left alone")
    fits(page)
    press(page, "Save the draft")

    expect(page.get_by_role("heading", name="Next: check it")).to_be_visible()
    fits(page)
    press(page, "Check")
    expect(page.get_by_role("heading", name="Next: somebody approves it")).to_be_visible(timeout=LONG)
    expect(page.get_by_text("Did not agree to be written to")).to_be_visible()
    fits(page)
    press(page, "Approve")
    asked = page.get_by_role("dialog", name=re.compile("Write to [0-9]+ customers"))
    expect(asked).to_be_visible()
    wanted = int(re.search(r"\d+", asked.inner_text())[0])
    fits(page)
    asked.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("heading", name="Ready to start")).to_be_visible()
    fits(page)
    press(page, "Start now")
    expect(page.locator("#job")).to_contain_text(f"{wanted} of {wanted} done", timeout=LONG)
    expect(page.locator("main .badge", has_text="finished").first).to_be_visible(timeout=LONG)
    fits(page)
    page.get_by_role("link", name="Recipients").first.click()
    expect(page.locator("#results")).to_be_visible()
    fits(page)

    go(page, f"{site}/mailbox")
    page.locator("#results a.stretch").first.click()
    mail = page.frame_locator("iframe")
    expect(mail.get_by_role("link", name=re.compile("Unsubscribe|Se désabonner|désabonn|إلغاء"))).to_be_visible()
    expect(page.get_by_text("List-Unsubscribe", exact=True)).to_be_visible()
    fits(page)
    leave = mail.get_by_role("link", name=re.compile("Unsubscribe|Se désabonner|désabonn|إلغاء")).get_attribute("href")
    leave_by_the_link(open_page, site + urlsplit(leave).path, width)


def leave_by_the_link(open_page, address: str, width: int) -> None:
    """A reader without an account, in each of the three languages; the last of them presses the button."""
    for locale, language, direction in (("ar-TN", "ar", "rtl"), ("en-GB", "en", "ltr"), ("fr-FR", "fr", "ltr")):
        page = open_page(width=width, locale=locale)
        go(page, address)
        expect(page.locator("html")).to_have_attribute("lang", language)
        expect(page.locator("html")).to_have_attribute("dir", direction)
        expect(page.locator("main section").first.get_by_role("button")).to_be_visible()
        assert not page.context.cookies()
    page.locator("main section").first.get_by_role("button").click()
    expect(page.get_by_role("heading", name="Vous êtes désabonné")).to_be_visible()
    fits(page)
    assert not page.context.cookies()


@pytest.mark.parametrize("width", [390, 1440])
def test_mail_for_the_riskiest_customer_is_drafted_afresh(site, alice, width):
    page = alice(width)
    go(page, f"{site}/clients")
    page.locator("#results a.stretch:visible").first.click()
    page.get_by_role("link", name="Retention mail").click()
    expect(page.get_by_role("heading", name="Risk of leaving")).to_be_visible()
    fits(page)
    mail = page.frame_locator("iframe")
    expect(mail.locator("body")).not_to_be_empty()
    page.locator("select[name=language]").select_option("ar")
    press(page, "Draft afresh")
    expect(page).to_have_url(re.compile(r"\?draft=[0-9a-f-]{36}#mail$"))
    expect(page.frame_locator("iframe").locator("html")).to_have_attribute("dir", "rtl")
    first = page.frame_locator("iframe").locator("body").inner_text()
    press(page, "Draft afresh")
    page.wait_for_load_state("networkidle")
    assert page.frame_locator("iframe").locator("body").inner_text() != first
    fits(page)


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("dark", [False, True])
def test_every_page_about_campaigns_is_clean_and_fits(site, alice, width, dark):
    page = alice(width, dark=dark)
    go(page, f"{site}/campaigns")
    campaign = page.get_by_role("link", name=PAST).locator("visible=true").get_attribute("href")
    go(page, f"{site}/messages")
    message = page.locator("#results a[href^='/messages/']").first.get_attribute("href")
    for address in (
        campaign,
        f"{campaign}/results",
        f"{campaign}/recipients",
        "/campaigns/new",
        "/campaigns/whom",
        message,
        f"{message}/edit",
        "/messages/new",
        "/messages/drafts/new",
        "/consent",
        "/consent/suppressions",
        "/consent/lists",
        "/mailbox",
        "/sender",
    ):
        go(page, site + address)
