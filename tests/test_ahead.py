"""What waits for a large estate: batches that hold nobody up, and listings that leave memory."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event

from inventory.config.settings import Filters
from inventory.normalise.redact import Redactor
from inventory.source.listing import MAX_IN_MEMORY, Listings, Sweep
from inventory.source.prefetch import map_unordered


def test_a_task_that_waits_holds_up_no_other() -> None:
    last_runs = Event()

    def last() -> bool:
        last_runs.set()
        return True

    tasks: list[Callable[[], bool]] = [partial(last_runs.wait, 5), *[bool] * 20, last]
    with ThreadPoolExecutor(2) as pool:
        results = list(map_unordered(pool, 2, tasks))
    assert sorted(results) == [False] * 20 + [True] * 2


def test_listings_come_back_from_the_disk() -> None:
    listings, text = Listings(Redactor(), Filters()), "é\n" * (MAX_IN_MEMORY // 20)
    items = [{"id": f"job-{n}", "name": f"{n}{text}", "children": [{"id": f"child-{n}"}]} for n in range(20)]
    listings.read(items, Sweep())
    for n in reversed(range(20)):
        found = listings.of(f"job-{n}")
        assert found is not None
        assert (found.parent_job_id, found.document) == (None, {"name": f"{n}{text}"})
        assert [(i, each.parent_job_id) for i, each in listings.children_of(f"job-{n}")] == [(f"child-{n}", f"job-{n}")]
    assert listings.of("job-20") is None
