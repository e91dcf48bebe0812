"""Addresses: which are allowed, which follow from a region, and how a path and a query are encoded.

Imports little: the configuration checks addresses without loading an HTTP client.
"""

import ipaddress
import re
from collections.abc import Sequence
from urllib.parse import quote, unquote, urljoin, urlsplit

__all__ = [
    "REGIONS",
    "Query",
    "check_address",
    "drs_endpoint",
    "encode_path",
    "encode_query",
    "iam_endpoint",
    "redirect_target",
]

Query = Sequence[tuple[str, str]]

# Regions of the vendor's DRS client (API facts, 4). Other regions need an `endpoint`.
REGIONS = (
    "ae-ad-1", "af-north-1", "af-south-1", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4",
    "ap-southeast-5", "cn-east-2", "cn-east-3", "cn-east-4", "cn-east-5", "cn-north-1", "cn-north-11", "cn-north-12",
    "cn-north-2", "cn-north-4", "cn-north-9", "cn-south-1", "cn-south-2", "cn-south-4", "cn-southwest-2",
    "cn-southwest-3", "eu-west-0", "eu-west-101", "la-north-2", "la-south-2", "me-east-1", "my-kualalumpur-1",
    "na-mexico-1", "ru-moscow-1", "ru-northwest-2", "sa-brazil-1", "tr-west-1",
)  # fmt: skip

_CONTROL = re.compile(r"[^\x20-\x7e]+")
_PLAIN = re.compile(r"[!-~]+\Z")  # urlsplit would silently drop a line break


def check_address(url: str, *, plain_http: bool) -> str | None:
    """Return why an address is not allowed; None if it is.

    Args:
        plain_http: allow http to other machines. Otherwise only to this machine, because credentials are sent.
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port  # both raise ValueError
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


def drs_endpoint(region: str, cloud: str | None = None) -> str:
    """Return the address of DRS in a region (API facts, 4). cloud: another domain than the vendor's."""
    return f"https://drs.{region}.{cloud or _domain(region)}"


def iam_endpoint(region: str, cloud: str | None = None) -> str:
    """Return the address of IAM in a region (API facts, 4). cloud: another domain than the vendor's."""
    return f"https://iam.{region}.{cloud or _domain(region)}"


def redirect_target(url: str, location: str) -> str:
    """Return the address in a Location header, for a message: without user, query and fragment.

    Args:
        url: the address of the request; a Location may be relative to it.
    """
    try:
        parts = urlsplit(urljoin(url, location))
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "an address that cannot be read"
    host = f"[{host}]" if ":" in host else host
    shown = f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path}"
    return _CONTROL.sub("?", shown)[:200] if location and host else "an address that is not named"


def encode_path(path: str) -> str:
    """Encode a path as it is signed and sent; it may be percent-encoded already."""
    return quote(unquote(path))


def encode_query(query: Query) -> str:
    """Encode a query as it is signed and sent: sorted, every value percent-encoded."""
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in sorted(query))


def _domain(region: str) -> str:
    return "myhuaweicloud.eu" if region.startswith("eu-west-1") else "myhuaweicloud.com"


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
