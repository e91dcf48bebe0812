"""Recordings instead of the network: a folder of pages, read as if the service answered again.

A page is a file ``NAME.json`` or ``NAME.json.gz``, in the order of the names:

    {"time": "2026-11-01T01:00:00Z",
     "request": {"method": "POST", "path": "/v3/{project_id}/jobs/batch-detail",
                 "body": {"jobs": [ids], "page_req": {"cur_page": 1, "per_page": 10}}},
     "status": 200, "response": {...}}          "body": "text" instead, where the answer was not JSON

Of an id that was asked more than once the last request counts, as it did when the pages were recorded.
"""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from inventory.errors import SourceError
from inventory.jsontext import Json, read
from inventory.redact import Redactor
from inventory.schema.keys import key_text
from inventory.source.answers import Page, interpret
from inventory.source.reading import Absent, Outcome, Read, Seen, Unread

__all__ = ["Recording"]

BATCH_DETAIL = "/jobs/batch-detail"


@dataclass(slots=True)
class _Request:
    """The pages of one batch request, by file; the pages themselves are read when their turn comes."""

    ids: tuple[str, ...]
    files: list[Path]


class Recording:
    """One recorded reading: a folder."""

    def __init__(self, folder: Path, redactor: Redactor, excluded: frozenset[str] = frozenset()) -> None:
        """Look through the requests of the folder.

        Raises:
            SourceError: no such folder, no page in it, or a page that cannot be read.
        """
        self.label = folder.name
        self.seen = Seen()
        self._redactor = redactor
        self._requests: list[_Request] = []
        self._last: dict[str, int] = {}
        for file in _files(folder):
            page = _page(file)
            if page is not None:
                self._add(file, page)
        if not self._requests:
            raise SourceError(f"the recording {folder} has no answer of batch-detail in it")
        for job_id in excluded:
            self._last.pop(job_id, None)
        self.requested = tuple(sorted(self._last))

    def _add(self, file: Path, page: Page) -> None:
        self.seen.at(page.observed_at)
        self.seen.requests += 1
        if page.cur_page > 1:
            for request in reversed(self._requests):
                if request.ids == page.ids:  # pages of batches that were under way together may alternate
                    request.files.append(file)
                    return
        self._requests.append(_Request(page.ids, [file]))
        for job_id in page.ids:
            self._last[job_id] = len(self._requests) - 1

    def outcomes(self) -> Iterator[Outcome]:
        """Yield one outcome for each id that the recording asked for."""
        for number, request in enumerate(self._requests):
            mine = [job_id for job_id in request.ids if self._last.get(job_id) == number]
            if not mine:
                continue  # each of its ids was asked again later, or is not wanted
            answer = interpret([page for file in request.files if (page := _page(file))], self._redactor)
            self.seen.findings.extend(answer.findings)
            for job_id in mine:
                if job_id in answer.read:
                    yield Read(job_id, answer.read[job_id])
                elif job_id in answer.absent:
                    yield Absent(job_id, answer.absent[job_id])
                else:
                    yield Unread(job_id, *answer.unread[job_id])


def _files(folder: Path) -> list[Path]:
    try:
        files = sorted(f for f in folder.iterdir() if f.name.endswith((".json", ".json.gz")))
    except OSError as error:
        raise SourceError(f"the recording {folder} cannot be read: {error.strerror}") from None
    if not files:
        raise SourceError(f"the recording {folder} has no pages", "A page is a file NAME.json or NAME.json.gz")
    return files


def _page(file: Path) -> Page | None:
    """Read one page; None for a request other than batch-detail.

    Raises:
        SourceError: it names the file and, where one is known, the line.
    """
    try:
        raw = file.read_bytes()
        recorded = read(gzip.decompress(raw) if file.suffix == ".gz" else raw)
    except OSError as error:
        raise SourceError(f"{file} cannot be read: {error.strerror or 'it is not whole'}") from None
    except (EOFError, zlib.error):
        raise SourceError(f"{file} ends early: the recording was cut off") from None
    except UnicodeDecodeError:
        raise SourceError(f"{file} is not JSON: it is not text in UTF-8") from None
    except ValueError as error:
        line = getattr(error, "lineno", None)
        raise SourceError(f"{file}{f':{line}' if line else ''} is not JSON") from None
    try:
        request = recorded["request"]
        if not request["path"].partition("?")[0].rstrip("/").endswith(BATCH_DETAIL):
            return None
        ids = tuple(request["body"]["jobs"])
        cur_page = int((request["body"].get("page_req") or {}).get("cur_page", 1))
        moment, status = _moment(recorded["time"]), recorded["status"]
        if (
            not ids
            or not all(isinstance(i, str) and i and i.isprintable() and key_text(i) == i for i in ids)
            or not isinstance(status, int)
        ):
            raise ValueError
    except (KeyError, TypeError, ValueError, AttributeError):
        hint = 'It needs "time", "request" with "path" and "body", "status", and "response"'
        raise SourceError(f"{file} is not a recorded page", hint) from None
    document: Json = recorded.get("response")
    return Page(ids, cur_page, status, document, moment, "" if document is not None else "the answer was not JSON")


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment.astimezone(UTC)
