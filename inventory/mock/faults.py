"""What can go wrong between a client and the service, declared: a fault makes another reply of the right one.

A `Reply` says what goes over the wire and how; the server sends it and knows no fault by name.
"""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

__all__ = ["Fault", "FaultKind", "RecordedRequest", "Reply", "take"]

FaultKind = Literal[
    "status", "body", "reset", "truncate", "html", "empty", "not_json", "slow", "drip", "drip_head", "poison"
]
JSON_TYPE = "application/json"
HTML = b"<!DOCTYPE html><html><body><h1>Welcome to this network. Please sign in.</h1></body></html>"


@dataclass(frozen=True)
class RecordedRequest:
    """One request as it came; header names in small letters, `time` from the monotonic clock."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    time: float
    id: str

    @property
    def document(self) -> Any:
        """The body read as JSON; None if it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def jobs(self) -> list[str]:
        """The job ids that a batch-detail request asks for, as they came; of any other request none."""
        document = self.document
        jobs = document.get("jobs") if isinstance(document, dict) else None
        return jobs if isinstance(jobs, list) else []


@dataclass(frozen=True)
class Reply:
    """What is sent: after `wait` seconds, the head over `drip_head` seconds and the body over `drip` seconds.

    keep: so many bytes of the body, then the end. reset: the connection is reset instead.
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
        """Make a reply of a JSON document: UTF-8 as the service has it, ASCII where UTF-8 cannot."""
        try:
            return cls(status, json.dumps(document, ensure_ascii=False).encode())
        except UnicodeEncodeError:
            return cls(status, json.dumps(document).encode())


@dataclass
class Fault:
    """One thing that goes wrong, `times` times (None: always), for the requests that `when` picks (None: all).

    With a `rate` it strikes only that share of them, at random, the same for the same `seed`.

    ========= ===============================================================================
    status    answer `status` with `body` (left out: an error in the gateway's form) and `headers`
    body      answer `body` with `status`, 200 unless told
    reset     take the request, then reset the connection
    truncate  announce the normal answer's length, send half of it, close
    html      answer 200 with a page for people
    empty     answer 200 with nothing
    not_json  answer 200 with JSON that breaks off
    slow      wait `seconds`, then answer as always
    drip      spread the normal answer's body over `seconds`
    drip_head spread the head over `seconds`, a header line at a time, then answer as always
    poison    answer `status`, 500 unless told, to every request that names `job_id`
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
        self._dice = random.Random(f"{self.seed}/{self.kind}/{self.status}")
        self.status = self.status or (200 if self.kind == "body" else 500)

    def strikes(self, request: RecordedRequest) -> bool:
        """Tell whether the fault concerns a request, is not used up, and chance wants it: ask once a request."""
        if self.times is not None and self.times < 1:
            return False
        if self.kind == "poison" and self.job_id.encode() not in request.body:
            return False
        if self.when is not None and not self.when(request):
            return False
        return self.rate is None or self._dice.random() < self.rate

    def spoil(self, request: RecordedRequest, normal: Callable[[], Reply]) -> Reply:
        """Return what is answered; `normal` is asked only where the fault needs the right answer."""
        if self.kind in SPOILED:
            return SPOILED[self.kind](self, normal())
        return FIXED.get(self.kind) or _told(self, request)


def take(faults: Sequence[Fault], request: RecordedRequest) -> Fault | None:
    """Return the first fault that strikes and count it; the caller holds the lock."""
    fault = next((fault for fault in faults if fault.strikes(request)), None)
    if fault is not None and fault.times is not None:
        fault.times -= 1
    return fault


def _told(fault: Fault, request: RecordedRequest) -> Reply:
    """Answer the fault's own body; without one, an error such as the gateway writes."""
    body = fault.body
    if body is None:
        code, text = ("APIGW.0308", "throttled") if fault.status == 429 else ("DRS.M00004", "service abnormal")
        body = {"error_code": code, "error_msg": text, "request_id": request.id}
    if isinstance(body, str | bytes):
        reply = Reply(fault.status, body.encode() if isinstance(body, str) else body)
    else:
        reply = Reply.of(fault.status, body)
    return replace(reply, headers=fault.headers)


FIXED = {
    "reset": Reply(200, b"", reset=True),
    "html": Reply(200, HTML, content_type="text/html"),
    "empty": Reply(200, b""),
    "not_json": Reply(200, b'{"count": 1, "results": [{"id": '),
}
SPOILED: dict[str, Callable[[Fault, Reply], Reply]] = {
    "truncate": lambda _, reply: replace(reply, keep=len(reply.body) // 2),
    "slow": lambda fault, reply: replace(reply, wait=fault.seconds),
    "drip": lambda fault, reply: replace(reply, drip=fault.seconds),
    "drip_head": lambda fault, reply: replace(reply, drip_head=fault.seconds),
}
