"""What is too large to hold is cut, and comes to the same: each test's pieces are small, so that its jobs may be."""

import io
import json
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import IO, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.digest import SHORT, job_digest, job_marks, job_proof, key_of, row_digest, unpack
from inventory.exchange import Body, Request, Response
from inventory.findings import Findings
from inventory.http import HELD, Http
from inventory.jsontext import Json
from inventory.mock import DrsServer
from inventory.mock.estate import make_job
from inventory.normalise import Row, normalise_listing
from inventory.prepare import Asked, PreparedJob, from_normalised
from inventory.redact import Redactor
from inventory.schema import BY_NAME
from inventory.strict import Normaliser
from inventory.strict.big import AnySize, Big
from inventory.workers.wire import Channel, pack_answer, unpack_answer
from tests.live import DATABASE, Export
from tests.test_properties import SLOW
from tests.web import Reply, Web

PIECE = 1000  # bytes
ASKED: Asked = dict.fromkeys(("a", "b", "c"), (b"", None))
REDACTORS = {"masked": Redactor(), "fingerprints": Redactor("a key", frozenset({"object_infos.name"}))}
SMALL = {name: Normaliser(redactor) for name, redactor in REDACTORS.items()}
CUT = {name: AnySize(redactor, PIECE) for name, redactor in REDACTORS.items()}

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


def cut(content: bytes, how: str = "masked") -> list[PreparedJob] | None:
    answer = CUT[how].body(io.BytesIO(content), ASKED)
    return None if answer is None else answer["results"]


def small(content: bytes, how: str = "masked") -> list[PreparedJob] | None:
    answer = SMALL[how].body(content, ASKED)
    return None if answer is None else answer["results"]


def rows_of(job: PreparedJob) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = {}
    for name, some in job.pieces:
        rows.setdefault(name, []).extend(some)
    return {name: sorted(some, key=repr) for name, some in rows.items() if some}


def told(job: PreparedJob) -> Any:
    """Return all that is stored of a job."""
    findings = Findings()
    findings.add(job.findings)
    return job.job_id, job.proof.digest, unpack(job.proof.packed, 10**6), rows_of(job), findings.rows()


def are_same(one: list[PreparedJob] | None, other: list[PreparedJob] | None) -> bool:
    assert one is not None
    assert other is not None
    return [told(job) for job in one] == [told(job) for job in other]


@SLOW
@given(
    st.lists(st.lists(OBJECTS, max_size=60, unique_by=lambda item: (item["type"], item["id"])), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from([*LEFT_BEHIND, *ODD]) | OBJECTS), max_size=1),
    SPELT,
    st.sampled_from([*REDACTORS]),
)
def test_a_cut_answer_comes_to_the_same_or_is_refused(
    lists: list[list[Json]], odd: list[tuple[int, Json]], spelt: dict[str, Any], how: str
) -> None:
    for at, item in odd:
        into = lists[at % len(lists)]
        into.insert(at % (len(into) + 1), item)
    jobs = [job_of(job_id, objects) for job_id, objects in zip(ASKED, lists, strict=False)]
    content = body_of(*jobs, **spelt)
    found = cut(content, how)
    if not odd:
        assert found is not None
    assert found is None or are_same(found, small(content, how))


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
    assert found is not None
    assert [isinstance(job, Big) for job in found] == ["object_infos" not in member, True, False]
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
        (b'{"results": [], "object_infos": [%b]}' % MANY, False),
        (ONE % (MANY + b",]"), False),
        (ONE % (MANY + b",,{}]"), False),
        (ONE % MANY, False),
        ((ONE % MANY)[:-30], False),
        (ONE % (MANY + b"]}"), False),
        (ONE % (MANY.replace(b"-*-39", b"\xff") + b"]"), False),
        (body_of(job_of("x", plenty(40))), False),
    ],
    ids=[
        "a key twice", *(f"in a list: {odd}" for odd in LEFT_BEHIND), "another list", "then short", "twice", "escaped",
        "nobody's", "a comma", "commas", "open", "cut off", "closed twice", "no text", "unasked",
    ],
)  # fmt: skip
def test_what_cannot_be_cut_is_left_to_those_who_read_it_whole(content: bytes, is_read: bool) -> None:
    assert (small(content) is not None) is is_read
    assert cut(content) is None


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_object_is_prepared_with_its_piece(odd: Json) -> None:
    content = body_of(job_of("a", [*plenty(100), odd, *plenty(200)[100:]]))
    assert are_same(cut(content), small(content))


