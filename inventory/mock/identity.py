"""Who is let in: whoever has a token that lives, or signs with the key. Knows nothing of jobs."""

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
from inventory.mock.signature import ALGORITHM, Claim, claim, expected, signed_at

__all__ = ["Identity"]

MAIN_PROJECT_ID = "0b7a4e1f62c34d0d9a5f1e6b8c2d3a40"  # beside a sub-project
PATH = re.compile(r"/v3/([^/?]+)/jobs")
MOST_SKEW = timedelta(minutes=15)
MOST_WRONG = 5  # wrong signatures in a row, then the key is locked
WRONG = "Incorrect IAM authentication information: "


@dataclass
class _Life:
    """A token's: the project that it is for ('': of no use to DRS), since when, and how often it was shown."""

    project_id: str
    since: float = field(default_factory=time.monotonic)
    uses: int = 0


class Identity:
    """The credentials of one project: the region's main one, or with another `project_name` a sub-project.

    All are invented, open nothing else, and may be changed while the server runs.

    token: lives like the tokens that IAM gives: `token_seconds`, or `token_requests` requests (None: any number).
    security_token: where set, a signed request must carry it too. lock_seconds: how long a key is locked after
    five wrong signatures. clock_skew: seconds that the service's clock is fast.
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
        self._door = threading.Lock()
        self._lives: dict[str, _Life] = {}
        self._wrong = 0
        self._locked_until = 0.0

    def now(self) -> datetime:
        """Return the time as the service sees it."""
        return datetime.now(UTC) + timedelta(seconds=self.clock_skew)

    def admit(self, request: RecordedRequest) -> bool:
        """Let a request in; tell whether it speaks for the project.

        Raises:
            RefusedError: 401, as the gateway says it; 403 where a key does not speak for the path's project.
        """
        with self._door:
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
        """Let a new token live from now on, for a project; '' for none."""
        with self._door:
            self._lives[token] = _Life(project_id)

    def _check_token(self, token: str) -> bool:
        own = token == self.token
        life = self._lives.setdefault(token, _Life(self.project_id)) if own else self._lives.get(token)
        if life is None:
            _refuse("APIGW.0301", f"{WRONG}decrypt token fail")
        life.uses += 1
        spent = self.token_requests is not None and life.uses > self.token_requests
        if spent or time.monotonic() - life.since > self.token_seconds:
            _refuse("APIGW.0307", "The token must be updated.")
        return life.project_id == self.project_id

    def _check_project(self, request: RecordedRequest) -> None:
        """A key speaks for the main project, unless X-Project-Id names another; the path must agree."""
        named = PATH.match(request.path)
        if named and named[1] != request.headers.get("x-project-id", self.main_project_id):
            raise RefusedError(403, "DRS.M00261", "Invalid project ID.")

    def _check_signature(self, request: RecordedRequest) -> None:
        claimed, moment = claim(request.headers), signed_at(request.headers)
        if claimed is None or moment is None:
            _refuse("APIGW.0301", f"{WRONG}the Authorization or X-Sdk-Date header has not the form of {ALGORITHM}")
        if abs(self.now() - moment) > MOST_SKEW:
            _refuse("APIGW.0303", f"{WRONG}X-Sdk-Date is out of range")
        if claimed.access_key != self.access_key:
            _refuse("APIGW.0301", f"{WRONG}the access key does not exist")
        if time.monotonic() < self._locked_until:
            _refuse("APIGW.0301", f"{WRONG}the access key is locked after too many wrong signatures")
        if not self._is_right(request, claimed):
            self._count_wrong()
            _refuse("APIGW.0301", f"{WRONG}verify aksk signature fail")
        self._wrong = 0
        if request.headers.get("x-security-token", "") != self.security_token:
            _refuse("APIGW.0301", f"{WRONG}verify security token fail")

    def _is_right(self, request: RecordedRequest, claimed: Claim) -> bool:
        right = expected(request, claimed.headers, self.secret_key)
        return right is not None and hmac.compare_digest(right, claimed.signature)

    def _count_wrong(self) -> None:
        self._wrong += 1
        if self._wrong >= MOST_WRONG:
            self._wrong, self._locked_until = 0, time.monotonic() + self.lock_seconds


def _refuse(code: str, text: str) -> NoReturn:
    raise RefusedError(401, code, text)
