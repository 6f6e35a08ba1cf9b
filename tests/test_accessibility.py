"""Every page of the built book passes all rules of axe, light and dark."""

import functools
import http.server
import os
import shutil
import threading
from importlib import resources

import pytest

pytestmark = [pytest.mark.book, pytest.mark.browser]

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
# Style sheets are there; axe need not load them once more. In the dark only colours differ.
CHECK = """rules => axe.run({preload: false, ...rules}).then(found => found.violations.flatMap(
    rule => rule.nodes.map(node => [rule.id, node.target.join(" "), node.failureSummary])))"""
RULES = {"light": {}, "dark": {"runOnly": ["color-contrast", "link-in-text-block"]}}


@pytest.mark.parametrize("scheme", RULES)
def test_no_page_breaks_a_rule(smoke, scheme):
    if CHROMIUM is None:
        message = "no Chromium was found on this machine"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    from playwright.sync_api import sync_playwright

    html = smoke / "build/smoke/_build/html"
    pages = sorted(path.relative_to(html).as_posix() for path in html.rglob("*.html") if "_static" not in path.parts)
    axe = (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *arguments: None})
    broken = {}
    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(quiet, directory=html)) as server,
        sync_playwright() as playwright,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for name in pages:
            # With less motion colours are what they are at once, and do not fade in.
            look = {"color_scheme": scheme, "reduced_motion": "reduce"}
            context = browser.new_context(viewport={"width": 1280, "height": 900}, **look)
            page = context.new_page()
            page.set_default_timeout(120_000)
            page.goto(f"http://127.0.0.1:{server.server_address[1]}/{name}", wait_until="load")
            page.evaluate(axe)
            if found := page.evaluate(CHECK, RULES[scheme]):
                broken[name] = found[:3]
            context.close()
        browser.close()
        server.shutdown()
    assert len(pages) > 30
    assert not broken
