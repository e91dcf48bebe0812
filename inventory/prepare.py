"""A job made ready to be stored: its rows, the proof of them, and what was odd.

Two ways lead there and give the same (a test holds them together): the short one for a result that is exactly as
documented (`strict`), the long one for whatever comes (`normalise`).
"""

import marshal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from inventory.digest import job_marks, key_of, lines_digest, pack, row_digest, unpack
from inventory.findings import Finding
from inventory.jsontext import DEEPEST, Json, is_empty, read
from inventory.normalise import NormalisedJob, Row, normalise
from inventory.redact import Redactor
from inventory.schema import BY_NAME
from inventory.schema.kinds import stored_time
from inventory.strict import Strict

__all__ = ["Prepared", "Preparer", "joined", "prepare"]

_RESULT = DEEPEST - 2  # levels of nesting inside a result: the answer and its list take two


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that is stored of a job, small enough to wait in numbers.

    digest: of the job; over `digests`, those of its rows, sorted. marks: for `job_digests`. packed: `rows`.
    """

    job_id: str
    digest: str
    digests: tuple[str, ...]
    marks: bytes
    findings: tuple[Finding, ...]
    packed: bytes

    @property
    def rows(self) -> dict[str, list[Row]]:
        """Table -> its rows, each in the order of the entity's columns; times as text, as SQLite holds them."""
        rows: dict[str, list[Row]] = marshal.loads(self.packed)  # noqa: S302  # ours, of this run
        return rows


def prepare(job: NormalisedJob) -> Prepared:
    """Make ready what was normalised."""
    named = [
        (name, key_of(BY_NAME[name], row), row_digest(BY_NAME[name], row))
        for name, rows in job.rows.items()
        for row in rows
    ]
    rows = {name: [_stored(row) for row in rows] for name, rows in job.rows.items()}
    return _prepared(job.job_id, rows, [digest for *_, digest in named], job_marks(named), job.findings)


def joined(parts: Sequence[Prepared]) -> Prepared:
    """Put together what several answers say of one job, each in tables of its own."""
    if len(parts) == 1:
        return parts[0]
    rows = {name: rows for part in parts for name, rows in part.rows.items()}
    digests = [digest for part in parts for digest in part.digests]
    marks = sorted(mark for part in parts for mark in unpack(part.marks))
    return _prepared(parts[0].job_id, rows, digests, marks, [f for part in parts for f in part.findings])


class Preparer:
    """Makes ready what an answer of batch-detail holds. Safe to share between threads."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._strict = Strict(redactor)
        self._split = msgspec.json.Decoder(_Body).decode

    def body(self, content: bytes, ids: Sequence[str]) -> dict[str, Json] | None:
        """Prepare every result of a body.

        Args:
            ids: those that were asked, each once.

        Returns:
            ``{"count", "results"}`` with a `Prepared` for each result; None where the body is anything but the
            documented answer with each result about another one of the ids.
        """
        try:
            body = self._split(content)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        results = []
        for raw in body.results:
            prepared = self._result(bytes(raw), ids)
            if prepared is None:
                return None
            results.append(prepared)
        if len({each.job_id for each in results}) != len(results):
            return None
        return {"count": body.count, "results": results}

    def _result(self, raw: bytes, ids: Sequence[str]) -> Prepared | None:
        short = self._strict.read(raw, ids)
        if short is not None:
            return _prepared(short.job_id, short.rows, short.digests, sorted(short.marks), short.findings)
        try:
            result = read(raw, deepest=_RESULT)
        except ValueError:
            return None
        if not isinstance(result, dict) or (is_empty(result.get("status")) and is_empty(result.get("name"))):
            return None
        job_id = result.get("id")
        if not isinstance(job_id, str) or job_id not in ids:
            return None
        return prepare(normalise(job_id, self._redactor.job(result)))


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    """The documented answer (Table 5)."""

    results: list[msgspec.Raw]
    count: int | str | None = None


def _prepared(
    job_id: str, rows: dict[str, list[Row]], digests: Iterable[str], marks: list[str], findings: Iterable[Finding]
) -> Prepared:
    ordered = sorted(digests)
    return Prepared(job_id, lines_digest(ordered), tuple(ordered), pack(marks), tuple(findings), marshal.dumps(rows))


def _stored(row: Row) -> Row:
    return tuple(stored_time(value) if isinstance(value, datetime) else value for value in row)
