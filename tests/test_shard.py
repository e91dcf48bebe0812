"""Shards: every name in exactly one, the same on every machine."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.common.errors import UsageError
from inventory.config.shard import Shard

NAMES = st.lists(st.text("abcXYZ019._-", min_size=1, max_size=6), unique=True, max_size=60)


@given(NAMES, st.integers(1, 70), st.randoms(use_true_random=False))
def test_shards_partition_the_names(names: list[str], count: int, dice: Random) -> None:
    parts = [Shard(index, count).pick(names) for index in range(1, count + 1)]
    assert sorted(name for part in parts for name in part) == sorted(names)
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1
    dice.shuffle(names)
    assert parts == [Shard(index, count).pick(iter(names)) for index in range(1, count + 1)]


@pytest.mark.parametrize(
    ("text", "environment", "expected"),
    [
        ("1/1", {}, Shard(1, 1)),
        ("3/4", {"JOB_COMPLETION_INDEX": "0"}, Shard(3, 4)),
        ("1000/1000", {}, Shard(1000, 1000)),
        ("auto/4", {"JOB_COMPLETION_INDEX": "0"}, Shard(1, 4)),
        ("auto/4", {"JOB_COMPLETION_INDEX": "3"}, Shard(4, 4)),
    ],
)
def test_what_can_be_asked_for(text: str, environment: dict[str, str], expected: Shard) -> None:
    assert Shard.parse(text, environment) == expected


@pytest.mark.parametrize(
    "text",
    ["", "1", "/", "0/4", "5/4", "1/0", "1/1001", "-1/4", "1/4 ", "1/4\n", "a/4", "1.0/4", "²/4", "auto/0", "auto"],
)
def test_what_is_no_shard(text: str) -> None:
    with pytest.raises(UsageError, match="--shard") as refused:
        Shard.parse(text, {"JOB_COMPLETION_INDEX": "0"})
    assert refused.value.exit_code == 64


@pytest.mark.parametrize("index", [None, "", "4", "-1", "x", "1\n", "99999999"])
def test_the_index_of_a_job_that_does_not_fit(index: str | None) -> None:
    with pytest.raises(UsageError, match="JOB_COMPLETION_INDEX"):
        Shard.parse("auto/4", {} if index is None else {"JOB_COMPLETION_INDEX": index})
