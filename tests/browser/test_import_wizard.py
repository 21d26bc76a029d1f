"""The import wizard in a real browser: columns chosen and kept, the dry run, writing, taking back; at two widths, in two themes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_main_job import LONG, sign_in

pytestmark = pytest.mark.browser

HEADERS = [
    "Ref",
    "Situation",
    "tenure",
    "MonthlyCharges",
    "Zone",
    "A header that goes on and on about what it holds" * 3,
]


def write_file(path: Path, prefix: str, *, lines: int = 120) -> Path:
    states = ("Stayed", "Churned", "Stayed", "Joined")
    rows = [
        f"{prefix}{n:04},{states[n % 4]},{n % 60},{20 + n % 9}.5,{'NSEW'[n % 4]},{n % 7}" for n in range(1, lines + 1)
    ]
    path.write_text("\n".join([",".join(HEADERS), *rows, f"{prefix}0001,Stayed,1,20,N,1"]) + "\n")
    return path


def upload(page: Page, site: str, path: Path) -> None:
    page.goto(f"{site}/imports")
    page.locator("input[type=file]").set_input_files(path)
    page.locator("form#upload button[type=submit]").click()
    expect(page).to_have_url(re.compile("/imports/[0-9a-f-]{36}$"), timeout=LONG)
    expect(page.get_by_role("button", name="Go on to the dry run")).to_be_visible(timeout=LONG)


def fits(page: Page) -> None:
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0, page.url


@pytest.mark.parametrize(("width", "dark"), [(390, False), (1440, True)])
def test_file_goes_all_the_way_in_and_is_taken_back(site, open_page, tmp_path, width, dark):
    page = open_page(width=width, dark=dark)
    sign_in(page, site)
    upload(page, site, write_file(tmp_path / "ours.csv", f"W{width}"))
    fits(page)
    page.get_by_role("button", name="Go on to the dry run").click()
    expect(page.get_by_text("Nothing has been written yet.")).to_be_visible(timeout=LONG)
    expect(page.locator("#job")).to_contain_text("This customer number stands on an earlier line")
    fits(page)
    page.get_by_role("button", name="Import the other lines now").click()
    expect(page.get_by_text("The file is in.")).to_be_visible(timeout=LONG)
    fits(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the refused line").click()
    assert download.value.suggested_filename.startswith("refused-")
    page.get_by_role("button", name="Take this import back").click()
    dialog = page.get_by_role("dialog", name="Take this import back?")
    expect(dialog).to_contain_text("The 120 customers it brought are removed.")
    fits(page)
    dialog.get_by_role("button", name="Leave it").click()
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Take this import back").click()
    dialog.get_by_role("button", name="Take it back").click()
    expect(page.get_by_text("120 customers were removed.")).to_be_visible(timeout=LONG)
    fits(page)


def test_choices_follow_each_other_and_outlast_leaving_the_page(site, open_page, tmp_path):
    page = open_page()
    sign_in(page, site)
    upload(page, site, write_file(tmp_path / "left.csv", "L"))
    zone = page.locator("[data-column='4']")
    page.get_by_label("Column that says who left").select_option(label="Zone")
    expect(zone.get_by_role("link", name="Who left")).to_be_visible()
    expect(zone.locator("select")).to_be_hidden()
    for value, meaning in {"N": "left", "S": "stayed", "E": "stayed", "W": "not known yet"}.items():
        page.get_by_role("radiogroup", name=f"What “{value}” means").get_by_role("radio", name=meaning).check()
    page.locator("select[name=column_3]").select_option("ignore")
    expect(page.locator("[data-column='3']").get_by_text("You chose this.")).to_be_visible()
    address = page.url
    page.goto(f"{site}/imports")
    expect(page.get_by_role("link", name="left.csv")).to_be_visible()
    page.goto(address)
    expect(page.get_by_text("Your unfinished choices were put back.")).to_be_visible()
    expect(page.locator("select[name=column_3]")).to_have_value("ignore")
    expect(page.get_by_label("Column that says who left")).to_have_value("4")
    expect(page.get_by_role("radiogroup", name="What “N” means").get_by_role("radio", name="left")).to_be_checked()
    page.get_by_role("button", name="Go on to the dry run").click()
    expect(page.locator("#job dd").first).to_have_text("30", timeout=LONG)
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_text("given up before anything was written")).to_be_visible()
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('import:')).length") == 0


def test_columns_that_cannot_be_are_marked_and_mended(site, open_page, tmp_path):
    page = open_page()
    sign_in(page, site)
    upload(page, site, write_file(tmp_path / "clash.csv", "X"))
    page.locator("select[name=column_4]").select_option("tenure")
    page.get_by_role("button", name="Go on to the dry run").click()
    expect(page.get_by_role("alert")).to_contain_text("are both “Tenure (months)”")
    expect(page.locator("select[name=column_4]")).to_have_value("tenure")
    page.locator("select[name=column_4]").select_option("city")
    page.get_by_role("button", name="Go on to the dry run").click()
    expect(page.get_by_text("Nothing has been written yet.")).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Back to the columns").click()
    expect(page.locator("select[name=column_4]")).to_have_value("city")


def test_many_columns_are_narrowed_to_those_to_look_at(site, open_page, tmp_path):
    path = tmp_path / "wide.csv"
    headers = ["Ref", "Churn", "account length", *(f"measure {n}" for n in range(297))]
    rows = [
        ",".join([f"V{n}", "Yes" if n % 3 else "No", str(n), *(str(n * k % 89) for k in range(297))]) for n in range(90)
    ]
    path.write_text("\n".join([",".join(headers), *rows]) + "\n")
    page = open_page(width=390)
    sign_in(page, site)
    upload(page, site, path)
    expect(page.locator("[data-column]:visible")).not_to_have_count(300)
    expect(page.locator("[data-column='2']")).to_be_visible()
    page.get_by_label("Find a column").fill("measure 29")
    expect(page.locator("[data-column]:visible")).to_have_count(8)
    fits(page)
    page.get_by_label("Find a column").fill("")
    page.get_by_role("button", name="Go on to the dry run").click()
    expect(page.get_by_text("Nothing has been written yet.")).to_be_visible(timeout=LONG)
