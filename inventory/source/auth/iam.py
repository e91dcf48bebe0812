"""Gets a token from IAM: transient failures are retried for a time, a wrong password is not (API facts, 3.1)."""

import json
import re
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tenacity import RetryCallState, Retrying, retry_if_exception, retry_if_result

from inventory.common.cancellation import Stop
from inventory.common.errors import SourceError
from inventory.common.exact_json import Json, read
from inventory.common.log import logger
from inventory.config.credentials import Password
from inventory.config.endpoints import redirect_target
from inventory.source.answers import error_code
from inventory.source.auth.guard import CredentialGuard
from inventory.source.retry import backoff, retry_after, seconds_until
from inventory.source.transport import Request, Response, Transport, TransportError

__all__ = ["Login", "TransientError", "describe", "document_of", "log_in", "redirected", "send_with_retries", "sent_at"]

_CODE = re.compile(r"[A-Za-z]+[A-Za-z0-9._-]{1,40}\Z")
_TRANSIENT = frozenset({408, 425, 429})  # and 5xx
_LOGIN_HINT = (
    "The user name, the password or the domain (the account's name) is wrong, or the project does not exist. It is not"
    " tried again, for several wrong passwords lock the user. A HUAWEI ID itself cannot sign in so: create an IAM user,"
    " or use an access key"
)
_PROJECT_HINT = (
    "The user and the password were accepted for another project in this run. Check project_id, project_name and"
    " region, and that the user may use this project"
)


class TransientError(SourceError):
    """IAM did not answer, or had a transient fault, for the whole retry time. The credential may be right."""


@dataclass(frozen=True)
class Login:
    """A token, and what IAM says of it. seconds: how long it is valid; None if IAM does not say."""

    token: str = field(repr=False)
    project_id: str | None
    seconds: float | None


def log_in(
    http: Transport, stop: Stop, password: Password, project: dict[str, str], seconds: float, logins: CredentialGuard
) -> Login:
    """Exchange a password for a token.

    Args:
        project: {"id": …} or {"name": …} of the project that the token is for.
        seconds: how long transient failures are retried.
        logins: the guard of the password, shared by all projects. It is not held between two attempts.

    Raises:
        TransientError: see `send_with_retries`.
        SourceError: IAM refuses.
    """
    identity = {"methods": ["password"], "password": {"user": password.user}}
    body = json.dumps({"auth": {"identity": identity, "scope": {"project": project}}}).encode()
    headers = {"Content-Type": "application/json;charset=utf8"}
    query = [("nocatalog", "true")]  # otherwise the answer lists every service of the account
    request = Request("POST", "/v3/auth/tokens", query, headers, body, until=stop.ends)
    scope: Hashable = tuple(project.items())

    def attempt() -> Response:
        with logins.request(http.host, scope):
            answer = http.send(request)
            if answer.status == 401:
                hint = _PROJECT_HINT if logins.is_accepted else _LOGIN_HINT
                error = SourceError(_no_token(http, password, answer), hint)
                logins.refused(error, scope)
                raise error
            if answer.status == 201:
                logins.accepted(http.host)
            return answer

    answer = send_with_retries(http, stop, attempt, seconds, "sign-in")
    token = answer.headers.get("x-subject-token", "")
    if answer.status != 201 or not token:
        hint = "Check iam_endpoint, region, project_id and project_name"
        raise SourceError(_no_token(http, password, answer), redirected(http, answer) or hint)
    token_info = document_of(answer).get("token")
    token_info = token_info if isinstance(token_info, dict) else {}
    of = token_info.get("project")
    project_id = of.get("id") if isinstance(of, dict) else None
    return Login(token, project_id if isinstance(project_id, str) else None, _lifetime(answer, token_info))


def _no_token(http: Transport, password: Password, answer: Response) -> str:
    return f"{http.url} does not sign in {password}: {describe(answer)}"


