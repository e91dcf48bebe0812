"""Turns the pages of one batch request into an outcome for each requested id (Tables 3 to 6).

Pure functions, shared by live reading and replay. The service answers a missing id with status 400; its answer to a
batch of existing and missing ids is not documented. So a job counts as absent only if it was requested alone. A
result that belongs to no requested id becomes a finding.
"""

from dataclasses import dataclass, field
from datetime import datetime

from inventory.common.exact_json import Json, canonical, is_empty, tidy
from inventory.normalise.findings import Finding
from inventory.normalise.redact import Redactor
from inventory.normalise.split import JobResult
from inventory.schema.jobs import is_deleted
from inventory.schema.layout import join_path
from inventory.source.reading import Absent, Outcome, Read, Unread

__all__ = ["ABSENT_CODES", "PAST_THE_END", "Answer", "Page", "error_code", "final_findings", "interpret", "outcome_of"]

# DRS.M00289: no such job; M05003: not found; M05004: deleted or released (API facts, 5.2).
ABSENT_CODES = frozenset({"DRS.M00289", "DRS.M05003", "DRS.M05004"})
# A code above proves an absence only with one of these statuses: a failing gateway may send any code.
ABSENT_STATUSES = frozenset({200, 400, 404})
TOTALS = {"results": "count", "jobs": "total_record"}
PAST_THE_END = frozenset({"DRS.M00210", "DRS.M00211"})
_RESPONSE = "(response)"


@dataclass(frozen=True, slots=True)
class Page:
    """One response. `document` is None if there was no usable one; then `problem` says why, without its text.

    Each of batch-detail's `results` is a `JobResult`.
    ids: requested from batch-detail. use: the db_use_type requested from the list API, '' for batch-detail.
    unreachable: a smaller batch would not help. transient: a later retry may help. detail: a longer `problem` for the
    user, which may differ between runs; '' if there is none. hint: what to do about it, if known.
    """

    ids: tuple[str, ...]
    cur_page: int
    status: int | None
    document: Json
    observed_at: datetime
    problem: str = ""
    use: str = ""
    request_id: str = ""
    unreachable: bool = False
    transient: bool = False
    detail: str = ""
    hint: str = ""

    @property
    def status_text(self) -> str:
        """The HTTP status and the error code, or why there was no answer."""
        return self.problem or f"HTTP {self.status} {error_code(self.document)}".rstrip()

    def result_ids(self) -> set[str]:
        """Return the ids of the results."""
        return {str(result.members.get("id")) for result in self.items("results") or [] if result.members is not None}

    def items(self, name: str) -> list[Json] | None:
        """Return the answer's list, `results` or `jobs`; None if it has none.

        Some regions send null or no list together with a total of 0: that is an empty list.
        """
        if not isinstance(self.document, dict):
            return None
        found = self.document.get(name)
        if found is None and str(self.document.get(TOTALS[name])) == "0":
            return []
        return found if isinstance(found, list) else None


@dataclass(slots=True)
class Answer:
    """The outcome for each requested id: read, absent (with the code that proves it), or unread.

    unread: id -> (kind of finding, detail). conflicting: answered twice, with different contents. deleted: read, with
    the status DELETED. failed: the whole request gave no reliable result. unreachable: the service could not be
    reached. unattributed: `data_transformation` came next to several results, so its job is unknown.
    """

    ids: tuple[str, ...]
    read: dict[str, JobResult] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    unread: dict[str, tuple[str, str]] = field(default_factory=dict)
    conflicting: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    failed: bool = False
    unreachable: bool = False
    unattributed: bool = False


def interpret(pages: list[Page], redactor: Redactor) -> Answer:
    """Read the pages of one batch request: at least one page, all for the same ids."""
    return _Reader(pages[0].ids, redactor).read(pages)


def outcome_of(answer: Answer, job_id: str) -> Outcome:
    """Return the outcome of one requested id."""
    if job_id in answer.read:
        return Read(job_id, answer.read[job_id], says_deleted=job_id in answer.deleted and len(answer.ids) == 1)
    if job_id in answer.absent:
        return Absent(job_id, answer.absent[job_id])
    return Unread(job_id, *answer.unread[job_id])


def final_findings(answer: Answer, asked_again: set[str]) -> list[Finding]:
    """Return an answer's findings without those about ids that were requested again: the later answer counts."""
    return [f for f in answer.findings if not _is_superseded(answer, f, asked_again)]


def _is_superseded(answer: Answer, finding: Finding, asked_again: set[str]) -> bool:
    if finding.kind == "unattributed_field":
        return answer.unattributed and bool(asked_again)
    return finding.kind == "repeated_job" and finding.job_id in asked_again


def error_code(document: Json) -> str:
    """Return the code of an error body in any of its known shapes (API facts, 5.1), or ''."""
    if isinstance(document, dict):
        for name in ("error_code", "errorCode", "code", "err code"):
            if isinstance(document.get(name), str | int) and not is_empty(document[name]):
                return str(document[name])[:100]
        if isinstance(document.get("error"), dict):
            return error_code(document["error"])
    return ""


