"""One snapshot to hand over: its tables, the chain up to it, and what is needed to check both without a database.

A line of a table is the very text that the row's digest is over, so whoever has the file needs SHA-256 and
nothing else; `README.txt` inside tells how. `check` does it.
"""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from inventory.common.errors import InventoryError
from inventory.common.exact_json import Json, pretty
from inventory.proof.digest import chain_digest, content_digest, job_digest, row_text, sha256, snapshot_text
from inventory.proof.results import digest_of_texts, result_text
from inventory.proof.signature import VerifyKey
from inventory.report.checks.memory import results_of, runs_of
from inventory.report.checks.verify import found_by
from inventory.schema import ENTITIES
from inventory.schema.dictionary import as_json
from inventory.schema.kinds import rfc3339
from inventory.schema.ledger import SIGNATURES
from inventory.store.reader import SnapshotRow, rows_at

__all__ = ["Checked", "check", "write"]

FORMAT_VERSION = "1.0"
_NOT_WHOLE = (
    zipfile.BadZipFile, zlib.error, KeyError, ValueError, TypeError, AttributeError, EOFError, NotImplementedError,
    RecursionError,
)  # fmt: skip
LONGEST = 64 * 2**20  # bytes of a line, or of the manifest: a small file may unpack to any size
MANIFEST, CHAIN, CHECKS = "manifest.json", "chain.jsonl", "checks.jsonl"
README = """\
One snapshot of an inventory of DRS jobs. To check it, with unzip and SHA-256 alone:

1. Files: manifest.json names the SHA-256 of every other file.
2. Rows: each line of tables/*.jsonl is one row; its digest is the SHA-256 of the line, without the line feed.
3. Jobs: a row belongs to the job that its key names (`job_id`, in jobs `id`; '' is the source's own). A job's digest
   is the SHA-256 over the hex digests of its rows, sorted, a line feed after each.
4. Content: the SHA-256 over lines of job id, tab, job digest, sorted by code point, a line feed after each, is the
   `content_digest` of the last line of chain.jsonl.
5. Chain: in each line of chain.jsonl `digest` is the SHA-256 over three lines, each with a line feed: the `digest` of
   the line before (empty in the first), `content_digest`, and the SHA-256 of the text in `row`.
6. Checks: each line of checks.jsonl, where there is one, is a rule's run on the snapshot. Its `digest` is the SHA-256
   over lines, each with a line feed: 'inventory check run', `previous_digest` (that of the rule's run before; empty
   where it is null), the snapshot's digest, `rule_id`, `rule_digest`, `as_of`, `status`, `reason` (likewise), and the
   SHA-256 of each text in `rows`, sorted.
7. Compare the last digest with one noted elsewhere: whoever made up all of this could make up its digests too. The
   source's name is a label, under no digest.
   A `signature` in manifest.json is Ed25519 over the line 'inventory snapshot DIGEST', with its line feed.

`inventory verify --bundle FILE` does all that. diff.html shows what changed since the snapshot before; dictionary.json
says what each column means.
"""


@dataclass(frozen=True)
class Checked:
    """What checking a bundle came to.

    signed: the id of the key that signed it; None where nobody did. checks: runs of rules that it has.
    """

    source: str
    snapshot: int
    digest: str
    rows: int
    jobs: int
    signed: str | None
    checks: int
    problems: list[str]


def write(connection: Connection, chain: list[SnapshotRow], html: str, out: Path) -> None:
    """Write the bundle of a snapshot; never over an existing file, and wholly or not at all.

    Args:
        chain: the source's rows of `snapshots`, oldest first, up to the one that is bundled.
        html: the page that compares it with the one before.

    Raises:
        InventoryError: the file exists or cannot be written.
    """
    unfinished = out.with_name(f"{out.name}.unfinished")
    try:
        if out.exists():
            raise InventoryError(f"{out} exists already", "It was not changed; name another file")
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as bundle:
            _fill(bundle, connection, chain, html)
        unfinished.replace(out)
    except OSError as error:
        raise InventoryError(f"the bundle {out} cannot be written: {error.strerror}") from None
    finally:
        unfinished.unlink(missing_ok=True)


def _fill(bundle: zipfile.ZipFile, connection: Connection, chain: list[SnapshotRow], html: str) -> None:
    last = chain[-1]
    hashes = {}
    for entity in ENTITIES:
        rows = rows_at(connection, entity, last["source_id"], last["id"])
        lines = sorted(row_text(entity, row) for row in rows)
        hashes[f"tables/{entity.name}.jsonl"] = _put(bundle, f"tables/{entity.name}.jsonl", last, lines)
    hashes[CHAIN] = _put(bundle, CHAIN, last, (json.dumps(_link(row)) for row in chain))
    if checks := [json.dumps(run) for run in _runs(connection, last)]:
        hashes[CHECKS] = _put(bundle, CHECKS, last, checks)
    texts = {"README.txt": README, "dictionary.json": pretty(as_json()), "diff.html": html}
    hashes |= {name: _put(bundle, name, last, text.splitlines()) for name, text in texts.items()}
    manifest = {
        "format_version": FORMAT_VERSION,
        "source": last["source"],
        "snapshot": last["id"],
        "digest": last["digest"],
        "signature": _signature(connection, last["id"]),
        "files": hashes,
    }
    _put(bundle, MANIFEST, last, pretty(manifest).splitlines())


