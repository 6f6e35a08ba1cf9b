"""Names and roles that a screen reader needs, and that the theme leaves out or contradicts (WCAG 2.2)."""

from bs4 import BeautifulSoup


def mend(page: BeautifulSoup) -> None:
    """Give every button, list and landmark of a page its name, in place."""
    for button in page.select(".search-button-field"):
        del button["aria-label"]  # its name is what it shows
    for summary in page.select("details.hide > summary"):
        del summary["aria-label"]
    for summary in page.select(".bd-links summary"):
        link = summary.find_parent("li")
        about = link.find("a") if link else None
        summary["aria-label"] = f"Pages below {about.get_text(strip=True)}" if about else "Pages below"
    for sidebar in page.select("#pst-primary-sidebar"):
        sidebar["role"], sidebar["aria-label"] = "region", "The book"
    for listed in page.select("dt dl"):  # a signature of several lines: a list of definitions that defines nothing
        for item in listed.find_all("dd"):
            item.name, item["class"] = "span", "signature-line"
        listed.name = "span"
    for listed in page.select(".citation-list"):
        listed["role"] = "list"
        for entry in listed.select(".citation"):
            entry["role"] = "listitem"
    for button in page.select("button[title]:not([aria-label])"):
        if not button.get_text(strip=True):
            button["aria-label"] = button["title"]
