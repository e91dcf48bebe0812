"""Finds the proxy for a URL, from the variables that curl and requests read, by their rules. Imports no HTTP client.

HTTPS_PROXY or HTTP_PROXY by the URL's scheme, else ALL_PROXY; a name in lower case has precedence over the same name
in upper case. HTTP_PROXY is ignored if REQUEST_METHOD is set: in a CGI script its value comes from a request header.
NO_PROXY lists the hosts that are connected directly. Requests to this machine use the proxy too, unless NO_PROXY
lists it.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from inventory.source.transport import RouteError

__all__ = ["Proxy", "proxy_for"]

_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_HOST = re.compile(r"[A-Za-z0-9._:%-]+\Z")
_HINT = (
    "Write it as http://proxy.example:3128 or http://USER:PASSWORD@proxy.example:3128, and special characters of user"
    " and password percent-encoded (@ is %40, / is %2F)"
)
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Proxy:
    """A proxy, and the variable that set it. scheme: http, https, socks5 or socks5h."""

    variable: str
    scheme: str
    host: str
    port: int
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def is_socks(self) -> bool:
        """Whether it is a SOCKS proxy, not an HTTP proxy."""
        return self.scheme.startswith("socks")

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"the proxy {host}:{self.port} ({self.variable})"


def proxy_for(url: str, environ: Mapping[str, str]) -> Proxy | None:
    """Return the proxy for a URL; None for a direct connection.

    Raises:
        RouteError: the variable is not the address of a proxy. The message does not contain its value.
    """
    parts = urlsplit(url)
    variable = _variable(f"{parts.scheme}_proxy", environ) or _variable("all_proxy", environ)
    if not variable or _is_direct(parts, environ.get(_variable("no_proxy", environ), "")):
        return None
    return _parse(variable, environ[variable])


def _variable(name: str, environ: Mapping[str, str]) -> str:
    """Return the variable to use, or ''. An empty variable in lower case overrides the one in upper case."""
    if name in environ:
        return name if environ[name].strip() else ""
    if name == "http_proxy" and "REQUEST_METHOD" in environ:
        return ""
    return name.upper() if environ.get(name.upper(), "").strip() else ""


def _parse(variable: str, text: str) -> Proxy:
    text = text.strip()
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname, parts.port  # both raise ValueError
    except ValueError:
        host = port = None
    if not host or not _HOST.match(host) or not text.isprintable():
        raise RouteError(f"{variable} is not the address of a proxy", _HINT)
    if parts.scheme not in _PORTS:
        hint = f"It begins with one of {', '.join(f'{scheme}://' for scheme in _PORTS)}"
        raise RouteError(f"{variable} names a kind of proxy that is not supported", hint)
    login = unquote(parts.username or ""), unquote(parts.password or "")
    return Proxy(variable, parts.scheme, host, _PORTS[parts.scheme] if port is None else port, *login)


def _is_direct(parts: SplitResult, no_proxy: str) -> bool:
    host = (parts.hostname or "").rstrip(".")
    port = parts.port or _PORTS.get(parts.scheme)
    return any(_matches(entry, parts.scheme, host, port) for entry in re.split(r"[\s,]+", no_proxy.lower()) if entry)


def _matches(entry: str, scheme: str, host: str, port: int | None) -> bool:
    """Return whether an entry of NO_PROXY covers a host: a domain and its sub-domains, an address, a range, or `*`."""
    wanted, separator, rest = entry.rpartition("://")
    if separator and wanted not in (scheme, "all"):
        return False
    name, wanted_port = _split_port(rest)
    if wanted_port and wanted_port != str(port):
        return False
    if name == "*":
        return True
    address = _address(host)
    if address is not None:
        return _contains(name, address)
    suffix = name.removeprefix("*").strip(".")
    return bool(suffix) and (host == suffix or host.endswith(f".{suffix}"))


def _split_port(entry: str) -> tuple[str, str]:
    """Split an entry into name, address or range, and port or ''. An IPv6 address with a port is in brackets."""
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        return name + (rest if rest.startswith("/") else ""), rest.removeprefix(":") if rest.startswith(":") else ""
    name, _, port = entry.partition(":")
    return (entry, "") if ":" in port else (name, port)


def _contains(entry: str, address: _Address) -> bool:
    try:
        return address in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False  # a name, or invalid


def _address(host: str) -> _Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
