"""Finding jobs: sweeps of the list API over every scenario and page, and what only the list knows.

`db_use_type` is mandatory, so a sweep is one walk for each scenario. The list may shift while it is walked,
and its `total_record` may count what it likes; so a walk counts only if it came to the list's end, lost
nothing that was promised, and was told the same total on every page.
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

__all__ = ["Listings", "Sweep", "sweep", "usable", "with_listing"]

NOT_SERVED = "DRS.M00007"  # a parameter that the region does not know: this db_use_type
IN_MEMORY = MIB  # of what the list says
WALKS = 3  # how often a walk is begun again before it is taken as it is

Ask = Callable[[str, int], Page]  # db_use_type, cur_page -> page


@dataclass(slots=True)
class Sweep:
    """One sweep: the ids that it named, sub-tasks with their parent's; and whether it named all there are.

    wanted: those that the filters let through. problem: why it is not complete, or ''. unread: the page that could
    not be read, where one could not. narrow: scenarios were left out, so that silence about a job proves nothing.
    """

    named: dict[str, str | None] = field(default_factory=dict)
    wanted: set[str] = field(default_factory=set)
    problem: str = ""
    unread: Page | None = None
    narrow: bool = False
    findings: list[Finding] = field(default_factory=list)

    def name(self, job_id: str, parent: str | None) -> None:
        """Note an id; one that is a task of its own and a sub-task too is a task."""
        if parent is None:
            self.named[job_id] = None
        else:
            self.named.setdefault(job_id, parent)


class Listings:
    """What the list said of each job, masked: the first page that named it counts.

    All of it waits at once for the details to be read, so beyond a size it waits on the disk, and what stays
    in memory of a job is its id.
    """

    def __init__(self, redactor: Redactor, filters: Filters) -> None:
        self._redactor = redactor
        self._filters = filters
        self._text = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  # closed with this
        finalize(self, self._text.close)
        self._lock = Lock()  # threads that ask look here too
        self._kept: dict[str, int] = {}  # where in the text
        self._children: dict[str, list[str]] = {}

    def read(self, items: Iterable[Json], into: Sweep) -> None:
        """Take in the jobs of one page, each with its sub-tasks."""
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
        """Return what was said of a job, if anything was."""
        return self._unpacked(job_id) if job_id in self._kept else None

    def children_of(self, job_id: str) -> Iterator[tuple[str, Listing]]:
        """Yield the sub-tasks of a task, and what was said of each."""
        for child in self._children.get(job_id, ()):
            yield child, self._unpacked(child)

    def _unpacked(self, job_id: str) -> Listing:
        text = self._text_of(job_id)
        parent, document = read(text)
        return Listing(parent, document, text)

    def _text_of(self, job_id: str) -> bytes:
        with self._lock:
            self._text.seek(self._kept[job_id])
            return self._text.readline()

    def _add(self, item: Json, parent: str | None, into: Sweep) -> str | None:
        job_id = item.get("id") if isinstance(item, dict) else None
        if not isinstance(job_id, str) or not usable(job_id):
            path = "jobs[].id" if parent is None else "jobs[].children[].id"
            masked = self._redactor.listing(item) if isinstance(item, dict) else self._redactor.loose("", item)
            evidence = (("jobs[]", tidy(masked)),)
            into.findings.append(Finding("unusable_id", path, "", "no id that could be asked for", evidence=evidence))
            into.problem = into.problem or "it names a job without a usable id"
            return None
        into.name(job_id, parent)
        if job_id not in self._kept:
            kept = {name: value for name, value in item.items() if name not in LISTED_ELSEWHERE}
            line = canonical([parent, self._redactor.listing(kept)]).encode() + b"\n"
            with self._lock:
                self._kept[job_id] = self._text.seek(0, SEEK_END)
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
    """Return an outcome with what the list says of its job."""
    listing = listings.of(outcome.job_id)
    if listing is None or isinstance(outcome, Listed):
        return outcome
    return replace(outcome, listing=listing)


def usable(job_id: str) -> bool:
    """Tell whether an id can be asked for and stands in a key as it is."""
    return 0 < len(job_id) <= 120 and job_id.isprintable() and not job_id.isspace() and key_text(job_id) == job_id


def sweep(
    ask: Ask, record_page: Callable[[Page], None], pool: Executor, width: int, listings: Listings,
    scenarios: Sequence[str] = SCENARIOS,
) -> Sweep:  # fmt: skip
    """Walk the list of every scenario, each again where the walk lost something.

    Args:
        record_page: called with each page in its turn, as far as a walk comes.
        width: how many pages may be under way, or wait to be read, at once.
    """
    whole = Sweep(narrow=set(scenarios) != set(SCENARIOS))
    not_served = 0
    for use in scenarios:
        for _ in range(WALKS):
            found = Sweep()
            _walk(_pages(use, ask, pool, width), record_page, listings, found)
            whole.wanted |= found.wanted  # what was named once is asked for
            if not found.problem or found.unread:  # a page that cannot be read was retried already
                break
        whole.unread = whole.unread or found.unread
        not_served += found.narrow
        whole.narrow |= found.narrow
        whole.named |= found.named
        whole.findings += found.findings
        whole.problem = whole.problem or (found.problem and f"the list of {use} is not whole: {found.problem}")
    if not_served == len(scenarios):
        whole.problem = f"the service serves the list of no scenario: {', '.join(scenarios)} ({NOT_SERVED})"
    return whole


def _pages(use: str, ask: Ask, pool: Executor, width: int) -> Iterator[Page]:
    """Yield page after page without end: those that `total_record` promises are fetched ahead."""
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
                into.problem, into.unread = page.said, page
            break
        known = len(into.named)
        listings.read(items, into)
        totals.add(str(page.document.get("total_record")))
        if len(items) < LIST_PAGE:
            break
        if len(into.named) == known:
            into.problem = into.problem or "its pages repeat"
            break
    _count(page.use, totals, into)


def _is_end(page: Page) -> bool:
    code = error_code(page.document)
    return code == NOTHING_FOUND or (page.cur_page > 1 and code in PAST_THE_END)


def _count(use: str, totals: set[str], into: Sweep) -> None:
    """Compare what was named with what was promised; `total_record` may count sub-tasks too."""
    tasks = sum(parent is None for parent in into.named.values())
    if len(totals) > 1:
        into.problem = into.problem or "it changed while it was read"
    for total in totals - {str(tasks), str(len(into.named)), "None"}:
        detail = f"of {use}: neither the tasks named nor those with their sub-tasks"
        into.findings.append(Finding("count_mismatch", "total_record", "", detail))
        if total.isdecimal() and int(total[:20]) > tasks:
            into.problem = into.problem or "it names fewer jobs than it counts"
