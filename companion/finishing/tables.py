"""Tables that can be read by ear, on a phone and by a program: scopes, captions outside the scroller, blanks, CSV."""

import csv
import io
import re
from pathlib import Path

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString, PageElement

from companion.finishing.values import BLANK, INTERVAL, plain
from mpicore import files

FOLDER = "_tables"  #: folder of the built book with each table as CSV
#: Columns with intervals, and columns in all, up to which the width of the text holds each interval in one line.
_FEW, _NARROW = 3, 10
_HYPHENED = re.compile(r"[\d.]+(?:e-\d+|-\d\d-\d\d)")  # small numbers and dates


def mend(page: BeautifulSoup, html: Path, name: str) -> None:
    """Mend the tables of numbers of a page in place, and write each as CSV.

    The first cell of a row becomes its header; where it is blank it is that of the row above. Every other blank shows
    an en dash, which a note below the table explains. A second row of the head without a text goes. The caption moves
    out of what scrolls. An interval stands in one line where there is room for it.

    Args:
        page: its tree.
        html: folder of the built book.
        name: of the page, without suffix.
    """
    shown = [table for table in page.select("article table") if _of_numbers(table)]
    for number, table in enumerate(shown, 1):
        _headers(table)
        blank = _blanks(table)
        scroller = _scroller(page, table)
        _keep_whole(table)
        _intervals(page, table)
        key = re.sub(r"^tab-", "", str(table.get("id") or f"{name.rpartition('/')[2]}-{number}"))
        address = f"{FOLDER}/{key}.csv"
        files.write_text(html / address, as_csv(table))
        frame = page.new_tag("div", attrs={"class": "table-frame"})
        scroller.insert_before(frame)
        caption = table.find("caption")
        if isinstance(caption, Tag):
            caption.name = "div"
            caption["class"], caption["id"] = "table-caption", f"caption-{key}"
            table["aria-labelledby"] = f"caption-{key}"
            frame.append(caption.extract())
        frame.append(scroller.extract())
        note = page.new_tag("p", attrs={"class": "table-note"})
        if blank:
            note.append(f"{BLANK} there is no value. ")
        link = page.new_tag("a", attrs={"href": "../" * name.count("/") + address, "download": f"{key}.csv"})
        link.string = "CSV"
        said = page.new_tag("span", attrs={"class": "visually-hidden"})
        said.string = f" of table {key}"
        link.append(said)
        note.append(link)
        frame.append(note)


def as_csv(table: Tag) -> str:
    """The cells of a table, one row per line, with plain numbers: see :func:`companion.finishing.values.plain`."""
    target = io.StringIO()
    rows = [
        [re.sub(r"\s+", " ", cell.get_text()).strip() for cell in row.find_all(["th", "td"])]
        for row in table.find_all("tr")
    ]
    csv.writer(target, lineterminator="\n").writerows(plain(rows))
    return target.getvalue()


def _of_numbers(table: Tag) -> bool:
    return table.find("thead") is not None and table.find_parent("table") is None


def _headers(table: Tag) -> None:
    rows = table.select("thead tr")
    for row in rows:
        if len(rows) > 1 and not row.get_text(strip=True):  # where pandas would name the index
            row.decompose()
            continue
        row.attrs.pop("style", None)
        for cell in row.find_all(["th", "td"]):
            if cell.get_text(strip=True):
                cell.name = "th"
                cell["scope"] = "colgroup" if cell.get("colspan") else "col"
            else:
                cell.name = "td"
    above: Tag | None = None
    for row in table.select("tbody tr"):
        first = row.find(["th", "td"])
        if first is None:
            continue
        if not first.get_text(strip=True) and above is not None:
            for child in _copy(above):
                first.append(child)
        if first.get_text(strip=True):
            first.name, first["scope"] = "th", "row"
            above = first


def _copy(cell: Tag) -> list[PageElement]:
    return [child.extract() for child in list(BeautifulSoup(cell.decode_contents(), "html.parser").children)]


def _blanks(table: Tag) -> bool:
    blank = [
        cell
        for cell in table.select("tbody td")
        if not cell.get_text(strip=True) and not cell.find(["img", "svg", "input"])
    ]
    for cell in blank:
        cell.string = BLANK
    return bool(blank)


def _keep_whole(table: Tag) -> None:
    """Cells of one number or date get a class, as a browser would break them at their hyphens."""
    for cell in table.find_all(["th", "td"]):
        if _HYPHENED.fullmatch(cell.get_text(strip=True)):
            cell["class"] = " ".join([*filter(None, cell.get_attribute_list("class")), "whole"])


def _intervals(page: BeautifulSoup, table: Tag) -> None:
    """Intervals get an element of their own, which breaks where it must, and not at all if the table has room."""
    rows = [[cell for cell in row.find_all("td") if _shows_interval(cell)] for row in table.select("tbody tr")]
    columns = max((len(row.find_all(["td", "th"])) for row in table.find_all("tr")), default=0)
    kind = "interval whole" if max(map(len, rows), default=0) <= _FEW and columns <= _NARROW else "interval"
    for cell in (cell for row in rows for cell in row):
        node = cell.find_all(string=re.compile(r"[\[(]"))[0]
        rest = list(node.next_siblings)
        value, opening, first = re.split(r"([\[(])", str(node), maxsplit=1)
        interval = page.new_tag("span", attrs={"class": kind})
        node.replace_with(NavigableString(value), interval)
        interval.extend([NavigableString(opening + first), *(part.extract() for part in rest)])


def _shows_interval(cell: Tag) -> bool:
    return INTERVAL.fullmatch(" ".join(cell.get_text().split())) is not None


def _scroller(page: BeautifulSoup, table: Tag) -> Tag:
    """What scrolls around a table; made where it is missing."""
    parent = table.parent
    if parent is not None and "pst-scrollable-table-container" in parent.get_attribute_list("class"):
        return parent
    around = table.wrap(page.new_tag("div", attrs={"class": "pst-scrollable-table-container"}))
    table.attrs.pop("border", None)
    table["class"] = "table dataframe"
    return around
