"""Parts of keys are bounded in bytes, whatever their letters need."""

import pytest

from inventory.schema.fields import KEY_BYTES
from inventory.schema.keys import digest16, key_text

LETTERS = ["a", "é", "密", "😀"]  # one to four bytes each


@pytest.mark.parametrize("letter", LETTERS)
def test_a_key_part_is_kept_up_to_its_bytes_and_cut_beyond(letter: str) -> None:
    width = len(letter.encode())
    longest = letter * (KEY_BYTES // width)
    assert key_text(longest) == longest
    for count in (KEY_BYTES // width + 1, KEY_BYTES + 1, 10 * KEY_BYTES):
        text = letter * count
        cut = key_text(text)
        assert KEY_BYTES - width < len(cut.encode()) <= KEY_BYTES
        start, mark, digest = cut.rpartition("~")
        assert (mark, digest) == ("~", digest16(text))
        assert text.startswith(start)


@pytest.mark.parametrize("letter", LETTERS)
def test_parts_that_begin_alike_stay_different(letter: str) -> None:
    assert key_text(letter * KEY_BYTES + "x") != key_text(letter * KEY_BYTES + "y")


def test_what_is_escaped_counts_as_it_is_stored() -> None:
    text = "\x00" * (KEY_BYTES // 6 + 1)  # stored as \u0000, six bytes each
    assert len(key_text(text).encode()) <= KEY_BYTES
    assert key_text(text).endswith("~" + digest16(text))
