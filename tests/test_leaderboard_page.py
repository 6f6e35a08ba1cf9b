"""Leaderboards in a browser: they sort and filter, with the keyboard alone, and are plain tables without JavaScript."""

import pytest

pytestmark = pytest.mark.browser

COLUMNS = ["Method", "SNR [dB]", "Periods", "It knows", "Fit"]
ROWS = [
    ["Forward", "28.55 [28.3, 28.8]", "1", "noisy pairs, the scanner", "20 min"],
    ["Averages", "8.0", "2", "a second period of the same object", "–"],
    ["Ceiling", "7.9", "1", "clean signals, the scanner", "100 s"],
    ["Printed", "6.5", "–", "–", "–"],
    ["Noisy", "−5.0", "1", "nothing", "3 s"],
]


def table(rows=ROWS, columns=COLUMNS):
    def row(cells, tag):
        return "<tr>" + "".join(f"<{tag}><p>{cell}</p></{tag}>" for cell in cells) + "</tr>"

    head = f"<thead>{row(columns, 'th')}</thead>"
    return f"<table>{head}<tbody>{''.join(row(cells, 'td') for cells in rows)}</tbody></table>"


@pytest.fixture
def opened(browser, tmp_path, root):
    """Open a page that holds this, with the scripts of the book or without any."""
    contexts = []

    def make(content, scripts=True):
        path = tmp_path / "page.html"
        script = (root / "book/_static/leaderboard.js").as_uri()
        path.write_text(f"<meta charset=utf-8><script src='{script}'></script><article>{content}</article>")
        context = browser.new_context(java_script_enabled=scripts)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.goto(path.as_uri())
        return page

    yield make
    for context in contexts:
        context.close()


def methods(page):
    return page.locator("tbody tr:not([hidden]) td:first-child").all_inner_texts()


def test_a_column_sorts_in_both_directions_and_says_so(opened):
    """Numbers by their value, times by their length; what has no value stays last."""
    page = opened(table())
    header = page.locator("th", has_text="SNR")
    assert header.get_attribute("aria-sort") == "descending"
    page.get_by_role("button", name="SNR [dB]").click()
    assert header.get_attribute("aria-sort") == "ascending"
    assert methods(page) == ["Noisy", "Printed", "Ceiling", "Averages", "Forward"]
    fit = page.get_by_role("button", name="Fit")
    fit.click()
    assert methods(page)[:3] == ["Noisy", "Ceiling", "Forward"] and set(methods(page)[3:]) == {"Averages", "Printed"}
    fit.click()
    assert methods(page)[:3] == ["Forward", "Ceiling", "Noisy"] and set(methods(page)[3:]) == {"Averages", "Printed"}
    assert page.locator("th[aria-sort]").all_inner_texts() == ["Fit"]
    page.get_by_role("button", name="Method").click()
    assert methods(page) == sorted(row[0] for row in ROWS)


def test_a_column_that_is_not_in_order_does_not_say_so(opened):
    assert opened(table(ROWS[::-1])).locator("[aria-sort]").count() == 0


def test_what_is_not_known_hides_the_methods_that_need_it(opened):
    page = opened(table())
    status = page.get_by_role("status")
    assert status.inner_text() == "5 of 5 rows"
    page.get_by_label("the scanner").uncheck()
    assert methods(page) == ["Averages", "Printed", "Noisy"] and status.inner_text() == "3 of 5 rows"
    page.get_by_label("Periods").select_option("1")
    assert methods(page) == ["Noisy"]
    page.get_by_label("Periods").select_option("2")
    assert methods(page) == ["Averages"]
    page.get_by_role("button", name="Show all").click()
    assert len(methods(page)) == 5 and page.get_by_label("the scanner").is_checked()
    # A second period of what is denoised is the other filter, and no box.
    assert page.get_by_role("checkbox").count() == 4


def test_it_is_used_with_the_keyboard_alone(opened):
    page = opened(table())
    reached = "document.activeElement.value || document.activeElement.textContent"

    def press(name, key):
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate(reached) == name:
                return page.keyboard.press(key)
        raise AssertionError(f"{name} is not reached with the tab key")

    press("clean signals", "Space")
    assert methods(page) == ["Forward", "Averages", "Printed", "Noisy"]
    press("Method", "Enter")
    assert methods(page) == ["Averages", "Forward", "Noisy", "Printed"]


def test_without_javascript_it_is_the_plain_table(opened):
    page = opened(table(), scripts=False)
    assert methods(page) == [row[0] for row in ROWS]
    assert page.locator("button, input, select").count() == 0


def test_other_tables_stay_as_they_are(opened):
    page = opened(table([["N2N", "2"]], ["Method", "SNR [dB]"]))
    assert page.locator("button, input, select, [aria-sort]").count() == 0


@pytest.mark.book
@pytest.mark.parametrize("name", ["leaderboard_gaussian", "leaderboard_interference", "leaderboard_matrix"])
def test_the_leaderboards_of_the_book_sort_and_filter(browser, server, name):
    page = browser.new_page()
    page.goto(f"{server}/pages/{name}.html")
    frame = page.locator(".table-frame", has=page.locator(".leaderboard-filter"))
    assert frame.count() == 1
    rows, first = frame.locator("tbody tr:visible"), frame.locator("tbody tr:visible th").first
    everything = rows.count()
    frame.get_by_label("noisy pairs").uncheck()
    assert 0 < rows.count() < everything
    frame.get_by_role("button", name="Show all").click()
    frame.get_by_role("button", name="SNR [dB]", exact=True).click()
    worst = first.inner_text()
    frame.get_by_role("button", name="SNR [dB]", exact=True).click()
    assert rows.count() == everything and first.inner_text() != worst
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    page.close()
