"""Figures for light and dark pages, which enlarge and can be taken home."""

import colorsys
import re
from pathlib import Path

from bs4 import BeautifulSoup, Tag

from mpicore import files

DARK = "-dark"  #: end of the name of a dark version
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}\b")
_BOX = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')


def show(page: BeautifulSoup, html: Path, name: str) -> None:
    """Show the figures of a page in its own colours, with a button that enlarges each and a link to its file.

    Args:
        page: its tree, changed in place.
        html: folder of the built book, in which the dark versions are written.
        name: of the page, without suffix.
    """
    folder = html / name
    for figure in page.select("article figure"):
        picture = figure.find("img")
        if not isinstance(picture, Tag):
            continue
        source = str(picture["src"])
        path = (folder.parent / source).resolve()
        if path.suffix == ".svg" and path.is_file():
            text = path.read_text(encoding="utf-8")
            _size(picture, text)
            dark = path.with_name(f"{path.stem}{DARK}.svg")
            if not dark.exists():
                files.write_text(dark, turned(text))
            _pair(page, picture, source)
        _tools(page, figure, source)


def turned(text: str) -> str:
    """A drawing for a dark ground: its colours with their lightness turned over, save the middle ones, seen on both."""
    return _COLOUR.sub(lambda found: dark_colour(found[0]), text)


def dark_colour(colour: str) -> str:
    """A colour for a dark ground: dark ones become light, pale ones dark, and middle ones stay.

    Args:
        colour: as ``#rrggbb``.

    Example:
        >>> dark_colour("#000000"), dark_colour("#56b4e9")
        ('#ffffff', '#56b4e9')
    """
    red, green, blue = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    if 0.45 <= lightness < 0.68:
        return colour
    parts = colorsys.hls_to_rgb(hue, 1 - lightness, saturation)
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)


def _size(picture: Tag, text: str) -> None:
    """Width and height, so that the text does not jump when the figure arrives."""
    box = _BOX.search(text)
    if box:
        picture["width"], picture["height"] = (str(round(float(side) * 96 / 72)) for side in box.groups())


def _pair(page: BeautifulSoup, picture: Tag, source: str) -> None:
    """A light and a dark version, of which a browser loads the one that it shows."""
    attributes = {key: str(value) for key, value in picture.attrs.items() if key != "class"}
    attributes["loading"] = "lazy"
    light = page.new_tag("img", attrs={**attributes, "class": "only-light drawing"})
    name = f"{source.removesuffix('.svg')}{DARK}.svg"
    dark = page.new_tag("img", attrs={**attributes, "class": "only-dark drawing", "src": name})
    picture.replace_with(light)
    light.insert_after(dark)


def _tools(page: BeautifulSoup, figure: Tag, source: str) -> None:
    number = figure.find(class_="caption-number")
    label = number.get_text(strip=True) if number else "the figure"
    tools = page.new_tag("p", attrs={"class": "figure-tools"})
    button = page.new_tag("button", attrs={"type": "button", "class": "enlarge", "aria-haspopup": "dialog"})
    button.string = "Enlarge"
    kind = source.rpartition(".")[2]
    stem = re.sub(r"\W+", "-", label.lower()).strip("-")
    link = page.new_tag("a", attrs={"href": source, "download": f"{stem}.{kind}"})
    link.string = kind.upper()
    for tag in (button, link):
        said = page.new_tag("span", attrs={"class": "visually-hidden"})
        said.string = f" {label}"
        tag.append(said)
    tools.append(button)
    tools.append(" ")
    tools.append(link)
    figure.append(tools)
