"""Records a reading: each used page, masked and compressed, in a folder that `replay` reads.

The folder has `recording.json`, a file for each page, and `end.json`, written last: a recording without `end.json`
was cut off. `end.json` also has what the pages alone do not show, such as the conclusions from a sweep of the list.
"""

import gzip
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from inventory import __version__
from inventory.common.errors import SourceError
from inventory.common.exact_json import Json, pretty
from inventory.config.settings import RECORDING_END, RECORDING_HEAD, Source
from inventory.normalise.findings import Finding
from inventory.normalise.redact import Redactor
from inventory.normalise.split import with_documents
from inventory.schema.kinds import rfc3339
from inventory.source.answers import Page
from inventory.source.reading import Seen

__all__ = ["FORMAT_VERSION", "Recorder"]

FORMAT_VERSION = "1.0"


class Recorder:
    """Writes one recording of one source. Safe to share between threads."""

    def __init__(self, folder: Path, source: Source, redactor: Redactor) -> None:
        """Open a new folder.

        Raises:
            SourceError: it holds something already, or cannot be written.
        """
        self.folder = folder
        self._redactor = redactor
        self._pages = 0
        self._lock = Lock()
        self._findings: list[Finding] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise SourceError(f"the folder {folder} is not empty", "Give each recording a folder of its own")
        except OSError as error:
            raise _unwritable(folder, error) from None
        self._write(
            RECORDING_HEAD,
            {
                "recording": FORMAT_VERSION,
                "source": source.name,
                "region": source.region,
                "project_id": source.project_id,
                "started": rfc3339(datetime.now(UTC)),
                "tool_version": __version__,
            },
        )

    def page(self, path: str, body: dict[str, Any], page: Page) -> None:
        """Write one page: the request, and the answer or why there was none."""
        recorded: dict[str, Json] = {
            "time": rfc3339(page.observed_at),
            "request": {"method": "POST", "path": path, "body": body},
            "status": page.status,
        }
        if page.request_id:
            recorded["request_id"] = page.request_id
        if page.problem:
            recorded["problem"] = page.problem
        if page.document is not None:
            recorded["response"] = self._redactor.answer(page.document if page.use else with_documents(page.document))
        with self._lock:
            self._pages += 1
            number = self._pages
        self._write(f"{number:08}.json.gz", recorded)

    def add_findings(self, findings: Iterable[Finding]) -> None:
        """Keep the findings of a sweep of the list: a page does not say to which sweep it belongs."""
        self._findings.extend(findings)

    def finish(
        self, seen: Seen, left_out: set[str], unlisted: set[str], deleted: set[str], listing_only: set[str]
    ) -> None:
        """Write `end.json`: the reading is complete.

        Args:
            left_out: ids that were read and that a filter excludes.
            unlisted: absent ids: in no complete sweep, and omitted from the answer to them alone.
            deleted: absent ids: answered with the status DELETED, and not in the last sweep.
            listing_only: absent ids that are in the last sweep.
        """
        findings = [
            {"kind": f.kind, "path": f.path, "detail": f.detail, "evidence": dict(f.evidence)} for f in self._findings
        ]
        self._write(
            RECORDING_END,
            {
                "finished": rfc3339(datetime.now(UTC)),
                "pages": self._pages,
                "consistency": seen.consistency,
                "incomplete": seen.incomplete,
                "requests": seen.requests,
                "retries": seen.retries,
                "left_out": sorted(left_out),
                "unlisted": sorted(unlisted),
                "deleted": sorted(deleted),
                "listing_only": sorted(listing_only),
                "findings": findings,
            },
        )

    def _write(self, name: str, document: Json) -> None:
        content = (pretty(document, indent=1) + "\n").encode()
        try:
            (self.folder / name).write_bytes(gzip.compress(content, mtime=0) if name.endswith(".gz") else content)
        except OSError as error:
            raise _unwritable(self.folder, error) from None


def _unwritable(folder: Path, error: OSError) -> SourceError:
    return SourceError(f"the recording {folder} cannot be written: {error.strerror}", "Nothing was exported")
