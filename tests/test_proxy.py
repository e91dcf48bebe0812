"""Which proxy a URL takes, what goes through it, and what is said where it does not let it through."""

import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from inventory.common.errors import SourceError
from inventory.source.http import Http
from inventory.source.http.proxy import Proxy, proxy_for
from inventory.source.transport import Request, TransportError
from tests.certificates import Authority
from tests.live import Export
from tests.web import Reply, Socks, Tunnel, Web, Wire, head_of

MIB = 1024 * 1024
PROXY = "http://proxy.example:3128"
DRS = "https://drs.cn-north-4.myhuaweicloud.com"


def port_of(environ: dict[str, str], url: str = DRS) -> int | None:
    found = proxy_for(url, environ)
    return None if found is None else found.port


@pytest.mark.parametrize(
    ("environ", "https", "http"),
    [
        ({}, None, None),
        ({"HTTPS_PROXY": "p:1"}, 1, None),
        ({"HTTP_PROXY": "p:1"}, None, 1),
        ({"ALL_PROXY": "p:1"}, 1, 1),
        ({"ALL_PROXY": "p:1", "HTTPS_PROXY": "p:2"}, 2, 1),
        ({"HTTPS_PROXY": "p:1", "https_proxy": "p:2"}, 2, None),
        ({"HTTPS_PROXY": "p:1", "https_proxy": ""}, None, None),
        ({"HTTPS_PROXY": "p:1", "https_proxy": "", "all_proxy": "p:3"}, 3, 3),
        ({"HTTPS_PROXY": "  "}, None, None),
        ({"HTTP_PROXY": "p:1", "REQUEST_METHOD": "GET"}, None, None),
        ({"HTTP_PROXY": "p:1", "REQUEST_METHOD": "GET", "http_proxy": "p:2"}, None, 2),
        ({"HTTPS_PROXY": "p:1", "NO_PROXY": "*"}, None, None),
        ({"HTTPS_PROXY": "p:1", "NO_PROXY": "*", "no_proxy": ""}, 1, None),
        ({"HTTPS_PROXY": "p:1", "NO_PROXY": "*", "no_proxy": "other.example"}, 1, None),
    ],
)  # fmt: skip
def test_the_variable_that_counts(environ: dict[str, str], https: int | None, http: int | None) -> None:
    assert port_of(environ) == https
    assert port_of(environ, DRS.replace("https:", "http:")) == http


