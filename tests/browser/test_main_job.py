"""The main job as an analyst does it: sign in, bring a file, watch the bar, train, open the riskiest customer, read why."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from churnguard.seeding import DEMO_PASSWORD
from customers.ingest import synthetic

pytestmark = pytest.mark.browser

LONG = 120_000  # milliseconds: a training on a busy machine


def sign_in(page: Page, site: str, email: str = "anna@atlas.example.com") -> None:
    page.goto(f"{site}/dashboard")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(DEMO_PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile("/dashboard$"))


def test_analyst_imports_trains_and_reads_why(site, open_page, tmp_path):
    path = tmp_path / "our customers.csv"
    synthetic.write_csv(path, customers=3000, seed=99)
    page = open_page()
    sign_in(page, site)
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()

    page.goto(f"{site}/imports")
    page.locator("input[type=file]").set_input_files(path)
    page.locator("form#upload button[type=submit]").click()
    expect(page).to_have_url(re.compile("/imports/[0-9a-f-]{36}$"))
    page.get_by_role("button", name="Go on to the dry run").click()
    expect(page.get_by_text("Nothing has been written yet.")).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Import now").click()
    expect(page.get_by_text("The file is in.")).to_be_visible(timeout=LONG)
    expect(page.locator("#job")).to_contain_text("3,000")

    page.goto(f"{site}/mlops")
    page.get_by_role("button", name="Train again").click()
    expect(page.locator("#job progress")).to_be_visible()
    expect(page.locator("#job progress")).to_be_hidden(timeout=LONG)
    expect(page.get_by_text("Model 2").first).to_be_visible(timeout=LONG)
    page.goto(f"{site}/mlops/versions/2")
    page.wait_for_function("() => document.querySelectorAll('.js-plotly-plot').length >= 2")

    # The scoring follows by itself; the list then holds the customers of the new file.
    page.goto(f"{site}/clients")
    page.locator("#results a.stretch").first.click()
    expect(page).to_have_url(re.compile("/clients/[0-9a-f-]{36}$"))
    expect(page.get_by_role("heading", name="Why")).to_be_visible()
    expect(page.get_by_text("raises the risk").first).to_be_visible()


def test_filters_stay_in_the_address(site, open_page):
    page = open_page()
    sign_in(page, site)
    page.goto(f"{site}/clients")
    page.locator("select[name=contract]").select_option("Month-to-month")
    expect(page).to_have_url(re.compile("contract=Month-to-month"))
    expect(page.locator("#results tbody tr").first).to_contain_text("Month-to-month")
    page.reload()
    expect(page.locator("select[name=contract]")).to_have_value("Month-to-month")


def test_refused_file_says_why_on_the_form(site, open_page, tmp_path):
    path = tmp_path / "notes.csv"
    path.write_text("just some words\nand more of them\n")
    page = open_page()
    sign_in(page, site)
    page.goto(f"{site}/imports")
    page.locator("input[type=file]").set_input_files(path)
    page.locator("form#upload button[type=submit]").click()
    expect(page.locator("#id_file_error")).to_contain_text("is no table")


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("dark", [False, True])
def test_every_page_is_clean_and_fits(site, open_page, width, dark):
    page = open_page(width=width, dark=dark)
    sign_in(page, site, "olfa@atlas.example.com")
    page.goto(f"{site}/clients")
    customer = page.locator("a.stretch:visible").first.get_attribute("href")
    for path in (
        "/dashboard",
        "/clients",
        customer,
        "/imports",
        "/mlops",
        "/mlops/versions/1",
        "/notifications",
        "/password",
    ):
        page.goto(site + path)
        page.wait_for_load_state("networkidle")
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, path


def test_viewer_sees_no_button_that_would_refuse(site, open_page):
    page = open_page()
    sign_in(page, site, "bob@atlas.example.com")
    page.goto(f"{site}/mlops")
    expect(page.get_by_role("button", name="Train again")).to_have_count(0)
    page.goto(f"{site}/imports")
    expect(page.locator("input[type=file]")).to_have_count(0)


def test_french_speaks_french(site, open_page):
    page = open_page()
    sign_in(page, site, "charlie@borealis.example.com")
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    expect(page.get_by_role("link", name="Clients").first).to_be_visible()
