"""Every page of the built book passes all rules of axe, light and dark."""

from importlib import resources

import pytest

pytestmark = [pytest.mark.book, pytest.mark.browser]

# Style sheets are there; axe need not load them once more. In the dark only colours differ.
CHECK = """rules => axe.run({preload: false, ...rules}).then(found => found.violations.flatMap(
    rule => rule.nodes.map(node => [rule.id, node.target.join(" "), node.failureSummary])))"""
RULES = {"light": {}, "dark": {"runOnly": ["color-contrast", "link-in-text-block"]}}


@pytest.mark.parametrize("scheme", RULES)
def test_no_page_breaks_a_rule(html, server, browser, scheme):
    axe = (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    pages = sorted(path.relative_to(html).as_posix() for path in html.rglob("*.html") if "_static" not in path.parts)
    # With less motion colours are what they are at once, and do not fade in.
    look = {"color_scheme": scheme, "reduced_motion": "reduce"}
    context = browser.new_context(viewport={"width": 1280, "height": 900}, **look)
    context.set_default_timeout(120_000)
    broken = {}
    for name in pages:
        page = context.new_page()
        page.goto(f"{server}/{name}", wait_until="load")
        page.evaluate(axe)
        if found := page.evaluate(CHECK, RULES[scheme]):
            broken[name] = found[:3]
        page.close()
    context.close()
    assert len(pages) > 30
    assert not broken
