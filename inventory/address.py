"""Addresses: which may be asked, which follow from a region, and how a path and a query are written.

Light on purpose: the configuration checks addresses without loading an HTTP client.
"""

import ipaddress
import re
from collections.abc import Sequence
from urllib.parse import quote, unquote, urlsplit

__all__ = ["Query", "check_address", "drs_endpoint", "encode_path", "encode_query", "iam_endpoint"]

Query = Sequence[tuple[str, str]]

_PLAIN = re.compile(r"[!-~]+\Z")  # urlsplit would silently drop a line break


def check_address(url: str, *, plain_http: bool) -> str | None:
    """Say why an address may not be asked; None: it may.

    Args:
        plain_http: http to other machines too. Without it only to this one, for a token is sent along.
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port  # both raise on nonsense
    except ValueError:
        return "not an address"
    if parts.scheme not in ("http", "https") or not host or not _PLAIN.match(url):
        return "not an address such as https://drs.cn-north-4.myhuaweicloud.com"
    if "@" in parts.netloc:
        return "an address with a user or a password in it; give those under auth"
    if "?" in url or "#" in url:
        return "an address with a query or a fragment"
    if parts.scheme == "http" and not plain_http and not _is_this_machine(host):
        return "http would send credentials in clear; use https"
    return None


def drs_endpoint(region: str) -> str:
    """Return where DRS of a region is reached (API facts, 4)."""
    return f"https://drs.{region}.{_domain(region)}"


def iam_endpoint(region: str) -> str:
    """Return where IAM of a region is reached (API facts, 4)."""
    return f"https://iam.{region}.{_domain(region)}"


def encode_path(path: str) -> str:
    """Write a path as it is signed and sent, whether it came percent-encoded or not."""
    return quote(unquote(path))


def encode_query(query: Query) -> str:
    """Write a query as it is signed and sent: sorted, every value percent-encoded."""
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in sorted(query))


def _domain(region: str) -> str:
    return "myhuaweicloud.eu" if region.startswith("eu-west-1") else "myhuaweicloud.com"


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
