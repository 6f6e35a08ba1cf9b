"""Every page of the built book passes all rules of axe, light and dark."""

from importlib import resources

import pytest

pytestmark = [pytest.mark.book, pytest.mark.browser]

# Style sheets are there; axe need not load them once more. In the dark only colours differ.
CHECK = """rules => axe.run({preload: false, ...rules}).then(found => found.violations.flatMap(
    rule => rule.nodes.map(node => [rule.id, node.target.join(" "), node.failureSummary])))"""
RULES = {"light": {}, "dark": {"runOnly": ["color-contrast", "link-in-text-block"]}}
#: What a page may have hundreds of, all of one kind made alike: entries of the reference and of the index, and rows.
REPEATED = "article dl.py, article tbody tr, .genindextable li"
#: The page of what is not there has no script that sets the theme.
TURNED = "scheme => [scheme, undefined].includes(document.documentElement.dataset.theme)"
SHORTEN = "([kinds, most]) => [...document.querySelectorAll(kinds)].slice(most).forEach(part => part.remove())"


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("most", [100, pytest.param(None, marks=pytest.mark.attack)])
def test_no_page_breaks_a_rule(html, server, browser, most, first):
    """Of what is repeated on a page the first hundred are looked at; ``make attack`` looks at all.

    Every second page is a test of its own, so that two processes share them.
    """
    axe = (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    pages = sorted(path.relative_to(html).as_posix() for path in html.rglob("*.html") if "_static" not in path.parts)
    # With less motion colours are what they are at once, and do not fade in.
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(120_000)
    broken = {}
    for name in pages[first::2]:
        page = context.new_page()
        page.goto(f"{server}/{name}", wait_until="load")
        if most:
            page.evaluate(SHORTEN, [REPEATED, most])
        page.evaluate(axe)
        for scheme, rules in RULES.items():
            page.emulate_media(color_scheme=scheme)
            page.wait_for_function(TURNED, arg=scheme)
            if found := page.evaluate(CHECK, rules):
                broken[name, scheme] = found[:3]
        page.close()
    context.close()
    assert len(pages) > 60
    assert not broken