class _Reader:
    def __init__(self, ids: tuple[str, ...], redactor: Redactor) -> None:
        self._redactor = redactor
        self._answer = Answer(ids)

    def read(self, pages: list[Page]) -> Answer:
        answer, seen, counts = self._answer, 0, []
        for page in pages:
            results = page.items("results")
            if results is None:
                if page.cur_page == 1 or error_code(page.document) not in PAST_THE_END:
                    self._add_error(page)
                continue
            if page.status != 200 and len(answer.ids) > 1:
                answer.failed = True
            for result in results:
                self._add_result(result, alone=len(answer.ids) == 1 and len(results) == 1, status=page.status)
            if page.status == 200:
                seen += len(results)
                counts.append((page.document.get("count"), len(results)))
            self._add_other_members(page.document)
        self._check_counts(counts, seen)
        why = "omitted_job", "the answer does not mention it"
        for job_id in answer.ids:
            if job_id not in answer.read and job_id not in answer.absent:
                answer.unread.setdefault(job_id, why)
        return answer

    def _add_error(self, page: Page) -> None:
        """Handle an answer without results: an error about the whole request, or an unreadable body."""
        answer, code = self._answer, error_code(page.document)
        if page.status in ABSENT_STATUSES and code in ABSENT_CODES and len(answer.ids) == 1:
            answer.absent[answer.ids[0]] = code
            return
        answer.failed = answer.failed or not answer.read
        answer.unreachable = answer.unreachable or page.unreachable
        detail = page.problem or f"HTTP {page.status} {code or 'without results'}"
        for job_id in answer.ids:
            if job_id not in answer.read:
                answer.unread[job_id] = "unreadable_job", detail

    def _add_result(self, result: JobResult, *, alone: bool, status: int | None) -> None:
        answer, members = self._answer, result.members
        if members is None:
            masked = self._redactor.undeclared("", result.document())
            self._add_masked("wrong_type", "results[]", "a result that is no object", "results[]", masked)
            return
        job_id = self._requested_id(members.get("id"), alone=alone)
        code = error_code(members)
        # A normal result may have an error_code too: why the job failed. A failed look-up has no status and no name.
        if code and is_empty(members.get("status")) and is_empty(members.get("name")):
            if job_id is None:
                return  # ids without an answer are requested again later, or stay unread
            if code in ABSENT_CODES and len(answer.ids) == 1 and status in ABSENT_STATUSES:
                answer.absent[job_id] = code
            else:
                kind = "absent_job" if code in ABSENT_CODES else "unreadable_job"
                answer.unread[job_id] = kind, code if status == 200 else f"HTTP {status} {code}"
            return
        if job_id is None:
            detail = "a result that answers none of the ids asked"
            self._add_masked("unasked_job", "results[]", detail, "results[]", self._masked(result))
            return
        if (known := answer.read.get(job_id)) is not None:
            self._add_repeated(job_id, self._masked(known), self._masked(result))
        answer.read[job_id] = result
        answer.deleted.discard(job_id)
        if is_deleted(members.get("status")):
            answer.deleted.add(job_id)

    def _add_repeated(self, job_id: str, before: Json, after: Json) -> None:
        if tidy(before) == tidy(after):
            self._add_finding("repeated_job", "results[]", "answered twice, with the same", job_id)
            return
        self._answer.conflicting.add(job_id)
        self._add_masked(
            "repeated_job", "results[]", "answered twice, differently; the later counts", "", before, job_id
        )

    def _masked(self, result: JobResult) -> dict[str, Json]:
        try:
            return self._redactor.job(result.document())
        except ValueError:  # nested too deeply: normalising it reports this
            return self._redactor.job(result.members or {})

    def _requested_id(self, value: Json, *, alone: bool) -> str | None:
        """Return the requested id that a result is about. A result without an id answers the only requested id."""
        text = value if isinstance(value, str) else canonical(value) if not is_empty(value) else ""
        if text in self._answer.ids:
            return text
        return self._answer.ids[0] if alone and not text else None

    def _add_other_members(self, document: dict[str, Json]) -> None:
        """Handle members next to `results`: data_transformation (in the reference's example), and unknown ones."""
        answer = self._answer
        for name, value in document.items():
            if name in ("count", "results") or is_empty(tidy(value)):
                continue
            job_id = answer.ids[0]
            if name == "data_transformation":
                job = answer.read.get(job_id) if len(answer.ids) == 1 else None
                if job is not None and (joined := job.joined(name, value)) is not None:
                    answer.read[job_id] = joined
                    continue
                masked = self._redactor.job({name: value})[name]
                answer.unattributed = len(answer.ids) > 1
                detail = "beside results, where it belongs to no one job"
                self._add_masked("unattributed_field", name, detail, name, masked)
            elif not error_code(document):
                path = join_path(_RESPONSE, name)
                self._add_masked("unknown_field", path, "beside results", name, self._redactor.undeclared(name, value))

    def _check_counts(self, counts: list[tuple[Json, int]], seen: int) -> None:
        """Check `count`: it may be the number of results on the page or in the batch, or of requested ids."""
        for count, on_page in counts:
            if count is not None and str(count) not in {str(n) for n in (on_page, seen, len(self._answer.ids))}:
                self._add_finding("count_mismatch", "count", "neither the page, nor the batch, nor the ids asked")

    def _add_finding(self, kind: str, path: str, detail: str, job_id: str = "") -> None:
        self._answer.findings.append(Finding(kind, path, job_id, detail))

    def _add_masked(self, kind: str, path: str, detail: str, name: str, value: Json, job_id: str = "") -> None:
        evidence = ((name, tidy(value)),)
        self._answer.findings.append(Finding(kind, path, job_id, detail, evidence=evidence))
