"""How a request shows who sends it: a token, an access key's signature, or a token renewed by a password.

Equal credentials are one `Auth` in a run, so that what one thread learns of them all others know.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping
from datetime import UTC, datetime
from threading import Lock, RLock
from typing import Any, TypeVar

from inventory.common.cancellation import Stop
from inventory.common.errors import SourceError
from inventory.config.credentials import Keys, Password, Token
from inventory.config.endpoints import Query
from inventory.config.settings import MIB, Source
from inventory.source.answers import error_code
from inventory.source.auth.guard import CredentialGuard
from inventory.source.auth.iam import Login, TransientError, describe, document_of, log_in, redirected, sent_at
from inventory.source.auth.signing import sign
from inventory.source.transport import Request, Response, Transport

__all__ = ["Auth", "Auths", "KeysAuth", "PasswordAuth", "TokenAuth", "ask"]

RENEW_BEFORE = 300.0  # seconds before a token expires
KEEP = 60.0  # seconds that a token which is still good is kept where it could not be renewed
SKEW = 60.0  # seconds between two clocks that are worth a word
_WRONG_REGION = ("APIGW.0307", "APIG.0307")
T = TypeVar("T")
_RENEWABLE = ("APIGW.0301", "APIG.0301", *_WRONG_REGION)


class Auth(ABC):
    """One credential in use."""

    advice: str  # what to do where the service refuses it
    scope: Hashable = None  # of its refusals, see `CredentialGuard`

    def __init__(self, guard: CredentialGuard) -> None:
        self.guard = guard

    def within(self, project_id: str) -> "Auth":  # of an access key alone
        """Return this credential as it shows itself to one project."""
        return self

    @abstractmethod
    def headers(
        self, method: str, host: str, path: str, query: Query, headers: Mapping[str, str], body: bytes
    ) -> dict[str, str]:
        """Return the headers to send: those given, and what shows who sends."""

    def refused(self, code: str, used: Mapping[str, str]) -> bool:
        """Tell whether asking once more may help, for there is another token than the `used` headers hold."""
        return False

    def accepted(self, host: str) -> None:
        """Learn that a host took the credential: from now on requests go to it side by side."""
        self.guard.accepted(host)


class TokenAuth(Auth):
    """A token that somebody gave; nothing here can renew it."""

    advice = "The token is wrong, has expired (they last 24 hours), or is of another region: get a new one"

    def __init__(self, guard: CredentialGuard, token: Token) -> None:
        super().__init__(guard)
        self._token = token

    def headers(
        self, method: str, host: str, path: str, query: Query, headers: Mapping[str, str], body: bytes
    ) -> dict[str, str]:
        return {**headers, "X-Auth-Token": self._token.token}


class KeysAuth(Auth):
    """An access key. Never tried twice: five wrong signatures in a row lock it.

    project_id: named with each request, for else the key speaks for the region's main project alone.
    """

    def __init__(self, guard: CredentialGuard, keys: Keys, scope: Hashable, project_id: str | None = None) -> None:
        super().__init__(guard)
        self.scope = scope
        self._keys = keys
        self._project_id = project_id

    @property
    def advice(self) -> str:  # type: ignore[override]
        if self.guard.is_accepted:
            return (
                "The access key was accepted before in this run, so only this source fails. Check that its user may use"
                " the project, and that region, endpoint and project_id belong together. A temporary key may have"
                " expired meanwhile"
            )
        return (
            "The access key or the secret key is wrong, disabled or locked, or a temporary one has expired."
            " It is not tried again in this run"
        )

    def within(self, project_id: str) -> "KeysAuth":
        return KeysAuth(self.guard, self._keys, self.scope, project_id)

    def headers(
        self, method: str, host: str, path: str, query: Query, headers: Mapping[str, str], body: bytes
    ) -> dict[str, str]:
        sent = {**headers, "X-Project-Id": self._project_id} if self._project_id else headers
        return sign(self._keys, method, host, path, query, sent, body, datetime.now(UTC))


class PasswordAuth(Auth):
    """A user who gets tokens from IAM: one before the first request, a new one before or when it expires.

    One thread asks for it, the others wait and take what it got. A sign-in that failed is not tried again for the
    same project, but for a token that is still good: that is used until it expires.
    """

    advice = "IAM gives the user a token that this endpoint does not take: check region, endpoint and project_id"

    def __init__(self, guard: CredentialGuard, log_in: Callable[[], Login]) -> None:
        super().__init__(guard)
        self._log_in = log_in
        self._lock = RLock()
        self._login: Login | None = None
        self._until = self._ends = 0.0
        self._doubted = False
        self._failed: SourceError | None = None

    @property
    def project_id(self) -> str | None:
        """The project that the token is for, as IAM says."""
        return self._current().project_id

    def headers(
        self, method: str, host: str, path: str, query: Query, headers: Mapping[str, str], body: bytes
    ) -> dict[str, str]:
        return {**headers, "X-Auth-Token": self._current().token}

    def refused(self, code: str, used: Mapping[str, str]) -> bool:
        with self._lock:
            if self._login is None or self._login.token != used.get("X-Auth-Token"):
                return True
            if self._doubted or code not in _RENEWABLE:
                return False
            self._doubted, self._login = True, None
            return True

    def accepted(self, host: str) -> None:
        super().accepted(host)
        self._doubted = False

    def _current(self) -> Login:
        with self._lock:
            if self._login is None or time.monotonic() >= self._until:
                try:
                    self._login = self._renewed()
                except TransientError:
                    if self._login is None or time.monotonic() >= self._ends:
                        raise
                    self._failed, self._until = None, min(self._ends, time.monotonic() + KEEP)
                    return self._login
                good = float("inf") if self._login.seconds is None else self._login.seconds
                self._ends = time.monotonic() + good
                self._until = self._ends - min(RENEW_BEFORE, good / 5)
            return self._login

    def _renewed(self) -> Login:
        if self._failed:
            raise SourceError(self._failed.summary, self._failed.hint)
        try:
            return self._log_in()
        except SourceError as error:
            self._failed = error
            raise


class Auths:
    """The credentials of one run. Sources with equal ones share an `Auth`, whatever their region."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._lock = Lock()
        self._made: dict[Hashable, Any] = {}

    def auth_for(self, source: Source, iam: str | None) -> Auth:
        """Return what signs the source's requests.

        Args:
            iam: where tokens come from; needed for a password alone.

        Raises:
            SourceError: there is nothing to sign in with, or no place to sign in at.
        """
        match source.credentials:
            case Token() as token:  # of one project: wrong in another place, it may still be right in its own
                key = token, source.endpoint, source.region, source.project_id, source.project_name
                return self._one(key, lambda guard: TokenAuth(guard, token))
            case Keys() as keys:
                scope = source.name, source.project_id, source.project_name
                return KeysAuth(self._one(keys, lambda guard: guard), keys, scope)
            case Password() as password:
                return self._password(source, password, iam)
        raise SourceError("there is nothing to sign in with", "Give auth, or set the variables of a login")

    def _password(self, source: Source, password: Password, iam: str | None) -> Auth:
        name = source.project_name or source.region or ""
        scope = ("id", source.project_id) if source.project_id else ("name", name)
        if iam is None or not scope[1]:
            hint = "Give its region, or iam_endpoint and project_id"
            raise SourceError("a password needs an address of IAM and a project", hint)

        logins = self._one(password, lambda guard: guard)

        def renew() -> Login:
            from inventory.source.http import Http

            http = Http(iam, timeout=source.timeout, max_body=MIB)
            try:
                return log_in(http, self._stop, password, dict([scope]), source.retry_seconds, logins)
            finally:
                http.close()

        return self._one((password, iam, scope), lambda guard: PasswordAuth(guard, renew))

    def _one(self, key: Hashable, make: Callable[[CredentialGuard], T]) -> T:
        with self._lock:
            if key not in self._made:
                self._made[key] = make(CredentialGuard(self._stop))
            found: T = self._made[key]
            return found


