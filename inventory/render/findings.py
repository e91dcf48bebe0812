"""Findings as text, by kind with what it means and what to do, and as JSON."""

from collections.abc import Iterator
from itertools import groupby
from textwrap import wrap

from inventory.common.exact_json import Json
from inventory.common.safe_text import MAX_SHOWN, clean, count, moment
from inventory.diff.findings import FoundFinding, SourceFindings
from inventory.render.json import plain
from inventory.schema.finding_kinds import FINDING_KINDS, UNKNOWN_KIND

__all__ = ["as_text", "members"]

SHOWN = 10  # lines of one kind that are shown unless all are asked for
_WIDTH = 80


def members(found: list[SourceFindings]) -> dict[str, Json]:
    """Return the members of the JSON document: the findings of each source, and the kinds that they have."""
    kinds = sorted({finding.kind for each in found for finding in each.findings})
    explained = {kind: FINDING_KINDS.get(kind, UNKNOWN_KIND) for kind in kinds}
    return {
        "sources": [
            {
                "source": each.source,
                "snapshot": plain(each.snapshot),
                "before": None if each.before is None else plain(each.before),
                "findings": [_finding(finding) for finding in each.findings],
            }
            for each in found
        ],
        "kinds": {kind: {"meaning": each.meaning, "remedy": each.remedy} for kind, each in explained.items()},
    }


def _finding(finding: FoundFinding) -> dict[str, Json]:
    return {
        "kind": finding.kind,
        "path": finding.path,
        "job_id": finding.job_id,
        "detail": finding.detail,
        "evidence": finding.evidence,
        "new": finding.new,
    }


def as_text(found: list[SourceFindings], *, new: bool, full: bool) -> Iterator[str]:
    """Yield lines: source by source, kind by kind. Long lists are cut, unless `full`.

    Args:
        new: whether `found` has new findings alone.
    """
    for at, each in enumerate(found):
        if at:
            yield ""
        yield clean(_heading(each, new=new))
        for kind, group in groupby(each.findings, key=lambda finding: finding.kind):
            yield ""
            yield from _kind(kind, list(group), marked=not new and each.before is not None, full=full)


def _heading(each: SourceFindings, *, new: bool) -> str:
    row = each.snapshot
    where = f"{each.source}: snapshot {row['id']} ({moment(row['observed_to'] or row['finished_at'])} UTC)"
    number = len(each.findings)
    if each.before is None:
        return f"{where}: {count(number, 'finding')}; there is no snapshot before it to compare with"
    since = f"since snapshot {each.before['id']}"
    if new:
        return f"{where}: {count(number, 'new finding')} {since}"
    return f"{where}: {count(number, 'finding')}, {sum(f.new for f in each.findings)} new {since}"


def _kind(kind: str, findings: list[FoundFinding], *, marked: bool, full: bool) -> Iterator[str]:
    about = FINDING_KINDS.get(kind, UNKNOWN_KIND)
    yield f"{clean(kind)}: {count(len(findings), 'finding')}"
    yield from wrap(about.meaning, _WIDTH, initial_indent="  ", subsequent_indent="  ")
    yield from wrap(f"What to do: {about.remedy}", _WIDTH, initial_indent="  ", subsequent_indent="  ")
    groups: dict[tuple[str, str, bool], list[FoundFinding]] = {}
    for finding in findings:
        groups.setdefault((finding.path, finding.detail, finding.new), []).append(finding)
    shown = list(groups.items())[: None if full else SHOWN]
    for (path, detail, is_new), group in shown:
        where = _cut(path, full=full) or "the answer as a whole"
        yield f"    {'new ' if is_new and marked else ''}{where}: {_cut(detail, full=full)}{_jobs(group, full=full)}"
    if len(groups) > len(shown):
        yield f"    and {len(groups) - len(shown):,} more; --full shows them"


def _jobs(group: list[FoundFinding], *, full: bool) -> str:
    """Say which jobs it is about: the only one, or how many and the first."""
    ids = sorted({finding.job_id for finding in group if finding.job_id})
    if not ids:
        return f" ({len(group)} times)" if len(group) > 1 else ""
    if full and len(ids) > 1:
        return f" ({count(len(ids), 'job')}: {', '.join(clean(job_id) for job_id in ids)})"
    first = _cut(ids[0], full=full)
    if len(ids) > 1:
        return f" ({count(len(ids), 'job')}, such as {first})"
    example = FINDING_KINDS.get(group[0].kind, UNKNOWN_KIND).shared
    return f" ({'example: ' if example else ''}job {first})"


def _cut(text: str, *, full: bool) -> str:
    return clean(text if full or len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…")
