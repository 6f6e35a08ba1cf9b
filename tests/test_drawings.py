"""Figures as drawings: the same each time, legible on a telephone, and right in the dark."""

import io
import re

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from companion import figures
from companion.finishing import drawings

matplotlib.use("Agg")
PHONE = 342  #: width of the text on a telephone [CSS pixels]


def drawing(image=None):
    figures.use_style()
    figure, axis = plt.subplots()
    axis.plot([0, 1], color="black")
    axis.set(xlabel="time [s]")
    if image is not None:
        axis.imshow(image)
    written = io.BytesIO()
    figure.savefig(written, format="svg", metadata={"Date": None})
    plt.close(figure)
    return written.getvalue().decode()


def smallest_text(text):
    """Height of the smallest letters where the drawing is as wide as a telephone's text [CSS pixels]."""
    width = float(re.search(r'viewBox="0 0 ([\d.]+)', text)[1])
    sizes = [float(size) for size in re.findall(r"font(?:-size)?: [^;]*?([\d.]+)px", text)]
    return min(sizes, default=np.inf) * PHONE / width


def test_a_drawing_is_the_same_each_time():
    image = np.random.default_rng(0).random((5, 7))
    assert drawing(image) == drawing(image)


def test_a_drawing_has_no_ground_and_text_that_is_text():
    text = drawing()
    assert ">time [s]</text>" in text and "#ffffff" not in text
    assert smallest_text(text) >= 9


def test_text_that_is_too_small_is_found():
    assert smallest_text(drawing().replace("font-size: 9px", "font-size: 8px")) < 9


def test_the_dark_turns_ink_and_leaves_maps():
    """Text without a colour is black, and white in the dark; the pixels of an image are values, and stay."""
    light = drawing(np.random.default_rng(0).random((5, 7)))
    dark = drawings.turned(light)
    pictures = [re.findall(r"base64,([^\"]*)", text) for text in (light, dark)]
    assert pictures[0] == pictures[1] and len(pictures[0]) == 1
    assert re.search(r'<svg fill="#ffffff"', dark) and "#000000" not in dark and "stroke: #ffffff" in dark


@pytest.mark.book
def test_every_drawing_of_the_book_can_be_read_on_a_telephone(html):
    found = {path.name: path.read_text(encoding="utf-8") for path in (html / "_images").glob("*.svg")}
    assert len(found) > 60
    assert {name: smallest_text(text) for name, text in found.items() if smallest_text(text) < 8.99} == {}
    assert {name: len(text) for name, text in found.items() if len(text) > 600_000} == {}