def ask(http: Transport, auth: Auth, request: Request) -> Response:
    """Send one request under a credential; once more where a token had to be renewed.

    Raises:
        SourceError: the credential is refused (401 but for DRS's own codes, which are about permission), or the
            answer is a redirect.
        TransportError: as `Transport.send`.
    """
    with auth.guard.request(http.host, auth.scope):
        for again in (False, True):
            method, path, query, headers, body, *_ = request
            used = auth.headers(method, http.host, http.base_path + path, query, headers, body)
            answer = http.send(request._replace(headers=used))
            if target := redirected(http, answer):
                raise SourceError(f"{http.url} answered {describe(answer)}", target)
            code = error_code(document_of(answer)) if answer.status == 401 else ""
            if answer.status != 401 or code.startswith("DRS."):
                # Of other statuses nobody knows whether the credential was looked at: 403 may be a firewall's.
                if answer.status < 300 or answer.status in (400, 422):
                    auth.accepted(http.host)
                return answer
            if again or not auth.refused(code, used):
                break
        error = SourceError(f"{http.url} answered {describe(answer)}", _advice(auth, answer))
        auth.guard.refused(error, auth.scope, here_only=code in _WRONG_REGION)  # elsewhere it may still be right
        raise error


def _advice(auth: Auth, answer: Response) -> str:
    theirs = sent_at(answer)
    skew = (answer.at - theirs).total_seconds() if theirs and isinstance(auth, KeysAuth) else 0.0
    if abs(skew) <= SKEW:
        return auth.advice
    return f"This machine's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the service's: set it"
