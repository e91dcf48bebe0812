"""Authenticates requests: with a token, an access key's signature, or tokens that a password gets from IAM.

Equal credentials share one `Auth` in a run, so that a refusal that one thread meets holds for all threads.
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

__all__ = ["Auth", "AuthCache", "KeysAuth", "PasswordAuth", "TokenAuth", "send_with_auth"]

RENEW_BEFORE = 300.0  # seconds before a token expires
RENEWAL_RETRY_AFTER = 60.0  # seconds until the next attempt to renew a token that is still valid
MAX_CLOCK_SKEW = 60.0  # seconds; a larger clock difference is reported
_WRONG_REGION = ("APIGW.0307", "APIG.0307")
T = TypeVar("T")
_RENEWABLE = ("APIGW.0301", "APIG.0301", *_WRONG_REGION)


class Auth(ABC):
    """A credential that authenticates requests."""

    advice: str  # what to do if the service refuses it
    scope: Hashable = None  # see `CredentialGuard`

    def __init__(self, guard: CredentialGuard) -> None:
        self.guard = guard

    def for_project(self, project_id: str) -> "Auth":
        """Return this credential for the requests of one project; only an access key makes a difference."""
        return self

    @abstractmethod
    def headers(
        self, method: str, host: str, path: str, query: Query, headers: Mapping[str, str], body: bytes
    ) -> dict[str, str]:
        """Return the headers to send: those given, and the authentication."""

    def refused(self, code: str, used: Mapping[str, str]) -> bool:
        """Return whether a retry may help because there is another token than the one in the `used` headers."""
        return False

    def accepted(self, host: str) -> None:
        """Note that a host accepted the credential: from now on it gets concurrent requests."""
        self.guard.accepted(host)


class TokenAuth(Auth):
    """A token from the configuration; it cannot be renewed."""

    advice = "The token is wrong, has expired (they last 24 hours), or is of another region: get a new one"

    def __init__(self, guard: CredentialGuard, token: Token) -> None:
        super().__init__(guard)
        self._token = token

    def headers(
        self, method: str, host: str, path: str, query: Query, headers: Mapping[str, str], body: bytes
    ) -> dict[str, str]:
        return {**headers, "X-Auth-Token": self._token.token}


class KeysAuth(Auth):
    """An access key. It is not used again after a refusal: five wrong signatures in a row lock it.

    project_id: sent with each request; without it the key is valid only for the region's main project.
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

    def for_project(self, project_id: str) -> "KeysAuth":
        return KeysAuth(self.guard, self._keys, self.scope, project_id)

    def headers(
        self, method: str, host: str, path: str, query: Query, headers: Mapping[str, str], body: bytes
    ) -> dict[str, str]:
        sent = {**headers, "X-Project-Id": self._project_id} if self._project_id else headers
        return sign(self._keys, method, host, path, query, sent, body, datetime.now(UTC))


class PasswordAuth(Auth):
    """A user name and password, with tokens from IAM: the first before the first request, a new one before it expires.

    One thread requests a token, the others wait for it. A sign-in that failed is not retried for the same project.
    If only a renewal fails for a transient fault, the old token is used until it expires.
    """

    advice = "IAM gives the user a token that this endpoint does not take: check region, endpoint and project_id"

    def __init__(self, guard: CredentialGuard, log_in: Callable[[], Login]) -> None:
        super().__init__(guard)
        self._log_in = log_in
        self._lock = RLock()
        self._login: Login | None = None
        self._renew_at = self._expires_at = 0.0
        self._renewal_tried = False
        self._failed: SourceError | None = None

    @property
    def project_id(self) -> str | None:
        """The project of the token, from IAM's answer."""
        return self._current().project_id

    def headers(
        self, method: str, host: str, path: str, query: Query, headers: Mapping[str, str], body: bytes
    ) -> dict[str, str]:
        return {**headers, "X-Auth-Token": self._current().token}

    def refused(self, code: str, used: Mapping[str, str]) -> bool:
        with self._lock:
            if self._login is None or self._login.token != used.get("X-Auth-Token"):
                return True
            if self._renewal_tried or code not in _RENEWABLE:
                return False
            self._renewal_tried, self._login = True, None
            return True

    def accepted(self, host: str) -> None:
        super().accepted(host)
        self._renewal_tried = False

    def _current(self) -> Login:
        with self._lock:
            if self._login is None or time.monotonic() >= self._renew_at:
                try:
                    self._login = self._renew()
                except TransientError:
                    if self._login is None or time.monotonic() >= self._expires_at:
                        raise
                    self._failed, self._renew_at = None, min(self._expires_at, time.monotonic() + RENEWAL_RETRY_AFTER)
                    return self._login
                good = float("inf") if self._login.seconds is None else self._login.seconds
                self._expires_at = time.monotonic() + good
                self._renew_at = self._expires_at - min(RENEW_BEFORE, good / 5)
            return self._login

    def _renew(self) -> Login:
        if self._failed:
            raise SourceError(self._failed.summary, self._failed.hint)
        try:
            return self._log_in()
        except SourceError as error:
            self._failed = error
            raise


