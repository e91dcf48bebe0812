"""Signs a request with an access key: SDK-HMAC-SHA256 (API facts, 3.3).

A pure function of its arguments. The vendor's signer gives the same bytes (a test compares them); it is not used
because it has more dependencies and writes into the user's home.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime

from inventory.config.credentials import Keys
from inventory.config.endpoints import Query, encode_path, encode_query

__all__ = ["sign"]

_ALGORITHM = "SDK-HMAC-SHA256"


def sign(
    keys: Keys, method: str, host: str, path: str, query: Query, headers: Mapping[str, str], body: bytes, at: datetime
) -> dict[str, str]:
    """Return the headers to send: those given, and the signature.

    Args:
        host: as in the Host header, with the port if it is not the scheme's default.
        body: exactly as it will be sent; JSON, because another type would need a further header.
        at: the current time; the service refuses a signature that is 15 minutes off.
    """
    date = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    sent = {name: value.strip() for name, value in headers.items()}
    sent |= {"Host": host, "X-Sdk-Date": date}
    if keys.security_token:
        sent["X-Security-Token"] = keys.security_token
    # Gateways drop names with an underscore, so such a header cannot be signed.
    signed = sorted((name.lower(), value) for name, value in sent.items() if "_" not in name)
    names = ";".join(name for name, _ in signed)
    request = "\n".join([
        method.upper(),
        encode_path(path).removesuffix("/") + "/",
        encode_query(query),
        *(f"{name}:{value}" for name, value in signed),
        "",
        names,
        hashlib.sha256(body).hexdigest(),
    ])  # fmt: skip
    to_sign = "\n".join([_ALGORITHM, date, hashlib.sha256(request.encode()).hexdigest()])
    signature = hmac.new(keys.secret_key.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    sent["Authorization"] = f"{_ALGORITHM} Access={keys.access_key}, SignedHeaders={names}, Signature={signature}"
    return sent
