"""Pings to real servers on this machine, kind ones and others."""

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from inventory.export.ping import StartPing, ping
from tests.web import Reply, Web

Serve = Callable[..., str]
SECRET = "6f1b8a-secret-uuid"


class Asked(list[bytes]):
    """The requests that came."""


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def serve(asked: Asked) -> Iterator[Serve]:
    """Start a server that answers everybody with these bytes, a pause between each two; return its address."""
    servers = []

    def run(*answer: bytes, pause: float = 0) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def work() -> None:
            with suppress(OSError):  # it was closed
                while True:
                    connection, _ = server.accept()
                    with connection, suppress(OSError):
                        asked.append(connection.recv(9999))
                        for piece in answer:
                            connection.sendall(piece)
                            time.sleep(pause)

        threading.Thread(target=work, daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}/{SECRET}?a=b"

    yield run
    for server in servers:
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()


@pytest.mark.parametrize("status", [b"200 OK", b"201 Created", b"204 No Content", b"299 Odd"])
def test_any_2xx_will_do(status: bytes, serve: Serve, asked: Asked) -> None:
    assert ping(serve(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")) is None
    assert len(asked) == 1
    assert asked[0].startswith(b"GET /" + SECRET.encode() + b"?a=b HTTP/1.1\r\n")


@pytest.mark.parametrize("status", [b"400 Bad", b"404 Not Found", b"500 Oops", b"503 Later"])
def test_another_status_is_told(status: bytes, serve: Serve, asked: Asked) -> None:
    assert ping(serve(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")) == f"it answered {status[:3].decode()}"
    assert len(asked) == 1


def test_a_redirection_is_not_followed(serve: Serve, asked: Asked) -> None:
    other = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    address = serve(b"HTTP/1.1 302 Found\r\nLocation: " + other.encode() + b"\r\nContent-Length: 0\r\n\r\n")
    assert ping(address) == "it answered 302"
    assert len(asked) == 1


def test_an_endless_body_is_not_read(serve: Serve) -> None:
    began = time.monotonic()
    assert ping(serve(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 65536] * 50, pause=0.1)) is None
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    ("answer", "pause"),
    [([b""], 3), ([b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 30], 0.1)],
    ids=["silence", "a header now and then"],
)
def test_it_waits_no_longer_than_the_timeout(answer: list[bytes], pause: float, serve: Serve) -> None:
    began = time.monotonic()
    assert ping(serve(*answer, pause=pause), timeout=0.3) == "no answer within 0.3 seconds"
    assert time.monotonic() - began < 0.6


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"])
def test_what_is_no_http_is_told(answer: bytes, serve: Serve) -> None:
    assert ping(serve(answer)) in {"it did not answer as HTTP does", "no connection: Connection reset by peer"}


def test_who_does_not_speak_tls_is_told(serve: Serve) -> None:
    why = ping(serve(b"HTTP/1.1 400 Bad\r\n\r\n").replace("http:", "https:"))
    assert why is not None
    assert why.startswith("no connection: [SSL")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_a_certificate_that_nobody_trusts_is_told(tmp_path: Path, asked: Asked) -> None:
    files = [f"{tmp_path}/key.pem", f"{tmp_path}/certificate.pem"]
    make = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    subprocess.run([*make.split(), "-keyout", files[0], "-out", files[1]], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files[1], files[0])
    with socket.create_server(("127.0.0.1", 0)) as server:

        def work() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
                asked.append(secure.recv(9999))

        thread = threading.Thread(target=work)
        thread.start()
        assert ping(f"https://127.0.0.1:{server.getsockname()[1]}/{SECRET}") == "its certificate is not trusted"
        thread.join()
    assert not asked


def test_nobody_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert ping(f"http://127.0.0.1:{port}/{SECRET}") == "no connection: Connection refused"


def test_a_proxy_is_taken_from_the_usual_variable(serve: Serve, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    monkeypatch.setenv("http_proxy", proxy.split(f"/{SECRET}")[0])
    assert ping(f"http://watcher.invalid/{SECRET}") is None
    assert asked[0].startswith(b"GET http://watcher.invalid/")


@pytest.mark.parametrize(
    "address",
    [
        f"file:///etc/{SECRET}", f"ftp://127.0.0.1/{SECRET}", f"data:,{SECRET}", SECRET, "", f"http:///{SECRET}",
        f"http://127.0.0.1:port/{SECRET}", f"http://127.0.0.1/{SECRET} x", f"http://127.0.0.1/{SECRET}\r\nX: y",
        f"http://[::1/{SECRET}", f"http://127.0.0.1:99999/{SECRET}", f"http://{SECRET}.invalid/", f"http://ü/{SECRET}é",
        f"http://127.0.0.1/{SECRET}\ud800",
    ],
)  # fmt: skip
def test_a_bad_address_is_told_without_it(address: str) -> None:
    why = ping(address)
    assert why is not None
    assert why
    assert "secret" not in why
    assert "127.0.0.1" not in why


def in_turn(*statuses: int) -> Web:
    """Return a server that answers with these, one after the other, the last for ever."""
    rest = list(statuses)
    return Web(lambda _: Reply(status=rest.pop(0) if len(rest) > 1 else rest[0]))


@pytest.mark.parametrize(
    ("statuses", "why", "attempts"),
    [
        ((503, 429, 200), None, 3),
        ((500, 204), None, 2),
        ((503,), "it answered 503", 3),
        ((404, 200), "it answered 404", 1),  # it will not know the address later either
        ((200,), None, 1),
    ],
)
def test_it_tries_again_where_that_may_help(statuses: tuple[int, ...], why: str | None, attempts: int) -> None:
    with in_turn(*statuses) as web:
        assert ping(web.url, pauses=(0.01, 0.01)) == why
        assert len(web.sent) == attempts


def test_nobody_there_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    began = time.monotonic()
    assert ping(f"http://127.0.0.1:{port}/", pauses=(0.2, 0.2)) == "no connection: Connection refused"
    assert time.monotonic() - began >= 0.4


def test_the_start_is_told_beside_the_run() -> None:
    with in_turn(200) as web:
        assert StartPing(web.url).end() is None
        assert len(web.sent) == 1


def test_the_start_is_not_told_after_the_end() -> None:
    """It would look like a run that never ends."""
    with in_turn(503) as web:
        start = StartPing(web.url, pauses=(60, 60))
        began = time.monotonic()
        assert start.end() == "it answered 503"
        assert time.monotonic() - began < 30
        assert len(web.sent) == 1


def test_who_is_in_a_hurry_does_not_wait_for_the_start(serve: Serve) -> None:
    assert StartPing(serve(b"", pause=3)).end(0) == "no answer within 5 seconds"