class AuthCache:
    """The credentials of one run. Sources with equal credentials share an `Auth`, even in different regions."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._lock = Lock()
        self._shared: dict[Hashable, Any] = {}

    def auth_for(self, source: Source, iam: str | None) -> Auth:
        """Return what authenticates the source's requests.

        Args:
            iam: the address of IAM; only a password needs it.

        Raises:
            SourceError: there are no credentials, or a password has no address of IAM or no project.
        """
        match source.credentials:
            case Token() as token:  # valid for one project: a refusal elsewhere must not count there
                key = token, source.endpoint, source.region, source.project_id, source.project_name
                return self._get_or_create(key, lambda guard: TokenAuth(guard, token))
            case Keys() as keys:
                scope = source.name, source.project_id, source.project_name
                return KeysAuth(self._get_or_create(keys, lambda guard: guard), keys, scope)
            case Password() as password:
                return self._password(source, password, iam)
        raise SourceError("the source has no credentials", "Set auth, or the variables of a login")

    def _password(self, source: Source, password: Password, iam: str | None) -> Auth:
        name = source.project_name or source.region or ""
        scope = ("id", source.project_id) if source.project_id else ("name", name)
        if iam is None or not scope[1]:
            hint = "Give its region, or iam_endpoint and project_id"
            raise SourceError("a password needs an address of IAM and a project", hint)

        logins = self._get_or_create(password, lambda guard: guard)

        def renew() -> Login:
            from inventory.source.http import Http

            http = Http(iam, timeout=source.timeout, max_body=MIB)
            try:
                return log_in(http, self._stop, password, dict([scope]), source.retry_seconds, logins)
            finally:
                http.close()

        return self._get_or_create((password, iam, scope), lambda guard: PasswordAuth(guard, renew))

    def _get_or_create(self, key: Hashable, make: Callable[[CredentialGuard], T]) -> T:
        with self._lock:
            if key not in self._shared:
                self._shared[key] = make(CredentialGuard(self._stop))
            found: T = self._shared[key]
            return found


def send_with_auth(http: Transport, auth: Auth, request: Request) -> Response:
    """Send one request with a credential; once more if the token had to be renewed.

    Raises:
        SourceError: the credential is refused (401, except with a code of DRS, which is about permission), or the
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
                # Other statuses do not show that the credential was checked: 403 may come from a firewall.
                if answer.status < 300 or answer.status in (400, 422):
                    auth.accepted(http.host)
                return answer
            if again or not auth.refused(code, used):
                break
        error = SourceError(f"{http.url} answered {describe(answer)}", _advice(auth, answer))
        auth.guard.refused(error, auth.scope, scope_only=code in _WRONG_REGION)
        raise error


def _advice(auth: Auth, answer: Response) -> str:
    service_time = sent_at(answer)
    skew = (answer.at - service_time).total_seconds() if service_time and isinstance(auth, KeysAuth) else 0.0
    if abs(skew) <= MAX_CLOCK_SKEW:
        return auth.advice
    return f"This machine's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the service's: set it"