@pytest.mark.parametrize(
    ("no_proxy", "url", "direct"),
    [
        ("drs.example", "https://drs.example", True),
        ("DRS.Example", "https://drs.EXAMPLE", True),
        ("drs.example.", "https://drs.example", True),
        ("drs.example", "https://drs.example.", True),
        ("example", "https://drs.example", True),
        (".example", "https://drs.example", True),
        ("*.example", "https://drs.example", True),
        (".drs.example", "https://drs.example", True),  # as curl and Python; Go would not
        ("rs.example", "https://drs.example", False),
        ("drs.example.com", "https://drs.example", False),
        ("other, ,,  drs.example ,third", "https://drs.example", True),
        ("other drs.example\tthird", "https://drs.example", True),
        ("*", "https://[2001:db8::1]", True),
        ("drs.example:443", "https://drs.example", True),
        ("drs.example:8443", "https://drs.example", False),
        ("drs.example:8443", "https://drs.example:8443/v3", True),
        ("*:8443", "https://drs.example:8443", True),
        ("https://drs.example", "https://drs.example", True),
        ("http://drs.example", "https://drs.example", False),
        ("all://drs.example", "https://drs.example", True),
        ("127.0.0.1", "https://127.0.0.1:9", True),
        ("127.0.0.1:9", "https://127.0.0.1:9", True),
        ("127.0.0.1:8", "https://127.0.0.1:9", False),
        ("127.0.0.0/8", "https://127.200.3.4", True),
        ("127.1.2.3/8", "https://127.200.3.4", True),
        ("10.0.0.0/255.0.0.0", "https://10.9.8.7", True),
        ("10.0.0.0/8", "https://11.0.0.1", False),
        ("10.0.0.0/8:443", "https://10.0.0.1", True),
        ("10.0.0.0/8", "https://10.example", False),
        ("10.0.0.0/33", "https://10.0.0.1", False),
        ("0.0.1", "https://10.0.0.1", False),
        ("localhost", "https://127.0.0.1", False),
        ("127.0.0.1", "https://localhost", False),
        ("::1", "https://[::1]:9", True),
        ("0:0:0:0:0:0:0:1", "https://[::1]", True),
        ("[::1]", "https://[::1]:9", True),
        ("[::1]:9", "https://[::1]:9", True),
        ("[::1]:8", "https://[::1]:9", False),
        ("::1/128", "https://[::1]", True),
        ("[::1]/128", "https://[::1]", True),
        ("2001:db8::/32", "https://[2001:db8:7::1]:8443", True),
        ("2001:db8::/32", "https://[2001:db9::1]", False),
        ("::/0", "https://10.0.0.1", False),
        ("127.0.0.0/8", "https://[::ffff:127.0.0.1]", True),
        ("localhost,127.0.0.0/8,::1/128", "https://drs.example", False),
        ("[, ]:, :, /, ://, .,  *., [::1, %", "https://drs.example", False),
        ("", "https://localhost", False),  # this machine is no exception
    ],
)  # fmt: skip
def test_no_proxy(no_proxy: str, url: str, direct: bool) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        assert (port_of({"HTTPS_PROXY": PROXY, name: no_proxy}, url) is None) == direct


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("proxy.example:3128", ("http", "proxy.example", 3128, "", "")),
        ("proxy.example", ("http", "proxy.example", 80, "", "")),
        ("http://Proxy.Example/", ("http", "proxy.example", 80, "", "")),
        (" https://proxy.example\n", ("https", "proxy.example", 443, "", "")),
        ("socks5h://proxy.example", ("socks5h", "proxy.example", 1080, "", "")),
        ("http://[::1]:3128", ("http", "::1", 3128, "", "")),
        ("http://me:p%40ss%2Fw%3A@h:1", ("http", "h", 1, "me", "p@ss/w:")),
        ("me:p@ss@h:1", ("http", "h", 1, "me", "p@ss")),
        ("http://me@h:1", ("http", "h", 1, "me", "")),
    ],
)
def test_the_address_of_a_proxy(value: str, expected: tuple[str, str, int, str, str]) -> None:
    assert proxy_for(DRS, {"https_proxy": value}) == Proxy("https_proxy", *expected)


@pytest.mark.parametrize(
    "value",
    [
        "http://u:hush@h:port", "http://u:hush@h:99999", "http://u:hu/sh@h:1", "http://u:hu#sh@h:1", "http://[hush",
        "http://u:hush@", "http://", ":3128", "gopher://u:hush@h", "socks4://u:hush@h", "http://hush h:1",
        "http://u:hush\x07@h:1", "http://h\u00fcsh:1",
    ],
)  # fmt: skip
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "all_proxy"])
def test_what_is_no_proxy_is_told_without_its_value(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SourceError, match=variable) as caught:
        Http(DRS, timeout=5, max_body=MIB)
    assert caught.value.hint
    assert not any(part in str(caught.value) for part in ("hush", "hu/sh", "hu#sh", "h\u00fcsh", "99999", "gopher"))
    assert caught.value.__context__ is None
    Http("http://drs.example", timeout=5, max_body=MIB) if variable == "HTTPS_PROXY" else None
    monkeypatch.setenv("NO_PROXY", "myhuaweicloud.com")
    Http(DRS, timeout=5, max_body=MIB).close()


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """One whose certificates are trusted."""
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    return made


