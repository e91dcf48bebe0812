"""What is too large to hold is cut, and comes to the same: each test's pieces are small, so that its jobs may be."""

import io
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.common.body import BodyFile
from inventory.common.exact_json import Json, pretty
from inventory.mock import DrsServer
from inventory.mock.estate import make_job
from inventory.normalise.fast import Normaliser
from inventory.normalise.findings import Findings
from inventory.normalise.large import LargeJob, normalise_large
from inventory.normalise.prepared import PreparedJob, Unchanged, from_normalised
from inventory.normalise.redact import Redactor
from inventory.normalise.split import JobResult, LargeResult, read_answer, with_documents
from inventory.normalise.walk import Row, normalise_listing
from inventory.proof.digest import (
    PREFIX_SIZE,
    decode_fingerprints,
    digest_job,
    job_digest,
    row_digest,
    row_fingerprints,
    row_key,
)
from inventory.schema import BY_NAME
from inventory.source.http import MAX_IN_MEMORY, Http
from inventory.source.transport import Request
from tests.live import DATABASE, Export
from tests.test_properties import SLOW
from tests.web import Reply, Web

PIECE = 1000  # bytes
REDACTORS = {"masked": Redactor(), "fingerprints": Redactor("a key", frozenset({"object_infos.name"}))}
NORMALISERS = {name: Normaliser(redactor) for name, redactor in REDACTORS.items()}

TEXTS = st.one_of(
    st.text(max_size=5),
    st.sampled_from(
        ["},{", '"},{"id":"', '"object_infos":[', '"object_infos":[{"id":"x"}]', "\\", '\\"', "]}", "[{", "\x7f"]
    ),
)
OBJECTS = st.fixed_dictionaries(
    {"id": TEXTS, "type": st.sampled_from(["table", "database", "a new one"])},
    optional={"name": TEXTS, "parent_id": TEXTS, "alias_name": TEXTS, "select": st.sampled_from(["true", "half"])},
)
LEFT_BEHIND: list[Json] = [None, 7, "text", [], {"id": "x", "new": {"deep": [1]}}]
ODD: list[Json] = [{}, {"id": 7}, {"id": "a\x00b", "type": "table"}, {"id": "x", "type": "view", "a_token": "Pl4nted"}]
SPELT = st.sampled_from([{"separators": (",", ":")}, {}, {"indent": 1}, {"ensure_ascii": False}])


def job_of(job_id: str, objects: Sequence[Json], **members: Json) -> dict[str, Json]:
    return {"id": job_id, "name": "n", "object_infos": objects, "status": "WAITING_FOR_START", **members}


def plenty(count: int, **members: Json) -> list[Json]:
    return [{"id": f"db-*-*-{number}", "type": "table", **members} for number in range(count)]


def body_of(*jobs: Json, **spelt: Any) -> bytes:
    return json.dumps({"count": len(jobs), "results": jobs}, **spelt).encode()


def cut(content: bytes, how: str = "masked") -> list[PreparedJob]:
    """Return what an answer in a file comes to."""
    normaliser = NORMALISERS[how]
    return [
        prepared(normalise_large(normaliser, each, name_of(each)))
        if isinstance(each, LargeResult)
        else prepared(normaliser.job(each.raw, name_of(each), b"", None))
        for each in read_answer(BodyFile(io.BytesIO(content)), PIECE)["results"]
    ]


def small(content: bytes, how: str = "masked") -> list[PreparedJob]:
    """Return what an answer in memory comes to."""
    results = read_answer(content)["results"]
    return [prepared(NORMALISERS[how].job(each.raw, name_of(each), b"", None)) for each in results]


def name_of(result: JobResult) -> str:
    assert result.members is not None
    return str(result.members["id"])


def prepared(job: PreparedJob | Unchanged) -> PreparedJob:
    assert isinstance(job, PreparedJob)
    return job


def rows_of(job: PreparedJob) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = {}
    for name, some in job.pieces:
        rows.setdefault(name, []).extend(some)
    return {name: sorted(some, key=repr) for name, some in rows.items() if some}


def told(job: PreparedJob) -> Any:
    """Return all that is stored of a job."""
    findings = Findings()
    findings.add(job.findings)
    return (
        job.job_id,
        job.job_digest.digest,
        decode_fingerprints(job.job_digest.fingerprints, 10**6),
        rows_of(job),
        findings.rows(),
    )


def are_same(one: list[PreparedJob], other: list[PreparedJob]) -> bool:
    return [told(job) for job in one] == [told(job) for job in other]


@SLOW
@given(
    st.lists(st.lists(OBJECTS, max_size=60, unique_by=lambda item: (item["type"], item["id"])), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from([*LEFT_BEHIND, *ODD]) | OBJECTS), max_size=1),
    SPELT,
    st.sampled_from([*REDACTORS]),
)
def test_a_cut_answer_comes_to_the_same(
    lists: list[list[Json]], odd: list[tuple[int, Json]], spelt: dict[str, Any], how: str
) -> None:
    for at, item in odd:
        into = lists[at % len(lists)]
        into.insert(at % (len(into) + 1), item)
    jobs = [job_of(job_id, objects) for job_id, objects in zip("abc", lists, strict=False)]
    content = body_of(*jobs, **spelt)
    assert are_same(cut(content, how), small(content, how))


