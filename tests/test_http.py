"""One exchange: exact bytes out, a bounded answer back, and words for whatever goes wrong."""

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from inventory.config.endpoints import check_address, drs_endpoint, iam_endpoint
from inventory.source.http import Http
from inventory.source.transport import Request, TransportError
from tests.certificates import Authority
from tests.web import Reply, Sent, Web, Wire, head_of

MIB = 1024 * 1024


Connect = Callable[..., Http]


@pytest.fixture
def http() -> Iterator[Connect]:
    """Make clients that are closed when the test ends."""
    made: list[Http] = []

    def connect(to: Web | str, *, timeout: float = 5, max_body: int = MIB, path: str = "") -> Http:
        made.append(Http(to if isinstance(to, str) else to.url + path, timeout=timeout, max_body=max_body))
        return made[-1]

    yield connect
    for each in made:
        each.close()


def failing(call: Callable[[], object]) -> TransportError:
    with pytest.raises(TransportError) as caught:
        call()
    return caught.value


def test_what_is_given_is_sent_and_what_is_answered_comes_back(http: Connect) -> None:
    reply = Reply(404, (b"\xff\x00",), {"X-Request-Id": "7", "Set-Cookie": "a=b"})
    with Web(lambda _: reply) as web:
        client = http(web, path="/base")
        for _ in range(2):
            request = Request("POST", "/v3/ü ~/%41", [("b", "2"), ("a", "ä/&"), ("b", "1")], {"X-L": "é"}, b"\x00ok")
            answer = client.send(request)
    assert (answer.status, answer.content, answer.headers["x-request-id"]) == (404, b"\xff\x00", "7")
    assert answer.at.tzinfo is not None
    sent = web.sent[-1]
    assert sent.path == "/base/v3/%C3%BC%20~/A?a=%C3%A4%2F%26&b=1&b=2"
    assert (sent.method, sent.body, sent.headers["host"]) == ("POST", b"\x00ok", client.host)
    assert sent.headers["x-l"].encode("latin-1") == "é".encode()
    assert "cookie" not in sent.headers
    assert sent.headers["user-agent"].startswith("drs-inventory/")


def test_a_path_that_would_be_changed_is_not_sent(http: Connect) -> None:
    with Web(lambda _: Reply()) as web:
        assert not failing(lambda: http(web).send(Request("GET", "/a/../b"))).retry
    assert web.sent == []


def test_a_redirect_is_an_answer_and_is_not_followed(http: Connect) -> None:
    with Web(lambda _: Reply()) as other:
        with Web(lambda _: Reply(307, headers={"Location": other.url + "/x"})) as web:
            answer = http(web).send(Request("POST", "/", headers={"X-Auth-Token": "secret"}, body=b"{}"))
        assert answer.status == 307
        assert other.sent == []


def test_a_body_that_drips_ends_when_its_time_is_over(http: Connect) -> None:
    with Web(lambda _: Reply(pieces=(b"x",) * 100, pause=0.05)) as web:
        started = time.monotonic()
        error = failing(lambda: http(web).send(Request("GET", "/", seconds=0.3)))
        assert time.monotonic() - started < 2
        assert (error.reason, error.retry) == ("timed out", True)