def test_a_key_that_repeats_far_apart_is_noticed() -> None:
    content = body_of(job_of("a", [*plenty(400), {"id": "db-*-*-0", "type": "table", "name": "other"}]))
    assert small(content) is not None
    assert cut(content) is None


def big_job(objects: int = 100) -> Big:
    found = cut(body_of(job_of("a", plenty(objects, select="half"))))
    assert found is not None
    assert isinstance(found[0], Big)
    return found[0]


def test_a_big_job_is_never_taken_for_one_that_was_served_before() -> None:
    (rest,) = small(body_of(job_of("a", []))) or []
    assert rest.served is not None
    content = io.BytesIO(body_of(job_of("a", plenty(100))))
    answer = CUT["masked"].body(content, {"a": (b"", rest.served)})
    assert answer is not None
    assert [(type(job), job.served) for job in answer["results"]] == [(Big, None)]


def test_what_the_list_says_is_put_beside_a_big_job() -> None:
    listing = from_normalised(normalise_listing("a", None, {"net_type": "eip", "billing_tag": 7}, alone=False))
    (whole,) = small(body_of(job_of("a", plenty(100, select="half")))) or []
    assert told(big_job().joined(listing)) == told(whole.joined(listing))


def test_a_big_job_comes_from_a_worker() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    sent = [big_job(), *(small(body_of(job_of("b", plenty(1)))) or []), big_job(200)]
    wanted = [told(job) for job in sent]
    ours, theirs = (Channel(each) for each in socket.socketpair())
    ours.send(*pack_answer(Response(200, {}, b"", at, 0.5, 7, {"count": 3, "results": sent})))
    del sent  # with its files
    frame = theirs.receive()
    ours.close()
    theirs.close()
    assert frame is not None
    answer = unpack_answer(frame)
    assert (answer.at, answer.size) == (at, 7)
    assert answer.prepared is not None
    assert [told(job) for job in answer.prepared["results"]] == wanted


@pytest.mark.parametrize(("size", "waits"), [(HELD, bytes), (HELD + 1, IO)], ids=["memory", "a file"])
def test_a_body_waits_in_memory_or_in_a_file(size: int, waits: type[Any]) -> None:
    seen: list[Body] = []

    def prepare(body: Body, asked: Asked) -> None:
        assert asked is ASKED
        seen.append(body)
        assert isinstance(body, bytes) or len(body.read()) == size

    with Web(lambda _: Reply(pieces=(b"x" * size,))) as web:
        http = Http(web.url, timeout=5, max_body=2 * HELD, prepare=prepare)
        answer = http.send(Request("POST", "/", jobs=ASKED))
        http.close()
    assert (answer.content, answer.size, answer.prepared) == (b"x" * size, size, None)
    assert [isinstance(body, bytes) for body in seen] == [waits is bytes]


def test_a_job_of_many_rows_is_proven_as_any_other() -> None:
    rows = [(BY_NAME["object_infos"], ("a", "table", f"db-*-*-{n}", 0, *[None] * 5)) for n in range(25_000)]
    named = [(entity.name, key_of(entity, row), row_digest(entity, row)) for entity, row in rows]
    proof = job_proof(rows)
    assert proof.digest == job_digest(digest for *_, digest in named)
    assert unpack(proof.packed, len(rows)) == [(line, digest[:SHORT]) for line, digest in job_marks(named)]


def test_a_job_that_is_too_large_to_hold_is_exported(server: DrsServer, export: Export) -> None:
    server.jobs.clear()
    for number, objects in enumerate([80_000, 3]):
        job = make_job(number, size=objects)
        server.jobs[job["id"]] = job
        assert len(json.dumps(job, separators=(",", ":"))) > HELD or objects == 3
    export.top = {"workers": 1}
    export(jobs="all")
    verified = export.inventory("--database", DATABASE, "verify")
    assert verified.returncode == 0, verified.stdout
