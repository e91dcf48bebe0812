"""Recomputes the digests of one source, job by job, and reports every difference. Uses no database.

A job's digest shows whether its rows were altered; the row fingerprints stored with it show which row. If the rows and
the stored digest (here: the note) disagree, the snapshots decide which of the two was altered: a snapshot's digest
depends on the rows, not on the notes.
"""

import hashlib
import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from inventory.proof.digest import (
    BATCH,
    RowFingerprint,
    decode_fingerprints,
    job_digest,
    row_fingerprints,
    snapshot_digest,
)
from inventory.schema import BY_NAME, ESTATE, JOB_DIGESTS

__all__ = ["Problem", "SourceCheck", "Version"]

_COUNTED = ("jobs", "added", "changed", "removed", "deselected")
_ESTATE = frozenset(entity.name for entity in ESTATE)


@dataclass(frozen=True, slots=True)
class Version:
    """One stored row of a job, seen by the snapshots at the positions begin <= place < end.

    table: the entity. stored: the table it is stored in. digest: '' if its values cannot have a digest.
    packed: for a row of internal_job_digests, the encoded fingerprints.
    """

    table: str
    stored: str
    key: str
    digest: str
    begin: int
    end: int
    packed: bytes = b""


@dataclass(frozen=True)
class Problem:
    """A difference from what was written: the row, and the first and last snapshot that see it.

    word: altered, missing, added, invalid, dangling, overlapping, unseen or unsigned.
    key: None if the row is unknown. first, last: snapshot ids; None if no snapshot sees the row.
    """

    word: str
    table: str
    key: dict[str, Any] | None
    first: int | None
    last: int | None
    detail: str = ""


@dataclass(frozen=True)
class _Suspicion:
    """The rows of a job and its note disagree between two places: one of them was altered."""

    begin: int
    end: int
    rows: list[tuple[str, str, str, int, int]]  # word, table, key, begin, end
    note: tuple[str, str, str]  # word, table, key


