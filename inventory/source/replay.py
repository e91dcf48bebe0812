"""Reads a recording instead of the network: a folder of pages, as if the service answered again.

A page is a file ``NAME.json`` or ``NAME.json.gz``, in the order of the names:

    {"time": "2026-11-01T01:00:00Z",
     "request": {"method": "POST", "path": "/v3/{project_id}/jobs/batch-detail",
                 "body": {"jobs": [ids], "page_req": {"cur_page": 1, "per_page": 10}}},
     "status": 200, "response": {...}}     with "problem": "why" in place of "response" if the answer was not JSON

Pages of the list are read too. If an id was requested more than once, the last request counts, as it did when the
pages were recorded. A folder that `--record` wrote has ``recording.json`` and ``end.json``; a folder made by hand
needs neither.
"""

import gzip
import zlib
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inventory.common.errors import SourceError
from inventory.common.exact_json import MAX_DEPTH, Json, read
from inventory.config.settings import RECORDING_END, RECORDING_HEAD, Filters
from inventory.normalise.findings import Finding
from inventory.normalise.redact import Redactor
from inventory.normalise.split import with_results
from inventory.source.answers import Page, final_findings, interpret, outcome_of
from inventory.source.listing import Listings, Sweep, is_usable_id, with_listing
from inventory.source.reading import DELETED, UNLISTED, Absent, Listed, Outcome, Read, Seen, Unread
from inventory.source.record import FORMAT_VERSION

__all__ = ["Recording"]

DETAIL, LIST = "/jobs/batch-detail", "/jobs"


@dataclass(slots=True)
class _Request:
    """The files of the pages of one batch request; their contents are read again when the outcomes are."""

    ids: tuple[str, ...]
    files: list[Path]


@dataclass(slots=True)
class _End:
    """The contents of `end.json`, or the defaults without it. pages: how many there are; None if unknown."""

    pages: int | None = None
    left_out: frozenset[str] = frozenset()
    unlisted: frozenset[str] = frozenset()
    deleted: frozenset[str] | None = None
    listing_only: frozenset[str] | None = None
    findings: list[Finding] = field(default_factory=list)


class Recording:
    """A `Reading` from a recording, which is a folder."""

    def __init__(self, folder: Path, redactor: Redactor, excluded: frozenset[str] = frozenset()) -> None:
        """Index the requests of the folder.

        Raises:
            SourceError: no such folder, no page in it, a page that cannot be read, or a recording that was cut off.
        """
        self.label = folder.name
        self.seen = Seen()
        self._folder = folder
        self._redactor = redactor
        self._requests: list[_Request] = []
        self._last_request: dict[str, int] = {}
        self._listings = Listings(redactor, Filters())
        self._end = self._read_end()
        files = _files(folder)
        if self._end.pages is not None and self._end.pages != len(files):
            raise SourceError(
                f"the recording {folder} is incomplete: it has {len(files):,} of {self._end.pages:,} pages",
                "Restore the whole folder, or record again",
            )
        for file in files:
            page = _page(file)
            if page is not None:
                self._add(file, page)
        if not self._requests and not (folder / RECORDING_END).exists():
            raise SourceError(f"the recording {folder} contains no answer of batch-detail")
        self.requested = self._last_request.keys() - excluded - self._end.left_out

    def _read_end(self) -> _End:
        begins, ends = self._folder / RECORDING_HEAD, self._folder / RECORDING_END
        if not begins.exists() and not ends.exists():
            return _End()
        head = _document(begins)
        if not isinstance(head, dict) or head.get("recording") != FORMAT_VERSION:
            raise SourceError(f"{begins} is not the beginning of a recording of format {FORMAT_VERSION}")
        if not ends.exists():
            hint = "The export that wrote it did not finish; record again"
            raise SourceError(f"the recording {self._folder} was cut off: it has no {RECORDING_END}", hint)
        end = _document(ends)
        try:
            self.seen.consistency, self.seen.incomplete = end["consistency"], str(end["incomplete"])
            self.seen.retries = int(end["retries"])
            self.seen.requests = int(end["requests"])
            findings = [
                Finding(str(f["kind"]), str(f["path"]), "", str(f["detail"]), evidence=tuple(f["evidence"].items()))
                for f in end["findings"]
            ]
            ids = {name: frozenset(end[name]) for name in ("left_out", "unlisted", "deleted", "listing_only")}
            return _End(int(end["pages"]), findings=findings, **ids)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise SourceError(f"{ends} is not the end of a recording") from None

    def _add(self, file: Path, page: Page) -> None:
        self.seen.at(page.observed_at)
        if not (self._folder / RECORDING_END).exists():
            self.seen.requests += 1
        if page.use:
            self._listings.read(page.items("jobs") or [], Sweep())
            return
        if page.cur_page > 1:
            for request in reversed(self._requests):
                if request.ids == page.ids:  # pages of concurrent batches may alternate
                    request.files.append(file)
                    return
        self._requests.append(_Request(page.ids, [file]))
        for job_id in page.ids:
            self._last_request[job_id] = len(self._requests) - 1

    def outcomes(self, _known: set[str], _not_found: Set[str] = frozenset(), /) -> Iterator[Outcome]:
        """Yield one outcome for each id that the recording requested."""
        self.seen.findings.extend(self._end.findings)
        for number, request in enumerate(self._requests):
            answer = interpret([page for file in request.files if (page := _page(file))], self._redactor)
            current = [job_id for job_id in request.ids if self._last_request.get(job_id) == number]
            self.seen.findings.extend(final_findings(answer, set(request.ids) - set(current)))
            for job_id in sorted(self.requested.intersection(current)):
                yield from self._with_list(outcome_of(answer, job_id))

    def _with_list(self, outcome: Outcome) -> Iterator[Outcome]:
        job_id = outcome.job_id
        if isinstance(outcome, Unread) and job_id in self._end.unlisted:
            outcome = Absent(job_id, UNLISTED)
        if isinstance(outcome, Read) and outcome.says_deleted and self._is_deleted(job_id):
            outcome = Absent(job_id, DELETED)
        if not isinstance(outcome, Absent) or self._end.listing_only is None or job_id in self._end.listing_only:
            outcome = with_listing(outcome, self._listings)
        yield outcome
        for child, listing in self._listings.children_of(job_id):
            if child not in self.requested:
                yield Listed(child, listing)

    def _is_deleted(self, job_id: str) -> bool:
        """Return whether the status DELETED proves an absence. Without `end.json`: if the id is not listed."""
        return self._listings.of(job_id) is None if self._end.deleted is None else job_id in self._end.deleted


