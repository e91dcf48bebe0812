"""What was not as documented: gathered on the way, one row for each, whatever the order it was seen in."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from inventory.jsontext import Json, canonical
from inventory.schema.keys import key_text

__all__ = ["Finding", "Findings"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One observation. `path` has no positions, `detail` nothing that changes by itself.

    job_id: the job it is about, or where many jobs share it (`shared`) an example; '' for the source.
    evidence: path -> value as it came, masked; what no column holds.
    """

    kind: str
    path: str
    job_id: str
    detail: str
    shared: bool = False
    evidence: tuple[tuple[str, Json], ...] = ()


class Findings:
    """Gathers findings: of those shared by jobs it keeps one for each kind and path, with the smallest job id."""

    def __init__(self) -> None:
        self._shared: dict[tuple[str, str], Finding] = {}
        self._single: dict[tuple[str, str, str, str, str], Finding] = {}

    def add(self, findings: Iterable[Finding]) -> None:
        """Take findings in; the same one twice is one."""
        for finding in findings:
            if not finding.shared:
                extra = canonical(dict(finding.evidence))
                self._single[finding.job_id, finding.kind, finding.path, finding.detail, extra] = finding
                continue
            known = self._shared.get((finding.kind, finding.path))
            if known is None or (finding.job_id, finding.detail) < (known.job_id, known.detail):
                self._shared[finding.kind, finding.path] = finding

    def rows(self) -> list[tuple[Any, ...]]:
        """Return rows of `findings` in the order of its columns, sorted."""
        found = [
            (
                key_text(f.job_id),
                f.kind,
                key_text(f.path),
                f.detail,
                canonical(dict(f.evidence)) if f.evidence else None,
            )
            for f in (*self._shared.values(), *self._single.values())
        ]
        rows: list[tuple[Any, ...]] = []
        for job_id, kind, path, detail, extra in sorted(found, key=lambda row: (*row[:4], row[4] or "")):
            again = bool(rows) and rows[-1][:3] == (job_id, kind, path)
            rows.append((job_id, kind, path, rows[-1][3] + 1 if again else 0, detail, extra))
        return rows
