"""One request to the service and back. The only user of httpx.

A status is an answer; only what ends every hope for the source is an error: wrong credentials, no
permission, no such address.
"""

from datetime import UTC, datetime

import httpx

from inventory.config import Source
from inventory.errors import SourceError
from inventory.jsontext import Json, read
from inventory.source.answers import Page, error_code

__all__ = ["Client"]

_HINTS = {
    401: "The token is wrong, has expired, or is of another region; get a new one",
    403: "The user may not read DRS in this project, or the project id is wrong",
    404: "No such address: check region, endpoint and project_id",
}


class Client:
    """Asks batch-detail of one project (Tables 1 to 4). Safe to share between threads."""

    def __init__(self, source: Source) -> None:
        """Take endpoint, project, token, language and time-out from the source."""
        self._source = source
        self._path = f"/v3/{source.project_id}/jobs/batch-detail"
        self._http = httpx.Client(
            base_url=source.endpoint or "",
            headers={"X-Auth-Token": source.token or "", "X-Language": source.language},
            timeout=source.timeout,
            follow_redirects=False,
            limits=httpx.Limits(max_connections=source.concurrency),
        )

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def page(self, ids: tuple[str, ...], cur_page: int) -> Page:
        """Ask for one page of one batch.

        Args:
            ids: at most 10, each once.
            cur_page: from 1.

        Raises:
            SourceError: the service refuses this source as a whole (401, 403, 404).
        """
        body = {"jobs": list(ids), "page_req": {"cur_page": cur_page, "per_page": self._source.page_size}}
        try:
            response = self._http.post(self._path, json=body)
            content = response.content
        except httpx.HTTPError as error:
            problem = f"no answer: {_reason(error)}"
            return Page(ids, cur_page, None, None, datetime.now(UTC), problem)
        return self._judge(ids, cur_page, response.status_code, content)

    def _judge(self, ids: tuple[str, ...], cur_page: int, status: int, content: bytes) -> Page:
        document: Json = None
        problem = ""
        try:
            document = read(content)
        except ValueError:
            problem = f"HTTP {status} with a body that is not JSON"
        code = error_code(document)
        if status in _HINTS and not (isinstance(document, dict) and isinstance(document.get("results"), list)):
            what = f"{self._source.endpoint} answered {status} {code}".rstrip()
            raise SourceError(what, _HINTS[status])
        if 300 <= status < 400:
            raise SourceError(f"{self._source.endpoint} answered {status}, a redirect", "Give the address it leads to")
        return Page(ids, cur_page, status, document, datetime.now(UTC), problem)


def _reason(error: httpx.HTTPError) -> str:
    """Say why no answer came, in words that do not change from night to night."""
    for kind, words in (
        (httpx.TimeoutException, "timed out"),
        (httpx.ConnectError, "cannot connect"),
        (httpx.RemoteProtocolError, "the connection broke off"),
        (httpx.ReadError, "the connection broke off"),
    ):
        if isinstance(error, kind):
            return words
    return type(error).__name__