class SourceCheck:
    """Checks one source: call `job` for each of its jobs, sorted by id, then `finish`."""

    def __init__(self, snapshots: list[dict[str, Any]]) -> None:
        """`snapshots`: the source's rows of that table, oldest first."""
        self.snapshots = snapshots
        self.ids = [row["id"] for row in snapshots]
        self.known = frozenset(self.ids)
        self.kept = [row["pruned_at"] is None for row in snapshots]
        self.is_intact = [
            snapshot_digest(row["previous_digest"], row["content_digest"], row) == row["digest"] for row in snapshots
        ]
        self._contents = [hashlib.sha256() for _ in snapshots]
        self._changes: list[Counter[str]] = [Counter() for _ in snapshots]  # since the previous snapshot
        self._suspicions: list[_Suspicion] = []
        self._problems: dict[tuple[str, str, str, str], tuple[int, int]] = {}

    def report(self, word: str, table: str, key: str, begin: int, end: int, detail: str = "") -> None:
        """Add a problem; a known problem is extended to more snapshots."""
        before = self._problems.get((word, table, key, detail), (begin, end))
        self._problems[word, table, key, detail] = min(begin, before[0]), max(end, before[1])

    def places(self, valid_from: int, valid_to: int | None) -> tuple[int, int]:
        """Return the positions of the snapshots that see a row: begin <= place < end."""
        end = len(self.ids) if valid_to is None else bisect_left(self.ids, valid_to)
        return bisect_left(self.ids, valid_from), end

    def job(self, job_id: str, rows: list[Version], notes: list[Version]) -> None:
        """Recompute one job in every snapshot."""
        self._check_versions(sorted((*rows, *notes), key=lambda version: version.begin))
        self._count_changes([row for row in rows if row.table in _ESTATE])
        edges = {place for version in (*rows, *notes) for place in (version.begin, version.end)}
        for begin, end in pairwise(sorted(edges)):
            seen = [place for place in range(begin, end) if self.kept[place]]
            if seen:
                alive = [row for row in rows if row.begin <= begin < row.end]
                digest = job_digest(row.digest for row in alive) if alive else None
                if digest is not None:
                    line = f"{job_id}\t{digest}\n".encode()
                    for place in seen:
                        self._contents[place].update(line)
                noted = [note for note in notes if note.begin <= begin < note.end]
                self._compare(job_id, begin, end, digest, alive, noted)

    def _count_changes(self, rows: list[Version]) -> None:
        """Count for each snapshot if it added, changed or removed the job."""
        spans = [(row.begin, row.end) for row in rows if row.table == "jobs"]
        for place in {place for row in rows for place in (row.begin, row.end)} - {len(self.ids)}:
            was, now = (any(begin <= at < end for begin, end in spans) for at in (place - 1, place))
            if was or now:
                self._changes[place]["changed" if was and now else "added" if now else "removed"] += 1

    def _check_versions(self, versions: list[Version]) -> None:
        last: dict[tuple[str, str], Version] = {}
        for version in versions:
            if version.begin >= version.end:
                continue  # no snapshot sees it; the caller reported its invalid range
            if not any(self.kept[version.begin : version.end]):
                self.report(
                    "unseen",
                    version.stored,
                    version.key,
                    version.begin,
                    version.end,
                    "only pruned ones contain it",
                )
            before = last.setdefault((version.table, version.key), version)
            if before is not version and version.begin < before.end:
                end = min(version.end, before.end)
                self.report("overlapping", version.stored, version.key, version.begin, end, f"with {before.stored}")
            if version.end >= before.end:
                last[version.table, version.key] = version

    def _compare(
        self, job_id: str, begin: int, end: int, digest: str | None, rows: list[Version], notes: list[Version]
    ) -> None:
        """Compare a job with its note, between two places where neither changes."""
        note = next((each for each in notes if each.digest == digest), next(iter(notes), None))
        table, key = (note.stored, note.key) if note else (JOB_DIGESTS.name, json.dumps([job_id]))
        noted = _decoded(note, len(rows))
        if note is not None and note.digest == digest:
            if not _match(noted, rows):
                self.report("altered", table, key, begin, end)
        elif rows or note:
            word = "missing" if note is None else "altered" if rows else "added"
            differing = list(_differing(rows, noted, begin, end))
            self._suspicions.append(_Suspicion(begin, end, differing, (word, table, key)))

    def finish(self) -> list[Problem]:
        """Compare with the snapshots' digests; return all problems, those of snapshots first."""
        rows_found, self._problems = self._problems, {}
        right = self._check_snapshots()
        for key, span in rows_found.items():
            self.report(*key[:3], *span, key[3])
        for each in self._suspicions:
            if any(right[place] for place in range(each.begin, each.end) if self.kept[place]) or not each.rows:
                self.report(*each.note, each.begin, each.end)
            else:
                for row in each.rows:
                    self.report(*row)
        self._report_unexplained(right)
        self._check_counts(right)
        return [self._problem(*key, *span) for key, span in self._problems.items()]

    def _check_snapshots(self) -> list[bool]:
        """Check rows of `snapshots` and the chain; return for which the content is right (True for pruned ones)."""
        right = []
        previous, sound = None, True
        for place, row in enumerate(self.snapshots):
            key, is_intact = json.dumps([row["id"]]), self.is_intact[place]
            content = self._contents[place].hexdigest() if self.kept[place] else row["content_digest"]
            proven = snapshot_digest(row["previous_digest"], content, row) == row["digest"]
            right.append(proven or content == row["content_digest"])
            if not is_intact:
                self.report("altered", "snapshots", key, place, place + 1, "content_digest" if proven else "")
            elif sound and row["previous_digest"] != previous:
                after = f"after {self.ids[place - 1]}" if place else "at the beginning"
                self.report("missing", "snapshots", "", place, place + 1, f"a snapshot {after}, before this one")
            previous, sound = row["digest"], is_intact
        return right

    def _check_counts(self, right: list[bool]) -> None:
        """Compare the counts in a snapshot's row with its rows, if neither was altered."""
        jobs = 0
        for place, row in enumerate(self.snapshots):
            found = self._changes[place]
            jobs += found["added"] - found["removed"]
            sound = self.kept[place] and self.is_intact[place] and right[place]
            if not sound or not all(type(row[name]) is int for name in _COUNTED):
                continue
            wrong = {"jobs": (row["jobs"], jobs)}
            if place == 0 or (self.kept[place - 1] and right[place - 1]):  # otherwise the changes are unknown
                wrong |= {name: (row[name], found[name]) for name in ("added", "changed")}
                wrong["removed or deselected"] = row["removed"] + row["deselected"], found["removed"]
            for name, (stored, counted) in wrong.items():
                if stored != counted:
                    key = json.dumps([row["id"]])
                    self.report("altered", "snapshots", key, place, place + 1, f"{name}: {stored}, the rows: {counted}")

    def _report_unexplained(self, right: list[bool]) -> None:
        """Report snapshots whose content differs although no altered row was found."""
        explained = {
            place
            for (_, table, *_), span in self._problems.items()
            if table != "snapshots" and not table.startswith(JOB_DIGESTS.name)
            for place in range(*span)
        }
        open_places = [p for p, kept in enumerate(self.kept) if kept and not right[p] and p not in explained]
        for first, last in _runs(open_places, [p for p, kept in enumerate(self.kept) if kept]):
            self.report("altered", "snapshots", "", first, last + 1, "the content; the altered row is not known")

    def _problem(self, word: str, table: str, key: str, detail: str, begin: int, end: int) -> Problem:
        seen = self.ids[begin:end]
        return Problem(word, table, _key_of(table, key), seen[0] if seen else None, seen[-1] if seen else None, detail)


