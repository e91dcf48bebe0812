"""What the two calls of the service answer, HTTP apart: routes, checks, pages, unknown ids.

Where the service's own way is not documented (a mix of known and unknown ids, the meaning of `count`, a page
of the list beyond the last), it is a setting and each way can be tried.
"""

import re
from collections.abc import Iterator
from typing import Any, Literal, NoReturn

from inventory.mock.estate import PROJECT_ID, Job, engine_type, list_item, net_type
from inventory.mock.faults import RecordedRequest

__all__ = ["CountStyle", "MissingStyle", "Service"]

MissingStyle = Literal["batch400", "batch400_noid", "single400", "item200", "omit200"]
CountStyle = Literal["page", "batch", "asked", "wrong"]
ROUTE = re.compile(r"/v3/([^/?]+)/jobs(/batch-detail)?/?(?:\?.*)?")
MOST_IDS = 10
MOST_NAMED = 100  # ids in the list's name filter
UNKNOWN = ("DRS.M00289", "The job does not exist.")
GONE = ("DRS.M05004", "The task has been deleted or released.")


class RefusedError(Exception):
    """An answer other than 200, in the shape of a single error."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(code)
        self.status = status
        self.document: Job = {"error_code": code, "error_msg": text}


class Service:
    """The estate and the ways to answer for it; every attribute may be changed while the server runs."""

    def __init__(self, jobs: dict[str, Job] | None, project_id: str, token: str) -> None:
        self.jobs: dict[str, Job] = {} if jobs is None else jobs
        self.deleted: set[str] = set()
        self.project_id = project_id or PROJECT_ID
        self.token = token
        self.accept_signed = False
        self.missing_style: MissingStyle = "batch400"
        self.count_style: CountStyle = "page"
        self.list_beyond: Literal["empty", "refuse"] = "empty"

    def answer(self, request: RecordedRequest) -> tuple[int, Job]:
        """Return the status and the document for a request."""
        try:
            return self._answer(request)
        except RefusedError as refusal:
            gateway = {"request_id": request.id} if refusal.args[0].startswith("APIGW") else {}
            return refusal.status, refusal.document | gateway

    def _answer(self, request: RecordedRequest) -> tuple[int, Job]:
        route = ROUTE.fullmatch(request.path)
        if route is None or request.method != "POST":
            raise RefusedError(404, "APIGW.0101", "The API does not exist or has not been published in the environment")
        self._admit(request, route[1])
        body = request.document
        if not isinstance(body, dict):
            _empty("body")
        return self._batch_detail(body) if route[2] else (200, self._list(body))

    def _admit(self, request: RecordedRequest, project_id: str) -> None:
        """Let in whoever has the token; a signature is taken for good unseen where signatures are accepted."""
        signed = request.headers.get("authorization", "").startswith("SDK-HMAC-SHA256 ")
        if request.headers.get("x-auth-token") != self.token and not (signed and self.accept_signed):
            raise RefusedError(401, "APIGW.0301", "Incorrect IAM authentication information: decrypt token fail")
        if project_id != self.project_id:
            raise RefusedError(403, "DRS.M00261", "Invalid project ID.")

    def _batch_detail(self, body: Job) -> tuple[int, Job]:
        asked = _asked(body)
        page = body.get("page_req")
        chosen = _page(page if isinstance(page, dict) else {}, asked, per_page=5, first=1)
        if chosen is None:
            raise RefusedError(400, "DRS.M00211", "The page number exceeds the upper limit.")
        known = [job_id for job_id in asked if self._has(job_id)]
        if len(known) < len(asked) and self.missing_style not in ("item200", "omit200"):
            return self._refused([job_id for job_id in asked if not self._has(job_id)])
        results = [self._result(job_id) for job_id in chosen if self.missing_style == "item200" or self._has(job_id)]
        batch = len(asked) if self.missing_style == "item200" else len(known)
        counts = {"page": len(results), "batch": batch, "asked": len(asked), "wrong": len(asked) + 7}
        return 200, {"count": counts[self.count_style], "results": results}

    def _has(self, job_id: str) -> bool:
        return job_id in self.jobs and job_id not in self.deleted

    def _result(self, job_id: str) -> Job:
        return self.jobs[job_id] if self._has(job_id) else self._missing(job_id)

    def _missing(self, job_id: str) -> Job:
        code, text = GONE if job_id in self.deleted else UNKNOWN
        return {"id": job_id, "error_code": code, "error_message": text}

    def _refused(self, job_ids: list[str]) -> tuple[int, Job]:
        results = [self._missing(job_id) for job_id in job_ids]
        if self.missing_style == "single400":
            raise RefusedError(400, results[0]["error_code"], results[0]["error_message"])
        if self.missing_style == "batch400_noid":
            results = [{name: result[name] for name in ("error_code", "error_message")} for result in results]
        return 400, {"count": len(results), "results": results}

    def _list(self, body: Job) -> Job:
        if not body.get("db_use_type"):
            _empty("db_use_type")
        if body["db_use_type"] not in ("migration", "sync", "cloudDataGuard"):
            _invalid("db_use_type")
        if body.get("enterprise_project_id") == "":
            _invalid("enterprise_project_id")
        jobs = list(self._filtered(body))
        chosen = _page(body, jobs, per_page=10, first=0)
        if chosen is None and self.list_beyond == "refuse":
            raise RefusedError(400, "DRS.M00211", "The page number exceeds the upper limit.")
        return {"total_record": len(jobs), "jobs": [list_item(job) for job in chosen or []]}

    def _filtered(self, body: Job) -> Iterator[Job]:
        """Give the jobs that the filters let through, in the estate's order; an empty filter is none."""
        use, status, engine, net = (body.get(name) for name in ("db_use_type", "status", "engine_type", "net_type"))
        for job in self._named(str(body.get("name") or "")):
            if job.get("db_use_type") != use or (status and job.get("status") != status):
                continue
            if (not engine or engine_type(job) == engine) and (not net or net_type(job) == net):
                yield job

    def _named(self, name: str) -> list[Job]:
        """Return the jobs of these ids (with commas between) or else of that very name; without a name all."""
        jobs = self.jobs.copy()  # for a test may change the estate meanwhile
        ids = list(dict.fromkeys(name.split(",")))
        if len(ids) > MOST_NAMED:
            _invalid("name")
        found = [job_id for job_id in ids if job_id in jobs]
        if name and not found:
            found = [job_id for job_id, job in jobs.items() if job.get("name") == name]
        return [jobs[job_id] for job_id in (found if name else jobs) if job_id not in self.deleted]


