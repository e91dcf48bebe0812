"""The fast path gives what the walk gives, and so do both together: for every job, whatever is odd about it."""

import json
import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.common.exact_json import Json, Number, pretty, read
from inventory.mock.estate import make_job
from inventory.normalise.fast import MAX_LEARNED, FastPath, Normaliser, NotCovered, UnknownMember
from inventory.normalise.prepared import PreparedJob, Unchanged, from_normalised
from inventory.normalise.redact import Redactor
from inventory.normalise.walk import normalise
from inventory.schema.layout import Branch, Leaf, Shape, layout_of
from tests.test_properties import ANY, RIGHT, SLOW, TEXTS

REDACTORS = {
    "masked": Redactor(),
    "fingerprints": Redactor("a key", frozenset({"alarm_endpoints.endpoint", "object_infos.name", "endpoints.ip"})),
}
FAST = {name: FastPath(redactor) for name, redactor in REDACTORS.items()}
NORMALISERS = {name: Normaliser(redactor) for name, redactor in REDACTORS.items()}


def text_of(job: dict[str, Json]) -> bytes:
    return pretty(job, indent=None).encode()


def told(job: PreparedJob) -> Any:
    """Return all that is known of a job, in an order that the way to it does not show in."""
    rows = {name: sorted(map(repr, of)) for name, of in job.rows.items() if of}
    return job.job_id, job.chunks, rows, sorted(map(repr, job.findings))


def walked(raw: bytes, how: str, job_id: str) -> PreparedJob:
    return from_normalised(normalise(job_id, REDACTORS[how].job(read(raw))))


def same(raw: bytes, how: str) -> bool:
    """Compare what the job comes to with what the walk makes of it; return whether the fast path covers it whole."""
    job_id = json.loads(raw)["id"]
    job = NORMALISERS[how].job(raw, job_id, b"", None)
    assert isinstance(job, PreparedJob)
    assert told(job) == told(walked(raw, how, job_id))
    return is_covered(FAST[how], raw, job_id)


def is_covered(fast: FastPath, raw: bytes, job_id: str) -> bool:
    """Tell whether the fast path covers a job whole."""
    try:
        return fast.rows(fast.read(raw), raw, job_id) is not None
    except NotCovered:
        return False


