"""An answer that is split into its results says what it says when it is read as a whole."""

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.common.body import BodyFile
from inventory.common.exact_json import MAX_DEPTH, Json, canonical, pretty, read
from inventory.normalise.split import JobResult, read_answer, with_documents
from tests.test_properties import ANY, SLOW

RESULT = ANY | st.fixed_dictionaries({"id": ANY, "name": ANY, "object_infos": ANY})
ANSWER = ANY | st.fixed_dictionaries(
    {},
    optional={
        "results": ANY | st.lists(RESULT, max_size=3), "count": ANY, "data_transformation": ANY, "error_code": ANY,
    },
)  # fmt: skip


def either(how: Any) -> Any:
    try:
        return canonical(how())
    except ValueError:
        return "not JSON"


def agree(content: bytes) -> None:
    exact = either(lambda: read(content, max_depth=MAX_DEPTH))
    assert either(lambda: with_documents(read_answer(content))) == exact
    file = BodyFile(io.BytesIO(content))
    assert either(lambda: with_documents(read_answer(file, piece=200))) == exact


@SLOW
@given(ANSWER, st.sampled_from([None, 1]))
def test_it_says_the_same(answer: Json, indent: int | None) -> None:
    agree(pretty(answer, indent=indent).encode())


@SLOW
@given(ANSWER, st.integers(0, 10**6), st.binary(max_size=2))
def test_what_is_garbled_is_no_answer_either_way(answer: Json, at: int, other: bytes) -> None:
    content = pretty(answer, indent=None).encode()
    at %= len(content)
    agree(content[:at] + other + content[at + 1 :])


@pytest.mark.parametrize(
    "content",
    [
        b'{"results": [{"id": "a", "id": "b", "name": "n"}], "count": 1, "count": 2}',
        b'{"results": [], "results": [{"id": "a"}]}',
        b'{"results": [{"id": "a", "name": "n", "x": "\\ud800"}]}',
        b'\xef\xbb\xbf{"results": []}',
        '{"results": [{"id": "ä", "name": "n"}]}'.encode("utf-16"),
        b'{"results": [{"id": "a", "name": "\xff"}]}',
        b'{"results": [{"id": "a", "name": "n", "x": 1e400}]}',
        b'{"results": [{"id": 01}]}',
        b'{"results": [NaN]}',
        b"",
    ],
)
def test_odd_texts(content: bytes) -> None:
    agree(content)


def test_a_result_that_is_nested_too_deeply_is_known_by_its_members() -> None:
    (found,) = read_answer(b'{"results": [{"id": "a", "name": "n", "x": %b}]}' % (b"[" * 300 + b"]" * 300))["results"]
    assert isinstance(found, JobResult)
    assert (found.members or {})["id"] == "a"
    with pytest.raises(ValueError, match="nested too deeply"):
        found.document()
