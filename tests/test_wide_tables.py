"""A table that is wider than its place says so, in a browser."""

import pytest

pytestmark = pytest.mark.browser

STYLE = ".pst-scrollable-table-container { overflow-x: auto; } table { width: 600px; }"


@pytest.mark.parametrize("width", [400, 1000])
def test_a_hint_stands_above_a_table_where_it_scrolls(browser, tmp_path, root, width):
    script = (root / "book/_static/tables.js").as_uri()
    table = "<div class='pst-scrollable-table-container'><table><tr><td>1</td></tr></table></div>"
    path = tmp_path / "page.html"
    head = f"<meta charset=utf-8><style>{STYLE}</style><script src='{script}'></script>"
    path.write_text(f"{head}<div class='table-frame'>{table}</div>")
    page = browser.new_page(viewport={"width": width, "height": 400})
    page.set_default_timeout(120_000)
    page.goto(path.as_uri())
    hint = page.locator(".table-hint")
    hint.wait_for(state="visible" if width < 600 else "hidden")
    assert "sideways" in hint.text_content()
    page.set_viewport_size({"width": 1400 - width, "height": 400})
    hint.wait_for(state="hidden" if width < 600 else "visible")
    page.close()


def test_what_stands_between_the_hint_and_its_table_stays(browser, tmp_path, root):
    """A leaderboard puts its filter there, before or after this script runs."""
    script = (root / "book/_static/tables.js").as_uri()
    table = "<div class='pst-scrollable-table-container'><table><tr><td>1</td></tr></table></div>"
    put = "document.querySelector('.table-hint').insertAdjacentHTML('afterend', '<p id=f>F</p>')"
    later = f"<script>addEventListener('load', () => {put})</script>"
    path = tmp_path / "page.html"
    head = f"<meta charset=utf-8><style>{STYLE}</style><script src='{script}'></script>{later}"
    path.write_text(f"{head}<div class='table-frame'>{table}</div>")
    page = browser.new_page(viewport={"width": 400, "height": 400})
    page.set_default_timeout(120_000)
    page.goto(path.as_uri())
    page.set_viewport_size({"width": 1000, "height": 400})
    page.locator(".table-hint").wait_for(state="hidden")
    assert page.locator("#f").is_visible()
    page.close()
