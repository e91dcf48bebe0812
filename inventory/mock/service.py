"""The two calls of the service, without HTTP: routes, validation, pages, unknown ids.

Undocumented behaviour of the real service (a mix of known and unknown ids, the meaning of `count`, a page after the
last) is a setting, so that each variant can be tested.
"""

import re
from typing import Any, Literal, NoReturn

from inventory.mock.answers import Answer, RefusedError
from inventory.mock.estate import Job, engine_type, list_item, net_type, sub_task
from inventory.mock.faults import RecordedRequest
from inventory.mock.iam import Iam
from inventory.mock.index import Index

__all__ = ["CountStyle", "MissingStyle", "Service"]

MissingStyle = Literal["batch400", "batch400_noid", "single400", "item200", "omit200", "status200"]
CountStyle = Literal["page", "batch", "asked", "wrong"]
ROUTE = re.compile(r"/v3/([^/?]+)/jobs(/batch-detail)?/?(?:\?.*)?")
MAX_BATCH_IDS = 10
FILTERS = ("db_use_type", "name", "status", "engine_type", "net_type")
MAX_NAME_FILTER_IDS = 100  # ids in the list's name filter
UNKNOWN_ERROR = ("DRS.M00289", "The job does not exist.")
DELETED_ERROR = ("DRS.M05004", "The task has been deleted or released.")


class Service(Iam):
    """The jobs and how requests for them are answered; every attribute may be changed while the server runs.

    deleted: ids that the service knows as deleted. last_known: the last state of jobs removed by `next_night`.
    children_known: batch-detail answers for sub-tasks too. not_served: values of db_use_type that this region refuses.
    """

    def __init__(self, jobs: dict[str, Job] | None, project_id: str, token: str) -> None:
        super().__init__(project_id, token)
        self.jobs: dict[str, Job] = {} if jobs is None else jobs
        self.deleted: set[str] = set()
        self.last_known: dict[str, Job] = {}
        self.not_served: set[str] = set()
        self.children_known = False
        self.missing_style: MissingStyle = "batch400"
        self.count_style: CountStyle = "page"
        self.beyond_last_page: Literal["empty", "refuse"] = "empty"
        self._index = Index.of({})

    def answer(self, request: RecordedRequest) -> Answer:
        """Return the status and the document for a request."""
        try:
            return self.iam(request) or self._drs(request)
        except RefusedError as refusal:
            gateway = {"request_id": request.id} if refusal.args[0].startswith("APIGW") else {}
            return refusal.answer._replace(document=refusal.answer.document | gateway)

    def _drs(self, request: RecordedRequest) -> Answer:
        route = ROUTE.fullmatch(request.path)
        if route is None or request.method != "POST":
            raise RefusedError(404, "APIGW.0101", "The API does not exist or has not been published in the environment")
        if not self.authenticate(request):
            raise RefusedError(401, "APIGW.0307", "The token must be updated.")
        if route[1] != self.project_id:
            raise RefusedError(403, "DRS.M00261", "Invalid project ID.")
        body = request.document
        if not isinstance(body, dict):
            _refuse_empty("body")
        return self._batch_detail(body) if route[2] else Answer(200, self._list(body))

    def _batch_detail(self, body: Job) -> Answer:
        requested = _requested_ids(body)
        page = body.get("page_req")
        chosen = _page(page if isinstance(page, dict) else {}, requested, per_page=5, first=1)
        if chosen is None:
            raise RefusedError(400, "DRS.M00211", "The page number exceeds the upper limit.")
        found = {job_id: job for job_id in requested if (job := self._job(job_id)) is not None}
        if len(found) < len(requested) and self.missing_style not in ("item200", "omit200"):
            return self._missing_response([job_id for job_id in requested if job_id not in found])
        missing_as_items = self.missing_style == "item200"
        known = {job_id: self._missing(job_id) for job_id in chosen} | found if missing_as_items else found
        results = [known[job_id] for job_id in chosen if job_id in known]
        batch = len(requested) if missing_as_items else len(found)
        counts = {"page": len(results), "batch": batch, "asked": len(requested), "wrong": len(requested) + 7}
        return Answer(200, {"count": counts[self.count_style], "results": results})

    def _job(self, job_id: str) -> Job | None:
        if job_id in self.deleted:
            last = self.jobs.get(job_id) or self.last_known.get(job_id)
            return last | {"status": "DELETED"} if last and self.missing_style == "status200" else None
        jobs = self.jobs
        job = jobs.get(job_id)
        if job is not None or not self.children_known:
            return job
        parent_id = self._index_of(jobs).parents.get(job_id, "")
        parent = None if parent_id in self.deleted else jobs.get(parent_id)
        return None if parent is None else sub_task(parent, job_id)

    def _index_of(self, jobs: dict[str, Job]) -> Index:
        if not self._index.is_current(jobs):
            self._index = Index.of(jobs)
        return self._index

    def _missing(self, job_id: str) -> Job:
        code, text = DELETED_ERROR if job_id in self.deleted else UNKNOWN_ERROR
        return {"id": job_id, "error_code": code, "error_message": text}

    def _missing_response(self, job_ids: list[str]) -> Answer:
        results = [self._missing(job_id) for job_id in job_ids]
        if self.missing_style == "single400":
            raise RefusedError(400, results[0]["error_code"], results[0]["error_message"])
        if self.missing_style == "batch400_noid":
            results = [{name: result[name] for name in ("error_code", "error_message")} for result in results]
        return Answer(400, {"count": len(results), "results": results})

    def _list(self, body: Job) -> Job:
        if not body.get("db_use_type"):
            _refuse_empty("db_use_type")
        if body["db_use_type"] not in ("migration", "sync", "cloudDataGuard"):
            _refuse_invalid("db_use_type")
        if body["db_use_type"] in self.not_served:
            raise RefusedError(400, "DRS.M00007", "Invalid parameter: db_use_type.")
        if body.get("enterprise_project_id") == "":
            _refuse_invalid("enterprise_project_id")
        jobs = self.jobs
        ids = self._filtered(jobs, body)
        chosen = _page(body, ids, per_page=10, first=0)
        if chosen is None and self.beyond_last_page == "refuse":
            raise RefusedError(400, "DRS.M00211", "The page number exceeds the upper limit.")
        found = (jobs.get(job_id) for job_id in chosen or [])
        return {"total_record": len(ids), "jobs": [list_item(job) for job in found if job is not None]}

    def _filtered(self, jobs: dict[str, Job], body: Job) -> list[str]:
        """Return the ids of the jobs that match all filters, in the estate's order; an empty filter matches all."""
        use, name, status, engine, net = (str(body.get(key) or "") for key in FILTERS)
        ids = self._index_of(jobs).by_use.get(use, [])
        if name:
            ids = [job_id for job_id in _jobs_named(jobs, name) if jobs[job_id].get("db_use_type") == use]
        if hidden := jobs.keys() & self.deleted:
            ids = [job_id for job_id in ids if job_id not in hidden]
        if status:
            ids = [job_id for job_id in ids if jobs[job_id].get("status") == status]
        if engine:
            ids = [job_id for job_id in ids if engine_type(jobs[job_id]) == engine]
        if net:
            ids = [job_id for job_id in ids if net_type(jobs[job_id]) == net]
        return ids


