"""Finds jobs: sweeps the list API over every scenario and page, and keeps the fields that only the list has.

`db_use_type` is mandatory, so a sweep walks the list once for each scenario. The list may change during a walk, and
the meaning of `total_record` is not documented. So a walk is complete only if it reached the end of the list, found
as many jobs as the list counts, and read the same total on every page.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import partial
from io import SEEK_END
from itertools import count
from tempfile import SpooledTemporaryFile
from threading import Lock
from weakref import finalize

from inventory.common.exact_json import Json, canonical, read, tidy
from inventory.config.settings import MIB, SCENARIOS, Filters
from inventory.normalise.findings import Finding
from inventory.normalise.redact import Redactor
from inventory.schema import LISTED_ELSEWHERE
from inventory.schema.keys import key_text
from inventory.source.answers import PAST_THE_END, Page, error_code
from inventory.source.client import LIST_PAGE, NOTHING_FOUND
from inventory.source.prefetch import prefetch
from inventory.source.reading import Listed, Listing, Outcome

__all__ = ["Listings", "Sweep", "is_usable_id", "sweep", "with_listing"]

NOT_SERVED = "DRS.M00007"  # a parameter that the region does not know: this db_use_type
MAX_IN_MEMORY = MIB  # bytes of listings; more are kept in a temporary file
MAX_WALKS = 3  # for one scenario; the last walk is used even if it is incomplete

FetchPage = Callable[[str, int], Page]  # db_use_type, cur_page -> page


@dataclass(slots=True)
class Sweep:
    """One sweep of the list.

    named: listed id -> the parent's id for a sub-task, None for a task. wanted: the ids that pass the filters.
    problem: why the sweep is incomplete, or ''. unread: the page that could not be read, if any. narrow: scenarios
    were left out, so a job that is not listed may still exist.
    """

    named: dict[str, str | None] = field(default_factory=dict)
    wanted: set[str] = field(default_factory=set)
    problem: str = ""
    unread: Page | None = None
    narrow: bool = False
    findings: list[Finding] = field(default_factory=list)

    def name(self, job_id: str, parent: str | None) -> None:
        """Add an id. An id that is listed as a task and as a sub-task is a task."""
        if parent is None:
            self.named[job_id] = None
        else:
            self.named.setdefault(job_id, parent)


class Listings:
    """The masked listing of each job, from the first page that named it.

    All listings are kept until the details are read. Above a size they are kept on disk, and only the ids stay in
    memory.
    """

    def __init__(self, redactor: Redactor, filters: Filters) -> None:
        self._redactor = redactor
        self._filters = filters
        self._text = SpooledTemporaryFile(MAX_IN_MEMORY)  # noqa: SIM115  # closed with this
        finalize(self, self._text.close)
        self._lock = Lock()  # request threads read listings too
        self._offsets: dict[str, int] = {}  # job id -> offset in the text
        self._children: dict[str, list[str]] = {}

    def read(self, items: Iterable[Json], into: Sweep) -> None:
        """Add the jobs of one page, each with its sub-tasks."""
        for item in items:
            job_id = self._add(item, None, into)
            if job_id is None:
                continue
            if self._is_wanted(item):
                into.wanted.add(job_id)
            children = item.get("children")
            for child in children if isinstance(children, list) else ():
                child_id = self._add(child, job_id, into)
                if child_id is not None and child_id not in self._children.setdefault(job_id, []):
                    self._children[job_id].append(child_id)

    def of(self, job_id: str) -> Listing | None:
        """Return the listing of a job, if there is one."""
        return self._parsed(job_id) if job_id in self._offsets else None

    def children_of(self, job_id: str) -> Iterator[tuple[str, Listing]]:
        """Yield the id and the listing of each sub-task of a task."""
        for child in self._children.get(job_id, ()):
            yield child, self._parsed(child)

    def _parsed(self, job_id: str) -> Listing:
        text = self._line_of(job_id)
        parent, document = read(text)
        return Listing(parent, document, text)

    def _line_of(self, job_id: str) -> bytes:
        with self._lock:
            self._text.seek(self._offsets[job_id])
            return self._text.readline()

    def _add(self, item: Json, parent: str | None, into: Sweep) -> str | None:
        job_id = item.get("id") if isinstance(item, dict) else None
        if not isinstance(job_id, str) or not is_usable_id(job_id):
            path = "jobs[].id" if parent is None else "jobs[].children[].id"
            masked = self._redactor.listing(item) if isinstance(item, dict) else self._redactor.undeclared("", item)
            evidence = (("jobs[]", tidy(masked)),)
            into.findings.append(Finding("unusable_id", path, "", "no id that could be asked for", evidence=evidence))
            into.problem = into.problem or "it names a job without a usable id"
            return None
        into.name(job_id, parent)
        if job_id not in self._offsets:
            kept = {name: value for name, value in item.items() if name not in LISTED_ELSEWHERE}
            line = canonical([parent, self._redactor.listing(kept)]).encode() + b"\n"
            with self._lock:
                self._offsets[job_id] = self._text.seek(0, SEEK_END)
                self._text.write(line)
        return job_id

    def _is_wanted(self, item: dict[str, Json]) -> bool:
        wanted = self._filters
        return (
            (wanted.status is None or str(item.get("status")) in wanted.status)
            and (wanted.engine_type is None or str(item.get("engine_type")) in wanted.engine_type)
            and (wanted.name is None or fnmatchcase(str(item.get("name", "")), wanted.name))
        )


def with_listing(outcome: Outcome, listings: Listings) -> Outcome:
    """Return an outcome with the listing of its job added."""
    listing = listings.of(outcome.job_id)
    if listing is None or isinstance(outcome, Listed):
        return outcome
    return replace(outcome, listing=listing)


def is_usable_id(job_id: str) -> bool:
    """Return whether an id can be requested, and stored in a key unchanged."""
    return 0 < len(job_id) <= 120 and job_id.isprintable() and not job_id.isspace() and key_text(job_id) == job_id


def sweep(
    ask: FetchPage, record_page: Callable[[Page], None], pool: Executor, width: int, listings: Listings,
    scenarios: Sequence[str] = SCENARIOS,
) -> Sweep:  # fmt: skip
    """Walk the list of every scenario; repeat a walk that was incomplete.

    Args:
        record_page: called with each page of a walk, in order.
        width: how many pages may be requested ahead at once.
    """
    merged = Sweep(narrow=set(scenarios) != set(SCENARIOS))
    not_served = 0
    for use in scenarios:
        for _ in range(MAX_WALKS):
            found = Sweep()
            _walk(_pages(use, ask, pool, width), record_page, listings, found)
            merged.wanted |= found.wanted  # an id that was listed once is requested
            if not found.problem or found.unread:  # a page that cannot be read was retried already
                break
        merged.unread = merged.unread or found.unread
        not_served += found.narrow
        merged.narrow |= found.narrow
        merged.named |= found.named
        merged.findings += found.findings
        merged.problem = merged.problem or (found.problem and f"the list of {use} is incomplete: {found.problem}")
    if not_served == len(scenarios):
        merged.problem = f"the service serves the list of no scenario: {', '.join(scenarios)} ({NOT_SERVED})"
    return merged


def _pages(use: str, ask: FetchPage, pool: Executor, width: int) -> Iterator[Page]:
    """Yield pages without end. The pages that `total_record` announces are fetched ahead."""
    first = ask(use, 1)
    yield first
    total = first.document.get("total_record") if isinstance(first.document, dict) else None
    last = -(-total // LIST_PAGE) if isinstance(total, int) and 0 <= total < 10**8 else 1
    yield from prefetch(pool, width, (partial(ask, use, number) for number in range(2, last + 1)))
    for number in count(max(2, last + 1)):
        yield ask(use, number)


def _walk(pages: Iterator[Page], record_page: Callable[[Page], None], listings: Listings, into: Sweep) -> None:
    totals = set()
    for page in pages:
        record_page(page)
        items = page.items("jobs")
        if items is None:
            if page.cur_page == 1 and page.status == 400 and error_code(page.document) == NOT_SERVED:
                detail = f"{page.use}: HTTP 400 {NOT_SERVED}; the region does not serve this scenario"
                into.findings.append(Finding("scenario_not_served", f"db_use_type={page.use}", "", detail))
                into.narrow = True
            elif not _is_end(page):
                into.problem, into.unread = page.status_text, page
            break
        known = len(into.named)
        listings.read(items, into)
        totals.add(str(page.document.get("total_record")))
        if len(items) < LIST_PAGE:
            break
        if len(into.named) == known:
            into.problem = into.problem or "its pages repeat"
            break
    _check_total(page.use, totals, into)


def _is_end(page: Page) -> bool:
    code = error_code(page.document)
    return code == NOTHING_FOUND or (page.cur_page > 1 and code in PAST_THE_END)


def _check_total(use: str, totals: set[str], into: Sweep) -> None:
    """Compare the number of listed ids with `total_record`, which may count sub-tasks too."""
    tasks = sum(parent is None for parent in into.named.values())
    if len(totals) > 1:
        into.problem = into.problem or "it changed while it was read"
    for total in totals - {str(tasks), str(len(into.named)), "None"}:
        detail = f"of {use}: neither the tasks named nor those with their sub-tasks"
        into.findings.append(Finding("count_mismatch", "total_record", "", detail))
        if total.isdecimal() and int(total[:20]) > tasks:
            into.problem = into.problem or "it names fewer jobs than it counts"
