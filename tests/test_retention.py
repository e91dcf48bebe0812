"""Which snapshots a policy keeps: the same as walking back from the newest, counting days, weeks and months."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.common.errors import UsageError
from inventory.config.retention import Policy, choose, cutoff

START = datetime(2026, 1, 1, tzinfo=UTC)
RULES = ("keep_daily", "keep_weekly", "keep_monthly")
KEYS: dict[str, Callable[[datetime], str]] = {
    "keep_daily": lambda moment: f"{moment:%Y-%m-%d}",
    "keep_weekly": lambda moment: f"{moment:%G-%V}",
    "keep_monthly": lambda moment: f"{moment:%Y-%m}",
}
Rows = list[dict[str, Any]]


def snapshot(number: int, moment: datetime, status: str = "complete") -> dict[str, Any]:
    when: dict[str, datetime | None] = {"observed_to": moment, "finished_at": moment + timedelta(days=99)}
    if number % 7 == 0:  # as retiring writes it: nothing was observed
        when = {"observed_to": None, "finished_at": moment}
    return {"id": number, **when, "status": status, "pruned_at": None}


@st.composite
def histories(draw: st.DrawFn) -> Rows:
    hours = sorted(draw(st.lists(st.integers(0, 24 * 120), max_size=40)))
    status = st.sampled_from(["complete", "complete", "partial"])
    rows = [snapshot(at, START + timedelta(hours=hour), draw(status)) for at, hour in enumerate(hours, 1)]
    safe = {row["id"] for row in (*rows[-1:], *complete(rows)[-1:])}
    return [
        {**row, "pruned_at": None if row["id"] in safe else draw(st.sampled_from([None, None, START]))} for row in rows
    ]


POLICIES = st.builds(
    Policy,
    *[st.integers(0, 6)] * 3,
    st.none() | st.integers(0, 24 * 120).map(lambda hour: START + timedelta(hours=hour)),
)
MANY = settings(max_examples=300, derandomize=True, deadline=None)


def complete(rows: Rows) -> Rows:
    return [row for row in rows if row["status"] == "complete"]


def alive(rows: Rows, pruned: list[int]) -> Rows:
    return [row for row in rows if row["pruned_at"] is None and row["id"] not in pruned]


def moment_of(row: dict[str, Any]) -> datetime:
    moment: datetime = row["observed_to"] or row["finished_at"]
    return moment


def walked(rows: Rows, policy: Policy) -> set[int]:
    """Keep as restic tells it: from the newest back, whenever a new period begins, until the rule is used up."""
    kept = {row["id"] for row in (*rows[-1:], *complete(rows)[-1:])}
    for rule in RULES:
        left, last = getattr(policy, rule), ""
        for row in reversed(rows):
            period = KEYS[rule](moment_of(row))
            if left and period != last:
                kept.add(row["id"])
                left, last = left - 1, period
    return kept | {row["id"] for row in rows if policy.before is not None and moment_of(row) >= policy.before}


@MANY
@given(histories(), POLICIES)
def test_it_keeps_what_walking_back_keeps(rows: Rows, policy: Policy) -> None:
    assert {row["id"] for row in alive(rows, choose(rows, policy))} == walked(alive(rows, []), policy)


@MANY
@given(histories(), POLICIES)
def test_pruning_twice_prunes_nothing_more(rows: Rows, policy: Policy) -> None:
    gone = choose(rows, policy)
    assert choose([{**row, "pruned_at": START} if row["id"] in gone else row for row in rows], policy) == []


@MANY
@given(histories(), POLICIES)
def test_the_last_and_the_last_complete_one_always_stay(rows: Rows, policy: Policy) -> None:
    left = alive(rows, choose(rows, policy))
    assert left[-1:] == rows[-1:]
    assert complete(left)[-1:] == complete(rows)[-1:]


@MANY
@given(histories(), POLICIES, st.sampled_from(RULES))
def test_more_keeps_never_prune_more(rows: Rows, policy: Policy, rule: str) -> None:
    more = replace(policy, **{rule: getattr(policy, rule) + 1})
    assert set(choose(rows, more)) <= set(choose(rows, policy))


@MANY
@given(histories(), POLICIES)
def test_an_age_never_prunes_more_than_the_rules(rows: Rows, policy: Policy) -> None:
    gone, without = choose(rows, policy), choose(rows, replace(policy, before=None))
    assert set(gone) <= set(without)
    assert len(alive(rows, without)) <= policy.keep_daily + policy.keep_weekly + policy.keep_monthly + 2


def test_days_are_utc_days() -> None:
    east = timezone(timedelta(hours=8))
    rows = [
        snapshot(1, datetime(2026, 3, 1, 22, tzinfo=UTC)),
        snapshot(2, datetime(2026, 3, 2, 6, 30, tzinfo=east)),  # half past ten in the evening of the first
        snapshot(3, datetime(2026, 3, 2, 9, tzinfo=east)),
    ]
    assert choose(rows, Policy(keep_daily=2)) == [1]


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("90d", datetime(2026, 8, 3, 12, tzinfo=UTC)),
        ("2w", datetime(2026, 10, 18, 12, tzinfo=UTC)),
        ("2026-10-31", datetime(2026, 10, 31, tzinfo=UTC)),
    ],
)
def test_ages(text: str, means: datetime) -> None:
    assert cutoff(text, datetime(2026, 11, 1, 12, tzinfo=UTC)) == means


@pytest.mark.parametrize("text", ["", "90", "d", "-1d", "1m", "1.5d", "999999d", "99999999999d", "2026-13-01", "٣d"])
def test_no_ages(text: str) -> None:
    with pytest.raises(UsageError, match="--older-than"):
        cutoff(text, datetime(2026, 11, 1, tzinfo=UTC))
