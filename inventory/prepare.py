"""A job made ready to be stored: its rows, the proof of them, and what was odd.

Two ways lead there and give the same (a test holds them together): the short one for a result that is exactly as
documented (`strict`), the long one for whatever comes (`normalise`).
"""

import marshal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from inventory.digest import Part, Proof, job_marks, key_of, part_of, proof_of, row_digest
from inventory.findings import Finding
from inventory.normalise import NormalisedJob, Row
from inventory.schema import BY_NAME
from inventory.schema.kinds import stored_time

__all__ = ["Asked", "Prepared", "Same", "prepare", "prepared"]

Asked = Mapping[str, tuple[bytes, bytes | None]]  # id -> what else the job depends on, what was served before


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that is stored of a job, small enough to wait in numbers.

    parts: what proves its rows. packed: `rows`.
    served: the digest of what was served, where the same again need not be looked at again.
    """

    job_id: str
    parts: tuple[Part, ...]
    findings: tuple[Finding, ...]
    packed: bytes
    served: bytes | None = None

    @property
    def rows(self) -> dict[str, list[Row]]:
        """Table -> its rows, each in the order of the entity's columns; times as text, as SQLite holds them."""
        rows: dict[str, list[Row]] = marshal.loads(self.packed)  # noqa: S302  # ours, of this run
        return rows

    @property
    def proof(self) -> Proof:
        """For `job_digests`."""
        return proof_of(self.parts)

    @property
    def pieces(self) -> Iterable[tuple[str, list[Row]]]:
        """The rows with their table, as many at a time as memory holds."""
        return self.rows.items()

    def joined(self, other: "Prepared") -> "Prepared":
        """Put together with what another answer says of the job, in tables of its own."""
        findings = (*self.findings, *other.findings)
        return prepared(self.job_id, self.rows | other.rows, (*self.parts, *other.parts), findings)


@dataclass(frozen=True, slots=True)
class Same:
    """A job that was served as it was the last time."""

    job_id: str


def prepare(job: NormalisedJob) -> Prepared:
    """Make ready what was normalised."""
    named = [
        (name, key_of(BY_NAME[name], row), row_digest(BY_NAME[name], row))
        for name, rows in job.rows.items()
        for row in rows
    ]
    rows = {name: [_stored(row) for row in rows] for name, rows in job.rows.items()}
    return prepared(job.job_id, rows, [part_of(job_marks(named))], job.findings)


def prepared(
    job_id: str,
    rows: dict[str, list[Row]],
    parts: Iterable[Part],
    findings: Iterable[Finding],
    served: bytes | None = None,
) -> Prepared:
    """Put together what is known of a job."""
    return Prepared(job_id, tuple(parts), tuple(findings), marshal.dumps(rows), served)


def _stored(row: Row) -> Row:
    return tuple(stored_time(value) if isinstance(value, datetime) else value for value in row)
