"""How methods are drawn: one look each, which colour-blind readers can tell apart."""

import itertools

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from companion import looks

#: What is seen without red, green or blue cones: linear RGB to linear RGB (Machado, Oliveira and Fernandes, 2009).
SIGHT = {
    "full": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def seen(colour, sight):
    """A colour in CIE Lab as it is seen."""
    encoded = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.array(SIGHT[sight]) @ linear, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return rgb2lab(encoded[None, None])[0, 0]


@pytest.mark.parametrize("sight", SIGHT)
def test_colours_stay_apart(book, sight):
    """By ten units of CIEDE2000 at least; one is just seen side by side."""
    colours = {method.colour for method in book.methods.values() if method.colour} | {"#000000"}
    assert len(colours) == 9
    for one, other in itertools.combinations(sorted(colours), 2):
        assert deltaE_ciede2000(seen(one, sight), seen(other, sight)) > 10, (one, other)


def test_two_methods_of_a_figure_never_look_alike(book):
    """Colour and marker together are of one method; each marker has a line of its own."""
    own = [(method.colour, method.marker) for method in book.methods.values() if method.colour]
    assert all(marker for _, marker in own) and len(set(own)) == len(own)
    assert len({str(line) for line in looks.LINES.values()}) == len(looks.LINES)
    for study in book.studies.values():
        shown = [looks.look(book.methods, name) for name in study.methods]
        assert looks.Look(*looks.UNNAMED) not in shown or len(shown) == 1
        assert len(set(shown)) == len(shown)


def test_what_is_read_out_looks_like_its_method_half_filled(book):
    base, read = (looks.look(book.methods, name) for name in ("n2n", "n2n_projected"))
    assert (read.colour, read.marker, read.half) == (base.colour, base.marker, True)
    assert read.points()["fillstyle"] == "left" and "fillstyle" not in base.points()
    assert base.points(hollow=True)["markerfacecolor"] == "none"


def test_what_is_not_in_the_file_is_black(book):
    assert looks.look(book.methods, "of nobody").colour == "#000000"
