"""Files that people write: what YAML would take for something else is refused, with its line, in one line."""

import datetime

import pytest

from companion.reading import DEEPEST, MOST, read_csv, read_yaml


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "file.yml"
        path.write_text(text)
        return path

    return write


def refused(path, what, line=None):
    with pytest.raises(ValueError, match=f"^{path} is not valid YAML: ") as caught:
        read_yaml(path)
    text = str(caught.value)
    assert what in text and "\n" not in text
    if line is not None:
        assert f"(line {line}, column " in text


@pytest.mark.parametrize(
    "text, value",
    [("0", 0), ("-7", -7), ("12", 12), ("0.5", 0.5), ("-1.0e-3", -1e-3), (".5", 0.5), ("'010'", "010"), ("08", "08")],
)
def test_decimal_numbers_and_texts_are_what_they_look_like(written, text, value):
    found = read_yaml(written(f"a: {text}\n"))["a"]
    assert found == value and type(found) is type(value)


def test_dates_truths_and_aliases_are_read(written):
    found = read_yaml(written("a: &a {x: 1}\nb: *a\nc: {<<: *a, y: yes}\nd: 2024-05-01\n"))
    assert found == {"a": {"x": 1}, "b": {"x": 1}, "c": {"x": 1, "y": True}, "d": datetime.date(2024, 5, 1)}


@pytest.mark.parametrize("number", ["010", "0x10", "0b11", "1_000", "1:30", "1:30.5", "1_0.5", "1" + "0" * 5000])
def test_numbers_that_are_no_decimal_ones_are_refused(written, number):
    refused(written(f"a: 1\nb:\n  - [1, {number}]\n"), f"found '{number}', no plain decimal number", line=3)


@pytest.mark.parametrize("key", ["2024-05-01", "yes", "1.5", "~", "010", "1:30", "+1"])
def test_keys_that_are_no_names_are_refused(written, key):
    refused(written(f"a: 1\n? {key}\n: 2\n"), "found a key that is no name", line=2)


def test_a_key_that_stands_twice_is_refused(written):
    refused(written("a: 1\nb:\n  c: 1\n  c: 2\n"), "found the key 'c' twice", line=4)


def bomb(levels, width=9):
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * width)}]" for i in range(1, levels)]
    return "\n".join(lines) + "\n"


def test_aliases_repeat_up_to_a_bound(written):
    """So that what they stand for is bounded, before anything walks through it."""
    assert len(read_yaml(written(bomb(4)))) == 4  # 3 * 9^3 entries
    refused(written(bomb(9)), f"found more than {MOST} entries, with what aliases repeat", line=6)


def test_an_alias_of_what_holds_it_is_refused(written):
    refused(written("a: 1\nb: &b\n  c: [*b]\n"), "found the alias 'b' within what it stands for", line=3)


@pytest.mark.parametrize("end", ["", "]" * 5000])
def test_deep_nesting_is_refused(written, end):
    refused(written("a: " + "[" * 5000 + end), f"found entries more than {DEEPEST} levels deep", line=1)


@pytest.mark.parametrize(
    "text",
    ["a: [1\n", "\ta: 1", "a: *b", "a: 1\n---\nb: 2\n", "<<: 3\n", "a: !!python/name:os.system x", "a: 2024-13-45"],
)
def test_what_is_no_yaml_is_one_line(written, text):
    refused(written(text), "")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"\x00", bytes(range(256))])
def test_other_encodings_are_one_line(tmp_path, content):
    (tmp_path / "file.yml").write_bytes(content)
    refused(tmp_path / "file.yml", "")


@pytest.mark.parametrize("text", ["", "a,b\n1,2,3,4\n1\n", 'a,b\n1,"2\n', "a,b\n1\x00,2,3,4,5\n1,2\n1,2,3,4,5,6,7\n"])
def test_what_is_no_table_is_named(tmp_path, text):
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"^{path} (is not a table in CSV|must have the columns)") as caught:
        read_csv(path, ["key"])
    assert "\n" not in str(caught.value)


def test_columns_are_asked_for(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("key,value\na,1\n")
    assert read_csv(path, ["value", "key"])["value"].tolist() == [1]
    with pytest.raises(ValueError, match=f"^{path} must have the columns key, seconds, unit; it lacks seconds, unit$"):
        read_csv(path, ["key", "seconds", "unit"])
    with pytest.raises(OSError, match=r"none\.csv"):
        read_csv(tmp_path / "none.csv")