ENDLESS = {
    "head by the byte": (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "head by the line": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "processing": (b"", b"HTTP/1.1 102 Processing\r\nX: y\r\n\r\n"),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n", b"x"),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "trailer": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"),
    "nothing": (b"", b""),
}


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("what", ENDLESS)
def test_an_answer_without_end_ends_when_its_time_is_over(
    http: Connect, what: str, tls: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    first, again = ENDLESS[what]

    def speak(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(first)
        while True:
            connection.sendall(again)
            time.sleep(0.02)

    with Wire(speak, authority.server() if tls else None) as wire:
        address = f"{'https' if tls else 'http'}://localhost:{wire.port}"
        client = http(address, timeout=30)
        started = time.monotonic()
        error = failing(lambda: client.send(Request("GET", "/", seconds=0.5)))
        assert 0.4 < time.monotonic() - started < 5
        assert (error.reason, error.retry, error.reached) == ("timed out", True, True)
        assert str(error) == f"{address}: timed out after 0.5 s"


def test_a_tls_handshake_without_end_ends_when_its_time_is_over(http: Connect) -> None:
    def speak(connection: socket.socket) -> None:
        connection.sendall(b"\x16\x03\x03\x40\x00")  # a record of 16 KiB
        while True:
            connection.sendall(b"x")
            time.sleep(0.02)

    with Wire(speak) as wire:
        error = failing(lambda: http(f"https://{wire.address}", timeout=30).send(Request("GET", "/", seconds=0.5)))
        assert (error.reason, error.retry, error.reached) == ("TLS handshake timed out", True, False)


def test_a_name_server_that_does_not_answer_ends_when_its_time_is_over(
    http: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()

    def silent(*_: object, **__: object) -> list[object]:
        release.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    error = failing(lambda: http("http://drs.example", timeout=30).send(Request("GET", "/", seconds=0.3)))
    release.set()
    assert (error.reason, error.retry, error.reached) == ("name resolution failed", True, False)
    assert str(error) == "http://drs.example:80: name resolution failed"


def test_a_request_that_nobody_reads_ends_when_its_time_is_over(http: Connect) -> None:
    release = threading.Event()

    def silent(_: socket.socket) -> None:
        release.wait(10)

    with Wire(silent) as wire:
        client = http(f"http://{wire.address}", timeout=30)
        error = failing(lambda: client.send(Request("POST", "/", body=bytes(64 * MIB), seconds=0.5)))
        assert error.reason == "timed out"
        release.set()


def test_without_a_bound_an_exchange_may_take_four_time_outs(http: Connect) -> None:
    with Web(lambda _: Reply(pieces=(b"x",) * 1000, pause=0.02)) as web:
        error = failing(lambda: http(web, timeout=0.2).send(Request("GET", "/")))
        assert error.reason == "timed out"
    with Web(lambda _: Reply(pieces=(b"x",) * 30, pause=0.02)) as web:
        assert http(web, timeout=5).send(Request("GET", "/")).size == 30


def test_an_address_that_nobody_has_leaves_time_for_the_next(http: Connect) -> None:
    with Web(lambda _: Reply()) as web:  # on 127.0.0.1 alone; the name may stand for ::1 too
        assert http(f"http://localhost:{web.port}").send(Request("GET", "/")).status == 200


def test_a_head_is_bounded(http: Connect) -> None:
    def speak(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000 + b"\r\n")

    with Wire(speak) as wire:
        error = failing(lambda: http(f"http://{wire.address}").send(Request("GET", "/")))
        assert (error.reason, error.retry) == ("not a valid HTTP answer", True)


def test_a_connection_that_closes_and_an_answer_that_is_none(http: Connect) -> None:
    for said, reason in (
        (b"", "connection closed"),
        (b"HTTP/1.1 200 OK\r\nConte", "connection closed"),
        (b"220 mail.example ESMTP\r\n\r\n", "not a valid HTTP answer"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "answer cut off"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "not a valid HTTP answer"),
    ):

        def speak(connection: socket.socket, said: bytes = said) -> None:
            head_of(connection)
            connection.sendall(said)

        with Wire(speak) as wire:
            error = failing(lambda to=wire.address: http(f"http://{to}").send(Request("GET", "/")))  # type: ignore[misc]
            assert (error.reason, error.retry) == (reason, True)


def test_silence_times_out(http: Connect) -> None:
    release = threading.Event()

    def silent(_: Sent) -> Reply:
        release.wait(5)
        return Reply()

    with Web(silent) as web:
        assert failing(lambda: http(web, timeout=0.2).send(Request("GET", "/"))).reason == "timed out"
        assert failing(lambda: http(web).send(Request("GET", "/", seconds=0.2))).reason == "timed out"
        assert failing(lambda: http(web).send(Request("GET", "/", seconds=0))).reason == "timed out"
        release.set()


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_body_is_taken_up_to_its_bound(http: Connect, packed: bool) -> None:
    def answer(sent: Sent) -> Reply:
        body = b"x" * int(sent.path[1:])
        return (
            Reply(pieces=(gzip.compress(body),), headers={"Content-Encoding": "gzip"})
            if packed
            else Reply(pieces=(body,))
        )

    with Web(answer) as web:
        client = http(web)
        assert len(client.send(Request("GET", f"/{MIB}")).content) == MIB
        error = failing(lambda: client.send(Request("GET", f"/{MIB + 1}")))
        assert (error.reason, error.retry) == ("the body is larger than 1 MiB", False)


def test_a_gzip_bomb_is_not_unpacked(http: Connect) -> None:
    import tracemalloc

    bomb = gzip.compress(bytes(200 * MIB))
    assert len(bomb) < MIB
    with Web(lambda _: Reply(pieces=(bomb,), headers={"Content-Encoding": "gzip"})) as web:
        tracemalloc.start()
        try:
            assert "larger than" in failing(lambda: http(web).send(Request("GET", "/"))).reason
            assert tracemalloc.get_traced_memory()[1] < 10 * MIB
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(pieces=(b"x",), length=10), "answer cut off"),
        (Reply(pieces=(b"no gzip",), headers={"Content-Encoding": "gzip"}), "the body cannot be unpacked"),
    ],
    ids=["broken off", "no gzip"],
)
def test_a_spoilt_answer_is_none(http: Connect, reply: Reply, reason: str) -> None:
    with Web(lambda _: reply) as web:
        assert failing(lambda: http(web).send(Request("GET", "/"))).reason == reason