def send_with_retries(http: Transport, stop: Stop, ask: Callable[[], Response], seconds: float, call: str) -> Response:
    """Send a request, and retry it after a transient failure: throttled, server error, no answer.

    Args:
        seconds: how long it is retried. Retry-After is obeyed, unless it is longer than the time left.
        call: the name of the call, for the log.

    Raises:
        TransientError: all attempts in that time failed.
        SourceError: there was no answer, and a retry cannot help.
        StoppedError: the run was stopped meanwhile.
    """
    deadline = time.monotonic() + seconds

    def pause(state: RetryCallState) -> float:
        return max(_retry_after(state), min(backoff(state.attempt_number), seconds_until(deadline)))

    def log_retry(state: RetryCallState) -> None:
        wait = round(state.upcoming_sleep, 1)
        logger().warning(
            "retrying", call=call, host=http.host, attempt=state.attempt_number, pause=wait, why=_cause(state)
        )

    retrying = Retrying(
        sleep=stop.wait,
        stop=lambda state: seconds_until(deadline) <= 0 or _retry_after(state) > seconds_until(deadline),
        wait=pause,
        retry=retry_if_result(lambda answer: answer.status in _TRANSIENT or answer.status >= 500)
        | retry_if_exception(lambda error: isinstance(error, TransportError) and error.retry),
        before_sleep=log_retry,
        retry_error_callback=lambda state: _give_up(http, state),
    )
    try:
        answer: Response = retrying(ask)
    except TransportError as error:
        raise SourceError(str(error), error.hint or "Check the address and the network") from None
    return answer


def _give_up(http: Transport, state: RetryCallState) -> None:
    attempts = f"{state.attempt_number} attempt{'' if state.attempt_number == 1 else 's'}"
    took = f"{attempts} in {state.seconds_since_start or 0:.0f} s"
    hint = "Check the address and the network, or run it again later; retry_seconds says how long it is retried"
    if state.outcome and not state.outcome.failed:
        hint = "The service is busy or out of order: run it again later; retry_seconds says how long it is retried"
    raise TransientError(f"{http.url} failed: {_cause(state)} ({took})", hint)


def _cause(state: RetryCallState) -> str:
    assert state.outcome is not None  # tenacity calls this only after an attempt
    error = state.outcome.exception()
    if isinstance(error, TransportError):
        return f"no answer: {error.reason}"
    return describe(state.outcome.result())


def _retry_after(state: RetryCallState) -> float:
    """Return the seconds that Retry-After asks for; 0 without it."""
    if state.outcome is None or state.outcome.failed:
        return 0.0
    return retry_after(state.outcome.result().headers.get("retry-after"))


def redirected(http: Transport, answer: Response) -> str:
    """Return a hint if an answer is a redirect, else ''. It is not followed: that would send the credential along."""
    if not 300 <= answer.status < 400:
        return ""
    target = redirect_target(http.url, answer.headers.get("location", ""))
    return f"It redirects to {target}, which is not followed: give the right address instead of {http.url}"


def describe(answer: Response) -> str:
    """Return the status and code of an answer, never its free text, which may contain secrets."""
    code = error_code(document_of(answer))
    return f"HTTP {answer.status} {code}" if _CODE.match(code) else f"HTTP {answer.status}"


def document_of(answer: Response) -> dict[str, Json]:
    """Return an answer's JSON object; an empty one if the body is not an object."""
    try:
        document = read(answer.content)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def sent_at(answer: Response) -> datetime | None:
    """Return the time of the service's clock, from the Date header."""
    try:
        moment = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _lifetime(answer: Response, token_info: dict[str, Json]) -> float | None:
    """Return how many seconds a token is valid, by the service's clock, because this machine's may be wrong."""
    try:
        ends = datetime.fromisoformat(str(token_info.get("expires_at")))
    except ValueError:
        return None
    ends = ends if ends.tzinfo else ends.replace(tzinfo=UTC)
    return (ends - (sent_at(answer) or answer.at)).total_seconds()
