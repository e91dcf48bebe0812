"""What one batch request brought: pages become an outcome for each id that was asked (Tables 3 to 6).

Pure. The service answers ids that do not exist with 400 and the batch's own shape; what a mix answers is
not documented. So nothing here concludes an absence but from an answer to that id alone, and whatever
belongs to no asked id is kept as a finding. Live reading and replay share this.
"""

from dataclasses import dataclass, field
from datetime import datetime

from inventory.findings import Finding
from inventory.jsontext import Json, canonical, is_empty, tidy
from inventory.prepare import PreparedJob, Unchanged
from inventory.redact import Redactor
from inventory.schema.jobs import is_deleted
from inventory.schema.plan import join_path
from inventory.source.reading import Absent, Outcome, Read, Unread

__all__ = ["ABSENT_CODES", "PAST_THE_END", "Answer", "Page", "error_code", "interpret", "outcome_of", "settled"]

# DRS.M00289: no such job; M05003: not found; M05004: deleted or released (API facts, 5.2).
ABSENT_CODES = frozenset({"DRS.M00289", "DRS.M05003", "DRS.M05004"})
# Only these statuses prove an absence together with a code above: a failing gateway may quote any code.
ABSENT_STATUSES = frozenset({200, 400, 404})
TOTALS = {"results": "count", "jobs": "total_record"}
PAST_THE_END = frozenset({"DRS.M00210", "DRS.M00211"})
_RESPONSE = "(response)"


@dataclass(frozen=True, slots=True)
class Page:
    """One response. `document` is None where there was none; then `problem` says why, without its text.

    ids: asked of batch-detail; `use`: the db_use_type asked of the list API, '' for batch-detail.
    unreachable: fewer ids at a time would not help. transient: asking later may help. detail: `problem` for a person,
    in words that may change from night to night; '' where there are no others. hint: what to do about it, if known.
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
    def said(self) -> str:
        """What was answered: the HTTP status and the code, or why there was no answer."""
        return self.problem or f"HTTP {self.status} {error_code(self.document)}".rstrip()

    def named(self) -> set[str]:
        """Return the ids of its results."""
        results = self.items("results") or []
        return {
            result.job_id if isinstance(result, PreparedJob | Unchanged) else str(result.get("id"))
            for result in results
            if isinstance(result, dict | PreparedJob | Unchanged)
        }

    def items(self, name: str) -> list[Json] | None:
        """Return the list that the answer is about, `results` or `jobs`; None where it has none.

        Null or absent beside a total of 0 is an empty list, as some regions send it.
        """
        if not isinstance(self.document, dict):
            return None
        found = self.document.get(name)
        if found is None and str(self.document.get(TOTALS[name])) == "0":
            return []
        return found if isinstance(found, list) else None


@dataclass(slots=True)
class Answer:
    """What became of each id asked: read (the masked document), absent (the code that proves it), or unread.

    unread: id -> (kind of finding, detail). doubtful: read, but differently twice. deleted: read, with the status
    DELETED. failed: the whole
    request brought nothing to rely on; unreachable: nobody was there. unattributed: `data_transformation`
    stood beside several results.
    """

    ids: tuple[str, ...]
    read: dict[str, dict[str, Json] | PreparedJob | Unchanged] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    unread: dict[str, tuple[str, str]] = field(default_factory=dict)
    doubtful: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    failed: bool = False
    unreachable: bool = False
    unattributed: bool = False


def interpret(pages: list[Page], redactor: Redactor) -> Answer:
    """Read the pages of one batch request; all ask the same ids, and there is at least one."""
    return _Reader(pages[0].ids, redactor).read(pages)


def outcome_of(answer: Answer, job_id: str) -> Outcome:
    """Return what became of one of the ids asked."""
    if job_id in answer.read:
        return Read(job_id, answer.read[job_id], says_deleted=job_id in answer.deleted and len(answer.ids) == 1)
    if job_id in answer.absent:
        return Absent(job_id, answer.absent[job_id])
    return Unread(job_id, *answer.unread[job_id])


def settled(answer: Answer, asked_again: set[str]) -> list[Finding]:
    """Return an answer's findings without those about what was asked again: the later answer counts."""
    return [f for f in answer.findings if not _is_settled(answer, f, asked_again)]


def _is_settled(answer: Answer, finding: Finding, asked_again: set[str]) -> bool:
    if finding.kind == "unattributed_field":
        return answer.unattributed and bool(asked_again)
    return finding.kind == "repeated_job" and finding.job_id in asked_again


