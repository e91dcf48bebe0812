"""Which certificates are trusted, and what is said of those that are not."""

import hashlib
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from inventory.common.errors import SourceError
from inventory.source.http import Http
from inventory.source.http.tls import context
from inventory.source.transport import Request, TransportError
from tests.certificates import Authority
from tests.web import Reply, Web, Wire

VARIABLES = ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]
Ask = Callable[..., TransportError | None]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def ask() -> Iterator[Ask]:
    """Ask a server with a certificate once; return why there was no answer."""
    made: list[Http] = []

    def send(tls: ssl.SSLContext, host: str = "localhost", *, verify: bool = True) -> TransportError | None:
        with Web(lambda _: Reply(), tls) as web:
            made.append(Http(f"https://{host}:{web.port}", timeout=5, max_body=1000, verify=verify))
            try:
                made[-1].send(Request("GET", "/"))
            except TransportError as error:
                return error
            return None

    yield send
    for each in made:
        each.close()


def rehashed(authority: Authority, folder: Path) -> Path:
    """Make a folder of certificates as `openssl rehash` does: the name is the hash of the subject."""
    folder.mkdir()
    (folder / f"{subject_hash(authority):08x}.0").write_bytes(authority.file.read_bytes())
    return folder


def subject_hash(authority: Authority) -> int:
    """Return the hash that OpenSSL names a certificate by: SHA-1 of its subject, canonical."""
    text = str(authority.certificate.subject.rfc4514_string()).removeprefix("CN=").lower().encode()
    value = b"\x0c" + bytes([len(text)]) + text
    attribute = b"\x06\x03\x55\x04\x03" + value
    pair = b"\x30" + bytes([len(attribute)]) + attribute
    return int.from_bytes(hashlib.sha1(b"\x31" + bytes([len(pair)]) + pair).digest()[:4], "little")


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_variable_names_is_trusted(
    ask: Ask, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, kind: str
) -> None:
    if variable.startswith("SSL") and (variable == "SSL_CERT_DIR") != (kind == "folder"):
        return
    path = authority.file if kind == "file" else rehashed(authority, tmp_path / "certs")
    monkeypatch.setenv(variable, str(path))
    for host in ("localhost", "127.0.0.1"):
        assert ask(authority.server(), host) is None
    error = ask(Authority(tmp_path, "Another").server())
    assert error is not None
    assert (error.reason, error.retry, error.reached) == ("TLS certificate not trusted", False, False)
    assert f"(trusted: {variable})" in str(error)


def test_file_and_folder_are_both_trusted(
    ask: Ask, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Authority(tmp_path, "Another")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    monkeypatch.setenv("SSL_CERT_DIR", f"/no/such/folder:{rehashed(other, tmp_path / 'certs')}")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/not/looked/at")
    assert ask(authority.server()) is None
    assert ask(other.server()) is None


def test_which_variable_counts(ask: Ask, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, reason in zip(
        reversed(VARIABLES), [None, "TLS certificate not trusted", None, "TLS certificate not trusted"], strict=True
    ):
        chosen = authority if reason is None else Authority(tmp_path, f"Of {variable}")
        folder = variable == "SSL_CERT_DIR"
        monkeypatch.setenv(variable, str(rehashed(chosen, tmp_path / "certs") if folder else chosen.file))
        if variable == "SSL_CERT_FILE":
            monkeypatch.setenv("SSL_CERT_DIR", "")
        error = ask(authority.server())
        assert (error and error.reason) == reason, variable


def test_an_empty_variable_is_none_and_then_the_system_s_certificates_are_trusted(
    ask: Ask, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "")
    error = ask(authority.server())
    assert error is not None
    assert "(trusted: the system's store)" in str(error)
    assert "SSL_CERT_FILE" in error.hint
    if sys.platform == "linux":
        assert context().cert_store_stats()["x509_ca"] or any(Path("/etc/ssl/certs").glob("*.0"))


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_variable_that_names_no_certificates_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    text = tmp_path / "text.pem"
    text.write_text("no certificate\n")
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "missing", text, tmp_path / "empty"):
        monkeypatch.setenv(variable, str(path))
        with pytest.raises(SourceError, match=f"{variable}: {path}"):
            Http("https://drs.example", timeout=5, max_body=1000)
        Http("http://drs.example", timeout=5, max_body=1000).close()  # needs none


@pytest.mark.parametrize(
    ("options", "host", "reason"),
    [
        ({"ends": -1, "begins": -2}, "localhost", "TLS certificate has expired"),
        ({"begins": 1}, "localhost", "TLS certificate is not valid yet"),
        ({"host": "other.example"}, "localhost", "TLS certificate is for another host"),
        ({"host": "other.example"}, "127.0.0.1", "TLS certificate is for another host"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_told(
    ask: Ask, authority: Authority, monkeypatch: pytest.MonkeyPatch, options: dict[str, int], host: str, reason: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    error = ask(authority.server(**options), host)  # type: ignore[arg-type]
    assert error is not None
    assert (error.reason, error.retry, error.reached) == (reason, False, False)
    assert str(error).startswith(f"https://{host}:")
    assert ask(authority.server(**options), host, verify=False) is None  # type: ignore[arg-type]


def test_no_handshake(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    def plain(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        connection.recv(1000)

    def close(connection: socket.socket) -> None:
        connection.recv(10)

    for speak, more in ((plain, "the other side does not speak TLS"), (close, "connection closed")):
        with Wire(speak) as wire:
            http = Http(f"https://{wire.address}", timeout=5, max_body=1000)
            with pytest.raises(TransportError) as caught:
                http.send(Request("GET", "/"))
            http.close()
        error = caught.value
        assert (error.reason, error.retry, error.reached) == ("TLS handshake failed", True, False)
        assert str(error) == f"https://{wire.address}: TLS handshake failed ({more})"


def test_a_context_is_made_once() -> None:
    assert context() is context()
    assert context(verify=False) is not context()