def test_no_server_and_no_such_host_are_told(http: Connect) -> None:
    with Web(lambda _: Reply()) as web:
        pass
    assert failing(lambda: http(web).send(Request("GET", "/"))).reason == "connection refused"
    client = http("http://no-such-host.invalid:8080")
    error = failing(lambda: client.send(Request("GET", "/")))
    assert (error.reason, error.retry, error.reached) == ("name resolution failed", True, False)
    assert str(error) == "http://no-such-host.invalid:8080: name resolution failed"


def test_a_header_that_cannot_be_sent_is_told_without_its_value(http: Connect) -> None:
    with Web(lambda _: Reply()) as web:
        error = failing(lambda: http(web).send(Request("GET", "/", headers={"X-Auth-Token": "hush\nhush"})))
        assert (error.reason, error.retry) == ("the request cannot be sent", False)
        assert error.__suppress_context__
    assert web.sent == []


def test_close_wakes_who_waits_for_an_answer(http: Connect) -> None:
    arrived, release = threading.Event(), threading.Event()

    def silent(_: Sent) -> Reply:
        arrived.set()
        release.wait(10)
        return Reply()

    with Web(silent) as web:
        client = http(web, timeout=10)
        errors: list[TransportError] = []
        waiting = threading.Thread(target=lambda: errors.append(failing(lambda: client.send(Request("GET", "/")))))
        waiting.start()
        assert arrived.wait(5)
        client.close()
        waiting.join(3)
        release.set()
        assert [(each.reason, each.retry) for each in errors] == [("closed", False)]
        assert failing(lambda: client.send(Request("GET", "/"))).reason == "closed"


def test_proxies_are_used_and_netrc_is_not(http: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password netrc-secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with Web(lambda _: Reply(pieces=(b"by proxy",))) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        answer = http("http://drs.example").send(Request("GET", "/v3", query=[("a", "b")]))
    assert answer.content == b"by proxy"
    assert proxy.sent[0].path == "http://drs.example/v3?a=b"
    assert "authorization" not in proxy.sent[0].headers


@pytest.mark.parametrize(
    "url",
    [
        "https://drs.example",
        "https://drs.example:8443/base",
        "http://127.9.9.9:80",
        "http://localhost",
        "http://[::1]:8",
    ],
)
def test_good_addresses(url: str) -> None:
    assert check_address(url, plain_http=False) is None


@pytest.mark.parametrize(
    "url",
    [
        "", "drs.example", "ftp://drs.example", "https://", "https://:443", "https://h:port", "https://h:99999",
        "https://u@h", "https://u:p@h", "https://h/?a=b", "https://h?", "https://h#f", "https://h\n.example",
        "https://h ü", "https://[::1", "http://drs.example", "http://127.0.0.1.example", "http://0.0.0.0",
        "http://10.0.0.1", "http://localhost.example",
    ],
)  # fmt: skip
def test_bad_addresses(url: str) -> None:
    assert check_address(url, plain_http=False)


def test_plain_http_is_allowed_when_asked_for() -> None:
    assert check_address("http://drs.example", plain_http=True) is None
    assert check_address("ftp://drs.example", plain_http=True)


def test_addresses_follow_from_the_region() -> None:
    assert drs_endpoint("cn-north-4") == "https://drs.cn-north-4.myhuaweicloud.com"
    assert drs_endpoint("eu-west-101") == "https://drs.eu-west-101.myhuaweicloud.eu"
    assert iam_endpoint("eu-west-0") == "https://iam.eu-west-0.myhuaweicloud.com"