def error_code(document: Json) -> str:
    """Return the code of an error body, in whichever of its shapes (API facts, 5.1), or ''."""
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
                    self._whole(page)
                continue
            if page.status != 200 and len(answer.ids) > 1:
                answer.failed = True
            for result in results:
                self._result(result, alone=len(answer.ids) == 1 and len(results) == 1, status=page.status)
            if page.status == 200:
                seen += len(results)
                counts.append((page.document.get("count"), len(results)))
            self._beside(page.document)
        self._count(counts, seen)
        why = "omitted_job", "the answer does not mention it"
        for job_id in answer.ids:
            if job_id not in answer.read and job_id not in answer.absent:
                answer.unread.setdefault(job_id, why)
        return answer

    def _whole(self, page: Page) -> None:
        """An answer without results: an error about the request, or nothing that can be read."""
        answer, code = self._answer, error_code(page.document)
        if page.status in ABSENT_STATUSES and code in ABSENT_CODES and len(answer.ids) == 1:
            answer.absent[answer.ids[0]] = code
            return
        answer.failed = answer.failed or not answer.read
        answer.unreachable = answer.unreachable or page.unreachable
        said = page.problem or f"HTTP {page.status} {code or 'without results'}"
        for job_id in answer.ids:
            if job_id not in answer.read:
                answer.unread[job_id] = "unreadable_job", said

    def _result(self, result: Json, *, alone: bool, status: int | None) -> None:
        answer = self._answer
        if isinstance(result, PreparedJob | Unchanged):  # about an id that was asked, and about no other result's
            answer.read[result.job_id] = result
            return
        if not isinstance(result, dict):
            masked = self._redactor.loose("", result)
            self._keep("wrong_type", "results[]", "a result that is no object", "results[]", masked)
            return
        job_id = self._asked(result.get("id"), alone=alone)
        code = error_code(result)
        # In a healthy result error_code tells why the job failed; a failed look-up has neither status nor name.
        if code and is_empty(result.get("status")) and is_empty(result.get("name")):
            if job_id is None:
                return  # the ids without an answer are asked again, or stay
            if code in ABSENT_CODES and len(answer.ids) == 1 and status in ABSENT_STATUSES:
                answer.absent[job_id] = code
            else:
                kind = "absent_job" if code in ABSENT_CODES else "unreadable_job"
                answer.unread[job_id] = kind, code if status == 200 else f"HTTP {status} {code}"
            return
        masked = self._redactor.job(result)
        if job_id is None:
            self._keep("unasked_job", "results[]", "a result that answers none of the ids asked", "results[]", masked)
            return
        known = answer.read.get(job_id)
        if known is not None and tidy(known) != tidy(masked):
            answer.doubtful.add(job_id)
            self._keep("repeated_job", "results[]", "answered twice, differently; the later counts", "", known, job_id)
        elif known is not None:
            self._note("repeated_job", "results[]", "answered twice, with the same", job_id)
        answer.read[job_id] = masked
        answer.deleted.discard(job_id)
        if is_deleted(result.get("status")):
            answer.deleted.add(job_id)

    def _asked(self, value: Json, *, alone: bool) -> str | None:
        """Return the asked id that a result is about; one without an id answers the only id asked."""
        text = value if isinstance(value, str) else canonical(value) if not is_empty(value) else ""
        if text in self._answer.ids:
            return text
        return self._answer.ids[0] if alone and not text else None

    def _beside(self, document: dict[str, Json]) -> None:
        """What stands beside `results`: data_transformation in the reference's example, and the unknown."""
        answer = self._answer
        for name, value in document.items():
            if name in ("count", "results") or is_empty(tidy(value)):
                continue
            job_id = answer.ids[0]
            if name == "data_transformation":
                masked = self._redactor.job({name: value})[name]
                job = answer.read.get(job_id)
                if len(answer.ids) == 1 and isinstance(job, dict) and is_empty(job.get(name)):
                    answer.read[job_id] = {**job, name: masked}
                    continue
                answer.unattributed = len(answer.ids) > 1
                said = "beside results, where it belongs to no one job"
                self._keep("unattributed_field", name, said, name, masked)
            elif not error_code(document):
                path = join_path(_RESPONSE, name)
                self._keep("unknown_field", path, "beside results", name, self._redactor.loose(name, value))

    def _count(self, counts: list[tuple[Json, int]], seen: int) -> None:
        """`count` may mean the page, the batch or the ids asked; it mismatches when it is none of them."""
        for count, on_page in counts:
            if count is not None and str(count) not in {str(n) for n in (on_page, seen, len(self._answer.ids))}:
                self._note("count_mismatch", "count", "neither the page, nor the batch, nor the ids asked")

    def _note(self, kind: str, path: str, detail: str, job_id: str = "") -> None:
        self._answer.findings.append(Finding(kind, path, job_id, detail))

    def _keep(self, kind: str, path: str, detail: str, name: str, value: Json, job_id: str = "") -> None:
        evidence = ((name, tidy(value)),)
        self._answer.findings.append(Finding(kind, path, job_id, detail, evidence=evidence))
