"""Asks IAM for a token: transient failures are retried by time, a wrong password is not (API facts, 3.1)."""

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
from inventory.source.retry import backoff, left, retry_after
from inventory.source.transport import Request, Response, Transport, TransportError

__all__ = ["Login", "TransientError", "describe", "document_of", "log_in", "patiently", "redirected", "sent_at"]

_CODE = re.compile(r"[A-Za-z]+[A-Za-z0-9._-]{1,40}\Z")
_TRANSIENT = frozenset({408, 425, 429})  # and 5xx
_WRONG = (
    "The user name, the password or the domain (the account's name) is wrong, or the project does not exist. It is not"
    " tried again, for several wrong passwords lock the user. A HUAWEI ID itself cannot sign in so: create an IAM user,"
    " or use an access key"
)
_WRONG_PROJECT = (
    "The user and the password were accepted for another project in this run. Check project_id, project_name and"
    " region, and that the user may use this project"
)


class TransientError(SourceError):
    """IAM did not answer, or was busy or out of order, for as long as was allowed; nothing is known to be wrong."""


@dataclass(frozen=True)
class Login:
    """A token, and what IAM says of it. seconds: how long it is good; None: not said."""

    token: str = field(repr=False)
    project_id: str | None
    seconds: float | None


def log_in(
    http: Transport, stop: Stop, password: Password, project: dict[str, str], seconds: float, logins: CredentialGuard
) -> Login:
    """Exchange a password for a token.

    Args:
        project: {"id": …} or {"name": …}, of the one project that the token is for.
        seconds: how long transient failures are retried.
        logins: the guard of the password, shared by all projects. It is not held between two attempts.

    Raises:
        TransientError: see `patiently`.
        SourceError: it refuses.
    """
    identity = {"methods": ["password"], "password": {"user": password.user}}
    body = json.dumps({"auth": {"identity": identity, "scope": {"project": project}}}).encode()
    headers = {"Content-Type": "application/json;charset=utf8"}
    query = [("nocatalog", "true")]  # or the answer lists every service of the account
    request = Request("POST", "/v3/auth/tokens", query, headers, body)
    scope: Hashable = tuple(project.items())

    def attempt() -> Response:
        with logins.request(http.host, scope):
            answer = http.send(request)
            if answer.status == 401:
                error = SourceError(_no_token(http, password, answer), _WRONG_PROJECT if logins.is_accepted else _WRONG)
                logins.refused(error, scope)
                raise error
            if answer.status == 201:
                logins.accepted(http.host)
            return answer

    answer = patiently(http, stop, attempt, seconds, "sign-in")
    token = answer.headers.get("x-subject-token", "")
    if answer.status != 201 or not token:
        hint = "Check iam_endpoint, region, project_id and project_name"
        raise SourceError(_no_token(http, password, answer), redirected(http, answer) or hint)
    about = document_of(answer).get("token")
    about = about if isinstance(about, dict) else {}
    of = about.get("project")
    project_id = of.get("id") if isinstance(of, dict) else None
    return Login(token, project_id if isinstance(project_id, str) else None, _lifetime(answer, about))


def _no_token(http: Transport, password: Password, answer: Response) -> str:
    return f"{http.url} gave {password} no token: {describe(answer)}"


def patiently(http: Transport, stop: Stop, ask: Callable[[], Response], seconds: float, call: str) -> Response:
    """Ask, and again after a while where that may help: throttled, out of order, no answer.

    Args:
        seconds: how long that is done. Retry-After is obeyed, unless it is longer than what is left.
        call: what is asked, for the log.

    Raises:
        TransientError: the seconds are over.
        SourceError: no answer came, and asking again cannot help.
        StoppedError: it was asked to stop meanwhile.
    """
    deadline = time.monotonic() + seconds

    def pause(state: RetryCallState) -> float:
        return max(_wanted(state), min(backoff(state.attempt_number), left(deadline)))

    def note(state: RetryCallState) -> None:
        wait = round(state.upcoming_sleep, 1)
        logger().warning(
            "retrying", call=call, host=http.host, attempt=state.attempt_number, pause=wait, why=_why(state)
        )

    asking = Retrying(
        sleep=stop.wait,
        stop=lambda state: left(deadline) <= 0 or _wanted(state) > left(deadline),
        wait=pause,
        retry=retry_if_result(lambda answer: answer.status in _TRANSIENT or answer.status >= 500)
        | retry_if_exception(lambda error: isinstance(error, TransportError) and error.retry),
        before_sleep=note,
        retry_error_callback=lambda state: _give_up(http, state),
    )
    try:
        answer: Response = asking(ask)
    except TransportError as error:
        raise SourceError(str(error), error.hint or "Check the address and the network") from None
    return answer


def _give_up(http: Transport, state: RetryCallState) -> None:
    attempts = f"{state.attempt_number} attempt{'' if state.attempt_number == 1 else 's'}"
    took = f"{attempts} in {state.seconds_since_start or 0:.0f} s"
    hint = "Check the address and the network, or run it again later; retry_seconds says how long it is retried"
    if state.outcome and not state.outcome.failed:
        hint = "The service is busy or out of order: run it again later; retry_seconds says how long it is retried"
    raise TransientError(f"{http.url} failed: {_why(state)} ({took})", hint)


def _why(state: RetryCallState) -> str:
    assert state.outcome is not None  # tenacity asks only after an attempt
    error = state.outcome.exception()
    if isinstance(error, TransportError):
        return f"no answer: {error.reason}"
    return describe(state.outcome.result())


def _wanted(state: RetryCallState) -> float:
    """Return the seconds that Retry-After asks for; 0."""
    if state.outcome is None or state.outcome.failed:
        return 0.0
    return retry_after(state.outcome.result().headers.get("retry-after"))


def redirected(http: Transport, answer: Response) -> str:
    """Say what to do where an answer is a redirect; ''. It is not followed: the credential would go along."""
    if not 300 <= answer.status < 400:
        return ""
    target = redirect_target(http.url, answer.headers.get("location", ""))
    return f"It redirects to {target}, which is not followed: give the right address instead of {http.url}"


def describe(answer: Response) -> str:
    """Say what was answered: status and code, never its free text, which may quote anything."""
    code = error_code(document_of(answer))
    return f"HTTP {answer.status} {code}" if _CODE.match(code) else f"HTTP {answer.status}"


def document_of(answer: Response) -> dict[str, Json]:
    """Read an answer's JSON object; an empty one if it is none."""
    try:
        document = read(answer.content)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def sent_at(answer: Response) -> datetime | None:
    """Return the service's own clock, from its Date header."""
    try:
        moment = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _lifetime(answer: Response, about: dict[str, Json]) -> float | None:
    """Return how long a token is good, by the service's clock alone: this machine's may be wrong."""
    try:
        ends = datetime.fromisoformat(str(about.get("expires_at")))
    except ValueError:
        return None
    ends = ends if ends.tzinfo else ends.replace(tzinfo=UTC)
    return (ends - (sent_at(answer) or answer.at)).total_seconds()