def _decoded(note: Version | None, rows: int) -> list[RowFingerprint]:
    """Return a note's fingerprints, at most BATCH more than the job has rows; [] if they cannot be decoded."""
    try:
        return decode_fingerprints(note.packed, rows + BATCH) if note else []
    except ValueError:
        return []


def _match(noted: list[RowFingerprint], rows: list[Version]) -> bool:
    """Return whether the noted fingerprints are those of the rows."""
    fingerprints = row_fingerprints((row.table, row.key, row.digest) for row in rows)
    pairs = zip(noted, fingerprints, strict=False)
    return len(noted) == len(fingerprints) and all(a[0] == b[0] and b[1].startswith(a[1]) for a, b in pairs)


def _differing(
    rows: list[Version], noted: list[RowFingerprint], begin: int, end: int
) -> Iterator[tuple[str, str, str, int, int]]:
    """Yield the rows that differ from the note: word, table, key, begin, end."""
    left = dict(noted)
    others = []
    for row in rows:
        name = f"{row.table}\t{row.key}"
        if name in left and row.digest.startswith(left[name].hex()):
            del left[name]
        else:
            others.append((name, row))
    for name, row in others:
        is_altered = left.pop(name, None) is not None
        yield ("altered", row.stored, row.key, row.begin, row.end) if is_altered else (
            "added", row.stored, row.key, begin, end
        )  # fmt: skip
    for name in sorted(left):
        table, _, key = name.partition("\t")
        yield "missing", table, key, begin, end


def _runs(places: list[int], among: list[int]) -> Iterator[tuple[int, int]]:
    """Yield first and last place of each run of places that are consecutive in `among`."""
    order = {place: at for at, place in enumerate(among)}
    run: list[int] = []
    for place in places:
        if run and order[place] != order[run[-1]] + 1:
            yield run[0], run[-1]
            run = []
        run.append(place)
    if run:
        yield run[0], run[-1]


def _key_of(table: str, key: str) -> dict[str, Any] | None:
    """Return a key in JSON as an object of its columns, as far as it is valid."""
    if not key:
        return None
    entity = {**BY_NAME, JOB_DIGESTS.name: JOB_DIGESTS}.get(table.removesuffix("_history"))
    names: Iterable[str] = entity.key if entity else ("id",)
    try:
        return dict(zip(names, json.loads(key), strict=True))
    except (ValueError, TypeError):
        return {"key": key}
