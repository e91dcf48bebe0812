"""Faults between a client and the service: each replaces or alters the normal reply.

A `Reply` describes what is sent and how. The server sends it and knows nothing of faults.
"""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

__all__ = ["Fault", "FaultKind", "RecordedRequest", "Reply", "take_fault"]

FaultKind = Literal[
    "status", "body", "reset", "truncate", "html", "empty", "not_json", "slow", "drip", "drip_head", "poison"
]
JSON_TYPE = "application/json"
HTML = b"<!DOCTYPE html><html><body><h1>Welcome to this network. Please sign in.</h1></body></html>"


@dataclass(frozen=True)
class RecordedRequest:
    """One request as received; header names in lower case, `time` from the monotonic clock."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    time: float
    id: str

    @property
    def document(self) -> Any:
        """The body parsed as JSON; None if it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def jobs(self) -> list[str]:
        """The job ids of a batch-detail request, as received; empty for other requests."""
        document = self.document
        jobs = document.get("jobs") if isinstance(document, dict) else None
        return jobs if isinstance(jobs, list) else []


@dataclass(frozen=True)
class Reply:
    """What is sent after `wait` seconds: the head over `drip_head` seconds, then the body over `drip` seconds.

    keep: send only this many bytes of the body, then close. reset: reset the connection instead.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON_TYPE
    wait: float = 0.0
    drip: float = 0.0
    drip_head: float = 0.0
    keep: int | None = None
    reset: bool = False

    @classmethod
    def of(cls, status: int, document: Any) -> "Reply":
        """Encode a JSON document: as UTF-8 like the service, or as ASCII if UTF-8 cannot encode it."""
        try:
            return cls(status, json.dumps(document, ensure_ascii=False).encode())
        except UnicodeEncodeError:
            return cls(status, json.dumps(document).encode())


@dataclass
class Fault:
    """A fault that occurs `times` times (None: always), for the requests that `when` selects (None: all).

    With a `rate` it affects only that share of them, at random, the same for the same `seed`.

    ========= ===============================================================================
    status    answer `status` with `body` (default: an error of the gateway) and `headers`
    body      answer `body` with `status` (default: 200)
    reset     take the request, then reset the connection
    truncate  announce the normal answer's length, send half of it, close
    html      answer 200 with an HTML page
    empty     answer 200 with an empty body
    not_json  answer 200 with incomplete JSON
    slow      wait `seconds`, then answer normally
    drip      spread the normal answer's body over `seconds`
    drip_head spread the head over `seconds`, one header line at a time, then answer normally
    poison    answer `status` (default: 500) to every request that names `job_id`
    ========= ===============================================================================
    """

    kind: FaultKind
    times: int | None = 1
    when: Callable[[RecordedRequest], bool] | None = None
    status: int = 0
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 1.0
    job_id: str = ""
    rate: float | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"no such fault: {self.kind}")
        if self.kind == "poison" and not self.job_id:
            raise ValueError("poison needs a job_id")
        if self.rate is not None and not 0 <= self.rate <= 1:
            raise ValueError("a rate lies between 0 and 1")
        self._rng = random.Random(f"{self.seed}/{self.kind}/{self.status}")
        self.status = self.status or (200 if self.kind == "body" else 500)

    def matches(self, request: RecordedRequest) -> bool:
        """Return whether the fault affects a request; call it once per request, because of `rate`."""
        if self.times is not None and self.times < 1:
            return False
        if self.kind == "poison" and self.job_id.encode() not in request.body:
            return False
        if self.when is not None and not self.when(request):
            return False
        return self.rate is None or self._rng.random() < self.rate

    def apply_to(self, request: RecordedRequest, normal: Callable[[], Reply]) -> Reply:
        """Return the reply; `normal` is called only if the fault alters the normal reply."""
        if self.kind in ALTERED_REPLIES:
            return ALTERED_REPLIES[self.kind](self, normal())
        return FIXED_REPLIES.get(self.kind) or _error_reply(self, request)


def take_fault(faults: Sequence[Fault], request: RecordedRequest) -> Fault | None:
    """Return the first fault that affects a request, and count it; the caller holds the lock."""
    fault = next((fault for fault in faults if fault.matches(request)), None)
    if fault is not None and fault.times is not None:
        fault.times -= 1
    return fault


def _error_reply(fault: Fault, request: RecordedRequest) -> Reply:
    """Return a reply with the fault's body, or with an error of the gateway if it has none."""
    body = fault.body
    if body is None:
        code, text = ("APIGW.0308", "throttled") if fault.status == 429 else ("DRS.M00004", "service abnormal")
        body = {"error_code": code, "error_msg": text, "request_id": request.id}
    if isinstance(body, str | bytes):
        reply = Reply(fault.status, body.encode() if isinstance(body, str) else body)
    else:
        reply = Reply.of(fault.status, body)
    return replace(reply, headers=fault.headers)


FIXED_REPLIES = {
    "reset": Reply(200, b"", reset=True),
    "html": Reply(200, HTML, content_type="text/html"),
    "empty": Reply(200, b""),
    "not_json": Reply(200, b'{"count": 1, "results": [{"id": '),
}
ALTERED_REPLIES: dict[str, Callable[[Fault, Reply], Reply]] = {
    "truncate": lambda _, reply: replace(reply, keep=len(reply.body) // 2),
    "slow": lambda fault, reply: replace(reply, wait=fault.seconds),
    "drip": lambda fault, reply: replace(reply, drip=fault.seconds),
    "drip_head": lambda fault, reply: replace(reply, drip_head=fault.seconds),
}