Connect = Callable[[str], Http]


@pytest.fixture
def http() -> Iterator[Connect]:
    made: list[Http] = []

    def connect(url: str) -> Http:
        made.append(Http(url, timeout=5, max_body=MIB))
        return made[-1]

    yield connect
    for each in made:
        each.close()


def failing(http: Http, seconds: float = 5) -> TransportError:
    with pytest.raises(TransportError) as caught:
        http.send(Request("GET", "/", seconds=seconds))
    return caught.value


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_https_goes_through_a_tunnel(
    http: Connect, authority: Authority, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    tls = authority.server() if scheme == "https" else None
    body = b"x" * 100_000
    with Web(lambda _: Reply(pieces=(body,)), authority.server()) as web, Tunnel(tls=tls) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://me:p%40ss@localhost:{proxy.port}")
        client = http(web.url)
        for _ in range(2):
            assert client.send(Request("POST", "/v3", body=b"y" * 100_000)).content == body
        assert [len(sent.body) for sent in web.sent] == [100_000, 100_000]
        assert len(proxy.heads) == 1
        assert proxy.heads[0].startswith(f"CONNECT localhost:{web.port} HTTP/1.1\r\n")
        assert "Proxy-Authorization: Basic bWU6cEBzcw==\r\n" in proxy.heads[0]
        assert "proxy-authorization" not in web.sent[0].headers


def test_no_proxy_keeps_the_proxy_out(http: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    with Web(lambda _: Reply()) as web, Tunnel() as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
        monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.0/8,::1/128")
        assert http(web.url).send(Request("GET", "/")).status == 200
        assert (proxy.connections, len(web.sent)) == (0, 1)


@pytest.mark.parametrize(
    ("status", "retry"), [("403 Forbidden", False), ("503 Service Unavailable", True), ("429 Slow down", True)]
)
def test_a_proxy_that_refuses_is_named(
    http: Connect, monkeypatch: pytest.MonkeyPatch, status: str, retry: bool
) -> None:
    with Tunnel(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()) as proxy:
        monkeypatch.setenv("https_proxy", f"http://me:hush@{proxy.address}")
        error = failing(http("https://drs.example"))
        assert error.reason == f"proxy refused CONNECT with status {status[:3]}"
        assert (error.retry, error.reached) == (retry, False)
        via = f"https://drs.example:443 through the proxy {proxy.address} (https_proxy)"
        assert str(error) == f"{via}: {error.reason}"


@pytest.mark.parametrize("target", ["https://drs.example", "http://drs.example"])
def test_a_proxy_that_wants_a_login_is_asked_once(http: Connect, monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    answer = b'HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n'
    with Tunnel(answer) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://me:hush@{proxy.address}")
        for client in (http(target), http(target)):
            for _ in range(2):
                with pytest.raises(SourceError, match=r"407.*HTTPS?_PROXY") as caught:
                    client.send(Request("GET", "/"))
                assert "hush" not in str(caught.value)
                assert proxy.address in str(caught.value)
        assert proxy.connections == 1


def test_a_wrong_login_for_a_proxy_ends_an_export_at_once(export: Export) -> None:
    with Tunnel(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n") as proxy:
        export.environment = {"HTTPS_PROXY": f"http://me:hush@{proxy.address}"}
        err = export(code=1, jobs="all", endpoint="https://drs.example").stderr
        assert proxy.connections == 1
    assert "https://drs.example:443" in err
    assert f"{proxy.address} (HTTPS_PROXY)" in err
    assert "hush" not in err


def test_a_proxy_that_is_not_there(http: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    with Tunnel() as proxy:
        pass
    monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.address}")
    assert failing(http("https://drs.example")).reason == "proxy: connection refused"
    monkeypatch.setenv("HTTPS_PROXY", "http://no-such-proxy.invalid:3128")
    assert failing(http("https://drs.example")).reason == "proxy: name resolution failed"


def test_addresses_of_ipv6_stand_in_brackets(http: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    with Tunnel(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n") as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.address)
        failing(http("https://[2001:db8::1]"))
        assert http("http://[2001:db8::1]:8080").send(Request("GET", "/v3")).status == 403
        tunnel, forward = proxy.heads
        assert tunnel.startswith("CONNECT [2001:db8::1]:443 HTTP/1.1\r\n")
        assert forward.startswith("GET http://[2001:db8::1]:8080/v3 HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n")


def test_a_proxy_of_tls_that_is_not_trusted(
    http: Connect, authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with Tunnel(tls=Authority(tmp_path, "Another").server()) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"https://localhost:{proxy.port}")
        error = failing(http("https://drs.example"))
        assert (error.reason, error.retry) == ("proxy: TLS certificate not trusted", False)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 O", b"HTTP/1.1 100 Continue\r\n\r\n", b"X: y\r\n"])
def test_a_proxy_that_does_not_come_to_an_end(http: Connect, monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    def drip(connection: socket.socket) -> None:
        head_of(connection)
        if answer.startswith(b"X"):
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(answer if answer.endswith(b"\n") else b"")
            time.sleep(0.05)

    with Wire(drip) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.address}")
        error = failing(http("https://drs.example"), seconds=0.5)
        assert (error.reason, error.retry) == ("timed out", True)


def test_the_head_of_a_proxy_is_bounded(http: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    with Tunnel(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000 + b"\r\n") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.address}")
        assert failing(http("https://drs.example")).reason == "not a valid HTTP answer"


def test_socks_wants_its_package(http: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("ALL_PROXY", "socks5://me:hush@127.0.0.1:1080")
    with pytest.raises(SourceError, match=r"ALL_PROXY.*pip install 'drs-inventory\[socks\]'") as caught:
        http("https://drs.example")
    assert "hush" not in str(caught.value)
    with Web(lambda _: Reply()) as web:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
        assert http(web.url).send(Request("GET", "/")).status == 200


@pytest.mark.parametrize("login", [None, (b"me", b"p@ss")], ids=["open", "login"])
def test_socks(
    http: Connect, authority: Authority, monkeypatch: pytest.MonkeyPatch, login: tuple[bytes, bytes] | None
) -> None:
    pytest.importorskip("socksio")
    with Web(lambda _: Reply(), authority.server()) as web, Socks(login) as proxy:
        monkeypatch.setenv("ALL_PROXY", f"socks5h://{'me:p%40ss@' if login else ''}{proxy.address}")
        assert http(web.url).send(Request("GET", "/")).status == 200
        assert proxy.asked == [b"localhost"]


def test_a_socks_proxy_that_refuses(http: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("socksio")
    with Socks(code=5) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"socks5://{proxy.address}")
        error = failing(http("https://drs.example"))
        assert (error.reason, error.reached) == ("proxy refused the connection", False)
        assert "Connection refused" in str(error)
    with Socks((b"me", b"right")) as proxy:
        for login in ("me:hush@", ""):
            monkeypatch.setenv("HTTPS_PROXY", f"socks5://{login}{proxy.address}")
            for _ in range(2):
                with pytest.raises(SourceError, match="HTTPS_PROXY"):
                    http("https://drs.example").send(Request("GET", "/"))
        assert proxy.connections == 2


@pytest.mark.parametrize(
    ("said", "reason"), [(b"", "timed out"), (b"HTTP/1.1 400 No\r\n\r\n", "proxy: not a valid SOCKS answer")]
)
def test_what_is_no_socks_proxy(http: Connect, monkeypatch: pytest.MonkeyPatch, said: bytes, reason: str) -> None:
    pytest.importorskip("socksio")

    def speak(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(said)
        connection.recv(100)

    with Wire(speak) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"socks5://{proxy.address}")
        assert failing(http("https://drs.example"), seconds=1).reason == reason
