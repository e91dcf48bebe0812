"""SDK-HMAC-SHA256 from the gateway's side: what a request claims, and what its signature should have been.

Written from the published algorithm and from no client's code, so that a client that signs wrongly is caught.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote

from inventory.mock.faults import RecordedRequest

__all__ = ["ALGORITHM", "Claim", "claim", "expected", "signed_at"]

ALGORITHM = "SDK-HMAC-SHA256"
FORM = re.compile(rf"{ALGORITHM} Access=([^,\s]+), ?SignedHeaders=([^,\s]+), ?Signature=([0-9a-f]{{64}})")
NEEDED = {"host", "x-sdk-date"}
UNSIGNED = "UNSIGNED-PAYLOAD"


class Claim(NamedTuple):
    """What an Authorization header says: whose key, which headers are signed (in its order), the signature."""

    access_key: str
    headers: tuple[str, ...]
    signature: str


def claim(headers: Mapping[str, str]) -> Claim | None:
    """Read the Authorization header; None if it has another form."""
    found = FORM.fullmatch(headers.get("authorization", ""))
    return Claim(found[1], tuple(found[2].split(";")), found[3]) if found else None


def signed_at(headers: Mapping[str, str]) -> datetime | None:
    """Read X-Sdk-Date; None if it is missing or has another form."""
    text = headers.get("x-sdk-date", "")
    if not re.fullmatch(r"\d{8}T\d{6}Z", text):  # strptime would take less
        return None
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def expected(request: RecordedRequest, names: tuple[str, ...], secret_key: str) -> str | None:
    """Return the right signature; None where these header names make none: not sorted, not there, too few."""
    if list(names) != sorted(set(names)) or not NEEDED <= set(names) <= request.headers.keys():
        return None
    canonical = hashlib.sha256(_canonical(request, names).encode()).hexdigest()
    text = f"{ALGORITHM}\n{request.headers['x-sdk-date']}\n{canonical}"
    return hmac.new(secret_key.encode(), text.encode(), hashlib.sha256).hexdigest()


def _canonical(request: RecordedRequest, names: tuple[str, ...]) -> str:
    path, _, query = request.path.partition("?")
    path = quote(unquote(path), safe="~/")
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    return "\n".join(
        (
            request.method,
            path if path.endswith("/") else f"{path}/",
            "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in pairs),
            "".join(f"{name}:{request.headers[name].strip()}\n" for name in names),
            ";".join(names),
            _payload(request),
        )
    )


def _payload(request: RecordedRequest) -> str:
    """Hash the body; only one that is not JSON may go unsigned."""
    json = request.headers.get("content-type", "").startswith("application/json")
    if request.headers.get("x-sdk-content-sha256") == UNSIGNED and not json:
        return UNSIGNED
    return hashlib.sha256(request.body).hexdigest()
