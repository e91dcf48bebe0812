"""Signatures are the vendor's, byte for byte."""

import string
from datetime import UTC, datetime
from types import SimpleNamespace

from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer
from hypothesis import example, given
from hypothesis import strategies as st

from inventory.config.credentials import Keys
from inventory.config.endpoints import encode_query
from inventory.source.auth.signing import sign

NAMES = st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=12).map("X-".__add__)
HEADERS = st.dictionaries(NAMES, st.text(max_size=20), max_size=5).filter(
    lambda headers: len({name.lower() for name in headers}) == len(headers)
)
QUERY = st.lists(
    st.tuples(st.sampled_from(["name", "a b", "é", "", "n~/?"]) | st.text(max_size=8), st.text(max_size=12))
)
SECRET = st.text(string.ascii_letters + string.digits + "+/=", min_size=1, max_size=40)


@given(
    method=st.sampled_from(["GET", "POST", "put", "Delete"]),
    path=st.text(max_size=40).map("/".__add__),
    query=QUERY,
    headers=HEADERS,
    body=st.binary(max_size=80),
    secret=SECRET,
    token=st.none() | SECRET,
    at=st.integers(0, 4 * 10**9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
)
@example(
    "POST",
    "/v3/p/jobs/batch-detail",
    [],
    {"Content-Type": "application/json"},
    b'{"jobs":[]}',
    "s",
    None,
    datetime(2026, 1, 1, tzinfo=UTC),
)
@example(
    "POST",
    "/v3/p/jobs",
    [],
    {"Content-Type": "application/json", "X-Project-Id": "p"},
    b"{}",
    "s",
    "t",
    datetime(2026, 1, 1, tzinfo=UTC),
)
@example(
    "GET",
    "//a//%2F%e4/ü b/",
    [("b", "2"), ("a", ""), ("b", "1")],
    {"X-a": " \t v  w "},
    b"",
    "s",
    "t",
    datetime(2026, 1, 1, tzinfo=UTC),
)
def test_a_signature_is_the_vendor_s(
    method: str,
    path: str,
    query: list[tuple[str, str]],
    headers: dict[str, str],
    body: bytes,
    secret: str,
    token: str | None,
    at: datetime,
) -> None:
    ours = sign(Keys("AK1", secret, token), method, "drs.example:8443", path, query, headers, body, at)
    theirs = SdkRequest(
        method=method,
        host="drs.example:8443",
        resource_path=path,
        query_params=list(query),
        header_params={
            **headers,
            **({"X-Security-Token": token} if token else {}),
            "X-Sdk-Date": at.strftime("%Y%m%dT%H%M%SZ"),
        },
        body=body,
    )
    Signer(SimpleNamespace(ak="AK1", sk=secret)).sign(theirs)
    assert ours["Authorization"] == theirs.header_params["Authorization"]
    assert {name: value.encode() for name, value in ours.items()} == {
        name: value.encode("latin-1") if name != "Authorization" else value.encode()
        for name, value in theirs.header_params.items()
    }
    assert theirs.uri == (f"{path}?{encode_query(query)}" if query else path)
