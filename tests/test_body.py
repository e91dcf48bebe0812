"""How bodies are unpacked: what is legal is taken, what was not asked for is refused once, and nothing is unbounded."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import closing

import pytest

from inventory.source.http import Http
from inventory.source.transport import Request, Response, RouteError, TransportError
from tests.live import Export
from tests.web import Reply, Sent, Web

MIB = 1024 * 1024
TEXT = b'{"jobs": []}' * 50
PACKED = gzip.compress(TEXT, mtime=0)
PARTS = b"".join(gzip.compress(part, mtime=0) for part in (TEXT[:10], b"", TEXT[10:]))
RAW = zlib.compressobj(wbits=-15)
RAW_DEFLATED = RAW.compress(TEXT) + RAW.flush()


def answered(body: bytes, encoding: str | None, *, piece: int = 0, status: int = 200) -> Response:
    """Send a body, whole or in pieces of so many bytes, and return what comes out."""
    pieces = tuple(body[at : at + piece] for at in range(0, len(body), piece)) if piece else (body,)
    headers = {} if encoding is None else {"Content-Encoding": encoding}
    with Web(lambda _: Reply(status, pieces, headers)) as web, closing(Http(web.url, timeout=5, max_body=MIB)) as http:
        return http.send(Request("GET", "/"))


@pytest.mark.parametrize("piece", [0, 1, 7], ids=["whole", "bytes", "pieces"])
@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (TEXT, None),
        (TEXT, ""),
        (TEXT, "identity"),
        (TEXT, " Identity , "),
        (PACKED, "gzip"),
        (PACKED, "GZIP"),
        (PACKED, "x-gzip"),
        (PACKED, "gzip, identity"),
        (PACKED, "identity,,gzip"),
        (PARTS, "gzip"),
        (PACKED + bytes(1000), "gzip"),
        (PACKED + b"\x1f", "gzip"),
        (PACKED + b"trailing garbage", "gzip"),
        (PARTS + b"\x1f\x1f\x8b garbage", "gzip"),
        (zlib.compress(TEXT), "deflate"),
        (zlib.compress(TEXT, wbits=9), "deflate"),
        (RAW_DEFLATED, "deflate"),
        (zlib.compress(TEXT) + b"trailing garbage", "deflate"),
    ],
)
def test_what_is_legal_is_unpacked(body: bytes, encoding: str | None, piece: int) -> None:
    assert answered(body, encoding, piece=piece).content == TEXT


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_an_empty_body_is_packed_enough(encoding: str) -> None:
    assert answered(b"", encoding).content == b""


@pytest.mark.parametrize(
    ("body", "encoding", "reason"),
    [
        (PACKED[:-1], "gzip", "answer cut off"),
        (PACKED[:5], "gzip", "answer cut off"),
        (PARTS[:-9], "gzip", "answer cut off"),
        (PACKED + b"\x1f\x8b", "gzip", "answer cut off"),
        (zlib.compress(TEXT)[:-1], "deflate", "answer cut off"),
        (TEXT, "gzip", "the body cannot be unpacked"),
        (PACKED[:-8] + bytes(8), "gzip", "the body cannot be unpacked"),
        (PACKED + b"\x1f\x8bgarbage", "gzip", "the body cannot be unpacked"),
        (TEXT, "deflate", "the body cannot be unpacked"),
    ],
)
def test_what_is_cut_off_or_spoilt_may_be_asked_for_again(body: bytes, encoding: str, reason: str) -> None:
    with pytest.raises(TransportError) as caught:
        answered(body, encoding)
    assert (caught.value.reason, caught.value.retry) == (reason, True)


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("br", "br"),
        ("ZSTD", "zstd"),
        ("gzip, br", "gzip,br"),
        ("gzip, gzip", "gzip,gzip"),
        ("\u00e9\t<script>", "???script?"),
        ("x" * 10_000, "x" * 40),
    ],
)
def test_what_was_not_asked_for_is_refused(encoding: str, name: str) -> None:
    with pytest.raises(RouteError, match="A proxy on the way") as caught:
        answered(TEXT, encoding)
    assert caught.value.summary.endswith(f": the body is packed as {name}, which was not asked for")


def test_one_packed_answer_among_others_is_no_answer() -> None:
    def answer(sent: Sent) -> Reply:
        return Reply(headers={"Content-Encoding": sent.path[1:]})

    with Web(answer) as web, closing(Http(web.url, timeout=5, max_body=MIB)) as http:
        assert http.send(Request("GET", "/")).status == 200
        with pytest.raises(TransportError) as caught:
            http.send(Request("GET", "/br"))
        assert (caught.value.reason, caught.value.retry) == ("the body is packed as br, which was not asked for", False)
        assert str(caught.value).startswith(f"{web.url}: ")
        assert http.send(Request("GET", "/")).status == 200


def test_the_status_of_a_packed_error_page_counts() -> None:
    answer = answered(b"\x0b\x02\x80oops\x03", "br", status=503)
    assert (answer.status, answer.size) == (503, 8)


def members(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield gzip.compress(bytes(MIB // 8))


def test_the_bound_is_for_all_members_together() -> None:
    assert len(answered(b"".join(members(8)), "gzip").content) == MIB
    for encoding, body in (("gzip", b"".join(members(9))), ("deflate", zlib.compress(bytes(20 * MIB)))):
        with pytest.raises(TransportError) as caught:
            answered(body, encoding)
        assert (caught.value.reason, caught.value.retry) == ("the body is larger than 1 MiB", False)


@pytest.mark.parametrize("jobs", ["all", "ids"])
def test_a_packed_answer_is_not_asked_for_again(export: Export, jobs: str) -> None:
    keys = {"jobs": "all"} if jobs == "all" else {}
    with Web(lambda _: Reply(200, (b"x",), {"Content-Encoding": "br"})) as web:
        err = export(code=1, endpoint=web.url, concurrency=1, **keys).stderr
        assert "packed as br" in err
        assert len(web.sent) == 1
