"""Labels of figures: no longer than they may be, and no number alone."""

import pytest

from companion.figures import wrapped


@pytest.mark.parametrize("width", [8, 11, 14, 18, 26])
@pytest.mark.parametrize("text", ["white noise, a = 0.15", "tones at 5 dB, steady", "98 % of the gradient", "none"])
def test_a_label_keeps_its_words_and_its_numbers(text, width):
    lines = wrapped(text, width).split("\n")
    assert " ".join(lines) == text
    assert all(len(line) <= width for line in lines)
    assert any("a = 0.15" in line for line in lines) or "=" not in text
    assert any("5 dB" in line for line in lines) or "dB" not in text
    assert any("98 %" in line for line in lines) or "%" not in text


def test_a_long_word_is_not_broken():
    assert wrapped("a Noise2Noise network", 5) == "a\nNoise2Noise\nnetwork"
