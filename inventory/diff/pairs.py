"""A job that was recreated: removed under one id, created under another, with the same endpoints."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from inventory.normalise.walk import Row
from inventory.schema import BY_NAME

__all__ = ["replacements"]

Names = Mapping[str, str | None]  # job id -> name

_ENDPOINTS = BY_NAME["endpoints"]
# What tells one end of a job from another. The rest may be set anew when a job is recreated.
_TELLING = [_ENDPOINTS.names.index(name) for name in ("role", "db_type", "ip", "db_port", "inst_id", "topic")]
_ADDRESSES = [_ENDPOINTS.names.index(name) for name in ("ip", "inst_id")]


def replacements(removed: Names, created: Names, left: Iterable[Row], came: Iterable[Row]) -> dict[str, str]:
    """Pair jobs that were removed with those that were created for the same endpoints.

    Args:
        removed, created: job id -> its name. left, came: rows of `endpoints`, of these jobs and of others.

    Returns:
        Id of the new job -> id of the old one. Jobs of one name are paired first; those that were renamed only
        where the endpoints leave no choice.
    """
    olds, news = _by_endpoints(removed, left), _by_endpoints(created, came)
    pairs: dict[str, str] = {}
    for ends in olds.keys() & news.keys():
        old, new = sorted(olds[ends]), sorted(news[ends])
        for job_id in tuple(new):
            same = [each for each in old if removed[each] == created[job_id]]
            if same:
                pairs[job_id] = same[0]
                old.remove(same[0])
                new.remove(job_id)
        if len(old) == len(new) == 1:
            pairs[new[0]] = old[0]
    return pairs


def _by_endpoints(jobs: Names, rows: Iterable[Row]) -> dict[frozenset[Row], list[str]]:
    ends: dict[str, set[Row]] = defaultdict(set)
    addressed: set[str] = set()
    for row in rows:
        if row[0] in jobs:
            ends[row[0]].add(tuple(row[at] for at in _TELLING))
            if any(row[at] for at in _ADDRESSES):
                addressed.add(row[0])
    found: dict[frozenset[Row], list[str]] = defaultdict(list)
    for job_id in addressed:  # a job without an address could be any
        found[frozenset(ends[job_id])].append(job_id)
    return found
