"""The short way gives what the long way gives, or refuses: for every job, whatever is odd about it."""

import json
import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.digest import part_of
from inventory.jsontext import Json, pretty, read
from inventory.mock.estate import make_job
from inventory.normalise import normalise
from inventory.prepare import Asked, Same, prepare
from inventory.redact import Redactor
from inventory.schema.plan import Branch, Leaf, Shape, plan_of
from inventory.strict import Preparer, Strict
from tests.test_properties import ANY, RIGHT, SLOW, TEXTS

REDACTORS = {
    "masked": Redactor(),
    "fingerprints": Redactor("a key", frozenset({"alarm_endpoints.endpoint", "object_infos.name", "endpoints.ip"})),
}
SHORT = {name: Strict(redactor) for name, redactor in REDACTORS.items()}


def text_of(job: dict[str, Json]) -> bytes:
    return pretty(job, indent=None).encode()


def asked(*ids: str) -> Asked:
    return dict.fromkeys(ids, (b"", None))


def same(raw: bytes, how: str) -> bool:
    """Compare the two ways; return whether the short one was taken."""
    job_id = json.loads(raw)["id"]
    short = SHORT[how].read(raw, asked(job_id))
    assert not isinstance(short, Same)
    if short is None:
        return False
    long = prepare(normalise(job_id, REDACTORS[how].job(read(raw))))
    assert (part_of(sorted(short.marks.items())),) == long.parts
    rows = long.rows
    assert {name: sorted(map(repr, of)) for name, of in short.rows.items() if of} == {
        name: sorted(map(repr, of)) for name, of in rows.items() if of
    }
    assert sorted(map(repr, short.findings)) == sorted(map(repr, long.findings))
    return True


def places(value: Json) -> Iterator[tuple[Any, Any]]:
    """Yield every container and key of a document."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(inner, dict | list):
            yield from places(inner)


ODD = st.one_of(
    ANY, TEXTS, *RIGHT.values(), st.sampled_from(["***", "******", "Ünïcode", "😀", "x" * 600, "\x7f", '"\\'])
)


@SLOW
@given(st.integers(0, 500), st.lists(st.tuples(st.integers(0, 10**6), ODD), max_size=3), st.sampled_from([*REDACTORS]))
def test_an_answer_with_something_odd_in_it(number: int, changes: list[tuple[int, Json]], how: str) -> None:
    job = deepcopy(make_job(number, size=6))
    job_id = job["id"]
    for at, value in changes:
        container, key = list(places(job))[at % len(list(places(job)))]
        container[key] = value
    job["id"] = job_id
    same(text_of(job), how)


@pytest.mark.parametrize("how", REDACTORS)
def test_jobs_as_documented_take_the_short_way(how: str) -> None:
    taken = [same(text_of(make_job(number, size=20)), how) for number in range(300)]
    assert sum(taken) > 290


def filled(shape: Shape, dice: random.Random) -> Json:
    """Fill every member with a value of its own kind."""
    found: dict[str, Json] = {}
    for name, part in shape.members.items():
        if isinstance(part, Leaf):
            kind = part.api.kind.name
            right: dict[str, Json] = {
                "integer": dice.randrange(2**40),
                "boolean": dice.random() < 0.5,
                "integer_text": str(dice.randrange(99)),
                "epoch_ms": str(dice.randrange(1, 2 * 10**12)),
                "iso_time": "2025-12-01T00:00:00Z",
            }
            text = dice.choice([*part.api.values, f"{name} {dice.random()}"])
            found[name] = right.get(kind, text)
        elif isinstance(part, Shape):
            found[name] = filled(part, dice)
        else:
            found[name] = rows(part, dice)
    return found


def rows(branch: Branch, dice: random.Random) -> Json:
    shape = branch.plan.shape
    items = [f"{dice.random()}" if shape.element else filled(shape, dice) for _ in range(3)]
    return items if branch.place.many else items[0]


@pytest.mark.parametrize("how", REDACTORS)
def test_every_member_of_the_reference_at_once(how: str) -> None:
    taken = 0
    for seed in range(30):
        job = filled(plan_of("jobs").shape, random.Random(seed))
        taken += same(text_of({**job, "id": "job"}), how)
    assert taken > 0


@pytest.mark.parametrize(
    "body",
    [
        b'{"count": 1, "results": [%s], "data_transformation": {"total_count": 1}}',
        b'{"count": 2, "results": [%s, %s]}',
        b'{"count": 1, "results": [{"id": "another", "name": "n"}]}',
        b'{"count": 1, "results": [{"id": "job", "error_code": "DRS.M00289"}]}',
        b'{"count": 1, "results": [{"name": "without id"}]}',
        b'{"count": 1, "results": ["job"]}',
        b'{"count": 1, "results": [%s',
        b'{"count": 1, "results": null}',
        b'{"count": 1, "results": [{"id": "job", "name": "n", "deep": %s}]}' % (b"[" * 300 + b"]" * 300),
        b"[]",
        b"\xff",
    ],
    ids=["beside", "twice", "unasked", "failed", "no id", "no object", "cut off", "null", "deep", "a list", "no text"],
)
def test_what_is_no_plain_answer_is_left_to_the_long_way(body: bytes) -> None:
    job = b'{"id": "job", "name": "n"}'
    assert Preparer(Redactor()).body(body.replace(b"%s", job), asked("job")) is None


def test_a_result_that_is_odd_is_prepared_beside_the_others() -> None:
    content = b'{"count": 2, "results": [{"id": "a", "name": "n", "new": 1}, {"id": "b", "name": "n"}]}'
    prepared = Preparer(Redactor()).body(content, asked("a", "b", "c"))
    assert prepared is not None
    assert [(each.job_id, [f.kind for f in each.findings]) for each in prepared["results"]] == [
        ("a", ["unknown_field"]), ("b", []),
    ]  # fmt: skip
