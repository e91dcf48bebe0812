"""SDK-HMAC-SHA256 on the gateway's side: parse the signature of a request, and compute the expected one.

Written from the published algorithm and not from a client's code, so that errors of a client are found.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote

from inventory.mock.faults import RecordedRequest

__all__ = ["ALGORITHM", "SignatureClaim", "expected_signature", "read_claim", "signed_at"]

ALGORITHM = "SDK-HMAC-SHA256"
AUTHORIZATION = re.compile(rf"{ALGORITHM} Access=([^,\s]+), ?SignedHeaders=([^,\s]+), ?Signature=([0-9a-f]{{64}})")
REQUIRED_HEADERS = {"host", "x-sdk-date"}
UNSIGNED = "UNSIGNED-PAYLOAD"


class SignatureClaim(NamedTuple):
    """The parts of an Authorization header: access key, names of signed headers in order, signature."""

    access_key: str
    headers: tuple[str, ...]
    signature: str


def read_claim(headers: Mapping[str, str]) -> SignatureClaim | None:
    """Parse the Authorization header; None if its format is wrong."""
    found = AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    return SignatureClaim(found[1], tuple(found[2].split(";")), found[3]) if found else None


def signed_at(headers: Mapping[str, str]) -> datetime | None:
    """Parse X-Sdk-Date; None if it is missing or its format is wrong."""
    text = headers.get("x-sdk-date", "")
    if not re.fullmatch(r"\d{8}T\d{6}Z", text):  # strptime accepts fewer digits
        return None
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def expected_signature(request: RecordedRequest, names: tuple[str, ...], secret_key: str) -> str | None:
    """Return the correct signature; None if the header names are not sorted, not all sent, or too few."""
    if list(names) != sorted(set(names)) or not REQUIRED_HEADERS <= set(names) <= request.headers.keys():
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
    """Hash the body; only a body that is not JSON may be left unsigned."""
    json = request.headers.get("content-type", "").startswith("application/json")
    if request.headers.get("x-sdk-content-sha256") == UNSIGNED and not json:
        return UNSIGNED
    return hashlib.sha256(request.body).hexdigest()
