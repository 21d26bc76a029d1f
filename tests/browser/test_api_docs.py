"""The page of the API's description in a real Chromium: it draws itself under the strict policy, and a call can be tried."""

import os
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def enter(page, server, person) -> None:
    client = Client()
    client.force_login(person)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": server.url}])


def drawn_by_scrolling(page, wanted: str = "") -> set[str]:
    """Operations are drawn when they come into view, from 150 on; scrolls until one is there, or to the end."""
    seen, last = set(), -1
    page.evaluate("scrollTo(0, 0)")
    while (here := page.evaluate("scrollY")) != last:
        page.wait_for_timeout(250)
        seen.update(page.evaluate("Array.from(document.querySelectorAll('.opblock'), (one) => one.id)"))
        if wanted in seen:
            break
        last = here
        page.evaluate("scrollBy(0, 500)")
    return seen


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (390, True)])
def test_description_is_drawn_and_a_call_is_tried(open_page, live_server, cast, width, dark, tmp_path):
    page = open_page(width=width, dark=dark)
    enter(page, live_server, cast.olfa)
    page.goto(f"{live_server.url}/workspace/keys")
    page.get_by_role("link", name="API documentation").click()
    page.locator(".opblock").first.wait_for(timeout=60_000)
    assert page.evaluate("document.documentElement.classList.contains('dark-mode')") is dark
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), "nothing juts out"

    assert len(drawn_by_scrolling(page)) > 100
    wanted = "operations-Workspace-post_notifications"
    assert wanted in drawn_by_scrolling(page, wanted)
    notifications = page.locator(f"#{wanted}")
    notifications.locator(".opblock-summary-control").click()
    notifications.get_by_role("button", name="Try it out").click()
    with page.expect_response("**/api/notifications") as answered:
        notifications.get_by_role("button", name="Execute").click()
    assert answered.value.status == 200, "sent with the session and its token"
    notifications.locator(".live-responses-table").first.wait_for()
    kept = Path(os.environ.get("SCREENSHOTS", tmp_path))
    page.screenshot(path=kept / f"api-docs-{width}.png")
    page.goto(f"{live_server.url}/api/docs")
    page.locator(".opblock").first.wait_for(timeout=60_000)
    page.screenshot(path=kept / f"api-docs-top-{width}.png")