def _empty(name: str) -> NoReturn:
    raise RefusedError(400, "DRS.M00201", f"The {name} parameter is empty.")


def _invalid(name: str) -> NoReturn:
    raise RefusedError(400, "DRS.M00202", f"The value of {name} is invalid.")


def _asked(body: Job) -> list[str]:
    ids = body.get("jobs")
    if not ids:
        _empty("jobs")
    if not isinstance(ids, list) or len(ids) > MOST_IDS or not all(isinstance(job_id, str) for job_id in ids):
        _invalid("jobs")
    if len(set(ids)) < len(ids):
        raise RefusedError(400, "DRS.M00301", "The request contains duplicate jobs.")
    return list(ids)


def _page(asked: Job, items: list[Any], *, per_page: int, first: int) -> list[Any] | None:
    """Cut the page that is asked for; None beyond the last.

    `per_page` 0 gives all. So does `cur_page` 0, which only the list takes: the reference of batch-detail begins
    at 1, its vendor's client at 0, and here the stricter holds.
    """
    size = _number(asked, "per_page", per_page, 0, 100)
    number = _number(asked, "cur_page", 1, first, 1 if size == 0 else 2**31)
    if number == 0 or size == 0:
        return items
    start = (number - 1) * size
    return items[start : start + size] if start < len(items) or number == 1 else None


def _number(asked: Job, name: str, default: int, least: int, most: int) -> int:
    value = asked.get(name)
    if value is None:
        return default
    if type(value) is not int or not least <= value <= most:
        _invalid(name)
    return value