@pytest.mark.parametrize(
    "member",
    [
        {"new": {"password": "Pl4nted"}},
        {"name": '","object_infos":[{"id":"x"}]'},
        {"tags": [{"key": '"object_infos":[', "value": "},{"}]},
        {"data_transformation": {"object_infos": [{"id": "a", "value": "v"}] * 3}},
        {"object_infos": []},
        {'x"object_infos': plenty(30)},
    ],
    ids=["unknown", "in a text", "in a tag", "elsewhere", "empty", "in a name"],
)
def test_whatever_stands_beside_the_list(member: dict[str, Json]) -> None:
    content = body_of(job_of("a", plenty(50), **member), job_of("b", plenty(30)), job_of("c", []))
    found = cut(content)
    assert [isinstance(job, LargeJob) for job in found] == ["object_infos" not in member, True, False]
    assert are_same(found, small(content))


MANY = json.dumps(plenty(40))[1:-1].encode()
ONE = b'{"results": [{"id": "a", "name": "n", "object_infos": [%b}]}'


@pytest.mark.parametrize(
    ("content", "is_read"),
    [
        (body_of(job_of("a", [*plenty(40), *plenty(1)])), True),
        *((body_of(job_of("a", [*plenty(40), odd])), True) for odd in LEFT_BEHIND),
        (body_of(job_of("a", plenty(40), data_transformation={"object_infos": plenty(40)})), True),
        (ONE % (MANY + b'], "object_infos": [7]'), True),
        (ONE % (MANY + b'], "object_infos": [%b]' % MANY), True),
        (ONE % (MANY + b'], "object\\u005finfos": []'), True),
        (b'{"results": [], "object_infos": [%b]}' % MANY, True),
        (ONE % (MANY + b",]"), False),
        (ONE % (MANY + b",,{}]"), False),
        (ONE % MANY, False),
        ((ONE % MANY)[:-30], False),
        (ONE % (MANY + b"]}"), False),
        (ONE % (MANY.replace(b"-*-39", b"\xff") + b"]"), False),
    ],
    ids=[
        "a key twice", *(f"in a list: {odd}" for odd in LEFT_BEHIND), "another list", "then short", "twice", "escaped",
        "nobody's", "a comma", "commas", "open", "cut off", "closed twice", "no text",
    ],
)  # fmt: skip
def test_what_cannot_be_cut_is_read_whole(content: bytes, is_read: bool) -> None:
    if not is_read:
        with pytest.raises(ValueError, match=r"."):
            cut(content)
        return
    assert not any(isinstance(job, LargeJob) for job in cut(content))
    assert are_same(cut(content), small(content))


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_object_is_prepared_with_its_piece(odd: Json) -> None:
    content = body_of(job_of("a", [*plenty(100), odd, *plenty(200)[100:]]))
    assert are_same(cut(content), small(content))


def test_a_key_that_repeats_far_apart_is_noticed() -> None:
    content = body_of(job_of("a", [*plenty(400), {"id": "db-*-*-0", "type": "table", "name": "other"}]))
    assert not isinstance(cut(content)[0], LargeJob)
    assert are_same(cut(content), small(content))


def large_job() -> PreparedJob:
    (found,) = cut(body_of(job_of("a", plenty(100, select="half"))))
    assert isinstance(found, LargeJob)
    return found


def test_nothing_is_noted_of_a_large_job() -> None:
    assert large_job().cache_entry is None


def test_what_the_list_says_is_put_beside_a_large_job() -> None:
    listing = from_normalised(normalise_listing("a", None, {"net_type": "eip", "billing_tag": 7}, alone=False))
    (at_once,) = small(body_of(job_of("a", plenty(100, select="half"))))
    assert told(large_job().joined(listing)) == told(at_once.joined(listing))


def test_a_large_result_is_read_exactly() -> None:
    document = {"count": 1, "results": [job_of("a", plenty(100), new=[1, 0.5])]}
    found = read_answer(BodyFile(io.BytesIO(json.dumps(document).encode())), PIECE)
    assert isinstance(found["results"][0], LargeResult)
    assert json.loads(pretty(with_documents(found))) == document


@pytest.mark.parametrize(
    ("size", "waits"), [(MAX_IN_MEMORY, bytes), (MAX_IN_MEMORY + 1, BodyFile)], ids=["memory", "a file"]
)
def test_a_body_waits_in_memory_or_in_a_file(size: int, waits: type[Any]) -> None:
    with Web(lambda _: Reply(pieces=(b"x" * size,))) as web:
        http = Http(web.url, timeout=5, max_body=2 * MAX_IN_MEMORY)
        answer = http.send(Request("POST", "/"))
        http.close()
    assert (type(answer.body), answer.content, answer.size) == (waits, b"x" * size, size)


def test_a_job_of_many_rows_is_proven_as_any_other() -> None:
    rows = [(BY_NAME["object_infos"], ("a", "table", f"db-*-*-{n}", 0, *[None] * 5)) for n in range(25_000)]
    named = [(entity.name, row_key(entity, row), row_digest(entity, row)) for entity, row in rows]
    proof = digest_job(rows)
    assert proof.digest == job_digest(digest for *_, digest in named)
    assert decode_fingerprints(proof.fingerprints, len(rows)) == [
        (line, digest[:PREFIX_SIZE]) for line, digest in row_fingerprints(named)
    ]


def test_a_job_that_is_too_large_to_hold_is_exported(server: DrsServer, export: Export) -> None:
    server.jobs.clear()
    for number, objects in enumerate([80_000, 3]):
        job = make_job(number, size=objects)
        server.jobs[job["id"]] = job
        assert len(json.dumps(job, separators=(",", ":"))) > MAX_IN_MEMORY or objects == 3
    export.top = {"workers": 1}
    export(jobs="all")
    verified = export.inventory("--database", DATABASE, "verify")
    assert verified.returncode == 0, verified.stdout
