"""Findings: what was not as documented. Collects them into rows that do not depend on their order."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from inventory.common.exact_json import Json, canonical
from inventory.schema.keys import key_text

__all__ = ["Finding", "Findings"]

EXAMPLES = 50  # job ids that are kept for a shared finding


@dataclass(frozen=True, slots=True)
class Finding:
    """One observation. `path` has no list positions, `detail` nothing that differs between equal observations.

    job_id: the job it is about; an example if many jobs share it (`shared`); '' for the source.
    evidence: path -> original value, masked, for values without a column.
    """

    kind: str
    path: str
    job_id: str
    detail: str
    shared: bool = False
    evidence: tuple[tuple[str, Json], ...] = ()


class Findings:
    """Collects findings. Of shared findings one for each kind and path is kept, with the smallest job id."""

    def __init__(self) -> None:
        self._shared: dict[tuple[str, str], dict[str, Finding]] = {}
        self._single: dict[tuple[str, str, str, str, str], Finding] = {}

    def add(self, findings: Iterable[Finding]) -> None:
        """Add findings; equal ones count once."""
        for finding in findings:
            if finding.shared:
                self._share(finding)
                continue
            extra = canonical(dict(finding.evidence))
            self._single[finding.job_id, finding.kind, finding.path, finding.detail, extra] = finding

    def _share(self, finding: Finding) -> None:
        examples = self._shared.setdefault((finding.kind, finding.path), {})
        known = examples.get(finding.job_id)
        if known is None or finding.detail < known.detail:
            examples[finding.job_id] = finding
        if len(examples) > 2 * EXAMPLES:
            for job_id in sorted(examples)[EXAMPLES:]:
                del examples[job_id]

    def remove(self, job_id: str) -> None:
        """Remove the findings of a job, because a later answer replaces them."""
        for examples in self._shared.values():
            examples.pop(job_id, None)
        for key in [key for key in self._single if key[0] == job_id]:
            del self._single[key]

    def rows(self) -> list[tuple[Any, ...]]:
        """Return rows of `findings` in the order of its columns, sorted."""
        shared = [examples[min(examples)] for examples in self._shared.values() if examples]
        found = [
            (
                key_text(f.job_id),
                f.kind,
                key_text(f.path),
                f.detail,
                canonical(dict(f.evidence)) if f.evidence else None,
            )
            for f in (*shared, *self._single.values())
        ]
        rows: list[tuple[Any, ...]] = []
        for job_id, kind, path, detail, extra in sorted(found, key=lambda row: (*row[:4], row[4] or "")):
            again = bool(rows) and rows[-1][:3] == (job_id, kind, path)
            rows.append((job_id, kind, path, rows[-1][3] + 1 if again else 0, detail, extra))
        return rows