def places(value: Json) -> Iterator[tuple[Any, Any]]:
    """Yield every container and key of a document."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(inner, dict | list):
            yield from places(inner)


ODD = st.one_of(
    ANY, TEXTS, *RIGHT.values(), st.sampled_from(["***", "******", "Ünïcode", "😀", "x" * 600, "\x7f", '"\\'])
)


NEW = ["newer", "a_token", "class", "role", "item", "with-dash", "a.b", "x__y", "ü"]
CHANGES = st.tuples(st.integers(0, 10**6), st.none() | st.sampled_from(NEW), ODD)


@SLOW
@given(st.integers(0, 500), st.lists(CHANGES, max_size=3), st.sampled_from([*REDACTORS]))
def test_an_answer_with_something_odd_in_it(number: int, changes: list[tuple[int, str | None, Json]], how: str) -> None:
    job = deepcopy(make_job(number, size=6))
    job_id = job["id"]
    for at, new, value in changes:
        container, key = list(places(job))[at % len(list(places(job)))]
        container[new if new and isinstance(container, dict) else key] = value
    job["id"] = job_id
    same(text_of(job), how)


@pytest.mark.parametrize("how", REDACTORS)
def test_jobs_as_documented_take_the_fast_path(how: str) -> None:
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
                "boolean_number": dice.randrange(2),
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
    shape = branch.layout.shape
    items = [f"{dice.random()}" if shape.element else filled(shape, dice) for _ in range(3)]
    return items if branch.place.many else items[0]


@pytest.mark.parametrize("how", REDACTORS)
def test_every_member_of_the_reference_at_once(how: str) -> None:
    taken = 0
    for seed in range(30):
        job = filled(layout_of("jobs").shape, random.Random(seed))
        taken += same(text_of({**job, "id": "job"}), how)
    assert taken > 0


ODDITIES: dict[str, dict[str, Json]] = {
    "unknown member": {"new": {"deep": [1, 0.10]}},
    "secret of no text": {"source_endpoint": {"db_password": 7, "ip": "10.0.0.1"}},
    "unknown in a table": {"tags": [{"key": "a", "value": "b", "new": 1}]},
    "wrong type": {"name": 7},
    "wrong type in a table": {"public_ip_list": [{"id": 7, "public_ip": "192.0.2.1", "type": "master"}]},
    "repeated key": {"tags": [{"key": "a", "value": "b"}] * 2},
    "huge number": {"inst_info": {"volume_size": 10**30}},
    "no list": {"object_infos": {}},
    "unstorable": {"tags": [{"key": "a\x00", "value": "\ud800"}]},
    "an id that is a number": {"id": 7},
    "no id": {"id": None},
}


@pytest.mark.parametrize("how", REDACTORS)
@pytest.mark.parametrize("odd", ODDITIES)
def test_what_is_odd_about_a_member_leaves_the_others_to_the_fast_path(odd: str, how: str) -> None:
    raw = text_of({**make_job(1, size=20), **ODDITIES[odd]})
    job = NORMALISERS[how].job(raw, "job", b"", None)
    assert isinstance(job, PreparedJob)
    assert told(job) == told(walked(raw, how, "job"))


def test_a_key_that_repeats_in_the_text_counts_as_the_last() -> None:
    raw = b'{"id": "job", "name": "a", "new": 1, "tags": [{"key": "x", "value": "y"}], "tags": null, "name": "b"}'
    assert same(raw, "masked") is False
    job = NORMALISERS["masked"].job(raw, "job", b"", None)
    assert isinstance(job, PreparedJob)
    assert not job.rows.get("tags")


@pytest.mark.parametrize("odd", [{}, *ODDITIES.values()], ids=["documented", *ODDITIES])
def test_what_is_served_again_is_known_by_its_note(odd: dict[str, Json]) -> None:
    document, salted, normaliser = {**make_job(1, size=20), **odd}, b"salt", NORMALISERS["masked"]
    raw = text_of(document)
    first = normaliser.job(raw, "job", salted, None)
    assert isinstance(first, PreparedJob)
    assert normaliser.job(raw, "job", salted, first.cache_entry) == Unchanged("job", first.findings)
    for other in (text_of({**document, "newer": 1}), text_of({**document, "name": "another"})):
        assert isinstance(normaliser.job(other, "job", salted, first.cache_entry), PreparedJob)
    assert isinstance(normaliser.job(raw, "job", b"other", first.cache_entry), PreparedJob)
    assert first.cache_entry is not None
    for note in (first.cache_entry[:32] + b"[]", first.cache_entry + b" ", b"", b"0", "text"):
        if note != first.cache_entry:
            assert isinstance(normaliser.job(raw, "job", salted, note), PreparedJob)  # type: ignore[arg-type]


def test_a_note_tells_no_secret() -> None:
    notes = []
    for secret in ("Pl4nted", "another"):
        document = {**make_job(1), "new": {"password": secret}, "source_endpoint": {"db_password": secret}}
        job = NORMALISERS["masked"].job(text_of(document), "job", b"", None)
        assert isinstance(job, PreparedJob)
        notes.append(job.cache_entry)
    assert notes[0] == notes[1]


@pytest.mark.parametrize("raw", [b"[]", b"7", b"{", b"\xff", b'{"new": %b}' % (b"[" * 300 + b"]" * 300), b'{"a": NaN}'])
def test_what_is_no_object_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        NORMALISERS["masked"].job(raw, "job", b"", None)
    assert "x" * 100 not in str(error.value)


@pytest.mark.parametrize("how", REDACTORS)
def test_members_beyond_the_schema_are_learned(how: str) -> None:
    new = {
        "newer": {"deep": [1, Number("0.10"), None], "password": "Pl4nted"},
        "a_token": "Pl4nted",
        "class": Number("1e400"),
    }
    job = make_job(1, size=20)
    job |= new | {"object_infos": [each | new for each in job["object_infos"]], "source_endpoint": new}
    job["alarm_notify"] = {**new, "subscriptions": [{"protocol": "email", "endpoints": ["a@example.com"], **new}]}
    raw = text_of(job)
    fast = FAST[how]
    with pytest.raises(UnknownMember):
        fast.read(raw)
    grown = fast.extended(raw)
    assert is_covered(grown, raw, job["id"])
    assert grown.extended(raw) is grown
    normaliser = Normaliser(REDACTORS[how])
    for found in (normaliser.job(raw, job["id"], b"", None) for _ in range(2)):
        assert isinstance(found, PreparedJob)
        assert told(found) == told(walked(raw, how, job["id"]))
        assert b"Pl4nted" not in found.packed
        assert Normaliser(REDACTORS[how]).job(raw, job["id"], b"", found.cache_entry) == Unchanged(
            job["id"], found.findings
        )


def test_no_more_members_are_learned_than_pay() -> None:
    normaliser = Normaliser(REDACTORS["masked"])
    for number in range(3 * MAX_LEARNED // 20):
        raw = text_of({**make_job(1), **{f"new_{20 * number + each}": each for each in range(20)}})
        job = normaliser.job(raw, "job", b"", None)
        assert isinstance(job, PreparedJob)
        assert told(job) == told(walked(raw, "masked", "job"))