def _jobs_named(jobs: dict[str, Job], name: str) -> list[str]:
    """Return the jobs with these ids, separated by commas; if there are none, those with exactly this name."""
    ids = list(dict.fromkeys(name.split(",")))
    if len(ids) > MAX_NAME_FILTER_IDS:
        _refuse_invalid("name")
    found = [job_id for job_id in ids if job_id in jobs]
    return found or [job_id for job_id, job in jobs.copy().items() if job.get("name") == name]


def _refuse_empty(name: str) -> NoReturn:
    raise RefusedError(400, "DRS.M00201", f"The {name} parameter is empty.")


def _refuse_invalid(name: str) -> NoReturn:
    raise RefusedError(400, "DRS.M00202", f"The value of {name} is invalid.")


def _requested_ids(body: Job) -> list[str]:
    ids = body.get("jobs")
    if not ids:
        _refuse_empty("jobs")
    if not isinstance(ids, list) or len(ids) > MAX_BATCH_IDS or not all(isinstance(job_id, str) for job_id in ids):
        _refuse_invalid("jobs")
    if len(set(ids)) < len(ids):
        raise RefusedError(400, "DRS.M00301", "The request contains duplicate jobs.")
    return list(ids)


def _page(requested: Job, items: list[Any], *, per_page: int, first: int) -> list[Any] | None:
    """Return the requested page; None after the last.

    `per_page` 0 returns all items. So does `cur_page` 0, which only the list accepts: for batch-detail, the reference
    begins at 1 and the vendor's client at 0; the mock follows the reference.
    """
    size = _number(requested, "per_page", per_page, 0, 100)
    number = _number(requested, "cur_page", 1, first, 1 if size == 0 else 2**31)
    if number == 0 or size == 0:
        return items
    start = (number - 1) * size
    return items[start : start + size] if start < len(items) or number == 1 else None


def _number(requested: Job, name: str, default: int, least: int, most: int) -> int:
    value = requested.get(name)
    if value is None:
        return default
    if type(value) is not int or not least <= value <= most:
        _refuse_invalid(name)
    return value
