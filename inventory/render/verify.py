"""What `verify` found, for a person and as JSON."""

from collections.abc import Iterator
from dataclasses import asdict

from inventory.jsontext import Json, pretty
from inventory.proof import Problem
from inventory.render.text import clean
from inventory.store.verify import Verified

__all__ = ["document", "lines"]

FORMAT_VERSION = "1.0"
_MOST = 100


def lines(found: list[Verified], expected: dict[str, tuple[str, int] | None], *, full: bool) -> Iterator[str]:
    """Yield a line for each source, for each expected digest and for each problem; a hundred of these, or all."""
    for each in found:
        if each.source:
            yield _source(each)
    for digest, place in expected.items():
        if place is None:
            yield f"missing  no snapshot has the digest {digest}: altered or cut off since, or of another database"
        else:
            yield f"expected  {clean(place[0])}  snapshot {place[1]} has the digest {digest}"
    problems = [(each.source, problem) for each in found for problem in each.problems]
    for source, problem in problems if full else problems[:_MOST]:
        yield _problem(source, problem)
    if not full and len(problems) > _MOST:
        yield f"… and {len(problems) - _MOST} more; --full shows them all"
    wrong = len(problems) + sum(place is None for place in expected.values())
    yield "Everything is as it was written." if not wrong else f"{wrong} problems."


def document(found: list[Verified], expected: dict[str, tuple[str, int] | None]) -> dict[str, Json]:
    """Return the one document of `verify --json`."""
    return {
        "format_version": FORMAT_VERSION,
        "sources": [
            {
                "source": each.source,
                "snapshots": each.snapshots,
                "pruned": each.pruned,
                "jobs": each.jobs,
                "rows": each.rows,
                "signed": each.signed,
                "digest": each.digest,
            }
            for each in found
            if each.source
        ],
        "expected": [
            {"digest": digest, "source": place and place[0], "snapshot": place and place[1]}
            for digest, place in expected.items()
        ],
        "problems": [{"source": each.source or None, **asdict(p)} for each in found for p in each.problems],
    }


def _source(each: Verified) -> str:
    pruned = f" ({each.pruned} pruned, of which only the chain is checked)" if each.pruned else ""
    signed = f" ({each.signed} signed)" if each.signed else ""
    counts = f"{each.snapshots} snapshots{pruned}{signed}, {each.jobs} jobs, {each.rows} rows"
    return f"{clean(each.source)}: {counts}, last digest {clean(each.digest or '-')}"


def _problem(source: str, problem: Problem) -> str:
    span = "no snapshot" if problem.first is None else f"snapshot {problem.first}"
    if problem.last != problem.first:
        span += f"..{problem.last}"
    key = "" if problem.key is None else f" {pretty(problem.key, indent=None)}"
    detail = f"  {problem.detail}" if problem.detail else ""
    return clean(f"{problem.word}  {source or '-'}  {span}  {problem.table}{key}{detail}")
