"""Whatever JSON the service sends, its reading loses no id, invents none and raises nothing but our own errors."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory.common.exact_json import Json, canonical
from inventory.config.settings import SCENARIOS, Filters
from inventory.normalise.fast import Normaliser
from inventory.normalise.redact import Redactor
from inventory.normalise.split import with_results
from inventory.normalise.walk import normalise_listing
from inventory.source.answers import Page, final_findings, interpret, outcome_of
from inventory.source.listing import Listings, is_usable_id, sweep
from inventory.source.reading import Absent, Read, Unread
from tests.conftest import examples
from tests.test_properties import ANY, TEXTS

NOW = datetime(2026, 11, 1, tzinfo=UTC)
IDS = ("a", "b", "c")
CODES = st.sampled_from(["DRS.M00289", "DRS.M05004", "DRS.M00211", "DRS.M00004", "DRS.M00002", ""])
ID = st.sampled_from([*IDS, "d", "", "x" * 200]) | ANY
RESULT = ANY | st.fixed_dictionaries(
    {}, optional={"id": ID, "status": TEXTS, "error_code": CODES | ANY, "name": ANY, "tags": ANY, "object_infos": ANY}
)
DETAIL = ANY | st.fixed_dictionaries(
    {},
    optional={
        "results": st.lists(RESULT, max_size=4) | ANY, "count": st.integers(0, 5) | ANY, "error_code": CODES | ANY,
        "data_transformation": ANY, "error": ANY,
    },
)  # fmt: skip
ITEM = ANY | st.fixed_dictionaries(
    {},
    optional={
        "id": ID, "status": ANY, "name": ANY, "engine_type": ANY, "error_msg": ANY, "node_newFramework": ANY,
        "children": st.lists(st.fixed_dictionaries({}, optional={"id": ID, "name": ANY}) | ANY, max_size=3) | ANY,
    },
)  # fmt: skip
LIST = ANY | st.fixed_dictionaries(
    {},
    optional={
        "jobs": st.lists(ITEM, max_size=4) | ANY, "error_code": CODES | ANY,
        "total_record": ANY | st.integers(0, 9) | st.sampled_from(["3", "9" * 5000, 10**12]),
    },
)  # fmt: skip
STATUS = st.sampled_from([200, 200, 200, 400, 403, 422, 500, None])
FUZZ = settings(max_examples=examples(60, soak=300), deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def batches(draw: st.DrawFn) -> list[Page]:
    ids = draw(st.sampled_from([IDS, IDS[:1], IDS[:2]]))
    answers = draw(st.lists(st.tuples(STATUS, DETAIL), min_size=1, max_size=3))
    return [Page(ids, at, status, with_results(document), NOW) for at, (status, document) in enumerate(answers, 1)]


@FUZZ
@given(batches())
def test_every_id_asked_has_one_outcome(pages: list[Page]) -> None:
    answer, normaliser = interpret(pages, Redactor()), Normaliser(Redactor())
    for job_id in pages[0].ids:
        outcome = outcome_of(answer, job_id)
        assert isinstance(outcome, Read | Absent | Unread)
        assert not isinstance(outcome, Absent) or len(pages[0].ids) == 1
        if isinstance(outcome, Read):
            normaliser.job(outcome.result.raw, job_id, b"", None)
    assert answer.read.keys() | answer.absent.keys() <= set(pages[0].ids)
    for finding in final_findings(answer, set(pages[0].ids[:1])):
        canonical(dict(finding.evidence))


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as running:
        yield running


FILTERS = st.sampled_from(
    [Filters(), Filters(status=frozenset({"0"})), Filters(engine_type=frozenset({"0"}), name="*")]
)


@FUZZ
@given(st.lists(st.tuples(STATUS, LIST), max_size=8), FILTERS)
def test_every_usable_id_of_the_list_is_named(
    pool: ThreadPoolExecutor, answers: list[tuple[int | None, Json]], filters: Filters
) -> None:
    told: list[Page] = []

    def ask(use: str, cur_page: int) -> Page:
        place = SCENARIOS.index(use) + cur_page - 1
        status, document = answers[place] if place < len(answers) else (400, {"error_code": "DRS.M00211"})
        return Page((), cur_page, status, document, NOW, use=use)

    listings = Listings(Redactor(), filters)
    found = sweep(ask, told.append, pool, 2, listings)
    items = [item for page in told for item in page.items("jobs") or () if isinstance(item, dict)]
    children = [child for item in items if _id(item) for child in _children(item)]
    assert found.named.keys() == {job_id for item in (*items, *children) if (job_id := _id(item))}
    assert found.wanted <= found.named.keys()
    for job_id, parent in found.named.items():
        listing = listings.of(job_id)
        assert listing is not None
        normalise_listing(job_id, parent, listing.document, alone=True)
    if any(item is not None and not _id(item) for item in (*items, *children)):
        assert found.problem


def _id(item: Json) -> str | None:
    job_id = item.get("id") if isinstance(item, dict) else None
    return job_id if isinstance(job_id, str) and is_usable_id(job_id) else None


def _children(item: dict[str, Json]) -> list[Json]:
    children = item.get("children")
    return children if isinstance(children, list) else []
