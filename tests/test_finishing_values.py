"""What a table gives to a program: plain numbers, and nothing lost."""

import pandas as pd
import pytest

from companion.finishing.values import plain


def column(header, *cells):
    return plain([[header], *([cell] for cell in cells)])


def test_an_interval_becomes_columns_of_its_own():
    for shown in ("-2.50 [-3.00, +1.25]", "−2.50 (−3.00 to 1.25)"):
        assert column("SNR [dB]", shown, "–", "not given") == [
            ["SNR [dB]", "SNR [dB], low", "SNR [dB], high"],
            ["-2.50", "-3.00", "1.25"],
            ["", "", ""],
            ["not given", "", ""],
        ]


def test_units_move_into_the_header():
    assert column("Fit", "22 min", "9 s", "–") == [["Fit [s]"], ["1320"], ["9"], [""]]
    assert column("Share", "7.4 %", "–") == [["Share [%]"], ["7.4"], [""]]
    # A column of words that end in a unit is one of words.
    assert column("What", "7 min", "seven min") == [["What"], ["7 min"], ["seven min"]]
    assert column("What", "–") == [["What"], [""]]


@pytest.mark.parametrize(
    "shown, value", [("1,234.5", 1234.5), ("∞", float("inf")), ("−1e-05", -1e-5), ("+3", 3.0), ("5.4e-05", 5.4e-5)]
)
def test_numbers_can_be_read(shown, value):
    ((_,), (cell,)) = column("x", shown)
    assert float(cell) == value


def test_words_stay_as_they_are():
    for shown in ("2, 3, 5", "a = 0.5", "2026-11-28", "302f4b0a7731 …", "2 to 10", "at least 3", ""):
        assert column("x", shown)[1] == [shown]


def test_rows_of_other_lengths_keep_their_cells():
    assert plain([["a"], ["1 [0, 2]", "+2"]]) == [["a"], ["1 [0, 2]", "2"]]


def test_a_table_is_read_back_as_numbers(tmp_path):
    rows = [["Method", "SNR [dB]"], ["N2N", "20.41 [20.1, 20.7]"], ["R2R", "1.5"]]
    pd.DataFrame(plain(rows)).to_csv(tmp_path / "a.csv", index=False, header=False)
    read = pd.read_csv(tmp_path / "a.csv")
    assert read.dtypes.iloc[1:].eq(float).all() and read.iloc[0, 1:].tolist() == [20.41, 20.1, 20.7]