def _runs(connection: Connection, snapshot: SnapshotRow) -> Iterator[dict[str, Json]]:
    """Yield each run of `check` on a snapshot, with what it found."""
    for run_id, run in runs_of(connection, snapshot["source_id"]):
        if run.snapshot_id == snapshot["id"]:
            history = results_of(connection, run.source_id, run.rule_id)
            found = found_by(history, run_id) if run.status == "complete" else {}
            yield {
                "rule_id": run.rule_id, "rule_digest": run.rule_digest, "as_of": rfc3339(run.as_of),
                "status": run.status, "reason": run.reason,
                "digest": run.digest, "previous_digest": run.previous_digest,
                "rows": sorted(result_text(*identity, each.detail) for identity, each in found.items()),
            }  # fmt: skip


def _link(row: SnapshotRow) -> dict[str, Json]:
    text = snapshot_text({name: value for name, value in row.items() if name != "source"})
    return {"digest": row["digest"], "content_digest": row["content_digest"], "row": text}


def _signature(connection: Connection, snapshot_id: int) -> Json:
    found = connection.execute(select(SIGNATURES).where(SIGNATURES.c.snapshot_id == snapshot_id)).mappings().first()
    return {"key_id": found["key_id"], "signature": found["signature"]} if found else None


def _put(bundle: zipfile.ZipFile, name: str, snapshot: SnapshotRow, lines: Iterable[str]) -> str:
    """Write one file, dated as the snapshot so that the same one gives the same bytes; return its SHA-256."""
    when: datetime = (snapshot["observed_to"] or snapshot["finished_at"]).astimezone(UTC)
    info = zipfile.ZipInfo(name, max(when.timetuple()[:6], (1980, 1, 1, 0, 0, 0)))
    info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    total = hashlib.sha256()
    with bundle.open(info, "w", force_zip64=True) as file:
        for line in lines:
            content = line.encode() + b"\n"
            total.update(content)
            file.write(content)
    return total.hexdigest()


def check(file: Path, seals: Sequence[VerifyKey] = ()) -> Checked:
    """Check a bundle by what is in it alone.

    Args:
        seals: the keys of which one must have signed it; none: signatures are not looked at.

    Raises:
        InventoryError: it is no bundle.
    """
    try:
        with zipfile.ZipFile(file) as bundle:
            return _checked(bundle, seals)
    except OSError as error:
        raise InventoryError(f"{file} cannot be read: {error.strerror}") from None
    except _NOT_WHOLE as error:
        raise InventoryError(
            f"{file} is not a complete bundle ({type(error).__name__})", "It may be cut off or altered"
        ) from None


def _checked(bundle: zipfile.ZipFile, seals: Sequence[VerifyKey]) -> Checked:
    with bundle.open(MANIFEST) as file:
        manifest = json.loads(file.read(LONGEST))
    if manifest["format_version"] != FORMAT_VERSION:
        raise ValueError(f"format {manifest['format_version']}")
    problems = [*_altered(bundle, manifest["files"])]
    jobs: dict[str, list[str]] = {}
    for entity in ENTITIES:
        for line in _lines(bundle, f"tables/{entity.name}.jsonl"):
            row = json.loads(line)
            if row["table"] != entity.name:
                problems.append(f"tables/{entity.name}.jsonl has a row of another table")
            jobs.setdefault(row["key"][entity.job_column], []).append(sha256(line))
    last = _end_of_chain(bundle, problems)
    if last["content_digest"] != content_digest((job_id, job_digest(rows)) for job_id, rows in jobs.items()):
        problems.append("the rows are not what the snapshot's content_digest says")
    if (last["digest"], last["id"]) != (manifest["digest"], manifest["snapshot"]):
        problems.append("the manifest names another snapshot than the chain ends in")
    runs = [json.loads(line) for line in _lines(bundle, CHECKS)] if CHECKS in bundle.namelist() else []
    problems += [
        f"the results of the rule {run['rule_id']} are not what its digest says"
        for run in runs
        if run["digest"] != digest_of_texts(run, last["digest"], run["rows"])
    ]
    signature = manifest["signature"]
    if seals and not (signature and any(s.verify(last["digest"], str(signature["signature"])) for s in seals)):
        problems.append(f"it is not signed with the key {' or '.join(seal.key_id for seal in seals)}")
    return Checked(
        source=str(manifest["source"]),
        snapshot=last["id"],
        digest=last["digest"],
        rows=sum(map(len, jobs.values())),
        jobs=sum(1 for _ in _lines(bundle, "tables/jobs.jsonl")),
        signed=str(signature["key_id"]) if signature else None,
        checks=len(runs),
        problems=problems,
    )


def _altered(bundle: zipfile.ZipFile, files: dict[str, str]) -> Iterator[str]:
    for name in sorted({*bundle.namelist()} - {MANIFEST, *files}):
        yield f"{name} is not in the manifest"
    for name, digest in files.items():
        if _hash(bundle, name) != digest:
            yield f"{name} was altered: it is not what the manifest says"


def _end_of_chain(bundle: zipfile.ZipFile, problems: list[str]) -> dict[str, Any]:
    """Walk the chain and return its last link, with the snapshot's id."""
    last: dict[str, Any] = {}
    for link in map(json.loads, _lines(bundle, CHAIN)):
        snapshot = json.loads(link["row"])["key"]["id"]
        if link["digest"] != chain_digest(last.get("digest"), link["content_digest"], link["row"]):
            problems.append(f"the chain does not hold at snapshot {snapshot}")
        last = {**link, "id": snapshot}
    return last


def _hash(bundle: zipfile.ZipFile, name: str) -> str:
    with bundle.open(name) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # it reads, which is enough


def _lines(bundle: zipfile.ZipFile, name: str) -> Iterator[str]:
    with bundle.open(name) as file:
        while line := file.readline(LONGEST + 1):
            if len(line) > LONGEST:
                raise ValueError(f"{name} has a line of more than {LONGEST} bytes")
            yield line.decode().removesuffix("\n")
