"""Authentication: a request needs a valid token or a valid signature. Independent of jobs."""

import hmac
import re
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from inventory.mock.answers import RefusedError
from inventory.mock.faults import RecordedRequest
from inventory.mock.parts import PROJECT_ID, REGION
from inventory.mock.signature import ALGORITHM, SignatureClaim, expected_signature, read_claim, signed_at

__all__ = ["Identity"]

MAIN_PROJECT_ID = "0b7a4e1f62c34d0d9a5f1e6b8c2d3a40"  # used if `project_name` is a sub-project
PATH = re.compile(r"/v3/([^/?]+)/jobs")
MAX_CLOCK_SKEW = timedelta(minutes=15)
MAX_WRONG_SIGNATURES = 5  # in a row, before the key is locked
ERROR = "Incorrect IAM authentication information: "


@dataclass
class _TokenState:
    """The state of a token: its project ('': none, so DRS refuses it), issue time and number of uses."""

    project_id: str
    since: float = field(default_factory=time.monotonic)
    uses: int = 0


class Identity:
    """The credentials of one project: the region's main project, or a sub-project with another `project_name`.

    All are invented, and may be changed while the server runs.

    token: valid as long as the tokens that IAM issues: for `token_seconds`, or for `token_requests` requests (None: no
    limit). security_token: if set, a signed request must send it too. lock_seconds: how long a key is locked after
    five wrong signatures. clock_skew: seconds that the service's clock is ahead.
    """

    def __init__(self, project_id: str, token: str) -> None:
        self.project_id = project_id or PROJECT_ID
        self.region = self.project_name = REGION
        self.token = token
        self.token_seconds = 86_400.0
        self.token_requests: int | None = None
        self.access_key, self.secret_key = "MOCKACCESSKEY0000001", "mock-secret-key"
        self.security_token = ""
        self.lock_seconds = 300.0
        self.username, self.password, self.domain = "rehearsal", "mock-password", "mock-domain"
        self.clock_skew = 0.0
        self._lock = threading.Lock()
        self._tokens: dict[str, _TokenState] = {}
        self._wrong_signatures = 0
        self._locked_until = 0.0

    def now(self) -> datetime:
        """Return the time as the service sees it."""
        return datetime.now(UTC) + timedelta(seconds=self.clock_skew)

    def authenticate(self, request: RecordedRequest) -> bool:
        """Authenticate a request; return whether its credentials are for the project.

        Raises:
            RefusedError: 401 of the gateway; 403 if a key is not for the project in the path.
        """
        with self._lock:
            if "authorization" in request.headers:
                self._check_signature(request)
                self._check_project(request)
                return True
            return self._check_token(request.headers.get("x-auth-token", ""))

    @property
    def main_project_id(self) -> str:
        """The id of the region's main project."""
        return self.project_id if self.project_name == self.region else MAIN_PROJECT_ID

    def projects(self) -> dict[str, str]:
        """Return the ids of the account's projects in this region, by name."""
        return {self.region: self.main_project_id, self.project_name: self.project_id}

    def issue(self, token: str, project_id: str) -> None:
        """Make a token valid from now on, for a project or for none ('')."""
        with self._lock:
            self._tokens[token] = _TokenState(project_id)

    def _check_token(self, token: str) -> bool:
        own = token == self.token
        state = self._tokens.setdefault(token, _TokenState(self.project_id)) if own else self._tokens.get(token)
        if state is None:
            _refuse("APIGW.0301", f"{ERROR}decrypt token fail")
        state.uses += 1
        is_used_up = self.token_requests is not None and state.uses > self.token_requests
        if is_used_up or time.monotonic() - state.since > self.token_seconds:
            _refuse("APIGW.0307", "The token must be updated.")
        return state.project_id == self.project_id

    def _check_project(self, request: RecordedRequest) -> None:
        """A key is for the main project, unless X-Project-Id names another; the path must name the same one."""
        named = PATH.match(request.path)
        if named and named[1] != request.headers.get("x-project-id", self.main_project_id):
            raise RefusedError(403, "DRS.M00261", "Invalid project ID.")

    def _check_signature(self, request: RecordedRequest) -> None:
        given, time_signed = read_claim(request.headers), signed_at(request.headers)
        if given is None or time_signed is None:
            _refuse("APIGW.0301", f"{ERROR}the Authorization or X-Sdk-Date header has not the form of {ALGORITHM}")
        if abs(self.now() - time_signed) > MAX_CLOCK_SKEW:
            _refuse("APIGW.0303", f"{ERROR}X-Sdk-Date is out of range")
        if given.access_key != self.access_key:
            _refuse("APIGW.0301", f"{ERROR}the access key does not exist")
        if time.monotonic() < self._locked_until:
            _refuse("APIGW.0301", f"{ERROR}the access key is locked after too many wrong signatures")
        if not self._is_correct(request, given):
            self._count_wrong()
            _refuse("APIGW.0301", f"{ERROR}verify aksk signature fail")
        self._wrong_signatures = 0
        if request.headers.get("x-security-token", "") != self.security_token:
            _refuse("APIGW.0301", f"{ERROR}verify security token fail")

    def _is_correct(self, request: RecordedRequest, given: SignatureClaim) -> bool:
        correct = expected_signature(request, given.headers, self.secret_key)
        return correct is not None and hmac.compare_digest(correct, given.signature)

    def _count_wrong(self) -> None:
        self._wrong_signatures += 1
        if self._wrong_signatures >= MAX_WRONG_SIGNATURES:
            self._wrong_signatures, self._locked_until = 0, time.monotonic() + self.lock_seconds


def _refuse(code: str, text: str) -> NoReturn:
    raise RefusedError(401, code, text)
