"""Every text of the company is of the worst kind, and a real Chromium opens its pages: no script runs, no rule is broken."""

import os

import pytest
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.servers.basehttp import WSGIServer
from django.db import connection
from django.test.testcases import LiveServerThread, QuietWSGIRequestHandler

from . import strings
from .crawl import crawl
from .marks import Marks
from .routes import routes

pytestmark = [pytest.mark.browser, pytest.mark.slow]

KINDS = [kind for kind in strings.KINDS if kind not in strings.IMPOSSIBLE]
WATCH = """
window.broken = [];
document.addEventListener("securitypolicyviolation", (e) => window.broken.push(`${e.violatedDirective} ${e.blockedURI}`));
"""


class OneAtATime(LiveServerThread):
    """A server in this process, on the connection of the test: it sees rows that are never committed. One request at a
    time, as one connection wants it."""

    server_class = WSGIServer

    def _create_server(self, connections_override=None):
        return self.server_class((self.host, self.port), QuietWSGIRequestHandler, allow_reuse_address=False)


class Naughty(Marks):
    """Puts a text of another kind into each column."""

    def _next(self, where: str) -> str:
        return strings.written(KINDS[int(super()._next(where)[2:7]) % len(KINDS)])


@pytest.fixture
def served(companies, settings):
    if connection.vendor != "sqlite":
        pytest.skip("the pages are the same on every database, and this one's connections are not shared")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright keeps a loop in this thread
    connection.inc_thread_sharing()
    server = OneAtATime("127.0.0.1", StaticFilesHandler, connections_override={connection.alias: connection})
    server.daemon = True
    server.start()
    server.is_ready.wait()
    assert server.error is None
    yield f"http://127.0.0.1:{server.port}"
    server.terminate()
    connection.dec_thread_sharing()


def test_no_script_of_anybodys_text_runs(companies, browser_of, served, chromium):
    Naughty(companies.ours).put()
    client = browser_of(companies.ours.people["owner"])
    start = [r.address() for r in routes() if not r.places and "GET" in r.methods and not r.is_api]
    seen = crawl(client, start, most=200)
    pages = [at for at, text in seen.texts.items() if seen.statuses[at] == 200 and "Content-Type: text/html" in text]
    assert len(pages) > 60
    assert sum("window.naughty" in seen.texts[at] for at in pages) > 10, "the texts are on the pages"

    context = chromium.new_context()
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": served}])
    context.add_init_script(WATCH)
    page, findings, dialogs = context.new_page(), [], []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: findings.append(f"{page.url}: {error}"))
    for address in pages:
        page.goto(served + address, wait_until="load")
        if page.evaluate("() => window.naughty"):
            findings.append(f"{address} runs a script of somebody's text")
        findings += [f"{address}: {broken}" for broken in page.evaluate("() => window.broken || []")]
    context.close()
    assert findings == []
    assert dialogs == []
