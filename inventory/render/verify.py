"""What `verify` found, for a person and as JSON."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from inventory.common.exact_json import Json, pretty
from inventory.common.safe_text import clean, count
from inventory.proof.check import Problem
from inventory.render import json
from inventory.store.verify import Verified

__all__ = ["Outside", "document", "lines"]

_MOST = 100
_NOT_FOUND = "It was altered or removed, or belongs to another database."
_MEANINGS = {  # of the words of a problem
    "altered": "the values are not those that were written.",
    "missing": "a row that was written is not there.",
    "added": "a row is there that no export wrote.",
    "invalid": "a value has a type or form that inventory does not write.",
    "dangling": "the row refers to a snapshot or source that does not exist.",
    "overlapping": "two rows with the same key are valid in the same snapshot.",
    "unseen": "no snapshot contains the row, so it should have been pruned.",
    "unsigned": "the snapshot has no valid signature of a given public key.",
}


@dataclass(frozen=True)
class Outside:
    """The evidence from outside: ids of public keys, and expected digests with the source and snapshot of each."""

    keys: list[str]
    expected: dict[str, tuple[str, int] | None]


def lines(found: list[Verified], outside: Outside, *, full: bool) -> Iterator[str]:
    """Yield a line for each source, for each expected digest and for each problem; a hundred of these, or all."""
    for each in found:
        if each.source:
            yield _source(each)
    for digest, place in outside.expected.items():
        if place is None:
            yield f"not found  no snapshot has the digest {digest}. {_NOT_FOUND}"
        else:
            yield f"expected  {clean(place[0])}  snapshot {place[1]} has the digest {digest}"
    problems = [(each.source, problem) for each in found for problem in each.problems]
    for source, problem in problems if full else problems[:_MOST]:
        yield _problem(source, problem)
    if not full and len(problems) > _MOST:
        yield f"… and {len(problems) - _MOST:,} more; --full shows them all"
    for word in dict.fromkeys(problem.word for _, problem in problems):
        yield f"{word}: {_MEANINGS[word]}"
    yield from conclusion(found, outside)


def conclusion(found: list[Verified], outside: Outside) -> Iterator[str]:
    """Yield sentences on what was proven and what was not."""
    wrong = sum(len(each.problems) for each in found) + sum(place is None for place in outside.expected.values())
    sources = [each for each in found if each.source]
    verified = f"{count(sum(each.snapshots for each in sources), 'snapshot')} verified, all consistent"
    for each in sources:
        if each.unsigned_before:
            before = f"{clean(each.source)}: {count(each.unsigned_before, 'snapshot')} before the first signed one"
            yield f"{before}: the signatures prove these only as they were when signing began."
    if wrong:
        yield f"{count(wrong, 'problem')} found."
    elif not any(each.ids for each in sources):
        yield "There are no snapshots yet; nothing was verified. Run `inventory export` first."
    elif not any(each.compared_to for each in sources):
        yield f"OK: {verified}. Not compared with outside evidence; use --expect or --public-key."
    else:
        yield f"OK: {verified}, and compared with outside evidence: {_evidence(outside)}."
        for each in sources:
            if each.compared_to is None:
                yield f"{clean(each.source)}: not compared with outside evidence."
            elif each.compared_to != each.ids[-1]:
                yield f"{clean(each.source)}: not compared with outside evidence after snapshot {each.compared_to}."


def document(found: list[Verified], outside: Outside) -> dict[str, Json]:
    """Return the one document of `verify --json`."""
    members: dict[str, Json] = {
        "conclusion": " ".join(conclusion(found, outside)),
        "sources": [
            {
                "source": each.source,
                "snapshots": each.snapshots,
                "pruned": each.pruned,
                "jobs": each.jobs,
                "rows": each.rows,
                "signed": each.signed,
                "unsigned_before_first_signed": each.unsigned_before,
                "compared_to": each.compared_to,
                "check_runs": each.check_runs,
                "check_runs_recomputed": each.check_runs_recomputed,
                "digest": each.digest,
            }
            for each in found
            if each.source
        ],
        "public_keys": outside.keys,
        "expected": [
            {"digest": digest, "source": place and place[0], "snapshot": place and place[1]}
            for digest, place in outside.expected.items()
        ],
        "problems": [{"source": each.source or None, **asdict(p)} for each in found for p in each.problems],
    }
    return json.document(**members)


def _evidence(outside: Outside) -> str:
    expected = [count(len(outside.expected), "expected digest")] if outside.expected else []
    keys = [f"the public key {' or '.join(outside.keys)}"] if outside.keys else []
    return " and ".join([*expected, *keys])


def _source(each: Verified) -> str:
    pruned = f" ({each.pruned:,} pruned: only their chain is checked)" if each.pruned else ""
    signed = f" ({each.signed:,} signed)" if each.signed else ""
    held = f"{count(each.jobs, 'job')}, {count(each.rows, 'row')}"
    last = f"last digest {clean(each.digest or '-')}"
    checks = ""
    if each.check_runs is not None:
        checks = f", {count(each.check_runs, 'check run')} ({each.check_runs_recomputed:,} recomputed)"
    return f"{clean(each.source)}: {count(each.snapshots, 'snapshot')}{pruned}{signed}, {held}{checks}, {last}"


def _problem(source: str, problem: Problem) -> str:
    span = "no snapshot" if problem.first is None else f"snapshot {problem.first}"
    if problem.last != problem.first:
        span += f"..{problem.last}"
    key = "" if problem.key is None else f" {pretty(problem.key, indent=None)}"
    detail = f"  {problem.detail}" if problem.detail else ""
    return clean(f"{problem.word}  {source or '-'}  {span}  {problem.table}{key}{detail}")
