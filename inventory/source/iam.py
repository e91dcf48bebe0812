"""Asks IAM for a token, patiently where IAM is busy, and once only where the password is wrong (API facts, 3.1)."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tenacity import Retrying, retry_if_exception, retry_if_result, stop_after_attempt, wait_random_exponential

from inventory.credentials import Password
from inventory.errors import SourceError
from inventory.exchange import Exchange, NoAnswerError, Request, Response
from inventory.jsontext import Json, read
from inventory.source.answers import error_code
from inventory.stop import Stop

__all__ = ["Login", "WrongPasswordError", "document_of", "log_in", "patiently", "sent_at", "told"]

ATTEMPTS = 4
_CODE = re.compile(r"[A-Za-z]+[A-Za-z0-9._-]{1,40}\Z")
_WRONG = (
    "The user name, the password or the domain (the account's name) is wrong. It is not tried again, for several"
    " wrong ones lock the user. A HUAWEI ID itself cannot sign in so: create an IAM user, or use an access key"
)


class WrongPasswordError(SourceError):
    """IAM does not know the user and the password."""


@dataclass(frozen=True)
class Login:
    """A token, and what IAM says of it. seconds: how long it is good; None: not said."""

    token: str = field(repr=False)
    project_id: str | None
    seconds: float | None


def log_in(http: Exchange, stop: Stop, password: Password, project: dict[str, str]) -> Login:
    """Exchange a password for a token.

    Args:
        project: {"id": …} or {"name": …}, of the one project that the token is for.

    Raises:
        WrongPasswordError: IAM does not know the user and the password.
        SourceError: it refuses for another reason, or does not answer in spite of patience.
    """
    user = {"name": password.username, "password": password.password, "domain": {"name": password.domain}}
    identity = {"methods": ["password"], "password": {"user": user}}
    body = json.dumps({"auth": {"identity": identity, "scope": {"project": project}}}).encode()
    headers = {"Content-Type": "application/json;charset=utf8"}
    query = [("nocatalog", "true")]  # or the answer lists every service of the account
    request = Request("POST", "/v3/auth/tokens", query, headers, body)
    answer = patiently(http, stop, lambda: http.send(request))
    token = answer.headers.get("x-subject-token", "")
    if answer.status != 201 or not token:
        what = f"{http.url} gave {password.username!r} of {password.domain!r} no token: {told(answer)}"
        if answer.status == 401:
            raise WrongPasswordError(what, _WRONG)
        raise SourceError(what, "Check iam_endpoint, region and project_id")
    about = document_of(answer).get("token")
    about = about if isinstance(about, dict) else {}
    of = about.get("project")
    project_id = of.get("id") if isinstance(of, dict) else None
    return Login(token, project_id if isinstance(project_id, str) else None, _lifetime(answer, about))


def patiently(http: Exchange, stop: Stop, ask: Callable[[], Response]) -> Response:
    """Ask, and again after a while where that may help: throttled, out of order, no answer.

    Raises:
        SourceError: no answer came at all.
        StoppedError: it was asked to stop meanwhile.
    """
    asking = Retrying(
        sleep=stop.wait,
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.5, max=8),
        retry=retry_if_result(lambda answer: answer.status == 429 or answer.status >= 500)
        | retry_if_exception(lambda error: isinstance(error, NoAnswerError) and error.retry),
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
    )
    try:
        answer: Response = asking(ask)
    except NoAnswerError as error:
        raise SourceError(f"{http.url} does not answer: {error.reason}", "Check the address and the network") from None
    return answer


def told(answer: Response) -> str:
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
