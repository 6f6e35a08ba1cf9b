"""What study pages say in words, checked against tables whose numbers are known."""

import pandas as pd
import pytest

from companion import claims


@pytest.fixture(scope="module")
def table():
    values = {"a": {"0": 5.0, "5": 8.0}, "b": {"0": 4.0, "5": 7.5}, "c": {"0": 6.0, "5": 6.0}}
    frame = pd.DataFrame(values).rename_axis("case").reset_index()
    table = frame.melt(id_vars="case", var_name="method", value_name="snr_db")
    return table.assign(validated_db=-table["snr_db"])


@pytest.mark.parametrize(
    "claim, answer",
    [
        ("a > b", True),  # in every case
        ("a > c", False),  # in one case alone
        ('a["5"] > c["5"]', True),
        ('a["0"] > c["0"]', False),
        ('c["0"] > a["0"] > b["0"]', True),
        ('c["0"] > b["0"] > a["0"]', False),
        ("abs(a - b) < 1.1", True),
        ("abs(b - a) < 0.9", False),
        ('a["5"] - a["0"] > b["5"] - 0.5 - b["0"]', False),
        ('a["5"] - a["0"] >= b["5"] - 0.5 - b["0"]', True),
        ("c <= 6", True),
        ('b < c["0"] + 1', False),
        ("validated.a < validated.b", True),
        ('validated.a["0"] + a["0"] < 1', True),
    ],
)
def test_a_claim_is_true_where_it_is_so_everywhere(table, claim, answer):
    assert claims.true(claim, table) is answer


def test_a_difference_is_compared_with_the_spread_between_trainings(table):
    assert claims.true("abs(a - b) < spread + spread", table, spread=0.6)
    assert not claims.true("abs(a - b) < spread + spread", table, spread=0.4)
    with pytest.raises(ValueError, match="names spread; the table has a, b, c"):
        claims.true("a > spread", table)
    with pytest.raises(ValueError, match="takes a case of spread, which has none"):
        claims.true('spread["0"] < 1', table, spread=0.4)


@pytest.mark.parametrize(
    "claim, message",
    [
        ("a", "must be a comparison"),
        ("a >", "is no expression"),
        ("a == b", "must compare by"),
        ("lost > a", "names lost; the table has a, b, c"),
        ("a.b > a", "names a.b; the table has a, b, c, validated.a"),
        ('a["9"] > b["9"]', "names the case '9'; the table has 0, 5"),
        ("a * 2 > b", "must be made of"),
        ("a > __import__('os')", "must be made of"),
        ("max(a) > 1", "must be made of"),
    ],
)
def test_what_is_no_claim_is_named(table, claim, message):
    with pytest.raises(ValueError, match=message):
        claims.true(claim, table)


def test_claims_of_the_file_are_about_methods_and_cases_of_their_study(book):
    """Each can be answered for a table of the study, whatever its values are."""
    for name, study in book.studies.items():
        cases = [*study.cases, *(["full"] if study.full else [])]
        common = {"snr_db": 0.0, "validated_db": 0.0}
        rows = [{"method": method, "case": case, **common} for method in study.methods for case in cases]
        assert study.claims or not study.page, name
        for claim in study.claims:
            assert claims.true(claim, pd.DataFrame(rows), spread=0.7) in (True, False)