def _files(folder: Path) -> list[Path]:
    try:
        files = sorted(
            f
            for f in folder.iterdir()
            if f.name.endswith((".json", ".json.gz")) and f.name not in (RECORDING_HEAD, RECORDING_END)
        )
    except OSError as error:
        raise SourceError(f"the recording {folder} cannot be read: {error.strerror}") from None
    if not files:
        raise SourceError(f"the recording {folder} has no pages", "A page is a file NAME.json or NAME.json.gz")
    return files


def _document(file: Path) -> Any:
    """Read one JSON document, compressed or not.

    Raises:
        SourceError: with the file and, if known, the line.
    """
    try:
        raw = file.read_bytes()
        return read(gzip.decompress(raw) if file.suffix == ".gz" else raw, max_depth=MAX_DEPTH + 1)
    except OSError as error:
        raise SourceError(f"{file} cannot be read: {error.strerror or 'it is incomplete'}") from None
    except (EOFError, zlib.error):
        raise SourceError(f"{file} ends early: the recording was cut off") from None
    except UnicodeDecodeError:
        raise SourceError(f"{file} is not JSON: it is not text in UTF-8") from None
    except ValueError as error:
        line = getattr(error, "lineno", None)
        raise SourceError(f"{file}{f':{line}' if line else ''} is not JSON") from None


def _page(file: Path) -> Page | None:
    """Read one page; None for a request to another API."""
    recorded = _document(file)
    try:
        request = recorded["request"]
        path = request["path"].partition("?")[0].rstrip("/")
        if path.endswith(DETAIL):
            ids, use = tuple(request["body"]["jobs"]), ""
            cur_page = int((request["body"].get("page_req") or {}).get("cur_page", 1))
        elif path.endswith(LIST):
            ids, use = (), str(request["body"]["db_use_type"])
            cur_page = int(request["body"].get("cur_page", 1))
        else:
            return None
        moment, status = _moment(recorded["time"]), recorded["status"]
        if not (ids or use) or not all(isinstance(i, str) and is_usable_id(i) for i in ids):
            raise ValueError
        if not isinstance(status, int | None):
            raise ValueError  # noqa: TRY004  # reported below
    except (KeyError, TypeError, ValueError, AttributeError):
        hint = 'It needs "time", "request" with "path" and "body", "status", and "response"'
        raise SourceError(f"{file} is not a recorded page", hint) from None
    document: Json = recorded.get("response")
    problem = str(recorded.get("problem") or ("" if document is not None else "the answer was not JSON"))
    return Page(ids, cur_page, status, document if use else with_results(document), moment, problem, use)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment.astimezone(UTC)
