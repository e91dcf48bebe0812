"""Recorded nights for tests, exported within the test's own process."""

import contextlib
import random
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from inventory.common.cancellation import Stop
from inventory.common.exact_json import Json
from inventory.config.load import normal_url
from inventory.config.settings import Settings, Source
from inventory.export.flow import Limits, Run, export_source
from inventory.export.pool import NormaliserPool
from inventory.source.auth import AuthCache
from inventory.store.engine import Store, open_store
from inventory.store.migrate import upgrade
from tests.conftest import write_page

Night = dict[str, dict[str, Json]]  # job id -> job

_KEYS = st.sampled_from(["k0", "k1"])
_WORDS = st.sampled_from(["", "a", "b", "10.0.0.1"])
_OBJECTS = st.fixed_dictionaries(
    {"id": st.sampled_from(["db", "db-*-*-t1", "db-*-*-t2"]), "type": st.sampled_from(["table", "database"])},
    optional={"name": _WORDS, "select": st.sampled_from(["true", "false"])},
)
_ENDPOINT = st.fixed_dictionaries({}, optional={"ip": _WORDS, "db_port": st.sampled_from([1, "1", 2])})
_FILTER = st.fixed_dictionaries(
    {"transformation_info": st.fixed_dictionaries({"value": _WORDS})},
    optional={"data_transformation_object_infos": st.lists(st.fixed_dictionaries({"id": _KEYS}), max_size=2)},
)
JOB = st.fixed_dictionaries(
    {"status": st.sampled_from(["CREATING", "PAUSING"])},
    optional={
        "description": _WORDS,
        "tags": st.lists(st.fixed_dictionaries({"key": _KEYS, "value": _WORDS}), max_size=3),
        "object_infos": st.lists(_OBJECTS, max_size=3),
        "speed_limit": st.lists(st.fixed_dictionaries({"begin": _WORDS, "speed": st.sampled_from(["1", "2"])})),
        "source_endpoint": _ENDPOINT,
        "source_sharding": st.lists(_ENDPOINT, max_size=2),
        "alarm_notify": st.fixed_dictionaries(
            {"subscriptions": st.lists(st.fixed_dictionaries({"endpoints": st.lists(_WORDS, max_size=2)}), max_size=2)}
        ),
        "data_transformation": st.fixed_dictionaries({"filter_conditions": st.lists(_FILTER, max_size=2)}),
        "not_documented": st.recursive(_WORDS | st.booleans(), lambda inner: st.lists(inner, max_size=2), max_leaves=3),
    },
)
NIGHT = st.dictionaries(st.sampled_from(["job-1", "job-2", "job-3"]), JOB)


def shuffled(value: Json, dice: random.Random) -> Json:
    """Return a document with its lists and members in another order."""
    if isinstance(value, dict):
        pairs = [(name, shuffled(member, dice)) for name, member in value.items()]
        return dict(dice.sample(pairs, len(pairs)))
    return dice.sample([shuffled(item, dice) for item in value], len(value)) if isinstance(value, list) else value


def record(folder: Path, night: Night, day: int, gone: set[str]) -> None:
    """Write a night as pages, a job each; those that are gone are denied."""
    time = f"2026-11-{day:02}T01:00:00Z"
    write_page(folder, 0, ["never"], {"error_code": "DRS.M00289"}, status=400, time=time)
    for at, job_id in enumerate(sorted(gone), 1):
        answer = {"count": 1, "results": [{"id": job_id, "error_code": "DRS.M05004"}]}
        write_page(folder, at, [job_id], answer, status=400, time=time)
    for at, (job_id, job) in enumerate(sorted(night.items()), 100):
        write_page(folder, at, [job_id], {"count": 1, "results": [{"id": job_id, **job}]}, time=time)


@contextlib.contextmanager
def opened(url: str) -> Iterator[Store]:
    """Open a database that is ready."""
    with open_store(normal_url(url), write=True) as store:
        upgrade(store)
        yield store


def running(store: Store, **settings: Any) -> Run:
    """Return what an export within this process needs."""
    stop, chosen = Stop(), Settings(**{"workers": 0, **settings})
    limits = Limits(max_removals=Decimal(1), max_deselections=Decimal(1))
    return Run(
        chosen, store, limits, stop, stop, AuthCache(stop), NormaliserPool(chosen), str(uuid.uuid4()), lambda *_: None
    )


def recorded(folder: Path, nights: list[Night], first: int = 1) -> Source:
    """Write nights and return a source, of a name of its own, that replays them."""
    before: set[str] = set()
    for at, night in enumerate(nights):
        record(folder / f"n{at}", night, first + at, before - night.keys())
        before = set(night)
    return Source(f"s-{uuid.uuid4().hex[:8]}", replay=tuple(folder / f"n{at}" for at in range(len(nights))))


def exported(store: Store, folder: Path, nights: list[Night], **settings: Any) -> Source:
    """Export nights as snapshots of a source of their own."""
    source = recorded(folder, nights)
    list(export_source(source, running(store, **settings)))
    return source
