"""A record is whole: its fields are there and of their kind, and its digest is that of its content."""

import json

import pytest

from companion.record import check, sealed

RECORD = {
    "config": {"noise": {"snr_db": 5}},
    "key": "0123456789ab",
    "versions": {"python": "3.11.7"},
    "device": "cpu",
    "threads": 1,
    "training_seconds": 12.5,
    "validation_error": 0.25,
    "evaluation_seconds": 3.0,
    "last_session_seconds": 16.1,
    "name": "xspace-gaussian n2n",
    "files": {"signals.csv": "0" * 64},
}


def test_a_sealed_record_is_whole_also_after_it_was_kept():
    check(sealed(RECORD))
    check(json.loads(json.dumps(sealed(RECORD), indent=2)))
    assert sealed(sealed(RECORD)) == sealed(RECORD)


def test_published_and_first_records_are_whole():
    """The manifest keeps name, files and digest of a published one; the first runs have no validation error."""
    check({name: value for name, value in RECORD.items() if name not in ("name", "files", "validation_error")})


def test_every_flipped_bit_is_seen():
    """Whatever is still a record, and another one, does not have its digest."""
    text = json.dumps(sealed(RECORD), sort_keys=True).encode()
    for place in range(len(text)):
        for bit in range(8):
            damaged = text[:place] + bytes([text[place] ^ 1 << bit]) + text[place + 1 :]
            try:
                content = json.loads(damaged)
            except ValueError:
                continue
            with pytest.raises(ValueError, match=r"\w"):
                check(content)


@pytest.mark.parametrize(
    "change, named",
    [
        ({"threads": 0}, "threads"),
        ({"threads": "one"}, "threads"),
        ({"training_seconds": float("nan")}, "training_seconds"),
        ({"evaluation_seconds": -1}, "evaluation_seconds"),
        ({"evaluation_seconds": None}, "evaluation_seconds"),
        ({"versions": ["3.11"]}, "versions"),
        ({"key": "../escape"}, "key"),
        ({"files": {"signals.csv": "0"}}, "files.signals.csv"),
        ({"config": []}, "config"),
        ({"devise": "cpu"}, "devise"),
    ],
)
def test_a_field_of_another_kind_is_named(change, named):
    with pytest.raises(ValueError, match=rf"^{named}: ") as caught:
        check(RECORD | change)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("field", [name for name in RECORD if name not in ("name", "files", "validation_error")])
def test_a_missing_field_is_named(field):
    with pytest.raises(ValueError, match=f"^{field}: Field required"):
        check({name: value for name, value in RECORD.items() if name != field})


@pytest.mark.parametrize("content", [None, [], 3, "record"])
def test_what_is_no_record_is_refused(content):
    with pytest.raises(ValueError, match=r"^it: "):
        check(content)
